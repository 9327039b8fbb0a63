/* MD5 (RFC 1321) and SHA-1 (FIPS 180-4) under the names of the chip's ROM, which has both; a port
 * without that ROM brings its own (ports/native). Lengths in bytes, any alignment, any split. */
#ifndef DIGEST_H
#define DIGEST_H

#include <stdint.h>

/* The ROM's layouts: 88 and 92 bytes. Only the functions below touch them. */
typedef struct {
    uint32_t state[4];
    uint32_t bits[2]; /* bits taken so far, 64-bit, the low word first */
    uint8_t block[64];
} MD5_CTX;

typedef struct {
    uint32_t state[5];
    uint32_t bits[2]; /* as above */
    uint8_t block[64];
} SHA1_CTX;

void MD5Init(MD5_CTX *md5);
void MD5Update(MD5_CTX *md5, const uint8_t *data, uint32_t length);
void MD5Final(uint8_t digest[16], MD5_CTX *md5);
void SHA1Init(SHA1_CTX *sha1);
void SHA1Update(SHA1_CTX *sha1, const uint8_t *data, uint32_t length);
void SHA1Final(uint8_t digest[20], SHA1_CTX *sha1);

#endif
