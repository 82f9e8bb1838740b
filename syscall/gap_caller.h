// Who made the call that this thread is in: places of program code, for the host to put names to.
#pragma once

#include "kernel/lib/types.h"

namespace linnet {

/// A place in a file that is mapped executable, or the bare address of other code.
struct CodePlace {
    u64 address = 0;
    u64 offset = 0; // bytes into the file
    u16 path = 0;   // code_path(); 0: not in a file, or there was no room for its name
    u32 slot = 0;   // of a return address: it stands 8 * slot bytes above RSP. kNoSlot: RIP
    bool in_chain = false; // the chain of RBP leads to it
};
inline constexpr u32 kNoSlot = ~0u;

struct Caller {
    static constexpr u32 kMaxPlaces = 12;
    i32 pid = 0; // 0: nobody is known
    char name[16] = {};
    i32 frame_slot = -1; // RBP points 8 * frame_slot bytes above RSP; -1: it does not point into the stack
    u32 count = 0;
    CodePlace places[kMaxPlaces]; // RIP, behind the call instruction; then by slot what may be return addresses
};

/// Of the current task, in a system call. Words that the stack holds and that lie behind a call instruction: some may be left from calls that
/// have returned. Bounded; may sleep. Thread context, no lock of rank AddressSpace or above held.
void find_caller(Caller& c);

/// The name of a file of code by the number in CodePlace; null from the first number on that has none. Names stay.
const char* code_path(u16 number);

} // namespace linnet
