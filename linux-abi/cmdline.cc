#include "linux-abi/cmdline.h"

#include <cstdint>

namespace linnet::abi {
namespace {

constexpr std::string_view mmio_device = "virtio_mmio.device=";

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Splitter {
  public:
    Splitter(std::string_view text, std::span<char> storage) : text_(text), storage_(storage) {}

    struct Word {
        const char* begin = nullptr; // null: the end of the text
        size_t length = 0;
        bool quoted = false;
    };

    /// The next word, written to the storage.
    Result<Word> next() {
        while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
        if (at_ == text_.size()) return Word{};
        Word w;
        size_t begin = used_;
        bool in_quotes = false;
        for (; at_ < text_.size(); ++at_) {
            char c = text_[at_];
            if (c == '"') {
                in_quotes = !in_quotes;
                w.quoted = true;
                continue;
            }
            if (!in_quotes && is_blank(c)) break;
            if (in_quotes && c == '\\' && at_ + 1 < text_.size()) {
                char e = text_[at_ + 1];
                if (e == '"' || e == '\\' || e == 'n') {
                    c = e == 'n' ? '\n' : e;
                    ++at_;
                }
            }
            if (!put(c)) return E2BIG;
        }
        w.length = used_ - begin;
        if (!put('\0')) return E2BIG;
        w.begin = storage_.data() + begin;
        return w;
    }

  private:
    bool put(char c) {
        if (used_ == storage_.size()) return false;
        storage_[used_++] = c;
        return true;
    }

    std::string_view text_;
    std::span<char> storage_;
    size_t at_ = 0, used_ = 0;
};

bool digit_value(char c, unsigned base, unsigned& value) {
    if (c >= '0' && c <= '9') value = static_cast<unsigned>(c - '0');
    else if (c >= 'a' && c <= 'f') value = static_cast<unsigned>(c - 'a' + 10);
    else if (c >= 'A' && c <= 'F') value = static_cast<unsigned>(c - 'A' + 10);
    else return false;
    return value < base;
}

} // namespace

Result<CommandLine> parse_command_line(std::string_view text, std::span<char> storage,
                                       std::span<const char*> words) {
    if (size_t nul = text.find('\0'); nul != std::string_view::npos) text = {text.data(), nul};
    Splitter splitter(text, storage);
    // Options grow from the front of `words`, arguments from the back (in reverse, turned round below).
    size_t options = 0, arguments = 0;
    bool after_separator = false;
    for (;;) {
        Splitter::Word w = TRY(splitter.next());
        if (!w.begin) break;
        std::string_view word(w.begin, w.length);
        if (!after_separator && !w.quoted && word == "--") {
            after_separator = true;
            continue;
        }
        if (options + arguments == words.size()) return E2BIG;
        if (!after_separator || word.starts_with(mmio_device)) words[options++] = w.begin;
        else words[words.size() - ++arguments] = w.begin;
    }
    std::span<const char*> tail = words.subspan(words.size() - arguments);
    for (size_t i = 0; i < arguments / 2; ++i) std::swap(tail[i], tail[arguments - 1 - i]);
    return CommandLine{words.first(options), tail};
}

const char* option_value(const char* word, std::string_view name) {
    std::string_view w(word);
    return w.starts_with(name) ? word + name.size() : nullptr;
}

Result<uint64_t> parse_number(std::string_view text) {
    unsigned base = 10;
    if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text.remove_prefix(2);
    } else if (text.size() > 1 && text[0] == '0') {
        base = 8;
        text.remove_prefix(1);
    }
    if (text.empty()) return EINVAL;
    uint64_t value = 0;
    for (char c : text) {
        unsigned d;
        if (!digit_value(c, base, d)) return EINVAL;
        if (__builtin_mul_overflow(value, uint64_t(base), &value) || __builtin_add_overflow(value, d, &value))
            return ERANGE;
    }
    return value;
}

Result<MmioDeviceOption> parse_mmio_device(std::string_view value) {
    size_t at = value.find('@');
    if (at == std::string_view::npos || at == 0) return EINVAL;
    std::string_view size(value.data(), at), rest = value;
    rest.remove_prefix(at + 1);
    unsigned shift = 0;
    switch (size.back()) {
    case 'K': case 'k': shift = 10; break;
    case 'M': case 'm': shift = 20; break;
    case 'G': case 'g': shift = 30; break;
    default: break;
    }
    if (shift) size.remove_suffix(1);
    size_t colon = rest.find(':');
    if (colon == std::string_view::npos) return EINVAL;
    std::string_view irq = rest;
    irq.remove_prefix(colon + 1);
    rest = {rest.data(), colon};
    if (size_t id = irq.find(':'); id != std::string_view::npos) {
        TRY(parse_number({irq.data() + id + 1, irq.size() - id - 1}));
        irq = {irq.data(), id};
    }
    MmioDeviceOption out;
    uint64_t n = TRY(parse_number(size));
    if (n == 0 || n > UINT64_MAX >> shift) return EINVAL;
    out.size = n << shift;
    out.address = TRY(parse_number(rest));
    if (out.address > UINT64_MAX - out.size) return EINVAL;
    uint64_t line = TRY(parse_number(irq));
    if (line > UINT32_MAX) return EINVAL;
    out.irq = static_cast<uint32_t>(line);
    return out;
}

} // namespace linnet::abi
