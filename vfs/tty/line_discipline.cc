#include "vfs/tty/line_discipline.h"

#include "kernel/lib/string.h"

namespace linnet {
namespace {

constexpr u8 control(char c) { return u8(c & 31); }
constexpr int kSigInt = 2, kSigQuit = 3, kSigTstp = 20;

/// Part of a word for WERASE. Letters beyond ASCII are those of Latin-1, which the first bytes of most UTF-8 characters are.
bool is_word(u8 c) {
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || (c >= 0xc0 && c != 0xd7 && c != 0xf7);
}

} // namespace

LineDiscipline::LineDiscipline() : termios_{} {
    termios_.iflag = ICRNL | IXON;
    termios_.oflag = OPOST | ONLCR;
    termios_.cflag = B38400 | CS8 | CREAD;
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

void LineDiscipline::set_termios(const abi::Termios& t, Host& host) {
    const abi::Termios old = termios_;
    termios_ = t;
    if ((old.lflag ^ t.lflag) & (ICANON | EXTPROC)) {
        // What is there counts as one line, its ends of file as the character that stands for them.
        memset(line_ends_, 0, sizeof line_ends_);
        memset(eofs_, 0, sizeof eofs_);
        if (canonical() && head_ != tail_) set_mark(head_ - 1, true, false);
        committed_ = head_;
        literal_next_ = erasing_ = false;
    }
    if (!(t.iflag & IXON) && (old.iflag & IXON)) set_stopped(false, stopped_by_call_, host);
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
    literal_next_ = erasing_ = false;
}

void LineDiscipline::set_stopped(bool by_key, bool by_call, Host& host) {
    const bool before = stopped();
    stopped_ = by_key;
    stopped_by_call_ = by_call;
    if (before != stopped()) host.flow_changed(stopped());
}

void LineDiscipline::stop_by_call(bool on, Host& host) {
    if (on) set_stopped(stopped_, true, host);
    else if (stopped_by_call_) set_stopped(false, false, host);
}

// --- input ---

void LineDiscipline::put(u8 c, bool ends_line, bool is_eof, Host& host) {
    u32 used = head_ - tail_;
    // The last place is kept for the end of a line, so that a line that is too long can still be ended.
    if (used >= kBufferBytes || (canonical() && !ends_line && used >= kBufferBytes - 1)) {
        if (termios_.iflag & IMAXBEL) echo_raw(7, host);
        return;
    }
    buffer_[head_ % kBufferBytes] = c;
    set_mark(head_, ends_line, is_eof);
    ++head_;
    if (ends_line || !canonical()) committed_ = head_;
}

void LineDiscipline::erase(u8 c, Host& host) {
    if (head_ == committed_) return;
    const bool one = is_cc(c, VERASE), word = !one && is_cc(c, VWERASE), kill = !one && !word;
    if (kill && !(on(ECHO) && on(ECHOK) && on(ECHOKE) && on(ECHOE))) {
        head_ = committed_;
        if (!on(ECHO)) return;
        finish_erasing(host);
        echo(termios_.cc[VKILL], host);
        if (on(ECHOK)) echo_raw('\n', host);
        return;
    }
    bool seen_word = false;
    while (head_ != committed_) {
        u32 start = head_ - 1;
        while (start != committed_ && continues_character(buffer_[start % kBufferBytes])) --start;
        u8 first = buffer_[start % kBufferBytes];
        if (continues_character(first)) break; // half a character is not erased
        if (word) {
            if (is_word(first)) seen_word = true;
            else if (seen_word) break;
        }
        const u32 end = head_;
        head_ = start;
        if (on(ECHO)) show_erased(c, start, end, host);
        if (one) break;
    }
    if (head_ == committed_ && on(ECHO)) finish_erasing(host);
}

/// A plain character, echoed and kept. `quoted`: after LNEXT, a newline too is shown as what it is.
void LineDiscipline::take_literally(u8 c, bool quoted, Host& host) {
    if (on(ECHO)) {
        finish_erasing(host);
        if (c == '\n' && !quoted) {
            echo_raw(c, host);
        } else {
            if (committed_ == head_) line_column_ = column_;
            echo(c, host);
        }
    }
    if (c == 0xff && (termios_.iflag & PARMRK)) put(c, false, false, host); // \377 is told from a mark by being doubled
    put(c, false, false, host);
}

/// Flow control and signals; true: that was all.
bool LineDiscipline::take_special(u8 c, Host& host) {
    if (termios_.iflag & IXON) {
        if (is_cc(c, VSTART)) {
            set_stopped(false, stopped_by_call_, host);
            return true;
        }
        if (is_cc(c, VSTOP)) {
            set_stopped(true, stopped_by_call_, host);
            return true;
        }
    }
    if (!on(ISIG)) return false;
    const int number = is_cc(c, VINTR) ? kSigInt : is_cc(c, VQUIT) ? kSigQuit : is_cc(c, VSUSP) ? kSigTstp : 0;
    if (!number) return false;
    if (!on(NOFLSH)) {
        flush_input();
        host.discard_output();
    }
    if (termios_.iflag & IXON) set_stopped(false, stopped_by_call_, host);
    if (on(ECHO)) echo(c, host);
    host.signal(number);
    return true;
}

/// Keys that edit or end a line; true: that was all.
bool LineDiscipline::take_editing(u8 c, Host& host) {
    const bool extended = on(IEXTEN);
    if (is_cc(c, VERASE) || is_cc(c, VKILL) || (extended && is_cc(c, VWERASE))) {
        erase(c, host);
        return true;
    }
    if (extended && is_cc(c, VLNEXT)) {
        literal_next_ = true;
        if (on(ECHO)) {
            finish_erasing(host);
            if (on(ECHOCTL)) {
                echo_raw('^', host);
                echo_raw('\b', host);
            }
        }
        return true;
    }
    if (extended && on(ECHO) && is_cc(c, VREPRINT)) {
        finish_erasing(host);
        echo(c, host);
        echo_raw('\n', host);
        for (u32 i = committed_; i != head_; ++i) echo(buffer_[i % kBufferBytes], host);
        return true;
    }
    if (c == '\n') {
        if (on(ECHO) || on(ECHONL)) echo_raw('\n', host);
        put(c, true, false, host);
        return true;
    }
    if (is_cc(c, VEOF)) {
        put(0, true, true, host);
        return true;
    }
    if (is_cc(c, VEOL) || (extended && is_cc(c, VEOL2))) {
        if (on(ECHO)) echo(c, host);
        put(c, true, false, host);
        return true;
    }
    return false;
}

void LineDiscipline::receive_one(u8 c, Host& host) {
    if (termios_.iflag & ISTRIP) c &= 0x7f;
    if ((termios_.iflag & IUCLC) && on(IEXTEN) && c >= 'A' && c <= 'Z') c |= 32;
    if (on(EXTPROC)) return put(c, false, false, host);
    if (literal_next_) {
        literal_next_ = false;
        return take_literally(c, true, host);
    }
    if (take_special(c, host)) return;
    if (stopped_ && (termios_.iflag & (IXON | IXANY)) == (IXON | IXANY)) set_stopped(false, stopped_by_call_, host);
    if (c == '\r') {
        if (termios_.iflag & IGNCR) return;
        if (termios_.iflag & ICRNL) c = '\n';
    } else if (c == '\n' && (termios_.iflag & INLCR)) {
        c = '\r';
    }
    if (on(ICANON) && take_editing(c, host)) return;
    take_literally(c, false, host);
}

void LineDiscipline::receive(const u8* p, size_t n, Host& host) {
    for (size_t i = 0; i < n; ++i) receive_one(p[i], host);
}

// --- reading ---

bool LineDiscipline::readable() const {
    u32 have = committed_ - tail_;
    if (canonical()) return have != 0;
    u32 least = termios_.cc[VTIME] == 0 && termios_.cc[VMIN] ? termios_.cc[VMIN] : 1;
    return have >= least;
}

u32 LineDiscipline::available() const {
    u32 n = committed_ - tail_;
    if (canonical())
        for (u32 i = tail_; i != committed_; ++i)
            if (mark(eofs_, i)) --n;
    return n;
}

size_t LineDiscipline::read(u8* to, size_t n, ReadEnd* end) {
    *end = ReadEnd::None;
    const bool lines = canonical();
    size_t got = 0;
    while (tail_ != committed_) {
        if (lines && mark(eofs_, tail_)) {
            // Right after data the mark only ends the line, be the program's buffer full or not; alone it is the end of file.
            *end = got == 0 ? ReadEnd::EndOfFile : ReadEnd::Line;
            ++tail_;
            break;
        }
        if (got == n) break;
        const bool last = lines && mark(line_ends_, tail_);
        to[got++] = buffer_[tail_++ % kBufferBytes];
        if (last) {
            *end = ReadEnd::Line;
            break;
        }
    }
    return got;
}

} // namespace linnet
