#include "cli/qemu/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>

#include "cli/util/error.h"
#include "cli/util/text.h"

namespace linnet::cli {

pid_t start_child(const std::vector<std::string>& argv, const ChildOptions& options) {
    std::vector<char*> words;
    for (const std::string& word : argv)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    int report[2];
    if (::pipe2(report, O_CLOEXEC) != 0)
        throw CommandError("cannot make a pipe: " + error_text(errno));
    Fd report_read(report[0]), report_write(report[1]);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0)
        throw CommandError("cannot start " + argv[0] + ": " + error_text(errno));
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent)
            ::_exit(1);
        if (options.own_group)
            ::setpgid(0, 0);
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        ::signal(SIGPIPE, SIG_DFL);
        const int null = ::open("/dev/null", O_RDWR);
        const int output = options.error_output >= 0 ? options.error_output : null;
        ::dup2(null, 0);
        ::dup2(output, 1);
        ::dup2(output, 2);
        for (const int fd : options.inherited)
            ::fcntl(fd, F_SETFD, 0);
        ::execvp(words[0], words.data());
        const int error = errno;
        [[maybe_unused]] const ssize_t n = ::write(report_write.get(), &error, sizeof error);
        ::_exit(127);
    }
    report_write.reset();
    int error = 0;
    ssize_t n;
    do
        n = ::read(report_read.get(), &error, sizeof error);
    while (n < 0 && errno == EINTR);
    if (n == static_cast<ssize_t>(sizeof error)) {
        wait_child(pid);
        throw CommandError(concat("cannot start ", argv[0], ": ",
                                  error == ENOENT ? "it is not installed" : error_text(error)));
    }
    return pid;
}

int wait_child(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

int wait_child_until(pid_t pid, int deadline_ms) {
    const Fd watch(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    pollfd item{watch.get(), POLLIN, 0};
    int ready;
    do
        ready = ::poll(&item, 1, deadline_ms);
    while (ready < 0 && errno == EINTR);
    if (ready > 0)
        return wait_child(pid);
    ::kill(pid, SIGKILL);
    wait_child(pid);
    return -1;
}

} // namespace linnet::cli
