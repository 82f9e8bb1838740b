// The lower half of the address space of one or more processes: mappings (Vma) in a tree, and the page tables under them.
#pragma once

#include "kernel/arch/x86_64/page_table.h"
#include "kernel/binder/site_binding.h"
#include "kernel/lib/tree.h"
#include "kernel/mm/space_lock.h"
#include "kernel/mm/vm_object.h"
#include "kernel/mm/user.h"

namespace linnet {

// mmap's PROT_* and MAP_* values (linux-abi/mman.h has all).
inline constexpr u32 kProtRead = 1, kProtWrite = 2, kProtExec = 4;

enum VmaFlags : u32 {
    kVmaShared = 1,
    kVmaGrowsDown = 2,    // a stack
    kVmaNoReserve = 4,
    kVmaLocked = 8,
    kVmaDontFork = 16,
    kVmaWipeOnFork = 32,
    kVmaDontDump = 64,
    kVmaHuge = 128,       // madvise(MADV_HUGEPAGE)
    kVmaNoHuge = 256,
    kVmaMayWrite = 512,   // a shared file mapping that may become writable by mprotect
    kVmaSpecial = 1024,   // vDSO, stubs: not remapped, not merged
    kVmaUnbound = 2048,   // text that was writable once, or lost its stubs: never bound again
    kVmaStubs = 4096,     // stubs of a SiteBinding, which is the object
    kVmaLockOnFault = 8192, // with kVmaLocked: pages stay once they were touched (MLOCK_ONFAULT)
    kVmaHidesCache = 16384, // a file that its user neither owns nor may write: mincore tells nothing of its pages
};

class AddressSpace;
class SiteBinding;

struct Vma : NoCopy {
    u64 start = 0, end = 0; // page-aligned, [start, end)
    u32 prot = 0;
    u32 flags = 0;
    Ref<VmObject> object;   // null: private anonymous
    Ref<SiteBinding> binding; // program text with bound system calls (kernel/binder)
    u64 offset = 0;         // bytes into the object at `start`
    const char* label = nullptr; // "[heap]", "[stack]", "[vdso]"...; static storage
    AddressSpace* space = nullptr;
    TreeNode node;
    ListNode mapping_node;  // in object's list of mappings
    bool anonymous() const { return !object; }
};

enum class FaultAccess : u8 { Read, Write, Exec };
/// What populate() does to a page. Lock: writes to private writable pages, so that no copy is left to make (mlock).
enum class Populate : u8 { Read, Write, Lock };

/// What a page fault comes to.
enum class FaultOutcome : u8 {
    Handled,
    NoMapping,   // SIGSEGV, SEGV_MAPERR
    BadAccess,   // SIGSEGV, SEGV_ACCERR
    BeyondEnd,   // SIGBUS, BUS_ADRERR
    OutOfMemory, // the OOM killer chose; the thread dies by SIGKILL or tries again
};

struct MapRequest {
    u64 addr = 0;          // hint, or the place if fixed
    u64 length = 0;        // bytes; rounded up to pages
    u32 prot = 0;
    u32 vma_flags = 0;     // VmaFlags
    bool fixed = false;    // MAP_FIXED: replaces what is there
    bool no_replace = false; // MAP_FIXED_NOREPLACE: EEXIST
    bool below_4g = false; // MAP_32BIT: the first 2 GiB
    bool populate = false;
    u64 alignment = 0;     // of a chosen address, power of two; 0: page
    Ref<VmObject> object;
    u64 offset = 0;
    const char* label = nullptr;
};

/// A futex's or other shared word's identity: (object, offset) for shared mappings, (space, address) for private ones.
struct SharedKey { const void* object; u64 offset; };

class AddressSpace : public RefCounted {
  public:
    static Result<Ref<AddressSpace>> create();
    /// A copy-on-write copy (fork). ENOMEM.
    Result<Ref<AddressSpace>> fork_copy();
    ~AddressSpace() override;

    // Linux's mmap family: page alignment of addr and offset is checked here, files' permissions by the caller.
    Result<u64> map(const MapRequest& r);                 // EINVAL, ENOMEM, EEXIST
    Result<void> unmap(u64 addr, u64 length);             // EINVAL
    /// shmdt: all that is left of the System V segment that was attached at `addr`. EINVAL
    Result<void> unmap_segment(u64 addr);
    /// `grows_down`: from the start of the stack mapping that holds addr (PROT_GROWSDOWN). EINVAL, ENOMEM (a hole), EACCES
    Result<void> protect(u64 addr, u64 length, u32 prot, bool grows_down = false);
    Result<u64> remap(u64 old_addr, u64 old_len, u64 new_len, u32 mremap_flags, u64 new_addr,
                      u64 lock_limit); // EINVAL, EFAULT, ENOMEM, EAGAIN (bytes that may be locked)
    Result<void> advise(u64 addr, u64 length, int advice);
    /// mlock, munlock: `flags` are what of kVmaLocked, kVmaLockOnFault the range has afterwards; `limit`: bytes that may be
    /// locked in all. Populates. EINVAL (wraps), ENOMEM (a hole, the limit, a page that can't be touched), EAGAIN (memory)
    Result<void> lock_range(u64 addr, u64 length, u32 flags, u64 limit);
    /// mlockall: the same for all that is mapped (`now`), and for what will be mapped (`later`). ENOMEM (the limit)
    Result<void> lock_all(bool now, u32 now_flags, u32 later_flags, u64 limit);
    /// What lock_all set for later mappings.
    u32 lock_later() const { return lock_later_.load(std::memory_order_relaxed); }
    /// A mapping with all of `flags` is in the range.
    bool has_flags_in(u64 addr, u64 length, u32 flags);
    Result<void> check_range(u64 addr, u64 length);       // ENOMEM if a page of it is not mapped (msync, mincore)
    Result<void> mincore(u64 addr, u64 pages, u8* out);
    /// brk(2): the new break, or the present one if it can't be had.
    u64 set_break(u64 addr);
    void init_break(u64 start) { brk_start = brk_end = start; }

    /// Called by the trap code and by user copies.
    FaultOutcome handle_fault(u64 addr, FaultAccess access);
    /// Faults in every page of the range as far as mappings allow.
    /// ENOMEM (a hole), EACCES (protection), EFAULT (beyond the object's end), EAGAIN (no memory)
    Result<void> populate(u64 addr, u64 length, Populate how);
    Result<SharedKey> shared_key(u64 addr); // EFAULT
    /// Copies bytes of this space (any, not only the active one) for /proc/PID/mem, process_vm_readv, cmdline. Bytes done.
    size_t peek(u64 addr, void* to, size_t n);
    size_t poke(u64 addr, const void* from, size_t n);
    /// If `rip` is in a stub of the call-site binder, makes it the place in the text that it stands for. Thread context.
    bool leave_stub(u64& rip, u64& rax);
    /// Whether #UD at `rip` came of a `hlt` that the binder rewrote. Thread context.
    bool is_halt(u64 rip);

    /// Calls f(const Vma&) in address order with the lock held; f must not touch program memory. Stops if f returns false.
    template <class F>
    void for_each_vma(F&& f) {
        MutexGuard g(lock_);
        for (Vma* v = vmas_.first(); v; v = vmas_.next(*v))
            if (!f(static_cast<const Vma&>(*v))) break;
    }
    /// The next address of [from, end) whose page may be there; `end` or more if there is none.
    u64 next_resident(u64 from, u64 end) {
        MutexGuard g(lock_);
        return table_.next_present(from, end);
    }
    u64 virtual_pages() const { return virtual_pages_; }
    u64 resident_pages() const { return resident_pages_.load(std::memory_order_relaxed); }
    u64 resident_file_pages() const { return resident_file_pages_.load(std::memory_order_relaxed); }
    u64 peak_resident_pages() const { return peak_resident_; }
    u64 locked_pages() const { return locked_pages_; }

    PageTable& page_table() { return table_; }
    /// Panics: prints the mapping of `addr` without taking the lock.
    void panic_maps(u64 addr) NO_THREAD_SAFETY;

    // Layout, set by exec before the first thread runs; shown by /proc/PID/stat.
    u64 mmap_base = 0x7ffff7fff000; // maps go downward from here
    u64 brk_start = 0, brk_end = 0;
    u64 code_start = 0, code_end = 0, data_start = 0, data_end = 0;
    u64 stack_start = 0, arg_start = 0, arg_end = 0, env_start = 0, env_end = 0;
    u64 vdso = 0;
    bool huge_pages_disabled = false; // PR_SET_THP_DISABLE; survives fork and exec
    u64 stack_limit = 8 * MiB;      // RLIMIT_STACK for growth
    u64 address_limit = ~0ull;      // RLIMIT_AS, bytes
    u64 data_limit = ~0ull;         // RLIMIT_DATA, bytes
    u8 saved_auxv[512] = {};        // for /proc/PID/auxv
    u32 saved_auxv_size = 0;
    std::atomic<u32> users{0};      // threads that run in it; more than one makes SMP flushes and CR3 loads matter

  private:
    friend class VmObject;
    AddressSpace() = default;
    template <class T, class... A>
    friend Result<Ref<T>> make_ref(A&&...);

    Vma* find(u64 addr) REQUIRES(lock_);
    Vma* first_overlap(u64 start, u64 end) REQUIRES(lock_);
    Result<u64> choose_address(const MapRequest& r, u64 length) REQUIRES(lock_);
    Result<Vma*> split(Vma& v, u64 at) REQUIRES(lock_);
    void insert(Vma* v) REQUIRES(lock_);
    void erase(Vma* v) REQUIRES(lock_);
    void try_merge(Vma& v) REQUIRES(lock_);
    Result<void> unmap_locked(u64 start, u64 end) REQUIRES(lock_);
    Result<void> carve(u64 start, u64 end) REQUIRES(lock_);
    Result<u64> map_locked(const MapRequest& r, u64 length) REQUIRES(lock_);
    FaultOutcome fault_locked(u64 addr, FaultAccess access) REQUIRES(lock_);
    struct FaultView;
    bool fault_beside(u64 addr, FaultAccess access, FaultOutcome& outcome);
    bool install(const FaultView& v, u64 addr, Pte* entry, Page* p, Pte value, bool* ahead);
    bool fault_anonymous(const FaultView& v, u64 addr, bool write, Pte* entry, FaultOutcome& outcome);
    bool fault_object(const FaultView& v, u64 addr, bool write, Pte* entry, Vma* bound, FaultOutcome& outcome);
    FaultOutcome copy_on_write(Vma& v, u64 addr, Pte* pte) REQUIRES(lock_);
    Result<void> copy_vma(Vma& v, AddressSpace& child) REQUIRES(lock_);
    bool try_huge(Vma& v, u64 addr) REQUIRES(lock_);
    Vma* grow_stack(u64 addr) REQUIRES(lock_);
    bool may_add(u64 pages, const MapRequest& r) REQUIRES(lock_);
    bool may_add_data(u64 pages) REQUIRES(lock_);
    Result<void> remove_range(u64 addr, u64 end);
    void set_lock_flags(Vma& v, u32 flags) REQUIRES(lock_);
    void map_around(const FaultView& v, u64 addr, Pte* slot, Vma* bound);
    void write_ahead(const FaultView& v, u64 addr, Pte* slot, bool alone);
    void zap(u64 start, u64 end) REQUIRES(lock_);
    void zap(u64 start, u64 end, TlbGather& gather) REQUIRES(lock_);
    void zap_object_range(Vma& v, u64 start, u64 end, bool keep_private) REQUIRES(lock_);
    // kernel/binder/space_binding.cc
    u64 choose_stub_place(Vma& text, u64 length) REQUIRES(lock_);
    void bind_mapping(Vma& v) REQUIRES(lock_);
    void add_stubs(Vma& v, Ref<SiteBinding>& b) REQUIRES(lock_);
    bool has_bound_sites(Vma& v, u64 address) REQUIRES(lock_);
    Page* bind_page(Vma& v, u64 address, Page* original) REQUIRES(lock_);
    void unbind(Vma& v) REQUIRES(lock_);
    void unbind_users_of(u64 start, u64 end) REQUIRES(lock_);
    void drop_stubs(const SiteBinding& b) REQUIRES(lock_);
    size_t transfer(u64 addr, void* buf, size_t n, bool write);
    void count(const Page* p, i64 pages);

    /// Held: mappings change, tables come and go, pages are taken out. Faults put pages into tables that are there, each entry under
    /// the lock of its region.
    mutable SpaceLock lock_;
    Tree<Vma, &Vma::node, &Vma::start> vmas_ GUARDED_BY(lock_);
    Vma* last_found_ = nullptr;
    PageTable table_;
    u64 virtual_pages_ = 0;
    std::atomic<u64> resident_pages_{0};
    std::atomic<u64> resident_file_pages_{0};
    u64 peak_resident_ = 0;
    u64 locked_pages_ = 0;
    std::atomic<u32> lock_later_{0}; // kVmaLocked, kVmaLockOnFault for new mappings (MCL_FUTURE)
    std::atomic<bool> has_stubs_{false}; // some mapping is bound, or was
    u64 unmap_stamp_ = 0; // VmObject::unmap_everywhere's mark
};

/// Makes the space the lower half of this CPU (null: the kernel's empty one). Loads CR3 only if it is another one.
void activate(AddressSpace* space);
/// CR3 loads since boot that changed the tables.
u64 cr3_loads();
/// Times that a CPU dropped all its translations, since more than a few pages went at once.
u64 tlb_flushes();

/// Set by kernel/task: chooses a victim, names it on the console and kills it. False if there is none.
extern bool (*oom_kill)();

} // namespace linnet
