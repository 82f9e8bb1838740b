// Arguments that strace shows in a way of their own in one call.
#include "linux-abi/trace_call.h"
#include "linux-abi/trace_fields.h"

namespace linnet::abi {
namespace {

constexpr ValueName compare_types[] = {
    {"KCMP_FILE", 0}, {"KCMP_VM", 1}, {"KCMP_FILES", 2}, {"KCMP_FS", 3}, {"KCMP_SIGHAND", 4}, {"KCMP_IO", 5}, {"KCMP_SYSVSEM", 6}, {"KCMP_EPOLL_TFD", 7},
};
constexpr ValueName reboot_magics[] = {
    {"LINUX_REBOOT_MAGIC1", 0xfee1dead}, {"LINUX_REBOOT_MAGIC2", 672274793}, {"LINUX_REBOOT_MAGIC2A", 85072278}, {"LINUX_REBOOT_MAGIC2B", 369367448}, {"LINUX_REBOOT_MAGIC2C", 537993216},
};
constexpr ValueName access_flags[] = {
    {"AT_SYMLINK_NOFOLLOW", static_cast<uint64_t>(AT_SYMLINK_NOFOLLOW)}, {"AT_EACCESS", static_cast<uint64_t>(AT_EACCESS)}, {"AT_EMPTY_PATH", static_cast<uint64_t>(AT_EMPTY_PATH)},
};
constexpr ValueName filter_flags[] = {
    {"SECCOMP_FILTER_FLAG_TSYNC", 1}, {"SECCOMP_FILTER_FLAG_LOG", 2}, {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", 4}, {"SECCOMP_FILTER_FLAG_NEW_LISTENER", 8}, {"SECCOMP_FILTER_FLAG_TSYNC_ESRCH", 16},
    {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 32},
};

void put_statx_flags(TraceText& out, uint32_t flags) {
    constexpr uint32_t sync = static_cast<uint32_t>(AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC);
    switch (flags & sync) {
    case 0: out.put("AT_STATX_SYNC_AS_STAT"); break;
    case static_cast<uint32_t>(AT_STATX_FORCE_SYNC): out.put("AT_STATX_FORCE_SYNC"); break;
    case static_cast<uint32_t>(AT_STATX_DONT_SYNC): out.put("AT_STATX_DONT_SYNC"); break;
    default: out.put("AT_STATX_FORCE_SYNC|AT_STATX_DONT_SYNC"); break;
    }
    if (flags & ~sync) {
        out.put('|');
        put_flags(out, NameTable::statx_flags, flags & ~sync);
    }
}

void put_dated(TraceText& out, int64_t seconds) {
    out.decimal(seconds);
    if (!seconds) return;
    out.put(" /* ");
    put_date(out, seconds, 0, 0);
    out.put(" */");
}

void put_utime(Call& c, uint64_t address) {
    int64_t times[2];
    if (!fetch(c.out, address, times, c.memory)) return;
    Fields f(c.out);
    put_dated(f.name("actime"), times[0]);
    put_dated(f.name("modtime"), times[1]);
}

bool put_indirect_address(Call& c, uint64_t address) {
    uint64_t v;
    if (!c.filled()) {
        c.out.address(address);
    } else if (fetch(c.out, address, v, c.memory)) {
        c.out.put('[');
        c.out.address(v);
        c.out.put(']');
    }
    return true;
}

bool put_siginfo_argument(Call& c, uint64_t address, bool filled) {
    Siginfo info;
    if (!filled) {
        c.out.address(address);
    } else if (fetch(c.out, address, info, c.memory)) {
        if (!info.signo) c.out.put("{}");
        else put_siginfo(c.out, info);
    }
    return true;
}

bool put_message_argument(Call& c, unsigned i) {
    MsgHdr m;
    if (!fetch(c.out, c.regs[i], m, c.memory)) return true;
    MessageView view;
    if (c.is(number::recvmsg)) {
        view.hidden = c.failed();
        view.received = true;
        view.data_left = c.filled() && c.result.raw() > 0 ? static_cast<uint64_t>(c.result.raw()) : 0;
        if (c.state && c.state->readable >> i & 1) view.name_length_before = static_cast<int32_t>(c.state->before[i]);
    }
    view.netlink = c.memory.is_netlink(c.reg32(0));
    put_message_header(c.out, m, view, c.memory);
    return true;
}

bool is_netlink(Call& c, uint64_t address, uint64_t length) {
    uint16_t family;
    return address && length >= 12 && c.memory.read(address, &family, sizeof family) && family == AF_NETLINK;
}

} // namespace

bool put_special_argument(Call& c, unsigned i) {
    TraceText& out = c.out;
    const uint64_t v = c.regs[i];
    const ArgKind kind = c.info.arguments[i].kind;
    switch (c.info.number) {
    case number::getrandom:
        if (i != 0 || !c.filled()) return false;
        put_hex_data(c, v, static_cast<uint64_t>(c.result.raw()));
        return true;
    case number::socket:
        if (i != 2) return false;
        put_protocol(c, v);
        return true;
    case number::getdents:
    case number::getdents64:
        if (i != 1 || !c.filled()) return false;
        put_dirents(c, v, c.result.raw());
        return true;
    case number::getgroups:
    case number::setgroups:
        if (i != 1) return false;
        if (c.is(number::setgroups)) put_ids(c, v, c.reg32(0) < 0 ? 0 : static_cast<uint64_t>(c.reg32(0)));
        else if (c.filled() && c.reg32(0)) put_ids(c, v, static_cast<uint64_t>(c.result.raw()));
        else out.address(v);
        return true;
    case number::mincore:
        if (i != 2 || !c.filled()) return false;
        put_page_states(c, v, (c.regs[1] + 4095) / 4096);
        return true;
    case number::rseq:
        if (i != 1 && i != 2) return false;
        out.hex(static_cast<uint32_t>(v));
        return true;
    case number::truncate:
    case number::ftruncate:
        if (i != 1) return false;
        out.unsigned_decimal(v);
        return true;
    case number::utime:
        if (i != 1) return false;
        put_utime(c, v);
        return true;
    case number::time:
        if (i != 0 || !c.filled() || !v) return false;
        out.put('[');
        put_dated(out, c.result.raw());
        out.put(']');
        return true;
    case number::socketpair:
        if (i != 2) return false;
        out.unsigned_decimal(static_cast<uint32_t>(v));
        return true;
    case number::faccessat2:
        if (i != 3) return false;
        put_flags(out, {access_flags, "AT_?\??", nullptr}, static_cast<uint32_t>(v));
        return true;
    case number::openat2:
        if (i != 2 || c.regs[3] >= sizeof(OpenHow)) return false;
        out.address(v);
        return true;
    case number::preadv:
    case number::preadv2:
    case number::pwritev:
    case number::pwritev2:
        if (i != 3) return false;
        out.decimal(static_cast<int64_t>(v));
        return true;
    case number::rt_sigprocmask:
        if ((i != 1 && i != 2) || c.regs[3] == sizeof(SigSet)) return false;
        out.address(v);
        return true;
    case number::sethostname:
    case number::setdomainname:
        if (i != 0 || c.ureg32(1) <= 64) return false;
        out.address(v);
        return true;
    case number::statx:
        if (i == 2) return put_statx_flags(out, static_cast<uint32_t>(v)), true;
        return false;
    case number::mount:
        if (i != 4) return false;
        put_user_string(out, v, c.memory.string_limit, c.memory);
        return true;
    case number::capget:
    case number::capset:
        if (i == 0) put_capability_header(c, v);
        else if (c.is(number::capset) || c.filled()) put_capabilities(c, v);
        else out.address(v);
        return true;
    case number::seccomp:
        if (i == 1) {
            if (c.reg32(0) == SECCOMP_SET_MODE_FILTER) put_flags(out, {filter_flags, "SECCOMP_FILTER_FLAG_?\??", nullptr}, static_cast<uint32_t>(v));
            else out.unsigned_decimal(static_cast<uint32_t>(v));
            return true;
        }
        if (i == 2) return put_seccomp_argument(c, v), true;
        return false;
    case number::kcmp:
        if (i == 2) put_enum(out, {compare_types, "KCMP_?\??", nullptr}, static_cast<uint32_t>(v));
        else if (i > 2) out.decimal(static_cast<int32_t>(v));
        return i >= 2;
    case number::epoll_ctl:
        if (i != 3 || c.reg32(1) != EPOLL_CTL_DEL) return false;
        out.address(v);
        return true;
    case number::wait4:
        if (i != 3 || (c.filled() && c.result.raw() > 0)) return false;
        out.address(v);
        return true;
    case number::waitid:
        if (i == 2) return put_siginfo_argument(c, v, c.filled());
        return false;
    case number::rt_sigtimedwait:
        if (i == 1) return put_siginfo_argument(c, v, c.filled());
        return false;
    case number::rt_sigqueueinfo: return i == 2 && put_siginfo_argument(c, v, true);
    case number::rt_tgsigqueueinfo: return i == 3 && put_siginfo_argument(c, v, true);
    case number::pidfd_send_signal: return i == 2 && put_siginfo_argument(c, v, true);
    case number::set_tid_address: return out.address(v), true;
    case number::get_robust_list:
        if (i == 1) return put_indirect_address(c, v);
        if (i == 2) {
            uint64_t length;
            if (!c.filled()) out.address(v);
            else if (fetch(out, v, length, c.memory)) {
                out.put('[');
                out.unsigned_decimal(length);
                out.put(']');
            }
            return true;
        }
        return false;
    case number::arch_prctl:
        if (i != 1) return false;
        if (c.reg32(0) == ARCH_GET_FS || c.reg32(0) == ARCH_GET_GS) return put_indirect_address(c, v);
        out.hex(v);
        return true;
    case number::process_vm_readv:
    case number::process_vm_writev: {
        if (i == 5) return out.unsigned_decimal(v), true;
        if (kind != ArgKind::iovecs) return false;
        const bool reads = c.is(number::process_vm_readv);
        const bool data = i == 1 && (!reads || c.filled());
        put_iovecs(out, v, c.reg(i + 1), data, reads && c.result.raw() > 0 ? static_cast<uint64_t>(c.result.raw()) : ~uint64_t(0), c.memory);
        return true;
    }
    case number::sendto:
        if (i != 1 || !v || !(is_netlink(c, c.regs[4], c.ureg32(5)) || c.memory.is_netlink(c.reg32(0)))) return false;
        put_netlink(out, v, c.regs[2], c.memory);
        return true;
    case number::recvfrom:
        if (i != 1 || !c.filled() || !v || !c.memory.is_netlink(c.reg32(0))) return false;
        put_netlink(out, v, static_cast<uint64_t>(c.result.raw()) < c.regs[2] ? static_cast<uint64_t>(c.result.raw()) : c.regs[2], c.memory);
        return true;
    case number::sendmsg:
    case number::recvmsg: return i == 1 && put_message_argument(c, i);
    case number::sendmmsg:
    case number::recvmmsg:
        if (i != 1) return false;
        put_message_array(c, v, c.ureg32(2), c.is(number::recvmmsg));
        return true;
    case number::sched_setattr:
    case number::sched_getattr: {
        if (kind == ArgKind::flags) return out.unsigned_decimal(static_cast<uint32_t>(v)), true;
        if (i != 1) return false;
        SchedAttr a = {};
        uint32_t size = c.is(number::sched_getattr) ? c.ureg32(2) : 0;
        if ((c.is(number::sched_getattr) && !c.filled()) || !v) return out.address(v), true;
        if (!size && !c.memory.read(v, &size, sizeof size)) return out.address(v), true;
        if (size > sizeof a) size = sizeof a;
        if (size < 4 || !c.memory.read(v, &a, size)) return out.address(v), true;
        put_sched_attr(out, a, size);
        return true;
    }
    case number::clone3: {
        if (i != 0) return false;
        CloneArgs a = {};
        const uint64_t size = c.regs[1] < sizeof a ? c.regs[1] : sizeof a;
        if (size < 64 || !v || !c.memory.read(v, &a, static_cast<size_t>(size))) return out.address(v), true;
        put_clone_args(out, a);
        return true;
    }
    case number::futex:
        if (i == 5) return put_futex_argument(c, i), true;
        return false;
    case number::personality:
        if (i != 0) return false;
        if (static_cast<uint32_t>(v) == ~0u) out.hex(static_cast<uint32_t>(v));
        else put_flags(out, NameTable::personality, static_cast<uint32_t>(v));
        return true;
    case number::reboot:
        if (i > 1) return false;
        put_enum(out, {reboot_magics, i ? "LINUX_REBOOT_MAGIC_?\??" : "LINUX_REBOOT_MAGIC_?\??", nullptr}, static_cast<uint32_t>(v));
        return true;
    case number::ioctl:
        if (i == 1) return put_ioctl_request(c, v), true;
        return false;
    default: return false;
    }
}

} // namespace linnet::abi
