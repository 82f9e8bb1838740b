// prctl's arguments, by the option, in strace's format.
#include "linux-abi/trace_call.h"

namespace linnet::abi {
namespace {

constexpr ValueName dump_modes[] = {{"SUID_DUMP_DISABLE", 0}, {"SUID_DUMP_USER", 1}, {"SUID_DUMP_ROOT", 2}};
constexpr ValueName seccomp_modes[] = {{"SECCOMP_MODE_DISABLED", 0}, {"SECCOMP_MODE_STRICT", 1}, {"SECCOMP_MODE_FILTER", 2}};
constexpr ValueName tsc_modes[] = {{"PR_TSC_ENABLE", 1}, {"PR_TSC_SIGSEGV", 2}};
constexpr ValueName timing_modes[] = {{"PR_TIMING_STATISTICAL", 0}, {"PR_TIMING_TIMESTAMP", 1}};
constexpr ValueName ambient_operations[] = {
    {"PR_CAP_AMBIENT_IS_SET", 1}, {"PR_CAP_AMBIENT_RAISE", 2}, {"PR_CAP_AMBIENT_LOWER", 3}, {"PR_CAP_AMBIENT_CLEAR_ALL", 4},
};
constexpr ValueName secure_bits[] = {
    {"SECBIT_NOROOT", 1}, {"SECBIT_NOROOT_LOCKED", 2}, {"SECBIT_NO_SETUID_FIXUP", 4}, {"SECBIT_NO_SETUID_FIXUP_LOCKED", 8}, {"SECBIT_KEEP_CAPS", 16}, {"SECBIT_KEEP_CAPS_LOCKED", 32},
    {"SECBIT_NO_CAP_AMBIENT_RAISE", 64}, {"SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED", 128},
};

/// The 15 characters that the kernel takes; strace does not look whether the name ends behind them.
void put_new_name(Call& c, uint64_t address) {
    uint8_t name[15];
    size_t n = 0;
    while (n < sizeof name && c.memory.read(address + n, name + n, 1) && name[n]) ++n;
    if (n < sizeof name) put_user_string(c.out, address, sizeof name, c.memory);
    else put_quoted(c.out, name, n, true);
}

} // namespace

unsigned prctl_argument_count(const uint64_t (&regs)[6]) {
    switch (static_cast<int32_t>(regs[0])) {
    case PR_GET_DUMPABLE:
    case PR_GET_KEEPCAPS:
    case PR_GET_SECCOMP:
    case PR_GET_SECUREBITS:
    case PR_GET_TIMERSLACK:
    case PR_GET_TIMING: return 1;
    case PR_SET_PDEATHSIG:
    case PR_GET_PDEATHSIG:
    case PR_SET_DUMPABLE:
    case PR_SET_KEEPCAPS:
    case PR_SET_NAME:
    case PR_GET_NAME:
    case PR_CAPBSET_READ:
    case PR_CAPBSET_DROP:
    case PR_SET_SECUREBITS:
    case PR_SET_TIMERSLACK:
    case PR_SET_TIMING:
    case PR_SET_CHILD_SUBREAPER:
    case PR_GET_CHILD_SUBREAPER:
    case PR_GET_TSC:
    case PR_SET_TSC:
    case PR_GET_UNALIGN:
    case PR_SET_UNALIGN:
    case PR_GET_ENDIAN:
    case PR_SET_ENDIAN:
    case PR_GET_FPEMU:
    case PR_SET_FPEMU:
    case PR_GET_FPEXC:
    case PR_SET_FPEXC:
    case PR_SET_PTRACER:
    case PR_GET_TID_ADDRESS: return 2;
    case PR_SET_SECCOMP:
        switch (regs[1]) {
        case SECCOMP_MODE_STRICT: return 2;
        case SECCOMP_MODE_FILTER: return 3;
        default: return 5;
        }
    default: return 5;
    }
}

bool prctl_is_output(uint64_t option) {
    switch (static_cast<int32_t>(option)) {
    case PR_GET_PDEATHSIG:
    case PR_GET_NAME:
    case PR_GET_CHILD_SUBREAPER:
    case PR_GET_TSC:
    case PR_GET_UNALIGN:
    case PR_GET_ENDIAN:
    case PR_GET_FPEMU:
    case PR_GET_FPEXC:
    case PR_GET_TID_ADDRESS: return true;
    default: return false;
    }
}

void put_prctl_argument(Call& c, unsigned i) {
    TraceText& out = c.out;
    const uint64_t v = c.regs[i];
    const int32_t option = c.reg32(0);
    if (i == 1 && prctl_is_output(c.regs[0])) {
        uint32_t word;
        if (!c.filled()) return out.address(v);
        if (option == PR_GET_NAME) return put_user_string(out, v, 15, c.memory);
        if (option == PR_GET_TID_ADDRESS) {
            uint64_t at;
            if (!fetch(out, v, at, c.memory)) return;
            out.put('[');
            out.address(at);
            out.put(']');
            return;
        }
        if (!fetch(out, v, word, c.memory)) return;
        out.put('[');
        if (option == PR_GET_PDEATHSIG) put_signal(out, static_cast<int32_t>(word));
        else if (option == PR_GET_TSC) put_enum(out, {tsc_modes, "PR_TSC_?\??", nullptr}, word);
        else out.unsigned_decimal(word);
        out.put(']');
        return;
    }
    if (option == PR_CAP_AMBIENT && i == 1) return put_enum(out, {ambient_operations, "PR_CAP_AMBIENT_?\??", nullptr}, v);
    if (option == PR_CAP_AMBIENT && i == 2 && c.regs[1] >= 1 && c.regs[1] <= 3) return put_enum(out, NameTable::capability, v);
    if (option == PR_SET_SECCOMP && i == 2 && c.regs[1] == SECCOMP_MODE_FILTER) return put_filter_program(out, v, c.memory);
    if (i == 1) {
        switch (option) {
        case PR_SET_NAME: return put_new_name(c, v);
        case PR_SET_PDEATHSIG: return put_signal(out, static_cast<int64_t>(v));
        case PR_SET_DUMPABLE: return put_enum(out, {dump_modes, "SUID_DUMP_?\??", nullptr}, v);
        case PR_CAPBSET_READ:
        case PR_CAPBSET_DROP: return put_enum(out, NameTable::capability, v);
        case PR_SET_SECUREBITS: return put_flags(out, {secure_bits, "SECBIT_?\??", nullptr}, v);
        case PR_SET_TSC: return put_enum(out, {tsc_modes, "PR_TSC_?\??", nullptr}, v);
        case PR_SET_TIMING: return put_enum(out, {timing_modes, "PR_TIMING_?\??", nullptr}, v);
        case PR_SET_SECCOMP: return put_enum(out, {seccomp_modes, "SECCOMP_MODE_?\??", nullptr}, v);
        case PR_SET_TIMERSLACK: return out.decimal(static_cast<int64_t>(v));
        case PR_SET_PTRACER:
            if (v == ~uint64_t(0)) out.put("PR_SET_PTRACER_ANY");
            else out.decimal(static_cast<int64_t>(v));
            return;
        case PR_SET_KEEPCAPS:
        case PR_SET_CHILD_SUBREAPER:
        case PR_SET_NO_NEW_PRIVS:
        case PR_SET_THP_DISABLE:
        case PR_SET_IO_FLUSHER: return out.unsigned_decimal(v);
        default: break;
        }
    }
    out.hex(v);
}

void put_prctl_result(Call& c) {
    const int64_t r = c.result.raw();
    const uint64_t v = static_cast<uint64_t>(r);
    NameList names{};
    switch (c.reg32(0)) {
    case PR_GET_DUMPABLE: names = {dump_modes, "SUID_DUMP_?\??", nullptr}; break;
    case PR_GET_SECCOMP:
        if (r) names = {seccomp_modes, "SECCOMP_MODE_?\??", nullptr};
        break;
    case PR_GET_TIMING: names = {timing_modes, "PR_TIMING_?\??", nullptr}; break;
    case PR_GET_SECUREBITS:
        if (!r) break;
        c.out.hex(v);
        c.out.put(" (");
        put_flags(c.out, {secure_bits, "SECBIT_?\??", nullptr}, v);
        c.out.put(')');
        return;
    default: break;
    }
    c.out.decimal(r);
    if (names.names.empty()) return;
    c.out.put(" (");
    put_enum(c.out, names, v);
    c.out.put(')');
}

} // namespace linnet::abi
