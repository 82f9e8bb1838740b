// Look-ups beside changes: what one thread looks up (a descriptor, a name, a place, a page) stays right while another one changes
// what lies around it.
#include "support.h"

namespace {

/// Counts from several threads.
class Count {
  public:
    void operator++() { __atomic_fetch_add(&n_, 1, __ATOMIC_SEQ_CST); }
    int load() const { return __atomic_load_n(&n_, __ATOMIC_SEQ_CST); }

  private:
    int n_ = 0;
};

void make_file(const char* path) { close(open(path, O_CREAT | O_RDWR, 0600)); }

/// Runs `change` over and over in this thread until `look` has run `rounds` times in another one.
template <class Look, class Change>
void beside(int rounds, Look look, Change change) {
    Count over;
    Thread t([&] {
        for (int i = 0; i < rounds; ++i) look();
        ++over;
    });
    while (!over.load()) change();
    t.join();
}

} // namespace

TEST(thread_lookup, dup2_over_a_descriptor_that_is_read_is_never_EBADF) {
    int zero = open("/dev/zero", O_RDONLY), target = dup(zero);
    Count wrong;
    beside(
        3000,
        [&] {
            char c;
            if (read(target, &c, 1) != 1) ++wrong;
        },
        [&] {
            int fresh = open("/dev/zero", O_RDONLY);
            dup2(fresh, target);
            close(fresh);
        });
    EXPECT_EQ(0, wrong.load());
    close(target);
    close(zero);
}
TEST(thread_lookup, table_that_grows_keeps_its_descriptors) {
    int zero = open("/dev/zero", O_RDONLY);
    Count wrong;
    int high = 64;
    beside(
        3000,
        [&] {
            char c;
            if (read(zero, &c, 1) != 1) ++wrong;
        },
        [&] {
            if (high < 900) close(dup2(zero, high++));
        });
    EXPECT_EQ(0, wrong.load());
    close(zero);
}
TEST(thread_lookup, name_is_found_while_others_are_renamed_and_made) {
    TempDir dir;
    const char *kept = dir / "kept", *nothing = dir / "nothing", *here = dir / "here";
    const char* there = dir / "a_name_that_is_longer_than_what_fits_beside_its_entry_in_memory";
    make_file(kept);
    make_file(here);
    Count missing, ghosts;
    int made = 0;
    beside(
        1000,
        [&] {
            struct stat s;
            if (stat(kept, &s) != 0) ++missing;
            if (stat(nothing, &s) == 0 || errno != ENOENT) ++ghosts;
        },
        [&] {
            rename(here, there);
            rename(there, here);
            char name[128];
            snprintf(name, sizeof name, "%s/n%d", dir.path(), made++ % 300);
            make_file(name);
            if (made % 3) unlink(name);
        });
    EXPECT_EQ(0, missing.load());
    EXPECT_EQ(0, ghosts.load());
}
TEST(thread_lookup, relative_path_begins_in_one_of_the_two_directories) {
    TempDir dir;
    const char *a = dir / "a", *b = dir / "b";
    mkdir(a, 0700);
    mkdir(b, 0700);
    make_file(dir / "a/file");
    make_file(dir / "b/file");
    int old = open(".", O_RDONLY | O_DIRECTORY);
    chdir(a);
    Count wrong;
    beside(
        1000,
        [&] {
            struct stat s;
            if (stat("file", &s) != 0) ++wrong;
        },
        [&] {
            chdir(b);
            chdir(a);
        });
    fchdir(old);
    close(old);
    EXPECT_EQ(0, wrong.load());
}
TEST(thread_lookup, links_made_and_removed_by_two_threads_are_counted) {
    TempDir dir;
    const char *file = dir / "file", *one = dir / "d1/l", *two = dir / "d2/l";
    make_file(file);
    mkdir(dir / "d1", 0700);
    mkdir(dir / "d2", 0700);
    Count wrong;
    auto flip = [&](const char* name) {
        if (link(file, name) != 0 || unlink(name) != 0) ++wrong;
    };
    beside(1000, [&] { flip(one); }, [&] { flip(two); });
    struct stat s;
    ASSERT_EQ(0, stat(file, &s));
    EXPECT_EQ(1, s.st_nlink);
    EXPECT_EQ(0, wrong.load());
}
TEST(thread_lookup, pages_touched_by_two_threads_of_one_mapping_keep_what_was_stored) {
    constexpr size_t pages = 256, size = 4096;
    Count wrong;
    for (int round = 0; round < 4; ++round) {
        auto* m = static_cast<unsigned char*>(mmap(nullptr, pages * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        ASSERT_TRUE(m != MAP_FAILED);
        auto fill = [m](size_t offset, unsigned char value) {
            for (size_t i = 0; i < pages; ++i) m[i * size + offset] = value;
        };
        Thread t([&] { fill(0, 1); });
        fill(1, 2);
        t.join();
        for (size_t i = 0; i < pages; ++i)
            if (m[i * size] != 1 || m[i * size + 1] != 2) ++wrong;
        munmap(m, pages * size);
    }
    EXPECT_EQ(0, wrong.load());
}
