/* Which memory is looked at, and when. */
#ifndef EXCEPTIONS_H
#define EXCEPTIONS_H

#include <stdbool.h>

/* Catches exceptions from here on; `want_strict` traps bytes in IRAM and mapped flash. */
void exceptions_begin(bool want_strict);

/* From here on the registers of peripherals are those of peripherals.c, not memory. */
void exceptions_set_apart(void);

/* The memory beside them, where the flash's copy and RTC memory lie, for the emulator itself. */
void memory_open(void);
void memory_close(void);

#endif
