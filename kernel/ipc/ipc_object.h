// What the three kinds of System V objects share: keys and identifiers, owners and permissions. svipc(7).
#pragma once

#include "kernel/lib/sysctl.h"
#include "kernel/lib/vec.h"
#include "kernel/sync/mutex.h"
#include "kernel/task/task.h"
#include "linux-abi/ipc.h"

namespace linnet {

/// In each object as `ipc`; guarded by its table's lock.
struct IpcHeader {
    i32 key = 0, id = -1;
    u32 uid = 0, gid = 0, cuid = 0, cgid = 0;
    u32 mode = 0; // permissions, SHM_DEST, SHM_LOCKED
    bool removed = false;

    /// The current task's, with the permissions of `flags`.
    void init(i32 its_key, u32 flags);
    /// `flags`: permission bits, of which any class's count (0444, 0222 or as shmget's). EACCES
    Result<void> check_access(u32 flags) const;
    /// IPC_SET, IPC_RMID. EPERM
    Result<void> check_owner() const;
    abi::IpcPerm to_perm() const;
    /// IPC_SET. EINVAL
    Result<void> set(const abi::IpcPerm& perm);
};

/// Seconds since 1970, as the *_ctime of the objects.
i64 ipc_now();
/// Of the current process; 0 in a kernel thread.
i32 ipc_pid();

/// Objects by identifier: an index, and above it a number that changes when an index is used again.
template <class T>
class IpcTable {
  public:
    static constexpr u32 kIndexBits = 15, kMaxIndex = (1u << kIndexBits) - 1;
    Mutex<Rank::MiscMutex> lock;

    /// EINVAL
    Result<Ref<T>> find(i32 id) REQUIRES(lock) {
        Ref<T> o = at(id < 0 ? -1 : i32(u32(id) & kMaxIndex));
        if (!o || o->ipc.id != id) return EINVAL;
        return o;
    }
    /// Null: none. What SHM_STAT's "identifier" is.
    Ref<T> at(i32 index) REQUIRES(lock) { return index < 0 || size_t(index) >= slots_.size() ? Ref<T>() : slots_[size_t(index)]; }
    /// What IPC_INFO returns.
    i32 highest() const REQUIRES(lock) { return slots_.empty() ? 0 : i32(slots_.size()) - 1; }
    u32 used() const REQUIRES(lock) { return used_; }
    size_t size() const REQUIRES(lock) { return slots_.size(); }
    /// The calls' first half: what is there. `fits` says what else is wrong with the object found. ENOENT, EEXIST, EACCES; 0: to be created.
    template <class F>
    Result<Ref<T>> look_up(i32 key, u32 flags, F&& fits) REQUIRES(lock) {
        if (key == IPC_PRIVATE) return Ref<T>();
        for (Ref<T>& o : slots_) {
            if (!o || o->ipc.key != key) continue;
            if ((flags & IPC_CREAT) && (flags & IPC_EXCL)) return EEXIST;
            TRY(fits(*o));
            TRY(o->ipc.check_access(flags & 0777));
            return o;
        }
        if (!(flags & IPC_CREAT)) return ENOENT;
        return Ref<T>();
    }
    /// Gives it an identifier. ENOSPC: there are `limit`; ENOMEM
    Result<i32> add(Ref<T> o, i64 limit) REQUIRES(lock) {
        if (i64(used_) >= limit || used_ > kMaxIndex) return ENOSPC;
        size_t index = 0;
        while (index < slots_.size() && slots_[index]) ++index;
        if (index == slots_.size()) TRY(slots_.push_back(Ref<T>()));
        if (last_index_ >= 0 && i64(index) <= last_index_) sequence_ = sequence_ == 0xffff ? 0 : sequence_ + 1;
        last_index_ = i64(index);
        ++used_;
        o->ipc.id = i32(sequence_ << kIndexBits | u32(index));
        slots_[index] = std::move(o);
        return slots_[index]->ipc.id;
    }
    /// The table's reference, for the caller to drop.
    Ref<T> remove(T& o) REQUIRES(lock) {
        Ref<T> r = std::move(slots_[u32(o.ipc.id) & kMaxIndex]);
        o.ipc.removed = true;
        --used_;
        while (!slots_.empty() && !slots_.back()) slots_.pop_back();
        return r;
    }

  private:
    Vec<Ref<T>> slots_ GUARDED_BY(lock); // the last one is not null
    u32 used_ GUARDED_BY(lock) = 0;
    i64 last_index_ GUARDED_BY(lock) = -1;
    u32 sequence_ GUARDED_BY(lock) = 0;
};

namespace sysctl {
// kernel.*; each read without a lock.
inline constinit std::atomic<u64> shmmax{~0ull - (1ull << 24)}, shmall{~0ull - (1ull << 24)}; // bytes of a segment, pages of all
inline constinit SysctlNumber shmmni{4096, 0, 32768};
inline constinit SysctlNumber semmsl{32000, 0, 65536}, semmns{1024000000, 0, 0x7fffffff}, semopm{500, 0, 0x7fffffff}, semmni{32000, 0, 32768};
inline constinit SysctlNumber msgmax{8192, 0, 1 << 20}, msgmnb{16384, 0, 0x7fffffff}, msgmni{32000, 0, 32768};
} // namespace sysctl

} // namespace linnet
