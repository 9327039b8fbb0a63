/* What a port gives the core: the chip, seen from here. A port is a folder under ports/ that
 * defines the functions its programs need and calls boot_decide() or the ota_ functions;
 * docs/porting.md says what else belongs to one.
 *
 * The functions are bound by the linker. A struct of function pointers handed to the core would
 * cost 64 bytes of sector 0's 4096, and no program has two ports.
 *
 * The core calls them from one thread or event loop, never from an interrupt, one at a time, and
 * keeps no pointer that it passed. Each returns when its work is done. */
#ifndef PORT_H
#define PORT_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes that one erase sets: the unit of erasing, and the size of the core's one write. A power of
 * two, at least 256. The chip has 4096, and flash maps count in it; fuzzing makes it smaller. */
#ifndef FLASH_SECTOR_SIZE
#define FLASH_SECTOR_SIZE 4096u
#endif

/* --- flash --------------------------------------------------------------------------------------
 * `address`: bytes from the start of the flash chip, a multiple of 4. `length`: bytes, a multiple
 * of 4, at least 4. Buffers are aligned to 4. (The ROM's SPIRead and SPIWrite move words.) The core
 * writes inside the slot it was given alone, and reads there and in the COUNTER_SIZE bytes before.
 *
 * Each returns false when the flash did not do it; what is there then is not known. A power cut may
 * leave any part of an erase or a write done: an update that was broken off is found by the check
 * of the image, and is sent again. */

/* Reads `length` bytes, at most 4096. Needed by every program. */
bool port_flash_read(uint32_t address, void *into, uint32_t length);

/* Sets every bit of the sector at `address`, a multiple of FLASH_SECTOR_SIZE. OTA server only. */
bool port_flash_erase(uint32_t address);

/* Clears the bits that are 0 in `from`; `length` is FLASH_SECTOR_SIZE and `address` a multiple of
 * it, in a sector erased just before. The core reads back what it wrote. OTA server only. */
bool port_flash_write(uint32_t address, const void *from, uint32_t length);

/* --- boot decision only ----------------------------------------------------------------------- */

/* RTC memory: keeps its content over reset and deep sleep, not over a loss of power. `offset`:
 * bytes from 0x60001000, a multiple of 4, below 1024; boot.h names those in use. Any value may be
 * in it, and means nothing unless it is one that boot.h names. Cannot fail. */
uint32_t port_rtc_read(uint32_t offset);
void port_rtc_write(uint32_t offset, uint32_t value);

/* Levels of GPIO0 to GPIO15, one bit each from bit 0, 1 for high. Only the bits of pin_mask are
 * looked at; a pin that the port does not have stays at one level. */
uint32_t port_gpio_levels(void);

/* Returns after about 1 ms; up to 1.6 ms is good enough (the chip's clock before its crystal is
 * known). Called pin_wait_ms times at most, with a look at the pins after each. */
void port_delay_1ms(void);

#endif
