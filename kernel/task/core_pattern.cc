// The name of a core file.
#include "kernel/lib/string.h"
#include "kernel/sync/spinlock.h"
#include "kernel/task/core_dump.h"

namespace linnet {

namespace {

SpinLock<Rank::MiscSpin> lock;
char pattern[128] GUARDED_BY(lock) = "core";

} // namespace

void get_core_pattern(char (&to)[128]) {
    SpinGuard g(lock);
    memcpy(to, pattern, sizeof to);
}

Result<void> set_core_pattern(const char* text, size_t n) {
    while (n && (text[n - 1] == '\n' || !text[n - 1])) --n;
    if (n && text[0] == '|') return EINVAL; // no programs are started from the kernel
    if (n >= sizeof pattern) n = sizeof pattern - 1;
    SpinGuard g(lock);
    memset(pattern, 0, sizeof pattern);
    memcpy(pattern, text, n);
    return {};
}

} // namespace linnet
