// One call while it is being printed: what the parts of the formatter share. Internal to trace_*.cc.
#pragma once

#include "linux-abi/trace_format.h"
#include "linux-abi/trace_names.h"

namespace linnet::abi {

struct Call {
    TraceText& out;
    const SyscallInfo& info;
    const uint64_t (&regs)[6];
    MemoryReader& memory;
    const TraceState* state = nullptr; // exit part only
    bool exiting = false;
    Outcome result = 0;

    bool failed() const { return exiting && (result.is_error() || result.is_restart()); }
    /// The call is over and did what it was asked for: what the kernel fills in is there.
    bool filled() const { return exiting && !failed(); }
    bool is(int nr) const { return info.number == nr; }
    uint64_t reg(unsigned i) const { return i < 6 ? regs[i] : 0; }
    int32_t reg32(unsigned i) const { return static_cast<int32_t>(reg(i)); }
    uint32_t ureg32(unsigned i) const { return static_cast<uint32_t>(reg(i)); }
};

/// Reads a T at `address`; prints the address and gives false if it can't.
template <class T>
bool fetch(TraceText& out, uint64_t address, T& value, MemoryReader& memory) {
    if (address && memory.read(address, &value, sizeof value)) return true;
    out.address(address);
    return false;
}

// Arrays (trace_arrays.cc). Each prints the address, or "NULL", if there is nothing to read.

/// Quoted data, cut at 32 bytes.
void put_data(Call& c, uint64_t address, uint64_t length);
/// The same in \x form, as strace shows random bytes.
void put_hex_data(Call& c, uint64_t address, uint64_t length);
/// With the data behind them, at most `data_left` bytes of it, or with their addresses alone.
void put_iovecs(TraceText& out, uint64_t address, uint64_t count, bool with_data, uint64_t data_left, MemoryReader& memory);
/// `[{fd=3, events=POLLIN}]`, or after the call those with revents.
void put_pollfds(Call& c, uint64_t address, uint64_t count, bool results);
void put_epoll_events(Call& c, uint64_t address, int64_t count);
/// `[3 5]`: an fd_set or a CPU set of `bits` bits. False if it is empty.
bool put_bit_set(Call& c, uint64_t address, uint64_t bits);
/// argv, or the number of strings alone.
void put_strings(Call& c, uint64_t address, bool count_only);
/// `[0, 5]`: user or group IDs.
void put_ids(Call& c, uint64_t address, uint64_t count);
/// `0x55... /* 3 entries */`
void put_dirents(Call& c, uint64_t address, int64_t bytes);
/// mincore's: `[1, 0]`.
void put_page_states(Call& c, uint64_t address, uint64_t pages);

// Arguments that depend on another one: ioctl, fcntl (trace_control.cc), prctl (trace_prctl.cc).

bool ioctl_is_output(uint32_t request);
void put_ioctl_request(Call& c, uint64_t value);
void put_ioctl_argument(Call& c, uint64_t value);
/// Whether the request has an argument to show.
bool ioctl_has_argument(uint32_t request);
void put_fcntl_argument(Call& c, uint64_t value);
/// How many of prctl's arguments are shown, and whether they are known after the call only.
unsigned prctl_argument_count(const uint64_t (&regs)[6]);
bool prctl_is_output(uint64_t option);
void put_prctl_argument(Call& c, unsigned i);
void put_prctl_result(Call& c);

// Sockets (trace_socket.cc, trace_message.cc).

/// `inet_addr("127.0.0.1")`, and `::1`, of 4 and 16 bytes.
void put_inet(TraceText& out, const uint8_t* bytes);
void put_inet6(TraceText& out, const uint8_t* bytes);
void put_protocol(Call& c, uint64_t value);
void put_option_name(Call& c, uint64_t value);
void put_option_value(Call& c, uint64_t address, uint64_t length);
struct MessageView {
    bool received = false;           // the data and names are the kernel's, and are there
    bool hidden = false;             // they are the kernel's, and not there: addresses alone
    bool netlink = false;            // the data are netlink messages
    uint64_t data_left = ~uint64_t(0); // of the data that came
    int32_t name_length_before = -1; // of recvmsg, before the call
};
void put_message_header(TraceText& out, const MsgHdr& m, const MessageView& view, MemoryReader& memory);
void put_message_array(Call& c, uint64_t address, uint64_t count, bool receives);
/// The attributes behind a netlink message's structure (trace_netlink_attributes.cc).
void put_address_attributes(TraceText& out, uint8_t family, uint64_t at, uint64_t size, MemoryReader& memory);
void put_link_attributes(TraceText& out, uint64_t at, uint64_t size, MemoryReader& memory);
/// IFA_F_*, and `"\x00\x01"`, `if_nametoindex("lo")`.
void put_address_flags(TraceText& out, uint32_t flags);
void put_hex_bytes(TraceText& out, uint64_t at, uint64_t size, MemoryReader& memory);
void put_interface_index(TraceText& out, uint32_t index);
/// Netlink messages as a sequence, of `length` bytes (trace_netlink.cc).
void put_netlink(TraceText& out, uint64_t address, uint64_t length, MemoryReader& memory);

// Processes, threads (trace_process.cc).

void put_clone(Call& c);
void put_clone_result(Call& c);
void put_clone_args(TraceText& out, const CloneArgs& a);
/// clone3's ` => {parent_tid=[5]}`: what the kernel has told.
void put_clone_args_result(Call& c);
void put_futex_op(TraceText& out, uint32_t op);
/// Which of futex's six arguments are shown: bit i for argument i.
unsigned futex_arguments(uint32_t op);
void put_futex_argument(Call& c, unsigned i);
void put_sched_attr(TraceText& out, const SchedAttr& a, uint32_t size);
void put_capabilities(Call& c, uint64_t address);
void put_capability_header(Call& c, uint64_t address);
void put_capability_set(TraceText& out, uint64_t bits);
void put_seccomp_argument(Call& c, uint64_t address);
void put_filter_program(TraceText& out, uint64_t address, MemoryReader& memory);

/// `{si_signo=SIGCHLD, ...}`
void put_siginfo(TraceText& out, const Siginfo& info);

/// `2001-09-09T01:46:40.000000005+0000`; `fraction` in units of 10^-digits s, left out if 0.
void put_date(TraceText& out, int64_t seconds, uint64_t fraction, int digits);
/// Clock ticks (100 a second) with their time: `2 /* 0.02 s */`.
void put_ticks(TraceText& out, int64_t ticks);

/// What stands behind ") = ".
void put_result(Call& c);
/// An error with its text: `-1 ENOENT (No such file or directory)`.
void put_error(TraceText& out, Errno e);

/// An argument that strace shows in a way of its own in this call. False: as its type says.
bool put_special_argument(Call& c, unsigned i);

} // namespace linnet::abi
