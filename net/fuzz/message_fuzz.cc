// Hostile iovec arrays and msghdr in a program's memory, parts of which are not there: whatever they say, no more than they name
// is moved, counts agree, and nothing leaks.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "kernel/host/machine.h"
#include "kernel/host/user_memory.h"
#include "net/user_message.h"

using namespace linnet;

namespace {

constexpr u64 kHeader = host::kUserBase + 2 * kPageSize - 24; // over the end of a page
constexpr size_t kBuffer = 6 * kPageSize;
u8 buffer[kBuffer];

void check(bool good) {
    if (!good) abort();
}

struct Input {
    const uint8_t* data;
    size_t left;
    u8 byte() { return left ? --left, *data++ : 0; }
    u64 raw(size_t n) {
        u64 v = 0;
        while (n--) v = v << 8 | byte();
        return v;
    }
    /// An address: mostly of the program's pages, near their edges now and then; else the edge of the address space, or anything.
    u64 address() {
        u8 kind = byte();
        if (kind < 0xc0) return host::kUserBase + (kind % host::kUserPages) * kPageSize + raw(2) % kPageSize;
        if (kind < 0xe0) return host::kUserBase + (kind % host::kUserPages) * kPageSize - (kind & 7);
        if (kind < 0xf0) return kUserEnd - (kind & 15) * 512;
        return kind & 1 ? raw(8) : 0;
    }
    u64 length() {
        u8 kind = byte();
        if (kind < 0xa0) return kind;
        if (kind < 0xe0) return raw(2) % (3 * kPageSize);
        if (kind < 0xf0) return 0x7fffffffull + kind - 0xe8;
        return raw(8);
    }
};

/// Uses up a vector by all its ways of moving data.
void move(IoVector v, Input& in, u64 sum) {
    check(v.remaining() == sum && v.consumed() == 0);
    for (int step = 0; step < 24 && v.remaining(); ++step) {
        const size_t before = v.remaining(), used = v.consumed();
        size_t n = in.length() % (kBuffer + 1), most = n < before ? n : before, moved = 0;
        switch (in.byte() % 6) {
        case 0: moved = v.copy_out(buffer, n); break;
        case 1: moved = v.copy_in(buffer, n); break;
        case 2: moved = v.clear(n); break;
        case 3: v.skip(n), moved = most; break;
        case 4:
            if (used == 0) break;
            n %= used + 1;
            v.rewind(n);
            check(v.remaining() == before + n && v.consumed() == used - n);
            continue;
        case 5: {
            IoSegment first = v.front();
            check(first.length && first.length <= before && user_range_ok(first.base, first.length));
            continue;
        }
        }
        check(moved <= most && v.remaining() == before - moved && v.consumed() == used + moved);
    }
}

u64 sum_of(const UserSegments& s) {
    u64 sum = s.vector().remaining();
    check(sum <= kMaxTransfer);
    return sum;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    host::boot();
    const long objects = host::heap_objects();
    Input in{data, size};
    for (u64 p = 0; p < host::kUserPages; ++p) host::set_user_page(p, true);
    // The array, then the header that names it.
    const u64 array = in.address(), count = in.byte() % 40, said = in.byte() < 0xe8 ? count : in.raw(8);
    const bool array_fits = array >= host::kUserBase && array + 40 * sizeof(IoSegment) <= host::kUserBase + host::kUserPages * kPageSize;
    for (u64 i = 0; array_fits && i < count; ++i) {
        IoSegment s{in.address(), in.length()};
        memcpy(host::user_at(array + i * sizeof s), &s, sizeof s);
    }
    linnet::abi::MsgHdr h{};
    h.name = in.byte() & 3 ? in.address() : 0;
    h.namelen = in.byte() < 0xe0 ? int(in.byte()) : int(in.raw(4));
    h.iov = array, h.iovlen = said;
    h.control = in.byte() & 3 ? in.address() : 0;
    h.controllen = in.length();
    memcpy(host::user_at(kHeader), &h, sizeof h);
    for (int holes = in.byte() & 7; holes; --holes) host::set_user_page(in.byte() % host::kUserPages, false);
    if (u8 memory = in.byte(); memory >= 0xe0) host::heap_allocations_left = memory & 3;

    {
        UserSegments segments;
        auto r = segments.copy_in(array, said);
        if (said > kMaxSegments) check(!r && r.error() == EINVAL);
        if (r) move(segments.vector(), in, sum_of(segments));
        else check(segments.vector().remaining() == 0);
    }
    {
        SendRequest send;
        if (send.copy_in(h)) {
            check(send.name.length <= sizeof send.name.bytes);
            check(send.control.size() == (h.control ? h.controllen : 0));
            ControlReader reader({send.control.data(), send.control.size()});
            ControlMessage m;
            for (auto more = reader.next(m); more && *more; more = reader.next(m)) check(m.data.size() <= send.control.size());
            move(send.segments.vector(), in, sum_of(send.segments));
        }
    }
    {
        ReceiveRequest receive;
        if (receive.copy_in(kHeader)) {
            move(receive.segments.vector(), in, sum_of(receive.segments)); // it may write over the header: as a program may
            SockAddrBuffer name{};
            name.length = in.byte() % (sizeof name.bytes + 1);
            ControlWriter control(receive.control_room());
            control.put(1, 1, buffer, in.raw(2) % 9000);
            check(control.length() <= receive.control_room());
            (void)receive.copy_out(kHeader, name, control, 0);
        }
    }
    host::heap_allocations_left = -1;
    check(host::heap_objects() == objects);
    return 0;
}
