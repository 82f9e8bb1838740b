// virtio over MMIO (virtio 1.2, section 4.2; legacy interface 4.2.4).
#pragma once

#include "drivers/virtio/transport.h"

namespace linnet {

/// Probes a device at a physical address. ENODEV: no virtio device there, or an empty slot. ENOMEM. The interrupt is a GSI.
Result<Owned<VirtioTransport>> probe_virtio_mmio(PhysAddr address, u64 size, u32 gsi, bool level, bool low);

} // namespace linnet
