/* The world outside: QEMU's semihosting, and what its command line said. */
#ifndef HOST_H
#define HOST_H

#include <stdint.h>

/* Exit statuses of a run; those of the test applications are their own. */
enum {
    EXIT_CUT = 9,           /* in the middle of a flash operation, as asked */
    EXIT_RESTART = 30,      /* the device wants to restart */
    EXIT_NO_DATAGRAMS = 31, /* every datagram was taken, and none ended the session */
    EXIT_ASLEEP = 32,       /* deep sleep; `sleep` says for how many microseconds, 0 for ever */
    EXIT_WATCHDOG = 33,     /* the watchdog was not fed */
    EXIT_FAULT = 70,        /* an exception */
    EXIT_STRICT = 71,       /* a byte was read or written where the chip only knows words */
    EXIT_MISUSE = 72,       /* a ROM function was called as the real one cannot be */
    EXIT_NO_BOOT = 73,      /* nothing bootable at 0x0 */
    EXIT_HOST = 74,         /* a file could not be read or written */
};

/* What the command line says, in its order after the program's name. Numbers are decimal. */
enum argument {
    ARGUMENT_FLASH = 1, /* file: the flash, read at the start, written at each operation */
    ARGUMENT_RTC,       /* file: RTC memory from 0x60001000, written back at the end; - for none */
    ARGUMENT_CUT,       /* flash operation to break off, 0 for none */
    ARGUMENT_PIN_MS,    /* after how many ms of waiting pins change, -1 for never */
    ARGUMENT_PIN_BITS,  /* which of them: bit n is GPIO n */
    ARGUMENT_STRICT,    /* 1: trap bytes in IRAM and flash */
    ARGUMENT_DATAGRAMS, /* file of u16 length and datagram each; - for none */
    ARGUMENT_LINK,      /* PREFIX.in and PREFIX.out: the wire of link.h; - or none for none */
};

/* An argument as text, and as a number; "-" where the command line has none. */
const char *host_argument(enum argument number);
int32_t host_number(enum argument number);

/* Files; what cannot be opened or written ends the run with EXIT_HOST. Lengths and offsets are in
 * bytes; host_read returns how many there were. */
int32_t host_open(const char *path, int flags);
int32_t host_read(int32_t file, void *into, uint32_t length);
void host_write(int32_t file, const void *from, uint32_t length);
void host_write_at(int32_t file, uint32_t offset, const void *from, uint32_t length);

/* To standard output; a number as a line of its own after its name. */
void host_print(const char *text);
void host_print_number(const char *name, uint32_t number);

_Noreturn void host_exit(uint32_t status);

#endif
