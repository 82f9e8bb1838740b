// execve(2), execveat(2).
#include "kernel/lib/string.h"
#include "kernel/lib/vec.h"
#include "kernel/mm/user.h"
#include "kernel/task/lifecycle.h"
#include "linux-abi/syscalls.h"

namespace linnet {

using namespace abi;

namespace {

constexpr size_t kPathMax = 4096;

Outcome exec_from_user(int dirfd, u64 path, u64 argv, u64 envp, int flags) {
    Vec<char> name;
    TRY(name.resize(kPathMax));
    size_t length = TRY(copy_string_from_user(name.data(), path, kPathMax));
    if (!length && !(flags & AT_EMPTY_PATH)) return ENOENT;
    TRY(exec_program(dirfd, name.data(), StringArray{.user = argv}, StringArray{.user = envp}, flags));
    return Outcome::no_return();
}

} // namespace

Outcome sys_execve(Path path, UserStrings argv, UserStrings envp) {
    return exec_from_user(AT_FDCWD, path.address(), argv.address(), envp.address(), 0);
}

Outcome sys_execveat(DirFd dirfd, Path path, UserStrings argv, UserStrings envp, AtFlags flags) {
    if (!flags.only(u64(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))) return EINVAL;
    return exec_from_user(dirfd, path.address(), argv.address(), envp.address(), flags.value);
}

} // namespace linnet
