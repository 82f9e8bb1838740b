// Path walk and the tree operations of tmpfs: invariants after random operations, and the same operations on the Linux below.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>
#include <vector>

#include "vfs/tests/tree_ops.h"

namespace linux_below {

/// One operation by the host's system calls.
tree::Answer apply(const tree::Op& op) {
    using tree::Kind;
    tree::Answer a;
    const char* p = op.path.c_str();
    const char* p2 = op.path2.c_str();
    long r = 0;
    switch (op.kind) {
    case Kind::Mkdir: r = mkdir(p, 0755); break;
    case Kind::Create:
    case Kind::Open:
        r = open(p, tree::open_flags(op), 0644);
        if (r >= 0) close(int(r));
        break;
    case Kind::Symlink: r = symlink(p, p2); break;
    case Kind::Link: r = linkat(AT_FDCWD, p, AT_FDCWD, p2, op.flags & 1 ? AT_SYMLINK_FOLLOW : 0); break;
    case Kind::Unlink: r = unlink(p); break;
    case Kind::Rmdir: r = rmdir(p); break;
    case Kind::Rename: r = syscall(SYS_renameat2, AT_FDCWD, p, AT_FDCWD, p2, op.flags % 8 < 4 ? op.flags % 4 : 0); break;
    case Kind::Chdir: r = chdir(p); break;
    case Kind::Fifo: r = mknod(p, S_IFIFO | 0644, 0); break;
    case Kind::Stat: {
        struct stat s;
        r = op.flags & 1 ? stat(p, &s) : lstat(p, &s);
        if (r == 0)
            a.value = uint64_t(s.st_mode) << 32 |
                      (S_ISDIR(s.st_mode) ? 0 : uint64_t(s.st_nlink) << 16 | (S_ISREG(s.st_mode) || S_ISLNK(s.st_mode) ? s.st_size : 0));
        break;
    }
    case Kind::Readlink: {
        char text[4200];
        r = readlink(p, text, sizeof text);
        if (r >= 0) a.text.assign(text, size_t(r));
        break;
    }
    case Kind::Truncate: r = truncate(p, op.flags); break;
    case Kind::Write: {
        int fd = open(p, O_WRONLY | O_NONBLOCK | (op.flags & 1 ? O_APPEND : 0));
        r = fd;
        if (fd < 0) break;
        char bytes[256] = {};
        r = write(fd, bytes, op.flags);
        if (r >= 0) a.value = uint64_t(r);
        int e = errno;
        close(fd);
        errno = e;
        break;
    }
    case Kind::kCount: break;
    }
    a.error = r < 0 ? errno : 0;
    return a;
}

std::vector<tree::Op> operations(uint64_t seed, int count) {
    std::mt19937_64 r(seed);
    std::vector<tree::Op> ops;
    for (int i = 0; i < count; ++i) ops.push_back(tree::draw([&] { return uint8_t(r()); }));
    return ops;
}

void put(int fd, const void* p, size_t n) {
    if (write(fd, p, n) != ssize_t(n)) _exit(3);
}

/// The answers of Linux, from a child in a root of its own below a fresh folder; empty if it may not chroot.
std::vector<tree::Answer> answers(const std::vector<tree::Op>& ops) {
    char folder[] = "/tmp/linnet-tree-XXXXXX";
    if (!mkdtemp(folder)) return {};
    int pipe_fds[2];
    if (pipe(pipe_fds)) return {};
    pid_t child = fork();
    if (child == 0) {
        close(pipe_fds[0]);
        if (chmod(folder, 0755) || chroot(folder) || chdir("/")) _exit(2);
        umask(022);
        for (const tree::Op& op : ops) {
            tree::Answer a = apply(op);
            uint32_t n = uint32_t(a.text.size());
            put(pipe_fds[1], &a.error, sizeof a.error);
            put(pipe_fds[1], &a.value, sizeof a.value);
            put(pipe_fds[1], &n, sizeof n);
            put(pipe_fds[1], a.text.data(), n);
        }
        _exit(0);
    }
    close(pipe_fds[1]);
    std::string all;
    char buf[65536];
    for (ssize_t n; (n = read(pipe_fds[0], buf, sizeof buf)) > 0;) all.append(buf, size_t(n));
    close(pipe_fds[0]);
    int status;
    waitpid(child, &status, 0);
    if (fork() == 0) {
        execlp("rm", "rm", "-rf", folder, nullptr);
        _exit(1);
    }
    wait(nullptr);
    std::vector<tree::Answer> out;
    for (size_t at = 0; at + 16 <= all.size();) {
        tree::Answer a;
        uint32_t n;
        memcpy(&a.error, &all[at], 4);
        memcpy(&a.value, &all[at + 4], 8);
        memcpy(&n, &all[at + 12], 4);
        a.text = all.substr(at + 16, n);
        at += 16 + n;
        out.push_back(a);
    }
    return out;
}

} // namespace linux_below

// Linnet's constants take the place of libc's from here on.
#include "vfs/tests/host_vfs.h"
#include "vfs/tests/tree_check.h"

namespace linnet {
namespace {

TEST(Tree, RandomOperationsKeepInvariants) {
    host::AsTask as;
    for (u64 seed = 1; seed <= 20; ++seed) {
        host::FreshRoot root;
        std::mt19937_64 r(seed);
        for (int i = 0; i < 600; ++i) {
            if (r() % 16 == 0) host::heap_allocations_left = long(r() % 4); // out of memory halfway
            host::apply(tree::draw([&] { return u8(r()); }));
            host::heap_allocations_left = -1;
            if (i % 20 == 0) {
                std::string wrong = host::check_tree(root.dentry());
                ASSERT_EQ(wrong, "") << "seed " << seed << " operation " << i;
            }
        }
        ASSERT_EQ(root.clear(), "") << "seed " << seed;
    }
}

// A file whose name found no memory was counted all the same: the folder could never be removed, and stat showed a wrong size.
TEST(Tree, NoMemoryForANameLeavesTheFolderAsItWas) {
    using tree::Kind;
    host::AsTask as;
    host::FreshRoot root;
    ASSERT_EQ(host::apply({Kind::Mkdir, "d", "", 0}).error, 0);
    ASSERT_EQ(host::apply({Kind::Create, "f", "", 1}).error, 0);
    const std::string long_name = "d/" + std::string(200, 'n'); // has memory of its own
    for (const tree::Op& op : {tree::Op{Kind::Create, long_name, "", 1}, tree::Op{Kind::Mkdir, long_name, "", 0}, tree::Op{Kind::Fifo, long_name, "", 0},
                               tree::Op{Kind::Symlink, "f", long_name, 0}, tree::Op{Kind::Link, "f", long_name, 0}}) {
        int failures = 0;
        for (long room = 0;; ++room) {
            host::heap_allocations_left = room;
            const int error = host::apply(op).error;
            host::heap_allocations_left = -1;
            ASSERT_EQ(host::check_tree(root.dentry()), "") << tree::name(op.kind) << " with room for " << room;
            if (error == 0) break;
            ASSERT_EQ(error, int(ENOMEM));
            ++failures;
            // An open may fail once the file is there.
            if (op.kind == Kind::Create) host::apply({Kind::Unlink, long_name, "", 0});
        }
        EXPECT_GE(failures, 2) << tree::name(op.kind);
        ASSERT_EQ(host::apply({op.kind == Kind::Mkdir ? Kind::Rmdir : Kind::Unlink, long_name, "", 0}).error, 0);
    }
    ASSERT_EQ(host::apply({Kind::Rmdir, "d", "", 0}).error, 0);
    ASSERT_EQ(root.clear(), "");
}

// A FIFO's buffer stayed if there was memory for it but not for the open file.
TEST(Tree, NoMemoryToOpenAFifoLeavesNothing) {
    using tree::Kind;
    host::AsTask as;
    host::FreshRoot root;
    ASSERT_EQ(host::apply({Kind::Fifo, "f", "", 0}).error, 0);
    for (long room = 0; room < 8; ++room) {
        host::heap_allocations_left = room;
        OpenRequest r;
        r.flags = O_RDONLY | O_NONBLOCK;
        (void)open_file(AT_FDCWD, "f", r);
        host::heap_allocations_left = -1;
    }
    ASSERT_EQ(host::apply({Kind::Unlink, "f", "", 0}).error, 0);
    ASSERT_EQ(root.clear(), "");
}

// Linux walks both paths to their parents before it looks at the last names.
TEST(Tree, RenameLooksAtNamesAfterBothParents) {
    using tree::Kind;
    host::AsTask as;
    host::FreshRoot root;
    ASSERT_EQ(host::apply({Kind::Create, "file", "", 1}).error, 0);
    const std::string too_long(256, 'n');
    auto rename = [](const std::string& from, const std::string& to) { return host::apply({Kind::Rename, from, to, 0}).error; };
    EXPECT_EQ(rename(too_long, "file/a"), int(ENOTDIR));
    EXPECT_EQ(rename(too_long, "none/a"), int(ENOENT));
    EXPECT_EQ(rename(too_long, "."), int(EBUSY));
    EXPECT_EQ(rename(too_long, "a"), int(ENAMETOOLONG));
    EXPECT_EQ(rename("file", too_long), int(ENAMETOOLONG));
    EXPECT_EQ(rename("none", too_long), int(ENAMETOOLONG));
    EXPECT_EQ(rename(too_long + "/a", "file/a"), int(ENAMETOOLONG));
    ASSERT_EQ(root.clear(), "");
}

TEST(Tree, AsTheLinuxBelow) {
    int compared = 0, successes = 0;
    for (u64 seed = 1; seed <= 40; ++seed) {
        auto ops = linux_below::operations(seed, 500);
        auto theirs = linux_below::answers(ops);
        if (theirs.size() != ops.size()) GTEST_SKIP() << "no chroot here";
        host::AsTask as;
        host::FreshRoot root;
        for (size_t i = 0; i < ops.size(); ++i) {
            tree::Answer ours = host::apply(ops[i]);
            const tree::Op& op = ops[i];
            auto shown = [](const std::string& s) { return s.size() > 60 ? s.substr(0, 60) + "..." : s; };
            ASSERT_EQ(ours.error, theirs[i].error)
                << "seed " << seed << " #" << i << ": " << tree::name(op.kind) << " '" << shown(op.path) << "' '" << shown(op.path2) << "' flags " << op.flags;
            ASSERT_EQ(ours.value, theirs[i].value) << "seed " << seed << " #" << i << ": " << tree::name(op.kind) << " '" << shown(op.path) << "' flags " << op.flags;
            ASSERT_EQ(ours.text, theirs[i].text);
            ++compared;
            successes += ours.error == 0;
        }
        ASSERT_EQ(host::check_tree(root.dentry()), "");
        ASSERT_EQ(root.clear(), "");
    }
    printf("%d operations compared, %d of them successful\n", compared, successes);
}

} // namespace
} // namespace linnet
