// Interrupts of devices. A handler runs in hard interrupt context on an unknown thread's stack: it acknowledges its
// device, calls raise_deferred(), and takes no lock.
#pragma once

#include "linux-abi/errno.h"
#include "kernel/lib/types.h"

namespace linnet {

using IrqHandler = void (*)(void* arg);

/// ISA/GSI number as ACPI, MP tables or a command line name it, through the I/O APIC. `level`: level-triggered,
/// active `low`. Handlers on one line are chained. ENOSPC (no vector), ENODEV (no such line).
Result<void> request_gsi(u32 gsi, bool level, bool low, IrqHandler handler, void* arg);
/// A vector for MSI/MSI-X: the address and data to write into the device.
struct MsiMessage { u64 address; u32 data; };
/// Writes a message into the device, whose interrupts go to another CPU from there on. Called once, when all CPUs have started.
using MsiWriter = void (*)(volatile void* entry, const MsiMessage& m);
/// The caller writes the first message itself. ENOSPC (no vector)
Result<MsiMessage> request_msi(IrqHandler handler, void* arg, MsiWriter write = nullptr, volatile void* entry = nullptr);
/// What ACPI or MP tables say (drivers/acpi); before the first request_gsi(). Without any: one I/O APIC at 0xfec00000.
void register_ioapic(u64 physical_address, u32 gsi_base);
/// ISA interrupt `isa_irq` comes in on `gsi`, with this polarity and trigger.
void register_isa_override(u32 isa_irq, u32 gsi, bool level, bool low);
/// As request_gsi for an ISA interrupt number (serial: 4), edge and active high unless overridden.
Result<void> request_isa_irq(u32 isa_irq, IrqHandler handler, void* arg);
/// Total counts for /proc/interrupts and /proc/stat.
u64 irq_count();

} // namespace linnet
