// SIGCHLD of programs that do not handle it.
#pragma once

#include "cli/compare/trace_file.h"

namespace linnet::cli {

// A child's end and its parent's wait are not ordered: SIGCHLD may come before the wait, interrupt it, or come after it. Where the program
// has no handler for it, its line is moved behind the wait that took the child (to the end if none did), and a call that it interrupted, and that
// started again, is left out. Lines are as strace wrote them.
void order_child_signals(Trace& trace);

} // namespace linnet::cli
