// What sendmsg(2) and recvmsg(2) name in a program's memory: names, vectors and control data, copied in and out. No socket is
// touched here, so that it can be fuzzed on the host. Source: ___sys_sendmsg, ____sys_recvmsg of net/socket.c.
#pragma once

#include "kernel/lib/vec.h"
#include "kernel/mm/user_segments.h"
#include "linux-abi/socket.h"
#include "net/address.h"
#include "net/control_message.h"

namespace linnet {

/// EINVAL (length), EFAULT
Result<void> copy_name_in(SockAddrBuffer& out, u64 address, i32 length);
/// As Linux's move_addr_to_user: what fits is copied, the whole length is told. EINVAL, EFAULT
Result<void> copy_name_out(const SockAddrBuffer& name, u64 address, u64 length_address);

/// A message to send.
struct SendRequest : NoCopy {
    SockAddrBuffer name; // length 0: none
    UserSegments segments;
    Vec<u8> control;
    /// EMSGSIZE (too many segments), EINVAL, EFAULT, ENOBUFS (control data), ENOMEM. Once.
    Result<void> copy_in(const abi::MsgHdr& h);
};

/// Where a message that is received goes.
struct ReceiveRequest : NoCopy {
    abi::MsgHdr header;
    UserSegments segments;
    /// `address`: of the program's msghdr. EMSGSIZE, EINVAL, EFAULT, ENOMEM. Once.
    Result<void> copy_in(u64 address);
    u64 control_room() const { return header.control ? header.controllen : 0; }
    /// Tells the program of all but the data. EINVAL, EFAULT
    Result<void> copy_out(u64 address, const SockAddrBuffer& name, const ControlWriter& control, u32 flags) const;
};

} // namespace linnet
