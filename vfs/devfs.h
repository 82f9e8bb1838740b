// /dev as a file system kind; the registry is in vfs.h.
#pragma once

#include "vfs/dentry.h"

namespace linnet {

/// mount(2)'s "devtmpfs".
Result<Ref<Dentry>> mount_devfs(const char* source, const char* options);

} // namespace linnet
