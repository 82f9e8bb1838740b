// Stands in for QEMU in session_test: finds its channels on the command line as QEMU does, and plays the guest's
// part. What it plays is the first argument of the guest's program.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "linux-abi/trace_record.h"

namespace {

std::map<std::string, int> channels;

void put(const std::string& channel, const std::string& text) {
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t n = ::write(channels[channel], text.data() + done, text.size() - done);
        if (n > 0) {
            done += static_cast<std::size_t>(n);
            continue;
        }
        pollfd item{channels[channel], POLLOUT, 0};
        ::poll(&item, 1, -1);
    }
}

// Calls of one thread, as the kernel would tell of them.
void put_trace(int calls) {
    namespace abi = linnet::abi;
    for (std::uint64_t i = 0; i < 2 * static_cast<std::uint64_t>(calls); ++i) {
        const std::string text = i % 2 ? ") = 0" : "close(" + std::to_string(i / 2);
        abi::TraceRecord r{};
        r.magic = abi::trace_magic;
        r.length = static_cast<std::uint32_t>(sizeof r + text.size());
        r.kind = i % 2 ? abi::TraceKind::exit : abi::TraceKind::entry;
        r.number = 3;
        r.sequence = i;
        r.pid = r.tid = 1;
        put("trace", std::string(reinterpret_cast<const char*>(&r), sizeof r) + text);
    }
}

std::string read_line(const std::string& channel) {
    std::string line;
    char c;
    while (::read(channels[channel], &c, 1) == 1 && c != '\n')
        line += c;
    return line;
}

} // namespace

int main(int argc, char** argv) {
    std::string line;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        char id[64];
        int fd;
        if (std::sscanf(argv[i], "socket,id=%63[^,],fd=%d", id, &fd) == 2)
            channels[id] = fd;
        if (word == "-append")
            line = argv[i + 1];
    }
    const auto at = line.find(" -- ");
    std::string mode = at == std::string::npos ? "" : line.substr(at + 4);
    mode = mode.find(' ') == std::string::npos ? "" : mode.substr(mode.find(' ') + 1);
    if (mode == "broken") {
        std::fprintf(stderr, "qemu-system-x86_64: cannot do that\n");
        return 1;
    }
    if (mode == "fail") {
        put("control", "fail 127 /bin/x: not found in the image\n");
        return 0;
    }
    if (mode == "reset")
        return 0;
    if (mode == "never") { // a guest that does not come up
        put("serial", "stuck in boot\n");
        while (true)
            ::pause();
    }
    put("control", "some future word 1 2 3\nmain 24400000\n");
    if (mode == "hello") {
        put("stdio", "out\n");
        put("stderr", "err\n");
        put("control", "exit 0\n");
    } else if (mode.starts_with("exit")) {
        put("control", mode + "\n");
    } else if (mode == "killed") {
        put("control", "signal 11\n");
    } else if (mode == "echo") {
        // stdin up to its announced end
        std::string command, bytes;
        unsigned long long end = ~0ull;
        while (bytes.size() < end) {
            pollfd items[] = {{channels["stdio"], POLLIN, 0}, {channels["control"], POLLIN, 0}};
            ::poll(items, 2, -1);
            char chunk[4096];
            ssize_t n = 0;
            if (items[0].revents && (n = ::read(channels["stdio"], chunk, sizeof chunk)) > 0)
                bytes.append(chunk, static_cast<std::size_t>(n));
            if (items[1].revents && (command = read_line("control")).starts_with("eof "))
                end = std::strtoull(command.c_str() + 4, nullptr, 10);
        }
        put("stdio", bytes);
        put("control", "exit 3\n");
    } else if (mode == "much") {
        for (int i = 0; i < 640; ++i) {
            put("stdio", std::string(65536, static_cast<char>('a' + i % 26)));
            put("stderr", std::string(1024, 'e'));
        }
        put("control", "exit 0\n");
    } else if (mode == "deaf") { // takes note of signals, and nothing else
        put("stdio", "ready " + std::to_string(::getpid()) + "\n");
        for (std::string command; !(command = read_line("control")).empty();)
            put("stdio", command + "\n");
    } else if (mode == "signals") {
        put("stdio", "ready\n");
        while (true) {
            const std::string command = read_line("control");
            if (command.empty())
                break;
            put("stdio", command + "\n");
            if (command == "signal 15" || command == "signal 13") {
                put("control", "signal" + command.substr(6) + "\n");
                break;
            }
        }
    } else if (mode == "gaps") { // among lines that are none
        put("control", "gap\ngap begin\ngap end 1 2 3\ngap begin 0\ngap 1 nonsense\n" + std::string(200000, 'x') + "\ngap begin 0\n");
        put("control", "gap 1 syscall 0x65 0 0 3 38 1 0 0 -1 \"true\" \"\" -1:0x401000:0:0:0\ngap end 0 1 0\nexit 0\n");
    } else if (mode == "answers") { // gaps, when it is asked
        put("stdio", "ready\n");
        for (std::string command; !(command = read_line("control")).empty();) {
            if (command.starts_with("gaps "))
                put("control", "gap begin" + command.substr(4) + "\ngap end" + command.substr(4) + " 0 7\n");
            if (command == "signal 15")
                break;
        }
        put("control", "exit 0\n");
    } else if (mode == "terminal") {
        put("stdio", read_line("control") + "\r\n");
        char bytes[2] = {};
        for (char& byte : bytes)
            (void)!::read(channels["stdio"], &byte, 1);
        put("stdio", "got " + std::to_string(bytes[0]) + " " + std::to_string(bytes[1]) + "\r\n");
        put("stdio", read_line("control") + "\r\n");
        put("control", "exit 5\n");
    } else if (mode.starts_with("trace ")) {
        put_trace(std::atoi(mode.c_str() + 6));
        put("control", "exit 4\n");
    } else if (mode == "log") {
        put("serial", "[0.000123] warn: something odd\n[0.2] error: no ne");
        put("serial", "wline");
        put("control", "exit 0\n");
    } else if (mode == "panic") {
        put("serial", "=== linnet panic: test\nkernel 0xffffffff80000000 0x0 build ab\n"
                      "rip 0xffffffff80000010 rsp 0x0\ncode <0f> 0b\n=== end of panic\n");
        return 255;
    } else if (mode == "crash") {
        ::raise(SIGKILL);
    } else if (mode == "stuck") {
        put("control", "exit 9\n");
        while (true)
            ::pause();
    }
    return 0;
}
