// The pages of an object in a radix tree, 64 slots a node.
#include "kernel/mm/paged_object.h"

#include "kernel/lib/string.h"
#include "kernel/mm/accounting.h"

namespace linnet {

namespace {
constexpr u32 kFanoutShift = 6, kFanout = 1 << kFanoutShift;
constexpr u64 kMaxIndex = (1ull << 63) >> kPageShift;
} // namespace

struct PagedObject::Node { void* slots[kFanout]; };

PagedObject::~PagedObject() {
    if (root_) free_node(root_, height_);
}

void PagedObject::free_node(Node* n, u32 height) {
    for (void* s : n->slots) {
        if (!s) continue;
        if (height > 1) {
            free_node(static_cast<Node*>(s), height - 1);
        } else {
            put_page(static_cast<Page*>(s));
            (counts_as_shmem() ? memory_counters.shmem_pages : memory_counters.cached_pages).fetch_sub(1, std::memory_order_relaxed);
        }
    }
    kfree(n);
}

/// The slot of a page; null if it does not exist and is not to be created. ENOMEM. Lock held.
Result<Page**> PagedObject::slot(u64 index, bool create) {
    while (height_ == 0 || (height_ * kFanoutShift < 64 && index >> (height_ * kFanoutShift))) {
        if (!create) return static_cast<Page**>(nullptr);
        auto* n = static_cast<Node*>(kzalloc(sizeof(Node)));
        if (!n) return ENOMEM;
        n->slots[0] = root_;
        root_ = n;
        ++height_;
    }
    Node* n = root_;
    for (u32 h = height_; h > 1; --h) {
        void*& s = n->slots[index >> ((h - 1) * kFanoutShift) & (kFanout - 1)];
        if (!s) {
            if (!create) return static_cast<Page**>(nullptr);
            s = kzalloc(sizeof(Node));
            if (!s) return ENOMEM;
        }
        n = static_cast<Node*>(s);
    }
    return reinterpret_cast<Page**>(&n->slots[index & (kFanout - 1)]);
}

/// The page at `index`, without a reference of its own; null for a hole that is not to be created. Lock held.
Result<Page*> PagedObject::lookup(u64 index, bool create) {
    Page** s = TRY(slot(index, false));
    auto& counter = counts_as_shmem() ? memory_counters.shmem_pages : memory_counters.cached_pages;
    Page* p = s ? *s : nullptr;
    if (!p) {
        Page* loaded = TRY(load_page(index));
        if (!loaded && !create) return static_cast<Page*>(nullptr);
        if (auto r = charge_page(); !r) {
            if (loaded) put_page(loaded);
            return r.error();
        }
        Result<Page*> fresh = loaded ? Result<Page*>(loaded) : alloc_page(true);
        auto made = fresh ? slot(index, true) : Result<Page**>(fresh.error());
        if (!made) {
            if (fresh) put_page(*fresh);
            uncharge_pages(1);
            return made.error();
        }
        loaded = *fresh;
        s = *made;
        *s = p = loaded;
        counter.fetch_add(1, std::memory_order_relaxed);
        page_count_.fetch_add(1, std::memory_order_relaxed);
    }
    return p;
}

Result<Page*> PagedObject::get_object_page(u64 index, bool) {
    MutexGuard g(lock_);
    if (index >= (object_size() + kPageSize - 1) >> kPageShift) return ENXIO;
    Page* p = TRY(lookup(index, true));
    get_page(p);
    return p;
}

Page* PagedObject::peek_object_page(u64 index) {
    if (!lock_.try_lock_by_guard()) return nullptr;
    Page* p = nullptr;
    if (index < (object_size() + kPageSize - 1) >> kPageShift) {
        auto s = slot(index, false);
        if (s && *s && **s) {
            p = **s;
            get_page(p);
        }
    }
    lock_.unlock_by_guard();
    return p;
}

void PagedObject::get_pages_around(u64 first, u32 count, Page** out) {
    for (u32 i = 0; i < count; ++i) out[i] = nullptr;
    if (!lock_.try_lock_by_guard()) return;
    u64 end = (object_size() + kPageSize - 1) >> kPageShift;
    Page** s = nullptr; // the slot of the page before, if there is one
    for (u32 i = 0; i < count && first + i < end; ++i) {
        u64 index = first + i;
        if (s && (index & (kFanout - 1))) {
            ++s;
        } else {
            auto found = slot(index, false);
            s = found ? *found : nullptr;
        }
        if (!s || !*s) {
            Page* p = page_in_place(index);
            if (!p) continue;
            if (!charge_page()) {
                put_page(p);
                break;
            }
            if (!s) {
                auto made = slot(index, true);
                if (!made) {
                    put_page(p);
                    uncharge_pages(1);
                    break;
                }
                s = *made;
            }
            *s = p;
            (counts_as_shmem() ? memory_counters.shmem_pages : memory_counters.cached_pages).fetch_add(1, std::memory_order_relaxed);
            page_count_.fetch_add(1, std::memory_order_relaxed);
        }
        get_page(*s);
        out[i] = *s;
    }
    lock_.unlock_by_guard();
}

Result<size_t> PagedObject::read_pages(IoVector& to, u64 offset) {
    size_t done = 0;
    while (to.remaining()) {
        u64 size = object_size();
        if (offset >= size) break;
        u64 in_page = offset & (kPageSize - 1);
        size_t n = kPageSize - in_page;
        if (n > size - offset) n = size - offset;
        if (n > to.remaining()) n = to.remaining();
        Page* p = nullptr;
        {
            MutexGuard g(lock_);
            auto r = lookup(offset >> kPageShift, false);
            if (!r) {
                if (done) break;
                return r.error();
            }
            p = *r;
            if (p) get_page(p);
        }
        // Program memory is touched without the object's lock.
        size_t moved = p ? to.copy_out(static_cast<char*>(page_to_virt(p)) + in_page, n) : to.clear(n);
        if (p) put_page(p);
        done += moved;
        offset += moved;
        if (moved < n) {
            if (!done) return EFAULT;
            break;
        }
    }
    return done;
}

Result<size_t> PagedObject::write_pages(IoVector& from, u64 offset) {
    size_t done = 0;
    while (from.remaining()) {
        u64 in_page = offset & (kPageSize - 1);
        size_t n = kPageSize - in_page;
        if (n > from.remaining()) n = from.remaining();
        Page* p = nullptr;
        {
            MutexGuard g(lock_);
            auto r = offset >> kPageShift >= kMaxIndex ? Result<Page*>(EFBIG) : lookup(offset >> kPageShift, true);
            if (!r) {
                if (done) break;
                return r.error();
            }
            p = *r;
            get_page(p);
        }
        size_t moved = from.copy_in(static_cast<char*>(page_to_virt(p)) + in_page, n);
        put_page(p);
        done += moved;
        offset += moved;
        if (moved) {
            u64 size = size_.load(std::memory_order_relaxed);
            while (offset > size && !size_.compare_exchange_weak(size, offset)) {}
        }
        if (moved < n) {
            if (!done) return EFAULT;
            break;
        }
    }
    return done;
}

void PagedObject::free_range(u64 first, u64 last) {
    // Called with the lock held; subtrees that do not exist are skipped.
    for (u64 i = first; i <= last;) {
        if (height_ == 0 || (height_ * kFanoutShift < 64 && i >> (height_ * kFanoutShift))) return;
        Node* n = root_;
        u32 h = height_;
        for (; h > 1; --h) {
            void* s = n->slots[i >> ((h - 1) * kFanoutShift) & (kFanout - 1)];
            if (!s) break;
            n = static_cast<Node*>(s);
        }
        if (h > 1) {
            u64 span = 1ull << ((h - 1) * kFanoutShift);
            u64 next = (i & ~(span - 1)) + span;
            if (next <= i) return;
            i = next;
            continue;
        }
        void*& s = n->slots[i & (kFanout - 1)];
        if (s) {
            put_page(static_cast<Page*>(s));
            s = nullptr;
            page_count_.fetch_sub(1, std::memory_order_relaxed);
            uncharge_pages(1);
            (counts_as_shmem() ? memory_counters.shmem_pages : memory_counters.cached_pages).fetch_sub(1, std::memory_order_relaxed);
        }
        ++i;
    }
}

Result<void> PagedObject::resize_object(u64 size) {
    u64 old = size_.load(std::memory_order_relaxed);
    if (size < old || (size == old && page_count())) { // pages beyond the size may have been preallocated
        {
            MutexGuard g(lock_);
            size_.store(size, std::memory_order_relaxed);
        }
        u64 first = (size + kPageSize - 1) >> kPageShift;
        unmap_everywhere(first, ~0ull >> kPageShift, false);
        MutexGuard g(lock_);
        if (size & (kPageSize - 1)) {
            Page* p = TRY(lookup(size >> kPageShift, false));
            if (p) memset(static_cast<char*>(page_to_virt(p)) + (size & (kPageSize - 1)), 0, kPageSize - (size & (kPageSize - 1)));
        }
        free_range(first, ~0ull >> kPageShift);
        return {};
    }
    size_.store(size, std::memory_order_relaxed);
    return {};
}

Result<void> PagedObject::punch_hole(u64 from, u64 to) {
    u64 first = (from + kPageSize - 1) >> kPageShift, last = to >> kPageShift; // whole pages [first, last)
    auto clear_part = [&](u64 a, u64 b) -> Result<void> {
        MutexGuard g(lock_);
        if (a >= b || a >= object_size()) return {};
        Page* p = TRY(lookup(a >> kPageShift, false));
        if (p) memset(static_cast<char*>(page_to_virt(p)) + (a & (kPageSize - 1)), 0, b - a);
        return {};
    };
    if (first > last) return clear_part(from, to);
    TRY(clear_part(from, first << kPageShift));
    TRY(clear_part(last << kPageShift, to));
    if (first < last) {
        unmap_everywhere(first, last - 1, true);
        MutexGuard g(lock_);
        // A page that would be loaded again is replaced by an empty one.
        for (u64 i = first; i < last && i < (object_size() + kPageSize - 1) >> kPageShift; ++i) {
            Page* loaded = TRY(load_page(i));
            if (!loaded) {
                free_range(i, last - 1);
                break;
            }
            put_page(loaded);
            Page* p = TRY(lookup(i, true));
            memset(page_to_virt(p), 0, kPageSize);
        }
    }
    return {};
}

Result<void> PagedObject::preallocate(u64 from, u64 to) {
    for (u64 i = from >> kPageShift; i < (to + kPageSize - 1) >> kPageShift; ++i) {
        MutexGuard g(lock_);
        (void)TRY(lookup(i, true));
    }
    return {};
}

Result<u64> PagedObject::next_data(u64 offset) {
    MutexGuard g(lock_);
    u64 size = object_size();
    for (; offset < size; offset = (offset & ~(kPageSize - 1)) + kPageSize) {
        Page* p = TRY(lookup(offset >> kPageShift, false));
        if (p) return offset;
        if (!page_count()) break;
    }
    return ENXIO;
}

Result<u64> PagedObject::next_hole(u64 offset) {
    MutexGuard g(lock_);
    u64 size = object_size();
    if (offset >= size) return ENXIO;
    for (; offset < size; offset = (offset & ~(kPageSize - 1)) + kPageSize) {
        Page* p = TRY(lookup(offset >> kPageShift, false));
        if (!p) return offset;
    }
    return size;
}

} // namespace linnet
