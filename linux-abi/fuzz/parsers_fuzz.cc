// Any bytes as a cpio archive, a command line, a script, a call-site table.
#include "linux-abi/cmdline.h"
#include "linux-abi/cpio.h"
#include "linux-abi/script.h"
#include "linux-abi/site_table.h"

using namespace linnet::abi;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    std::vector<char> text(data + 1, data + size);
    std::string_view view(text.data(), text.size());
    auto inside = [&](const char* p, size_t n) {
        if (n && (p < text.data() || p + n > text.data() + text.size())) abort();
    };
    switch (data[0] % 4) {
    case 0: {
        CpioReader r(std::as_bytes(std::span(text)));
        CpioEntry e;
        uint64_t last = 0;
        for (;;) {
            auto more = r.next(e);
            if (!more.ok() || !*more) break;
            if (r.offset() <= last) abort();
            last = r.offset();
            inside(e.name.data(), e.name.size());
            inside(e.path.data(), e.path.size());
            inside(reinterpret_cast<const char*>(e.data.data()), e.data.size());
        }
        break;
    }
    case 1: {
        std::vector<char> storage(text.size() + 1);
        std::vector<const char*> words(text.size() / 2 + 1);
        auto r = parse_command_line(view, storage, words);
        if (!r.ok()) abort(); // the documented sizes are enough
        for (const char* w : r->options) {
            if (const char* v = option_value(w, "virtio_mmio.device=")) (void)parse_mmio_device(v);
        }
        for (const char* w : r->arguments)
            if (strlen(w) > text.size()) abort();
        break;
    }
    case 2: {
        auto r = parse_script(view);
        if (!r.ok()) break;
        inside(r->interpreter.data(), r->interpreter.size());
        inside(r->argument.data(), r->argument.size());
        break;
    }
    case 3: {
        std::vector<uint64_t> aligned((text.size() + 7) / 8);
        if (!text.empty()) memcpy(aligned.data(), text.data(), text.size());
        auto r = open_site_table(std::as_bytes(std::span(aligned)).first(text.size()));
        if (!r.ok()) break;
        if (sites_between(*r, 0, ~0ull).size() != r->entries.size()) abort();
        // What the kernel relies on when it writes: the bytes that it replaces are bytes that it compared, and sites are apart.
        uint64_t free_from = 0;
        for (const SiteEntry& e : r->entries) {
            if (e.vaddr < free_from || e.displaced == 0 || e.displaced > e.original_size || e.original_size > site_original_size)
                abort();
            free_from = e.vaddr + e.displaced;
            bool halt = e.form == uint8_t(SiteForm::halt);
            if (halt != (e.displaced == 1) || (halt && e.original[0] != 0xf4)) abort();
            if (sites_between(*r, e.vaddr, e.vaddr + 1).size() != 1) abort();
        }
        break;
    }
    }
    return 0;
}
