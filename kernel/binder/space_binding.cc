// The binder's part of an address space: which mappings are bound, and what undoes it.
#include "kernel/arch/x86_64/program.h"
#include "kernel/binder/binder.h"
#include "kernel/binder/site_binding.h"
#include "kernel/boot/boot_info.h"
#include "kernel/lib/proc_file.h"
#include "kernel/lib/string.h"
#include "kernel/mm/accounting.h"
#include "kernel/mm/address_space.h"
#include "kernel/task/task.h"

namespace linnet {

namespace {
constexpr u64 kLowest = 65536;             // vm.mmap_min_addr
constexpr u64 kStackGap = 256 * kPageSize; // kept free below a stack
constexpr u64 kMaxMappings = 65530;
} // namespace

/// Room for stubs: the nearest gap below the text. Not above: a heap grows there. 0: none in reach.
u64 AddressSpace::choose_stub_place(Vma& text, u64 length) {
    for (Vma* above = &text;;) {
        Vma* below = vmas_.prev(*above);
        u64 low = below && below->end > kLowest ? below->end : kLowest;
        u64 high = above->start;
        if (above->flags & kVmaGrowsDown) high = high > kStackGap ? high - kStackGap : 0;
        if (high > low && high - low >= length) return text.end - (high - length) <= SiteBinding::kReach ? high - length : 0;
        if (!below || text.end - below->start > SiteBinding::kReach) return 0;
        above = below;
    }
}

/// Binds a new mapping of program text if its file has a table. Without memory, or room in reach, calls stay on the trap; with
/// `linker=off` too. `hlt` is rewritten all the same, since without that a program that wants to die goes on.
void AddressSpace::bind_mapping(Vma& v) {
    if (!site_table_of || (program_cs() & 3)) return; // in ring 3 `hlt` faults by itself, and stubs hold `cli`
    if (!v.object || (v.flags & (kVmaShared | kVmaSpecial | kVmaUnbound)) || !(v.prot & kProtExec) || (v.prot & kProtWrite)) return;
    auto made = SiteBinding::make(*v.object, v.offset, v.start, v.end);
    if (!made || !*made) return;
    if (boot_options.linker && (*made)->has_calls()) add_stubs(v, *made);
    v.binding = std::move(*made);
}

/// Maps the stubs of `b`, which then binds the calls of the new mapping `v`.
void AddressSpace::add_stubs(Vma& v, Ref<SiteBinding>& b) {
    if (vmas_.size() + 1 >= kMaxMappings) return;
    u64 at = choose_stub_place(v, b->stub_bytes());
    if (!at) return;
    auto stubs = make_owned<Vma>();
    if (!stubs || !b->place(at)) return;
    Vma* s = stubs->release();
    s->start = at;
    s->end = at + b->stub_bytes();
    s->prot = kProtRead | kProtExec;
    s->flags = kVmaSpecial | kVmaStubs;
    s->object = b;
    s->label = "[stubs]";
    insert(s);
    has_stubs_ = true;
}

/// A page of bound text is about to be mapped at `address`: a private copy with its sites bound, or null to map it as it is.
/// Nobody can be executing the copy, so that it needs no care for other CPUs.
Page* AddressSpace::bind_page(Vma& v, u64 address, Page* original) {
    if (!has_bound_sites(v, address)) return nullptr;
    auto copy = alloc_page(false);
    if (!copy) return nullptr;
    memcpy(page_to_virt(*copy), page_to_virt(original), kPageSize);
    if (!v.binding->patch(address, static_cast<u8*>(page_to_virt(*copy)))) {
        put_page(*copy);
        return nullptr;
    }
    (*copy)->flags |= kPageAnon;
    memory_counters.anon_pages.fetch_add(1, std::memory_order_relaxed);
    return *copy;
}

bool AddressSpace::has_bound_sites(Vma& v, u64 address) {
    return v.binding && !(v.flags & kVmaUnbound) && v.binding->has_sites(address);
}

/// The mapping goes back to the file's bytes, for good: its patched pages go, faults bring the originals. The stubs stay while
/// any of the text is mapped, since a thread may be in one.
void AddressSpace::unbind(Vma& v) {
    if (!v.binding || (v.flags & kVmaUnbound)) return;
    v.flags |= kVmaUnbound;
    binder_counters.unbound.fetch_add(1, std::memory_order_relaxed);
    for (u64 a = table_.next_present(v.start, v.end); a < v.end; a = table_.next_present(a, v.end)) {
        bool huge;
        Pte* e = table_.find(a, &huge);
        Page* p = phys_to_page(*e & kPteAddress);
        if (p && (p->flags & kPageAnon)) zap(a, a + kPageSize);
        a += kPageSize;
    }
}

/// Stubs in [start, end) are about to go or to change: no text may jump to them any more.
void AddressSpace::unbind_users_of(u64 start, u64 end) {
    if (!has_stubs_) return;
    for (Vma* s = first_overlap(start, end); s && s->start < end; s = vmas_.next(*s)) {
        if (!(s->flags & kVmaStubs)) continue;
        for (Vma* v = vmas_.first(); v; v = vmas_.next(*v))
            if (v->binding.get() == s->object.get()) unbind(*v);
    }
}

/// A part of bound text is gone: with the last one its stubs go.
void AddressSpace::drop_stubs(const SiteBinding& b) {
    if (!b.stubs()) return;
    for (Vma* v = vmas_.first(); v; v = vmas_.next(*v))
        if (v->binding.get() == &b) return;
    for (Vma* v = first_overlap(b.stubs(), b.stubs() + b.stub_bytes()); v;) {
        Vma* next = vmas_.next(*v);
        if (v->object.get() == &b) {
            zap(v->start, v->end);
            erase(v);
        }
        v = next && next->start < b.stubs() + b.stub_bytes() ? next : nullptr;
    }
}

bool AddressSpace::leave_stub(u64& rip, u64& rax) {
    if (!has_stubs_) return false;
    MutexGuard g(lock_);
    Vma* v = find(rip);
    if (!v || !(v->flags & kVmaStubs)) return false;
    static_cast<SiteBinding*>(v->object.get())->leave_stub(rip, rax);
    return true;
}

bool AddressSpace::is_halt(u64 rip) {
    {
        MutexGuard g(lock_);
        Vma* v = find(rip);
        if (!v || !v->binding || !v->binding->is_halt(rip)) return false;
        if (!(v->flags & kVmaUnbound)) return true;
    }
    // The text was given back: another thread may have done so in between, or the program may have written what it likes there.
    u8 now = 0;
    return peek(rip, &now, 1) == 1 && now == 0xf4;
}

bool at_rewritten_halt(const TrapFrame& f) {
    AddressSpace* space = current_thread()->space;
    return space && i64(f.rip) >= 0 && space->is_halt(f.rip);
}

void leave_stub(TrapFrame& f) {
    if (f.vector == kSyscallVector || i64(f.rip) < 0) return;
    AddressSpace* space = current_thread()->space;
    if (space && space->leave_stub(f.rip, f.rax)) f.rflags |= 0x200; // a stub ends with interrupts off
}

namespace {
Result<void> show_binder(GrowingText& out, u64) {
    auto line = [&](const char* name, const std::atomic<u64>& v) {
        out.append("%s %lu\n", name, v.load(std::memory_order_relaxed));
    };
    const bool isolated = program_cs() & 3;
    out.append("linker %s\n", boot_options.linker && !isolated ? "on" : "off");
    out.append("isolation %s\n", isolated ? "user" : "none");
    line("mappings", binder_counters.mappings);
    line("sites", binder_counters.sites);
    line("halts", binder_counters.halts);
    line("pages", binder_counters.pages);
    line("crossing", binder_counters.crossing);
    line("mismatch", binder_counters.mismatch);
    line("unbound", binder_counters.unbound);
    line("rescued", binder_counters.rescued);
    return {};
}
constexpr ProcFile binder_files[] = {{"proc/linnet/binder", 0444, show_binder}};
} // namespace

void binder_init() { (void)register_proc_files(binder_files); } // the list is full: it is shown nowhere, and works

} // namespace linnet
