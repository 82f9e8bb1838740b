// Filters on a thread's system calls: seccomp(2).
#pragma once

#include <atomic>

#include "kernel/lib/ref.h"
#include "linux-abi/bpf.h"

namespace linnet {

class Task;

enum class SeccompMode : u8 { Disabled, Strict, Filter };

/// What a listener made of a call: it goes on, or RAX gets `value`.
struct SeccompReply {
    bool go_on;
    i64 value;
};

/// Who answers for a filter's SECCOMP_RET_USER_NOTIF (vfs/seccomp_listener.cc).
class SeccompListener : public RefCounted {
  public:
    /// The current thread waits until its call is answered. ENOSYS: the listener's descriptor is closed. A restart: a signal came first.
    virtual Result<SeccompReply> ask(const abi::SeccompData& data) = 0;
    /// No thread has the filter any more. Deferred context too.
    virtual void unused() = 0;
};

/// One program, and those that were there before it. Never changed once a thread has it.
class SeccompFilter : public RefCounted {
  public:
    ~SeccompFilter() override;
    Ref<SeccompFilter> previous;
    Ref<SeccompListener> listener; // or null
    u32 length = 0;
    abi::SockFilter* program = nullptr; // from kmalloc
    u32 count = 1;                      // of the chain
    u32 path_length = 0;                // instructions of the chain, with Linux's 4 for each further filter
};

/// A thread's own, changed by itself, or (SECCOMP_FILTER_FLAG_TSYNC) by another thread of the process, under signal_lock. The thread
/// reads it without: what TSYNC puts in place of a filter holds that filter, and modes only grow.
struct SeccompState {
    std::atomic<SeccompMode> mode{SeccompMode::Disabled};
    Ref<SeccompFilter> filter;
};

/// prctl's and seccomp's strict mode for the current thread. EINVAL: it has filters.
Result<void> seccomp_set_strict();
/// Takes over `filter` (length and program are set, and checked) for the current thread; with `all_threads` for each of its process. The ID
/// of a thread that has other filters, or 0. EINVAL (strict mode), EBUSY (a second listener), ENOMEM (too long in all).
Result<i32> seccomp_add_filter(Ref<SeccompFilter> filter, bool all_threads);
/// What the filters of a thread say together: the value of the gravest action, of the latest filter among equals (`from`; null: none
/// said other than SECCOMP_RET_ALLOW). `t` is the current task.
u32 seccomp_run_filters(const Task& t, const abi::SeccompData& data, const SeccompFilter*& from);
/// clone(2): the child has what its parent has. The parent's process's signal_lock is held, so that TSYNC meets both or none.
void inherit_seccomp(Task& child, const Task& parent);
/// /proc/PID/status's Seccomp_filters.
u32 seccomp_filter_count(Task& t);

} // namespace linnet
