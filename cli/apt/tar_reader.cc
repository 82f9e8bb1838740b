#include "cli/apt/tar_reader.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace linnet::cli {
namespace {

constexpr size_t block_bytes = 512;
constexpr std::uint64_t max_name_bytes = 1 << 20;

// Octal digits, or base 256 when the first byte has its top bit set.
std::uint64_t number(std::string_view field)
{
    std::uint64_t value = 0;
    if (!field.empty() && (field[0] & 0x80)) {
        for (size_t i = 1; i < field.size(); ++i)
            value = (value << 8) | static_cast<unsigned char>(field[i]);
        return value;
    }
    for (char c : field) {
        if (c >= '0' && c <= '7')
            value = value * 8 + static_cast<std::uint64_t>(c - '0');
        else if (c != ' ' || value != 0)
            break;
    }
    return value;
}

std::string text(std::string_view field) { return std::string(field.substr(0, field.find('\0'))); }

} // namespace

void TarReader::feed(std::span<const char> bytes)
{
    while (!bytes.empty() && !ended_) {
        if (in_data_ && left_ > 0) {
            size_t n = static_cast<size_t>(std::min<std::uint64_t>(left_, bytes.size()));
            if (collecting_)
                collected_.append(bytes.data(), n);
            else
                data(bytes.first(n));
            left_ -= n;
            bytes = bytes.subspan(n);
            if (left_ == 0)
                end_of_data();
        } else if (padding_ > 0) {
            size_t n = static_cast<size_t>(std::min<std::uint64_t>(padding_, bytes.size()));
            padding_ -= n;
            bytes = bytes.subspan(n);
        } else {
            size_t n = std::min(block_bytes - block_.size(), bytes.size());
            block_.append(bytes.data(), n);
            bytes = bytes.subspan(n);
            if (block_.size() == block_bytes) {
                header();
                block_.clear();
            }
        }
    }
}

void TarReader::finish() const
{
    if (in_data_ || !block_.empty())
        throw std::runtime_error("the archive ends too early");
}

void TarReader::header()
{
    std::string_view h = block_;
    if (std::ranges::all_of(h, [](char c) { return c == '\0'; })) {
        ended_ = true;
        return;
    }
    std::uint64_t sum = 0;
    for (size_t i = 0; i < block_bytes; ++i)
        sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(h[i]);
    if (sum != number(h.substr(148, 8)))
        throw std::runtime_error("bad header checksum in the archive");

    entry_ = {};
    entry_.type = h[156] == '\0' ? '0' : h[156];
    entry_.path = text(h.substr(0, 100));
    if (h.substr(257, 6) == std::string_view("ustar\0", 6) && h[345] != '\0')
        entry_.path = text(h.substr(345, 155)) + "/" + entry_.path;
    entry_.link = text(h.substr(157, 100));
    entry_.mode = static_cast<std::uint32_t>(number(h.substr(100, 8)) & 07777);
    entry_.uid = static_cast<std::uint32_t>(number(h.substr(108, 8)));
    entry_.gid = static_cast<std::uint32_t>(number(h.substr(116, 8)));
    entry_.size = number(h.substr(124, 12));
    entry_.mtime = static_cast<std::int64_t>(number(h.substr(136, 12)));
    entry_.user = text(h.substr(265, 32));
    entry_.group = text(h.substr(297, 32));

    left_ = entry_.size;
    padding_ = (block_bytes - entry_.size % block_bytes) % block_bytes;
    collecting_ = entry_.type == 'L' || entry_.type == 'K' || entry_.type == 'x' || entry_.type == 'g';
    in_data_ = true;
    if (collecting_) {
        if (left_ > max_name_bytes)
            throw std::runtime_error("a name in the archive is too long");
        collected_.clear();
    } else {
        if (entry_.type == '7')
            entry_.type = '0';
        if (!long_path_.empty())
            entry_.path = std::exchange(long_path_, {});
        if (!long_link_.empty())
            entry_.link = std::exchange(long_link_, {});
        begin_entry(entry_);
    }
    if (left_ == 0)
        end_of_data();
}

void TarReader::end_of_data()
{
    in_data_ = false;
    if (!collecting_) {
        end_entry();
    } else if (entry_.type == 'L') {
        long_path_ = text(collected_);
    } else if (entry_.type == 'K') {
        long_link_ = text(collected_);
    } else if (entry_.type == 'x') {
        pax_records();
    }
}

// "LENGTH KEY=VALUE\n" records.
void TarReader::pax_records()
{
    std::string_view rest = collected_;
    while (!rest.empty()) {
        size_t blank = rest.find(' ');
        size_t length = 0;
        for (char c : rest.substr(0, blank))
            length = length * 10 + static_cast<size_t>(c - '0');
        if (blank == std::string_view::npos || length <= blank + 1 || length > rest.size())
            throw std::runtime_error("bad pax record in the archive");
        std::string_view record = rest.substr(blank + 1, length - blank - 2);
        rest.remove_prefix(length);
        size_t equals = record.find('=');
        if (equals == std::string_view::npos)
            continue;
        if (record.substr(0, equals) == "path")
            long_path_ = record.substr(equals + 1);
        else if (record.substr(0, equals) == "linkpath")
            long_link_ = record.substr(equals + 1);
    }
}

} // namespace linnet::cli
