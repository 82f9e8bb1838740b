#include "kernel/dev/device.h"
#include "kernel/lib/string.h"

namespace linnet {

namespace {
CharDevices chars;
NetDevices nets;
EntropySources entropies;
BlockDevices blocks;
} // namespace

CharDevices& char_devices() { return chars; }
NetDevices& net_devices() { return nets; }
EntropySources& entropy_sources() { return entropies; }
BlockDevices& block_devices() { return blocks; }

CharDevice* find_char_device(const char* name) {
    for (CharDevice& d : chars)
        if (strcmp(d.name(), name) == 0) return &d;
    return nullptr;
}

} // namespace linnet
