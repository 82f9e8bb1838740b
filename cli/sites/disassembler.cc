#include "cli/sites/disassembler.h"

#include <algorithm>

namespace linnet::cli {
namespace {

struct GeneralRegister {
    std::uint8_t number = no_register;
    bool high_byte = false;
};

GeneralRegister general_register(unsigned reg) {
    switch (reg) {
    case X86_REG_RAX: case X86_REG_EAX: case X86_REG_AX: case X86_REG_AL: return {reg_rax};
    case X86_REG_RCX: case X86_REG_ECX: case X86_REG_CX: case X86_REG_CL: return {reg_rcx};
    case X86_REG_RDX: case X86_REG_EDX: case X86_REG_DX: case X86_REG_DL: return {reg_rdx};
    case X86_REG_RBX: case X86_REG_EBX: case X86_REG_BX: case X86_REG_BL: return {reg_rbx};
    case X86_REG_RSP: case X86_REG_ESP: case X86_REG_SP: case X86_REG_SPL: return {reg_rsp};
    case X86_REG_RBP: case X86_REG_EBP: case X86_REG_BP: case X86_REG_BPL: return {reg_rbp};
    case X86_REG_RSI: case X86_REG_ESI: case X86_REG_SI: case X86_REG_SIL: return {reg_rsi};
    case X86_REG_RDI: case X86_REG_EDI: case X86_REG_DI: case X86_REG_DIL: return {reg_rdi};
    case X86_REG_R8: case X86_REG_R8D: case X86_REG_R8W: case X86_REG_R8B: return {reg_r8};
    case X86_REG_R9: case X86_REG_R9D: case X86_REG_R9W: case X86_REG_R9B: return {reg_r9};
    case X86_REG_R10: case X86_REG_R10D: case X86_REG_R10W: case X86_REG_R10B: return {reg_r10};
    case X86_REG_R11: case X86_REG_R11D: case X86_REG_R11W: case X86_REG_R11B: return {reg_r11};
    case X86_REG_R12: case X86_REG_R12D: case X86_REG_R12W: case X86_REG_R12B: return {reg_r12};
    case X86_REG_R13: case X86_REG_R13D: case X86_REG_R13W: case X86_REG_R13B: return {reg_r13};
    case X86_REG_R14: case X86_REG_R14D: case X86_REG_R14W: case X86_REG_R14B: return {reg_r14};
    case X86_REG_R15: case X86_REG_R15D: case X86_REG_R15W: case X86_REG_R15B: return {reg_r15};
    case X86_REG_AH: return {reg_rax, true};
    case X86_REG_CH: return {reg_rcx, true};
    case X86_REG_DH: return {reg_rdx, true};
    case X86_REG_BH: return {reg_rbx, true};
    default: return {};
    }
}

Operand operand_of(const cs_x86_op& from, std::uint64_t next_address) {
    Operand to;
    to.size = from.size;
    to.written = (from.access & CS_AC_WRITE) != 0;
    switch (from.type) {
    case X86_OP_REG: {
        const GeneralRegister reg = general_register(from.reg);
        to.kind = reg.number == no_register ? Operand::Kind::other : Operand::Kind::general;
        to.reg = reg.number;
        to.high_byte = reg.high_byte;
        break;
    }
    case X86_OP_IMM:
        to.kind = Operand::Kind::immediate;
        to.value = from.imm;
        break;
    case X86_OP_MEM: {
        to.kind = Operand::Kind::memory;
        to.value = from.mem.disp;
        to.scale = static_cast<std::uint8_t>(from.mem.scale);
        to.segment = from.mem.segment == X86_REG_FS || from.mem.segment == X86_REG_GS;
        to.base = general_register(from.mem.base).number;
        to.index = general_register(from.mem.index).number;
        const bool relative = from.mem.base == X86_REG_RIP;
        if (relative)
            to.value = static_cast<std::int64_t>(next_address + static_cast<std::uint64_t>(from.mem.disp));
        const bool vector_index = from.mem.index != X86_REG_INVALID && from.mem.index != X86_REG_RIZ &&
                                  to.index == no_register;
        const bool no_base = relative || from.mem.base == X86_REG_INVALID;
        to.fixed = no_base && to.index == no_register && !vector_index && !to.segment;
        if (vector_index || from.mem.base == X86_REG_EIP)
            to.kind = Operand::Kind::other;
        break;
    }
    default:
        to.kind = Operand::Kind::other;
    }
    return to;
}

} // namespace

Disassembler::Disassembler() {
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &engine_) == CS_ERR_OK) {
        cs_option(engine_, CS_OPT_DETAIL, CS_OPT_ON);
        instruction_ = cs_malloc(engine_);
    }
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &plain_) == CS_ERR_OK)
        plain_instruction_ = cs_malloc(plain_);
}

Disassembler::~Disassembler() {
    if (instruction_)
        cs_free(instruction_, 1);
    if (plain_instruction_)
        cs_free(plain_instruction_, 1);
    if (engine_)
        cs_close(&engine_);
    if (plain_)
        cs_close(&plain_);
}

std::optional<std::vector<Instruction>> Disassembler::decode(std::string_view code, std::uint64_t address) {
    if (!instruction_)
        return {};
    std::vector<Instruction> result;
    const auto* at = reinterpret_cast<const std::uint8_t*>(code.data());
    std::size_t left = code.size();
    while (left != 0) {
        if (!cs_disasm_iter(engine_, &at, &left, &address, instruction_))
            return {};
        Instruction& next = result.emplace_back();
        next.address = instruction_->address;
        next.size = static_cast<std::uint8_t>(instruction_->size);
        next.halt = instruction_->id == X86_INS_HLT;
        next.goes_on = !ends_a_block(instruction_->id);
        const cs_x86& x86 = instruction_->detail->x86;
        if (x86.op_count == 1 && x86.operands[0].type == X86_OP_IMM && is_branch(instruction_->id)) {
            next.has_target = true;
            next.target = static_cast<std::uint64_t>(x86.operands[0].imm);
        }
    }
    return result;
}

bool Disassembler::decode_operation(std::string_view code, std::uint64_t address, Operation& operation) {
    const auto* at = reinterpret_cast<const std::uint8_t*>(code.data());
    std::size_t left = code.size();
    if (!instruction_ || !cs_disasm_iter(engine_, &at, &left, &address, instruction_))
        return false;
    operation = {};
    operation.id = instruction_->id;
    operation.address = instruction_->address;
    operation.size = static_cast<std::uint8_t>(instruction_->size);
    operation.goes_on = !ends_a_block(instruction_->id);
    const cs_detail& detail = *instruction_->detail;
    operation.is_return = cs_insn_group(engine_, instruction_, X86_GRP_RET) ||
                          cs_insn_group(engine_, instruction_, X86_GRP_IRET);
    operation.is_call = cs_insn_group(engine_, instruction_, X86_GRP_CALL);
    operation.is_jump = !operation.is_call && is_branch(instruction_->id);
    operation.operand_count = std::min<std::uint8_t>(detail.x86.op_count, 4);
    for (unsigned i = 0; i < operation.operand_count; ++i) {
        Operand& operand = operation.operands[i];
        operand = operand_of(detail.x86.operands[i], operation.end());
        if (operand.kind == Operand::Kind::general && operand.written)
            operation.written |= static_cast<std::uint16_t>(1u << operand.reg);
    }
    for (unsigned i = 0; i < detail.regs_write_count; ++i) {
        if (const auto reg = general_register(detail.regs_write[i]); reg.number != no_register)
            operation.written |= static_cast<std::uint16_t>(1u << reg.number);
    }
    if ((operation.is_call || operation.is_jump) && detail.x86.op_count == 1 &&
        detail.x86.operands[0].type == X86_OP_IMM) {
        operation.has_target = true;
        operation.target = static_cast<std::uint64_t>(detail.x86.operands[0].imm);
    }
    return true;
}

bool Disassembler::has_halt(std::string_view code, std::uint64_t address) {
    if (!plain_instruction_)
        return false;
    const auto* at = reinterpret_cast<const std::uint8_t*>(code.data());
    std::size_t left = code.size();
    bool found = false;
    while (left != 0) {
        if (!cs_disasm_iter(plain_, &at, &left, &address, plain_instruction_))
            return false;
        found = found || plain_instruction_->id == X86_INS_HLT;
    }
    return found;
}

bool Disassembler::is_branch(unsigned id) const {
    switch (id) {
    case X86_INS_LOOP:
    case X86_INS_LOOPE:
    case X86_INS_LOOPNE:
    case X86_INS_XBEGIN:
    case X86_INS_JRCXZ:
    case X86_INS_JECXZ:
        return true;
    default:
        return cs_insn_group(engine_, instruction_, X86_GRP_JUMP) ||
               cs_insn_group(engine_, instruction_, X86_GRP_CALL);
    }
}

bool Disassembler::ends_a_block(unsigned id) const {
    return id == X86_INS_JMP || id == X86_INS_LJMP || id == X86_INS_UD2 ||
           id == X86_INS_INT3 || cs_insn_group(engine_, instruction_, X86_GRP_RET) ||
           cs_insn_group(engine_, instruction_, X86_GRP_IRET);
}

} // namespace linnet::cli
