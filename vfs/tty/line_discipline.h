// The terminal line discipline N_TTY: editing, echo, signal characters, output processing. Pure: no locks, no devices; the caller
// serialises. Source: termios(3).
#pragma once

#include "kernel/lib/types.h"
#include "linux-abi/termios.h"

namespace linnet {

class LineDiscipline {
  public:
    /// Where effects go, during receive().
    class Host {
      public:
        /// Bytes for the screen, output processing done.
        virtual void screen(const u8* p, size_t n) = 0;
        virtual void signal(int number) = 0;
        /// Output not yet shown is thrown away (a signal character without NOFLSH).
        virtual void discard_output() = 0;

      protected:
        ~Host() = default;
    };
    static constexpr u32 kBufferBytes = 4096;

    LineDiscipline();
    const abi::Termios& termios() const { return termios_; }
    void set_termios(const abi::Termios& t);

    /// Characters typed.
    void receive(const u8* p, size_t n, Host& host);
    /// Room for more input; the rest should stay in the device.
    u32 input_room() const { return kBufferBytes - (head_ - tail_); }

    /// A read of at least one byte would not sleep.
    bool readable() const;
    /// The bytes of one read(2) of up to n > 0 bytes. Canonical mode: at most a line; 0 with *end_of_file is the end of file.
    /// Without input: 0 and *end_of_file false.
    size_t read(u8* to, size_t n, bool* end_of_file);
    /// Bytes for FIONREAD.
    u32 available() const;
    void flush_input();
    /// ^S was typed, or TCOOFF called: no output until ^Q.
    bool stopped() const { return stopped_; }
    void set_stopped(bool on) { stopped_ = on; }

    /// Output processing of a program's bytes: consumes up to n bytes into at most `room` bytes; the bytes made.
    size_t process_output(const u8* from, size_t n, u8* to, size_t room, size_t* consumed);

  private:
    bool on(u32 flag) const { return termios_.lflag & flag; }
    bool is_cc(u8 c, int index) const { return c != 0 && termios_.cc[index] == c; }
    void receive_one(u8 c, Host& host);
    void put(u8 c, bool ends_line, bool is_eof, Host& host);
    void erase(u8 c, Host& host);
    void erase_last_shown(Host& host);
    void echo(u8 c, Host& host);
    void echo_raw(u8 c, Host& host);
    u32 shown_width(u8 c) const;
    u32 output_one(u8 c, u8* to); // at most 8 bytes
    void set_mark(u32 i, bool line_end, bool eof);
    bool mark(const u64* bits, u32 i) const { return bits[i % kBufferBytes / 64] >> (i % 64) & 1; }

    abi::Termios termios_;
    u8 buffer_[kBufferBytes];
    u64 line_ends_[kBufferBytes / 64] = {}; // last character of a line
    u64 eofs_[kBufferBytes / 64] = {};      // not a character but an end of file (also a line end)
    u32 tail_ = 0, committed_ = 0, head_ = 0; // free-running; committed_: end of the last whole line
    u32 column_ = 0, line_column_ = 0;        // of the cursor; where the line being edited began
    bool literal_next_ = false, stopped_ = false;
};

} // namespace linnet
