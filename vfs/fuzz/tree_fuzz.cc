// A hostile sequence of operations on a tmpfs with hostile paths, memory giving out now and then: the tree stays a tree, counts
// stay right, everything can be removed and nothing leaks.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "vfs/tests/host_vfs.h"
#include "vfs/tests/tree_check.h"

using namespace linnet;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    host::AsTask as;
    if (size > 2048) size = 2048;
    size_t at = 0;
    auto next = [&]() -> uint8_t { return at < size ? data[at++] : 0; };
    auto expect = [](const std::string& wrong) {
        if (wrong.empty()) return;
        fprintf(stderr, "%s\n", wrong.c_str());
        abort();
    };
    host::FreshRoot root;
    while (at < size) {
        uint8_t memory = next();
        if (memory >= 0xf0) host::heap_allocations_left = memory & 7;
        host::apply(tree::draw(next));
        host::heap_allocations_left = -1;
    }
    expect(host::check_tree(root.dentry()));
    expect(root.clear());
    return 0;
}
