// maps, smaps, and what is read out of a program's memory.
#include "kernel/mm/address_space.h"
#include "kernel/lib/string.h"
#include "procfs/process.h"

namespace linnet {
namespace {

constexpr size_t kMaxArgumentBytes = 2 * MiB;

void mapping_line(const Vma& v, GrowingText& out) {
    u64 device = 0, inode = 0;
    char path_buf[512];
    TextBuffer path(path_buf, sizeof path_buf);
    if (v.label) path.append("%s", v.label);
    if (v.object) {
        TextBuffer name(path_buf, sizeof path_buf);
        v.object->describe(name, &device, &inode);
        if (!name.length() && v.label) name.append("%s", v.label);
    }
    char line[128];
    size_t n = format(line, sizeof line, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", v.start, v.end,
                      v.prot & kProtRead ? 'r' : '-', v.prot & kProtWrite ? 'w' : '-', v.prot & kProtExec ? 'x' : '-',
                      v.flags & kVmaShared ? 's' : 'p', v.object ? v.offset : 0ul, u32(device >> 8 & 0xfff),
                      u32(device & 0xff), inode);
    out.put(line, n);
    if (path_buf[0]) {
        // Paths begin in column 74, as Linux aligns them.
        for (; n < 73; ++n) out.put(' ');
        for (const char* p = path_buf; *p; ++p) {
            if (*p == '\n') out.put("\\012");
            else out.put(*p);
        }
    }
    out.put('\n');
}

struct Residency { u64 rss = 0, private_dirty = 0, private_clean = 0, shared_clean = 0, shared_dirty = 0, anonymous = 0, huge = 0; };

/// Pages that are there, in kB. The space's lock is held.
Residency residency(AddressSpace& space, const Vma& v) {
    Residency r;
    PageTable& table = space.page_table();
    for (u64 a = table.next_present(v.start, v.end); a < v.end;) {
        bool huge = false;
        Pte* pte = table.find(a, &huge);
        u64 step = huge ? kHugePageSize : kPageSize;
        if (pte && (*pte & kPteOccupied)) {
            u64 end = align_down(a, step) + step;
            u64 kb = ((end < v.end ? end : v.end) - a) / KiB;
            const Page* page = phys_to_page(*pte & kPteAddress & ~(step - 1));
            bool shared = (v.flags & kVmaShared) || (page && page->refs.load(std::memory_order_relaxed) > 1 && !huge);
            bool dirty = (*pte & kPteDirty) || v.anonymous();
            r.rss += kb;
            (shared ? dirty ? r.shared_dirty : r.shared_clean : dirty ? r.private_dirty : r.private_clean) += kb;
            if (v.anonymous() || (!(v.flags & kVmaShared) && (*pte & kPteDirty))) r.anonymous += kb;
            if (huge) r.huge += kb;
        }
        u64 next = align_down(a, step) + step;
        if (next >= v.end || next <= a) break;
        a = table.next_present(next, v.end);
    }
    return r;
}

void residency_lines(const Residency& r, GrowingText& out) {
    out.append("Rss:            %8lu kB\nPss:            %8lu kB\nPss_Dirty:      %8lu kB\n", r.rss, r.rss,
               r.private_dirty + r.shared_dirty);
    out.append("Shared_Clean:   %8lu kB\nShared_Dirty:   %8lu kB\nPrivate_Clean:  %8lu kB\nPrivate_Dirty:  %8lu kB\n",
               r.shared_clean, r.shared_dirty, r.private_clean, r.private_dirty);
    out.append("Referenced:     %8lu kB\nAnonymous:      %8lu kB\nLazyFree:       %8lu kB\nAnonHugePages:  %8lu kB\n", r.rss,
               r.anonymous, 0ul, r.huge);
    out.append("ShmemPmdMapped: %8lu kB\nFilePmdMapped:  %8lu kB\nShared_Hugetlb: %8lu kB\nPrivate_Hugetlb: %7lu kB\n", 0ul, 0ul,
               0ul, 0ul);
    out.append("Swap:           %8lu kB\nSwapPss:        %8lu kB\nLocked:         %8lu kB\n", 0ul, 0ul, 0ul);
}

/// Program memory [start, end) as it is.
Result<void> copy_memory(const Subject& s, u64 start, u64 end, GrowingText& out) {
    auto space = process_space(*s.process);
    if (!space || end <= start) return {};
    if (end - start > kMaxArgumentBytes) end = start + kMaxArgumentBytes;
    auto* buf = static_cast<char*>(kmalloc(kPageSize));
    if (!buf) return ENOMEM;
    while (start < end) {
        size_t want = end - start < kPageSize ? end - start : kPageSize;
        size_t n = space->peek(start, buf, want);
        out.put(buf, n);
        if (n < want) break;
        start += n;
    }
    kfree(buf);
    return {};
}

} // namespace

Result<void> process_maps(const Subject& s, GrowingText& out) {
    auto space = process_space(*s.process);
    if (!space) return {};
    space->for_each_vma([&](const Vma& v) {
        mapping_line(v, out);
        return !out.failed();
    });
    return {};
}

Result<void> process_smaps(const Subject& s, GrowingText& out) {
    auto space = process_space(*s.process);
    if (!space) return {};
    space->for_each_vma([&](const Vma& v) {
        mapping_line(v, out);
        out.append("Size:           %8lu kB\nKernelPageSize: %8u kB\nMMUPageSize:    %8u kB\n", (v.end - v.start) / KiB, 4, 4);
        residency_lines(residency(*space, v), out);
        out.append("THPeligible:    %d\nVmFlags:", v.anonymous() ? 1 : 0);
        if (v.prot & kProtRead) out.put(" rd");
        if (v.prot & kProtWrite) out.put(" wr");
        if (v.prot & kProtExec) out.put(" ex");
        if (v.flags & kVmaShared) out.put(" sh");
        out.put(" mr mw me");
        if (v.flags & kVmaGrowsDown) out.put(" gd");
        if (v.flags & kVmaLocked) out.put(" lo");
        if (v.flags & kVmaDontFork) out.put(" dc");
        if (v.flags & kVmaDontDump) out.put(" dd");
        if (v.flags & kVmaHuge) out.put(" hg");
        if (v.flags & kVmaNoHuge) out.put(" nh");
        out.put(" \n");
        return !out.failed();
    });
    return {};
}

Result<void> process_smaps_rollup(const Subject& s, GrowingText& out) {
    auto space = process_space(*s.process);
    if (!space) return ESRCH;
    Residency sum;
    u64 first = 0, last = 0;
    space->for_each_vma([&](const Vma& v) {
        Residency r = residency(*space, v);
        if (!first) first = v.start;
        last = v.end;
        sum.rss += r.rss;
        sum.private_dirty += r.private_dirty;
        sum.private_clean += r.private_clean;
        sum.shared_clean += r.shared_clean;
        sum.shared_dirty += r.shared_dirty;
        sum.anonymous += r.anonymous;
        sum.huge += r.huge;
        return true;
    });
    out.append("%08lx-%08lx ---p 00000000 00:00 0 %26s[rollup]\n", first, last, "");
    residency_lines(sum, out);
    return {};
}

Result<void> process_cmdline(const Subject& s, GrowingText& out) {
    auto space = process_space(*s.process);
    if (!space) return {};
    u64 start = space->arg_start, end = space->arg_end, env_end = space->env_end;
    TRY(copy_memory(s, start, end, out));
    // setproctitle: a title that overwrote the last NUL goes on into the environment.
    if (out.size() && out.data()[out.size() - 1] != 0 && env_end > end) {
        GrowingText more;
        TRY(copy_memory(s, end, env_end, more));
        const void* stop = more.size() ? memchr(more.data(), 0, more.size()) : nullptr;
        out.put(more.data(), stop ? size_t(static_cast<const char*>(stop) - more.data()) : more.size());
    }
    return {};
}

Result<void> process_environ(const Subject& s, GrowingText& out) {
    auto space = process_space(*s.process);
    if (!space) return {};
    return copy_memory(s, space->env_start, space->env_end, out);
}

Result<void> process_auxv(const Subject& s, GrowingText& out) {
    auto space = process_space(*s.process);
    if (space) out.put(reinterpret_cast<const char*>(space->saved_auxv), space->saved_auxv_size);
    return {};
}

MappingSums mapping_sums(AddressSpace& space) {
    MappingSums m;
    space.for_each_vma([&](const Vma& v) {
        u64 kb = (v.end - v.start) / KiB;
        if (v.flags & kVmaGrowsDown) m.stack_kb += kb;
        else if ((v.prot & kProtWrite) && !(v.flags & kVmaShared)) m.data_kb += kb;
        if (v.prot & kProtExec) {
            if (v.start < space.code_end && v.end > space.code_start) m.exe_kb += kb;
            else m.lib_kb += kb;
        }
        return true;
    });
    return m;
}

} // namespace linnet
