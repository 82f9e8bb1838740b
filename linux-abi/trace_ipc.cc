#include "linux-abi/trace_ipc.h"

#include "linux-abi/trace_fields.h"

namespace linnet::abi {
namespace {

void put_perm(TraceText& out, const IpcPerm& p, bool whole) {
    Fields f(out);
    f.udec("uid", p.uid);
    f.udec("gid", p.gid);
    f.name("mode").octal(p.mode);
    if (!whole) return;
    f.dec("key", p.key);
    f.udec("cuid", p.cuid);
    f.udec("cgid", p.cgid);
}

void put_shmid(TraceText& out, const ShmidDs& d, bool whole) {
    Fields f(out);
    put_perm(f.name("shm_perm"), d.perm, whole);
    if (!whole) return;
    f.udec("shm_segsz", d.segsz);
    f.dec("shm_cpid", d.cpid);
    f.dec("shm_lpid", d.lpid);
    f.udec("shm_nattch", d.nattch);
    f.dec("shm_atime", d.atime);
    f.dec("shm_dtime", d.dtime);
    f.dec("shm_ctime", d.ctime);
}

void put_semid(TraceText& out, const SemidDs& d, bool whole) {
    Fields f(out);
    put_perm(f.name("sem_perm"), d.perm, whole);
    if (!whole) return;
    f.dec("sem_otime", d.otime);
    f.dec("sem_ctime", d.ctime);
    f.udec("sem_nsems", d.nsems);
}

void put_msqid(TraceText& out, const MsqidDs& d, bool whole) {
    Fields f(out);
    put_perm(f.name("msg_perm"), d.perm, whole);
    if (whole) {
        f.dec("msg_stime", d.stime);
        f.dec("msg_rtime", d.rtime);
        f.dec("msg_ctime", d.ctime);
        f.udec("msg_qnum", d.qnum);
    }
    f.udec("msg_qbytes", d.qbytes);
    if (!whole) return;
    f.dec("msg_lspid", d.lspid);
    f.dec("msg_lrpid", d.lrpid);
}

void put_seminfo(TraceText& out, const Seminfo& i) {
    Fields f(out);
    f.dec("semmap", i.semmap);
    f.dec("semmni", i.semmni);
    f.dec("semmns", i.semmns);
    f.dec("semmnu", i.semmnu);
    f.dec("semmsl", i.semmsl);
    f.dec("semopm", i.semopm);
    f.dec("semume", i.semume);
    f.dec("semusz", i.semusz);
    f.dec("semvmx", i.semvmx);
    f.dec("semaem", i.semaem);
}

void put_msginfo(TraceText& out, const Msginfo& i) {
    Fields f(out);
    f.dec("msgpool", i.msgpool);
    f.dec("msgmap", i.msgmap);
    f.dec("msgmax", i.msgmax);
    f.dec("msgmnb", i.msgmnb);
    f.dec("msgmni", i.msgmni);
    f.dec("msgssz", i.msgssz);
    f.dec("msgtql", i.msgtql);
    f.udec("msgseg", i.msgseg);
}

void put_shm_limits(TraceText& out, const ShmLimits& l) {
    Fields f(out);
    f.udec("shmmax", l.shmmax);
    f.udec("shmmin", l.shmmin);
    f.udec("shmmni", l.shmmni);
    f.udec("shmseg", l.shmseg);
    f.udec("shmall", l.shmall);
}

void put_shm_usage(TraceText& out, const ShmUsage& u) {
    Fields f(out);
    f.dec("used_ids", u.used_ids);
    f.udec("shm_tot", u.shm_tot);
    f.udec("shm_rss", u.shm_rss);
    f.udec("shm_swp", u.shm_swp);
    f.udec("swap_attempts", u.swap_attempts);
    f.udec("swap_successes", u.swap_successes);
}

template <class T, class F>
void fetched(TraceText& out, uint64_t address, MemoryReader& memory, F&& print) {
    T v;
    if (address && memory.read(address, &v, sizeof v)) print(v);
    else out.address(address);
}

/// shmctl, semctl, msgctl: in for IPC_SET, out for the commands that ask.
void put_control(TraceText& out, const IpcArgument& a, MemoryReader& memory) {
    const int command = static_cast<int32_t>(a.other);
    const bool set = command == IPC_SET;
    const bool shm = a.kind == ArgKind::shm_buffer, sem = a.kind == ArgKind::sem_argument;
    const int stat = shm ? SHM_STAT : sem ? SEM_STAT : MSG_STAT, info = shm ? SHM_INFO : sem ? SEM_INFO : MSG_INFO;
    const int any = shm ? SHM_STAT_ANY : sem ? SEM_STAT_ANY : MSG_STAT_ANY;
    if (set || (a.filled && (command == IPC_STAT || command == stat || command == any))) {
        if (shm) return fetched<ShmidDs>(out, a.value, memory, [&](auto& v) { put_shmid(out, v, !set); });
        if (sem) return fetched<SemidDs>(out, a.value, memory, [&](auto& v) { put_semid(out, v, !set); });
        return fetched<MsqidDs>(out, a.value, memory, [&](auto& v) { put_msqid(out, v, !set); });
    }
    if (a.filled && (command == IPC_INFO || command == info)) {
        if (sem) return fetched<Seminfo>(out, a.value, memory, [&](auto& v) { put_seminfo(out, v); });
        if (!shm) return fetched<Msginfo>(out, a.value, memory, [&](auto& v) { put_msginfo(out, v); });
        if (command == IPC_INFO) return fetched<ShmLimits>(out, a.value, memory, [&](auto& v) { put_shm_limits(out, v); });
        return fetched<ShmUsage>(out, a.value, memory, [&](auto& v) { put_shm_usage(out, v); });
    }
    out.address(a.value);
}

void put_sembufs(TraceText& out, uint64_t address, uint64_t count, MemoryReader& memory) {
    Sembuf first;
    if (!address || !count || !memory.read(address, &first, sizeof first)) {
        out.address(address);
        return;
    }
    out.put('[');
    for (uint64_t i = 0; i < count; ++i) {
        Sembuf s;
        if (i) out.put(", ");
        if (i == trace_string_limit || !memory.read(address + i * sizeof s, &s, sizeof s)) {
            out.put("...");
            break;
        }
        Fields f(out);
        f.udec("sem_num", s.num);
        f.dec("sem_op", s.op);
        f.flags("sem_flg", NameTable::sem_flags, static_cast<uint16_t>(s.flg));
    }
    out.put(']');
}

/// `{mtype=1, mtext="..."}`
void put_message(TraceText& out, const IpcArgument& a, MemoryReader& memory) {
    int64_t type;
    if ((a.direction == Direction::out && !a.filled) || !a.value || !memory.read(a.value, &type, sizeof type)) {
        out.address(a.value);
        return;
    }
    DataHead head(memory);
    const size_t n = a.other < head.limit ? static_cast<size_t>(a.other) : head.limit;
    Fields f(out);
    f.dec("mtype", type);
    TraceText& t = f.name("mtext");
    if (memory.read(a.value + sizeof type, head.bytes, n)) put_quoted(t, head.bytes, n, a.other > n);
    else t.address(a.value + sizeof type);
}

} // namespace

void put_ipc_argument(TraceText& out, const IpcArgument& a, MemoryReader& memory) {
    switch (a.kind) {
    case ArgKind::ipc_key:
        if (static_cast<uint32_t>(a.value)) out.hex(static_cast<uint32_t>(a.value));
        else out.put("IPC_PRIVATE");
        break;
    case ArgKind::ipc_flags: {
        const uint32_t flags = static_cast<uint32_t>(a.value) & ~0777u;
        if (flags) {
            put_flags(out, a.table, flags);
            out.put('|');
        }
        out.octal(a.value & 0777);
        break;
    }
    case ArgKind::sembufs: put_sembufs(out, a.value, a.other, memory); break;
    case ArgKind::message: put_message(out, a, memory); break;
    case ArgKind::shm_buffer:
    case ArgKind::msg_buffer: put_control(out, a, memory); break;
    case ArgKind::sem_argument:
        if (static_cast<int32_t>(a.other) == SETVAL) out.hex(a.value);
        else put_control(out, a, memory);
        break;
    default: break;
    }
}

} // namespace linnet::abi
