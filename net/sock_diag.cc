#include "net/sock_diag.h"

#include "linux-abi/sock_diag.h"
#include "net/sock_diag_parts.h"

namespace linnet {

namespace {

constexpr u8 kFamilies = 46; // AF_MAX

Result<void> by_family(NetlinkBuilder& b, const DiagRequest& r, SocketLists& sockets, Errno& refused) {
    if (r.body.size() < 2 || r.body[0] >= kFamilies) {
        refused = EINVAL;
        return {};
    }
    Result<void> (*family)(NetlinkBuilder&, const DiagRequest&, SocketLists&, Errno&) = nullptr;
    switch (r.body[0]) {
    case AF_INET:
    case AF_INET6: family = inet_diag_answer; break;
    case AF_UNIX: family = unix_diag_answer; break;
    case AF_NETLINK: family = netlink_diag_answer; break;
    }
    if (family && r.header.type == abi::kSockDiagByFamily) return family(b, r, sockets, refused);
    refused = family ? EOPNOTSUPP : ENOENT;
    return {};
}

Result<void> answer(const DiagRequest& r, SocketLists& sockets, Vec<u8>& out) {
    TRY(sockets.breathe());
    NetlinkBuilder b(out, r.header, r.asker.port);
    Errno refused{};
    const size_t before = out.size();
    if ((r.header.flags & NLM_F_REQUEST) && r.header.type >= NLMSG_MIN_TYPE) {
        if (r.dump && out.size() > kNetlinkDumpPending) return b.error(EBUSY, r.message);
        switch (r.header.type) {
        case abi::kTcpDiagGetSock: TRY(inet_diag_answer(b, r, sockets, refused)); break;
        case abi::kDccpDiagGetSock: refused = EOPNOTSUPP; break;
        case abi::kSockDiagByFamily:
        case abi::kSockDestroy: TRY(by_family(b, r, sockets, refused)); break;
        default: refused = EINVAL;
        }
    }
    if (refused != Errno{}) return b.error(refused, r.message);
    const bool dumped = r.dump && out.size() > before; // its end says that all went well
    if ((r.header.flags & NLM_F_ACK) && !dumped) return b.error(Errno{}, r.message);
    return {};
}

} // namespace

Result<void> sock_diag_reply(std::span<const u8> request, SocketLists& sockets, const DiagAsker& asker, size_t limit, Vec<u8>& replies) {
    return answer_netlink_requests(request, limit, replies, [&](const abi::Nlmsghdr& h, std::span<const u8> message) {
        return answer({h, message, message.subspan(sizeof h), (h.flags & NLM_F_DUMP) != 0, asker}, sockets, replies);
    });
}

} // namespace linnet
