/* MD5 and SHA-1 under the names of the chip's ROM, which has both; other ports bring their own. */
#ifndef DIGEST_H
#define DIGEST_H

#include <stdint.h>

typedef struct {
    uint32_t state[4], bits[2];
    uint8_t block[64];
} MD5_CTX;

typedef struct {
    uint32_t state[5], bits[2];
    uint8_t block[64];
} SHA1_CTX;

void MD5Init(MD5_CTX *md5);
void MD5Update(MD5_CTX *md5, const uint8_t *data, uint32_t length);
void MD5Final(uint8_t digest[16], MD5_CTX *md5);
void SHA1Init(SHA1_CTX *sha1);
void SHA1Update(SHA1_CTX *sha1, const uint8_t *data, uint32_t length);
void SHA1Final(uint8_t digest[20], SHA1_CTX *sha1);

#endif
