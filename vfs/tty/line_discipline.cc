#include "vfs/tty/line_discipline.h"

namespace linnet {
namespace {

constexpr u8 control(char c) { return u8(c & 31); }
constexpr int kSigInt = 2, kSigQuit = 3, kSigTstp = 20;

} // namespace

LineDiscipline::LineDiscipline() : termios_{} {
    termios_.iflag = ICRNL | IXON;
    termios_.oflag = OPOST | ONLCR;
    termios_.cflag = B38400 | CS8 | CREAD | HUPCL;
    termios_.lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
    u8* cc = termios_.cc;
    cc[VINTR] = control('C');
    cc[VQUIT] = control('\\');
    cc[VERASE] = 0x7f;
    cc[VKILL] = control('U');
    cc[VEOF] = control('D');
    cc[VMIN] = 1;
    cc[VSTART] = control('Q');
    cc[VSTOP] = control('S');
    cc[VSUSP] = control('Z');
    cc[VREPRINT] = control('R');
    cc[VDISCARD] = control('O');
    cc[VWERASE] = control('W');
    cc[VLNEXT] = control('V');
}

void LineDiscipline::set_termios(const abi::Termios& t) {
    bool was_canonical = on(ICANON);
    termios_ = t;
    bool is_canonical = on(ICANON);
    if (was_canonical && !is_canonical) {
        committed_ = head_;
    } else if (!was_canonical && is_canonical) {
        // What was typed before counts as a line.
        if (head_ != tail_) set_mark(head_ - 1, true, false);
        committed_ = head_;
    }
    if (!(t.iflag & IXON)) stopped_ = false;
    literal_next_ = false;
}

void LineDiscipline::set_mark(u32 i, bool line_end, bool eof) {
    u64 bit = 1ull << (i % 64);
    u64& e = line_ends_[i % kBufferBytes / 64];
    u64& f = eofs_[i % kBufferBytes / 64];
    e = line_end ? e | bit : e & ~bit;
    f = eof ? f | bit : f & ~bit;
}

void LineDiscipline::flush_input() {
    tail_ = committed_ = head_;
    literal_next_ = false;
}

// --- output ---

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
        if (c >= 32 && c != 0x7f && (c & 0xc0) != 0x80) ++column_;
    }
    to[0] = (termios_.oflag & OLCUC) && c >= 'a' && c <= 'z' ? u8(c - 32) : c;
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

u32 LineDiscipline::shown_width(u8 c) const {
    if ((c < 32 && c != '\t') || c == 0x7f) return on(ECHOCTL) ? 2 : 0;
    if ((termios_.iflag & IUTF8) && (c & 0xc0) == 0x80) return 0;
    return 1;
}

void LineDiscipline::echo(u8 c, Host& host) {
    if (on(ECHOCTL) && ((c < 32 && c != '\t') || c == 0x7f)) {
        echo_raw('^', host);
        echo_raw(c ^ 0x40, host);
        return;
    }
    echo_raw(c, host);
}

// --- input ---

void LineDiscipline::put(u8 c, bool ends_line, bool is_eof, Host& host) {
    u32 used = head_ - tail_;
    // The last place is kept for the end of a line, so that a line that is too long can still be ended.
    if (used >= kBufferBytes || (on(ICANON) && !ends_line && used >= kBufferBytes - 1)) {
        if (termios_.iflag & IMAXBEL) echo_raw(7, host);
        return;
    }
    buffer_[head_ % kBufferBytes] = c;
    set_mark(head_, ends_line, is_eof);
    ++head_;
    if (ends_line || !on(ICANON)) committed_ = head_;
}

void LineDiscipline::erase_last_shown(Host& host) {
    u8 c = buffer_[(head_ - 1) % kBufferBytes];
    if (c == '\t') {
        // The width of a tab depends on what stands before it in the line.
        u32 column = line_column_;
        for (u32 i = committed_; i != head_ - 1; ++i) {
            u8 b = buffer_[i % kBufferBytes];
            column = b == '\t' ? (column | 7) + 1 : column + shown_width(b);
        }
        for (u32 width = 8 - (column & 7); width; --width) echo_raw('\b', host);
        return;
    }
    for (u32 width = shown_width(c); width; --width) {
        echo_raw('\b', host);
        echo_raw(' ', host);
        echo_raw('\b', host);
    }
}

void LineDiscipline::erase(u8 c, Host& host) {
    if (head_ == committed_) return;
    bool kill = is_cc(c, VKILL), word = !kill && is_cc(c, VWERASE);
    if (kill && on(ECHO) && !(on(ECHOK) && on(ECHOKE) && on(ECHOE))) {
        head_ = committed_;
        echo(c, host);
        if (on(ECHOK)) echo_raw('\n', host);
        return;
    }
    bool seen_word = false;
    while (head_ != committed_) {
        u32 start = head_ - 1;
        if (termios_.iflag & IUTF8)
            while (start != committed_ && (buffer_[start % kBufferBytes] & 0xc0) == 0x80) --start;
        u8 last = buffer_[start % kBufferBytes];
        if (word) {
            bool is_word = (last >= '0' && last <= '9') || ((last | 32) >= 'a' && (last | 32) <= 'z') || last == '_' ||
                           last >= 0x80;
            if (is_word) seen_word = true;
            else if (seen_word) break;
        }
        if (on(ECHO)) {
            if (!kill && !on(ECHOE) && !word) {
                echo(c, host);
            } else {
                head_ = start + 1;
                erase_last_shown(host);
            }
        }
        head_ = start;
        if (!kill && !word) break;
    }
}

void LineDiscipline::receive_one(u8 c, Host& host) {
    if (termios_.iflag & ISTRIP) c &= 0x7f;
    if (on(ICANON) && head_ == committed_) line_column_ = column_;
    if (literal_next_) {
        literal_next_ = false;
        if (on(ECHO)) echo(c, host);
        put(c, false, false, host);
        return;
    }
    if (termios_.iflag & IXON) {
        if (is_cc(c, VSTART)) {
            stopped_ = false;
            return;
        }
        if (is_cc(c, VSTOP)) {
            stopped_ = true;
            return;
        }
        if (stopped_ && (termios_.iflag & IXANY)) stopped_ = false;
    }
    if (on(ISIG)) {
        int number = is_cc(c, VINTR) ? kSigInt : is_cc(c, VQUIT) ? kSigQuit : is_cc(c, VSUSP) ? kSigTstp : 0;
        if (number) {
            if (!on(NOFLSH)) {
                flush_input();
                host.discard_output();
            }
            stopped_ = false;
            if (on(ECHO)) echo(c, host);
            host.signal(number);
            return;
        }
    }
    if (c == '\r') {
        if (termios_.iflag & IGNCR) return;
        if (termios_.iflag & ICRNL) c = '\n';
    } else if (c == '\n' && (termios_.iflag & INLCR)) {
        c = '\r';
    }
    if (on(ICANON)) {
        bool extended = on(IEXTEN);
        if (is_cc(c, VERASE) || is_cc(c, VKILL) || (extended && is_cc(c, VWERASE))) return erase(c, host);
        if (extended && is_cc(c, VLNEXT)) {
            literal_next_ = true;
            if (on(ECHO) && on(ECHOCTL)) {
                echo_raw('^', host);
                echo_raw('\b', host);
            }
            return;
        }
        if (extended && on(ECHO) && is_cc(c, VREPRINT)) {
            echo(c, host);
            echo_raw('\n', host);
            for (u32 i = committed_; i != head_; ++i) echo(buffer_[i % kBufferBytes], host);
            return;
        }
        if (c == '\n') {
            if (on(ECHO) || on(ECHONL)) echo_raw('\n', host);
            return put(c, true, false, host);
        }
        if (is_cc(c, VEOF)) return put(0, true, true, host);
        if (is_cc(c, VEOL) || (extended && is_cc(c, VEOL2))) {
            if (on(ECHO)) echo(c, host);
            return put(c, true, false, host);
        }
    }
    if (on(ECHO)) {
        if (c == '\n') echo_raw(c, host);
        else echo(c, host);
    }
    put(c, false, false, host);
}

void LineDiscipline::receive(const u8* p, size_t n, Host& host) {
    for (size_t i = 0; i < n; ++i) receive_one(p[i], host);
}

// --- reading ---

bool LineDiscipline::readable() const {
    u32 have = committed_ - tail_;
    if (on(ICANON)) return have != 0;
    u32 least = termios_.cc[VTIME] == 0 && termios_.cc[VMIN] ? termios_.cc[VMIN] : 1;
    return have >= least;
}

u32 LineDiscipline::available() const {
    u32 n = committed_ - tail_;
    if (on(ICANON))
        for (u32 i = tail_; i != committed_; ++i)
            if (mark(eofs_, i)) --n;
    return n;
}

size_t LineDiscipline::read(u8* to, size_t n, bool* end_of_file) {
    *end_of_file = false;
    size_t got = 0;
    bool canonical = on(ICANON);
    while (tail_ != committed_) {
        if (mark(eofs_, tail_)) {
            // Right after data the mark only ends the line; alone it is the end of file.
            if (got == 0 && canonical) *end_of_file = true;
            ++tail_;
            if (canonical) break;
            continue;
        }
        if (got == n) break;
        bool last = mark(line_ends_, tail_);
        to[got++] = buffer_[tail_++ % kBufferBytes];
        if (canonical && last) break;
    }
    return got;
}

} // namespace linnet
