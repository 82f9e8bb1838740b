// What a kernel would send to `linnet trace`, and what is made of it.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "cli/trace/call_names.h"
#include "cli/trace/record_stream.h"
#include "cli/trace/trace_options.h"
#include "cli/trace/trace_session.h"
#include "cli/util/text.h"

namespace linnet::cli {

using abi::TraceKind;
using abi::TraceRecord;

inline std::uint32_t number_of(const char* name) { return static_cast<std::uint32_t>(call_number(name)); }

// What a kernel would send; the clock goes 1 ms a record.
class Stream {
public:
    std::string bytes;
    std::vector<std::string> records;

    Stream() { add(TraceKind::start, 1, 0, "", 0, 0); }
    void entry(int tid, const char* name, const std::string& text, bool more = false) {
        add(TraceKind::entry, tid, number_of(name), text, 0, more ? abi::trace_flag_more : 0);
    }
    void exit(int tid, const char* name, const std::string& text, std::int64_t result = 0) {
        add(TraceKind::exit, tid, number_of(name), text, result, 0);
    }
    void call(int tid, const char* name, const std::string& begun, const std::string& rest, std::int64_t result = 0) {
        entry(tid, name, begun);
        exit(tid, name, rest, result);
    }
    void attach(int tid, int pid = 0) { add(TraceKind::attach, tid, 0, "", 0, 0, pid); }
    void signal(int tid, int number, const std::string& text) { add(TraceKind::signal, tid, static_cast<std::uint32_t>(number), text, 0, 0); }
    void end(int tid, std::uint32_t status, const std::string& text) { add(TraceKind::end, tid, status, text, 0, 0); }
    void add(TraceKind kind, int tid, std::uint32_t number, const std::string& text, std::int64_t result, std::uint16_t flags, int pid = 0) {
        TraceRecord r{};
        r.magic = abi::trace_magic;
        r.length = static_cast<std::uint32_t>(sizeof r + text.size());
        r.kind = kind;
        r.flags = flags;
        r.number = number;
        r.sequence = sequence_++;
        r.time_ns = 5'000'000'000 + r.sequence * 1'000'000;
        r.pid = pid ? pid : 1;
        r.tid = tid;
        r.result = kind == TraceKind::start ? 1'000'000'000'000'000'000 : result;
        r.cpu_ns = 2'000;
        records.push_back(std::string(reinterpret_cast<const char*>(&r), sizeof r) + text);
        bytes += records.back();
    }

private:
    std::uint64_t sequence_ = 0;
};

inline std::string present(const std::string& bytes, TraceOptions options = {}) {
    TraceSession session(std::move(options));
    session.take(bytes);
    session.finish();
    return session.text + session.messages;
}

inline TraceOptions following() {
    TraceOptions options;
    options.follow = true;
    return options;
}

// Thread 2 of three executes a program.
inline Stream execve_of_a_thread(bool traced) {
    Stream s;
    s.attach(2);
    s.attach(3);
    if (traced)
        s.entry(2, "execve", "execve(\"./prog\", [\"prog\"], 0x20 /* 0 vars */");
    s.end(1, 0x300, "+++ exited with 3 +++");
    s.end(3, 0, "+++ exited with 0 +++");
    if (traced)
        s.exit(1, "execve", ") = 0");
    s.call(1, "getuid", "getuid(", ") = 0");
    s.call(1, "getgid", "getgid(", ") = 0");
    s.end(1, 0, "+++ exited with 0 +++");
    return s;
}

} // namespace linnet::cli
