#include "cli/apt/control.h"

#include <gtest/gtest.h>

#include "cli/apt/exclusions.h"
#include "cli/apt/private_root.h"
#include "cli/apt/text.h"

namespace linnet::cli {
namespace {

using Strings = std::vector<std::string>;

TEST(Control, Paragraphs)
{
    auto paragraphs = parse_paragraphs("Package: a\nDescription: short\n long\n .\n\n\nPackage: b\nSize: 12\n");
    ASSERT_EQ(paragraphs.size(), 2u);
    EXPECT_EQ(paragraphs[0]["description"], "short\nlong\n.");
    EXPECT_EQ(package_of(paragraphs[1]).archive_bytes, 12u);
    EXPECT_TRUE(parse_paragraphs("").empty());
    EXPECT_TRUE(parse_paragraphs(" stray continuation\nno colon\n").empty());
}

TEST(Control, Relations)
{
    auto relation = parse_relation("libc6 (>= 2.34), default-mta | mail-transport-agent,\n perl:any [amd64], ,");
    ASSERT_EQ(relation.size(), 3u);
    EXPECT_EQ(relation[0], Strings{"libc6"});
    EXPECT_EQ(relation[1], (Strings{"default-mta", "mail-transport-agent"}));
    EXPECT_EQ(relation[2], Strings{"perl"});
}

std::map<std::string, Package> world(std::initializer_list<const char*> texts)
{
    std::map<std::string, Package> result;
    for (const char* text : texts) {
        Package package = package_of(parse_paragraphs(text).at(0));
        result.emplace(package.name, package);
    }
    return result;
}

TEST(Control, ClosureFollowsProvidesAndLeavesOut)
{
    auto solved = world({"Package: app\nDepends: libx, adduser, logger | syslog, debconf (>= 1) | debconf-2.0\n",
                         "Package: libx\nPre-Depends: libc6\nDepends: app\n", "Package: libc6\n",
                         "Package: adduser\nDepends: perl-base\n", "Package: perl-base\n",
                         "Package: rsyslog\nProvides: syslog\n", "Package: cdebconf\nProvides: debconf-2.0\n"});
    EXPECT_EQ(closure_of(solved, {"app"}, {"adduser", "debconf"}), (Strings{"libc6", "libx", "rsyslog", "app"}));
    // What was asked for stays, even if it is on the list.
    EXPECT_EQ(closure_of(solved, {"adduser"}, {"adduser"}), (Strings{"perl-base", "adduser"}));
}

TEST(Control, LeftOutPaths)
{
    EXPECT_TRUE(path_left_out("/usr/share/doc/redis/copyright", {}, {}));
    EXPECT_TRUE(path_left_out("/usr/share/doc", {}, {}));
    EXPECT_FALSE(path_left_out("/usr/share/documents", {}, {}));
    EXPECT_FALSE(path_left_out("/usr/share/doc/redis/x", {}, {"/usr/share/doc/redis/*"}));
    EXPECT_TRUE(path_left_out("/opt/big/file", {"/opt/*"}, {}));
    EXPECT_FALSE(path_left_out("/usr/lib/x86_64-linux-gnu/libc.so.6", {}, {}));
}

TEST(Sources, OnlyEnabledBinaryEntriesAreTaken)
{
    EXPECT_EQ(binary_sources_list("# deb http://a b c\n deb http://m/debian bookworm main # x\n"
                                  "deb-src http://m/debian bookworm main\ndeb cdrom:[x]/ bookworm main\n"),
              "deb http://m/debian bookworm main\n");
    std::string text = binary_sources_deb822("Types: deb deb-src\nURIs: http://m\nSuites: s\nComponents: main\n\n"
                                             "Types: deb-src\nURIs: http://n\n\n"
                                             "Enabled: no\nTypes: deb\nURIs: http://o\n");
    EXPECT_NE(text.find("types: deb\n"), std::string::npos);
    EXPECT_EQ(text.find("deb-src"), std::string::npos);
    EXPECT_EQ(text.find("http://o"), std::string::npos);
}

TEST(Apt, TheLineThatSaysMost)
{
    EXPECT_EQ(apt_failure("Reading...\nE: Unable to locate package nosuch\n", "x"), "Unable to locate package nosuch");
    EXPECT_EQ(apt_failure("W: Failed to fetch http://m  Temporary failure\nE: Some index files failed to download.\n",
                          "x"),
              "Failed to fetch http://m  Temporary failure");
    EXPECT_EQ(apt_failure("", "fallback"), "fallback");
}

TEST(Text, PathsAreMergedAndCannotLeaveTheRoot)
{
    EXPECT_EQ(merged_path("./lib/x86_64-linux-gnu/libc.so.6"), "/usr/lib/x86_64-linux-gnu/libc.so.6");
    EXPECT_EQ(merged_path("/library/x"), "/library/x");
    EXPECT_EQ(merged_path("var/run/redis/"), "/run/redis");
    EXPECT_EQ(clean_path("../../etc/./passwd"), "/etc/passwd");
    EXPECT_EQ(clean_path(""), "/");
}

TEST(Text, Globs)
{
    EXPECT_TRUE(glob_match("/a/*/c*", "/a/b/b/cde"));
    EXPECT_FALSE(glob_match("/a/?", "/a/bc"));
    EXPECT_TRUE(glob_match("*", ""));
}

TEST(Text, ShellWords)
{
    EXPECT_EQ(*shell_words("a 'b c' \"d\\\"e\" f\\ g \"\""), (Strings{"a", "b c", "d\"e", "f g", ""}));
    EXPECT_FALSE(shell_words("a 'b"));
    EXPECT_FALSE(shell_words("a \"b"));
}

} // namespace
} // namespace linnet::cli
