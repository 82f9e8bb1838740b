#include "cli/symbolize/unwind.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace linnet::cli {
namespace {

constexpr unsigned pcrel_sdata4 = 0x1b, datarel_sdata4 = 0x3b, udata4 = 0x03; // DW_EH_PE_*
constexpr std::uint64_t rbp = 6, rsp = 7;                                     // DWARF's numbers of registers, x86-64 psABI
constexpr std::size_t most_saved_states = 64;

template <typename T>
std::optional<T> load(std::string_view bytes, std::uint64_t at) {
    T value;
    if (at > bytes.size() || sizeof value > bytes.size() - at)
        return {};
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

// Bytes by virtual address.
class Image {
public:
    explicit Image(std::string_view file) : file_(file) {
        const auto header = load<Elf64_Ehdr>(file, 0);
        if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_ident[EI_CLASS] != ELFCLASS64 ||
            header->e_phentsize != sizeof(Elf64_Phdr))
            return;
        for (unsigned i = 0; i < std::min<unsigned>(header->e_phnum, 4096); ++i) {
            if (header->e_phoff > file.size())
                return;
            const auto segment = load<Elf64_Phdr>(file, header->e_phoff + std::uint64_t{i} * sizeof(Elf64_Phdr));
            if (!segment)
                return;
            if (segment->p_type == PT_LOAD && segment->p_offset <= file.size() &&
                segment->p_filesz <= file.size() - segment->p_offset)
                loads_.push_back(*segment);
            if (segment->p_type == PT_GNU_EH_FRAME)
                unwind_header = segment->p_vaddr;
        }
    }

    std::string_view from(std::uint64_t address, std::uint64_t most) const {
        for (const Elf64_Phdr& load : loads_) {
            if (address >= load.p_vaddr && address - load.p_vaddr < load.p_filesz)
                return file_.substr(load.p_offset + (address - load.p_vaddr),
                                    std::min(most, load.p_filesz - (address - load.p_vaddr)));
        }
        return {};
    }
    std::optional<std::uint64_t> unwind_header;

private:
    std::string_view file_;
    std::vector<Elf64_Phdr> loads_;
};

// Reads a record; what lies beyond its end is zero, and failed() says so.
class Reader {
public:
    explicit Reader(std::string_view bytes) : bytes_(bytes) {}
    bool at_end() const { return at_ >= bytes_.size(); }
    bool failed() const { return failed_; }
    template <typename T>
    T take() {
        const auto value = load<T>(bytes_, at_);
        failed_ = failed_ || !value;
        at_ += sizeof(T);
        return value.value_or(T{});
    }
    std::uint64_t uleb() {
        std::uint64_t value = 0;
        for (unsigned shift = 0;; shift += 7) {
            const auto byte = take<std::uint8_t>();
            if (shift < 64)
                value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            if (!(byte & 0x80) || failed_)
                return value;
        }
    }
    std::int64_t sleb() {
        std::uint64_t value = 0;
        for (unsigned shift = 0;; ) {
            const auto byte = take<std::uint8_t>();
            if (shift < 64)
                value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            shift += 7;
            if (!(byte & 0x80) || failed_) {
                if (shift < 64 && (byte & 0x40))
                    value |= ~std::uint64_t{0} << shift;
                return static_cast<std::int64_t>(value);
            }
        }
    }
    std::string_view text() {
        const auto end = at_ < bytes_.size() ? bytes_.find('\0', at_) : std::string_view::npos;
        if (end == std::string_view::npos) {
            failed_ = true;
            return {};
        }
        const std::string_view result = bytes_.substr(at_, end - at_);
        at_ = end + 1;
        return result;
    }
    void skip(std::uint64_t count) {
        if (count > bytes_.size() || at_ > bytes_.size() - count)
            failed_ = true;
        else
            at_ += count;
    }
    std::string_view rest() const { return bytes_.substr(std::min(at_, bytes_.size())); }

private:
    std::string_view bytes_;
    std::size_t at_ = 0;
    bool failed_ = false;
};

struct Cie {
    std::uint64_t code_step = 1;
    std::int64_t data_step = 1;
    std::string_view program;
};

std::optional<Cie> read_cie(std::string_view bytes) {
    Reader reader(bytes);
    const auto length = reader.take<std::uint32_t>();
    if (length == UINT32_MAX || bytes.size() < 4 || length > bytes.size() - 4)
        return {};
    reader = Reader(bytes.substr(4, length));
    if (reader.take<std::uint32_t>() != 0 || reader.take<std::uint8_t>() != 1)
        return {};
    const std::string_view augmentation = reader.text();
    Cie cie;
    cie.code_step = reader.uleb();
    cie.data_step = reader.sleb();
    reader.uleb(); // return register
    if (!augmentation.starts_with('z'))
        return {};
    const std::uint64_t size = reader.uleb();
    Reader data(reader.rest().substr(0, std::min<std::uint64_t>(size, reader.rest().size())));
    bool right_pointers = false;
    for (const char c : augmentation.substr(1)) {
        if (c == 'R') {
            right_pointers = data.take<std::uint8_t>() == pcrel_sdata4;
        } else if (c == 'P') {
            const unsigned form = data.take<std::uint8_t>() & 0x0f;
            data.skip(form == 0x0b || form == 0x03 ? 4 : 8);
        } else if (c == 'L') {
            data.skip(1);
        } else if (c != 'S' && c != 'B') {
            return {};
        }
    }
    reader.skip(size);
    cie.program = reader.rest();
    if (reader.failed() || data.failed() || !right_pointers)
        return {};
    return cie;
}

// Where the frame's end is, as the program is run.
struct State {
    std::uint64_t base = rsp; // a register; no_rule: an expression
    std::uint64_t offset = 0;
};
constexpr std::uint64_t no_rule = UINT64_MAX;

// Runs call-frame instructions up to the row of `target` (bytes from the function's start). False: something is not understood.
bool run(std::string_view program, const Cie& cie, std::uint64_t target, State& state) {
    Reader reader(program);
    std::vector<State> saved;
    std::uint64_t at = 0;
    const auto scaled = [&](std::int64_t value) {
        return static_cast<std::uint64_t>(value) * static_cast<std::uint64_t>(cie.data_step);
    };
    while (!reader.at_end() && !reader.failed()) {
        const unsigned op = reader.take<std::uint8_t>();
        std::optional<std::uint64_t> advance;
        switch (op >> 6) {
        case 1: advance = op & 0x3f; break;
        case 2: reader.uleb(); continue; // DW_CFA_offset
        case 3: continue;                // DW_CFA_restore
        default: break;
        }
        if (!advance) {
            switch (op) {
            case 0x00: break;                                            // nop
            case 0x02: advance = reader.take<std::uint8_t>(); break;     // advance_loc1, 2, 4
            case 0x03: advance = reader.take<std::uint16_t>(); break;
            case 0x04: advance = reader.take<std::uint32_t>(); break;
            case 0x05:                                                   // offset_extended, register, val_offset, negative_offset_extended
            case 0x09:
            case 0x14:
            case 0x2f: reader.uleb(), reader.uleb(); break;
            case 0x06:                                                   // restore_extended, undefined, same_value, GNU_args_size
            case 0x07:
            case 0x08:
            case 0x2e: reader.uleb(); break;
            case 0x0a:                                                   // remember_state
                if (saved.size() == most_saved_states)
                    return false;
                saved.push_back(state);
                break;
            case 0x0b:                                                   // restore_state
                if (saved.empty())
                    return false;
                state = saved.back();
                saved.pop_back();
                break;
            case 0x0c: state.base = reader.uleb(), state.offset = reader.uleb(); break; // def_cfa
            case 0x0d: state.base = reader.uleb(); break;
            case 0x0e: state.offset = reader.uleb(); break;
            case 0x0f: reader.skip(reader.uleb()), state.base = no_rule; break; // def_cfa_expression
            case 0x10:                                                   // expression, val_expression
            case 0x16: reader.uleb(), reader.skip(reader.uleb()); break;
            case 0x11:                                                   // offset_extended_sf, val_offset_sf
            case 0x15: reader.uleb(), reader.sleb(); break;
            case 0x12: state.base = reader.uleb(), state.offset = scaled(reader.sleb()); break;
            case 0x13: state.offset = scaled(reader.sleb()); break;
            default: return false;
            }
        }
        if (advance) {
            std::uint64_t step;
            if (__builtin_mul_overflow(*advance, cie.code_step, &step) || __builtin_add_overflow(at, step, &at) || at > target)
                return true; // the row of a later place
        }
    }
    return !reader.failed();
}

} // namespace

std::optional<FrameRule> frame_rule(std::string_view elf_file, std::uint64_t address) {
    const Image image(elf_file);
    if (!image.unwind_header)
        return {};
    const std::uint64_t header = *image.unwind_header;
    const std::string_view head = image.from(header, 12);
    if (head.size() < 12 || head[0] != 1 || static_cast<unsigned char>(head[2]) != udata4 ||
        static_cast<unsigned char>(head[3]) != datarel_sdata4)
        return {};
    const std::uint64_t count = *load<std::uint32_t>(head, 8);
    const std::string_view table = image.from(header + 12, count * 8);
    // The table is sorted by function.
    std::uint64_t low = 0, high = table.size() / 8;
    const auto entry = [&](std::uint64_t i, unsigned field) {
        return header + static_cast<std::uint64_t>(std::int64_t{*load<std::int32_t>(table, i * 8 + field)});
    };
    while (low < high) {
        const std::uint64_t middle = low + (high - low) / 2;
        if (entry(middle, 0) <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return {};
    const std::uint64_t at = entry(low - 1, 4);
    const std::string_view bytes = image.from(at, UINT64_MAX);
    const auto length = load<std::uint32_t>(bytes, 0), cie_offset = load<std::uint32_t>(bytes, 4),
               size = load<std::uint32_t>(bytes, 12);
    const auto where = load<std::int32_t>(bytes, 8);
    if (!length || !cie_offset || !size || !where || *length == UINT32_MAX || *length < 12 || *length > bytes.size() - 4 ||
        *cie_offset == 0)
        return {};
    const std::uint64_t start = at + 8 + static_cast<std::uint64_t>(std::int64_t{*where});
    if (address < start || address - start >= *size)
        return {};
    const auto cie = read_cie(image.from(at + 4 - *cie_offset, UINT64_MAX));
    if (!cie)
        return {};
    Reader fde(bytes.substr(16, *length - 12));
    fde.skip(fde.uleb()); // augmentation data
    State state;
    if (fde.failed() || !run(cie->program, *cie, UINT64_MAX, state) || !run(fde.rest(), *cie, address - start, state))
        return {};
    if ((state.base != rsp && state.base != rbp) || state.offset > (std::uint64_t{1} << 32))
        return {};
    return FrameRule{state.base == rbp, static_cast<std::int64_t>(state.offset)};
}

} // namespace linnet::cli
