// What kernel/image starts instead of the program in the image of the in-kernel tests.
#pragma once

#include "kernel/task/task_interfaces.h"

namespace linnet {

/// Runs the cases that the arguments choose (run_ktest.py) and ends QEMU. Thread context, once.
void start_kernel_tests(Ref<FileTableBase> files, Ref<FsContextBase> fs);

} // namespace linnet
