// A VmObject that keeps its pages in memory: tmpfs and memfd files, shared anonymous memory, page caches of file systems.
// Sparse: a radix tree of pages. Reading a hole gives zeroes without allocating.
#pragma once

#include "kernel/mm/io_vector.h"
#include "kernel/mm/vm_object.h"

namespace linnet {

class PagedObject : public VmObject {
  public:
    explicit PagedObject(u64 size = 0) : size_(size) {}
    ~PagedObject() override;

    Result<Page*> get_object_page(u64 index, bool for_write) override;
    Page* peek_object_page(u64 index) override;
    void get_pages_around(u64 first, u32 count, Page** out) override;
    u64 object_size() const override { return size_.load(std::memory_order_relaxed); }

    /// Bytes read from `offset`, up to the size; 0 at the end. EFAULT if not one byte could be copied, EIO.
    Result<size_t> read_pages(IoVector& to, u64 offset);
    /// Writes, growing the size; a short count if memory or the source gives out midway. EFAULT, ENOMEM (ENOSPC by the caller), EIO.
    Result<size_t> write_pages(IoVector& from, u64 offset);
    /// Sets the size. Shrinking frees pages, clears the tail of the last one, and unmaps.
    Result<void> resize_object(u64 size);
    /// Frees the pages that lie whole in [from, to) and clears the rest of the range (hole punching). Size unchanged.
    Result<void> punch_hole(u64 from, u64 to);
    Result<void> remove_pages(u64 from, u64 to) override { return punch_hole(from, to); }
    /// Allocates (and fills) all pages of [from, to). ENOMEM
    Result<void> preallocate(u64 from, u64 to);
    /// Pages present (st_blocks); the next data or hole at or after `offset` (SEEK_DATA, SEEK_HOLE), ENXIO.
    u64 page_count() const { return page_count_.load(std::memory_order_relaxed); }
    Result<u64> next_data(u64 offset);
    Result<u64> next_hole(u64 offset);

  protected:
    /// Where the first contents of a page come from. Returns null when the page is a hole (all zeroes); a page with a
    /// reference otherwise: a fresh one, or one used in place (of the boot archive, which belongs to its file alone: it is stored to in place too).
    /// May sleep. EIO, ENOMEM.
    virtual Result<Page*> load_page(u64 index) { return (void)index, static_cast<Page*>(nullptr); }
    /// A page that is there without an allocation, with a new reference: what load_page uses in place. Null: none.
    virtual Page* page_in_place(u64 index) { return (void)index, static_cast<Page*>(nullptr); }
    /// A page is about to be added: ENOSPC where the file system is full. And pages that went (not with the object's end).
    virtual Result<void> charge_page() { return {}; }
    virtual void uncharge_pages(u64 count) { (void)count; }
    /// Counts pages toward shmem (tmpfs) rather than cache in memory_stats().
    virtual bool counts_as_shmem() const { return true; }

  private:
    struct Node;
    Result<Page**> slot(u64 index, bool create) REQUIRES(lock_);
    Result<Page*> lookup(u64 index, bool create) REQUIRES(lock_);
    void free_range(u64 first, u64 last) REQUIRES(lock_);
    void free_node(Node* n, u32 height);

    Mutex<Rank::VmObject> lock_;
    std::atomic<u64> size_;
    std::atomic<u64> page_count_{0};
    Node* root_ GUARDED_BY(lock_) = nullptr;
    u32 height_ GUARDED_BY(lock_) = 0;
};

} // namespace linnet
