#include "net/byte_queue.h"

#include "kernel/lib/string.h"

namespace linnet {

ByteQueue::Chunk* ByteQueue::add_chunk(size_t want) {
    size_t total = want + sizeof(Chunk) <= 512 ? 512
                   : want + sizeof(Chunk) <= 2048 ? 2048
                   : want + sizeof(Chunk) <= 8192 ? 8192
                                                  : 32768;
    Chunk* c = nullptr;
    for (; !c && total >= 512; total /= 4) {
        c = static_cast<Chunk*>(kmalloc(total));
        if (c) c->capacity = total - sizeof(Chunk);
    }
    if (!c) return nullptr;
    c->next = nullptr;
    c->written = c->read = 0;
    if (last_) last_->next = c;
    else first_ = c;
    last_ = c;
    return c;
}

std::span<u8> ByteQueue::reserve(size_t want) {
    ASSERT(!reserved_ && want > 0);
    Chunk* c = last_;
    if (c && size_ == 0) {
        ASSERT(first_ == last_);
        c->read = c->written = 0; // nothing is left in it, so nobody looks at it
    }
    // Rather a new chunk than a few bytes at the end of an old one.
    if (!c || c->capacity == c->written || (c->capacity - c->written < 64 && want >= 64)) {
        c = add_chunk(want);
        if (!c) return {};
    }
    reserved_ = true;
    size_t room = c->capacity - c->written;
    return {c->data + c->written, want < room ? want : room};
}

void ByteQueue::commit(size_t n) {
    ASSERT(reserved_);
    reserved_ = false;
    last_->written += n;
    size_ += n;
}

void ByteQueue::uncommit(size_t n) {
    ASSERT(!reserved_ && n <= size_ && n <= last_->written - last_->read);
    last_->written -= n;
    size_ -= n;
}

void ByteQueue::drop_tail(size_t n) {
    ASSERT(!reserved_ && n <= size_);
    while (n) {
        Chunk* c = last_;
        u32 here = c->written - c->read;
        u32 cut = here < n ? here : n;
        c->written -= cut;
        size_ -= cut;
        n -= cut;
        if (!n || c == first_) break;
        Chunk* before = first_;
        while (before->next != c) before = before->next;
        before->next = nullptr;
        last_ = before;
        kfree(c);
    }
}

bool ByteQueue::append(const void* data, size_t n) {
    const u8* p = static_cast<const u8*>(data);
    size_t left = n, before = size_;
    while (left) {
        std::span<u8> room = reserve(left);
        if (room.empty()) {
            drop_tail(size_ - before);
            return false;
        }
        memcpy(room.data(), p, room.size());
        commit(room.size());
        p += room.size();
        left -= room.size();
    }
    return true;
}

std::span<const u8> ByteQueue::data_at(size_t offset) const {
    for (const Chunk* c = first_; c; c = c->next) {
        u32 here = c->written - c->read;
        if (offset < here) return {c->data + c->read + offset, here - offset};
        offset -= here;
    }
    return {};
}

void ByteQueue::consume(size_t n) {
    ASSERT(n <= size_);
    size_ -= n;
    while (first_) {
        Chunk* c = first_;
        u32 here = c->written - c->read;
        u32 take = n < here ? n : here;
        c->read += take;
        n -= take;
        if (c->read != c->written) break;
        bool keep = c == last_ && (reserved_ || c->capacity <= kKeepCapacity);
        if (keep) break;
        first_ = c->next;
        if (!first_) last_ = nullptr;
        kfree(c);
    }
    ASSERT(n == 0);
}

void ByteQueue::clear() {
    while (first_) {
        Chunk* c = first_;
        first_ = c->next;
        kfree(c);
    }
    last_ = nullptr;
    size_ = 0;
    reserved_ = false;
}

} // namespace linnet
