#include "cli/trace/call_names.h"

#include <cstdio>

#include "linux-abi/syscalls.h"
#include "linux-abi/trace_names.h"

namespace linnet::cli {

static_assert(call_numbers == abi::max_syscall + 1);

const char* known_call_name(std::uint32_t number) {
    const abi::SyscallInfo* info = abi::syscall_info(number);
    return info ? info->name : nullptr;
}

std::string call_name(std::uint32_t number) {
    if (const char* name = known_call_name(number))
        return name;
    char text[32];
    std::snprintf(text, sizeof text, "syscall_%#x", number);
    return text;
}

int call_number(std::string_view name) { return abi::syscall_number(name); }

std::string signal_name(int number) {
    char bytes[32];
    abi::TraceText text(bytes, sizeof bytes);
    abi::put_signal(text, number);
    return std::string(text.text());
}

} // namespace linnet::cli
