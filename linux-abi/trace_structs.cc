// Structures in strace's format.
#include "linux-abi/trace_fields.h"
#include "linux-abi/trace_format.h"

namespace linnet::abi {
namespace {

/// Reads a T at `address`; prints the address and gives false if it can't.
template <class T>
bool fetch(TraceText& out, uint64_t address, T& value, MemoryReader& memory) {
    if (address && memory.read(address, &value, sizeof value)) return true;
    out.address(address);
    return false;
}

void put_timespec(TraceText& out, const Timespec& t) {
    Fields f(out);
    f.dec("tv_sec", t.sec);
    if (t.nsec == UTIME_NOW) f.name("tv_nsec").put("UTIME_NOW");
    else if (t.nsec == UTIME_OMIT) f.name("tv_nsec").put("UTIME_OMIT");
    else f.dec("tv_nsec", t.nsec);
}

void put_timeval(TraceText& out, const Timeval& t) {
    Fields f(out);
    f.dec("tv_sec", t.sec);
    f.dec("tv_usec", t.usec);
}

void put_file_mode(TraceText& out, uint32_t mode) {
    if (const char* type = value_name(NameTable::file_type, mode & S_IFMT)) {
        out.put(type);
        out.put('|');
    }
    uint32_t special = mode & (S_ISUID | S_ISGID | S_ISVTX);
    if (special & S_ISUID) out.put("S_ISUID|");
    if (special & S_ISGID) out.put("S_ISGID|");
    if (special & S_ISVTX) out.put("S_ISVTX|");
    out.octal(mode & 0777);
}

void put_device(TraceText& out, uint64_t dev) {
    out.put("makedev(");
    out.hex(dev_major(dev));
    out.put(", ");
    out.hex(dev_minor(dev));
    out.put(')');
}

void put_limit(TraceText& out, uint64_t v) {
    if (v == RLIM_INFINITY) {
        out.put("RLIM64_INFINITY");
    } else if (v > 1024 && v % 1024 == 0) {
        out.unsigned_decimal(v / 1024);
        out.put("*1024");
    } else {
        out.unsigned_decimal(v);
    }
}

void put_bounded(TraceText& out, const char* text, size_t size) {
    size_t n = 0;
    while (n < size && text[n]) ++n;
    put_quoted(out, reinterpret_cast<const uint8_t*>(text), n, false);
}

void put_stat(TraceText& out, const Stat& s) {
    Fields f(out);
    put_file_mode(f.name("st_mode"), s.mode);
    if ((s.mode & S_IFMT) == S_IFCHR || (s.mode & S_IFMT) == S_IFBLK) put_device(f.name("st_rdev"), s.rdev);
    else f.dec("st_size", s.size);
    f.more();
}

void put_statx(TraceText& out, const Statx& s) {
    Fields f(out);
    f.flags("stx_mask", NameTable::statx_mask, s.mask);
    f.hex("stx_attributes", s.attributes);
    put_file_mode(f.name("stx_mode"), s.mode);
    f.udec("stx_size", s.size);
    f.more();
}

void put_sigaction(TraceText& out, const Sigaction& a) {
    Fields f(out);
    TraceText& h = f.name(a.flags & SA_SIGINFO ? "sa_sigaction" : "sa_handler");
    if (a.handler == SIG_DFL) h.put("SIG_DFL");
    else if (a.handler == SIG_IGN) h.put("SIG_IGN");
    else h.hex(a.handler);
    put_signal_set(f.name("sa_mask"), a.mask.bits);
    f.flags("sa_flags", NameTable::sa_flags, a.flags);
    if (a.flags & SA_RESTORER) f.address("sa_restorer", a.restorer);
}

void put_msghdr(TraceText& out, const MsgHdr& m, MemoryReader& memory) {
    Fields f(out);
    put_socket_address(f.name("msg_name"), m.name, m.namelen, memory);
    f.dec("msg_namelen", m.namelen);
    TraceText& v = f.name("msg_iov");
    Iovec iov;
    if (m.iov && m.iovlen && memory.read(m.iov, &iov, sizeof iov)) {
        v.put("[{iov_base=");
        uint8_t head[trace_string_limit];
        size_t n = iov.len < sizeof head ? static_cast<size_t>(iov.len) : sizeof head;
        if (memory.read(iov.base, head, n)) put_quoted(v, head, n, iov.len > n);
        else v.address(iov.base);
        v.put(", iov_len=");
        v.unsigned_decimal(iov.len);
        v.put(m.iovlen > 1 ? "}, ...]" : "}]");
    } else {
        v.address(m.iov);
    }
    f.udec("msg_iovlen", m.iovlen);
    if (m.controllen) f.address("msg_control", m.control);
    f.udec("msg_controllen", m.controllen);
    f.flags("msg_flags", NameTable::msg_flags, m.flags);
}

void put_clone_args(TraceText& out, const CloneArgs& a) {
    Fields f(out);
    f.flags("flags", NameTable::clone_flags, a.flags);
    if (a.flags & CLONE_PIDFD) f.address("pidfd", a.pidfd);
    if (a.flags & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID)) f.address("child_tid", a.child_tid);
    if (a.flags & CLONE_PARENT_SETTID) f.address("parent_tid", a.parent_tid);
    if (a.exit_signal) put_signal(f.name("exit_signal"), static_cast<int64_t>(a.exit_signal));
    else f.dec("exit_signal", 0);
    f.address("stack", a.stack);
    f.hex("stack_size", a.stack_size);
    if (a.flags & CLONE_SETTLS) f.address("tls", a.tls);
}

void put_sigevent(TraceText& out, const Sigevent& e) {
    Fields f(out);
    if (e.value) {
        TraceText& v = f.name("sigev_value");
        v.put("{sival_int=");
        v.decimal(static_cast<int32_t>(e.value));
        v.put(", sival_ptr=");
        v.hex(e.value);
        v.put('}');
    }
    const bool sends = e.notify == SIGEV_SIGNAL || e.notify == SIGEV_THREAD || e.notify == SIGEV_THREAD_ID;
    if (sends) put_signal(f.name("sigev_signo"), e.signo);
    else f.udec("sigev_signo", static_cast<uint32_t>(e.signo));
    f.enumerated("sigev_notify", NameTable::sigev_notify, static_cast<uint32_t>(e.notify));
    if (e.notify == SIGEV_THREAD_ID) f.dec("sigev_notify_thread_id", e.tid);
    if (e.notify == SIGEV_THREAD) {
        uint64_t function_and_attributes[2];
        __builtin_memcpy(function_and_attributes, e.pad, sizeof function_and_attributes);
        f.address("sigev_notify_function", function_and_attributes[0]);
        f.address("sigev_notify_attributes", function_and_attributes[1]);
    }
}

void put_sysinfo(TraceText& out, const Sysinfo& s) {
    Fields f(out);
    f.dec("uptime", s.uptime);
    TraceText& l = f.name("loads");
    l.put('[');
    for (int i = 0; i < 3; ++i) {
        if (i) l.put(", ");
        l.unsigned_decimal(s.loads[i]);
    }
    l.put(']');
    f.udec("totalram", s.totalram);
    f.udec("freeram", s.freeram);
    f.udec("sharedram", s.sharedram);
    f.udec("bufferram", s.bufferram);
    f.udec("totalswap", s.totalswap);
    f.udec("freeswap", s.freeswap);
    f.udec("procs", s.procs);
    f.udec("totalhigh", s.totalhigh);
    f.udec("freehigh", s.freehigh);
    f.udec("mem_unit", s.mem_unit);
}

/// `{}` around one known structure; false if this id has no text.
bool put_known(TraceText& out, StructId id, uint64_t address, MemoryReader& memory);

template <class T, class F>
[[gnu::noinline]] bool with(TraceText& out, uint64_t address, MemoryReader& memory, F&& print) {
    T value;
    if (fetch(out, address, value, memory)) print(value);
    return true;
}

bool put_known(TraceText& out, StructId id, uint64_t at, MemoryReader& memory) {
    switch (id) {
    case StructId::stat: return with<Stat>(out, at, memory, [&](auto& v) { put_stat(out, v); });
    case StructId::statx: return with<Statx>(out, at, memory, [&](auto& v) { put_statx(out, v); });
    case StructId::timespec: return with<Timespec>(out, at, memory, [&](auto& v) { put_timespec(out, v); });
    case StructId::timeval: return with<Timeval>(out, at, memory, [&](auto& v) { put_timeval(out, v); });
    case StructId::sigaction: return with<Sigaction>(out, at, memory, [&](auto& v) { put_sigaction(out, v); });
    case StructId::sigset:
        return with<SigSet>(out, at, memory, [&](auto& v) { put_signal_set(out, v.bits); });
    case StructId::msghdr: return with<MsgHdr>(out, at, memory, [&](auto& v) { put_msghdr(out, v, memory); });
    case StructId::clone_args: return with<CloneArgs>(out, at, memory, [&](auto& v) { put_clone_args(out, v); });
    case StructId::sysinfo: return with<Sysinfo>(out, at, memory, [&](auto& v) { put_sysinfo(out, v); });
    case StructId::int32:
        return with<int32_t>(out, at, memory, [&](auto& v) {
            out.put('[');
            out.decimal(v);
            out.put(']');
        });
    case StructId::uint32:
        return with<uint32_t>(out, at, memory, [&](auto& v) {
            out.put('[');
            out.unsigned_decimal(v);
            out.put(']');
        });
    case StructId::int64:
        return with<int64_t>(out, at, memory, [&](auto& v) {
            out.put('[');
            out.decimal(v);
            out.put(']');
        });
    case StructId::fd_pair: {
        int32_t v[2];
        if (!fetch(out, at, v, memory)) return true;
        out.put('[');
        out.decimal(v[0]);
        out.put(", ");
        out.decimal(v[1]);
        out.put(']');
        return true;
    }
    case StructId::timespec_pair: {
        Timespec v[2];
        if (!fetch(out, at, v, memory)) return true;
        out.put('[');
        for (int i = 0; i < 2; ++i) {
            if (i) out.put(", ");
            if (v[i].nsec == UTIME_NOW) out.put("UTIME_NOW");
            else if (v[i].nsec == UTIME_OMIT) out.put("UTIME_OMIT");
            else put_timespec(out, v[i]);
        }
        out.put(']');
        return true;
    }
    case StructId::timeval_pair: {
        Timeval v[2];
        if (!fetch(out, at, v, memory)) return true;
        out.put('[');
        put_timeval(out, v[0]);
        out.put(", ");
        put_timeval(out, v[1]);
        out.put(']');
        return true;
    }
    case StructId::itimerspec:
        return with<Itimerspec>(out, at, memory, [&](auto& v) {
            Fields f(out);
            put_timespec(f.name("it_interval"), v.interval);
            put_timespec(f.name("it_value"), v.value);
        });
    case StructId::itimerval:
        return with<Itimerval>(out, at, memory, [&](auto& v) {
            Fields f(out);
            put_timeval(f.name("it_interval"), v.interval);
            put_timeval(f.name("it_value"), v.value);
        });
    case StructId::timezone:
        return with<Timezone>(out, at, memory, [&](auto& v) {
            Fields f(out);
            f.dec("tz_minuteswest", v.minuteswest);
            f.dec("tz_dsttime", v.dsttime);
        });
    case StructId::sigaltstack:
        return with<Sigaltstack>(out, at, memory, [&](auto& v) {
            Fields f(out);
            f.address("ss_sp", v.sp);
            f.flags("ss_flags", NameTable::ss_flags, static_cast<uint32_t>(v.flags));
            f.udec("ss_size", v.size);
        });
    case StructId::rlimit:
        return with<Rlimit>(out, at, memory, [&](auto& v) {
            Fields f(out);
            put_limit(f.name("rlim_cur"), v.cur);
            put_limit(f.name("rlim_max"), v.max);
        });
    case StructId::rusage:
        return with<Rusage>(out, at, memory, [&](auto& v) {
            Fields f(out);
            put_timeval(f.name("ru_utime"), {v.utime_sec, v.utime_usec});
            put_timeval(f.name("ru_stime"), {v.stime_sec, v.stime_usec});
            f.more();
        });
    case StructId::utsname:
        return with<Utsname>(out, at, memory, [&](auto& v) {
            Fields f(out);
            put_bounded(f.name("sysname"), v.sysname, sizeof v.sysname);
            put_bounded(f.name("nodename"), v.nodename, sizeof v.nodename);
            f.more();
        });
    case StructId::statfs:
        return with<Statfs>(out, at, memory, [&](auto& v) {
            Fields f(out);
            f.hex("f_type", static_cast<uint64_t>(v.type));
            f.dec("f_bsize", v.bsize);
            f.udec("f_blocks", v.blocks);
            f.udec("f_bfree", v.bfree);
            f.udec("f_bavail", v.bavail);
            f.udec("f_files", v.files);
            f.udec("f_ffree", v.ffree);
            f.more();
        });
    case StructId::epoll_event:
        return with<EpollEvent>(out, at, memory, [&](auto& v) {
            uint32_t events = v.events;
            uint64_t data = v.data;
            Fields f(out);
            f.flags("events", NameTable::epoll_events, events);
            TraceText& d = f.name("data");
            d.put("{u32=");
            d.unsigned_decimal(static_cast<uint32_t>(data));
            d.put(", u64=");
            d.unsigned_decimal(data);
            d.put('}');
        });
    case StructId::sched_param:
        return with<SchedParam>(out, at, memory, [&](auto& v) {
            out.put('[');
            out.decimal(v.priority);
            out.put(']');
        });
    case StructId::flock:
        return with<Flock>(out, at, memory, [&](auto& v) {
            Fields f(out);
            f.name("l_type").put(v.type == F_RDLCK ? "F_RDLCK" : v.type == F_WRLCK ? "F_WRLCK" : "F_UNLCK");
            f.enumerated("l_whence", NameTable::whence, static_cast<uint16_t>(v.whence));
            f.dec("l_start", v.start);
            f.dec("l_len", v.len);
        });
    case StructId::winsize:
        return with<Winsize>(out, at, memory, [&](auto& v) {
            Fields f(out);
            f.udec("ws_row", v.row);
            f.udec("ws_col", v.col);
            f.udec("ws_xpixel", v.xpixel);
            f.udec("ws_ypixel", v.ypixel);
        });
    case StructId::tms:
        return with<Tms>(out, at, memory, [&](auto& v) {
            Fields f(out);
            f.dec("tms_utime", v.utime);
            f.dec("tms_stime", v.stime);
            f.dec("tms_cutime", v.cutime);
            f.dec("tms_cstime", v.cstime);
        });
    case StructId::open_how:
        return with<OpenHow>(out, at, memory, [&](auto& v) {
            Fields f(out);
            f.flags("flags", NameTable::open_flags, v.flags);
            if (v.mode) f.name("mode").octal(v.mode);
            f.hex("resolve", v.resolve);
        });
    case StructId::sigevent: return with<Sigevent>(out, at, memory, [&](auto& v) { put_sigevent(out, v); });
    case StructId::mq_attr:
        return with<MqAttr>(out, at, memory, [&](auto& v) {
            Fields f(out);
            TraceText& flags = f.name("mq_flags");
            if (!v.flags) flags.put('0');
            else if (v.flags == O_NONBLOCK) flags.put("O_NONBLOCK");
            else flags.hex(static_cast<uint64_t>(v.flags));
            f.dec("mq_maxmsg", v.maxmsg);
            f.dec("mq_msgsize", v.msgsize);
            f.dec("mq_curmsgs", v.curmsgs);
        });
    case StructId::sigset_arg:
        return with<SigSetArg>(out, at, memory, [&](auto& v) {
            Fields f(out);
            TraceText& s = f.name("sigmask");
            SigSet set;
            if (v.set && memory.read(v.set, &set, sizeof set)) put_signal_set(s, set.bits);
            else s.address(v.set);
            f.udec("sigsetsize", v.size);
        });
    default: return false;
    }
}

} // namespace

void put_structure(TraceText& out, StructId id, uint64_t address, MemoryReader& memory) {
    if (!address || !put_known(out, id, address, memory)) out.address(address);
}

void put_signal_set(TraceText& out, uint64_t bits) {
    // The shorter of the set and its complement, as strace.
    int count = 0;
    for (uint64_t left = bits; left; left &= left - 1) ++count;
    bool inverted = count >= 43;
    if (inverted) {
        out.put('~');
        bits = ~bits;
    }
    out.put('[');
    bool first = true;
    for (int sig = 1; sig <= nsig; ++sig) {
        if (!(bits >> (sig - 1) & 1)) continue;
        if (!first) out.put(' ');
        first = false;
        char text[16];
        TraceText name(text, sizeof text);
        put_signal(name, sig);
        std::string_view t = name.text();
        if (t.starts_with("SIG")) t.remove_prefix(3);
        out.put(t);
    }
    out.put(']');
}

void put_wait_status(TraceText& out, uint32_t status) {
    uint32_t low = status & 0x7f;
    if (low == 0) {
        out.put("{WIFEXITED(s) && WEXITSTATUS(s) == ");
        out.unsigned_decimal(status >> 8 & 0xff);
    } else if (status == 0xffff) {
        out.put("{WIFCONTINUED(s)");
    } else if (low == 0x7f) {
        out.put("{WIFSTOPPED(s) && WSTOPSIG(s) == ");
        put_signal(out, status >> 8 & 0xff);
    } else {
        out.put("{WIFSIGNALED(s) && WTERMSIG(s) == ");
        put_signal(out, low);
        if (status & 0x80) out.put(" && WCOREDUMP(s)");
    }
    out.put('}');
}

void put_socket_address(TraceText& out, uint64_t address, int64_t length, MemoryReader& memory) {
    uint8_t raw[sizeof(SockAddrStorage)] = {};
    if (length < 2 || length > static_cast<int64_t>(sizeof raw) || !address ||
        !memory.read(address, raw, static_cast<size_t>(length))) {
        out.address(address);
        return;
    }
    uint16_t family;
    __builtin_memcpy(&family, raw, sizeof family);
    Fields f(out);
    f.enumerated("sa_family", NameTable::sock_family, family);
    auto port = [&] { return uint32_t(raw[2]) << 8 | raw[3]; };
    if (family == AF_INET && length >= 16) {
        TraceText& p = f.name("sin_port");
        p.put("htons(");
        p.unsigned_decimal(port());
        p.put(')');
        TraceText& a = f.name("sin_addr");
        a.put("inet_addr(\"");
        for (int i = 4; i < 8; ++i) {
            if (i > 4) a.put('.');
            a.unsigned_decimal(raw[i]);
        }
        a.put("\")");
    } else if (family == AF_INET6 && length >= 24) {
        TraceText& p = f.name("sin6_port");
        p.put("htons(");
        p.unsigned_decimal(port());
        p.put("), sin6_flowinfo=htonl(");
        p.unsigned_decimal(uint32_t(raw[4]) << 24 | uint32_t(raw[5]) << 16 | uint32_t(raw[6]) << 8 | raw[7]);
        p.put("), inet_pton(AF_INET6, \"");
        // RFC 5952: the longest run of two or more zero groups becomes "::".
        int best = -1, best_length = 1;
        for (int i = 0; i < 8; ++i) {
            int n = 0;
            while (i + n < 8 && raw[8 + 2 * (i + n)] == 0 && raw[9 + 2 * (i + n)] == 0) ++n;
            if (n > best_length) best = i, best_length = n;
        }
        for (int i = 0; i < 8;) {
            if (i == best) {
                p.put("::");
                i += best_length;
                continue;
            }
            if (i && i != best + best_length) p.put(':');
            else if (i && best < 0) p.put(':');
            p.hex_digits(uint32_t(raw[8 + 2 * i]) << 8 | raw[9 + 2 * i], 1);
            ++i;
        }
        p.put("\", &sin6_addr), sin6_scope_id=");
        uint32_t scope = 0;
        __builtin_memcpy(&scope, raw + 24, sizeof scope);
        p.unsigned_decimal(scope);
    } else if (family == AF_UNIX && length > 2) {
        TraceText& p = f.name("sun_path");
        const uint8_t* path = raw + 2;
        size_t n = static_cast<size_t>(length) - 2;
        if (path[0] == 0 && n > 1) {
            p.put('@');
            put_quoted(p, path + 1, n - 1, false);
        } else {
            size_t end = 0;
            while (end < n && path[end]) ++end;
            put_quoted(p, path, end, false);
        }
    } else if (family == AF_NETLINK && length >= 12) {
        uint32_t pid, groups;
        __builtin_memcpy(&pid, raw + 4, sizeof pid);
        __builtin_memcpy(&groups, raw + 8, sizeof groups);
        f.udec("nl_pid", pid);
        f.name("nl_groups").hex_digits(groups, 8);
    }
}

void put_quoted(TraceText& out, const uint8_t* bytes, size_t size, bool more) {
    out.put('"');
    for (size_t i = 0; i < size; ++i) {
        uint8_t c = bytes[i];
        switch (c) {
        case '"': out.put("\\\""); continue;
        case '\\': out.put("\\\\"); continue;
        case '\n': out.put("\\n"); continue;
        case '\t': out.put("\\t"); continue;
        case '\r': out.put("\\r"); continue;
        case '\v': out.put("\\v"); continue;
        case '\f': out.put("\\f"); continue;
        default: break;
        }
        if (c >= 0x20 && c < 0x7f) {
            out.put(static_cast<char>(c));
            continue;
        }
        // Octal, as short as the next character allows.
        bool next_is_digit = i + 1 < size && bytes[i + 1] >= '0' && bytes[i + 1] <= '9';
        out.put('\\');
        if (next_is_digit || c >= 0100) out.put(static_cast<char>('0' + (c >> 6)));
        if (next_is_digit || c >= 010) out.put(static_cast<char>('0' + (c >> 3 & 7)));
        out.put(static_cast<char>('0' + (c & 7)));
    }
    out.put(more ? "\"..." : "\"");
}

void put_user_string(TraceText& out, uint64_t address, size_t limit, MemoryReader& memory) {
    if (!address) {
        out.put("NULL");
        return;
    }
    // In pieces that end with a page, since the string may stop just before an unmapped one.
    constexpr size_t piece = 128;
    uint8_t buffer[piece + 1];
    size_t done = 0;
    bool opened = false;
    while (done < limit) {
        uint64_t at = address + done;
        size_t n = 4096 - (at & 4095);
        if (n > piece) n = piece;
        if (n > limit + 1 - done) n = limit + 1 - done;
        if (!memory.read(at, buffer, n)) {
            if (!opened) {
                out.address(address);
                return;
            }
            out.put("\"...");
            return;
        }
        size_t used = 0;
        while (used < n && buffer[used]) ++used;
        bool end = used < n;
        size_t shown = used > limit - done ? limit - done : used;
        // put_quoted adds the quotes; pieces after the first go on without an opening one.
        char text[piece * 4 + 8];
        TraceText part(text, sizeof text);
        put_quoted(part, buffer, shown, false);
        std::string_view t = part.text();
        if (!opened) out.put('"');
        opened = true;
        t.remove_prefix(1);
        t.remove_suffix(1);
        out.put(t);
        done += used;
        if (end) {
            out.put('"');
            return;
        }
    }
    out.put("\"...");
}

} // namespace linnet::abi
