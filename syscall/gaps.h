// What programs asked for and Linnet lacks: counted always, shown in /proc/linnet/gaps and told to the host (docs/boot-protocol.md).
#pragma once

#include "kernel/lib/types.h"
#include "linux-abi/errno.h"
#include "linux-abi/gap.h"

namespace linnet {

class Process;

using abi::GapKind;

/// A gap was met by the call that this thread is in. `a`, `b`, `c`: see GapKind. `error`: what the call fails with; Errno(0): it goes on without.
/// The first time, who asked is noted, for which the program's stack and mappings are looked at. Thread context, no lock of rank
/// AddressSpace or above held.
void count_gap(GapKind kind, u64 a, u64 b, u64 c, Errno error);
/// A path below /proc, /sys or /dev that a program looked for and that is not there (ENOENT), or wrote to and that takes nothing (EACCES); others
/// are not Linnet's to have. Folders of processes count as `/proc/PID`, while the process is there.
void count_missing_file(const char* path, Errno error);
/// A file system that mount(2) was asked for.
void count_missing_filesystem(const char* type, Errno error);

/// Sends all gaps to the host. `request`: the number that the host gave, 0 at the end of the run. One report at a time: another one that is
/// asked for meanwhile is left out, or, with `last`, waits, and no report comes after it. Thread or deferred context.
void report_gaps(u64 request, bool last);

/// /proc/linnet/gaps, and the end of processes. Boot.
void init_gaps();

} // namespace linnet
