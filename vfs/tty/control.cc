#include "vfs/tty/control.h"

#include <cstdarg>

#include "kernel/lib/format.h"
#include "kernel/lib/log.h"
#include "kernel/lib/string.h"
#include "kernel/time/clock.h"
#include "vfs/tty/stdio.h"
#include "vfs/tty/console.h"

namespace linnet {

StdioHooks stdio_hooks;

namespace {

constexpr size_t kLineBytes = 256;
constexpr int kSigInt = 2, kSigQuit = 3, kSigTstp = 20;

CharDevice* control_port;
StdinStage* control_input;
Console* control_terminal;

SpinLock<Rank::MiscSpin> line_lock;
char line_text[kLineBytes] GUARDED_BY(line_lock);
size_t line_length GUARDED_BY(line_lock); // kLineBytes: a line that is too long is being skipped

void obey(const ControlLine& line) {
    switch (line.kind) {
    case ControlLine::Signal: {
        int n = int(line.a);
        bool typed = n == kSigInt || n == kSigQuit || n == kSigTstp;
        if (control_terminal && typed && control_terminal->foreground_group()) control_terminal->signal_foreground(n);
        else if (stdio_hooks.signal_init)
            stdio_hooks.signal_init(n);
        break;
    }
    case ControlLine::Eof:
        if (control_terminal) control_terminal->end_input();
        else if (control_input) control_input->set_end(line.a);
        break;
    case ControlLine::WindowSize:
        if (control_terminal) control_terminal->set_size({u16(line.a), u16(line.b), 0, 0});
        break;
    case ControlLine::Gaps:
        if (stdio_hooks.gaps) stdio_hooks.gaps(line.a);
        break;
    case ControlLine::Unknown: break;
    }
}

/// Deferred context. Lines are obeyed without the lock: they take locks of lower rank.
void control_event(void*) {
    for (;;) {
        ControlLine line;
        bool whole = false;
        {
            SpinGuard guard(line_lock);
            char c;
            while (!whole && control_port->read(&c, 1) == 1) {
                if (c == '\n') {
                    if (line_length < kLineBytes) line = parse_control_line(line_text, line_length);
                    line_length = 0;
                    whole = true;
                } else if (line_length < kLineBytes) {
                    line_text[line_length++] = c;
                }
            }
        }
        if (!whole) return;
        obey(line);
    }
}

} // namespace

void control_init(CharDevice* port, StdinStage* input, Console* terminal) {
    control_input = input;
    control_terminal = terminal;
    control_port = port;
    if (!port) return;
    port->on_event = control_event;
    if (port->readable()) control_event(nullptr); // lines that came before anybody listened
}

void report_to_host(const char* fmt, ...) {
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    size_t n = format_va(text, sizeof text - 1, fmt, ap);
    va_end(ap);
    if (n > sizeof text - 2) n = sizeof text - 2;
    if (!control_port) {
        if (strncmp(text, "fail", 4) == 0) log_error("%s", text);
        else log_debug("%s", text); // "exit" and "signal" are logged where they come from
        return;
    }
    // One line, whatever the text holds.
    for (size_t i = 0; i < n; ++i)
        if (text[i] == '\n') text[i] = ' ';
    text[n++] = '\n';
    (void)write_to_host(text, n);
}

bool write_to_host(const char* line, size_t n) {
    if (!control_port) return false;
    size_t done = 0;
    u64 deadline = 0;
    for (;;) {
        size_t some = control_port->write(line + done, n - done);
        done += some;
        if (done == n) return true;
        if (some) continue;
        u64 now = monotonic_ns();
        if (!deadline) deadline = now + kNsPerSec;
        if (now > deadline) return false;
        __builtin_ia32_pause();
    }
}

/// The host may be slow to take the program's last output (a pager): it is the host that gives up, and ends the VM. The limit
/// here is for a host that is gone.
void drain_and_reset() {
    constexpr u64 kLongest = 3600;
    u64 deadline = monotonic_ns() + kLongest * kNsPerSec;
    for (;;) {
        bool all = true;
        for (CharDevice& d : char_devices()) all &= d.drained();
        if (all || monotonic_ns() > deadline) break;
        __builtin_ia32_pause();
    }
    if (stdio_hooks.reset) stdio_hooks.reset();
    panic("nothing resets this machine");
}

} // namespace linnet
