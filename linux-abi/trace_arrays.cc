// Data, iovecs and arrays in strace's format.
#include "linux-abi/trace_call.h"
#include "linux-abi/trace_fields.h"

namespace linnet::abi {
namespace {

/// `[a, b, ...]` of at most 32 elements; `put(i)` prints one, or says that it can't be read.
template <class Put>
void put_list(TraceText& out, uint64_t address, uint64_t count, Put&& put) {
    if (!address) {
        out.put("NULL");
        return;
    }
    out.put('[');
    for (uint64_t i = 0; i < count; ++i) {
        if (i) out.put(", ");
        if (i == trace_string_limit) {
            out.put("...");
            break;
        }
        if (!put(i)) {
            out.put("... /* ");
            out.hex(address);
            out.put(" */");
            break;
        }
    }
    out.put(']');
}

} // namespace

void put_data(Call& c, uint64_t address, uint64_t length) {
    DataHead head(c.memory);
    size_t n = length < head.limit ? static_cast<size_t>(length) : head.limit;
    if (!address || (n && !c.memory.read(address, head.bytes, n))) {
        c.out.address(address);
        return;
    }
    put_quoted(c.out, head.bytes, n, length > n);
}

void put_hex_data(Call& c, uint64_t address, uint64_t length) {
    DataHead head(c.memory);
    size_t n = length < head.limit ? static_cast<size_t>(length) : head.limit;
    if (!address || (n && !c.memory.read(address, head.bytes, n))) {
        c.out.address(address);
        return;
    }
    c.out.put('"');
    for (size_t i = 0; i < n; ++i) {
        c.out.put("\\x");
        c.out.hex_digits(head.bytes[i], 2);
    }
    c.out.put(length > n ? "\"..." : "\"");
}

void put_iovecs(TraceText& out, uint64_t address, uint64_t count, bool with_data, uint64_t data_left, MemoryReader& memory) {
    Iovec first;
    if (!address || count > 1024 || (count && !memory.read(address, &first, sizeof first))) {
        out.address(address);
        return;
    }
    put_list(out, address, count, [&](uint64_t i) {
        Iovec v;
        if (!memory.read(address + i * sizeof v, &v, sizeof v)) return false;
        out.put("{iov_base=");
        uint64_t n = v.len < data_left ? v.len : data_left;
        DataHead head(memory);
        size_t shown = n < head.limit ? static_cast<size_t>(n) : head.limit;
        if (with_data && v.base && (!shown || memory.read(v.base, head.bytes, shown))) put_quoted(out, head.bytes, shown, n > shown);
        else out.address(v.base);
        data_left -= n;
        out.put(", iov_len=");
        out.unsigned_decimal(v.len);
        out.put('}');
        return true;
    });
}

void put_pollfds(Call& c, uint64_t address, uint64_t count, bool results) {
    Pollfd head;
    if (!address || (count && !c.memory.read(address, &head, sizeof head))) {
        c.out.address(address);
        return;
    }
    c.out.put('[');
    bool first = true;
    unsigned shown = 0;
    for (uint64_t i = 0; i < count && i < 4096; ++i) {
        Pollfd p;
        if (!c.memory.read(address + i * sizeof p, &p, sizeof p)) {
            c.out.put(first ? "..." : ", ...");
            break;
        }
        if (results && !p.revents) continue;
        if (!first) c.out.put(", ");
        first = false;
        if (shown++ == trace_string_limit) {
            c.out.put("...");
            break;
        }
        c.out.put("{fd=");
        c.out.decimal(p.fd);
        if (results) {
            c.out.put(", revents=");
            put_flags(c.out, NameTable::poll_events, static_cast<uint16_t>(p.revents));
        } else if (p.fd >= 0) {
            c.out.put(", events=");
            put_flags(c.out, NameTable::poll_events, static_cast<uint16_t>(p.events));
        }
        c.out.put('}');
    }
    c.out.put(']');
}

void put_epoll_events(Call& c, uint64_t address, int64_t count) {
    put_list(c.out, address, count < 0 ? 0 : static_cast<uint64_t>(count), [&](uint64_t i) {
        EpollEvent e;
        const uint64_t at = address + i * sizeof e;
        if (!c.memory.read(at, &e, sizeof e)) return false;
        put_structure(c.out, StructId::epoll_event, at, c.memory);
        return true;
    });
}

bool put_bit_set(Call& c, uint64_t address, uint64_t bits) {
    if (!address) {
        c.out.put("NULL");
        return true;
    }
    if (bits > 8192) bits = 8192;
    uint64_t w = 0;
    if (bits && !c.memory.read(address, &w, bits >= 64 ? 8 : static_cast<size_t>((bits + 7) / 8))) {
        c.out.address(address);
        return true;
    }
    c.out.put('[');
    bool first = true;
    for (uint64_t word = 0; word * 64 < bits; ++word) {
        w = 0;
        size_t n = bits - word * 64 >= 64 ? 8 : static_cast<size_t>((bits - word * 64 + 7) / 8);
        if (!c.memory.read(address + word * 8, &w, n)) {
            c.out.put("...");
            break;
        }
        for (unsigned b = 0; b < 64 && word * 64 + b < bits; ++b) {
            if (!(w >> b & 1)) continue;
            if (!first) c.out.put(' ');
            first = false;
            c.out.unsigned_decimal(word * 64 + b);
        }
    }
    c.out.put(']');
    return !first;
}

void put_strings(Call& c, uint64_t address, bool count_only) {
    if (!address) {
        c.out.put("NULL");
        return;
    }
    constexpr uint64_t most = 4096;
    uint64_t p;
    if (count_only) {
        c.out.address(address);
        if (!c.memory.read(address, &p, sizeof p)) return;
        uint64_t n = 0;
        while (n < most && c.memory.read(address + n * 8, &p, sizeof p) && p) ++n;
        c.out.put(" /* ");
        c.out.unsigned_decimal(n);
        c.out.put(n == 1 ? " var */" : " vars */");
        return;
    }
    if (!c.memory.read(address, &p, sizeof p)) {
        c.out.address(address);
        return;
    }
    c.out.put('[');
    for (uint64_t i = 0; i < most; ++i) {
        if (!c.memory.read(address + i * 8, &p, sizeof p)) {
            c.out.put(i ? ", ... /* " : "... /* ");
            c.out.hex(address + i * 8);
            c.out.put(" */");
            break;
        }
        if (!p) break;
        if (i) c.out.put(", ");
        if (i == trace_string_limit) {
            c.out.put("...");
            break;
        }
        put_user_string(c.out, p, c.memory.string_limit, c.memory);
    }
    c.out.put(']');
}

void put_ids(Call& c, uint64_t address, uint64_t count) {
    uint32_t first;
    if (!address || (count && !c.memory.read(address, &first, sizeof first))) {
        c.out.address(address);
        return;
    }
    put_list(c.out, address, count, [&](uint64_t i) {
        uint32_t id;
        if (!c.memory.read(address + i * sizeof id, &id, sizeof id)) return false;
        c.out.unsigned_decimal(id);
        return true;
    });
}

void put_page_states(Call& c, uint64_t address, uint64_t pages) {
    uint8_t first;
    if (!address || (pages && !c.memory.read(address, &first, 1))) {
        c.out.address(address);
        return;
    }
    put_list(c.out, address, pages, [&](uint64_t i) {
        uint8_t state;
        if (!c.memory.read(address + i, &state, 1)) return false;
        c.out.unsigned_decimal(state & 1);
        return true;
    });
}

void put_dirents(Call& c, uint64_t address, int64_t bytes) {
    c.out.address(address);
    // A record's length stands at 16 in both forms: behind inode and offset.
    unsigned n = 0;
    for (int64_t at = 0; at < bytes && n < 65536; ++n) {
        uint16_t length;
        if (!c.memory.read(address + static_cast<uint64_t>(at) + 16, &length, sizeof length) || length < 19) break;
        at += length;
    }
    c.out.put(" /* ");
    c.out.unsigned_decimal(n);
    c.out.put(n == 1 ? " entry */" : " entries */");
}

} // namespace linnet::abi
