/* Division, which the core has not and the real ROM brings. */
#include <stdint.h>

uint32_t __udivsi3(uint32_t dividend, uint32_t divisor);
uint32_t __umodsi3(uint32_t dividend, uint32_t divisor);
int32_t __divsi3(int32_t dividend, int32_t divisor);

uint32_t __udivsi3(uint32_t dividend, uint32_t divisor) {
    uint32_t quotient = 0, rest = 0;
    for (int bit = 31; bit >= 0; bit--) {
        rest = rest << 1 | (dividend >> bit & 1);
        if (rest >= divisor) {
            rest -= divisor;
            quotient |= 1u << bit;
        }
    }
    return quotient;
}

uint32_t __umodsi3(uint32_t dividend, uint32_t divisor) {
    return dividend - __udivsi3(dividend, divisor) * divisor;
}

int32_t __divsi3(int32_t dividend, int32_t divisor) {
    uint32_t a = dividend < 0 ? -(uint32_t)dividend : (uint32_t)dividend;
    uint32_t b = divisor < 0 ? -(uint32_t)divisor : (uint32_t)divisor;
    uint32_t quotient = __udivsi3(a, b);
    return (int32_t)((dividend < 0) != (divisor < 0) ? -quotient : quotient);
}
