// The kernel's random generator: ChaCha20, fed by RDRAND, virtio-rng and boot timing.
#pragma once

#include "kernel/lib/types.h"

namespace linnet {

/// Any context but hard interrupt.
void random_bytes(void* to, size_t n);
inline u64 random_u64() {
    u64 v;
    random_bytes(&v, sizeof v);
    return v;
}
/// Enough entropy has been gathered: getrandom without GRND_NONBLOCK would not sleep.
bool random_ready();
/// Mixes bytes in, counting `bits` of entropy.
void random_add(const void* p, size_t n, u32 bits);

} // namespace linnet
