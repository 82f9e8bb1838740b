#include "cli/apt/recipe.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

namespace linnet::cli {
namespace {

using Strings = std::vector<std::string>;

Recipe parse(const std::string& text)
{
    return parse_recipe(text, "test", [](const std::string& name) -> std::optional<std::string> {
        if (name == "base")
            return "program /bin/base\nargs --base\nport 1 one\n";
        if (name == "circle")
            return "like circle\n";
        return std::nullopt;
    });
}

std::string error_of(const std::string& text)
{
    try {
        parse(text);
        return {};
    } catch (const AptError& error) {
        return error.what();
    }
}

TEST(Recipe, Directives)
{
    Recipe recipe = parse("# comment\nprogram /usr/bin/x\nargs -a \"\" 'b c'\nargs * -::*\nenv K=V L=\ncwd /var/lib/x/\n"
                          "user x:y\nfolder /var/lib/x 0750 x:y\nfile /etc/x.conf 0640 x\n|one\n|\n| two\n"
                          "link /etc/l ../t\nport 53/udp\nport 80 http\nreplace /etc/x.conf one two\n"
                          "packages dash\nwithout perl\nexclude /a/*\ninclude /b/*\n");
    EXPECT_EQ(recipe.program, "/usr/bin/x");
    EXPECT_EQ(recipe.args, (Strings{"-a", "", "b c", "*", "-::*"}));
    EXPECT_EQ(recipe.env, (Strings{"K=V", "L="}));
    EXPECT_EQ(recipe.cwd, "/var/lib/x");
    EXPECT_EQ(recipe.group, "y");
    ASSERT_EQ(recipe.actions.size(), 3u);
    EXPECT_EQ(recipe.actions[0].mode, 0750u);
    EXPECT_EQ(recipe.actions[1].text, "one\n\n two\n");
    EXPECT_EQ(recipe.actions[1].user, "x");
    EXPECT_EQ(recipe.actions[2].target, "../t");
    ASSERT_EQ(recipe.ports.size(), 2u);
    EXPECT_TRUE(recipe.ports[0].udp);
    EXPECT_EQ(recipe.ports[1].scheme, "http");
    EXPECT_EQ(recipe.without, Strings{"perl"});
}

TEST(Recipe, LikeComesFirst)
{
    Recipe recipe = parse("like base\nprogram /bin/mine\nargs more\n");
    EXPECT_EQ(recipe.program, "/bin/mine");
    EXPECT_EQ(recipe.args, (Strings{"--base", "more"}));
}

TEST(Recipe, ErrorsNameTheLine)
{
    EXPECT_EQ(error_of("\nnonsense x\n"), "recipe test, line 2: unknown directive `nonsense`");
    EXPECT_EQ(error_of("args 'open\n"), "recipe test, line 1: a quote is not closed");
    EXPECT_EQ(error_of("program x\n"), "recipe test, line 1: not an absolute path: x");
    EXPECT_EQ(error_of("port 70000\n"), "recipe test, line 1: not a port: 70000");
    EXPECT_EQ(error_of("| text\n"), "recipe test, line 1: text without a `file` before it");
    EXPECT_EQ(error_of("folder /x 99\n"), "recipe test, line 1: not a mode: 99");
    EXPECT_EQ(error_of("like circle\n"), "recipe circle, line 1: `like` goes in circles");
    EXPECT_EQ(error_of("like nosuch\n"), "recipe test, line 1: no recipe nosuch");
    EXPECT_EQ(error_of("env novalue\n"), "recipe test, line 1: not K=V: novalue");
}

// The recipes of this source tree, all of them.
TEST(Recipe, TheOnesThatAreShippedParse)
{
    std::filesystem::path folder = LINNET_RECIPE_FOLDER;
    auto read = [&](const std::string& name) -> std::optional<std::string> {
        std::ifstream in(folder / name);
        return std::string(std::istreambuf_iterator<char>(in), {});
    };
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        std::string name = entry.path().filename().string();
        if (name == "README.md")
            continue;
        Recipe recipe = parse_recipe(*read(name), name, read);
        EXPECT_FALSE(recipe.program.empty()) << name;
        ++count;
    }
    EXPECT_GE(count, 3);
}

} // namespace
} // namespace linnet::cli
