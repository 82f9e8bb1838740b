#include "cli/apt/unit.h"

#include <gtest/gtest.h>

namespace linnet::cli {
namespace {

using Strings = std::vector<std::string>;

Unit parse(const std::string& text, const std::string& file = "")
{
    return parse_unit(text, "redis-server.service", [&](const std::string&) { return file; });
}

TEST(Unit, ServiceAsDebianShipsIt)
{
    Unit unit = parse("[Unit]\nExecStart=/no\n[Service]\nType=notify\n"
                      "ExecStart=/usr/bin/redis-server /etc/redis/redis.conf --supervised systemd \\\n  --daemonize no\n"
                      "User=redis\nGroup=redis\nRuntimeDirectory=redis\nRuntimeDirectoryMode=2755\n"
                      "StateDirectory=a b/c\n[Install]\nAlias=x\n");
    EXPECT_EQ(unit.argv, (Strings{"/usr/bin/redis-server", "/etc/redis/redis.conf", "--supervised", "systemd",
                                  "--daemonize", "no"}));
    EXPECT_EQ(unit.user, "redis");
    EXPECT_FALSE(unit.forks);
    ASSERT_EQ(unit.folders.size(), 3u);
    EXPECT_EQ(unit.folders[0].path, "/run/redis");
    EXPECT_EQ(unit.folders[0].mode, 02755u);
    EXPECT_EQ(unit.folders[2].path, "/var/lib/b/c");
}

TEST(Unit, EnvironmentAndExpansion)
{
    Unit unit = parse("[Service]\nEnvironment=A=1 \"B=two words\"\nEnvironmentFile=-/etc/default/x\n"
                      "ExecStart=-/bin/prog $OPTS ${B} pre${A}post $$x %n %p $UNSET\n",
                      "# comment\nOPTS=\"-a -b\"\nA=2\n");
    EXPECT_EQ(unit.argv, (Strings{"/bin/prog", "-a", "-b", "two words", "pre2post", "$x", "redis-server.service",
                                  "redis-server"}));
    EXPECT_EQ(unit.env, (Strings{"A=1", "B=two words", "OPTS=-a -b", "A=2"}));
}

TEST(Unit, EmptyAssignmentClears)
{
    Unit unit = parse("[Service]\nExecStart=/old\nExecStart=\nExecStart=@/bin/new argv0 arg\nType=forking\n"
                      "WorkingDirectory=-/srv\n");
    EXPECT_EQ(unit.argv, (Strings{"/bin/new", "arg"}));
    EXPECT_TRUE(unit.forks);
    EXPECT_EQ(unit.cwd, "/srv");
}

TEST(Unit, Broken)
{
    EXPECT_TRUE(parse("").argv.empty());
    EXPECT_TRUE(parse("ExecStart=/x").argv.empty());
    EXPECT_TRUE(parse("[Service]\nExecStart='open\n").argv.empty());
    EXPECT_TRUE(parse("[Service]\nExecStart=\\").argv.empty());
    EXPECT_TRUE(parse("[Service]\nExecStart=@-:+!\n").argv.empty());
}

} // namespace
} // namespace linnet::cli
