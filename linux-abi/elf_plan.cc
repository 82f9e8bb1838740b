#include "linux-abi/elf_plan.h"

namespace linnet::abi {
namespace {

struct FileHeader {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
static_assert(sizeof(FileHeader) == 64);

struct ProgramHeader {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, file_size, memory_size, align;
};
static_assert(sizeof(ProgramHeader) == 56);

struct NoteHeader {
    uint32_t name_size, desc_size, type;
};

constexpr uint16_t et_exec = 2, et_dyn = 3, em_x86_64 = 62;
constexpr uint32_t pt_load = 1, pt_interp = 3, pt_note = 4, pt_gnu_stack = 0x6474e551, pt_gnu_relro = 0x6474e552;
constexpr uint32_t pf_x = 1, pf_w = 2, pf_r = 4;
constexpr uint32_t nt_gnu_build_id = 3;
constexpr uint64_t path_max = 4096;
constexpr uint64_t largest_alignment = 2 << 20; // the size of a large page
constexpr uint64_t largest_note = 64 << 10;

/// All of `size` bytes or an error.
Result<void> read_all(ByteSource& file, uint64_t offset, void* to, size_t size) {
    size_t n = TRY(file.read_at(offset, to, size));
    if (n != size) return EIO;
    return {};
}

/// Looks for the GNU build-id among the notes of a PT_NOTE. A broken note ends the search.
void find_build_id(ByteSource& file, const ProgramHeader& p, ElfPlan& plan) {
    uint64_t size = p.file_size < largest_note ? p.file_size : largest_note;
    if (p.offset > UINT64_MAX - size) return;
    uint64_t align = p.align == 8 ? 8 : 4;
    uint64_t at = 0;
    while (size - at >= sizeof(NoteHeader)) {
        struct {
            NoteHeader h;
            char name[4];
        } note;
        uint64_t left = size - at;
        size_t want = left < sizeof note ? sizeof(NoteHeader) : sizeof note;
        if (!read_all(file, p.offset + at, &note, want).ok()) return;
        uint64_t desc_at = sizeof(NoteHeader) + ((uint64_t(note.h.name_size) + align - 1) & ~(align - 1));
        if (align == 8) desc_at = (sizeof(NoteHeader) + uint64_t(note.h.name_size) + 7) & ~uint64_t(7);
        uint64_t next = desc_at + ((uint64_t(note.h.desc_size) + align - 1) & ~(align - 1));
        if (desc_at > left || note.h.desc_size > left - desc_at) return;
        if (note.h.type == nt_gnu_build_id && note.h.name_size == 4 && want == sizeof note &&
            __builtin_memcmp(note.name, "GNU", 4) == 0 && note.h.desc_size > 0 &&
            note.h.desc_size <= sizeof plan.build_id) {
            if (read_all(file, p.offset + at + desc_at, plan.build_id, note.h.desc_size).ok())
                plan.build_id_size = static_cast<uint8_t>(note.h.desc_size);
            return;
        }
        if (next > left) return;
        at += next;
    }
}

Result<void> add_segment(const ProgramHeader& p, const FileHeader& header, ElfPlan& plan) {
    constexpr uint64_t page_mask = elf_page_size - 1;
    if (p.file_size > p.memory_size) return EINVAL;
    if (p.vaddr >= elf_task_size || p.memory_size > elf_task_size ||
        elf_task_size - p.memory_size < p.vaddr)
        return EINVAL;
    if (p.memory_size == 0) return {};
    if (p.file_size) {
        // mmap's own conditions: whole pages of the file, at an offset that a file can have.
        if (((p.offset ^ p.vaddr) & page_mask) != 0) return EINVAL;
        if (p.offset < (p.vaddr & page_mask) || p.offset > uint64_t(INT64_MAX) - p.file_size) return EINVAL;
    }
    ElfSegment& s = plan.segments[plan.segment_count++];
    s.vaddr = p.vaddr;
    s.offset = p.offset;
    s.file_size = p.file_size;
    s.memory_size = p.memory_size;
    s.prot = (p.flags & pf_r ? 1u : 0) | (p.flags & pf_w ? 2u : 0) | (p.flags & pf_x ? 4u : 0);

    uint64_t start = ElfSegment::down(p.vaddr), end = ElfSegment::up(p.vaddr + p.memory_size);
    if (plan.segment_count == 1 || start < plan.span_start) plan.span_start = start;
    if (end > plan.span_end) plan.span_end = end;
    uint64_t file_end = p.vaddr + p.file_size;
    if (p.flags & pf_x) {
        if (!plan.code_start || p.vaddr < plan.code_start) plan.code_start = p.vaddr;
        if (file_end > plan.code_end) plan.code_end = file_end;
    }
    if (p.vaddr > plan.data_start) plan.data_start = p.vaddr;
    if (file_end > plan.data_end) plan.data_end = file_end;
    if (p.vaddr + p.memory_size > plan.memory_end) plan.memory_end = p.vaddr + p.memory_size;
    if (p.align > plan.alignment && (p.align & (p.align - 1)) == 0)
        plan.alignment = p.align < largest_alignment ? p.align : largest_alignment;
    if (p.offset <= header.phoff && header.phoff - p.offset < p.file_size)
        plan.phdr_vaddr = header.phoff - p.offset + p.vaddr;
    return {};
}

} // namespace

Result<void> make_elf_plan(ByteSource& file, ElfRole role, ElfPlan& plan) {
    const Errno not_elf = role == ElfRole::program ? ENOEXEC : ELIBBAD;
    __builtin_memset(&plan, 0, sizeof plan);
    plan.alignment = elf_page_size;

    FileHeader h;
    size_t got = TRY(file.read_at(0, &h, sizeof h));
    if (got != sizeof h) return role == ElfRole::program ? ENOEXEC : EIO;
    static constexpr uint8_t magic[] = {0x7f, 'E', 'L', 'F', 2 /* 64-bit */, 1 /* little endian */};
    if (__builtin_memcmp(h.ident, magic, sizeof magic) != 0) return not_elf;
    if ((h.type != et_exec && h.type != et_dyn) || h.machine != em_x86_64) return not_elf;
    if (h.phentsize != sizeof(ProgramHeader) || h.phnum == 0 || h.phnum > elf_max_headers) return not_elf;
    uint64_t table_size = uint64_t(h.phnum) * sizeof(ProgramHeader);
    if (h.phoff > uint64_t(INT64_MAX) - table_size) return not_elf;
    plan.position_independent = h.type == et_dyn;
    plan.entry = h.entry;
    plan.phdr_count = h.phnum;

    constexpr unsigned batch_size = 8; // headers read at once: 448 bytes of stack
    ProgramHeader batch[batch_size];
    for (unsigned i = 0; i < h.phnum; ++i) {
        if (i % batch_size == 0) {
            unsigned n = h.phnum - i < batch_size ? h.phnum - i : batch_size;
            if (!read_all(file, h.phoff + i * sizeof(ProgramHeader), batch, n * sizeof(ProgramHeader)).ok())
                return not_elf;
        }
        const ProgramHeader& p = batch[i % batch_size];
        switch (p.type) {
        case pt_load: TRY(add_segment(p, h, plan)); break;
        case pt_interp:
            if (plan.has_interpreter || role == ElfRole::interpreter) break;
            if (p.file_size < 2 || p.file_size > path_max || p.offset > uint64_t(INT64_MAX) - p.file_size)
                return ENOEXEC;
            plan.has_interpreter = true;
            plan.interpreter_offset = p.offset;
            plan.interpreter_size = p.file_size;
            break;
        case pt_note:
            if (!plan.build_id_size) find_build_id(file, p, plan);
            break;
        case pt_gnu_stack:
            plan.stack = p.flags & pf_x ? ElfStack::executable : ElfStack::not_executable;
            break;
        case pt_gnu_relro:
            plan.relro_start = p.vaddr;
            plan.relro_size = p.memory_size;
            break;
        default: break;
        }
    }
    if (plan.segment_count == 0) return EINVAL;
    if (!plan.position_independent) {
        if (plan.span_start == 0) return EPERM; // below mmap_min_addr
        if (plan.entry >= elf_task_size) return EINVAL;
    }
    return {};
}

Result<std::string_view> read_interpreter(ByteSource& file, const ElfPlan& plan, std::span<char> buffer) {
    if (!plan.has_interpreter || plan.interpreter_size > buffer.size()) return ENOEXEC;
    size_t size = static_cast<size_t>(plan.interpreter_size);
    TRY(read_all(file, plan.interpreter_offset, buffer.data(), size));
    if (buffer[size - 1] != '\0') return ENOEXEC;
    return std::string_view(buffer.data(), __builtin_strlen(buffer.data()));
}

} // namespace linnet::abi
