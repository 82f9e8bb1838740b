#include "cli/symbolize/symbol_table.h"

#include <cxxabi.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "cli/util/text.h"

namespace linnet::cli {
namespace {

std::string demangled(const std::string& name) {
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> text(
        abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status), &std::free);
    return status == 0 && text ? std::string(text.get()) : name;
}

std::string hex(std::uint64_t value) {
    char text[32];
    std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
    return text;
}

} // namespace

SymbolTable::SymbolTable(std::string_view elf_file) {
    ::elf_version(EV_CURRENT);
    std::string copy(elf_file); // libelf wants memory that it may write
    const std::unique_ptr<Elf, decltype(&::elf_end)> elf(::elf_memory(copy.data(), copy.size()), &::elf_end);
    if (!elf || ::elf_kind(elf.get()) != ELF_K_ELF)
        return;
    std::size_t segments = 0;
    ::elf_getphdrnum(elf.get(), &segments);
    for (std::size_t i = 0; i < std::min<std::size_t>(segments, 4096); ++i) {
        GElf_Phdr segment;
        if (::gelf_getphdr(elf.get(), static_cast<int>(i), &segment) && segment.p_type == PT_LOAD)
            loads_.push_back({segment.p_offset, segment.p_vaddr, segment.p_filesz});
    }
    for (const unsigned wanted : {SHT_SYMTAB, SHT_DYNSYM}) {
        for (Elf_Scn* section = nullptr; (section = ::elf_nextscn(elf.get(), section)) != nullptr;) {
            GElf_Shdr header;
            if (!::gelf_getshdr(section, &header) || header.sh_type != wanted || header.sh_entsize == 0)
                continue;
            Elf_Data* data = ::elf_getdata(section, nullptr);
            if (!data)
                continue;
            const auto count = static_cast<int>(
                std::min<std::uint64_t>(data->d_size / header.sh_entsize, 10'000'000));
            for (int i = 0; i < count; ++i) {
                GElf_Sym symbol;
                if (!::gelf_getsym(data, i, &symbol) || symbol.st_shndx == SHN_UNDEF)
                    continue;
                const auto type = GELF_ST_TYPE(symbol.st_info);
                if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
                    continue;
                const char* name = ::elf_strptr(elf.get(), header.sh_link, symbol.st_name);
                if (name && *name && symbol.st_value != 0)
                    symbols_.push_back({symbol.st_value, symbol.st_size, name});
            }
        }
        if (!symbols_.empty())
            break;
    }
    std::stable_sort(symbols_.begin(), symbols_.end(),
                     [](const Symbol& a, const Symbol& b) { return a.address < b.address; });
}

std::optional<std::string> SymbolTable::name(std::uint64_t address) const {
    auto it = std::upper_bound(symbols_.begin(), symbols_.end(), address,
                               [](std::uint64_t value, const Symbol& s) { return value < s.address; });
    for (int back = 0; it != symbols_.begin() && back < 16; ++back) {
        --it;
        const std::uint64_t offset = address - it->address;
        const bool open_ended = it->size == 0 && offset < 65536;
        if (offset < it->size || open_ended)
            return demangled(it->name) + (offset ? "+" + hex(offset) : "");
    }
    return {};
}

std::optional<std::uint64_t> SymbolTable::address_of_offset(std::uint64_t offset) const {
    for (const Load& load : loads_) {
        if (offset >= load.offset && offset - load.offset < load.size)
            return load.address + (offset - load.offset);
    }
    return {};
}

} // namespace linnet::cli
