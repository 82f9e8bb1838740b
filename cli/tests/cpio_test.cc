#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>
#include <fstream>

#include "cli/image/archive.h"
#include "cli/image/cpio_reader.h"
#include "cli/image/cpio_writer.h"
#include "cli/image/host_files.h"
#include "cli/util/error.h"

namespace linnet::cli {
namespace {

namespace fs = std::filesystem;

class CpioTest : public testing::Test {
protected:
    CpioTest() {
        std::string name = (fs::temp_directory_path() / "linnet-cpio.XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
        ::setenv("XDG_CACHE_HOME", folder_.c_str(), 1);
    }
    ~CpioTest() override { fs::remove_all(folder_); }

    std::string path(const std::string& name) const { return (folder_ / name).string(); }

    void write(const std::string& name, const std::string& data) {
        fs::create_directories(fs::path(path(name)).parent_path());
        std::ofstream(path(name), std::ios::binary) << data;
    }

    std::string archive_of(const Tree& tree, const std::string& name = "out.cpio") {
        const Fd fd(::open(path(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
        const std::uint64_t size = write_cpio(tree, fd.get());
        std::string bytes = *read_file(path(name));
        EXPECT_EQ(size, bytes.size());
        return bytes;
    }

    std::string output_of(const std::string& command) {
        std::string text;
        FILE* pipe = ::popen(command.c_str(), "r");
        char chunk[4096];
        std::size_t n;
        while ((n = std::fread(chunk, 1, sizeof chunk, pipe)) > 0)
            text.append(chunk, n);
        EXPECT_EQ(::pclose(pipe), 0) << command;
        return text;
    }

    fs::path folder_;
};

std::string pattern(std::size_t size) {
    std::string data(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        data[i] = static_cast<char>(i * 31 + i / 4096);
    return data;
}

TEST_F(CpioTest, round_trip_and_alignment) {
    Tree tree;
    for (const std::size_t size : {0u, 1u, 4095u, 4096u, 4097u, 100000u}) {
        write(concat("f", size), pattern(size));
        tree.add(concat("/host/f", size), entry_of_host(path(concat("f", size))));
        tree.add_text(concat("/text/f", size), pattern(size), 0600);
    }
    tree.add_link("/link", "host/f4096");
    tree.add("/null", Entry{.mode = S_IFCHR | 0666, .device = ::gnu_dev_makedev(1, 3)});
    tree.add(std::string("/") + std::string(200, 'n') + "/" + std::string(200, 'm'),
             Entry{.mode = S_IFREG | 04755, .uid = 5, .gid = 6, .mtime = 77, .data = pattern(5000)});
    tree.add_parents();
    const std::string bytes = archive_of(tree);
    const CpioReader reader(bytes);
    ASSERT_FALSE(reader.damaged());
    EXPECT_EQ(reader.members().size(), tree.entries().size());
    for (const auto& [name, entry] : tree.entries()) {
        const auto it = reader.members().find(name);
        ASSERT_NE(it, reader.members().end()) << name;
        EXPECT_EQ(it->second.mode, entry.mode) << name;
        if (entry.is_file()) {
            EXPECT_TRUE(it->second.data == read_data(entry.data, 0, entry.size())) << name;
            if (entry.size() >= 4096) {
                EXPECT_EQ((it->second.data.data() - bytes.data()) % 4096, 0) << name;
            }
        }
    }
    EXPECT_TRUE(reader.file("/link") == pattern(4096));
    // Small entries come first.
    EXPECT_LT(bytes.find("null"), bytes.find("host/f100000"));
}

TEST_F(CpioTest, other_tools_read_it) {
    Tree tree;
    write("big", pattern(70000));
    tree.add("/d/big", entry_of_host(path("big")));
    tree.add_text("/d/small", "hello");
    tree.add_link("/l", "d/small");
    tree.add_parents();
    archive_of(tree);
    EXPECT_EQ(output_of("cpio -t --quiet < " + path("out.cpio") + " | sort"), ".\nd\nd/big\nd/small\nl\n");
    fs::create_directories(path("x"));
    output_of("cd " + path("x") + " && cpio -id --quiet < ../out.cpio");
    EXPECT_TRUE(*read_file(path("x/d/big")) == pattern(70000));
    EXPECT_EQ(*read_file(path("x/l")), "hello");
}

TEST_F(CpioTest, hard_links_stay_one_file) {
    write("r/a", pattern(9000));
    fs::create_hard_link(path("r/a"), path("r/b"));
    fs::create_hard_link(path("r/a"), path("r/c"));
    Tree tree;
    add_host_tree(tree, path("r"), "/");
    tree.add_parents();
    const std::string bytes = archive_of(tree);
    const CpioReader reader(bytes);
    EXPECT_LT(bytes.size(), 20000u);
    for (const char* name : {"/a", "/b", "/c"}) {
        EXPECT_EQ(reader.members().at(name).names, 3u);
        EXPECT_EQ(reader.members().at(name).inode, reader.members().at("/a").inode);
        EXPECT_TRUE(reader.file(name) == pattern(9000)) << name;
    }
    fs::create_directories(path("x"));
    output_of("cd " + path("x") + " && cpio -id --quiet < ../out.cpio");
    EXPECT_EQ(fs::hard_link_count(path("x/a")), 3u);
    EXPECT_TRUE(*read_file(path("x/b")) == pattern(9000));
    // The same through libarchive, as --rootfs FILE.cpio reads it.
    Tree again;
    add_archive(again, path("out.cpio"));
    again.add_parents();
    const std::string second = archive_of(again, "again.cpio");
    const CpioReader second_reader(second);
    for (const char* name : {"/a", "/b", "/c"}) {
        EXPECT_EQ(second_reader.members().at(name).names, 3u);
        EXPECT_TRUE(second_reader.file(name) == pattern(9000)) << name;
    }
}

TEST_F(CpioTest, same_tree_same_bytes) {
    write("r/a", pattern(9000));
    write("r/b", "x");
    Tree first, second;
    add_host_tree(first, path("r"), "/");
    add_host_tree(second, path("r"), "/");
    EXPECT_TRUE(archive_of(first) == archive_of(second));
    Fingerprint a, b, c;
    first.add_to(a);
    second.add_to(b);
    EXPECT_EQ(a.hex(), b.hex());
    second.add_text("/b", "y");
    second.add_to(c);
    EXPECT_NE(a.hex(), c.hex());
}

TEST_F(CpioTest, tar_becomes_the_same_tree) {
    write("r/d/a", pattern(9000));
    write("r/small", "x");
    fs::create_symlink("d/a", path("r/l"));
    fs::create_hard_link(path("r/d/a"), path("r/z"));
    output_of("tar -C " + path("r") + " -cJf " + path("r.tar.xz") + " .");
    Tree tree;
    add_archive(tree, path("r.tar.xz"));
    EXPECT_TRUE(read_data(tree.find("/d/a")->data, 0, 9000) == pattern(9000));
    EXPECT_EQ(tree.find("/l")->target, "d/a");
    EXPECT_NE(tree.find("/z")->links, 0u);
    EXPECT_EQ(tree.find("/z")->links, tree.find("/d/a")->links);
    EXPECT_EQ(read_data(tree.find("/small")->data, 0, 10), "x");
}

TEST_F(CpioTest, damaged_archives_are_refused) {
    write("junk", pattern(3000));
    write("empty", "");
    Tree tree;
    EXPECT_THROW(add_archive(tree, path("junk")), CommandError);
    EXPECT_THROW(add_archive(tree, path("empty")), CommandError);
    EXPECT_THROW(add_archive(tree, path("none")), CommandError);
    Tree good;
    good.add_text("/a", pattern(10000));
    const std::string bytes = archive_of(good);
    for (std::size_t size = 0; size < bytes.size() - 700; size += 97)
        EXPECT_TRUE(CpioReader(std::string_view(bytes).substr(0, size)).damaged()) << size;
    for (std::size_t at = 0; at < 400; ++at) {
        std::string broken = bytes;
        broken[at] = static_cast<char>(broken[at] ^ 0xff);
        CpioReader reader(broken); // must not read outside (the sanitizers watch)
        reader.file("/a");
    }
}

TEST_F(CpioTest, a_file_that_shrinks_is_an_error) {
    write("big", pattern(50000));
    Tree tree;
    tree.add("/big", entry_of_host(path("big")));
    fs::resize_file(path("big"), 10);
    EXPECT_THROW(archive_of(tree), CommandError);
}

TEST(TreeTest, links_are_followed_within_the_tree) {
    Tree tree;
    tree.add_link("/bin", "usr/bin");
    tree.add_text("/usr/bin/x", "x", 0755);
    tree.add_link("/loop", "loop");
    tree.add_link("/abs", "/../usr/./bin//x");
    EXPECT_EQ(tree.resolve("/bin/x"), "/usr/bin/x");
    EXPECT_EQ(tree.resolve("/abs"), "/usr/bin/x");
    EXPECT_EQ(tree.resolve("/usr/../bin/../bin/x"), "/usr/bin/x");
    EXPECT_FALSE(tree.resolve("/loop"));
    EXPECT_FALSE(tree.resolve("/bin/y"));
    EXPECT_EQ(tree.place("/bin/new/file"), "/usr/bin/new/file");
    EXPECT_EQ(tree.resolve("/"), "/");
    EXPECT_EQ(normal_path("a//b/../../../c/"), "/c");
}

} // namespace
} // namespace linnet::cli
