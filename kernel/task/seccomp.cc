#include "kernel/task/seccomp.h"

#include "kernel/sync/rcu.h"
#include "kernel/task/task.h"

namespace linnet {

namespace {

constexpr u32 kMaxPathLength = 32768; // MAX_INSNS_PER_PATH: all filters of a thread
constexpr u32 kPerFilter = 4;         // counted for each further filter
constexpr u32 kActionFull = 0xffff0000;

/// `of` is `filter`, or one that was there before it; null is before all.
bool is_ancestor(const SeccompFilter* of, const SeccompFilter* filter) {
    if (!of) return true;
    for (; filter; filter = filter->previous.get())
        if (filter == of) return true;
    return false;
}

/// From here on every call of the thread takes the dispatcher's long way.
void put_in_force(Task& t, SeccompMode mode) {
    t.seccomp.mode.store(mode, std::memory_order_release);
    __atomic_store_n(&t.fast_calls, 0u, __ATOMIC_RELEASE);
}

} // namespace

SeccompFilter::~SeccompFilter() {
    kfree(program);
    if (listener) listener->unused();
    // A long chain must not end by recursion.
    Ref<SeccompFilter> p = std::move(previous);
    while (p && p->ref_count() == 1) {
        Ref<SeccompFilter> next = std::move(p->previous);
        p = std::move(next);
    }
}

Result<void> seccomp_set_strict() {
    Task& t = current();
    SpinGuard g(t.process->signal_lock);
    if (t.seccomp.mode.load() == SeccompMode::Filter) return EINVAL;
    put_in_force(t, SeccompMode::Strict);
    return {};
}

Result<i32> seccomp_add_filter(Ref<SeccompFilter> filter, bool all_threads) {
    Task& t = current();
    Process& p = *t.process;
    SpinGuard g(p.signal_lock);
    if (t.seccomp.mode.load() == SeccompMode::Strict) return EINVAL;
    SeccompFilter* old = t.seccomp.filter.get();
    if (filter->listener)
        for (const SeccompFilter* f = old; f; f = f->previous.get())
            if (f->listener) return EBUSY;
    filter->path_length = filter->length + (old ? old->path_length + kPerFilter : 0);
    filter->count = old ? old->count + 1 : 1;
    if (filter->path_length > kMaxPathLength) return ENOMEM;
    if (all_threads) {
        for (ThreadLink& l : p.threads) {
            Task& other = *l.task;
            if (&other == &t || other.exiting) continue;
            const bool fits = other.seccomp.mode.load() != SeccompMode::Strict && is_ancestor(other.seccomp.filter.get(), old);
            if (!fits) return other.tid;
        }
    }
    filter->previous = t.seccomp.filter;
    // What is replaced is held by the new one.
    (void)publish_ref(t.seccomp.filter, Ref<SeccompFilter>(filter));
    put_in_force(t, SeccompMode::Filter);
    if (!all_threads) return 0;
    for (ThreadLink& l : p.threads) {
        Task& other = *l.task;
        if (&other == &t || other.exiting) continue;
        (void)publish_ref(other.seccomp.filter, Ref<SeccompFilter>(filter));
        if (t.no_new_privs) other.no_new_privs = true;
        put_in_force(other, SeccompMode::Filter);
    }
    return 0;
}

u32 seccomp_run_filters(const Task& t, const abi::SeccompData& data, const SeccompFilter*& from) {
    from = nullptr;
    u32 result = 0x7fff0000; // SECCOMP_RET_ALLOW
    for (const SeccompFilter* f = peek_ref(t.seccomp.filter); f; f = f->previous.get()) {
        const u32 r = abi::run_seccomp_program({f->program, f->length}, data);
        if (i32(r & kActionFull) >= i32(result & kActionFull)) continue; // KILL_PROCESS is negative
        result = r;
        from = f;
    }
    return result;
}

void inherit_seccomp(Task& child, const Task& parent) {
    child.no_new_privs = parent.no_new_privs;
    if (parent.seccomp.mode.load(std::memory_order_relaxed) == SeccompMode::Disabled) return;
    child.seccomp.filter = parent.seccomp.filter;
    put_in_force(child, parent.seccomp.mode.load(std::memory_order_relaxed));
}

u32 seccomp_filter_count(Task& t) {
    SpinGuard g(t.process->signal_lock);
    return t.seccomp.filter ? t.seccomp.filter->count : 0;
}

} // namespace linnet
