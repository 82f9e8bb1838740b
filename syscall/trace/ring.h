// Records of the trace on their way to the host: a ring for each CPU, and the thread that empties them into the port `linnet.trace`.
#pragma once

#include "linux-abi/trace_record.h"
#include "kernel/lib/types.h"
#include "linux-abi/errno.h"

namespace linnet {

/// The port is there, and takes records from now on, on each CPU that runs. Boot, thread context. ENODEV: the host gave no port. ENOMEM.
Result<void> trace_ring_init();
/// False: no port.
bool trace_ring_active();

/// Puts a record into this CPU's ring; `length`, `magic` and `sequence` are filled in here, and the time where it is 0. Waits while the ring is full; a thread that is being killed
/// does not, but for the record of its end. False: it was not taken (killed, or the machine ends). Thread context, no lock held.
bool trace_put(abi::TraceRecord& record, const char* text, size_t text_bytes);

/// The machine ends: takes no more records, and returns when the port has all that were taken. Thread context.
void trace_finish();

} // namespace linnet
