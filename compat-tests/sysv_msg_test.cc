// System V message queues.
#include "support.h"

#include <sys/ipc.h>
#include <sys/msg.h>

#ifndef MSG_EXCEPT
#define MSG_EXCEPT 020000
#endif
#ifndef MSG_COPY
#define MSG_COPY 040000
#endif
#ifndef MSG_STAT
#define MSG_STAT 11
#endif
#ifndef MSG_INFO
#define MSG_INFO 12
#endif

namespace {

constexpr key_t kKey = 0x4c6e7403;

struct Message {
    long type;
    char text[64];
};

struct Queue {
    int id;
    explicit Queue(int flags = 0600, key_t key = IPC_PRIVATE) { id = static_cast<int>(sys(SYS_msgget, key, IPC_CREAT | flags)); }
    Queue(const Queue&) = delete;
    ~Queue() { remove(); }
    void remove() {
        if (id >= 0) {
            sys(SYS_msgctl, id, IPC_RMID, nullptr);
        }
        id = -1;
    }
    long send(long type, const char* text, int flags = IPC_NOWAIT) const {
        Message m{type, {}};
        strncpy(m.text, text, sizeof m.text - 1);
        return sys(SYS_msgsnd, id, &m, strlen(text) + 1, flags);
    }
    long receive(Message& m, long type = 0, int flags = IPC_NOWAIT, size_t size = sizeof(Message::text)) const {
        return sys(SYS_msgrcv, id, &m, size, type, flags);
    }
    msqid_ds stat() const {
        msqid_ds ds{};
        sys(SYS_msgctl, id, IPC_STAT, &ds);
        return ds;
    }
    long limit(unsigned long bytes) const {
        msqid_ds ds = stat();
        ds.msg_qbytes = bytes;
        return sys(SYS_msgctl, id, IPC_SET, &ds);
    }
};

} // namespace

TEST(sys_msgget, a_key_finds_the_same_queue) {
    Queue q(0600, kKey);
    ASSERT_GE(q.id, 0);
    EXPECT_EQ(q.id, sys(SYS_msgget, kKey, 0));
    Queue other;
    EXPECT_NE(q.id, other.id);
}
TEST(sys_msgget, EEXIST_ENOENT_EACCES) {
    EXPECT_ERRNO(sys(SYS_msgget, kKey, 0600), ENOENT);
    Queue q(0600, kKey);
    EXPECT_ERRNO(sys(SYS_msgget, kKey, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
    as_nobody([] {
        CHECK_ERRNO(sys(SYS_msgget, kKey, 0600), EACCES);
        return 0;
    });
}
TEST(sys_msgsnd, first_in_first_out) {
    Queue q;
    EXPECT_EQ(0, q.send(1, "one"));
    EXPECT_EQ(0, q.send(2, "two"));
    Message m{};
    EXPECT_EQ(4, q.receive(m));
    EXPECT_EQ(1, m.type);
    EXPECT_STREQ("one", m.text);
    EXPECT_EQ(4, q.receive(m));
    EXPECT_EQ(2, m.type);
    EXPECT_STREQ("two", m.text);
}
TEST(sys_msgsnd, empty_message) {
    Queue q;
    Message m{7, {}};
    EXPECT_EQ(0, sys(SYS_msgsnd, q.id, &m, 0, 0));
    m.type = 0;
    EXPECT_EQ(0, q.receive(m));
    EXPECT_EQ(7, m.type);
}
TEST(sys_msgsnd, whole_8192_bytes) {
    Queue q;
    Mapping in(4 * 4096), out(4 * 4096);
    *reinterpret_cast<long*>(in.data()) = 3;
    for (int i = 0; i < 8192; i++) {
        in[8 + i] = static_cast<char>(i * 7);
    }
    ASSERT_OK(sys(SYS_msgsnd, q.id, in.data(), 8192, 0));
    EXPECT_EQ(8192, sys(SYS_msgrcv, q.id, out.data(), 8192, 0, 0));
    EXPECT_EQ(0, memcmp(in.data(), out.data(), 8200));
    EXPECT_ERRNO(sys(SYS_msgsnd, q.id, in.data(), 8193, 0), EINVAL);
}
TEST(sys_msgsnd, EAGAIN_when_full) {
    Queue q;
    ASSERT_OK(q.limit(8));
    EXPECT_EQ(0, q.send(1, "1234567"));
    EXPECT_ERRNO(q.send(1, "x"), EAGAIN);
    Message m{};
    EXPECT_EQ(8, q.receive(m));
    EXPECT_EQ(0, q.send(1, "x"));
}
TEST(sys_msgsnd, EAGAIN_with_too_many_empty_messages) {
    Queue q;
    ASSERT_OK(q.limit(3));
    Message m{1, {}};
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(0, sys(SYS_msgsnd, q.id, &m, 0, IPC_NOWAIT));
    }
    EXPECT_ERRNO(sys(SYS_msgsnd, q.id, &m, 0, IPC_NOWAIT), EAGAIN);
}
TEST(sys_msgsnd, waits_for_room) {
    Queue q;
    ASSERT_OK(q.limit(8));
    EXPECT_EQ(0, q.send(1, "1234567"));
    pid_t child = start_child([&] { return q.send(2, "abc", 0) == 0 ? 0 : 1; });
    Message m{};
    EXPECT_EQ(8, q.receive(m));
    EXPECT_EQ(4, q.receive(m, 2, 0));
    EXPECT_EQ(0, wait_for(child));
}
TEST(sys_msgsnd, a_larger_limit_lets_senders_go) {
    Queue q;
    ASSERT_OK(q.limit(2));
    pid_t child = start_child([&] { return q.send(2, "abcdefg", 0) == 0 ? 0 : 1; });
    ASSERT_OK(q.limit(100));
    Message m{};
    EXPECT_EQ(8, q.receive(m, 0, 0));
    EXPECT_EQ(0, wait_for(child));
}
TEST(sys_msgsnd, EINVAL_on_bad_arguments) {
    Queue q;
    EXPECT_ERRNO(q.send(0, "x"), EINVAL);
    EXPECT_ERRNO(q.send(-1, "x"), EINVAL);
    Message m{1, {}};
    EXPECT_ERRNO(sys(SYS_msgsnd, q.id, &m, -1L, 0), EINVAL);
    EXPECT_ERRNO(sys(SYS_msgsnd, -1, &m, 1, 0), EINVAL);
    EXPECT_ERRNO(sys(SYS_msgsnd, 0x7fffffff, &m, 1, 0), EINVAL);
}
TEST(sys_msgsnd, EFAULT_on_bad_pointers) {
    Queue q;
    EXPECT_ERRNO(sys(SYS_msgsnd, q.id, unmapped_address, 1, 0), EFAULT);
    GuardedPage page;
    long* type = reinterpret_cast<long*>(page.end() - 16);
    *type = 1;
    EXPECT_ERRNO(sys(SYS_msgsnd, q.id, type, 9, 0), EFAULT);
    EXPECT_EQ(0u, q.stat().msg_qnum);
}
TEST(sys_msgsnd, EACCES_without_permission) {
    Queue q(0644);
    as_nobody([&] {
        CHECK_ERRNO(q.send(1, "x"), EACCES);
        Message m{};
        CHECK_ERRNO(q.receive(m), ENOMSG); // may read
        return 0;
    });
}
TEST(sys_msgsnd, EIDRM_when_the_queue_is_removed) {
    Queue q;
    ASSERT_OK(q.limit(1));
    Pipe ready;
    pid_t child = start_child([&] {
        write(ready.w, "x", 1);
        return q.send(1, "much too long", 0) == -1 && errno == EIDRM ? 0 : 1;
    });
    char c;
    read(ready.r, &c, 1);
    wait_until([&] { // asleep in it
        char path[64], text[512];
        snprintf(path, sizeof path, "/proc/%d/stat", child);
        read_text(path, text, sizeof text);
        char* state = strrchr(text, ')');
        return state && state[2] == 'S';
    });
    q.remove();
    EXPECT_EQ(0, wait_for(child));
}
TEST(sys_msgsnd, EINTR_by_a_handler) {
    Queue q;
    ASSERT_OK(q.limit(1));
    RepeatedAlarm alarm(SA_RESTART);
    EXPECT_ERRNO(q.send(1, "long", 0), EINTR);
}
TEST(sys_msgrcv, chooses_by_type) {
    Queue q;
    q.send(5, "five");
    q.send(3, "three");
    q.send(4, "four");
    q.send(3, "again");
    Message m{};
    EXPECT_EQ(5, q.receive(m, 4));
    EXPECT_STREQ("four", m.text);
    EXPECT_EQ(6, q.receive(m, -4)); // the lowest up to 4, the oldest of it
    EXPECT_STREQ("three", m.text);
    EXPECT_EQ(6, q.receive(m, 5, IPC_NOWAIT | MSG_EXCEPT));
    EXPECT_STREQ("again", m.text);
    EXPECT_ERRNO(q.receive(m, -4), ENOMSG);
    EXPECT_EQ(5, q.receive(m, -5));
}
TEST(sys_msgrcv, cuts_with_msg_noerror) {
    Queue q;
    q.send(1, "0123456789");
    Message m{};
    EXPECT_EQ(4, q.receive(m, 0, IPC_NOWAIT | MSG_NOERROR, 4));
    EXPECT_EQ(0, memcmp("0123", m.text, 5));
    EXPECT_EQ(0u, q.stat().msg_qnum);
}
TEST(sys_msgrcv, E2BIG_leaves_the_message) {
    Queue q;
    q.send(1, "0123456789");
    Message m{};
    EXPECT_ERRNO(q.receive(m, 0, IPC_NOWAIT, 4), E2BIG);
    EXPECT_EQ(1u, q.stat().msg_qnum);
}
TEST(sys_msgrcv, waits_for_its_type) {
    Queue q;
    pid_t child = start_child([&] {
        Message m{};
        return q.receive(m, 9, 0) == 5 && !strcmp(m.text, "nine") ? 0 : 1;
    });
    q.send(1, "other");
    q.send(9, "nine");
    EXPECT_EQ(0, wait_for(child));
    EXPECT_EQ(1u, q.stat().msg_qnum);
}
TEST(sys_msgrcv, msg_copy_leaves_the_message) {
    Queue q;
    q.send(5, "first");
    q.send(6, "second");
    Message m{};
    EXPECT_EQ(7, q.receive(m, 1, IPC_NOWAIT | MSG_COPY));
    EXPECT_EQ(6, m.type);
    EXPECT_STREQ("second", m.text);
    EXPECT_ERRNO(q.receive(m, 2, IPC_NOWAIT | MSG_COPY), ENOMSG);
    EXPECT_ERRNO(q.receive(m, 0, MSG_COPY), EINVAL);
    EXPECT_ERRNO(q.receive(m, 0, IPC_NOWAIT | MSG_COPY | MSG_EXCEPT), EINVAL);
    EXPECT_EQ(2u, q.stat().msg_qnum);
}
TEST(sys_msgrcv, ENOMSG_when_empty) {
    Queue q;
    Message m{};
    EXPECT_ERRNO(q.receive(m), ENOMSG);
}
TEST(sys_msgrcv, EINVAL_on_bad_arguments) {
    Queue q;
    Message m{};
    EXPECT_ERRNO(sys(SYS_msgrcv, q.id, &m, -1L, 0, 0), EINVAL);
    EXPECT_ERRNO(sys(SYS_msgrcv, -1, &m, 1, 0, 0), EINVAL);
    EXPECT_ERRNO(sys(SYS_msgrcv, 0x7fffffff, &m, 1, 0, 0), EINVAL);
}
TEST(sys_msgrcv, EFAULT_on_bad_pointer) {
    Queue q;
    q.send(1, "x");
    EXPECT_ERRNO(sys(SYS_msgrcv, q.id, unmapped_address, 10, 0, IPC_NOWAIT), EFAULT);
}
TEST(sys_msgrcv, EIDRM_when_the_queue_is_removed) {
    Queue q;
    pid_t child = start_child([&] {
        Message m{};
        return q.receive(m, 0, 0) == -1 && (errno == EIDRM || errno == EINVAL) ? 0 : 1;
    });
    wait_until([&] {
        char path[64], text[512];
        snprintf(path, sizeof path, "/proc/%d/stat", child);
        read_text(path, text, sizeof text);
        char* state = strrchr(text, ')');
        return state && state[2] == 'S';
    });
    q.remove();
    EXPECT_EQ(0, wait_for(child));
}
TEST(sys_msgrcv, EINTR_by_a_handler) {
    Queue q;
    Message m{};
    RepeatedAlarm alarm(SA_RESTART);
    EXPECT_ERRNO(q.receive(m, 0, 0), EINTR);
}
TEST(sys_msgctl, stat_tells_what_happened) {
    Queue q(0640);
    msqid_ds ds = q.stat();
    EXPECT_EQ(0640u, ds.msg_perm.mode);
    EXPECT_EQ(16384u, ds.msg_qbytes);
    EXPECT_EQ(0, ds.msg_stime);
    EXPECT_EQ(0, ds.msg_lspid);
    q.send(1, "abc");
    ds = q.stat();
    EXPECT_EQ(1u, ds.msg_qnum);
    EXPECT_EQ(getpid(), ds.msg_lspid);
    EXPECT_NE(0, ds.msg_stime);
    Message m{};
    q.receive(m);
    ds = q.stat();
    EXPECT_EQ(0u, ds.msg_qnum);
    EXPECT_EQ(getpid(), ds.msg_lrpid);
    EXPECT_NE(0, ds.msg_rtime);
}
TEST(sys_msgctl, info_and_stat_by_index) {
    Queue q;
    q.send(1, "abc");
    int info[8];
    long highest = sys(SYS_msgctl, 0, IPC_INFO, info);
    ASSERT_GE(highest, 0);
    EXPECT_EQ(8192, info[2]);
    EXPECT_EQ(16384, info[3]);
    EXPECT_EQ(highest, sys(SYS_msgctl, 0, MSG_INFO, info));
    EXPECT_GE(info[0], 1); // queues
    EXPECT_GE(info[1], 1); // messages
    EXPECT_GE(info[6], 4); // bytes
    bool found = false;
    for (long i = 0; i <= highest; i++) {
        msqid_ds ds;
        found |= sys(SYS_msgctl, i, MSG_STAT, &ds) == q.id;
    }
    EXPECT_TRUE(found);
}
TEST(sys_msgctl, EINVAL_on_bad_arguments) {
    Queue q;
    msqid_ds ds;
    EXPECT_ERRNO(sys(SYS_msgctl, q.id, 99, &ds), EINVAL);
    EXPECT_ERRNO(sys(SYS_msgctl, -1, IPC_STAT, &ds), EINVAL);
    EXPECT_ERRNO(sys(SYS_msgctl, 0x7fffffff, IPC_STAT, &ds), EINVAL);
}
TEST(sys_msgctl, EFAULT_on_bad_pointers) {
    Queue q;
    EXPECT_ERRNO(sys(SYS_msgctl, q.id, IPC_STAT, unmapped_address), EFAULT);
    EXPECT_ERRNO(sys(SYS_msgctl, q.id, IPC_SET, unmapped_address), EFAULT);
    EXPECT_ERRNO(sys(SYS_msgctl, 0, IPC_INFO, kernel_address), EFAULT);
}
TEST(sys_msgctl, EPERM_for_others_and_above_the_limit) {
    Queue q(0666);
    as_nobody([&] {
        msqid_ds ds{};
        CHECK_ERRNO(sys(SYS_msgctl, q.id, IPC_SET, &ds), EPERM);
        CHECK_ERRNO(sys(SYS_msgctl, q.id, IPC_RMID, nullptr), EPERM);
        Queue own;
        CHECK_ERRNO(own.limit(16385), EPERM);
        CHECK(own.limit(100) == 0);
        return 0;
    });
}
TEST(proc_sysvipc_msg, has_a_line_for_each_queue) {
    Queue q(0640, kKey);
    q.send(1, "abc");
    char text[65536], wanted[128];
    ASSERT_GT(read_text("/proc/sysvipc/msg", text, sizeof text), 0);
    EXPECT_EQ(text, strstr(text, "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      "
                                 "ctime\n"));
    snprintf(wanted, sizeof wanted, "%10d %10d  %4o  %10lu %10lu %5u %5u", kKey, q.id, 0640, 4UL, 1UL, getpid(), 0);
    EXPECT_TRUE(strstr(text, wanted) != nullptr) << text << wanted;
}
TEST(proc_sys_kernel_msg, msgmax_is_obeyed) {
    char before[64];
    Queue q;
    ASSERT_GT(read_text("/proc/sys/kernel/msgmax", before, sizeof before), 0);
    ASSERT_TRUE(write_file("/proc/sys/kernel/msgmax", "4\n"));
    EXPECT_ERRNO(q.send(1, "12345"), EINVAL);
    EXPECT_EQ(0, q.send(1, "123"));
    ASSERT_TRUE(write_file("/proc/sys/kernel/msgmax", before));
}
