#include "cli/scan/elf_object.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "cli/image/elf_file.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

constexpr std::uint64_t most_symbols = 4'000'000, most_relocations = 16'000'000, most_versions = 65536;
constexpr std::string_view go_mark = "\xff Go buildinf:"; // debug/buildinfo: begins the section .go.buildinfo

template <typename T>
std::optional<T> load(std::string_view bytes, std::uint64_t at) {
    T value;
    if (at > bytes.size() || sizeof value > bytes.size() - at)
        return {};
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

std::string_view c_string(std::string_view strings, std::uint64_t at) {
    if (at >= strings.size())
        return {};
    const auto end = strings.find('\0', at);
    return end == std::string_view::npos ? std::string_view() : strings.substr(at, end - at);
}

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

template <typename T>
std::optional<T> ElfObject::read(std::uint64_t address) const {
    return load<T>(data_at(address, sizeof(T)), 0);
}

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
