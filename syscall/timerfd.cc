// timerfd_create(2): expirations of a clock as a count to read.
#include "kernel/lib/string.h"
#include "kernel/mm/user.h"
#include "kernel/task/task.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"
#include "linux-abi/fcntl.h"
#include "linux-abi/poll.h"
#include "linux-abi/syscalls.h"
#include "syscall/time_util.h"
#include "vfs/file_table.h"
#include "vfs/inode.h"

namespace linnet {

using namespace abi;

namespace {

class TimerFile;

SpinLock<Rank::TimerFiles> realtime_lock;

struct FileTimer : Timer {
    TimerFile* file = nullptr;
};

class TimerFile final : public File {
  public:
    TimerFile(Ref<Inode> inode, int clock, u32 flags) : File(flags), inode_(std::move(inode)), clock_(clock) {
        timer_.file = this;
        timer_.expired = expired;
    }
    ~TimerFile() override {
        {
            SpinGuard r(realtime_lock);
            realtime_node.unlink();
        }
        cancel_timer(timer_);
    }

    Result<size_t> read(IoVector& to, u64&, bool nonblock) override {
        if (to.remaining() < sizeof(u64)) return EINVAL;
        for (;;) {
            if (take_cancellation()) return ECANCELED;
            u64 count = take_expirations();
            if (count) {
                if (to.copy_out(&count, sizeof count) != sizeof count) return EFAULT;
                return sizeof count;
            }
            if (nonblock) return EAGAIN;
            WaitResult w = wait_until(queue_, [&] { return pending(); });
            if (w == WaitResult::Interrupted) return kRestartSys;
        }
    }
    u32 poll(PollTable* table) override {
        if (table) table->watch(queue_);
        return pending() ? kPollIn | kPollRdNorm : 0;
    }
    void describe(TextBuffer& out) override { out.append("anon_inode:[timerfd]"); }
    Inode& inode() override { return *inode_; }

    /// There is no RTTI: the text that /proc shows tells the class. Null for another one.
    static TimerFile* from(File& f) {
        char text[32];
        TextBuffer t(text, sizeof text);
        f.describe(t);
        return strcmp(text, "anon_inode:[timerfd]") ? nullptr : static_cast<TimerFile*>(&f);
    }

    /// value and interval in ns; value 0 disarms. Returns the old setting. ECANCELED: the clock was set since the last look, and the
    /// timer is armed all the same (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET).
    Result<Itimerspec> set(u64 value, u64 interval, bool absolute, bool cancel_on_set) {
        // Setting and arming are one step: with two threads that set, the timer is armed for what is set. A callback that runs
        // already finds nothing due.
        Itimerspec old;
        const bool follows = value && absolute && is_realtime();
        u64 deadline = 0;
        bool was_cancelled;
        {
            SpinGuard r(realtime_lock);
            if (follows != realtime_node.linked()) {
                if (follows) realtime_files.push_back(*this);
                else realtime_node.unlink();
            }
            SpinGuard g(lock_);
            old = get_locked();
            if (value) deadline = follows ? on_monotonic_clock(value) : absolute ? value : monotonic_ns() + value;
            deadline_ = deadline;
            interval_ = interval;
            expirations_ = 0;
            was_cancelled = std::exchange(cancelled_, false) && cancel_on_set;
            cancel_on_set_ = cancel_on_set && follows;
            if (deadline) start_timer(timer_, deadline);
            else stop_timer(timer_);
        }
        if (was_cancelled) return ECANCELED;
        return old;
    }
    /// realtime_lock is held.
    void clock_was_set() {
        bool cancelled;
        {
            SpinGuard g(lock_);
            const i64 now = realtime_offset_ns(), moved = now - std::exchange(offset_, now);
            if (cancel_on_set_) cancelled_ = true;
            cancelled = cancel_on_set_;
            if (deadline_) deadline_ = i64(deadline_) > moved ? deadline_ - u64(moved) : 1;
            if (deadline_) start_timer(timer_, deadline_);
        }
        if (cancelled) queue_.wake_all(kPollIn | kPollRdNorm);
    }
    ListNode realtime_node; // in realtime_files: armed for a time of CLOCK_REALTIME
    Itimerspec get() {
        SpinGuard g(lock_);
        return get_locked();
    }

  private:
    Itimerspec get_locked() REQUIRES(lock_) {
        const u64 now = monotonic_ns();
        u64 left = 0;
        if (deadline_) {
            advance(now);
            left = deadline_ > now ? deadline_ - now : 0;
        }
        return {to_timespec(interval_), to_timespec(left)};
    }
    bool is_realtime() const { return clock_ == CLOCK_REALTIME || clock_ == CLOCK_REALTIME_ALARM; }
    /// The offset is kept, to tell by how much the clock was moved.
    u64 on_monotonic_clock(u64 realtime) REQUIRES(lock_) {
        offset_ = realtime_offset_ns();
        return i64(realtime) > offset_ ? realtime - u64(offset_) : 1;
    }
    bool take_cancellation() {
        SpinGuard g(lock_);
        if (!std::exchange(cancelled_, false)) return false;
        expirations_ = 0;
        return true;
    }
    bool pending() {
        SpinGuard g(lock_);
        if (cancelled_) return true;
        if (deadline_) advance(monotonic_ns());
        return expirations_ != 0;
    }
    u64 take_expirations() {
        SpinGuard g(lock_);
        if (deadline_) advance(monotonic_ns());
        u64 count = std::exchange(expirations_, 0);
        if (count && interval_ && deadline_) start_timer(timer_, deadline_); // periodic timers run while somebody reads
        return count;
    }
    /// Counts what has expired by `now`.
    void advance(u64 now) REQUIRES(lock_) {
        if (now < deadline_) return;
        if (interval_) {
            const u64 n = (now - deadline_) / interval_ + 1;
            expirations_ += n;
            deadline_ += n * interval_;
        } else {
            ++expirations_;
            deadline_ = 0;
        }
    }
    /// Deferred context. An unread periodic timer is not armed again: its expirations are computed when it is read.
    static void expired(Timer& t) {
        TimerFile& f = *static_cast<FileTimer&>(t).file;
        {
            SpinGuard g(f.lock_);
            if (f.deadline_) f.advance(monotonic_ns());
            if (!f.expirations_) return; // it was set anew meanwhile
        }
        f.queue_.wake_all(kPollIn | kPollRdNorm);
    }

    Ref<Inode> inode_;
    const int clock_;
    FileTimer timer_;
    WaitQueue queue_;
    SpinLock<Rank::MiscSpin> lock_;
    u64 deadline_ GUARDED_BY(lock_) = 0; // monotonic; 0: off
    u64 interval_ GUARDED_BY(lock_) = 0;
    u64 expirations_ GUARDED_BY(lock_) = 0;
    i64 offset_ GUARDED_BY(lock_) = 0; // of the real-time clock when deadline_ was reckoned
    bool cancel_on_set_ GUARDED_BY(lock_) = false, cancelled_ GUARDED_BY(lock_) = false;

  public:
    static List<TimerFile, &TimerFile::realtime_node> realtime_files GUARDED_BY(realtime_lock);
};
List<TimerFile, &TimerFile::realtime_node> TimerFile::realtime_files;

} // namespace

void clock_was_set() {
    SpinGuard g(realtime_lock);
    for (TimerFile& f : TimerFile::realtime_files) f.clock_was_set();
}

Outcome sys_timerfd_create(ClockId clockid, TimerfdCreateFlags flags) {
    if (flags.unsupported()) return EINVAL;
    switch (clockid.value) {
    case CLOCK_REALTIME:
    case CLOCK_MONOTONIC:
    case CLOCK_BOOTTIME: break;
    case CLOCK_REALTIME_ALARM:
    case CLOCK_BOOTTIME_ALARM:
        if (!current().credentials->has_capability(CAP_WAKE_ALARM)) return EPERM;
        break;
    default: return EINVAL;
    }
    Ref<Inode> inode = TRY(make_anonymous_inode(0600));
    Ref<TimerFile> file = TRY(make_ref<TimerFile>(std::move(inode), clockid.value,
                                                  u32(O_RDWR) | (u32(flags.bits()) & u32(O_NONBLOCK))));
    return install_file(std::move(file), u32(flags.bits()));
}

Outcome sys_timerfd_settime(Fd fd, TimerfdSetFlags flags, In<Itimerspec> new_value, Out<Itimerspec> old_value) {
    const Itimerspec n = TRY(user_read<Itimerspec>(new_value.address()));
    if (flags.unsupported()) return EINVAL;
    const u64 value = TRY(from_timespec(n.value)), interval = TRY(from_timespec(n.interval));
    Ref<File> file = TRY(current_file(fd));
    TimerFile* t = TimerFile::from(*file);
    if (!t) return EINVAL;
    const Itimerspec old = TRY(t->set(value, interval, flags.has(u64(TFD_TIMER_ABSTIME)), flags.has(u64(TFD_TIMER_CANCEL_ON_SET))));
    if (old_value) TRY(user_write(old_value.address(), old));
    return 0;
}

Outcome sys_timerfd_gettime(Fd fd, Out<Itimerspec> curr_value) {
    Ref<File> file = TRY(current_file(fd));
    TimerFile* t = TimerFile::from(*file);
    if (!t) return EINVAL;
    TRY(user_write(curr_value.address(), t->get()));
    return 0;
}

} // namespace linnet
