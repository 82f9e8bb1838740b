// How much of strings and buffers a trace shows (strace's -s).
#include "linux-abi/trace_format.h"

#include <gtest/gtest.h>

namespace linnet::abi {
namespace {

/// Bytes at address 0x1000.
class OneBuffer final : public MemoryReader {
  public:
    OneBuffer(std::string bytes, size_t limit) : bytes_(std::move(bytes)), room_(limit) {
        string_limit = limit;
        if (limit > trace_string_limit) string_room = room_.data();
    }
    bool read(uint64_t address, void* to, size_t size) override {
        if (address < 0x1000 || address - 0x1000 > bytes_.size() || bytes_.size() - (address - 0x1000) < size) return false;
        memcpy(to, bytes_.data() + (address - 0x1000), size);
        return true;
    }

  private:
    std::string bytes_;
    std::vector<uint8_t> room_;
};

std::string entry(uint64_t number, std::initializer_list<uint64_t> registers, MemoryReader& memory) {
    uint64_t regs[6] = {};
    std::copy(registers.begin(), registers.end(), regs);
    static char buffer[65536];
    TraceText text(buffer, sizeof buffer);
    format_call_entry(text, number, regs, memory);
    return std::string(text.text());
}

TEST(TraceLimit, of_data) {
    const std::string bytes(100, 'x');
    for (size_t limit : {1u, 5u, 32u, 33u, 99u}) {
        OneBuffer memory(bytes, limit);
        EXPECT_EQ(entry(number::write, {1, 0x1000, 100}, memory), "write(1, \"" + bytes.substr(0, limit) + "\"..., 100");
    }
    OneBuffer all(bytes, 100);
    EXPECT_EQ(entry(number::write, {1, 0x1000, 100}, all), "write(1, \"" + bytes + "\", 100");
}

TEST(TraceLimit, of_strings) {
    std::string path = "/" + std::string(79, 'y');
    for (size_t limit : {5u, 32u, 40u}) {
        OneBuffer memory(path + std::string(200, '\0'), limit);
        EXPECT_EQ(entry(number::delete_module, {0x1000}, memory), "delete_module(\"" + path.substr(0, limit) + "\"..., 0");
        EXPECT_EQ(entry(number::chdir, {0x1000}, memory), "chdir(\"" + path + "\""); // paths are whole
    }
    OneBuffer all(path + std::string(200, '\0'), 200);
    EXPECT_EQ(entry(number::delete_module, {0x1000}, all), "delete_module(\"" + path + "\", 0");
}

TEST(TraceLimit, a_large_one_without_memory_for_it_is_the_usual_one) {
    OneBuffer memory(std::string(100, 'x'), 64);
    memory.string_room = nullptr;
    EXPECT_EQ(entry(number::write, {1, 0x1000, 100}, memory), "write(1, \"" + std::string(32, 'x') + "\"..., 100");
}

} // namespace
} // namespace linnet::abi
