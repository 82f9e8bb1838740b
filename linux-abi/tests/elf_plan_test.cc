#include "linux-abi/elf_plan.h"

#include <gelf.h>
#include <gtest/gtest.h>

#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

namespace linnet::abi {
namespace {

struct Image {
    std::vector<std::byte> bytes;
    Elf64_Ehdr& header() { return *reinterpret_cast<Elf64_Ehdr*>(bytes.data()); }
    Elf64_Phdr& phdr(size_t i) { return *reinterpret_cast<Elf64_Phdr*>(bytes.data() + 64 + i * 56); }
    Result<void> plan(ElfRole role = ElfRole::program) {
        MemorySource s{bytes};
        return make_elf_plan(s, role, out);
    }
    ElfPlan out;
};

/// A PIE with one text and one data segment, and an interpreter.
Image sample() {
    Image im;
    im.bytes.resize(0x3000);
    Elf64_Ehdr& h = im.header();
    memcpy(h.e_ident, "\177ELF\2\1\1", 7);
    h.e_type = ET_DYN;
    h.e_machine = EM_X86_64;
    h.e_version = 1;
    h.e_entry = 0x1100;
    h.e_phoff = 64;
    h.e_phentsize = 56;
    h.e_phnum = 4;
    im.phdr(0) = {PT_INTERP, PF_R, 0x400, 0x400, 0x400, 7, 7, 1};
    memcpy(im.bytes.data() + 0x400, "/ld.so", 7);
    im.phdr(1) = {PT_LOAD, PF_R | PF_X, 0, 0, 0, 0x1800, 0x1800, 0x1000};
    im.phdr(2) = {PT_LOAD, PF_R | PF_W, 0x1e00, 0x3e00, 0x3e00, 0x300, 0x2400, 0x1000};
    im.phdr(3) = {PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 0, 16};
    return im;
}

TEST(ElfPlan, PieWithInterpreter) {
    Image im = sample();
    ASSERT_TRUE(im.plan().ok());
    const ElfPlan& p = im.out;
    EXPECT_TRUE(p.position_independent);
    EXPECT_EQ(p.entry, 0x1100u);
    EXPECT_EQ(p.phdr_vaddr, 64u);
    EXPECT_EQ(p.phdr_count, 4);
    EXPECT_EQ(p.span_start, 0u);
    EXPECT_EQ(p.span_end, 0x7000u);
    EXPECT_EQ(p.memory_end, 0x6200u);
    EXPECT_EQ(p.stack, ElfStack::not_executable);
    ASSERT_EQ(p.segment_count, 2u);
    const ElfSegment& data = p.segments[1];
    EXPECT_EQ(data.map_start(), 0x3000u);
    EXPECT_EQ(data.map_offset(), 0x1000u);
    EXPECT_EQ(data.map_size(), 0x2000u);
    EXPECT_EQ(data.zero_start(), 0x4100u);
    EXPECT_EQ(data.zero_end(), 0x5000u);
    EXPECT_EQ(data.anonymous_start(), 0x5000u);
    EXPECT_EQ(data.anonymous_end(), 0x7000u);
    char path[64];
    MemorySource s{im.bytes};
    auto interp = read_interpreter(s, p, path);
    ASSERT_TRUE(interp.ok());
    EXPECT_EQ(*interp, "/ld.so");
}

TEST(ElfPlan, SegmentWithoutFilePagesIsAllAnonymous) {
    Image im = sample();
    im.phdr(2).p_filesz = 0;
    im.phdr(2).p_offset = 0x77; // irrelevant then
    ASSERT_TRUE(im.plan().ok());
    const ElfSegment& s = im.out.segments[1];
    EXPECT_EQ(s.map_size(), 0u);
    EXPECT_EQ(s.zero_start(), s.zero_end());
    EXPECT_EQ(s.anonymous_start(), 0x3000u);
    EXPECT_EQ(s.anonymous_end(), 0x7000u);
}

TEST(ElfPlan, BrokenHeadersAreEnoexecAndForAnInterpreterElibbad) {
    auto check = [](auto&& break_it) {
        Image im = sample();
        break_it(im);
        EXPECT_EQ(im.plan().error(), ENOEXEC);
        EXPECT_EQ(im.plan(ElfRole::interpreter).error(), ELIBBAD);
    };
    check([](Image& im) { im.header().e_ident[0] = 0; });
    check([](Image& im) { im.header().e_ident[4] = ELFCLASS32; });
    check([](Image& im) { im.header().e_ident[5] = ELFDATA2MSB; });
    check([](Image& im) { im.header().e_machine = EM_AARCH64; });
    check([](Image& im) { im.header().e_type = ET_REL; });
    check([](Image& im) { im.header().e_phnum = 0; });
    check([](Image& im) { im.header().e_phnum = 74; });
    check([](Image& im) { im.header().e_phentsize = 32; });
    check([](Image& im) { im.header().e_phoff = 0x2fff; });
    check([](Image& im) { im.header().e_phoff = ~0ull - 100; });
}

TEST(ElfPlan, TruncatedFileAndEmptyFile) {
    Image im = sample();
    for (size_t size : {0, 1, 4, 63}) {
        im.bytes.resize(size);
        EXPECT_EQ(im.plan().error(), ENOEXEC) << size;
    }
}

TEST(ElfPlan, WeirdSegments) {
    auto error = [](auto&& break_it) {
        Image im = sample();
        break_it(im);
        auto r = im.plan();
        return r.ok() ? Errno{} : r.error();
    };
    EXPECT_EQ(error([](Image& im) { im.phdr(2).p_memsz = 0x2ff; }), EINVAL);
    EXPECT_EQ(error([](Image& im) { im.phdr(2).p_memsz = ~0ull; }), EINVAL);
    EXPECT_EQ(error([](Image& im) { im.phdr(2).p_vaddr = 0xffffffff80000e00; }), EINVAL);
    EXPECT_EQ(error([](Image& im) { im.phdr(2).p_vaddr = elf_task_size - 0x1200; }), EINVAL);
    EXPECT_EQ(error([](Image& im) { im.phdr(2).p_offset = 0x1e01; }), EINVAL);
    EXPECT_EQ(error([](Image& im) { im.phdr(2).p_offset = 0x7ffffffffffffe00; }), EINVAL);
    EXPECT_EQ(error([](Image& im) { im.phdr(0).p_filesz = 1; }), ENOEXEC);
    EXPECT_EQ(error([](Image& im) { im.phdr(0).p_filesz = 5000; }), ENOEXEC);
    EXPECT_EQ(error([](Image& im) { im.phdr(1).p_type = im.phdr(2).p_type = PT_NULL; }), EINVAL);
    EXPECT_EQ(error([](Image& im) { im.header().e_type = ET_EXEC; }), EPERM); // text on page 0
}

TEST(ElfPlan, InterpreterWithoutNulIsEnoexec) {
    Image im = sample();
    im.bytes[0x406] = std::byte('x');
    ASSERT_TRUE(im.plan().ok());
    char path[64];
    MemorySource s{im.bytes};
    EXPECT_EQ(read_interpreter(s, im.out, path).error(), ENOEXEC);
}

TEST(ElfPlan, AlignmentIsHonouredUpToTwoMebibytes) {
    Image im = sample();
    im.phdr(1).p_align = 0x10000;
    ASSERT_TRUE(im.plan().ok());
    EXPECT_EQ(im.out.alignment, 0x10000u);
    im.phdr(1).p_align = 1ull << 40;
    ASSERT_TRUE(im.plan().ok());
    EXPECT_EQ(im.out.alignment, 2u << 20);
    im.phdr(1).p_align = 0x3001; // no power of two: ignored
    ASSERT_TRUE(im.plan().ok());
    EXPECT_EQ(im.out.alignment, 0x1000u);
}

TEST(ElfPlan, OverlappingSegmentsKeepTheFilesOrder) {
    Image im = sample();
    im.phdr(2).p_vaddr = 0xe00;
    ASSERT_TRUE(im.plan().ok());
    ASSERT_EQ(im.out.segment_count, 2u);
    EXPECT_EQ(im.out.segments[1].map_start(), 0u);
}

/// Compares the plan with libelf's reading of one file. False if libelf takes it for no x86-64 program.
bool compare_with_libelf(const std::span<const std::byte> file, const std::string& name) {
    Elf* elf = elf_memory(const_cast<char*>(reinterpret_cast<const char*>(file.data())), file.size());
    GElf_Ehdr h;
    if (!elf || !gelf_getehdr(elf, &h) || gelf_getclass(elf) != ELFCLASS64 || h.e_machine != EM_X86_64 ||
        (h.e_type != ET_EXEC && h.e_type != ET_DYN)) {
        elf_end(elf);
        return false;
    }
    MemorySource source{file};
    static ElfPlan p;
    auto r = make_elf_plan(source, ElfRole::program, p);
    size_t phnum = 0;
    elf_getphdrnum(elf, &phnum);
    bool has_load = false;
    for (size_t i = 0; i < phnum; ++i) {
        GElf_Phdr ph;
        has_load |= gelf_getphdr(elf, static_cast<int>(i), &ph) && ph.p_type == PT_LOAD && ph.p_memsz;
    }
    if (!has_load) { // debug files
        EXPECT_FALSE(r.ok()) << name;
        elf_end(elf);
        return true;
    }
    EXPECT_TRUE(r.ok()) << name << " " << (r.ok() ? "" : errno_name(r.error()));
    EXPECT_EQ(p.position_independent, h.e_type == ET_DYN) << name;
    EXPECT_EQ(p.entry, h.e_entry) << name;
    EXPECT_EQ(p.phdr_count, phnum) << name;
    unsigned load = 0;
    std::string interp;
    uint64_t end = 0;
    for (size_t i = 0; i < phnum; ++i) {
        GElf_Phdr ph;
        gelf_getphdr(elf, static_cast<int>(i), &ph);
        if (ph.p_type == PT_INTERP) interp = reinterpret_cast<const char*>(file.data()) + ph.p_offset;
        if (ph.p_type == PT_GNU_STACK) {
            EXPECT_EQ(p.stack, ph.p_flags & PF_X ? ElfStack::executable : ElfStack::not_executable) << name;
        }
        if (ph.p_type != PT_LOAD || !ph.p_memsz) continue;
        EXPECT_LT(load, p.segment_count) << name;
        if (load >= p.segment_count) break;
        const ElfSegment& s = p.segments[load++];
        EXPECT_EQ(s.vaddr, ph.p_vaddr) << name;
        EXPECT_EQ(s.offset, ph.p_offset) << name;
        EXPECT_EQ(s.file_size, ph.p_filesz) << name;
        EXPECT_EQ(s.memory_size, ph.p_memsz) << name;
        EXPECT_EQ(s.prot, (ph.p_flags & PF_R ? 1u : 0) | (ph.p_flags & PF_W ? 2u : 0) | (ph.p_flags & PF_X ? 4u : 0));
        end = std::max(end, ph.p_vaddr + ph.p_memsz);
    }
    EXPECT_EQ(load, p.segment_count) << name;
    EXPECT_EQ(p.memory_end, end) << name;
    EXPECT_EQ(p.has_interpreter, !interp.empty()) << name;
    if (p.has_interpreter) {
        static char path[4096];
        auto got = read_interpreter(source, p, path);
        EXPECT_TRUE(got.ok() && *got == interp) << name;
    }
    // The build-id, by libelf's note iterator.
    std::string want, got(reinterpret_cast<char*>(p.build_id), p.build_id_size);
    for (size_t i = 0; i < phnum && want.empty(); ++i) {
        GElf_Phdr ph;
        gelf_getphdr(elf, static_cast<int>(i), &ph);
        if (ph.p_type != PT_NOTE) continue;
        Elf_Data* d = elf_getdata_rawchunk(elf, static_cast<int64_t>(ph.p_offset), ph.p_filesz,
                                           ph.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
        size_t at = 0, name_at, desc_at;
        GElf_Nhdr n;
        while (d && (at = gelf_getnote(d, at, &n, &name_at, &desc_at)) > 0) {
            const char* base = static_cast<const char*>(d->d_buf);
            if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 && !memcmp(base + name_at, "GNU", 4)) {
                want.assign(base + desc_at, n.n_descsz);
                break;
            }
        }
    }
    EXPECT_EQ(got, want) << name;
    elf_end(elf);
    return true;
}

TEST(ElfPlan, AgreesWithLibelfOnEveryElfOfThisMachine) {
    elf_version(EV_CURRENT);
    size_t compared = 0;
    std::error_code ec;
    for (const char* root : {"/usr/bin", "/usr/sbin", "/usr/lib", "/usr/libexec"}) {
        for (auto it = std::filesystem::recursive_directory_iterator(
                 root, std::filesystem::directory_options::skip_permission_denied, ec);
             it != std::filesystem::recursive_directory_iterator(); it.increment(ec)) {
            if (ec || !it->is_regular_file(ec) || it->is_symlink(ec)) continue;
            if (it->path().string().starts_with("/usr/lib/debug/")) continue; // headers without contents
            int fd = ::open(it->path().c_str(), 0);
            size_t size = it->file_size(ec);
            void* map = fd >= 0 && size >= 4 ? ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0)
                                             : MAP_FAILED;
            if (fd >= 0) ::close(fd);
            if (map == MAP_FAILED) continue;
            std::span<const std::byte> file(static_cast<const std::byte*>(map), size);
            if (memcmp(map, "\177ELF", 4) == 0)
                compared += compare_with_libelf(file, it->path().string());
            ::munmap(map, size);
        }
    }
    EXPECT_GT(compared, 50u);
    std::printf("%zu ELF files compared with libelf\n", compared);
}

} // namespace
} // namespace linnet::abi
