// System V semaphores.
#include "support.h"

#include <sys/ipc.h>
#include <sys/sem.h>

#ifndef SEM_STAT
#define SEM_STAT 18
#endif
#ifndef SEM_INFO
#define SEM_INFO 19
#endif

namespace {

constexpr key_t kKey = 0x4c6e7402;

struct Set {
    int id;
    explicit Set(int count, int flags = 0600, key_t key = IPC_PRIVATE) {
        id = static_cast<int>(sys(SYS_semget, key, count, IPC_CREAT | flags));
    }
    Set(const Set&) = delete;
    ~Set() { remove(); }
    void remove() {
        if (id >= 0) {
            sys(SYS_semctl, id, 0, IPC_RMID, 0);
        }
        id = -1;
    }
    long get(int n = 0) const { return sys(SYS_semctl, id, n, GETVAL, 0); }
    long set(int n, long value) const { return sys(SYS_semctl, id, n, SETVAL, value); }
    long ask(int n, int command) const { return sys(SYS_semctl, id, n, command, 0); }
    semid_ds stat() const {
        semid_ds ds{};
        sys(SYS_semctl, id, 0, IPC_STAT, &ds);
        return ds;
    }
};

sembuf op(int number, int value, int flags = 0) {
    return {static_cast<unsigned short>(number), static_cast<short>(value), static_cast<short>(flags)};
}
long semop1(int id, int number, int value, int flags = 0) {
    sembuf s = op(number, value, flags);
    return sys(SYS_semop, id, &s, 1);
}

} // namespace

TEST(sys_semget, set_starts_with_zeroes) {
    Set s(3);
    ASSERT_GE(s.id, 0);
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(0, s.get(i));
    }
}
TEST(sys_semget, a_key_finds_the_same_set) {
    Set s(3, 0600, kKey);
    ASSERT_GE(s.id, 0);
    EXPECT_EQ(s.id, sys(SYS_semget, kKey, 0, 0));
    EXPECT_EQ(s.id, sys(SYS_semget, kKey, 2, IPC_CREAT | 0600));
}
TEST(sys_semget, EEXIST_ENOENT_and_EINVAL) {
    EXPECT_ERRNO(sys(SYS_semget, kKey, 1, 0600), ENOENT);
    Set s(3, 0600, kKey);
    EXPECT_ERRNO(sys(SYS_semget, kKey, 3, IPC_CREAT | IPC_EXCL), EEXIST);
    EXPECT_ERRNO(sys(SYS_semget, kKey, 4, 0600), EINVAL);
    EXPECT_ERRNO(sys(SYS_semget, IPC_PRIVATE, 0, 0600), EINVAL);
    EXPECT_ERRNO(sys(SYS_semget, IPC_PRIVATE, -1, 0600), EINVAL);
    EXPECT_ERRNO(sys(SYS_semget, IPC_PRIVATE, 1 << 20, 0600), EINVAL);
}
TEST(sys_semop, adds_and_takes) {
    Set s(1);
    EXPECT_EQ(0, semop1(s.id, 0, 5));
    EXPECT_EQ(0, semop1(s.id, 0, -3));
    EXPECT_EQ(2, s.get());
}
TEST(sys_semop, several_operations_are_all_or_none) {
    Set s(2);
    sembuf ops[] = {op(0, 1), op(1, -1, IPC_NOWAIT)};
    EXPECT_ERRNO(sys(SYS_semop, s.id, ops, 2), EAGAIN);
    EXPECT_EQ(0, s.get(0));
    s.set(1, 1);
    EXPECT_EQ(0, sys(SYS_semop, s.id, ops, 2));
    EXPECT_EQ(1, s.get(0));
    EXPECT_EQ(0, s.get(1));
}
TEST(sys_semop, operations_of_one_semaphore_follow_each_other) {
    Set s(1);
    sembuf ops[] = {op(0, 0), op(0, 1)}; // a lock: wait for zero, take
    EXPECT_EQ(0, sys(SYS_semop, s.id, ops, 2));
    EXPECT_EQ(1, s.get());
    ops[0].sem_flg = IPC_NOWAIT;
    EXPECT_ERRNO(sys(SYS_semop, s.id, ops, 2), EAGAIN);
}
TEST(sys_semop, waits_until_another_process_adds) {
    Set s(1);
    pid_t child = start_child([&] { return semop1(s.id, 0, -2) == 0 ? 0 : 1; });
    wait_until([&] { return s.ask(0, GETNCNT) == 1; });
    EXPECT_EQ(0, semop1(s.id, 0, 1));
    EXPECT_EQ(1, s.ask(0, GETNCNT));
    EXPECT_EQ(0, semop1(s.id, 0, 1));
    EXPECT_EQ(0, wait_for(child));
    EXPECT_EQ(0, s.get());
    EXPECT_EQ(child, s.ask(0, GETPID));
}
TEST(sys_semop, waits_for_zero) {
    Set s(1);
    s.set(0, 1);
    pid_t child = start_child([&] { return semop1(s.id, 0, 0) == 0 ? 0 : 1; });
    wait_until([&] { return s.ask(0, GETZCNT) == 1; });
    EXPECT_EQ(0, s.ask(0, GETNCNT));
    EXPECT_EQ(0, semop1(s.id, 0, -1));
    EXPECT_EQ(0, wait_for(child));
}
TEST(sys_semop, one_change_can_wake_several) {
    Set s(1);
    pid_t children[3];
    for (pid_t& c : children) {
        c = start_child([&] { return semop1(s.id, 0, -1) == 0 ? 0 : 1; });
    }
    wait_until([&] { return s.ask(0, GETNCNT) == 3; });
    EXPECT_EQ(0, semop1(s.id, 0, 3));
    for (pid_t c : children) {
        EXPECT_EQ(0, wait_for(c));
    }
    EXPECT_EQ(0, s.get());
}
TEST(sys_semop, first_come_first_served) {
    Set s(1);
    pid_t first = start_child([&] { return semop1(s.id, 0, -1) == 0 ? 0 : 1; });
    wait_until([&] { return s.ask(0, GETNCNT) == 1; });
    pid_t second = start_child([&] { return semop1(s.id, 0, -1) == 0 ? 0 : 1; });
    wait_until([&] { return s.ask(0, GETNCNT) == 2; });
    EXPECT_EQ(0, semop1(s.id, 0, 1));
    EXPECT_EQ(0, wait_for(first));
    EXPECT_EQ(0, semop1(s.id, 0, 1));
    EXPECT_EQ(0, wait_for(second));
}
TEST(sys_semop, undo_at_exit) {
    Set s(2);
    s.set(0, 5);
    EXPECT_CHILD_OK([&] {
        CHECK(semop1(s.id, 0, -3, SEM_UNDO) == 0);
        CHECK(semop1(s.id, 0, 1, SEM_UNDO) == 0);
        CHECK(semop1(s.id, 1, 2, SEM_UNDO) == 0);
        CHECK(semop1(s.id, 1, 7) == 0);
        CHECK(s.get(0) == 3);
        return 0;
    });
    EXPECT_EQ(5, s.get(0));
    EXPECT_EQ(7, s.get(1));
}
TEST(sys_semop, undo_after_sigkill_wakes_who_waits) {
    Set s(1);
    s.set(0, 1);
    pid_t holder = start_child([&] {
        semop1(s.id, 0, -1, SEM_UNDO);
        for (;;) {
            pause();
        }
        return 0;
    });
    wait_until([&] { return s.get() == 0; });
    pid_t waiter = start_child([&] { return semop1(s.id, 0, -1) == 0 ? 0 : 1; });
    wait_until([&] { return s.ask(0, GETNCNT) == 1; });
    kill(holder, SIGKILL);
    wait_for(holder);
    EXPECT_EQ(0, wait_for(waiter));
}
TEST(sys_semop, setval_forgets_what_was_to_be_undone) {
    Set s(1);
    s.set(0, 5);
    EXPECT_CHILD_OK([&] {
        CHECK(semop1(s.id, 0, -3, SEM_UNDO) == 0);
        CHECK(s.set(0, 1) == 0);
        return 0;
    });
    EXPECT_EQ(1, s.get());
}
TEST(sys_semop, undo_is_not_inherited) {
    Set s(1);
    EXPECT_CHILD_OK([&] {
        CHECK(semop1(s.id, 0, 4, SEM_UNDO) == 0);
        CHECK(run_in_child([] { return 0; }) == 0);
        CHECK(s.get() == 4);
        return 0;
    });
    EXPECT_EQ(0, s.get());
}
TEST(sys_semop, EINVAL_EFBIG_E2BIG_on_bad_arguments) {
    Set s(2);
    sembuf o = op(0, 1);
    EXPECT_ERRNO(sys(SYS_semop, s.id, &o, 0), EINVAL);
    EXPECT_ERRNO(sys(SYS_semop, -1, &o, 1), EINVAL);
    EXPECT_ERRNO(sys(SYS_semop, 0x7fffffff, &o, 1), EINVAL);
    EXPECT_ERRNO(semop1(s.id, 2, 1), EFBIG);
    EXPECT_ERRNO(sys(SYS_semop, s.id, &o, 501), E2BIG);
}
TEST(sys_semop, EFAULT_on_bad_pointer) {
    Set s(1);
    EXPECT_ERRNO(sys(SYS_semop, s.id, unmapped_address, 1), EFAULT);
    EXPECT_ERRNO(sys(SYS_semop, s.id, kernel_address, 100), EFAULT);
}
TEST(sys_semop, ERANGE_beyond_32767) {
    Set s(1);
    s.set(0, 32767);
    EXPECT_ERRNO(semop1(s.id, 0, 1), ERANGE);
    EXPECT_EQ(32767, s.get());
}
TEST(sys_semop, EACCES_without_permission) {
    Set s(1, 0644);
    as_nobody([&] {
        CHECK_ERRNO(semop1(s.id, 0, 1), EACCES);
        CHECK(semop1(s.id, 0, 0) == 0); // waits for zero: reading
        return 0;
    });
}
TEST(sys_semop, EIDRM_when_the_set_is_removed) {
    Set s(1);
    pid_t child = start_child([&] { return semop1(s.id, 0, -1) == -1 && errno == EIDRM ? 0 : 1; });
    wait_until([&] { return s.ask(0, GETNCNT) == 1; });
    s.remove();
    EXPECT_EQ(0, wait_for(child));
}
TEST(sys_semop, EINTR_even_with_sa_restart) {
    Set s(1);
    RepeatedAlarm alarm(SA_RESTART);
    EXPECT_ERRNO(semop1(s.id, 0, -1), EINTR);
    EXPECT_EQ(0, s.ask(0, GETNCNT));
}
TEST(sys_semtimedop, EAGAIN_after_the_time) {
    Set s(1);
    sembuf o = op(0, -1);
    timespec t{0, 5000000};
    uint64_t start = now_ns();
    EXPECT_ERRNO(sys(SYS_semtimedop, s.id, &o, 1, &t), EAGAIN);
    EXPECT_GE(now_ns() - start, 5000000u);
    EXPECT_EQ(0, s.ask(0, GETNCNT));
}
TEST(sys_semtimedop, without_a_time_it_is_semop) {
    Set s(1);
    sembuf o = op(0, 1);
    timespec t{10, 0};
    EXPECT_EQ(0, sys(SYS_semtimedop, s.id, &o, 1, nullptr));
    EXPECT_EQ(0, sys(SYS_semtimedop, s.id, &o, 1, &t));
    EXPECT_EQ(2, s.get());
}
TEST(sys_semtimedop, EINVAL_and_EFAULT_on_bad_times) {
    Set s(1);
    sembuf o = op(0, 1);
    timespec t{0, 1000000000};
    EXPECT_ERRNO(sys(SYS_semtimedop, s.id, &o, 1, &t), EINVAL);
    t = {-1, 0};
    EXPECT_ERRNO(sys(SYS_semtimedop, s.id, &o, 1, &t), EINVAL);
    EXPECT_ERRNO(sys(SYS_semtimedop, s.id, &o, 1, unmapped_address), EFAULT);
    EXPECT_EQ(0, s.get());
}
TEST(sys_semctl, all_values_at_once) {
    Set s(3);
    unsigned short in[3] = {1, 2, 3}, out[3] = {};
    ASSERT_OK(sys(SYS_semctl, s.id, 0, SETALL, in));
    ASSERT_OK(sys(SYS_semctl, s.id, 0, GETALL, out));
    EXPECT_EQ(0, memcmp(in, out, sizeof in));
    EXPECT_EQ(2, s.get(1));
}
TEST(sys_semctl, setval_wakes) {
    Set s(1);
    pid_t child = start_child([&] { return semop1(s.id, 0, -1) == 0 ? 0 : 1; });
    wait_until([&] { return s.ask(0, GETNCNT) == 1; });
    EXPECT_EQ(0, s.set(0, 1));
    EXPECT_EQ(0, wait_for(child));
}
TEST(sys_semctl, stat_and_set) {
    Set s(3, 0640);
    semid_ds ds = s.stat();
    EXPECT_EQ(3u, ds.sem_nsems);
    EXPECT_EQ(0640u, ds.sem_perm.mode);
    EXPECT_EQ(0, ds.sem_otime);
    EXPECT_NE(0, ds.sem_ctime);
    semop1(s.id, 0, 1);
    EXPECT_NE(0, s.stat().sem_otime);
    ds.sem_perm.mode = 0600, ds.sem_perm.gid = 7;
    ASSERT_OK(sys(SYS_semctl, s.id, 0, IPC_SET, &ds));
    EXPECT_EQ(0600u, s.stat().sem_perm.mode);
    EXPECT_EQ(7u, s.stat().sem_perm.gid);
}
TEST(sys_semctl, info_and_stat_by_index) {
    Set s(3);
    int info[10];
    long highest = sys(SYS_semctl, 0, 0, IPC_INFO, info);
    ASSERT_GE(highest, 0);
    EXPECT_EQ(32767, info[8]); // semvmx
    EXPECT_EQ(20, info[7]);
    bool found = false;
    for (long i = 0; i <= highest; i++) {
        semid_ds ds;
        found |= sys(SYS_semctl, i, 0, SEM_STAT, &ds) == s.id;
    }
    EXPECT_TRUE(found);
    EXPECT_EQ(highest, sys(SYS_semctl, 0, 0, SEM_INFO, info));
    EXPECT_GE(info[7], 1); // sets
    EXPECT_GE(info[9], 3); // semaphores
}
TEST(sys_semctl, EINVAL_on_bad_arguments) {
    Set s(1);
    EXPECT_ERRNO(sys(SYS_semctl, s.id, 1, GETVAL, 0), EINVAL);
    EXPECT_ERRNO(sys(SYS_semctl, s.id, -1, GETVAL, 0), EINVAL);
    EXPECT_ERRNO(sys(SYS_semctl, s.id, 1, SETVAL, 0), EINVAL);
    EXPECT_ERRNO(sys(SYS_semctl, s.id, 0, 99, 0), EINVAL);
    EXPECT_ERRNO(sys(SYS_semctl, -1, 0, GETVAL, 0), EINVAL);
    EXPECT_ERRNO(sys(SYS_semctl, 0x7fffffff, 0, IPC_RMID, 0), EINVAL);
}
TEST(sys_semctl, ERANGE_on_bad_values) {
    Set s(2);
    EXPECT_ERRNO(s.set(0, -1), ERANGE);
    EXPECT_ERRNO(s.set(0, 32768), ERANGE);
    unsigned short values[2] = {1, 32768};
    EXPECT_ERRNO(sys(SYS_semctl, s.id, 0, SETALL, values), ERANGE);
    EXPECT_EQ(0, s.get(0));
}
TEST(sys_semctl, EFAULT_on_bad_pointers) {
    Set s(1);
    for (int command : (int[]){IPC_STAT, IPC_SET, GETALL, SETALL}) {
        EXPECT_ERRNO(sys(SYS_semctl, s.id, 0, command, unmapped_address), EFAULT);
    }
}
TEST(sys_semctl, EPERM_and_EACCES_for_others) {
    Set s(1, 0600);
    as_nobody([&] {
        semid_ds ds{};
        CHECK_ERRNO(sys(SYS_semctl, s.id, 0, GETVAL, 0), EACCES);
        CHECK_ERRNO(sys(SYS_semctl, s.id, 0, SETVAL, 1), EACCES);
        CHECK_ERRNO(sys(SYS_semctl, s.id, 0, IPC_STAT, &ds), EACCES);
        CHECK_ERRNO(sys(SYS_semctl, s.id, 0, IPC_SET, &ds), EPERM);
        CHECK_ERRNO(sys(SYS_semctl, s.id, 0, IPC_RMID, 0), EPERM);
        return 0;
    });
}
TEST(proc_sysvipc_sem, has_a_line_for_each_set) {
    Set s(3, 0640, kKey);
    char text[65536], wanted[128];
    ASSERT_GT(read_text("/proc/sysvipc/sem", text, sizeof text), 0);
    EXPECT_EQ(text, strstr(text, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n"));
    snprintf(wanted, sizeof wanted, "%10d %10d  %4o %10u %5u", kKey, s.id, 0640, 3, geteuid());
    EXPECT_TRUE(strstr(text, wanted) != nullptr) << text << wanted;
}
TEST(proc_sys_kernel_sem, four_limits_that_are_obeyed) {
    char before[128];
    ASSERT_GT(read_text("/proc/sys/kernel/sem", before, sizeof before), 0);
    ASSERT_TRUE(write_file("/proc/sys/kernel/sem", "5\t1024000000\t500\t32000\n"));
    EXPECT_ERRNO(sys(SYS_semget, IPC_PRIVATE, 6, 0600), EINVAL);
    ASSERT_TRUE(write_file("/proc/sys/kernel/sem", before));
}
