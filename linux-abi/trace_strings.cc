// Quoted strings in strace's format.
#include "linux-abi/trace_format.h"

namespace linnet::abi {

void put_quoted(TraceText& out, const uint8_t* bytes, size_t size, bool more) {
    out.put('"');
    for (size_t i = 0; i < size; ++i) {
        uint8_t c = bytes[i];
        switch (c) {
        case '"': out.put("\\\""); continue;
        case '\\': out.put("\\\\"); continue;
        case '\n': out.put("\\n"); continue;
        case '\t': out.put("\\t"); continue;
        case '\r': out.put("\\r"); continue;
        case '\v': out.put("\\v"); continue;
        case '\f': out.put("\\f"); continue;
        default: break;
        }
        if (c >= 0x20 && c < 0x7f) {
            out.put(static_cast<char>(c));
            continue;
        }
        // Octal, as short as the next character allows.
        bool next_is_digit = i + 1 < size && bytes[i + 1] >= '0' && bytes[i + 1] <= '9';
        out.put('\\');
        if (next_is_digit || c >= 0100) out.put(static_cast<char>('0' + (c >> 6)));
        if (next_is_digit || c >= 010) out.put(static_cast<char>('0' + (c >> 3 & 7)));
        out.put(static_cast<char>('0' + (c & 7)));
    }
    out.put(more ? "\"..." : "\"");
}

void put_user_string(TraceText& out, uint64_t address, size_t limit, MemoryReader& memory) {
    if (!address) {
        out.put("NULL");
        return;
    }
    // In pieces that end with a page, since the string may stop just before an unmapped one.
    constexpr size_t piece = 128;
    uint8_t buffer[piece + 1];
    size_t done = 0;
    bool opened = false;
    while (done < limit) {
        uint64_t at = address + done;
        size_t n = 4096 - (at & 4095);
        if (n > piece) n = piece;
        if (n > limit + 1 - done) n = limit + 1 - done;
        if (!memory.read(at, buffer, n)) {
            if (!opened) {
                out.address(address);
                return;
            }
            out.put("\"...");
            return;
        }
        size_t used = 0;
        while (used < n && buffer[used]) ++used;
        bool end = used < n;
        size_t shown = used > limit - done ? limit - done : used;
        // put_quoted adds the quotes; pieces after the first go on without an opening one.
        char text[piece * 4 + 8];
        TraceText part(text, sizeof text);
        put_quoted(part, buffer, shown, false);
        std::string_view t = part.text();
        if (!opened) out.put('"');
        opened = true;
        t.remove_prefix(1);
        t.remove_suffix(1);
        out.put(t);
        done += used;
        if (end) {
            out.put('"');
            return;
        }
    }
    out.put("\"...");
}

} // namespace linnet::abi
