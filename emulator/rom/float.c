/* Floating point arithmetic, which the core has not and the real ROM brings: single and double
 * precision, rounded to nearest, ties to even. Numbers go by their bits. */
#include <stdbool.h>
#include <stdint.h>

#include "float.h"

enum kind { ZERO, FINITE, INFINITE, NOT_A_NUMBER };

/* The value is mantissa * 2**(exponent - 63); bit 63 of a finite one's mantissa is set. Its lowest
 * bit stands for everything below as well. */
struct number {
    enum kind kind;
    bool negative;
    int32_t exponent;
    uint64_t mantissa;
};

/* Bits of the stored fraction and of the exponent. */
struct format {
    uint32_t fraction, exponent;
};
static const struct format single = {23, 8}, precise = {52, 11};

static int32_t bias(struct format format) {
    return (1 << (format.exponent - 1)) - 1;
}

static void normalize(struct number *number) {
    while (!(number->mantissa >> 63)) {
        number->mantissa <<= 1;
        number->exponent--;
    }
}

static struct number unpack(struct format format, uint64_t bits) {
    uint32_t all = (1u << format.exponent) - 1;
    uint32_t stored = (uint32_t)(bits >> format.fraction) & all;
    uint64_t fraction = bits & (((uint64_t)1 << format.fraction) - 1);
    struct number number = {.kind = FINITE, .mantissa = fraction << (63 - format.fraction)};
    number.negative = bits >> (format.fraction + format.exponent) & 1;
    if (stored == all) {
        number.kind = fraction ? NOT_A_NUMBER : INFINITE;
    } else if (stored) {
        number.mantissa |= (uint64_t)1 << 63;
        number.exponent = (int32_t)stored - bias(format);
    } else if (fraction) {
        number.exponent = 1 - bias(format);
        normalize(&number);
    } else {
        number.kind = ZERO;
    }
    return number;
}

static uint64_t shift_sticky(uint64_t mantissa, uint32_t by) {
    if (by == 0)
        return mantissa;
    if (by > 63)
        return mantissa != 0;
    return mantissa >> by | ((mantissa << (64 - by)) != 0);
}

/* Without the lowest `drop` bits, rounded. */
static uint64_t round_off(uint64_t mantissa, uint32_t drop) {
    uint64_t rest, half;
    if (drop > 63)
        return drop == 64 && mantissa > (uint64_t)1 << 63;
    rest = mantissa & (((uint64_t)1 << drop) - 1);
    half = (uint64_t)1 << (drop - 1);
    mantissa >>= drop;
    return mantissa + (rest > half || (rest == half && (mantissa & 1)));
}

static uint64_t pack(struct format format, struct number number) {
    int32_t all = (1 << format.exponent) - 1, stored = number.exponent + bias(format);
    uint64_t sign = (uint64_t)number.negative << (format.fraction + format.exponent);
    uint64_t infinite = (uint64_t)(uint32_t)all << format.fraction;
    uint32_t drop = 63 - format.fraction;
    switch (number.kind) {
    case ZERO: return sign;
    case INFINITE: return sign | infinite;
    case NOT_A_NUMBER: return infinite | (uint64_t)1 << (format.fraction - 1);
    case FINITE: break;
    }
    if (stored >= all)
        return sign | infinite;
    if (stored < 1) { /* not normal: all bits are in the fraction */
        uint32_t more = (uint32_t)(1 - stored);
        return sign | round_off(number.mantissa, more > 64 ? 65 : drop + more);
    }
    /* The leading one, not stored, counts one up in the exponent; as does a carry of rounding. */
    return sign | ((((uint64_t)(uint32_t)(stored - 1)) << format.fraction) +
                   round_off(number.mantissa, drop));
}

static struct number sum(struct number a, struct number b) {
    struct number none = {.kind = NOT_A_NUMBER};
    if (a.kind == NOT_A_NUMBER || b.kind == NOT_A_NUMBER)
        return none;
    if (a.kind == INFINITE || b.kind == INFINITE)
        return a.kind != b.kind            ? (a.kind == INFINITE ? a : b)
               : a.negative == b.negative ? a
                                          : none;
    if (a.kind == ZERO && b.kind == ZERO) {
        a.negative = a.negative && b.negative;
        return a;
    }
    if (a.kind == ZERO || b.kind == ZERO)
        return a.kind == ZERO ? b : a;
    if (a.exponent < b.exponent || (a.exponent == b.exponent && a.mantissa < b.mantissa)) {
        struct number swap = a;
        a = b;
        b = swap;
    }
    /* Room for a carry; a sum never needs the bits that are lost but to be rounded right. */
    uint64_t large = shift_sticky(a.mantissa, 2);
    uint64_t small = shift_sticky(b.mantissa, (uint32_t)(a.exponent - b.exponent) + 2);
    if (a.exponent - b.exponent > 100)
        small = 1;
    a.mantissa = a.negative == b.negative ? large + small : large - small;
    a.exponent += 2;
    if (!a.mantissa)
        return (struct number){.kind = ZERO};
    normalize(&a);
    return a;
}

static struct number product(struct number a, struct number b) {
    a.negative = a.negative != b.negative;
    if (a.kind == NOT_A_NUMBER || b.kind == NOT_A_NUMBER || (a.kind == INFINITE && b.kind == ZERO) ||
        (a.kind == ZERO && b.kind == INFINITE)) {
        a.kind = NOT_A_NUMBER;
        return a;
    }
    if (a.kind != FINITE || b.kind != FINITE) {
        a.kind = a.kind == INFINITE || b.kind == INFINITE ? INFINITE : ZERO;
        return a;
    }
    uint64_t low = (uint64_t)(uint32_t)a.mantissa * (uint32_t)b.mantissa;
    uint64_t first = (a.mantissa >> 32) * (uint32_t)b.mantissa;
    uint64_t second = (uint64_t)(uint32_t)a.mantissa * (b.mantissa >> 32);
    uint64_t middle = (low >> 32) + (uint32_t)first + (uint32_t)second;
    uint64_t high = (a.mantissa >> 32) * (b.mantissa >> 32) + (first >> 32) + (second >> 32) +
                    (middle >> 32);
    a.mantissa = high | ((uint32_t)middle | (uint32_t)low ? 1 : 0);
    a.exponent += b.exponent + 1;
    normalize(&a);
    return a;
}

static struct number quotient(struct number a, struct number b) {
    a.negative = a.negative != b.negative;
    if (a.kind == NOT_A_NUMBER || b.kind == NOT_A_NUMBER ||
        (a.kind == b.kind && a.kind != FINITE)) {
        a.kind = NOT_A_NUMBER;
        return a;
    }
    if (a.kind != FINITE || b.kind != FINITE) {
        a.kind = a.kind == INFINITE || b.kind == ZERO ? INFINITE : ZERO;
        return a;
    }
    uint64_t rest = a.mantissa, result = 0;
    for (int bit = 0; bit < 64; bit++) {
        bool carry = false;
        if (bit) {
            carry = rest >> 63;
            rest <<= 1;
        }
        result <<= 1;
        if (carry || rest >= b.mantissa) {
            rest -= b.mantissa;
            result |= 1;
        }
    }
    a.mantissa = result | (rest != 0);
    a.exponent -= b.exponent;
    normalize(&a);
    return a;
}

/* Towards zero; what does not fit becomes the nearest that does, what is no number 0. */
static uint32_t whole(struct number number, bool with_sign) {
    uint32_t most = with_sign ? (number.negative ? 0x80000000 : 0x7fffffff) : 0xffffffff;
    if (number.kind == ZERO || number.kind == NOT_A_NUMBER || number.exponent < 0)
        return 0;
    if (number.negative && !with_sign)
        return 0;
    if (number.kind == INFINITE || number.exponent > (with_sign ? 30 : 31))
        return most;
    uint32_t value = (uint32_t)(number.mantissa >> (63 - number.exponent));
    return number.negative ? -value : value;
}

static struct number from_whole(uint32_t value, bool negative) {
    struct number number = {.kind = value ? FINITE : ZERO, .negative = value && negative};
    number.mantissa = (uint64_t)value << 32;
    number.exponent = 31;
    if (value)
        normalize(&number);
    return number;
}

static uint32_t magnitude(int32_t value) {
    return value < 0 ? -(uint32_t)value : (uint32_t)value;
}

#define SINGLE(name, operation)                                                        \
    uint32_t name(uint32_t a, uint32_t b) {                                            \
        return (uint32_t)pack(single, operation(unpack(single, a), unpack(single, b))); \
    }
#define DOUBLE(name, operation)                                                  \
    uint64_t name(uint64_t a, uint64_t b) {                                      \
        return pack(precise, operation(unpack(precise, a), unpack(precise, b))); \
    }
SINGLE(__addsf3, sum)
SINGLE(__mulsf3, product)
DOUBLE(__adddf3, sum)
DOUBLE(__muldf3, product)
DOUBLE(__divdf3, quotient)

uint32_t __subsf3(uint32_t a, uint32_t b) {
    return __addsf3(a, b ^ 0x80000000);
}

uint64_t __subdf3(uint64_t a, uint64_t b) {
    return __adddf3(a, b ^ (uint64_t)1 << 63);
}

uint32_t __fixunssfsi(uint32_t a) {
    return whole(unpack(single, a), false);
}

uint32_t __fixunsdfsi(uint64_t a) {
    return whole(unpack(precise, a), false);
}

int32_t __fixdfsi(uint64_t a) {
    return (int32_t)whole(unpack(precise, a), true);
}

uint32_t __truncdfsf2(uint64_t a) {
    return (uint32_t)pack(single, unpack(precise, a));
}

uint64_t __extendsfdf2(uint32_t a) {
    return pack(precise, unpack(single, a));
}

uint32_t __floatunsisf(uint32_t a) {
    return (uint32_t)pack(single, from_whole(a, false));
}

uint32_t __floatsisf(int32_t a) {
    return (uint32_t)pack(single, from_whole(magnitude(a), a < 0));
}

uint64_t __floatunsidf(uint32_t a) {
    return pack(precise, from_whole(a, false));
}

uint64_t __floatsidf(int32_t a) {
    return pack(precise, from_whole(magnitude(a), a < 0));
}
