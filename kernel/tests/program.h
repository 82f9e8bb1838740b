// Program code for the tests: pieces of machine code (programs.S) that run as threads of the test process, in the lower half, as
// programs do, and memory that they share with the test.
#pragma once

#include "kernel/arch/x86_64/program.h"
#include "kernel/mm/address_space.h"
#include "kernel/task/task.h"

namespace linnet::ktest {

// programs.S knows these addresses.
inline constexpr u64 kProgramText = 0x10000000, kProgramRecord = 0x10100000, kProgramStacks = 0x10200000, kProgramFree = 0x20000000;

/// Maps the text, the record and stacks into the current (test) process, and sets the handler of programs.S for the signals of
/// faults. Panics without memory.
void set_up_program_memory();

/// The test process's address space.
AddressSpace& space();
/// Fresh zeroed private memory, faulted in; unmapped by the destructor.
class ProgramMemory : NoCopy {
  public:
    explicit ProgramMemory(u64 pages, u32 prot = kProtRead | kProtWrite);
    ~ProgramMemory();
    u64 address() const { return address_; }
    u64 word(u64 index) const; // u64 number `index`; a failure of the case if it can't be read
    void set_word(u64 index, u64 value);

  private:
    u64 address_ = 0, size_;
};

/// A thread of the test process that starts at a label of programs.S with its two arguments in RDI and RSI.
class ProgramThread : NoCopy {
  public:
    ProgramThread(const char* entry, u64 arg0, u64 arg1 = 0) : ProgramThread(entry, arg0, arg1, program_cs(), program_ss()) {}
    /// With these selectors in the frame that it starts by.
    ProgramThread(const char* entry, u64 arg0, u64 arg1, u64 cs, u64 ss);
    /// Waits for its end, without any timer.
    ~ProgramThread() { join(); }
    void join();
    i32 tid() const { return tid_; }
    bool ended() const;

  private:
    u32 slot_;
    i32 tid_ = 0;
};

/// The address of a label of programs.S as the program sees it.
u64 program_address(const char* label);

} // namespace linnet::ktest

extern "C" {
extern const char ktest_programs_start[], ktest_programs_end[];
}
