// Which tables a CPU has loaded, and dropping translations from the TLBs of those that use them. Intel SDM volume 3, 4.10.
//
// PageTable::cpus() holds the CPUs that have loaded the table. A CPU sets its bit before it loads and clears it after it loaded
// another; who changes entries stores them first and reads the set then (both with full barriers), so that a CPU that is not in the set
// has not seen the old ones. CPUs that only borrow the table (a kernel thread, idle) let go of it when they are asked to flush.
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/page_table.h"
#include "kernel/mm/address_space.h"
#include "kernel/sched/cross_call.h"
#include "kernel/sched/scheduler.h"

namespace linnet {

namespace {

constexpr u64 kFlushAllPages = 32; // from here on all goes at once

CpuMask bit(const PerCpu& p) { return CpuMask(1) << p.index; }

struct FlushRequest { PageTable* table; u64 start, end; };

/// Interrupts off.
void load(PerCpu& p, PageTable* table) {
    PageTable* old = p.active_table;
    if (table) table->add_cpu(bit(p));
    p.active_root = table ? table->root() : kernel_root();
    p.active_table = table;
    ++p.cr3_loads;
    cpu::write_cr3(p.active_root);
    if (old) old->remove_cpu(bit(p));
}

void flush_local(const FlushRequest& r) {
    if (r.end - r.start > kFlushAllPages * kPageSize) {
        ++per_cpu().tlb_flushes;
        cpu::write_cr3(r.table->root());
        return;
    }
    for (u64 a = r.start; a < r.end; a += kPageSize) cpu::invlpg(a);
}

/// On another CPU, in an interrupt.
void flush_remote(void* arg) {
    auto& r = *static_cast<FlushRequest*>(arg);
    PerCpu& p = per_cpu();
    if (p.active_table != r.table) return;
    AddressSpace* s = p.current->space;
    if (s && &s->page_table() == r.table) flush_local(r);
    else load(p, nullptr);
}

void leave_remote(void* arg) {
    PerCpu& p = per_cpu();
    if (p.active_table == arg) load(p, nullptr);
}

} // namespace

void activate(AddressSpace* space) {
    PageTable* table = space ? &space->page_table() : nullptr;
    PerCpu& p = per_cpu();
    if (p.active_table == table) return;
    InterruptsOff off;
    load(p, table);
}

void leave_everywhere(PageTable& table) {
    if (CpuMask m = table.cpus()) call_on_cpus(m, leave_remote, &table);
}

void flush_tlb_here(PageTable& table, u64 addr) {
    if (per_cpu().active_table == &table) cpu::invlpg(addr);
}

void flush_tlb_range(PageTable& table, u64 start, u64 end) {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const CpuMask cpus = table.cpus();
    PerCpu& p = per_cpu();
    FlushRequest r{&table, start, end};
    if (p.active_table == &table) flush_local(r);
    if (CpuMask others = cpus & ~bit(p)) [[unlikely]] call_on_cpus(others, flush_remote, &r);
}

void flush_kernel_page(u64 virt) {
    call_on_cpus(online_cpus(), [](void* a) { cpu::invlpg(reinterpret_cast<u64>(a)); }, reinterpret_cast<void*>(virt));
}

u64 cr3_loads() {
    u64 n = 0;
    for (u32 i = 0; i < cpu_count(); ++i) n += per_cpu(i).cr3_loads;
    return n;
}

u64 tlb_flushes() {
    u64 n = 0;
    for (u32 i = 0; i < cpu_count(); ++i) n += per_cpu(i).tlb_flushes;
    return n;
}

void TlbGather::add(Page* p, u64 addr, u64 span) {
    if (count_ == kBatch) flush();
    if (addr < start_) start_ = addr;
    if (addr + span > end_) end_ = addr + span;
    pages_[count_++] = p;
}

void TlbGather::flush() {
    if (start_ < end_) flush_tlb_range(table_, start_, end_);
    for (u32 i = 0; i < count_; ++i) put_page(pages_[i]);
    count_ = 0;
    start_ = ~0ull;
    end_ = 0;
}

} // namespace linnet
