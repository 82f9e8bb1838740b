// Locked memory (mlock and its kin), memory limits, and other processes' memory.
#include "support.h"

#include <sys/resource.h>
#include <sys/uio.h>

#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif

namespace {

constexpr size_t page = 4096;

// VmLck of /proc/self/status in KiB.
long locked_kib() {
    static char text[8192];
    if (read_text("/proc/self/status", text, sizeof text) <= 0) return -1;
    const char* at = strstr(text, "VmLck:");
    return at ? atol(at + 6) : -1;
}

size_t resident(char* at, size_t pages) {
    unsigned char v[64] = {};
    if (mincore(at, pages * page, v) != 0) return 999;
    size_t n = 0;
    for (size_t i = 0; i < pages; i++) n += v[i] & 1;
    return n;
}

// Without CAP_IPC_LOCK, and with so many bytes that may be locked.
bool become_unprivileged(rlim_t lockable) {
    rlimit r{lockable, lockable};
    return setrlimit(RLIMIT_MEMLOCK, &r) == 0 && setuid(65534) == 0;
}

} // namespace

TEST(sys_mlock, makes_pages_resident) {
    Mapping m(2 * page);
    EXPECT_OK(mlock(m.data(), 2 * page));
    EXPECT_EQ(2u, resident(m.data(), 2));
    EXPECT_OK(munlock(m.data(), 2 * page));
}
TEST(sys_mlock, counts_in_VmLck_once) {
    Mapping m(8 * page);
    long before = locked_kib();
    EXPECT_OK(mlock(m.data(), 4 * page));
    EXPECT_EQ(before + 16, locked_kib());
    EXPECT_OK(mlock(m.data() + 2 * page, 4 * page));
    EXPECT_EQ(before + 24, locked_kib());
    EXPECT_OK(munlock(m.data() + page, page));
    EXPECT_EQ(before + 20, locked_kib());
    EXPECT_OK(munmap(m.data() + 5 * page, page));
    EXPECT_EQ(before + 16, locked_kib());
    EXPECT_OK(munlock(m.data(), 4 * page));
}
TEST(sys_mlock, rounds_to_whole_pages) {
    Mapping m(2 * page);
    long before = locked_kib();
    EXPECT_OK(mlock(m.data() + page - 1, 2));
    EXPECT_EQ(before + 8, locked_kib());
    EXPECT_OK(munlock(m.data(), 2 * page));
}
TEST(sys_mlock, is_not_inherited_by_fork) {
    Mapping m(2 * page);
    ASSERT_OK(mlock(m.data(), 2 * page));
    EXPECT_CHILD_OK([&] { return locked_kib() == 0 ? 0 : 1; });
    EXPECT_OK(munlock(m.data(), 2 * page));
}
TEST(sys_mlock, ENOMEM_on_hole) {
    Mapping m(3 * page);
    munmap(m.data() + page, page);
    EXPECT_ERRNO(mlock(m.data(), 3 * page), ENOMEM);
    EXPECT_OK(munlock(m.data(), page));
}
TEST(sys_mlock, EINVAL_when_the_range_wraps) { EXPECT_ERRNO(mlock(reinterpret_cast<void*>(page), ~0ul - page), EINVAL); }
TEST(sys_mlock, ENOMEM_beyond_RLIMIT_MEMLOCK) {
    Mapping m(8 * page);
    EXPECT_CHILD_OK([&] {
        CHECK(become_unprivileged(4 * page));
        CHECK(mlock(m.data(), 4 * page) == 0);
        CHECK(mlock(m.data(), 4 * page) == 0); // the same pages: not counted again
        CHECK_ERRNO(mlock(m.data() + 4 * page, page), ENOMEM);
        CHECK(munlock(m.data(), page) == 0);
        CHECK(mlock(m.data() + 4 * page, page) == 0);
        return 0;
    });
}
TEST(sys_mlock, EPERM_when_nothing_may_be_locked) {
    Mapping m(page);
    EXPECT_CHILD_OK([&] {
        CHECK(become_unprivileged(0));
        CHECK_ERRNO(mlock(m.data(), page), EPERM);
        return 0;
    });
}
TEST(sys_mlock, ENOMEM_on_inaccessible_pages) {
    Mapping m(page, PROT_NONE);
    EXPECT_ERRNO(mlock(m.data(), page), ENOMEM);
    EXPECT_OK(munlock(m.data(), page));
}

TEST(sys_mlock2, without_flags_makes_pages_resident) {
    Mapping m(2 * page);
    EXPECT_OK(sys(SYS_mlock2, m.data(), 2 * page, 0));
    EXPECT_EQ(2u, resident(m.data(), 2));
    EXPECT_OK(munlock(m.data(), 2 * page));
}
TEST(sys_mlock2, MLOCK_ONFAULT_leaves_untouched_pages_alone) {
    Mapping m(2 * page);
    long before = locked_kib();
    EXPECT_OK(sys(SYS_mlock2, m.data(), 2 * page, 1));
    EXPECT_EQ(0u, resident(m.data(), 2));
    EXPECT_EQ(before + 8, locked_kib());
    m.data()[0] = 1;
    EXPECT_EQ(1u, resident(m.data(), 2));
    EXPECT_OK(munlock(m.data(), 2 * page));
    EXPECT_EQ(before, locked_kib());
}
TEST(sys_mlock2, EINVAL_on_unknown_flag) {
    Mapping m(page);
    EXPECT_ERRNO(sys(SYS_mlock2, m.data(), page, 8), EINVAL);
}

TEST(sys_munlock, succeeds_on_unlocked_memory) {
    Mapping m(page);
    EXPECT_OK(munlock(m.data(), page));
}
TEST(sys_munlock, ENOMEM_on_hole) {
    Mapping m(2 * page);
    munmap(m.data(), page);
    EXPECT_ERRNO(munlock(m.data(), page), ENOMEM);
}

TEST(sys_mlockall, MCL_FUTURE_locks_later_mappings) {
    EXPECT_CHILD_OK([] {
        CHECK(mlockall(MCL_FUTURE) == 0);
        long before = locked_kib();
        char* m = static_cast<char*>(mmap(nullptr, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        CHECK(m != MAP_FAILED);
        CHECK(resident(m, 4) == 4);
        CHECK(locked_kib() == before + 16);
        CHECK(munlockall() == 0);
        CHECK(locked_kib() == 0);
        m = static_cast<char*>(mmap(nullptr, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        CHECK(m != MAP_FAILED);
        CHECK(resident(m, 4) == 0);
        return 0;
    });
}
TEST(sys_mlockall, MCL_CURRENT_locks_what_is_there) {
    Mapping m(4 * page);
    EXPECT_CHILD_OK([&] {
        CHECK(locked_kib() == 0);
        CHECK(mlockall(MCL_CURRENT) == 0);
        CHECK(locked_kib() >= 16);
        CHECK(resident(m.data(), 4) == 4);
        return 0;
    });
}
TEST(sys_mlockall, MCL_ONFAULT_touches_nothing) {
    Mapping m(4 * page);
    EXPECT_CHILD_OK([&] {
        CHECK(mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0);
        CHECK(resident(m.data(), 4) == 0);
        char* later = static_cast<char*>(mmap(nullptr, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        CHECK(later != MAP_FAILED);
        CHECK(resident(later, 4) == 0);
        CHECK(locked_kib() >= 32);
        return 0;
    });
}
TEST(sys_mlockall, EINVAL_on_bad_flags) {
    EXPECT_ERRNO(mlockall(0), EINVAL);
    EXPECT_ERRNO(mlockall(0x100), EINVAL);
    EXPECT_ERRNO(mlockall(MCL_ONFAULT), EINVAL);
}
TEST(sys_mlockall, ENOMEM_when_there_is_more_than_RLIMIT_MEMLOCK) {
    EXPECT_CHILD_OK([] {
        CHECK(become_unprivileged(2 * page));
        CHECK_ERRNO(mlockall(MCL_CURRENT), ENOMEM);
        return 0;
    });
}
TEST(sys_mlockall, EPERM_when_nothing_may_be_locked) {
    EXPECT_CHILD_OK([] {
        CHECK(become_unprivileged(0));
        CHECK_ERRNO(mlockall(MCL_CURRENT), EPERM);
        return 0;
    });
}

TEST(sys_munlockall, succeeds_without_locks) { EXPECT_OK(munlockall()); }
TEST(sys_munlockall, undoes_mlock) {
    Mapping m(2 * page);
    EXPECT_CHILD_OK([&] {
        CHECK(mlock(m.data(), 2 * page) == 0);
        CHECK(munlockall() == 0);
        CHECK(locked_kib() == 0);
        return 0;
    });
}

TEST(sys_mmap, MAP_LOCKED_makes_pages_resident_and_counts) {
    long before = locked_kib();
    Mapping m(2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED);
    EXPECT_EQ(2u, resident(m.data(), 2));
    EXPECT_EQ(before + 8, locked_kib());
}
TEST(sys_mmap, EAGAIN_when_MCL_FUTURE_meets_RLIMIT_MEMLOCK) {
    EXPECT_CHILD_OK([] {
        CHECK(become_unprivileged(4 * page));
        CHECK(mlockall(MCL_FUTURE) == 0);
        CHECK_ERRNO(reinterpret_cast<long>(mmap(nullptr, 8 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)), EAGAIN);
        return 0;
    });
}
TEST(sys_mmap, ENOMEM_beyond_RLIMIT_DATA) {
    EXPECT_CHILD_OK([] {
        rlimit r{page, page};
        CHECK(setrlimit(RLIMIT_DATA, &r) == 0);
        CHECK_ERRNO(reinterpret_cast<long>(mmap(nullptr, 64 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)), ENOMEM);
        CHECK(mmap(nullptr, 64 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
        return 0;
    });
}
TEST(sys_mprotect, ENOMEM_when_writable_pages_exceed_RLIMIT_DATA) {
    Mapping m(64 * page, PROT_READ);
    EXPECT_CHILD_OK([&] {
        rlimit r{page, page};
        CHECK(setrlimit(RLIMIT_DATA, &r) == 0);
        CHECK_ERRNO(mprotect(m.data(), 64 * page, PROT_READ | PROT_WRITE), ENOMEM);
        return 0;
    });
}
TEST(sys_mprotect, PROT_GROWSDOWN_reaches_to_the_start_of_a_stack) {
    Mapping m(4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN);
    EXPECT_OK(mprotect(m.data() + 2 * page, page, PROT_READ | PROT_GROWSDOWN));
    int fds[2];
    ASSERT_OK(pipe(fds));
    Fd r(fds[0]), w(fds[1]);
    EXPECT_EQ(1, write(w, "x", 1));
    EXPECT_ERRNO(read(r, m.data() + page, 1), EFAULT); // not writable any more
    EXPECT_EQ(1, read(r, m.data() + 3 * page, 1));
}
TEST(sys_mprotect, EINVAL_for_PROT_GROWSDOWN_on_no_stack) {
    Mapping m(page);
    EXPECT_ERRNO(mprotect(m.data(), page, PROT_READ | PROT_GROWSDOWN), EINVAL);
    EXPECT_ERRNO(mprotect(m.data(), page, PROT_READ | PROT_GROWSUP), EINVAL);
    EXPECT_ERRNO(mprotect(m.data(), page, PROT_READ | PROT_GROWSUP | PROT_GROWSDOWN), EINVAL);
}
TEST(sys_brk, ENOMEM_beyond_RLIMIT_DATA) {
    EXPECT_CHILD_OK([] {
        long now = sys(SYS_brk, 0ul);
        CHECK(sys(SYS_brk, now + 4 * page) == now + 4 * static_cast<long>(page));
        rlimit r{0, 0};
        CHECK(setrlimit(RLIMIT_DATA, &r) == 0);
        CHECK(sys(SYS_brk, now + 64 * page) == now + 4 * static_cast<long>(page)); // as it was: the C library's ENOMEM
        return 0;
    });
}
TEST(sys_mremap, MREMAP_DONTUNMAP_of_a_shared_mapping_keeps_the_file_in_both) {
    Fd f(memfd());
    ASSERT_OK(ftruncate(f, page));
    ASSERT_EQ(1, pwrite(f, "z", 1, 0));
    Mapping m(page, PROT_READ | PROT_WRITE, MAP_SHARED, f);
    ASSERT_EQ('z', m.data()[0]);
    char* q = static_cast<char*>(mremap(m.data(), page, page, MREMAP_MAYMOVE | 4, nullptr));
    ASSERT_NE(MAP_FAILED, static_cast<void*>(q));
    EXPECT_EQ('z', q[0]);
    EXPECT_EQ('z', m.data()[0]);
    munmap(q, page);
}
TEST(sys_mremap, keeps_a_lock_and_makes_the_new_part_resident) {
    Mapping m(2 * page);
    ASSERT_OK(mlock(m.data(), 2 * page));
    long before = locked_kib();
    char* q = static_cast<char*>(mremap(m.data(), 2 * page, 4 * page, MREMAP_MAYMOVE));
    ASSERT_NE(MAP_FAILED, static_cast<void*>(q));
    EXPECT_EQ(before + 8, locked_kib());
    EXPECT_EQ(4u, resident(q, 4));
    munmap(q, 4 * page);
}
TEST(sys_mremap, EAGAIN_when_a_locked_mapping_outgrows_RLIMIT_MEMLOCK) {
    Mapping m(2 * page);
    EXPECT_CHILD_OK([&] {
        CHECK(become_unprivileged(2 * page));
        CHECK(mlock(m.data(), 2 * page) == 0);
        CHECK_ERRNO(reinterpret_cast<long>(mremap(m.data(), 2 * page, 4 * page, MREMAP_MAYMOVE)), EAGAIN);
        return 0;
    });
}
TEST(sys_msync, EBUSY_for_MS_INVALIDATE_of_locked_pages) {
    Mapping m(page);
    EXPECT_OK(msync(m.data(), page, MS_SYNC | MS_INVALIDATE));
    ASSERT_OK(mlock(m.data(), page));
    EXPECT_ERRNO(msync(m.data(), page, MS_SYNC | MS_INVALIDATE), EBUSY);
    munlock(m.data(), page);
}
TEST(sys_mincore, tells_strangers_nothing_of_a_file) {
    Fd f(memfd());
    ASSERT_OK(fchmod(f, 0444));
    ASSERT_OK(ftruncate(f, 4 * page));
    EXPECT_CHILD_OK([&] {
        CHECK(setuid(65534) == 0);
        char* m = static_cast<char*>(mmap(nullptr, 4 * page, PROT_READ, MAP_SHARED, f, 0));
        CHECK(m != MAP_FAILED);
        CHECK(resident(m, 4) == 4);
        return 0;
    });
    Mapping mine(4 * page, PROT_READ, MAP_SHARED, f);
    EXPECT_EQ(0u, resident(mine.data(), 4));
}

TEST(sys_madvise, MADV_REMOVE_makes_a_hole_in_the_file) {
    Fd f(memfd());
    ASSERT_OK(ftruncate(f, 2 * page));
    ASSERT_EQ(1, pwrite(f, "a", 1, 0));
    ASSERT_EQ(1, pwrite(f, "b", 1, page));
    Mapping m(2 * page, PROT_READ | PROT_WRITE, MAP_SHARED, f);
    EXPECT_EQ('a', m.data()[0]);
    EXPECT_OK(madvise(m.data(), page, MADV_REMOVE));
    EXPECT_EQ(0, m.data()[0]);
    EXPECT_EQ('b', m.data()[page]);
    char c = 'x';
    EXPECT_EQ(1, pread(f, &c, 1, 0));
    EXPECT_EQ(0, c);
}
TEST(sys_madvise, EINVAL_and_EACCES_of_MADV_REMOVE) {
    Mapping m(page);
    EXPECT_ERRNO(madvise(m.data(), page, MADV_REMOVE), EINVAL);
    Fd f(memfd());
    ASSERT_OK(ftruncate(f, page));
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", static_cast<int>(f));
    Fd reader(open(path, O_RDONLY));
    Mapping read_only(page, PROT_READ, MAP_SHARED, reader);
    EXPECT_ERRNO(madvise(read_only.data(), page, MADV_REMOVE), EACCES);
}
TEST(sys_madvise, MADV_DONTNEED_LOCKED_empties_locked_pages) {
    Mapping m(page);
    m.data()[0] = 'x';
    ASSERT_OK(mlock(m.data(), page));
    EXPECT_ERRNO(madvise(m.data(), page, MADV_DONTNEED), EINVAL);
    EXPECT_OK(madvise(m.data(), page, 24)); // MADV_DONTNEED_LOCKED
    EXPECT_EQ(0, m.data()[0]);
    munlock(m.data(), page);
}

TEST(sys_process_vm_readv, reads_its_own_memory) {
    char from[3] = {1, 2, 3}, to[3] = {};
    iovec l{to, 3}, r{from, 3};
    EXPECT_EQ(3, sys(SYS_process_vm_readv, getpid(), &l, 1ul, &r, 1ul, 0ul));
    EXPECT_EQ(0, memcmp(from, to, 3));
}
TEST(sys_process_vm_readv, reads_a_child) {
    Pipe ready, go;
    Mapping m(2 * page);
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        memset(m.data(), 'c', 2 * page);
        write(ready.w, "r", 1);
        char c;
        read(go.r, &c, 1);
        _exit(0);
    }
    char c;
    ASSERT_EQ(1, read(ready.r, &c, 1));
    Mapping to(2 * page);
    iovec l[2] = {{to.data(), 100}, {to.data() + 100, page}}, r[2] = {{m.data() + 10, page}, {m.data() + page, 100}};
    EXPECT_EQ(static_cast<long>(page + 100), sys(SYS_process_vm_readv, child, l, 2ul, r, 2ul, 0ul));
    EXPECT_EQ('c', to.data()[0]);
    EXPECT_EQ('c', to.data()[page + 99]);
    EXPECT_EQ(0, to.data()[page + 100]);
    EXPECT_EQ(0, m.data()[0]);
    write(go.w, "g", 1);
    EXPECT_EQ(0, wait_for(child));
}
TEST(sys_process_vm_readv, ends_at_a_hole) {
    Mapping m(2 * page);
    munmap(m.data() + page, page);
    char to[200];
    iovec l{to, 200}, r{m.data() + page - 100, 200};
    EXPECT_EQ(100, sys(SYS_process_vm_readv, getpid(), &l, 1ul, &r, 1ul, 0ul));
}
TEST(sys_process_vm_readv, EFAULT_on_a_hole) {
    char to[4];
    iovec l{to, 4}, r{unmapped_address, 4};
    EXPECT_ERRNO(sys(SYS_process_vm_readv, getpid(), &l, 1ul, &r, 1ul, 0ul), EFAULT);
}
TEST(sys_process_vm_readv, ESRCH_on_missing_process) {
    char c;
    iovec l{&c, 1};
    EXPECT_ERRNO(sys(SYS_process_vm_readv, 0x3fffffff, &l, 1ul, &l, 1ul, 0ul), ESRCH);
}
TEST(sys_process_vm_readv, EINVAL_on_flags_and_counts) {
    char c;
    iovec l{&c, 1};
    EXPECT_ERRNO(sys(SYS_process_vm_readv, getpid(), &l, 1ul, &l, 1ul, 1ul), EINVAL);
    EXPECT_ERRNO(sys(SYS_process_vm_readv, getpid(), &l, 1ul, &l, 1025ul, 0ul), EINVAL);
}
TEST(sys_process_vm_readv, EPERM_for_a_stranger) {
    pid_t parent = getpid();
    EXPECT_CHILD_OK([&] {
        CHECK(setuid(65534) == 0);
        char c = 0;
        iovec l{&c, 1};
        CHECK_ERRNO(sys(SYS_process_vm_readv, parent, &l, 1ul, &l, 1ul, 0ul), EPERM);
        return 0;
    });
}
TEST(sys_process_vm_writev, writes_to_a_child) {
    Pipe ready, go;
    Mapping m(page);
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        m.data()[0] = 'c';
        write(ready.w, "r", 1);
        char c;
        read(go.r, &c, 1);
        _exit(memcmp(m.data(), "hello", 5) == 0 ? 0 : 1);
    }
    char c;
    ASSERT_EQ(1, read(ready.r, &c, 1));
    char text[] = "hello";
    iovec l{text, 5}, r{m.data(), 5};
    EXPECT_EQ(5, sys(SYS_process_vm_writev, child, &l, 1ul, &r, 1ul, 0ul));
    EXPECT_EQ(0, m.data()[0]);
    write(go.w, "g", 1);
    EXPECT_EQ(0, wait_for(child));
}
TEST(sys_process_vm_writev, EFAULT_on_read_only_memory) {
    Mapping m(page, PROT_READ);
    char c = 1;
    iovec l{&c, 1}, r{m.data(), 1};
    EXPECT_ERRNO(sys(SYS_process_vm_writev, getpid(), &l, 1ul, &r, 1ul, 0ul), EFAULT);
}
