// The kernel heap on malloc, so that AddressSanitizer sees each object, and allocations can be made to fail. Not linked where
// kernel/mm/heap.cc is what is tested.
#include <cstdlib>

#include "kernel/host/machine.h"
#include "kernel/lib/ref.h"
#include "kernel/mm/init.h"

namespace linnet {

namespace host {
long heap_allocations_left = -1;
namespace {
std::atomic<long> objects{0};
}
long heap_objects() { return objects.load(); }
} // namespace host

Result<void> heap_add_cpu(u32) { return {}; }

void* kmalloc(size_t size) {
    if (host::heap_allocations_left == 0) return nullptr;
    if (host::heap_allocations_left > 0) --host::heap_allocations_left;
    if (size > 4 * MiB) return nullptr; // as the buddy allocator's largest block
    void* p = size >= kPageSize ? aligned_alloc(kPageSize, page_up(size)) : malloc(size ? size : 1);
    if (p) host::objects.fetch_add(1, std::memory_order_relaxed);
    return p;
}
void* kzalloc(size_t size) {
    void* p = kmalloc(size);
    if (p) __builtin_memset(p, 0, size);
    return p;
}
void kfree(void* p) {
    if (!p) return;
    host::objects.fetch_sub(1, std::memory_order_relaxed);
    free(p);
}

} // namespace linnet
