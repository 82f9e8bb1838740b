// Capstone for x86-64: the instructions of a piece of code, from its start to its end, without gaps.
#pragma once

#include <capstone/capstone.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "cli/sites/operation.h"

namespace linnet::cli {

struct Instruction {
    std::uint64_t address = 0;
    std::uint8_t size = 0;         // bytes
    bool halt = false;             // hlt
    bool goes_on = true;           // may go on to the next one: no jmp, ret, ud2 (but hlt: a handler may step over it)
    bool has_target = false;       // a direct branch or call
    std::uint64_t target = 0;
};

class Disassembler {
public:
    Disassembler();
    ~Disassembler();
    Disassembler(const Disassembler&) = delete;
    Disassembler& operator=(const Disassembler&) = delete;

    // All of `code` as instructions that lie back to back; nothing if it does not decode to its end.
    std::optional<std::vector<Instruction>> decode(std::string_view code, std::uint64_t address);

    // The first instruction of `code`, which lies at `address`, with its operands; false if there is none.
    bool decode_operation(std::string_view code, std::uint64_t address, Operation& operation);

    // Whether `code` decodes to its end and has a hlt among its instructions. Several times faster than decode().
    bool has_halt(std::string_view code, std::uint64_t address);

private:
    bool is_branch(unsigned id) const;
    bool ends_a_block(unsigned id) const;

    csh engine_ = 0, plain_ = 0; // with operands, and without
    cs_insn *instruction_ = nullptr, *plain_instruction_ = nullptr;
};

} // namespace linnet::cli
