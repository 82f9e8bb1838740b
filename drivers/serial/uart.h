#pragma once

namespace linnet {

/// Registers "ttyS0" (COM1, 16550) if it is there: polled output, interrupt-driven input. The kernel's log writes to the same line.
void start_serial_line();

} // namespace linnet
