// The text of /proc/net/*: procfs reads it through this table.
#pragma once

#include "kernel/lib/types.h"
#include "linux-abi/errno.h"

namespace linnet {

/// Appends to what becomes the file's text.
class TextSink {
  public:
    /// ENOMEM
    virtual Result<void> append(const char* text, size_t n) = 0;

  protected:
    ~TextSink() = default;
};

struct ProcNetFile {
    const char* name; // "tcp"
    Result<void> (*generate)(TextSink& out);
};
extern const ProcNetFile proc_net_files[];
extern const size_t proc_net_file_count;

} // namespace linnet
