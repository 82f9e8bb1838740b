// Set-up of a CPU: segments, task state, interrupt table, control registers, MSRs.
#include "kernel/arch/x86_64/cpu.h"

#include "kernel/arch/x86_64/isolation.h"
#include "kernel/arch/x86_64/program.h"
#include "kernel/lib/format.h"
#include "kernel/lib/panic.h"
#include "kernel/lib/ref.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"

extern "C" {
extern char trap_stubs[], syscall_entry[];
}

namespace linnet {

CpuFeatures cpu_features;
u8 cpu_may_change;

namespace {

constexpr u16 kTssSelector = 0x40;
constexpr u32 kIstSize = 8192;
constexpr u32 kMsrEfer = 0xc0000080, kMsrStar = 0xc0000081, kMsrLstar = 0xc0000082, kMsrFmask = 0xc0000084,
              kMsrFsBase = 0xc0000100, kMsrGsBase = 0xc0000101, kMsrKernelGsBase = 0xc0000102;

struct [[gnu::packed]] Tss {
    u32 reserved0;
    u64 rsp[3];
    u64 reserved1;
    u64 ist[7];
    u64 reserved2;
    u16 reserved3, io_map_base;
};

/// 0x10, 0x18: the kernel's code and stack; 0x2b, 0x33: ring 3's stack and code, in the order that SYSRET wants. Linux's 32-bit code
/// segment (0x23) is missing: there is no way into compatibility mode, whose `syscall` would enter at CSTAR.
struct CpuTables {
    u64 gdt[10] = {0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0, 0x00cff3000000ffff, 0x00affb000000ffff, 0, 0, 0};
    Tss tss{};
};

struct [[gnu::packed]] Gate {
    u16 offset_low, selector;
    u8 ist, type;
    u16 offset_mid;
    u32 offset_high, reserved;
};

alignas(16) Gate idt[256];
CpuTables boot_tables;
alignas(kIstSize) u8 boot_ist[4][kIstSize];

struct [[gnu::packed]] TablePointer { u16 limit; u64 base; };

void detect_features() {
    auto l1 = cpu::cpuid(1);
    auto max = cpu::cpuid(0).eax;
    auto ext_max = cpu::cpuid(0x80000000).eax;
    cpu_features.xsave = l1.ecx >> 26 & 1;
    cpu_features.rdrand = l1.ecx >> 30 & 1;
    cpu_features.tsc_deadline = l1.ecx >> 24 & 1;
    cpu_features.x2apic = l1.ecx >> 21 & 1;
    cpu_features.hypervisor = l1.ecx >> 31 & 1;
    cpu_features.pge = l1.edx >> 13 & 1;
    if (max >= 7) {
        auto l7 = cpu::cpuid(7);
        cpu_features.fsgsbase = l7.ebx & 1;
        cpu_features.smep = l7.ebx >> 7 & 1;
        cpu_features.smap = l7.ebx >> 20 & 1;
        cpu_features.umip = l7.ecx >> 2 & 1;
        cpu_features.erms = l7.ebx >> 9 & 1;
        cpu_features.rdseed = l7.ebx >> 18 & 1;
    }
    if (cpu_features.xsave && max >= 0xd) {
        auto ld = cpu::cpuid(0xd, 1);
        cpu_features.xsaveopt = ld.eax & 1;
        cpu_features.xsavec = ld.eax >> 1 & 1;
    }
    if (ext_max >= 0x80000001) cpu_features.pdpe1gb = cpu::cpuid(0x80000001).edx >> 26 & 1;
    if (ext_max >= 0x80000007) cpu_features.invariant_tsc = cpu::cpuid(0x80000007).edx >> 8 & 1;
}

void build_idt() {
    for (u32 v = 0; v < 256; ++v) {
        u64 a = reinterpret_cast<u64>(trap_stubs) + v * 16;
        u8 ist = v == 2 ? 2 : v == 8 ? 3 : v == 18 ? 4 : 1;
        // `int 3` and `int 4` are a program's to use; any other `int n` of ring 3 is a general protection fault.
        u8 type = v == 3 || v == 4 ? 0xee : 0x8e;
        idt[v] = {u16(a), kKernelCs, ist, type, u16(a >> 16), u32(a >> 32), 0};
    }
}

} // namespace

void init_cpu(PerCpu& p) {
    const bool boot_cpu = p.index == 0;
    cpu::wrmsr(kMsrGsBase, reinterpret_cast<u64>(&p)); // locks that are taken below know their CPU
    p.self = &p;
    CpuTables* t = &boot_tables;
    u8* ist = boot_ist[0];
    if (boot_cpu) {
        detect_features();
        build_idt();
    } else {
        void* mem = kzalloc(sizeof(CpuTables));
        auto stacks = alloc_pages(3, true);
        if (!mem || !stacks) panic("no memory for CPU %u", p.index);
        t = new (mem) CpuTables;
        ist = static_cast<u8*>(page_to_virt(*stacks));
    }
    for (u32 i = 0; i < 4; ++i) {
        u64 top = reinterpret_cast<u64>(ist) + (i + 1) * kIstSize - 16;
        *reinterpret_cast<PerCpu**>(top) = &p; // how a handler that can't trust GS finds its CPU
        t->tss.ist[i] = top;
    }
    t->tss.rsp[0] = t->tss.ist[0];
    t->tss.io_map_base = sizeof(Tss); // beyond the limit: no port is ring 3's
    u64 base = reinterpret_cast<u64>(&t->tss), limit = sizeof(Tss) - 1;
    t->gdt[8] = limit | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
    t->gdt[9] = base >> 32;

    TablePointer gdtr{sizeof t->gdt - 1, reinterpret_cast<u64>(t->gdt)};
    TablePointer idtr{sizeof idt - 1, reinterpret_cast<u64>(idt)};
    asm volatile("lgdt %0" ::"m"(gdtr));
    asm volatile("lidt %0" ::"m"(idtr));
    asm volatile(
        "pushq %0\n lea 1f(%%rip), %%rax\n pushq %%rax\n lretq\n1:\n"
        "mov %1, %%ss\n mov %2, %%ds\n mov %2, %%es\n mov %2, %%fs\n mov %2, %%gs" ::"i"(kKernelCs),
        "r"(u32(kKernelSs)), "r"(0)
        : "rax", "memory");
    asm volatile("ltr %w0" ::"r"(kTssSelector));
    asm volatile("lldt %w0" ::"r"(0));

    cpu::wrmsr(kMsrGsBase, reinterpret_cast<u64>(&p));
    cpu::wrmsr(kMsrKernelGsBase, 0);
    cpu::wrmsr(kMsrFsBase, 0);
    cpu::wrmsr(kMsrStar, u64(kKernelCs) << 32 | 0x23ull << 48);
    cpu::wrmsr(kMsrLstar, reinterpret_cast<u64>(syscall_entry));
    cpu::wrmsr(kMsrFmask, 0x257fd5); // all status, IF, TF, DF, IOPL, NT, RF, AC, ID

    if (cpu::cpuid(0x80000001).edx >> 27 & 1) cpu::wrmsr(0xc0000103, p.index); // TSC_AUX, for the vDSO's getcpu

    u64 cr4 = cpu::read_cr4();
    cr4 |= 1 << 9 | 1 << 10; // OSFXSR, OSXMMEXCPT
    if (cpu_features.pge) cr4 |= 1 << 7;
    if (cpu_features.fsgsbase) cr4 |= 1 << 16;
    if (cpu_features.xsave) cr4 |= 1 << 18;
    cpu::write_cr4(cr4);
    if (programs_isolated) isolate_cpu();
    if (cpu_features.xsave) {
        auto ld = cpu::cpuid(0xd, 0);
        u32 features = ld.eax & 0xe7; // x87, SSE, AVX, AVX-512; no MPX, no PKRU
        if ((features & 0xe0) != 0xe0) features &= ~0xe0u;
        asm volatile("xsetbv" ::"c"(0), "a"(features), "d"(0));
    }
}

u64 program_cs() { return programs_isolated ? kUserCs : kKernelCs; }
u64 program_ss() { return programs_isolated ? kUserSs : kKernelSs; }

u64 get_fs_base() {
    if (!cpu_features.fsgsbase) return cpu::rdmsr(kMsrFsBase);
    u64 v;
    asm volatile("rdfsbase %0" : "=r"(v));
    return v;
}

// In the kernel the program's GS base stands in the MSR that swapgs exchanges.
u64 get_gs_base() { return cpu::rdmsr(kMsrKernelGsBase); }

void load_fs_base(u64 base) {
    if (cpu_features.fsgsbase) asm volatile("wrfsbase %0" ::"r"(base));
    else cpu::wrmsr(kMsrFsBase, base);
}

void load_gs_base(u64 base) { cpu::wrmsr(kMsrKernelGsBase, base); }

Result<void> set_fs_base(u64 base) {
    if (base >= 0x7ffffffff000) return EPERM;
    load_fs_base(base);
    return {};
}

Result<void> set_gs_base(u64 base) {
    if (base >= 0x7ffffffff000) return EPERM;
    load_gs_base(base);
    return {};
}

TrapFrame new_program_frame(u64 rip, u64 rsp) {
    TrapFrame f{};
    f.rip = rip;
    f.rsp = rsp;
    f.cs = program_cs();
    f.ss = program_ss();
    f.rflags = 0x202;
    f.orig_rax = ~0ull;
    return f;
}

u64 elf_hwcap() { return cpu::cpuid(1).edx; }
u64 elf_hwcap2() { return cpu_features.fsgsbase ? 2 : 0; }

CpuIdentity cpu_identity() {
    CpuIdentity id{};
    auto l0 = cpu::cpuid(0);
    memcpy(id.vendor, &l0.ebx, 4);
    memcpy(id.vendor + 4, &l0.edx, 4);
    memcpy(id.vendor + 8, &l0.ecx, 4);
    u32 a = cpu::cpuid(1).eax;
    id.family = a >> 8 & 15;
    id.model = a >> 4 & 15;
    id.stepping = a & 15;
    if (id.family == 15) id.family += a >> 20 & 255;
    if (id.family >= 6) id.model |= (a >> 16 & 15) << 4;
    if (cpu::cpuid(0x80000000).eax >= 0x80000004)
        for (u32 i = 0; i < 3; ++i) {
            auto l = cpu::cpuid(0x80000002 + i);
            memcpy(id.model_name + i * 16, &l, 16);
        }
    return id;
}

void cpu_flag_names(TextBuffer& out) {
    struct Word { u32 leaf; char reg; const char* names; };
    // Bit order, lowest first; "-" where Linux shows nothing. Names: Linux's cpufeatures.h.
    static const Word words[] = {
        {1, 'd', "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe"},
        {0x80000001, 'd', "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - lm 3dnowext 3dnow"},
        {1, 'c', "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor"},
        {0x80000001, 'c', "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit wdt"},
        {7, 'b', "fsgsbase tsc_adjust - bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f avx512dq rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd sha_ni avx512bw avx512vl"},
        {7, 'c', "- avx512vbmi umip - - - avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni avx512_bitalg - avx512_vpopcntdq - - - - - - - rdpid"},
    };
    bool first = true;
    for (const Word& w : words) {
        auto l = cpu::cpuid(w.leaf);
        u32 bits = w.reg == 'd' ? l.edx : w.reg == 'c' ? l.ecx : l.ebx;
        const char* n = w.names;
        for (u32 bit = 0; *n; ++bit) {
            const char* e = n;
            while (*e && *e != ' ') ++e;
            if ((bits >> bit & 1) && *n != '-') {
                if (!first) out.put(' ');
                out.put(n, e - n);
                first = false;
            }
            n = *e ? e + 1 : e;
        }
    }
}

} // namespace linnet
