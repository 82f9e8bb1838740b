#include "cli/gaps/gap_places.h"

#include <algorithm>
#include <cstring>

#include "cli/symbolize/unwind.h"

namespace linnet::cli {
namespace {

constexpr std::uint64_t longest_function = 1 << 20; // bytes, of what is disassembled
constexpr std::uint64_t syscall_size = 2;
constexpr std::size_t listed_without_function = 32; // bytes

} // namespace

PlaceNamer::PlaceNamer(const std::string& image) : file_(image), archive_(file_.bytes()) {}

PlaceNamer::CodeFile* PlaceNamer::code_file(const std::string& path) {
    if (!path.starts_with('/'))
        return nullptr;
    auto& slot = files_[path];
    if (!slot)
        slot = std::make_unique<CodeFile>(archive_.file(path));
    return slot->bytes.empty() ? nullptr : slot.get();
}

// `back`: the function is the one that covers the place this many bytes before (a call may be its last instruction).
NamedPlace PlaceNamer::name_place(const GapPlace& place, std::uint64_t back) {
    NamedPlace named{place.path, place.path.starts_with('/') ? place.offset : place.address, {}, PlaceTrust::certain};
    CodeFile* file = code_file(place.path);
    if (!file)
        return named;
    if (const auto address = file->symbols.address_of_offset(place.offset)) {
        named.address = *address;
        if (auto symbol = file->symbols.name(*address - back))
            named.symbol = std::move(*symbol);
    }
    return named;
}

// The function of the same file that the direct call before the place goes to; empty if there is none.
std::string PlaceNamer::called_function(const GapPlace& place) {
    constexpr std::uint64_t call_size = 5; // E8 and a displacement of 4 bytes
    CodeFile* file = code_file(place.path);
    const auto address = file ? file->symbols.address_of_offset(place.offset) : std::nullopt;
    if (!address || *address < call_size)
        return {};
    const std::string_view code = file->map.code(*address - call_size, *address);
    if (code.size() != call_size || static_cast<unsigned char>(code[0]) != 0xe8)
        return {};
    std::int32_t displacement;
    std::memcpy(&displacement, code.data() + 1, sizeof displacement);
    return file->symbols.name(*address + static_cast<std::uint64_t>(std::int64_t{displacement})).value_or("");
}

std::vector<ListingLine> PlaceNamer::list(const GapPlace& place) {
    CodeFile* file = code_file(place.path);
    const auto address = file ? file->symbols.address_of_offset(place.offset) : std::nullopt;
    if (!address || *address < syscall_size)
        return {};
    const std::uint64_t call = *address - syscall_size;
    // Of several functions that cover it the one that begins last: its start is the nearest place where an instruction is sure to begin.
    const auto& functions = file->map.functions();
    auto it = std::upper_bound(functions.begin(), functions.end(), call,
                               [](std::uint64_t value, const FunctionRange& f) { return value < f.start; });
    for (int back = 0; it != functions.begin() && back < 16; ++back) {
        --it;
        if (call >= it->end || it->end - it->start > longest_function)
            continue;
        auto lines = list_around(file->map.code(it->start, it->end), it->start, *address);
        if (!lines.empty())
            return lines;
    }
    // No function is known there. The call instruction itself is, and what stands behind it.
    for (const CodeSegment& segment : file->map.segments()) {
        if (call < segment.address || call - segment.address >= segment.bytes.size())
            continue;
        const std::string_view code = segment.bytes.substr(call - segment.address, listed_without_function);
        return code.starts_with("\x0f\x05") ? list_around(code, call, *address) : std::vector<ListingLine>();
    }
    return {};
}

NamedGap PlaceNamer::name(const GapRecord& gap) {
    NamedGap result;
    if (gap.places.empty())
        return result;
    const GapPlace& rip = gap.places.front();
    result.asker = name_place(rip, syscall_size);
    result.listing = list(rip);
    // Up the stack, by what the files say of their functions' frames. The kernel has listed every word that can be a return
    // address: where the frame's return address should stand there has to be one.
    std::vector<bool> found(gap.places.size(), false), sure(gap.places.size(), false), stale(gap.places.size(), false);
    bool trusted = true;   // all steps so far are certain
    std::int64_t base = 0; // 8 * base bytes above RSP: RSP's value in the function that is looked at
    std::int64_t frame_slot = gap.frame_slot;
    for (std::size_t at = 0; at < gap.places.size();) {
        CodeFile* file = code_file(gap.places[at].path);
        const auto address = file ? file->symbols.address_of_offset(gap.places[at].offset) : std::nullopt;
        std::optional<FrameRule> rule;
        if (address && *address != 0)
            rule = frame_rule(file->bytes, *address - 1);
        std::int64_t end; // of the frame
        bool whole = true; // all that lies in it is known to be no return address
        if (rule && rule->from_rbp) {
            if (frame_slot < 0)
                break;
            end = frame_slot + rule->offset / 8;
            frame_slot = -1; // what it held before is on the stack, which is not known here
        } else if (rule) {
            end = base + rule->offset / 8;
        } else {
            // No table. A call of that very function, or else code that keeps a frame pointer, as Go's.
            whole = false;
            const std::string function = name_place(gap.places[at], at == 0 ? syscall_size : 1).symbol;
            const auto first = gap.places.begin() + 1;
            auto next = std::find_if(first, gap.places.end(), [&](const GapPlace& place) {
                const std::string called = place.slot >= base ? called_function(place) : "";
                return !called.empty() && called == function.substr(0, function.rfind("+0x"));
            });
            trusted = false;
            if (next == gap.places.end()) {
                next = std::find_if(first, gap.places.end(), [&](const GapPlace& place) { return place.in_chain && place.slot >= base; });
                trusted = true;
            }
            if (next == gap.places.end())
                break;
            trusted = trusted || next->in_chain;
            end = next->slot + 1;
            if (next->in_chain)
                frame_slot = -1;
        }
        if (end <= base)
            break;
        const auto next = std::find_if(gap.places.begin() + 1, gap.places.end(),
                                       [&](const GapPlace& place) { return place.slot == end - 1; });
        if (next == gap.places.end())
            break;
        at = static_cast<std::size_t>(next - gap.places.begin());
        found[at] = true;
        sure[at] = trusted;
        for (std::size_t i = 1; whole && i < gap.places.size(); ++i)
            stale[i] = stale[i] || (gap.places[i].slot >= base && gap.places[i].slot < end - 1);
        base = end;
    }
    for (std::size_t at = 1; at < gap.places.size(); ++at) {
        if (stale[at])
            continue; // left from an earlier call
        NamedPlace place = name_place(gap.places[at], 1);
        place.trust = sure[at] ? PlaceTrust::certain : found[at] ? PlaceTrust::likely : PlaceTrust::possible;
        result.callers.push_back(std::move(place));
    }
    return result;
}

} // namespace linnet::cli
