/* SHA-1 (FIPS 180-4) under the ROM's names. */
#include <string.h>

#include "digest.h"

static inline uint32_t rotate(uint32_t word, int by) {
    return word << by | word >> (32 - by);
}

static void compress(SHA1_CTX *sha1) {
    static const uint32_t constant[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    uint32_t w[80], v[5];
    for (int i = 0; i < 16; i++) {
        const uint8_t *byte = sha1->block + 4 * i;
        w[i] = (uint32_t)byte[0] << 24 | (uint32_t)byte[1] << 16 | (uint32_t)byte[2] << 8 | byte[3];
    }
    for (int i = 16; i < 80; i++)
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    memcpy(v, sha1->state, sizeof v);
    for (int i = 0; i < 80; i++) {
        uint32_t mixed = i < 20               ? (v[1] & v[2]) | (~v[1] & v[3])
                         : i >= 40 && i < 60 ? (v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3])
                                             : v[1] ^ v[2] ^ v[3];
        uint32_t sum = rotate(v[0], 5) + mixed + v[4] + constant[i / 20] + w[i];
        v[4] = v[3];
        v[3] = v[2];
        v[2] = rotate(v[1], 30);
        v[1] = v[0];
        v[0] = sum;
    }
    for (int i = 0; i < 5; i++)
        sha1->state[i] += v[i];
}

void SHA1Init(SHA1_CTX *sha1) {
    static const uint32_t initial[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    memcpy(sha1->state, initial, sizeof initial);
    sha1->bits[0] = sha1->bits[1] = 0;
}

void SHA1Update(SHA1_CTX *sha1, const uint8_t *data, uint32_t length) {
    while (length) {
        uint32_t at = sha1->bits[0] / 8 % 64, part = 64 - at < length ? 64 - at : length;
        memcpy(sha1->block + at, data, part);
        sha1->bits[0] += part * 8;
        sha1->bits[1] += sha1->bits[0] < part * 8;
        data += part;
        length -= part;
        if (at + part == 64)
            compress(sha1);
    }
}

void SHA1Final(uint8_t digest[20], SHA1_CTX *sha1) {
    uint8_t bits[8];
    for (int i = 0; i < 8; i++)
        bits[i] = (uint8_t)(sha1->bits[1 - i / 4] >> (24 - i % 4 * 8));
    SHA1Update(sha1, (const uint8_t[]){0x80}, 1);
    while (sha1->bits[0] / 8 % 64 != 56)
        SHA1Update(sha1, (const uint8_t[]){0}, 1);
    SHA1Update(sha1, bits, 8);
    for (int i = 0; i < 20; i++)
        digest[i] = (uint8_t)(sha1->state[i / 4] >> (24 - i % 4 * 8));
}
