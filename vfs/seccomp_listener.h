// The descriptor by which a program answers system calls of others: SECCOMP_FILTER_FLAG_NEW_LISTENER. Source: seccomp_unotify(2).
#pragma once

#include "kernel/task/seccomp.h"
#include "vfs/file.h"

namespace linnet {

/// killable: a thread whose call was received waits for its answer whatever signal comes, but for a deadly one. `listener` is for the
/// filter. ENOMEM
Result<Ref<File>> make_seccomp_listener(bool killable, Ref<SeccompListener>& listener);

} // namespace linnet
