// The terminal line discipline N_TTY: editing, echo, signal characters, output processing. Pure: no locks, no devices; the caller
// serialises. Source: termios(3), ioctl_tty(2).
#pragma once

#include "kernel/lib/types.h"
#include "linux-abi/termios.h"

namespace linnet {

class LineDiscipline {
  public:
    /// Where effects go, during receive() and set_termios().
    class Host {
      public:
        /// Bytes for the screen, output processing done.
        virtual void screen(const u8* p, size_t n) = 0;
        virtual void signal(int number) = 0;
        /// Input and output not yet taken were thrown away (a signal character without NOFLSH).
        virtual void discard_output() = 0;
        /// stopped() changed.
        virtual void flow_changed(bool stopped) { (void)stopped; }

      protected:
        ~Host() = default;
    };
    static constexpr u32 kBufferBytes = 4096;

    LineDiscipline();
    const abi::Termios& termios() const { return termios_; }
    void set_termios(const abi::Termios& t, Host& host);

    /// Characters typed.
    void receive(const u8* p, size_t n, Host& host);
    /// How many more characters receive() can take; the rest should stay with the sender. A line that is too long does not hold the sender
    /// back: its end, and ^C, must be seen. What is beyond the buffer is thrown away.
    u32 input_room() const {
        u32 room = kBufferBytes - (head_ - tail_);
        return room == 0 && canonical() && committed_ == tail_ ? 1 : room;
    }

    /// A read of at least one byte would not sleep.
    bool readable() const;
    enum class ReadEnd {
        None,     // more of the line may follow, or there was none
        Line,     // the line ends here
        EndOfFile // no line: the end of file was typed
    };
    /// Up to n > 0 bytes for read(2). Canonical mode: at most to the end of a line, which *end tells.
    size_t read(u8* to, size_t n, ReadEnd* end);
    /// Bytes for FIONREAD.
    u32 available() const;
    /// There is anything to read, a mere end of file too, whatever VMIN says.
    bool has_input() const { return committed_ != tail_; }
    void flush_input();
    /// Lines are read as a whole.
    bool canonical() const { return (termios_.lflag & (ICANON | EXTPROC)) == ICANON; }

    /// ^S was typed, or TCOOFF called: no output until ^Q, or TCOON.
    bool stopped() const { return stopped_ || stopped_by_call_; }
    /// tcflow(3): what TCOOFF stopped only TCOON starts.
    void stop_by_call(bool on, Host& host);

    /// Output processing of a program's bytes: consumes up to n bytes into at most `room` bytes; the bytes made.
    size_t process_output(const u8* from, size_t n, u8* to, size_t room, size_t* consumed);

  private:
    bool on(u32 flag) const { return termios_.lflag & flag; }
    bool is_cc(u8 c, int index) const { return c != 0 && termios_.cc[index] == c; }
    bool continues_character(u8 c) const { return (termios_.iflag & IUTF8) && (c & 0xc0) == 0x80; }
    void set_stopped(bool by_key, bool by_call, Host& host);
    void receive_one(u8 c, Host& host);
    bool take_special(u8 c, Host& host);
    bool take_editing(u8 c, Host& host);
    void take_literally(u8 c, bool quoted, Host& host);
    void put(u8 c, bool ends_line, bool is_eof, Host& host);
    void erase(u8 c, Host& host);
    void show_erased(u8 key, u32 start, u32 end, Host& host);
    void finish_erasing(Host& host);
    void echo(u8 c, Host& host);
    void echo_raw(u8 c, Host& host);
    u32 output_one(u8 c, u8* to); // at most 8 bytes
    void set_mark(u32 i, bool line_end, bool eof);
    bool mark(const u64* bits, u32 i) const { return bits[i % kBufferBytes / 64] >> (i % 64) & 1; }

    abi::Termios termios_;
    u8 buffer_[kBufferBytes];
    u64 line_ends_[kBufferBytes / 64] = {}; // last character of a line
    u64 eofs_[kBufferBytes / 64] = {};      // not a character but an end of file (also a line end)
    u32 tail_ = 0, committed_ = 0, head_ = 0; // free-running; committed_: end of the last whole line
    u32 column_ = 0, line_column_ = 0;        // of the cursor; where the line being edited began
    bool literal_next_ = false;
    bool erasing_ = false; // ECHOPRT: within \.../
    bool stopped_ = false, stopped_by_call_ = false;
};

} // namespace linnet
