#include "cli/qemu/machine.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "cli/util/error.h"
#include "cli/util/fd.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

std::string memory_text(std::uint64_t bytes) {
    // QEMU wants whole pages; a unit is always given, since its default is MiB.
    return concat((bytes + 4095) / 4096 * 4, "K");
}

} // namespace

std::vector<std::string> qemu_arguments(const RunOptions& options, const Guest& guest,
                                        const GuestChannels& channels) {
    const bool microvm = options.machine == "microvm";
    // The names of virtio devices differ by their bus; the PCI ones need no option ROM and no legacy part.
    const auto device = [microvm](const char* name, const std::string& properties) {
        const std::string bus = microvm ? "-device" : "-pci,disable-legacy=on";
        return concat(name, bus, properties.empty() ? "" : ",", properties);
    };
    std::vector<std::string> words = {"qemu-system-x86_64"};
    const auto add = [&words](std::initializer_list<std::string> more) {
        words.insert(words.end(), more);
    };
    // microvm without ACPI boots by qboot, which is much shorter than SeaBIOS. Nothing needs the PIC and
    // the PIT; the latter would wake QEMU 18 times a second.
    add({"-M", microvm ? "microvm,acpi=off,pic=off,pit=off,rtc=on,isa-serial=on"
                       : "q35,sata=off,smbus=off,vmport=off,usb=off,hpet=off"});
    add({"-accel", guest.accel == "tcg" && options.cpus > 1 ? "tcg,thread=multi" : guest.accel});
    // Some hosts cannot set the MSR that arch-capabilities promises.
    add({"-cpu", guest.accel == "kvm" ? "max,-arch-capabilities" : "max", "-m", memory_text(options.memory_bytes), "-smp", concat(options.cpus)});
    add({"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"});
    if (microvm)
        add({"-global", "virtio-mmio.force-legacy=false"});
    add({"-kernel", guest.kernel.string()});
    if (!guest.image.empty())
        add({"-initrd", guest.image.string()});
    add({"-append", guest.command_line});

    const auto channel = [&](const char* id, int fd) {
        add({"-chardev", concat("socket,id=", id, ",fd=", fd)});
    };
    channel("serial", channels.serial);
    add({"-serial", "chardev:serial"});
    add({"-device", device("virtio-serial", "max_ports=6")});
    channel("stdio", channels.stdio);
    add({"-device", "virtserialport,nr=1,chardev=stdio,name=linnet.stdio"});
    channel("stderr", channels.error);
    add({"-device", "virtserialport,nr=2,chardev=stderr,name=linnet.stderr"});
    channel("control", channels.control);
    add({"-device", "virtserialport,nr=3,chardev=control,name=linnet.control"});
    if (!guest.core_stream.empty()) {
        std::string path;
        for (const char c : guest.core_stream.string())
            path += c == ',' ? std::string(",,") : std::string(1, c); // QEMU's own escape
        add({"-chardev", "file,id=core,path=" + path});
        add({"-device", "virtserialport,nr=4,chardev=core,name=linnet.core"});
    }
    if (channels.trace >= 0) {
        channel("trace", channels.trace);
        add({"-device", "virtserialport,nr=5,chardev=trace,name=linnet.trace"});
    }
    if (options.network) {
        std::string net = "user,id=net";
        for (const PortForward& forward : guest.ports)
            net += concat(",hostfwd=", forward.udp ? "udp" : "tcp", ":", forward.address, ":",
                          forward.host, "-10.0.2.15:", forward.guest);
        add({"-netdev", net});
        // event_idx=off: QEMU 7.2 with one CPU can lose a notification.
        add({"-device",
             device("virtio-net", microvm ? "netdev=net,event_idx=off" : "netdev=net,event_idx=off,romfile=")});
    }
    add({"-object", "rng-builtin,id=rng", "-device", device("virtio-rng", "rng=rng")});
    add({"-device", "isa-debug-exit,iobase=0x501,iosize=1"});
    if (options.gdb)
        add({"-gdb", "tcp:127.0.0.1:1234", "-S"});
    words.insert(words.end(), options.qemu_arguments.begin(), options.qemu_arguments.end());
    return words;
}

void settle_port(PortForward& forward) {
    const Fd fd(::socket(AF_INET, (forward.udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(forward.host);
    if (!fd || ::inet_pton(AF_INET, forward.address.c_str(), &address.sin_addr) != 1)
        throw CommandError("not an IPv4 address: " + forward.address);
    const int yes = 1; // as QEMU does: connections of an earlier run may linger
    if (!forward.udp)
        ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd.get(), generic, sizeof address) != 0 || (!forward.udp && ::listen(fd.get(), 1) != 0)) {
        const int error = errno;
        const std::string where =
            concat("port ", forward.host, forward.udp ? "/udp" : "", " on ", forward.address);
        throw CommandError(error == EADDRINUSE ? where + " is in use"
                                               : concat(where, ": ", error_text(error)));
    }
    if (forward.host == 0) {
        socklen_t size = sizeof address;
        ::getsockname(fd.get(), generic, &size);
        forward.host = ntohs(address.sin_port);
    }
}

} // namespace linnet::cli
