// eventfd(2).
#pragma once

#include "vfs/file.h"

namespace linnet {

/// flags: EFD_SEMAPHORE, EFD_NONBLOCK. ENOMEM
Result<Ref<File>> make_eventfd(u64 count, u32 flags);

} // namespace linnet
