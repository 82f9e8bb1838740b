// What the pure parts of net call in the kernel, for the host.
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "kernel/lib/random.h"
#include "kernel/lib/ref.h"
#include "net/tests/host_support.h"

namespace linnet {

long allocations_left = -1;

void* kmalloc(size_t size) {
    if (allocations_left == 0) return nullptr;
    if (allocations_left > 0) --allocations_left;
    return malloc(size);
}
void* kzalloc(size_t size) {
    void* p = kmalloc(size);
    if (p) __builtin_memset(p, 0, size);
    return p;
}
void kfree(void* p) { free(p); }

void panic(const char* format, ...) {
    va_list ap;
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    fputc('\n', stderr);
    abort();
}

void random_bytes(void* to, size_t n) {
    for (size_t i = 0; i < n; ++i) static_cast<u8*>(to)[i] = static_cast<u8>(rand());
}

} // namespace linnet
