// Per-CPU run queues. Real-time threads come first, by priority; fair threads run in the order of their virtual deadlines:
// virtual run time plus the slice that their weight buys. The run queue's lock is held over the switch and
// released by the thread that comes in, so a waker never meets a thread that is half switched out.
#include "kernel/sched/scheduler.h"

#include "kernel/arch/x86_64/fpu.h"
#include "kernel/arch/x86_64/interrupts.h"
#include "kernel/arch/x86_64/program.h"
#include "kernel/lib/string.h"
#include "kernel/mm/address_space.h"
#include "kernel/mm/kernel_stack.h"
#include "kernel/sched/cross_call.h"
#include "kernel/sched/idle.h"
#include "kernel/sched/run_queue.h"
#include "kernel/sync/rcu.h"

namespace linnet {

namespace {

/// Linux's sched_prio_to_weight: nice -20..19, 1.25 a step, 1024 at 0.
constexpr u32 kWeights[40] = {88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916,
                              9548,  7620,  6100,  4904,  3906,  3121,  2501,  1991,  1586,  1277,
                              1024,  820,   655,   526,   423,   335,   272,   215,   172,   137,
                              110,   87,    70,    56,    45,    36,    29,    23,    18,    15};
constexpr u32 kIdlePolicyWeight = 3;

RunQueue boot_queue;

/// A number that its CPU alone counts, and others read.
void count_by_one(u64& n) { __atomic_store_n(&n, n + 1, __ATOMIC_RELAXED); }

} // namespace

void RunQueue::lock_contended() {
    LockSpin spin(this, Rank::RunQueue);
    do {
        while (locked.load(std::memory_order_relaxed)) spin.again();
    } while (locked.exchange(true, std::memory_order_acquire));
}

void enqueue(RunQueue& q, Thread& t, bool at_front) {
    ASSERT(!t.on_queue);
    if (is_realtime(t)) {
        Thread* at = q.realtime.front();
        while (at && (at->rt_priority > t.rt_priority || (!at_front && at->rt_priority == t.rt_priority))) at = q.realtime.next(*at);
        if (at) q.realtime.insert_before(*at, t);
        else q.realtime.push_back(t);
    } else {
        t.virtual_deadline = t.vruntime + (t.weight == 1024 ? kSliceNs : kSliceNs * 1024 / t.weight);
        t.sched_key = t.virtual_deadline;
        while (!q.fair.insert(t)) ++t.sched_key;
    }
    t.on_queue = true;
    // Full barrier: see kick_idle_cpu().
    q.runnable.store(q.runnable.load(std::memory_order_relaxed) + 1, std::memory_order_seq_cst);
}

void dequeue(RunQueue& q, Thread& t) {
    if (is_realtime(t)) q.realtime.remove(t);
    else q.fair.remove(t);
    t.on_queue = false;
    q.runnable.store(q.runnable.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
}

/// Only the CPU itself can set its timer.
void set_slice_timer(RunQueue& q, u64 due_ns) {
    q.slice_armed = true;
    q.slice_due_ns = due_ns;
    if (q.cpu == this_cpu()) {
        start_timer(q.slice_timer, due_ns);
    } else {
        q.slice_wanted.store(true, std::memory_order_relaxed);
        send_ipi(q.cpu, kRescheduleVector);
    }
}

void reschedule_interrupt() {
    // The work bit is set, and the way back tests it; but a timer takes a lock.
    RunQueue& q = *per_cpu().run_queue;
    if (q.slice_wanted.load(std::memory_order_relaxed)) raise_deferred(q.slice_work);
}

namespace {

Thread* pick(RunQueue& q) {
    Thread* t = q.realtime.front();
    if (!t) t = q.fair.first();
    if (t) dequeue(q, *t);
    return t;
}

/// The queue's clock follows the one furthest behind of all that are runnable here; `t` is the one that is not queued.
void advance_clock(RunQueue& q, const Thread& t) {
    if (is_realtime(t) || t.vruntime <= q.min_vruntime) return;
    Thread* first = q.fair.first();
    u64 floor = first && first->vruntime < t.vruntime ? first->vruntime : t.vruntime;
    if (floor > q.min_vruntime) q.min_vruntime = floor;
}

/// Charges the running thread up to now.
void account(RunQueue& q, Thread& t, u64 now) {
    u64 ran = now - t.exec_start_ns;
    // Read by others without the lock (thread_cpu_times): 0 while the two do not fit.
    __atomic_store_n(&t.exec_start_ns, 0, __ATOMIC_RELEASE);
    t.cpu_time_ns.store(t.cpu_time_ns.load(std::memory_order_relaxed) + ran, std::memory_order_relaxed); // one writer: its CPU
    __atomic_store_n(&t.exec_start_ns, now, __ATOMIC_RELEASE);
    t.vruntime += t.weight == 1024 ? ran : ran * 1024 / t.weight;
    advance_clock(q, t);
}

void slice_wanted(DeferredWork& w) {
    RunQueue& q = *container_of(&w, RunQueue, slice_work);
    q.lock();
    if (q.slice_wanted.load(std::memory_order_relaxed)) {
        q.slice_wanted.store(false, std::memory_order_relaxed);
        start_timer(q.slice_timer, q.slice_due_ns);
    }
    q.unlock();
}

void slice_expired(Timer& timer) {
    RunQueue& q = *container_of(&timer, RunQueue, slice_timer);
    q.lock();
    q.slice_armed = false;
    Thread& t = *per_cpu().current;
    if (q.runnable.load(std::memory_order_relaxed)) {
        u64 now = monotonic_ns();
        if (t.policy == SchedPolicy::RoundRobin && now < t.slice_end_ns) {
            set_slice_timer(q, t.slice_end_ns);
        } else if (t.policy != SchedPolicy::Fifo) {
            t.work.fetch_or(kWorkResched, std::memory_order_relaxed);
        }
    }
    q.unlock();
    push_work(q);
}

/// Samples are 3 to 5 ms apart while the CPU is busy, at random distances: a program that works in step with a clock
/// must not be met at the same place each time.
void arm_sample(RunQueue& q, u64 now) {
    q.sample_armed = true;
    const u64 due = now + 3 * kNsPerMs + cpu::rdtsc() * 0x9e3779b97f4a7c15ull % (2 * kNsPerMs);
    q.sample_due_ns.store(due, std::memory_order_relaxed);
    start_timer(q.sample_timer, due);
}

/// Deferred context. An idle CPU is left alone: the next thread to come in arms it again.
void sample_expired(Timer& timer) {
    RunQueue& q = *container_of(&timer, RunQueue, sample_timer);
    q.sample_armed = false;
    q.sample_due_ns.store(0, std::memory_order_relaxed);
    PerCpu& p = per_cpu();
    if (p.current == p.idle) return;
    arm_sample(q, monotonic_ns());
    if (on_cpu_sample && p.current->is_user) on_cpu_sample(*p.current);
}

extern "C" void switch_stacks(Thread* from, Thread* to);
extern "C" void kernel_thread_start();
extern "C" void program_thread_start();

/// The incoming thread's first act: the outgoing one's stack is free, the lock is released. Interrupts are off.
extern "C" void finish_switch() {
    PerCpu& p = per_cpu();
    RunQueue& q = *p.run_queue;
    Thread* prev = q.previous;
    bool dead = prev->state.load(std::memory_order_relaxed) == ThreadState::Dead, moves = q.previous_moves;
    prev->on_cpu.store(false, std::memory_order_release);
    if (moves) [[unlikely]] detach(q, *prev, choose_cpu(*prev, q.cpu));
    q.unlock();
    if (dead) Ref<Thread>::adopt(prev).reset();
    if (moves) [[unlikely]] attach(*prev);
}

void switch_to(PerCpu& p, RunQueue& q, Thread& prev, Thread& next) {
    // With a full barrier before the thread looks at its work: whoever raises some sees on_cpu, or the thread sees the work.
    next.on_cpu.exchange(true, std::memory_order_seq_cst);
    next.cpu.store(p.index, std::memory_order_relaxed);
    q.previous = &prev;
    count_by_one(p.context_switches);
    if (prev.is_user) {
        prev.fs_base = get_fs_base();
        prev.gs_base = get_gs_base();
        fpu_switch_out(prev);
    }
    __atomic_store_n(&p.current, &next, __ATOMIC_RELEASE); // choose_among_cpus() looks from other CPUs
    p.stack_top = next.stack_top;
    p.stack_limit = next.stack_base + 256;
    if (p.deferred_head) next.work.fetch_or(kWorkDeferred, std::memory_order_relaxed);
    if (next.is_user) {
        log_switch(p.call_log, next.tid, std::exchange(next.logged_on, p.index) != p.index);
        if (next.space) activate(next.space); // a thread that exits has left it
        load_fs_base(next.fs_base);
        if (next.gs_base != prev.gs_base || !prev.is_user) load_gs_base(next.gs_base);
        fpu_switch_in(next);
    }
    switch_stacks(&prev, &next);
    finish_switch(); // perhaps on another CPU than the one that this function began on
}

} // namespace

u32 this_cpu() { return per_cpu().index; }

void (*on_cpu_sample)(Thread& t) = nullptr;

void sample_cpu_time(bool in_program) {
    PerCpu& p = per_cpu();
    if (!p.run_queue) return;
    RunQueue& q = *p.run_queue;
    const u64 due = q.sample_due_ns.load(std::memory_order_relaxed);
    if (!due || p.current == p.idle || monotonic_ns() < due) return;
    q.sample_due_ns.store(0, std::memory_order_relaxed); // sample_expired follows
    (in_program ? p.current->user_samples : p.current->system_samples).fetch_add(1, std::memory_order_relaxed);
}

void schedule() {
    assert_may_sleep("schedule");
    PerCpu* p = &per_cpu();
    Thread& prev = *p->current;
    if (p->deferred_head) run_deferred();
    rcu_quiescent();
    cpu::disable_interrupts();
    RunQueue& q = *p->run_queue;
    q.lock();
    u64 now = monotonic_ns();
    prev.work.fetch_and(~u32(kWorkResched), std::memory_order_relaxed);
    q.previous_moves = false;
    if (&prev != p->idle) {
        account(q, prev, now);
        if (prev.state.load(std::memory_order_relaxed) == ThreadState::Running) {
            if (!(prev.affinity >> p->index & 1)) [[unlikely]] {
                q.previous_moves = true;
            } else if (!q.runnable.load(std::memory_order_relaxed)) {
                q.unlock();
                cpu::enable_interrupts();
                return;
            } else {
                // FIFO threads keep their place until they yield, RR threads until their slice is over.
                bool keeps = !prev.yields && (prev.policy == SchedPolicy::Fifo ||
                                              (prev.policy == SchedPolicy::RoundRobin && now < prev.slice_end_ns));
                enqueue(q, prev, keeps);
            }
            ++prev.involuntary_switches;
        } else {
            ++prev.voluntary_switches;
        }
        prev.yields = false;
    }
    Thread* next = pick(q);
    if (!next) next = p->idle;
    if (next->policy == SchedPolicy::RoundRobin && now >= next->slice_end_ns) next->slice_end_ns = now + kRoundRobinSliceNs;
    // Whoever goes on, this thread too, does so for a slice at the most while others wait.
    if (q.runnable.load(std::memory_order_relaxed) && next != p->idle) {
        arm_slice(q);
        if (&prev == p->idle) kick_idle_cpu(q, ~CpuMask(0)); // several came while this CPU woke
    }
    if (next == &prev) {
        q.unlock();
        cpu::enable_interrupts();
        return;
    }
    // Who wakes while `next` runs is placed by this clock: without it, two threads that always wake each other before they sleep
    // would drift apart for good.
    if (next != p->idle) advance_clock(q, *next);
    __atomic_store_n(&prev.exec_start_ns, kNotRunning, __ATOMIC_RELEASE);
    __atomic_store_n(&next->exec_start_ns, now, __ATOMIC_RELEASE);
    if (&prev == p->idle) {
        __atomic_store_n(&p->idle_ns, p->idle_ns + (now - p->idle_since_ns), __ATOMIC_RELAXED);
        if (!q.sample_armed) arm_sample(q, now);
    }
    if (next == p->idle) __atomic_store_n(&p->idle_since_ns, now, __ATOMIC_RELAXED);
    switch_to(*p, q, prev, *next);
    cpu::enable_interrupts();
}

void yield() {
    PerCpu& p = per_cpu();
    RunQueue& q = *p.run_queue;
    q.lock();
    Thread& t = *p.current;
    if (!q.runnable.load(std::memory_order_relaxed)) {
        q.unlock();
        return;
    }
    // Goes behind whoever waits: its deadline becomes the latest.
    u64 now = monotonic_ns();
    account(q, t, now);
    if (Thread* last = q.fair.last(); last && !is_realtime(t) && last->vruntime > t.vruntime) t.vruntime = last->vruntime;
    t.yields = true;
    q.unlock();
    schedule();
}

void cond_resched() {
    Thread& t = *current_thread();
    u32 work = t.work.load(std::memory_order_relaxed);
    if (work & kWorkDeferred) run_deferred();
    if (work & kWorkResched) schedule();
}

bool wake_thread(Thread& t, bool interruptible_only) {
    RunQueue& q = lock_queue_of(t);
    ThreadState s = t.state.load(std::memory_order_relaxed);
    if ((s != ThreadState::Sleeping && s != ThreadState::Uninterruptible) ||
        (interruptible_only && s != ThreadState::Sleeping)) {
        q.unlock();
        return false;
    }
    t.state.store(ThreadState::Running, std::memory_order_relaxed);
    if (!t.on_queue && !t.on_cpu.load(std::memory_order_relaxed)) {
        // A sleeper does not save up time beyond one slice.
        if (!is_realtime(t) && t.vruntime + kSliceNs < q.min_vruntime) t.vruntime = q.min_vruntime - kSliceNs;
        if (u32 target = choose_cpu(t, q.cpu); target != q.cpu) {
            detach(q, t, target);
            q.unlock();
            attach(t);
            return true;
        }
        enqueue_and_tell(q, t);
    }
    q.unlock();
    return true;
}

void start_thread(Thread& t) {
    t.add_ref(); // the running thread's own; dropped when it has left the CPU for good
    RunQueue& mine = *per_cpu().run_queue;
    Thread& self = *current_thread();
    RunQueue& q = lock_queue_of(t); // others may know the thread already, by its number
    // Beside its parent, who is not behind the queue's clock.
    t.vruntime = self.vruntime > mine.min_vruntime ? self.vruntime - mine.min_vruntime : 0;
    t.cpu.store(choose_cpu(t, mine.cpu), std::memory_order_release);
    q.unlock();
    if (t.is_user) t.work.fetch_or(kWorkRseq, std::memory_order_relaxed); // a forked copy of the area names its parent's CPU
    attach(t);
}

namespace {

/// What a thread runs by follows from what it has of its own and what is lent to it. The lock of its queue `q` is held.
void apply_scheduling(RunQueue& q, Thread& t) {
    const bool queued = t.on_queue;
    if (queued) dequeue(q, t);
    const bool was_realtime = is_realtime(t);
    t.policy = t.base_policy;
    t.rt_priority = t.base_rt_priority;
    if (t.lent_priority > t.rt_priority) {
        t.rt_priority = t.lent_priority;
        if (!is_realtime(t)) t.policy = SchedPolicy::Fifo;
    }
    if (is_realtime(t) && !was_realtime) t.slice_end_ns = 0;
    if (queued) {
        enqueue_and_tell(q, t);
    } else if (t.on_cpu.load(std::memory_order_relaxed) && q.runnable.load(std::memory_order_relaxed)) {
        t.work.fetch_or(kWorkResched, std::memory_order_seq_cst); // somebody else may come first now
        if (q.cpu != this_cpu()) send_ipi(q.cpu, kRescheduleVector);
    }
}

} // namespace

void lend_priority(Thread& t, u8 rt_priority) {
    RunQueue& q = lock_queue_of(t);
    if (t.lent_priority != rt_priority) {
        t.lent_priority = rt_priority;
        apply_scheduling(q, t);
    }
    q.unlock();
}

Result<void> set_scheduling(Thread& t, SchedPolicy policy, int nice, int rt_priority) {
    bool rt = policy == SchedPolicy::Fifo || policy == SchedPolicy::RoundRobin;
    if (rt ? rt_priority < 1 || rt_priority > 99 : rt_priority != 0) return EINVAL;
    if (nice < -20) nice = -20;
    if (nice > 19) nice = 19;
    RunQueue& q = lock_queue_of(t);
    t.base_policy = policy;
    t.nice = i8(nice);
    t.base_rt_priority = u8(rt_priority);
    t.weight = policy == SchedPolicy::Idle ? kIdlePolicyWeight : kWeights[nice + 20];
    apply_scheduling(q, t);
    q.unlock();
    return {};
}

Result<void> set_affinity(Thread& t, CpuMask mask) {
    CpuMask online = online_cpus();
    if (!(mask & online)) return EINVAL;
    RunQueue& q = lock_queue_of(t);
    __atomic_store_n(&t.affinity, mask & online, __ATOMIC_RELAXED);
    if (!(t.affinity >> q.cpu & 1)) {
        if (t.on_queue && !t.on_cpu.load(std::memory_order_relaxed)) {
            dequeue(q, t);
            detach(q, t, choose_cpu(t, q.cpu));
            q.unlock();
            attach(t);
            return {};
        }
        if (t.on_cpu.load(std::memory_order_relaxed)) { // it moves when it leaves the CPU: at once
            t.work.fetch_or(kWorkResched, std::memory_order_seq_cst);
            if (q.cpu != this_cpu()) send_ipi(q.cpu, kRescheduleVector);
        }
    }
    q.unlock();
    return {};
}

void exit_current_thread() {
    Thread& t = *current_thread();
    t.state.store(ThreadState::Dead, std::memory_order_relaxed);
    schedule();
    __builtin_unreachable();
}
extern "C" void exit_current_thread_asm() { exit_current_thread(); }

void Thread::raise_work(u32 bits) {
    work.fetch_or(bits, std::memory_order_seq_cst);
    // Seen off its CPU, or on one that it has left meanwhile: it looks at its work before it goes back to its program.
    if (!on_cpu.load(std::memory_order_seq_cst)) return;
    u32 c = cpu.load(std::memory_order_relaxed);
    if (c != this_cpu()) send_ipi(c, kRescheduleVector);
}

Thread::~Thread() {
    if (fpu_state) {
        fpu_forget(*this);
        fpu_free(fpu_state);
    }
    if (stack_base) free_kernel_stack(stack_base);
}

Result<void> prepare_kernel_stack(Thread& t, void (*entry)(void*), void* arg) {
    t.stack_base = TRY(alloc_kernel_stack());
    t.stack_top = t.stack_base + kKernelStackSize;
    u64* sp = reinterpret_cast<u64*>(t.stack_top);
    *--sp = 0; // keeps the alignment that a call gives, and ends the frame chain
    *--sp = reinterpret_cast<u64>(kernel_thread_start);
    *--sp = 0;                                // rbp
    *--sp = reinterpret_cast<u64>(entry);     // rbx
    *--sp = reinterpret_cast<u64>(arg);       // r12
    for (int i = 0; i < 3; ++i) *--sp = 0;    // r13, r14, r15
    t.saved_rsp = reinterpret_cast<u64>(sp);
    return {};
}

void set_program_entry(Thread& t, const TrapFrame& frame) {
    u64* sp = reinterpret_cast<u64*>(t.stack_top - sizeof(TrapFrame));
    memcpy(sp, &frame, sizeof frame);
    *--sp = reinterpret_cast<u64>(program_thread_start);
    for (int i = 0; i < 6; ++i) *--sp = 0;
    t.saved_rsp = reinterpret_cast<u64>(sp);
}

Result<Ref<Thread>> start_kernel_thread(const char* name, void (*entry)(void*), void* arg) {
    auto t = TRY(make_ref<Thread>());
    format(t->name, sizeof t->name, "%s", name);
    TRY(prepare_kernel_stack(*t, entry, arg));
    start_thread(*t);
    return t;
}

void init_scheduler(PerCpu& p, Thread& boot_thread) {
    RunQueue* q = &boot_queue;
    if (p.index) {
        q = static_cast<RunQueue*>(kzalloc(sizeof(RunQueue)));
        if (!q) panic("no memory for CPU %u", p.index);
        new (q) RunQueue;
    }
    q->cpu = p.index;
    q->slice_timer.expired = slice_expired;
    q->slice_timer.cpu = p.index;
    q->slice_work.run = slice_wanted;
    q->sample_timer.expired = sample_expired;
    q->sample_timer.cpu = p.index;
    p.run_queue = q;
    p.current = p.idle = &boot_thread;
    boot_thread.on_cpu.store(true, std::memory_order_relaxed);
    boot_thread.vruntime = 0;
    if (!p.index) rcu_enter_cpu(0); // the others do so themselves, when they have come
}

void idle_loop() {
    PerCpu& p = per_cpu(); // idle threads stay where they are
    RunQueue& q = *p.run_queue;
    const CpuMask me = CpuMask(1) << p.index;
    for (;;) {
        run_deferred();
        // Before the queue is looked at: who queues a thread afterwards finds the bit clear, and sends an interrupt.
        p.idle->work.store(0, std::memory_order_seq_cst);
        if (q.runnable.load(std::memory_order_seq_cst)) {
            schedule();
            continue;
        }
        const bool alone = cpu_count() == 1;
        if (!alone) {
            idle_cpus.fetch_or(me, std::memory_order_seq_cst);
            if (steal_work(p)) {
                idle_cpus.fetch_and(~me, std::memory_order_seq_cst);
                schedule();
                continue;
            }
        }
        cpu::disable_interrupts();
        if (q.runnable.load(std::memory_order_seq_cst) || p.deferred_head) {
            cpu::enable_interrupts();
        } else {
            rcu_idle_begin();
            cpu::wait_for_interrupt();
            rcu_idle_end();
        }
        if (!alone) idle_cpus.fetch_and(~me, std::memory_order_seq_cst);
    }
}

static bool is_idle(const PerCpu& p) { return __atomic_load_n(&p.current, __ATOMIC_RELAXED) == p.idle; }

u64 context_switches() {
    u64 n = 0;
    for (u32 i = 0; i < cpu_count(); ++i) n += __atomic_load_n(&per_cpu(i).context_switches, __ATOMIC_RELAXED);
    return n;
}

u64 idle_time_ns(u32 i) {
    PerCpu& p = per_cpu(i);
    const u64 sum = __atomic_load_n(&p.idle_ns, __ATOMIC_RELAXED), since = __atomic_load_n(&p.idle_since_ns, __ATOMIC_RELAXED);
    return sum + (is_idle(p) ? monotonic_ns() - since : 0);
}

LoadAverages load_averages() {
    // Sampled on reading, with Linux's decay over 1, 5 and 15 minutes.
    static u64 averages[3], last_ns;
    static SpinLock<Rank::MiscSpin> lock;
    SpinGuard g(lock);
    u32 running = 0;
    for (u32 i = 0; i < cpu_count(); ++i)
        running += per_cpu(i).run_queue->runnable.load(std::memory_order_relaxed) + !is_idle(per_cpu(i));
    u64 now = monotonic_ns();
    static constexpr u64 kExp[3] = {1884, 2014, 2037}; // of 2048, each five seconds
    for (u64 steps = (now - last_ns) / (5 * kNsPerSec), i = 0; i < steps && i < 200; ++i, last_ns += 5 * kNsPerSec)
        for (int k = 0; k < 3; ++k) averages[k] = (averages[k] * kExp[k] + running * 1000 * (2048 - kExp[k])) / 2048;
    LoadAverages r{};
    for (int k = 0; k < 3; ++k) r.milli[k] = u32(averages[k]);
    r.runnable = running;
    return r;
}

} // namespace linnet
