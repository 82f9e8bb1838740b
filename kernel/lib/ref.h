// Ownership: Ref<T> counts (atomically), Owned<T> owns alone. Both are made by functions that return a
// Result, since every allocation can fail. A raw pointer is borrowed; a C++ reference is never null.
#pragma once

#include <atomic>
#include <new>
#include <utility>

#include "kernel/lib/panic.h"
#include "kernel/lib/types.h"
#include "linux-abi/errno.h"

namespace linnet {

/// Kernel heap (kernel/mm/slab.cc; malloc on the host). Any thread context, no lock held of rank Heap or above.
/// 16-byte aligned; from 4096 bytes on page-aligned. nullptr when there is no memory.
void* kmalloc(size_t size) __attribute__((malloc, alloc_size(1)));
void* kzalloc(size_t size) __attribute__((malloc, alloc_size(1)));
void kfree(void* p);

/// Base of reference-counted classes: starts with one reference, which make_ref hands out.
class RefCounted : NoCopy {
  public:
    void add_ref() const {
        [[maybe_unused]] u32 old = refs_.fetch_add(1, std::memory_order_relaxed);
        ASSERT(old != 0);
    }
    /// True if this was the last reference (the caller then destroys the object).
    bool drop_ref() const {
        u32 old = refs_.fetch_sub(1, std::memory_order_acq_rel);
        ASSERT(old != 0);
        return old == 1;
    }
    /// For look-up tables that hold no reference: false if the object is already dying.
    bool try_add_ref() const {
        u32 old = refs_.load(std::memory_order_relaxed);
        while (old != 0)
            if (refs_.compare_exchange_weak(old, old + 1, std::memory_order_relaxed)) return true;
        return false;
    }
    /// Acquire: whoever finds itself the only owner sees what the others did before they let go.
    u32 ref_count() const { return refs_.load(std::memory_order_acquire); }

  protected:
    RefCounted() = default;
    virtual ~RefCounted() = default;
    /// Called when the last reference goes. The default destroys and frees.
    virtual void last_ref() {
        this->~RefCounted();
        kfree(this);
    }

  private:
    template <class T>
    friend class Ref;
    mutable std::atomic<u32> refs_{1};
};

template <class T>
class Ref {
  public:
    Ref() = default;
    Ref(std::nullptr_t) {}
    /// Takes a new reference to a borrowed object.
    explicit Ref(T* p) : p_(p) {
        if (p_) p_->add_ref();
    }
    /// Takes over the reference that the caller holds.
    static Ref adopt(T* p) {
        Ref r;
        r.p_ = p;
        return r;
    }
    Ref(const Ref& o) : Ref(o.p_) {}
    Ref(Ref&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
    template <class U>
        requires std::is_convertible_v<U*, T*>
    Ref(const Ref<U>& o) : Ref(static_cast<T*>(o.get())) {}
    template <class U>
        requires std::is_convertible_v<U*, T*>
    Ref(Ref<U>&& o) : p_(o.release()) {}
    Ref& operator=(Ref o) noexcept {
        std::swap(p_, o.p_);
        return *this;
    }
    ~Ref() { reset(); }

    void reset() {
        if (T* p = std::exchange(p_, nullptr))
            if (p->drop_ref()) const_cast<RefCounted*>(static_cast<const RefCounted*>(p))->last_ref();
    }
    /// Gives the reference up without dropping it.
    T* release() { return std::exchange(p_, nullptr); }
    T* get() const { return p_; }
    T* operator->() const { return p_; }
    T& operator*() const { return *p_; }
    explicit operator bool() const { return p_ != nullptr; }
    bool operator==(const Ref& o) const { return p_ == o.p_; }
    bool operator==(const T* o) const { return p_ == o; }

  private:
    T* p_ = nullptr;
};

/// A new T, constructed from the arguments. ENOMEM.
template <class T, class... A>
Result<Ref<T>> make_ref(A&&... args) {
    void* mem = kmalloc(sizeof(T));
    if (!mem) return ENOMEM;
    return Ref<T>::adopt(new (mem) T(std::forward<A>(args)...));
}

template <class T>
class Owned : NoCopy {
  public:
    Owned() = default;
    Owned(std::nullptr_t) {}
    static Owned adopt(T* p) {
        Owned o;
        o.p_ = p;
        return o;
    }
    Owned(Owned&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
    template <class U>
        requires std::is_convertible_v<U*, T*>
    Owned(Owned<U>&& o) : p_(o.release()) {}
    Owned& operator=(Owned&& o) noexcept {
        std::swap(p_, o.p_);
        return *this;
    }
    ~Owned() { reset(); }
    void reset() {
        if (T* p = std::exchange(p_, nullptr)) {
            p->~T();
            kfree(p);
        }
    }
    T* release() { return std::exchange(p_, nullptr); }
    T* get() const { return p_; }
    T* operator->() const { return p_; }
    T& operator*() const { return *p_; }
    explicit operator bool() const { return p_ != nullptr; }

  private:
    T* p_ = nullptr;
};

template <class T, class... A>
Result<Owned<T>> make_owned(A&&... args) {
    void* mem = kmalloc(sizeof(T));
    if (!mem) return ENOMEM;
    return Owned<T>::adopt(new (mem) T(std::forward<A>(args)...));
}

} // namespace linnet
