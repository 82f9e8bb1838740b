#include "linux-abi/bpf.h"

#include <cstring>

namespace linnet::abi {

namespace {

// Fields of SockFilter::code.
enum : uint16_t {
    kLd = 0, kLdx = 1, kSt = 2, kStx = 3, kAlu = 4, kJmp = 5, kRet = 6, kMisc = 7, // class
    kImm = 0x00, kAbs = 0x20, kMem = 0x60, kLen = 0x80,                           // mode of loads
    kAdd = 0x00, kSub = 0x10, kMul = 0x20, kDiv = 0x30, kOr = 0x40, kAnd = 0x50, kLsh = 0x60, kRsh = 0x70, kNeg = 0x80, kXor = 0xa0,
    kJa = 0x00, kJeq = 0x10, kJgt = 0x20, kJge = 0x30, kJset = 0x40,
    kK = 0x00, kX = 0x08, // source operand
    kA = 0x10,            // value of a return
    kTax = 0x00, kTxa = 0x80,
};

/// Instructions that a seccomp filter may have: fewer than a socket filter (no bytes, no halfwords, no indirect loads, no modulo).
bool is_allowed(uint16_t code) {
    switch (code) {
    case kRet | kK: case kRet | kA:
    case kAlu | kAdd | kK: case kAlu | kAdd | kX: case kAlu | kSub | kK: case kAlu | kSub | kX:
    case kAlu | kMul | kK: case kAlu | kMul | kX: case kAlu | kDiv | kK: case kAlu | kDiv | kX:
    case kAlu | kAnd | kK: case kAlu | kAnd | kX: case kAlu | kOr | kK: case kAlu | kOr | kX:
    case kAlu | kXor | kK: case kAlu | kXor | kX: case kAlu | kLsh | kK: case kAlu | kLsh | kX:
    case kAlu | kRsh | kK: case kAlu | kRsh | kX: case kAlu | kNeg:
    case kLd | kImm: case kLdx | kImm: case kLd | kAbs: case kLd | kLen: case kLdx | kLen: case kLd | kMem: case kLdx | kMem:
    case kSt: case kStx: case kMisc | kTax: case kMisc | kTxa:
    case kJmp | kJa: case kJmp | kJeq | kK: case kJmp | kJeq | kX: case kJmp | kJge | kK: case kJmp | kJge | kX:
    case kJmp | kJgt | kK: case kJmp | kJgt | kX: case kJmp | kJset | kK: case kJmp | kJset | kX:
        return true;
    default: return false;
    }
}

/// Operands and jumps of one instruction at `at` of `length`.
bool has_good_operands(const SockFilter& f, size_t at, size_t length) {
    const size_t beyond = length - at - 1; // instructions that follow
    switch (f.code) {
    case kAlu | kDiv | kK: return f.k != 0;
    case kAlu | kLsh | kK: case kAlu | kRsh | kK: return f.k < 32;
    case kLd | kMem: case kLdx | kMem: case kSt: case kStx: return f.k < bpf_memory_words;
    case kLd | kAbs: return f.k < sizeof(SeccompData) && f.k % 4 == 0;
    case kJmp | kJa: return f.k < beyond;
    default: break;
    }
    return (f.code & 7) != kJmp || (f.jt < beyond && f.jf < beyond);
}

/// No word of memory is read before it was written, whatever way leads there. Jumps go forwards: one pass sees all.
bool reads_only_written_memory(std::span<const SockFilter> program, std::span<uint16_t> written) {
    static_assert(bpf_memory_words == 16);
    // Words that are written on every way to an instruction; those that no jump has reached yet have all.
    memset(written.data(), 0xff, program.size() * sizeof written[0]);
    uint16_t now = 0;
    for (size_t at = 0; at < program.size(); ++at) {
        const SockFilter& f = program[at];
        now &= written[at];
        switch (f.code) {
        case kSt: case kStx: now = uint16_t(now | 1u << f.k); break;
        case kLd | kMem: case kLdx | kMem:
            if (!(now & 1u << f.k)) return false;
            break;
        case kJmp | kJa:
            written[at + 1 + f.k] &= now;
            now = 0xffff;
            break;
        default:
            if ((f.code & 7) != kJmp) break;
            written[at + 1 + f.jt] &= now;
            written[at + 1 + f.jf] &= now;
            now = 0xffff;
        }
    }
    return true;
}

} // namespace

Result<void> check_seccomp_program(std::span<const SockFilter> program, std::span<uint16_t> scratch) {
    if (program.empty() || scratch.size() < program.size() || program.size() > bpf_max_instructions) return EINVAL;
    for (size_t at = 0; at < program.size(); ++at)
        if (!is_allowed(program[at].code) || !has_good_operands(program[at], at, program.size())) return EINVAL;
    const uint16_t last = program.back().code;
    if (last != (kRet | kK) && last != (kRet | kA)) return EINVAL;
    if (!reads_only_written_memory(program, scratch)) return EINVAL;
    return {};
}

uint32_t run_seccomp_program(std::span<const SockFilter> program, const SeccompData& data) {
    uint32_t a = 0, x = 0, memory[bpf_memory_words] = {};
    for (size_t at = 0; at < program.size(); ++at) {
        const SockFilter& f = program[at];
        const uint32_t operand = f.code & kX ? x : f.k;
        switch (f.code) {
        case kRet | kK: return f.k;
        case kRet | kA: return a;
        case kAlu | kAdd | kK: case kAlu | kAdd | kX: a += operand; break;
        case kAlu | kSub | kK: case kAlu | kSub | kX: a -= operand; break;
        case kAlu | kMul | kK: case kAlu | kMul | kX: a *= operand; break;
        case kAlu | kDiv | kK: case kAlu | kDiv | kX:
            if (!operand) return 0; // the filter ends so
            a /= operand;
            break;
        case kAlu | kAnd | kK: case kAlu | kAnd | kX: a &= operand; break;
        case kAlu | kOr | kK: case kAlu | kOr | kX: a |= operand; break;
        case kAlu | kXor | kK: case kAlu | kXor | kX: a ^= operand; break;
        case kAlu | kLsh | kK: case kAlu | kLsh | kX: a <<= operand & 31; break; // as the CPU shifts
        case kAlu | kRsh | kK: case kAlu | kRsh | kX: a >>= operand & 31; break;
        case kAlu | kNeg: a = 0 - a; break;
        case kLd | kImm: a = f.k; break;
        case kLdx | kImm: x = f.k; break;
        case kLd | kAbs: memcpy(&a, reinterpret_cast<const char*>(&data) + f.k, sizeof a); break;
        case kLd | kLen: a = sizeof(SeccompData); break;
        case kLdx | kLen: x = sizeof(SeccompData); break;
        case kLd | kMem: a = memory[f.k]; break;
        case kLdx | kMem: x = memory[f.k]; break;
        case kSt: memory[f.k] = a; break;
        case kStx: memory[f.k] = x; break;
        case kMisc | kTax: x = a; break;
        case kMisc | kTxa: a = x; break;
        case kJmp | kJa: at += f.k; break;
        case kJmp | kJeq | kK: case kJmp | kJeq | kX: at += a == operand ? f.jt : f.jf; break;
        case kJmp | kJgt | kK: case kJmp | kJgt | kX: at += a > operand ? f.jt : f.jf; break;
        case kJmp | kJge | kK: case kJmp | kJge | kX: at += a >= operand ? f.jt : f.jf; break;
        case kJmp | kJset | kK: case kJmp | kJset | kX: at += a & operand ? f.jt : f.jf; break;
        }
    }
    return 0;
}

} // namespace linnet::abi
