// Fatal errors. panic() may be called in any context; it never returns.
#pragma once

namespace linnet {

/// Prints the panic block (docs/boot-protocol.md) and ends the VM. printf-like, see format.h.
[[noreturn]] void panic(const char* format, ...) __attribute__((format(printf, 1, 2), cold));

} // namespace linnet

/// A kernel invariant: checked in every build.
#define CHECK(cond)                                                                   \
    do {                                                                              \
        if (!(cond)) [[unlikely]]                                                     \
            ::linnet::panic("CHECK failed: %s at %s:%d", #cond, __FILE__, __LINE__);  \
    } while (0)

/// A kernel invariant: checked in debug builds, which the tests run on.
#if LINNET_DEBUG
#define ASSERT(cond) CHECK(cond)
#else
#define ASSERT(cond) ((void)0)
#endif
