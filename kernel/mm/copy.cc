// Copies and moves of mappings: fork, mremap, madvise.
#include "kernel/mm/accounting.h"
#include "kernel/mm/address_space.h"

namespace linnet {

/// Gives the child the parent's private pages, write-protected on both sides. Shared and untouched file pages are left to
/// the child's faults. ENOMEM.
Result<void> AddressSpace::copy_vma(Vma& v, AddressSpace& child) {
    PageTable::Cursor from, to;
    bool huge;
    for (u64 a = v.start; Pte* e = table_.next_entry(from, a, v.end, &huge);) {
        if (huge) {
            TRY(table_.split_huge(a));
            from = {};
            continue;
        }
        Page* p = phys_to_page(*e & kPteAddress);
        if (p->flags & kPageAnon) {
            if (!to.leaf || to.leaf_base != (a & ~(kHugePageSize - 1))) {
                Pte* slot = TRY(child.table_.slot(a));
                to = {slot - (a >> kPageShift & 511), a & ~(kHugePageSize - 1)};
            }
            __atomic_fetch_and(e, ~kPteWrite, __ATOMIC_RELAXED);
            get_page(p);
            child.table_.set(&to.leaf[a >> kPageShift & 511], *e);
            child.count(p, 1);
        }
        a += kPageSize;
    }
    return {};
}

Result<Ref<AddressSpace>> AddressSpace::fork_copy() {
    auto child = TRY(create());
    MutexGuard g(lock_);
    AddressSpace& c = *child;
    c.mmap_base = mmap_base;
    c.brk_start = brk_start;
    c.brk_end = brk_end;
    c.code_start = code_start, c.code_end = code_end;
    c.data_start = data_start, c.data_end = data_end;
    c.stack_start = stack_start;
    c.arg_start = arg_start, c.arg_end = arg_end;
    c.env_start = env_start, c.env_end = env_end;
    c.vdso = vdso;
    c.stack_limit = stack_limit;
    c.address_limit = address_limit;
    c.data_limit = data_limit;
    __builtin_memcpy(c.saved_auxv, saved_auxv, sizeof saved_auxv);
    c.saved_auxv_size = saved_auxv_size;
    Result<void> outcome;
    {
        MutexGuard gc(c.lock_);
        c.has_stubs_ = has_stubs_.load();
        for (Vma* v = vmas_.first(); v && outcome; v = vmas_.next(*v)) {
            if ((v->flags & kVmaDontFork) && !(v->flags & kVmaStubs)) continue; // text that was copied needs its stubs
            auto copy = make_owned<Vma>();
            if (!copy) {
                outcome = ENOMEM;
                break;
            }
            Vma* n = copy->release();
            n->start = v->start;
            n->end = v->end;
            n->prot = v->prot;
            n->flags = v->flags & ~u32(kVmaLocked | kVmaLockOnFault);
            n->object = v->object;
            n->offset = v->offset;
            n->label = v->label;
            n->binding = v->binding;
            c.insert(n);
            if (!(v->flags & (kVmaShared | kVmaWipeOnFork))) outcome = copy_vma(*v, c);
        }
    }
    flush_tlb_range(table_, 0, kUserEnd);
    if (!outcome) return outcome.error();
    return child;
}

Result<u64> AddressSpace::remap(u64 old_addr, u64 old_len, u64 new_len, u32 flags, u64 new_addr, u64 lock_limit) {
    constexpr u32 kMayMove = 1, kFixed = 2, kDontUnmap = 4; // MREMAP_*
    if ((old_addr & (kPageSize - 1)) || (flags & ~7u)) return EINVAL;
    if ((flags & (kFixed | kDontUnmap)) && !(flags & kMayMove)) return EINVAL;
    old_len = page_up(old_len);
    new_len = page_up(new_len);
    if (!new_len) return EINVAL;
    if (!user_range_ok(old_addr, old_len)) return EFAULT;
    if (!user_range_ok(0, new_len)) return flags & kFixed ? EINVAL : ENOMEM;
    if ((flags & kDontUnmap) && old_len != new_len) return EINVAL;
    if (flags & kFixed) {
        if ((new_addr & (kPageSize - 1)) || !user_range_ok(new_addr, new_len)) return EINVAL;
        if (new_addr < old_addr + old_len && old_addr < new_addr + new_len) return EINVAL;
    }
    MutexGuard g(lock_);
    Vma* v = find(old_addr);
    if (!v) return EFAULT;
    if (!old_len && !(v->flags & kVmaShared)) return EINVAL;
    if (old_addr + old_len > v->end) return EFAULT;
    if (v->flags & kVmaSpecial) return EINVAL;
    if (new_len > old_len && (v->flags & kVmaLocked) && locked_pages_ * kPageSize + (new_len - old_len) > lock_limit) return EAGAIN;
    bool populate_new = (v->flags & kVmaLocked) && !(v->flags & kVmaLockOnFault);

    if (!(flags & (kFixed | kDontUnmap)) && old_len) {
        if (new_len <= old_len) {
            if (new_len < old_len) TRY(unmap_locked(old_addr + new_len, old_addr + old_len));
            return old_addr;
        }
        // Growing in place: the mapping ends here and there is room behind.
        u64 grow_from = old_addr + old_len, grow_to = old_addr + new_len;
        if (v->end == grow_from && grow_to <= kUserEnd && !first_overlap(grow_from, grow_to)) {
            u64 pages = (grow_to - grow_from) >> kPageShift;
            if ((virtual_pages_ + pages) * kPageSize > address_limit) return ENOMEM;
            if ((v->prot & kProtWrite) && !(v->flags & (kVmaShared | kVmaGrowsDown)) && !may_add_data(pages)) return ENOMEM;
            v->end = grow_to;
            virtual_pages_ += pages;
            if (v->flags & kVmaLocked) locked_pages_ += pages;
            try_merge(*v);
            g.unlock();
            if (populate_new) (void)populate(grow_from, grow_to - grow_from, Populate::Lock);
            return old_addr;
        }
        if (!(flags & kMayMove)) return ENOMEM;
    }

    unbind(*v); // its jumps would miss the stubs
    MapRequest r;
    r.prot = v->prot;
    r.vma_flags = v->flags & ~u32(kVmaGrowsDown);
    r.object = v->object;
    r.offset = v->object ? v->offset + (old_addr - v->start) : 0;
    if (flags & kFixed) {
        r.addr = new_addr;
        r.fixed = true;
    } else {
        r.addr = flags & kDontUnmap ? new_addr : 0; // without MREMAP_FIXED it says nothing
    }
    u64 keep = old_len < new_len ? old_len : new_len;
    if (old_len) TRY(carve(old_addr, old_addr + old_len));
    u64 to = TRY(map_locked(r, new_len));
    for (u64 a = table_.next_present(old_addr, old_addr + keep); a < old_addr + keep; a = table_.next_present(a, old_addr + keep)) {
        bool huge;
        Pte* e = table_.find(a, &huge);
        if (huge) {
            TRY(table_.split_huge(a));
            continue;
        }
        Pte* dest = TRY(table_.slot(to + (a - old_addr)));
        Pte value = *e;
        table_.clear(e);
        table_.set(dest, value);
        a += kPageSize;
    }
    flush_tlb_range(table_, old_addr, old_addr + old_len);
    if (!(flags & kDontUnmap) && old_len) {
        TRY(unmap_locked(old_addr, old_addr + old_len));
    } else if (flags & kDontUnmap) {
        // The old place is empty now, and not locked any more.
        for (Vma* o = first_overlap(old_addr, old_addr + old_len); o && o->start < old_addr + old_len; o = vmas_.next(*o)) set_lock_flags(*o, 0);
    }
    g.unlock();
    if (populate_new && new_len > old_len) (void)populate(to + keep, new_len - keep, Populate::Lock);
    return to;
}

/// MADV_REMOVE: holes in the objects behind shared mappings.
Result<void> AddressSpace::remove_range(u64 addr, u64 end) {
    bool hole = false;
    while (addr < end) {
        Ref<VmObject> object;
        u64 from, piece_end;
        {
            MutexGuard g(lock_);
            Vma* v = find(addr);
            if (!v) {
                hole = true;
                v = first_overlap(addr, end);
                if (!v) break;
                addr = v->start;
            }
            if ((v->flags & (kVmaLocked | kVmaSpecial)) || !v->object || v->object->is_device()) return EINVAL;
            if (!(v->flags & kVmaShared) || !(v->prot & kProtWrite)) return EACCES;
            object = v->object;
            piece_end = v->end < end ? v->end : end;
            from = v->offset + (addr - v->start);
        }
        // The object unmaps its pages itself, which takes the lock again.
        TRY(object->remove_pages(from, from + (piece_end - addr)));
        addr = piece_end;
    }
    if (hole) return ENOMEM;
    return {};
}

Result<void> AddressSpace::advise(u64 addr, u64 length, int advice) {
    // madvise(2)'s numbers.
    constexpr int kNormal = 0, kRandom = 1, kSequential = 2, kWillNeed = 3, kDontNeed = 4, kFree = 8, kDontFork = 10,
                  kDoFork = 11, kHuge = 14, kNoHuge = 15, kDontDump = 16, kDoDump = 17, kWipeOnFork = 18,
                  kKeepOnFork = 19, kCold = 20, kPageOut = 21, kPopulateRead = 22, kPopulateWrite = 23,
                  kRemove = 9, kDontNeedLocked = 24;
    if (addr & (kPageSize - 1)) return EINVAL;
    u64 end = addr + page_up(length);
    if (end < addr || (length && !page_up(length)) || end > kUserEnd) return EINVAL;
    u32 set = 0, drop = 0;
    bool zap_pages = false;
    switch (advice) {
    case kNormal:
    case kRandom:
    case kSequential:
    case kWillNeed:
    case kCold:
    case kPageOut: break; // nothing is read ahead from slow devices, and nothing can be swapped out
    case kRemove: return addr == end ? Result<void>() : remove_range(addr, end);
    case kDontNeedLocked:
    case kDontNeed:
    case kFree: zap_pages = true; break;
    case kDontFork: set = kVmaDontFork; break;
    case kDoFork: drop = kVmaDontFork; break;
    case kHuge: set = kVmaHuge, drop = kVmaNoHuge; break;
    case kNoHuge: set = kVmaNoHuge, drop = kVmaHuge; break;
    case kDontDump: set = kVmaDontDump; break;
    case kDoDump: drop = kVmaDontDump; break;
    case kWipeOnFork: set = kVmaWipeOnFork; break;
    case kKeepOnFork: drop = kVmaWipeOnFork; break;
    case kPopulateRead:
    case kPopulateWrite: {
        if (addr == end) return {};
        auto r = populate(addr, end - addr, advice == kPopulateWrite ? Populate::Write : Populate::Read);
        if (r) return r;
        return r.error() == EACCES ? EINVAL : r.error() == EFAULT ? EFAULT : ENOMEM;
    }
    default: return EINVAL;
    }
    if (addr == end) return {};
    MutexGuard g(lock_);
    bool hole = false;
    for (u64 at = addr; at < end;) {
        Vma* v = find(at);
        if (!v) {
            hole = true;
            v = first_overlap(at, end);
            if (!v) break;
            at = v->start;
        }
        u64 piece_end = v->end < end ? v->end : end;
        if (zap_pages) {
            if (v->flags & (advice == kDontNeedLocked ? kVmaSpecial : kVmaLocked | kVmaSpecial)) return EINVAL;
            if (advice == kFree && !v->anonymous()) return EINVAL;
            zap(at, piece_end);
        } else if (set | drop) {
            if (advice == kWipeOnFork && (!v->anonymous() || (v->flags & kVmaShared))) return EINVAL;
            if (((v->flags | set) & ~drop) != v->flags) {
                if (v->start < at) v = TRY(split(*v, at));
                if (v->end > piece_end) (void)TRY(split(*v, piece_end));
                v->flags = (v->flags | set) & ~drop;
                try_merge(*v);
            }
        }
        at = piece_end;
    }
    if (zap_pages) {
        TlbGather gather(table_);
        table_.free_empty(addr, end, gather);
    }
    if (hole) return ENOMEM;
    return {};
}

Result<void> AddressSpace::mincore(u64 addr, u64 pages, u8* out) {
    MutexGuard g(lock_);
    for (u64 i = 0; i < pages; ++i) {
        u64 a = addr + i * kPageSize;
        Vma* v = find(a);
        if (!v) return ENOMEM;
        if (v->flags & kVmaHidesCache) {
            out[i] = 1;
            continue;
        }
        bool huge;
        Pte* e = table_.find(a, &huge);
        out[i] = e && (*e & kPteOccupied);
        if (!out[i] && v->object)
            if (Page* p = v->object->peek_object_page((v->offset + (a - v->start)) >> kPageShift)) {
                out[i] = 1;
                put_page(p);
            }
    }
    return {};
}

} // namespace linnet
