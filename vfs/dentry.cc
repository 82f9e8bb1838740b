#include "vfs/dentry.h"

#include "kernel/lib/string.h"

namespace linnet {

namespace {
SpinLock<Rank::DentryCache> cache_lock; // of all that writes
/// Odd while entries move between chains or change their names.
SequenceCount moves;
constexpr u32 kFirstBuckets = 512;
} // namespace

/// Chained hash table; grows fourfold when it has as many entries as buckets. Written under cache_lock.
struct DentryTable {
    /// The array that readers use; one that was outgrown stays for a grace period.
    struct Buckets : RcuLink {
        u32 mask;
        std::atomic<Dentry*> heads[];
        std::atomic<Dentry*>& of(u32 hash) { return heads[hash & mask]; }
    };
    RcuPointer<Buckets> buckets;
    u32 count = 0;

    static Buckets* make(u32 size) {
        auto* b = static_cast<Buckets*>(kzalloc(sizeof(Buckets) + size * sizeof(std::atomic<Dentry*>)));
        if (b) b->mask = size - 1;
        return b;
    }
    static u32 hash(const Dentry* parent, std::string_view name) {
        constexpr u64 kMix = 0x9e3779b97f4a7c15ull;
        u64 h = reinterpret_cast<u64>(parent) >> 4;
        const char* p = name.data();
        size_t n = name.size();
        for (; n >= 8; n -= 8, p += 8) {
            u64 v;
            __builtin_memcpy(&v, p, 8);
            h = (h ^ v) * kMix;
            h ^= h >> 32;
        }
        u64 v = 0;
        for (size_t i = 0; i < n; ++i) v |= static_cast<u64>(static_cast<u8>(p[i])) << (8 * i);
        h = (h ^ v ^ (static_cast<u64>(name.size()) << 56)) * kMix;
        return static_cast<u32>(h >> 32);
    }
    void insert(Dentry& d) {
        u32 h = hash(d.parent(), d.name());
        d.hash_.store(h, std::memory_order_relaxed);
        std::atomic<Dentry*>& head = buckets.load()->of(h);
        d.hash_next_.store(head.load(std::memory_order_relaxed), std::memory_order_relaxed);
        d.hashed_.store(true, std::memory_order_relaxed);
        head.store(&d, std::memory_order_release);
        ++count;
    }
    void remove(Dentry& d) {
        if (!d.hashed_.load(std::memory_order_relaxed)) return;
        std::atomic<Dentry*>* p = &buckets.load()->of(d.hash_.load(std::memory_order_relaxed));
        while (p->load(std::memory_order_relaxed) != &d) p = &p->load(std::memory_order_relaxed)->hash_next_;
        p->store(d.hash_next_.load(std::memory_order_relaxed), std::memory_order_release);
        d.hashed_.store(false, std::memory_order_relaxed);
        --count;
    }
    /// Takes over `bigger` (empty); returns the old array. Within a write of `moves`.
    Buckets* rehash(Buckets* bigger) {
        Buckets* old = buckets.load();
        for (u32 i = 0; old && i <= old->mask; ++i)
            for (Dentry* d = old->heads[i].load(std::memory_order_relaxed); d;) {
                Dentry* next = d->hash_next_.load(std::memory_order_relaxed);
                std::atomic<Dentry*>& head = bigger->of(d->hash_.load(std::memory_order_relaxed));
                d->hash_next_.store(head.load(std::memory_order_relaxed), std::memory_order_relaxed);
                head.store(d, std::memory_order_release);
                d = next;
            }
        buckets.store(bigger);
        return old;
    }
    /// The entry that `take` accepts, or null. Of a reader, or with cache_lock held.
    template <class Take>
    Dentry* find(u32 hash, const Dentry& parent, std::string_view name, Take&& take) {
        Buckets* b = buckets.load();
        if (!b) return nullptr;
        for (Dentry* d = b->of(hash).load(std::memory_order_acquire); d; d = d->hash_next_.load(std::memory_order_acquire))
            if (d->is(hash, &parent, name) && take(*d)) return d;
        return nullptr;
    }
};
static DentryTable table;

inline bool Dentry::is(u32 hash, const Dentry* parent, std::string_view wanted) const {
    if (hash_.load(std::memory_order_relaxed) != hash || parent_.load(std::memory_order_relaxed) != parent) return false;
    std::string_view mine = name();
    return mine.size() == wanted.size() && memcmp(mine.data(), wanted.data(), wanted.size()) == 0;
}

Dentry::~Dentry() { rcu_free(heap_name()); }

/// Frees the entry, and its parents as far as they are then unreferenced, without recursion.
void Dentry::last_ref() {
    Dentry* d = this;
    while (d) {
        Dentry* up = d->parent();
        // Nobody can enter it into the table any more.
        if (d->hashed_.load(std::memory_order_relaxed)) {
            SpinGuard g(cache_lock);
            table.remove(*d);
        }
        d->~Dentry();
        rcu_free(d);
        d = up && up->drop_ref() ? up : nullptr;
    }
}

Result<PreparedName> PreparedName::make(std::string_view name) {
    PreparedName p(name);
    if (name.size() > Dentry::kInlineName) {
        p.heap_ = static_cast<char*>(kmalloc(name.size()));
        if (!p.heap_) return ENOMEM;
        memcpy(p.heap_, name.data(), name.size());
    }
    return p;
}

Ref<Dentry> DentryCache::find(Dentry& parent, std::string_view name) {
    const u32 hash = DentryTable::hash(&parent, name);
    auto take = [](Dentry& d) { return d.try_add_ref(); };
    Ref<Dentry> found; // dropped outside of the reader if it must be
    {
        RcuReader reader;
        const u32 since = moves.begin();
        found = Ref<Dentry>::adopt(table.find(hash, parent, name, take));
        if (!moves.changed(since)) [[likely]] return found;
    }
    Ref<Dentry> again;
    {
        SpinGuard g(cache_lock);
        again = Ref<Dentry>::adopt(table.find(hash, parent, name, take));
    }
    return again;
}

Dentry* DentryCache::peek(Dentry& parent, std::string_view name) {
    return table.find(DentryTable::hash(&parent, name), parent, name, [](Dentry& d) { return d.ref_count() != 0; });
}
u32 DentryCache::moves_begin() { return moves.begin(); }
bool DentryCache::moved(u32 since) { return moves.changed(since); }

Result<Ref<Dentry>> DentryCache::look_up(Dentry& parent, std::string_view name, bool locked) {
    Inode& dir = parent.inode();
    Superblock& sb = *dir.superblock;
    if (sb.cache_names) {
        if (Ref<Dentry> d = find(parent, name)) return d;
        if (sb.names_pinned) return dir.is_directory() ? ENOENT : ENOTDIR;
        if (!locked) {
            MutexGuard g(dir.lock);
            return look_up(parent, name, true);
        }
    }
    Ref<Inode> inode = TRY(dir.lookup(name));
    return add(parent, name, std::move(inode));
}

/// Without an inode, and nowhere entered.
Result<Ref<Dentry>> DentryCache::make_named(std::string_view name) {
    char* heap = nullptr;
    if (name.size() > Dentry::kInlineName) {
        heap = static_cast<char*>(kmalloc(name.size()));
        if (!heap) return ENOMEM;
    }
    auto made = make_ref<Dentry>();
    if (!made) {
        kfree(heap);
        return made.error();
    }
    Dentry& d = **made;
    char* to = heap ? heap : d.inline_name_;
    if (!name.empty()) memcpy(to, name.data(), name.size());
    d.name_.store(Dentry::pack(to, name.size()), std::memory_order_release);
    return made;
}

void DentryCache::set_inode(Dentry& d, Ref<Inode> inode) {
    if (inode->is_directory()) d.kind_ |= Dentry::kDirectory;
    if (inode->is_symlink()) d.kind_ |= Dentry::kSymlink;
    if (const Superblock* sb = inode->superblock.get(); sb && sb->cache_names && sb->names_pinned) d.kind_ |= Dentry::kComplete;
    d.inode_ = std::move(inode);
}

Result<Ref<Dentry>> DentryCache::make_root(Ref<Inode> inode, std::string_view name) {
    Ref<Dentry> d = TRY(make_named(name));
    set_inode(*d, std::move(inode));
    return d;
}

/// Room in the table for one more. ENOMEM
Result<void> DentryCache::reserve() {
    u32 wanted;
    {
        SpinGuard g(cache_lock);
        DentryTable::Buckets* b = table.buckets.load();
        if (b && table.count < b->mask) return {};
        wanted = b ? (b->mask + 1) * 4 : kFirstBuckets;
    }
    DentryTable::Buckets* bigger = DentryTable::make(wanted);
    if (!bigger) return table.buckets.load() ? Result<void>() : ENOMEM; // longer chains will do
    DentryTable::Buckets* old = nullptr;
    {
        SpinGuard g(cache_lock);
        DentryTable::Buckets* b = table.buckets.load();
        if (b && b->mask + 1 >= wanted) {
            std::swap(old, bigger); // another CPU was faster
        } else {
            moves.write_begin();
            old = table.rehash(bigger);
            moves.write_end();
        }
    }
    rcu_free(old);
    return {};
}

Result<Ref<Dentry>> DentryCache::prepare(std::string_view name) {
    TRY(reserve());
    return make_named(name);
}

void DentryCache::enter(Dentry& parent, Dentry& d, Ref<Inode> inode) {
    set_inode(d, std::move(inode));
    parent.add_ref();
    d.parent_.store(&parent, std::memory_order_relaxed);
    Superblock& sb = *parent.inode_->superblock;
    if (sb.names_pinned) {
        d.pinned_ = true;
        d.add_ref();
        d.dir_offset = parent.next_dir_offset_++;
        parent.children_.insert(d);
    }
    if (sb.cache_names) {
        SpinGuard g(cache_lock);
        table.insert(d);
    }
}

Result<Ref<Dentry>> DentryCache::add(Dentry& parent, std::string_view name, Ref<Inode> inode) {
    Ref<Dentry> d = TRY(prepare(name));
    enter(parent, *d, std::move(inode));
    return d;
}

void DentryCache::remove(Dentry& d) {
    bool was_pinned;
    {
        SpinGuard g(cache_lock);
        table.remove(d);
        d.unlinked_.store(true, std::memory_order_relaxed);
        was_pinned = std::exchange(d.pinned_, false);
    }
    if (was_pinned) {
        d.parent()->children_.remove(d);
        Ref<Dentry>::adopt(&d).reset();
    }
}

void DentryCache::move(Dentry& d, Dentry& to_parent, PreparedName&& name) {
    bool pinned = to_parent.inode_->superblock->names_pinned;
    Dentry* old_parent = d.parent();
    if (d.pinned_) old_parent->children_.remove(d);
    char* old_name = nullptr;
    to_parent.add_ref();
    {
        SpinGuard g(cache_lock);
        moves.write_begin();
        table.remove(d);
        old_name = d.heap_name();
        char* to = name.heap_ ? std::exchange(name.heap_, nullptr) : d.inline_name_;
        if (to == d.inline_name_) memcpy(to, name.name_.data(), name.name_.size());
        d.name_.store(Dentry::pack(to, name.name_.size()), std::memory_order_release);
        d.parent_.store(&to_parent, std::memory_order_release);
        d.unlinked_.store(false, std::memory_order_relaxed);
        if (to_parent.inode_->superblock->cache_names) table.insert(d);
        if (pinned && !d.pinned_) {
            d.pinned_ = true;
            d.add_ref();
        }
        moves.write_end();
    }
    if (pinned) {
        d.dir_offset = to_parent.next_dir_offset_++;
        to_parent.children_.insert(d);
    }
    if (old_parent) Ref<Dentry>::adopt(old_parent).reset();
    rcu_free(old_name);
}

void DentryCache::exchange(Dentry& a, Dentry& b) {
    bool pinned = a.pinned_;
    Dentry *a_parent = a.parent(), *b_parent = b.parent();
    if (pinned) {
        a_parent->children_.remove(a);
        b_parent->children_.remove(b);
    }
    {
        SpinGuard g(cache_lock);
        moves.write_begin();
        table.remove(a);
        table.remove(b);
        const std::string_view a_name = a.name(), b_name = b.name();
        char *a_heap = a.heap_name(), *b_heap = b.heap_name();
        std::swap(a.inline_name_, b.inline_name_);
        a.name_.store(Dentry::pack(b_heap ? b_heap : a.inline_name_, b_name.size()), std::memory_order_release);
        b.name_.store(Dentry::pack(a_heap ? a_heap : b.inline_name_, a_name.size()), std::memory_order_release);
        a.parent_.store(b_parent, std::memory_order_release);
        b.parent_.store(a_parent, std::memory_order_release);
        if (a.inode_->superblock->cache_names) {
            table.insert(a);
            table.insert(b);
        }
        moves.write_end();
    }
    if (pinned) {
        std::swap(a.dir_offset, b.dir_offset);
        b_parent->children_.insert(a);
        a_parent->children_.insert(b);
    }
}

Ref<Dentry> DentryCache::parent_of(Dentry& d) {
    {
        RcuReader reader;
        for (;;) {
            Dentry* up = d.parent();
            if (!up) return nullptr;
            // Dying: then d has another parent by now.
            if (up->try_add_ref()) [[likely]] return Ref<Dentry>::adopt(up);
        }
    }
}

bool DentryCache::is_below(Dentry& inner, const Dentry& outer) {
    SpinGuard g(cache_lock);
    for (const Dentry* d = &inner; d; d = d->parent())
        if (d == &outer) return true;
    return false;
}

char* DentryCache::render_backwards(Dentry& from, const Dentry* stop, char* begin, char* end, Dentry** top) {
    SpinGuard g(cache_lock);
    Dentry* d = &from;
    for (; d != stop && d->parent(); d = d->parent()) {
        const std::string_view name = d->name();
        if (static_cast<size_t>(end - begin) < name.size() + 1) return nullptr;
        end -= name.size();
        memcpy(end, name.data(), name.size());
        *--end = '/';
    }
    *top = d;
    return end;
}

void DentryCache::drop_tree(Dentry& root) {
    for (Dentry* d = &root;;) {
        if (Dentry* child = d->children_.first()) {
            d = child;
            continue;
        }
        if (d == &root) return;
        Dentry* up = d->parent();
        remove(*d);
        d = up;
    }
}

Dentry* DentryCache::next_child(Dentry& dir, u64 from) { return dir.children_.lower_bound(from); }

} // namespace linnet
