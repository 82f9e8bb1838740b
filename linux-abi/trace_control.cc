// The arguments of ioctl and fcntl, by the request, in strace's format.
#include "linux-abi/netif.h"
#include "linux-abi/trace_call.h"
#include "linux-abi/trace_fields.h"

namespace linnet::abi {
namespace {

#define N(name) {#name, static_cast<uint64_t>(static_cast<uint32_t>(name))}
constexpr ValueName input_modes[] = {
    N(IGNBRK), N(BRKINT), N(IGNPAR), N(PARMRK), N(INPCK), N(ISTRIP), N(INLCR), N(IGNCR), N(ICRNL), N(IUCLC), N(IXON), N(IXANY), N(IXOFF), N(IMAXBEL), N(IUTF8),
};
constexpr ValueName output_modes[] = {N(OPOST), N(OLCUC), N(ONLCR), N(OCRNL), N(ONOCR), N(ONLRET), N(OFILL), N(OFDEL)};
constexpr ValueName control_modes[] = {
    N(CSTOPB), N(CREAD), N(PARENB), N(PARODD), N(HUPCL), N(CLOCAL), {"CMSPAR", 010000000000}, {"CRTSCTS", 020000000000},
};
constexpr ValueName local_modes[] = {
    N(ISIG), N(ICANON), {"XCASE", 4}, N(ECHO), N(ECHOE), N(ECHOK), N(ECHONL), N(NOFLSH), N(IEXTEN), N(ECHOCTL), N(ECHOPRT), N(ECHOKE), N(FLUSHO), N(PENDIN), N(TOSTOP), N(EXTPROC),
};
constexpr ValueName interface_flags[] = {
    N(IFF_UP), N(IFF_BROADCAST), N(IFF_DEBUG), N(IFF_LOOPBACK), N(IFF_POINTOPOINT), N(IFF_NOTRAILERS), N(IFF_RUNNING), N(IFF_NOARP), N(IFF_PROMISC), N(IFF_ALLMULTI), N(IFF_MASTER), N(IFF_SLAVE),
    N(IFF_MULTICAST), N(IFF_PORTSEL), N(IFF_AUTOMEDIA), N(IFF_DYNAMIC),
};
#undef N
constexpr ValueName baud_rates[] = {
    {"B0", 0}, {"B50", 1}, {"B75", 2}, {"B110", 3}, {"B134", 4}, {"B150", 5}, {"B200", 6}, {"B300", 7}, {"B600", 010}, {"B1200", 011}, {"B1800", 012}, {"B2400", 013}, {"B4800", 014}, {"B9600", 015},
    {"B19200", 016}, {"B38400", 017}, {"BOTHER", 010000}, {"B57600", 010001}, {"B115200", 010002}, {"B230400", 010003}, {"B460800", 010004}, {"B500000", 010005}, {"B576000", 010006}, {"B921600", 010007},
    {"B1000000", 010010}, {"B1152000", 010011}, {"B1500000", 010012}, {"B2000000", 010013}, {"B2500000", 010014}, {"B3000000", 010015}, {"B3500000", 010016}, {"B4000000", 010017},
};
constexpr ValueName flush_queues[] = {{"TCIFLUSH", 0}, {"TCOFLUSH", 1}, {"TCIOFLUSH", 2}};
constexpr ValueName flow_actions[] = {{"TCOOFF", 0}, {"TCOON", 1}, {"TCIOFF", 2}, {"TCION", 3}};
constexpr ValueName owner_types[] = {{"F_OWNER_TID", 0}, {"F_OWNER_PID", 1}, {"F_OWNER_PGRP", 2}};

/// Names that stand for a field of several bits: the value is always one of them. Written before the flags.
void put_field(TraceText& out, std::initializer_list<const char*> names, uint32_t value, const char*& separator) {
    out.put(separator);
    separator = "|";
    if (value < names.size()) out.put(names.begin()[value]);
    else out.hex(value);
}

void put_rest(TraceText& out, std::span<const ValueName> names, uint32_t bits, const char* separator) {
    for (const ValueName& n : names) {
        if ((bits & n.value) != n.value) continue;
        out.put(separator);
        out.put(n.name);
        bits &= ~static_cast<uint32_t>(n.value);
        separator = "|";
    }
    if (bits) {
        out.put(separator);
        out.hex(bits);
    }
}

void put_output_modes(TraceText& out, uint32_t bits) {
    const char* separator = "";
    put_field(out, {"NL0", "NL1"}, bits >> 8 & 1, separator);
    put_field(out, {"CR0", "CR1", "CR2", "CR3"}, bits >> 9 & 3, separator);
    put_field(out, {"TAB0", "TAB1", "TAB2", "XTABS"}, bits >> 11 & 3, separator);
    put_field(out, {"BS0", "BS1"}, bits >> 13 & 1, separator);
    put_field(out, {"VT0", "VT1"}, bits >> 14 & 1, separator);
    put_field(out, {"FF0", "FF1"}, bits >> 15 & 1, separator);
    // The fields always end with a bar, whether flags follow or not.
    out.put('|');
    put_rest(out, output_modes, bits & ~0xff00u, "");
}

void put_control_modes(TraceText& out, uint32_t bits) {
    const char* separator = "";
    put_enum(out, {baud_rates, "B?\??", nullptr}, bits & static_cast<uint32_t>(CBAUD));
    separator = "|";
    if (const uint32_t input = bits >> 16 & static_cast<uint32_t>(CBAUD)) {
        out.put(separator);
        put_enum(out, {baud_rates, "B?\??", nullptr}, input);
        out.put("<<IBSHIFT");
    }
    put_field(out, {"CS5", "CS6", "CS7", "CS8"}, bits >> 4 & 3, separator);
    put_rest(out, control_modes, bits & ~(static_cast<uint32_t>(CBAUD) | static_cast<uint32_t>(CBAUD) << 16 | 060u), separator);
}

void put_termios(TraceText& out, uint32_t iflag, uint32_t oflag, uint32_t cflag, uint32_t lflag) {
    Fields f(out);
    put_rest(f.name("c_iflag"), input_modes, iflag, "");
    put_output_modes(f.name("c_oflag"), oflag);
    put_control_modes(f.name("c_cflag"), cflag);
    put_rest(f.name("c_lflag"), local_modes, lflag, "");
    f.more();
}

void put_termios_at(Call& c, uint64_t address, bool second_form) {
    Termios t;
    if (second_form) {
        Termios2 t2;
        if (!fetch(c.out, address, t2, c.memory)) return;
        return put_termios(c.out, t2.iflag, t2.oflag, t2.cflag, t2.lflag);
    }
    if (fetch(c.out, address, t, c.memory)) put_termios(c.out, t.iflag, t.oflag, t.cflag, t.lflag);
}

struct Ifreq {
    char name[16];
    union {
        uint8_t address[16];
        int16_t flags;
        int32_t number;
        uint8_t pad[24];
    };
};
static_assert(sizeof(Ifreq) == 40);

void put_bounded_name(TraceText& out, const char (&name)[16]) {
    size_t n = 0;
    while (n < 15 && name[n]) ++n;
    put_quoted(out, reinterpret_cast<const uint8_t*>(name), n, false);
}

/// A request on a network interface: its name, and what it is set to or was asked.
void put_interface_request(Call& c, uint32_t request, uint64_t address) {
    Ifreq r;
    if (!address || !c.memory.read(address, &r, sizeof r)) return c.out.address(address);
    const bool get = ioctl_is_output(request);
    Fields f(c.out);
    if (request == static_cast<uint32_t>(SIOCGIFNAME)) {
        f.dec("ifr_ifindex", r.number);
        if (c.filled()) put_bounded_name(f.name("ifr_name"), r.name);
        return;
    }
    put_bounded_name(f.name("ifr_name"), r.name);
    if (get && !c.filled()) return;
    switch (static_cast<int>(request)) {
    case SIOCGIFFLAGS:
    case SIOCSIFFLAGS: put_flags(f.name("ifr_flags"), {interface_flags, "IFF_?\??", nullptr}, static_cast<uint16_t>(r.flags)); break;
    case SIOCGIFINDEX: f.dec("ifr_ifindex", r.number); break;
    case SIOCGIFMTU:
    case SIOCSIFMTU: f.dec("ifr_mtu", r.number); break;
    case SIOCGIFMETRIC:
    case SIOCSIFMETRIC: f.dec("ifr_metric", r.number); break;
    case SIOCGIFTXQLEN:
    case SIOCSIFTXQLEN: f.dec("ifr_qlen", r.number); break;
    case SIOCGIFADDR:
    case SIOCSIFADDR: put_socket_address(f.name("ifr_addr"), address + 16, 16, c.memory); break;
    case SIOCGIFDSTADDR:
    case SIOCSIFDSTADDR: put_socket_address(f.name("ifr_dstaddr"), address + 16, 16, c.memory); break;
    case SIOCGIFBRDADDR:
    case SIOCSIFBRDADDR: put_socket_address(f.name("ifr_broadaddr"), address + 16, 16, c.memory); break;
    case SIOCGIFNETMASK:
    case SIOCSIFNETMASK: put_socket_address(f.name("ifr_netmask"), address + 16, 16, c.memory); break;
    case SIOCGIFHWADDR:
    case SIOCSIFHWADDR: {
        TraceText& h = f.name("ifr_hwaddr");
        uint16_t family;
        __builtin_memcpy(&family, r.address, sizeof family);
        h.put("{sa_family=");
        if (family == 1) h.put("ARPHRD_ETHER");
        else if (family == 772) h.put("ARPHRD_LOOPBACK");
        else h.hex(family);
        h.put(", sa_data=");
        for (int i = 2; i < 8; ++i) {
            if (i > 2) h.put(':');
            h.hex_digits(r.address[i], 2);
        }
        h.put('}');
        break;
    }
    default: break;
    }
}

enum class Form { none, number_in, number_out, int_value, queue, flow, fd, winsize, termios, termios2, interface, character, opaque };

struct Request {
    Form form;
    bool output; // filled in by the kernel
};

Request describe(uint32_t request) {
    switch (request) {
    case TCGETS: return {Form::termios, true};
    case TCSETS:
    case TCSETSW:
    case TCSETSF: return {Form::termios, false};
    case TCGETS2: return {Form::termios2, true};
    case TCSETS2:
    case TCSETSW2:
    case TCSETSF2: return {Form::termios2, false};
    case static_cast<uint32_t>(TIOCGWINSZ): return {Form::winsize, true};
    case static_cast<uint32_t>(TIOCSWINSZ): return {Form::winsize, false};
    case TCSBRK:
    case TCSBRKP:
    case TIOCSCTTY: return {Form::int_value, false};
    case TCFLSH: return {Form::queue, false};
    case TCXONC: return {Form::flow, false};
    case TIOCEXCL:
    case TIOCNXCL:
    case TIOCNOTTY:
    case TIOCSBRK:
    case TIOCCBRK:
    case TIOCCONS:
    case TIOCVHANGUP:
    case FIOCLEX:
    case FIONCLEX: return {Form::none, false};
    case FIONBIO:
    case FIOASYNC:
    case TIOCSPGRP:
    case TIOCSPTLCK:
    case TIOCPKT:
    case TIOCSETD: return {Form::number_in, false};
    case FIONREAD:
    case TIOCOUTQ:
    case TIOCGPGRP:
    case TIOCGSID:
    case TIOCGETD:
    case SIOCATMARK: return {Form::number_out, true};
    case static_cast<uint32_t>(TIOCGPTN):
    case static_cast<uint32_t>(TIOCGPKT):
    case static_cast<uint32_t>(TIOCGEXCL): return {Form::number_out, true};
    case TIOCSTI: return {Form::character, false};
    case static_cast<uint32_t>(FICLONE): return {Form::fd, false};
    case SIOCGIFNAME:
    case SIOCGIFFLAGS:
    case SIOCGIFINDEX:
    case SIOCGIFMTU:
    case SIOCGIFMETRIC:
    case SIOCGIFTXQLEN:
    case SIOCGIFADDR:
    case SIOCGIFDSTADDR:
    case SIOCGIFBRDADDR:
    case SIOCGIFNETMASK:
    case SIOCGIFHWADDR: return {Form::interface, true};
    case SIOCSIFFLAGS:
    case SIOCSIFMTU:
    case SIOCSIFMETRIC:
    case SIOCSIFTXQLEN:
    case SIOCSIFADDR:
    case SIOCSIFDSTADDR:
    case SIOCSIFBRDADDR:
    case SIOCSIFNETMASK:
    case SIOCSIFHWADDR: return {Form::interface, false};
    default: return {Form::opaque, false};
    }
}

void put_owner(TraceText& out, uint64_t address, MemoryReader& memory) {
    struct {
        int32_t type, pid;
    } o;
    if (!fetch(out, address, o, memory)) return;
    Fields f(out);
    put_enum(f.name("type"), {owner_types, "F_OWNER_?\??", nullptr}, static_cast<uint32_t>(o.type));
    f.dec("pid", o.pid);
}

} // namespace

bool ioctl_is_output(uint32_t request) { return describe(request).output; }
bool ioctl_has_argument(uint32_t request) { return describe(request).form != Form::none; }

void put_ioctl_request(Call& c, uint64_t value) {
    const uint32_t request = static_cast<uint32_t>(value);
    if (const char* name = value_name(NameTable::ioctl_cmd, request)) return c.out.put(name);
    static constexpr const char* directions[] = {"_IOC_NONE", "_IOC_WRITE", "_IOC_READ", "_IOC_READ|_IOC_WRITE"};
    c.out.put("_IOC(");
    c.out.put(directions[request >> 30]);
    c.out.put(", ");
    c.out.hex(request >> 8 & 0xff);
    c.out.put(", ");
    c.out.hex(request & 0xff);
    c.out.put(", ");
    c.out.hex(request >> 16 & 0x3fff);
    c.out.put(')');
}

void put_ioctl_argument(Call& c, uint64_t value) {
    const uint32_t request = c.ureg32(1);
    const Request r = describe(request);
    switch (r.form) {
    case Form::none: return;
    case Form::int_value: return c.out.decimal(static_cast<int32_t>(value));
    case Form::fd: return c.out.decimal(static_cast<int32_t>(value));
    case Form::queue: return put_enum(c.out, {flush_queues, "TC?FLUSH", nullptr}, value);
    case Form::flow: return put_enum(c.out, {flow_actions, "TC?\??", nullptr}, value);
    case Form::character: return put_data(c, value, 1);
    case Form::opaque: return c.out.hex(value);
    case Form::interface: return put_interface_request(c, request, value);
    default: break;
    }
    if (r.output && !c.filled()) return c.out.address(value);
    switch (r.form) {
    case Form::termios:
    case Form::termios2: return put_termios_at(c, value, r.form == Form::termios2);
    case Form::winsize: return put_structure(c.out, StructId::winsize, value, c.memory);
    default: return put_structure(c.out, StructId::int32, value, c.memory);
    }
}

void put_fcntl_argument(Call& c, uint64_t value) {
    switch (c.reg32(1)) {
    case F_SETFD: put_flags(c.out, NameTable::fd_flags, value); break;
    case F_SETFL: put_flags(c.out, NameTable::open_flags, static_cast<uint32_t>(value)); break;
    case F_ADD_SEALS: put_flags(c.out, NameTable::seal_flags, static_cast<uint32_t>(value)); break;
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_SETLK:
    case F_OFD_SETLKW: put_structure(c.out, StructId::flock, value, c.memory); break;
    case F_GETLK:
    case F_OFD_GETLK:
        if (c.failed()) c.out.address(value);
        else put_structure(c.out, StructId::flock_result, value, c.memory);
        break;
    case F_SETOWN_EX: put_owner(c.out, value, c.memory); break;
    case F_GETOWN_EX:
        if (c.failed()) c.out.address(value);
        else put_owner(c.out, value, c.memory);
        break;
    case F_SETSIG: put_signal(c.out, static_cast<int32_t>(value)); break;
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
    case F_SETOWN:
    case F_SETPIPE_SZ: c.out.decimal(static_cast<int32_t>(value)); break;
    default: c.out.hex(value); break;
    }
}

} // namespace linnet::abi
