#pragma once

namespace linnet {

/// Chooses how configuration space is reached. False: there is no PCI.
bool find_pci_access();

} // namespace linnet
