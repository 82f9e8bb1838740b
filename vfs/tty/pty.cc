#include "vfs/tty/pty.h"

#include "kernel/mm/user.h"
#include "kernel/task/signal.h"
#include "vfs/tty/devpts.h"

namespace linnet {

Pty::Pty(Ref<DevptsSuperblock> instance, u32 number, u64 serial_number)
    : Terminal(abi::make_dev(136, number)), index(number), serial(serial_number), instance_(std::move(instance)) {}

Pty::~Pty() { instance_->remove(*this); }

// --- what the terminal tells its other end ---

/// The status that packet mode reports.
void Pty::note(int clear, int set) {
    if (!packet_mode_) return;
    packet_status_ = u8((packet_status_ & ~clear) | set);
}

void Pty::flow_changed(bool stopped) {
    stopped_at_ = pending_count_;
    if (stopped) note(TIOCPKT_START, TIOCPKT_STOP);
    else note(TIOCPKT_STOP, TIOCPKT_START);
}

void Pty::input_flushed() { note(0, TIOCPKT_FLUSHREAD); }

void Pty::output_flushed() {
    if (stopped_at_ > pending_count_) stopped_at_ = pending_count_;
    note(0, TIOCPKT_FLUSHWRITE);
}

void Pty::adjust_modes(abi::Termios& wanted) {
    wanted.cflag &= ~u32(CSIZE | PARENB);
    wanted.cflag |= CS8 | CREAD;
}

void Pty::modes_changed(const abi::Termios& old) {
    const abi::Termios& now = discipline_.termios();
    auto usual_flow = [](const abi::Termios& t) { return (t.iflag & IXON) && t.cc[VSTOP] == 023 && t.cc[VSTART] == 021; };
    if (usual_flow(old) != usual_flow(now))
        note(TIOCPKT_DOSTOP | TIOCPKT_NOSTOP, usual_flow(now) ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP);
    if ((old.lflag | now.lflag) & EXTPROC) note(0, TIOCPKT_IOCTL);
}

void Pty::pump(Effects& effects) {
    while (incoming_count_) {
        u32 n = discipline_.input_room();
        if (n > kIncomingBytes - incoming_first_) n = kIncomingBytes - incoming_first_;
        if (n > incoming_count_) n = incoming_count_;
        if (n == 0) return;
        const u32 first = incoming_first_;
        incoming_first_ = (incoming_first_ + n) % kIncomingBytes;
        incoming_count_ -= n;
        receive(incoming_ + first, n, effects);
    }
}

void Pty::input_room_made() {
    Effects effects(*this);
    {
        SpinGuard guard(lock_);
        if (incoming_count_ == 0) return;
        pump(effects);
    }
    after_input(effects);
    master_writers_.wake_all(kPollOut | kPollWrNorm);
}

// --- the slave's files ---

Result<void> Pty::check_open() {
    if (locked_by_master_ || master_gone_) return EIO;
    return Terminal::check_open();
}

void Pty::file_opened() {
    slave_files_.fetch_add(1);
    was_opened_ = true;
}

void Pty::file_closed() {
    if (slave_files_.fetch_sub(1) != 1) return;
    master_readers_.wake_all(kPollIn | kPollHup);
    master_writers_.wake_all(kPollOut | kPollHup);
}

// --- the master ---

void Pty::master_closed() {
    master_gone_ = true;
    hang_up();
}

Result<size_t> Pty::master_read(IoVector& to, bool nonblock) {
    if (to.remaining() == 0) return size_t{0};
    size_t done = 0;
    for (;;) {
        u8 bytes[512];
        size_t n = 0;
        {
            SpinGuard guard(lock_);
            const size_t room = to.remaining() < sizeof bytes ? to.remaining() : sizeof bytes;
            if (done == 0 && packet_mode_ && packet_status_) {
                bytes[n++] = std::exchange(packet_status_, u8(0));
            } else if (u32 have = takeable()) {
                if (done == 0 && packet_mode_) bytes[n++] = TIOCPKT_DATA;
                for (; n < room && have; --have) {
                    bytes[n++] = pending_[pending_first_];
                    pending_first_ = (pending_first_ + 1) % kPendingBytes;
                    --pending_count_;
                    if (stopped_at_) --stopped_at_;
                }
            }
        }
        if (n) {
            writers_.wake_all(kPollOut | kPollWrNorm);
            size_t copied = to.copy_out(bytes, n);
            done += copied;
            if (copied < n) return done ? Result<size_t>(done) : Result<size_t>(EFAULT);
            const bool status_alone = done == 1 && bytes[0] != TIOCPKT_DATA && n == 1;
            if (n == sizeof bytes && to.remaining() && !status_alone) continue;
        }
        if (done) return done;
        if (slave_gone()) return EIO;
        if (nonblock) return EAGAIN;
        WaitResult w = wait_until(master_readers_, [&] {
            SpinGuard guard(lock_);
            return takeable() || (packet_mode_ && packet_status_) || slave_gone();
        });
        if (w != WaitResult::Ready) return kRestartSys;
    }
}

Result<size_t> Pty::master_write(IoVector& from, bool nonblock) {
    size_t done = 0;
    while (from.remaining()) {
        u8 bytes[256];
        size_t n = from.copy_in(bytes, sizeof bytes < from.remaining() ? sizeof bytes : from.remaining());
        if (n == 0) return done ? Result<size_t>(done) : Result<size_t>(EFAULT);
        size_t at = 0;
        while (at < n) {
            Effects effects(*this);
            {
                SpinGuard guard(lock_);
                while (at < n && incoming_count_ < kIncomingBytes)
                    incoming_[(incoming_first_ + incoming_count_++) % kIncomingBytes] = bytes[at++];
                pump(effects);
            }
            after_input(effects);
            if (at == n) break;
            WaitResult w = WaitResult::Interrupted;
            auto room = [&] {
                SpinGuard guard(lock_);
                return incoming_count_ < kIncomingBytes;
            };
            if (!nonblock) w = wait_until(master_writers_, room);
            else if (room()) w = WaitResult::Ready;
            if (w == WaitResult::Ready) continue;
            from.rewind(n - at);
            done += at;
            return done ? Result<size_t>(done) : Result<size_t>(nonblock ? EAGAIN : kRestartSys);
        }
        done += n;
    }
    return done;
}

u32 Pty::master_poll(PollTable* table) {
    if (table) {
        table->watch(master_readers_);
        table->watch(master_writers_);
    }
    u32 events = 0;
    SpinGuard guard(lock_);
    if (takeable()) events |= kPollIn | kPollRdNorm;
    if (packet_mode_ && packet_status_) events |= kPollPri | kPollIn | kPollRdNorm;
    if (incoming_count_ < kIncomingBytes) events |= kPollOut | kPollWrNorm;
    if (slave_gone()) events |= kPollHup;
    return events;
}

i64 Pty::master_bytes_available() {
    SpinGuard guard(lock_);
    return takeable();
}

Result<i64> Pty::master_ioctl(u32 command, u64 arg) {
    switch (command) {
    case TIOCGPTN:
        TRY(user_write<u32>(arg, index));
        return 0;
    case TIOCSPTLCK:
        locked_by_master_ = TRY(user_read<i32>(arg)) != 0;
        return 0;
    case TIOCGPTLCK:
        TRY(user_write<i32>(arg, locked_by_master_ ? 1 : 0));
        return 0;
    case TIOCPKT: {
        const bool on = TRY(user_read<i32>(arg)) != 0;
        SpinGuard guard(lock_);
        if (on && !packet_mode_) packet_status_ = 0;
        packet_mode_ = on;
        return 0;
    }
    case TIOCGPKT: {
        bool on;
        {
            SpinGuard guard(lock_);
            on = packet_mode_;
        }
        TRY(user_write<i32>(arg, on ? 1 : 0));
        return 0;
    }
    case TIOCSIG:
        if (arg != SIGINT && arg != SIGQUIT && arg != SIGTSTP) return EINVAL;
        signal_foreground(int(arg));
        return 0;
    case TIOCOUTQ:
        TRY(user_write<i32>(arg, 0));
        return 0;
    case FIONREAD:
        TRY(user_write<i32>(arg, i32(master_bytes_available())));
        return 0;
    case TCFLSH: {
        if (arg > TCIOFLUSH) return EINVAL;
        {
            SpinGuard guard(lock_);
            if (arg != TCOFLUSH) pending_count_ = stopped_at_ = 0;
            if (arg != TCIFLUSH) {
                drop_incoming();
                note(0, TIOCPKT_FLUSHWRITE);
            }
        }
        writers_.wake_all(kPollOut | kPollWrNorm);
        master_writers_.wake_all(kPollOut | kPollWrNorm);
        return 0;
    }
    case TCSBRK:
    case TCSBRKP: return 0;
    default: return mode_ioctl(command, arg, false);
    }
}

} // namespace linnet
