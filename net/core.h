// The network core's lock, and what is done when it is given back: notifying the device, looped-back packets,
// arming the timer. Thread or deferred context; never in hard interrupts; program memory is never touched under it.
#pragma once

#include "kernel/lib/panic.h"
#include "kernel/sync/spinlock.h"

namespace linnet {

extern SpinLock<Rank::NetCore> net_core_lock;
/// Something was transmitted or a timer is needed since the lock was taken. Guarded by net_core_lock.
extern bool net_core_dirty GUARDED_BY(net_core_lock);
/// From lwIP's callbacks, which clang can't follow: the core lock is held.
inline void mark_net_core_dirty() NO_THREAD_SAFETY {
    ASSERT(net_core_lock.is_held());
    net_core_dirty = true;
}
/// The work of a guard's end. Core lock held.
void net_core_finish() REQUIRES(net_core_lock);

class SCOPED_CAPABILITY NetGuard : NoCopy {
  public:
    NetGuard() ACQUIRE(net_core_lock) { net_core_lock.lock_by_guard(); }
    ~NetGuard() RELEASE() NO_THREAD_SAFETY {
        if (held_) unlock();
    }
    void unlock() RELEASE() NO_THREAD_SAFETY {
        if (net_core_dirty) [[unlikely]] net_core_finish();
        held_ = false;
        net_core_lock.unlock_by_guard();
    }
    void relock() ACQUIRE() NO_THREAD_SAFETY {
        net_core_lock.lock_by_guard();
        held_ = true;
    }

  private:
    bool held_ = true;
};

} // namespace linnet
