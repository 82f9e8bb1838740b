#include "cli/apt/root_builder.h"

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>

#include "cli/apt/command.h"
#include "cli/apt/files.h"
#include "cli/apt/recipe.h"
#include "cli/apt/run_choice.h"

namespace linnet::cli {
namespace {

namespace fs = std::filesystem;

// Builds small packages with dpkg-deb and an image from them.
class RootBuilderTest : public testing::Test {
protected:
    void SetUp() override
    {
        char name[] = "/tmp/linnet-root-test.XXXXXX";
        folder_ = mkdtemp(name);
        if (run_command({"dpkg-deb", "--version"}).status != 0)
            GTEST_SKIP() << "no dpkg-deb";
    }
    void TearDown() override { fs::remove_all(folder_); }

    void put(const std::string& path, const std::string& text, unsigned mode = 0644)
    {
        fs::path file = folder_ / "pkg" / path;
        fs::create_directories(file.parent_path());
        write_file(file, text);
        fs::permissions(file, fs::perms(mode));
    }

    fs::path package(const std::string& name, const std::string& postinst)
    {
        put("DEBIAN/control", "Package: " + name + "\nVersion: 1\nArchitecture: all\nMaintainer: M <m@example.org>\n"
                              "Description: test\n");
        put("DEBIAN/postinst", "#!/bin/sh\n" + postinst, 0755);
        fs::path deb = folder_ / (name + ".deb");
        CommandResult result = run_command({"dpkg-deb", "--root-owner-group", "-Znone", "-b",
                                            (folder_ / "pkg").string(), deb.string()});
        EXPECT_EQ(result.status, 0) << result.err;
        fs::remove_all(folder_ / "pkg");
        return deb;
    }

    static const AptOwner* owner(const std::vector<AptOwner>& owners, const std::string& path)
    {
        for (const auto& o : owners)
            if (o.path == path)
                return &o;
        return nullptr;
    }

    fs::path folder_;
};

TEST_F(RootBuilderTest, UnpacksAndConfigures)
{
    put("bin/tool", "#!/bin/sh\n", 04755);
    put("usr/share/doc/x/copyright", "text");
    put("etc/x.conf", "listen 127.0.0.1\n", 0640);
    put("lib/systemd/system/x.service", "[Service]\nExecStart=/bin/tool $OPT\nUser=x\nStateDirectory=x\n"
                                        "EnvironmentFile=/etc/default/x\n");
    put("usr/lib/tmpfiles.d/x.conf", "d /run/x 0750 x adm -\n");
    put("etc/default/x", "OPT='-v -w'\n");
    fs::path deb = package("x", "adduser --system --group --no-create-home --home /var/lib/x x\n"
                                "chown root:x /etc/x.conf\n"
                                "update-alternatives --install /usr/bin/t t /bin/tool 10\n");

    RootBuilder builder(folder_ / "root", {}, {});
    builder.add_package("x", deb);
    builder.configure();
    EXPECT_TRUE(builder.replace_in_file("/etc/x.conf", "127.0.0.1", "0.0.0.0"));
    EXPECT_FALSE(builder.replace_in_file("/etc/x.conf", "nosuch", ""));
    builder.finish();

    std::string root = (folder_ / "root").string();
    EXPECT_EQ(fs::read_symlink(root + "/bin"), "usr/bin");
    EXPECT_TRUE(fs::is_regular_file(root + "/usr/bin/tool"));
    EXPECT_FALSE(fs::exists(root + "/usr/share/doc"));
    EXPECT_FALSE(fs::exists(root + "/usr/lib/systemd"));
    EXPECT_EQ(read_file_or_empty(root + "/etc/x.conf"), "listen 0.0.0.0\n");
    EXPECT_EQ(fs::read_symlink(root + "/etc/alternatives/t"), "/bin/tool");
    EXPECT_NE(read_file_or_empty(root + "/etc/passwd").find("\nx:x:"), std::string::npos);

    auto owners = builder.owners();
    ASSERT_NE(owner(owners, "/usr/bin/tool"), nullptr); // setuid is in the list, not on the disk
    EXPECT_EQ(owner(owners, "/usr/bin/tool")->mode, 04755u);
    EXPECT_EQ(fs::status(root + "/usr/bin/tool").permissions() & fs::perms::set_uid, fs::perms::none);
    ASSERT_NE(owner(owners, "/etc/x.conf"), nullptr);
    EXPECT_EQ(owner(owners, "/etc/x.conf")->mode, 0640u);
    EXPECT_NE(owner(owners, "/etc/x.conf")->gid, 0u);
    EXPECT_EQ(owner(owners, "/run/x")->gid, 4u);
    EXPECT_EQ(owner(owners, "/tmp")->mode, 01777u);
    ASSERT_NE(owner(owners, "/var/lib/x"), nullptr);

    RunSource source{.root = root, .package = "x", .packages = {"x"}, .units = builder.units(),
                     .commands = builder.commands()};
    AptImage image = choose_run(source);
    EXPECT_EQ(image.argv, (std::vector<std::string>{"/bin/tool", "-v", "-w"}));
    EXPECT_EQ(image.uid, image.gid);
    EXPECT_GE(image.uid, 100u);
    EXPECT_EQ(image.origin, "unit x.service");
    source.bare = true;
    EXPECT_EQ(choose_run(source).argv.size(), 1u);
    source.program = "nosuch";
    EXPECT_THROW(choose_run(source), AptError);
    source.program = "t";
    EXPECT_EQ(choose_run(source).argv[0], "/usr/bin/t");
}

// A package whose links lead out of the root must not write there.
TEST_F(RootBuilderTest, LinksDoNotLeadOutOfTheRoot)
{
    fs::create_directories(folder_ / "outside");
    fs::create_directories(folder_ / "pkg/opt");
    fs::create_symlink(folder_ / "outside", folder_ / "pkg/opt/way");
    fs::path first = package("first", "");
    put("opt/way/file", "text");
    fs::path second = package("second", "");

    RootBuilder builder(folder_ / "root", {}, {});
    builder.add_package("first", first);
    builder.add_package("second", second);
    SetupAction action{};
    action.kind = SetupAction::Kind::File;
    action.path = "/opt/way/../../../../other";
    action.overwrite = true;
    builder.apply_recipe({action});
    builder.finish();
    EXPECT_TRUE(fs::is_empty(folder_ / "outside"));
    EXPECT_TRUE(fs::exists((folder_ / "root").string() + "/other"));
}

TEST_F(RootBuilderTest, EqualFilesBecomeOne)
{
    put("usr/bin/a", std::string(40000, 'a'), 0755);
    put("usr/bin/b", std::string(40000, 'a'), 0755);
    put("usr/bin/c", std::string(40000, 'a'), 0644);
    fs::path deb = package("twins", "");
    RootBuilder builder(folder_ / "root", {}, {});
    builder.add_package("twins", deb);
    builder.finish();
    EXPECT_TRUE(fs::equivalent(folder_ / "root/usr/bin/a", folder_ / "root/usr/bin/b"));
    EXPECT_FALSE(fs::equivalent(folder_ / "root/usr/bin/a", folder_ / "root/usr/bin/c"));
}

TEST_F(RootBuilderTest, BrokenArchiveIsOneLine)
{
    write_file(folder_ / "bad.deb", "not a package");
    RootBuilder builder(folder_ / "root", {}, {});
    try {
        builder.add_package("bad", folder_ / "bad.deb");
        FAIL();
    } catch (const AptError& error) {
        EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
        EXPECT_NE(std::string(error.what()).find("bad.deb"), std::string::npos);
    }
}

TEST(AptName, Splits)
{
    AptRequest request;
    parse_apt_name("apt:redis-server", request);
    EXPECT_EQ(request.package, "redis-server");
    EXPECT_EQ(request.program, "");
    parse_apt_name("apt:g++/usr/bin/g++", request);
    EXPECT_EQ(request.package, "g++");
    EXPECT_EQ(request.program, "usr/bin/g++");
    parse_apt_name("redis=5:7.0.15-1~deb12u1/redis-cli", request);
    EXPECT_EQ(request.package, "redis=5:7.0.15-1~deb12u1");
    for (const char* bad : {"apt:", "apt:/x", "apt:-x", "apt:redis/", "apt:Redis", "apt:a b", "apt:x-", "apt:xx=",
                            "apt:xx=$(y)", "apt:../x"})
        EXPECT_THROW(parse_apt_name(bad, request), AptError) << bad;
}

} // namespace
} // namespace linnet::cli
