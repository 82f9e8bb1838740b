// The call-site table of one ELF file: which of its system calls the kernel may bind, where its `hlt` instructions are, and
// what bytes must stand there. Made on the host from the file (libelf, Capstone); read by the kernel from /.linnet/sites/BUILD-ID.
// All fields are little-endian. The file is a SiteTableHeader and `count` SiteEntry records, nothing else.
//
// A site is the sequence of instructions [vaddr, vaddr + displaced), as one run of the original code that no
// branch enters but at vaddr, but for the forms that say otherwise. The kernel binds a site only if the bytes
// in memory are `original`, all of them, and the mapped file has the table's build-id.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "linux-abi/errno.h"

namespace linnet::abi {

inline constexpr uint8_t site_table_magic[8] = {'L', 'i', 'n', 'n', 'e', 't', 'S', 'T'};
inline constexpr uint32_t site_table_version = 2;
inline constexpr uint32_t site_number_unknown = ~uint32_t(0);
inline constexpr size_t site_original_size = 16;

enum class SiteForm : uint8_t {
    /// `mov $n,%eax` (5 bytes, b8 imm32) directly before `syscall`: the mov becomes `jmp stub`; the stub sets RAX and enters;
    /// the `syscall` stays for whoever jumps to it. vaddr: of the mov; displaced: 5; original: 7 bytes.
    mov_imm = 1,
    /// `xor %eax,%eax` (2 bytes) before `syscall`: together they become a short jump to 5 bytes of padding in reach,
    /// or with what follows a jump. displaced: the bytes replaced, from vaddr.
    xor_eax = 2,
    /// `syscall; cmp $imm32,%rax` (2 + 6 bytes): becomes a jump; the stub does both. vaddr: of the syscall; displaced: 8.
    syscall_cmp = 3,
    /// A relocatable run of at least 5 bytes that ends with `syscall`: moved into the stub. displaced: the run.
    run_before = 4,
    /// `hlt` (1 byte, f4): a privileged instruction, whose fault programs rely on (musl's a_crash, glibc's abort). In ring 0 it
    /// would wait; it becomes `site_undefined_opcode`, whose fault is told as that of the `hlt`. displaced and original: 1 byte;
    /// number: unknown; no flags.
    halt = 5,
};

/// The bytes of a site are padding that a 2-byte jump may use (form xor_eax): at vaddr + padding_offset.
inline constexpr uint16_t site_flag_padding = 1;
/// The site's `syscall` may be reached by a branch too (it stays executable as it is).
inline constexpr uint16_t site_flag_syscall_is_target = 2;
inline constexpr uint16_t site_known_flags = 3;

/// One byte that is no instruction in 64-bit mode (Intel SDM, volume 2: PUSH ES is invalid there): #UD at its own address.
inline constexpr uint8_t site_undefined_opcode = 0x06;

struct SiteTableHeader {
    uint8_t magic[8];
    uint32_t version;
    uint32_t count;
    uint8_t build_id_size; // 1 to 64
    uint8_t reserved[7];   // 0
    uint8_t build_id[64];  // the rest 0
};
static_assert(sizeof(SiteTableHeader) == 88);

struct SiteEntry {
    uint64_t vaddr;        // as in the ELF file, without the load bias; ascending
    uint8_t form;          // SiteForm
    uint8_t displaced;     // bytes, 1 (halt) to 16
    uint16_t flags;
    uint32_t number;       // of the system call, or site_number_unknown
    uint8_t original[site_original_size]; // `original_size` bytes, the rest 0
    uint8_t original_size; // bytes to compare: displaced to 16
    int8_t padding_offset; // with site_flag_padding: from the end of the site, -128 to 127
    uint8_t reserved[6];   // 0
};
static_assert(sizeof(SiteEntry) == 40 && offsetof(SiteEntry, original) == 16);

struct SiteTable {
    const SiteTableHeader* header;
    std::span<const SiteEntry> entries;
};

/// Checks a whole table (8-byte aligned) and gives access to it. EINVAL: wrong magic, version, size, order, overlap, an
/// entry with unknown form or flags, a length out of range, or original bytes that are not the form's.
Result<SiteTable> open_site_table(std::span<const std::byte> file);

/// Entries with first <= vaddr < last: those of one mapping.
std::span<const SiteEntry> sites_between(const SiteTable& table, uint64_t first, uint64_t last);

} // namespace linnet::abi
