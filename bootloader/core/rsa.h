/* RSA signatures, PKCS#1 v1.5: the public half only. Verifying needs no randomness. */
#ifndef RSA_H
#define RSA_H

#include <stdbool.h>
#include <stdint.h>

/* Longest modulus that is understood, in bytes, even: it sizes the four numbers
 * that a verification has on its stack. The chip's ports set it to their key's. */
#ifndef RSA_MODULUS_MAX
#define RSA_MODULUS_MAX 512
#endif

/* Shortest one, in bytes: a SHA-256 with its DigestInfo needs 62 of them. */
#define RSA_MODULUS_MIN 64u

/* A public key. */
struct rsa_key {
    /* The number that makes the key: big-endian, `modulus_length` bytes, its first bit set, odd.
     * Not copied: it must outlive the key. */
    const uint8_t *modulus;

    /* Bytes, RSA_MODULUS_MIN to RSA_MODULUS_MAX, even; a multiple of 4 for a key of images, whose
     * signatures are read from flash. A signature is exactly as long. */
    uint32_t modulus_length;

    /* One more than a power of two, at least 3: 3, 17, 65537. Keys that our tools make have 3. */
    uint32_t exponent;
};

/* Whether every field is as said above. A key that is not verifies nothing. */
bool rsa_key_valid(const struct rsa_key *key);

/* Whether `signature` (`modulus_length` bytes, big-endian) opens with `key` to exactly
 * 00 01 FF.. 00 || payload, with at least eight FF; `payload_length` in bytes, at most
 * `modulus_length` - 11, or the answer is false. The whole block is compared: nothing in it is
 * parsed, so that nothing can be hidden in it. Any alignment. */
bool rsa_verify(const struct rsa_key *key, const uint8_t *signature, const uint8_t *payload,
                uint32_t payload_length);

#endif
