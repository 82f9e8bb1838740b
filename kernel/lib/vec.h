// A growable array whose growth can fail; move-only.
#pragma once

#include "kernel/lib/ref.h"

namespace linnet {

template <class T>
class Vec {
  public:
    Vec() = default;
    Vec(Vec&& o) noexcept
        : data_(std::exchange(o.data_, nullptr)), size_(std::exchange(o.size_, 0)),
          capacity_(std::exchange(o.capacity_, 0)) {}
    Vec& operator=(Vec&& o) noexcept {
        std::swap(data_, o.data_);
        std::swap(size_, o.size_);
        std::swap(capacity_, o.capacity_);
        return *this;
    }
    Vec(const Vec&) = delete;
    Vec& operator=(const Vec&) = delete;
    ~Vec() {
        clear();
        kfree(data_);
    }

    size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    T* data() { return data_; }
    const T* data() const { return data_; }
    T& operator[](size_t i) {
        ASSERT(i < size_);
        return data_[i];
    }
    const T& operator[](size_t i) const {
        ASSERT(i < size_);
        return data_[i];
    }
    T* begin() { return data_; }
    T* end() { return data_ + size_; }
    const T* begin() const { return data_; }
    const T* end() const { return data_ + size_; }
    T& back() { return (*this)[size_ - 1]; }

    /// Room for exactly so many, for those who know how many come. ENOMEM
    Result<void> reserve(size_t capacity) {
        if (capacity <= capacity_) return {};
        if (capacity > SIZE_MAX / 2 / sizeof(T)) return ENOMEM;
        T* grown = static_cast<T*>(kmalloc(capacity * sizeof(T)));
        if (!grown) return ENOMEM;
        for (size_t i = 0; i < size_; ++i) {
            new (&grown[i]) T(std::move(data_[i]));
            data_[i].~T();
        }
        kfree(data_);
        data_ = grown;
        capacity_ = capacity;
        return {};
    }
    /// ENOMEM
    Result<void> push_back(T v) {
        if (size_ == capacity_) TRY(capacity_ ? grow(size_ + 1) : reserve(8));
        new (&data_[size_++]) T(std::move(v));
        return {};
    }
    /// Value-initialises new elements. The first room is exact; repeated growth doubles it. ENOMEM
    Result<void> resize(size_t n) {
        TRY(grow(n));
        while (size_ > n) data_[--size_].~T();
        while (size_ < n) new (&data_[size_++]) T();
        return {};
    }
    void pop_back() {
        ASSERT(size_);
        data_[--size_].~T();
    }
    /// Keeps the order; O(n).
    void erase(size_t i) {
        ASSERT(i < size_);
        for (; i + 1 < size_; ++i) data_[i] = std::move(data_[i + 1]);
        pop_back();
    }
    void clear() {
        while (size_) data_[--size_].~T();
    }

  private:
    /// Room for n: twice what is there, or as much of that as memory allows, so that growth in small steps does not copy everything each time.
    Result<void> grow(size_t n) {
        if (n <= capacity_) return {};
        for (size_t more = capacity_; more > n - capacity_; more /= 2)
            if (reserve(capacity_ + more)) return {};
        return reserve(n);
    }

    T* data_ = nullptr;
    size_t size_ = 0;
    size_t capacity_ = 0;
};

} // namespace linnet
