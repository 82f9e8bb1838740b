#include "cli/trace/call_set.h"

#include <regex.h>

#include "cli/util/error.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

struct CallClass {
    const char* name;
    const char* calls; // separated by blanks
};

// Source: strace(1) 6.1, and the classes that its %names select on x86-64. A name that is not in syscalls.def would be left out silently;
// a test looks that there is none.
constexpr CallClass classes[] = {
    {"desc", "read write open close fstat poll lseek mmap ioctl pread64 pwrite64 readv writev pipe select dup dup2 sendfile fcntl flock fsync "
             "fdatasync ftruncate getdents fchdir creat fchmod fchown fstatfs readahead fsetxattr fgetxattr flistxattr fremovexattr epoll_create "
             "getdents64 fadvise64 epoll_wait epoll_ctl mq_open mq_timedsend mq_timedreceive mq_notify mq_getsetattr inotify_init inotify_add_watch "
             "inotify_rm_watch openat mkdirat mknodat fchownat futimesat newfstatat unlinkat renameat linkat symlinkat readlinkat fchmodat faccessat "
             "pselect6 ppoll splice tee sync_file_range vmsplice utimensat epoll_pwait signalfd timerfd_create eventfd fallocate timerfd_settime "
             "timerfd_gettime signalfd4 eventfd2 epoll_create1 dup3 pipe2 inotify_init1 preadv pwritev perf_event_open fanotify_init fanotify_mark "
             "name_to_handle_at open_by_handle_at syncfs setns finit_module renameat2 memfd_create kexec_file_load bpf execveat userfaultfd "
             "copy_file_range preadv2 pwritev2 statx pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree move_mount fsopen "
             "fsconfig fsmount fspick pidfd_open openat2 pidfd_getfd faccessat2 process_madvise epoll_pwait2 mount_setattr quotactl_fd "
             "landlock_create_ruleset landlock_add_rule landlock_restrict_self memfd_secret process_mrelease"},
    {"file", "open stat lstat access execve truncate getcwd chdir rename mkdir rmdir creat link unlink symlink readlink chmod chown lchown utime "
             "mknod uselib statfs pivot_root chroot acct mount umount2 swapon swapoff quotactl setxattr lsetxattr getxattr lgetxattr listxattr "
             "llistxattr removexattr lremovexattr utimes inotify_add_watch openat mkdirat mknodat fchownat futimesat newfstatat unlinkat renameat "
             "linkat symlinkat readlinkat fchmodat faccessat utimensat fanotify_mark name_to_handle_at renameat2 execveat statx open_tree "
             "move_mount fsconfig fspick openat2 faccessat2 mount_setattr"},
    {"process", "clone fork vfork execve exit wait4 kill rt_sigqueueinfo tkill exit_group tgkill waitid rt_tgsigqueueinfo execveat "
                "pidfd_send_signal clone3"},
    {"network", "sendfile socket connect accept sendto recvfrom sendmsg recvmsg shutdown bind listen getsockname getpeername socketpair setsockopt "
                "getsockopt getpmsg putpmsg accept4 recvmmsg sendmmsg"},
    {"signal", "rt_sigaction rt_sigprocmask rt_sigreturn pause kill rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend sigaltstack tkill "
               "tgkill signalfd signalfd4 rt_tgsigqueueinfo pidfd_send_signal io_uring_enter"},
    {"ipc", "shmget shmat shmctl semget semop semctl shmdt msgget msgsnd msgrcv msgctl semtimedop"},
    {"memory", "mmap mprotect munmap brk mremap msync mincore madvise shmat shmdt mlock munlock mlockall munlockall io_setup io_destroy "
               "remap_file_pages mbind set_mempolicy get_mempolicy migrate_pages move_pages mlock2 pkey_mprotect io_uring_register "
               "set_mempolicy_home_node"},
    {"creds", "getuid getgid setuid setgid geteuid getegid setreuid setregid getgroups setgroups setresuid getresuid setresgid getresgid setfsuid "
              "setfsgid capget capset prctl"},
    {"clock", "gettimeofday adjtimex settimeofday time clock_settime clock_gettime clock_getres clock_adjtime"},
    {"stat", "stat"},
    {"lstat", "lstat"},
    {"fstat", "fstat newfstatat"},
    {"%stat", "stat fstat lstat newfstatat statx"},
    {"statfs", "statfs"},
    {"fstatfs", "fstatfs"},
    {"%statfs", "ustat statfs fstatfs"},
    {"pure", "getpid getuid getgid geteuid getegid getppid getpgrp gettid"},
};

const CallClass* find_class(std::string_view name) {
    if (name == "net")
        name = "network";
    for (const CallClass& c : classes) {
        if (name == c.name)
            return &c;
    }
    return nullptr;
}

void add_class(const CallClass& c, CallSet& set) {
    for (const std::string& name : split(c.calls, ' ')) {
        if (const int number = call_number(name); number >= 0)
            set.numbers.set(static_cast<std::size_t>(number));
    }
}

void add_matches(const std::string& pattern, CallSet& set) {
    regex_t wanted;
    if (::regcomp(&wanted, pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0)
        throw CommandError("invalid regular expression '" + pattern + "'");
    bool any = false;
    for (std::size_t n = 0; n < set.numbers.size(); ++n) {
        const char* name = known_call_name(static_cast<std::uint32_t>(n));
        if (name && ::regexec(&wanted, name, 0, nullptr, 0) == 0) {
            set.numbers.set(n);
            any = true;
        }
    }
    ::regfree(&wanted);
    if (!any)
        throw CommandError("invalid system call '/" + pattern + "'");
}

void add(const std::string& token, CallSet& set) {
    const bool forgiving = token.starts_with('?');
    const std::string name = token.substr(forgiving ? 1 : 0);
    if (name == "all") {
        set = CallSet::everything();
    } else if (name == "none") {
        return;
    } else if (const auto number = parse_number(name, call_numbers - 1); number && known_call_name(static_cast<std::uint32_t>(*number))) {
        set.numbers.set(*number);
    } else if (name.starts_with('/')) {
        add_matches(name.substr(1), set);
    } else if (const CallClass* c = name.starts_with('%') ? find_class(std::string_view(name).substr(1)) : nullptr) {
        add_class(*c, set);
    } else if (const int known = call_number(name); known >= 0) {
        set.numbers.set(static_cast<std::size_t>(known));
    } else if (const CallClass* old = find_class(name); old && !name.starts_with('%')) {
        add_class(*old, set); // the names without % are older
    } else if (!forgiving) {
        throw CommandError("invalid system call '" + name + "'");
    }
}

} // namespace

CallSet CallSet::everything() {
    CallSet set;
    set.numbers.set();
    set.unknown = true;
    return set;
}

CallSet CallSet::parse(std::string_view text) {
    CallSet set;
    const bool others = text.starts_with('!');
    const std::string_view list = text.substr(others ? 1 : 0);
    if (list.empty())
        throw CommandError(concat("invalid system call '", text, "'"));
    for (const std::string& token : split(list, ','))
        add(token, set);
    if (others) {
        set.numbers.flip();
        set.unknown = !set.unknown;
    }
    return set;
}

std::string CallSet::kernel_text() const {
    std::string text;
    const auto word = [&text](const std::string& more) { text += (text.empty() ? "" : ",") + more; };
    for (std::size_t first = 0; first < numbers.size(); ++first) {
        if (!numbers[first])
            continue;
        std::size_t last = first;
        while (last + 1 < numbers.size() && numbers[last + 1])
            ++last;
        word(first == last ? concat(first) : concat(first, "-", last));
        first = last;
    }
    if (unknown)
        word("unknown");
    return text.empty() ? "none" : text;
}

} // namespace linnet::cli
