// The program's stack is hostile: it is copied once, in pieces, and nothing in it is followed further than bounds say. Pages may have to be faulted in:
// a function that has just made room for its frame has not touched all of it, and a forked child has not run its code yet.
#include "syscall/gap_caller.h"

#include "kernel/lib/string.h"
#include "kernel/mm/address_space.h"
#include "kernel/sync/spinlock.h"
#include "kernel/task/task.h"
#include "linux-abi/gap.h"

namespace linnet {
namespace {

constexpr u32 kStackWords = 256;      // that are looked through from RSP on
constexpr u32 kChainWords = 8;        // return addresses by the chain of RBP, in them or behind
constexpr u64 kChainReach = 1 << 20;  // bytes above RSP
constexpr u32 kMappings = 32;
constexpr u16 kMaxPaths = 64;
constexpr size_t kMaxPathBytes = 256; // with NUL

SpinLock<Rank::MiscSpin> path_lock;
const char* paths[kMaxPaths] GUARDED_BY(path_lock); // [0] is not used

/// 0: there is no room, or no memory.
u16 intern_path(const char* path) {
    const size_t n = strlen(path);
    if (!n || n >= kMaxPathBytes) return 0;
    SpinGuard g(path_lock);
    u16 i = 1;
    for (; i < kMaxPaths && paths[i]; ++i)
        if (!strcmp(paths[i], path)) return i;
    if (i == kMaxPaths) return 0;
    char* copy = static_cast<char*>(kmalloc(n + 1));
    if (!copy) return 0;
    memcpy(copy, path, n + 1);
    paths[i] = copy;
    return i;
}

struct Mapping {
    u64 start, end, offset;
    u16 path;
};

/// Too large for a kernel stack.
struct Search {
    u32 count = 0; // of words
    u64 words[1 + kStackWords + kChainWords];
    u32 slots[1 + kStackWords + kChainWords];
    u8 in[1 + kStackWords + kChainWords]; // mappings[in - 1]; 0: in none
    bool in_chain[1 + kStackWords + kChainWords];
    u32 chain_count = 0;
    u32 mapping_count = 0;
    Mapping mappings[kMappings];
    char path[kMaxPathBytes];

    void add(u64 word, u32 slot) {
        words[count] = word;
        slots[count] = slot;
        in_chain[count] = false;
        in[count++] = 0;
    }
};

void read_stack(Search& s, u64 rsp) {
    constexpr u32 kPiece = 32;
    u64 piece[kPiece];
    for (u32 at = 0; at < kStackWords; at += kPiece) {
        const size_t copied = sizeof piece - copy_from_user_partial(piece, rsp + at * 8, sizeof piece);
        for (u32 i = 0; i < copied / 8; ++i) s.add(piece[i], at + i);
        if (copied < sizeof piece) break;
    }
}

/// Return addresses of programs with frame pointers.
void read_chain(Search& s, u64 rsp, u64 rbp) {
    const u32 read = s.count - 1;
    while (s.chain_count < kChainWords) {
        u64 frame[2];
        if (rbp < rsp || rbp - rsp >= kChainReach || ((rbp - rsp) & 7) || !copy_from_user(frame, rbp, sizeof frame)) return;
        const u32 slot = u32((rbp - rsp) / 8 + 1);
        if (slot >= read) s.add(frame[1], slot);
        s.in_chain[slot >= read ? s.count - 1 : 1 + slot] = true;
        ++s.chain_count;
        if (frame[0] <= rbp) return; // frames lie upward
        rbp = frame[0];
    }
}

/// Finds the executable mappings that words point into.
void find_mappings(Search& s, AddressSpace& space) {
    space.for_each_vma([&](const Vma& v) {
        if (!(v.prot & kProtExec) || (v.flags & kVmaStubs)) return true;
        u8 number = 0;
        for (u32 i = 0; i < s.count; ++i) {
            if (s.words[i] < v.start || s.words[i] >= v.end) continue;
            if (!number) {
                TextBuffer path(s.path, sizeof s.path);
                u64 device, inode;
                if (v.object) v.object->describe(path, &device, &inode);
                if (!path.length() && v.label) path.append("%s", v.label);
                s.mappings[s.mapping_count++] = {v.start, v.end, v.object ? v.offset : 0, path.truncated() ? u16(0) : intern_path(s.path)};
                number = u8(s.mapping_count);
            }
            s.in[i] = number;
        }
        return s.mapping_count < kMappings;
    });
}

bool is_return_address(u64 address) {
    u8 before[7];
    return copy_from_user(before, address - sizeof before, sizeof before) && abi::follows_call(before);
}

} // namespace

void find_caller(Caller& c) {
    Task* t = current_or_null();
    if (!t || !t->frame || !t->space) return;
    const TrapFrame& f = *t->frame;
    c.pid = t->process->pid;
    memcpy(c.name, t->name, sizeof c.name);
    c.name[sizeof c.name - 1] = 0;
    c.places[0] = {.address = f.rip, .slot = kNoSlot};
    c.count = 1;
    if (f.rbp >= f.rsp && f.rbp - f.rsp < kChainReach && !((f.rbp - f.rsp) & 7)) c.frame_slot = i32((f.rbp - f.rsp) / 8);
    void* memory = kmalloc(sizeof(Search));
    if (!memory) return; // the address alone
    Search& s = *new (memory) Search;
    s.add(f.rip, kNoSlot);
    read_stack(s, f.rsp);
    read_chain(s, f.rsp, f.rbp);
    find_mappings(s, *t->space);
    u32 chain_left = s.chain_count;
    for (u32 i = 0; i < s.count && c.count < Caller::kMaxPlaces; ++i) {
        if (s.in_chain[i]) --chain_left;
        else if (i && c.count + chain_left >= Caller::kMaxPlaces) continue; // room for the chain
        if (!s.in[i] || (i && !is_return_address(s.words[i]))) continue;
        const Mapping& m = s.mappings[s.in[i] - 1];
        CodePlace& p = c.places[i ? c.count++ : 0];
        p = {s.words[i], s.words[i] - m.start + m.offset, m.path, s.slots[i], s.in_chain[i]};
    }
    kfree(memory);
}

const char* code_path(u16 number) {
    if (!number || number >= kMaxPaths) return nullptr;
    SpinGuard g(path_lock);
    return paths[number];
}

} // namespace linnet
