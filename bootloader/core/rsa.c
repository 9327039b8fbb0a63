#include "rsa.h"

#include <string.h>

/* Limbs of 16 bits, least first: the chip multiplies 16 x 16 to 32 in one instruction and has no
 * wider product; limb * limb + limb + limb fits 32 bits exactly. */
#define LIMBS (RSA_MODULUS_MAX / 2)

#define PADDING_MIN 11u /* 00 01, eight FF, 00 (RFC 8017, 9.2) */

struct modulus {
    uint32_t limbs; /* how many of `n` are in use */
    uint16_t inverse; /* -1/n modulo 2^16 */
    uint16_t n[LIMBS];
};

static void load_limbs(uint16_t *to, const uint8_t *from, uint32_t limbs) {
    for (uint32_t i = 0; i < limbs; i++) {
        const uint8_t *limb = from + 2 * (limbs - 1 - i);
        to[i] = (uint16_t)(limb[0] << 8 | limb[1]);
    }
}

/* a -= n when a (with `carry` above it) is not below n. */
static void reduce(const struct modulus *m, uint16_t *a, uint32_t carry) {
    uint32_t i = m->limbs;
    if (!carry) {
        while (i && a[i - 1] == m->n[i - 1])
            i--;
        if (i && a[i - 1] < m->n[i - 1])
            return;
    }
    uint32_t borrow = 0;
    for (i = 0; i < m->limbs; i++) {
        uint32_t difference = (uint32_t)a[i] - m->n[i] - borrow;
        a[i] = (uint16_t)difference;
        borrow = difference >> 31;
    }
}

/* a = a * b / 2^(16 * limbs) modulo n (Montgomery); a and b below n. */
static void montgomery_multiply(const struct modulus *m, uint16_t *a, const uint16_t *b) {
    uint16_t t[LIMBS];
    uint32_t over = 0;
    memset(t, 0, sizeof t);
    for (uint32_t i = 0; i < m->limbs; i++) {
        uint32_t factor = b[i], first = t[0] + a[0] * factor;
        uint32_t multiple = (uint16_t)(first * m->inverse);
        uint32_t product = first, zeroed = (uint16_t)first + m->n[0] * multiple;
        for (uint32_t j = 1; j < m->limbs; j++) {
            product = (product >> 16) + a[j] * factor + t[j];
            zeroed = (zeroed >> 16) + m->n[j] * multiple + (uint16_t)product;
            t[j - 1] = (uint16_t)zeroed;
        }
        over += (product >> 16) + (zeroed >> 16);
        t[m->limbs - 1] = (uint16_t)over;
        over >>= 16;
    }
    memcpy(a, t, m->limbs * sizeof *a);
    reduce(m, a, over);
}

/* x = 2^(32 * limbs) modulo n, which carries a number into Montgomery's form: `limbs` doublings of
 * 2^(16 * limbs), then four squarings, each of which doubles the distance. */
static void square_of_radix(const struct modulus *m, uint16_t *x) {
    memset(x, 0, m->limbs * sizeof *x);
    reduce(m, x, 1);
    for (uint32_t i = 0; i < m->limbs; i++) {
        uint32_t carry = 0;
        for (uint32_t j = 0; j < m->limbs; j++) {
            carry |= (uint32_t)x[j] << 1;
            x[j] = (uint16_t)carry;
            carry >>= 16;
        }
        reduce(m, x, carry);
    }
    for (int i = 0; i < 4; i++)
        montgomery_multiply(m, x, x);
}

static bool less_than(const uint8_t *a, const uint8_t *b, uint32_t length) {
    return memcmp(a, b, length) < 0;
}

bool rsa_key_valid(const struct rsa_key *key) {
    uint32_t length = key->modulus_length, power = key->exponent - 1;
    return length >= RSA_MODULUS_MIN && length <= RSA_MODULUS_MAX && length % 2 == 0 &&
           key->modulus[0] & 0x80 && key->modulus[length - 1] & 1 && power >= 2 &&
           (power & (power - 1)) == 0;
}

bool rsa_verify(const struct rsa_key *key, const uint8_t *signature, const uint8_t *payload,
                uint32_t payload_length) {
    struct modulus m;
    uint16_t s[LIMBS], x[LIMBS];
    uint32_t length = key->modulus_length;
    if (!rsa_key_valid(key) || payload_length + PADDING_MIN > length ||
        !less_than(signature, key->modulus, length))
        return false;
    m.limbs = length / 2;
    load_limbs(m.n, key->modulus, m.limbs);
    load_limbs(s, signature, m.limbs);
    uint32_t inverse = m.n[0]; /* right to 3 bits; each round doubles them */
    for (int i = 0; i < 3; i++)
        inverse *= 2 - m.n[0] * inverse;
    m.inverse = (uint16_t)-inverse;

    square_of_radix(&m, x);
    montgomery_multiply(&m, x, s);
    for (uint32_t power = key->exponent >> 1; power; power >>= 1)
        montgomery_multiply(&m, x, x);
    montgomery_multiply(&m, x, s);

    uint32_t filled = length - payload_length, wrong = 0;
    for (uint32_t i = 0; i < length; i++) {
        uint32_t limb = x[m.limbs - 1 - i / 2], byte = i & 1 ? limb & 0xff : limb >> 8;
        uint32_t expected = i == 0             ? 0
                            : i == 1           ? 1
                            : i < filled - 1   ? 0xff
                            : i == filled - 1  ? 0
                                               : payload[i - filled];
        wrong |= byte ^ expected;
    }
    return wrong == 0;
}
