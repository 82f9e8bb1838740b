#include "kernel/binder/site_binding.h"

#include "kernel/lib/string.h"
#include "linux-abi/elf_plan.h"

extern "C" char linked_entry[]; // entry.S

namespace linnet {

std::span<const std::byte> (*site_table_of)(std::span<const u8> build_id);
BinderCounters binder_counters;

namespace {

constexpr u32 kRtSigreturn = 15; // unwinders know a signal frame by the bytes of the call: it stays as it is

/// A table that was checked. Kept for ever, as the archive is: there are no more of them than files in it.
struct OpenTable {
    const std::byte* source;
    abi::SiteTable table; // no entries: a table that is not valid
    OpenTable* next;
};
Mutex<Rank::MiscMutex> tables_lock;
OpenTable* tables GUARDED_BY(tables_lock);

/// Only the boot archive's own padding aligns small files: 4 bytes. Tables are read in place where they are aligned.
Result<abi::SiteTable> open_table(std::span<const std::byte> bytes) {
    if (reinterpret_cast<u64>(bytes.data()) % alignof(abi::SiteEntry) == 0) return abi::open_site_table(bytes);
    auto* copy = static_cast<std::byte*>(kmalloc(bytes.size()));
    if (!copy) return ENOMEM;
    memcpy(copy, bytes.data(), bytes.size());
    auto t = abi::open_site_table({copy, bytes.size()});
    if (!t) kfree(copy);
    return t;
}

Result<abi::SiteTable> table_for(std::span<const u8> build_id) {
    std::span<const std::byte> bytes = site_table_of(build_id);
    if (bytes.empty()) return ENOENT;
    MutexGuard g(tables_lock);
    for (OpenTable* t = tables; t; t = t->next)
        if (t->source == bytes.data()) return t->table;
    auto entry = TRY(make_owned<OpenTable>());
    auto table = open_table(bytes);
    if (!table && table.error() == ENOMEM) return ENOMEM;
    abi::SiteTable t{nullptr, {}};
    if (table && table->header->build_id_size == build_id.size() &&
        memcmp(table->header->build_id, build_id.data(), build_id.size()) == 0)
        t = *table;
    entry->source = bytes.data();
    entry->table = t;
    entry->next = tables;
    tables = entry.release();
    return t;
}

/// The bytes of a file as its mappings see them.
class ObjectSource final : public abi::ByteSource {
  public:
    explicit ObjectSource(VmObject& o) : object_(o) {}
    Result<size_t> read_at(u64 offset, void* to, size_t size) override {
        size_t done = 0;
        u64 end = object_.object_size();
        while (done < size && offset < end) {
            size_t in_page = offset & (kPageSize - 1), piece = kPageSize - in_page;
            if (piece > size - done) piece = size - done;
            if (piece > end - offset) piece = end - offset;
            auto p = object_.get_object_page(offset >> kPageShift, false);
            if (!p) return EIO;
            memcpy(static_cast<char*>(to) + done, static_cast<char*>(page_to_virt(*p)) + in_page, piece);
            put_page(*p);
            done += piece;
            offset += piece;
        }
        return done;
    }

  private:
    VmObject& object_;
};

bool is_halt_site(const abi::SiteEntry& e) { return e.form == u8(abi::SiteForm::halt); }

/// A system call of a form that this kernel binds.
bool bindable(const abi::SiteEntry& e) {
    if (e.form != u8(abi::SiteForm::mov_imm)) return false;
    u32 number;
    memcpy(&number, e.original + 1, 4);
    return number != kRtSigreturn;
}

} // namespace

Result<Ref<SiteBinding>> SiteBinding::make(VmObject& object, u64 offset, u64 start, u64 end) {
    if (!site_table_of || object.is_device()) return Ref<SiteBinding>();
    Owned<abi::ElfPlan> plan = TRY(make_owned<abi::ElfPlan>());
    ObjectSource source(object);
    if (auto r = abi::make_elf_plan(source, abi::ElfRole::program, *plan); !r || !plan->build_id_size) return Ref<SiteBinding>();
    auto table = table_for({plan->build_id, plan->build_id_size});
    if (!table) {
        if (table.error() == ENOMEM) return ENOMEM;
        return Ref<SiteBinding>();
    }
    for (unsigned i = 0; i < plan->segment_count; ++i) {
        const abi::ElfSegment& s = plan->segments[i];
        if (!(s.prot & 4) || !s.map_size() || offset < s.map_offset() || offset - s.map_offset() >= s.map_size()) continue;
        u64 first = s.map_start() + (offset - s.map_offset()); // the file's address of `start`
        u64 last = first + (end - start);
        u64 from = first > s.vaddr ? first : s.vaddr;
        u64 to = last < s.vaddr + s.file_size ? last : s.vaddr + s.file_size;
        if (last < first || from >= to) return Ref<SiteBinding>();
        auto sites = abi::sites_between(*table, from, to);
        // The last one may end beyond the segment.
        while (!sites.empty() && (!(bindable(sites.back()) || is_halt_site(sites.back())) ||
                                  sites.back().vaddr + sites.back().original_size > to))
            sites = sites.first(sites.size() - 1);
        if (sites.empty()) return Ref<SiteBinding>();
        bool calls = false;
        for (const abi::SiteEntry& e : sites)
            if ((calls = bindable(e))) break;
        Ref<SiteBinding> b = TRY(make_ref<SiteBinding>(sites, start - first, calls));
        binder_counters.mappings.fetch_add(1, std::memory_order_relaxed);
        return b;
    }
    return Ref<SiteBinding>();
}

SiteBinding::~SiteBinding() {
    for (Page* p : pages_)
        if (p) put_page(p);
}

std::span<const abi::SiteEntry> SiteBinding::sites_of_page(u64 address) const {
    return abi::sites_between(abi::SiteTable{nullptr, sites_}, address - bias_, address - bias_ + kPageSize);
}

Result<void> SiteBinding::place(u64 stubs) {
    MutexGuard g(lock_);
    TRY(pages_.resize(stub_bytes() >> kPageShift));
    stubs_ = stubs;
    return {};
}

bool SiteBinding::has_sites(u64 address) const {
    for (const abi::SiteEntry& e : sites_of_page(address))
        if (is_halt_site(e) || (stubs_ && bindable(e))) return true;
    return false;
}

bool SiteBinding::is_halt(u64 address) const {
    auto sites = abi::sites_between(abi::SiteTable{nullptr, sites_}, address - bias_, address - bias_ + 1);
    return !sites.empty() && is_halt_site(sites[0]);
}

u32 SiteBinding::patch(u64 address, u8* bytes) const {
    u32 calls = 0, halts = 0;
    for (const abi::SiteEntry& e : sites_of_page(address)) {
        bool halt = is_halt_site(e);
        if (!halt && !(stubs_ && bindable(e))) continue;
        u64 at = e.vaddr + bias_, in_page = at - address;
        if (in_page + e.original_size > kPageSize) {
            binder_counters.crossing.fetch_add(1, std::memory_order_relaxed);
            continue;
        }
        if (memcmp(bytes + in_page, e.original, e.original_size) != 0) {
            binder_counters.mismatch.fetch_add(1, std::memory_order_relaxed);
            continue;
        }
        if (halt) {
            bytes[in_page] = abi::site_undefined_opcode;
            ++halts;
            continue;
        }
        u64 stub = stubs_ + u64(&e - sites_.data()) * kStubSize;
        u32 displacement = u32(stub - (at + 5));
        bytes[in_page] = 0xe9; // jmp rel32
        memcpy(bytes + in_page + 1, &displacement, 4);
        ++calls;
    }
    if (calls) binder_counters.sites.fetch_add(calls, std::memory_order_relaxed);
    if (halts) binder_counters.halts.fetch_add(halts, std::memory_order_relaxed);
    if (calls + halts) binder_counters.pages.fetch_add(1, std::memory_order_relaxed);
    return calls + halts;
}

/// mov $n,%eax; lea after_syscall(%rip),%rcx; movabs $linked_entry,%r11; cli; jmp *%r11. RCX and R11 are what the `syscall`
/// instruction changes too. Interrupts are off before the kernel's text is reached with the program's stack and GS; a stub
/// lies within one page, so that nothing faults behind the cli.
void SiteBinding::write_stub(size_t i, u8* to) const {
    u64 stub = stubs_ + i * kStubSize, after = site_address(i) + 7;
    u64 entry = reinterpret_cast<u64>(linked_entry);
    u32 displacement = u32(after - (stub + 12));
    u8* p = to;
    *p++ = 0xb8;
    memcpy(p, sites_[i].original + 1, 4), p += 4;
    *p++ = 0x48, *p++ = 0x8d, *p++ = 0x0d;
    memcpy(p, &displacement, 4), p += 4;
    *p++ = 0x49, *p++ = 0xbb;
    memcpy(p, &entry, 8), p += 8;
    *p++ = 0xfa;
    *p++ = 0x41, *p++ = 0xff, *p++ = 0xe3;
    while (p < to + kStubSize) *p++ = 0xcc;
}

void SiteBinding::leave_stub(u64& rip, u64& rax) const {
    size_t i = (rip - stubs_) / kStubSize;
    if (i >= sites_.size() || !bindable(sites_[i])) return; // padding, which is int3
    u32 number;
    memcpy(&number, sites_[i].original + 1, 4);
    rax = number;
    rip = site_address(i) + 5;
    binder_counters.rescued.fetch_add(1, std::memory_order_relaxed);
}

Result<Page*> SiteBinding::get_object_page(u64 index, bool) {
    MutexGuard g(lock_);
    if (index >= pages_.size()) return ENXIO;
    if (!pages_[index]) {
        Page* p = TRY(alloc_page(false));
        u8* to = static_cast<u8*>(page_to_virt(p));
        constexpr u64 kPerPage = kPageSize / kStubSize;
        for (u64 k = 0; k < kPerPage; ++k) {
            u64 i = index * kPerPage + k;
            if (i < sites_.size() && bindable(sites_[i])) write_stub(i, to + k * kStubSize);
            else memset(to + k * kStubSize, 0xcc, kStubSize);
        }
        pages_[index] = p;
    }
    get_page(pages_[index]);
    return pages_[index];
}

} // namespace linnet
