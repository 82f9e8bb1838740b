// Any call with any registers and any memory behind them.
#include "linux-abi/trace_format.h"

using namespace linnet::abi;

namespace {
class Bytes final : public MemoryReader {
  public:
    Bytes(const uint8_t* data, size_t size) : data_(data), size_(size) {}
    bool read(uint64_t address, void* to, size_t size) override {
        if (size_ == 0 || address == 0 || address > 0x7ffffffff000) return false;
        for (size_t i = 0; i < size; ++i) static_cast<uint8_t*>(to)[i] = data_[(address + i) % size_];
        return true;
    }

  private:
    const uint8_t* data_;
    size_t size_;
};
} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    uint64_t words[8] = {};
    size_t n = std::min(size, sizeof words);
    memcpy(words, data, n);
    Bytes memory(data + n, size - n);
    uint64_t regs[6] = {words[1], words[2], words[3], words[4], words[5], words[6]};
    char buffer[1024];
    TraceText out(buffer, sizeof buffer);
    uint64_t number = words[0] % 460;
    TraceState s = format_call_entry(out, number, regs, memory);
    format_call_exit(out, number, regs, Outcome::from_raw(static_cast<int64_t>(words[7])), s, memory);
    Siginfo si{};
    memcpy(&si, data, std::min(size, sizeof si));
    format_signal(out, si);
    return out.text().size() > sizeof buffer;
}
