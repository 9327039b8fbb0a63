/* The SDK's flash functions. */
#include "sdk.h"

int spi_flash_read(uint32_t address, uint32_t *into, uint32_t length);
int spi_flash_erase_sector(uint16_t sector);
int spi_flash_write(uint32_t address, uint32_t *from, uint32_t length);
uint32_t spi_flash_get_id(void);

/* At `flashchip`, where the ROM wrote it: a word, then SpiFlashChip of spi_flash.h. */
static volatile uint32_t *const description = (volatile uint32_t *)0x3fffc714;
enum { DEVICE = 1, CHIP_SIZE };

uint32_t flash_chip_size(void) {
    return description[CHIP_SIZE];
}

int spi_flash_read(uint32_t address, uint32_t *into, uint32_t length) {
    return (int)SPIRead(address, into, length);
}

int spi_flash_erase_sector(uint16_t sector) {
    return (int)SPIEraseSector(sector);
}

int spi_flash_write(uint32_t address, uint32_t *from, uint32_t length) {
    return (int)SPIWrite(address, from, length);
}

uint32_t spi_flash_get_id(void) {
    return description[DEVICE];
}
