// Files of /proc and /sys by path, so that every part of the kernel can show its own without knowing procfs. A list of paths is
// the whole tree: folders exist because something is in them.
#pragma once

#include "kernel/lib/format.h"
#include "kernel/lib/vec.h"

namespace linnet {

/// Text that grows; running out of memory is remembered.
class GrowingText : NoCopy {
  public:
    void append(const char* format, ...) __attribute__((format(printf, 2, 3)));
    void put(const char* s, size_t n);
    void put(char c) { put(&c, 1); }
    void put(const char* s);
    const char* data() const { return bytes_.data(); }
    size_t size() const { return bytes_.size(); }
    bool failed() const { return failed_; }
    void clear() { bytes_.clear(); }

  private:
    Vec<char> bytes_;
    bool failed_ = false;
};

struct ProcFile {
    const char* path;  // "proc/net/tcp", "sys/kernel/mm/transparent_hugepage/enabled"; must stay valid
    u32 mode;          // permissions; with a type: 0120777 a symbolic link (its text is generated), 0040555 an empty folder
    /// Thread context, may sleep; position locks may be held, so no lock of rank FilePosition or below may be taken.
    Result<void> (*generate)(GrowingText& out, u64 arg);
    /// A write, without NUL. Null: EACCES by the mode.
    Result<void> (*store)(const char* text, size_t n, u64 arg) = nullptr;
    u64 arg = 0;
};

/// Set by syscall: a program wrote to a file that takes nothing. `path` as in ProcFile. Thread context; position locks may be held.
extern void (*proc_write_refused)(const char* path);

/// The array must stay valid; entries may be looked at at once. ENOSPC after 64 calls.
Result<void> register_proc_files(const ProcFile* files, size_t count);
template <size_t N>
Result<void> register_proc_files(const ProcFile (&files)[N]) {
    return register_proc_files(files, N);
}
/// One file below /proc/net: `name` a literal. ENOMEM, ENOSPC
Result<void> register_proc_net(const char* name, Result<void> (*generate)(GrowingText& out, u64 arg), u64 arg = 0);

/// The n-th file of all; null at the end.
const ProcFile* proc_file_at(size_t n);

/// Parses a decimal number with optional blanks around it. EINVAL
Result<i64> parse_proc_number(const char* text, size_t n);

} // namespace linnet
