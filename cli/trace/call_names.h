// Names and numbers of system calls and signals. (linux-abi/syscalls.h takes libc's macros away from whoever includes it.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace linnet::cli {

inline constexpr std::size_t call_numbers = 451; // of Linux 6.1

// Null for a number that has none.
const char* known_call_name(std::uint32_t number);
// As strace writes it: "read", "syscall_0x1f4".
std::string call_name(std::uint32_t number);
// -1: there is none.
int call_number(std::string_view name);

// "SIGTERM", "SIGRT_3"
std::string signal_name(int number);

} // namespace linnet::cli
