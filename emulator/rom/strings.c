/* What the ROM has of a C library, and its printing. */
#include <stdarg.h>
#include <stdbool.h>

#include "host.h"
#include "peripherals.h"
#include "rom.h"

void *fake_memcpy(void *to, const void *from, uint32_t length) {
    uint8_t *target = to;
    const uint8_t *source = from;
    if ((((uint32_t)to | (uint32_t)from) & 3) == 0)
        for (; length >= 4; length -= 4, target += 4, source += 4)
            *(uint32_t *)target = *(const uint32_t *)source;
    while (length--)
        *target++ = *source++;
    return to;
}

void *fake_memset(void *to, int value, uint32_t length) {
    uint8_t *target = to;
    if (((uint32_t)to & 3) == 0)
        for (; length >= 4; length -= 4, target += 4)
            *(uint32_t *)target = (uint8_t)value * 0x01010101u;
    while (length--)
        *target++ = (uint8_t)value;
    return to;
}

void fake_bzero(void *to, uint32_t length) {
    fake_memset(to, 0, length);
}

void *fake_memmove(void *to, const void *from, uint32_t length) {
    uint8_t *target = to;
    const uint8_t *source = from;
    if (target <= source)
        return fake_memcpy(to, from, length);
    while (length--)
        target[length] = source[length];
    return to;
}

int fake_memcmp(const void *first, const void *second, uint32_t length) {
    const uint8_t *a = first, *b = second;
    for (; length--; a++, b++)
        if (*a != *b)
            return *a - *b;
    return 0;
}

uint32_t fake_strlen(const char *text) {
    uint32_t length = 0;
    while (text[length])
        length++;
    return length;
}

int fake_strncmp(const char *a, const char *b, uint32_t length) {
    for (; length; a++, b++, length--)
        if (*a != *b || !*a)
            return (uint8_t)*a - (uint8_t)*b;
    return 0;
}

int fake_strcmp(const char *a, const char *b) {
    return fake_strncmp(a, b, ~0u);
}

char *fake_strncpy(char *to, const char *from, uint32_t length) {
    uint32_t at = 0;
    for (; at < length && from[at]; at++)
        to[at] = from[at];
    fake_bzero(to + at, length - at);
    return to;
}

char *fake_strcpy(char *to, const char *from) {
    return fake_memcpy(to, from, fake_strlen(from) + 1);
}

char *fake_strstr(const char *text, const char *wanted) {
    uint32_t length = fake_strlen(wanted);
    for (; *text; text++)
        if (!fake_strncmp(text, wanted, length))
            return (char *)(uintptr_t)text;
    return length ? 0 : (char *)(uintptr_t)text;
}

/* --- printing ------------------------------------------------------------------------------------ */

static void (*putc1)(char letter); /* where the program that runs wants what is printed */

void fake_ets_install_putc1(void (*function)(char letter)) {
    putc1 = function;
}

static void put(char letter) {
    if (putc1)
        putc1(letter);
    else
        host_print((char[2]){letter, 0});
}

static void print_in(uint32_t number, uint32_t base, uint32_t width, char fill) {
    static const char digits[] = "0123456789abcdef";
    char text[12], *at = text + sizeof text;
    *--at = 0;
    do {
        *--at = digits[number % base];
        number /= base;
    } while (number);
    for (uint32_t length = fake_strlen(at); length < width; length++)
        put(fill);
    while (*at)
        put(*at++);
}

static void print_text(const char *text) {
    while (*text)
        put(*text++);
}

int fake_ets_printf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    for (; *format; format++) {
        uint32_t width = 0;
        char fill = ' ';
        int32_t number;
        if (*format != '%') {
            put(*format);
            continue;
        }
        if (*++format == '0')
            fill = '0';
        for (; *format >= '0' && *format <= '9'; format++)
            width = width * 10 + (uint32_t)(*format - '0');
        if (*format == 'l')
            format++;
        switch (*format) {
        case 'd':
            number = va_arg(arguments, int32_t);
            if (number < 0)
                put('-');
            print_in(number < 0 ? -(uint32_t)number : (uint32_t)number, 10, width, fill);
            break;
        case 'u': print_in(va_arg(arguments, uint32_t), 10, width, fill); break;
        case 'p':
        case 'x': print_in(va_arg(arguments, uint32_t), 16, width, fill); break;
        case 'c': put((char)va_arg(arguments, int)); break;
        case 's': print_text(va_arg(arguments, const char *)); break;
        case '%': put('%'); break;
        default:
            host_print("misuse: a format that the emulator does not know: ");
            host_print(format);
            rom_end(EXIT_MISUSE);
        }
    }
    va_end(arguments);
    return 0;
}
