// The console as a real terminal (boot option `tty`): line discipline over a device, one controlling session.
#pragma once

#include "kernel/dev/device.h"
#include "kernel/sync/spinlock.h"
#include "kernel/sync/wait_queue.h"
#include "vfs/path_file.h"
#include "vfs/tty/line_discipline.h"

namespace linnet {

class Terminal : NoCopy {
  public:
    explicit Terminal(CharDevice& device);

    /// As File's. The calling task's process group decides about SIGTTIN and SIGTTOU.
    Result<size_t> read(IoVector& to, bool nonblock);
    Result<size_t> write(IoVector& from, bool nonblock);
    u32 poll(PollTable* table);
    Result<i64> ioctl(u32 command, u64 arg);
    i64 bytes_available();

    /// The leader of `session` gives the terminal up or ends: it is nobody's, and its foreground group gets SIGHUP and SIGCONT.
    void leave_session(i32 session);

    /// Deferred context: the host's control lines.
    void set_size(u16 rows, u16 columns);
    void hang_up();
    i32 foreground_group() const { return foreground_.load(std::memory_order_relaxed); }
    /// The session whose controlling terminal this is; 0: none.
    i32 session() const { return session_.load(std::memory_order_relaxed); }
    void set_session(i32 session, i32 group) {
        session_ = session;
        foreground_ = group;
    }

  private:
    /// Signals are sent after the lock is released.
    struct Signals { int numbers[4]; u32 count = 0; };
    class Effects;
    void device_event();
    void flush_output() REQUIRES(lock_);
    void send(const Signals& s);
    Result<void> check_background(int signal);
    bool output_room() const REQUIRES(lock_) { return pending_count_ + 512 <= kPendingBytes; }
    Result<void> set_modes(const abi::Termios& t, bool drain, bool flush);

    static constexpr u32 kPendingBytes = 4096;
    CharDevice& device_;
    SpinLock<Rank::MiscSpin> lock_;
    LineDiscipline discipline_ GUARDED_BY(lock_);
    u8 pending_[kPendingBytes] GUARDED_BY(lock_); // ready for the screen, the device had no room
    u32 pending_first_ GUARDED_BY(lock_) = 0, pending_count_ GUARDED_BY(lock_) = 0;
    abi::Winsize size_ GUARDED_BY(lock_){24, 80, 0, 0};
    std::atomic<bool> hung_up_{false};
    std::atomic<i32> session_{0}, foreground_{0};
    WaitQueue readers_, writers_;
};

/// The console terminal; null without option `tty`.
Terminal* console_terminal();
void set_console_terminal(Terminal* t);
/// An open file of it.
Result<Ref<File>> open_terminal(Terminal& t, const Location& where, u32 flags);

} // namespace linnet
