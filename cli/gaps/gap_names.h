// What the numbers of a gap mean, by the ABI's own tables (linux-abi), whose headers do not go with the host's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace linnet::cli {

bool known_gap_kind(std::string_view kind);

struct GapNames {
    std::string what;   // "ptrace", "mmap: flags=MAP_HUGETLB", "ioctl 0x5412", "/proc/foo"
    std::string call;   // the system call that it is about; empty: none, or one that Linux 6.1 does not have
    std::string status; // "missing", or "partial"
    std::string note;   // of syscalls.def; may be empty
};
// `kind` is a known one; `error`: the errno that it got.
GapNames gap_names(std::string_view kind, std::uint64_t a, std::uint64_t b, std::uint64_t c, std::string_view text, int error = 0);

// Linux's, whatever the host is: "ENOSYS", "Function not implemented"; numbers that are none: "errno 4000", "".
std::string gap_error_name(int error);
std::string gap_error_text(int error);
// "SIGSEGV"
std::string gap_signal_name(int signal);

} // namespace linnet::cli
