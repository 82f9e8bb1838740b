#include "cli/apt/accounts.h"

#include <gtest/gtest.h>

namespace linnet::cli {
namespace {

TEST(Accounts, BaseAccountsAreDebians)
{
    Accounts accounts;
    EXPECT_EQ(accounts.uid_of("root"), 0u);
    EXPECT_EQ(accounts.uid_of("www-data"), 33u);
    EXPECT_EQ(accounts.gid_of("adm"), 4u);
    EXPECT_EQ(accounts.uid_of("nobody"), 65534u);
    EXPECT_EQ(accounts.uid_of("1234"), 1234u);
    EXPECT_FALSE(accounts.uid_of("nosuch"));
}

TEST(Accounts, SystemUserWithItsOwnGroupHasOneNumber)
{
    Accounts accounts;
    accounts.add_user("redis", "", true, "/var/lib/redis", "", "");
    EXPECT_EQ(accounts.uid_of("redis"), accounts.gid_of("redis"));
    EXPECT_GE(*accounts.uid_of("redis"), 100u);
    accounts.add_user("redis", "", true, "/elsewhere", "", ""); // a second call changes nothing
    EXPECT_EQ(accounts.user("redis")->home, "/var/lib/redis");
}

TEST(Accounts, UserTakesTheNumberOfAGroupMadeForIt)
{
    Accounts accounts;
    accounts.add_group("memcache");
    accounts.add_user("memcache", "memcache", false, "/nonexistent", "/bin/false", "Memcached");
    EXPECT_EQ(accounts.uid_of("memcache"), accounts.gid_of("memcache"));
    EXPECT_EQ(accounts.user("memcache")->shell, "/bin/false");
}

TEST(Accounts, MembersAndText)
{
    Accounts accounts;
    accounts.add_group("ssl-cert");
    accounts.add_member("www-data", "ssl-cert");
    accounts.add_member("nosuch", "ssl-cert");
    std::uint32_t gid = *accounts.gid_of("ssl-cert");
    EXPECT_EQ(accounts.groups_of("www-data"), std::vector<std::uint32_t>{gid});
    EXPECT_NE(accounts.group_text().find("ssl-cert:x:" + std::to_string(gid) + ":www-data\n"), std::string::npos);
    EXPECT_TRUE(accounts.passwd_text().starts_with("root:x:0:0:root:/root:/bin/bash\n"));
    Accounts again = Accounts::from_text(accounts.passwd_text(), accounts.group_text());
    EXPECT_EQ(again.passwd_text(), accounts.passwd_text());
    EXPECT_EQ(again.group_text(), accounts.group_text());
}

TEST(Accounts, BrokenNamesAndFieldsDoNotBreakTheFiles)
{
    Accounts accounts;
    accounts.add_user("a:b\nroot", "", true, "/", "", "");
    accounts.add_user("good", "", false, "/h:0:0", "", "x:y\nz");
    EXPECT_EQ(accounts.user("a:b\nroot"), nullptr);
    EXPECT_NE(accounts.passwd_text().find(":xyz:/h00:"), std::string::npos);
}

TEST(Accounts, Sysusers)
{
    Accounts accounts;
    accounts.apply_sysusers("# comment\n"
                            "u  httpd 440 \"HTTP User\" /srv/http /bin/sh\n"
                            "u  plain -  \"No home\"\n"
                            "u  fixed 700:www-data\n"
                            "g  input 104\n"
                            "m  plain input\n");
    EXPECT_EQ(accounts.uid_of("httpd"), 440u);
    EXPECT_EQ(accounts.gid_of("httpd"), 440u);
    EXPECT_EQ(accounts.user("httpd")->gecos, "HTTP User");
    EXPECT_EQ(accounts.user("plain")->home, "/");
    EXPECT_EQ(accounts.user("fixed")->gid, 33u);
    EXPECT_EQ(accounts.groups_of("plain"), std::vector<std::uint32_t>{104});
}

} // namespace
} // namespace linnet::cli
