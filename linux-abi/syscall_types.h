// The types in the signatures of syscalls.def. Each is a trivially copyable wrapper of at most 8 bytes,
// made from a register with the truncation that Linux applies (an int takes the low 32 bits), and carries
// its ArgSpec: how trace prints it. Handlers take them by value; user pointers hold an address only and
// are never dereferenced (kernel/mm/user.h copies through them).
#pragma once

#include <cstdint>
#include <type_traits>

#include "linux-abi/fcntl.h"
#include "linux-abi/ipc.h"
#include "linux-abi/mman.h"
#include "linux-abi/poll.h"
#include "linux-abi/prctl.h"
#include "linux-abi/resource.h"
#include "linux-abi/sched.h"
#include "linux-abi/signal.h"
#include "linux-abi/socket.h"
#include "linux-abi/stat.h"
#include "linux-abi/termios.h"
#include "linux-abi/time.h"

namespace linnet::abi {

/// How an argument is printed; `aux` in ArgSpec says more where noted.
enum class ArgKind : uint8_t {
    none,
    fd,        ///< int
    dirfd,     ///< int, AT_FDCWD by name
    int_dec,   ///< int
    uint_dec,  ///< unsigned
    long_dec,  ///< long
    ulong_dec, ///< unsigned long
    ulong_hex, ///< unsigned long, hexadecimal
    address,   ///< 0x..., NULL
    mode,      ///< octal permission bits
    file_mode, ///< S_IFCHR|0666 (mknod)
    device,    ///< makedev(0x1, 0x3)
    id,        ///< uid or gid: -1 for "unchanged"
    signal,    ///< SIGTERM
    path,      ///< string, whole
    string,    ///< string, cut at 32 bytes
    strings,   ///< argv or envp
    bytes,     ///< data; aux: index of the length argument (for output: the result, if it is less)
    flags,     ///< aux: NameTable
    enumerated, ///< aux: NameTable
    structure, ///< aux: StructId
    iovecs,    ///< aux: index of the count argument
    pollfds,   ///< aux: index of the count argument
    epoll_events, ///< output array; the count is the result
    sockaddr,  ///< aux: index of the length argument (by value for input, an int pointer for output)
    int_array, ///< aux: number of ints
    fd_set,    ///< aux: index of nfds
    cpu_set,   ///< aux: index of the size in bytes
    ioctl_arg, ///< decoded by the preceding command
    fcntl_arg,
    prctl_arg,
    optval,    ///< socket option value; aux: index of its length argument
    optname,   ///< socket option name by level
    clone_flags, ///< flags with the exit signal in the low byte
    wait_status, ///< int pointer
    futex_op,
    timespec_or_value, ///< futex's fourth argument
    ipc_key,   ///< IPC_PRIVATE, 0x1234
    ipc_flags, ///< flags with permission bits: IPC_CREAT|0600
    sembufs,   ///< aux: index of the count argument
    sem_argument, ///< semctl's fourth, by the command
    shm_buffer, msg_buffer, ///< shmctl's and msgctl's third, by the command
    message,   ///< {mtype=1, mtext="..."}; aux: index of the length argument
};

enum class Direction : uint8_t { in, out, in_out };

/// Name tables (trace_names.cc).
enum class NameTable : uint8_t {
    none, open_flags, prot_flags, mmap_flags, mremap_flags, msync_flags, mlock_flags, mlockall_flags,
    madvise_advice, memfd_flags, clone_flags, unshare_flags, wait_options, wait_id_type, at_flags, statx_flags,
    statx_mask, access_mode, whence, fcntl_cmd, flock_op, fd_flags, fallocate_mode, fadvise_advice,
    rename_flags, rwf_flags, splice_flags, close_range_flags, sync_range_flags, xattr_flags, sig_how,
    sa_flags, ss_flags, sock_family, sock_type, sock_level, msg_flags, shutdown_how, epoll_op, epoll_events,
    epoll_create_flags, poll_events, eventfd_flags, signalfd_flags, timerfd_create_flags, timerfd_set_flags, inotify_flags, inotify_mask, clock_id,
    timer_flags, itimer_which, rlimit_resource, rusage_who, prio_which, sched_policy, sched_flags, futex_op,
    futex_flags, prctl_op, arch_prctl_op, ioctl_cmd, membarrier_cmd, membarrier_flags, rseq_flags,
    getrandom_flags, mount_flags, umount_flags, reboot_cmd, seccomp_op, ptrace_op, socket_option_sol,
    pipe_flags, file_type, pidfd_flags, accept_flags, pkey_rights, mempolicy_mode, kcmp_type, capability,
    sigev_notify, shm_get_flags, shm_at_flags, sem_get_flags, msg_get_flags, sem_flags, msg_op_flags,
    shm_cmd, sem_cmd, msg_cmd, ip_protocol, so_names, ip_names, ipv6_names, tcp_names, udp_names, reboot_magic, syslog_action, seal_flags,
    personality, resolve_flags, statx_attributes, file_system, count
};

/// Structures that trace prints in full; others print as their address.
enum class StructId : uint8_t {
    opaque, stat, statx, statfs, timespec, timeval, itimerspec, itimerval, timezone, sigset, sigaction,
    sigaltstack, siginfo, rlimit, rusage, sysinfo, utsname, epoll_event, clone_args, sched_param, sched_attr,
    msghdr, mmsghdr, flock, winsize, termios, tms, open_how, int32, int64, fd_pair, uint32, dirents, cap_header, cap_data,
    timespec_pair, timeval_pair, sigset_arg, robust_list, rseq, sigevent, mq_attr, flock_result
};

struct ArgSpec {
    ArgKind kind = ArgKind::none;
    uint8_t aux = 0;
    Direction direction = Direction::in;
};

/// A number in a register. V gives the truncation.
template <ArgKind Kind, class V, int Tag = 0>
struct Scalar {
    static constexpr ArgSpec spec{Kind, 0, Direction::in};
    using Value = V;
    V value;
    constexpr explicit Scalar(uint64_t raw) : value(static_cast<V>(raw)) {}
    constexpr operator V() const { return value; }
};

using Fd = Scalar<ArgKind::fd, int32_t>;
using DirFd = Scalar<ArgKind::dirfd, int32_t>;
using Pid = Scalar<ArgKind::int_dec, int32_t, 1>;
using Tid = Scalar<ArgKind::int_dec, int32_t, 2>;
using Uid = Scalar<ArgKind::id, uint32_t, 1>;
using Gid = Scalar<ArgKind::id, uint32_t, 2>;
using Int = Scalar<ArgKind::int_dec, int32_t>;
using UInt = Scalar<ArgKind::uint_dec, uint32_t>;
using Long = Scalar<ArgKind::long_dec, int64_t>;
using ULong = Scalar<ArgKind::ulong_dec, uint64_t>;
using Hex = Scalar<ArgKind::ulong_hex, uint64_t>;
using Size = Scalar<ArgKind::ulong_dec, uint64_t, 1>;
using Off = Scalar<ArgKind::long_dec, int64_t, 1>;
using Mode = Scalar<ArgKind::mode, uint16_t>;          // umode_t is 16 bits wide
using FileMode = Scalar<ArgKind::file_mode, uint16_t>; // with the type (mknod)
using Dev = Scalar<ArgKind::device, uint32_t>;
using Addr = Scalar<ArgKind::address, uint64_t>;
using Signal = Scalar<ArgKind::signal, int32_t>;
using IoctlArg = Scalar<ArgKind::ioctl_arg, uint64_t>;
using FcntlArg = Scalar<ArgKind::fcntl_arg, uint64_t>;
using PrctlArg = Scalar<ArgKind::prctl_arg, uint64_t>;
using SockOptName = Scalar<ArgKind::optname, int32_t>;
// A timespec's address or a count, by the operation.
using FutexVal2 = Scalar<ArgKind::timespec_or_value, uint64_t>;
struct Void {}; // result of calls that never return
using ByteCount = Scalar<ArgKind::long_dec, int64_t, 2>;

/// One of a set of named values. Unknown values reach the handler, which refuses them as Linux does.
template <NameTable Table, class V = int32_t, ArgKind Kind = ArgKind::enumerated>
struct Enum {
    static constexpr ArgSpec spec{Kind, static_cast<uint8_t>(Table), Direction::in};
    using Value = V;
    V value;
    constexpr explicit Enum(uint64_t raw) : value(static_cast<V>(raw)) {}
    constexpr operator V() const { return value; }
};

/// Flag bits. Supported: the bits that Linnet acts on (or may ignore as Linux may); the rest counts as a gap.
template <NameTable Table, uint64_t Supported, class V = int32_t, ArgKind Kind = ArgKind::flags>
struct Flags {
    static constexpr ArgSpec spec{Kind, static_cast<uint8_t>(Table), Direction::in};
    static constexpr uint64_t supported = Supported;
    using Value = V;
    V value;
    constexpr explicit Flags(uint64_t raw) : value(static_cast<V>(raw)) {}
    constexpr operator V() const { return value; }
    /// Any bit of `mask` is set.
    constexpr bool has(uint64_t mask) const { return (bits() & mask) != 0; }
    /// All bits of `mask` are set.
    constexpr bool all(uint64_t mask) const { return (bits() & mask) == mask; }
    constexpr bool only(uint64_t mask) const { return (bits() & ~mask) == 0; }
    constexpr uint64_t bits() const { return static_cast<std::make_unsigned_t<V>>(value); }
    constexpr uint64_t unsupported() const { return bits() & ~Supported; }
};

/// An address in the program, with the type of what is there. No dereference. T const: the kernel reads only.
template <class T>
class UserPtr {
  public:
    using Element = T;
    constexpr UserPtr() = default;
    constexpr explicit UserPtr(uint64_t address) : address_(address) {}
    /// A writable pointer serves where a read-only one is asked for.
    template <class U>
        requires(!std::is_same_v<U, T> && std::is_same_v<const U, T>)
    constexpr UserPtr(UserPtr<U> o) : address_(o.address()) {}
    constexpr uint64_t address() const { return address_; }
    constexpr bool is_null() const { return address_ == 0; }
    constexpr explicit operator bool() const { return address_ != 0; }
    template <class U>
    constexpr UserPtr<U> cast() const { return UserPtr<U>(address_); }
    /// Address of element `index`. Wraps like the CPU's arithmetic; the copy functions check the range.
    constexpr UserPtr at(uint64_t index) const requires(!std::is_void_v<T>) {
        return UserPtr(address_ + index * sizeof(T));
    }
    /// `count` bytes further.
    constexpr UserPtr byte_offset(uint64_t count) const { return UserPtr(address_ + count); }

  private:
    uint64_t address_ = 0;
};

template <class T>
inline constexpr StructId struct_id = StructId::opaque;
template <> inline constexpr StructId struct_id<Stat> = StructId::stat;
template <> inline constexpr StructId struct_id<Statx> = StructId::statx;
template <> inline constexpr StructId struct_id<Statfs> = StructId::statfs;
template <> inline constexpr StructId struct_id<Timespec> = StructId::timespec;
template <> inline constexpr StructId struct_id<Timeval> = StructId::timeval;
template <> inline constexpr StructId struct_id<Itimerspec> = StructId::itimerspec;
template <> inline constexpr StructId struct_id<Itimerval> = StructId::itimerval;
template <> inline constexpr StructId struct_id<Timezone> = StructId::timezone;
template <> inline constexpr StructId struct_id<SigSet> = StructId::sigset;
template <> inline constexpr StructId struct_id<Sigaction> = StructId::sigaction;
template <> inline constexpr StructId struct_id<Sigaltstack> = StructId::sigaltstack;
template <> inline constexpr StructId struct_id<Siginfo> = StructId::siginfo;
template <> inline constexpr StructId struct_id<Rlimit> = StructId::rlimit;
template <> inline constexpr StructId struct_id<Rusage> = StructId::rusage;
template <> inline constexpr StructId struct_id<Sysinfo> = StructId::sysinfo;
template <> inline constexpr StructId struct_id<Utsname> = StructId::utsname;
template <> inline constexpr StructId struct_id<EpollEvent> = StructId::epoll_event;
template <> inline constexpr StructId struct_id<CloneArgs> = StructId::clone_args;
template <> inline constexpr StructId struct_id<SchedParam> = StructId::sched_param;
template <> inline constexpr StructId struct_id<SchedAttr> = StructId::sched_attr;
template <> inline constexpr StructId struct_id<MsgHdr> = StructId::msghdr;
template <> inline constexpr StructId struct_id<MmsgHdr> = StructId::mmsghdr;
template <> inline constexpr StructId struct_id<Flock> = StructId::flock;
template <> inline constexpr StructId struct_id<Tms> = StructId::tms;
template <> inline constexpr StructId struct_id<OpenHow> = StructId::open_how;
template <> inline constexpr StructId struct_id<int32_t> = StructId::int32;
template <> inline constexpr StructId struct_id<int64_t> = StructId::int64;
template <> inline constexpr StructId struct_id<uint32_t> = StructId::uint32;
template <> inline constexpr StructId struct_id<CapUserHeader> = StructId::cap_header;
template <> inline constexpr StructId struct_id<CapUserData> = StructId::cap_data;
template <> inline constexpr StructId struct_id<Timespec[2]> = StructId::timespec_pair;
template <> inline constexpr StructId struct_id<Timeval[2]> = StructId::timeval_pair;
template <> inline constexpr StructId struct_id<int32_t[2]> = StructId::fd_pair;
template <> inline constexpr StructId struct_id<Sigevent> = StructId::sigevent;
template <> inline constexpr StructId struct_id<MqAttr> = StructId::mq_attr;
template <> inline constexpr StructId struct_id<SigSetArg> = StructId::sigset_arg;

// clang-format off
#define LINNET_USER_TYPE(Name, Params, Base, Kind, Aux, Dir)                                  \
    Params struct Name : UserPtr<Base> {                                                      \
        static constexpr ArgSpec spec{ArgKind::Kind, static_cast<uint8_t>(Aux), Direction::Dir}; \
        using UserPtr<Base>::UserPtr;                                                         \
    };
// Structures. Null is the handler's business.
LINNET_USER_TYPE(In, template <class T>, const T, structure, struct_id<T>, in)
LINNET_USER_TYPE(Out, template <class T>, T, structure, struct_id<T>, out)
LINNET_USER_TYPE(InOut, template <class T>, T, structure, struct_id<T>, in_out)
// Strings.
LINNET_USER_TYPE(Path, , const char, path, 0, in)
LINNET_USER_TYPE(UserString, , const char, string, 0, in)
LINNET_USER_TYPE(UserStrings, , const uint64_t, strings, 0, in) // null-terminated array of strings
// Data; Length is the index (from 0) of the argument with the length in bytes.
LINNET_USER_TYPE(InBytes, template <int Length>, const void, bytes, Length, in)
LINNET_USER_TYPE(OutBytes, template <int Length>, void, bytes, Length, out)
LINNET_USER_TYPE(InOutBytes, template <int Length>, void, address, Length, in_out)
// getdents64's records.
LINNET_USER_TYPE(OutDirents, , void, address, 0, out)
// Arrays; Count is the index of the argument with the number of elements.
LINNET_USER_TYPE(IovecsIn, template <int Count>, const Iovec, iovecs, Count, in)   // data goes to the kernel
LINNET_USER_TYPE(IovecsOut, template <int Count>, const Iovec, iovecs, Count, out) // data comes from it
LINNET_USER_TYPE(PollfdArray, template <int Count>, Pollfd, pollfds, Count, in_out)
LINNET_USER_TYPE(EpollEventArray, , EpollEvent, epoll_events, 0, out)
LINNET_USER_TYPE(FdSetPtr, template <int Nfds>, uint64_t, fd_set, Nfds, in_out)
LINNET_USER_TYPE(CpuSetIn, template <int Size>, const void, cpu_set, Size, in)
LINNET_USER_TYPE(CpuSetOut, template <int Size>, void, cpu_set, Size, out)
LINNET_USER_TYPE(GidsIn, , const uint32_t, address, 0, in)
LINNET_USER_TYPE(GidsOut, , uint32_t, address, 0, out)
// Socket addresses. In: Length is the length's argument. Out: the argument that points to the length.
LINNET_USER_TYPE(SockAddrArg, template <int Length>, const void, sockaddr, Length, in)
LINNET_USER_TYPE(SockAddrResult, template <int Length>, void, sockaddr, Length, out)
LINNET_USER_TYPE(OptValIn, template <int Length>, const void, optval, Length, in)
LINNET_USER_TYPE(OptValOut, template <int Length>, void, optval, Length, out)
LINNET_USER_TYPE(WaitStatus, , int32_t, wait_status, 0, out)
LINNET_USER_TYPE(SembufArray, template <int Count>, const Sembuf, sembufs, Count, in)
LINNET_USER_TYPE(MsgBuffer, template <int Length>, const void, message, Length, in)
LINNET_USER_TYPE(MsgBufferOut, template <int Length>, void, message, Length, out)
// In or out by the command.
LINNET_USER_TYPE(ShmBuffer, , void, shm_buffer, 0, in_out)
LINNET_USER_TYPE(MsgCtlBuffer, , void, msg_buffer, 0, in_out)
LINNET_USER_TYPE(SemArgument, , void, sem_argument, 0, in_out) // SETVAL: the value itself
LINNET_USER_TYPE(FutexWord, , uint32_t, address, 0, in_out)
// Anything else: the address is printed.
LINNET_USER_TYPE(AnyPtr, , void, address, 0, in_out)
#undef LINNET_USER_TYPE
// clang-format on

// Flags, with the bits that Linnet supports.
using OpenFlags = Flags<NameTable::open_flags, O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC |
    O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW |
    O_NOATIME | O_CLOEXEC | O_PATH | O_TMPFILE | O_ASYNC>; // open(2): O_ASYNC is for fcntl, here it does nothing
using ProtFlags = Flags<NameTable::prot_flags, PROT_READ | PROT_WRITE | PROT_EXEC | PROT_GROWSDOWN,
    uint64_t>;
using MmapFlags = Flags<NameTable::mmap_flags, MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS
    | MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE |
    MAP_NONBLOCK | MAP_STACK | MAP_FIXED_NOREPLACE | MAP_32BIT, uint64_t>;
using MremapFlags = Flags<NameTable::mremap_flags, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
    uint64_t>;
using MsyncFlags = Flags<NameTable::msync_flags, MS_ASYNC | MS_SYNC | MS_INVALIDATE>;
using MlockFlags = Flags<NameTable::mlock_flags, MLOCK_ONFAULT>;
using MlockallFlags = Flags<NameTable::mlockall_flags, MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT>;
using MemfdFlags = Flags<NameTable::memfd_flags, MFD_CLOEXEC | MFD_ALLOW_SEALING, uint32_t>;
using CloneFlags = Flags<NameTable::clone_flags, CSIGNAL | CLONE_VM | CLONE_FS | CLONE_FILES |
    CLONE_SIGHAND | CLONE_PIDFD | CLONE_VFORK | CLONE_PARENT | CLONE_THREAD | CLONE_SYSVSEM |
    CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_DETACHED | CLONE_UNTRACED |
    CLONE_CHILD_SETTID | CLONE_IO, uint64_t, ArgKind::clone_flags>;
using UnshareFlags = Flags<NameTable::unshare_flags, CLONE_FS | CLONE_FILES | CLONE_SYSVSEM,
    uint64_t>;
using WaitOptions = Flags<NameTable::wait_options, WNOHANG | WUNTRACED | WEXITED | WCONTINUED |
    WNOWAIT | __WALL | __WCLONE>;
using AtFlags = Flags<NameTable::at_flags, AT_SYMLINK_NOFOLLOW | AT_REMOVEDIR | AT_SYMLINK_FOLLOW |
    AT_NO_AUTOMOUNT | AT_EMPTY_PATH>;
using AccessAtFlags = Flags<NameTable::at_flags, AT_SYMLINK_NOFOLLOW | AT_EACCESS | AT_EMPTY_PATH>;
using StatxFlags = Flags<NameTable::statx_flags, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT |
    AT_EMPTY_PATH | AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC, uint32_t>;
using StatxMask = Flags<NameTable::statx_mask, 0x7fffffff, uint32_t>;
using AccessMode = Flags<NameTable::access_mode, R_OK | W_OK | X_OK>;
using FallocateMode = Flags<NameTable::fallocate_mode, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE |
    FALLOC_FL_ZERO_RANGE>;
using RenameFlags = Flags<NameTable::rename_flags, RENAME_NOREPLACE | RENAME_EXCHANGE |
    RENAME_WHITEOUT, uint32_t>;
using RwfFlags = Flags<NameTable::rwf_flags, RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND |
    RWF_HIPRI>;
using SpliceFlags = Flags<NameTable::splice_flags, SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE
    | SPLICE_F_GIFT, uint32_t>;
using CloseRangeFlags = Flags<NameTable::close_range_flags, CLOSE_RANGE_UNSHARE |
    CLOSE_RANGE_CLOEXEC, uint32_t>;
using SyncRangeFlags = Flags<NameTable::sync_range_flags, 7, uint32_t>;
using XattrFlags = Flags<NameTable::xattr_flags, XATTR_CREATE | XATTR_REPLACE>;
using PipeFlags = Flags<NameTable::pipe_flags, O_CLOEXEC | O_NONBLOCK | O_DIRECT>;
using DupFlags = Flags<NameTable::pipe_flags, O_CLOEXEC>;
using MsgFlags = Flags<NameTable::msg_flags, uint32_t(MSG_PEEK | MSG_DONTROUTE |
    MSG_CTRUNC | MSG_TRUNC | MSG_DONTWAIT | MSG_EOR | MSG_WAITALL | MSG_CONFIRM | MSG_NOSIGNAL |
    MSG_MORE | MSG_WAITFORONE | MSG_CMSG_CLOEXEC), uint32_t>;
using AcceptFlags = Flags<NameTable::accept_flags, SOCK_CLOEXEC | SOCK_NONBLOCK>;
using SockType = Enum<NameTable::sock_type>; // with SOCK_CLOEXEC and SOCK_NONBLOCK or-ed in
using EpollCreateFlags = Flags<NameTable::epoll_create_flags, EPOLL_CLOEXEC>;
using EventfdFlags = Flags<NameTable::eventfd_flags, EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK>;
using SignalfdFlags = Flags<NameTable::signalfd_flags, SFD_CLOEXEC | SFD_NONBLOCK>;
using TimerfdCreateFlags = Flags<NameTable::timerfd_create_flags, TFD_CLOEXEC | TFD_NONBLOCK>;
using TimerfdSetFlags = Flags<NameTable::timerfd_set_flags, TFD_TIMER_ABSTIME |
    TFD_TIMER_CANCEL_ON_SET>;
using InotifyFlags = Flags<NameTable::inotify_flags, IN_CLOEXEC | IN_NONBLOCK>;
using InotifyMask = Flags<NameTable::inotify_mask, 0xffffffff, uint32_t>;
using TimerFlags = Flags<NameTable::timer_flags, TIMER_ABSTIME>;
using RseqFlags = Flags<NameTable::rseq_flags, RSEQ_FLAG_UNREGISTER>;
using MembarrierFlags = Flags<NameTable::membarrier_flags, 1, uint32_t>;
using GetrandomFlags = Flags<NameTable::getrandom_flags, GRND_NONBLOCK | GRND_RANDOM |
    GRND_INSECURE, uint32_t>;
using MountFlags = Flags<NameTable::mount_flags, 0xffffffff, uint64_t>;
using UmountFlags = Flags<NameTable::umount_flags, MNT_FORCE | MNT_DETACH | MNT_EXPIRE |
    UMOUNT_NOFOLLOW>;
using SchedFlags = Flags<NameTable::sched_flags, 0, uint32_t>;
using PidfdFlags = Flags<NameTable::pidfd_flags, O_NONBLOCK, uint32_t>;
using FutexFlags = Flags<NameTable::futex_flags, 0x82, uint32_t>;

// shmget's and its kin's: the low nine bits are permissions, unknown ones are ignored, as on Linux.
using ShmGetFlags = Flags<NameTable::shm_get_flags, 0777 | IPC_CREAT | IPC_EXCL | SHM_NORESERVE, int32_t, ArgKind::ipc_flags>;
using SemGetFlags = Flags<NameTable::sem_get_flags, 0777 | IPC_CREAT | IPC_EXCL, int32_t, ArgKind::ipc_flags>;
using MsgGetFlags = Flags<NameTable::msg_get_flags, 0777 | IPC_CREAT | IPC_EXCL, int32_t, ArgKind::ipc_flags>;
using ShmAtFlags = Flags<NameTable::shm_at_flags, SHM_RDONLY | SHM_RND | SHM_REMAP | SHM_EXEC>;
using MsgOpFlags = Flags<NameTable::msg_op_flags, IPC_NOWAIT | MSG_NOERROR | MSG_EXCEPT | MSG_COPY>;

// Named values.
using IpcKey = Scalar<ArgKind::ipc_key, int32_t>;
using ShmCmd = Enum<NameTable::shm_cmd>;
using SemCmd = Enum<NameTable::sem_cmd>;
using MsgCmd = Enum<NameTable::msg_cmd>;
using MadviseAdvice = Enum<NameTable::madvise_advice>;
using FadviseAdvice = Enum<NameTable::fadvise_advice>;
using WaitIdType = Enum<NameTable::wait_id_type>;
using Whence = Enum<NameTable::whence>;
using FcntlCmd = Enum<NameTable::fcntl_cmd>;
using IoctlCmd = Enum<NameTable::ioctl_cmd, uint32_t>;
using FlockOp = Flags<NameTable::flock_op, LOCK_SH | LOCK_EX | LOCK_NB | LOCK_UN>;
using SigHow = Enum<NameTable::sig_how>;
using SockFamily = Enum<NameTable::sock_family>;
using SockProtocol = Enum<NameTable::ip_protocol>;
using SockLevel = Enum<NameTable::sock_level>;
using ShutdownHow = Enum<NameTable::shutdown_how>;
using EpollOp = Enum<NameTable::epoll_op>;
using ClockId = Enum<NameTable::clock_id>;
using ItimerWhich = Enum<NameTable::itimer_which>;
using RlimitResource = Enum<NameTable::rlimit_resource, uint32_t>;
using RusageWho = Enum<NameTable::rusage_who>;
using PrioWhich = Enum<NameTable::prio_which>;
using SchedPolicy = Enum<NameTable::sched_policy>;
using FutexOp = Enum<NameTable::futex_op, int32_t, ArgKind::futex_op>;
using PrctlOp = Enum<NameTable::prctl_op>;
using ArchPrctlOp = Enum<NameTable::arch_prctl_op>;
using MembarrierCmd = Enum<NameTable::membarrier_cmd>;
using SeccompOp = Enum<NameTable::seccomp_op, uint32_t>;
using PtraceOp = Enum<NameTable::ptrace_op, int64_t>;
using RebootCmd = Enum<NameTable::reboot_cmd, uint32_t>;
using SyslogAction = Enum<NameTable::syslog_action>;

/// What an argument type of syscalls.def has to be.
template <class A>
concept SyscallArgument = std::is_trivially_copyable_v<A> && sizeof(A) <= 8 &&
                          std::is_constructible_v<A, uint64_t> &&
                          std::is_same_v<std::remove_cvref_t<decltype(A::spec)>, ArgSpec>;

} // namespace linnet::abi
