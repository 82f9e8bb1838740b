#include "kernel/lib/log.h"

#include <cstdarg>

#include "kernel/boot/panic_report.h"
#include "kernel/boot/serial.h"
#include "kernel/lib/format.h"
#include "kernel/sync/spinlock.h"
#include "kernel/time/clock.h"

namespace linnet {

LogLevel log_level = LogLevel::Warn;

namespace {
SpinLock<Rank::Log> log_lock;
} // namespace

void log(LogLevel level, const char* f, ...) {
    static const char* const names[] = {"error", "warn", "info", "debug"};
    char line[512];
    TextBuffer out(line, sizeof line - 1);
    u64 us = monotonic_ns() / 1000;
    out.append("[%lu.%06lu] %s: ", us / 1000000, us % 1000000, names[int(level)]);
    va_list ap;
    va_start(ap, f);
    size_t n = format_va(line + out.length(), sizeof line - 2 - out.length(), f, ap) + out.length();
    va_end(ap);
    if (n > sizeof line - 3) n = sizeof line - 3;
    line[n++] = '\n';
    SpinGuard g(log_lock);
    serial_write(line, n);
}

void log_text(const char* text, unsigned long size) {
    SpinGuard g(log_lock);
    serial_write(text, size);
}

void panic_print(const char* f, ...) {
    char line[512];
    va_list ap;
    va_start(ap, f);
    size_t n = format_va(line, sizeof line, f, ap);
    va_end(ap);
    serial_write(line, n < sizeof line ? n : sizeof line - 1);
}

} // namespace linnet
