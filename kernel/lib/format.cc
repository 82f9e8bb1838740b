#include "kernel/lib/format.h"

#include "kernel/lib/string.h"
#include "kernel/lib/types.h"

namespace linnet {

namespace {

class Sink {
  public:
    Sink(char* buf, size_t size) : buf_(buf), size_(size) {}
    void put(char c) {
        if (n_ + 1 < size_) buf_[n_] = c;
        ++n_;
    }
    void fill(char c, int count) {
        while (count-- > 0) put(c);
    }
    size_t finish() {
        if (size_) buf_[n_ < size_ ? n_ : size_ - 1] = 0;
        return n_;
    }

  private:
    char* buf_;
    size_t size_, n_ = 0;
};

struct Spec { bool minus, plus, space, zero, alt; int width, precision; };

void put_number(Sink& out, u64 v, bool negative, unsigned base, bool upper, Spec s) {
    char digits[24];
    int n = 0;
    const char* set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    do digits[n++] = set[v % base];
    while ((v /= base) != 0);
    char sign = negative ? '-' : s.plus ? '+' : s.space ? ' ' : 0;
    int prefix = s.alt && base == 16 ? 2 : s.alt && base == 8 ? 1 : 0;
    int zeros = s.precision > n ? s.precision - n : 0;
    int pad = s.width - n - zeros - prefix - (sign ? 1 : 0);
    if (s.zero && !s.minus && s.precision < 0 && pad > 0) {
        zeros += pad;
        pad = 0;
    }
    if (!s.minus) out.fill(' ', pad);
    if (sign) out.put(sign);
    if (prefix) out.put('0');
    if (prefix == 2) out.put(upper ? 'X' : 'x');
    out.fill('0', zeros);
    while (n) out.put(digits[--n]);
    if (s.minus) out.fill(' ', pad);
}

} // namespace

size_t format_va(char* buf, size_t size, const char* f, va_list ap) {
    Sink out(buf, size);
    for (; *f; ++f) {
        if (*f != '%') {
            out.put(*f);
            continue;
        }
        Spec s{false, false, false, false, false, 0, -1};
        for (++f;; ++f) {
            if (*f == '-') s.minus = true;
            else if (*f == '+') s.plus = true;
            else if (*f == ' ') s.space = true;
            else if (*f == '0') s.zero = true;
            else if (*f == '#') s.alt = true;
            else break;
        }
        if (*f == '*') {
            s.width = va_arg(ap, int);
            if (s.width < 0) s.minus = true, s.width = -s.width;
            ++f;
        } else {
            while (*f >= '0' && *f <= '9') s.width = s.width * 10 + (*f++ - '0');
        }
        if (*f == '.') {
            ++f;
            s.precision = 0;
            if (*f == '*') {
                s.precision = va_arg(ap, int);
                ++f;
            } else {
                while (*f >= '0' && *f <= '9') s.precision = s.precision * 10 + (*f++ - '0');
            }
        }
        int size_mod = 0; // h: -1, hh: -2, l, ll, z, j, t: 1
        for (;; ++f) {
            if (*f == 'l' || *f == 'z' || *f == 'j' || *f == 't') size_mod = 1;
            else if (*f == 'h') --size_mod;
            else break;
        }
        switch (*f) {
        case 'd':
        case 'i': {
            i64 v = size_mod == 1 ? va_arg(ap, long) : va_arg(ap, int);
            if (size_mod == -1) v = short(v);
            if (size_mod == -2) v = (signed char)(v);
            put_number(out, v < 0 ? 0 - u64(v) : u64(v), v < 0, 10, false, s);
            break;
        }
        case 'u':
        case 'x':
        case 'X':
        case 'o': {
            u64 v = size_mod == 1 ? va_arg(ap, unsigned long) : va_arg(ap, unsigned);
            if (size_mod == -1) v = u16(v);
            if (size_mod == -2) v = u8(v);
            s.plus = s.space = false;
            put_number(out, v, false, *f == 'u' ? 10 : *f == 'o' ? 8 : 16, *f == 'X', s);
            break;
        }
        case 'p':
            s.alt = true;
            put_number(out, reinterpret_cast<u64>(va_arg(ap, void*)), false, 16, false, s);
            break;
        case 'c': {
            char c = char(va_arg(ap, int));
            if (!s.minus) out.fill(' ', s.width - 1);
            out.put(c);
            if (s.minus) out.fill(' ', s.width - 1);
            break;
        }
        case 's': {
            const char* str = va_arg(ap, const char*);
            if (!str) str = "(null)";
            int n = int(s.precision >= 0 ? strnlen(str, s.precision) : strlen(str));
            if (!s.minus) out.fill(' ', s.width - n);
            for (int i = 0; i < n; ++i) out.put(str[i]);
            if (s.minus) out.fill(' ', s.width - n);
            break;
        }
        case '%': out.put('%'); break;
        case 0: return out.finish();
        default:
            out.put('%');
            out.put(*f);
        }
    }
    return out.finish();
}

size_t format(char* buf, size_t size, const char* f, ...) {
    va_list ap;
    va_start(ap, f);
    size_t n = format_va(buf, size, f, ap);
    va_end(ap);
    return n;
}

void TextBuffer::append(const char* f, ...) {
    va_list ap;
    va_start(ap, f);
    size_t room = size_ - length_;
    size_t n = format_va(buf_ + length_, room, f, ap);
    va_end(ap);
    if (n >= room) {
        truncated_ = true;
        length_ = size_ ? size_ - 1 : 0;
    } else {
        length_ += n;
    }
}

void TextBuffer::put(char c) { put(&c, 1); }

void TextBuffer::put(const char* s, size_t n) {
    size_t room = size_ > length_ ? size_ - length_ - 1 : 0;
    if (n > room) {
        truncated_ = true;
        n = room;
    }
    if (n) memcpy(buf_ + length_, s, n);
    length_ += n;
    if (size_) buf_[length_] = 0;
}

} // namespace linnet
