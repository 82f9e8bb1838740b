// Names. A dentry is a name in a directory and the inode that it means, found by (parent, name) in one hash table. File
// systems whose superblock says names_pinned have no other record of their directories: their dentries stay
// until unlinked, are ordered in their parent by dir_offset, and a name that is not in the table does not exist.
// Dentries of others live while they are used. There are no negative entries: memory file systems do not need them.
//
// Look-ups take no lock: chains are walked as RCU readers, a dentry's memory and long names stay for a grace period, and a
// sequence count tells when a rename, or a growing table, moved entries between chains meanwhile; then the look-up takes the lock.
#pragma once

#include "kernel/lib/tree.h"
#include "kernel/sync/rcu.h"
#include "vfs/inode.h"

namespace linnet {

class Dentry : public RcuCounted {
  public:
    static constexpr size_t kInlineName = 40;

    Dentry() = default; // by DentryCache
    std::string_view name() const { return unpack(name_.load(std::memory_order_acquire)); } // stable under the directory's lock
    Inode& inode() const { return *inode_; }
    /// Null: the root of a file system (or detached). Stable under the rename lock or the directory's.
    Dentry* parent() const { return parent_.load(std::memory_order_acquire); }
    Superblock& superblock() const { return *inode_->superblock; }
    bool unlinked() const { return unlinked_.load(std::memory_order_relaxed); }  // taken out of its directory
    bool has_children() { return !children_.empty(); } // names_pinned only; the inode's lock held

    std::atomic<bool> mount_point{false};        // something may be mounted here

    // Of RCU readers (quick_walk), which hold no reference:
    bool directory() const { return kind_ & kDirectory; }
    bool symlink() const { return kind_ & kSymlink; }
    /// A directory whose names are all in the cache: what is not found does not exist.
    bool complete() const { return (kind_ & (kDirectory | kComplete)) == (kDirectory | kComplete); }
    /// Null when the entry is dying.
    Inode* peek_inode() const { return peek_ref(inode_); }

    ~Dentry() override;

    // The ordered entries of a pinned directory; guarded by the directory inode's lock.
    u64 dir_offset = 0;
    TreeNode dir_node;

  private:
    friend class DentryCache;
    friend struct DentryTable;
    void last_ref() override;

    /// A name's place and length in one word, so that a reader never has the length of one name and the place of another.
    static constexpr u32 kLengthBits = 12;
    enum Kind : u8 { kDirectory = 1, kSymlink = 2, kComplete = 4 };
    static u64 pack(const char* p, size_t length) { return reinterpret_cast<u64>(p) << kLengthBits | length; }
    static char* place(u64 word) { return reinterpret_cast<char*>(static_cast<i64>(word) >> kLengthBits); }
    static std::string_view unpack(u64 word) { return {place(word), word & ((1u << kLengthBits) - 1)}; }
    char* heap_name() {
        char* p = place(name_.load(std::memory_order_relaxed));
        return p == inline_name_ ? nullptr : p;
    }
    /// Of a reader: by name, parent and hash this is the entry that is looked for.
    bool is(u32 hash, const Dentry* parent, std::string_view wanted) const;

    // Written under the cache's lock; name and parent change by rename only.
    Ref<Inode> inode_;                      // never changes
    u8 kind_ = 0;                           // the same
    std::atomic<Dentry*> parent_{nullptr};  // holds a reference
    std::atomic<u64> name_{pack(inline_name_, 0)};
    std::atomic<u32> hash_{0};
    std::atomic<Dentry*> hash_next_{nullptr}; // stays when the entry is taken out: a reader that stands on it goes on
    std::atomic<bool> hashed_{false}, unlinked_{false};
    bool pinned_ = false;
    char inline_name_[kInlineName];
    Tree<Dentry, &Dentry::dir_node, &Dentry::dir_offset> children_;
    u64 next_dir_offset_ = 2; // 0 and 1 are "." and ".."
};

/// Room for a name that a rename will need, so that it cannot fail halfway.
class PreparedName : NoCopy {
  public:
    /// ENOMEM
    static Result<PreparedName> make(std::string_view name);
    PreparedName(PreparedName&& o) noexcept : name_(o.name_), heap_(std::exchange(o.heap_, nullptr)) {}
    ~PreparedName() { kfree(heap_); }

  private:
    friend class DentryCache;
    explicit PreparedName(std::string_view n) : name_(n) {}
    std::string_view name_;
    char* heap_ = nullptr; // for a long one
};

/// The cache. Functions that change a directory's names need the directory inode's lock.
class DentryCache {
  public:
    /// A cached entry or null.
    static Ref<Dentry> find(Dentry& parent, std::string_view name);
    /// Of an RCU reader: the entry without a reference, or null. What it says holds if no move came between.
    static Dentry* peek(Dentry& parent, std::string_view name);
    static u32 moves_begin();
    static bool moved(u32 since);
    /// The entry for a name: from the cache, else by Inode::lookup(). Takes the directory's lock if it must ask, unless
    /// `locked`. ENOENT, ENOMEM, lookup()'s errors.
    static Result<Ref<Dentry>> look_up(Dentry& parent, std::string_view name, bool locked = false);
    /// The root of a file system, or a detached entry (O_TMPFILE, memfd) whose name is for display only. ENOMEM
    static Result<Ref<Dentry>> make_root(Ref<Inode> inode, std::string_view name = {});
    /// A new entry, entered into the cache (and pinned where names are). ENOMEM
    static Result<Ref<Dentry>> add(Dentry& parent, std::string_view name, Ref<Inode> inode);
    /// The two halves of add(): all that can fail, before the file system makes the inode and counts the name; and entering it,
    /// which can't fail. A prepared entry that is not needed is dropped.
    static Result<Ref<Dentry>> prepare(std::string_view name); // ENOMEM
    static void enter(Dentry& parent, Dentry& prepared, Ref<Inode> inode);
    /// The name is gone: out of the hash table and the directory.
    static void remove(Dentry& d);
    /// Gives an O_TMPFILE entry, or any entry, a new place and name. Both directories locked.
    static void move(Dentry& d, Dentry& to_parent, PreparedName&& name);
    static void exchange(Dentry& a, Dentry& b);
    /// The parent with a reference; null for a root.
    static Ref<Dentry> parent_of(Dentry& d);
    /// `inner` lies below `outer` or is it.
    static bool is_below(Dentry& inner, const Dentry& outer);
    /// Writes "/a/b" (nothing for `stop` itself) backwards from `end`; the start, or null if [begin, end) is too
    /// short. `*top`: where the climb ended, `stop` or a root; borrowed.
    static char* render_backwards(Dentry& d, const Dentry* stop, char* begin, char* end, Dentry** top);
    /// Unpins everything below a root (umount).
    static void drop_tree(Dentry& root);
    /// Entries of a pinned directory, in order, from dir_offset `from` on; the directory's lock held. Null at the end.
    static Dentry* next_child(Dentry& dir, u64 from);

  private:
    static Result<Ref<Dentry>> make_named(std::string_view name);
    static void set_inode(Dentry& d, Ref<Inode> inode);
    static Result<void> reserve();
};

} // namespace linnet
