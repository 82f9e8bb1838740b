// Waiting for files: poll(2), select(2), epoll(7).
#include "kernel/lib/string.h"
#include "kernel/task/signal.h"
#include "kernel/time/clock.h"
#include "syscall/file_support.h"
#include "syscall/time_util.h"
#include "vfs/epoll.h"
#include "vfs/poll_wait.h"

namespace linnet {

using namespace abi;

namespace {

/// The deadline of a wait that ends `ns` from now; 0 (do not sleep) for none at all.
u64 deadline_in(u64 ns) {
    if (ns == 0) return 0;
    u64 now = monotonic_ns();
    return ns >= kForever - now ? kForever : now + ns;
}
u64 deadline_in_ms(i32 ms) { return ms < 0 ? kForever : deadline_in(static_cast<u64>(ms) * kNsPerMs); }

/// From an optional timespec of the program: kForever if null. EINVAL, EFAULT
Result<u64> deadline_from(u64 timespec_address) {
    if (!timespec_address) return kForever;
    return deadline_in(TRY(from_timespec(TRY(user_read<Timespec>(timespec_address)))));
}

/// What is left until the deadline, for the program to see. Linux ignores a fault here.
template <class T>
void write_rest(u64 address, u64 deadline, T (*convert)(u64)) {
    if (!address || deadline == kForever) return;
    u64 now = deadline ? monotonic_ns() : 0;
    (void)user_write(address, convert(deadline > now ? deadline - now : 0));
}

/// Descriptors held while they are waited for.
class HeldFiles : NoCopy {
  public:
    ~HeldFiles() {
        for (size_t i = 0; i < count_; ++i) refs_[i].~FdRef();
        if (refs_ != small()) kfree(refs_);
    }
    Result<void> reserve(size_t n) {
        if (n <= kSmall) return {};
        auto* more = static_cast<FdRef*>(kmalloc(n * sizeof(FdRef)));
        if (!more) return ENOMEM;
        refs_ = more;
        return {};
    }
    void add(int fd) { new (&refs_[count_++]) FdRef(fd); }
    FdRef& operator[](size_t i) { return refs_[i]; }

  private:
    static constexpr size_t kSmall = 16;
    FdRef* small() { return reinterpret_cast<FdRef*>(memory_); }
    alignas(FdRef) u8 memory_[kSmall * sizeof(FdRef)];
    FdRef* refs_ = small();
    size_t count_ = 0;
};

constexpr u32 kAlways = kPollErr | kPollHup;

Outcome poll_files(u64 address, u32 count, u64 deadline) {
    if (count > open_file_limit()) return EINVAL;
    constexpr size_t kSmall = 16;
    Pollfd small[kSmall];
    Pollfd* fds = small;
    if (count > kSmall) fds = static_cast<Pollfd*>(kmalloc(count * sizeof(Pollfd)));
    if (!fds) return ENOMEM;
    Outcome result = [&]() -> Outcome {
        TRY(copy_from_user(fds, address, count * sizeof(Pollfd)));
        HeldFiles files;
        TRY(files.reserve(count));
        for (u32 i = 0; i < count; ++i) files.add(fds[i].fd);
        auto n = poll_until(
            [&](PollSleep* table) {
                size_t ready = 0;
                for (u32 i = 0; i < count; ++i) {
                    u32 events = 0;
                    if (fds[i].fd >= 0) {
                        if (!files[i]) {
                            events = kPollNval;
                        } else {
                            u32 wanted = static_cast<u16>(fds[i].events) | kAlways;
                            if (table) table->set_wanted(wanted);
                            events = files[i]->poll(ready ? nullptr : table) & wanted;
                        }
                    }
                    fds[i].revents = static_cast<i16>(events);
                    ready += events != 0;
                }
                return ready;
            },
            deadline);
        if (!n) return n.error();
        for (u32 i = 0; i < count; ++i)
            TRY(user_write(address + i * sizeof(Pollfd) + offsetof(Pollfd, revents), fds[i].revents));
        return *n;
    }();
    if (fds != small) kfree(fds);
    return result;
}

bool was_interrupted(const Outcome& o) { return o.is_error() && o.error() == EINTR; }

} // namespace

/// A poll that is restarted (after a stop, without a handler) waits its whole time again.
Outcome sys_poll(PollfdArray<1> fds, UInt nfds, Int timeout) {
    Outcome r = poll_files(fds.address(), nfds, deadline_in_ms(timeout));
    return was_interrupted(r) ? Outcome(Restart::no_hand) : r;
}

Outcome sys_ppoll(PollfdArray<1> fds, UInt nfds, InOut<Timespec> tmo_p, In<SigSet> sigmask, Size sigsetsize) {
    u64 deadline = TRY(deadline_from(tmo_p.address()));
    SignalMaskScope mask;
    TRY(mask.set_from_user(sigmask.address(), sigsetsize));
    Outcome r = poll_files(fds.address(), nfds, deadline);
    write_rest(tmo_p.address(), deadline, to_timespec);
    if (!was_interrupted(r)) return r;
    mask.keep_until_delivery();
    return Restart::no_hand;
}

namespace {

constexpr u32 kReadSet = kPollRdNorm | kPollRdBand | kPollIn | kPollHup | kPollErr;
constexpr u32 kWriteSet = kPollWrBand | kPollWrNorm | kPollOut | kPollErr;
constexpr u32 kExceptSet = kPollPri;

/// select: three bit sets of n descriptors, in and out.
Outcome select_files(i32 n, u64 read_set, u64 write_set, u64 except_set, u64 deadline) {
    if (n < 0) return EINVAL;
    // Linux looks no further than the table is long.
    if (static_cast<u32>(n) > current_files().capacity()) n = static_cast<i32>(current_files().capacity());
    size_t words = (static_cast<size_t>(n) + 63) / 64;
    constexpr size_t kSmallWords = 16; // 1024 descriptors
    u64 small[6 * kSmallWords];
    u64* bits = small;
    if (words > kSmallWords) bits = static_cast<u64*>(kmalloc(6 * words * 8));
    if (!bits) return ENOMEM;
    Outcome result = [&]() -> Outcome {
        const u64 user[3] = {read_set, write_set, except_set};
        u64 *in[3], *out[3];
        for (int k = 0; k < 3; ++k) {
            in[k] = bits + static_cast<size_t>(k) * words;
            out[k] = bits + static_cast<size_t>(k + 3) * words;
            if (user[k]) TRY(copy_from_user(in[k], user[k], words * 8));
            else memset(in[k], 0, words * 8);
        }
        size_t count = 0;
        auto wanted_of = [&](i32 fd) {
            u64 bit = 1ull << (fd % 64);
            return (in[0][fd / 64] & bit ? kReadSet : 0) | (in[1][fd / 64] & bit ? kWriteSet : 0) | (in[2][fd / 64] & bit ? kExceptSet : 0);
        };
        for (i32 fd = 0; fd < n; ++fd) count += wanted_of(fd) != 0;
        HeldFiles files;
        TRY(files.reserve(count));
        size_t held = 0;
        for (i32 fd = 0; fd < n; ++fd)
            if (wanted_of(fd)) {
                files.add(fd);
                if (!files[held++]) return EBADF;
            }
        auto ready = poll_until(
            [&](PollSleep* table) {
                size_t found = 0, i = 0;
                memset(out[0], 0, 3 * words * 8);
                for (i32 fd = 0; fd < n; ++fd) {
                    u32 wanted = wanted_of(fd);
                    if (!wanted) continue;
                    if (table) table->set_wanted(wanted);
                    u32 now = files[i++]->poll(found ? nullptr : table);
                    u64 bit = 1ull << (fd % 64);
                    const u32 sets[3] = {kReadSet, kWriteSet, kExceptSet};
                    for (int k = 0; k < 3; ++k)
                        if ((in[k][fd / 64] & bit) && (now & sets[k])) out[k][fd / 64] |= bit, ++found;
                }
                return found;
            },
            deadline);
        if (!ready) return ready.error();
        for (int k = 0; k < 3; ++k)
            if (user[k]) TRY(copy_to_user(user[k], out[k], words * 8));
        return *ready;
    }();
    if (bits != small) kfree(bits);
    return result;
}

} // namespace

Outcome sys_select(Int nfds, FdSetPtr<0> readfds, FdSetPtr<0> writefds, FdSetPtr<0> exceptfds, InOut<Timeval> timeout) {
    u64 deadline = kForever;
    if (timeout) {
        auto tv = TRY(user_read<Timeval>(timeout.address()));
        // As Linux: microseconds beyond a second are carried over.
        if (tv.sec < 0 || tv.usec < 0) return EINVAL;
        constexpr i64 kMost = i64{1} << 32;
        u64 seconds = static_cast<u64>(tv.sec > kMost ? kMost : tv.sec) + static_cast<u64>(tv.usec / 1000000 > kMost ? kMost : tv.usec / 1000000);
        deadline = deadline_in(seconds * kNsPerSec + static_cast<u64>(tv.usec % 1000000) * kNsPerUs);
    }
    Outcome r = select_files(nfds, readfds.address(), writefds.address(), exceptfds.address(), deadline);
    write_rest(timeout.address(), deadline, to_timeval);
    return was_interrupted(r) ? Outcome(Restart::no_hand) : r;
}

Outcome sys_pselect6(Int nfds, FdSetPtr<0> readfds, FdSetPtr<0> writefds, FdSetPtr<0> exceptfds, InOut<Timespec> timeout,
                     In<SigSetArg> sigmask) {
    u64 deadline = TRY(deadline_from(timeout.address()));
    SignalMaskScope mask;
    if (sigmask) {
        auto arg = TRY(user_read<SigSetArg>(sigmask.address()));
        TRY(mask.set_from_user(arg.set, arg.size));
    }
    Outcome r = select_files(nfds, readfds.address(), writefds.address(), exceptfds.address(), deadline);
    write_rest(timeout.address(), deadline, to_timespec);
    if (!was_interrupted(r)) return r;
    mask.keep_until_delivery();
    return Restart::no_hand;
}

namespace {

Outcome new_epoll(u32 flags) {
    auto f = make_epoll();
    if (!f) return f.error();
    return install_file(std::move(*f), flags);
}

Outcome wait_for_events(int epfd, u64 events, i32 max_events, u64 deadline) {
    constexpr i32 kMost = INT32_MAX / static_cast<i32>(sizeof(EpollEvent));
    if (max_events <= 0 || max_events > kMost) return EINVAL;
    if (!user_range_ok(events, static_cast<u64>(max_events) * sizeof(EpollEvent))) return EFAULT;
    FdRef f(epfd);
    if (!f) return EBADF;
    return epoll_wait(*f, events, static_cast<size_t>(max_events), deadline);
}

Outcome wait_with_mask(int epfd, u64 events, i32 max_events, u64 deadline, u64 set, u64 set_size) {
    SignalMaskScope mask;
    TRY(mask.set_from_user(set, set_size));
    Outcome r = wait_for_events(epfd, events, max_events, deadline);
    if (was_interrupted(r)) mask.keep_until_delivery();
    return r;
}

} // namespace

Outcome sys_epoll_create(Int size) { return size <= 0 ? Outcome(EINVAL) : new_epoll(0); }

Outcome sys_epoll_create1(EpollCreateFlags flags) {
    if (flags.unsupported()) return EINVAL;
    static_assert(EPOLL_CLOEXEC == O_CLOEXEC);
    return new_epoll(static_cast<u32>(flags.bits()));
}

Outcome sys_epoll_ctl(Fd epfd, EpollOp op, Fd fd, In<EpollEvent> event) {
    EpollEvent e{};
    if (op != EPOLL_CTL_DEL) e = TRY(user_read<EpollEvent>(event.address()));
    FdRef ep(epfd), target(fd);
    if (!ep || !target) return EBADF;
    return epoll_control(*ep, op, target.share(), fd, e);
}

Outcome sys_epoll_wait(Fd epfd, EpollEventArray events, Int maxevents, Int timeout) {
    return wait_for_events(epfd, events.address(), maxevents, deadline_in_ms(timeout));
}

Outcome sys_epoll_pwait(Fd epfd, EpollEventArray events, Int maxevents, Int timeout, In<SigSet> sigmask, Size sigsetsize) {
    return wait_with_mask(epfd, events.address(), maxevents, deadline_in_ms(timeout), sigmask.address(), sigsetsize);
}

Outcome sys_epoll_pwait2(Fd epfd, EpollEventArray events, Int maxevents, In<Timespec> timeout, In<SigSet> sigmask,
                         Size sigsetsize) {
    u64 deadline = TRY(deadline_from(timeout.address()));
    return wait_with_mask(epfd, events.address(), maxevents, deadline, sigmask.address(), sigsetsize);
}

} // namespace linnet
