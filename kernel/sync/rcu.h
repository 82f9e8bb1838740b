// Read-mostly structures (RCU by quiescent states). Readers walk without a lock and without writing to shared memory; a writer takes
// an object out of sight and disposes of it when every CPU has passed a point at which it can hold no reader any more: a
// switch of threads, a safe point for deferred work, the way back to the program when work is pending, idle.
//
// Kernel code is not preempted, so a reader is any stretch of code without a sleep and without a safe point: no mutex, no
// schedule(), no cond_resched(), no copy from or to the program. RcuReader marks it, costs nothing, and in debug builds checks that.
//
// Rules of a reader: pointers are loaded once, with acquire, from std::atomic; an object that is kept beyond the reader
// needs a reference by try_add_ref(), which fails for one that is already dying. Rules of a writer: an object is complete before the store
// (release) that shows it; it is not changed any more but for atomics; it is freed by rcu_free() or rcu_defer().
#pragma once

#include "kernel/lib/ref.h"
#include "kernel/sync/rcu_core.h"

namespace linnet {

#if LINNET_DEBUG && (defined(LINNET_KERNEL) || LINNET_HOSTED)
void rcu_debug_enter();
void rcu_debug_leave();
/// This CPU is in a reader: nothing may sleep.
bool rcu_debug_reading();
#else
inline void rcu_debug_enter() {}
inline void rcu_debug_leave() {}
#endif

class RcuReader : NoCopy {
  public:
    RcuReader() { rcu_debug_enter(); }
    ~RcuReader() { rcu_debug_leave(); }
};

/// Calls h.run(h) after a grace period, as deferred work (spin locks and wake-ups, no sleep). Any context but hard
/// interrupt; no lock of rank Timers or above held.
void rcu_defer(RcuHead& h, void (*run)(RcuHead&));
/// kfree() after a grace period. The object has ended its life; its first word (a pointer to virtual functions) is overwritten
/// at once, the rest is left alone: the count of a dead RefCounted stays 0, so that try_add_ref() fails. Null is allowed.
void rcu_free(void* memory);
/// Returns when all readers that are there now have ended. Thread context.
void rcu_synchronize();

/// Of the scheduler, idle and interrupts: see rcu.cc.
void rcu_enter_cpu(u32 cpu);
void rcu_idle_begin();
void rcu_idle_end();
void rcu_quiescent();
void rcu_interrupt();
/// Grace periods since boot (/proc/linnet).
u64 rcu_grace_periods();

/// Base of reference-counted classes whose objects readers may meet without a reference: the destructor runs with the last
/// reference as ever, and the memory stays for a grace period, with a count of 0.
class RcuCounted : public RefCounted {
  protected:
    void last_ref() override {
        this->~RcuCounted();
        rcu_free(this);
    }
};

/// A pointer that readers load without a lock; its writers have a lock of their own.
template <class T>
class RcuPointer : NoCopy {
  public:
    RcuPointer() = default;
    explicit RcuPointer(T* p) : p_(p) {}
    T* load() const { return p_.load(std::memory_order_acquire); }
    void store(T* p) { p_.store(p, std::memory_order_release); }
    T* exchange(T* p) { return p_.exchange(p, std::memory_order_acq_rel); }

  private:
    std::atomic<T*> p_{nullptr};
};

/// What a Ref of an object that may be dying points to: for RCU readers. Null once its owner let go.
template <class T>
T* peek_ref(const Ref<T>& r) {
    static_assert(sizeof r == sizeof(T*));
    return __atomic_load_n(reinterpret_cast<T* const*>(&r), __ATOMIC_ACQUIRE);
}

/// A reference to what another task's Ref points to, which that task may replace or drop meanwhile; or null.
template <class T>
Ref<T> share_ref(const Ref<T>& r) {
    static_assert(std::is_base_of_v<RcuCounted, T>);
    RcuReader reader;
    for (;;) {
        T* p = peek_ref(r);
        if (!p) return nullptr;
        if (p->try_add_ref()) return Ref<T>::adopt(p);
    }
}

/// Sets a Ref that others may look at by share_ref(), in one store; the old reference is handed out, to be dropped without locks.
template <class T>
[[nodiscard]] Ref<T> publish_ref(Ref<T>& place, Ref<T> fresh) {
    return Ref<T>::adopt(__atomic_exchange_n(reinterpret_cast<T**>(&place), fresh.release(), __ATOMIC_ACQ_REL));
}

/// Data that readers copy without a lock, and look again if a writer came between. Writers hold a lock of their own.
class SequenceCount : NoCopy {
  public:
    /// The value to give to changed(); odd while a writer is at work.
    u32 begin() const { return value_.load(std::memory_order_acquire); }
    /// True if what was read since begin() may be torn.
    bool changed(u32 since) const {
        std::atomic_thread_fence(std::memory_order_acquire);
        return (since & 1) || value_.load(std::memory_order_relaxed) != since;
    }
    void write_begin() {
        value_.store(value_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        std::atomic_thread_fence(std::memory_order_release);
    }
    void write_end() { value_.store(value_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  private:
    std::atomic<u32> value_{0};
};

} // namespace linnet
