// eventfd(2).
#include "vfs/eventfd.h"
#include "syscall/file_support.h"

namespace linnet {

using namespace abi;

namespace {
Outcome new_eventfd(u32 count, u32 flags) {
    auto f = make_eventfd(count, flags);
    if (!f) return f.error();
    return install_file(std::move(*f), flags);
}
} // namespace

Outcome sys_eventfd(UInt initval) { return new_eventfd(initval, 0); }

Outcome sys_eventfd2(UInt initval, EventfdFlags flags) {
    if (flags.unsupported()) return EINVAL;
    static_assert(EFD_CLOEXEC == O_CLOEXEC && EFD_NONBLOCK == O_NONBLOCK);
    return new_eventfd(initval, static_cast<u32>(flags.bits()));
}

} // namespace linnet
