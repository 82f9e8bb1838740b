// Doubly linked intrusive list. The element embeds a ListNode; the list owns nothing.
#pragma once

#include "kernel/lib/panic.h"
#include "kernel/lib/types.h"

namespace linnet {

struct ListNode : NoCopy {
    ListNode* prev = nullptr;
    ListNode* next = nullptr;
    bool linked() const { return next != nullptr; }
    /// Takes the node out of the list that it is in; harmless if it is in none.
    void unlink() {
        if (!next) return;
        __atomic_store_n(&prev->next, next, __ATOMIC_RELAXED); // see List::empty()
        next->prev = prev;
        prev = next = nullptr;
    }
};

/// List<Waiter, &Waiter::node>
template <class T, ListNode T::*Member>
class List : NoCopy {
  public:
    List() { head_.prev = head_.next = &head_; }
    /// Also a look without the list's lock (WaitQueue::empty()): it was so at some moment.
    bool empty() const { return __atomic_load_n(&head_.next, __ATOMIC_RELAXED) == &head_; }
    T* front() { return empty() ? nullptr : owner(head_.next); }
    T* back() { return empty() ? nullptr : owner(head_.prev); }
    void push_back(T& e) { insert(head_.prev, e.*Member); }
    void push_front(T& e) { insert(&head_, e.*Member); }
    void insert_before(T& at, T& e) { insert((at.*Member).prev, e.*Member); }
    static void remove(T& e) { (e.*Member).unlink(); }
    T* pop_front() {
        T* e = front();
        if (e) remove(*e);
        return e;
    }
    T* next(T& e) { return (e.*Member).next == &head_ ? nullptr : owner((e.*Member).next); }
    /// Moves all elements of `other` to the end of this list.
    void splice_back(List& other) {
        while (T* e = other.pop_front()) push_back(*e);
    }

    struct Iterator {
        ListNode* n;
        T& operator*() const { return *owner(n); }
        Iterator& operator++() {
            n = n->next;
            return *this;
        }
        bool operator!=(const Iterator& o) const { return n != o.n; }
    };
    /// Iteration; the loop body must not take the current element out (use next() before).
    Iterator begin() { return {head_.next}; }
    Iterator end() { return {&head_}; }

  private:
    static T* owner(ListNode* n) {
        constexpr size_t base = 4096; // any aligned non-null address serves to compute the offset
        T* probe = reinterpret_cast<T*>(base);
        size_t offset = reinterpret_cast<size_t>(&(probe->*Member)) - base;
        return reinterpret_cast<T*>(reinterpret_cast<char*>(n) - offset);
    }
    static void insert(ListNode* after, ListNode& n) {
        ASSERT(!n.linked());
        n.prev = after;
        n.next = after->next;
        after->next->prev = &n;
        __atomic_store_n(&after->next, &n, __ATOMIC_RELAXED);
    }
    ListNode head_;
};

} // namespace linnet
