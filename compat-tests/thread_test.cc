// Threads: pthreads, raw clone and clone3, futexes, robust lists, rseq, thread-local storage, scheduling.
#include "support.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/resource.h>

namespace {

long futex(int* word, int op, int val, const timespec* timeout = nullptr, int* word2 = nullptr, int val3 = 0) {
    return sys(SYS_futex, word, op, val, timeout, word2, val3);
}
long futex_n(int* word, int op, int val, long val2, int* word2, int val3 = 0) {
    return sys(SYS_futex, word, op, val, val2, word2, val3);
}

struct CloneArgs {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

constexpr int thread_flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                             CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;

// A raw thread that stores 42 in *rdi and exits, without libc: the child has an own stack and no TLS of its own.
long raw_thread(int flags, void* stack_top, int* parent_tid, int* child_tid, int* result) {
    long r = SYS_clone;
    register int* r10 asm("r10") = child_tid;
    register long r8 asm("r8") = 0;
    register int* r12 asm("r12") = result;
    asm volatile("syscall\n"
                 "test %%eax, %%eax\n"
                 "jnz 1f\n"
                 "movl $42, (%%r12)\n"
                 "mov $60, %%eax\n"
                 "xor %%edi, %%edi\n"
                 "syscall\n"
                 "1:"
                 : "+a"(r)
                 : "D"(static_cast<long>(flags)), "S"(stack_top), "d"(parent_tid), "r"(r10), "r"(r8), "r"(r12)
                 : "rcx", "r11", "memory");
    if (r < 0) {
        errno = static_cast<int>(-r);
        return -1;
    }
    return r;
}

volatile sig_atomic_t seen;
void note(int) { seen = seen + 1; }

} // namespace

TEST(pthread_basic, threads_share_memory_and_have_their_own_ids) {
    pid_t tid = 0, pid = 0;
    Thread t([&] {
        tid = static_cast<pid_t>(sys(SYS_gettid));
        pid = getpid();
    });
    t.join();
    EXPECT_EQ(getpid(), pid);
    EXPECT_NE(pid, tid);
}
TEST(pthread_basic, mutex_counts_exactly) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static int counter;
    counter = 0;
    auto work = [] {
        for (int i = 0; i < 5000; i++) {
            pthread_mutex_lock(&lock);
            counter++;
            pthread_mutex_unlock(&lock);
        }
    };
    {
        Thread a(work), b(work), c(work), d(work);
    }
    EXPECT_EQ(20000, counter);
}
TEST(pthread_basic, condition_variable_hands_over) {
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    int turn = 0, rounds = 0;
    auto player = [&](int me) {
        for (int i = 0; i < 200; i++) {
            pthread_mutex_lock(&lock);
            while (turn != me) {
                pthread_cond_wait(&cond, &lock);
            }
            turn = 1 - me;
            rounds++;
            pthread_cond_broadcast(&cond);
            pthread_mutex_unlock(&lock);
        }
    };
    {
        Thread a([&] { player(0); });
        Thread b([&] { player(1); });
    }
    EXPECT_EQ(400, rounds);
}
TEST(pthread_basic, timed_wait_times_out) {
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    pthread_mutex_lock(&lock);
    EXPECT_EQ(ETIMEDOUT, pthread_cond_timedwait(&cond, &lock, &ts));
    pthread_mutex_unlock(&lock);
}
TEST(pthread_basic, thread_local_variables_are_separate) {
    static thread_local int mine = 5;
    mine = 6;
    int other = 0;
    Thread t([&] { other = mine++; });
    t.join();
    EXPECT_EQ(5, other);
    EXPECT_EQ(6, mine);
}
TEST(pthread_basic, barrier_of_eight) {
    pthread_barrier_t b;
    pthread_barrier_init(&b, nullptr, 8);
    int serial = 0;
    auto meet = [&] {
        if (pthread_barrier_wait(&b) == PTHREAD_BARRIER_SERIAL_THREAD) {
            __atomic_fetch_add(&serial, 1, __ATOMIC_RELAXED);
        }
    };
    {
        Thread t1(meet), t2(meet), t3(meet), t4(meet), t5(meet), t6(meet), t7(meet);
        meet();
    }
    pthread_barrier_destroy(&b);
    EXPECT_EQ(1, serial);
}
TEST(pthread_basic, cancellation_ends_a_blocked_read) {
    Pipe p;
    pthread_t id;
    int fd = p.r;
    ASSERT_EQ(0, pthread_create(&id, nullptr, [](void* fd) -> void* {
        char c;
        read(*static_cast<int*>(fd), &c, 1);
        return nullptr;
    }, &fd));
    EXPECT_EQ(0, pthread_cancel(id));
    void* result = nullptr;
    EXPECT_EQ(0, pthread_join(id, &result));
    EXPECT_EQ(PTHREAD_CANCELED, result);
}
TEST(pthread_basic, a_hundred_threads_one_after_another) {
    int sum = 0;
    for (int i = 0; i < 100; i++) {
        Thread t([&] { sum += i; });
    }
    EXPECT_EQ(4950, sum);
}
TEST(pthread_basic, preemption_lets_others_run_beside_a_busy_loop) {
    volatile bool stop = false;
    Thread busy([&] {
        while (!stop) {
        }
    });
    Thread other([&] { stop = true; });
    other.join();
    busy.join();
    EXPECT_TRUE(stop);
}

TEST(sys_clone, thread_clears_and_wakes_its_tid_word) {
    Mapping stack(65536);
    int parent_tid = 0, child_tid = 1, result = 0;
    __atomic_store_n(&child_tid, 1, __ATOMIC_SEQ_CST);
    long tid = raw_thread(thread_flags, stack.data() + stack.size(), &parent_tid, &child_tid, &result);
    ASSERT_GT(tid, 0);
    EXPECT_EQ(tid, parent_tid);
    while (__atomic_load_n(&child_tid, __ATOMIC_SEQ_CST) == 1) {
        futex(&child_tid, FUTEX_WAIT, 1);
    }
    EXPECT_EQ(0, child_tid);
    EXPECT_EQ(42, result);
}
TEST(sys_clone, without_VM_is_a_fork) {
    int value = 1;
    long pid = sys(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        value = 2;
        sys(SYS_exit_group, value);
    }
    EXPECT_EQ(2 << 8, wait_for(static_cast<pid_t>(pid)));
    EXPECT_EQ(1, value);
}
TEST(sys_clone, CLONE_FILES_shares_descriptors) {
    int fd = -1;
    long pid = sys(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        sys(SYS_exit_group, sys(SYS_dup2, 2, 200) == 200 ? 0 : 1);
    }
    EXPECT_EQ(0, wait_for(static_cast<pid_t>(pid)));
    fd = fcntl(200, F_GETFD);
    EXPECT_NE(-1, fd);
    close(200);
}
TEST(sys_clone, CLONE_FS_shares_the_working_directory) {
    EXPECT_CHILD_OK([] {
        TempDir d;
        long pid = sys(SYS_clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0);
        if (pid == 0) {
            sys(SYS_exit_group, chdir(d.path()));
        }
        CHECK(wait_for(static_cast<pid_t>(pid)) == 0);
        char cwd[256];
        CHECK(getcwd(cwd, sizeof(cwd)) != nullptr);
        bool same = strcmp(cwd, d.path()) == 0;
        chdir("/");
        remove_tree(d.path());
        CHECK(same);
        return 0;
    });
}
TEST(sys_clone, EINVAL_on_flags_that_do_not_go_together) {
    EXPECT_ERRNO(raw_thread(CLONE_THREAD, nullptr, nullptr, nullptr, nullptr), EINVAL);
    EXPECT_ERRNO(raw_thread(CLONE_SIGHAND, nullptr, nullptr, nullptr, nullptr), EINVAL);
    EXPECT_ERRNO(raw_thread(CLONE_FS | CLONE_NEWNS, nullptr, nullptr, nullptr, nullptr), EINVAL);
}
TEST(sys_clone3, forks) {
    CloneArgs a{};
    a.exit_signal = SIGCHLD;
    long pid = sys(SYS_clone3, &a, sizeof(a));
    if (pid == 0) {
        sys(SYS_exit_group, 3);
    }
    ASSERT_GT(pid, 0);
    EXPECT_EQ(3 << 8, wait_for(static_cast<pid_t>(pid)));
}
TEST(sys_clone3, EINVAL_on_short_size_and_unknown_flag) {
    CloneArgs a{};
    EXPECT_ERRNO(sys(SYS_clone3, &a, 8ul), EINVAL);
    a.flags = 1ull << 60;
    EXPECT_ERRNO(sys(SYS_clone3, &a, sizeof(a)), EINVAL);
}
TEST(sys_clone3, EINVAL_on_stack_without_size) {
    CloneArgs a{};
    char stack[64];
    a.stack = reinterpret_cast<uint64_t>(stack);
    a.exit_signal = SIGCHLD;
    EXPECT_ERRNO(sys(SYS_clone3, &a, sizeof(a)), EINVAL);
}
TEST(sys_clone3, E2BIG_on_large_size_with_content) {
    char buf[256];
    memset(buf, 1, sizeof(buf));
    EXPECT_ERRNO(sys(SYS_clone3, buf, 256ul), E2BIG);
}
TEST(sys_clone3, EFAULT_on_bad_pointer) { EXPECT_ERRNO(sys(SYS_clone3, unmapped_address, 88ul), EFAULT); }
TEST(sys_set_tid_address, gives_the_thread_id) {
    EXPECT_CHILD_OK([] {
        static int word;
        CHECK(sys(SYS_set_tid_address, &word) == sys(SYS_gettid));
        return 0;
    });
}
TEST(sys_gettid, of_the_main_thread_is_the_pid) {
    EXPECT_CHILD_OK([] {
        CHECK(sys(SYS_gettid) == getpid());
        return 0;
    });
}
TEST(sys_exit, of_a_thread_leaves_the_process) {
    Thread t([] { pthread_exit(nullptr); });
    t.join();
    EXPECT_GT(getpid(), 0);
}
TEST(sys_exit, of_the_main_thread_lets_the_others_finish) {
    int status = run_in_child([] {
        static Pipe p;
        pthread_t id;
        pthread_create(&id, nullptr, [](void*) -> void* {
            char c;
            read(p.r, &c, 1);
            _exit(23);
        }, nullptr);
        write(p.w, "x", 1);
        sys(SYS_exit, 5);
        return 0;
    });
    EXPECT_EQ(23 << 8, status);
}
TEST(sys_exit_group, ends_all_threads) {
    int status = run_in_child([] {
        pthread_t id;
        pthread_create(&id, nullptr, [](void*) -> void* {
            for (;;) {
                pause();
            }
        }, nullptr);
        sys(SYS_exit_group, 77);
        return 0;
    });
    EXPECT_EQ(77 << 8, status);
}
TEST(sys_exit_group, from_another_thread_while_main_is_blocked) {
    int status = run_in_child([] {
        Thread t([] { sys(SYS_exit_group, 12); });
        for (;;) {
            pause();
        }
        return 0;
    });
    EXPECT_EQ(12 << 8, status);
}

TEST(sys_futex, WAKE_without_waiters_is_zero) {
    int word = 0;
    EXPECT_EQ(0, futex(&word, FUTEX_WAKE, 1));
    EXPECT_EQ(0, futex(&word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX));
}
TEST(sys_futex, EAGAIN_when_the_value_differs) {
    int word = 5;
    EXPECT_ERRNO(futex(&word, FUTEX_WAIT_PRIVATE, 4), EAGAIN);
}
TEST(sys_futex, WAIT_is_woken) {
    int word = 0, done = 0;
    Thread t([&] {
        while (__atomic_load_n(&word, __ATOMIC_ACQUIRE) == 0) {
            futex(&word, FUTEX_WAIT_PRIVATE, 0);
        }
        done = 1;
    });
    __atomic_store_n(&word, 1, __ATOMIC_RELEASE);
    futex(&word, FUTEX_WAKE_PRIVATE, 1);
    t.join();
    EXPECT_EQ(1, done);
}
TEST(sys_futex, WAKE_counts_and_limits) {
    static int word;
    word = 0;
    static int woken;
    woken = 0;
    auto wait = [] {
        futex(&word, FUTEX_WAIT_PRIVATE, 0);
        __atomic_fetch_add(&woken, 1, __ATOMIC_RELAXED);
    };
    Thread a(wait), b(wait), c(wait);
    int total = 0;
    wait_until([&] {
        long n = futex(&word, FUTEX_WAKE_PRIVATE, 1);
        EXPECT_LE(n, 1);
        total += n;
        return total == 3;
    });
    a.join();
    b.join();
    c.join();
    EXPECT_EQ(3, woken);
}
TEST(sys_futex, ETIMEDOUT_after_a_relative_time) {
    int word = 0;
    timespec ts{0, 2000000};
    uint64_t start = now_ns();
    EXPECT_ERRNO(futex(&word, FUTEX_WAIT_PRIVATE, 0, &ts), ETIMEDOUT);
    EXPECT_GE(now_ns() - start, 2000000u);
}
TEST(sys_futex, ETIMEDOUT_of_BITSET_at_an_absolute_time) {
    int word = 0;
    uint64_t until = now_ns() + 2000000;
    timespec ts{static_cast<time_t>(until / 1000000000), static_cast<long>(until % 1000000000)};
    EXPECT_ERRNO(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, &ts, nullptr, -1), ETIMEDOUT);
    EXPECT_GE(now_ns(), until);
    timespec past{1, 0};
    EXPECT_ERRNO(futex(&word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &past, nullptr, -1), ETIMEDOUT);
}
TEST(sys_futex, WAKE_BITSET_wakes_only_matching_waiters) {
    static int word;
    word = 0;
    int a_awake = 0, b_awake = 0;
    Thread a([&] {
        futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, nullptr, nullptr, 1);
        a_awake = 1;
    });
    Thread b([&] {
        futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, nullptr, nullptr, 2);
        b_awake = 1;
    });
    wait_until([&] { return futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 9, nullptr, nullptr, 2) == 1; });
    b.join();
    EXPECT_EQ(0, a_awake);
    wait_until([&] { return futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 9, nullptr, nullptr, 1) == 1; });
    a.join();
    EXPECT_EQ(1, a_awake & b_awake);
}
TEST(sys_futex, CMP_REQUEUE_moves_waiters) {
    static int one, two;
    one = two = 0;
    auto wait = [] { futex(&one, FUTEX_WAIT_PRIVATE, 0); };
    Thread a(wait), b(wait);
    int moved = 0;
    wait_until([&] {
        long n = futex_n(&one, FUTEX_CMP_REQUEUE_PRIVATE, 0, INT_MAX, &two, 0);
        moved += n;
        return moved == 2;
    });
    EXPECT_EQ(0, futex(&one, FUTEX_WAKE_PRIVATE, 9));
    EXPECT_EQ(2, futex(&two, FUTEX_WAKE_PRIVATE, 9));
}
TEST(sys_futex, EAGAIN_of_CMP_REQUEUE_when_the_value_differs) {
    int one = 1, two = 0;
    EXPECT_ERRNO(futex_n(&one, FUTEX_CMP_REQUEUE_PRIVATE, 1, 1, &two, 0), EAGAIN);
}
TEST(sys_futex, WAKE_OP_changes_the_second_word) {
    int one = 0, two = 7;
    // two += 3; wake waiters of two if it was > 5
    EXPECT_EQ(0, futex_n(&one, FUTEX_WAKE_OP_PRIVATE, 1, 1, &two, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_GT, 5)));
    EXPECT_EQ(10, two);
}
TEST(sys_futex, shared_futex_works_between_processes) {
    Mapping m(4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
    int* word = reinterpret_cast<int*>(m.data());
    pid_t child = start_child([&] {
        while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == 0) {
            futex(word, FUTEX_WAIT, 0);
        }
        return 0;
    });
    __atomic_store_n(word, 1, __ATOMIC_RELEASE);
    futex(word, FUTEX_WAKE, 1);
    EXPECT_EQ(0, wait_for(child));
}
TEST(sys_futex, shared_futex_in_two_mappings_of_one_file) {
    Fd fd(memfd());
    ftruncate(fd, 4096);
    Mapping a(4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd), b(4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    int* wa = reinterpret_cast<int*>(a.data());
    int* wb = reinterpret_cast<int*>(b.data());
    Thread t([&] { futex(wa, FUTEX_WAIT, 0); });
    wait_until([&] { return futex(wb, FUTEX_WAKE, 1) == 1; });
}
TEST(sys_futex, EINTR_by_a_signal) {
    int word = 0;
    RepeatedAlarm alarm;
    EXPECT_ERRNO(futex(&word, FUTEX_WAIT_PRIVATE, 0), EINTR);
}
TEST(sys_futex, EINVAL_on_misaligned_word_bad_time_and_empty_bitset) {
    alignas(8) char buf[8] = {};
    EXPECT_ERRNO(futex(reinterpret_cast<int*>(buf + 1), FUTEX_WAIT_PRIVATE, 0), EINVAL);
    int word = 0;
    timespec ts{0, 1000000000};
    EXPECT_ERRNO(futex(&word, FUTEX_WAIT_PRIVATE, 0, &ts), EINVAL);
    EXPECT_ERRNO(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, nullptr, nullptr, 0), EINVAL);
}
TEST(sys_futex, EFAULT_on_bad_word) {
    EXPECT_ERRNO(futex(static_cast<int*>(unmapped_address), FUTEX_WAIT, 0), EFAULT);
    EXPECT_ERRNO(futex(static_cast<int*>(kernel_address), FUTEX_WAIT_PRIVATE, 0), EFAULT);
}
TEST(sys_futex, ENOSYS_on_unknown_operation) {
    int word = 0;
    EXPECT_ERRNO(futex(&word, 100, 0), ENOSYS);
}
TEST(sys_set_robust_list, dead_owner_is_marked_and_a_waiter_woken) {
    Mapping m(4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
    struct Node {
        Node* next;
        int word;
    };
    struct Head {
        Node* first;
        long offset;
        Node* pending;
    };
    auto* node = reinterpret_cast<Node*>(m.data());
    pid_t child = start_child([&] {
        static Head head;
        head.first = node;
        head.offset = offsetof(Node, word);
        node->next = reinterpret_cast<Node*>(&head);
        node->word = static_cast<int>(sys(SYS_gettid)) | static_cast<int>(FUTEX_WAITERS);
        CHECK(sys(SYS_set_robust_list, &head, sizeof(head)) == 0);
        sys(SYS_exit_group, 0);
        return 0;
    });
    wait_for(child);
    EXPECT_TRUE(static_cast<unsigned>(node->word) & FUTEX_OWNER_DIED);
    EXPECT_EQ(0u, static_cast<unsigned>(node->word) & FUTEX_TID_MASK);
}
TEST(sys_set_robust_list, EINVAL_on_bad_size) {
    char head[64];
    EXPECT_ERRNO(sys(SYS_set_robust_list, head, 8ul), EINVAL);
}
TEST(sys_get_robust_list, gives_what_was_set) {
    EXPECT_CHILD_OK([] {
        static char head[24];
        CHECK(sys(SYS_set_robust_list, head, 24ul) == 0);
        void* p = nullptr;
        size_t size = 0;
        CHECK(sys(SYS_get_robust_list, 0, &p, &size) == 0);
        CHECK(p == head && size == 24);
        sys(SYS_exit_group, 0);
        return 0;
    });
}
TEST(sys_get_robust_list, ESRCH_on_missing_thread) {
    void* p;
    size_t size;
    EXPECT_ERRNO(sys(SYS_get_robust_list, 0x3fffffff, &p, &size), ESRCH);
}
TEST(pthread_mutex, robust_mutex_gives_EOWNERDEAD) {
    static pthread_mutex_t m;
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&m, &attr);
    Thread t([] { pthread_mutex_lock(&m); });
    t.join();
    EXPECT_EQ(EOWNERDEAD, pthread_mutex_lock(&m));
    EXPECT_EQ(0, pthread_mutex_consistent(&m));
    EXPECT_EQ(0, pthread_mutex_unlock(&m));
}
TEST(pthread_mutex, process_shared_mutex_excludes_a_child) {
    Mapping m(4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
    auto* lock = reinterpret_cast<pthread_mutex_t*>(m.data());
    volatile int* counter = reinterpret_cast<int*>(m.data() + 1024);
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(lock, &attr);
    auto work = [&] {
        for (int i = 0; i < 2000; i++) {
            pthread_mutex_lock(lock);
            *counter = *counter + 1;
            pthread_mutex_unlock(lock);
        }
        return 0;
    };
    pid_t child = start_child(work);
    work();
    EXPECT_EQ(0, wait_for(child));
    EXPECT_EQ(4000, *counter);
}
TEST(sys_rseq, EINVAL_on_misaligned_area) {
    // A kernel without rseq answers ENOSYS to everything; libc copes with that.
    static char area[96] __attribute__((aligned(32)));
    long r = sys(SYS_rseq, area + 1, 32u, 0, 0u);
    EXPECT_EQ(-1, r);
    EXPECT_TRUE(errno == EINVAL || errno == ENOSYS) << errno;
}
TEST(sys_arch_prctl, FS_base_is_thread_pointer) {
    unsigned long fs = 0;
    ASSERT_OK(sys(SYS_arch_prctl, 0x1003, &fs));
    unsigned long self;
    asm("mov %%fs:0, %0" : "=r"(self));
    EXPECT_EQ(self, fs);
}
TEST(sys_arch_prctl, GS_base_can_be_set_and_used) {
    EXPECT_CHILD_OK([] {
        static unsigned long cell[2] = {111, 222};
        CHECK(sys(SYS_arch_prctl, 0x1001, cell) == 0);
        unsigned long v = 0, gs = 0;
        asm volatile("mov %%gs:8, %0" : "=r"(v));
        CHECK(v == 222);
        sys(SYS_sched_yield);
        asm volatile("mov %%gs:0, %0" : "=r"(v));
        CHECK(v == 111);
        CHECK(sys(SYS_arch_prctl, 0x1004, &gs) == 0);
        CHECK(gs == reinterpret_cast<unsigned long>(cell));
        return 0;
    });
}
TEST(sys_arch_prctl, EINVAL_on_unknown_code) { EXPECT_ERRNO(sys(SYS_arch_prctl, 0x9999, 0), EINVAL); }
TEST(sys_arch_prctl, EPERM_on_kernel_address) { EXPECT_ERRNO(sys(SYS_arch_prctl, 0x1001, kernel_address), EPERM); }

TEST(sys_sched_yield, returns_zero) { EXPECT_EQ(0, sched_yield()); }
TEST(sys_sched_getaffinity, has_at_least_this_cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    EXPECT_EQ(0, sched_getaffinity(0, sizeof(set), &set));
    EXPECT_GE(CPU_COUNT(&set), 1);
    unsigned cpu = ~0u;
    ASSERT_OK(sys(SYS_getcpu, &cpu, nullptr, nullptr));
    EXPECT_TRUE(CPU_ISSET(cpu, &set));
}
TEST(sys_sched_getaffinity, EINVAL_on_small_or_odd_size) {
    char buf[16];
    EXPECT_ERRNO(sys(SYS_sched_getaffinity, 0, 0ul, buf), EINVAL);
    EXPECT_ERRNO(sys(SYS_sched_getaffinity, 0, 9ul, buf), EINVAL);
}
TEST(sys_sched_getaffinity, ESRCH_on_missing_thread) {
    cpu_set_t set;
    EXPECT_ERRNO(sys(SYS_sched_getaffinity, 0x3fffffff, sizeof(set), &set), ESRCH);
}
TEST(sys_sched_setaffinity, pins_to_one_cpu) {
    EXPECT_CHILD_OK([] {
        cpu_set_t all, one;
        CHECK(sched_getaffinity(0, sizeof(all), &all) == 0);
        int cpu = 0;
        while (!CPU_ISSET(cpu, &all)) {
            cpu++;
        }
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        CHECK(sched_setaffinity(0, sizeof(one), &one) == 0);
        CHECK(sched_getcpu() == cpu);
        cpu_set_t now;
        CHECK(sched_getaffinity(0, sizeof(now), &now) == 0);
        CHECK(CPU_COUNT(&now) == 1);
        return 0;
    });
}
TEST(sys_sched_setaffinity, EINVAL_on_empty_set) {
    cpu_set_t none;
    CPU_ZERO(&none);
    EXPECT_ERRNO(sched_setaffinity(0, sizeof(none), &none), EINVAL);
}
TEST(sys_sched_setaffinity, EFAULT_on_bad_pointer) {
    EXPECT_ERRNO(sys(SYS_sched_setaffinity, 0, 8ul, unmapped_address), EFAULT);
}
TEST(sys_getcpu, gives_cpu_and_node) {
    unsigned cpu = ~0u, node = ~0u;
    EXPECT_OK(sys(SYS_getcpu, &cpu, &node, nullptr));
    EXPECT_LT(cpu, 4096u);
    EXPECT_LT(node, 4096u);
}
TEST(sys_getcpu, EFAULT_on_bad_pointer) { EXPECT_ERRNO(sys(SYS_getcpu, unmapped_address, nullptr, nullptr), EFAULT); }
TEST(sys_sched_getscheduler, is_SCHED_OTHER) { EXPECT_EQ(SCHED_OTHER, sys(SYS_sched_getscheduler, 0)); }
TEST(sys_sched_getscheduler, ESRCH_on_missing_thread) { EXPECT_ERRNO(sys(SYS_sched_getscheduler, 0x3fffffff), ESRCH); }
TEST(sys_sched_setscheduler, BATCH_is_kept) {
    EXPECT_CHILD_OK([] {
        sched_param p{};
        CHECK(sys(SYS_sched_setscheduler, 0, SCHED_BATCH, &p) == 0);
        CHECK(sys(SYS_sched_getscheduler, 0) == SCHED_BATCH);
        return 0;
    });
}
TEST(sys_sched_setscheduler, EINVAL_on_bad_policy_and_priority) {
    sched_param p{};
    EXPECT_ERRNO(sys(SYS_sched_setscheduler, 0, 99, &p), EINVAL);
    p.sched_priority = 5;
    EXPECT_ERRNO(sys(SYS_sched_setscheduler, 0, SCHED_OTHER, &p), EINVAL);
}
TEST(sys_sched_getattr, tells_policy_and_nice) {
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } a{};
    ASSERT_OK(sys(SYS_sched_getattr, 0, &a, 48u, 0u));
    EXPECT_EQ(static_cast<uint32_t>(SCHED_OTHER), a.policy);
    EXPECT_GE(a.size, 48u);
}
TEST(sys_sched_getattr, EINVAL_on_small_size) {
    char a[64];
    EXPECT_ERRNO(sys(SYS_sched_getattr, 0, a, 8u, 0u), EINVAL);
}
TEST(sys_sched_setattr, sets_nice) {
    EXPECT_CHILD_OK([] {
        alignas(8) unsigned char a[48] = {48};
        a[16] = 7; // sched_nice
        CHECK(sys(SYS_sched_setattr, 0, a, 0u) == 0);
        CHECK(getpriority(PRIO_PROCESS, 0) == 7);
        return 0;
    });
}
TEST(sys_sched_setattr, EINVAL_on_null_and_bad_policy) {
    alignas(8) unsigned char a[48] = {48, 0, 0, 0, 99};
    EXPECT_ERRNO(sys(SYS_sched_setattr, 0, nullptr, 0u), EINVAL);
    EXPECT_ERRNO(sys(SYS_sched_setattr, 0, a, 0u), EINVAL);
}
TEST(sys_sched_getparam, priority_is_zero) {
    sched_param p{};
    p.sched_priority = 9;
    EXPECT_OK(sys(SYS_sched_getparam, 0, &p));
    EXPECT_EQ(0, p.sched_priority);
}
TEST(sys_sched_getparam, EINVAL_on_null) { EXPECT_ERRNO(sys(SYS_sched_getparam, 0, nullptr), EINVAL); }
TEST(sys_sched_setparam, zero_is_accepted) {
    sched_param p{};
    EXPECT_OK(sys(SYS_sched_setparam, 0, &p));
}
TEST(sys_sched_setparam, EINVAL_on_priority_of_SCHED_OTHER) {
    sched_param p{};
    p.sched_priority = 3;
    EXPECT_ERRNO(sys(SYS_sched_setparam, 0, &p), EINVAL);
}
TEST(sys_sched_get_priority_max, of_each_policy) {
    EXPECT_EQ(99, sched_get_priority_max(SCHED_FIFO));
    EXPECT_EQ(0, sched_get_priority_max(SCHED_OTHER));
}
TEST(sys_sched_get_priority_max, EINVAL_on_bad_policy) { EXPECT_ERRNO(sched_get_priority_max(77), EINVAL); }
TEST(sys_sched_get_priority_min, of_each_policy) {
    EXPECT_EQ(1, sched_get_priority_min(SCHED_FIFO));
    EXPECT_EQ(0, sched_get_priority_min(SCHED_OTHER));
}
TEST(sys_sched_get_priority_min, EINVAL_on_bad_policy) { EXPECT_ERRNO(sched_get_priority_min(77), EINVAL); }
TEST(sys_sched_rr_get_interval, answers) {
    timespec ts{-1, -1};
    EXPECT_OK(sys(SYS_sched_rr_get_interval, 0, &ts));
    EXPECT_GE(ts.tv_sec, 0);
}
TEST(sys_sched_rr_get_interval, EINVAL_on_negative_pid) {
    timespec ts;
    EXPECT_ERRNO(sys(SYS_sched_rr_get_interval, -1, &ts), EINVAL);
}
TEST(sys_getpriority, is_twenty_less_nice) {
    EXPECT_CHILD_OK([] {
        CHECK(setpriority(PRIO_PROCESS, 0, 5) == 0);
        CHECK(sys(SYS_getpriority, PRIO_PROCESS, 0) == 15);
        return 0;
    });
}
TEST(sys_getpriority, ESRCH_on_missing_process) { EXPECT_ERRNO(getpriority(PRIO_PROCESS, 0x3fffffff), ESRCH); }
TEST(sys_getpriority, EINVAL_on_bad_kind) { EXPECT_ERRNO(sys(SYS_getpriority, 9, 0), EINVAL); }
TEST(sys_setpriority, is_clamped) {
    EXPECT_CHILD_OK([] {
        CHECK(setpriority(PRIO_PROCESS, 0, 100) == 0);
        CHECK(getpriority(PRIO_PROCESS, 0) == 19);
        return 0;
    });
}
TEST(sys_setpriority, EACCES_for_a_plain_user_who_wants_more) {
    EXPECT_CHILD_OK([] {
        CHECK(setresuid(1000, 1000, 1000) == 0);
        CHECK_ERRNO(setpriority(PRIO_PROCESS, 0, -5), EACCES);
        return 0;
    });
}
TEST(thread_signal, mask_is_inherited_by_a_new_thread) {
    BlockSignals block(SIGUSR2);
    int member = 0;
    Thread t([&] {
        sigset_t now;
        pthread_sigmask(SIG_SETMASK, nullptr, &now);
        member = sigismember(&now, SIGUSR2);
    });
    t.join();
    EXPECT_EQ(1, member);
}
TEST(thread_signal, process_signal_goes_to_a_thread_that_takes_it) {
    SignalAction a(SIGUSR2, note);
    seen = 0;
    Pipe ready, stop;
    Thread t([&] {
        write(ready.w, "r", 1);
        char c;
        while (read(stop.r, &c, 1) != 1) {
        }
    });
    char c;
    read(ready.r, &c, 1);
    BlockSignals block(SIGUSR2);
    kill(getpid(), SIGUSR2);
    wait_until([] { return seen == 1; });
    write(stop.w, "s", 1);
}
