#include "cli/image/elf_file.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "cli/util/fd.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

struct ElfEnd {
    void operator()(Elf* elf) const { ::elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, ElfEnd>;

constexpr std::uint64_t address_limit = 0x7ffffffff000; // end of a program's half of the address space

std::string machine_name(std::uint16_t machine) {
    switch (machine) {
    case EM_386: return "32-bit x86";
    case EM_ARM: return "ARM";
    case EM_AARCH64: return "AArch64";
    case EM_RISCV: return "RISC-V";
    case EM_PPC64: return "POWER";
    case EM_S390: return "S/390";
    case EM_MIPS: return "MIPS";
    default: return concat("machine ", machine);
    }
}

class Reader {
public:
    Reader(Elf* elf, std::uint64_t file_size) : elf_(elf), file_size_(file_size) {}

    ElfInfo read(std::string_view identification) {
        ElfInfo info;
        info.is_64 = identification.size() > EI_CLASS && identification[EI_CLASS] == ELFCLASS64;
        info.little_endian =
            identification.size() > EI_DATA && identification[EI_DATA] == ELFDATA2LSB;
        GElf_Ehdr header;
        if (!elf_ || !::gelf_getehdr(elf_, &header)) {
            info.fault = "truncated or damaged ELF header";
            return info;
        }
        info.machine = header.e_machine;
        info.type = header.e_type;
        if (header.e_machine != EM_X86_64 || !info.little_endian) {
            info.fault = "built for " + machine_name(header.e_machine) + ", not for x86-64";
            return info;
        }
        if (!info.is_64) {
            info.fault = "a 32-bit (x32) program";
            return info;
        }
        if (header.e_type != ET_EXEC && header.e_type != ET_DYN) {
            info.fault = "an ELF file, but neither a program nor a shared object";
            return info;
        }
        read_segments(info);
        return info;
    }

private:
    // A part of the file, or null if it does not lie within it.
    const char* bytes(std::uint64_t offset, std::uint64_t size, Elf_Type type = ELF_T_BYTE) {
        if (offset > file_size_ || size > file_size_ - offset || size == 0)
            return nullptr;
        Elf_Data* data = ::elf_getdata_rawchunk(elf_, static_cast<std::int64_t>(offset), size, type);
        return data && data->d_size >= size ? static_cast<const char*>(data->d_buf) : nullptr;
    }

    std::string text_at(std::uint64_t offset, std::uint64_t limit) {
        if (offset >= file_size_)
            return {};
        limit = std::min(limit, file_size_ - offset);
        const char* text = bytes(offset, limit);
        return text ? std::string(text, ::strnlen(text, limit)) : std::string();
    }

    std::optional<std::uint64_t> file_offset(std::uint64_t address) const {
        for (const GElf_Phdr& load : loads_) {
            if (address >= load.p_vaddr && address - load.p_vaddr < load.p_filesz)
                return load.p_offset + (address - load.p_vaddr);
        }
        return {};
    }

    void read_segments(ElfInfo& info) {
        std::size_t count = 0;
        if (::elf_getphdrnum(elf_, &count) != 0 || count == 0 || count > 4096) {
            info.fault = "an ELF file without usable program headers";
            return;
        }
        std::optional<GElf_Phdr> dynamic;
        for (std::size_t i = 0; i < count; ++i) {
            GElf_Phdr segment;
            if (!::gelf_getphdr(elf_, static_cast<int>(i), &segment)) {
                info.fault = "truncated ELF file (program headers)";
                return;
            }
            switch (segment.p_type) {
            case PT_LOAD:
                if (segment.p_offset > file_size_ ||
                    segment.p_filesz > file_size_ - segment.p_offset) {
                    info.fault = "truncated ELF file (a segment ends behind the end of the file)";
                    return;
                }
                if (segment.p_memsz < segment.p_filesz || segment.p_vaddr > address_limit ||
                    segment.p_memsz > address_limit - segment.p_vaddr) {
                    info.fault = "an ELF file with a segment of an impossible size or address";
                    return;
                }
                loads_.push_back(segment);
                break;
            case PT_INTERP:
                info.interpreter = text_at(segment.p_offset, std::min<std::uint64_t>(segment.p_filesz, 4096));
                break;
            case PT_DYNAMIC:
                dynamic = segment;
                break;
            case PT_NOTE:
                read_notes(info, segment);
                break;
            default:
                break;
            }
        }
        if (loads_.empty()) {
            info.fault = "an ELF file with nothing to load";
            return;
        }
        if (dynamic) {
            info.dynamic = true;
            read_dynamic(info, *dynamic);
        }
    }

    void read_notes(ElfInfo& info, const GElf_Phdr& segment) {
        const auto size = std::min<std::uint64_t>(segment.p_filesz, 65536);
        if (segment.p_offset > file_size_ || size > file_size_ - segment.p_offset || size == 0)
            return;
        Elf_Data* data = ::elf_getdata_rawchunk(elf_, static_cast<std::int64_t>(segment.p_offset), size,
                                                segment.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
        if (!data)
            return;
        GElf_Nhdr note;
        std::size_t name, description;
        for (std::size_t at = 0;
             (at = ::gelf_getnote(data, at, &note, &name, &description)) > 0;) {
            const char* base = static_cast<const char*>(data->d_buf);
            if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 ||
                std::memcmp(base + name, "GNU", 4) != 0 || note.n_descsz > 64)
                continue;
            info.build_id.clear();
            for (std::size_t i = 0; i < note.n_descsz; ++i) {
                const auto byte = static_cast<unsigned char>(base[description + i]);
                info.build_id += "0123456789abcdef"[byte >> 4];
                info.build_id += "0123456789abcdef"[byte & 15];
            }
        }
    }

    void read_dynamic(ElfInfo& info, const GElf_Phdr& segment) {
        const std::uint64_t size = segment.p_filesz / sizeof(Elf64_Dyn) * sizeof(Elf64_Dyn);
        const char* table = bytes(segment.p_offset, size, ELF_T_DYN);
        if (!table)
            return;
        std::uint64_t strings = 0, strings_size = 0;
        std::vector<std::uint64_t> needed;
        std::optional<std::uint64_t> rpath, runpath;
        for (std::uint64_t at = 0; at < size; at += sizeof(Elf64_Dyn)) {
            Elf64_Dyn item;
            std::memcpy(&item, table + at, sizeof item);
            if (item.d_tag == DT_NULL)
                break;
            if (item.d_tag == DT_STRTAB)
                strings = item.d_un.d_ptr;
            else if (item.d_tag == DT_STRSZ)
                strings_size = item.d_un.d_val;
            else if (item.d_tag == DT_NEEDED)
                needed.push_back(item.d_un.d_val);
            else if (item.d_tag == DT_RPATH)
                rpath = item.d_un.d_val;
            else if (item.d_tag == DT_RUNPATH)
                runpath = item.d_un.d_val;
        }
        const auto base = file_offset(strings);
        if (!base)
            return;
        const auto text = [&](std::uint64_t offset) {
            return offset < strings_size ? text_at(*base + offset, strings_size - offset) : std::string();
        };
        for (const std::uint64_t offset : needed) {
            if (std::string name = text(offset); !name.empty())
                info.needed.push_back(std::move(name));
        }
        if (rpath)
            info.rpath = text(*rpath);
        if (runpath) {
            info.runpath = text(*runpath);
            info.has_runpath = true;
        }
    }

    Elf* elf_;
    std::uint64_t file_size_;
    std::vector<GElf_Phdr> loads_;
};

} // namespace

std::optional<ElfInfo> read_elf(int fd) {
    ::elf_version(EV_CURRENT);
    char identification[EI_NIDENT] = {};
    const ssize_t n = ::pread(fd, identification, sizeof identification, 0);
    if (n < SELFMAG || std::memcmp(identification, ELFMAG, SELFMAG) != 0)
        return {};
    struct stat st;
    if (::fstat(fd, &st) != 0)
        return {};
    const ElfHandle elf(::elf_begin(fd, ELF_C_READ_MMAP, nullptr));
    return Reader(elf.get(), static_cast<std::uint64_t>(st.st_size))
        .read({identification, static_cast<std::size_t>(n)});
}

std::optional<ElfInfo> read_elf(const std::string& path) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    return fd ? read_elf(fd.get()) : std::nullopt;
}

std::optional<ElfInfo> read_elf_bytes(std::string_view bytes) {
    ::elf_version(EV_CURRENT);
    if (!bytes.starts_with(ELFMAG))
        return {};
    std::string copy(bytes); // libelf wants memory that it may write
    const ElfHandle elf(::elf_memory(copy.data(), copy.size()));
    return Reader(elf.get(), copy.size()).read(bytes);
}

} // namespace linnet::cli
