// A terminal as programs see it: line discipline, waiting, job control, ioctls. Below it is a device (Console) or the other end of a pair (Pty).
#pragma once

#include "kernel/sync/spinlock.h"
#include "kernel/sync/wait_queue.h"
#include "vfs/path_file.h"
#include "vfs/tty/line_discipline.h"

namespace linnet {

class Process;

class Terminal : public RefCounted {
  public:
    /// As File's, for a file opened in hang-up generation `opened`. The calling task's process group decides about SIGTTIN and SIGTTOU.
    Result<size_t> read(IoVector& to, bool nonblock, u32 opened);
    Result<size_t> write(IoVector& from, bool nonblock, u32 opened);
    u32 poll(PollTable* table, u32 opened);
    Result<i64> bytes_available(u32 opened);
    /// ioctl(2) of a file of the terminal itself.
    Result<i64> ioctl(File& file, u32 command, u64 arg, u32 opened);
    /// The requests that mean the same at both ends of a pair. ENOTTY: none of them. `self`: by the terminal's own side.
    Result<i64> mode_ioctl(u32 command, u64 arg, bool self);

    /// Of open files, which tell when they were opened and closed.
    virtual void file_opened() {}
    virtual void file_closed() {}
    u32 generation() const { return generation_.load(std::memory_order_acquire); }
    /// open(2) is refused: EBUSY (TIOCEXCL), EIO.
    virtual Result<void> check_open();

    // --- sessions (job_control.cc) ---
    /// open(2) without O_NOCTTY: becomes the controlling terminal of a session leader that has none, if it is nobody's.
    void acquire_at_open();
    void set_session(i32 session, i32 group); // process_lock is held
    i32 foreground_group() const { return foreground_.load(std::memory_order_relaxed); }
    i32 session() const { return session_.load(std::memory_order_relaxed); }
    /// Hangs up: every open file is at its end, the session has no terminal any more, its leader gets SIGHUP and SIGCONT. No lock held; the
    /// caller holds a reference.
    void hang_up();
    void signal_foreground(int signal);

    /// The window's size; SIGWINCH to the foreground group if it changed.
    void set_size(const abi::Winsize& size);

    const u64 rdev; // of /proc/PID/stat and TIOCGDEV

  protected:
    explicit Terminal(u64 device_number) : rdev(device_number) {}
    /// Signals are sent after the lock is released.
    struct Signals { int numbers[4]; u32 count = 0; };
    class Effects;
    /// Characters from the other side into the line discipline. What to do after the lock is released is in `effects`.
    void receive(const u8* p, size_t n, Effects& effects) REQUIRES(lock_);
    void after_input(Effects& effects);
    bool hung_up(u32 opened) const { return generation() != opened; }

    // What is below. With lock_ held:
    virtual void push_output() REQUIRES(lock_) = 0;         // pending_ has bytes
    virtual u32 unsent_bytes() REQUIRES(lock_) = 0;         // that tcdrain waits for
    virtual void flow_changed(bool) REQUIRES(lock_) {}      // ^S, ^Q
    virtual void input_flushed() REQUIRES(lock_) {}
    virtual u32 output_taken_over() const { return 0; } // bytes of pending_ that tcflush does not reach any more
    virtual void output_flushed() REQUIRES(lock_) {}
    virtual void drop_incoming() REQUIRES(lock_) {} // what has not reached the line discipline yet (tcflush)
    virtual void modes_changed(const abi::Termios& old) REQUIRES(lock_) { (void)old; }
    virtual void adjust_modes(abi::Termios& wanted) { (void)wanted; } // to what the device can do
    // Without it:
    virtual void output_made() {}       // whoever takes output may do so
    virtual void input_room_made() = 0; // the line discipline has room again
    virtual bool other_end_gone() const { return false; }

    bool output_room() const REQUIRES(lock_) { return pending_count_ + kOutputPiece <= kPendingBytes && !discipline_.stopped(); }
    void flush_output() REQUIRES(lock_);

    static constexpr u32 kPendingBytes = 8192, kOutputPiece = 512;
    SpinLock<Rank::MiscSpin> lock_;
    LineDiscipline discipline_ GUARDED_BY(lock_);
    u8 pending_[kPendingBytes] GUARDED_BY(lock_); // processed output that nobody has taken yet
    u32 pending_first_ GUARDED_BY(lock_) = 0, pending_count_ GUARDED_BY(lock_) = 0;
    abi::Winsize size_ GUARDED_BY(lock_){};
    std::atomic<bool> input_ended_{false}; // nothing more will be typed: reads are at the end of file
    WaitQueue readers_, writers_;

  private:
    Result<void> check_background(int signal);
    Result<void> begin_write(bool nonblock, u32 opened);
    void end_write();
    Result<void> write_piece(const u8* bytes, size_t n, size_t& done, bool nonblock, u32 opened);
    Result<void> drain();
    Result<void> set_modes(const abi::Termios& t, bool drain_first, bool flush);
    Result<i64> set_modes_ioctl(u32 command, u64 arg);
    Result<i64> get_modes_ioctl(u32 command, u64 arg);
    Result<i64> flow_ioctl(u32 command, u64 arg);
    Result<i64> session_ioctl(u32 command, u64 arg, bool self);
    Result<i64> take_session(u64 steal, bool readable);
    Result<i64> simulate_input(u64 arg);
    void flush_input() REQUIRES(lock_);

    abi::Termios locked_ GUARDED_BY(lock_){}; // bits that TIOCSLCKTRMIOS keeps
    u32 other_speed_ GUARDED_BY(lock_) = 38400; // of BOTHER
    std::atomic<bool> writing_{false};          // one write at a time: lines are not torn
    std::atomic<bool> exclusive_{false};
    std::atomic<u32> generation_{1};            // counts hang-ups
    std::atomic<i32> session_{0}, foreground_{0}; // written under process_lock
};

/// What the line discipline causes while input is taken in; the terminal's lock is held.
class Terminal::Effects final : public LineDiscipline::Host {
  public:
    explicit Effects(Terminal& t) : terminal(t) {}
    void screen(const u8* p, size_t n) override;
    void signal(int number) override {
        for (u32 i = 0; i < signals.count; ++i)
            if (signals.numbers[i] == number) return;
        signals.numbers[signals.count++] = number; // there are three
    }
    void discard_output() override;
    void flow_changed(bool stopped) override;
    Terminal& terminal;
    Signals signals;
};

/// An open file of a terminal.
class TerminalFile final : public DeviceFile {
  public:
    TerminalFile(Ref<Terminal> t, const Location& where, u32 flags)
        : DeviceFile(where, flags), terminal_(std::move(t)), opened_(terminal_->generation()) {
        terminal_->file_opened();
    }
    ~TerminalFile() override { terminal_->file_closed(); }
    Result<size_t> read(IoVector& to, u64&, bool nonblock) override { return terminal_->read(to, nonblock, opened_); }
    Result<size_t> write(IoVector& from, u64&, bool nonblock) override { return terminal_->write(from, nonblock, opened_); }
    u32 poll(PollTable* table) override { return terminal_->poll(table, opened_); }
    Result<i64> ioctl(u32 command, u64 arg) override { return terminal_->ioctl(*this, command, arg, opened_); }
    Result<i64> bytes_available() override { return terminal_->bytes_available(opened_); }
    bool seekable() const override { return false; }
    Result<u64> seek(i64, int) override { return ESPIPE; }

  private:
    const Ref<Terminal> terminal_;
    const u32 opened_;
};

/// An open file of it; takes the terminal as the controlling one where open(2) would. EBUSY, EIO, ENOMEM
Result<Ref<File>> open_terminal(Ref<Terminal> t, const Location& where, u32 flags, bool may_acquire);

/// The controlling terminal of a process; null. No lock held.
Ref<Terminal> controlling_terminal(Process& p);
/// TIOCNOTTY, setsid, and the end of a session leader (`at_exit`): the session's terminal is nobody's, its foreground group gets SIGHUP (and
/// SIGCONT). Nothing if `leader` leads no session.
void leave_terminal(Process& leader, bool at_exit);
/// vhangup(2): the calling process's terminal.
void hang_up_own_terminal();
/// /dev/tty.
Result<Ref<File>> open_controlling_terminal(const Location& where, u32 flags);

} // namespace linnet
