// Four-level page tables of x86-64. Intel SDM volume 3, chapter 4.
#pragma once

#include "kernel/mm/page.h"

namespace linnet {

using Pte = u64;

inline constexpr Pte kPtePresent = 1, kPteWrite = 2, kPteUser = 4, kPteWriteThrough = 8, kPteNoCache = 16,
                     kPteAccessed = 32, kPteDirty = 64, kPteHuge = 128, kPteGlobal = 256,
                     kPteHidden = 512, // software: a page of a PROT_NONE mapping; kPtePresent is clear
                     kPteNoExec = 1ull << 63;
/// The entry holds a page.
inline constexpr Pte kPteOccupied = kPtePresent | kPteHidden;
inline constexpr Pte kPteAddress = 0x000ffffffffff000;
inline constexpr u64 kHugePageSize = 2 * MiB;

/// The lower half's tables. Not locked: the AddressSpace's lock is held by every caller.
class TlbGather;

class PageTable : NoCopy {
  public:
    Result<void> init(); // ENOMEM; copies the kernel's upper half
    void destroy();      // frees the tables; all pages must have been unmapped
    PhysAddr root() const { return root_; }

    /// The slot of a 4 KiB page, tables made on the way. ENOMEM. Null slot: a 2 MiB page covers it (see huge_slot).
    Result<Pte*> slot(u64 addr);
    /// The slot if its table exists, else null; *huge is set if the slot is that of a 2 MiB page.
    Pte* find(u64 addr, bool* huge);
    /// The second-level slot, tables made on the way. ENOMEM.
    Result<Pte*> huge_slot(u64 addr);
    /// Replaces a 2 MiB page by 512 small ones with the same protection. ENOMEM.
    Result<void> split_huge(u64 addr);
    /// Sets a slot that was empty (counts entries of its table).
    void set(Pte* slot, Pte value);
    /// Clears a slot.
    void clear(Pte* slot);
    /// The next address in [addr, end) whose page may be present: skips what has no tables.
    u64 next_present(u64 addr, u64 end);
    /// A walk over the pages of a range: moves `addr` to the first one at or after it and returns its entry; null: none before
    /// `end`. `c` keeps the place between calls; splitting a huge page or freeing tables needs a fresh one.
    struct Cursor { Pte* leaf = nullptr; u64 leaf_base = 0; };
    Pte* next_entry(Cursor& c, u64& addr, u64 end, bool* huge) {
        while (c.leaf && addr < end && (addr & ~(kHugePageSize - 1)) == c.leaf_base) {
            Pte* e = &c.leaf[addr >> kPageShift & 511];
            if (*e & kPteOccupied) {
                *huge = false;
                return e;
            }
            addr += kPageSize;
        }
        addr = next_present(addr, end);
        if (addr >= end) return nullptr;
        Pte* e = find(addr, huge);
        c.leaf = *huge ? nullptr : e - (addr >> kPageShift & 511);
        c.leaf_base = addr & ~(kHugePageSize - 1);
        return e;
    }
    /// Gives tables that have become empty in [start, end) to `gather`.
    void free_empty(u64 start, u64 end, TlbGather& gather);

    /// CPUs whose CR3 holds this table (kernel/arch/x86_64/tlb.cc).
    u64 cpus() const { return cpus_.load(std::memory_order_seq_cst); }
    void add_cpu(u64 bit) { cpus_.fetch_or(bit, std::memory_order_seq_cst); }
    void remove_cpu(u64 bit) { cpus_.fetch_and(~bit, std::memory_order_seq_cst); }

  private:
    void free_empty_below(Pte* table, int level, u64 base, u64 start, u64 end, TlbGather& gather);

    PhysAddr root_ = 0;
    std::atomic<u64> cpus_{0};
};

/// Drops [start, end) from the TLBs of the CPUs that have the table loaded, and waits for them. Interrupts on.
void flush_tlb_range(PageTable& table, u64 start, u64 end);
/// From this CPU's only: for an entry that gained rights. Others fault, find it good, and do the same.
void flush_tlb_here(PageTable& table, u64 addr);
/// No CPU has the table loaded any more. Nobody may run in its space.
void leave_everywhere(PageTable& table);
/// Drops a page of the upper half from all CPUs' TLBs.
void flush_kernel_page(u64 virt);

/// Pages (and tables) that were taken out of a space: given back once no CPU can reach them. One flush for all, where they fit.
class TlbGather : NoCopy {
  public:
    explicit TlbGather(PageTable& table) : table_(table) {}
    ~TlbGather() { flush(); }
    /// A page whose entry, covering [addr, addr + span), was cleared.
    void add(Page* p, u64 addr, u64 span);
    void flush();

  private:
    static constexpr u32 kBatch = 64;
    PageTable& table_;
    u64 start_ = ~0ull, end_ = 0;
    u32 count_ = 0;
    Page* pages_[kBatch];
};

/// Kernel mappings (upper half). Boot and map_device; ENOMEM.
Result<void> map_kernel_page(u64 virt, PhysAddr phys, Pte flags);
void unmap_kernel_page(u64 virt);
/// Physical address behind a mapped kernel page of the dynamic part.
PhysAddr kernel_page_address(u64 virt);
PhysAddr kernel_root();

} // namespace linnet
