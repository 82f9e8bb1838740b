#include "kernel/lib/tree.h"

namespace linnet {

// A treap: a search tree by key, a heap by priority. A fixed mixing of the node's address serves as the
// random priority (splitmix64's finalizer), so the expected depth is logarithmic.
u64 TreeBase::priority(const TreeNode* n) {
    u64 z = reinterpret_cast<u64>(n) + 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

TreeNode* TreeBase::leftmost(TreeNode* n) {
    while (n->left) n = n->left;
    return n;
}

TreeNode* TreeBase::rightmost(TreeNode* n) {
    while (n->right) n = n->right;
    return n;
}

TreeNode* TreeBase::successor(TreeNode* n) {
    if (n->right) return leftmost(n->right);
    while (n->parent && n->parent->right == n) n = n->parent;
    return n->parent;
}

TreeNode* TreeBase::predecessor(TreeNode* n) {
    if (n->left) return rightmost(n->left);
    while (n->parent && n->parent->left == n) n = n->parent;
    return n->parent;
}

void TreeBase::replace_child(TreeNode* parent, TreeNode* from, TreeNode* to) {
    if (!parent) root_ = to;
    else if (parent->left == from) parent->left = to;
    else parent->right = to;
    if (to) to->parent = parent;
}

void TreeBase::rotate_up(TreeNode* n) {
    TreeNode* p = n->parent;
    replace_child(p->parent, p, n);
    if (p->left == n) {
        p->left = n->right;
        if (p->left) p->left->parent = p;
        n->right = p;
    } else {
        p->right = n->left;
        if (p->right) p->right->parent = p;
        n->left = p;
    }
    p->parent = n;
}

void TreeBase::attach(TreeNode* n, TreeNode* parent, bool left) {
    ASSERT(!n->in_tree);
    n->left = n->right = nullptr;
    n->parent = parent;
    n->in_tree = true;
    if (!parent) root_ = n;
    else if (left) parent->left = n;
    else parent->right = n;
    ++size_;
    u64 pri = priority(n);
    while (n->parent && priority(n->parent) < pri) rotate_up(n);
}

void TreeBase::detach(TreeNode* n) {
    ASSERT(n->in_tree);
    while (n->left && n->right)
        rotate_up(priority(n->left) > priority(n->right) ? n->left : n->right);
    replace_child(n->parent, n, n->left ? n->left : n->right);
    n->left = n->right = n->parent = nullptr;
    n->in_tree = false;
    --size_;
}

} // namespace linnet
