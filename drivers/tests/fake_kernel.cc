// What the pure parts of drivers need of the kernel, for host tests.
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "kernel/lib/log.h"
#include "kernel/lib/ref.h"
#include "kernel/mm/page.h"

namespace linnet {

LogLevel log_level = LogLevel::Error;
void log(LogLevel, const char*, ...) {}
void* kmalloc(size_t n) { return malloc(n); }
void* kzalloc(size_t n) { return calloc(1, n); }
void kfree(void* p) { free(p); }
void panic(const char* f, ...) {
    va_list ap;
    va_start(ap, f);
    vfprintf(stderr, f, ap);
    va_end(ap);
    abort();
}
// Rings are attached to memory of the test's own.
Result<Page*> alloc_pages(u32, bool, bool) { return ENOMEM; }
void put_page(Page*) {}
Page* page_array = nullptr;
u64 page_array_count = 0;

} // namespace linnet
