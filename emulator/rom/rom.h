/* What the parts of the fake ROM share. */
#ifndef ROM_H
#define ROM_H

#include <stdbool.h>
#include <stdint.h>

/* Catches exceptions from here on; `want_strict` traps bytes in IRAM and mapped flash. */
void exceptions_begin(bool want_strict);

/* Reads the flash file; `cut` is the operation to break off, 0 for none. */
void flash_begin(const char *path, uint32_t cut);

/* The ROM's: addresses and lengths in bytes, multiples of 4. Returns 0; misuse ends the run. */
uint32_t fake_SPIRead(uint32_t address, uint32_t *into, uint32_t length);

/* Erases, and pages written, so far. */
uint32_t flash_operations(void);

/* Ends the run: RTC memory goes back to its file. */
_Noreturn void rom_end(uint32_t status);

#endif
