// What programs asked for and Linnet lacks, counted for /proc/linnet/gaps. Calls without a handler are counted by the dispatcher.
#pragma once

#include "kernel/lib/types.h"
#include "linux-abi/errno.h"

namespace linnet {

enum class GapKind : u8 {
    Flag,   // bits of a call's argument: number, argument, bits
    Ioctl,  // request
    Fcntl,  // command
    Prctl,  // option
    Sockopt // level, name
};

/// Counts one. Thread context, no lock of rank MiscSpin or above held.
void count_gap(GapKind kind, u64 a, u64 b, u64 c, Errno error);
/// Counts a path below /proc, /sys or /dev that a program wanted to open and that is not there; others are not Linnet's to have.
void count_missing_file(const char* path, Errno error);

/// /proc/linnet/gaps. Boot.
void register_gap_files();

} // namespace linnet
