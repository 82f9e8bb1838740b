#include "net/user_message.h"

#include "kernel/lib/string.h"
#include "kernel/mm/user.h"

namespace linnet {

namespace {
constexpr u32 kMaxControl = 20480; // net.core.optmem_max
}

Result<void> copy_name_in(SockAddrBuffer& out, u64 address, i32 length) {
    if (length < 0 || length > static_cast<i32>(sizeof out.bytes)) return EINVAL;
    out.length = length;
    if (length) TRY(copy_from_user(out.bytes, address, length));
    if (length < 2) memset(out.bytes + length, 0, 2 - length);
    return {};
}

Result<void> copy_name_out(const SockAddrBuffer& name, u64 address, u64 length_address) {
    i32 room = TRY(user_read<i32>(length_address));
    if (room < 0) return EINVAL;
    u32 n = name.length < static_cast<u32>(room) ? name.length : room;
    if (n) TRY(copy_to_user(address, name.bytes, n));
    return user_write<i32>(length_address, name.length);
}

Result<void> SendRequest::copy_in(const abi::MsgHdr& h) {
    i32 length = h.name ? h.namelen : 0;
    if (length < 0) return EINVAL;
    if (length > static_cast<i32>(sizeof name.bytes)) length = sizeof name.bytes;
    TRY(copy_name_in(name, h.name, length));
    TRY(segments.copy_in(h.iov, h.iovlen, EMSGSIZE));
    if (h.controllen && h.control) {
        if (h.controllen > kMaxControl) return ENOBUFS;
        TRY(control.resize(h.controllen));
        TRY(copy_from_user(control.data(), h.control, h.controllen));
    }
    return {};
}

Result<void> ReceiveRequest::copy_in(u64 address) {
    header = TRY(user_read<abi::MsgHdr>(address));
    if (header.name && header.namelen < 0) return EINVAL;
    return segments.copy_in(header.iov, header.iovlen, EMSGSIZE);
}

Result<void> ReceiveRequest::copy_out(u64 address, const SockAddrBuffer& name, const ControlWriter& control, u32 flags) const {
    if (header.name) TRY(copy_name_out(name, header.name, address + offsetof(abi::MsgHdr, namelen)));
    if (control.length()) TRY(copy_to_user(header.control, control.data(), control.length()));
    TRY(user_write<u32>(address + offsetof(abi::MsgHdr, flags), flags));
    return user_write<u64>(address + offsetof(abi::MsgHdr, controllen), control.length());
}

} // namespace linnet
