#include "sha256.h"

#include <string.h>

static const uint32_t INITIAL[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static const uint32_t ROUND[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static inline uint32_t rotate(uint32_t word, int by) {
    return word >> by | word << (32 - by);
}

static void compress(uint32_t state[8], const uint8_t *byte) {
    uint32_t w[64];
    for (int i = 0; i < 16; i++, byte += 4)
        w[i] = (uint32_t)byte[0] << 24 | (uint32_t)byte[1] << 16 | (uint32_t)byte[2] << 8 | byte[3];
    for (uint32_t *at = w; at < w + 48; at++) {
        uint32_t a = at[1], b = at[14];
        at[16] = at[0] + at[9] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) +
                 (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
    }
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < 64; i++) {
        h += (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + (g ^ (e & (f ^ g))) + ROUND[i] + w[i];
        d += h;
        h += (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) | (c & (a | b)));
        uint32_t next = h;
        h = g;
        g = f;
        f = e;
        e = d;
        d = c;
        c = b;
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
}

void sha256_begin(struct sha256 *sha) {
    memcpy(sha->state, INITIAL, sizeof sha->state);
    sha->length = 0;
}

void sha256_update(struct sha256 *sha, const uint8_t *data, uint32_t length) {
    while (length) {
        uint32_t at = sha->length % 64, part = 64 - at;
        if (part > length)
            part = length;
        memcpy(sha->block + at, data, part);
        sha->length += part;
        data += part;
        length -= part;
        if (at + part == 64)
            compress(sha->state, sha->block);
    }
}

void sha256_end(struct sha256 *sha, uint8_t digest[SHA256_SIZE]) {
    uint32_t length = sha->length, at = length % 64;
    sha->block[at++] = 0x80;
    if (at > 56) {
        memset(sha->block + at, 0, 64 - at);
        compress(sha->state, sha->block);
        at = 0;
    }
    memset(sha->block + at, 0, 64 - at);
    for (int i = 0; i < 4; i++)
        sha->block[60 + i] = (uint8_t)(length << 3 >> (24 - 8 * i));
    sha->block[59] = (uint8_t)(length >> 29);
    compress(sha->state, sha->block);
    for (uint32_t i = 0; i < SHA256_SIZE; i++)
        digest[i] = (uint8_t)(sha->state[i / 4] >> (24 - i % 4 * 8));
}
