#include "kernel/arch/x86_64/umip.h"

#include "kernel/arch/x86_64/program.h"
#include "kernel/lib/string.h"
#include "kernel/mm/user.h"

namespace linnet {

namespace {

// Linux's values: addresses of the upper half where nothing is, limits of 0; CR0 as it always is; no local table; its task selector.
constexpr u64 kGdtBase = 0xfffffffffffe0000, kIdtBase = 0xffffffffffff0000, kCr0 = 0x80050033, kTask = 0x40;

/// The bytes at RIP, one by one.
class Code {
  public:
    explicit Code(u64 rip) { have_ = sizeof bytes_ - copy_from_user_partial(bytes_, rip, sizeof bytes_); }
    bool at_end() const { return used_ >= have_; }
    u8 peek() const { return at_end() ? 0 : bytes_[used_]; }
    u8 next() {
        const u8 b = peek();
        if (at_end()) short_ = true;
        else ++used_;
        return b;
    }
    i32 displacement() {
        u32 v = 0;
        for (u32 i = 0; i < 4; ++i) v |= u32(next()) << i * 8;
        return i32(v);
    }
    size_t used() const { return used_; }
    bool too_short() const { return short_; }

  private:
    u8 bytes_[15]; // the longest instruction
    size_t have_ = 0, used_ = 0;
    bool short_ = false;
};

/// General register `n` of the instruction encoding.
u64& general_register(TrapFrame& f, u32 n) {
    u64* const all[16] = {&f.rax, &f.rcx, &f.rdx, &f.rbx, &f.rsp, &f.rbp, &f.rsi, &f.rdi,
                          &f.r8, &f.r9, &f.r10, &f.r11, &f.r12, &f.r13, &f.r14, &f.r15};
    return *all[n];
}

struct Prefixes { bool operand16 = false, address32 = false; u8 rex = 0, segment = 0; };

Prefixes read_prefixes(Code& code) {
    Prefixes p;
    for (;;) {
        switch (code.peek()) {
        case 0x66: p.operand16 = true; break;
        case 0x67: p.address32 = true; break;
        case 0x64:
        case 0x65: p.segment = code.peek(); break;
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
        case 0xf2:
        case 0xf3: break;
        default:
            if ((code.peek() & 0xf0) == 0x40) p.rex = code.next();
            return p;
        }
        if (code.at_end()) return p;
        code.next();
    }
}

/// The address of a memory operand; `modrm` was read. *rip_relative: RIP behind the instruction is still to be added.
u64 operand_address(TrapFrame& f, Code& code, const Prefixes& p, u8 modrm, bool* rip_relative) {
    const u32 mod = modrm >> 6, rm = modrm & 7;
    u64 a = 0;
    *rip_relative = false;
    if (rm == 4) {
        const u8 sib = code.next();
        const u32 index = (sib >> 3 & 7) | (p.rex & 2) << 2, base = sib & 7;
        if (index != 4) a = general_register(f, index) << (sib >> 6);
        if (base == 5 && mod == 0) a += u64(i64(code.displacement()));
        else a += general_register(f, base | (p.rex & 1) << 3);
    } else if (rm == 5 && mod == 0) {
        a = u64(i64(code.displacement()));
        *rip_relative = true;
    } else {
        a = general_register(f, rm | (p.rex & 1) << 3);
    }
    if (mod == 1) a += u64(i64(i8(code.next())));
    if (mod == 2) a += u64(i64(code.displacement()));
    return a;
}

} // namespace

UmipOutcome emulate_umip_instruction(TrapFrame& f, u64* address) {
    Code code(f.rip);
    const Prefixes p = read_prefixes(code);
    if (code.next() != 0x0f) return UmipOutcome::NotOne;
    const u8 opcode = code.next(), modrm = code.next();
    const u32 which = modrm >> 3 & 7;
    const bool in_register = modrm >> 6 == 3;
    u8 value[10] = {};
    size_t size = 2;
    u64 word = 0;
    if (opcode == 0 && which == 0) word = 0;           // SLDT
    else if (opcode == 0 && which == 1) word = kTask;  // STR
    else if (opcode == 1 && which == 4) word = kCr0;   // SMSW
    else if (opcode == 1 && which <= 1 && !in_register) { // SGDT, SIDT: a limit of two bytes, the base
        const u64 base = which ? kIdtBase : kGdtBase;
        memcpy(value + 2, &base, sizeof base);
        size = sizeof value;
    } else return UmipOutcome::NotOne;
    if (size == 2) memcpy(value, &word, sizeof word);

    if (in_register) {
        if (code.too_short()) return UmipOutcome::NotOne;
        u64& r = general_register(f, (modrm & 7) | (p.rex & 1) << 3);
        memcpy(&r, value, p.rex & 8 ? 8 : p.operand16 ? 2 : 4); // Linux leaves the upper half alone, where a CPU clears it
    } else {
        bool rip_relative;
        u64 a = operand_address(f, code, p, modrm, &rip_relative);
        if (code.too_short()) return UmipOutcome::NotOne;
        if (rip_relative) a += f.rip + code.used();
        if (p.address32) a = u32(a);
        if (p.segment == 0x64) a += get_fs_base();
        if (p.segment == 0x65) a += get_gs_base();
        *address = a;
        if (!copy_to_user(a, value, size)) return UmipOutcome::Fault;
    }
    f.rip += code.used();
    f.rflags &= ~u64(0x10000); // RF
    return UmipOutcome::Done;
}

} // namespace linnet
