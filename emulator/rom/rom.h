/* What the parts of the fake ROM share. */
#ifndef ROM_H
#define ROM_H

#include <stdbool.h>
#include <stdint.h>

/* Reads the flash file; `cut` is the operation to break off, 0 for none. */
void flash_begin(const char *path, uint32_t cut);

/* Keeps what an image's first word says of the part, where the chip's programs look for it. */
void flash_describe(uint32_t head);

/* The ROM's: addresses and lengths in bytes, multiples of 4. Returns 0; misuse ends the run. */
uint32_t fake_SPIRead(uint32_t address, uint32_t *into, uint32_t length);

/* Erases, and pages written, so far; and reads. */
uint32_t flash_operations(void);
uint32_t flash_reads(void);

/* Ends the run: RTC memory goes back to its file. */
_Noreturn void rom_end(uint32_t status);

#endif
