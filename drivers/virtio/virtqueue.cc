#include "drivers/virtio/virtqueue.h"
#include "kernel/lib/log.h"

namespace linnet {

Virtqueue::~Virtqueue() {
    kfree(states_);
    kfree(next_free_);
    if (pages_) put_page(pages_);
}

Result<void> Virtqueue::set_up(VirtioTransport& transport, u16 index, u16 max_size) {
    u16 limit = transport.queue_max_size(index);
    if (limit == 0) return ENODEV;
    if (max_size > kMaxSize) max_size = kMaxSize;
    u16 size = 1;
    while (size * 2 <= max_size && size * 2 <= limit) size = u16(size * 2);
    u32 order = 0;
    while ((kPageSize << order) < ring_bytes(size)) ++order;
    State* states = static_cast<State*>(kzalloc(sizeof(State) * size));
    u16* next_free = static_cast<u16*>(kzalloc(sizeof(u16) * size));
    auto pages = alloc_pages(order, true);
    if (!states || !next_free || !pages) {
        kfree(states);
        kfree(next_free);
        if (pages) put_page(*pages);
        return ENOMEM;
    }
    pages_ = *pages;
    states_ = states;
    next_free_ = next_free;
    PhysAddr phys = page_to_phys(pages_);
    transport_ = &transport;
    index_ = index;
    attach(page_to_virt(pages_), phys, size);
    QueueAddresses a{phys, phys + 16ull * size, phys + used_offset(size)};
    auto done = transport.set_up_queue(index, size, a);
    if (!done) size_ = 0;
    return done;
}

void Virtqueue::attach(void* memory, PhysAddr, u16 size) {
    if (!states_) {
        states_ = static_cast<State*>(kzalloc(sizeof(State) * size));
        next_free_ = static_cast<u16*>(kzalloc(sizeof(u16) * size));
        CHECK(states_ && next_free_);
    }
    u8* base = static_cast<u8*>(memory);
    descriptors_ = reinterpret_cast<Descriptor*>(base);
    available_ = reinterpret_cast<u16*>(base + 16ull * size);
    used_ = reinterpret_cast<u16*>(base + used_offset(size));
    used_ring_ = reinterpret_cast<UsedElement*>(used_ + 2);
    size_ = size;
    free_count_ = size;
    free_head_ = 0;
    for (u16 i = 0; i < size; ++i) next_free_[i] = u16(i + 1);
}

int Virtqueue::add(const Buffer* buffers, u32 readable, u32 writable, void* cookie) {
    u32 count = readable + writable;
    if (broken_ || count == 0 || count > free_count_) return -1;
    u16 head = free_head_;
    u16 d = head;
    u32 writable_bytes = 0;
    for (u32 i = 0; i < count; ++i) {
        u16 next = next_free_[d];
        bool last = i + 1 == count;
        u16 flags = u16((last ? 0 : kNext) | (i >= readable ? kWrite : 0));
        descriptors_[d] = {buffers[i].address, buffers[i].length, flags, last ? u16(0) : next};
        if (i >= readable) writable_bytes += buffers[i].length;
        if (last) free_head_ = next;
        d = next;
    }
    free_count_ = u16(free_count_ - count);
    states_[head] = {cookie, writable_bytes, u16(count), true};
    available_[2 + (next_available_ & (size_ - 1))] = head;
    ++next_available_;
    return head;
}

bool Virtqueue::publish() {
    if (next_available_ == published_ || broken_) return false;
    __atomic_store_n(available_ + 1, next_available_, __ATOMIC_RELEASE);
    published_ = next_available_;
    // The index must be visible before the device's wish for a notification is read.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return !(__atomic_load_n(used_, __ATOMIC_RELAXED) & kNoNotify);
}

bool Virtqueue::pop(Used* out) {
    if (broken_ || !size_) return false;
    u16 index = load_used_index();
    if (index == last_used_) return false;
    const UsedElement* slot = used_ring_ + (last_used_ & (size_ - 1));
    u32 id = __atomic_load_n(&slot->id, __ATOMIC_RELAXED);
    u32 length = __atomic_load_n(&slot->length, __ATOMIC_RELAXED);
    if (u16(index - last_used_) > size_ || id >= size_ || !states_[id].busy) {
        broken_ = true;
        if (transport_)
            log_error("%s: queue %u is broken: used index %u after %u, id %u", transport_->location(), index_, index,
                      last_used_, id);
        return false;
    }
    ++last_used_;
    State& s = states_[id];
    *out = {u16(id), length < s.writable_bytes ? length : s.writable_bytes, s.cookie};
    // Back on the free list, in the order that the chain had: next_free_ still links it.
    u16 last = u16(id);
    for (u16 i = 1; i < s.count; ++i) last = next_free_[last];
    next_free_[last] = free_head_;
    free_head_ = u16(id);
    free_count_ = u16(free_count_ + s.count);
    s.busy = false;
    s.cookie = nullptr;
    return true;
}

void Virtqueue::disable_interrupts() { __atomic_store_n(available_, kNoInterrupt, __ATOMIC_RELAXED); }

bool Virtqueue::enable_interrupts() {
    __atomic_store_n(available_, u16(0), __ATOMIC_RELAXED);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return !has_used();
}

} // namespace linnet
