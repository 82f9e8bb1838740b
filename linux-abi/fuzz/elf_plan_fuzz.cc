// Any bytes as an ELF file: the plan is sound, and where libelf reads the file too, both agree.
#include "linux-abi/elf_plan.h"

#include <gelf.h>

using namespace linnet::abi;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const unsigned version = elf_version(EV_CURRENT);
    (void)version;
    std::vector<char> copy(data, data + size);
    if (size > 64 && (data[size - 1] & 3) != 0) { // mostly with a header that gets past the first checks
        memcpy(copy.data(), "\177ELF\2\1\1", 7);
        auto& h = *reinterpret_cast<Elf64_Ehdr*>(copy.data());
        h.e_type = data[size - 1] & 1 ? ET_DYN : ET_EXEC;
        h.e_machine = EM_X86_64;
        h.e_phoff = 64;
        h.e_phentsize = 56;
        h.e_phnum = 1 + h.e_phnum % std::min<size_t>(73, (size + 55 - 64) / 56 + 1);
    }
    MemorySource source{std::as_bytes(std::span(copy))};
    static ElfPlan plan;
    static char path[4096];
    (void)make_elf_plan(source, ElfRole::interpreter, plan);
    if (!make_elf_plan(source, ElfRole::program, plan).ok()) return 0;
    (void)read_interpreter(source, plan, path);
    if (plan.segment_count == 0 || plan.segment_count > elf_max_headers || plan.span_end <= plan.span_start ||
        plan.span_end > elf_task_size || plan.alignment < 4096 || plan.alignment > (2 << 20))
        abort();
    for (unsigned i = 0; i < plan.segment_count; ++i) {
        const ElfSegment& s = plan.segments[i];
        if (s.map_start() % 4096 || s.map_size() % 4096 || (s.map_size() && s.map_offset() % 4096) ||
            s.map_start() < plan.span_start || s.map_start() + s.map_size() > plan.span_end ||
            s.zero_end() < s.zero_start() || s.zero_end() - s.zero_start() >= 4096 ||
            s.anonymous_end() < s.anonymous_start() || s.anonymous_end() > plan.span_end)
            abort();
    }
    Elf* elf = elf_memory(copy.data(), copy.size());
    GElf_Ehdr h;
    size_t phnum = 0;
    if (elf && elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &h) && elf_getphdrnum(elf, &phnum) == 0 &&
        phnum == plan.phdr_count) {
        if (plan.entry != h.e_entry || plan.position_independent != (h.e_type == ET_DYN)) abort();
        unsigned at = 0;
        bool all = true;
        for (size_t i = 0; i < phnum; ++i) {
            GElf_Phdr p;
            if (!gelf_getphdr(elf, static_cast<int>(i), &p)) {
                all = false;
                break;
            }
            if (p.p_type != PT_LOAD || !p.p_memsz) continue;
            if (at >= plan.segment_count || plan.segments[at].vaddr != p.p_vaddr ||
                plan.segments[at].file_size != p.p_filesz)
                abort();
            ++at;
        }
        if (all && at != plan.segment_count) abort();
    }
    elf_end(elf);
    return 0;
}
