// The bytes of the port linnet.trace as events in their order (docs/boot-protocol.md). The bytes are any: what is no record ends the stream.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "linux-abi/trace_record.h"

namespace linnet::cli {

// Linux's own limit of thread numbers (PID_MAX_LIMIT): a record with another is none.
inline constexpr int most_tid = 1 << 22;

struct TraceEvent {
    abi::TraceRecord record{};
    std::string text;
};

class RecordStream {
public:
    using Take = std::function<void(const TraceEvent&)>;

    // CPUs' rings come one after another, so that records wait for those of the next: 16 MiB a pass at most.
    explicit RecordStream(std::size_t most_waiting_bytes = 64 << 20) : most_waiting_bytes_(most_waiting_bytes) {}

    // Gives the events that are whole, each when all before it were given.
    void put(std::string_view bytes, const Take& take);
    // The stream is over: what waits for a missing one is given in its order.
    void finish(const Take& take);
    // Something was no record; nothing is given from there on.
    bool damaged() const { return damaged_; }
    // Records that came when later ones had been given, because too much waited for them, or twice. They are left out.
    std::uint64_t late() const { return late_; }

private:
    void deliver(const Take& take);

    const std::size_t most_waiting_bytes_;
    std::string rest_;
    std::map<std::uint64_t, TraceEvent> waiting_;
    std::size_t waiting_bytes_ = 0;
    std::uint64_t next_ = 0;
    std::uint64_t late_ = 0;
    bool damaged_ = false;
};

} // namespace linnet::cli
