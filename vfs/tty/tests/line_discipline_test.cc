// The line discipline, as a user at a keyboard sees it.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "vfs/tty/control.h"
#include "vfs/tty/line_discipline.h"

namespace linnet {
namespace {

struct Screen final : LineDiscipline::Host {
    std::string shown;
    std::vector<int> signals;
    void screen(const u8* p, size_t n) override { shown.append(reinterpret_cast<const char*>(p), n); }
    void signal(int n) override { signals.push_back(n); }
    void discard_output() override {}
};

struct Tty : ::testing::Test {
    LineDiscipline d;
    Screen s;
    void type(const std::string& t) { d.receive(reinterpret_cast<const u8*>(t.data()), t.size(), s); }
    std::string read(size_t n = 100, bool* eof = nullptr) {
        std::string out(n, 0);
        LineDiscipline::ReadEnd end;
        out.resize(d.read(reinterpret_cast<u8*>(out.data()), n, &end));
        if (eof) *eof = end == LineDiscipline::ReadEnd::EndOfFile;
        return out;
    }
    void change(u32 clear, u32 set = 0) {
        abi::Termios t = d.termios();
        t.lflag = (t.lflag & ~clear) | set;
        d.set_termios(t, s);
    }
};

TEST_F(Tty, ALineIsReadOnceItIsWhole) {
    type("ab");
    EXPECT_FALSE(d.readable());
    type("c\r");
    EXPECT_TRUE(d.readable());
    EXPECT_EQ(4u, d.available());
    EXPECT_EQ("abc\n", read());
    EXPECT_EQ("abc\r\n", s.shown);
}

TEST_F(Tty, OneReadIsOneLine) {
    type("one\ntwo\n");
    EXPECT_EQ("one\n", read());
    EXPECT_EQ("tw", read(2));
    EXPECT_EQ("o\n", read());
}

TEST_F(Tty, ErasingACharacter) {
    type("ab\x7f" "c\n");
    EXPECT_EQ("ac\n", read());
    EXPECT_EQ("ab\b \bc\r\n", s.shown);
}

TEST_F(Tty, ErasingAtTheStartDoesNothing) {
    type("\x7f\x7fz\n");
    EXPECT_EQ("z\n", read());
}

TEST_F(Tty, ErasingAWordAndALine) {
    type("one two  \x17x\n");
    EXPECT_EQ("one x\n", read());
    type("abc\x15" "d\n");
    EXPECT_EQ("d\n", read());
}

TEST_F(Tty, ErasingAControlCharacterTakesTwoColumns) {
    type("\x01\x7f\n");
    EXPECT_EQ("^A\b \b\b \b\r\n", s.shown);
}

TEST_F(Tty, ErasingUtf8TakesTheWholeCharacter) {
    abi::Termios t = d.termios();
    t.iflag |= IUTF8;
    d.set_termios(t, s);
    type("a\xc3\xa4\x7f" "b\n");
    EXPECT_EQ("ab\n", read());
}

TEST_F(Tty, EndOfFileOnAnEmptyLine) {
    bool eof = false;
    type("\x04");
    EXPECT_TRUE(d.readable());
    EXPECT_EQ("", read(10, &eof));
    EXPECT_TRUE(eof);
    EXPECT_FALSE(d.readable()) << "the end is read once";
}

TEST_F(Tty, EndOfFileAfterTextEndsTheReadOnly) {
    bool eof = true;
    type("abc\x04");
    EXPECT_EQ("abc", read(10, &eof));
    EXPECT_FALSE(eof);
    EXPECT_FALSE(d.readable());
}

TEST_F(Tty, InterruptThrowsTheLineAway) {
    type("abc\x03");
    EXPECT_EQ(std::vector<int>{2}, s.signals);
    EXPECT_EQ("abc^C", s.shown);
    type("d\n");
    EXPECT_EQ("d\n", read());
    type("\x1a\x1c");
    EXPECT_EQ((std::vector<int>{2, 20, 3}), s.signals);
}

TEST_F(Tty, LiteralNextTakesTheSignalAway) {
    type("\x16\x03\n");
    EXPECT_TRUE(s.signals.empty());
    EXPECT_EQ("\x03\n", read());
}

TEST_F(Tty, RawModeGivesEveryByte) {
    change(ICANON | ECHO | ISIG);
    type("a\x03");
    EXPECT_TRUE(d.readable());
    EXPECT_EQ("a\x03", read());
    EXPECT_EQ("", s.shown);
}

TEST_F(Tty, MinimumOfRawMode) {
    abi::Termios t = d.termios();
    t.lflag &= ~u32(ICANON);
    t.cc[VMIN] = 3;
    d.set_termios(t, s);
    type("ab");
    EXPECT_FALSE(d.readable());
    type("c");
    EXPECT_TRUE(d.readable());
}

TEST_F(Tty, TypedAheadSurvivesTheSwitchToRawAndBack) {
    type("abc");
    change(ICANON);
    EXPECT_TRUE(d.readable());
    type("d");
    change(0, ICANON);
    EXPECT_EQ("abcd", read());
}

TEST_F(Tty, ALineTooLongCanStillBeEnded) {
    type(std::string(10000, 'x'));
    EXPECT_FALSE(d.readable());
    type("\n");
    ASSERT_TRUE(d.readable());
    std::string all;
    while (d.readable()) all += read(4096);
    EXPECT_EQ(4096u, all.size());
    EXPECT_EQ('\n', all.back());
}

TEST_F(Tty, StopAndStart) {
    type("\x13");
    EXPECT_TRUE(d.stopped());
    type("\x11");
    EXPECT_FALSE(d.stopped());
    EXPECT_FALSE(d.readable());
}

TEST_F(Tty, OutputProcessing) {
    u8 out[64];
    size_t used;
    const char text[] = "a\tb\n";
    size_t n = d.process_output(reinterpret_cast<const u8*>(text), 4, out, sizeof out, &used);
    EXPECT_EQ(4u, used);
    EXPECT_EQ("a\tb\r\n", std::string(reinterpret_cast<char*>(out), n));
    n = d.process_output(reinterpret_cast<const u8*>(text), 4, out, 9, &used);
    EXPECT_LE(n, 9u);
    EXPECT_LT(used, 4u);
}

TEST_F(Tty, RandomKeysAndModes) {
    std::mt19937 random(3);
    for (int i = 0; i < 300000; ++i) {
        u8 c = random() % 3 ? u8(random() % 40) : u8(random());
        d.receive(&c, 1, s);
        if (random() % 50 == 0) {
            abi::Termios t = d.termios();
            t.lflag = u32(random());
            t.iflag = u32(random());
            t.oflag = u32(random());
            d.set_termios(t, s);
        }
        if (random() % 8 == 0) read(random() % 300 + 1);
        if (random() % 1000 == 0) d.flush_input();
        ASSERT_LE(d.available(), LineDiscipline::kBufferBytes);
        s.shown.clear();
    }
}

TEST(ControlLine, Commands) {
    auto parse = [](const std::string& t) { return parse_control_line(t.data(), t.size()); };
    EXPECT_EQ(ControlLine::Signal, parse("signal 15").kind);
    EXPECT_EQ(15u, parse("signal 15").a);
    EXPECT_EQ(ControlLine::Eof, parse("eof 0").kind);
    EXPECT_EQ(12345678901u, parse("eof 12345678901").a);
    EXPECT_EQ(ControlLine::Gaps, parse("gaps 7").kind);
    EXPECT_EQ(7u, parse("gaps 7").a);
    auto w = parse("winsize 50 132");
    EXPECT_EQ(ControlLine::WindowSize, w.kind);
    EXPECT_EQ(132u, w.b);
    for (const char* bad : {"", "signal", "signal ", "signal 0", "signal 65", "signal 1 2", "signal  1", "eof -1", "eof x",
                            "eof 99999999999999999999999", "gaps", "gaps x", "gaps 1 2", "winsize 1", "winsize 1 70000", "reboot", "signal 9\r"})
        EXPECT_EQ(ControlLine::Unknown, parse(bad).kind) << bad;
}

} // namespace
} // namespace linnet
