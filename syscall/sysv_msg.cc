// System V message queues. msgget(2), msgop(2), msgctl(2).
#include "kernel/ipc/message_queues.h"
#include "kernel/mm/user.h"
#include "linux-abi/syscalls.h"

namespace linnet {

using namespace abi;

Outcome sys_msgget(IpcKey key, MsgGetFlags msgflg) { return TRY(get_message_queue(key.value, u32(msgflg.bits()))); }

Outcome sys_msgsnd(Int msqid, MsgBuffer<2> msgp, Size msgsz, MsgOpFlags msgflg) {
    const i64 type = TRY(user_read<i64>(msgp.address()));
    if (msgsz.value > u64(i64(sysctl::msgmax)) || msqid.value < 0 || type < 1) return EINVAL;
    OwnedMessage m = TRY(allocate_message(type, msgsz.value));
    TRY(copy_from_user(m->text(), msgp.address() + sizeof type, msgsz.value));
    TRY(send_message(msqid.value, std::move(m), u32(msgflg.bits())));
    return 0;
}

/// A message that cannot be stored is lost, as on Linux.
Outcome sys_msgrcv(Int msqid, MsgBufferOut<2> msgp, Size msgsz, Long msgtyp, MsgOpFlags msgflg) {
    if (msqid.value < 0 || i64(msgsz.value) < 0) return EINVAL;
    OwnedMessage m = TRY(receive_message(msqid.value, msgsz.value, msgtyp.value, u32(msgflg.bits())));
    const u64 size = m->size < msgsz.value ? m->size : msgsz.value;
    TRY(user_write<i64>(msgp.address(), m->type));
    TRY(copy_to_user(msgp.address() + sizeof(i64), m->text(), size));
    return i64(size);
}

Outcome sys_msgctl(Int msqid, MsgCmd cmd, MsgCtlBuffer buf) {
    const i32 id = msqid.value;
    if (id < 0) return EINVAL;
    switch (cmd.value) {
    case IPC_INFO:
    case MSG_INFO: {
        u32 queues;
        u64 messages, bytes;
        const i32 highest = message_usage(queues, messages, bytes);
        Msginfo i{};
        i.msgmax = i32(i64(sysctl::msgmax)), i.msgmnb = i32(i64(sysctl::msgmnb)), i.msgmni = i32(i64(sysctl::msgmni));
        i.msgssz = 16, i.msgseg = 0xffff; // Linux's constants, without a meaning
        const bool usage = cmd.value == MSG_INFO;
        i.msgpool = usage ? i32(queues) : i32(i64(sysctl::msgmni) * i64(sysctl::msgmnb) / 1024);
        i.msgmap = usage ? i32(messages) : i.msgmnb;
        i.msgtql = usage ? i32(bytes) : i.msgmnb;
        TRY(user_write(buf.address(), i));
        return highest;
    }
    case IPC_STAT:
    case MSG_STAT:
    case MSG_STAT_ANY: {
        MsqidDs ds;
        const i32 result = TRY(stat_message_queue(id, cmd.value, ds));
        TRY(user_write(buf.address(), ds));
        return result;
    }
    case IPC_SET: TRY(set_message_queue(id, TRY(user_read<MsqidDs>(buf.address())))); return 0;
    case IPC_RMID: TRY(remove_message_queue(id)); return 0;
    }
    return EINVAL;
}

} // namespace linnet
