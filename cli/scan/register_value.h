// What a register may hold: a small set of possibilities, perhaps with "or anything else".
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

namespace linnet::cli {

struct Possibility {
    enum class Kind : std::uint8_t {
        constant,       // value
        entry_register, // what register number `value` held when the function was entered
        entry_stack,    // what lay at `value` bytes from RSP then (0 is the return address)
        stack_address,  // RSP of then plus `value`
        memory,         // what a word at a fixed address holds; GOT slots among them
    };
    Kind kind = Kind::constant;
    std::int64_t value = 0;
    auto operator<=>(const Possibility&) const = default;
};

class RegisterValue {
public:
    static constexpr std::size_t most = 24; // more possibilities than this are "anything"

    RegisterValue() = default; // nothing yet: code that is not reached
    static RegisterValue anything() {
        RegisterValue value;
        value.anything_ = true;
        return value;
    }
    static RegisterValue one(Possibility::Kind kind, std::int64_t value) {
        RegisterValue result;
        result.possibilities_.push_back({kind, value});
        return result;
    }
    static RegisterValue constant(std::int64_t value) { return one(Possibility::Kind::constant, value); }

    const std::vector<Possibility>& possibilities() const { return possibilities_; }
    bool may_be_anything() const { return anything_; }

    // Adds what `other` may be. True if that changes anything.
    bool merge(const RegisterValue& other);
    void add(Possibility possibility);
    void add_anything() { anything_ = true; }

    // One stack address and nothing else.
    const std::int64_t* stack_address() const;

    // `operation` of each constant with each constant; anything else in, anything out. Stack addresses move by constants if
    // `moves_addresses`.
    template <typename F>
    static RegisterValue combine(const RegisterValue& a, const RegisterValue& b, bool moves_addresses, F operation);
    // `operation` of each constant; other possibilities stay if `keep_others`, else become anything.
    template <typename F>
    RegisterValue map_constants(bool keep_others, F operation) const;

    bool operator==(const RegisterValue&) const = default;

private:
    std::vector<Possibility> possibilities_; // sorted
    bool anything_ = false;
};

template <typename F>
RegisterValue RegisterValue::combine(const RegisterValue& a, const RegisterValue& b, bool moves_addresses, F operation) {
    using Kind = Possibility::Kind;
    RegisterValue result;
    result.anything_ = a.anything_ || b.anything_;
    for (const Possibility& x : a.possibilities_) {
        for (const Possibility& y : b.possibilities_) {
            const bool address = moves_addresses && x.kind == Kind::stack_address;
            if (y.kind == Kind::constant && (address || x.kind == Kind::constant))
                result.add({x.kind, operation(x.value, y.value)});
            else
                result.anything_ = true;
        }
    }
    return result;
}

template <typename F>
RegisterValue RegisterValue::map_constants(bool keep_others, F operation) const {
    RegisterValue result;
    result.anything_ = anything_;
    for (const Possibility& x : possibilities_) {
        if (x.kind == Possibility::Kind::constant)
            result.add({x.kind, operation(x.value)});
        else if (keep_others)
            result.add(x);
        else
            result.anything_ = true;
    }
    return result;
}

} // namespace linnet::cli
