#include "linux-abi/trace_names.h"

#include "linux-abi/netif.h"

namespace linnet::abi {
namespace {

#define N(name) {#name, static_cast<uint64_t>(static_cast<std::make_unsigned_t<decltype(name + 0)>>(name))}
constexpr ValueName open_flags[] = {
    N(O_CREAT), N(O_EXCL), N(O_NOCTTY), N(O_TRUNC), N(O_APPEND), N(O_NONBLOCK), N(O_SYNC),
    N(O_DSYNC), N(O_DIRECT), N(O_LARGEFILE), N(O_NOFOLLOW), N(O_NOATIME), N(O_CLOEXEC), N(O_PATH),
    N(O_TMPFILE), N(O_DIRECTORY), {"FASYNC", static_cast<uint64_t>(O_ASYNC)},
};
constexpr ValueName prot_flags[] = {
    N(PROT_READ), N(PROT_WRITE), N(PROT_EXEC), N(PROT_GROWSDOWN), N(PROT_GROWSUP),
};
constexpr ValueName mmap_flags[] = {
    N(MAP_FIXED), N(MAP_ANONYMOUS), N(MAP_32BIT), N(MAP_NORESERVE), N(MAP_POPULATE),
    N(MAP_NONBLOCK), N(MAP_GROWSDOWN), N(MAP_DENYWRITE), N(MAP_EXECUTABLE), N(MAP_LOCKED),
    N(MAP_STACK), N(MAP_HUGETLB), N(MAP_SYNC), N(MAP_FIXED_NOREPLACE),
};
constexpr ValueName mremap_flags[] = {
    N(MREMAP_MAYMOVE), N(MREMAP_FIXED), N(MREMAP_DONTUNMAP),
};
constexpr ValueName msync_flags[] = {
    N(MS_ASYNC), N(MS_INVALIDATE), N(MS_SYNC),
};
constexpr ValueName mlock_flags[] = {
    N(MLOCK_ONFAULT),
};
constexpr ValueName mlockall_flags[] = {
    N(MCL_CURRENT), N(MCL_FUTURE), N(MCL_ONFAULT),
};
constexpr ValueName madvise_advice[] = {
    N(MADV_NORMAL), N(MADV_RANDOM), N(MADV_SEQUENTIAL), N(MADV_WILLNEED), N(MADV_DONTNEED),
    N(MADV_FREE), N(MADV_REMOVE), N(MADV_DONTFORK), N(MADV_DOFORK), N(MADV_MERGEABLE),
    N(MADV_UNMERGEABLE), N(MADV_HUGEPAGE), N(MADV_NOHUGEPAGE), N(MADV_DONTDUMP), N(MADV_DODUMP),
    N(MADV_WIPEONFORK), N(MADV_KEEPONFORK), N(MADV_COLD), N(MADV_PAGEOUT), N(MADV_POPULATE_READ),
    N(MADV_POPULATE_WRITE), N(MADV_DONTNEED_LOCKED), N(MADV_HWPOISON),
};
constexpr ValueName memfd_flags[] = {
    N(MFD_CLOEXEC), N(MFD_ALLOW_SEALING), N(MFD_HUGETLB),
};
constexpr ValueName clone_flags[] = {
    N(CLONE_VM), N(CLONE_FS), N(CLONE_FILES), N(CLONE_SIGHAND), N(CLONE_PIDFD), N(CLONE_PTRACE),
    N(CLONE_VFORK), N(CLONE_PARENT), N(CLONE_THREAD), N(CLONE_NEWNS), N(CLONE_SYSVSEM),
    N(CLONE_SETTLS), N(CLONE_PARENT_SETTID), N(CLONE_CHILD_CLEARTID), N(CLONE_DETACHED),
    N(CLONE_UNTRACED), N(CLONE_CHILD_SETTID), N(CLONE_NEWCGROUP), N(CLONE_NEWUTS), N(CLONE_NEWIPC),
    N(CLONE_NEWUSER), N(CLONE_NEWPID), N(CLONE_NEWNET), N(CLONE_IO),
};
constexpr ValueName unshare_flags[] = {
    N(CLONE_NEWTIME), N(CLONE_VM), N(CLONE_FS), N(CLONE_FILES), N(CLONE_SIGHAND), N(CLONE_PIDFD),
    N(CLONE_PTRACE), N(CLONE_VFORK), N(CLONE_PARENT), N(CLONE_THREAD), N(CLONE_NEWNS),
    N(CLONE_SYSVSEM), N(CLONE_SETTLS), N(CLONE_PARENT_SETTID), N(CLONE_CHILD_CLEARTID),
    N(CLONE_DETACHED), N(CLONE_UNTRACED), N(CLONE_CHILD_SETTID), N(CLONE_NEWCGROUP),
    N(CLONE_NEWUTS), N(CLONE_NEWIPC), N(CLONE_NEWUSER), N(CLONE_NEWPID), N(CLONE_NEWNET),
    N(CLONE_IO),
};
constexpr ValueName wait_options[] = {
    N(WNOHANG), {"WEXITED", 4}, {"WSTOPPED", static_cast<uint64_t>(WUNTRACED)}, N(WCONTINUED), N(WNOWAIT), N(__WNOTHREAD), N(__WCLONE),
    N(__WALL),
};
constexpr ValueName wait_id_type[] = {
    N(P_ALL), N(P_PID), N(P_PGID), N(P_PIDFD),
};
constexpr ValueName at_flags[] = {
    N(AT_SYMLINK_NOFOLLOW), N(AT_REMOVEDIR), N(AT_SYMLINK_FOLLOW), N(AT_NO_AUTOMOUNT),
    N(AT_EMPTY_PATH),
};
constexpr ValueName statx_flags[] = {
    N(AT_SYMLINK_NOFOLLOW), N(AT_NO_AUTOMOUNT), N(AT_EMPTY_PATH), N(AT_STATX_FORCE_SYNC),
    N(AT_STATX_DONT_SYNC),
};
constexpr ValueName statx_mask[] = {
    N(STATX_ALL), N(STATX_BASIC_STATS), N(STATX_TYPE), N(STATX_MODE), N(STATX_NLINK), N(STATX_UID),
    N(STATX_GID), N(STATX_ATIME), N(STATX_MTIME), N(STATX_CTIME), N(STATX_INO), N(STATX_SIZE),
    N(STATX_BLOCKS), N(STATX_BTIME), N(STATX_MNT_ID),
};
constexpr ValueName access_mode[] = {
    N(R_OK), N(W_OK), N(X_OK),
};
constexpr ValueName whence[] = {
    N(SEEK_SET), N(SEEK_CUR), N(SEEK_END), N(SEEK_DATA), N(SEEK_HOLE),
};
constexpr ValueName fcntl_cmd[] = {
    N(F_DUPFD), N(F_GETFD), N(F_SETFD), N(F_GETFL), N(F_SETFL), N(F_GETLK), N(F_SETLK), N(F_SETLKW),
    N(F_SETOWN), N(F_GETOWN), N(F_SETSIG), N(F_GETSIG), N(F_SETOWN_EX), N(F_GETOWN_EX),
    N(F_OFD_GETLK), N(F_OFD_SETLK), N(F_OFD_SETLKW), N(F_SETLEASE), N(F_GETLEASE), N(F_NOTIFY),
    N(F_DUPFD_CLOEXEC), N(F_SETPIPE_SZ), N(F_GETPIPE_SZ), N(F_ADD_SEALS), N(F_GET_SEALS),
};
constexpr ValueName flock_op[] = {
    N(LOCK_SH), N(LOCK_EX), N(LOCK_UN), {"LOCK_RW", 192}, {"LOCK_MAND", 32}, {"LOCK_READ", 64}, {"LOCK_WRITE", 128}, N(LOCK_NB),
};
constexpr ValueName fd_flags[] = {
    N(FD_CLOEXEC),
};
constexpr ValueName fallocate_mode[] = {
    N(FALLOC_FL_KEEP_SIZE), N(FALLOC_FL_PUNCH_HOLE), N(FALLOC_FL_NO_HIDE_STALE),
    N(FALLOC_FL_COLLAPSE_RANGE), N(FALLOC_FL_ZERO_RANGE), N(FALLOC_FL_INSERT_RANGE),
    N(FALLOC_FL_UNSHARE_RANGE),
};
constexpr ValueName fadvise_advice[] = {
    N(POSIX_FADV_NORMAL), N(POSIX_FADV_RANDOM), N(POSIX_FADV_SEQUENTIAL), N(POSIX_FADV_WILLNEED),
    N(POSIX_FADV_DONTNEED), N(POSIX_FADV_NOREUSE),
};
constexpr ValueName rename_flags[] = {
    N(RENAME_NOREPLACE), N(RENAME_EXCHANGE), N(RENAME_WHITEOUT),
};
constexpr ValueName rwf_flags[] = {
    N(RWF_WRITE_LIFE_NOT_SET), N(RWF_HIPRI), N(RWF_DSYNC), N(RWF_SYNC), N(RWF_NOWAIT),
    N(RWF_APPEND), N(RWF_SUPPORTED), N(RWF_NOAPPEND),
};
constexpr ValueName splice_flags[] = {
    N(SPLICE_F_MOVE), N(SPLICE_F_NONBLOCK), N(SPLICE_F_MORE), N(SPLICE_F_GIFT),
};
constexpr ValueName close_range_flags[] = {
    N(CLOSE_RANGE_UNSHARE), N(CLOSE_RANGE_CLOEXEC),
};
constexpr ValueName sync_range_flags[] = {
    N(SYNC_FILE_RANGE_WAIT_BEFORE), N(SYNC_FILE_RANGE_WRITE), N(SYNC_FILE_RANGE_WAIT_AFTER),
};
constexpr ValueName xattr_flags[] = {
    N(XATTR_CREATE), N(XATTR_REPLACE),
};
constexpr ValueName sig_how[] = {
    N(SIG_BLOCK), N(SIG_UNBLOCK), N(SIG_SETMASK),
};
constexpr ValueName sa_flags[] = {
    N(SA_RESTORER), N(SA_ONSTACK), N(SA_RESTART), N(SA_NODEFER), N(SA_RESETHAND), N(SA_SIGINFO),
    N(SA_NOCLDSTOP), N(SA_NOCLDWAIT),
};
constexpr ValueName ss_flags[] = {
    N(SS_ONSTACK), N(SS_DISABLE), N(SS_AUTODISARM),
};
constexpr ValueName sock_family[] = {
    N(AF_UNSPEC), N(AF_UNIX), N(AF_INET), N(AF_AX25), N(AF_IPX), N(AF_APPLETALK), N(AF_NETROM),
    N(AF_BRIDGE), N(AF_ATMPVC), N(AF_X25), N(AF_INET6), N(AF_ROSE), N(AF_DECnet), N(AF_NETBEUI),
    N(AF_SECURITY), N(AF_KEY), N(AF_NETLINK), N(AF_PACKET), N(AF_ASH), N(AF_ECONET), N(AF_ATMSVC),
    N(AF_RDS), N(AF_SNA), N(AF_IRDA), N(AF_PPPOX), N(AF_WANPIPE), N(AF_LLC), N(AF_IB), N(AF_MPLS),
    N(AF_CAN), N(AF_TIPC), N(AF_BLUETOOTH), N(AF_IUCV), N(AF_RXRPC), N(AF_ISDN), N(AF_PHONET),
    N(AF_IEEE802154), N(AF_CAIF), N(AF_ALG), N(AF_NFC), N(AF_VSOCK), N(AF_KCM), N(AF_QIPCRTR),
    N(AF_SMC), N(AF_XDP), N(AF_MCTP),
};
constexpr ValueName sock_type[] = {
    N(SOCK_STREAM), N(SOCK_DGRAM), N(SOCK_RAW), N(SOCK_RDM), N(SOCK_SEQPACKET), N(SOCK_DCCP),
    N(SOCK_PACKET), N(SOCK_IOC_TYPE),
};
constexpr ValueName sock_level[] = {
    N(SOL_IP), N(SOL_SOCKET), N(SOL_TCP), N(SOL_UDP), N(SOL_IPV6), N(SOL_ICMPV6), N(SOL_RAW),
    N(SOL_PACKET), N(SOL_NETLINK),
};
constexpr ValueName msg_flags[] = {
    N(MSG_OOB), N(MSG_PEEK), N(MSG_DONTROUTE), N(MSG_CTRUNC), N(MSG_TRUNC), N(MSG_DONTWAIT),
    N(MSG_EOR), N(MSG_WAITALL), N(MSG_FIN), N(MSG_SYN), N(MSG_CONFIRM), N(MSG_RST), N(MSG_ERRQUEUE),
    N(MSG_NOSIGNAL), N(MSG_MORE), N(MSG_WAITFORONE), N(MSG_BATCH), N(MSG_ZEROCOPY), N(MSG_FASTOPEN),
    N(MSG_CMSG_CLOEXEC),
};
constexpr ValueName shutdown_how[] = {
    N(SHUT_RD), N(SHUT_WR), N(SHUT_RDWR),
};
constexpr ValueName epoll_op[] = {
    N(EPOLL_CTL_ADD), N(EPOLL_CTL_DEL), N(EPOLL_CTL_MOD),
};
constexpr ValueName epoll_events[] = {
    N(EPOLLIN), N(EPOLLPRI), N(EPOLLOUT), N(EPOLLRDNORM), N(EPOLLRDBAND), N(EPOLLWRNORM),
    N(EPOLLWRBAND), N(EPOLLMSG), N(EPOLLERR), N(EPOLLHUP), N(EPOLLRDHUP), N(EPOLLEXCLUSIVE),
    N(EPOLLWAKEUP), N(EPOLLONESHOT), N(EPOLLET),
};
constexpr ValueName epoll_create_flags[] = {
    N(EPOLL_CLOEXEC),
};
constexpr ValueName poll_events[] = {
    N(POLLIN), N(POLLPRI), N(POLLOUT), N(POLLERR), N(POLLHUP), N(POLLNVAL), N(POLLRDNORM),
    N(POLLRDBAND), N(POLLWRNORM), N(POLLWRBAND), N(POLLMSG), N(POLLREMOVE), N(POLLRDHUP),
};
constexpr ValueName eventfd_flags[] = {
    N(EFD_SEMAPHORE), N(EFD_CLOEXEC), N(EFD_NONBLOCK),
};
constexpr ValueName signalfd_flags[] = {
    N(SFD_CLOEXEC), N(SFD_NONBLOCK),
};
constexpr ValueName timerfd_flags[] = {
    N(TFD_TIMER_ABSTIME), N(TFD_TIMER_CANCEL_ON_SET), N(TFD_CLOEXEC), N(TFD_NONBLOCK),
};
constexpr ValueName inotify_flags[] = {
    N(IN_CLOEXEC), N(IN_NONBLOCK),
};
constexpr ValueName inotify_mask[] = {
    N(IN_ACCESS), N(IN_MODIFY), N(IN_ATTRIB), N(IN_CLOSE_WRITE), N(IN_CLOSE_NOWRITE), N(IN_OPEN),
    N(IN_MOVED_FROM), N(IN_MOVED_TO), N(IN_CREATE), N(IN_DELETE), N(IN_DELETE_SELF),
    N(IN_MOVE_SELF), N(IN_ONLYDIR), N(IN_DONT_FOLLOW), N(IN_EXCL_UNLINK), N(IN_MASK_ADD),
    N(IN_ONESHOT),
};
constexpr ValueName clock_id[] = {
    N(CLOCK_REALTIME), N(CLOCK_MONOTONIC), N(CLOCK_PROCESS_CPUTIME_ID), N(CLOCK_THREAD_CPUTIME_ID),
    N(CLOCK_MONOTONIC_RAW), N(CLOCK_REALTIME_COARSE), N(CLOCK_MONOTONIC_COARSE), N(CLOCK_BOOTTIME),
    N(CLOCK_REALTIME_ALARM), N(CLOCK_BOOTTIME_ALARM), N(CLOCK_TAI),
};
constexpr ValueName timer_flags[] = {
    N(TIMER_ABSTIME),
};
constexpr ValueName itimer_which[] = {
    N(ITIMER_REAL), N(ITIMER_VIRTUAL), N(ITIMER_PROF),
};
constexpr ValueName rlimit_resource[] = {
    N(RLIMIT_CPU), N(RLIMIT_FSIZE), N(RLIMIT_DATA), N(RLIMIT_STACK), N(RLIMIT_CORE), N(RLIMIT_RSS),
    N(RLIMIT_NPROC), N(RLIMIT_NOFILE), N(RLIMIT_MEMLOCK), N(RLIMIT_AS), N(RLIMIT_LOCKS),
    N(RLIMIT_SIGPENDING), N(RLIMIT_MSGQUEUE), N(RLIMIT_NICE), N(RLIMIT_RTPRIO), N(RLIMIT_RTTIME),
};
constexpr ValueName rusage_who[] = {
    N(RUSAGE_CHILDREN), N(RUSAGE_SELF), N(RUSAGE_THREAD),
};
constexpr ValueName prio_which[] = {
    N(PRIO_PROCESS), N(PRIO_PGRP), N(PRIO_USER),
};
constexpr ValueName sched_policy[] = {
    N(SCHED_OTHER), N(SCHED_FIFO), N(SCHED_RR), N(SCHED_BATCH), N(SCHED_IDLE), N(SCHED_DEADLINE),
};
constexpr ValueName futex_op[] = {
    N(FUTEX_WAIT), N(FUTEX_WAKE), N(FUTEX_FD), N(FUTEX_REQUEUE), N(FUTEX_CMP_REQUEUE),
    N(FUTEX_WAKE_OP), N(FUTEX_LOCK_PI), N(FUTEX_UNLOCK_PI), N(FUTEX_TRYLOCK_PI),
    N(FUTEX_WAIT_BITSET), N(FUTEX_WAKE_BITSET), N(FUTEX_WAIT_REQUEUE_PI), N(FUTEX_CMP_REQUEUE_PI),
    N(FUTEX_LOCK_PI2),
};
constexpr ValueName prctl_op[] = {
    N(PR_SET_PDEATHSIG), N(PR_GET_PDEATHSIG), N(PR_GET_DUMPABLE), N(PR_SET_DUMPABLE),
    N(PR_GET_UNALIGN), N(PR_SET_UNALIGN), N(PR_GET_KEEPCAPS), N(PR_SET_KEEPCAPS), N(PR_GET_FPEMU),
    N(PR_SET_FPEMU), N(PR_GET_FPEXC), N(PR_SET_FPEXC), N(PR_GET_TIMING), N(PR_SET_TIMING),
    N(PR_SET_NAME), N(PR_GET_NAME), N(PR_GET_ENDIAN), N(PR_SET_ENDIAN), N(PR_GET_SECCOMP),
    N(PR_SET_SECCOMP), N(PR_CAPBSET_READ), N(PR_CAPBSET_DROP), N(PR_GET_TSC), N(PR_SET_TSC),
    N(PR_GET_SECUREBITS), N(PR_SET_SECUREBITS), N(PR_SET_TIMERSLACK), N(PR_GET_TIMERSLACK),
    N(PR_SET_MM), N(PR_SET_CHILD_SUBREAPER), N(PR_GET_CHILD_SUBREAPER), N(PR_SET_NO_NEW_PRIVS),
    N(PR_GET_NO_NEW_PRIVS), N(PR_GET_TID_ADDRESS), N(PR_SET_THP_DISABLE), N(PR_GET_THP_DISABLE),
    N(PR_MPX_ENABLE_MANAGEMENT), N(PR_MPX_DISABLE_MANAGEMENT), N(PR_SET_FP_MODE), N(PR_GET_FP_MODE),
    N(PR_CAP_AMBIENT), N(PR_GET_SPECULATION_CTRL), N(PR_SET_SPECULATION_CTRL),
    N(PR_SET_TAGGED_ADDR_CTRL), N(PR_GET_TAGGED_ADDR_CTRL), N(PR_SET_IO_FLUSHER),
    N(PR_GET_IO_FLUSHER), N(PR_SET_SYSCALL_USER_DISPATCH), N(PR_SCHED_CORE), N(PR_SET_VMA),
    N(PR_SET_PTRACER),
};
constexpr ValueName arch_prctl_op[] = {
    N(ARCH_SET_GS), N(ARCH_SET_FS), N(ARCH_GET_FS), N(ARCH_GET_GS), N(ARCH_GET_CPUID),
    N(ARCH_SET_CPUID),
};
constexpr ValueName ioctl_cmd[] = {
    N(TCGETS), {"SNDCTL_TMR_START or TCSETS", 0x5402}, {"SNDCTL_TMR_STOP or TCSETSW", 0x5403}, {"SNDCTL_TMR_CONTINUE or TCSETSF", 0x5404},
    {"TCGETS2", 0x802c542a}, {"TCSETS2", 0x402c542b}, {"TCSETSW2", 0x402c542c}, {"TCSETSF2", 0x402c542d}, N(TCSBRK), N(TCXONC), N(TCFLSH), N(TIOCEXCL),
    N(TIOCNXCL), N(TIOCSCTTY), N(TIOCGPGRP), N(TIOCSPGRP), N(TIOCOUTQ), N(TIOCSTI), N(TIOCGWINSZ),
    N(TIOCSWINSZ), N(TIOCMGET), N(TIOCMBIS), N(TIOCMBIC), N(TIOCMSET), N(TIOCGSOFTCAR),
    N(TIOCSSOFTCAR), N(TIOCLINUX), N(TIOCCONS), N(TIOCGSERIAL), N(TIOCSSERIAL), N(TIOCPKT),
    N(TIOCNOTTY), N(TIOCSETD), N(TIOCGETD), N(TIOCSBRK), N(TIOCCBRK), N(TIOCGSID), N(TIOCGRS485),
    N(TIOCSRS485), N(TIOCVHANGUP), N(TIOCGPTPEER), N(TIOCSERCONFIG), N(TIOCSERGWILD),
    N(TIOCSERSWILD), N(TIOCGLCKTRMIOS), N(TIOCSLCKTRMIOS), N(TIOCSERGSTRUCT), N(TIOCSERGETLSR),
    N(TIOCSERGETMULTI), N(TIOCSERSETMULTI), N(TIOCMIWAIT), N(TIOCGICOUNT), N(TIOCSPTLCK),
    N(TIOCSIG), N(TIOCGPTN), N(TIOCGDEV), N(TIOCGPKT), N(TIOCGPTLCK), N(TIOCGEXCL), N(FIONREAD),
    N(FIONBIO), N(FIONCLEX), N(FIOCLEX), N(FIOASYNC), N(SIOCSPGRP), N(SIOCGPGRP), N(SIOCATMARK),
    N(SIOCGSTAMP), N(SIOCGSTAMPNS), N(SIOCADDRT), N(SIOCDELRT), N(SIOCRTMSG), N(SIOCGIFNAME),
    N(SIOCSIFLINK), N(SIOCGIFCONF), N(SIOCGIFFLAGS), N(SIOCSIFFLAGS), N(SIOCGIFADDR),
    N(SIOCSIFADDR), N(SIOCGIFDSTADDR), N(SIOCSIFDSTADDR), N(SIOCGIFBRDADDR), N(SIOCSIFBRDADDR),
    N(SIOCGIFNETMASK), N(SIOCSIFNETMASK), N(SIOCGIFMETRIC), N(SIOCSIFMETRIC), N(SIOCGIFMEM),
    N(SIOCSIFMEM), N(SIOCGIFMTU), N(SIOCSIFMTU), N(SIOCSIFNAME), N(SIOCSIFHWADDR), N(SIOCGIFENCAP),
    N(SIOCSIFENCAP), N(SIOCGIFHWADDR), N(SIOCGIFSLAVE), N(SIOCSIFSLAVE), N(SIOCADDMULTI),
    N(SIOCDELMULTI), N(SIOCGIFINDEX), N(SIOCSIFPFLAGS), N(SIOCGIFPFLAGS), N(SIOCDIFADDR),
    N(SIOCSIFHWBROADCAST), N(SIOCGIFCOUNT), N(SIOCGIFBR), N(SIOCSIFBR), N(SIOCGIFTXQLEN),
    N(SIOCSIFTXQLEN), N(SIOCETHTOOL), N(SIOCGMIIPHY), N(SIOCGMIIREG), N(SIOCSMIIREG), N(SIOCWANDEV),
    N(SIOCOUTQNSD), N(SIOCGSKNS), N(SIOCDARP), N(SIOCGARP), N(SIOCSARP), N(SIOCDRARP), N(SIOCGRARP),
    N(SIOCSRARP), N(SIOCGIFMAP), N(SIOCSIFMAP), N(SIOCADDDLCI), N(SIOCDELDLCI), N(SIOCGIFVLAN),
    N(SIOCSIFVLAN), N(SIOCBONDENSLAVE), N(SIOCBONDRELEASE), N(SIOCBONDSETHWADDR),
    N(SIOCBONDSLAVEINFOQUERY), N(SIOCBONDINFOQUERY), N(SIOCBONDCHANGEACTIVE), N(SIOCBRADDBR),
    N(SIOCBRDELBR), N(SIOCBRADDIF), N(SIOCBRDELIF), N(SIOCSHWTSTAMP), N(SIOCGHWTSTAMP),
    N(SIOCGSTAMP_NEW), N(SIOCGSTAMPNS_NEW), N(BLKROSET), N(BLKROGET), N(BLKRRPART), N(BLKGETSIZE),
    N(BLKFLSBUF), N(BLKSSZGET), N(BLKDISCARD), N(BLKIOMIN), N(BLKIOOPT), N(BLKALIGNOFF),
    N(BLKPBSZGET), N(BLKZEROOUT), N(BLKBSZGET), N(BLKGETSIZE64), N(FICLONE), N(FICLONERANGE),
    N(FS_IOC_SETFLAGS), N(FS_IOC_GETFLAGS), N(FS_IOC_GETVERSION), N(FS_IOC_FSGETXATTR),
    N(RNDZAPENTCNT), N(RNDCLEARPOOL), N(RNDRESEEDCRNG), N(RNDADDTOENTCNT), N(RNDADDENTROPY),
    N(RNDGETENTCNT),
};
constexpr ValueName membarrier_cmd[] = {
    N(MEMBARRIER_CMD_QUERY), N(MEMBARRIER_CMD_GLOBAL), N(MEMBARRIER_CMD_GLOBAL_EXPEDITED),
    N(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED), N(MEMBARRIER_CMD_PRIVATE_EXPEDITED),
    N(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED), N(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE),
    N(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE),
    N(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ), N(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ),
};
constexpr ValueName rseq_flags[] = {
    N(RSEQ_FLAG_UNREGISTER),
};
constexpr ValueName getrandom_flags[] = {
    N(GRND_NONBLOCK), N(GRND_RANDOM), N(GRND_INSECURE),
};
constexpr ValueName mount_flags[] = {
    N(MS_RDONLY), N(MS_NOSUID), N(MS_NODEV), N(MS_NOEXEC), N(MS_SYNCHRONOUS), N(MS_REMOUNT),
    N(MS_MANDLOCK), N(MS_DIRSYNC), N(MS_NOSYMFOLLOW), N(MS_NOATIME), N(MS_NODIRATIME), N(MS_BIND),
    N(MS_MOVE), N(MS_REC), N(MS_SILENT), N(MS_POSIXACL), N(MS_UNBINDABLE), N(MS_PRIVATE),
    N(MS_SLAVE), N(MS_SHARED), N(MS_RELATIME), N(MS_KERNMOUNT), N(MS_I_VERSION), N(MS_STRICTATIME),
    N(MS_LAZYTIME),
};
constexpr ValueName umount_flags[] = {
    N(MNT_FORCE), N(MNT_DETACH), N(MNT_EXPIRE), N(UMOUNT_NOFOLLOW),
};
constexpr ValueName reboot_cmd[] = {
    N(LINUX_REBOOT_CMD_CAD_OFF), N(LINUX_REBOOT_CMD_RESTART), N(LINUX_REBOOT_CMD_POWER_OFF),
    N(LINUX_REBOOT_CMD_KEXEC), N(LINUX_REBOOT_CMD_CAD_ON), N(LINUX_REBOOT_CMD_RESTART2),
    N(LINUX_REBOOT_CMD_HALT), N(LINUX_REBOOT_CMD_SW_SUSPEND),
};
constexpr ValueName seccomp_op[] = {
    N(SECCOMP_SET_MODE_STRICT), N(SECCOMP_SET_MODE_FILTER), N(SECCOMP_GET_ACTION_AVAIL),
    N(SECCOMP_GET_NOTIF_SIZES),
};
constexpr ValueName pipe_flags[] = {
    N(O_NONBLOCK), N(O_DIRECT), N(O_CLOEXEC),
};
constexpr ValueName file_type[] = {
    N(S_IFSOCK), N(S_IFLNK), N(S_IFREG), N(S_IFBLK), N(S_IFDIR), N(S_IFCHR), N(S_IFIFO),
};
constexpr ValueName pidfd_flags[] = {
    N(O_NONBLOCK),
};
constexpr ValueName accept_flags[] = {
    N(SOCK_CLOEXEC), N(SOCK_NONBLOCK),
};
constexpr ValueName capability[] = {
    N(CAP_CHOWN), N(CAP_DAC_OVERRIDE), N(CAP_DAC_READ_SEARCH), N(CAP_FOWNER), N(CAP_FSETID),
    N(CAP_KILL), N(CAP_SETGID), N(CAP_SETUID), N(CAP_SETPCAP), N(CAP_LINUX_IMMUTABLE),
    N(CAP_NET_BIND_SERVICE), N(CAP_NET_BROADCAST), N(CAP_NET_ADMIN), N(CAP_NET_RAW),
    N(CAP_IPC_LOCK), N(CAP_IPC_OWNER), N(CAP_SYS_MODULE), N(CAP_SYS_RAWIO), N(CAP_SYS_CHROOT),
    N(CAP_SYS_PTRACE), N(CAP_SYS_PACCT), N(CAP_SYS_ADMIN), N(CAP_SYS_BOOT), N(CAP_SYS_NICE),
    N(CAP_SYS_RESOURCE), N(CAP_SYS_TIME), N(CAP_SYS_TTY_CONFIG), N(CAP_MKNOD), N(CAP_LEASE),
    N(CAP_AUDIT_WRITE), N(CAP_AUDIT_CONTROL), N(CAP_SETFCAP), N(CAP_MAC_OVERRIDE), N(CAP_MAC_ADMIN),
    N(CAP_SYSLOG), N(CAP_WAKE_ALARM), N(CAP_BLOCK_SUSPEND), N(CAP_AUDIT_READ), N(CAP_PERFMON),
    N(CAP_BPF), N(CAP_CHECKPOINT_RESTORE),
};
constexpr ValueName ip_protocol[] = {
    N(IPPROTO_IP), N(IPPROTO_ICMP), N(IPPROTO_IGMP), N(IPPROTO_IPIP), N(IPPROTO_TCP),
    N(IPPROTO_EGP), N(IPPROTO_PUP), N(IPPROTO_UDP), N(IPPROTO_IDP), N(IPPROTO_TP), N(IPPROTO_DCCP),
    N(IPPROTO_IPV6), N(IPPROTO_ROUTING), N(IPPROTO_FRAGMENT), N(IPPROTO_RSVP), N(IPPROTO_GRE),
    N(IPPROTO_ESP), N(IPPROTO_AH), N(IPPROTO_ICMPV6), N(IPPROTO_NONE), N(IPPROTO_DSTOPTS),
    N(IPPROTO_MTP), N(IPPROTO_BEETPH), N(IPPROTO_ENCAP), N(IPPROTO_PIM), N(IPPROTO_COMP),
    N(IPPROTO_SCTP), N(IPPROTO_MH), N(IPPROTO_UDPLITE), N(IPPROTO_MPLS), N(IPPROTO_ETHERNET),
    N(IPPROTO_RAW), N(IPPROTO_MPTCP),
};
constexpr ValueName so_names[] = {
    N(SO_DEBUG), N(SO_REUSEADDR), N(SO_TYPE), N(SO_ERROR), N(SO_DONTROUTE), N(SO_BROADCAST),
    N(SO_SNDBUF), N(SO_RCVBUF), N(SO_KEEPALIVE), N(SO_OOBINLINE), N(SO_NO_CHECK), N(SO_PRIORITY),
    N(SO_LINGER), N(SO_BSDCOMPAT), N(SO_REUSEPORT), N(SO_PASSCRED), N(SO_PEERCRED), N(SO_RCVLOWAT),
    N(SO_SNDLOWAT), {"SO_RCVTIMEO_OLD", 20}, {"SO_SNDTIMEO_OLD", 21}, N(SO_SECURITY_AUTHENTICATION),
    N(SO_SECURITY_ENCRYPTION_TRANSPORT), N(SO_SECURITY_ENCRYPTION_NETWORK), N(SO_BINDTODEVICE),
    N(SO_ATTACH_FILTER), N(SO_DETACH_FILTER), N(SO_PEERNAME), {"SO_TIMESTAMP_OLD", 29}, N(SO_ACCEPTCONN),
    N(SO_PEERSEC), N(SO_SNDBUFFORCE), N(SO_RCVBUFFORCE), N(SO_PASSSEC), {"SO_TIMESTAMPNS_OLD", 35},
    N(SO_MARK), {"SO_TIMESTAMPING_OLD", 37}, N(SO_PROTOCOL), N(SO_DOMAIN), N(SO_RXQ_OVFL), N(SO_WIFI_STATUS),
    N(SO_PEEK_OFF), N(SO_NOFCS), N(SO_LOCK_FILTER), N(SO_SELECT_ERR_QUEUE), N(SO_BUSY_POLL),
    N(SO_MAX_PACING_RATE), N(SO_BPF_EXTENSIONS), N(SO_INCOMING_CPU), N(SO_ATTACH_BPF),
    N(SO_CNX_ADVICE), N(SO_MEMINFO), N(SO_INCOMING_NAPI_ID), N(SO_COOKIE), N(SO_PEERGROUPS),
    N(SO_ZEROCOPY), N(SO_TXTIME), N(SO_BINDTOIFINDEX), N(SO_DETACH_REUSEPORT_BPF),
    N(SO_PREFER_BUSY_POLL), N(SO_BUSY_POLL_BUDGET), N(SO_NETNS_COOKIE), N(SO_BUF_LOCK),
    N(SO_RESERVE_MEM), N(SO_TXREHASH), N(SO_RCVMARK),
};
constexpr ValueName ip_names[] = {
    N(IP_TOS), N(IP_TTL), N(IP_HDRINCL), N(IP_OPTIONS), N(IP_ROUTER_ALERT), N(IP_RECVOPTS),
    N(IP_RETOPTS), N(IP_PKTINFO), N(IP_PKTOPTIONS), N(IP_MTU_DISCOVER), N(IP_RECVERR),
    N(IP_RECVTTL), N(IP_RECVTOS), N(IP_MTU), N(IP_FREEBIND), N(IP_IPSEC_POLICY), N(IP_XFRM_POLICY),
    N(IP_PASSSEC), N(IP_TRANSPARENT), N(IP_ORIGDSTADDR), N(IP_MINTTL), N(IP_NODEFRAG),
    N(IP_CHECKSUM), N(IP_BIND_ADDRESS_NO_PORT), N(IP_RECVFRAGSIZE), N(IP_RECVERR_RFC4884),
    N(IP_MULTICAST_IF), N(IP_MULTICAST_TTL), N(IP_MULTICAST_LOOP), N(IP_ADD_MEMBERSHIP),
    N(IP_DROP_MEMBERSHIP), N(IP_MULTICAST_ALL), N(IP_UNICAST_IF), N(IP_UNBLOCK_SOURCE),
    N(IP_BLOCK_SOURCE), N(IP_ADD_SOURCE_MEMBERSHIP), N(IP_DROP_SOURCE_MEMBERSHIP), N(IP_MSFILTER),
};
constexpr ValueName ipv6_names[] = {
    N(IPV6_ADDRFORM), N(IPV6_2292PKTINFO), N(IPV6_2292HOPOPTS), N(IPV6_2292DSTOPTS),
    N(IPV6_2292RTHDR), N(IPV6_2292PKTOPTIONS), N(IPV6_CHECKSUM), N(IPV6_2292HOPLIMIT),
    N(IPV6_NEXTHOP), N(IPV6_AUTHHDR), N(IPV6_UNICAST_HOPS), N(IPV6_MULTICAST_IF),
    N(IPV6_MULTICAST_HOPS), N(IPV6_MULTICAST_LOOP), N(IPV6_ADD_MEMBERSHIP), N(IPV6_DROP_MEMBERSHIP),
    N(IPV6_ROUTER_ALERT), N(IPV6_MTU_DISCOVER), N(IPV6_MTU), N(IPV6_RECVERR), N(IPV6_V6ONLY),
    N(IPV6_JOIN_ANYCAST), N(IPV6_LEAVE_ANYCAST), N(IPV6_MULTICAST_ALL),
    N(IPV6_ROUTER_ALERT_ISOLATE), N(IPV6_RECVERR_RFC4884), N(IPV6_IPSEC_POLICY),
    N(IPV6_XFRM_POLICY), N(IPV6_HDRINCL), N(IPV6_RECVPKTINFO), N(IPV6_PKTINFO),
    N(IPV6_RECVHOPLIMIT), N(IPV6_HOPLIMIT), N(IPV6_RECVHOPOPTS), N(IPV6_HOPOPTS),
    N(IPV6_RTHDRDSTOPTS), N(IPV6_RECVRTHDR), N(IPV6_RTHDR), N(IPV6_RECVDSTOPTS), N(IPV6_DSTOPTS),
    N(IPV6_RECVPATHMTU), N(IPV6_PATHMTU), N(IPV6_DONTFRAG), N(IPV6_RECVTCLASS), N(IPV6_TCLASS),
    N(IPV6_AUTOFLOWLABEL), N(IPV6_ADDR_PREFERENCES), N(IPV6_MINHOPCOUNT), N(IPV6_ORIGDSTADDR),
    N(IPV6_TRANSPARENT), N(IPV6_UNICAST_IF), N(IPV6_RECVFRAGSIZE), N(IPV6_FREEBIND),
};
constexpr ValueName tcp_names[] = {
    N(TCP_NODELAY), N(TCP_MAXSEG), N(TCP_CORK), N(TCP_KEEPIDLE), N(TCP_KEEPINTVL), N(TCP_KEEPCNT),
    N(TCP_SYNCNT), N(TCP_LINGER2), N(TCP_DEFER_ACCEPT), N(TCP_WINDOW_CLAMP), N(TCP_INFO),
    N(TCP_QUICKACK), N(TCP_CONGESTION), N(TCP_MD5SIG), N(TCP_THIN_LINEAR_TIMEOUTS),
    N(TCP_THIN_DUPACK), N(TCP_USER_TIMEOUT), N(TCP_REPAIR), N(TCP_FASTOPEN), N(TCP_TIMESTAMP),
    N(TCP_NOTSENT_LOWAT), N(TCP_CC_INFO), N(TCP_SAVE_SYN), N(TCP_SAVED_SYN),
    N(TCP_FASTOPEN_CONNECT), N(TCP_ULP), N(TCP_FASTOPEN_KEY), N(TCP_FASTOPEN_NO_COOKIE),
    N(TCP_ZEROCOPY_RECEIVE), N(TCP_INQ), N(TCP_TX_DELAY),
};
constexpr ValueName shm_get_flags[] = {N(IPC_CREAT), N(IPC_EXCL), N(SHM_HUGETLB), N(SHM_NORESERVE)};
constexpr ValueName ipc_get_flags[] = {N(IPC_CREAT), N(IPC_EXCL), N(IPC_NOWAIT)};
constexpr ValueName shm_at_flags[] = {N(SHM_RDONLY), N(SHM_RND), N(SHM_REMAP), N(SHM_EXEC)};
constexpr ValueName sem_flags[] = {N(SEM_UNDO), N(IPC_NOWAIT)};
constexpr ValueName msg_op_flags[] = {N(MSG_NOERROR), N(MSG_EXCEPT), N(MSG_COPY), N(IPC_NOWAIT)};
constexpr ValueName shm_cmd[] = {
    N(IPC_RMID), N(IPC_SET), N(IPC_STAT), N(IPC_INFO), N(SHM_LOCK), N(SHM_UNLOCK), N(SHM_STAT), N(SHM_INFO), N(SHM_STAT_ANY),
};
constexpr ValueName sem_cmd[] = {
    N(IPC_RMID), N(IPC_SET), N(IPC_STAT), N(IPC_INFO), N(GETPID), N(GETVAL), N(GETALL), N(GETNCNT), N(GETZCNT), N(SETVAL), N(SETALL),
    N(SEM_STAT), N(SEM_INFO), N(SEM_STAT_ANY),
};
constexpr ValueName msg_cmd[] = {
    N(IPC_RMID), N(IPC_SET), N(IPC_STAT), N(IPC_INFO), N(MSG_STAT), N(MSG_INFO), N(MSG_STAT_ANY),
};
constexpr ValueName sigev_notify[] = {
    N(SIGEV_SIGNAL), N(SIGEV_NONE), N(SIGEV_THREAD), N(SIGEV_THREAD_ID),
};
constexpr ValueName udp_names[] = {
    N(UDP_CORK), N(UDP_ENCAP), N(UDP_NO_CHECK6_TX), N(UDP_NO_CHECK6_RX), N(UDP_SEGMENT), N(UDP_GRO),
};
constexpr ValueName seal_flags[] = {N(F_SEAL_SEAL), N(F_SEAL_SHRINK), N(F_SEAL_GROW), N(F_SEAL_WRITE), N(F_SEAL_FUTURE_WRITE)};
constexpr ValueName resolve_flags[] = {
    N(RESOLVE_NO_XDEV), N(RESOLVE_NO_MAGICLINKS), N(RESOLVE_NO_SYMLINKS), N(RESOLVE_BENEATH), N(RESOLVE_IN_ROOT), N(RESOLVE_CACHED),
};
constexpr ValueName statx_attributes[] = {
    N(STATX_ATTR_COMPRESSED), N(STATX_ATTR_IMMUTABLE), N(STATX_ATTR_APPEND), N(STATX_ATTR_NODUMP), N(STATX_ATTR_ENCRYPTED), N(STATX_ATTR_AUTOMOUNT), N(STATX_ATTR_MOUNT_ROOT), N(STATX_ATTR_VERITY),
    N(STATX_ATTR_DAX),
};
constexpr ValueName file_system[] = {
    {"DEVPTS_SUPER_MAGIC", 0x1cd1}, {"PROC_SUPER_MAGIC", 0x9fa0}, {"EXT2_SUPER_MAGIC", 0xef53}, {"CGROUP_SUPER_MAGIC", 0x27e0eb}, {"TMPFS_MAGIC", 0x1021994}, {"V9FS_MAGIC", 0x1021997},
    {"ANON_INODE_FS_MAGIC", 0x9041934}, {"PIPEFS_MAGIC", 0x50495045}, {"SOCKFS_MAGIC", 0x534f434b}, {"SYSFS_MAGIC", 0x62656572}, {"CGROUP2_SUPER_MAGIC", 0x63677270}, {"FUSE_SUPER_MAGIC", 0x65735546},
    {"NSFS_MAGIC", 0x6e736673}, {"OVERLAYFS_SUPER_MAGIC", 0x794c7630}, {"RAMFS_MAGIC", 0x858458f6}, {"HUGETLBFS_MAGIC", 0x958458f6}, {"XFS_SUPER_MAGIC", 0x58465342}, {"BTRFS_SUPER_MAGIC", 0x9123683e},
};
constexpr ValueName personality_flags[] = {
    {"UNAME26", 0x20000}, {"ADDR_NO_RANDOMIZE", 0x40000}, {"FDPIC_FUNCPTRS", 0x80000}, {"MMAP_PAGE_ZERO", 0x100000}, {"ADDR_COMPAT_LAYOUT", 0x200000}, {"READ_IMPLIES_EXEC", 0x400000},
    {"ADDR_LIMIT_32BIT", 0x800000}, {"SHORT_INODE", 0x1000000}, {"WHOLE_SECONDS", 0x2000000}, {"STICKY_TIMEOUTS", 0x4000000}, {"ADDR_LIMIT_3GB", 0x8000000},
};
#undef N

constexpr const char* signal_names[] = {"",
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
    "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
    "WINCH", "IO", "PWR", "SYS"};

} // namespace

NameList name_list(NameTable table) {
    switch (table) {
    case NameTable::open_flags: return {open_flags, "O_?\??", nullptr};
    case NameTable::prot_flags: return {prot_flags, "PROT_?\??", "PROT_NONE"};
    case NameTable::mmap_flags: return {mmap_flags, "MAP_?\??", nullptr};
    case NameTable::mremap_flags: return {mremap_flags, "MREMAP_?\??", nullptr};
    case NameTable::msync_flags: return {msync_flags, "MS_?\??", nullptr};
    case NameTable::mlock_flags: return {mlock_flags, "MLOCK_?\??", nullptr};
    case NameTable::mlockall_flags: return {mlockall_flags, "MCL_?\??", nullptr};
    case NameTable::madvise_advice: return {madvise_advice, "MADV_?\??", nullptr};
    case NameTable::memfd_flags: return {memfd_flags, "MFD_?\??", nullptr};
    case NameTable::clone_flags: return {clone_flags, "CLONE_?\??", nullptr};
    case NameTable::unshare_flags: return {unshare_flags, "CLONE_?\??", nullptr};
    case NameTable::wait_options: return {wait_options, "W?\??", nullptr};
    case NameTable::wait_id_type: return {wait_id_type, "P_?\??", nullptr};
    case NameTable::at_flags: return {at_flags, "AT_?\??", nullptr};
    case NameTable::statx_flags: return {statx_flags, "AT_?\??", "AT_STATX_SYNC_AS_STAT"};
    case NameTable::statx_mask: return {statx_mask, "STATX_?\??", nullptr};
    case NameTable::access_mode: return {access_mode, "?_OK", "F_OK"};
    case NameTable::whence: return {whence, "SEEK_?\??", nullptr};
    case NameTable::fcntl_cmd: return {fcntl_cmd, "F_?\??", nullptr};
    case NameTable::flock_op: return {flock_op, "LOCK_?\??", nullptr};
    case NameTable::fd_flags: return {fd_flags, "FD_?\??", nullptr};
    case NameTable::fallocate_mode: return {fallocate_mode, "FALLOC_FL_?\??", nullptr};
    case NameTable::fadvise_advice: return {fadvise_advice, "POSIX_FADV_?\??", nullptr};
    case NameTable::rename_flags: return {rename_flags, "RENAME_?\??", nullptr};
    case NameTable::rwf_flags: return {rwf_flags, "RWF_?\??", nullptr};
    case NameTable::splice_flags: return {splice_flags, "SPLICE_F_?\??", nullptr};
    case NameTable::close_range_flags: return {close_range_flags, "CLOSE_RANGE_?\??", nullptr};
    case NameTable::sync_range_flags: return {sync_range_flags, "SYNC_FILE_RANGE_?\??", nullptr};
    case NameTable::xattr_flags: return {xattr_flags, "XATTR_?\??", nullptr};
    case NameTable::sig_how: return {sig_how, "SIG_?\??", nullptr};
    case NameTable::sa_flags: return {sa_flags, "SA_?\??", nullptr};
    case NameTable::ss_flags: return {ss_flags, "SS_?\??", nullptr};
    case NameTable::sock_family: return {sock_family, "AF_?\??", nullptr};
    case NameTable::sock_type: return {sock_type, "SOCK_?\??", nullptr};
    case NameTable::sock_level: return {sock_level, "SOL_?\?", nullptr};
    case NameTable::msg_flags: return {msg_flags, "MSG_?\??", nullptr};
    case NameTable::shutdown_how: return {shutdown_how, "SHUT_?\??", nullptr};
    case NameTable::epoll_op: return {epoll_op, "EPOLL_CTL_?\??", nullptr};
    case NameTable::epoll_events: return {epoll_events, "EPOLL?\??", nullptr};
    case NameTable::epoll_create_flags: return {epoll_create_flags, "EPOLL_?\??", nullptr};
    case NameTable::poll_events: return {poll_events, "POLL?\??", nullptr};
    case NameTable::eventfd_flags: return {eventfd_flags, "EFD_?\??", nullptr};
    case NameTable::signalfd_flags: return {signalfd_flags, "SFD_?\??", nullptr};
    case NameTable::timerfd_create_flags:
    case NameTable::timerfd_set_flags: return {timerfd_flags, "TFD_?\??", nullptr};
    case NameTable::inotify_flags: return {inotify_flags, "IN_?\??", nullptr};
    case NameTable::inotify_mask: return {inotify_mask, "IN_?\??", nullptr};
    case NameTable::clock_id: return {clock_id, "CLOCK_?\??", nullptr};
    case NameTable::timer_flags: return {timer_flags, "TIMER_?\??", nullptr};
    case NameTable::itimer_which: return {itimer_which, "ITIMER_?\??", nullptr};
    case NameTable::rlimit_resource: return {rlimit_resource, "RLIMIT_?\??", nullptr};
    case NameTable::rusage_who: return {rusage_who, "RUSAGE_?\??", nullptr};
    case NameTable::prio_which: return {prio_which, "PRIO_?\??", nullptr};
    case NameTable::sched_policy: return {sched_policy, "SCHED_?\??", nullptr};
    case NameTable::sched_flags: return {{}, "SCHED_FLAG_?\??", nullptr};
    case NameTable::futex_op: return {futex_op, "FUTEX_?\??", nullptr};
    case NameTable::futex_flags: return {{}, "FUTEX_?\??", nullptr};
    case NameTable::prctl_op: return {prctl_op, "PR_?\??", nullptr};
    case NameTable::arch_prctl_op: return {arch_prctl_op, "ARCH_?\??", nullptr};
    case NameTable::ioctl_cmd: return {ioctl_cmd, "IOCTL_?\??", nullptr};
    case NameTable::membarrier_cmd: return {membarrier_cmd, "MEMBARRIER_CMD_?\??", nullptr};
    case NameTable::membarrier_flags: return {{}, "MEMBARRIER_CMD_FLAG_?\??", nullptr};
    case NameTable::rseq_flags: return {rseq_flags, "RSEQ_FLAG_?\??", nullptr};
    case NameTable::getrandom_flags: return {getrandom_flags, "GRND_?\??", nullptr};
    case NameTable::mount_flags: return {mount_flags, "MS_?\??", nullptr};
    case NameTable::umount_flags: return {umount_flags, "MNT_?\??", nullptr};
    case NameTable::reboot_cmd: return {reboot_cmd, "LINUX_REBOOT_CMD_?\??", nullptr};
    case NameTable::seccomp_op: return {seccomp_op, "SECCOMP_SET_MODE_?\??", nullptr};
    case NameTable::ptrace_op: return {{}, "PTRACE_?\??", nullptr};
    case NameTable::pipe_flags: return {pipe_flags, "O_?\??", nullptr};
    case NameTable::file_type: return {file_type, "S_?\??", nullptr};
    case NameTable::pidfd_flags: return {pidfd_flags, "PIDFD_?\??", nullptr};
    case NameTable::accept_flags: return {accept_flags, "SOCK_?\??", nullptr};
    case NameTable::capability: return {capability, "CAP_?\??", nullptr};
    case NameTable::shm_get_flags: return {shm_get_flags, "SHM_?\??", nullptr};
    case NameTable::sem_get_flags:
    case NameTable::msg_get_flags: return {ipc_get_flags, "IPC_?\??", nullptr};
    case NameTable::shm_at_flags: return {shm_at_flags, "SHM_?\??", nullptr};
    case NameTable::sem_flags: return {sem_flags, "SEM_?\??", nullptr};
    case NameTable::msg_op_flags: return {msg_op_flags, "MSG_?\??", nullptr};
    case NameTable::shm_cmd: return {shm_cmd, "SHM_?\??", nullptr};
    case NameTable::sem_cmd: return {sem_cmd, "SEM_?\??", nullptr};
    case NameTable::msg_cmd: return {msg_cmd, "MSG_?\??", nullptr};
    case NameTable::sigev_notify: return {sigev_notify, "SIGEV_?\??", nullptr};
    case NameTable::ip_protocol: return {ip_protocol, "IPPROTO_?\??", nullptr};
    case NameTable::so_names: return {so_names, "SO_?\??", nullptr};
    case NameTable::ip_names: return {ip_names, "IP_?\??", nullptr};
    case NameTable::ipv6_names: return {ipv6_names, "IPV6_?\??", nullptr};
    case NameTable::tcp_names: return {tcp_names, "TCP_?\??", nullptr};
    case NameTable::udp_names: return {udp_names, "UDP_?\??", nullptr};
    case NameTable::seal_flags: return {seal_flags, "F_SEAL_?\??", nullptr};
    case NameTable::resolve_flags: return {resolve_flags, "RESOLVE_?\??", nullptr};
    case NameTable::statx_attributes: return {statx_attributes, "STATX_ATTR_?\??", nullptr};
    case NameTable::file_system: return {file_system, "?\??_MAGIC", nullptr};
    case NameTable::personality: return {personality_flags, "PER_?\??", nullptr};
    default: return {{}, "?\??", nullptr};
    }
}

const char* value_name(NameTable table, uint64_t value) {
    for (const ValueName& n : name_list(table).names)
        if (n.value == value) return n.name;
    return nullptr;
}

namespace {

void put_flags_after(TraceText& out, const NameList& list, uint64_t bits, uint64_t left, const char* separator) {
    for (const ValueName& n : list.names) {
        if (n.value == 0 || (left & n.value) != n.value) continue;
        out.put(separator);
        out.put(n.name);
        left &= ~n.value;
        separator = "|";
    }
    if (left) {
        out.put(separator);
        out.hex(left);
        if (left == bits && list.names.size()) {
            out.put(" /* ");
            out.put(list.unknown);
            out.put(" */");
        }
    } else if (!*separator) {
        out.put(list.zero ? list.zero : "0");
    }
}

} // namespace

void put_flags(TraceText& out, const NameList& list, uint64_t bits) { put_flags_after(out, list, bits, bits, ""); }

void put_flags(TraceText& out, NameTable table, uint64_t bits) {
    const NameList list = name_list(table);
    const char* separator = "";
    uint64_t left = bits;
    if (table == NameTable::open_flags) {
        static constexpr const char* access[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};
        out.put(access[bits & 3]);
        left &= ~uint64_t(3);
        separator = "|";
    } else if (table == NameTable::mmap_flags) {
        static constexpr const char* type[] = {"MAP_FILE", "MAP_SHARED", "MAP_PRIVATE", "MAP_SHARED_VALIDATE"};
        if ((bits & MAP_TYPE) < 4) {
            out.put(type[bits & MAP_TYPE]);
            left &= ~uint64_t(MAP_TYPE);
            separator = "|";
        }
        if (const uint64_t size = bits >> 26 & 0x3f) {
            // The logarithm of the huge pages' size stands last.
            const uint64_t rest = left & ~(uint64_t(0x3f) << 26);
            put_flags_after(out, {list.names, list.unknown, ""}, bits, rest, separator);
            out.put('|');
            out.unsigned_decimal(size);
            out.put("<<MAP_HUGE_SHIFT");
            return;
        }
    } else if (table == NameTable::personality) {
        out.put((bits & 0xff) == 0 ? "PER_LINUX" : "");
        if (bits & 0xff) out.hex(bits & 0xff);
        left &= ~uint64_t(0xff);
        separator = "|";
    }
    put_flags_after(out, list, bits, left, separator);
}

void put_enum(TraceText& out, const NameList& list, uint64_t value) {
    for (const ValueName& n : list.names)
        if (n.value == value) return out.put(n.name);
    out.hex(value);
    out.put(" /* ");
    out.put(list.unknown);
    out.put(" */");
}

void put_enum(TraceText& out, NameTable table, uint64_t value) { put_enum(out, name_list(table), value); }

void put_signal(TraceText& out, int64_t signal) {
    if (signal >= 1 && signal <= 31) {
        out.put("SIG");
        out.put(signal_names[signal]);
    } else if (signal >= SIGRTMIN && signal <= SIGRTMAX) {
        out.put(signal == SIGRTMIN ? "SIGRTMIN" : "SIGRT_");
        if (signal != SIGRTMIN) out.decimal(signal - SIGRTMIN);
    } else {
        out.decimal(signal);
    }
}

} // namespace linnet::abi
