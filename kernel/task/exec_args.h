// The strings of execve: copied out of the old program (or the kernel's command line) into one block.
#pragma once

#include "kernel/lib/vec.h"
#include "kernel/task/lifecycle.h"
#include "linux-abi/initial_stack.h"

namespace linnet {

struct ExecStrings {
    Vec<char> bytes; // argc argument strings, then envc environment strings, each with its NUL
    u32 argc = 0, envc = 0;

    /// E2BIG, EFAULT, ENOMEM. An empty argv becomes one empty string, as in Linux since 5.18.
    static Result<ExecStrings> collect(const StringArray& argv, const StringArray& envp, u64 stack_limit);
    /// For a script: argv[0] becomes interpreter, the optional argument, and the script's path. ENOMEM.
    Result<void> put_script(const char* interpreter, const char* argument, const char* path);
};

} // namespace linnet
