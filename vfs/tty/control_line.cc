#include "vfs/tty/control.h"

#include "kernel/lib/string.h"

namespace linnet {
namespace {

/// A decimal number after exactly one blank; false: none, or too large.
bool number(const char*& p, const char* end, u64* out) {
    if (p == end || *p != ' ') return false;
    ++p;
    const char* start = p;
    u64 v = 0;
    for (; p != end && *p >= '0' && *p <= '9'; ++p)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, u64(*p - '0'), &v)) return false;
    *out = v;
    return p != start;
}

} // namespace

ControlLine parse_control_line(const char* text, size_t n) {
    ControlLine line;
    const char* end = text + n;
    auto word = [&](const char* w) {
        size_t k = strlen(w);
        return n >= k && memcmp(text, w, k) == 0 ? text + k : nullptr;
    };
    if (const char* p = word("signal"))
        if (number(p, end, &line.a) && p == end && line.a >= 1 && line.a <= 64) line.kind = ControlLine::Signal;
    if (const char* p = word("eof"))
        if (number(p, end, &line.a) && p == end) line.kind = ControlLine::Eof;
    if (const char* p = word("gaps"))
        if (number(p, end, &line.a) && p == end) line.kind = ControlLine::Gaps;
    if (const char* p = word("winsize"))
        if (number(p, end, &line.a) && number(p, end, &line.b) && p == end && line.a <= 0xffff && line.b <= 0xffff)
            line.kind = ControlLine::WindowSize;
    return line;
}

} // namespace linnet
