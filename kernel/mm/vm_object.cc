#include "kernel/mm/vm_object.h"

#include "kernel/mm/address_space.h"

namespace linnet {

// The list head is a plain node: an empty list has null links until first use.
namespace {
void init_head(ListNode& h) {
    if (!h.next) h.prev = h.next = &h;
}
std::atomic<u64> next_stamp{1};
} // namespace

void VmObject::add_mapping(Vma& v) {
    {
        SpinGuard g(mappings_lock_);
        init_head(mappings_head_);
        v.mapping_node.prev = mappings_head_.prev;
        v.mapping_node.next = &mappings_head_;
        mappings_head_.prev->next = &v.mapping_node;
        mappings_head_.prev = &v.mapping_node;
    }
    mapping_added();
}

void VmObject::remove_mapping(Vma& v) {
    {
        SpinGuard g(mappings_lock_);
        v.mapping_node.unlink();
    }
    mapping_removed();
}

bool VmObject::has_writable_shared_mapping() {
    SpinGuard g(mappings_lock_);
    init_head(mappings_head_);
    for (ListNode* n = mappings_head_.next; n != &mappings_head_; n = n->next) {
        Vma* v = container_of(n, Vma, mapping_node);
        if ((v->flags & kVmaShared) && (v->flags & kVmaMayWrite)) return true;
    }
    return false;
}

void VmObject::unmap_everywhere(u64 first, u64 last, bool keep_private) {
    u64 stamp = next_stamp.fetch_add(1, std::memory_order_relaxed);
    for (;;) {
        // One address space after the other: its lock is taken before the object's, never inside.
        Ref<AddressSpace> space;
        {
            SpinGuard g(mappings_lock_);
            init_head(mappings_head_);
            for (ListNode* n = mappings_head_.next; n != &mappings_head_; n = n->next) {
                AddressSpace* s = container_of(n, Vma, mapping_node)->space;
                if (s->unmap_stamp_ >= stamp || !s->try_add_ref()) continue;
                s->unmap_stamp_ = stamp;
                space = Ref<AddressSpace>::adopt(s);
                break;
            }
        }
        if (!space) return;
        MutexGuard g(space->lock_);
        for (Vma* v = space->vmas_.first(); v; v = space->vmas_.next(*v)) {
            if (v->object.get() != this) continue;
            u64 v_first = v->offset >> kPageShift, pages = (v->end - v->start) >> kPageShift;
            if (last < v_first || first >= v_first + pages) continue;
            u64 from = first > v_first ? first - v_first : 0;
            u64 to = last - v_first + 1 < pages ? last - v_first + 1 : pages;
            space->zap_object_range(*v, v->start + from * kPageSize, v->start + to * kPageSize, keep_private);
        }
    }
}

} // namespace linnet
