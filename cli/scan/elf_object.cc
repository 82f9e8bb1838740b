#include "cli/scan/elf_object.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

#include "cli/image/elf_file.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

constexpr std::string_view go_mark = "\xff Go buildinf:"; // debug/buildinfo: begins the section .go.buildinfo

} // namespace

ElfObject::ElfObject(std::string path, std::string_view bytes)
    : path_(std::move(path)), bytes_(bytes), code_(bytes, CodeMap::Unwind::sections) {
    const auto info = read_elf_bytes(bytes);
    if (!info || !info->fault.empty()) {
        problem(info ? info->fault : "not an ELF file");
        return;
    }
    read_headers();
    if (code_.segments().empty())
        problem("no code");
    std::sort(pointers_.begin(), pointers_.end(),
              [](const Pointer& a, const Pointer& b) { return a.place < b.place; });
    go_ = bytes_.find(go_mark) != std::string_view::npos;
    if (go_)
        find_go_functions();
    find_functions();
    if (fixed_address_)
        find_raw_pointers();
}

void ElfObject::find_go_functions() {
    const auto relocated = [this](std::uint64_t place, std::uint64_t word) {
        const Pointer* pointer = pointer_at(place);
        return pointer && pointer->symbol < 0 ? pointer->value : word;
    };
    for (const Load& part : loads_) {
        const std::string_view data = bytes_.substr(part.offset, part.size);
        for (const std::size_t at : find_go_tables(data)) {
            auto found = read_go_functions(data.substr(at), part.address + at, relocated);
            std::erase_if(found, [this](const GoFunction& f) { return code_.code(f.start, f.end).empty(); });
            if (found.size() > go_functions_.size())
                go_functions_ = std::move(found);
        }
    }
}

void ElfObject::find_functions() {
    std::vector<FunctionRange> all = code_.functions();
    starts_ = code_.starts();
    // Where symbols say it, Go's table says the same, but for the padding behind a function.
    if (all.empty()) {
        for (const GoFunction& function : go_functions_) {
            all.push_back({function.start, function.end});
            starts_.push_back(function.start);
        }
    }
    std::sort(starts_.begin(), starts_.end());
    starts_.erase(std::unique(starts_.begin(), starts_.end()), starts_.end());
    // Of functions with one start the longest; they are sorted by start, then by end.
    for (const FunctionRange& function : all) {
        if (!functions_.empty() && functions_.back().start == function.start)
            functions_.back() = function;
        else
            functions_.push_back(function);
        longest_function_ = std::max(longest_function_, function.end - function.start);
    }
}

std::string_view ElfObject::go_name(std::uint64_t address) const {
    const auto it = std::upper_bound(go_functions_.begin(), go_functions_.end(), address,
                                     [](std::uint64_t value, const GoFunction& f) { return value < f.start; });
    return it != go_functions_.begin() && address < std::prev(it)->end ? std::prev(it)->name : std::string_view();
}

void ElfObject::problem(std::string text) {
    if (problems_.size() < 16)
        problems_.push_back(std::move(text));
}

void ElfObject::read_headers() {
    const auto header = load<Elf64_Ehdr>(bytes_, 0);
    if (!header)
        return;
    entry_ = header->e_entry;
    fixed_address_ = header->e_type == ET_EXEC;
    std::optional<Elf64_Phdr> dynamic;
    for (unsigned i = 0; i < std::min<unsigned>(header->e_phnum, 4096) && header->e_phentsize == sizeof(Elf64_Phdr); ++i) {
        const auto segment = load<Elf64_Phdr>(bytes_, header->e_phoff + i * sizeof(Elf64_Phdr));
        if (!segment)
            break;
        if (segment->p_type == PT_DYNAMIC)
            dynamic = *segment;
        if (segment->p_type != PT_LOAD || segment->p_offset > bytes_.size() ||
            segment->p_filesz > bytes_.size() - segment->p_offset)
            continue;
        const auto overlaps = [&](const Load& other) {
            return segment->p_vaddr < other.address + other.memory_size &&
                   other.address < segment->p_vaddr + segment->p_memsz;
        };
        if (std::any_of(loads_.begin(), loads_.end(), overlaps))
            problem("segments overlap: what lies in both is read from the first");
        loads_.push_back({segment->p_vaddr, segment->p_filesz, segment->p_memsz, segment->p_offset,
                          (segment->p_flags & PF_W) != 0, (segment->p_flags & PF_X) != 0});
    }
    if (dynamic) {
        dynamic_ = true;
        read_dynamic(dynamic->p_vaddr, dynamic->p_filesz);
    }
}

std::string_view ElfObject::data_at(std::uint64_t address, std::uint64_t size) const {
    for (const Load& part : loads_) {
        if (address < part.address || address - part.address >= part.size)
            continue;
        const std::uint64_t skipped = address - part.address;
        return bytes_.substr(part.offset + skipped, std::min(size, part.size - skipped));
    }
    return {};
}

void ElfObject::find_raw_pointers() {
    for (const Load& part : loads_) {
        const std::uint64_t skew = (4 - part.address % 4) % 4;
        for (std::uint64_t at = skew; at + 8 <= part.size; at += 4) {
            const auto value = *load<std::uint64_t>(bytes_, part.offset + at);
            if (value == 0 || !is_code(value))
                continue;
            // Old linkers put constants beside code, and structures may be packed; but instructions, and halves of two
            // words, look like pointers now and then.
            const bool usual = !part.executable && (part.address + at) % 8 == 0;
            const auto function = usual ? std::nullopt : function_at(value);
            if (usual || (function && function->start == value))
                raw_pointers_.push_back(value);
        }
    }
    std::sort(raw_pointers_.begin(), raw_pointers_.end());
    raw_pointers_.erase(std::unique(raw_pointers_.begin(), raw_pointers_.end()), raw_pointers_.end());
}

std::vector<std::uint32_t> ElfObject::definitions(std::string_view name) const {
    const auto it = by_name_.find(name);
    return it == by_name_.end() ? std::vector<std::uint32_t>() : it->second;
}

const Pointer* ElfObject::pointer_at(std::uint64_t place) const {
    const auto it = std::lower_bound(pointers_.begin(), pointers_.end(), place,
                                     [](const Pointer& p, std::uint64_t value) { return p.place < value; });
    return it != pointers_.end() && it->place == place ? &*it : nullptr;
}

std::optional<FunctionRange> ElfObject::function_at(std::uint64_t address) const {
    auto it = std::upper_bound(functions_.begin(), functions_.end(), address,
                               [](std::uint64_t value, const FunctionRange& f) { return value < f.start; });
    // The innermost has the greatest start. Few lie within others, so that the look-back ends soon.
    for (int back = 0; it != functions_.begin() && back < 64; ++back) {
        --it;
        if (address < it->end)
            return *it;
        if (address - it->start > longest_function_)
            break;
    }
    return {};
}

std::uint64_t ElfObject::next_start(std::uint64_t address) const {
    const auto it = std::upper_bound(starts_.begin(), starts_.end(), address);
    const std::string_view rest = code_from(address);
    const std::uint64_t end = address + rest.size();
    return it == starts_.end() ? end : std::min(*it, end);
}

std::string_view ElfObject::code_from(std::uint64_t address) const {
    for (const CodeSegment& segment : code_.segments()) {
        if (address >= segment.address && address - segment.address < segment.bytes.size())
            return segment.bytes.substr(address - segment.address);
    }
    return {};
}

std::optional<std::uint64_t> ElfObject::constant_at(std::uint64_t address, unsigned size) const {
    for (const Load& part : loads_) {
        if (address < part.address || address - part.address >= part.size)
            continue;
        if (part.writable || pointer_at(address))
            return {};
        const std::string_view bytes = data_at(address, size);
        std::uint64_t value = 0;
        if (bytes.size() < size || size > sizeof value)
            return {};
        std::memcpy(&value, bytes.data(), size);
        return value;
    }
    return {};
}

std::optional<std::uint64_t> ElfObject::first_value_at(std::uint64_t address) const {
    return pointer_at(address) ? std::nullopt : read<std::uint64_t>(address);
}

std::string_view ElfObject::text_at(std::uint64_t address) const {
    for (const Load& part : loads_) {
        if (address >= part.address && address - part.address < part.size) {
            const std::string_view bytes = data_at(address, 256);
            const auto end = bytes.find('\0');
            return end == std::string_view::npos ? std::string_view() : bytes.substr(0, end);
        }
    }
    return {};
}

} // namespace linnet::cli
