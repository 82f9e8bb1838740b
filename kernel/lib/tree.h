// Balanced intrusive search tree (a treap: priorities are a hash of the node's address, so it needs no
// balance field and no recursion on removal). Keys are unique. The tree owns nothing; the caller locks.
#pragma once

#include <type_traits>

#include "kernel/lib/panic.h"
#include "kernel/lib/types.h"

namespace linnet {

struct TreeNode : NoCopy {
    TreeNode* left = nullptr;
    TreeNode* right = nullptr;
    TreeNode* parent = nullptr;
    bool in_tree = false;
};

/// Untyped part of Tree: rotations and order.
class TreeBase : NoCopy {
  public:
    bool empty() const { return root_ == nullptr; }
    size_t size() const { return size_; }

  protected:
    static TreeNode* leftmost(TreeNode* n);
    static TreeNode* rightmost(TreeNode* n);
    static TreeNode* successor(TreeNode* n);
    static TreeNode* predecessor(TreeNode* n);
    void attach(TreeNode* n, TreeNode* parent, bool left);
    void detach(TreeNode* n);
    TreeNode* root_ = nullptr;
    size_t size_ = 0;

  private:
    static u64 priority(const TreeNode* n);
    void rotate_up(TreeNode* n);
    void replace_child(TreeNode* parent, TreeNode* from, TreeNode* to);
};

/// Tree<Vma, &Vma::node, &Vma::start>: ordered by a data member with operator<.
template <class T, TreeNode T::*Member, auto Key>
class Tree : public TreeBase {
  public:
    using KeyType = std::remove_cvref_t<decltype(reinterpret_cast<T*>(4096)->*Key)>;
    T* first() { return root_ ? owner(leftmost(root_)) : nullptr; }
    T* last() { return root_ ? owner(rightmost(root_)) : nullptr; }
    T* next(T& e) { return owner_or_null(successor(&(e.*Member))); }
    T* prev(T& e) { return owner_or_null(predecessor(&(e.*Member))); }

    /// False if the key is there already.
    bool insert(T& e) {
        TreeNode* parent = nullptr;
        bool left = false;
        for (TreeNode* n = root_; n;) {
            parent = n;
            if (e.*Key < owner(n)->*Key) {
                left = true;
                n = n->left;
            } else if (owner(n)->*Key < e.*Key) {
                left = false;
                n = n->right;
            } else {
                return false;
            }
        }
        attach(&(e.*Member), parent, left);
        return true;
    }
    void remove(T& e) { detach(&(e.*Member)); }
    T* find(const KeyType& k) {
        T* e = lower_bound(k);
        return e && !(k < e->*Key) ? e : nullptr;
    }
    /// The first element whose key is not less than k.
    T* lower_bound(const KeyType& k) {
        T* best = nullptr;
        for (TreeNode* n = root_; n;) {
            if (owner(n)->*Key < k) {
                n = n->right;
            } else {
                best = owner(n);
                n = n->left;
            }
        }
        return best;
    }
    /// The last element whose key is not greater than k.
    T* floor(const KeyType& k) {
        T* best = nullptr;
        for (TreeNode* n = root_; n;) {
            if (k < owner(n)->*Key) {
                n = n->left;
            } else {
                best = owner(n);
                n = n->right;
            }
        }
        return best;
    }

  private:
    static T* owner(TreeNode* n) {
        constexpr size_t base = 4096;
        T* probe = reinterpret_cast<T*>(base);
        size_t offset = reinterpret_cast<size_t>(&(probe->*Member)) - base;
        return reinterpret_cast<T*>(reinterpret_cast<char*>(n) - offset);
    }
    static T* owner_or_null(TreeNode* n) { return n ? owner(n) : nullptr; }
};

} // namespace linnet
