// A process held by a descriptor: pidfd_open(2).
#pragma once

#include "kernel/task/process.h"
#include "vfs/file.h"

namespace linnet {

/// flags: O_NONBLOCK (PIDFD_NONBLOCK). Readable once the process's last thread has ended. ENOMEM
Result<Ref<File>> make_pidfd(Ref<Process> p, u32 flags);
/// The process of a pidfd; null for a file of another kind.
Process* process_of_pidfd(File& f);
/// A descriptor (close-on-exec) of the current task for a process that is about to be made: CLONE_PIDFD. EMFILE, ENOMEM
Result<i32> install_pidfd_file(Process& p);
/// Takes it back: the process was not made.
void remove_pidfd_file(i32 fd);

} // namespace linnet
