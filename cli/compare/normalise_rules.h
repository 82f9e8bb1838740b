// The rules of the normaliser as data.
#pragma once

#include <span>
#include <string_view>

namespace linnet::cli {

enum class Subject {
    process, // a process or thread number: its label in the family, "PID" if it is none of the trace's
    parent,  // the same, and 0, which a machine's first process has, is "PID" too
    timeout, // a positive number becomes `word`
    word,    // replaced by `word`, whatever it is
    drop,    // the whole line is left out, where several threads run
};

constexpr int result_place = -1;

// An argument of a call (from 0), or its result.
struct CallRule {
    std::string_view call;
    int place;
    Subject subject;
    std::string_view word;
    std::string_view reason;
};
std::span<const CallRule> call_rules();

// The value of a field of a structure, in every call. `call`: in this one alone.
struct FieldRule {
    std::string_view field;
    std::string_view call;
    Subject subject;
    std::string_view word;
    std::string_view reason;
};
std::span<const FieldRule> field_rules();

} // namespace linnet::cli
