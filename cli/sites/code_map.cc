#include "cli/sites/code_map.h"

#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "cli/image/elf_file.h"

namespace linnet::cli {
namespace {

template <typename T>
std::optional<T> load(std::string_view bytes, std::size_t at) {
    T value;
    if (at > bytes.size() || sizeof value > bytes.size() - at)
        return {};
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

constexpr unsigned pcrel_sdata4 = 0x1b, datarel_sdata4 = 0x3b; // DW_EH_PE_*
constexpr std::uint64_t most_functions = 4'000'000;

} // namespace

CodeMap::CodeMap(std::string_view file, Unwind unwind) : file_(file) {
    const auto info = read_elf_bytes(file);
    if (!info || !info->fault.empty())
        return;
    for (std::size_t i = 0; i + 1 < info->build_id.size(); i += 2)
        build_id_ += static_cast<char>(std::stoi(info->build_id.substr(i, 2), nullptr, 16));
    ::elf_version(EV_CURRENT);
    std::string copy(file); // libelf wants memory that it may write
    const std::unique_ptr<Elf, decltype(&::elf_end)> elf(::elf_memory(copy.data(), copy.size()), &::elf_end);
    std::size_t count = 0;
    if (!elf || ::elf_getphdrnum(elf.get(), &count) != 0)
        return;
    std::optional<std::uint64_t> unwind_table;
    for (std::size_t i = 0; i < std::min<std::size_t>(count, 4096); ++i) {
        GElf_Phdr segment;
        if (!::gelf_getphdr(elf.get(), static_cast<int>(i), &segment))
            continue;
        if (segment.p_type == PT_GNU_EH_FRAME)
            unwind_table = segment.p_vaddr;
        if (segment.p_type != PT_LOAD || segment.p_offset > file.size() ||
            segment.p_filesz > file.size() - segment.p_offset ||
            segment.p_vaddr > UINT64_MAX - segment.p_filesz)
            continue;
        loads_.push_back({segment.p_vaddr, segment.p_filesz, segment.p_offset});
        if (segment.p_flags & PF_X)
            segments_.push_back({segment.p_vaddr, file.substr(segment.p_offset, segment.p_filesz)});
    }
    if (unwind_table)
        read_unwind_table(*unwind_table);
    std::size_t names = 0;
    ::elf_getshdrstrndx(elf.get(), &names);
    for (Elf_Scn* section = nullptr; (section = ::elf_nextscn(elf.get(), section)) != nullptr;) {
        GElf_Shdr header;
        if (!::gelf_getshdr(section, &header))
            continue;
        if (unwind == Unwind::sections && !unwind_table && header.sh_addr != 0 &&
            (header.sh_type == SHT_PROGBITS || header.sh_type == SHT_X86_64_UNWIND)) {
            const char* name = ::elf_strptr(elf.get(), names, header.sh_name);
            if (name && std::string_view(name) == ".eh_frame")
                read_unwind_section(header.sh_addr, header.sh_size);
        }
        if (header.sh_entsize == 0 ||
            (header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM))
            continue;
        Elf_Data* data = ::elf_getdata(section, nullptr);
        if (!data)
            continue;
        const auto symbols = static_cast<int>(std::min(data->d_size / header.sh_entsize, most_functions));
        for (int i = 0; i < symbols; ++i) {
            GElf_Sym symbol;
            if (!::gelf_getsym(data, i, &symbol) || symbol.st_shndx == SHN_UNDEF)
                continue;
            const auto type = GELF_ST_TYPE(symbol.st_info);
            if (type != STT_FUNC && type != STT_GNU_IFUNC)
                continue;
            if (symbol.st_size != 0)
                add_function(symbol.st_value, symbol.st_size);
            else if (!code(symbol.st_value, symbol.st_value + 1).empty())
                starts_.push_back(symbol.st_value);
        }
    }
    std::sort(functions_.begin(), functions_.end(), [](const FunctionRange& a, const FunctionRange& b) {
        return a.start != b.start ? a.start < b.start : a.end < b.end;
    });
    const auto same = [](const FunctionRange& a, const FunctionRange& b) {
        return a.start == b.start && a.end == b.end;
    };
    functions_.erase(std::unique(functions_.begin(), functions_.end(), same), functions_.end());
    for (const FunctionRange& function : functions_)
        starts_.push_back(function.start);
    std::sort(starts_.begin(), starts_.end());
    starts_.erase(std::unique(starts_.begin(), starts_.end()), starts_.end());
}

void CodeMap::add_function(std::uint64_t start, std::uint64_t size) {
    if (size != 0 && start <= UINT64_MAX - size && !code(start, start + size).empty())
        functions_.push_back({start, start + size});
}

std::string_view CodeMap::code(std::uint64_t start, std::uint64_t end) const {
    for (const CodeSegment& segment : segments_) {
        if (start >= segment.address && end >= start && end - segment.address <= segment.bytes.size())
            return segment.bytes.substr(start - segment.address, end - start);
    }
    return {};
}

std::string_view CodeMap::data_at(std::uint64_t address, std::uint64_t size) const {
    for (const Load& load : loads_) {
        if (address >= load.address && address - load.address <= load.size)
            return file_.substr(load.offset + (address - load.address),
                                std::min(size, load.size - (address - load.address)));
    }
    return {};
}

// Linux Standard Base, "Exception Frames": .eh_frame_hdr is a sorted table of (function, FDE), both relative to
// its own start; an FDE names its CIE, whose augmentation says how addresses are written. Only the
// encodings that compilers use for x86-64 are read.
void CodeMap::read_unwind_table(std::uint64_t address) {
    const std::string_view head = data_at(address, 12);
    if (head.size() < 12 || head[0] != 1 || static_cast<unsigned char>(head[3]) != datarel_sdata4 ||
        head[2] != 3) // count: udata4
        return;
    const std::uint64_t count = std::min<std::uint64_t>(*load<std::uint32_t>(head, 8), most_functions);
    const std::string_view table = data_at(address + 12, count * 8);
    for (std::size_t at = 0; at + 8 <= table.size(); at += 8) {
        const std::uint64_t start = address + static_cast<std::uint64_t>(std::int64_t{*load<std::int32_t>(table, at)});
        const FunctionRange function =
            unwind_entry(address + static_cast<std::uint64_t>(std::int64_t{*load<std::int32_t>(table, at + 4)}));
        if (function.start == start)
            add_function(start, function.end - start);
    }
}

// The section is a sequence of CIEs, which have 0 in their second word, and of FDEs.
void CodeMap::read_unwind_section(std::uint64_t address, std::uint64_t size) {
    const std::string_view section = data_at(address, size);
    for (std::uint64_t at = 0, count = 0; at + 8 <= section.size() && count < most_functions; ++count) {
        const std::uint32_t length = *load<std::uint32_t>(section, at);
        if (length < 4 || length == UINT32_MAX)
            return;
        if (*load<std::uint32_t>(section, at + 4) != 0) {
            const FunctionRange function = unwind_entry(address + at);
            add_function(function.start, function.end - function.start);
        }
        at += 4 + std::uint64_t{length};
    }
}

FunctionRange CodeMap::unwind_entry(std::uint64_t address) {
    const std::string_view bytes = data_at(address, 16);
    const auto length = load<std::uint32_t>(bytes, 0), cie_offset = load<std::uint32_t>(bytes, 4),
               size = load<std::uint32_t>(bytes, 12);
    const auto where = load<std::int32_t>(bytes, 8);
    if (!length || *length < 12 || *length == UINT32_MAX || !cie_offset || *cie_offset == 0 || !size || !where)
        return {};
    const std::uint64_t cie = address + 4 - *cie_offset;
    if (cie != known_cie_) {
        known_cie_ = cie;
        known_answer_ = cie_is_pcrel(cie);
    }
    if (!known_answer_)
        return {};
    const std::uint64_t start = address + 8 + static_cast<std::uint64_t>(std::int64_t{*where});
    return {start, start + *size};
}

// Whether the FDEs of a CIE give a function's start as 4 bytes relative to where they stand.
bool CodeMap::cie_is_pcrel(std::uint64_t cie) {
    const std::string_view bytes = data_at(cie, 64);
    if (bytes.size() < 16 || bytes[8] != 1)
        return false;
    std::string_view augmentation = bytes.substr(9);
    const auto end = augmentation.find('\0');
    if (end == std::string_view::npos)
        return false;
    augmentation = augmentation.substr(0, end);
    std::size_t at = 9 + end + 1;
    const auto skip_leb = [&] {
        while (at < bytes.size() && (bytes[at] & 0x80))
            ++at;
        ++at;
    };
    if (!augmentation.starts_with('z'))
        return false;
    skip_leb(); // code alignment
    skip_leb(); // data alignment
    skip_leb(); // return register
    skip_leb(); // augmentation length
    for (const char c : augmentation.substr(1)) {
        if (at >= bytes.size())
            return false;
        if (c == 'R')
            return static_cast<unsigned char>(bytes[at]) == pcrel_sdata4;
        if (c == 'P') {
            const unsigned encoding = static_cast<unsigned char>(bytes[at]) & 0x0f;
            at += 1 + (encoding == 0x0b || encoding == 0x03 ? 4 : 8);
        } else if (c == 'L') {
            at += 1;
        } else if (c != 'S' && c != 'B') {
            return false;
        }
    }
    return false;
}

} // namespace linnet::cli
