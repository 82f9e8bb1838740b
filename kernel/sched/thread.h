// What the scheduler knows of a thread. A program's thread is a Task (kernel/task/task.h), which derives from this.
#pragma once

#include <atomic>

#include "kernel/lib/list.h"
#include "kernel/lib/ref.h"
#include "kernel/lib/tree.h"
#include "kernel/sync/rcu.h"
#include "kernel/sync/spinlock.h"

namespace linnet {

class AddressSpace;
struct TrapFrame;

/// Bits of Thread::work: what must be done before the thread goes back to its program. Tested as one word.
enum ThreadWork : u32 {
    kWorkResched = 1,  // another thread should run
    kWorkSignal = 2,   // a signal is to be delivered (or the thread must die)
    kWorkDeferred = 4, // deferred work of this CPU is waiting
    kWorkRseq = 16,    // the rseq area is to be updated
    kWorkFullReturn = 32, // the frame was replaced (sigreturn, exec): leave by IRET, which restores every register
};

enum class ThreadState : u32 {
    Running,         // on a CPU or on a run queue
    Sleeping,        // interruptible sleep (S)
    Uninterruptible, // D
    Stopped,         // T
    Dead,            // has left the CPU for good (Z, or gone)
};

enum class SchedPolicy : u8 { Normal = 0, Fifo = 1, RoundRobin = 2, Batch = 3, Idle = 5 };

inline constexpr u64 kKernelStackSize = 16 * KiB;

inline constexpr u64 kNotRunning = ~0ull;

/// The CPU set of affinity calls: 64 CPUs.
using CpuMask = u64;

class Thread : public RcuCounted {
  public:
    // Fields at fixed offsets for assembly (static_assert in kernel/arch/x86_64/offsets.cc).
    u64 saved_rsp = 0;              // kernel stack pointer while switched out
    u64 stack_top = 0;              // highest address of the kernel stack
    std::atomic<u32> work{0};       // ThreadWork bits
    u32 fpu_valid = 0;              // extended state area holds the program's state

    u64 stack_base = 0;             // lowest address of the kernel stack
    AddressSpace* space = nullptr;  // lower half; null for kernel threads. Borrowed from the process.
    u32 fpu_cpu = ~0u;              // whose registers it was loaded into last
    void* fpu_state = nullptr;      // XSAVE area, 64-byte aligned; null for kernel threads
    u64 fs_base = 0, gs_base = 0;   // the program's, while switched out

    // --- scheduling; guarded by the run queue's lock of `cpu` unless atomic ---
    std::atomic<ThreadState> state{ThreadState::Running};
    std::atomic<u32> cpu{0};        // the CPU whose run queue it is or was on
    bool on_queue = false;          // in the run queue's tree or list
    std::atomic<bool> on_cpu{false}; // its stack is in use by a CPU
    bool yields = false;            // gives its place among equals up at the next switch
    bool interruptible = false;     // the present sleep ends by a signal
    std::atomic<SchedPolicy> policy{SchedPolicy::Normal}; // what it runs by: base_policy, or a lent priority; also looked at without the lock
    i8 nice = 0;
    std::atomic<u8> rt_priority{0}; // 1..99 for Fifo and RoundRobin
    SchedPolicy base_policy = SchedPolicy::Normal; // as the program has set them
    u8 base_rt_priority = 0;
    u8 lent_priority = 0;           // of who waits for a PI futex that it holds; 0: none
    u32 weight = 1024;              // from nice
    CpuMask affinity = ~0ull;
    u64 vruntime = 0;               // weighted run time, ns; fair threads
    u64 virtual_deadline = 0;       // key of the run queue's tree
    u64 sched_key = 0;              // unique key (deadline made unique)
    TreeNode queue_node;
    ListNode rt_node;
    u64 exec_start_ns = ~0ull;      // when it got the CPU; kNotRunning; 0 while it is added up
    u64 slice_end_ns = 0;
    std::atomic<u64> cpu_time_ns{0};// in all; the program's and the kernel's
    // Samples of where the CPU was in this thread's time: they divide cpu_time_ns into user and system time.
    std::atomic<u64> user_samples{0}, system_samples{0};
    u64 rt_since_ns = 0, rt_switches = 0; // RLIMIT_RTTIME: CPU time and voluntary switches when it last blocked
    u64 voluntary_switches = 0, involuntary_switches = 0;

    char name[16] = {};             // comm; NUL-terminated
    bool is_user = false;           // a Task
    i32 tid = 0;                    // of a program's thread; changed only by exec of one that is not the leader
    u32 logged_on = ~0u;            // the CPU whose CallLog its last call is in

#if LINNET_DEBUG
    struct HeldLock { const void* lock; Rank rank; };
    HeldLock held[16];
    u32 held_count = 0;
    std::atomic<const MutexOwner*> waits_for{nullptr}; // the mutex that it sleeps for
    Rank waits_for_rank{};
#endif

    ~Thread() override;
    /// Raises work bits; from any context and CPU. A thread running elsewhere is told by an IPI.
    void raise_work(u32 bits);
};

/// A new kernel thread, already runnable. ENOMEM.
Result<Ref<Thread>> start_kernel_thread(const char* name, void (*entry)(void*), void* arg);

} // namespace linnet
