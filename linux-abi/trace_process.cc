// Arguments of calls on processes and threads in strace's format: clone, futex, scheduling, capabilities, seccomp.
#include "linux-abi/bpf.h"
#include "linux-abi/trace_call.h"
#include "linux-abi/trace_fields.h"

namespace linnet::abi {
namespace {

constexpr ValueName sched_flag_names[] = {
    {"SCHED_FLAG_RESET_ON_FORK", 1}, {"SCHED_FLAG_RECLAIM", 2}, {"SCHED_FLAG_DL_OVERRUN", 4}, {"SCHED_FLAG_KEEP_POLICY", 8}, {"SCHED_FLAG_KEEP_PARAMS", 16},
    {"SCHED_FLAG_UTIL_CLAMP_MIN", 32}, {"SCHED_FLAG_UTIL_CLAMP_MAX", 64},
};
constexpr ValueName capability_versions[] = {
    {"_LINUX_CAPABILITY_VERSION_1", 0x19980330}, {"_LINUX_CAPABILITY_VERSION_2", 0x20071026}, {"_LINUX_CAPABILITY_VERSION_3", 0x20080522},
};
#define N(name) {#name, static_cast<uint64_t>(static_cast<uint32_t>(name))}
constexpr ValueName filter_actions[] = {
    N(SECCOMP_RET_KILL_PROCESS), N(SECCOMP_RET_KILL_THREAD), N(SECCOMP_RET_TRAP), N(SECCOMP_RET_ERRNO), N(SECCOMP_RET_USER_NOTIF), N(SECCOMP_RET_TRACE), N(SECCOMP_RET_LOG), N(SECCOMP_RET_ALLOW),
};
#undef N
constexpr ValueName futex_operations[] = {{"FUTEX_OP_SET", 0}, {"FUTEX_OP_ADD", 1}, {"FUTEX_OP_OR", 2}, {"FUTEX_OP_ANDN", 3}, {"FUTEX_OP_XOR", 4}};
constexpr ValueName futex_comparisons[] = {
    {"FUTEX_OP_CMP_EQ", 0}, {"FUTEX_OP_CMP_NE", 1}, {"FUTEX_OP_CMP_LT", 2}, {"FUTEX_OP_CMP_LE", 3}, {"FUTEX_OP_CMP_GT", 4}, {"FUTEX_OP_CMP_GE", 5},
};

void put_thread_id(TraceText& out, const char* name, uint64_t address, bool filled, MemoryReader& memory) {
    out.put(name);
    if (filled) put_structure(out, StructId::int32, address, memory);
    else out.address(address);
}

void put_exit_signal(TraceText& out, uint64_t flags) {
    const uint64_t signal = flags & static_cast<uint64_t>(CSIGNAL);
    const uint64_t rest = static_cast<uint32_t>(flags) & ~uint32_t(CSIGNAL);
    if (rest) put_flags(out, NameTable::clone_flags, rest);
    if (signal) {
        if (rest) out.put('|');
        put_signal(out, static_cast<int64_t>(signal));
    } else if (!rest) {
        out.put('0');
    }
}

void put_wake_op(TraceText& out, uint32_t word) {
    const uint32_t operation = word >> 28 & 0xf, comparison = word >> 24 & 0xf;
    if (operation & 8) out.put("FUTEX_OP_OPARG_SHIFT<<28|");
    put_enum(out, {futex_operations, "FUTEX_OP_?\??", nullptr}, operation & 7);
    out.put("<<28|");
    out.hex(word >> 12 & 0xfff);
    out.put("<<12|");
    put_enum(out, {futex_comparisons, "FUTEX_OP_CMP_?\??", nullptr}, comparison);
    out.put("<<24|");
    out.hex(word & 0xfff);
}

} // namespace

void put_clone(Call& c) {
    c.out.put("child_stack=");
    c.out.address(c.regs[1]);
    c.out.put(", flags=");
    put_exit_signal(c.out, c.regs[0]);
}

void put_clone_result(Call& c) {
    const uint64_t flags = c.regs[0];
    if (flags & (CLONE_PARENT_SETTID | CLONE_PIDFD)) put_thread_id(c.out, ", parent_tid=", c.regs[2], c.filled(), c.memory);
    if (flags & CLONE_SETTLS) {
        c.out.put(", tls=");
        c.out.address(c.regs[4]);
    }
    if (flags & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID)) {
        c.out.put(", child_tidptr=");
        c.out.address(c.regs[3]);
    }
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

void put_clone_args_result(Call& c) {
    CloneArgs a = {};
    const uint64_t size = c.regs[1] < sizeof a ? c.regs[1] : sizeof a;
    if (!c.filled() || size < 64 || !c.memory.read(c.regs[0], &a, static_cast<size_t>(size))) return;
    if (!(a.flags & (CLONE_PIDFD | CLONE_PARENT_SETTID))) return;
    c.out.put(" => ");
    Fields f(c.out);
    if (a.flags & CLONE_PIDFD) put_structure(f.name("pidfd"), StructId::int32, a.pidfd, c.memory);
    if (a.flags & CLONE_PARENT_SETTID) put_structure(f.name("parent_tid"), StructId::int32, a.parent_tid, c.memory);
}

void put_futex_op(TraceText& out, uint32_t op) {
    uint32_t command = op & 0x7f;
    const char* name = value_name(NameTable::futex_op, command);
    if (name) {
        out.put(name);
        if (op & 128) out.put("_PRIVATE");
    } else {
        out.hex(command);
        out.put(" /* FUTEX_?\?? */");
        if (op & 128) out.put("|FUTEX_PRIVATE_FLAG");
    }
    if (op & 256) out.put("|FUTEX_CLOCK_REALTIME");
    if (op & ~0x1ffu) {
        out.put('|');
        out.hex(op & ~0x1ffu);
    }
}

unsigned futex_arguments(uint32_t op) {
    switch (op & 0x7f) {
    case FUTEX_WAIT: return 0b001111;
    case FUTEX_WAKE:
    case FUTEX_FD: return 0b000111;
    case FUTEX_REQUEUE: return 0b011111;
    case FUTEX_WAIT_BITSET: return 0b101111;
    case FUTEX_WAKE_BITSET: return 0b100111;
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2: return 0b001011;
    case FUTEX_UNLOCK_PI:
    case FUTEX_TRYLOCK_PI: return 0b000011;
    case FUTEX_WAIT_REQUEUE_PI: return 0b011111;
    default: return 0b111111;
    }
}

void put_futex_argument(Call& c, unsigned i) {
    const uint32_t command = c.ureg32(1) & 0x7f;
    const uint64_t v = c.regs[i];
    switch (i) {
    case 3:
        switch (command) {
        case FUTEX_WAIT:
        case FUTEX_WAIT_BITSET:
        case FUTEX_LOCK_PI:
        case FUTEX_LOCK_PI2:
        case FUTEX_WAIT_REQUEUE_PI: put_structure(c.out, StructId::timespec, v, c.memory); break;
        case FUTEX_REQUEUE:
        case FUTEX_CMP_REQUEUE:
        case FUTEX_WAKE_OP:
        case FUTEX_CMP_REQUEUE_PI: c.out.unsigned_decimal(static_cast<uint32_t>(v)); break;
        default: c.out.address(v);
        }
        break;
    case 5:
        if (command == FUTEX_WAIT_BITSET || command == FUTEX_WAKE_BITSET) {
            if (static_cast<uint32_t>(v) == ~0u) c.out.put("FUTEX_BITSET_MATCH_ANY");
            else c.out.hex(static_cast<uint32_t>(v));
        } else if (command == FUTEX_WAKE_OP) {
            put_wake_op(c.out, static_cast<uint32_t>(v));
        } else if (command == FUTEX_CMP_REQUEUE || command == FUTEX_CMP_REQUEUE_PI) {
            c.out.unsigned_decimal(static_cast<uint32_t>(v));
        } else {
            c.out.hex(static_cast<uint32_t>(v));
        }
        break;
    default: c.out.address(v);
    }
}

void put_sched_attr(TraceText& out, const SchedAttr& a, uint32_t size) {
    Fields f(out);
    f.udec("size", a.size);
    constexpr uint64_t keep_policy = 8, keep_parameters = 16;
    if (size < 48) return;
    if (!(a.flags & (keep_policy | keep_parameters))) f.enumerated("sched_policy", NameTable::sched_policy, a.policy);
    put_flags(f.name("sched_flags"), {sched_flag_names, "SCHED_FLAG_?\??", nullptr}, a.flags);
    if (a.flags & keep_parameters) return;
    f.dec("sched_nice", a.nice);
    f.udec("sched_priority", a.priority);
    f.udec("sched_runtime", a.runtime);
    f.udec("sched_deadline", a.deadline);
    f.udec("sched_period", a.period);
    if (size < sizeof a) return;
    f.udec("sched_util_min", a.util_min);
    f.udec("sched_util_max", a.util_max);
}

void put_capability_set(TraceText& out, uint64_t bits) {
    if (!bits) {
        out.put('0');
        return;
    }
    const char* separator = "";
    for (unsigned i = 0; i < 64; ++i) {
        if (!(bits >> i & 1)) continue;
        const char* name = value_name(NameTable::capability, i);
        if (!name) continue;
        out.put(separator);
        out.put("1<<");
        out.put(name);
        bits &= ~(uint64_t(1) << i);
        separator = "|";
    }
    if (bits) {
        out.put(separator);
        out.hex(bits);
        if (!*separator) out.put(" /* CAP_?\?? */");
    }
}

void put_capability_header(Call& c, uint64_t address) {
    CapUserHeader h;
    if (!fetch(c.out, address, h, c.memory)) return;
    Fields f(c.out);
    put_enum(f.name("version"), {capability_versions, "_LINUX_CAPABILITY_VERSION_?\??", nullptr}, h.version);
    f.dec("pid", h.pid);
}

void put_capabilities(Call& c, uint64_t address) {
    CapUserHeader h;
    CapUserData d[2] = {};
    if (!c.regs[0] || !c.memory.read(c.regs[0], &h, sizeof h)) h.version = 0;
    const bool two = h.version == 0x20071026 || h.version == 0x20080522;
    if ((!two && h.version != 0x19980330) || !address || !c.memory.read(address, d, two ? sizeof d : sizeof d[0])) {
        c.out.address(address);
        return;
    }
    Fields f(c.out);
    put_capability_set(f.name("effective"), d[0].effective | uint64_t(d[1].effective) << 32);
    put_capability_set(f.name("permitted"), d[0].permitted | uint64_t(d[1].permitted) << 32);
    put_capability_set(f.name("inheritable"), d[0].inheritable | uint64_t(d[1].inheritable) << 32);
}

void put_filter_program(TraceText& out, uint64_t address, MemoryReader& memory) {
    SockFprog p;
    if (!fetch(out, address, p, memory)) return;
    Fields f(out);
    f.udec("len", p.len);
    f.address("filter", p.filter);
}

void put_seccomp_argument(Call& c, uint64_t address) {
    if (c.reg32(0) == SECCOMP_SET_MODE_FILTER) return put_filter_program(c.out, address, c.memory);
    if (c.reg32(0) == SECCOMP_GET_ACTION_AVAIL) {
        uint32_t action;
        if (!fetch(c.out, address, action, c.memory)) return;
        c.out.put('[');
        put_enum(c.out, {filter_actions, "SECCOMP_RET_?\??", nullptr}, action);
        c.out.put(']');
        return;
    }
    c.out.address(address);
}

} // namespace linnet::abi
