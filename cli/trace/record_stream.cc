#include "cli/trace/record_stream.h"

#include <cstring>

namespace linnet::cli {
namespace {

bool is_number_of_thread(std::int32_t number) { return number > 0 && number <= most_tid; }

bool is_record(const abi::TraceRecord& record) {
    return record.magic == abi::trace_magic && record.length >= sizeof record && record.length <= sizeof record + abi::trace_text_limit &&
           is_number_of_thread(record.pid) && is_number_of_thread(record.tid);
}

} // namespace

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
        if (!is_record(event.record)) {
            damaged_ = true;
            break;
        }
        if (left.size() < length)
            break;
        event.text = left.substr(sizeof event.record, length - sizeof event.record);
        left.remove_prefix(length);
        if (event.record.sequence < next_) {
            ++late_;
            continue;
        }
        if (event.record.sequence == next_) {
            take(event);
            ++next_;
            deliver(take);
            continue;
        }
        const std::uint64_t sequence = event.record.sequence;
        if (waiting_.emplace(sequence, std::move(event)).second)
            waiting_bytes_ += length;
        else
            ++late_;
        if (waiting_bytes_ > most_waiting_bytes_) {
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
