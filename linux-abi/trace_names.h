// The symbolic names of flags and values, for trace and tools.
#pragma once

#include <span>

#include "linux-abi/syscall_types.h"
#include "linux-abi/trace_text.h"

namespace linnet::abi {

struct ValueName {
    const char* name;
    uint64_t value;
};

/// Names of a table, and what an unknown value is called (strace's "F_???"); empty for unknown tables.
struct NameList {
    std::span<const ValueName> names;
    const char* unknown;
    const char* zero; // text of a flag word without flags; null: "0"
};
NameList name_list(NameTable table);

/// By a list that is no table of its own.
void put_flags(TraceText& out, const NameList& list, uint64_t bits);
void put_enum(TraceText& out, const NameList& list, uint64_t value);

/// The name of a value; null if it has none.
const char* value_name(NameTable table, uint64_t value);
/// "O_WRONLY|O_CREAT", unknown bits in hexadecimal.
void put_flags(TraceText& out, NameTable table, uint64_t bits);
/// "SEEK_SET", or "0x7 /* SEEK_??? */".
void put_enum(TraceText& out, NameTable table, uint64_t value);
/// "SIGTERM", "SIGRT_3", or the number.
void put_signal(TraceText& out, int64_t signal);

} // namespace linnet::abi
