// unix_diag: UNIX sockets. Source: sock_diag(7), linux/unix_diag.h.
#include "linux-abi/sock_diag.h"
#include "net/sock_diag_parts.h"

namespace linnet {

namespace {

Result<void> put_socket(NetlinkBuilder& b, const UnixSocketInfo& s, const UnixSocketList& list, u32 show, u16 flags) {
    abi::UnixDiagMsg m{};
    m.family = AF_UNIX;
    m.type = s.type;
    m.state = s.state;
    m.inode = static_cast<u32>(s.inode);
    m.cookie[0] = static_cast<u32>(s.inode);
    m.cookie[1] = s.inode >> 32;
    TRY(b.begin(abi::kSockDiagByFamily, flags, &m, sizeof m));
    if ((show & abi::kUnixShowName) && s.name_length) {
        // A path's NUL belongs to it, as in unix(7)'s sockaddr.
        char name[sizeof s.name + 1];
        memcpy(name, s.name, s.name_length);
        name[s.name_length] = 0;
        TRY(b.attribute(abi::kUnixDiagName, name, s.name_length + (name[0] != 0)));
    }
    if ((show & abi::kUnixShowVfs) && s.bound_to_path) {
        abi::UnixDiagVfs v{s.path_inode, s.path_device};
        TRY(b.attribute(abi::kUnixDiagVfs, &v, sizeof v));
    }
    if ((show & abi::kUnixShowPeer) && s.peer_inode) TRY(b.attribute_u32(abi::kUnixDiagPeer, static_cast<u32>(s.peer_inode)));
    if ((show & abi::kUnixShowPending) && s.state == TCP_LISTEN)
        TRY(b.attribute(abi::kUnixDiagPending, list.pending.data() + s.first_pending, 4 * s.pending_count));
    if (show & abi::kUnixShowQueues) {
        abi::UnixDiagQueues q{s.receive_queue, s.send_queue};
        TRY(b.attribute(abi::kUnixDiagQueues, &q, sizeof q));
    }
    TRY(b.attribute_u8(abi::kUnixDiagShutdown, s.shutdown));
    if (show & abi::kUnixShowUid) TRY(b.attribute_u32(abi::kUnixDiagUid, s.uid));
    b.end();
    return {};
}

} // namespace

Result<void> unix_diag_answer(NetlinkBuilder& b, const DiagRequest& r, SocketLists& sockets, Errno& refused) {
    abi::UnixDiagReq q;
    if (r.body.size() < sizeof q) return refused = EINVAL, Result<void>();
    memcpy(&q, r.body.data(), sizeof q);
    if (!r.dump && !q.inode) return refused = EINVAL, Result<void>();
    UnixSocketList list;
    TRY(sockets.unix_sockets(list));
    for (const UnixSocketInfo& s : list.sockets) {
        TRY(sockets.breathe());
        if (!r.dump) {
            if (static_cast<u32>(s.inode) != q.inode) continue;
            if (!diag_cookie_matches(q.cookie, s.inode)) return refused = ESTALE, Result<void>();
            return put_socket(b, s, list, q.show, 0);
        }
        // Those that nobody has accepted yet have no inode, and are not shown.
        if (s.inode && (q.states >> s.state & 1)) TRY(put_socket(b, s, list, q.show, NLM_F_MULTI));
    }
    if (r.dump) return b.done();
    return refused = ENOENT, Result<void>();
}

} // namespace linnet
