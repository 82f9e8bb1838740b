#include "cli/sites/disassembler.h"

namespace linnet::cli {

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
