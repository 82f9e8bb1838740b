// What the general registers and the words of the stack frame may hold at each place of one function: constants and
// what the function was entered with, carried forward along its branches until nothing changes.
//
// Assumed of compiled code: a call leaves RBX, RBP and R12 to R15 as they were (not in Go's code), and RSP; it changes
// no word of the caller's frame that the caller did not take the address of.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "cli/scan/code_unit.h"
#include "cli/scan/elf_object.h"
#include "cli/scan/instruction_effect.h"
#include "cli/scan/register_value.h"

namespace linnet::cli {

// Where a function is handed a value.
struct Location {
    bool on_stack = false;
    std::int64_t where = 0; // register number, or bytes from RSP at the first instruction (0 is the return address)
    auto operator<=>(const Location&) const = default;
};

class RegisterFlow {
public:
    // `open_entries`: instructions of it that are also come to from outside, with anything in registers. `returns`: whether
    // control can come back from a call.
    RegisterFlow(const ElfObject& object, const CodeUnit& unit, const std::set<std::uint64_t>& open_entries,
                 const std::function<bool(const Operation&)>& returns);
    RegisterFlow(const RegisterFlow&) = delete;
    RegisterFlow& operator=(const RegisterFlow&) = delete;

    // What a register holds just before the instruction at `address`.
    RegisterValue at(std::uint64_t address, std::uint8_t reg) const;
    // What the called function finds at `location`, seen from the call or jump at `address`.
    RegisterValue handed_over(std::uint64_t address, const Location& location) const;
    // What an indirect call or jump goes to.
    RegisterValue target(const Operation& branch) const;

private:
    struct Block {
        std::size_t first = 0, last = 0; // operations [first, last)
        bool padding = false;            // nothing but no-operations, behind a jump
        std::vector<std::size_t> next;
    };
    void make_blocks(const std::set<std::uint64_t>& open_entries, const std::function<bool(const Operation&)>& returns);
    void run();
    RegisterState before(std::uint64_t address) const;

    const CodeUnit& unit_;
    std::vector<Block> blocks_;         // by address
    std::vector<RegisterState> states_; // at the start of each
    std::vector<bool> open_;            // blocks that may be come to from anywhere
    std::set<std::int64_t> escaped_;    // stack addresses that were taken
    InstructionEffect effect_;
    bool gave_up_ = false;
};

} // namespace linnet::cli
