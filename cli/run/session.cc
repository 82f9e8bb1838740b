#include "cli/run/session.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <tuple>
#include <utility>

#include "cli/qemu/process.h"
#include "cli/run/channel.h"
#include "cli/symbolize/panic.h"
#include "cli/util/error.h"
#include "cli/util/fd.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

constexpr std::size_t chunk_size = 65536;
constexpr int end_grace_ms = 5000; // from the exit line, or the last output after it, to QEMU's end
constexpr int same_request_ms = 300; // timeout(1) sends its signal to the process and to its group: that is one request

std::int64_t now_ms() {
    timespec now;
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Two connected descriptors: ours (non-blocking) and QEMU's.
std::pair<Fd, Fd> make_channel() {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        throw CommandError("cannot make a socket pair: " + error_text(errno));
    ::fcntl(pair[0], F_SETFL, O_RDWR | O_NONBLOCK);
    return {Fd(pair[0]), Fd(pair[1])};
}

// Puts the terminal into raw mode and back.
class RawTerminal {
public:
    explicit RawTerminal(int fd) : fd_(fd) {
        if (::tcgetattr(fd_, &saved_) != 0)
            return;
        termios raw = saved_;
        ::cfmakeraw(&raw);
        active_ = ::tcsetattr(fd_, TCSANOW, &raw) == 0;
    }
    ~RawTerminal() {
        if (active_)
            ::tcsetattr(fd_, TCSADRAIN, &saved_);
    }
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;
    bool active() const { return active_; }

private:
    int fd_;
    bool active_ = false;
    termios saved_{};
};

// Where program output goes: a descriptor that may be shared with other processes, so it is never made
// non-blocking. A pipe that polls writable takes PIPE_BUF bytes without blocking.
class Sink {
public:
    explicit Sink(int fd) : fd_(fd) {
        struct stat st;
        always_ready_ = ::fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
    }

    ByteQueue queue;

    int fd() const { return fd_; }
    bool wants_write() const { return !queue.empty(); }
    bool broken() const { return broken_; }

    // Writes what can be written without blocking; `ready` is what poll said.
    void write_some(bool ready) {
        while (!queue.empty() && !broken_ && (ready || always_ready_)) {
            const std::string_view bytes = queue.front();
            const std::size_t size = std::min<std::size_t>(bytes.size(), always_ready_ ? bytes.size() : 4096);
            const ssize_t n = ::write(fd_, bytes.data(), size);
            if (n > 0) {
                queue.drop(static_cast<std::size_t>(n));
                if (!always_ready_) {
                    pollfd item{fd_, POLLOUT, 0};
                    ready = ::poll(&item, 1, 0) > 0;
                }
                continue;
            }
            if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
            error = errno;
            broken_ = true;
            queue.clear();
        }
        if (broken_)
            queue.clear();
    }

    int error = 0;

private:
    int fd_;
    bool always_ready_ = false;
    bool broken_ = false;
};

class Session {
public:
    explicit Session(const SessionOptions& options)
        : options_(options), out_(options.stdout_fd), err_(options.stderr_fd) {
        if (options_.trace && options_.trace->descriptor() >= 0)
            trace_out_.emplace(options_.trace->descriptor());
    }

    int run(const std::function<std::vector<std::string>(const GuestChannels&)>& arguments);

private:
    enum : std::size_t { stdio, error, control, serial, qemu, trace, channel_count };

    void start(const std::function<std::vector<std::string>(const GuestChannels&)>& arguments);
    bool step();
    void take_signals();
    void take_stdin();
    bool read_channel(std::size_t which);
    void write_channel(std::size_t which, ByteQueue& queue);
    void take_control(std::string_view line);
    void take_serial(std::string_view line);
    void present_trace();
    void write_trace(bool ready);
    bool output_waits() const { return out_.wants_write() || err_.wants_write() || (trace_out_ && trace_out_->wants_write()); }
    void take_requests();
    void send_control(const std::string& line) { to_control_.put(line + "\n"); }
    void send_window_size();
    void say(const std::string& line);
    void stop_vm(int status);
    // The program runs, so that a signal is for it. Its output may overtake the line that says so.
    bool program_runs() const { return began_ || had_output_; }
    int finish();

    const SessionOptions& options_;
    Sink out_, err_;
    std::optional<Sink> trace_out_; // where the trace goes, if not to err_
    std::array<Fd, channel_count> channels_;
    std::array<LineSplitter, channel_count> lines_;
    LineSplitter requests_;
    Fd signals_;
    pid_t pid_ = -1;
    bool raw_ = false;
    bool stdin_open_ = false;
    bool stdin_is_terminal_ = false;
    std::uint64_t stdin_bytes_ = 0;
    ByteQueue to_stdio_, to_control_;
    bool sent_sigpipe_ = false;
    int interrupts_ = 0;
    std::optional<std::int64_t> terminated_ms_; // the first SIGTERM that was passed on
    std::uint32_t terminated_by_ = 0;           // and its sender
    bool had_output_ = false;
    std::optional<int> status_;      // by exit, signal, fail or our own doing
    std::optional<std::int64_t> deadline_ms_;
    std::optional<int> wait_status_; // of QEMU
    bool began_ = false;
    bool in_panic_ = false;
    std::vector<std::string> panic_;
    std::vector<std::string> qemu_lines_;
};

// All of the command's own lines; in raw mode the terminal needs the carriage return too.
void Session::say(const std::string& line) {
    err_.queue.put(line + (raw_ ? "\r\n" : "\n"));
}

void Session::start(const std::function<std::vector<std::string>(const GuestChannels&)>& arguments) {
    std::array<Fd, channel_count> theirs;
    for (std::size_t i = 0; i < channel_count; ++i) {
        if (i != trace || options_.trace)
            std::tie(channels_[i], theirs[i]) = make_channel();
    }
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGCHLD, SIGUSR1, SIGUSR2})
        ::sigaddset(&set, signal);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGTTIN, SIG_IGN);
    ::signal(SIGTTOU, SIG_IGN);
    signals_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    const GuestChannels inherited{theirs[stdio].get(), theirs[error].get(), theirs[control].get(),
                                  theirs[serial].get(), theirs[trace].get()};
    ChildOptions child;
    child.inherited = {inherited.stdio, inherited.error, inherited.control, inherited.serial};
    if (inherited.trace >= 0)
        child.inherited.push_back(inherited.trace);
    child.error_output = theirs[qemu].get();
    pid_ = start_child(arguments(inherited), child);
    stdin_open_ = options_.stdin_fd >= 0;
    stdin_is_terminal_ = stdin_open_ && ::isatty(options_.stdin_fd);
    if (!stdin_open_)
        send_control("eof 0");
}

void Session::send_window_size() {
    winsize size{};
    if (::ioctl(options_.stdin_fd, TIOCGWINSZ, &size) == 0 && size.ws_row != 0 && size.ws_col != 0)
        send_control(concat("winsize ", size.ws_row, " ", size.ws_col));
}

void Session::stop_vm(int status) {
    if (!status_)
        status_ = status;
    if (!wait_status_)
        ::kill(pid_, SIGKILL);
}

void Session::take_signals() {
    signalfd_siginfo info;
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        switch (const int signal = static_cast<int>(info.ssi_signo)) {
        case SIGCHLD: {
            int status;
            if (!wait_status_ && ::waitpid(pid_, &status, WNOHANG) == pid_)
                wait_status_ = status;
            break;
        }
        case SIGWINCH:
            if (options_.terminal)
                send_window_size();
            break;
        case SIGINT:
            if (!program_runs() || ++interrupts_ >= 2)
                stop_vm(128 + SIGINT);
            else
                send_control("signal 2");
            break;
        case SIGTERM:
            if (program_runs() && !terminated_ms_) {
                terminated_ms_ = now_ms();
                terminated_by_ = info.ssi_pid;
                send_control("signal 15");
            } else if (!program_runs() || info.ssi_pid != terminated_by_ ||
                       now_ms() - *terminated_ms_ >= same_request_ms) {
                stop_vm(128 + SIGTERM);
            }
            break;
        case SIGHUP:
        case SIGQUIT:
            if (program_runs())
                send_control(concat("signal ", signal));
            else
                stop_vm(128 + signal);
            break;
        default:
            send_control(concat("signal ", signal));
            break;
        }
    }
}

void Session::take_stdin() {
    char chunk[chunk_size];
    const ssize_t n = ::read(options_.stdin_fd, chunk, sizeof chunk);
    if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EIO))
        return; // EIO: a background process reading its terminal
    if (n <= 0) {
        stdin_open_ = false;
        send_control(concat("eof ", stdin_bytes_));
        return;
    }
    stdin_bytes_ += static_cast<std::uint64_t>(n);
    to_stdio_.put({chunk, static_cast<std::size_t>(n)});
}

// Other commands' lines for the guest (`linnet gaps NAME`). Only they can open the pipe.
void Session::take_requests() {
    char chunk[4096];
    const ssize_t n = ::read(options_.requests_fd, chunk, sizeof chunk);
    if (n > 0)
        requests_.put({chunk, static_cast<std::size_t>(n)}, [this](std::string_view line) { send_control(std::string(line)); });
}

void Session::write_channel(std::size_t which, ByteQueue& queue) {
    while (!queue.empty() && channels_[which]) {
        const std::string_view bytes = queue.front();
        const ssize_t n = ::send(channels_[which].get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0) {
            queue.clear(); // QEMU is gone
            return;
        }
        queue.drop(static_cast<std::size_t>(n));
    }
}

bool Session::read_channel(std::size_t which) {
    char chunk[chunk_size];
    const ssize_t n = ::read(channels_[which].get(), chunk, sizeof chunk);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n <= 0) {
        channels_[which].reset();
        return false;
    }
    const std::string_view bytes(chunk, static_cast<std::size_t>(n));
    had_output_ = had_output_ || which == stdio || which == error;
    switch (which) {
    case stdio:
        out_.queue.put(bytes);
        break;
    case error:
        err_.queue.put(bytes);
        break;
    case control:
        lines_[which].put(bytes, [this](std::string_view line) { take_control(line); });
        break;
    case serial:
        lines_[which].put(bytes, [this](std::string_view line) { take_serial(line); });
        break;
    case trace:
        options_.trace->take(bytes);
        present_trace();
        if (deadline_ms_) // the last records are on their way
            deadline_ms_ = now_ms() + end_grace_ms;
        break;
    default:
        lines_[which].put(bytes, [this](std::string_view line) { qemu_lines_.emplace_back(line); });
        break;
    }
    return true;
}

void Session::take_control(std::string_view line) {
    const auto blank = line.find(' ');
    const std::string_view word = line.substr(0, blank);
    std::string_view rest = blank == std::string_view::npos ? std::string_view() : line.substr(blank + 1);
    const auto end_soon = [this](int status) {
        if (!status_)
            status_ = status;
        deadline_ms_ = now_ms() + end_grace_ms;
    };
    if (word == "main") {
        const auto ns = parse_number(rest, UINT64_MAX);
        began_ = true;
        if (options_.on_main)
            options_.on_main();
        if (ns && !options_.quiet)
            say(concat("linnet " LINNET_VERSION ": ", (*ns + 500000) / 1000000, " ms ", options_.boot_line));
    } else if (word == "exit") {
        if (const auto status = parse_number(rest, 255))
            end_soon(static_cast<int>(*status));
    } else if (word == "signal") {
        if (const auto number = parse_number(rest, 64))
            end_soon(128 + static_cast<int>(*number));
    } else if (word == "gap") {
        if (options_.on_gap)
            options_.on_gap(line);
    } else if (word == "fail") {
        const auto split_at = rest.find(' ');
        const auto status = parse_number(rest.substr(0, split_at), 255);
        if (!status)
            return;
        const std::string text(split_at == std::string_view::npos ? "the program could not be started"
                                                                  : rest.substr(split_at + 1));
        if (options_.on_fail)
            options_.on_fail(static_cast<int>(*status), text);
        else
            say("linnet: " + text);
        end_soon(static_cast<int>(*status));
    }
}

void Session::take_serial(std::string_view line) {
    if (line.starts_with("=== linnet panic"))
        in_panic_ = true;
    if (in_panic_) {
        panic_.emplace_back(line);
        if (line.starts_with("=== end of panic"))
            in_panic_ = false;
        return;
    }
    say(std::string(line));
}

// What the receiver has made of the records goes to where it belongs.
void Session::present_trace() {
    std::string text = std::exchange(options_.trace->text, {});
    const std::string messages = std::exchange(options_.trace->messages, {});
    if (trace_out_) {
        trace_out_->queue.put(text);
        text.clear();
    }
    text += messages;
    if (raw_) {
        for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2)
            text.replace(at, 1, "\r\n");
    }
    err_.queue.put(text);
}

// A trace that cannot be written does not end the program.
void Session::write_trace(bool ready) {
    const bool was_broken = trace_out_->broken();
    trace_out_->write_some(ready);
    if (trace_out_->broken() && !was_broken)
        say(options_.trace->write_error(trace_out_->error));
}

// One turn of the loop; false when all is over.
bool Session::step() {
    std::vector<pollfd> items;
    const auto watch = [&items](int fd, short events) {
        items.push_back({fd, events, 0});
        return items.size() - 1;
    };
    constexpr std::size_t none = SIZE_MAX;
    const std::size_t signal_item = watch(signals_.get(), POLLIN);
    // A background process that reads its terminal gets nothing; look again now and then.
    const bool foreground =
        !stdin_open_ || !stdin_is_terminal_ || ::tcgetpgrp(options_.stdin_fd) == ::getpgrp();
    const std::size_t stdin_item = stdin_open_ && !to_stdio_.full() && foreground
                                       ? watch(options_.stdin_fd, POLLIN)
                                       : none;
    std::array<std::size_t, channel_count> channel_items;
    bool open = false;
    for (std::size_t i = 0; i < channel_count; ++i) {
        channel_items[i] = none;
        if (!channels_[i])
            continue;
        open = true;
        short events = 0;
        const bool held_back = i == stdio ? out_.queue.full() : err_.queue.full() || (i == trace && trace_out_ && trace_out_->queue.full());
        if (!held_back)
            events |= POLLIN;
        if ((i == stdio && !to_stdio_.empty()) || (i == control && !to_control_.empty()))
            events |= POLLOUT;
        channel_items[i] = watch(events ? channels_[i].get() : -1, events);
    }
    const std::size_t requests_item = options_.requests_fd >= 0 && !to_control_.full() ? watch(options_.requests_fd, POLLIN) : none;
    const std::size_t out_item = out_.wants_write() ? watch(out_.fd(), POLLOUT) : none;
    const std::size_t err_item = err_.wants_write() ? watch(err_.fd(), POLLOUT) : none;
    const std::size_t trace_item = trace_out_ && trace_out_->wants_write() ? watch(trace_out_->fd(), POLLOUT) : none;
    if (!open && wait_status_ && out_item == none && err_item == none && trace_item == none)
        return false;
    int timeout = -1;
    if (deadline_ms_ && !wait_status_)
        timeout = static_cast<int>(std::max<std::int64_t>(0, *deadline_ms_ - now_ms()));
    else if ((!open && !wait_status_) || !foreground)
        timeout = 500;
    if (::poll(items.data(), items.size(), timeout) < 0 && errno != EINTR)
        throw CommandError("poll: " + error_text(errno));
    const auto ready = [&items](std::size_t item) { return item != none && items[item].revents != 0; };

    if (ready(signal_item))
        take_signals();
    // A slow reader of the last output holds up the end, as it would hold up the program on this machine.
    if (deadline_ms_ && output_waits())
        deadline_ms_ = now_ms() + end_grace_ms;
    if (deadline_ms_ && !wait_status_ && now_ms() >= *deadline_ms_)
        ::kill(pid_, SIGKILL);
    if (ready(stdin_item))
        take_stdin();
    if (ready(requests_item))
        take_requests();
    for (std::size_t i = 0; i < channel_count; ++i) {
        if (!ready(channel_items[i]))
            continue;
        const short events = items[channel_items[i]].revents;
        if (events & POLLOUT)
            write_channel(i, i == stdio ? to_stdio_ : to_control_);
        if (channels_[i] && (events & (POLLIN | POLLHUP | POLLERR)))
            read_channel(i);
    }
    out_.write_some(ready(out_item));
    err_.write_some(ready(err_item));
    if (trace_out_)
        write_trace(ready(trace_item));
    if (out_.broken() && !sent_sigpipe_) {
        // The reader of our stdout is gone: the program learns it as it would on this machine.
        sent_sigpipe_ = true;
        send_control("signal 13");
    }
    return true;
}

int Session::finish() {
    lines_[control].finish([this](std::string_view line) { take_control(line); });
    lines_[serial].finish([this](std::string_view line) { take_serial(line); });
    lines_[qemu].finish([this](std::string_view line) { qemu_lines_.emplace_back(line); });
    if (options_.trace) {
        options_.trace->finish();
        present_trace();
    }
    const int wait = *wait_status_;
    const bool qemu_failed = !status_ && panic_.empty();
    for (const std::string& line : qemu_lines_)
        say(line.starts_with("qemu") ? line : "qemu: " + line);
    if (!panic_.empty()) {
        for (const std::string& line :
             explain_panic(panic_, {options_.kernel_symbols, options_.image}))
            say(line);
        status_ = status_command_failed;
    } else if (qemu_failed) {
        std::string how = WIFSIGNALED(wait) ? concat("QEMU was killed by signal ", WTERMSIG(wait))
                          : WEXITSTATUS(wait) != 0
                              ? concat("QEMU ended with status ", WEXITSTATUS(wait))
                          : began_ ? std::string("the machine was reset")
                                   : std::string("the machine was reset before the program began");
        const std::string text = "the VM ended without an exit status: " + how;
        if (options_.on_fail && !began_)
            options_.on_fail(status_command_failed, text);
        else
            say("linnet: " + text);
        status_ = status_command_failed;
    }
    while (trace_out_ && trace_out_->wants_write() && !trace_out_->broken()) {
        pollfd item{trace_out_->fd(), POLLOUT, 0};
        ::poll(&item, 1, -1);
        write_trace(true);
    }
    while (err_.wants_write() && !err_.broken()) {
        pollfd item{err_.fd(), POLLOUT, 0};
        ::poll(&item, 1, -1);
        err_.write_some(true);
    }
    return *status_;
}

int Session::run(const std::function<std::vector<std::string>(const GuestChannels&)>& arguments) {
    start(arguments);
    std::optional<RawTerminal> raw;
    if (options_.terminal && ::isatty(options_.stdin_fd)) {
        raw.emplace(options_.stdin_fd);
        raw_ = raw->active();
        send_window_size();
    }
    while (step()) {
    }
    return finish();
}

} // namespace

int run_session(const std::function<std::vector<std::string>(const GuestChannels&)>& arguments,
                const SessionOptions& options) {
    return Session(options).run(arguments);
}

} // namespace linnet::cli
