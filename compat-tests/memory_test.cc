// mmap and its kin, brk, memory advice, page faults on mappings.
#include "support.h"

#include <setjmp.h>
#include <sys/resource.h>
#include <sys/uio.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MAP_SHARED_VALIDATE
#define MAP_SHARED_VALIDATE 3
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

namespace {

constexpr size_t page = 4096;

sigjmp_buf fault_jump;
siginfo_t fault_info;
void on_fault(int, siginfo_t* si, void*) {
    fault_info = *si;
    siglongjmp(fault_jump, 1);
}

// Runs an access; returns the signal that it raised, or 0. si_code and si_addr are in fault_info.
template <class F>
int fault_of(F access) {
    SignalAction segv(SIGSEGV, on_fault), bus(SIGBUS, on_fault);
    fault_info = {};
    if (sigsetjmp(fault_jump, 1) == 0) {
        access();
        return 0;
    }
    return fault_info.si_signo;
}

char peek(const volatile char* p) { return *p; }
void poke(volatile char* p, char c) { *p = c; }

// A file of n pages; byte 0 of page i is 'a' + i.
struct PagedFile {
    TempDir dir;
    Fd fd;
    explicit PagedFile(size_t pages) {
        fd.reset(open(dir / "f", O_RDWR | O_CREAT, 0600));
        ftruncate(fd, pages * page);
        for (size_t i = 0; i < pages; i++) {
            char c = static_cast<char>('a' + i);
            pwrite(fd, &c, 1, i * page);
        }
    }
};

bool mapped(void* p) {
    unsigned char v;
    return mincore(p, page, &v) == 0;
}

} // namespace

TEST(sys_mmap, anonymous_memory_is_zero_and_writable) {
    Mapping m(16 * page);
    ASSERT_TRUE(m.valid());
    for (size_t i = 0; i < m.size(); i += 512) {
        ASSERT_EQ(0, m[i]);
    }
    memset(m.data(), 0x5a, m.size());
    EXPECT_EQ(0x5a, m[m.size() - 1]);
}
TEST(sys_mmap, length_is_rounded_up_to_pages) {
    Mapping m(1);
    EXPECT_EQ(0, fault_of([&] { poke(m.data() + page - 1, 1); }));
}
TEST(sys_mmap, hint_is_taken_when_free) {
    Mapping probe(64 * page);
    char* where = probe.data() + 16 * page;
    munmap(where, page);
    void* p = mmap(where, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_EQ(static_cast<void*>(where), p);
}
TEST(sys_mmap, MAP_FIXED_replaces) {
    Mapping m(3 * page);
    memset(m.data(), 1, m.size());
    void* p = mmap(m.data() + page, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    EXPECT_EQ(static_cast<void*>(m.data() + page), p);
    EXPECT_EQ(1, m[page - 1]);
    EXPECT_EQ(0, m[page]);
    EXPECT_EQ(1, m[2 * page]);
}
TEST(sys_mmap, EEXIST_with_MAP_FIXED_NOREPLACE) {
    Mapping m(page);
    EXPECT_ERRNO(mmap(m.data(), page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
}
TEST(sys_mmap, private_file_mapping_reads_the_file_and_keeps_writes) {
    PagedFile f(2);
    Mapping m(2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, f.fd);
    EXPECT_EQ('a', m[0]);
    EXPECT_EQ('b', m[page]);
    m[0] = 'X';
    char c;
    pread(f.fd, &c, 1, 0);
    EXPECT_EQ('a', c);
}
TEST(sys_mmap, private_mapping_sees_later_file_writes_until_it_is_written) {
    PagedFile f(1);
    Mapping m(page, PROT_READ | PROT_WRITE, MAP_PRIVATE, f.fd);
    EXPECT_EQ('a', m[0]);
    pwrite(f.fd, "Q", 1, 0);
    EXPECT_EQ('Q', m[0]);
    m[1] = 1;
    pwrite(f.fd, "R", 1, 0);
    EXPECT_EQ('Q', m[0]);
}
TEST(sys_mmap, shared_file_mapping_writes_the_file) {
    PagedFile f(1);
    Mapping m(page, PROT_READ | PROT_WRITE, MAP_SHARED, f.fd);
    m[5] = 'Z';
    char c;
    pread(f.fd, &c, 1, 5);
    EXPECT_EQ('Z', c);
    pwrite(f.fd, "W", 1, 6);
    EXPECT_EQ('W', m[6]);
}
TEST(sys_mmap, shared_anonymous_memory_is_shared_with_a_child) {
    Mapping m(page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
    EXPECT_CHILD_OK([&] {
        m[0] = 42;
        return 0;
    });
    EXPECT_EQ(42, m[0]);
}
TEST(sys_mmap, private_memory_is_copied_for_a_child) {
    Mapping m(page);
    m[0] = 1;
    EXPECT_CHILD_OK([&] {
        CHECK(m[0] == 1);
        m[0] = 2;
        return 0;
    });
    EXPECT_EQ(1, m[0]);
}
TEST(sys_mmap, offset_selects_the_page) {
    PagedFile f(3);
    Mapping m(page, PROT_READ, MAP_PRIVATE, f.fd, 2 * page);
    EXPECT_EQ('c', m[0]);
}
TEST(sys_mmap, outlives_its_descriptor_and_name) {
    PagedFile f(1);
    Mapping m(page, PROT_READ, MAP_SHARED, f.fd);
    f.fd.reset();
    unlink(f.dir / "f");
    EXPECT_EQ('a', m[0]);
}
TEST(sys_mmap, rest_of_the_last_page_is_zero) {
    PagedFile f(1);
    ftruncate(f.fd, 10);
    Mapping m(page, PROT_READ, MAP_PRIVATE, f.fd);
    EXPECT_EQ(0, m[10] | m[100] | m[page - 1]);
}
TEST(sys_mmap, SIGBUS_beyond_the_end_of_the_file) {
    PagedFile f(1);
    Mapping m(3 * page, PROT_READ, MAP_SHARED, f.fd);
    EXPECT_EQ(SIGBUS, fault_of([&] { peek(m.data() + page); }));
    EXPECT_EQ(BUS_ADRERR, fault_info.si_code);
    EXPECT_EQ(static_cast<void*>(m.data() + page), fault_info.si_addr);
}
TEST(sys_mmap, SIGBUS_after_the_file_shrinks) {
    PagedFile f(2);
    Mapping m(2 * page, PROT_READ | PROT_WRITE, MAP_SHARED, f.fd);
    EXPECT_EQ('b', m[page]);
    ftruncate(f.fd, page);
    EXPECT_EQ(SIGBUS, fault_of([&] { peek(m.data() + page); }));
    EXPECT_EQ('a', m[0]);
    ftruncate(f.fd, 2 * page);
    EXPECT_EQ(0, m[page]);
}
TEST(sys_mmap, PROT_NONE_faults_with_SEGV_ACCERR) {
    Mapping m(page, PROT_NONE);
    EXPECT_EQ(SIGSEGV, fault_of([&] { peek(m.data()); }));
    EXPECT_EQ(SEGV_ACCERR, fault_info.si_code);
    EXPECT_EQ(static_cast<void*>(m.data()), fault_info.si_addr);
}
TEST(sys_mmap, read_only_memory_faults_on_write) {
    Mapping m(page, PROT_READ);
    EXPECT_EQ(0, fault_of([&] { peek(m.data()); }));
    EXPECT_EQ(SIGSEGV, fault_of([&] { poke(m.data(), 1); }));
    EXPECT_EQ(SEGV_ACCERR, fault_info.si_code);
}
TEST(sys_mmap, MAP_POPULATE_makes_pages_resident) {
    Mapping m(4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE);
    unsigned char v[4] = {};
    EXPECT_OK(mincore(m.data(), 4 * page, v));
    EXPECT_EQ(4, (v[0] & 1) + (v[1] & 1) + (v[2] & 1) + (v[3] & 1));
}
TEST(sys_mmap, MAP_NORESERVE_of_a_huge_range_works) {
    Mapping m(1ul << 36, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
    ASSERT_TRUE(m.valid());
    m[1ul << 35] = 7;
    EXPECT_EQ(7, m[1ul << 35]);
    EXPECT_EQ(0, m[(1ul << 36) - 1]);
}
TEST(sys_mmap, MAP_32BIT_stays_below_two_GiB) {
    Mapping m(page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | 0x40);
    ASSERT_TRUE(m.valid());
    EXPECT_LT(reinterpret_cast<uintptr_t>(m.data()), 1ul << 31);
}
TEST(sys_mmap, dev_zero_is_anonymous_memory) {
    Fd fd(open("/dev/zero", O_RDWR));
    Mapping m(page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
    ASSERT_TRUE(m.valid());
    EXPECT_EQ(0, m[7]);
    m[7] = 1;
}
TEST(sys_mmap, executable_memory_runs) {
    Mapping m(page, PROT_READ | PROT_WRITE | PROT_EXEC);
    ASSERT_TRUE(m.valid());
    memcpy(m.data(), "\xb8\x2a\x00\x00\x00\xc3", 6); // mov $42,%eax; ret
    EXPECT_EQ(42, reinterpret_cast<int (*)()>(m.data())());
}
TEST(sys_mmap, memory_without_PROT_EXEC_does_not_run) {
    Mapping m(page);
    m[0] = '\xc3';
    EXPECT_EQ(SIGSEGV, fault_of([&] { reinterpret_cast<void (*)()>(m.data())(); }));
    EXPECT_EQ(SEGV_ACCERR, fault_info.si_code);
}
TEST(sys_mmap, neighbours_with_equal_rights_become_one_line_in_maps) {
    Mapping m(3 * page, PROT_READ);
    mprotect(m.data() + page, page, PROT_READ | PROT_WRITE);
    mprotect(m.data() + page, page, PROT_READ);
    EXPECT_TRUE(mapped(m.data()));
    EXPECT_TRUE(mapped(m.data() + 2 * page));
}
TEST(sys_mmap, EINVAL_on_zero_length_and_bad_flags) {
    EXPECT_ERRNO(mmap(nullptr, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EINVAL);
    EXPECT_ERRNO(mmap(nullptr, page, PROT_READ, MAP_ANONYMOUS, -1, 0), EINVAL);
}
TEST(sys_mmap, EINVAL_on_misaligned_offset_and_fixed_address) {
    PagedFile f(1);
    EXPECT_ERRNO(sys(SYS_mmap, nullptr, page, PROT_READ, MAP_PRIVATE, f.fd.get(), 100L), EINVAL);
    Mapping m(2 * page);
    EXPECT_ERRNO(mmap(m.data() + 1, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), EINVAL);
}
TEST(sys_mmap, EBADF_on_closed_descriptor) {
    EXPECT_ERRNO(mmap(nullptr, page, PROT_READ, MAP_PRIVATE, closed_fd(), 0), EBADF);
}
TEST(sys_mmap, EACCES_on_write_only_descriptor_and_shared_writing_of_read_only_one) {
    PagedFile f(1);
    Fd wo(open(f.dir / "f", O_WRONLY)), ro(open(f.dir / "f", O_RDONLY));
    EXPECT_ERRNO(mmap(nullptr, page, PROT_READ, MAP_PRIVATE, wo, 0), EACCES);
    EXPECT_ERRNO(mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, ro, 0), EACCES);
    Mapping fine(page, PROT_READ | PROT_WRITE, MAP_PRIVATE, ro);
    EXPECT_TRUE(fine.valid());
}
TEST(sys_mmap, ENODEV_on_pipe_and_folder) {
    Pipe p;
    EXPECT_ERRNO(mmap(nullptr, page, PROT_READ, MAP_PRIVATE, p.r, 0), ENODEV);
    Fd dir(open("/tmp", O_RDONLY));
    EXPECT_ERRNO(mmap(nullptr, page, PROT_READ, MAP_PRIVATE, dir, 0), ENODEV);
}
TEST(sys_mmap, ENOMEM_beyond_the_address_space) {
    EXPECT_ERRNO(mmap(nullptr, 1ul << 47, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), ENOMEM);
    EXPECT_ERRNO(mmap(nullptr, ~0ul - page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
    EXPECT_ERRNO(sys(SYS_mmap, kernel_address, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0L), ENOMEM);
}
TEST(sys_mmap, EOVERFLOW_on_huge_offset) {
    PagedFile f(1);
    EXPECT_ERRNO(sys(SYS_mmap, nullptr, 2 * page, PROT_READ, MAP_PRIVATE, f.fd.get(), -4096L), EOVERFLOW);
}
TEST(sys_mmap, ENOMEM_above_RLIMIT_AS) {
    EXPECT_CHILD_OK([] {
        rlimit lim{64 << 20, 64 << 20};
        CHECK(setrlimit(RLIMIT_AS, &lim) == 0);
        CHECK_ERRNO(mmap(nullptr, 65 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
        return 0;
    });
}
TEST(sys_mmap, EOPNOTSUPP_on_unknown_flag_with_MAP_SHARED_VALIDATE) {
    PagedFile f(1);
    EXPECT_ERRNO(mmap(nullptr, page, PROT_READ, MAP_SHARED_VALIDATE | 0x200, f.fd, 0), EOPNOTSUPP);
}
TEST(sys_mmap, EPERM_at_page_zero_for_a_plain_user) {
    EXPECT_CHILD_OK([] {
        CHECK(setresuid(1000, 1000, 1000) == 0);
        CHECK_ERRNO(mmap(nullptr, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), EPERM);
        return 0;
    });
}

TEST(sys_munmap, makes_a_hole_in_the_middle) {
    Mapping m(3 * page);
    memset(m.data(), 1, m.size());
    EXPECT_OK(munmap(m.data() + page, page));
    EXPECT_EQ(1, m[0]);
    EXPECT_EQ(1, m[2 * page]);
    EXPECT_EQ(SIGSEGV, fault_of([&] { peek(m.data() + page); }));
    EXPECT_EQ(SEGV_MAPERR, fault_info.si_code);
}
TEST(sys_munmap, of_a_hole_succeeds) {
    Mapping m(page);
    munmap(m.data(), page);
    EXPECT_OK(munmap(m.data(), page));
}
TEST(sys_munmap, EINVAL_on_misaligned_address_zero_length_and_kernel_range) {
    Mapping m(page);
    EXPECT_ERRNO(munmap(m.data() + 1, page), EINVAL);
    EXPECT_ERRNO(munmap(m.data(), 0), EINVAL);
    EXPECT_ERRNO(munmap(kernel_address, page), EINVAL);
}
TEST(sys_mprotect, takes_and_gives_rights) {
    Mapping m(page);
    m[0] = 5;
    EXPECT_OK(mprotect(m.data(), page, PROT_READ));
    EXPECT_EQ(SIGSEGV, fault_of([&] { poke(m.data(), 1); }));
    EXPECT_OK(mprotect(m.data(), page, PROT_READ | PROT_WRITE));
    EXPECT_EQ(0, fault_of([&] { poke(m.data(), 1); }));
}
TEST(sys_mprotect, splits_a_mapping) {
    Mapping m(3 * page);
    EXPECT_OK(mprotect(m.data() + page, page, PROT_NONE));
    EXPECT_EQ(0, fault_of([&] { poke(m.data(), 1); }));
    EXPECT_EQ(SIGSEGV, fault_of([&] { peek(m.data() + page); }));
    EXPECT_EQ(0, fault_of([&] { poke(m.data() + 2 * page, 1); }));
}
TEST(sys_mprotect, of_zero_length_succeeds) {
    Mapping m(page);
    EXPECT_OK(mprotect(m.data(), 0, PROT_NONE));
    EXPECT_EQ(0, fault_of([&] { peek(m.data()); }));
}
TEST(sys_mprotect, EACCES_on_shared_mapping_of_read_only_descriptor) {
    PagedFile f(1);
    Fd ro(open(f.dir / "f", O_RDONLY));
    Mapping m(page, PROT_READ, MAP_SHARED, ro);
    EXPECT_ERRNO(mprotect(m.data(), page, PROT_READ | PROT_WRITE), EACCES);
}
TEST(sys_mprotect, ENOMEM_on_hole) {
    Mapping m(3 * page);
    munmap(m.data() + page, page);
    EXPECT_ERRNO(mprotect(m.data(), 3 * page, PROT_READ), ENOMEM);
}
TEST(sys_mprotect, EINVAL_on_misaligned_address_and_bad_rights) {
    Mapping m(page);
    EXPECT_ERRNO(sys(SYS_mprotect, m.data() + 1, page, PROT_READ), EINVAL);
    EXPECT_ERRNO(sys(SYS_mprotect, m.data(), page, 0x1000), EINVAL);
}

TEST(sys_mremap, grows_and_keeps_the_data) {
    char* p = static_cast<char*>(mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    p[0] = 9;
    char* q = static_cast<char*>(mremap(p, page, 64 * page, MREMAP_MAYMOVE));
    ASSERT_NE(MAP_FAILED, static_cast<void*>(q));
    EXPECT_EQ(9, q[0]);
    EXPECT_EQ(0, q[64 * page - 1]);
    munmap(q, 64 * page);
}
TEST(sys_mremap, shrinks_in_place) {
    Mapping m(4 * page);
    EXPECT_EQ(static_cast<void*>(m.data()), mremap(m.data(), 4 * page, page, 0));
    EXPECT_FALSE(mapped(m.data() + page));
}
TEST(sys_mremap, MREMAP_FIXED_moves_there) {
    Mapping from(page), to(page);
    from[0] = 3;
    EXPECT_EQ(static_cast<void*>(to.data()),
              mremap(from.data(), page, page, MREMAP_MAYMOVE | MREMAP_FIXED, to.data()));
    EXPECT_EQ(3, to[0]);
    EXPECT_FALSE(mapped(from.data()));
}
TEST(sys_mremap, MREMAP_DONTUNMAP_leaves_zeros_behind) {
    Mapping from(page);
    from[0] = 3;
    char* q = static_cast<char*>(mremap(from.data(), page, page, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, nullptr));
    ASSERT_NE(MAP_FAILED, static_cast<void*>(q));
    EXPECT_EQ(3, q[0]);
    EXPECT_EQ(0, from[0]);
    munmap(q, page);
}
TEST(sys_mremap, of_a_file_mapping_shows_more_of_the_file) {
    PagedFile f(3);
    char* p = static_cast<char*>(mmap(nullptr, page, PROT_READ, MAP_SHARED, f.fd, 0));
    char* q = static_cast<char*>(mremap(p, page, 3 * page, MREMAP_MAYMOVE));
    ASSERT_NE(MAP_FAILED, static_cast<void*>(q));
    EXPECT_EQ('c', q[2 * page]);
    munmap(q, 3 * page);
}
TEST(sys_mremap, ENOMEM_without_room_and_MAYMOVE) {
    Mapping m(2 * page);
    EXPECT_ERRNO(mremap(m.data(), page, 2 * page, 0), ENOMEM);
}
TEST(sys_mremap, EFAULT_on_hole) {
    Mapping m(page);
    munmap(m.data(), page);
    EXPECT_ERRNO(mremap(m.data(), page, 2 * page, MREMAP_MAYMOVE), EFAULT);
}
TEST(sys_mremap, EINVAL_on_bad_arguments) {
    Mapping m(2 * page);
    EXPECT_ERRNO(mremap(m.data() + 1, page, page, 0), EINVAL);
    EXPECT_ERRNO(mremap(m.data(), page, 0, 0), EINVAL);
    EXPECT_ERRNO(mremap(m.data(), page, page, 0x100), EINVAL);
    EXPECT_ERRNO(mremap(m.data(), page, page, MREMAP_FIXED, m.data() + page), EINVAL);
}

TEST(sys_madvise, DONTNEED_drops_anonymous_pages) {
    Mapping m(2 * page);
    memset(m.data(), 7, m.size());
    EXPECT_OK(madvise(m.data(), page, MADV_DONTNEED));
    EXPECT_EQ(0, m[0]);
    EXPECT_EQ(7, m[page]);
}
TEST(sys_madvise, DONTNEED_of_private_file_pages_shows_the_file_again) {
    PagedFile f(1);
    Mapping m(page, PROT_READ | PROT_WRITE, MAP_PRIVATE, f.fd);
    m[0] = 'X';
    EXPECT_OK(madvise(m.data(), page, MADV_DONTNEED));
    EXPECT_EQ('a', m[0]);
}
TEST(sys_madvise, hints_are_accepted) {
    Mapping m(page);
    for (int advice : (int[]){MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, 8 /* FREE */, MADV_DONTFORK,
                       MADV_DOFORK, MADV_DONTDUMP, MADV_DODUMP}) {
        EXPECT_OK(madvise(m.data(), page, advice)) ;
    }
}
TEST(sys_madvise, WIPEONFORK_gives_the_child_zeros) {
    Mapping m(page);
    m[0] = 1;
    ASSERT_OK(madvise(m.data(), page, 18));
    EXPECT_CHILD_OK([&] {
        CHECK(m[0] == 0);
        return 0;
    });
    EXPECT_EQ(1, m[0]);
}
TEST(sys_madvise, DONTFORK_leaves_the_child_without) {
    Mapping m(page);
    ASSERT_OK(madvise(m.data(), page, MADV_DONTFORK));
    EXPECT_CHILD_SIGNAL(SIGSEGV, [&] { return m[0]; });
}
TEST(sys_madvise, ENOMEM_on_hole) {
    Mapping m(page);
    munmap(m.data(), page);
    EXPECT_ERRNO(madvise(m.data(), page, MADV_WILLNEED), ENOMEM);
}
TEST(sys_madvise, EINVAL_on_unknown_advice_and_misaligned_address) {
    Mapping m(page);
    EXPECT_ERRNO(madvise(m.data(), page, 9999), EINVAL);
    EXPECT_ERRNO(madvise(m.data() + 1, page, MADV_NORMAL), EINVAL);
}
TEST(sys_msync, writes_back) {
    PagedFile f(1);
    Mapping m(page, PROT_READ | PROT_WRITE, MAP_SHARED, f.fd);
    m[0] = 'S';
    EXPECT_OK(msync(m.data(), page, MS_SYNC));
    EXPECT_OK(msync(m.data(), page, MS_ASYNC));
}
TEST(sys_msync, ENOMEM_on_hole) {
    Mapping m(page);
    munmap(m.data(), page);
    EXPECT_ERRNO(msync(m.data(), page, MS_SYNC), ENOMEM);
}
TEST(sys_msync, EINVAL_on_contradicting_flags_and_misaligned_address) {
    Mapping m(page);
    EXPECT_ERRNO(msync(m.data(), page, MS_SYNC | MS_ASYNC), EINVAL);
    EXPECT_ERRNO(msync(m.data() + 1, page, MS_SYNC), EINVAL);
}
TEST(sys_mincore, tells_touched_pages) {
    Mapping m(2 * page);
    madvise(m.data(), m.size(), 15 /* NOHUGEPAGE */);
    m[page] = 1;
    unsigned char v[2] = {};
    EXPECT_OK(mincore(m.data(), 2 * page, v));
    EXPECT_EQ(0, v[0] & 1);
    EXPECT_EQ(1, v[1] & 1);
}
TEST(sys_mincore, ENOMEM_on_hole) {
    Mapping m(page);
    munmap(m.data(), page);
    unsigned char v;
    EXPECT_ERRNO(mincore(m.data(), page, &v), ENOMEM);
}
TEST(sys_mincore, EINVAL_on_misaligned_address) {
    Mapping m(page);
    unsigned char v;
    EXPECT_ERRNO(mincore(m.data() + 1, page, &v), EINVAL);
}

TEST(sys_brk, grows_with_zeros_and_shrinks) {
    EXPECT_CHILD_OK([] {
        char* start = reinterpret_cast<char*>(sys(SYS_brk, 0L));
        char* end = start + 5 * page;
        CHECK(reinterpret_cast<char*>(sys(SYS_brk, end)) == end);
        CHECK(start[4 * page] == 0);
        start[4 * page] = 1;
        CHECK(reinterpret_cast<char*>(sys(SYS_brk, start)) == start);
        CHECK(reinterpret_cast<char*>(sys(SYS_brk, end)) == end);
        CHECK(start[4 * page] == 0);
        return 0;
    });
}
TEST(sys_brk, impossible_value_leaves_the_break) {
    long now = sys(SYS_brk, 0L);
    EXPECT_EQ(now, sys(SYS_brk, 0x7ffffffff000L));
    EXPECT_EQ(now, sys(SYS_brk, 1L));
}
