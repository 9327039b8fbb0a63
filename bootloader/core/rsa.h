/* RSA signatures, PKCS#1 v1.5: the public half only. */
#ifndef RSA_H
#define RSA_H

#include <stdbool.h>
#include <stdint.h>

/* Longest modulus that is understood, in bytes; the chip's port sets it to its key's. */
#ifndef RSA_MOST
#define RSA_MOST 512
#endif

struct rsa_key {
    const uint8_t *modulus; /* big-endian, odd, its first bit set */
    uint32_t length;        /* bytes, even, at most RSA_MOST */
    uint32_t exponent;      /* a power of two and one: 3, 17, 65537 */
};

/* Whether the key can be used at all. */
bool rsa_key_good(const struct rsa_key *key);

/* Whether `signature` (as long as the modulus) is exactly 00 01 FF.. 00 || payload, with at least
 * eight FF. The whole block is compared: nothing in it is parsed, so that nothing can be
 * hidden in it. */
bool rsa_verify(const struct rsa_key *key, const uint8_t *signature, const uint8_t *payload,
                uint32_t payload_length);

#endif
