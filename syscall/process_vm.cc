// Another process's memory: process_vm_readv(2), process_vm_writev(2).
#include "kernel/mm/address_space.h"
#include "kernel/task/process.h"
#include "syscall/file_support.h"
#include "syscall/ptrace_access.h"

namespace linnet {

using namespace abi;

namespace {

Result<size_t> process_vm(i32 pid, u64 local, u64 local_count, u64 remote, u64 remote_count, u64 flags, bool to_remote) {
    if (flags) return EINVAL;
    UserSegments own;
    if (local_count > UIO_MAXIOV || remote_count > UIO_MAXIOV) return EINVAL;
    TRY(own.copy_in(local, local_count));
    IoVector here = own.vector();
    if (!here.remaining()) return size_t{0};
    // The other side's segments are addresses of another space: only lengths are checked here.
    auto* there = static_cast<IoSegment*>(kmalloc((remote_count ? remote_count : 1) * sizeof(IoSegment)));
    auto* buffer = static_cast<char*>(kmalloc(kPageSize));
    auto work = [&]() -> Result<size_t> {
        if (!there || !buffer) return ENOMEM;
        TRY(copy_from_user(there, remote, remote_count * sizeof(IoSegment)));
        for (u64 i = 0; i < remote_count; ++i)
            if (static_cast<i64>(there[i].length) < 0) return EINVAL;
        Ref<Process> target;
        if (Ref<Task> t = find_task(pid)) target = t->process;
        if (!target) return ESRCH;
        TRY(check_may_attach(*target));
        Ref<AddressSpace> space = process_space(*target);
        if (!space) return ESRCH;
        size_t done = 0;
        for (u64 i = 0; i < remote_count && here.remaining(); ++i) {
            u64 at = there[i].base, left = there[i].length;
            while (left && here.remaining()) {
                size_t n = kPageSize - (at & (kPageSize - 1)); // within a page on the other side
                if (n > left) n = left;
                if (n > here.remaining()) n = here.remaining();
                size_t moved;
                if (to_remote) {
                    size_t got = here.copy_in(buffer, n);
                    moved = space->poke(at, buffer, got);
                } else {
                    size_t got = space->peek(at, buffer, n);
                    moved = here.copy_out(buffer, got);
                }
                done += moved;
                if (moved < n) return done ? Result<size_t>(done) : EFAULT;
                at += n;
                left -= n;
            }
        }
        return done;
    };
    auto result = work();
    kfree(buffer);
    kfree(there);
    return result;
}

} // namespace

Outcome sys_process_vm_readv(Pid pid, IovecsIn<2> local_iov, ULong liovcnt, IovecsIn<4> remote_iov, ULong riovcnt, Hex flags) {
    return process_vm(pid, local_iov.address(), liovcnt, remote_iov.address(), riovcnt, flags, false);
}
Outcome sys_process_vm_writev(Pid pid, IovecsIn<2> local_iov, ULong liovcnt, IovecsIn<4> remote_iov, ULong riovcnt, Hex flags) {
    return process_vm(pid, local_iov.address(), liovcnt, remote_iov.address(), riovcnt, flags, true);
}

} // namespace linnet
