#include "kernel/tests/program.h"

#include "kernel/arch/x86_64/program.h"
#include "kernel/lib/panic.h"
#include "kernel/task/futex.h"
#include "kernel/task/lifecycle.h"
#include "kernel/tests/ktest.h"

extern "C" {
extern const char ktest_handler[], ktest_restorer[];
}

namespace linnet::ktest {

namespace {

constexpr u32 kSlots = 32;
constexpr u64 kStackSize = 16 * KiB;
// The last page of the record holds a word for each slot, which the kernel clears when the thread has ended.
constexpr u64 kRecordPages = 4, kTidWords = kProgramRecord + (kRecordPages - 1) * kPageSize;
u32 slots_used;

void map_fixed(u64 addr, u64 length, u32 prot) {
    MapRequest r;
    r.addr = addr;
    r.length = length;
    r.prot = prot;
    r.fixed = true;
    r.populate = true;
    if (auto m = space().map(r); !m) panic("no memory for the tests' programs");
}

} // namespace

AddressSpace& space() { return *current().process->space; }

u64 program_address(const char* label) { return kProgramText + u64(label - ktest_programs_start); }

void set_up_program_memory() {
    u64 size = page_up(u64(ktest_programs_end - ktest_programs_start));
    map_fixed(kProgramText, size, kProtRead | kProtWrite);
    if (!copy_to_user(kProgramText, ktest_programs_start, ktest_programs_end - ktest_programs_start)) panic("programs");
    if (!space().protect(kProgramText, size, kProtRead | kProtExec)) panic("programs");
    map_fixed(kProgramRecord, kRecordPages * kPageSize, kProtRead | kProtWrite);
    map_fixed(kProgramStacks, kSlots * kStackSize, kProtRead | kProtWrite);
    abi::Sigaction a{};
    a.handler = program_address(ktest_handler);
    a.restorer = program_address(ktest_restorer);
    a.flags = u64(SA_RESTORER) | u64(SA_SIGINFO);
    SignalHandlers& h = *current().process->handlers;
    SpinGuard g(h.lock);
    for (int sig : {SIGILL, SIGTRAP, SIGFPE, SIGBUS, SIGSEGV, SIGUSR1}) h.actions[sig - 1] = a;
}

ProgramMemory::ProgramMemory(u64 pages, u32 prot) : size_(pages * kPageSize) {
    MapRequest r;
    r.length = size_;
    r.prot = prot;
    r.populate = true;
    auto m = space().map(r);
    if (m) address_ = *m;
    else fail(__FILE__, __LINE__, "no memory for the program");
}

ProgramMemory::~ProgramMemory() {
    if (address_) (void)space().unmap(address_, size_);
}

u64 ProgramMemory::word(u64 index) const {
    auto v = user_read<u64>(address_ + index * 8);
    if (!v) fail(__FILE__, __LINE__, "program memory is not readable");
    return v ? *v : 0;
}

void ProgramMemory::set_word(u64 index, u64 value) {
    if (!user_write(address_ + index * 8, value)) fail(__FILE__, __LINE__, "program memory is not writable");
}

ProgramThread::ProgramThread(const char* entry, u64 arg0, u64 arg1, u64 cs, u64 ss) : slot_(0) {
    while (slots_used >> slot_ & 1) ++slot_;
    CHECK(slot_ < kSlots);
    slots_used |= 1u << slot_;
    *current().frame = new_program_frame(program_address(entry), 0);
    current().frame->cs = cs;
    current().frame->ss = ss;
    current().frame->rdi = arg0;
    current().frame->rsi = arg1;
    CloneRequest r;
    r.flags = u64(CLONE_VM) | u64(CLONE_FS) | u64(CLONE_FILES) | u64(CLONE_SIGHAND) | u64(CLONE_THREAD) | u64(CLONE_CHILD_CLEARTID);
    r.stack = kProgramStacks + (slot_ + 1) * kStackSize - 64;
    r.child_tid = kTidWords + slot_ * 8;
    (void)user_write(r.child_tid, u32(1));
    auto tid = clone_task(r);
    if (tid) tid_ = *tid;
    else fail(__FILE__, __LINE__, "clone: errno %d", int(tid.error()));
}

bool ProgramThread::ended() const {
    auto v = user_load_u32(kTidWords + slot_ * 8);
    return !v || *v == 0;
}

void ProgramThread::join() {
    while (tid_ && !ended()) (void)futex_wait(kTidWords + slot_ * 8, 1, ~0u, false, kForever);
    if (tid_) slots_used &= ~(1u << slot_);
    tid_ = 0;
}

} // namespace linnet::ktest
