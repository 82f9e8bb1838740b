// One instruction with its operands, as far as an analysis of general registers needs them.
#pragma once

#include <cstdint>

namespace linnet::cli {

constexpr unsigned register_count = 16;
// RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8..R15: the encoding's own order.
enum : std::uint8_t { reg_rax, reg_rcx, reg_rdx, reg_rbx, reg_rsp, reg_rbp, reg_rsi, reg_rdi, reg_r8, reg_r9,
                      reg_r10, reg_r11, reg_r12, reg_r13, reg_r14, reg_r15, no_register = 0xff };

struct Operand {
    enum class Kind : std::uint8_t { none, general, immediate, memory, other };
    Kind kind = Kind::none;
    std::uint8_t size = 0;           // bytes
    bool written = false;            // also, or only
    bool high_byte = false;          // AH, BH, CH, DH
    std::uint8_t reg = no_register;  // general
    std::uint8_t base = no_register, index = no_register, scale = 1; // memory
    bool segment = false;            // memory: relative to FS or GS
    bool fixed = false;              // memory: `value` is its virtual address (RIP-relative ones are made so)
    std::int64_t value = 0;          // immediate, or displacement
};

struct Operation {
    unsigned id = 0;                 // X86_INS_* of Capstone
    std::uint64_t address = 0;
    std::uint8_t size = 0;           // bytes
    bool is_call = false, is_jump = false; // direct or indirect; a jump may be conditional
    bool goes_on = true;             // may go on to the next one
    bool is_return = false;
    bool has_target = false;         // a direct branch or call
    std::uint64_t target = 0;
    std::uint8_t operand_count = 0;  // the first four are kept
    Operand operands[4];
    std::uint16_t written = 0;       // general registers that it writes, by bit; explicit ones too
    std::uint64_t end() const { return address + size; }
};

} // namespace linnet::cli
