// The first serial line (16550 at 0x3f8): polled output, for the log and for panics. Input is drivers/serial.
#pragma once

#include "kernel/lib/types.h"

namespace linnet {

/// Probes and sets it up. Without it, output goes nowhere.
void init_serial();
bool serial_present();
void serial_write(const char* s, size_t n);

} // namespace linnet
