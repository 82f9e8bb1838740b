#include "cli/sites/site_maker.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "cli/sites/code_map.h"
#include "cli/sites/disassembler.h"
#include "cli/sites/halt_finder.h"
#include "linux-abi/site_table.h"

namespace linnet::cli {
namespace {

constexpr std::uint64_t mov_size = 5, site_size = 7;
constexpr std::uint64_t short_reach = 130; // bytes: a short jump and its own length

struct Decoded {
    bool complete = false;
    std::set<std::uint64_t> starts;  // of instructions
    std::set<std::uint64_t> targets; // of direct branches
};

class SiteMaker {
public:
    explicit SiteMaker(const CodeMap& map) : map_(map) {}

    std::vector<abi::SiteEntry> make() {
        find_candidates();
        if (!candidates_.empty())
            find_near_branches();
        std::vector<abi::SiteEntry> entries;
        for (const std::uint64_t address : candidates_) {
            bool syscall_is_target = near_to_syscall_.contains(address + mov_size);
            if (!proven(address, syscall_is_target))
                continue;
            const std::string_view bytes = map_.code(address, address + site_size);
            abi::SiteEntry entry{};
            entry.vaddr = address;
            entry.form = static_cast<std::uint8_t>(abi::SiteForm::mov_imm);
            entry.displaced = mov_size;
            entry.flags = syscall_is_target ? abi::site_flag_syscall_is_target : 0;
            std::memcpy(&entry.number, bytes.data() + 1, sizeof entry.number);
            std::memcpy(entry.original, bytes.data(), site_size);
            entry.original_size = site_size;
            entries.push_back(entry);
        }
        add_halts(entries);
        return entries;
    }

private:
    void add_halts(std::vector<abi::SiteEntry>& entries) {
        for (const std::uint64_t address : find_halts(map_, disassembler_)) {
            abi::SiteEntry entry{};
            entry.vaddr = address;
            entry.form = static_cast<std::uint8_t>(abi::SiteForm::halt);
            entry.displaced = 1;
            entry.number = abi::site_number_unknown;
            entry.original[0] = 0xf4;
            entry.original_size = 1;
            entries.push_back(entry);
        }
        std::sort(entries.begin(), entries.end(),
                  [](const abi::SiteEntry& a, const abi::SiteEntry& b) { return a.vaddr < b.vaddr; });
        // Both proofs hold for what stands in one function; two functions that share bytes may still disagree.
        std::uint64_t free_from = 0;
        std::erase_if(entries, [&free_from](const abi::SiteEntry& entry) {
            if (entry.vaddr < free_from)
                return true;
            free_from = entry.vaddr + entry.displaced;
            return false;
        });
    }

    // By the bytes alone; numbers are small, which spares the decoder most accidents.
    void find_candidates() {
        for (const CodeSegment& segment : map_.segments()) {
            const std::string_view bytes = segment.bytes;
            constexpr std::string_view call = "\x0f\x05";
            for (auto at = bytes.find(call); at != std::string_view::npos; at = bytes.find(call, at + 1)) {
                if (at >= mov_size && static_cast<unsigned char>(bytes[at - mov_size]) == 0xb8 &&
                    bytes[at - 1] == 0 && bytes[at - 2] == 0)
                    candidates_.insert(segment.address + at - mov_size);
            }
        }
    }

    bool inside_a_mov(std::uint64_t target) const {
        auto it = candidates_.lower_bound(target);
        return it != candidates_.begin() && target - *--it < mov_size;
    }

    // Near jumps and calls at every byte of the code, so that no decoding can be wrong about them.
    void find_near_branches() {
        for (const CodeSegment& segment : map_.segments()) {
            const auto* bytes = reinterpret_cast<const unsigned char*>(segment.bytes.data());
            const std::size_t size = segment.bytes.size();
            for (std::size_t at = 0; at + 5 <= size; ++at) {
                std::size_t length;
                if (bytes[at] == 0xe8 || bytes[at] == 0xe9)
                    length = 5;
                else if (bytes[at] == 0x0f && (bytes[at + 1] & 0xf0) == 0x80 && at + 6 <= size)
                    length = 6;
                else
                    continue;
                std::int32_t relative;
                std::memcpy(&relative, bytes + at + length - 4, sizeof relative);
                const std::uint64_t target =
                    segment.address + at + length + static_cast<std::uint64_t>(std::int64_t{relative});
                if (inside_a_mov(target))
                    near_inside_.insert(target);
                if (candidates_.contains(target - mov_size))
                    near_to_syscall_.insert(target);
            }
        }
    }

    const Decoded& decoded(const FunctionRange& function) {
        auto& slot = functions_[{function.start, function.end}];
        if (!slot) {
            slot = std::make_unique<Decoded>();
            const auto code = disassembler_.decode(map_.code(function.start, function.end), function.start);
            slot->complete = code.has_value();
            if (code) {
                for (const Instruction& instruction : *code) {
                    slot->starts.insert(slot->starts.end(), instruction.address);
                    if (instruction.has_target)
                        slot->targets.insert(instruction.target);
                }
            }
        }
        return *slot;
    }

    // Could a short jump among bytes that no function covers lead into the site's interior?
    bool short_jump_in_gap(std::uint64_t site, std::uint64_t first, std::uint64_t last,
                           const std::vector<FunctionRange>& near) const {
        const std::string_view bytes = map_.code(first, last);
        for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
            const std::uint64_t at = first + i;
            const bool covered = std::any_of(near.begin(), near.end(), [at](const FunctionRange& f) {
                return at >= f.start && at < f.end;
            });
            const auto opcode = static_cast<unsigned char>(bytes[i]);
            if (covered || !((opcode & 0xf0) == 0x70 || opcode == 0xeb || (opcode & 0xfc) == 0xe0))
                continue;
            const std::uint64_t target =
                at + 2 + static_cast<std::uint64_t>(std::int64_t{static_cast<signed char>(bytes[i + 1])});
            if (target > site && target < site + mov_size)
                return true;
        }
        return false;
    }

    bool proven(std::uint64_t site, bool& syscall_is_target) {
        for (std::uint64_t at = site + 1; at < site + mov_size; ++at) {
            if (near_inside_.contains(at))
                return false;
        }
        const CodeSegment* segment = nullptr;
        for (const CodeSegment& s : map_.segments()) {
            if (site >= s.address && site - s.address < s.bytes.size())
                segment = &s;
        }
        const std::uint64_t first = site - std::min(short_reach, site - segment->address);
        const std::uint64_t last = std::min(site + site_size + short_reach,
                                            segment->address + segment->bytes.size());
        std::vector<FunctionRange> near;
        bool contained = false;
        for (const FunctionRange& function : functions_in_reach(first, last)) {
            const Decoded& code = decoded(function);
            if (!code.complete)
                return false;
            near.push_back(function);
            if (const auto it = code.targets.upper_bound(site);
                it != code.targets.end() && *it < site + mov_size)
                return false;
            if (code.targets.contains(site + mov_size))
                syscall_is_target = true;
            const bool around = site >= function.start && site + site_size <= function.end;
            const bool touches = site < function.end && function.start < site + site_size;
            if (around) {
                if (!code.starts.contains(site) || !code.starts.contains(site + mov_size))
                    return false;
                contained = true;
            } else if (touches) {
                return false; // a function begins or ends within the site
            }
        }
        return contained && !short_jump_in_gap(site, first, last, near);
    }

    // Functions are sorted by start, not by end: the longest one bounds how far back to look.
    std::vector<FunctionRange> functions_in_reach(std::uint64_t first, std::uint64_t last) {
        const auto& all = map_.functions();
        if (longest_ == 0) {
            for (const FunctionRange& function : all)
                longest_ = std::max(longest_, function.end - function.start);
        }
        std::vector<FunctionRange> result;
        auto it = std::lower_bound(all.begin(), all.end(), last,
                                   [](const FunctionRange& f, std::uint64_t value) { return f.start < value; });
        while (it != all.begin()) {
            --it;
            if (it->end > first)
                result.push_back(*it);
            if (first > longest_ && it->start < first - longest_)
                break;
        }
        return result;
    }

    const CodeMap& map_;
    Disassembler disassembler_;
    std::set<std::uint64_t> candidates_;
    std::set<std::uint64_t> near_inside_, near_to_syscall_;
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::unique_ptr<Decoded>> functions_;
    std::uint64_t longest_ = 0;
};

} // namespace

std::optional<std::string> make_site_table(std::string_view elf_file) {
    const CodeMap map(elf_file);
    if (map.build_id().empty() || map.build_id().size() > sizeof(abi::SiteTableHeader::build_id))
        return {};
    const std::vector<abi::SiteEntry> entries = SiteMaker(map).make();
    if (entries.empty())
        return {};
    abi::SiteTableHeader header{};
    std::memcpy(header.magic, abi::site_table_magic, sizeof header.magic);
    header.version = abi::site_table_version;
    header.count = static_cast<std::uint32_t>(entries.size());
    header.build_id_size = static_cast<std::uint8_t>(map.build_id().size());
    std::memcpy(header.build_id, map.build_id().data(), map.build_id().size());
    std::string table(reinterpret_cast<const char*>(&header), sizeof header);
    table.append(reinterpret_cast<const char*>(entries.data()), entries.size() * sizeof(abi::SiteEntry));
    return table;
}

} // namespace linnet::cli
