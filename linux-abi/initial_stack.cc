#include "linux-abi/initial_stack.h"

namespace linnet::abi {
namespace {

constexpr char platform_name[] = "x86_64";
constexpr size_t max_aux_entries = 21;

struct AuxEntry {
    uint64_t type, value;
};

/// The auxiliary vector in Linux's order, with AT_NULL. Returns the number of entries.
size_t make_auxv(const InitialStack& in, const InitialStackLayout& l, AuxEntry (&out)[max_aux_entries]) {
    size_t n = 0;
    auto add = [&](uint64_t type, uint64_t value) { out[n++] = {type, value}; };
    if (in.sysinfo_ehdr) add(AT_SYSINFO_EHDR, in.sysinfo_ehdr);
    add(AT_MINSIGSTKSZ, in.min_signal_stack);
    add(AT_HWCAP, in.hwcap);
    add(AT_PAGESZ, 4096);
    add(AT_CLKTCK, 100);
    add(AT_PHDR, in.phdr);
    add(AT_PHENT, 56);
    add(AT_PHNUM, in.phnum);
    add(AT_BASE, in.base);
    add(AT_FLAGS, 0);
    add(AT_ENTRY, in.entry);
    add(AT_UID, in.uid);
    add(AT_EUID, in.euid);
    add(AT_GID, in.gid);
    add(AT_EGID, in.egid);
    add(AT_SECURE, in.secure);
    add(AT_RANDOM, l.random);
    add(AT_HWCAP2, in.hwcap2);
    add(AT_EXECFN, l.file_name);
    add(AT_PLATFORM, l.platform);
    add(AT_NULL, 0);
    return n;
}

/// Writes 8-byte words in order, a chunk at a time.
class WordStream {
  public:
    WordStream(StackWriter& to, uint64_t address) : to_(to), address_(address) {}
    Result<void> put(uint64_t word) {
        chunk_[used_++] = word;
        if (used_ == chunk_words) return flush();
        return {};
    }
    Result<void> flush() {
        if (used_) TRY(to_.write(address_, chunk_, used_ * sizeof(uint64_t)));
        address_ += used_ * sizeof(uint64_t);
        used_ = 0;
        return {};
    }

  private:
    static constexpr size_t chunk_words = 64;
    StackWriter& to_;
    uint64_t address_;
    uint64_t chunk_[chunk_words];
    size_t used_ = 0;
};

} // namespace

Result<ArgumentBudget> ArgumentBudget::make(uint64_t stack_limit, uint64_t argc, uint64_t envc) {
    if (argc > max_arguments || envc > max_arguments) return E2BIG;
    // A quarter of the stack, at most 3/4 of the 8 MiB default, at least the 128 KiB of ARG_MAX.
    uint64_t limit = stack_limit / 4;
    if (limit > (8 << 20) / 4 * 3) limit = (8 << 20) / 4 * 3;
    if (limit < 128 * 1024) limit = 128 * 1024;
    uint64_t pointers = ((argc ? argc : 1) + envc) * sizeof(uint64_t);
    if (limit <= pointers) return E2BIG;
    return ArgumentBudget(limit - pointers);
}

Result<void> ArgumentBudget::take(uint64_t size) {
    if (size > max_argument_string || size > left_) return E2BIG;
    left_ -= size;
    return {};
}

Result<InitialStackLayout> plan_initial_stack(const InitialStack& in, uint64_t stack_size) {
    if (stack_size > in.stack_top) return EINVAL;
    const uint64_t bottom = in.stack_top - stack_size;
    uint64_t fixed = 8 + in.file_name.size() + 1 + sizeof platform_name + 16 + 32 + 8192 +
                     max_aux_entries * sizeof(AuxEntry);
    uint64_t words = 1 + uint64_t(in.argc) + 1 + uint64_t(in.envc) + 1;
    if (in.strings.size() > stack_size || words > stack_size / 8 ||
        fixed + in.strings.size() + words * 8 > stack_size)
        return E2BIG;

    InitialStackLayout l;
    uint64_t at = in.stack_top - 8;
    at -= in.file_name.size() + 1;
    l.file_name = at;
    at -= in.strings.size();
    l.arg_start = at;
    size_t strings = 0, arg_bytes = in.argc ? in.strings.size() : 0;
    for (size_t i = 0; i < in.strings.size(); ++i) {
        if (in.strings[i] != '\0') continue;
        if (++strings == in.argc) arg_bytes = i + 1;
    }
    if (strings != uint64_t(in.argc) + in.envc || (!in.strings.empty() && in.strings.back() != '\0'))
        return EINVAL;
    l.arg_end = l.env_start = l.arg_start + arg_bytes;
    l.env_end = l.file_name;
    at -= in.gap & 8191;
    at &= ~uint64_t(15);
    at -= sizeof platform_name;
    l.platform = at;
    at -= 16;
    l.random = at;
    AuxEntry aux[max_aux_entries];
    l.auxv_size = make_auxv(in, l, aux) * sizeof(AuxEntry);
    l.rsp = (at - words * 8 - l.auxv_size) & ~uint64_t(15);
    l.auxv = l.rsp + words * 8;
    if (l.rsp < bottom) return E2BIG;
    return l;
}

Result<void> write_initial_stack(const InitialStack& in, const InitialStackLayout& l, StackWriter& to) {
    static constexpr char zeros[8] = {};
    TRY(to.write(in.stack_top - 8, zeros, 8));
    TRY(to.write(l.file_name + in.file_name.size(), zeros, 1));
    if (!in.file_name.empty()) TRY(to.write(l.file_name, in.file_name.data(), in.file_name.size()));
    if (!in.strings.empty()) TRY(to.write(l.arg_start, in.strings.data(), in.strings.size()));
    TRY(to.write(l.platform, platform_name, sizeof platform_name));
    TRY(to.write(l.random, in.random, sizeof in.random));

    WordStream words(to, l.rsp);
    TRY(words.put(in.argc));
    uint64_t address = l.arg_start;
    size_t at = 0;
    for (uint64_t i = 0; i < uint64_t(in.argc) + in.envc; ++i) {
        if (i == in.argc) TRY(words.put(0));
        TRY(words.put(address + at));
        while (at < in.strings.size() && in.strings[at] != '\0') ++at;
        ++at;
    }
    if (in.envc == 0) TRY(words.put(0));
    TRY(words.put(0));
    AuxEntry aux[max_aux_entries];
    size_t n = make_auxv(in, l, aux);
    for (size_t i = 0; i < n; ++i) {
        TRY(words.put(aux[i].type));
        TRY(words.put(aux[i].value));
    }
    return words.flush();
}

} // namespace linnet::abi
