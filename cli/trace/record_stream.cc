#include "cli/trace/record_stream.h"

#include <cstring>

namespace linnet::cli {

void RecordStream::deliver(const Take& take) {
    for (auto it = waiting_.begin(); it != waiting_.end() && it->first == next_; it = waiting_.erase(it)) {
        take(it->second);
        waiting_bytes_ -= it->second.record.length;
        ++next_;
    }
}

void RecordStream::put(std::string_view bytes, const Take& take) {
    if (damaged_)
        return;
    rest_ += bytes;
    std::string_view left = rest_;
    while (left.size() >= sizeof(abi::TraceRecord)) {
        TraceEvent event;
        std::memcpy(&event.record, left.data(), sizeof event.record);
        const std::uint32_t length = event.record.length;
        if (event.record.magic != abi::trace_magic || length < sizeof event.record ||
            length > sizeof event.record + abi::trace_text_limit || event.record.sequence < next_) {
            damaged_ = true;
            break;
        }
        if (left.size() < length)
            break;
        event.text = left.substr(sizeof event.record, length - sizeof event.record);
        left.remove_prefix(length);
        if (event.record.sequence == next_) {
            take(event);
            ++next_;
            deliver(take);
            continue;
        }
        const std::uint64_t sequence = event.record.sequence;
        if (waiting_.emplace(sequence, std::move(event)).second)
            waiting_bytes_ += length;
        if (waiting_bytes_ > most_waiting_bytes) {
            next_ = waiting_.begin()->first;
            deliver(take);
        }
    }
    rest_.erase(0, damaged_ ? rest_.size() : rest_.size() - left.size());
}

void RecordStream::finish(const Take& take) {
    while (!waiting_.empty()) {
        next_ = waiting_.begin()->first;
        deliver(take);
    }
}

} // namespace linnet::cli
