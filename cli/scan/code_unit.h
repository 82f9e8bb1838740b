// The instructions of one function. Where symbols or unwind tables give its extent, it is decoded from end to end;
// else by following its branches from where it is entered.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "cli/scan/elf_object.h"
#include "cli/sites/disassembler.h"

namespace linnet::cli {

struct CodeUnit {
    std::uint64_t start = 0, end = 0;   // virtual addresses
    std::vector<Operation> operations;  // by address, each once
    std::vector<std::uint64_t> table_targets; // of jump tables: instructions that may be entered with anything in registers
    std::uint64_t skipped_bytes = 0;    // what did not decode
    std::optional<std::uint64_t> falls_into; // what comes behind its end, if control can go there

    bool contains(std::uint64_t address) const { return address >= start && address < end; }
    // Of the instruction that begins there; operations.size() if none does.
    std::size_t index_of(std::uint64_t address) const;
};

class UnitReader {
public:
    explicit UnitReader(const ElfObject& object) : object_(object), budget_(8 * object.bytes().size() + (1 << 16)) {}

    // Nothing if so much was read already that functions must overlap without end.
    std::optional<CodeUnit> read_range(FunctionRange range);
    std::optional<CodeUnit> follow(std::uint64_t entry);

    // The address of the word that a stub of the procedure linkage table jumps through; nothing if there is none.
    std::optional<std::uint64_t> stub_slot(std::uint64_t address);

private:
    bool decode(std::uint64_t address, Operation& operation);
    void add_table_targets(const Operation& operation, CodeUnit& unit);

    const ElfObject& object_;
    Disassembler disassembler_;
    std::uint64_t budget_;           // bytes left to decode
    std::set<std::uint64_t> tables_; // of the unit at hand
};

} // namespace linnet::cli
