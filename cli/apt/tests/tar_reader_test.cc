#include "cli/apt/tar_reader.h"

#include <cstdio>
#include <cstring>
#include <gtest/gtest.h>
#include <stdexcept>
#include <vector>

namespace linnet::cli {
namespace {

std::string block(const std::string& name, char type, const std::string& data, const std::string& link = "")
{
    char h[512] = {};
    std::memcpy(h, name.data(), std::min<size_t>(name.size(), 100));
    std::snprintf(h + 100, 8, "%07o", 0644);
    std::snprintf(h + 108, 8, "%07o", 7);
    std::snprintf(h + 116, 8, "%07o", 8);
    std::snprintf(h + 124, 12, "%011zo", data.size());
    std::snprintf(h + 136, 12, "%011o", 1000);
    h[156] = type;
    std::memcpy(h + 157, link.data(), std::min<size_t>(link.size(), 100));
    std::memcpy(h + 257, "ustar  ", 8);
    std::snprintf(h + 265, 32, "redis");
    std::memset(h + 148, ' ', 8);
    unsigned sum = 0;
    for (unsigned char c : h)
        sum += c;
    std::snprintf(h + 148, 8, "%06o", sum);
    std::string result(h, 512);
    result += data;
    result.resize((result.size() + 511) / 512 * 512);
    return result;
}

class Collector : public TarReader {
public:
    std::vector<TarEntry> entries;
    std::vector<std::string> contents;
    int ended = 0;

private:
    void begin_entry(const TarEntry& entry) override
    {
        entries.push_back(entry);
        contents.emplace_back();
    }
    void data(std::span<const char> bytes) override { contents.back().append(bytes.data(), bytes.size()); }
    void end_entry() override { ++ended; }
};

void feed(TarReader& reader, const std::string& text, size_t piece)
{
    for (size_t at = 0; at < text.size(); at += piece)
        reader.feed(std::span<const char>(text.data() + at, std::min(piece, text.size() - at)));
}

TEST(TarReader, FilesLinksAndLongNamesInAnyPieces)
{
    std::string long_name(180, 'n');
    std::string archive = block("./a", '0', std::string(1000, 'x')) + block("./d/", '5', "") +
                          block("./s", '2', "", "a") + block("././@LongLink", 'L', long_name + '\0') +
                          block("short", '0', "y") + block("pax", 'x', "19 path=other/name\n") + block("q", '0', "") +
                          std::string(1024, '\0');
    for (size_t piece : {size_t{1}, size_t{7}, size_t{512}, archive.size()}) {
        Collector c;
        feed(c, archive, piece);
        c.finish();
        ASSERT_EQ(c.entries.size(), 5u);
        EXPECT_EQ(c.ended, 5);
        EXPECT_EQ(c.contents[0], std::string(1000, 'x'));
        EXPECT_EQ(c.entries[0].mode, 0644u);
        EXPECT_EQ(c.entries[0].uid, 7u);
        EXPECT_EQ(c.entries[0].user, "redis");
        EXPECT_EQ(c.entries[2].link, "a");
        EXPECT_EQ(c.entries[3].path, long_name);
        EXPECT_EQ(c.entries[4].path, "other/name");
    }
}

TEST(TarReader, BrokenArchives)
{
    Collector garbage;
    EXPECT_THROW(feed(garbage, std::string(512, 'z'), 512), std::runtime_error);
    Collector cut;
    feed(cut, block("a", '0', std::string(600, 'x')).substr(0, 700), 700);
    EXPECT_THROW(cut.finish(), std::runtime_error);
    Collector pax;
    EXPECT_THROW(feed(pax, block("p", 'x', "99999 path=x\n"), 512), std::runtime_error);
    Collector pax2;
    EXPECT_THROW(feed(pax2, block("p", 'x', "nonsense"), 512), std::runtime_error);
}

} // namespace
} // namespace linnet::cli
