// Pseudo terminals: a terminal whose other end is a program that holds the master. Source: pty(7), ioctl_tty(2).
#pragma once

#include "kernel/lib/list.h"
#include "vfs/tty/terminal.h"

namespace linnet {

class DevptsSuperblock;

/// The pair. The Terminal is the slave's side; output that is pending there is what the master reads.
class Pty final : public Terminal {
  public:
    Pty(Ref<DevptsSuperblock> instance, u32 number, u64 serial_number);
    ~Pty() override;

    // --- the master's side ---
    Result<size_t> master_read(IoVector& to, bool nonblock);
    Result<size_t> master_write(IoVector& from, bool nonblock);
    u32 master_poll(PollTable* table);
    /// What concerns the pair; the descriptor of TIOCGPTPEER is the file's business. ENOTTY
    Result<i64> master_ioctl(u32 command, u64 arg);
    i64 master_bytes_available();
    /// The master's last reference went: the terminal hangs up, and can't be opened any more.
    void master_closed();

    void file_opened() override;
    void file_closed() override;
    Result<void> check_open() override;
    bool locked() const { return locked_by_master_; }

    const u32 index;  // /dev/pts/INDEX
    const u64 serial; // tells it from others that had the index
    ListNode instance_node; // guarded by the instance's lock
    /// What /dev/pts/INDEX is: keeps owner and mode. Set once, before the pair is found by others.
    Ref<Inode> inode;
    /// False once the master is closed: the name is gone.
    bool has_name() const { return !master_gone_; }

  private:
    void push_output() override REQUIRES(lock_) {}
    u32 unsent_bytes() override REQUIRES(lock_) { return 0; } // written is sent: the master has it
    void flow_changed(bool stopped) override REQUIRES(lock_);
    void input_flushed() override REQUIRES(lock_);
    /// As on Linux, where the master's own line discipline has taken up to a buffer of it.
    u32 output_taken_over() const override { return LineDiscipline::kBufferBytes - 1; }
    void output_flushed() override REQUIRES(lock_);
    void drop_incoming() override REQUIRES(lock_) { incoming_count_ = 0; }
    bool other_end_gone() const override { return master_gone_; }
    void modes_changed(const abi::Termios& old) override REQUIRES(lock_);
    void adjust_modes(abi::Termios& wanted) override;
    void output_made() override { master_readers_.wake_all(kPollIn | kPollRdNorm | kPollPri); }
    void input_room_made() override;
    void pump(Effects& effects) REQUIRES(lock_);
    void note(int clear, int set) REQUIRES(lock_);
    /// What the master may take: nothing that came after ^S.
    u32 takeable() const REQUIRES(lock_) {
        return discipline_.stopped() && stopped_at_ < pending_count_ ? stopped_at_ : pending_count_;
    }

    static constexpr u32 kIncomingBytes = 8192;
    const Ref<DevptsSuperblock> instance_;
    WaitQueue master_readers_, master_writers_;
    u8 incoming_[kIncomingBytes] GUARDED_BY(lock_); // written by the master, no room in the line discipline
    u32 incoming_first_ GUARDED_BY(lock_) = 0, incoming_count_ GUARDED_BY(lock_) = 0;
    u32 stopped_at_ GUARDED_BY(lock_) = 0;
    bool packet_mode_ GUARDED_BY(lock_) = false;
    u8 packet_status_ GUARDED_BY(lock_) = 0;
    std::atomic<u32> slave_files_{0};
    std::atomic<bool> was_opened_{false};
    /// The last slave was closed, and none opened since.
    bool slave_gone() const { return was_opened_ && slave_files_ == 0; }
    std::atomic<bool> locked_by_master_{true};   // until unlockpt(3)
    std::atomic<bool> master_gone_{false};
};

/// /dev/ptmx and PTS/ptmx.
Result<Ref<File>> open_ptmx(const Location& where, u32 flags);

} // namespace linnet
