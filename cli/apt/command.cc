#include "cli/apt/command.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace linnet::cli {
namespace {

struct Pipe {
    int read_end = -1;
    int write_end = -1;

    Pipe()
    {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0)
            throw std::system_error(errno, std::generic_category(), "pipe");
        read_end = ends[0];
        write_end = ends[1];
    }
    ~Pipe()
    {
        close_end(read_end);
        close_end(write_end);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    static void close_end(int& fd)
    {
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
};

// Between fork and exec: async-signal-safe calls only, the arrays are made before.
[[noreturn]] void exec_child(char* const* argv, char* const* env, const char* cwd, int out, int err)
{
    int null_fd = open("/dev/null", O_RDONLY);
    if (null_fd >= 0)
        dup2(null_fd, 0);
    dup2(out, 1);
    dup2(err, 2);
    if (cwd && chdir(cwd) != 0)
        _exit(126);
    execvpe(argv[0], argv, env);
    _exit(errno == ENOENT ? 127 : 126);
}

std::vector<std::string> merged_environment(const CommandOptions& options)
{
    std::vector<std::string> env;
    for (char** e = environ; *e; ++e) {
        std::string entry = *e;
        bool replaced = false;
        for (const auto& [key, value] : options.env)
            replaced |= entry.starts_with(key + "=");
        if (!replaced)
            env.push_back(std::move(entry));
    }
    for (const auto& [key, value] : options.env)
        env.push_back(key + "=" + value);
    return env;
}

std::vector<char*> pointers(std::vector<std::string>& strings)
{
    std::vector<char*> result;
    for (auto& s : strings)
        result.push_back(s.data());
    result.push_back(nullptr);
    return result;
}

int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void pump(Pipe& out, Pipe& err, const CommandOptions& options, CommandResult& result)
{
    std::vector<char> buffer(1 << 16);
    while (out.read_end >= 0 || err.read_end >= 0) {
        pollfd fds[2] = {{out.read_end, POLLIN, 0}, {err.read_end, POLLIN, 0}};
        if (poll(fds, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            throw std::system_error(errno, std::generic_category(), "poll");
        }
        for (int i = 0; i < 2; ++i) {
            if (!fds[i].revents)
                continue;
            int& fd = i == 0 ? out.read_end : err.read_end;
            ssize_t n = read(fd, buffer.data(), buffer.size());
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                Pipe::close_end(fd);
            else if (i == 1)
                result.err.append(buffer.data(), static_cast<size_t>(n));
            else if (options.on_output)
                options.on_output(std::span<const char>(buffer.data(), static_cast<size_t>(n)));
            else
                result.out.append(buffer.data(), static_cast<size_t>(n));
        }
    }
}

} // namespace

CommandResult run_command(const std::vector<std::string>& argv, const CommandOptions& options)
{
    std::vector<std::string> args = argv;
    std::vector<std::string> env = merged_environment(options);
    std::vector<char*> arg_pointers = pointers(args);
    std::vector<char*> env_pointers = pointers(env);
    const char* cwd = options.cwd.empty() ? nullptr : options.cwd.c_str();

    Pipe out, err;
    pid_t pid = fork();
    if (pid < 0)
        throw std::system_error(errno, std::generic_category(), "fork");
    if (pid == 0)
        exec_child(arg_pointers.data(), env_pointers.data(), cwd, out.write_end, err.write_end);
    Pipe::close_end(out.write_end);
    Pipe::close_end(err.write_end);

    CommandResult result;
    try {
        pump(out, err, options, result);
    } catch (...) {
        kill(pid, SIGKILL);
        wait_for(pid);
        throw;
    }
    result.status = wait_for(pid);
    return result;
}

std::string last_line(const std::string& text)
{
    size_t end = text.find_last_not_of(" \t\r\n");
    if (end == std::string::npos)
        return {};
    size_t begin = text.find_last_of('\n', end);
    begin = begin == std::string::npos ? 0 : begin + 1;
    return text.substr(begin, end + 1 - begin);
}

} // namespace linnet::cli
