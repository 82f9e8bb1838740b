// Netlink messages put together and taken apart, for every protocol. Pure; fuzzed on the host. Source: netlink(7).
#pragma once

#include <span>

#include "kernel/lib/string.h"
#include "kernel/lib/vec.h"
#include "linux-abi/netif.h"

namespace linnet {

constexpr u32 netlink_align(u32 n) { return (n + 3) & ~3u; }

/// Unread bytes of replies from which on a request for a dump is EBUSY: Linux runs one dump of a socket at a time, and one datagram
/// may hold thousands of requests.
inline constexpr size_t kNetlinkDumpPending = 32 * KiB;
inline constexpr size_t kNetlinkDatagram = 8192; // of a dump in one datagram, in bytes: as large as recvmsg buffers usually are

/// Appends messages and attributes to `out`.
class NetlinkBuilder {
  public:
    NetlinkBuilder(Vec<u8>& out, const abi::Nlmsghdr& request, u32 port) : out_(out), request_(request), port_(port) {}

    Result<void> begin(u16 type, u16 flags, const void* body, u32 n) {
        start_ = out_.size();
        abi::Nlmsghdr h{0, type, flags, request_.seq, port_};
        TRY(append(&h, sizeof h));
        return append(body, n);
    }
    Result<void> attribute(u16 type, const void* p, u32 n) {
        abi::Rtattr a{static_cast<u16>(sizeof(abi::Rtattr) + n), type};
        TRY(append(&a, sizeof a));
        return append(p, n);
    }
    Result<void> attribute_u32(u16 type, u32 v) { return attribute(type, &v, 4); }
    Result<void> attribute_u8(u16 type, u8 v) { return attribute(type, &v, 1); }
    void end() {
        u32 n = out_.size() - start_;
        memcpy(out_.data() + start_, &n, 4);
    }

    /// NLMSG_ERROR; Errno{} is an acknowledgement, which shows the request's header alone. `message`: all of the request.
    Result<void> error(Errno error, std::span<const u8> message) {
        abi::Nlmsgerr e{-static_cast<int>(error), request_};
        TRY(begin(NLMSG_ERROR, error == Errno{} ? NLM_F_CAPPED : 0, &e, sizeof e));
        if (error != Errno{} && message.size() > sizeof request_) TRY(append(message.data() + sizeof request_, message.size() - sizeof request_));
        end();
        return {};
    }
    /// The end of a dump, with the error that ended it.
    Result<void> done(Errno error = {}) {
        i32 status = -static_cast<int>(error);
        TRY(begin(NLMSG_DONE, NLM_F_MULTI, &status, sizeof status));
        end();
        return {};
    }

  private:
    Result<void> append(const void* p, u32 n) {
        size_t at = out_.size();
        TRY(out_.resize(at + netlink_align(n)));
        if (n) memcpy(out_.data() + at, p, n);
        return {};
    }
    Vec<u8>& out_;
    const abi::Nlmsghdr& request_;
    u32 port_;
    size_t start_ = 0;
};

/// Calls f(type, value) for each attribute in `bytes`, up to the first that does not fit.
template <class F>
void each_netlink_attribute(std::span<const u8> bytes, F&& f) {
    while (bytes.size() >= sizeof(abi::Rtattr)) {
        abi::Rtattr a;
        memcpy(&a, bytes.data(), sizeof a);
        if (a.len < sizeof a || a.len > bytes.size()) return;
        f(static_cast<u16>(a.type & 0x3fff), bytes.subspan(sizeof a, a.len - sizeof a)); // without NLA_F_NESTED, NLA_F_NET_BYTEORDER
        size_t step = netlink_align(a.len);
        if (step >= bytes.size()) return;
        bytes = bytes.subspan(step);
    }
}

/// Calls f(header, message) for each message of a datagram of requests, up to the first malformed one. Stops on an error, which it returns.
template <class F>
Result<void> each_netlink_request(std::span<const u8> datagram, F&& f) {
    while (datagram.size() >= sizeof(abi::Nlmsghdr)) {
        abi::Nlmsghdr h;
        memcpy(&h, datagram.data(), sizeof h);
        if (h.len < sizeof h || h.len > datagram.size()) return {};
        TRY(f(h, datagram.first(h.len)));
        size_t step = netlink_align(h.len);
        if (step >= datagram.size()) return {};
        datagram = datagram.subspan(step);
    }
    return {};
}

/// As each_netlink_request(), where f appends its answer to `replies`, which hold what is unread. An answer to a receive buffer that is full
/// already (`limit` bytes) is dropped, and the rest of the datagram with it: ENOBUFS, which the reader is told. Otherwise f's error.
template <class F>
Result<void> answer_netlink_requests(std::span<const u8> datagram, size_t limit, Vec<u8>& replies, F&& f) {
    return each_netlink_request(datagram, [&](const abi::Nlmsghdr& h, std::span<const u8> message) -> Result<void> {
        const size_t before = replies.size();
        TRY(f(h, message));
        if (before <= limit || replies.size() == before) return {};
        TRY(replies.resize(before));
        return ENOBUFS;
    });
}

/// What a socket has answered and the program has not read yet: whole messages, one behind the other.
class NetlinkReplies {
  public:
    size_t unread() const { return bytes_.size() - read_; }
    std::span<const u8> unread_bytes() const { return {bytes_.data() + read_, unread()}; }

    /// Calls f(bytes), which appends messages to what is unread. An error but ENOBUFS takes them back, since the last may not be whole.
    template <class F>
    Result<void> append(F&& f) {
        if (read_) { // otherwise a reader who never reads the last one would let the buffer grow without end
            memmove(bytes_.data(), bytes_.data() + read_, unread());
            TRY(bytes_.resize(unread()));
            read_ = 0;
        }
        const size_t before = bytes_.size();
        Result<void> r = f(bytes_);
        if (!r && r.error() != ENOBUFS) TRY(bytes_.resize(before));
        return r;
    }

    /// Bytes of the next datagram: as many whole messages as fit kNetlinkDatagram, at least one; 0 if nothing is unread.
    size_t next_datagram() const {
        const std::span<const u8> left = unread_bytes();
        size_t n = 0;
        while (left.size() - n >= sizeof(abi::Nlmsghdr)) {
            abi::Nlmsghdr h;
            memcpy(&h, left.data() + n, sizeof h);
            const size_t step = netlink_align(h.len);
            if (h.len < sizeof h || step > left.size() - n) break; // not one of ours: never, but it would not end
            if (n && n + step > kNetlinkDatagram) break;
            n += step;
            if (h.type == NLMSG_DONE || h.type == NLMSG_ERROR) break;
        }
        return n;
    }

    /// The program has read `n` bytes. Gives the memory back after the last.
    void consume(size_t n) {
        read_ += n;
        if (read_ != bytes_.size()) return;
        Vec<u8> gone = std::move(bytes_);
        read_ = 0;
    }

  private:
    Vec<u8> bytes_;
    size_t read_ = 0;
};

} // namespace linnet
