#include "vfs/tty/terminal.h"

#include "kernel/task/signal.h"
#include "kernel/task/task.h"
#include "kernel/time/clock.h"
#include "linux-abi/fcntl.h"

namespace linnet {

// --- what the line discipline causes ---

void Terminal::Effects::screen(const u8* p, size_t n) NO_THREAD_SAFETY {
    Terminal& t = terminal;
    for (size_t i = 0; i < n && t.pending_count_ < kPendingBytes; ++i)
        t.pending_[(t.pending_first_ + t.pending_count_++) % kPendingBytes] = p[i];
}

void Terminal::Effects::discard_output() NO_THREAD_SAFETY {
    terminal.flush_output();
    terminal.input_flushed();
}

void Terminal::Effects::flow_changed(bool stopped) NO_THREAD_SAFETY { terminal.flow_changed(stopped); }

void Terminal::flush_output() {
    const u32 kept = output_taken_over();
    if (pending_count_ > kept) pending_count_ = kept;
    output_flushed();
}

void Terminal::flush_input() {
    discipline_.flush_input();
    input_flushed();
}

void Terminal::receive(const u8* p, size_t n, Effects& effects) {
    discipline_.receive(p, n, effects);
    push_output();
}

/// Wake-ups and signals of input that was taken in. Any context but hard interrupt, no lock held.
void Terminal::after_input(Effects& effects) {
    bool input, room;
    {
        SpinGuard guard(lock_);
        input = discipline_.has_input() || input_ended_;
        room = output_room();
    }
    output_made();
    for (u32 i = 0; i < effects.signals.count; ++i) signal_foreground(effects.signals.numbers[i]);
    if (input) readers_.wake_all(kPollIn | kPollRdNorm);
    if (room) writers_.wake_all(kPollOut | kPollWrNorm);
}

void Terminal::signal_foreground(int signal) {
    if (i32 group = foreground_group()) (void)signal_process_group(group, signal);
}

void Terminal::set_size(const abi::Winsize& size) {
    {
        SpinGuard guard(lock_);
        if (size_.row == size.row && size_.col == size.col && size_.xpixel == size.xpixel && size_.ypixel == size.ypixel) return;
        size_ = size;
    }
    signal_foreground(SIGWINCH);
}

// --- read ---

Result<size_t> Terminal::read(IoVector& to, bool nonblock, u32 opened) {
    using ReadEnd = LineDiscipline::ReadEnd;
    if (hung_up(opened)) return size_t{0};
    TRY(check_background(SIGTTIN));
    if (to.remaining() == 0) return size_t{0};
    u8 bytes[512];
    size_t done = 0;
    u64 deadline = kForever;
    for (;;) {
        ReadEnd end;
        bool canonical;
        size_t n, least, want;
        u8 vtime;
        {
            SpinGuard guard(lock_);
            const abi::Termios& t = discipline_.termios();
            canonical = discipline_.canonical();
            least = t.cc[VMIN];
            vtime = t.cc[VTIME];
            want = to.remaining() < sizeof bytes ? to.remaining() : sizeof bytes;
            n = discipline_.read(bytes, want, &end);
        }
        if (n) {
            input_room_made();
            size_t copied = to.copy_out(bytes, n);
            done += copied;
            if (copied < n) return done ? Result<size_t>(done) : Result<size_t>(EFAULT);
            if (end == ReadEnd::Line || to.remaining() == 0) return done;
            if (n == want) continue; // there may be more of it
            deadline = kForever;     // VTIME counts from each byte on
        }
        if (end == ReadEnd::EndOfFile || input_ended_) return done;
        if (hung_up(opened)) return done || !other_end_gone() ? Result<size_t>(done) : Result<size_t>(EIO);
        if (canonical ? done != 0 : done && done >= least) return done;
        if (!canonical && least == 0 && (done || vtime == 0)) return done;
        if (nonblock) return done ? Result<size_t>(done) : Result<size_t>(EAGAIN);
        // VMIN 0: the timer runs from the start. VMIN > 0: from the first byte on.
        const bool timed = !canonical && vtime && (least == 0 || done);
        if (timed && deadline == kForever) deadline = monotonic_ns() + vtime * 100 * kNsPerMs;
        WaitResult w = wait_until(
            readers_,
            [&] {
                SpinGuard guard(lock_);
                return discipline_.has_input() || hung_up(opened) || input_ended_;
            },
            timed ? deadline : kForever);
        if (w == WaitResult::TimedOut) return done;
        if (w == WaitResult::Interrupted) return done ? Result<size_t>(done) : Result<size_t>(kRestartSys);
    }
}

// --- write ---

Result<void> Terminal::begin_write(bool nonblock, u32 opened) {
    if (!writing_.exchange(true, std::memory_order_acquire)) return {};
    if (nonblock) return EAGAIN;
    bool mine = false;
    WaitResult w = wait_until(writers_, [&] {
        mine = !writing_.exchange(true, std::memory_order_acquire);
        return mine || hung_up(opened);
    });
    if (mine) return {};
    return w == WaitResult::Ready ? EIO : kRestartSys;
}

void Terminal::end_write() {
    writing_.store(false, std::memory_order_release);
    writers_.wake_all(kPollOut | kPollWrNorm);
}

/// `done`: how many of the n bytes were taken.
Result<void> Terminal::write_piece(const u8* bytes, size_t n, size_t& done, bool nonblock, u32 opened) {
    while (done < n) {
        if (hung_up(opened)) return EIO;
        bool room;
        {
            SpinGuard guard(lock_);
            push_output();
            room = output_room();
            if (room) {
                u8 made[kOutputPiece];
                size_t used = 0;
                size_t m = discipline_.process_output(bytes + done, n - done, made, sizeof made, &used);
                Effects(*this).screen(made, m);
                done += used;
                push_output();
            }
        }
        if (room) continue;
        output_made();
        if (nonblock) return EAGAIN;
        WaitResult w = wait_until(writers_, [&] {
            SpinGuard guard(lock_);
            push_output();
            return output_room() || hung_up(opened);
        });
        if (w != WaitResult::Ready) return kRestartSys;
    }
    return {};
}

Result<size_t> Terminal::write(IoVector& from, bool nonblock, u32 opened) {
    if (hung_up(opened)) return EIO;
    bool tostop;
    {
        SpinGuard guard(lock_);
        tostop = discipline_.termios().lflag & TOSTOP;
    }
    if (tostop) TRY(check_background(SIGTTOU));
    TRY(begin_write(nonblock, opened));
    size_t done = 0;
    Result<void> outcome;
    while (from.remaining()) {
        u8 bytes[256];
        size_t n = from.copy_in(bytes, sizeof bytes < from.remaining() ? sizeof bytes : from.remaining());
        if (n == 0) {
            outcome = EFAULT;
            break;
        }
        size_t taken = 0;
        outcome = write_piece(bytes, n, taken, nonblock, opened);
        done += taken;
        if (taken < n) from.rewind(n - taken);
        if (!outcome) break;
    }
    end_write();
    output_made();
    if (done || outcome) return done;
    return outcome.error();
}

// --- readiness ---

u32 Terminal::poll(PollTable* table, u32 opened) {
    if (table) {
        table->watch(readers_);
        table->watch(writers_);
    }
    if (hung_up(opened)) return kPollIn | kPollOut | kPollErr | kPollHup | kPollRdNorm | kPollWrNorm;
    u32 events = 0;
    SpinGuard guard(lock_);
    push_output();
    if (discipline_.readable() || input_ended_) events |= kPollIn | kPollRdNorm;
    if (output_room()) events |= kPollOut | kPollWrNorm;
    return events;
}

Result<i64> Terminal::bytes_available(u32 opened) {
    if (hung_up(opened)) return EIO;
    SpinGuard guard(lock_);
    return discipline_.available();
}

// --- open ---

Result<void> Terminal::check_open() {
    if (exclusive_ && !current().credentials->has_capability(kCapSysAdmin)) return EBUSY;
    return {};
}

Result<Ref<File>> open_terminal(Ref<Terminal> t, const Location& where, u32 flags, bool may_acquire) {
    if (current_or_null()) TRY(t->check_open());
    Terminal& terminal = *t; // the file keeps it
    auto file = TRY(make_ref<TerminalFile>(std::move(t), where, flags));
    if (may_acquire && !(flags & O_NOCTTY) && file->readable() && current_or_null()) terminal.acquire_at_open();
    return Ref<File>(std::move(file));
}

} // namespace linnet
