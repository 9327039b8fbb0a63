/* SHA-256 (FIPS 180-4). Any alignment, any split of the data. */
#ifndef SHA256_H
#define SHA256_H

#include <stdint.h>

#define SHA256_SIZE 32u /* bytes of a digest */

/* A digest in the making; only the functions below touch it. */
struct sha256 {
    uint32_t state[8];
    uint32_t length;   /* bytes taken so far, below 4 GiB: an image is under 1 MB */
    uint8_t block[64]; /* the last `length` % 64 bytes of them */
};

void sha256_begin(struct sha256 *sha);

/* Takes `length` bytes, 0 or more. */
void sha256_update(struct sha256 *sha, const uint8_t *data, uint32_t length);

/* Writes the digest; `sha` must be begun anew afterwards. */
void sha256_end(struct sha256 *sha, uint8_t digest[SHA256_SIZE]);

#endif
