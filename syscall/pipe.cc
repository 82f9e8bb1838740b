// pipe(2).
#include "syscall/file_support.h"
#include "vfs/pipe.h"

namespace linnet {

using namespace abi;

namespace {
Outcome new_pipe(u64 address, u32 flags) {
    auto ends = make_pipe(flags);
    if (!ends) return ends.error();
    i32 fds[2];
    TRY(install_files(std::move(ends->reader), std::move(ends->writer), flags, fds));
    if (auto r = copy_to_user(address, fds, sizeof fds); !r) {
        (void)current_files().close(fds[0]);
        (void)current_files().close(fds[1]);
        return r;
    }
    return 0;
}
} // namespace

Outcome sys_pipe(Out<int32_t[2]> pipefd) { return new_pipe(pipefd.address(), 0); }

Outcome sys_pipe2(Out<int32_t[2]> pipefd, PipeFlags flags) {
    if (flags.unsupported()) return EINVAL;
    return new_pipe(pipefd.address(), static_cast<u32>(flags.bits()));
}

} // namespace linnet
