// The part of ElfObject that reads PT_DYNAMIC: symbols, versions, relocations. Sources: the generic ABI, "Dynamic Section"; the
// GNU extensions in Linux Standard Base, "Symbol Versioning"; DT_RELR in the generic ABI's proposal.
#include <elf.h>

#include <algorithm>
#include <map>

#include "cli/scan/elf_object.h"

namespace linnet::cli {
namespace {

constexpr std::uint64_t most_symbols = 4'000'000, most_relocations = 16'000'000, most_versions = 65536;

std::string_view c_string(std::string_view strings, std::uint64_t at) {
    if (at >= strings.size())
        return {};
    const auto end = strings.find('\0', at);
    return end == std::string_view::npos ? std::string_view() : strings.substr(at, end - at);
}

} // namespace

void ElfObject::read_dynamic(std::uint64_t address, std::uint64_t size) {
    std::uint64_t rela = 0, rela_size = 0, plt_rela = 0, plt_size = 0, relr = 0, relr_size = 0;
    std::map<std::uint64_t, std::uint64_t> arrays; // address, size
    std::uint64_t init_array = 0, fini_array = 0, preinit_array = 0;
    const std::string_view table = data_at(address, size);
    if (table.empty())
        problem("the dynamic section cannot be read");
    for (std::uint64_t at = 0; at + sizeof(Elf64_Dyn) <= table.size(); at += sizeof(Elf64_Dyn)) {
        const auto item = *load<Elf64_Dyn>(table, at);
        if (item.d_tag == DT_NULL)
            break;
        const std::uint64_t value = item.d_un.d_val;
        switch (item.d_tag) {
        case DT_SYMTAB: table_.symbols = value; break;
        case DT_STRTAB: table_.strings = value; break;
        case DT_STRSZ: table_.strings_size = value; break;
        case DT_HASH: table_.hash = value; break;
        case DT_GNU_HASH: table_.gnu_hash = value; break;
        case DT_VERSYM: table_.versions = value; break;
        case DT_VERDEF: table_.defined_versions = value; break;
        case DT_VERDEFNUM: table_.defined_count = value; break;
        case DT_VERNEED: table_.needed_versions = value; break;
        case DT_VERNEEDNUM: table_.needed_count = value; break;
        case DT_RELA: rela = value; break;
        case DT_RELASZ: rela_size = value; break;
        case DT_JMPREL: plt_rela = value; break;
        case DT_PLTRELSZ: plt_size = value; break;
        case DT_RELR: relr = value; break;
        case DT_RELRSZ: relr_size = value; break;
        case DT_INIT: case DT_FINI:
            if (value != 0)
                initializers_.push_back(value);
            break;
        case DT_INIT_ARRAY: init_array = value; break;
        case DT_INIT_ARRAYSZ: arrays[init_array] = value; break;
        case DT_FINI_ARRAY: fini_array = value; break;
        case DT_FINI_ARRAYSZ: arrays[fini_array] = value; break;
        case DT_PREINIT_ARRAY: preinit_array = value; break;
        case DT_PREINIT_ARRAYSZ: arrays[preinit_array] = value; break;
        default: break;
        }
    }
    const std::string_view strings = data_at(table_.strings, table_.strings_size);
    if (table_.symbols != 0) {
        // A hash table does not tell of symbols that are asked for and not defined: relocations do.
        const std::uint64_t count =
            std::max({count_symbols(), highest_symbol(rela, rela_size), highest_symbol(plt_rela, plt_size)});
        read_symbols(table_.symbols, std::min(count, most_symbols), strings);
        read_versions();
        if (count == 0)
            problem("dynamic symbols cannot be counted");
    }
    for (std::uint32_t i = 0; i < symbols_.size(); ++i) {
        if (symbols_[i].defined && !symbols_[i].name.empty())
            by_name_[symbols_[i].name].push_back(i);
    }
    read_relocations(rela, rela_size);
    read_relocations(plt_rela, plt_size);
    read_packed_relocations(relr, relr_size);
}

// DT_HASH says how many there are; of DT_GNU_HASH the chain of the last bucket has to be walked.
std::uint64_t ElfObject::count_symbols() const {
    if (table_.hash != 0) {
        if (const auto chains = read<std::uint32_t>(table_.hash + 4))
            return *chains;
    }
    const auto buckets = read<std::uint32_t>(table_.gnu_hash), offset = read<std::uint32_t>(table_.gnu_hash + 4),
               bloom = read<std::uint32_t>(table_.gnu_hash + 8);
    if (table_.gnu_hash == 0 || !buckets || !offset || !bloom)
        return 0;
    const std::uint64_t first_bucket = table_.gnu_hash + 16 + std::uint64_t{*bloom} * 8;
    const std::string_view bucket_bytes = data_at(first_bucket, std::uint64_t{*buckets} * 4);
    std::uint64_t last = 0;
    for (std::uint64_t at = 0; at + 4 <= bucket_bytes.size(); at += 4)
        last = std::max<std::uint64_t>(last, *load<std::uint32_t>(bucket_bytes, at));
    if (last < *offset)
        return *offset;
    const std::uint64_t chains = first_bucket + std::uint64_t{*buckets} * 4;
    while (last < most_symbols) {
        const auto hash = read<std::uint32_t>(chains + (last - *offset) * 4);
        ++last;
        if (!hash || (*hash & 1))
            break;
    }
    return last;
}

std::uint64_t ElfObject::highest_symbol(std::uint64_t relocations, std::uint64_t size) const {
    const std::string_view bytes = relocations == 0 ? std::string_view() : data_at(relocations, size);
    std::uint64_t count = 0;
    for (std::uint64_t at = 0; at + sizeof(Elf64_Rela) <= bytes.size(); at += sizeof(Elf64_Rela))
        count = std::max<std::uint64_t>(count, ELF64_R_SYM(load<Elf64_Rela>(bytes, at)->r_info) + 1);
    return count;
}

void ElfObject::read_symbols(std::uint64_t table, std::uint64_t count, std::string_view strings) {
    const std::string_view bytes = data_at(table, count * sizeof(Elf64_Sym));
    if (bytes.size() < count * sizeof(Elf64_Sym))
        problem("the dynamic symbol table is cut off");
    for (std::uint64_t at = 0; at + sizeof(Elf64_Sym) <= bytes.size(); at += sizeof(Elf64_Sym)) {
        const auto from = *load<Elf64_Sym>(bytes, at);
        DynamicSymbol& to = symbols_.emplace_back();
        to.name = c_string(strings, from.st_name);
        to.value = from.st_value;
        to.local = ELF64_ST_BIND(from.st_info) == STB_LOCAL;
        to.defined = from.st_shndx != SHN_UNDEF && !to.local;
        to.weak = ELF64_ST_BIND(from.st_info) == STB_WEAK;
        const unsigned type = ELF64_ST_TYPE(from.st_info);
        to.resolver = type == STT_GNU_IFUNC;
        to.function = type == STT_FUNC || to.resolver;
        if (type == STT_TLS)
            to.defined = false; // an offset, no address
    }
}

// DT_VERSYM names a version for each symbol by index; DT_VERDEF and DT_VERNEED name the indexes.
void ElfObject::read_versions() {
    if (table_.versions == 0)
        return;
    const std::string_view strings = data_at(table_.strings, table_.strings_size);
    std::map<unsigned, std::string_view> names;
    std::uint64_t at = table_.defined_versions;
    for (std::uint64_t i = 0; at != 0 && i < std::min(table_.defined_count, most_versions); ++i) {
        const auto item = read<Elf64_Verdef>(at);
        if (!item)
            break;
        if (const auto name = read<Elf64_Verdaux>(at + item->vd_aux); name && !(item->vd_flags & VER_FLG_BASE))
            names[item->vd_ndx & 0x7fff] = c_string(strings, name->vda_name);
        if (item->vd_next == 0)
            break;
        at += item->vd_next;
    }
    at = table_.needed_versions;
    for (std::uint64_t i = 0; at != 0 && i < std::min(table_.needed_count, most_versions); ++i) {
        const auto file = read<Elf64_Verneed>(at);
        if (!file)
            break;
        std::uint64_t inner = at + file->vn_aux;
        for (unsigned k = 0; k < file->vn_cnt; ++k) {
            const auto item = read<Elf64_Vernaux>(inner);
            if (!item)
                break;
            names[item->vna_other & 0x7fff] = c_string(strings, item->vna_name);
            if (item->vna_next == 0)
                break;
            inner += item->vna_next;
        }
        if (file->vn_next == 0)
            break;
        at += file->vn_next;
    }
    const std::string_view indexes = data_at(table_.versions, symbols_.size() * 2);
    for (std::size_t i = 0; i < symbols_.size(); ++i) {
        const auto index = load<std::uint16_t>(indexes, i * 2);
        if (!index)
            break;
        symbols_[i].hidden_version = (*index & 0x8000) != 0;
        if (const auto it = names.find(*index & 0x7fff); it != names.end())
            symbols_[i].version = it->second;
        if ((*index & 0x7fff) == 0)
            symbols_[i].defined = false; // VER_NDX_LOCAL
    }
}

void ElfObject::read_relocations(std::uint64_t address, std::uint64_t size) {
    if (address == 0 || size == 0)
        return;
    const std::string_view bytes = data_at(address, size);
    if (bytes.size() < size)
        problem("relocations are cut off");
    const std::uint64_t count = std::min(bytes.size() / sizeof(Elf64_Rela), most_relocations);
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto item = *load<Elf64_Rela>(bytes, i * sizeof(Elf64_Rela));
        Pointer pointer{.place = item.r_offset, .value = static_cast<std::uint64_t>(item.r_addend)};
        switch (ELF64_R_TYPE(item.r_info)) {
        case R_X86_64_RELATIVE:
            break;
        case R_X86_64_IRELATIVE:
            pointer.resolver = true;
            break;
        case R_X86_64_GLOB_DAT: case R_X86_64_JUMP_SLOT:
            pointer.bound_by_name = true;
            [[fallthrough]];
        case R_X86_64_64:
            if (ELF64_R_SYM(item.r_info) >= symbols_.size())
                continue;
            pointer.symbol = static_cast<std::int32_t>(ELF64_R_SYM(item.r_info));
            if (const auto& symbol = symbols_[ELF64_R_SYM(item.r_info)]; symbol.name.empty() || symbol.local) {
                pointer.symbol = -1;
                pointer.value += symbol.value;
            }
            break;
        default:
            continue;
        }
        pointers_.push_back(pointer);
    }
}

// DT_RELR: an even word is the address of a pointer; an odd one a bit map for the 63 words behind the last.
void ElfObject::read_packed_relocations(std::uint64_t address, std::uint64_t size) {
    const std::string_view bytes = address == 0 ? std::string_view() : data_at(address, size);
    std::uint64_t place = 0;
    const auto add = [this](std::uint64_t at) {
        if (const auto value = read<std::uint64_t>(at); value && pointers_.size() < most_relocations)
            pointers_.push_back({.place = at, .value = *value});
    };
    for (std::uint64_t at = 0; at + 8 <= bytes.size(); at += 8) {
        const auto word = *load<std::uint64_t>(bytes, at);
        if (!(word & 1)) {
            add(word);
            place = word + 8;
            continue;
        }
        for (unsigned bit = 1; bit < 64; ++bit) {
            if (word >> bit & 1)
                add(place + (bit - 1) * 8);
        }
        place += 63 * 8;
    }
}

} // namespace linnet::cli
