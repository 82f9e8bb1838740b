// ChaCha20 (RFC 8439) keyed by what random_add() has mixed in; after each request the key is replaced by fresh output, so that
// a later look at the state tells nothing of earlier numbers.
#include "kernel/lib/random.h"

#include "kernel/lib/string.h"
#include "kernel/sync/spinlock.h"

namespace linnet {

namespace {

SpinLock<Rank::Entropy> lock;
u32 key[8] GUARDED_BY(lock);
u64 block_counter GUARDED_BY(lock);
u32 entropy_bits GUARDED_BY(lock);
constexpr u32 kEnoughBits = 256;

constexpr u32 rotl(u32 v, int n) { return v << n | v >> (32 - n); }

void quarter(u32& a, u32& b, u32& c, u32& d) {
    a += b, d = rotl(d ^ a, 16);
    c += d, b = rotl(b ^ c, 12);
    a += b, d = rotl(d ^ a, 8);
    c += d, b = rotl(b ^ c, 7);
}

void block(const u32 k[8], u64 counter, u32 out[16]) {
    u32 in[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, k[0], k[1], k[2], k[3],
                  k[4], k[5], k[6], k[7], u32(counter), u32(counter >> 32), 0, 0};
    u32 s[16];
    memcpy(s, in, sizeof s);
    for (int i = 0; i < 10; ++i) {
        quarter(s[0], s[4], s[8], s[12]);
        quarter(s[1], s[5], s[9], s[13]);
        quarter(s[2], s[6], s[10], s[14]);
        quarter(s[3], s[7], s[11], s[15]);
        quarter(s[0], s[5], s[10], s[15]);
        quarter(s[1], s[6], s[11], s[12]);
        quarter(s[2], s[7], s[8], s[13]);
        quarter(s[3], s[4], s[9], s[14]);
    }
    for (int i = 0; i < 16; ++i) out[i] = s[i] + in[i];
}

} // namespace

void random_add(const void* p, size_t n, u32 bits) {
    auto* b = static_cast<const u8*>(p);
    SpinGuard g(lock);
    // Absorbs 32 bytes at a time: XOR into the key, then a block of output becomes the key.
    while (n) {
        u8 chunk[32] = {};
        size_t m = n < 32 ? n : 32;
        memcpy(chunk, b, m);
        u32 words[8], out[16];
        memcpy(words, chunk, 32);
        for (int i = 0; i < 8; ++i) key[i] ^= words[i];
        block(key, ++block_counter, out);
        memcpy(key, out, sizeof key);
        b += m;
        n -= m;
    }
    entropy_bits = entropy_bits + bits > kEnoughBits ? kEnoughBits : entropy_bits + bits;
}

bool random_ready() {
    SpinGuard g(lock);
    return entropy_bits >= kEnoughBits;
}

void random_bytes(void* to, size_t n) {
    auto* p = static_cast<u8*>(to);
    u32 own[8];
    {
        SpinGuard g(lock);
        // One block: half of it keys this request, half replaces the key.
        u32 out[16];
        block(key, ++block_counter, out);
        memcpy(own, out, sizeof own);
        memcpy(key, out + 8, sizeof key);
    }
    u32 out[16];
    for (u64 c = 0; n; ++c) {
        size_t m = n < sizeof out ? n : sizeof out;
        block(own, c, out);
        memcpy(p, out, m);
        p += m;
        n -= m;
    }
}

} // namespace linnet
