// For assembly: code that is another with isolation=user.
#pragma once

// What differs with isolation=user stands in a copy of its own, so that ring 0 pays nothing for it. isolation.cc writes a jump to the
// copy over the start of the original, and does away with `stac` and `clac` on a CPU without SMAP.
    .macro isolated_copy original, copy
    .pushsection .isolation_table, "a"
    .long \original - ., \copy - .
    .popsection
    .endm
    .macro smap instruction
88: \instruction
    .pushsection .isolation_table, "a"
    .long 88b - ., 0
    .popsection
    .endm
