// Structures in strace's format.
#include "linux-abi/trace_call.h"
#include "linux-abi/trace_fields.h"

namespace linnet::abi {
namespace {

constexpr ValueName mount_states[] = {
    {"ST_RDONLY", 1}, {"ST_NOSUID", 2}, {"ST_NODEV", 4}, {"ST_NOEXEC", 8}, {"ST_SYNCHRONOUS", 16}, {"ST_VALID", 32}, {"ST_MANDLOCK", 64}, {"ST_WRITE", 128}, {"ST_APPEND", 256}, {"ST_IMMUTABLE", 512},
    {"ST_NOATIME", 1024}, {"ST_NODIRATIME", 2048}, {"ST_RELATIME", 4096}, {"ST_NOSYMFOLLOW", 8192},
};
constexpr ValueName lock_types[] = {{"F_RDLCK", 0}, {"F_WRLCK", 1}, {"F_UNLCK", 2}, {"F_EXLCK", 4}, {"F_SHLCK", 8}};

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

/// With the date, as strace shows the times of files.
void put_dated_timespec(TraceText& out, const Timespec& t) {
    put_timespec(out, t);
    if ((!t.sec && !t.nsec) || t.nsec < 0 || t.nsec >= 1000000000) return;
    out.put(" /* ");
    put_date(out, t.sec, static_cast<uint64_t>(t.nsec), 9);
    out.put(" */");
}

void put_dated_timeval(TraceText& out, const Timeval& t) {
    put_timeval(out, t);
    if ((!t.sec && !t.usec) || t.usec < 0 || t.usec >= 1000000) return;
    out.put(" /* ");
    put_date(out, t.sec, static_cast<uint64_t>(t.usec), 6);
    out.put(" */");
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
    f.flags("stx_attributes", NameTable::statx_attributes, s.attributes);
    put_file_mode(f.name("stx_mode"), s.mode);
    f.udec("stx_size", s.size);
    f.more();
}

void put_sigaction(TraceText& out, const Sigaction& a) {
    Fields f(out);
    TraceText& h = f.name("sa_handler");
    if (a.handler == SIG_DFL) h.put("SIG_DFL");
    else if (a.handler == SIG_IGN) h.put("SIG_IGN");
    else h.hex(a.handler);
    put_signal_set(f.name("sa_mask"), a.mask.bits);
    f.flags("sa_flags", NameTable::sa_flags, a.flags);
    if (a.flags & SA_RESTORER) f.address("sa_restorer", a.restorer);
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
            else put_dated_timespec(out, v[i]);
        }
        out.put(']');
        return true;
    }
    case StructId::timeval_pair: {
        Timeval v[2];
        if (!fetch(out, at, v, memory)) return true;
        out.put('[');
        put_dated_timeval(out, v[0]);
        out.put(", ");
        put_dated_timeval(out, v[1]);
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
            f.enumerated("f_type", NameTable::file_system, static_cast<uint64_t>(v.type));
            f.dec("f_bsize", v.bsize);
            f.udec("f_blocks", v.blocks);
            f.udec("f_bfree", v.bfree);
            f.udec("f_bavail", v.bavail);
            f.udec("f_files", v.files);
            f.udec("f_ffree", v.ffree);
            TraceText& id_text = f.name("f_fsid");
            id_text.put("{val=[");
            id_text.hex(static_cast<uint32_t>(v.fsid[0]));
            id_text.put(", ");
            id_text.hex(static_cast<uint32_t>(v.fsid[1]));
            id_text.put("]}");
            f.dec("f_namelen", v.namelen);
            f.dec("f_frsize", v.frsize);
            put_flags(f.name("f_flags"), {mount_states, "ST_?\??", nullptr}, static_cast<uint64_t>(v.flags));
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
    case StructId::flock_result:
        return with<Flock>(out, at, memory, [&](auto& v) {
            Fields f(out);
            put_enum(f.name("l_type"), {lock_types, "F_?\??", nullptr}, static_cast<uint16_t>(v.type));
            f.enumerated("l_whence", NameTable::whence, static_cast<uint16_t>(v.whence));
            f.dec("l_start", v.start);
            f.dec("l_len", v.len);
            if (id == StructId::flock_result) f.dec("l_pid", v.pid);
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
            put_ticks(f.name("tms_utime"), v.utime);
            put_ticks(f.name("tms_stime"), v.stime);
            put_ticks(f.name("tms_cutime"), v.cutime);
            put_ticks(f.name("tms_cstime"), v.cstime);
        });
    case StructId::open_how:
        return with<OpenHow>(out, at, memory, [&](auto& v) {
            Fields f(out);
            f.flags("flags", NameTable::open_flags, v.flags);
            if (v.mode) f.name("mode").octal(v.mode);
            f.flags("resolve", NameTable::resolve_flags, v.resolve);
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

void put_timespec_text(TraceText& out, const Timespec& t) { put_timespec(out, t); }

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

void put_structure(TraceText& out, StructId id, uint64_t address, MemoryReader& memory) {
    if (!address || !put_known(out, id, address, memory)) out.address(address);
}

} // namespace linnet::abi
