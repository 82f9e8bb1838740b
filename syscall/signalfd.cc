// signalfd(2): pending signals as records to read.
#include "kernel/lib/string.h"
#include "kernel/mm/user.h"
#include "kernel/task/task.h"
#include "linux-abi/fcntl.h"
#include "linux-abi/poll.h"
#include "linux-abi/syscalls.h"
#include "vfs/file_table.h"
#include "vfs/inode.h"

namespace linnet {

using namespace abi;

namespace {

/// struct signalfd_siginfo.
struct SignalRecord {
    u32 signo;
    i32 err, code;
    u32 pid, uid;
    i32 fd;
    u32 tid, band, overrun, trapno;
    i32 status, value;
    u64 pointer, utime, stime, addr;
    u16 addr_lsb, pad2;
    i32 syscall;
    u64 call_addr;
    u32 arch;
    u8 pad[28];
};
static_assert(sizeof(SignalRecord) == 128 && offsetof(SignalRecord, pointer) == 48 && offsetof(SignalRecord, arch) == 96);

SignalRecord record_of(const Siginfo& i) {
    SignalRecord r;
    memset(&r, 0, sizeof r);
    r.signo = u32(i.signo), r.err = i.err, r.code = i.code;
    const bool fault = i.code > 0 && i.code != SI_KERNEL;
    if (fault && i.signo == SIGCHLD) {
        r.pid = u32(i.chld.pid), r.uid = i.chld.uid, r.status = i.chld.status;
        r.utime = u64(i.chld.utime), r.stime = u64(i.chld.stime);
    } else if (fault && (signal_bit(i.signo) & kSynchronousSignals)) {
        r.addr = i.fault.addr;
    } else if (i.code == SI_TIMER) {
        r.tid = u32(i.timer.tid), r.overrun = u32(i.timer.overrun), r.pointer = i.timer.value, r.value = i32(i.timer.value);
    } else if (i.code == SI_SIGIO || (fault && i.signo == SIGIO)) {
        r.band = u32(i.poll.band), r.fd = i.poll.fd;
    } else {
        r.pid = u32(i.kill.pid), r.uid = i.kill.uid;
        if (i.code != SI_USER && i.code != SI_TKILL) r.pointer = i.kill.value, r.value = i32(i.kill.value);
    }
    return r;
}

class SignalFile final : public File {
  public:
    SignalFile(Ref<Inode> inode, SignalSet mask, u32 flags) : File(flags), inode_(std::move(inode)), mask_(mask) {}

    Result<size_t> read(IoVector& to, u64&, bool nonblock) override {
        size_t total = 0;
        if (to.remaining() < sizeof(SignalRecord)) return EINVAL;
        while (to.remaining() >= sizeof(SignalRecord)) {
            Siginfo info;
            int sig = take_signal(mask(), info);
            if (!sig) {
                if (total) break;
                if (nonblock) return EAGAIN;
                WaitResult w = wait_until(current().process->signal_wait, [&] { return pending_signals() & mask(); });
                if (w == WaitResult::Interrupted) return kRestartSys;
                continue;
            }
            SignalRecord r = record_of(info);
            if (to.copy_out(&r, sizeof r) != sizeof r) return total ? Result<size_t>(total) : Result<size_t>(EFAULT);
            total += sizeof r;
        }
        return total;
    }
    u32 poll(PollTable* table) override {
        Process& p = *current().process;
        if (table) table->watch(p.signal_wait);
        return pending_signals() & mask() ? kPollIn | kPollRdNorm : 0;
    }
    void describe(TextBuffer& out) override { out.append("anon_inode:[signalfd]"); }
    Inode& inode() override { return *inode_; }

    SignalSet mask() const { return mask_.load(std::memory_order_relaxed); }
    void set_mask(SignalSet m) {
        mask_.store(m, std::memory_order_relaxed);
        current().process->signal_wait.wake_all();
    }

    /// There is no RTTI: the text that /proc shows tells the class. Null for another one.
    static SignalFile* from(File& f) {
        char text[32];
        TextBuffer t(text, sizeof text);
        f.describe(t);
        return strcmp(text, "anon_inode:[signalfd]") ? nullptr : static_cast<SignalFile*>(&f);
    }

  private:
    Ref<Inode> inode_;
    std::atomic<SignalSet> mask_;
};

Outcome make_signalfd(int fd, u64 mask_address, u64 size, u32 flags) {
    if (size != sizeof(SigSet)) return EINVAL;
    const SignalSet mask = TRY(user_read<u64>(mask_address)) & ~kUnblockable;
    if (flags & ~u32(O_CLOEXEC | O_NONBLOCK)) return EINVAL;
    if (fd == -1) {
        Ref<Inode> inode = TRY(make_anonymous_inode(0600));
        Ref<SignalFile> file = TRY(make_ref<SignalFile>(std::move(inode), mask, u32(O_RDWR) | (flags & u32(O_NONBLOCK))));
        return install_file(std::move(file), flags);
    }
    Ref<File> file = TRY(current_file(fd));
    SignalFile* s = SignalFile::from(*file);
    if (!s) return EINVAL;
    s->set_mask(mask);
    return fd;
}

} // namespace

Outcome sys_signalfd(Fd fd, In<SigSet> mask, Size sizemask) { return make_signalfd(fd, mask.address(), sizemask, 0); }
Outcome sys_signalfd4(Fd fd, In<SigSet> mask, Size sizemask, SignalfdFlags flags) {
    return make_signalfd(fd, mask.address(), sizemask, u32(flags.bits()));
}

} // namespace linnet
