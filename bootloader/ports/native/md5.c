/* MD5 (RFC 1321) under the ROM's names. */
#include <string.h>

#include "digest.h"

static const uint32_t SINE[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

static const uint8_t TURN[4][4] = {
    {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

static void compress(MD5_CTX *md5) {
    uint32_t a = md5->state[0], b = md5->state[1], c = md5->state[2], d = md5->state[3], word[16];
    for (int i = 0; i < 16; i++) {
        const uint8_t *byte = md5->block + 4 * i;
        word[i] = byte[0] | (uint32_t)byte[1] << 8 | (uint32_t)byte[2] << 16 |
                  (uint32_t)byte[3] << 24;
    }
    for (int i = 0; i < 64; i++) {
        int round = i / 16;
        uint32_t mixed = round == 0   ? (b & c) | (~b & d)
                         : round == 1 ? (b & d) | (c & ~d)
                         : round == 2 ? b ^ c ^ d
                                      : c ^ (b | ~d);
        int at = round == 0 ? i : round == 1 ? 5 * i + 1 : round == 2 ? 3 * i + 5 : 7 * i;
        uint32_t sum = a + mixed + SINE[i] + word[at % 16];
        int turn = TURN[round][i % 4];
        a = d;
        d = c;
        c = b;
        b += sum << turn | sum >> (32 - turn);
    }
    md5->state[0] += a;
    md5->state[1] += b;
    md5->state[2] += c;
    md5->state[3] += d;
}

void MD5Init(MD5_CTX *md5) {
    static const uint32_t initial[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    memcpy(md5->state, initial, sizeof initial);
    md5->bits[0] = md5->bits[1] = 0;
}

void MD5Update(MD5_CTX *md5, const uint8_t *data, uint32_t length) {
    while (length) {
        uint32_t at = md5->bits[0] / 8 % 64, part = 64 - at < length ? 64 - at : length;
        memcpy(md5->block + at, data, part);
        md5->bits[0] += part * 8;
        md5->bits[1] += md5->bits[0] < part * 8;
        data += part;
        length -= part;
        if (at + part == 64)
            compress(md5);
    }
}

void MD5Final(uint8_t digest[16], MD5_CTX *md5) {
    uint8_t bits[8];
    for (int i = 0; i < 8; i++)
        bits[i] = (uint8_t)(md5->bits[i / 4] >> i % 4 * 8);
    MD5Update(md5, (const uint8_t[]){0x80}, 1);
    while (md5->bits[0] / 8 % 64 != 56)
        MD5Update(md5, (const uint8_t[]){0}, 1);
    MD5Update(md5, bits, 8);
    for (int i = 0; i < 16; i++)
        digest[i] = (uint8_t)(md5->state[i / 4] >> i % 4 * 8);
}
