// What two threads share: kcmp(2).
#include "kernel/lib/random.h"
#include "kernel/mm/address_space.h"
#include "kernel/task/lifecycle.h"
#include "syscall/file_support.h"
#include "syscall/gaps.h"
#include "syscall/ptrace_access.h"

namespace linnet {

using namespace abi;

namespace {

/// enum kcmp_type of linux/kcmp.h.
enum KcmpType : int { kFile, kVm, kFiles, kFs, kSighand, kIo, kSysvsem, kEpollTfd, kTypeCount };

/// Two objects in an order that says nothing of where they lie: 0 the same, 1 less, 2 greater.
Outcome compare(const void* a, const void* b) {
    // A secret bijection, chosen at the first call.
    static std::atomic<u64> mask{0}, factor{0};
    for (std::atomic<u64>* secret : {&mask, &factor})
        for (u64 none = 0; !secret->load() && !secret->compare_exchange_strong(none, random_u64() | 1);) none = 0;
    const u64 x = (reinterpret_cast<u64>(a) ^ mask) * factor, y = (reinterpret_cast<u64>(b) ^ mask) * factor;
    return int(x < y) | int(x > y) << 1;
}

/// EBADF
Result<Ref<File>> file_of(Task& t, u64 fd) {
    Ref<FileTableBase> table = share_ref(t.files);
    if (!table || fd > u64(INT32_MAX)) return EBADF;
    Ref<File> f = static_cast<FileTable&>(*table).get(int(fd));
    if (!f) return EBADF;
    return f;
}

} // namespace

/// KCMP_SYSVSEM, KCMP_EPOLL_TFD: EOPNOTSUPP. No thread has an I/O context.
Outcome sys_kcmp(Pid pid1, Pid pid2, Int type, Hex idx1, Hex idx2) {
    Ref<Task> a = find_task(pid1), b = find_task(pid2);
    if (!a || !b) return ESRCH;
    TRY(check_may_attach(*a->process));
    TRY(check_may_attach(*b->process));
    switch (int(type)) {
    case kFile: {
        Ref<File> x = TRY(file_of(*a, idx1)), y = TRY(file_of(*b, idx2));
        return compare(x.get(), y.get());
    }
    case kVm: return compare(process_space(*a->process).get(), process_space(*b->process).get());
    case kFiles: return compare(share_ref(a->files).get(), share_ref(b->files).get());
    case kFs: return compare(share_ref(a->fs).get(), share_ref(b->fs).get());
    case kSighand: {
        auto handlers = [](Task& t) {
            SpinGuard g(t.process->signal_lock);
            return static_cast<const void*>(t.process->handlers.get());
        };
        return compare(handlers(*a), handlers(*b));
    }
    case kIo: return 0;
    case kSysvsem:
    case kEpollTfd: count_gap(GapKind::Value, number::kcmp, 2, u32(type.value), EOPNOTSUPP); return EOPNOTSUPP;
    default: return EINVAL;
    }
}

} // namespace linnet
