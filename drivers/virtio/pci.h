// virtio over PCI, the interface of version 1.0 on (virtio 1.2, section 4.1).
#pragma once

#include "drivers/pci/pci.h"
#include "drivers/virtio/transport.h"

namespace linnet {

/// ENODEV: a transitional or legacy device without the modern capabilities, or BARs that are not assigned. ENOMEM.
Result<Owned<VirtioTransport>> probe_virtio_pci(const PciFunction& f);

} // namespace linnet
