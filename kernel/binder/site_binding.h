// One mapping of program text whose system-call sites are bound: which sites of its file's table lie in it, and the stubs that
// its patched sites jump to. Design: docs, "System calls and linking"; README.md of this folder.
#pragma once

#include <span>

#include "kernel/lib/vec.h"
#include "kernel/mm/vm_object.h"
#include "linux-abi/site_table.h"

namespace linnet {

/// The site table for a build-id, or nothing. Set by vfs: tables lie in the boot archive and stay there.
extern std::span<const std::byte> (*site_table_of)(std::span<const u8> build_id);

struct BinderCounters {
    std::atomic<u64> mappings{0}; // of text with sites
    std::atomic<u64> sites{0};    // bound, once for each page that was patched
    std::atomic<u64> halts{0};    // `hlt` made to fault, counted in the same way
    std::atomic<u64> pages{0};    // patched
    std::atomic<u64> crossing{0}; // left on the trap: they cross a page
    std::atomic<u64> mismatch{0}; // left on the trap: other bytes than the table's
    std::atomic<u64> unbound{0};  // mappings that were given back (mprotect, munmap over stubs)
    std::atomic<u64> rescued{0};  // threads that were interrupted in a stub
};
extern BinderCounters binder_counters;

/// Shared by the parts of one mapping and by forks of it, never changed once its mapping is there: forks have the same
/// addresses. It is also the object behind the mapping of the stubs, whose pages it makes when they are first used.
class SiteBinding final : public VmObject {
  public:
    /// What can be bound of `object`'s bytes from `offset` on, mapped at [start, end). Null: nothing. ENOMEM, EIO.
    /// The AddressSpace lock may be held: reads the file's headers through its pages.
    static Result<Ref<SiteBinding>> make(VmObject& object, u64 offset, u64 start, u64 end);
    ~SiteBinding() override;

    /// There are system calls to bind: stubs are wanted.
    bool has_calls() const { return has_calls_; }
    /// Bytes of address space for the stubs, whole pages.
    u64 stub_bytes() const { return page_up(sites_.size() * kStubSize); }
    /// Makes it possible to bind calls, to stubs at this place. Before any page is patched; within kReach of all of the text.
    /// Without it the calls are left on the trap, and only `hlt` is rewritten. ENOMEM.
    Result<void> place(u64 stubs);
    /// 0: none.
    u64 stubs() const { return stubs_; }

    /// Whether the page at `address` holds (the start of) a site that is rewritten.
    bool has_sites(u64 address) const;
    /// Whether the program's instruction at `address` is a `hlt`.
    bool is_halt(u64 address) const;
    /// Rewrites the sites of the page that will be mapped at `address`: calls into jumps to their stubs, `hlt` into what
    /// faults; `bytes` are the page's original contents, in a copy that nobody executes yet. Sites rewritten.
    u32 patch(u64 address, u8* bytes) const;
    /// RIP is in the stubs' mapping. Moves it to the site's own `syscall`, with RAX as the displaced `mov` leaves it.
    void leave_stub(u64& rip, u64& rax) const;

    Result<Page*> get_object_page(u64 index, bool for_write) override;
    Page* peek_object_page(u64) override { return nullptr; }
    u64 object_size() const override { return stub_bytes(); }

    static constexpr u64 kReach = 0x7ff00000; // from the first stub to the end of the text: a 32-bit displacement

  private:
    SiteBinding(std::span<const abi::SiteEntry> sites, u64 bias, bool has_calls)
        : sites_(sites), bias_(bias), has_calls_(has_calls) {}
    template <class T, class... A>
    friend Result<Ref<T>> make_ref(A&&...);

    static constexpr u64 kStubSize = 32;
    std::span<const abi::SiteEntry> sites_of_page(u64 address) const;
    u64 site_address(size_t i) const { return sites_[i].vaddr + bias_; }
    void write_stub(size_t i, u8* to) const;

    const std::span<const abi::SiteEntry> sites_;
    const u64 bias_; // from the file's addresses to the program's
    const bool has_calls_;
    u64 stubs_ = 0;
    Mutex<Rank::VmObject> lock_;
    Vec<Page*> pages_ GUARDED_BY(lock_);
};

} // namespace linnet
