#include "cli/qemu/kvm_probe.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cli/qemu/process.h"
#include "cli/util/error.h"
#include "cli/util/paths.h"
#include "cli/util/text.h"

extern "C" const char linnet_probe_guest[], linnet_probe_guest_end[];

namespace linnet::cli {
namespace {

constexpr unsigned char exit_code = 0x10; // QEMU's status is 2 * 0x10 + 1

constexpr std::uint64_t load_address = 0x100000;
constexpr std::uint64_t probe_guest_address = load_address + 0x1000; // `base` in probe_guest.S

// An ELF file with a PVH note around the code of probe_guest.S.
std::string probe_kernel() {
    struct Head {
        Elf64_Ehdr header;
        Elf64_Phdr segments[2];
        Elf64_Nhdr note;
        char name[4];
        std::uint32_t entry;
    } head{};
    std::string file(probe_guest_address - load_address, '\0');
    file.append(linnet_probe_guest, linnet_probe_guest_end);
    std::memcpy(head.header.e_ident, ELFMAG, SELFMAG);
    head.header.e_ident[EI_CLASS] = ELFCLASS64;
    head.header.e_ident[EI_DATA] = ELFDATA2LSB;
    head.header.e_ident[EI_VERSION] = EV_CURRENT;
    head.header.e_type = ET_EXEC;
    head.header.e_machine = EM_X86_64;
    head.header.e_version = EV_CURRENT;
    head.header.e_entry = probe_guest_address;
    head.header.e_phoff = offsetof(Head, segments);
    head.header.e_ehsize = sizeof(Elf64_Ehdr);
    head.header.e_phentsize = sizeof(Elf64_Phdr);
    head.header.e_phnum = 2;
    head.segments[0] = {PT_LOAD,      PF_R | PF_X, 0,   load_address, load_address,
                        file.size(), file.size(), 4096};
    head.segments[1] = {PT_NOTE, PF_R, offsetof(Head, note), load_address + offsetof(Head, note),
                        load_address + offsetof(Head, note), 20, 20, 4};
    head.note = {4, 4, 18}; // XEN_ELFNOTE_PHYS32_ENTRY
    std::memcpy(head.name, "Xen", 4);
    head.entry = static_cast<std::uint32_t>(probe_guest_address);
    std::memcpy(file.data(), &head, sizeof head);
    return file;
}

KvmAnswer try_kvm() {
    const Fd device(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
    if (!device)
        return {false, errno == ENOENT ? "there is no /dev/kvm" : "/dev/kvm: " + error_text(errno)};
    const std::string kernel = concat((cache_folder() / "kvm-probe.").string(), ::getpid(), ".elf");
    write_file_atomically(kernel, probe_kernel());
    const pid_t pid =
        start_child({"qemu-system-x86_64", "-M", "microvm,acpi=off", "-accel", "kvm", "-cpu", "max,-arch-capabilities",
                     "-m", "16M", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                     "-kernel", kernel, "-device", "isa-debug-exit,iobase=0x501,iosize=1"},
                    {});
    const int status = wait_child_until(pid, 3000);
    ::unlink(kernel.c_str());
    if (status == -1)
        return {false, "a guest does not get on under KVM"};
    if (WIFEXITED(status) && WEXITSTATUS(status) == exit_code * 2 + 1)
        return {true, ""};
    return {false, "a guest does not start under KVM"};
}

} // namespace

KvmAnswer probe_kvm() {
    const std::string path = cache_folder() / "kvm-probe";
    const std::string key = host_boot_id() + " 2"; // of the probe
    if (const auto known = read_file(path)) {
        const auto lines = split(*known, '\n');
        if (lines.size() >= 3 && lines[0] == key)
            return {lines[1] == "yes", lines[2], true};
    }
    const KvmAnswer answer = try_kvm();
    write_file_atomically(path, concat(key, "\n", answer.works ? "yes" : "no", "\n", answer.reason, "\n"));
    return answer;
}

} // namespace linnet::cli
