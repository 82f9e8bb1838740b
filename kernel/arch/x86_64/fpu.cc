#include "kernel/arch/x86_64/fpu.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/lib/string.h"

namespace linnet {

namespace {

struct State {
    size_t size = 0;
    u64 features = 0;
};

const State& state() {
    static State s = [] {
        State r;
        r.size = 512;
        if (cpu_features.xsave) {
            u32 lo, hi;
            asm volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
            r.features = u64(hi) << 32 | lo;
            r.size = cpu::cpuid(0xd, 0).ebx; // for what XCR0 enables, standard format
        }
        return r;
    }();
    return s;
}

void save(void* to) {
    if (cpu_features.xsaveopt) asm volatile("xsaveopt64 (%0)" ::"r"(to), "a"(~0u), "d"(~0u) : "memory");
    else if (cpu_features.xsave) asm volatile("xsave64 (%0)" ::"r"(to), "a"(~0u), "d"(~0u) : "memory");
    else asm volatile("fxsave64 (%0)" ::"r"(to) : "memory");
}

void restore(const void* from) {
    if (cpu_features.xsave) asm volatile("xrstor64 (%0)" ::"r"(from), "a"(~0u), "d"(~0u) : "memory");
    else asm volatile("fxrstor64 (%0)" ::"r"(from) : "memory");
}

void set_initial(void* area) {
    memset(area, 0, state().size);
    *static_cast<u16*>(area) = 0x37f;                                       // FCW
    *reinterpret_cast<u32*>(static_cast<char*>(area) + 24) = 0x1f80;        // MXCSR
}

/// Whose state this CPU's registers hold.
std::atomic<Thread*> owner[kMaxCpus];

} // namespace

size_t fpu_state_size() { return state().size; }
u64 fpu_features() { return state().features; }

Result<void*> fpu_alloc() {
    // 64-byte aligned; the pointer that kmalloc gave stands just below.
    char* raw = static_cast<char*>(kmalloc(state().size + 64 + sizeof(void*)));
    if (!raw) return ENOMEM;
    u64 a = align_up(reinterpret_cast<u64>(raw) + sizeof(void*), 64);
    reinterpret_cast<void**>(a)[-1] = raw;
    set_initial(reinterpret_cast<void*>(a));
    return reinterpret_cast<void*>(a);
}

void fpu_free(void* area) { kfree(static_cast<void**>(area)[-1]); }

void fpu_switch_out(Thread& t) {
    // XSAVEOPT trusts that the area is the one last restored from, so the owner's area is always written on leaving.
    save(t.fpu_state);
    t.fpu_valid = 1;
}

void fpu_switch_in(Thread& t) {
    const u32 cpu = per_cpu().index;
    // Kernel threads and idle leave the registers alone; but the thread may have been elsewhere meanwhile.
    if (owner[cpu].load(std::memory_order_relaxed) == &t && t.fpu_cpu == cpu && t.fpu_valid == 1) return;
    restore(t.fpu_state);
    t.fpu_valid = 1;
    t.fpu_cpu = cpu;
    owner[cpu].store(&t, std::memory_order_relaxed);
}

void fpu_forget(Thread& t) {
    for (std::atomic<Thread*>& o : owner) {
        Thread* seen = &t;
        if (o.load(std::memory_order_relaxed) == &t) o.compare_exchange_strong(seen, nullptr, std::memory_order_relaxed);
    }
}

void fpu_save_current() { save(per_cpu().current->fpu_state); }

void fpu_load_current() { restore(per_cpu().current->fpu_state); }

void fpu_reset_current() {
    Thread* t = per_cpu().current;
    set_initial(t->fpu_state);
    restore(t->fpu_state);
}

void fpu_store(void* to) {
    Thread* t = per_cpu().current;
    save(t->fpu_state);
    memcpy(to, t->fpu_state, state().size);
    if (cpu_features.xsave) {
        // XSAVEOPT leaves components in their initial state unwritten: those are given their initial contents.
        u64 present = *reinterpret_cast<u64*>(static_cast<char*>(to) + 512);
        char* p = static_cast<char*>(to);
        if (!(present & 1)) memset(p, 0, 24), *reinterpret_cast<u16*>(p) = 0x37f, memset(p + 32, 0, 128);
        if (!(present & 2)) memset(p + 160, 0, 256);
        if (!(present & 4) && state().size >= 832) memset(p + 576, 0, 256);
    }
}

Result<void> fpu_load(const void* from) {
    auto* p = static_cast<const char*>(from);
    u32 mxcsr = *reinterpret_cast<const u32*>(p + 24);
    if (mxcsr & ~0xffffu) return EINVAL;
    Thread* t = per_cpu().current;
    if (cpu_features.xsave) {
        auto* header = reinterpret_cast<const u64*>(p + 512);
        if ((header[0] & ~state().features) || header[1]) return EINVAL;
        for (int i = 2; i < 8; ++i)
            if (header[i]) return EINVAL;
    }
    memcpy(t->fpu_state, from, state().size);
    restore(t->fpu_state);
    return {};
}

} // namespace linnet
