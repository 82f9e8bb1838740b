// What execve maps for an ELF file: the load plan, from the file header and the program headers. All input
// is hostile. Source: elf(5), the System V ABI, and what Linux 6.1 does (fs/binfmt_elf.c).
//
// Where Linux finds out only after the old program is gone, and kills the process by SIGSEGV, the plan fails
// first and execve returns the errno: the caller still exists.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "linux-abi/byte_source.h"
#include "linux-abi/errno.h"

namespace linnet::abi {

inline constexpr uint64_t elf_page_size = 4096;
inline constexpr uint64_t elf_task_size = 0x7ffffffff000; // one past the highest program address
inline constexpr unsigned elf_max_headers = 73;           // the table must fit in a page, as in Linux 6.1

/// One PT_LOAD as in the file, in the file's order. A later one maps over an earlier one where they overlap.
/// The accessors give what to map; for position-independent files add the load bias to each address.
struct ElfSegment {
    uint64_t vaddr, offset, file_size, memory_size;
    uint32_t prot; // PROT_READ 1, PROT_WRITE 2, PROT_EXEC 4

    static constexpr uint64_t down(uint64_t a) { return a & ~(elf_page_size - 1); }
    static constexpr uint64_t up(uint64_t a) { return down(a + elf_page_size - 1); }

    /// First byte of the mapping of file pages; map_size() is 0 if there are none.
    uint64_t map_start() const { return down(vaddr); }
    uint64_t map_size() const { return file_size ? up(vaddr + file_size) - down(vaddr) : 0; }
    uint64_t map_offset() const { return offset - (vaddr & (elf_page_size - 1)); }
    /// The tail of the last file page that the program must see as zero; empty if start == end.
    uint64_t zero_start() const { return vaddr + file_size; }
    uint64_t zero_end() const {
        if (memory_size <= file_size) return zero_start();
        if (!file_size) return zero_start();
        uint64_t page_end = up(vaddr + file_size);
        return page_end; // to the end of the page, as Linux's padzero, even where memory_size ends before
    }
    /// Anonymous zero pages after the file pages; empty if start == end.
    uint64_t anonymous_start() const { return file_size ? up(vaddr + file_size) : down(vaddr); }
    uint64_t anonymous_end() const {
        uint64_t end = up(vaddr + memory_size);
        return memory_size > file_size && end > anonymous_start() ? end : anonymous_start();
    }
};

enum class ElfRole : uint8_t { program, interpreter };
enum class ElfStack : uint8_t { unspecified, not_executable, executable };

/// About 3 KiB: not for a kernel stack.
struct ElfPlan {
    bool position_independent; // ET_DYN
    uint64_t entry;            // add the load bias for ET_DYN; so for all addresses below
    uint64_t phdr_vaddr;       // AT_PHDR; 0 if no segment holds the table
    uint16_t phdr_count;       // AT_PHNUM; AT_PHENT is 56
    uint64_t span_start, span_end; // page-aligned, all segments
    uint64_t alignment;        // for the load bias of ET_DYN: at least a page, at most 2 MiB
    uint64_t code_start, code_end, data_start, data_end; // /proc/PID/stat
    uint64_t memory_end;       // highest byte of all segments: the heap starts above (brk)
    uint64_t relro_start, relro_size; // PT_GNU_RELRO: ld.so's business, shown for tools
    ElfStack stack;
    bool has_interpreter;
    uint64_t interpreter_offset, interpreter_size; // size with the NUL
    uint8_t build_id_size;     // 0: none
    uint8_t build_id[64];
    unsigned segment_count;
    ElfSegment segments[elf_max_headers];
};

/// Reads and checks the headers of a file.
/// program: ENOEXEC for what is no ELF for this machine or has a broken header, as Linux. interpreter: ELIBBAD.
/// EINVAL: segments that no address space can hold, misaligned, with more file than memory, or none at all;
/// EPERM: a fixed segment on page 0; EIO: the file's start can't be read.
Result<void> make_elf_plan(ByteSource& file, ElfRole role, ElfPlan& plan);

/// The path of PT_INTERP into `buffer` (4096 bytes hold every one). ENOEXEC: no NUL at its end; EIO.
Result<std::string_view> read_interpreter(ByteSource& file, const ElfPlan& plan, std::span<char> buffer);

} // namespace linnet::abi
