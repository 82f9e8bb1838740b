// The whole lock order. A thread may take a lock only if its rank is above every rank that it holds;
// equal ranks only where `same_rank_ok` says so (two inodes in address order, parent before child).
// Debug builds check it at each acquisition. Mutexes (which sleep) come first: no mutex is ever taken while a
// spin lock is held.
#pragma once

#include "kernel/lib/types.h"

namespace linnet {

enum class Rank : u8 {
    // --- mutexes ---
    ProcessExec,   // one exec, fork or exit of a process at a time
    MountTable,    // mount and umount
    Rename,        // one directory rename in the whole system: keeps the tree a tree
    EpollTeardown, // ends of watched files and of epolls; additions of epolls to epolls
    Epoll,         // an epoll's interest list; nested epolls are bounded before it is taken
    Socket,        // one socket's state (outside net's core)
    FilePosition,  // a file description's offset, held over read and write
    Inode,         // one inode's contents or directory entries
    Pipe,          // a pipe's buffer
    Tty,           // a terminal's line discipline
    PiFutexes,     // owners and waiters of PI futexes; their words are touched under it
    AddressSpace,  // mappings of one address space: page faults take it below file locks
    VmObject,      // pages of one page cache or anonymous object
    MiscMutex,     // leaves: small device and table mutexes that call nothing
    // --- spin locks ---
    PidTable,      // pid -> process look-ups, process tree, sessions, groups
    SignalState,   // pending signals and handlers of one process
    SignalActions, // one table of signal actions, which processes may share
    FileTable,     // descriptors of one file table
    FsContext,     // cwd, root, umask of one process
    DentryCache,   // names -> inodes
    FileLocks,     // fcntl and flock records
    NetCore,       // lwIP and everything that its callbacks touch
    DatagramQueue, // one datagram endpoint's queue, error and remembered peer; with or without NetCore
    UnixSocket,    // queues between UNIX sockets
    FutexBucket,   // one bucket of the futex table
    TimerFiles,    // timerfds that wait for a time of CLOCK_REALTIME
    MiscSpin,      // leaves of drivers and /proc
    NetDevice,     // rings of one network device
    Virtqueue,     // rings of one virtio device
    PciConfig,     // the pair of ports, or a function's header, of configuration space; calls nothing
    PageTable,     // mappings as faults see them, and the page-table entries of a group of 2 MiB regions
    VmObjectIndex, // page look-up of one VmObject; mappings of an object
    WaitQueue,     // waiters of one queue
    WaitQueueNested, // epoll's own queue, woken from a file's queue
    RunQueue,      // one CPU's run queue; never two at once
    Timers,        // one CPU's timer queue; the slice timer is armed under the run queue's lock
    KernelMappings,// upper-half address allocation
    Heap,          // one slab cache
    PageAllocator, // buddy lists
    Entropy,       // the generator's state
    ClockData,     // the parameters that the vDSO reads
    Log,           // the serial line; taken with everything held
};

inline constexpr Rank kLastMutexRank = Rank::MiscMutex;
constexpr bool same_rank_ok(Rank r) { return r == Rank::Inode || r == Rank::UnixSocket || r == Rank::Epoll || r == Rank::AddressSpace || r == Rank::SignalState || r == Rank::FutexBucket ||
           r == Rank::WaitQueue; } // WaitQueue: an epoll's under that of a file it watches; epolls form no loops

} // namespace linnet
