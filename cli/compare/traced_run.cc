#include "cli/compare/traced_run.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>

#include "cli/util/error.h"
#include "cli/util/fd.h"
#include "cli/util/paths.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

namespace fs = std::filesystem;

// A temporary file, gone with this object.
class TemporaryFile {
public:
    TemporaryFile() {
        path_ = (fs::temp_directory_path() / "linnet-trace-XXXXXX").string();
        fd_ = Fd(::mkostemp(path_.data(), O_CLOEXEC));
        if (!fd_)
            throw CommandError(concat("cannot make a file in ", fs::temp_directory_path().string(), ": ", error_text(errno)));
    }
    ~TemporaryFile() { ::unlink(path_.c_str()); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    const std::string& path() const { return path_; }
    std::string text() const { return read_file(path_).value_or(""); }

private:
    std::string path_;
    Fd fd_;
};

struct Child {
    std::vector<std::string> argv;
    const std::vector<std::string>* environment = nullptr; // null: this process's
    std::string cwd;                                       // empty: this process's
    std::function<bool()> prepare;                         // in the child, before exec; false: errno says why not
};

struct Ended {
    std::string output, errors; // stdout, stderr
    int status = 0;
    int prepare_error = 0; // errno of `prepare`, or of exec
};

std::vector<char*> pointers(const std::vector<std::string>& words) {
    std::vector<char*> list;
    for (const std::string& word : words)
        list.push_back(const_cast<char*>(word.c_str()));
    list.push_back(nullptr);
    return list;
}

// The first child of a process, by /proc.
pid_t first_child(pid_t pid) {
    const auto list = read_file(concat("/proc/", pid, "/task/", pid, "/children"));
    return list ? static_cast<pid_t>(std::atoi(list->c_str())) : 0;
}

// stdin is a pipe at its end, stdout and stderr are pipes that are read here: as the guest's streams are.
Ended run_child(const Child& child, const TracedProgram& program, const std::function<void(pid_t)>& on_text) {
    int input[2], output[2], errors[2], failure[2];
    if (::pipe2(input, O_CLOEXEC) != 0 || ::pipe2(output, O_CLOEXEC) != 0 || ::pipe2(errors, O_CLOEXEC) != 0 || ::pipe2(failure, O_CLOEXEC) != 0)
        throw CommandError("cannot make a pipe: " + error_text(errno));
    Fd input_read(input[0]), output_read(output[0]), output_write(output[1]), failure_read(failure[0]), failure_write(failure[1]);
    Fd errors_read(errors[0]), errors_write(errors[1]);
    ::close(input[1]);
    const std::vector<char*> argv = pointers(child.argv);
    const std::vector<char*> environment = child.environment ? pointers(*child.environment) : std::vector<char*>();
    const pid_t pid = ::fork();
    if (pid < 0)
        throw CommandError("cannot start a process: " + error_text(errno));
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::dup2(input_read.get(), 0);
        ::dup2(output_write.get(), 1);
        ::dup2(errors_write.get(), 2);
        ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
        const bool ready = (!child.prepare || child.prepare()) && (child.cwd.empty() || ::chdir(child.cwd.c_str()) == 0);
        if (ready)
            ::execve(argv[0], argv.data(), child.environment ? environment.data() : environ);
        const int error = errno;
        [[maybe_unused]] const ssize_t n = ::write(failure_write.get(), &error, sizeof error);
        ::_exit(status_command_failed);
    }
    output_write.reset();
    errors_write.reset();
    failure_write.reset();
    Ended ended;
    if (::read(failure_read.get(), &ended.prepare_error, sizeof ended.prepare_error) != sizeof ended.prepare_error)
        ended.prepare_error = 0;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(program.timeout_s);
    bool told = program.until.empty(), late = false;
    char chunk[4096];
    while (output_read || errors_read) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        pollfd streams[2] = {{output_read.get(), POLLIN, 0}, {errors_read.get(), POLLIN, 0}}; // a closed one is -1: poll ignores it
        const int ready = left.count() <= 0 ? 0 : ::poll(streams, 2, static_cast<int>(left.count()));
        if (ready == 0) {
            // What a killed tracer traced goes on: it goes first.
            late = true;
            if (const pid_t traced = first_child(pid))
                ::kill(traced, SIGKILL);
            ::kill(pid, SIGKILL);
            break;
        }
        if (ready < 0)
            continue;
        for (int i = 0; i < 2; ++i) {
            if (!streams[i].revents)
                continue;
            Fd& stream = i == 0 ? output_read : errors_read;
            const ssize_t n = ::read(stream.get(), chunk, sizeof chunk);
            if (n > 0)
                (i == 0 ? ended.output : ended.errors).append(chunk, static_cast<std::size_t>(n));
            else if (n == 0 || errno != EINTR)
                stream.reset();
        }
        if (!told && ended.output.find(program.until) != std::string::npos) {
            told = true;
            on_text(pid);
        }
    }
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    if (late)
        throw CommandError(concat(child.argv[0], ": not done after ", program.timeout_s, " s (--timeout)"));
    ended.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return ended;
}

// In a mount namespace of its own: the file systems that the guest has too. errno tells of a failure.
bool mount_for(const std::string& rootfs) {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return false;
    return ::mount("proc", (rootfs + "/proc").c_str(), "proc", 0, nullptr) == 0 &&
           ::mount("sysfs", (rootfs + "/sys").c_str(), "sysfs", MS_RDONLY, nullptr) == 0 &&
           ::mount("/dev", (rootfs + "/dev").c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0 &&
           ::mount("tmpfs", (rootfs + "/tmp").c_str(), "tmpfs", 0, nullptr) == 0 &&
           ::mount("tmpfs", (rootfs + "/run").c_str(), "tmpfs", 0, nullptr) == 0;
}

// Open files: as the guest has them; where that needs rights that are not there, what is there stays.
bool set_limits() {
    rlimit files = {1024, 1024 * 1024};
    if (::setrlimit(RLIMIT_NOFILE, &files) != 0 && ::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = std::min<rlim_t>(1024, files.rlim_max);
        ::setrlimit(RLIMIT_NOFILE, &files);
    }
    return true;
}

// The one place that knows where the guest's trace comes from: the words for `linnet`; the trace is in `file` when it has ended.
std::vector<std::string> guest_command(const TracedProgram& program, const std::string& file) {
    std::vector<std::string> words = {"trace", "-f", "-q", "-o", file};
    // -e and -w are strace's there.
    for (const std::string& flag : program.run_flags)
        words.push_back(flag == "-e" ? "--env" : flag == "-w" ? "--workdir" : flag);
    return words;
}

} // namespace

void enter_program(const std::vector<std::string>& words) {
    // As the guest's first process: it leads a session, and orphans come to it.
    ::setsid();
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (words.size() < 3)
        throw CommandError("compare --enter: wanted ROOT CWD PROGRAM");
    if ((words[0] != "/" && ::chroot(words[0].c_str()) != 0) || ::chdir(words[1].c_str()) != 0)
        throw CommandError(concat("cannot enter ", words[0], " ", words[1], ": ", error_text(errno)));
    const std::vector<std::string> argv(words.begin() + 2, words.end());
    ::execve(argv[0].c_str(), pointers(argv).data(), environ);
    throw CommandError(status_cannot_run, concat(argv[0], ": ", error_text(errno)));
}

TracedRun run_on_linux(const TracedProgram& program) {
    const fs::path strace = find_on_path("strace");
    if (strace.empty())
        throw CommandError("compare needs strace on this machine: apt-get install strace");
    const TemporaryFile file;
    TracedRun run;
    run.executions = 2;
    Child child;
    child.prepare = set_limits;
    const std::string self = fs::read_symlink("/proc/self/exe").string(); // of this command, not of strace
    child.argv = {strace.string(), "-f", "-q", "-o", file.path(), "--", self, "compare", "--enter", program.rootfs.empty() ? "/" : program.rootfs, program.cwd};
    child.environment = &program.environment;
    child.cwd = "/";
    if (!program.rootfs.empty()) {
        if (::geteuid() != 0)
            throw CommandError("compare --rootfs runs the program by chroot on Linux, which needs root rights");
        child.prepare = [&program] { return set_limits() && mount_for(program.rootfs); };
    }
    child.argv.push_back(program.path);
    child.argv.insert(child.argv.end(), program.arguments.begin(), program.arguments.end());
    const Ended ended = run_child(child, program, [](pid_t tracer) {
        if (const pid_t traced = first_child(tracer))
            ::kill(traced, SIGTERM);
    });
    if (ended.prepare_error)
        throw CommandError(concat(program.rootfs.empty() ? strace.string() : program.rootfs, ": ", error_text(ended.prepare_error)));
    run.trace = file.text();
    run.output = ended.output;
    run.status = ended.status;
    if (run.trace.find("execve(") == std::string::npos) {
        const std::string& text = ended.errors;
        throw CommandError(concat("strace cannot trace here: ", text.substr(0, text.find('\n'))));
    }
    return run;
}

TracedRun run_in_guest(const TracedProgram& program) {
    const TemporaryFile file;
    Child child;
    child.argv = {"/proc/self/exe"};
    for (std::string& word : guest_command(program, file.path()))
        child.argv.push_back(std::move(word));
    child.argv.push_back(program.path);
    child.argv.insert(child.argv.end(), program.arguments.begin(), program.arguments.end());
    const Ended ended = run_child(child, program, [](pid_t pid) { ::kill(pid, SIGTERM); });
    TracedRun run;
    run.trace = file.text();
    run.output = ended.output;
    run.status = ended.status;
    run.executions = run.trace.substr(0, run.trace.find('\n')).find(" execve(") == std::string::npos ? 0 : 1;
    if (run.status == status_command_failed) {
        // The command's own line, if it was not the program that ended so.
        for (const std::string& line : split(ended.errors, '\n')) {
            if (line.starts_with("linnet: "))
                throw CommandError(line.substr(8));
        }
    }
    return run;
}

} // namespace linnet::cli
