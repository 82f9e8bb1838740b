// What Linnet does of a system call, from linux-abi/syscalls.def. Apart from the rest, since the ABI's headers and the
// host's exclude each other in some names.
#pragma once

#include <cstdint>
#include <string>

namespace linnet::cli {

enum class CallStatus : std::uint8_t { full, partial, missing, unknown }; // unknown: Linux 6.1 has no such number

struct CallDescription {
    std::string name; // "syscall_500" for an unknown one
    CallStatus status = CallStatus::unknown;
    std::string error; // of a missing or unknown one: what it fails with
    std::string note;
};

CallDescription describe_call(std::uint32_t number);

} // namespace linnet::cli
