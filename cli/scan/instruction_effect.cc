#include "cli/scan/instruction_effect.h"

#include <capstone/capstone.h>

#include <algorithm>

namespace linnet::cli {
namespace {

using Kind = Possibility::Kind;

constexpr std::int64_t most_frame = 1 << 20; // bytes
constexpr std::size_t most_words = 4096;

std::int64_t cut(std::int64_t value, unsigned size) {
    if (size >= 8 || size == 0)
        return value;
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(value) & ((std::uint64_t{1} << (size * 8)) - 1));
}

std::int64_t sign_extended(std::int64_t value, unsigned size) {
    switch (size) {
    case 1: return static_cast<std::int8_t>(value);
    case 2: return static_cast<std::int16_t>(value);
    case 4: return static_cast<std::int32_t>(value);
    default: return value;
    }
}

std::int64_t sum(std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

std::int64_t product(std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}

std::int64_t difference(std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

RegisterValue of_size(const RegisterValue& value, unsigned size) {
    if (size >= 8)
        return value;
    // A parameter that is used as 32 bits is the same number. A stack address is none any more.
    RegisterValue result = value.map_constants(true, [size](std::int64_t v) { return cut(v, size); });
    if (size < 4 && (result.possibilities().empty() || result.possibilities().back().kind != Kind::constant))
        return result.may_be_anything() || !result.possibilities().empty() ? RegisterValue::anything() : result;
    return result;
}

void note_addresses(const RegisterValue& value, std::set<std::int64_t>* addresses) {
    for (const Possibility& p : value.possibilities()) {
        if (p.kind == Kind::stack_address && addresses && addresses->size() < most_words)
            addresses->insert(p.value);
    }
}

bool is_conditional_move(unsigned id) {
    switch (id) {
    case X86_INS_CMOVA: case X86_INS_CMOVAE: case X86_INS_CMOVB: case X86_INS_CMOVBE: case X86_INS_CMOVE:
    case X86_INS_CMOVG: case X86_INS_CMOVGE: case X86_INS_CMOVL: case X86_INS_CMOVLE: case X86_INS_CMOVNE:
    case X86_INS_CMOVNO: case X86_INS_CMOVNP: case X86_INS_CMOVNS: case X86_INS_CMOVO: case X86_INS_CMOVP:
    case X86_INS_CMOVS:
        return true;
    default:
        return false;
    }
}

bool is_set_on_condition(unsigned id) {
    switch (id) {
    case X86_INS_SETA: case X86_INS_SETAE: case X86_INS_SETB: case X86_INS_SETBE: case X86_INS_SETE: case X86_INS_SETG:
    case X86_INS_SETGE: case X86_INS_SETL: case X86_INS_SETLE: case X86_INS_SETNE: case X86_INS_SETNO: case X86_INS_SETNP:
    case X86_INS_SETNS: case X86_INS_SETO: case X86_INS_SETP: case X86_INS_SETS:
        return true;
    default:
        return false;
    }
}

// Writes no general register, whatever its first operand is.
bool only_reads(unsigned id) {
    switch (id) {
    case X86_INS_CMP: case X86_INS_TEST: case X86_INS_BT: case X86_INS_NOP: case X86_INS_ENDBR64: case X86_INS_PREFETCHT0:
    case X86_INS_PREFETCHT1: case X86_INS_PREFETCHT2: case X86_INS_PREFETCHNTA: case X86_INS_PREFETCHW:
        return true;
    default:
        return false;
    }
}

} // namespace

bool RegisterState::merge(const RegisterState& other) {
    if (!reached) {
        *this = other;
        return true;
    }
    bool changed = false;
    for (unsigned i = 0; i < register_count; ++i)
        changed |= registers[i].merge(other.registers[i]);
    for (auto& [offset, value] : stack) {
        if (!other.stack.contains(offset))
            changed |= value.merge(other.word(offset));
    }
    for (const auto& [offset, value] : other.stack) {
        const auto it = stack.find(offset);
        if (it != stack.end()) {
            changed |= it->second.merge(value);
            continue;
        }
        RegisterValue merged = word(offset);
        if (merged.merge(value)) {
            stack.emplace(offset, std::move(merged));
            changed = true;
        }
    }
    return changed;
}

RegisterValue RegisterState::word(std::int64_t offset) const {
    if (const auto it = stack.find(offset); it != stack.end())
        return it->second;
    // The caller's part of the stack is as it was handed over; ours holds nothing that is known.
    return offset > 0 ? RegisterValue::one(Kind::entry_stack, offset) : RegisterValue::anything();
}

RegisterState RegisterState::at_entry() {
    RegisterState state;
    state.reached = true;
    for (unsigned i = 0; i < register_count; ++i)
        state.registers[i] = RegisterValue::one(Kind::entry_register, i);
    state.registers[reg_rsp] = RegisterValue::one(Kind::stack_address, 0);
    return state;
}

RegisterState RegisterState::unknown() {
    RegisterState state;
    state.reached = true;
    for (RegisterValue& value : state.registers)
        value = RegisterValue::anything();
    return state;
}

RegisterValue InstructionEffect::address_of(const RegisterState& state, const Operand& operand) const {
    if (operand.fixed)
        return RegisterValue::constant(operand.value);
    if (operand.segment)
        return RegisterValue::anything();
    RegisterValue value = RegisterValue::constant(operand.value);
    if (operand.index != no_register) {
        const std::int64_t scale = operand.scale;
        value = RegisterValue::combine(state.registers[operand.index], value, false,
                                       [scale](std::int64_t i, std::int64_t d) { return sum(product(i, scale), d); });
    }
    if (operand.base != no_register)
        value = RegisterValue::combine(state.registers[operand.base], value, true, sum);
    return value;
}

RegisterValue InstructionEffect::read(const RegisterState& state, const Operand& operand) const {
    switch (operand.kind) {
    case Operand::Kind::immediate:
        return RegisterValue::constant(operand.value);
    case Operand::Kind::general:
        return operand.high_byte ? RegisterValue::anything() : of_size(state.registers[operand.reg], operand.size);
    case Operand::Kind::memory: {
        const RegisterValue address = address_of(state, operand);
        RegisterValue result;
        if (address.may_be_anything())
            result.add_anything();
        for (const Possibility& place : address.possibilities()) {
            if (place.kind == Kind::stack_address && operand.size >= 4) {
                result.merge(of_size(state.word(place.value), operand.size));
            } else if (place.kind == Kind::constant) {
                const auto fixed = static_cast<std::uint64_t>(place.value);
                if (const auto value = object_.constant_at(fixed, operand.size))
                    result.add({Kind::constant, static_cast<std::int64_t>(*value)});
                else
                    result.add({Kind::memory, place.value});
            } else {
                result.add_anything();
            }
        }
        return result;
    }
    default:
        return RegisterValue::anything();
    }
}

void InstructionEffect::write(RegisterState& state, const Operand& operand, RegisterValue value) const {
    if (operand.kind == Operand::Kind::general) {
        RegisterValue& reg = state.registers[operand.reg];
        if (operand.size >= 4) {
            reg = of_size(value, operand.size);
        } else if (operand.high_byte) {
            reg = RegisterValue::anything();
        } else {
            const unsigned size = operand.size;
            reg = RegisterValue::combine(reg, value, false, [size](std::int64_t old, std::int64_t low) {
                return (old - cut(old, size)) | cut(low, size);
            });
        }
        return;
    }
    if (operand.kind != Operand::Kind::memory)
        return;
    const RegisterValue address = address_of(state, operand);
    const bool certain = address.stack_address() != nullptr;
    for (const Possibility& place : address.possibilities()) {
        if (place.kind != Kind::stack_address || place.value > most_frame || place.value < -most_frame)
            continue;
        const auto put = [&](std::int64_t offset, const RegisterValue& what) {
            if (state.stack.size() >= most_words && !state.stack.contains(offset))
                return;
            RegisterValue merged = what;
            if (!certain)
                merged.merge(state.word(offset));
            state.stack[offset] = std::move(merged);
        };
        for (std::int64_t more = 8; more < operand.size; more += 8)
            put(place.value + more, RegisterValue::anything());
        put(place.value, operand.size == 4 || operand.size == 8 ? of_size(value, operand.size) : RegisterValue::anything());
        // Words that begin within what was written, or reach into it.
        for (auto& [offset, old] : state.stack) {
            if (offset != place.value && offset < place.value + operand.size && offset + 8 > place.value &&
                (offset > place.value || offset + 4 > place.value))
                old = RegisterValue::anything();
        }
    }
}

void InstructionEffect::push(RegisterState& state, RegisterValue value) const {
    RegisterValue& top = state.registers[reg_rsp];
    top = RegisterValue::combine(top, RegisterValue::constant(-8), true, sum);
    const Operand place{.kind = Operand::Kind::memory, .size = 8, .base = reg_rsp};
    write(state, place, std::move(value));
}

RegisterValue InstructionEffect::pop(RegisterState& state) const {
    const Operand place{.kind = Operand::Kind::memory, .size = 8, .base = reg_rsp};
    RegisterValue value = read(state, place);
    RegisterValue& top = state.registers[reg_rsp];
    top = RegisterValue::combine(top, RegisterValue::constant(8), true, sum);
    return value;
}

void InstructionEffect::call(RegisterState& state) const {
    for (unsigned i = 0; i < register_count; ++i) {
        const bool kept = i == reg_rsp || (!object_.go() && (i == reg_rbx || i == reg_rbp || i >= reg_r12));
        if (!kept)
            state.registers[i] = RegisterValue::anything();
    }
    for (const std::int64_t address : escaped_) {
        for (auto& [offset, value] : state.stack) {
            // What lies above the taken address may belong to the same variable, but not beyond the return address.
            if (offset >= address && (address > 0 || offset < 0))
                value = RegisterValue::anything();
        }
    }
}

bool InstructionEffect::arithmetic(RegisterState& state, const Operation& operation) const {
    const Operand& to = operation.operands[0];
    const Operand& from = operation.operands[1];
    const bool same = to.kind == Operand::Kind::general && from.kind == Operand::Kind::general && to.reg == from.reg &&
                      operation.operand_count == 2 && !to.high_byte && !from.high_byte;
    const auto both = [&](bool addresses, auto function) {
        // Stack addresses live in whole registers.
        write(state, to, RegisterValue::combine(read(state, to), read(state, from), addresses && to.size == 8, function));
        return true;
    };
    const unsigned bits = to.size * 8;
    switch (operation.id) {
    case X86_INS_XOR:
        if (same)
            return write(state, to, RegisterValue::constant(0)), true;
        return both(false, [](std::int64_t a, std::int64_t b) { return a ^ b; });
    case X86_INS_SUB:
        if (same)
            return write(state, to, RegisterValue::constant(0)), true;
        return both(true, difference);
    case X86_INS_ADD:
        return both(true, sum);
    case X86_INS_AND:
        // Aligning RSP moves it by an amount that is not known, but what lies above stays where it is.
        return both(false, [](std::int64_t a, std::int64_t b) { return a & b; });
    case X86_INS_OR:
        if (from.kind == Operand::Kind::immediate && from.value == -1)
            return write(state, to, RegisterValue::constant(-1)), true;
        return both(false, [](std::int64_t a, std::int64_t b) { return a | b; });
    case X86_INS_SHL:
        if (operation.operand_count == 2 && from.kind == Operand::Kind::immediate)
            return both(false, [bits](std::int64_t a, std::int64_t b) {
                return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) << (static_cast<std::uint64_t>(b) % bits));
            });
        return false;
    case X86_INS_SHR:
        if (operation.operand_count == 2 && from.kind == Operand::Kind::immediate)
            return both(false, [bits](std::int64_t a, std::int64_t b) {
                return static_cast<std::int64_t>(static_cast<std::uint64_t>(cut(a, bits / 8)) >>
                                                 (static_cast<std::uint64_t>(b) % bits));
            });
        return false;
    case X86_INS_SBB:
        if (!same)
            return false;
        {
            RegisterValue value = RegisterValue::constant(0);
            value.add({Kind::constant, -1});
            write(state, to, value);
        }
        return true;
    case X86_INS_INC: case X86_INS_DEC: {
        const std::int64_t by = operation.id == X86_INS_INC ? 1 : -1;
        write(state, to, RegisterValue::combine(read(state, to), RegisterValue::constant(by), to.size == 8, sum));
        return true;
    }
    case X86_INS_NEG:
        write(state, to, read(state, to).map_constants(false, [](std::int64_t v) { return difference(0, v); }));
        return true;
    case X86_INS_NOT:
        write(state, to, read(state, to).map_constants(false, [](std::int64_t v) { return ~v; }));
        return true;
    default:
        return false;
    }
}

void InstructionEffect::apply(RegisterState& state, const Operation& operation, std::set<std::int64_t>* addresses) const {
    const Operand& to = operation.operands[0];
    const Operand& from = operation.operands[1];
    if (operation.is_call) {
        // `call` to the next instruction reads RIP by the pop behind it.
        if (operation.has_target && operation.target == operation.end())
            push(state, RegisterValue::anything());
        else
            call(state);
        return;
    }
    if (operation.is_jump || only_reads(operation.id))
        return;
    if (is_conditional_move(operation.id)) {
        RegisterValue value = read(state, from);
        value.merge(read(state, to));
        write(state, to, std::move(value));
        return;
    }
    if (is_set_on_condition(operation.id)) {
        RegisterValue value = RegisterValue::constant(0);
        value.add({Kind::constant, 1});
        write(state, to, value);
        return;
    }
    if (arithmetic(state, operation))
        return;
    switch (operation.id) {
    case X86_INS_MOV: case X86_INS_MOVABS: {
        RegisterValue value = read(state, from);
        if (to.reg != reg_rbp && to.reg != reg_rsp)
            note_addresses(value, addresses);
        write(state, to, std::move(value));
        return;
    }
    case X86_INS_MOVZX:
        write(state, to, read(state, from));
        return;
    case X86_INS_MOVSX: case X86_INS_MOVSXD: {
        const unsigned size = from.size;
        write(state, to, read(state, from).map_constants(true, [size](std::int64_t v) { return sign_extended(v, size); }));
        return;
    }
    case X86_INS_CDQE: {
        RegisterValue& value = state.registers[reg_rax];
        value = value.map_constants(true, [](std::int64_t v) { return sign_extended(v, 4); });
        return;
    }
    case X86_INS_LEA: {
        RegisterValue value = address_of(state, from);
        if (to.reg != reg_rsp)
            note_addresses(value, addresses);
        write(state, to, std::move(value));
        return;
    }
    case X86_INS_PUSH:
        push(state, to.kind == Operand::Kind::general || to.kind == Operand::Kind::immediate ? read(state, to)
                                                                                             : RegisterValue::anything());
        return;
    case X86_INS_PUSHF: case X86_INS_PUSHFQ:
        push(state, RegisterValue::anything());
        return;
    case X86_INS_POP: {
        RegisterValue value = pop(state);
        write(state, to, std::move(value));
        return;
    }
    case X86_INS_POPF: case X86_INS_POPFQ:
        pop(state);
        return;
    case X86_INS_LEAVE:
        state.registers[reg_rsp] = state.registers[reg_rbp];
        state.registers[reg_rbp] = pop(state);
        return;
    case X86_INS_XCHG: {
        RegisterValue a = read(state, to), b = read(state, from);
        write(state, to, std::move(b));
        write(state, from, std::move(a));
        return;
    }
    case X86_INS_SYSCALL:
        for (const unsigned reg : {reg_rax, reg_rcx, reg_r11})
            state.registers[reg] = RegisterValue::anything();
        return;
    default:
        break;
    }
    // Anything else: what it writes is not known. Its first operand counts as written, whatever the disassembler says.
    if (operation.id == X86_INS_CMPXCHG)
        state.registers[reg_rax] = RegisterValue::anything();
    if ((operation.id == X86_INS_XADD || operation.id == X86_INS_MULX) && from.kind == Operand::Kind::general)
        state.registers[from.reg] = RegisterValue::anything();
    for (unsigned i = 0; i < register_count; ++i) {
        if (operation.written >> i & 1)
            state.registers[i] = RegisterValue::anything();
    }
    if (to.kind == Operand::Kind::general || to.kind == Operand::Kind::memory)
        write(state, to.kind == Operand::Kind::general ? Operand{.kind = to.kind, .size = 8, .reg = to.reg} : to,
              RegisterValue::anything());
}

} // namespace linnet::cli
