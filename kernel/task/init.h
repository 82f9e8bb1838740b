// Process 1, and the end of the machine with it. kernel/image fills the hooks in.
#pragma once

#include "kernel/task/task_interfaces.h"

namespace linnet {

struct MachineHooks {
    void (*report)(const char* line) = nullptr;              // one line to the host over the control port ("exit 0")
    void (*drain_and_reset)() = nullptr;                     // waits for the output to leave, then resets; does not return
    Result<void> (*change_directory)(const char* path) = nullptr; // chdir of the current task (option cwd=), kernel string
    void (*init_started)() = nullptr;                        // init's first instruction is about to run
};
extern MachineHooks machine_hooks;

/// Starts process 1 as boot_options say. Files must be there (open_exec). `files` and `fs`: its file table with the
/// standard streams, and its working directory. Thread context, once. Errors end the machine ("fail CODE TEXT").
void start_init(Ref<FileTableBase> files, Ref<FsContextBase> fs);

} // namespace linnet
