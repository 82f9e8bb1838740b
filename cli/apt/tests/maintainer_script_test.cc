#include "cli/apt/maintainer_script.h"

#include <gtest/gtest.h>

#include "cli/apt/shell_lexer.h"

namespace linnet::cli {
namespace {

using Kind = SetupAction::Kind;

SetupActions parse(const std::string& body) { return parse_maintainer_script("#!/bin/sh\n" + body, "pkg-15"); }

TEST(MaintainerScript, AdduserWithContinuationsAndVariables)
{
    auto actions = parse("set -eu\nUSER=\"redis\"\n"
                         "if [ \"$1\" = \"configure\" ]\nthen\n\tadduser \\\n\t\t--system \\\n\t\t--home /var/lib/redis \\\n"
                         "\t\t--quiet \\\n\t\t--group \\\n\t\t${USER} || true\nfi\n");
    ASSERT_EQ(actions.size(), 2u);
    EXPECT_EQ(actions[0].kind, Kind::AddUser);
    EXPECT_EQ(actions[0].user, "redis");
    EXPECT_TRUE(actions[0].own_group);
    EXPECT_EQ(actions[0].path, "/var/lib/redis");
    EXPECT_EQ(actions[1].kind, Kind::Folder);
    EXPECT_EQ(actions[1].group, "redis");
}

TEST(MaintainerScript, FunctionsTakeTheirArguments)
{
    auto actions = parse("Setup_dir () {\n DIR=\"${1}\"\n MODE=\"${2}\"\n mkdir -p ${DIR}\n"
                         " if ! dpkg-statoverride --list ${DIR} >/dev/null 2>&1\n then\n"
                         "  chown redis:${3} ${DIR}\n  chmod ${MODE} ${DIR}\n fi\n}\n"
                         "Setup_dir /var/log/redis 2750 adm\nSetup_dir /var/lib/redis 750 redis\n");
    ASSERT_EQ(actions.size(), 6u);
    EXPECT_EQ(actions[1].kind, Kind::Owner);
    EXPECT_EQ(actions[1].path, "/var/log/redis");
    EXPECT_EQ(actions[1].user, "redis");
    EXPECT_EQ(actions[1].group, "adm");
    EXPECT_EQ(actions[2].mode, 02750u);
    EXPECT_EQ(actions[5].path, "/var/lib/redis");
}

TEST(MaintainerScript, OnlyTheConfigureArmOfCase)
{
    auto actions = parse("case \"$1\" in\n  abort-upgrade|abort-remove)\n    mkdir /no1\n  ;;\n"
                         "  configure|reconfigure)\n    case \"$2\" in\n     '') mkdir /yes1 ;;\n     *) mkdir /no2;;\n    esac\n"
                         "    mkdir /yes2\n  ;;\n  *)\n    mkdir /no3; exit 1\n  ;;\nesac\nmkdir /yes3\n");
    ASSERT_EQ(actions.size(), 3u);
    EXPECT_EQ(actions[0].path, "/yes1");
    EXPECT_EQ(actions[1].path, "/yes2");
    EXPECT_EQ(actions[2].path, "/yes3");
}

TEST(MaintainerScript, ForLoopsOverLiterals)
{
    auto actions = parse("for d in /var/lib/a /var/lib/b; do\n  install -d -m 2775 -o postgres -g postgres $d\ndone\n"
                         "for f in $(find /x); do mkdir $f; done\n");
    ASSERT_EQ(actions.size(), 2u);
    EXPECT_EQ(actions[1].path, "/var/lib/b");
    EXPECT_EQ(actions[1].mode, 02775u);
    EXPECT_EQ(actions[1].user, "postgres");
}

TEST(MaintainerScript, WhatCannotBeKnownIsLeftOut)
{
    EXPECT_TRUE(parse("chown redis $(cat /etc/x)\nmkdir $UNSET\nmkdir `pwd`\nchown a /var/lib/*\nmkdir relative\n")
                    .empty());
    EXPECT_TRUE(parse_maintainer_script("#!/usr/bin/perl\nmkdir /x\n", "p").empty());
    EXPECT_TRUE(parse_maintainer_script("", "p").empty());
}

TEST(MaintainerScript, HereDocumentsAndCommentsAreNotCommands)
{
    auto actions = parse("# mkdir /no1\ncat >/etc/x <<EOF # c\nmkdir /no2\nEOF\ncat <<-'END'\n\tmkdir /no3\n\tEND\nmkdir /yes\n"
                         "echo 'mkdir /no4'; echo \"$(mkdir /no5)\"\n");
    ASSERT_EQ(actions.size(), 1u);
    EXPECT_EQ(actions[0].path, "/yes");
}

TEST(MaintainerScript, AlternativesWithSlaves)
{
    auto actions = parse("update-alternatives --install /usr/bin/editor editor /usr/bin/vim.tiny 15 \\\n"
                         " --slave /usr/share/man/man1/editor.1.gz editor.1.gz /usr/share/man/man1/vim.1.gz\n");
    ASSERT_EQ(actions.size(), 2u);
    EXPECT_EQ(actions[0].kind, Kind::Alternative);
    EXPECT_EQ(actions[0].name, "editor");
    EXPECT_EQ(actions[0].target, "/usr/bin/vim.tiny");
    EXPECT_EQ(actions[0].id, 15u);
    EXPECT_EQ(actions[1].name, "editor.1.gz");
}

TEST(MaintainerScript, OtherAccountCommands)
{
    auto actions = parse("addgroup --system memcache >/dev/null\nuseradd -r -g memcache -d /nonexistent -s /bin/false m\n"
                         "usermod -a -G ssl-cert,adm m\nadduser m www-data\nln -s /a /etc/b\ntouch /var/log/x\n"
                         "dpkg-statoverride --update --add root m 640 /etc/conf\n");
    ASSERT_EQ(actions.size(), 9u);
    EXPECT_EQ(actions[0].kind, Kind::AddGroup);
    EXPECT_EQ(actions[1].kind, Kind::AddUser);
    EXPECT_EQ(actions[1].group, "memcache");
    EXPECT_EQ(actions[2].kind, Kind::AddMember);
    EXPECT_EQ(actions[3].group, "adm");
    EXPECT_EQ(actions[5].kind, Kind::Link);
    EXPECT_EQ(actions[8].mode, 0640u);
}

TEST(MaintainerScript, VariablesOfTheShell)
{
    auto actions = parse("V=${DPKG_MAINTSCRIPT_PACKAGE##*-}\nmkdir /var/lib/postgresql/$V\nmkdir ${DIR:-/default}\n"
                         "[ -z \"${DPKG_ROOT:-}\" ] && mkdir \"$DPKG_ROOT/rooted\"\nX='a b'; mkdir $X /third\n");
    ASSERT_EQ(actions.size(), 4u);
    EXPECT_EQ(actions[0].path, "/var/lib/postgresql/15");
    EXPECT_EQ(actions[1].path, "/default");
    EXPECT_EQ(actions[2].path, "/rooted");
    EXPECT_EQ(actions[3].path, "/third");
}

TEST(MaintainerScript, HostileScriptsEnd)
{
    parse("f () { f; f; }\nf\n");
    parse("f () {");
    parse("case");
    parse("case x in a");
    parse("for");
    parse("for x in a; do for y in a b; do mkdir /x");
    parse("mkdir 'unclosed");
    parse("mkdir \"unclosed $(");
    parse("cat <<EOF");
    parse("x=${");
    parse("\\");
    parse(std::string(5000, '('));
    std::string nested;
    for (int i = 0; i < 3000; ++i)
        nested += "case a in a) for x in a b c d e f g h; do ";
    parse(nested);
}

TEST(Tmpfiles, Lines)
{
    auto actions = parse_tmpfiles("# x\nd /run/memcached 0755 memcache memcache -\nL+ /run/x - - - - ../y\n"
                                  "f /run/f 0640 - - - text here\nz /var/lib/z 0700 redis -\nd /run/%b\nZ /a* 0 - -\nx\n");
    ASSERT_EQ(actions.size(), 5u);
    EXPECT_EQ(actions[0].kind, Kind::Folder);
    EXPECT_EQ(actions[0].path, "/run/memcached");
    EXPECT_EQ(actions[0].user, "memcache");
    EXPECT_EQ(actions[1].target, "../y");
    EXPECT_EQ(actions[2].text, "text here");
    EXPECT_EQ(actions[3].kind, Kind::Owner);
    EXPECT_EQ(actions[4].kind, Kind::Mode);
}

} // namespace
} // namespace linnet::cli
