// The effect of one instruction on what registers and the words of the stack frame may hold.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "cli/scan/elf_object.h"
#include "cli/scan/register_value.h"
#include "cli/sites/operation.h"

namespace linnet::cli {

struct RegisterState {
    bool reached = false;
    RegisterValue registers[register_count];
    std::map<std::int64_t, RegisterValue> stack; // by bytes from RSP at entry; what is not in it is as it was

    static RegisterState at_entry();
    static RegisterState unknown();
    // Adds what `other` may be. True if that changes anything.
    bool merge(const RegisterState& other);
    RegisterValue word(std::int64_t offset) const;
};

class InstructionEffect {
public:
    // `escaped`: addresses of stack words that the function takes; it may grow.
    InstructionEffect(const ElfObject& object, const std::set<std::int64_t>& escaped) : object_(object), escaped_(escaped) {}

    // `addresses` gets those of stack words that are taken.
    void apply(RegisterState& state, const Operation& operation, std::set<std::int64_t>* addresses = nullptr) const;
    RegisterValue read(const RegisterState& state, const Operand& operand) const;

private:
    RegisterValue address_of(const RegisterState& state, const Operand& operand) const;
    void write(RegisterState& state, const Operand& operand, RegisterValue value) const;
    void push(RegisterState& state, RegisterValue value) const;
    RegisterValue pop(RegisterState& state) const;
    bool arithmetic(RegisterState& state, const Operation& operation) const;
    void call(RegisterState& state) const;

    const ElfObject& object_;
    const std::set<std::int64_t>& escaped_;
};

} // namespace linnet::cli
