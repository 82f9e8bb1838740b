// Terminals: a pseudo terminal's two ends.
#include "trace_calls.h"

#include <sys/ioctl.h>
#include <termios.h>

void trace_terminals(void) {
    int master = CALL(openat, AT_FDCWD, "/dev/ptmx", O_RDWR | O_NOCTTY);
    int n = 0;
    CALL(ioctl, master, TIOCSPTLCK, &n), CALL(ioctl, master, TIOCGPTN, &n), CALL(ioctl, master, TIOCGPTLCK, &n);
    int slave = CALL(ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    struct {
        unsigned iflag, oflag, cflag, lflag;
        unsigned char line, cc[19];
        unsigned ispeed, ospeed;
    } t;
    CALL(ioctl, slave, TCGETS, &t), t.lflag = 0, t.iflag = 0x1000, t.oflag = 0, CALL(ioctl, slave, TCSETS, &t), t.lflag = ~0u, t.iflag = ~0u, t.oflag = ~0u, t.cflag = ~0u;
    CALL(ioctl, 99, TCSETSW, &t), CALL(ioctl, slave, TCSETSF, BAD), CALL(ioctl, 99, TCGETS, &t), CALL(ioctl, slave, 0x802c542a, &t);
    struct winsize w = {24, 80, 0, 0};
    CALL(ioctl, slave, TIOCSWINSZ, &w), CALL(ioctl, slave, TIOCGWINSZ, &w), CALL(ioctl, 99, TIOCGWINSZ, &w), CALL(ioctl, slave, TIOCGPGRP, &n), CALL(ioctl, slave, TIOCSPGRP, &n);
    CALL(ioctl, slave, TIOCGSID, &n), CALL(ioctl, slave, TIOCSCTTY, 0), CALL(ioctl, slave, TCSBRK, 1), CALL(ioctl, slave, TCFLSH, TCIOFLUSH), CALL(ioctl, slave, TCXONC, TCOON);
    CALL(ioctl, slave, FIONREAD, &n), CALL(ioctl, slave, TIOCOUTQ, &n), CALL(ioctl, slave, TIOCEXCL), CALL(ioctl, slave, TIOCNXCL), CALL(ioctl, slave, TIOCGETD, &n), CALL(ioctl, slave, TIOCSTI, "x");
    CALL(ioctl, slave, TIOCNOTTY), CALL(ioctl, master, TIOCPKT, &n);
    CALL(close, slave), CALL(close, master);
}
