// What the files of /proc/PID are made of.
#pragma once

#include "procfs/node.h"

namespace linnet {

/// A process, or one thread of it (tid != 0).
struct Subject {
    Ref<Process> process;
    i32 tid = 0;
};

struct ProcessEntry {
    const char* name;
    u32 mode; // permissions; without any for others, only who may trace the process reads it
    Result<void> (*generate)(const Subject& s, GrowingText& out);
    Result<void> (*store)(const Subject& s, const char* text, size_t n) = nullptr;
    bool at_open = false;
};
extern const ProcessEntry process_entries[];
extern const u32 process_entry_count;

/// The thread that speaks for the subject; null once it has ended.
inline Ref<Task> thread_of(const Subject& s) { return s.tid ? find_task(s.tid) : main_thread(*s.process); }

/// A PID or descriptor as a file name; -1 if it is none.
i32 parse_id(std::string_view name);

// process_memory.cc
Result<void> process_maps(const Subject& s, GrowingText& out);
Result<void> process_smaps(const Subject& s, GrowingText& out);
Result<void> process_smaps_rollup(const Subject& s, GrowingText& out);
Result<void> process_cmdline(const Subject& s, GrowingText& out);
Result<void> process_environ(const Subject& s, GrowingText& out);
Result<void> process_auxv(const Subject& s, GrowingText& out);
/// Bytes in private writable mappings, in the stack, in executable ones, for status.
struct MappingSums { u64 data_kb = 0, stack_kb = 0, exe_kb = 0, lib_kb = 0; };
MappingSums mapping_sums(AddressSpace& space);

// process_state.cc
Result<void> process_stat(const Subject& s, GrowingText& out);
Result<void> process_status(const Subject& s, GrowingText& out);
Result<void> process_statm(const Subject& s, GrowingText& out);

// mounts.cc
Result<void> process_mounts(const Subject& s, GrowingText& out);
Result<void> process_mountinfo(const Subject& s, GrowingText& out);

} // namespace linnet
