/* What a port supplies to the core: a port is a folder under ports/ that defines these. */
#ifndef PORT_H
#define PORT_H

#include <stdbool.h>
#include <stdint.h>

#ifndef FLASH_SECTOR /* fuzzing makes it smaller */
#define FLASH_SECTOR 4096u
#endif

/* Flash addresses and lengths are multiples of 4, buffers are aligned to 4: the ROM's SPIRead and
 * SPIWrite move words. Each returns false when the flash did not take part. */
bool port_flash_read(uint32_t address, void *into, uint32_t length);
bool port_flash_erase(uint32_t address); /* one sector */
bool port_flash_write(uint32_t address, const void *from, uint32_t length);

/* RTC memory, by offset from 0x60001000; the hardware knows words only. */
uint32_t port_rtc_read(uint32_t offset);
void port_rtc_write(uint32_t offset, uint32_t value);

/* Levels of GPIO0..15, and a pause between two looks at them. */
uint32_t port_pins(void);
void port_wait_ms(void);

#endif
