// Set-up of the file systems at boot, and the registry of character devices.
#pragma once

#include "vfs/inode.h"

namespace linnet {

/// Root from the boot archive (or an empty tmpfs), /dev, /dev/shm, /tmp, /run; /proc and /sys if such file systems are
/// registered. Also sets kernel/task's open_exec. Boot thread, after the heap and before the first process.
Result<void> vfs_init();

/// Opens a character device: a new open file at `where` (derive from DeviceFile). `flags` as open(2).
using CharOpen = Result<Ref<File>> (*)(const Location& where, u32 flags);
/// Makes device (major, minor) known, and /dev/NAME (crw-rw-rw- unless `mode` says otherwise) if the name is not null. Before or
/// after vfs_init(). Literals only. EEXIST, ENOSPC
Result<void> register_char_inode(const char* name, u32 major, u32 minor, CharOpen open, u32 mode = 0666);
/// ENXIO if there is no such device.
Result<Ref<File>> open_char_device(u64 rdev, const Location& where, u32 flags);

/// An open file for the first process's descriptors 0 to 2, and for files that the kernel writes (O_CREAT). Path look-up
/// from the system root. ENOENT...
Result<Ref<File>> open_at_boot(const char* path, u32 flags);

} // namespace linnet
