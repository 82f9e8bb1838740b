// What can stand behind a mapping: a file's page cache, shared anonymous memory, device memory. Private mappings of an
// object copy its pages on the first write.
#pragma once

#include "kernel/lib/format.h"
#include "kernel/lib/list.h"
#include "kernel/lib/ref.h"
#include "kernel/mm/page.h"
#include "kernel/sync/mutex.h"

namespace linnet {

struct Vma;

class VmObject : public RefCounted {
  public:
    /// The page at `index` (page units) with a new reference, filled. `for_write`: a shared mapping will store to it.
    /// May sleep. ENXIO beyond the end of the object (SIGBUS), EIO (SIGBUS), ENOMEM.
    virtual Result<Page*> get_object_page(u64 index, bool for_write) = 0;
    /// As get_object_page, but only if the page is there already and no lock must be waited for; null else.
    virtual Page* peek_object_page(u64 index) { return (void)index, nullptr; }
    /// The neighbours of a faulting page, to map them in one batch: pages [first, first + count) with new references,
    /// null for those that would have to be allocated or waited for. Does not sleep.
    virtual void get_pages_around(u64 first, u32 count, Page** out) {
        for (u32 i = 0; i < count; ++i) out[i] = peek_object_page(first + i);
    }
    /// Bytes; mappings past its last page fault with SIGBUS.
    virtual u64 object_size() const = 0;
    /// What /proc/PID/maps shows: the path ("" for none), device and inode number.
    virtual void describe(TextBuffer& path, u64* device, u64* inode) { (void)path, *device = 0, *inode = 0; }
    /// Makes [from, to) of the object a hole (MADV_REMOVE). EOPNOTSUPP, EPERM
    virtual Result<void> remove_pages(u64 from, u64 to) { return (void)from, (void)to, EOPNOTSUPP; }
    /// Pages are uncached device memory / may not be copied on fork.
    virtual bool is_device() const { return false; }

    /// A System V segment: shmdt finds its mappings.
    virtual bool is_segment() const { return false; }
    /// A mapping came (mmap, fork, a split) or went. The address space's lock is held.
    virtual void mapping_added() {}
    virtual void mapping_removed() {}

    /// Takes pages [first, last] out of every mapping (truncate, hole). `keep_private`: copies made on write stay
    /// (hole punching); truncate takes them too. No lock of the object's own is held by the caller.
    void unmap_everywhere(u64 first, u64 last, bool keep_private);

    // Mappings of this object; managed by AddressSpace.
    void add_mapping(Vma& v);
    void remove_mapping(Vma& v);
    bool has_writable_shared_mapping();

  private:
    SpinLock<Rank::VmObjectIndex> mappings_lock_;
    ListNode mappings_head_ GUARDED_BY(mappings_lock_);
    u64 shared_writable_ = 0;
};

} // namespace linnet
