/* What SDK libraries ask of a C library and neither they nor the ROM have; some folders bring a
 * libc.a, others none. All of it is in code that the OTA server never enters (addresses as text,
 * espconn), so it is short, not fast. */
#include <stddef.h>

void *memchr(const void *bytes, int wanted, size_t length);
int isxdigit(int c);
extern const char *const __ctype_ptr__;

void *memchr(const void *bytes, int wanted, size_t length) {
    for (const unsigned char *at = bytes; length--; at++)
        if (*at == (unsigned char)wanted)
            return (void *)at;
    return NULL;
}

int isxdigit(int c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* newlib's table for its ctype.h: the bits of character c stand at c + 1, those of EOF at 0. */
enum { UPPER = 0x01, LOWER = 0x02, DIGIT = 0x04, SPACE = 0x08, HEX = 0x40 };
static const char kinds[257] = {
    ['\t' + 1 ... '\r' + 1] = SPACE,
    [' ' + 1] = SPACE,
    ['0' + 1 ... '9' + 1] = DIGIT,
    ['A' + 1 ... 'F' + 1] = UPPER | HEX,
    ['G' + 1 ... 'Z' + 1] = UPPER,
    ['a' + 1 ... 'f' + 1] = LOWER | HEX,
    ['g' + 1 ... 'z' + 1] = LOWER,
};
const char *const __ctype_ptr__ = kinds;
