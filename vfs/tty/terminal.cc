#include "vfs/tty/terminal.h"

#include "kernel/lib/string.h"
#include "kernel/mm/user.h"
#include "kernel/task/task.h"
#include "kernel/time/clock.h"
#include "vfs/tty/stdio.h"

namespace linnet {
namespace {

Terminal* the_console;
constexpr int kSigWinch = 28, kSigTtin = 21, kSigTtou = 22, kSigHup = 1, kSigCont = 18;

} // namespace

Terminal* console_terminal() { return the_console; }
void set_console_terminal(Terminal* t) { the_console = t; }

/// What the line discipline causes while input is taken in; lock_ is held.
class Terminal::Effects final : public LineDiscipline::Host {
  public:
    explicit Effects(Terminal& t) : terminal(t) {}
    void screen(const u8* p, size_t n) override NO_THREAD_SAFETY {
        Terminal& t = terminal;
        for (size_t i = 0; i < n && t.pending_count_ < kPendingBytes; ++i)
            t.pending_[(t.pending_first_ + t.pending_count_++) % kPendingBytes] = p[i];
    }
    void signal(int number) override {
        if (signals.count < 4) signals.numbers[signals.count++] = number;
    }
    void discard_output() override NO_THREAD_SAFETY { terminal.pending_count_ = 0; }
    Terminal& terminal;
    Signals signals;
};

Terminal::Terminal(CharDevice& device) : device_(device) {
    device.event_arg = this;
    device.on_event = [](void* arg) { static_cast<Terminal*>(arg)->device_event(); };
}

void Terminal::flush_output() {
    while (pending_count_ && !discipline_.stopped()) {
        u32 n = kPendingBytes - pending_first_;
        if (n > pending_count_) n = pending_count_;
        size_t taken = device_.write(pending_ + pending_first_, n);
        pending_first_ = (pending_first_ + u32(taken)) % kPendingBytes;
        pending_count_ -= u32(taken);
        if (taken < n) break;
    }
}

void Terminal::device_event() {
    Effects effects(*this);
    bool input, room;
    {
        SpinGuard guard(lock_);
        u8 bytes[256];
        for (;;) {
            u32 want = discipline_.input_room() < sizeof bytes ? discipline_.input_room() : sizeof bytes;
            if (want == 0) {
                // A line that is too long must not keep its end or ^C from being seen; else the sender is held back.
                if (!(discipline_.termios().lflag & ICANON)) break;
                want = 1;
            }
            size_t n = device_.read(bytes, want);
            if (!n) break;
            discipline_.receive(bytes, n, effects);
        }
        flush_output();
        input = discipline_.readable();
        room = output_room();
    }
    if (input) readers_.wake_all(kPollIn | kPollRdNorm);
    if (room) writers_.wake_all(kPollOut | kPollWrNorm);
    send(effects.signals);
}

void Terminal::send(const Signals& s) {
    i32 group = foreground_group();
    if (!group || !stdio_hooks.signal_group) return;
    for (u32 i = 0; i < s.count; ++i) stdio_hooks.signal_group(group, s.numbers[i]);
}

void Terminal::set_size(u16 rows, u16 columns) {
    {
        SpinGuard guard(lock_);
        if (size_.row == rows && size_.col == columns) return;
        size_.row = rows;
        size_.col = columns;
    }
    Signals s;
    s.numbers[s.count++] = kSigWinch;
    send(s);
}

void Terminal::leave_session(i32 session) {
    i32 expected = session;
    if (!session_.compare_exchange_strong(expected, 0)) return;
    const i32 group = foreground_.exchange(0);
    if (!group || !stdio_hooks.signal_group) return;
    stdio_hooks.signal_group(group, kSigHup);
    stdio_hooks.signal_group(group, kSigCont);
}

void Terminal::hang_up() {
    hung_up_ = true;
    readers_.wake_all(kPollIn | kPollHup);
    writers_.wake_all(kPollOut | kPollHup);
}

/// A process of the terminal's session outside the foreground group: SIGTTIN or SIGTTOU for its group, and the call is
/// restarted. EIO if it ignores or blocks the signal and wants to read.
Result<void> Terminal::check_background(int signal) {
    Task* t = current_or_null();
    if (!t || !session()) return {};
    Process& p = *t->process;
    if (p.sid != session() || p.pgid == foreground_group() || foreground_group() == 0) return {};
    if (stdio_hooks.signal_ignored && stdio_hooks.signal_ignored(signal))
        return signal == kSigTtin ? Result<void>(EIO) : Result<void>();
    if (!stdio_hooks.signal_group) return {};
    stdio_hooks.signal_group(p.pgid, signal);
    return kRestartSys;
}

Result<size_t> Terminal::read(IoVector& to, bool nonblock) {
    TRY(check_background(kSigTtin));
    if (to.remaining() == 0) return size_t{0};
    u8 bytes[512];
    size_t done = 0;
    u64 deadline = kForever;
    bool timed = false;
    for (;;) {
        bool end = false, canonical, was_full;
        size_t n = 0, least;
        u8 vtime;
        {
            SpinGuard guard(lock_);
            const abi::Termios& t = discipline_.termios();
            canonical = t.lflag & ICANON;
            least = t.cc[VMIN];
            vtime = t.cc[VTIME];
            size_t want = to.remaining() < sizeof bytes ? to.remaining() : sizeof bytes;
            was_full = discipline_.input_room() == 0;
            n = discipline_.read(bytes, want, &end);
        }
        if (was_full) device_event();
        if (n) {
            size_t copied = to.copy_out(bytes, n);
            done += copied;
            if (copied < n) return done ? Result<size_t>(done) : Result<size_t>(EFAULT);
            bool line_done = canonical && bytes[n - 1] == '\n';
            if (line_done || to.remaining() == 0) return done;
            if (canonical && n < sizeof bytes) return done;
            if (n == sizeof bytes) continue; // there may be more of it
            deadline = kForever;             // VTIME counts from each byte on
        }
        if (end || hung_up_) return done;
        if (canonical ? done != 0 : done && done >= least) return done;
        if (!canonical && least == 0 && (done || vtime == 0)) return done;
        if (nonblock) return done ? Result<size_t>(done) : Result<size_t>(EAGAIN);
        // VMIN 0: the timer runs from the start. VMIN > 0: from the first byte on.
        timed = !canonical && vtime && (least == 0 || done);
        if (timed && deadline == kForever) deadline = monotonic_ns() + vtime * 100 * kNsPerMs;
        WaitResult w = wait_until(
            readers_,
            [&] {
                SpinGuard guard(lock_);
                return discipline_.available() != 0 || discipline_.readable() || hung_up_;
            },
            timed ? deadline : kForever);
        if (w == WaitResult::TimedOut) return done;
        if (w == WaitResult::Interrupted) return done ? Result<size_t>(done) : Result<size_t>(kRestartSys);
    }
}

Result<size_t> Terminal::write(IoVector& from, bool nonblock) {
    bool tostop;
    {
        SpinGuard guard(lock_);
        tostop = discipline_.termios().lflag & TOSTOP;
    }
    if (tostop) TRY(check_background(kSigTtou));
    size_t done = 0;
    u8 bytes[256];
    while (from.remaining()) {
        if (hung_up_) return done ? Result<size_t>(done) : Result<size_t>(EIO);
        size_t n = from.copy_in(bytes, sizeof bytes < from.remaining() ? sizeof bytes : from.remaining());
        if (n == 0) return done ? Result<size_t>(done) : Result<size_t>(EFAULT);
        size_t at = 0;
        while (at < n) {
            bool room;
            {
                SpinGuard guard(lock_);
                flush_output();
                room = output_room() && !discipline_.stopped();
                if (room) {
                    u8 made[512];
                    size_t used = 0;
                    size_t m = discipline_.process_output(bytes + at, n - at, made, sizeof made, &used);
                    Effects effects(*this);
                    effects.screen(made, m);
                    at += used;
                    flush_output();
                }
            }
            if (room) continue;
            if (!nonblock) {
                WaitResult w = wait_until(writers_, [&] {
                    SpinGuard guard(lock_);
                    flush_output();
                    return (output_room() && !discipline_.stopped()) || hung_up_;
                });
                if (w == WaitResult::Ready && !hung_up_) continue;
            }
            from.rewind(n - at);
            done += at;
            return done ? Result<size_t>(done) : Result<size_t>(nonblock ? EAGAIN : hung_up_ ? EIO : kRestartSys);
        }
        done += n;
    }
    return done;
}

u32 Terminal::poll(PollTable* table) {
    if (table) {
        table->watch(readers_);
        table->watch(writers_);
    }
    u32 events = 0;
    SpinGuard guard(lock_);
    flush_output();
    if (discipline_.readable() || hung_up_) events |= kPollIn | kPollRdNorm;
    if (hung_up_) events |= kPollHup;
    else if (output_room() && !discipline_.stopped()) events |= kPollOut | kPollWrNorm;
    return events;
}

i64 Terminal::bytes_available() {
    SpinGuard guard(lock_);
    return discipline_.available();
}

Result<void> Terminal::set_modes(const abi::Termios& t, bool drain, bool flush) {
    TRY(check_background(kSigTtou));
    if (drain) {
        WaitResult w = wait_until(writers_, [&] {
            SpinGuard guard(lock_);
            flush_output();
            return pending_count_ == 0 || hung_up_;
        });
        if (w != WaitResult::Ready) return kRestartSys;
    }
    SpinGuard guard(lock_);
    if (flush) discipline_.flush_input();
    discipline_.set_termios(t);
    guard.unlock();
    readers_.wake_all(); // what is readable may have changed
    writers_.wake_all();
    return {};
}

Result<i64> Terminal::ioctl(u32 command, u64 arg) {
    switch (command) {
    case TCGETS: {
        abi::Termios t;
        {
            SpinGuard guard(lock_);
            t = discipline_.termios();
        }
        TRY(user_write(arg, t));
        return 0;
    }
    case TCSETS:
    case TCSETSW:
    case TCSETSF: {
        abi::Termios t = TRY(user_read<abi::Termios>(arg));
        TRY(set_modes(t, command != TCSETS, command == TCSETSF));
        return 0;
    }
    case abi::TCGETS2: {
        abi::Termios2 t{};
        {
            SpinGuard guard(lock_);
            memcpy(&t, &discipline_.termios(), sizeof(abi::Termios));
        }
        t.ispeed = t.ospeed = 38400;
        TRY(user_write(arg, t));
        return 0;
    }
    case abi::TCSETS2:
    case abi::TCSETSW2:
    case abi::TCSETSF2: {
        abi::Termios2 t2 = TRY(user_read<abi::Termios2>(arg));
        abi::Termios t;
        memcpy(&t, &t2, sizeof t);
        TRY(set_modes(t, command != abi::TCSETS2, command == abi::TCSETSF2));
        return 0;
    }
    case TIOCGWINSZ: {
        abi::Winsize w;
        {
            SpinGuard guard(lock_);
            w = size_;
        }
        TRY(user_write(arg, w));
        return 0;
    }
    case TIOCSWINSZ: {
        abi::Winsize w = TRY(user_read<abi::Winsize>(arg));
        bool changed;
        {
            SpinGuard guard(lock_);
            changed = memcmp(&size_, &w, sizeof w) != 0;
            size_ = w;
        }
        if (changed) {
            Signals s;
            s.numbers[s.count++] = kSigWinch;
            send(s);
        }
        return 0;
    }
    case TIOCGPGRP:
    case TIOCGSID: {
        if (current().process->sid != session()) return ENOTTY;
        TRY(user_write<i32>(arg, command == TIOCGPGRP ? foreground_group() : session()));
        return 0;
    }
    case TIOCSPGRP: {
        if (current().process->sid != session()) return ENOTTY;
        TRY(check_background(kSigTtou));
        i32 group = TRY(user_read<i32>(arg));
        if (group < 0) return EINVAL;
        if (stdio_hooks.group_session && stdio_hooks.group_session(group) != session())
            return stdio_hooks.group_session(group) ? EPERM : ESRCH;
        foreground_ = group;
        return 0;
    }
    case TIOCSCTTY: {
        Process& p = *current().process;
        if (p.sid == session()) return 0;
        if (p.sid != p.pid || session() != 0) return EPERM; // not a leader, or another session has it
        set_session(p.sid, p.pgid);
        return 0;
    }
    case TIOCNOTTY: {
        Process& p = *current().process;
        if (p.sid != session()) return ENOTTY;
        if (p.sid == p.pid) leave_session(p.sid);
        return 0;
    }
    case TIOCOUTQ: {
        u32 n;
        {
            SpinGuard guard(lock_);
            n = pending_count_;
        }
        TRY(user_write<i32>(arg, i32(n)));
        return 0;
    }
    case FIONREAD:
        TRY(user_write<i32>(arg, i32(bytes_available())));
        return 0;
    case TCFLSH: {
        if (arg > 2) return EINVAL;
        SpinGuard guard(lock_);
        if (arg != 1) discipline_.flush_input();
        if (arg != 0) pending_count_ = 0;
        return 0;
    }
    case TCXONC: {
        if (arg > 3) return EINVAL;
        if (arg < 2) {
            SpinGuard guard(lock_);
            discipline_.set_stopped(arg == 0);
            flush_output();
        }
        writers_.wake_all();
        return 0;
    }
    case TCSBRK:
    case TCSBRKP: {
        // tcdrain; a break has no meaning on this line.
        WaitResult w = wait_until(writers_, [&] {
            SpinGuard guard(lock_);
            flush_output();
            return pending_count_ == 0 || hung_up_;
        });
        return w == WaitResult::Ready ? Result<i64>(0) : Result<i64>(kRestartSys);
    }
    case TIOCSTI: {
        u8 c = TRY(user_read<u8>(arg));
        Effects effects(*this);
        {
            SpinGuard guard(lock_);
            discipline_.receive(&c, 1, effects);
            flush_output();
        }
        readers_.wake_all();
        send(effects.signals);
        return 0;
    }
    case TIOCGETD:
        TRY(user_write<i32>(arg, 0)); // N_TTY
        return 0;
    case TIOCGEXCL:
        TRY(user_write<i32>(arg, 0));
        return 0;
    default: return ENOTTY;
    }
}

namespace {

class TerminalFile final : public DeviceFile {
  public:
    TerminalFile(Terminal& t, const Location& where, u32 flags) : DeviceFile(where, flags), terminal_(t) {}
    Result<size_t> read(IoVector& to, u64&, bool nonblock) override { return terminal_.read(to, nonblock); }
    Result<size_t> write(IoVector& from, u64&, bool nonblock) override { return terminal_.write(from, nonblock); }
    u32 poll(PollTable* table) override { return terminal_.poll(table); }
    Result<i64> ioctl(u32 command, u64 arg) override { return terminal_.ioctl(command, arg); }
    Result<i64> bytes_available() override { return terminal_.bytes_available(); }
    bool seekable() const override { return false; }
    Result<u64> seek(i64, int) override { return ESPIPE; }

  private:
    Terminal& terminal_;
};

} // namespace

Result<Ref<File>> open_terminal(Terminal& t, const Location& where, u32 flags) {
    return Ref<File>(TRY(make_ref<TerminalFile>(t, where, flags)));
}

} // namespace linnet
