#include "cli/run/core_files.h"
#include "cli/run/run_command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iostream>
#include <memory>
#include <utility>

#include "cli/gaps/gap_report.h"
#include "cli/gaps/gap_store.h"
#include "cli/image/image_cache.h"
#include "cli/qemu/kvm_probe.h"
#include "cli/qemu/machine.h"
#include "cli/qemu/tsc.h"
#include "cli/run/kernel_line.h"
#include "cli/run/options.h"
#include "cli/run/registry.h"
#include "cli/run/root.h"
#include "cli/run/session.h"
#include "cli/sites/site_cache.h"
#include "cli/trace/trace_options.h"
#include "cli/trace/trace_session.h"
#include "cli/util/error.h"
#include "cli/util/fd.h"
#include "cli/util/paths.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

// What is left of the memory for the kernel itself before an image is refused here; the kernel has the
// last word.
constexpr std::uint64_t kernel_reserve = std::uint64_t{3} << 20; // bytes

std::string pick_accelerator(const RunOptions& options) {
    if (options.accel != "auto")
        return options.accel;
    const KvmAnswer answer = probe_kvm();
    if (answer.works)
        return "kvm";
    // Said once for each boot of the host, and with -v.
    if ((!answer.was_known && !options.quiet) || options.verbose != 0)
        std::cerr << "linnet: no KVM (" << answer.reason << "); using TCG, which emulates the CPU\n";
    return "tcg";
}

std::uint64_t guest_tsc_khz(const RunOptions& options) {
    for (const std::string& word : options.qemu_arguments) {
        // With an instruction counter the guest's TSC counts virtual nanoseconds.
        if (word == "-icount" || word == "--icount")
            return 1'000'000;
    }
    return host_tsc_khz();
}

std::string url_of(const PortForward& forward, const Root& root) {
    std::string scheme;
    for (const KnownPort& known : root.ports) {
        if (known.port == forward.guest && known.udp == forward.udp)
            scheme = known.scheme;
    }
    if (scheme.empty())
        scheme = usual_scheme(forward.guest, forward.udp);
    const std::string host = forward.address == "0.0.0.0" ? "127.0.0.1" : forward.address;
    return concat(scheme, "://", host, ":", forward.host);
}

std::string boot_text(const RunOptions& options, const Root& root, const Guest& guest) {
    std::string text = concat("to ", root.program.path, ", ", size_text(options.memory_bytes), ", ",
                              options.cpus, options.cpus == 1 ? " cpu" : " cpus");
    for (const PortForward& forward : guest.ports)
        text += ", " + url_of(forward, root);
    return text;
}

void print_plan(const RunOptions& options, const Root& root, const Guest& guest) {
    std::string command;
    for (const std::string& word : root.program.arguments)
        command += " " + shell_quoted(word);
    std::cout << "program: " << shell_quoted(root.program.path) << command << "\n";
    std::cout << "from: " << root.origin << "\n";
    for (const std::string& setting : root.program.environment)
        std::cout << "env: " << setting << "\n";
    std::cout << "cwd: " << root.program.cwd << "\n";
    std::cout << "user: " << (root.program.user.empty() ? "0:0" : root.program.user) << "\n";
    std::uint64_t bytes = 0, files = 0;
    for (const auto& [path, entry] : root.tree.entries()) {
        bytes += entry.is_file() ? entry.size() : 0;
        files += entry.is_file() ? 1 : 0;
    }
    std::cout << "root: " << files << " files, " << size_text(bytes) << "\n";
    if (options.verbose != 0) {
        for (const auto& [path, entry] : root.tree.entries())
            std::cout << "  " << path << (entry.is_link() ? " -> " + entry.target : "") << "\n";
    }
    std::string qemu;
    for (const std::string& word : qemu_arguments(options, guest, {3, 4, 5, 6, options.traced_calls.empty() ? -1 : 7}))
        qemu += (qemu.empty() ? "" : " ") + shell_quoted(word);
    std::cout << "qemu: " << qemu << "\n";
}

int serve(const RunOptions& options, const Guest& guest, const SessionOptions& session) {
    const int status = run_session(
        [&](const GuestChannels& channels) { return qemu_arguments(options, guest, channels); }, session);
    if (!guest.core_stream.empty()) {
        const auto cores = unpack_cores(guest.core_stream, options.core_folder);
        std::error_code ignored;
        std::filesystem::remove(guest.core_stream, ignored);
        for (const auto& path : cores) {
            if (!options.quiet)
                std::cerr << "linnet: core file " << path.string() << "\n";
        }
    }
    return status;
}

VmRecord make_record(const Root& root, const Guest& guest) {
    VmRecord record;
    record.program = root.program.path;
    for (const std::string& word : root.program.arguments)
        record.program += " " + shell_quoted(word);
    for (const PortForward& forward : guest.ports)
        record.ports.push_back(concat(forward.address, ":", forward.host, "->", forward.guest,
                                      forward.udp ? "/udp" : "/tcp"));
    return record;
}

// Serves the VM from a process of its own; returns when its program has begun, or could not.
int run_detached(const RunOptions& options, const Guest& guest, SessionOptions session,
                 Registration& registration) {
    int report[2];
    if (::pipe2(report, O_CLOEXEC) != 0)
        throw CommandError("cannot make a pipe: " + error_text(errno));
    Fd report_read(report[0]), report_write(report[1]);
    const Fd log(::open(registration.log_file().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC,
                        0600));
    if (!log)
        throw CommandError(concat("cannot write ", registration.log_file().string(), ": ",
                                  error_text(errno)));
    std::cout.flush();
    const pid_t child = ::fork();
    if (child < 0)
        throw CommandError("cannot start a process: " + error_text(errno));
    if (child == 0) {
        ::setsid();
        const int null = ::open("/dev/null", O_RDWR);
        ::dup2(null, 0);
        ::dup2(log.get(), 1);
        ::dup2(log.get(), 2);
        registration.set_pid(::getpid());
        // The pipe stays open until this process ends: whoever reads of a failure knows that all was removed.
        bool told = false, begun = false;
        const auto tell = [&](const std::string& text) {
            if (std::exchange(told, true))
                return;
            [[maybe_unused]] const ssize_t n = ::write(report_write.get(), text.data(), text.size());
        };
        session.stdin_fd = -1;
        session.on_main = [&] {
            begun = true;
            tell("ok");
        };
        session.on_fail = [&](int status, const std::string& text) { tell(concat(status, " ", text)); };
        int status = status_command_failed;
        try {
            status = serve(options, guest, session);
        } catch (const std::exception& error) {
            tell(concat(status_command_failed, " ", error.what()));
        }
        registration.finish(status, options.remove || !begun);
        ::_exit(status);
    }
    report_write.reset();
    std::string answer;
    char chunk[512];
    ssize_t n;
    while ((n = ::read(report_read.get(), chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR)) {
        if (n > 0)
            answer.append(chunk, static_cast<std::size_t>(n));
        if (answer == "ok")
            break;
    }
    if (answer == "ok") {
        std::cout << registration.name() << "\n";
        return 0;
    }
    if (answer.empty())
        throw CommandError("the VM ended before its program began");
    const auto blank = answer.find(' ');
    throw CommandError(static_cast<int>(parse_number(answer.substr(0, blank), 255)
                                            .value_or(status_command_failed)),
                       answer.substr(std::min(answer.size(), blank + 1)));
}

} // namespace

int run_command(const std::vector<std::string>& words) {
    RunOptions options;
    if (!parse_run_options(words, options))
        return 0;
    if (!options.strace)
        return run_program(std::move(options), nullptr);
    TraceOptions trace;
    trace.follow = true;
    ask_kernel(trace, options);
    TraceSession session(std::move(trace));
    GapFile gaps;
    const bool quiet = options.quiet, detach = options.detach;
    const int status = run_program(std::move(options), &session, &gaps);
    if (!detach)
        print_gaps_behind_trace(std::cerr, gaps, quiet);
    return status;
}

int run_program(RunOptions options, TraceReceiver* trace, GapFile* gap_file) {
    Guest guest;
    guest.ports = options.ports;
    if (!options.network && !guest.ports.empty())
        throw CommandError("-p needs a network (--network none was given)");
    if (!options.dry_run) {
        for (PortForward& forward : guest.ports)
            settle_port(forward);
    }
    if (options.terminal && !::isatty(0))
        throw CommandError("-t: stdin is not a terminal");
    guest.kernel = kernel_file(options.kernel, !options.dry_run);
    Root root = make_root(options);
    if (!options.isolated)
        add_site_tables(root.tree); // with --linker off too: the kernel makes `hlt` fault by them; in ring 3 it does by itself
    if (!options.dry_run) {
        const ImageFile image = make_image(root.tree);
        guest.image = image.path;
        if (!options.save_image.empty()) {
            std::error_code error;
            std::filesystem::copy_file(image.path, options.save_image,
                                       std::filesystem::copy_options::overwrite_existing, error);
            if (error)
                throw CommandError(concat("--save-image ", options.save_image, ": ", error.message()));
            return 0;
        }
        if (image.size + kernel_reserve > options.memory_bytes)
            throw CommandError(concat("the image of ", size_text(image.size), " does not fit into ",
                                      size_text(options.memory_bytes), " of memory (-m)"));
    } else {
        guest.image = "IMAGE";
    }
    if (!options.core_folder.empty()) {
        if (!std::filesystem::is_directory(options.core_folder))
            throw CommandError("--core " + options.core_folder + ": no such folder");
        options.core_folder = std::filesystem::absolute(options.core_folder).string(); // with -d the folder is another one by then
        guest.core_stream = std::filesystem::path(options.core_folder) / concat(".linnet-cores-", ::getpid());
    }
    guest.command_line = kernel_command_line(options, root.program, guest_tsc_khz(options));
    guest.accel = pick_accelerator(options);
    if (options.dry_run) {
        print_plan(options, root, guest);
        return 0;
    }

    SessionOptions session;
    session.terminal = options.terminal;
    session.quiet = options.quiet;
    session.trace = trace;
    session.boot_line = boot_text(options, root, guest);
    session.kernel_symbols = kernel_with_symbols(guest.kernel);
    session.image = guest.image;
    if (options.gdb)
        std::cerr << "linnet: waiting for gdb: gdb " << session.kernel_symbols
                  << " -ex 'target remote 127.0.0.1:1234'\n";
    const std::string name = options.name.empty() ? invent_name(root.program.path) : options.name;
    Registration registration(name, make_record(root, guest));
    GapKeeper gaps(name, make_record(root, guest).program, guest.image);
    session.on_gap = [&gaps](std::string_view line) { gaps.take(line); };
    session.requests_fd = registration.requests();
    if (options.detach)
        return run_detached(options, guest, session, registration);
    int status = status_command_failed;
    try {
        status = serve(options, guest, session);
    } catch (...) {
        registration.finish(status, true);
        throw;
    }
    registration.finish(status, true);
    if (gap_file) {
        gap_file->image = guest.image;
        gap_file->report = gaps.report();
    }
    return status;
}

} // namespace linnet::cli
