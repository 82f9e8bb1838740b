// A pseudo terminal for the tests of terminals: `type()` is the keyboard, `shows()` the screen, `reads()` the program.
#pragma once

#include "support.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

namespace compat {

// Reads until `text` was read, however it comes in pieces; true if nothing else came. Blocks: the watchdog bounds it.
inline bool read_exactly(int fd, const char* text, size_t size) {
    char got[8192];
    size_t n = 0;
    while (n < size) {
        ssize_t r = read(fd, got + n, size - n);
        if (r <= 0) {
            printf("read gave %zd (%s) after %zu of %zu bytes\n", r, strerror(errno), n, size);
            return false;
        }
        n += static_cast<size_t>(r);
        if (memcmp(got, text, n) != 0) {
            printf("read \"");
            for (size_t i = 0; i < n; ++i) {
                printf(got[i] >= 32 && got[i] < 127 ? "%c" : "\\x%02x", static_cast<unsigned char>(got[i]));
            }
            printf("\"\n");
            return false;
        }
    }
    return true;
}

struct PtyPair {
    Fd master, slave;
    explicit PtyPair(bool open_slave = true) {
        master.reset(posix_openpt(O_RDWR | O_NOCTTY));
        if (master.valid() && grantpt(master) == 0 && unlockpt(master) == 0 && open_slave) {
            slave.reset(open(name(), O_RDWR | O_NOCTTY));
        }
    }
    bool valid() const { return master.valid() && slave.valid(); }
    int number() const {
        int n = -1;
        ioctl(master, TIOCGPTN, &n);
        return n;
    }
    const char* name() const {
        snprintf(name_, sizeof(name_), "/dev/pts/%d", number());
        return name_;
    }
    termios modes() const {
        termios t{};
        tcgetattr(slave, &t);
        return t;
    }
    void set(const termios& t) const { tcsetattr(slave, TCSANOW, &t); }
    void local(tcflag_t clear, tcflag_t add = 0) const {
        termios t = modes();
        t.c_lflag = (t.c_lflag & ~clear) | add;
        set(t);
    }
    void input(tcflag_t clear, tcflag_t add = 0) const {
        termios t = modes();
        t.c_iflag = (t.c_iflag & ~clear) | add;
        set(t);
    }
    void output(tcflag_t clear, tcflag_t add = 0) const {
        termios t = modes();
        t.c_oflag = (t.c_oflag & ~clear) | add;
        set(t);
    }
    void raw(int least = 1, int time = 0) const {
        termios t = modes();
        cfmakeraw(&t);
        t.c_cc[VMIN] = static_cast<cc_t>(least);
        t.c_cc[VTIME] = static_cast<cc_t>(time);
        set(t);
    }
    bool type(const char* keys) const { return type(keys, strlen(keys)); }
    bool type(const char* keys, size_t n) const { return write(master, keys, n) == static_cast<ssize_t>(n); }
    bool print(const char* text) const {
        return write(slave, text, strlen(text)) == static_cast<ssize_t>(strlen(text));
    }
    bool shows(const char* text) const { return read_exactly(master, text, strlen(text)); }
    // One read of the program gives this.
    bool reads(const char* text, size_t size = 4096) const { return reads_bytes(text, strlen(text), size); }
    bool reads_bytes(const char* text, size_t length, size_t size = 4096) const {
        char buf[4096];
        ssize_t n = read(slave, buf, size);
        if (n == static_cast<ssize_t>(length) && memcmp(buf, text, length) == 0) {
            return true;
        }
        printf("read %zd bytes: \"%.*s\"\n", n, n > 0 ? static_cast<int>(n) : 0, buf);
        return false;
    }
    // Waits until the program could read n bytes (FIONREAD).
    void wait_input(int n) const {
        wait_until([&] {
            int have = 0;
            ioctl(slave, FIONREAD, &have);
            return have >= n;
        });
    }

  private:
    mutable char name_[32];
};

// The events that hold within the time.
inline int poll_events(int fd, short events, int timeout_ms = 0) {
    pollfd p{fd, events, 0};
    poll(&p, 1, timeout_ms);
    return p.revents;
}

} // namespace compat
