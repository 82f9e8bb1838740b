// memfd_create(2).
#include "syscall/file_support.h"
#include "vfs/tmpfs.h"

namespace linnet {

using namespace abi;

Outcome sys_memfd_create(UserString name, MemfdFlags flags) {
    if (flags.unsupported()) return EINVAL; // MFD_HUGETLB among them
    constexpr size_t kMaxName = 249; // NAME_MAX less "memfd:"
    char text[kMaxName + 1];
    auto n = copy_string_from_user(text, name.address(), sizeof text);
    if (!n) return n.error() == ENAMETOOLONG ? EINVAL : n.error();
    auto f = make_memfd({text, *n}, flags.has(MFD_ALLOW_SEALING));
    if (!f) return f.error();
    return install_file(std::move(*f), flags.has(MFD_CLOEXEC) ? O_CLOEXEC : 0);
}

} // namespace linnet
