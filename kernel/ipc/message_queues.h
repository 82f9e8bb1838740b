// System V message queues: msgget(2), msgsnd(2), msgrcv(2), msgctl(2).
#pragma once

#include "kernel/ipc/ipc_object.h"

namespace linnet {

/// A message on its way: a header with the text behind it, in one allocation.
struct QueuedMessage {
    ListNode node;
    i64 type;
    u64 size;
    char* text() { return reinterpret_cast<char*>(this + 1); }
};
/// Frees by itself.
class OwnedMessage : NoCopy {
  public:
    OwnedMessage() = default;
    explicit OwnedMessage(QueuedMessage* m) : m_(m) {}
    OwnedMessage(OwnedMessage&& o) noexcept : m_(std::exchange(o.m_, nullptr)) {}
    ~OwnedMessage() { kfree(m_); }
    QueuedMessage* get() const { return m_; }
    QueuedMessage* operator->() const { return m_; }
    QueuedMessage* release() { return std::exchange(m_, nullptr); }
    explicit operator bool() const { return m_ != nullptr; }
    OwnedMessage& operator=(OwnedMessage&& o) noexcept {
        std::swap(m_, o.m_);
        return *this;
    }

  private:
    QueuedMessage* m_ = nullptr;
};
/// ENOMEM
Result<OwnedMessage> allocate_message(i64 type, u64 size);

/// EINVAL, ENOSPC, ENOMEM, ENOENT, EEXIST, EACCES
Result<i32> get_message_queue(i32 key, u32 flags);
/// EINVAL, EACCES, EAGAIN, EIDRM; interrupted: Restart::no_hand
Result<void> send_message(i32 id, OwnedMessage m, u32 flags);
/// The message, or (MSG_COPY) a copy of it. EINVAL, EACCES, E2BIG, ENOMSG, EIDRM, ENOMEM; interrupted: Restart::no_hand
Result<OwnedMessage> receive_message(i32 id, u64 size, i64 type, u32 flags);
/// IPC_STAT, MSG_STAT, MSG_STAT_ANY; the identifier. EINVAL, EACCES
Result<i32> stat_message_queue(i32 id, int command, abi::MsqidDs& out);
/// EINVAL, EPERM
Result<void> set_message_queue(i32 id, const abi::MsqidDs& ds);
Result<void> remove_message_queue(i32 id);
/// The highest index in use; queues, messages and bytes that there are.
i32 message_usage(u32& queues, u64& messages, u64& bytes);

} // namespace linnet
