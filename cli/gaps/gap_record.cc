#include "cli/gaps/gap_record.h"

#include <optional>

#include "cli/gaps/gap_names.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

// Reads a line from its start.
class Cursor {
public:
    explicit Cursor(std::string_view text) : text_(text) {}

    // The next word; empty at the end.
    std::string_view word() {
        skip_blanks();
        const auto end = std::min(text_.find(' '), text_.size());
        const std::string_view result = text_.substr(0, end);
        text_.remove_prefix(end);
        return result;
    }
    std::optional<std::uint64_t> number(std::uint64_t max = UINT64_MAX) { return parse(word(), max); }
    std::optional<std::int64_t> signed_number(std::int64_t max) { return parse_signed(word(), max); }

    // A word in double quotes, its escapes resolved: \" \\ \xHH.
    std::optional<std::string> quoted() {
        skip_blanks();
        if (!text_.starts_with('"'))
            return {};
        std::string result;
        for (std::size_t at = 1; at < text_.size(); ++at) {
            const char c = text_[at];
            if (c == '"') {
                text_.remove_prefix(at + 1);
                return result;
            }
            if (c != '\\') {
                result += c;
                continue;
            }
            if (++at == text_.size())
                return {};
            if (text_[at] == '"' || text_[at] == '\\') {
                result += text_[at];
            } else if (text_[at] == 'x' && text_.size() - at > 2) {
                const auto value = parse(std::string("0x") + std::string(text_.substr(at + 1, 2)), 0xff);
                if (!value)
                    return {};
                result += static_cast<char>(*value);
                at += 2;
            } else {
                return {};
            }
        }
        return {};
    }
    bool at_end() {
        skip_blanks();
        return text_.empty();
    }

    // Decimal, or hexadecimal behind 0x.
    static std::optional<std::uint64_t> parse(std::string_view text, std::uint64_t max) {
        if (!text.starts_with("0x"))
            return parse_number(text, max);
        text.remove_prefix(2);
        if (text.empty() || text.size() > 16)
            return {};
        std::uint64_t value = 0;
        for (const char c : text) {
            const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
            if (digit < 0)
                return {};
            value = value << 4 | static_cast<std::uint64_t>(digit);
        }
        return value <= max ? std::optional(value) : std::nullopt;
    }
    static std::optional<std::int64_t> parse_signed(std::string_view text, std::int64_t max) {
        const bool negative = text.starts_with('-');
        if (negative)
            text.remove_prefix(1);
        const auto value = parse(text, static_cast<std::uint64_t>(max));
        if (!value)
            return {};
        return negative ? -static_cast<std::int64_t>(*value) : static_cast<std::int64_t>(*value);
    }

private:
    void skip_blanks() {
        while (text_.starts_with(' '))
            text_.remove_prefix(1);
    }
    std::string_view text_;
};

constexpr std::int64_t most_slots = std::int64_t{1} << 32;

} // namespace

bool GapCollector::take(std::string_view line) {
    if (line.size() > most_line_bytes)
        return false;
    Cursor cursor(line);
    if (cursor.word() != "gap")
        return false;
    const std::string_view what = cursor.word();
    const std::string_view rest = line.substr(static_cast<std::size_t>(what.data() + what.size() - line.data()));
    if (what == "begin") {
        const auto request = cursor.number();
        building_ = {};
        building_.request = request.value_or(0);
        paths_.clear();
        begun_ = request.has_value();
    } else if (!begun_) {
        return false;
    } else if (what == "path") {
        take_path(rest);
    } else if (what == "end") {
        return take_end(rest);
    } else if (parse_number(what, UINT32_MAX)) {
        take_gap(rest);
    }
    return false;
}

void GapCollector::take_path(std::string_view rest) {
    Cursor cursor(rest);
    const auto number = cursor.number(most_paths);
    const auto path = cursor.quoted();
    if (number && *number != 0 && path && path->size() <= most_path_bytes && paths_.size() < most_paths)
        paths_[*number] = *path;
}

void GapCollector::take_gap(std::string_view rest) {
    if (building_.gaps.size() == most_gaps)
        return;
    Cursor cursor(rest);
    GapRecord gap;
    gap.kind = cursor.word();
    const auto a = cursor.number(), b = cursor.number(), c = cursor.number(), count = cursor.number();
    const auto error = cursor.number(4095), pid = cursor.number(INT32_MAX), dead = cursor.number(INT32_MAX),
               death = cursor.number(0xffff);
    const auto frame = cursor.signed_number(most_slots);
    const auto comm = cursor.quoted(), text = cursor.quoted();
    if (!known_gap_kind(gap.kind) || !a || !b || !c || !count || !error || !pid || !dead || !death || !frame || !comm || !text)
        return;
    gap.a = *a, gap.b = *b, gap.c = *c, gap.count = *count;
    gap.error = static_cast<int>(*error);
    gap.pid = static_cast<int>(*pid);
    gap.dead_pid = static_cast<int>(*dead);
    gap.death = static_cast<unsigned>(*death);
    gap.frame_slot = *frame;
    gap.comm = *comm;
    gap.text = *text;
    while (!cursor.at_end() && gap.places.size() < most_places) {
        const auto fields = split(cursor.word(), ':');
        if (fields.size() != 5)
            return;
        const auto slot = Cursor::parse_signed(fields[0], most_slots);
        const auto address = Cursor::parse(fields[1], UINT64_MAX), offset = Cursor::parse(fields[2], UINT64_MAX),
                   path = Cursor::parse(fields[3], most_paths), chain = Cursor::parse(fields[4], 1);
        if (!slot || !address || !offset || !path || !chain)
            return;
        const auto known = paths_.find(*path);
        gap.places.push_back({*slot, *address, *offset, known == paths_.end() ? "" : known->second, *chain == 1});
    }
    building_.gaps.push_back(std::move(gap));
}

bool GapCollector::take_end(std::string_view rest) {
    Cursor cursor(rest);
    const auto request = cursor.number(), gaps = cursor.number(), others = cursor.number();
    begun_ = false;
    if (!request || !gaps || !others || *request != building_.request || *gaps != building_.gaps.size())
        return false;
    building_.others = *others;
    building_.complete = true;
    report_ = std::move(building_);
    building_ = {};
    return true;
}

} // namespace linnet::cli
