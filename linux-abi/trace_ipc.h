// Arguments of System V IPC and message queues in strace's format.
#pragma once

#include "linux-abi/trace_format.h"

namespace linnet::abi {

/// One argument: `value` is its register, `other` that of the command, or of the count or length that belongs to it.
struct IpcArgument {
    ArgKind kind;
    Direction direction;
    NameTable table; // ipc_flags
    uint64_t value, other;
    bool filled;     // the call is over, and did not fail
    int64_t result;
};
void put_ipc_argument(TraceText& out, const IpcArgument& a, MemoryReader& memory);

} // namespace linnet::abi
