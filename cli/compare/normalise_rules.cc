#include "cli/compare/normalise_rules.h"

namespace linnet::cli {
namespace {

constexpr std::string_view number_of_process = "process numbers depend on what else has run on the machine";
constexpr std::string_view clock_value = "the time of day, or time that has passed";
constexpr std::string_view who_runs_when = "how often it is made depends on which thread runs when";
constexpr std::string_view of_the_machine = "tells of the machine or its kernel, not of the call";
constexpr std::string_view computed_timeout = "programs compute it from the clock";
constexpr std::string_view number_of_object = "numbers of System V objects count up for all of the machine";
constexpr std::string_view random_bytes = "random bytes";

constexpr CallRule calls[] = {
    {"getpid", result_place, Subject::process, "", number_of_process},
    {"gettid", result_place, Subject::process, "", number_of_process},
    {"getppid", result_place, Subject::parent, "", number_of_process},
    {"getpgrp", result_place, Subject::process, "", number_of_process},
    {"getpgid", result_place, Subject::process, "", number_of_process},
    {"getpgid", 0, Subject::process, "", number_of_process},
    {"getsid", result_place, Subject::process, "", number_of_process},
    {"getsid", 0, Subject::process, "", number_of_process},
    {"setsid", result_place, Subject::process, "", number_of_process},
    {"setpgid", 0, Subject::process, "", number_of_process},
    {"setpgid", 1, Subject::process, "", number_of_process},
    {"set_tid_address", result_place, Subject::process, "", number_of_process},
    {"clone", result_place, Subject::process, "", number_of_process},
    {"clone3", result_place, Subject::process, "", number_of_process},
    {"fork", result_place, Subject::process, "", number_of_process},
    {"vfork", result_place, Subject::process, "", number_of_process},
    {"wait4", 0, Subject::process, "", number_of_process},
    {"wait4", result_place, Subject::process, "", number_of_process},
    {"waitid", 1, Subject::process, "", number_of_process},
    {"kill", 0, Subject::process, "", number_of_process},
    {"tkill", 0, Subject::process, "", number_of_process},
    {"tgkill", 0, Subject::process, "", number_of_process},
    {"tgkill", 1, Subject::process, "", number_of_process},
    {"rt_sigqueueinfo", 0, Subject::process, "", number_of_process},
    {"rt_tgsigqueueinfo", 0, Subject::process, "", number_of_process},
    {"rt_tgsigqueueinfo", 1, Subject::process, "", number_of_process},
    {"pidfd_open", 0, Subject::process, "", number_of_process},
    {"process_vm_readv", 0, Subject::process, "", number_of_process},
    {"process_vm_writev", 0, Subject::process, "", number_of_process},
    {"get_robust_list", 0, Subject::process, "", number_of_process},
    {"kcmp", 0, Subject::process, "", number_of_process},
    {"kcmp", 1, Subject::process, "", number_of_process},
    {"prlimit64", 0, Subject::process, "", number_of_process},
    {"sched_getaffinity", 0, Subject::process, "", number_of_process},
    {"sched_setaffinity", 0, Subject::process, "", number_of_process},
    {"sched_getparam", 0, Subject::process, "", number_of_process},
    {"sched_setparam", 0, Subject::process, "", number_of_process},
    {"sched_getscheduler", 0, Subject::process, "", number_of_process},
    {"sched_setscheduler", 0, Subject::process, "", number_of_process},
    {"sched_getattr", 0, Subject::process, "", number_of_process},
    {"sched_setattr", 0, Subject::process, "", number_of_process},
    {"sched_rr_get_interval", 0, Subject::process, "", number_of_process},
    {"getpriority", 1, Subject::process, "", number_of_process},
    {"setpriority", 1, Subject::process, "", number_of_process},

    {"time", 0, Subject::word, "[TIME]", clock_value},
    {"time", result_place, Subject::word, "TIME", clock_value},
    {"times", 0, Subject::word, "TIMES", clock_value},
    {"times", result_place, Subject::word, "TIME", clock_value},
    {"clock_gettime", 1, Subject::word, "TIME", clock_value},
    {"gettimeofday", 0, Subject::word, "TIME", clock_value},
    {"getrusage", 1, Subject::word, "RUSAGE", clock_value},
    {"timerfd_gettime", 1, Subject::word, "TIME", clock_value},
    {"timer_gettime", 1, Subject::word, "TIME", clock_value},
    {"getitimer", 1, Subject::word, "TIME", clock_value},

    {"poll", 2, Subject::timeout, "TIMEOUT", computed_timeout},
    {"epoll_wait", 3, Subject::timeout, "TIMEOUT", computed_timeout},
    {"epoll_pwait", 3, Subject::timeout, "TIMEOUT", computed_timeout},
    {"nanosleep", 1, Subject::word, "TIME", clock_value},
    {"clock_nanosleep", 3, Subject::word, "TIME", clock_value},
    {"timerfd_settime", 3, Subject::word, "TIME", clock_value},
    {"timer_settime", 3, Subject::word, "TIME", clock_value},
    {"setitimer", 2, Subject::word, "TIME", clock_value},

    {"shmget", result_place, Subject::word, "ID", number_of_object},
    {"shmat", 0, Subject::word, "ID", number_of_object},
    {"shmctl", 0, Subject::word, "ID", number_of_object},
    {"semget", result_place, Subject::word, "ID", number_of_object},
    {"semop", 0, Subject::word, "ID", number_of_object},
    {"semtimedop", 0, Subject::word, "ID", number_of_object},
    {"semctl", 0, Subject::word, "ID", number_of_object},
    {"msgget", result_place, Subject::word, "ID", number_of_object},
    {"msgsnd", 0, Subject::word, "ID", number_of_object},
    {"msgrcv", 0, Subject::word, "ID", number_of_object},
    {"msgctl", 0, Subject::word, "ID", number_of_object},

    {"getrandom", 0, Subject::word, "RANDOM", random_bytes},

    {"uname", 0, Subject::word, "UTSNAME", of_the_machine},
    {"sysinfo", 0, Subject::word, "SYSINFO", of_the_machine},
    {"getcpu", 0, Subject::word, "[CPU]", of_the_machine},
    {"getcpu", 1, Subject::word, "[NODE]", of_the_machine},
    {"sched_getaffinity", 2, Subject::word, "CPUS", of_the_machine},
    {"sched_getaffinity", result_place, Subject::word, "N", of_the_machine},
    {"statfs", 1, Subject::word, "STATFS", of_the_machine},
    {"fstatfs", 1, Subject::word, "STATFS", of_the_machine},

    {"futex", result_place, Subject::drop, "", who_runs_when},
    {"nanosleep", result_place, Subject::drop, "", who_runs_when},
    {"sched_yield", result_place, Subject::drop, "", who_runs_when},
    {"restart_syscall", result_place, Subject::drop, "", who_runs_when},
};

constexpr FieldRule fields[] = {
    {"si_pid", "", Subject::process, "", number_of_process},
    {"l_pid", "", Subject::process, "", number_of_process},
    {"pid", "", Subject::process, "", number_of_process}, // F_GETOWN_EX, SCM_CREDENTIALS
    {"nl_pid", "", Subject::process, "", number_of_process},
    {"nlmsg_pid", "", Subject::process, "", number_of_process},
    {"parent_tid", "", Subject::process, "", number_of_process},
    {"child_tid", "", Subject::process, "", number_of_process},
    {"sigev_notify_thread_id", "", Subject::process, "", number_of_process},
    {"shm_cpid", "", Subject::process, "", number_of_process},
    {"shm_lpid", "", Subject::process, "", number_of_process},
    {"msg_lspid", "", Subject::process, "", number_of_process},
    {"msg_lrpid", "", Subject::process, "", number_of_process},
    {"stx_mask", "", Subject::word, "MASK", "which fields a file has is its file system's business"},
    {"nlmsg_seq", "", Subject::word, "TIME", "glibc numbers its messages by the time of day"},
    {"si_utime", "", Subject::word, "TIME", clock_value},
    {"si_stime", "", Subject::word, "TIME", clock_value},
    {"ru_utime", "", Subject::word, "TIME", clock_value},
    {"ru_stime", "", Subject::word, "TIME", clock_value},
    {"sem_otime", "", Subject::word, "TIME", clock_value},
    {"sem_ctime", "", Subject::word, "TIME", clock_value},
    {"shm_atime", "", Subject::word, "TIME", clock_value},
    {"shm_dtime", "", Subject::word, "TIME", clock_value},
    {"shm_ctime", "", Subject::word, "TIME", clock_value},
    {"msg_stime", "", Subject::word, "TIME", clock_value},
    {"msg_rtime", "", Subject::word, "TIME", clock_value},
    {"msg_ctime", "", Subject::word, "TIME", clock_value},
};

} // namespace

std::span<const CallRule> call_rules() { return calls; }
std::span<const FieldRule> field_rules() { return fields; }

} // namespace linnet::cli
