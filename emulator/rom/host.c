#include "host.h"

enum { CALL_EXIT = 1, CALL_READ = 3, CALL_WRITE = 4, CALL_OPEN = 5, CALL_LSEEK = 19, CALL_ARGUMENTS_COUNT = 1000,
       CALL_ARGUMENTS_SIZE = 1001, CALL_ARGUMENTS = 1002 };

static uint32_t arguments[512]; /* argv and the strings it points to */

static int32_t call(uint32_t number, uint32_t first, uint32_t second, uint32_t third) {
    register uint32_t a2 __asm__("a2") = number;
    register uint32_t a3 __asm__("a3") = first;
    register uint32_t a4 __asm__("a4") = second;
    register uint32_t a5 __asm__("a5") = third;
    __asm__ volatile("simcall" : "+r"(a2), "+r"(a3) : "r"(a4), "r"(a5) : "memory");
    return (int32_t)a2;
}

const char *host_argument(enum argument number) {
    if (!arguments[0]) {
        if (call(CALL_ARGUMENTS_SIZE, 0, 0, 0) > (int32_t)sizeof arguments)
            host_exit(EXIT_HOST);
        call(CALL_ARGUMENTS, (uint32_t)arguments, 0, 0);
    }
    if ((int32_t)number >= call(CALL_ARGUMENTS_COUNT, 0, 0, 0))
        return "-";
    return (const char *)arguments[number];
}

int32_t host_number(enum argument number) {
    const char *text = host_argument(number);
    int32_t value = 0, sign = 1;
    if (*text == '-') {
        sign = -1;
        text++;
    }
    for (; *text; text++)
        value = value * 10 + (*text - '0');
    return sign * value;
}

int32_t host_open(const char *path, int flags) {
    int32_t file = call(CALL_OPEN, (uint32_t)path, (uint32_t)flags, 0);
    if (file < 0)
        host_exit(EXIT_HOST);
    return file;
}

int32_t host_read(int32_t file, void *into, uint32_t length) {
    return call(CALL_READ, (uint32_t)file, (uint32_t)into, length);
}

void host_write_at(int32_t file, uint32_t offset, const void *from, uint32_t length) {
    call(CALL_LSEEK, (uint32_t)file, offset, 0);
    host_write(file, from, length);
}

void host_write(int32_t file, const void *from, uint32_t length) {
    if (call(CALL_WRITE, (uint32_t)file, (uint32_t)from, length) != (int32_t)length)
        host_exit(EXIT_HOST);
}

void host_print(const char *text) {
    uint32_t length = 0;
    while (text[length])
        length++;
    call(CALL_WRITE, 1, (uint32_t)text, length);
}

void host_print_number(const char *name, uint32_t number) {
    char text[12], *at = text + sizeof text;
    *--at = 0;
    *--at = '\n';
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    host_print(name);
    host_print(" ");
    host_print(at);
}

_Noreturn void host_exit(uint32_t status) {
    for (;;)
        call(CALL_EXIT, status, 0, 0);
}
