/* SHA-256 (FIPS 180-4). */
#ifndef SHA256_H
#define SHA256_H

#include <stdint.h>

struct sha256 {
    uint32_t state[8];
    uint32_t length; /* bytes taken so far; an image is far below 4 GiB */
    uint8_t block[64];
};

void sha256_begin(struct sha256 *sha);
void sha256_update(struct sha256 *sha, const uint8_t *data, uint32_t length);
void sha256_end(struct sha256 *sha, uint8_t digest[32]);

#endif
