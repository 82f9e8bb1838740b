// Runs on the identity map, before relocation: builds the kernel's page tables, moves the kernel to a random virtual
// place, applies the relocations, and returns where to go on. Code here may use no absolute address
// (no function pointers, no vtables, no string tables) and no global that a relocation fills in.
#include <elf.h>

#include "kernel/arch/x86_64/layout.h"
#include "kernel/arch/x86_64/page_table.h"
#include "kernel/boot/boot_info.h"
#include "kernel/boot/pvh.h"

extern "C" {
extern char rela_start[], rela_end[], high_entry[];
extern linnet::u64 boot_pml4[512];
}

namespace linnet {

BootInfo boot_info;
u64 load_bias;

namespace {

constexpr u32 kImageTables = 8; // 16 MiB of image at the most

alignas(4096) u64 image_pdpt[512];
alignas(4096) u64 image_pd[512];
alignas(4096) u64 image_pt[kImageTables][512];
alignas(4096) u64 direct_pdpt[512];
alignas(4096) u64 direct_pd[512]; // the first GiB
alignas(4096) u64 direct_pt[kImageTables][512]; // where the image lies
alignas(4096) u64 dynamic_pdpt[512];

inline u32 cpuid_ecx1() {
    u32 a = 1, b, c = 0, d;
    asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return c;
}

inline u64 boot_random(u64 seed) {
    u64 r = seed * 0x9e3779b97f4a7c15;
    if (cpuid_ecx1() >> 30 & 1) {
        u64 v;
        unsigned char good;
        asm volatile("rdrand %0; setc %1" : "=r"(v), "=qm"(good)::"cc");
        if (good) r ^= v;
    }
    return r ^ r >> 29;
}

/// True if the word `name` stands among the options before `--`.
bool has_option(const char* line, const char* name) {
    if (!line) return false;
    for (const char* p = line; *p;) {
        while (*p == ' ') ++p;
        if (p[0] == '-' && p[1] == '-' && (p[2] == ' ' || p[2] == 0)) return false;
        const char* n = name;
        const char* q = p;
        while (*n && *q == *n) ++n, ++q;
        if (!*n && (*q == ' ' || *q == 0)) return true;
        while (*p && *p != ' ') ++p;
    }
    return false;
}

} // namespace

extern "C" u64 early_boot(const PvhStartInfo* info, u64 start_tsc) {
    boot_info.start_tsc = start_tsc;
    auto phys = [](const void* p) { return reinterpret_cast<u64>(p); }; // identity: RIP-relative addresses are physical
    u64 image_phys = phys(image_start), image_len = phys(image_end) - image_phys;

    const char* line = nullptr;
    if (info->magic == kPvhMagic) {
        line = reinterpret_cast<const char*>(info->command_line);
        boot_info.command_line = line;
        boot_info.rsdp = info->rsdp;
        if (info->module_count > 0) {
            auto* m = reinterpret_cast<const PvhModule*>(info->modules);
            boot_info.initrd_start = m->address;
            boot_info.initrd_end = m->address + m->size;
        }
        if (info->version >= 1) {
            auto* e = reinterpret_cast<const PvhMemoryEntry*>(info->memory_map);
            for (u32 i = 0; i < info->memory_map_entries && boot_info.memory_count < 64; ++i) {
                MemoryRange& r = boot_info.memory[boot_info.memory_count++];
                r.start = e[i].address;
                r.end = e[i].address + e[i].size;
                r.usable = e[i].type == 1;
            }
        }
    }

    // The image may lie anywhere in the top GiB below its last 16 MiB, in steps of 2 MiB.
    u64 bias = has_option(line, "kaslr=off") ? 0 : boot_random(start_tsc) % 500 * (2 * MiB);
    load_bias = bias;
    u64 virt = kLinkBase + bias + image_phys;

    boot_pml4[511] = phys(image_pdpt) | kPtePresent | kPteWrite;
    boot_pml4[kDirectMap >> 39 & 511] = phys(direct_pdpt) | kPtePresent | kPteWrite;
    boot_pml4[kDynamicMap >> 39 & 511] = phys(dynamic_pdpt) | kPtePresent | kPteWrite;
    image_pdpt[510] = phys(image_pd) | kPtePresent | kPteWrite;

    u64 text = phys(text_end), ro_end = phys(data_start);
    for (u64 off = 0; off < image_len; off += kPageSize) {
        u64 pa = image_phys + off, va = virt + off;
        u64 table = (va >> 21) - (virt >> 21);
        if (table >= kImageTables) break;
        image_pd[va >> 21 & 511] = phys(image_pt[table]) | kPtePresent | kPteWrite;
        Pte flags = kPtePresent | kPteGlobal | kPteAccessed;
        if (pa >= ro_end) flags |= kPteWrite | kPteDirty | kPteNoExec;
        else if (pa >= page_up(text)) flags |= kPteNoExec;
        image_pt[table][va >> 12 & 511] = pa | flags;
    }

    // Direct map of the first GiB: 2 MiB pages, small ones where the image is, whose text and constants are read-only
    // there too. main memory beyond is added by kernel/mm once the map is known.
    direct_pdpt[0] = phys(direct_pd) | kPtePresent | kPteWrite;
    Pte rw = kPtePresent | kPteWrite | kPteNoExec | kPteGlobal | kPteAccessed | kPteDirty;
    for (u64 i = 0; i < 512; ++i) direct_pd[i] = i << 21 | rw | kPteHuge;
    u64 first = image_phys >> 21, last = (image_phys + image_len - 1) >> 21;
    for (u64 i = first; i <= last && i - first < kImageTables; ++i) {
        for (u64 j = 0; j < 512; ++j) {
            u64 pa = i << 21 | j << 12;
            bool read_only = pa >= image_phys && pa < ro_end;
            direct_pt[i - first][j] = pa | (read_only ? rw & ~kPteWrite : rw);
        }
        direct_pd[i] = phys(direct_pt[i - first]) | kPtePresent | kPteWrite;
    }

    // Relocations: only R_X86_64_RELATIVE can be there (-pie, -Bsymbolic, hidden visibility).
    auto* rel = reinterpret_cast<const Elf64_Rela*>(rela_start);
    auto* end = reinterpret_cast<const Elf64_Rela*>(rela_end);
    for (; rel < end; ++rel)
        if (ELF64_R_TYPE(rel->r_info) == R_X86_64_RELATIVE)
            *reinterpret_cast<u64*>(rel->r_offset - kLinkBase) = rel->r_addend + bias;

    asm volatile("mov %0, %%cr3" ::"r"(phys(boot_pml4)) : "memory");
    return phys(high_entry) + kLinkBase + bias;
}

} // namespace linnet
