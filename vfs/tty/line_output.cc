// Output processing and echo of the line discipline.
#include "vfs/tty/line_discipline.h"

namespace linnet {
namespace {

bool is_control(u8 c) { return c < 32 || c == 0x7f; }

} // namespace

u32 LineDiscipline::output_one(u8 c, u8* to) {
    if (!(termios_.oflag & OPOST)) {
        to[0] = c;
        return 1;
    }
    switch (c) {
    case '\n':
        if (termios_.oflag & ONLRET) column_ = 0;
        if (termios_.oflag & ONLCR) {
            column_ = 0;
            to[0] = '\r';
            to[1] = '\n';
            return 2;
        }
        break;
    case '\r':
        if ((termios_.oflag & ONOCR) && column_ == 0) return 0;
        if (termios_.oflag & OCRNL) {
            to[0] = '\n';
            if (termios_.oflag & ONLRET) column_ = 0;
            return 1;
        }
        column_ = 0;
        break;
    case '\t': {
        u32 spaces = 8 - (column_ & 7);
        column_ += spaces;
        if ((termios_.oflag & TABDLY) == XTABS) {
            for (u32 i = 0; i < spaces; ++i) to[i] = ' ';
            return spaces;
        }
        break;
    }
    case '\b':
        if (column_) --column_;
        break;
    default:
        if ((termios_.oflag & OLCUC) && c >= 'a' && c <= 'z') c = u8(c - 32);
        if (!is_control(c) && !continues_character(c)) ++column_;
    }
    to[0] = c;
    return 1;
}

size_t LineDiscipline::process_output(const u8* from, size_t n, u8* to, size_t room, size_t* consumed) {
    size_t made = 0, i = 0;
    while (i < n && made + 8 <= room) made += output_one(from[i++], to + made);
    *consumed = i;
    return made;
}

void LineDiscipline::echo_raw(u8 c, Host& host) {
    u8 out[8];
    u32 n = output_one(c, out);
    if (n) host.screen(out, n);
}

void LineDiscipline::echo(u8 c, Host& host) {
    if (on(ECHOCTL) && is_control(c) && c != '\t') {
        echo_raw('^', host);
        echo_raw(c ^ 0x40, host);
        return;
    }
    echo_raw(c, host);
}

void LineDiscipline::finish_erasing(Host& host) {
    if (!erasing_) return;
    echo_raw('/', host);
    erasing_ = false;
}

/// Takes the character at [start, end) of the buffer, which is the last of the line, off the screen.
void LineDiscipline::show_erased(u8 key, u32 start, u32 end, Host& host) {
    u8 c = buffer_[start % kBufferBytes];
    if (on(ECHOPRT)) {
        if (!erasing_) echo_raw('\\', host);
        erasing_ = true;
        echo(c, host);
        for (u32 i = start + 1; i != end; ++i) echo_raw(buffer_[i % kBufferBytes], host);
        return;
    }
    if (is_cc(key, VERASE) && !on(ECHOE)) return echo(key, host);
    if (c == '\t') {
        // The width of a tab depends on what stands before it in the line.
        u32 column = line_column_;
        for (u32 i = committed_; i != start; ++i) {
            u8 b = buffer_[i % kBufferBytes];
            if (b == '\t') column = (column | 7) + 1;
            else if (is_control(b)) column += on(ECHOCTL) ? 2 : 0;
            else if (!continues_character(b)) ++column;
        }
        for (u32 width = 8 - (column & 7); width; --width) echo_raw('\b', host);
        return;
    }
    u32 width = is_control(c) ? (on(ECHOCTL) ? 2 : 0) : 1;
    for (; width; --width) {
        echo_raw('\b', host);
        echo_raw(' ', host);
        echo_raw('\b', host);
    }
}

} // namespace linnet
