// System V shared memory, and what the three kinds of System V objects have in common.
#include "support.h"

#include <sys/ipc.h>
#include <sys/shm.h>

#ifndef SHM_STAT
#define SHM_STAT 13
#endif
#ifndef SHM_INFO
#define SHM_INFO 14
#endif
#ifndef SHM_REMAP
#define SHM_REMAP 040000
#endif
#ifndef SHM_EXEC
#define SHM_EXEC 0100000
#endif

namespace {

constexpr key_t kKey = 0x4c6e7401;

struct Segment {
    int id;
    explicit Segment(size_t size, int flags = 0600, key_t key = IPC_PRIVATE) {
        id = static_cast<int>(sys(SYS_shmget, key, size, IPC_CREAT | flags));
    }
    Segment(const Segment&) = delete;
    ~Segment() { remove(); }
    void remove() {
        if (id >= 0) {
            sys(SYS_shmctl, id, IPC_RMID, nullptr);
        }
        id = -1;
    }
    shmid_ds stat() const {
        shmid_ds ds{};
        sys(SYS_shmctl, id, IPC_STAT, &ds);
        return ds;
    }
    char* attach(int flags = 0, void* at = nullptr) const { return reinterpret_cast<char*>(sys(SYS_shmat, id, at, flags)); }
};

bool failed(char* p) { return p == reinterpret_cast<char*>(-1); }
long detach(const void* p) { return sys(SYS_shmdt, p); }

} // namespace

TEST(sys_shmget, private_segments_are_new_each_time) {
    Segment a(1), b(1);
    EXPECT_GE(a.id, 0);
    EXPECT_GE(b.id, 0);
    EXPECT_NE(a.id, b.id);
}
TEST(sys_shmget, a_key_finds_the_same_segment) {
    Segment a(5000, 0600, kKey);
    ASSERT_GE(a.id, 0);
    EXPECT_EQ(a.id, sys(SYS_shmget, kKey, 0, 0));
    EXPECT_EQ(a.id, sys(SYS_shmget, kKey, 5000, IPC_CREAT | 0600));
}
TEST(sys_shmget, identifiers_differ_after_removal) {
    Segment a(1);
    int first = a.id;
    a.remove();
    Segment b(1);
    EXPECT_NE(first, b.id);
}
TEST(sys_shmget, ENOMEM_on_SHM_HUGETLB_without_huge_pages) {
    char text[32] = "0";
    read_text("/proc/sys/vm/nr_hugepages", text, sizeof(text));
    if (atoi(text)) {
        return;
    }
    EXPECT_ERRNO(sys(SYS_shmget, IPC_PRIVATE, 2UL << 20, IPC_CREAT | SHM_HUGETLB | 0600), ENOMEM);
}
TEST(sys_shmget, EEXIST_ENOENT_and_EINVAL_by_the_key) {
    EXPECT_ERRNO(sys(SYS_shmget, kKey, 1, 0600), ENOENT);
    Segment a(5000, 0600, kKey);
    ASSERT_GE(a.id, 0);
    EXPECT_ERRNO(sys(SYS_shmget, kKey, 1, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
    EXPECT_ERRNO(sys(SYS_shmget, kKey, 5001, 0600), EINVAL);
}
TEST(sys_shmget, EINVAL_on_bad_sizes) {
    EXPECT_ERRNO(sys(SYS_shmget, IPC_PRIVATE, 0, IPC_CREAT | 0600), EINVAL);
    EXPECT_ERRNO(sys(SYS_shmget, IPC_PRIVATE, ~0UL, IPC_CREAT | 0600), EINVAL);
}
TEST(sys_shmget, EACCES_without_permission) {
    Segment a(4096, 0600, kKey);
    ASSERT_GE(a.id, 0);
    as_nobody([] {
        CHECK_ERRNO(sys(SYS_shmget, kKey, 0, 0400), EACCES);
        CHECK(sys(SYS_shmget, kKey, 0, 0) >= 0); // asks for nothing
        return 0;
    });
}
TEST(sys_shmat, memory_is_zero_and_shared_by_attachments) {
    Segment s(10000);
    char *a = s.attach(), *b = s.attach();
    ASSERT_FALSE(failed(a));
    ASSERT_FALSE(failed(b));
    EXPECT_NE(a, b);
    for (int i = 0; i < 10000; i += 1000) {
        EXPECT_EQ(0, a[i]);
    }
    a[9999] = 'x';
    EXPECT_EQ('x', b[9999]);
    EXPECT_EQ(0, detach(a));
    EXPECT_EQ('x', b[9999]);
    EXPECT_EQ(0, detach(b));
}
TEST(sys_shmat, contents_stay_while_nobody_is_attached) {
    Segment s(4096);
    char* a = s.attach();
    strcpy(a, "kept");
    EXPECT_EQ(0, detach(a));
    EXPECT_EQ(0u, s.stat().shm_nattch);
    a = s.attach();
    EXPECT_STREQ("kept", a);
    EXPECT_EQ(0, detach(a));
}
TEST(sys_shmat, child_inherits_it) {
    Segment s(4096);
    char* a = s.attach();
    EXPECT_CHILD_OK([&] {
        CHECK(s.stat().shm_nattch == 2);
        strcpy(a, "from the child");
        return 0;
    });
    EXPECT_STREQ("from the child", a);
    EXPECT_EQ(1u, s.stat().shm_nattch); // exit detached it
    EXPECT_EQ(0, detach(a));
}
HELPER(shm_nattch) {
    shmid_ds ds{};
    sys(SYS_shmctl, atoi(argv[0]), IPC_STAT, &ds);
    return static_cast<int>(ds.shm_nattch);
}
TEST(sys_shmat, exec_detaches) {
    Segment s(4096);
    EXPECT_CHILD_OK([&] {
        CHECK(!failed(s.attach()));
        char id[16];
        snprintf(id, sizeof id, "%d", s.id);
        return exec_helper("shm_nattch", id);
    });
}
TEST(sys_shmat, at_an_address) {
    Segment s(4096);
    Mapping hole(16 * 4096);
    munmap(hole.data(), hole.size());
    char* a = s.attach(0, hole.data() + 4096);
    EXPECT_EQ(hole.data() + 4096, a);
    EXPECT_EQ(0, detach(a));
    a = s.attach(SHM_RND, hole.data() + 4096 + 123);
    EXPECT_EQ(hole.data() + 4096, a);
    EXPECT_EQ(0, detach(a));
}
TEST(sys_shmat, remap_replaces_what_is_there) {
    Segment s(8192);
    Mapping m(4 * 4096);
    m[4096] = 'm';
    char* a = s.attach(SHM_REMAP, m.data() + 4096);
    ASSERT_EQ(m.data() + 4096, a);
    EXPECT_EQ(0, a[0]);
    EXPECT_EQ(0, detach(a));
}
TEST(sys_shmat, read_only_attachment_cannot_be_stored_to) {
    Segment s(4096);
    char* a = s.attach(SHM_RDONLY);
    ASSERT_FALSE(failed(a));
    EXPECT_CHILD_SIGNAL(SIGSEGV, [&] {
        a[0] = 1;
        return 0;
    });
    EXPECT_ERRNO(mprotect(a, 4096, PROT_READ | PROT_WRITE), EACCES);
    EXPECT_EQ(0, detach(a));
}
TEST(sys_shmat, removed_segment_can_be_attached_by_its_id_while_in_use) {
    Segment s(4096);
    int id = s.id;
    char* a = s.attach();
    s.remove();
    shmid_ds ds{};
    ASSERT_OK(sys(SYS_shmctl, id, IPC_STAT, &ds));
    EXPECT_EQ(01000u, ds.shm_perm.mode & 01000u); // SHM_DEST
    char* b = reinterpret_cast<char*>(sys(SYS_shmat, id, nullptr, 0));
    ASSERT_FALSE(failed(b));
    a[0] = 'y';
    EXPECT_EQ('y', b[0]);
    EXPECT_EQ(0, detach(a));
    EXPECT_EQ(0, detach(b));
    EXPECT_ERRNO(sys(SYS_shmctl, id, IPC_STAT, &ds), EINVAL);
}
TEST(sys_shmat, EINVAL_on_bad_arguments) {
    Segment s(4096);
    Mapping m(4096);
    EXPECT_ERRNO(sys(SYS_shmat, -1, nullptr, 0), EINVAL);
    EXPECT_ERRNO(sys(SYS_shmat, 0x7fffffff, nullptr, 0), EINVAL);
    EXPECT_ERRNO(sys(SYS_shmat, s.id, m.data() + 1, 0), EINVAL);
    EXPECT_ERRNO(sys(SYS_shmat, s.id, nullptr, SHM_REMAP), EINVAL);
    EXPECT_ERRNO(sys(SYS_shmat, s.id, m.data(), 0), EINVAL); // taken
}
TEST(sys_shmat, EACCES_without_permission) {
    Segment s(4096, 0644);
    as_nobody([&] {
        CHECK_ERRNO(sys(SYS_shmat, s.id, nullptr, 0), EACCES);
        CHECK(sys(SYS_shmat, s.id, nullptr, SHM_RDONLY) != -1);
        CHECK_ERRNO(sys(SYS_shmat, s.id, nullptr, SHM_RDONLY | SHM_EXEC), EACCES);
        return 0;
    });
}
TEST(sys_shmdt, finds_parts_that_were_protected_otherwise) {
    Segment s(3 * 4096);
    char* a = s.attach();
    ASSERT_FALSE(failed(a));
    ASSERT_EQ(0, mprotect(a + 4096, 4096, PROT_READ));
    EXPECT_EQ(3u, s.stat().shm_nattch); // one for each part
    EXPECT_EQ(0, detach(a));
    EXPECT_EQ(0u, s.stat().shm_nattch);
    EXPECT_ERRNO(detach(a), EINVAL);
}
TEST(sys_shmdt, last_detach_destroys_a_removed_segment) {
    Segment s(4096);
    int id = s.id;
    char* a = s.attach();
    s.remove();
    a[0] = 1;
    EXPECT_EQ(0, detach(a));
    EXPECT_ERRNO(sys(SYS_shmat, id, nullptr, 0), EINVAL);
}
TEST(sys_shmdt, munmap_detaches_too) {
    Segment s(4096);
    char* a = s.attach();
    EXPECT_EQ(0, munmap(a, 4096));
    EXPECT_EQ(0u, s.stat().shm_nattch);
}
TEST(sys_shmdt, EINVAL_where_nothing_is_attached) {
    Segment s(8192);
    Mapping m(4096);
    char* a = s.attach();
    EXPECT_ERRNO(detach(m.data()), EINVAL);
    EXPECT_ERRNO(detach(a + 1), EINVAL);
    EXPECT_ERRNO(detach(a + 4096), EINVAL);
    EXPECT_EQ(0, detach(a));
}
TEST(sys_shmctl, stat_tells_what_happened) {
    Segment s(5000, 0640);
    shmid_ds ds = s.stat();
    EXPECT_EQ(5000u, ds.shm_segsz);
    EXPECT_EQ(0640u, ds.shm_perm.mode);
    EXPECT_EQ(geteuid(), ds.shm_perm.uid);
    EXPECT_EQ(geteuid(), ds.shm_perm.cuid);
    EXPECT_EQ(getpid(), ds.shm_cpid);
    EXPECT_EQ(0, ds.shm_lpid);
    EXPECT_EQ(0, ds.shm_atime);
    EXPECT_EQ(0, ds.shm_dtime);
    EXPECT_NE(0, ds.shm_ctime);
    char* a = s.attach();
    ds = s.stat();
    EXPECT_EQ(getpid(), ds.shm_lpid);
    EXPECT_NE(0, ds.shm_atime);
    EXPECT_EQ(1u, ds.shm_nattch);
    detach(a);
    EXPECT_NE(0, s.stat().shm_dtime);
}
TEST(sys_shmctl, set_changes_owner_and_mode) {
    Segment s(4096, 0600);
    shmid_ds ds = s.stat();
    ds.shm_perm.uid = 65534;
    ds.shm_perm.mode = 0444;
    ASSERT_OK(sys(SYS_shmctl, s.id, IPC_SET, &ds));
    ds = s.stat();
    EXPECT_EQ(65534u, ds.shm_perm.uid);
    EXPECT_EQ(0444u, ds.shm_perm.mode);
    EXPECT_EQ(geteuid(), ds.shm_perm.cuid);
}
TEST(sys_shmctl, lock_shows_in_the_mode) {
    Segment s(4096);
    ASSERT_OK(sys(SYS_shmctl, s.id, SHM_LOCK, nullptr));
    EXPECT_EQ(02000u, s.stat().shm_perm.mode & 02000u);
    ASSERT_OK(sys(SYS_shmctl, s.id, SHM_UNLOCK, nullptr));
    EXPECT_EQ(0u, s.stat().shm_perm.mode & 02000u);
}
TEST(sys_shmctl, info_and_stat_by_index_find_every_segment) {
    Segment s(4096);
    struct {
        unsigned long shmmax, shmmin, shmmni, shmseg, shmall, unused[4];
    } info{};
    long highest = sys(SYS_shmctl, 0, IPC_INFO, &info);
    ASSERT_GE(highest, 0);
    EXPECT_EQ(1u, info.shmmin);
    EXPECT_GE(info.shmmni, 4096u);
    bool found = false;
    for (long i = 0; i <= highest; i++) {
        shmid_ds ds;
        found |= sys(SYS_shmctl, i, SHM_STAT, &ds) == s.id;
    }
    EXPECT_TRUE(found);
    struct {
        int used_ids;
        unsigned long tot, rss, swp, attempts, successes;
    } usage{};
    EXPECT_EQ(highest, sys(SYS_shmctl, 0, SHM_INFO, &usage));
    EXPECT_GE(usage.used_ids, 1);
    EXPECT_GE(usage.tot, 1u);
}
TEST(sys_shmctl, EINVAL_on_unknown_command_or_segment) {
    Segment s(4096);
    EXPECT_ERRNO(sys(SYS_shmctl, s.id, 99, nullptr), EINVAL);
    EXPECT_ERRNO(sys(SYS_shmctl, s.id, -1, nullptr), EINVAL);
    shmid_ds ds;
    EXPECT_ERRNO(sys(SYS_shmctl, -1, IPC_STAT, &ds), EINVAL);
    EXPECT_ERRNO(sys(SYS_shmctl, 0x7fffffff, IPC_STAT, &ds), EINVAL);
    EXPECT_ERRNO(sys(SYS_shmctl, 0x7fffffff, IPC_RMID, nullptr), EINVAL);
    EXPECT_ERRNO(sys(SYS_shmctl, 32767, SHM_STAT, &ds), EINVAL);
}
TEST(sys_shmctl, EFAULT_on_bad_pointers) {
    Segment s(4096);
    EXPECT_ERRNO(sys(SYS_shmctl, s.id, IPC_STAT, unmapped_address), EFAULT);
    EXPECT_ERRNO(sys(SYS_shmctl, s.id, IPC_SET, unmapped_address), EFAULT);
    EXPECT_ERRNO(sys(SYS_shmctl, 0, IPC_INFO, kernel_address), EFAULT);
}
TEST(sys_shmctl, EPERM_and_EACCES_for_others) {
    Segment s(4096, 0600);
    as_nobody([&] {
        shmid_ds ds{};
        CHECK_ERRNO(sys(SYS_shmctl, s.id, IPC_STAT, &ds), EACCES);
        CHECK_ERRNO(sys(SYS_shmctl, s.id, IPC_SET, &ds), EPERM);
        CHECK_ERRNO(sys(SYS_shmctl, s.id, IPC_RMID, nullptr), EPERM);
        CHECK_ERRNO(sys(SYS_shmctl, s.id, SHM_LOCK, nullptr), EPERM);
        return 0;
    });
}
TEST(proc_sysvipc_shm, has_a_line_for_each_segment) {
    Segment s(12345, 0640, kKey);
    char* a = s.attach();
    char text[65536], wanted[128];
    ASSERT_GT(read_text("/proc/sysvipc/shm", text, sizeof text), 0);
    EXPECT_EQ(text, strstr(text, "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      "
                                 "dtime      ctime                   rss                  swap\n"));
    snprintf(wanted, sizeof wanted, "%10d %10d  %4o %21lu %5u %5u  %5lu", kKey, s.id, 0640, 12345UL, getpid(), getpid(), 1UL);
    EXPECT_TRUE(strstr(text, wanted) != nullptr) << text << wanted;
    detach(a);
}
TEST(proc_sysvipc_shm, maps_shows_the_key) {
    Segment s(4096, 0600, kKey);
    char* a = s.attach();
    static char text[1 << 18];
    ASSERT_GT(read_text("/proc/self/maps", text, sizeof text), 0);
    EXPECT_TRUE(strstr(text, "/SYSV4c6e7401 (deleted)") != nullptr);
    detach(a);
}
TEST(proc_sys_kernel_shm, limits_are_obeyed_and_can_be_set) {
    char before[64], number[64];
    ASSERT_GT(read_text("/proc/sys/kernel/shmmax", before, sizeof before), 0);
    ASSERT_TRUE(write_file("/proc/sys/kernel/shmmax", "8192\n"));
    ASSERT_GT(read_text("/proc/sys/kernel/shmmax", number, sizeof number), 0);
    EXPECT_STREQ("8192\n", number);
    EXPECT_ERRNO(sys(SYS_shmget, IPC_PRIVATE, 8193, IPC_CREAT | 0600), EINVAL);
    ASSERT_TRUE(write_file("/proc/sys/kernel/shmmax", before));
}
TEST(proc_sys_kernel_shm, ENOSPC_beyond_shmmni) {
    char before[64];
    Segment one(1);
    ASSERT_GT(read_text("/proc/sys/kernel/shmmni", before, sizeof before), 0);
    ASSERT_TRUE(write_file("/proc/sys/kernel/shmmni", "1\n"));
    EXPECT_ERRNO(sys(SYS_shmget, IPC_PRIVATE, 1, IPC_CREAT | 0600), ENOSPC);
    ASSERT_TRUE(write_file("/proc/sys/kernel/shmmni", before));
}
