// Hostile bytes as the boot archive: its tree is a tree, and every file can be read.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "kernel/lib/log.h"
#include "kernel/mm/accounting.h"
#include "kernel/mm/page.h"
#include "vfs/initrd_fs.h"
#include "vfs/tests/host_vfs.h"
#include "vfs/tests/tree_check.h"

using namespace linnet;

static void read_all(Dentry& dir, u64 limit) {
    for (u64 at = 0; Dentry* d = DentryCache::next_child(dir, at);) {
        at = d->dir_offset + 1;
        Inode& i = d->inode();
        if (i.is_directory()) read_all(*d, limit);
        char buf[5000];
        if (i.is_symlink() && i.readlink(buf, sizeof buf).value() > 4095) abort();
        if (!i.is_regular()) continue;
        if (i.size() > limit) abort();
        auto pages = static_cast<MemoryInode&>(i).pages();
        if (!pages) abort();
        u64 total = 0;
        for (;;) {
            IoVector v = IoVector::kernel(static_cast<void*>(buf), sizeof buf);
            auto n = (*pages)->read_pages(v, total);
            if (!n) abort();
            if (!*n) break;
            total += *n;
        }
        if (total != i.size()) abort();
        if (total > 100) { // and cut
            if (!i.truncate(total / 2) || !i.truncate(total)) abort();
            IoVector v = IoVector::kernel(static_cast<void*>(buf), 1);
            auto n = (*pages)->read_pages(v, total - 1);
            if (!n || *n != 1 || buf[0]) abort(); // what was cut comes back as zeroes
        }
    }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    host::AsTask as;
    log_level = static_cast<LogLevel>(-1);
    if (size > 64 * KiB) size = 64 * KiB;
    u32 order = 0;
    while ((kPageSize << order) < size + 1) ++order;
    u64 before = free_page_count();
    Page* pages = alloc_pages(order, true).value();
    auto* bytes = static_cast<std::byte*>(page_to_virt(pages));
    memcpy(bytes, data, size);
    {
        auto made = make_archive_filesystem({bytes, size});
        if (!made) abort();
        Ref<Dentry> root = std::move(*made);
        std::string wrong = host::check_tree(*root);
        if (!wrong.empty()) {
            fprintf(stderr, "%s\n", wrong.c_str());
            abort();
        }
        read_all(*root, size);
        DentryCache::drop_tree(*root);
    }
    host::settle(); // the tree is freed after a grace period
    put_page(pages);
    if (free_page_count() != before) abort();
    return 0;
}
