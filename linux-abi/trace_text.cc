#include "linux-abi/trace_text.h"

namespace linnet::abi {

void TraceText::put(std::string_view s) {
    size_t room = size_ - length_;
    if (s.size() > room) truncated_ = true;
    size_t n = s.size() < room ? s.size() : room;
    __builtin_memcpy(buffer_ + length_, s.data(), n);
    length_ += n;
}

void TraceText::decimal(int64_t v) {
    if (v < 0) put('-');
    digits(v < 0 ? 0 - static_cast<uint64_t>(v) : static_cast<uint64_t>(v), 10, 1);
}

void TraceText::hex(uint64_t v) {
    if (v) put("0x");
    digits(v, 16, 1);
}

void TraceText::octal(uint64_t v) {
    if (v > 077) put('0');
    digits(v, 8, v > 077 ? 1 : 3);
}

void TraceText::address(uint64_t v) {
    if (v) hex(v);
    else put("NULL");
}

void TraceText::digits(uint64_t v, unsigned base, int width) {
    char tmp[24];
    int n = 0;
    do {
        tmp[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v);
    while (n < width) tmp[n++] = '0';
    while (n) put(tmp[--n]);
}

} // namespace linnet::abi
