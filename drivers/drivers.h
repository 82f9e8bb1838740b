// Entry points of the drivers, called by kernel/image in this order.
#pragma once

#include "linux-abi/errno.h"
#include "kernel/lib/types.h"

namespace linnet {

// 1. read_machine_tables() (drivers/acpi/acpi.h), before the interrupt controllers are set up.
// 2. drivers_init(), when memory, interrupts, timers and deferred work are there.

/// Finds and starts devices: serial line, virtio over MMIO, virtio over PCI. Registers them in kernel/dev. Boot thread, once.
/// Devices that fail are named in the log and left out.
void drivers_init();

/// The CMOS clock as seconds since 1970 UTC. Polls at most 3 ms. ENODEV: no clock, or nonsense in it.
Result<u64> cmos_read_unix_seconds();

/// Resets the machine by whatever works: FADT's register, port 0xcf9, the keyboard controller, a triple fault.
[[noreturn]] void machine_reset();
/// Panics: writes `code` to the isa-debug-exit port 0x501 (QEMU ends with status 2*code+1). Returns if there is no such device.
void debug_exit(u8 code);

} // namespace linnet
