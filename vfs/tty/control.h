// The control port: command lines from the host. The answers are report_to_host() in stdio.h.
#pragma once

#include "vfs/tty/stream.h"

namespace linnet {

class Console;

/// Begins to listen on `port` (may be null). `input` gets "eof N", `terminal` (may be null) "winsize" and terminal signals.
void control_init(CharDevice* port, StdinStage* input, Console* terminal);

/// One command line, parsed. Pure.
struct ControlLine {
    enum Kind { Unknown, Signal, Eof, WindowSize, Gaps } kind = Unknown;
    u64 a = 0, b = 0;
};
ControlLine parse_control_line(const char* text, size_t n);

} // namespace linnet
