// Function names of one ELF file, by virtual address.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace linnet::cli {

class SymbolTable {
public:
    // From .symtab if the file has one, else .dynsym. Damaged files give an empty table.
    explicit SymbolTable(std::string_view elf_file);

    // "function+0x12" (C++ names demangled) of the function that covers the address; nothing if none does.
    std::optional<std::string> name(std::uint64_t address) const;

    // The virtual address of a file offset, by the PT_LOAD segments.
    std::optional<std::uint64_t> address_of_offset(std::uint64_t offset) const;

private:
    struct Symbol {
        std::uint64_t address;
        std::uint64_t size; // 0: up to the next one
        std::string name;
    };
    struct Load {
        std::uint64_t offset, address, size;
    };
    std::vector<Symbol> symbols_; // by address
    std::vector<Load> loads_;
};

} // namespace linnet::cli
