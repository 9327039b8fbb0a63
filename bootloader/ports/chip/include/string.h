/* What there is of <string.h> without a C library: the ROM's. */
#ifndef STRING_H
#define STRING_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t length);
void *memset(void *to, int value, size_t length);
int memcmp(const void *first, const void *second, size_t length);

#endif
