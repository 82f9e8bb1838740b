// The program's standard streams and the control channel to the host (docs/boot-protocol.md).
#pragma once

#include "linux-abi/errno.h"
#include "kernel/lib/ref.h"
#include "kernel/lib/types.h"

namespace linnet {

class FileTable;
class File;

/// Finds the ports (linnet.stdio, linnet.stderr, linnet.control; ttyS0 else) and begins to listen. Boot, after drivers_init().
void stdio_init();
/// Opens descriptors 0, 1, 2 of the first process. ENOMEM, EMFILE.
Result<void> open_standard_streams(FileTable& table);

/// A line to the host: "main NS", "exit N", "signal N", "fail CODE TEXT", "net ADDR" (without the newline). Nothing without a control
/// port, but for a log line. Thread or deferred context; may be called with no memory left.
void report_to_host(const char* format, ...) __attribute__((format(printf, 1, 2)));
/// The same for a line that is made already, with its newline. False: there is no control port, or the host did not take it within a second.
bool write_to_host(const char* line, size_t n);

/// Waits (at most 5 seconds, polling) until the host has taken all output, then resets the machine.
[[noreturn]] void drain_and_reset();

/// What the control port needs of the machine; set by kernel/image before stdio_init(). Null ones are done without. Called with no lock
/// held.
struct StdioHooks {
    void (*signal_init)(int signal) = nullptr; // "signal N" from the host; deferred context
    void (*reset)() = nullptr;                 // machine_reset()
    void (*gaps)(u64 request) = nullptr;       // "gaps REQUEST" from the host; deferred context
};
extern StdioHooks stdio_hooks;

} // namespace linnet
