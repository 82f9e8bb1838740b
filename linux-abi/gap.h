// Gaps: what a program asked for and Linnet lacks, or does in part. Their kinds and their names, for the kernel, which counts them, and for
// the host, which reports them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "linux-abi/syscalls.h"
#include "linux-abi/trace_text.h"

namespace linnet::abi {

/// What the three numbers of a gap are stands beside its kind.
enum class GapKind : uint8_t {
    Call,       ///< a call without a handler: number
    Flag,       ///< bits of a call's argument: number, argument (from 0), bits
    Value,      ///< a named value of a call's argument: number, argument (from 0), value
    Ioctl,      ///< request
    Fcntl,      ///< command
    Prctl,      ///< option
    Sockopt,    ///< level, name
    Socket,     ///< family, type, protocol
    Netlink,    ///< protocol, message type
    Filesystem, ///< none; the text is the type that mount(2) was given
    File,       ///< none; the text is a path below /proc, /sys or /dev
};
inline constexpr unsigned gap_kind_count = 11;

/// One word: "syscall", "flag", ...; "?" for a value that is no kind.
const char* gap_kind_name(GapKind kind);
/// False: no kind has that name.
bool parse_gap_kind(std::string_view name, GapKind& kind);

/// The call whose line in syscalls.def says what is known of the gap; null for unknown calls and for files, which several calls ask for.
const SyscallInfo* gap_call(GapKind kind, uint64_t a);

/// What was asked for, as one word: "ptrace", "syscall_0x270f", "mmap.3=MAP_HUGETLB", "madvise.2=MADV_HWPOISON", "0x5412", "SOL_SOCKET.SO_ZEROCOPY",
/// a path. Unknown names are numbers. `argument`: the name of the argument of a flag or value; null: its index.
void put_gap_name(TraceText& out, GapKind kind, uint64_t a, uint64_t b, uint64_t c, std::string_view text, const char* argument = nullptr);

/// Whether the last bytes before an address can be those of a near call, direct or through a register or memory, so that the address
/// may be where it returns to. Bytes that happen to look so are taken for one.
bool follows_call(const uint8_t (&before)[7]);

} // namespace linnet::abi
