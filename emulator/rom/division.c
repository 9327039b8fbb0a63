/* Division and wide multiplication, which the core has not and the real ROM brings. */
#include <stdint.h>

uint32_t __udivsi3(uint32_t dividend, uint32_t divisor);
uint32_t __umodsi3(uint32_t dividend, uint32_t divisor);
int32_t __divsi3(int32_t dividend, int32_t divisor);
uint64_t __umulsidi3(uint32_t a, uint32_t b);
uint64_t __muldi3(uint64_t a, uint64_t b);
uint64_t __udivdi3(uint64_t dividend, uint64_t divisor);
uint64_t __umoddi3(uint64_t dividend, uint64_t divisor);
int64_t __divdi3(int64_t dividend, int64_t divisor);

/* As many steps as the quotient has bits; by zero 0. */
uint32_t __udivsi3(uint32_t dividend, uint32_t divisor) {
    uint32_t quotient = 0;
    if (divisor > dividend || divisor == 0)
        return 0;
    uint32_t steps = (uint32_t)(__builtin_clz(divisor) - __builtin_clz(dividend));
    divisor <<= steps;
    for (;;) {
        quotient <<= 1;
        if (dividend >= divisor) {
            dividend -= divisor;
            quotient |= 1;
        }
        if (!steps--)
            return quotient;
        divisor >>= 1;
    }
}

/* Without making a quotient, as libgcc's (and the ROM's) does: every look-up in a dictionary asks. */
uint32_t __umodsi3(uint32_t dividend, uint32_t divisor) {
    if (divisor > dividend || divisor == 0)
        return dividend;
    uint32_t steps = (uint32_t)(__builtin_clz(divisor) - __builtin_clz(dividend));
    divisor <<= steps;
    for (;;) {
        if (dividend >= divisor)
            dividend -= divisor;
        if (!steps--)
            return dividend;
        divisor >>= 1;
    }
}

int32_t __divsi3(int32_t dividend, int32_t divisor) {
    uint32_t a = dividend < 0 ? -(uint32_t)dividend : (uint32_t)dividend;
    uint32_t b = divisor < 0 ? -(uint32_t)divisor : (uint32_t)divisor;
    uint32_t quotient = __udivsi3(a, b);
    return (int32_t)((dividend < 0) != (divisor < 0) ? -quotient : quotient);
}

uint64_t __umulsidi3(uint32_t a, uint32_t b) {
    uint32_t low = (a & 0xffff) * (b & 0xffff), high = (a >> 16) * (b >> 16);
    uint32_t first = (a >> 16) * (b & 0xffff), second = (a & 0xffff) * (b >> 16);
    uint32_t middle = (low >> 16) + (first & 0xffff) + (second & 0xffff);
    high += (first >> 16) + (second >> 16) + (middle >> 16);
    return (uint64_t)high << 32 | middle << 16 | (low & 0xffff);
}

uint64_t __muldi3(uint64_t a, uint64_t b) {
    uint32_t high = (uint32_t)(a >> 32) * (uint32_t)b + (uint32_t)a * (uint32_t)(b >> 32);
    return __umulsidi3((uint32_t)a, (uint32_t)b) + ((uint64_t)high << 32);
}

uint64_t __udivdi3(uint64_t dividend, uint64_t divisor) {
    uint64_t quotient = 0, rest = 0;
    if (!((dividend | divisor) >> 32))
        return __udivsi3((uint32_t)dividend, (uint32_t)divisor);
    for (int bit = 63; bit >= 0; bit--) {
        uint64_t carry = rest >> 63;
        rest = rest << 1 | (dividend >> 63);
        dividend <<= 1;
        quotient <<= 1;
        if (carry || rest >= divisor) {
            rest -= divisor;
            quotient |= 1;
        }
    }
    return quotient;
}

uint64_t __umoddi3(uint64_t dividend, uint64_t divisor) {
    return dividend - __muldi3(__udivdi3(dividend, divisor), divisor);
}

int64_t __divdi3(int64_t dividend, int64_t divisor) {
    uint64_t a = dividend < 0 ? -(uint64_t)dividend : (uint64_t)dividend;
    uint64_t b = divisor < 0 ? -(uint64_t)divisor : (uint64_t)divisor;
    uint64_t quotient = __udivdi3(a, b);
    return (int64_t)((dividend < 0) != (divisor < 0) ? -quotient : quotient);
}
