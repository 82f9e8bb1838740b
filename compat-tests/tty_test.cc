// The line discipline and the requests to terminals, at a pseudo terminal.
#include "pty_support.h"

#include <asm/ioctls.h>

namespace {

struct KernelTermios {
    unsigned iflag, oflag, cflag, lflag;
    unsigned char line, cc[19];
    unsigned ispeed, ospeed; // of TCGETS2
};
struct KernelTermio {
    unsigned short iflag, oflag, cflag, lflag;
    unsigned char line, cc[8];
};
constexpr unsigned long kTcgets2 = 0x802c542a, kTcsets2 = 0x402c542b;

// What the program at the slave sees does not hang on when the keys arrive.
void expect_line(const PtyPair& p, const char* keys, const char* line) {
    EXPECT_TRUE(p.type(keys));
    EXPECT_TRUE(p.reads(line)) << keys;
}

} // namespace

TEST(tty_modes, a_new_terminal_has_the_usual_ones) {
    PtyPair p;
    KernelTermios t{};
    ASSERT_OK(ioctl(p.slave, TCGETS, &t));
    EXPECT_EQ(static_cast<unsigned>(ICRNL | IXON), t.iflag);
    EXPECT_EQ(static_cast<unsigned>(OPOST | ONLCR), t.oflag);
    EXPECT_EQ(static_cast<unsigned>(B38400 | CS8 | CREAD), t.cflag);
    EXPECT_EQ(static_cast<unsigned>(ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN), t.lflag);
    const unsigned char usual[17] = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0};
    EXPECT_EQ(0, memcmp(usual, t.cc, sizeof(usual)));
}
TEST(tty_modes, the_master_shows_and_sets_those_of_the_slave) {
    PtyPair p;
    termios t;
    ASSERT_OK(tcgetattr(p.master, &t));
    t.c_lflag &= ~ECHO;
    EXPECT_OK(tcsetattr(p.master, TCSANOW, &t));
    EXPECT_EQ(0u, p.modes().c_lflag & ECHO);
}
TEST(tty_modes, TCGETS2_has_speeds_and_TCSETS2_any) {
    PtyPair p;
    KernelTermios t{};
    ASSERT_OK(ioctl(p.slave, kTcgets2, &t));
    EXPECT_EQ(38400u, t.ispeed);
    EXPECT_EQ(38400u, t.ospeed);
    t.cflag = (t.cflag & ~CBAUD) | 010000; // BOTHER
    t.ospeed = t.ispeed = 12345;
    EXPECT_OK(ioctl(p.slave, kTcsets2, &t));
    KernelTermios back{};
    EXPECT_OK(ioctl(p.slave, kTcgets2, &back));
    EXPECT_EQ(12345u, back.ospeed);
}
TEST(tty_modes, termio_changes_the_low_halves) {
    PtyPair p;
    KernelTermio o{};
    ASSERT_OK(ioctl(p.slave, TCGETA, &o));
    EXPECT_EQ(3, o.cc[0]);
    o.lflag = static_cast<unsigned short>(o.lflag & ~ECHO);
    o.cc[0] = 1;
    EXPECT_OK(ioctl(p.slave, TCSETA, &o));
    EXPECT_EQ(0u, p.modes().c_lflag & ECHO);
    EXPECT_EQ(1, p.modes().c_cc[VINTR]);
    EXPECT_EQ(023, p.modes().c_cc[VSTOP]);
    EXPECT_OK(ioctl(p.slave, TCSETAW, &o));
    EXPECT_OK(ioctl(p.slave, TCSETAF, &o));
}
TEST(tty_modes, a_pty_has_eight_bits) {
    PtyPair p;
    termios t = p.modes();
    t.c_cflag = (t.c_cflag & ~(CSIZE | CREAD)) | CS5 | PARENB;
    p.set(t);
    EXPECT_EQ(static_cast<tcflag_t>(CS8 | CREAD), p.modes().c_cflag & (CSIZE | CREAD | PARENB));
}
TEST(tty_modes, locked_bits_stay) {
    PtyPair p;
    KernelTermios locked{};
    locked.lflag = ECHO;
    ASSERT_OK(ioctl(p.slave, TIOCSLCKTRMIOS, &locked));
    p.local(ECHO | ICANON);
    EXPECT_EQ(static_cast<tcflag_t>(ECHO), p.modes().c_lflag & (ECHO | ICANON));
    KernelTermios back{};
    EXPECT_OK(ioctl(p.slave, TIOCGLCKTRMIOS, &back));
    EXPECT_EQ(static_cast<unsigned>(ECHO), back.lflag);
}
TEST(tty_modes, EFAULT_for_bad_addresses) {
    PtyPair p;
    EXPECT_ERRNO(ioctl(p.slave, TCGETS, unmapped_address), EFAULT);
    EXPECT_ERRNO(ioctl(p.slave, TCSETS, unmapped_address), EFAULT);
    EXPECT_ERRNO(ioctl(p.slave, TIOCGWINSZ, kernel_address), EFAULT);
    EXPECT_ERRNO(ioctl(p.slave, TIOCSWINSZ, noncanonical_address), EFAULT);
}
TEST(tty_modes, ENOTTY_for_unknown_requests) {
    PtyPair p;
    EXPECT_ERRNO(ioctl(p.slave, 0x54ff, 0), ENOTTY);
    int n;
    EXPECT_ERRNO(ioctl(p.slave, TIOCMGET, &n), ENOTTY);
}
TEST(tty_line, erase_a_character) {
    PtyPair p;
    expect_line(p, "ab\177c\n", "ac\n");
    EXPECT_TRUE(p.shows("ab\b \bc\r\n"));
}
TEST(tty_line, erase_without_ECHOE_shows_the_key) {
    PtyPair p;
    p.local(ECHOE);
    expect_line(p, "ab\177c\n", "ac\n");
    EXPECT_TRUE(p.shows("ab^?c\r\n"));
}
TEST(tty_line, ECHOPRT_shows_what_was_erased) {
    PtyPair p;
    p.local(0, ECHOPRT);
    expect_line(p, "abc\177\177d\n", "ad\n");
    EXPECT_TRUE(p.shows("abc\\cb/d\r\n"));
}
TEST(tty_line, erase_a_word) {
    PtyPair p;
    expect_line(p, "one two!  \027x\n", "one x\n");
    EXPECT_TRUE(p.shows("one two!  \b \b\b \b\b \b\b \b\b \b\b \bx\r\n"));
}
TEST(tty_line, kill_the_line) {
    PtyPair p;
    expect_line(p, "abc\025d\n", "d\n");
    EXPECT_TRUE(p.shows("abc\b \b\b \b\b \bd\r\n"));
    p.local(ECHOKE);
    expect_line(p, "abc\025d\n", "d\n");
    EXPECT_TRUE(p.shows("abc^U\r\nd\r\n"));
}
TEST(tty_line, erase_a_tab_goes_back_to_where_it_began) {
    PtyPair p;
    expect_line(p, "ab\t\177c\n", "abc\n");
    EXPECT_TRUE(p.shows("ab\t\b\b\b\b\b\bc\r\n"));
}
TEST(tty_line, erase_a_control_character_takes_two_columns) {
    PtyPair p;
    expect_line(p, "\001\177\n", "\n");
    EXPECT_TRUE(p.shows("^A\b \b\b \b\r\n"));
}
TEST(tty_line, IUTF8_erases_whole_characters) {
    PtyPair p;
    p.input(0, IUTF8);
    expect_line(p, "a\xc3\xa4\xe2\x82\xac\177\177b\n", "ab\n");
    EXPECT_TRUE(p.shows("a\xc3\xa4\xe2\x82\xac\b \b\b \bb\r\n"));
    p.input(IUTF8);
    expect_line(p, "\xc3\xa4\177\n", "\xc3\n");
}
TEST(tty_line, reprint_shows_the_line_again) {
    PtyPair p;
    expect_line(p, "ab\022c\n", "abc\n");
    EXPECT_TRUE(p.shows("ab^R\r\nabc\r\n"));
}
TEST(tty_line, literal_next) {
    PtyPair p;
    EXPECT_TRUE(p.type("\026\003\026\177\026\n\n"));
    EXPECT_TRUE(p.reads("\003\177\n\n"));
    EXPECT_TRUE(p.shows("^\b^C^\b^?^\b^J\r\n"));
}
TEST(tty_line, end_of_file) {
    PtyPair p;
    expect_line(p, "\004", "");
    expect_line(p, "abc\004", "abc");
    EXPECT_TRUE(p.type("xyz\004more\n"));
    p.wait_input(8);
    EXPECT_TRUE(p.reads("xyz", 3)) << "the end is taken with the data even if the buffer is full";
    EXPECT_TRUE(p.reads("more\n"));
}
TEST(tty_line, EOL_and_EOL2_end_lines) {
    PtyPair p;
    termios t = p.modes();
    t.c_cc[VEOL] = ';';
    t.c_cc[VEOL2] = '.';
    p.set(t);
    EXPECT_TRUE(p.type("a;b.c\n"));
    EXPECT_TRUE(p.reads("a;"));
    EXPECT_TRUE(p.reads("b."));
    EXPECT_TRUE(p.reads("c\n"));
    EXPECT_TRUE(p.shows("a;b.c\r\n"));
}
TEST(tty_line, a_short_read_leaves_the_rest_of_the_line) {
    PtyPair p;
    p.type("abcdef\ng\n");
    p.wait_input(9);
    EXPECT_TRUE(p.reads("abc", 3));
    EXPECT_TRUE(p.reads("def\n"));
    EXPECT_TRUE(p.reads("g\n"));
}
TEST(tty_line, a_line_of_4095_bytes_is_the_longest) {
    PtyPair p;
    p.local(ECHO);
    char line[6000];
    memset(line, 'x', sizeof(line));
    EXPECT_TRUE(p.type(line, sizeof(line)));
    EXPECT_TRUE(p.type("\n"));
    char got[8192];
    EXPECT_EQ(4096, read(p.slave, got, sizeof(got)));
    EXPECT_EQ('\n', got[4095]);
}
TEST(tty_input, newlines_and_returns) {
    PtyPair p;
    expect_line(p, "a\r", "a\n");
    p.input(ICRNL, IGNCR);
    expect_line(p, "b\r\n", "b\n");
    p.input(IGNCR, INLCR);
    termios t = p.modes();
    t.c_cc[VEOL] = '\r';
    p.set(t);
    expect_line(p, "c\n", "c\r");
}
TEST(tty_input, ISTRIP_and_IUCLC) {
    PtyPair p;
    p.input(0, ISTRIP);
    expect_line(p, "\xe1\n", "a\n");
    p.input(ISTRIP, IUCLC);
    expect_line(p, "HeLLo\n", "hello\n");
}
TEST(tty_input, PARMRK_doubles_377) {
    PtyPair p;
    p.input(0, PARMRK);
    expect_line(p, "\xff\n", "\xff\xff\n");
}
TEST(tty_input, switching_to_raw_gives_what_is_there) {
    PtyPair p;
    p.type("abc");
    EXPECT_TRUE(p.shows("abc"));
    EXPECT_EQ(0, poll_events(p.slave, POLLIN));
    p.local(ICANON);
    EXPECT_TRUE(p.reads("abc"));
}
TEST(tty_echo, off_and_ECHONL) {
    PtyPair p;
    p.local(ECHO);
    expect_line(p, "secret\n", "secret\n");
    p.local(0, ECHONL);
    expect_line(p, "secret\n", "secret\n");
    p.print("$");
    EXPECT_TRUE(p.shows("\r\n$"));
}
TEST(tty_echo, without_ECHOCTL_controls_are_sent_as_they_are) {
    PtyPair p;
    p.local(ECHOCTL);
    expect_line(p, "\001\t\n", "\001\t\n");
    EXPECT_TRUE(p.shows("\001\t\r\n"));
}
TEST(tty_output, processing) {
    PtyPair p;
    p.print("a\tb\r\n");
    EXPECT_TRUE(p.shows("a\tb\r\r\n"));
    p.output(0, XTABS);
    p.print("a\tb\n");
    EXPECT_TRUE(p.shows("a       b\r\n"));
    p.output(ONLCR, OCRNL);
    p.print("x\ry");
    EXPECT_TRUE(p.shows("x\ny"));
    p.output(OCRNL, ONOCR | OLCUC);
    p.print("abc\r\rd");
    EXPECT_TRUE(p.shows("ABC\rD"));
    p.output(OPOST);
    p.print("a\tb\n");
    EXPECT_TRUE(p.shows("a\tb\n"));
}
TEST(tty_output, tabs_follow_the_column_of_echoes) {
    PtyPair p;
    p.output(0, XTABS);
    p.type("abc");
    EXPECT_TRUE(p.shows("abc"));
    p.print("\tx");
    EXPECT_TRUE(p.shows("     x"));
}
TEST(tty_raw, VMIN_waits_for_so_many) {
    PtyPair p;
    p.raw(3);
    p.type("ab");
    p.wait_input(2);
    EXPECT_EQ(0, poll_events(p.slave, POLLIN));
    p.type("c");
    EXPECT_EQ(POLLIN, poll_events(p.slave, POLLIN, 10000));
    EXPECT_TRUE(p.reads("abc"));
}
TEST(tty_raw, VMIN_is_met_by_a_small_buffer) {
    PtyPair p;
    p.raw(5);
    p.type("abcdef");
    EXPECT_TRUE(p.reads("ab", 2));
}
TEST(tty_raw, VMIN_0_does_not_wait) {
    PtyPair p;
    p.raw(0, 0);
    EXPECT_TRUE(p.reads(""));
    p.type("xy");
    p.wait_input(2);
    EXPECT_TRUE(p.reads("xy"));
}
TEST(tty_raw, VTIME_alone_is_a_time_limit) {
    PtyPair p;
    p.raw(0, 2);
    uint64_t start = now_ns();
    EXPECT_TRUE(p.reads(""));
    EXPECT_GE(now_ns() - start, 190000000u);
    p.raw(0, 255);
    p.type("a");
    EXPECT_TRUE(p.reads("a"));
}
TEST(tty_raw, VTIME_with_VMIN_runs_between_bytes) {
    PtyPair p;
    p.raw(10, 1);
    p.type("abc");
    EXPECT_TRUE(p.reads("abc"));
}
TEST(tty_raw, controls_are_data) {
    PtyPair p;
    p.raw();
    const char keys[] = "\003\032\004\021\023\026\r\n\377";
    p.type(keys);
    p.wait_input(9);
    EXPECT_TRUE(p.reads(keys));
}
TEST(tty_flow, stop_and_start_keys) {
    PtyPair p;
    p.type("\023x\n");
    p.wait_input(2);
    fcntl(p.slave, F_SETFL, O_RDWR | O_NONBLOCK);
    EXPECT_ERRNO(write(p.slave, "held", 4), EAGAIN);
    EXPECT_EQ(0, poll_events(p.slave, POLLOUT));
    p.type("\021");
    EXPECT_EQ(POLLOUT, poll_events(p.slave, POLLOUT, 10000));
    EXPECT_TRUE(p.shows("x\r\n"));
    p.print("free");
    EXPECT_TRUE(p.shows("free"));
}
TEST(tty_flow, any_key_starts_with_IXANY) {
    PtyPair p;
    p.local(ECHO);
    p.input(0, IXANY);
    p.type("\023");
    p.type("a\n");
    EXPECT_TRUE(p.reads("a\n"));
    EXPECT_EQ(POLLOUT, poll_events(p.slave, POLLOUT, 10000));
}
TEST(tty_flow, tcflow_stops_and_starts) {
    PtyPair p;
    EXPECT_OK(tcflow(p.slave, TCOOFF));
    fcntl(p.slave, F_SETFL, O_RDWR | O_NONBLOCK);
    EXPECT_ERRNO(write(p.slave, "x", 1), EAGAIN);
    p.local(ECHO);
    p.type("\021\n");
    EXPECT_TRUE(p.reads("\n"));
    EXPECT_ERRNO(write(p.slave, "x", 1), EAGAIN); // the start key does not undo TCOOFF
    EXPECT_OK(tcflow(p.slave, TCOON));
    p.print("go");
    EXPECT_TRUE(p.shows("go"));
    EXPECT_OK(tcflow(p.slave, TCIOFF));
    EXPECT_TRUE(p.shows("\023"));
    EXPECT_OK(tcflow(p.slave, TCION));
    EXPECT_TRUE(p.shows("\021"));
    EXPECT_ERRNO(tcflow(p.slave, 9), EINVAL);
}
TEST(tty_flow, clearing_IXON_starts_again) {
    PtyPair p;
    p.type("\023x\n");
    p.wait_input(2);
    p.input(IXON);
    EXPECT_EQ(POLLOUT, poll_events(p.slave, POLLOUT, 10000));
}
TEST(tty_flush, input_and_output) {
    PtyPair p;
    p.local(ECHO);
    p.type("gone\n");
    p.wait_input(5);
    EXPECT_OK(tcflush(p.slave, TCIFLUSH));
    int n = -1;
    EXPECT_OK(ioctl(p.slave, FIONREAD, &n));
    EXPECT_EQ(0, n);
    p.type("kept\n");
    EXPECT_TRUE(p.reads("kept\n"));
    EXPECT_OK(tcflush(p.slave, TCIOFLUSH));
    EXPECT_ERRNO(tcflush(p.slave, 7), EINVAL);
}
TEST(tty_flush, TCSAFLUSH_throws_input_away) {
    PtyPair p;
    p.local(ECHO);
    p.type("old\n");
    p.wait_input(4);
    termios t = p.modes();
    EXPECT_OK(tcsetattr(p.slave, TCSAFLUSH, &t));
    p.type("new\n");
    EXPECT_TRUE(p.reads("new\n"));
}
TEST(tty_drain, returns_though_nobody_reads) {
    PtyPair p;
    p.print("x");
    EXPECT_OK(tcdrain(p.slave));
    EXPECT_OK(tcsendbreak(p.slave, 0));
    int n = -1;
    EXPECT_OK(ioctl(p.slave, TIOCOUTQ, &n));
    EXPECT_EQ(0, n);
}
TEST(tty_count, FIONREAD_counts_whole_lines) {
    PtyPair p;
    p.type("ab\ncd");
    EXPECT_TRUE(p.shows("ab\r\ncd"));
    int n = -1;
    EXPECT_OK(ioctl(p.slave, FIONREAD, &n));
    EXPECT_EQ(3, n);
    p.type("\004");
    p.wait_input(5);
    EXPECT_OK(ioctl(p.slave, FIONREAD, &n));
    EXPECT_EQ(5, n);
    p.print("xyz");
    wait_until([&] { return ioctl(p.master, FIONREAD, &n) == 0 && n >= 3; });
    EXPECT_EQ(3, n);
}
TEST(tty_window, sizes_are_shared_by_both_ends) {
    PtyPair p;
    winsize w{};
    ASSERT_OK(ioctl(p.slave, TIOCGWINSZ, &w));
    EXPECT_EQ(0, w.ws_row);
    w = {33, 101, 7, 9};
    EXPECT_OK(ioctl(p.master, TIOCSWINSZ, &w));
    winsize v{};
    EXPECT_OK(ioctl(p.slave, TIOCGWINSZ, &v));
    EXPECT_EQ(0, memcmp(&w, &v, sizeof(w)));
}
TEST(tty_exclusive, the_flag_is_kept_and_root_may_open) {
    PtyPair p;
    int on = -1;
    EXPECT_OK(ioctl(p.slave, TIOCGEXCL, &on));
    EXPECT_EQ(0, on);
    EXPECT_OK(ioctl(p.slave, TIOCEXCL));
    EXPECT_OK(ioctl(p.slave, TIOCGEXCL, &on));
    EXPECT_EQ(1, on);
    Fd again(open(p.name(), O_RDWR | O_NOCTTY));
    EXPECT_TRUE(again.valid());
    chmod(p.name(), 0666);
    EXPECT_CHILD_OK([&] {
        CHECK(setresuid(1000, 1000, 1000) == 0);
        CHECK_ERRNO(open(p.name(), O_RDWR | O_NOCTTY), EBUSY);
        return 0;
    });
    EXPECT_OK(ioctl(p.slave, TIOCNXCL));
    EXPECT_CHILD_OK([&] {
        CHECK(setresuid(1000, 1000, 1000) == 0);
        CHECK(open(p.name(), O_RDWR | O_NOCTTY) >= 0);
        return 0;
    });
}
TEST(tty_discipline, is_N_TTY) {
    PtyPair p;
    int n = -1;
    EXPECT_OK(ioctl(p.slave, TIOCGETD, &n));
    EXPECT_EQ(0, n);
    EXPECT_OK(ioctl(p.slave, TIOCSETD, &n));
    n = 1000;
    EXPECT_ERRNO(ioctl(p.slave, TIOCSETD, &n), EINVAL);
}
TEST(tty_input, TIOCSTI_types_a_character) {
    PtyPair p;
    for (const char* c = "ab\n"; *c; ++c) {
        if (ioctl(p.slave, TIOCSTI, c) < 0) {
            EXPECT_EQ(EIO, errno); // dev.tty.legacy_tiocsti is 0
            return;
        }
    }
    EXPECT_TRUE(p.reads("ab\n"));
}
TEST(tty_number, TIOCGDEV_is_that_of_the_slave) {
    PtyPair p;
    unsigned a = 0, b = 0;
    EXPECT_OK(ioctl(p.slave, TIOCGDEV, &a));
    EXPECT_OK(ioctl(p.master, TIOCGDEV, &b));
    EXPECT_EQ(a, b);
    struct stat st;
    fstat(p.slave, &st);
    EXPECT_EQ(st.st_rdev, a);
}
TEST(tty_carrier, CLOCAL_by_TIOCSSOFTCAR) {
    PtyPair p;
    int on = 1;
    EXPECT_OK(ioctl(p.slave, TIOCSSOFTCAR, &on));
    EXPECT_NE(0u, p.modes().c_cflag & CLOCAL);
    on = 0;
    EXPECT_OK(ioctl(p.slave, TIOCSSOFTCAR, &on));
    EXPECT_OK(ioctl(p.slave, TIOCGSOFTCAR, &on));
    EXPECT_EQ(0, on);
}
TEST(tty_read, is_interrupted_by_a_signal) {
    PtyPair p;
    RepeatedAlarm alarm;
    char c;
    EXPECT_ERRNO(read(p.slave, &c, 1), EINTR);
    EXPECT_ERRNO(read(p.master, &c, 1), EINTR);
}
TEST(tty_write, lines_of_two_writers_are_not_mixed) {
    PtyPair p;
    p.raw();
    pid_t children[2];
    for (int k = 0; k < 2; ++k) {
        children[k] = start_child([&] {
            char line[1000];
            memset(line, 'a' + k, sizeof(line));
            for (int i = 0; i < 50; ++i) CHECK(write(p.slave, line, sizeof(line)) == sizeof(line));
            return 0;
        });
    }
    int mixed = 0;
    char line[1000];
    for (int i = 0; i < 100; ++i) {
        for (size_t n = 0; n < sizeof(line);) {
            ssize_t r = read(p.master, line + n, sizeof(line) - n);
            ASSERT_GT(r, 0);
            n += static_cast<size_t>(r);
        }
        for (char c : line) mixed += c != line[0];
    }
    EXPECT_EQ(0, mixed);
    for (pid_t c : children) EXPECT_EQ(0, wait_for(c));
}
