/* The OTA server's core on the emulated chip: datagrams come from a file, flash through the ROM. */
#include <string.h>

#include "config.h"
#include "flashmap.h"
#include "ota.h"

extern uint32_t SPIRead(uint32_t address, void *into, uint32_t length);
extern uint32_t SPIEraseSector(uint32_t sector);
extern uint32_t SPIWrite(uint32_t address, const void *from, uint32_t length);
extern uint32_t rom_datagram(uint8_t *into);
extern _Noreturn void rom_restart(void);
extern int ets_printf(const char *format, ...);
extern uint32_t bss_start[], bss_end[];

static const struct ota_config config = {
    {FLASH_APP_OFFSET, FLASH_APP_SIZE, {(const uint8_t *)MODULUS, sizeof(MODULUS) - 1, 3}, false},
    PKT_WAIT_MS,
    IDLE_REBOOT_MS,
};

bool port_flash_read(uint32_t address, void *into, uint32_t length) {
    return SPIRead(address, into, length) == 0;
}

bool port_flash_erase(uint32_t address) {
    return SPIEraseSector(address / FLASH_SECTOR) == 0;
}

bool port_flash_write(uint32_t address, const void *from, uint32_t length) {
    return SPIWrite(address, from, length) == 0;
}

void start(void) {
    static struct ota ota;
    static uint8_t datagram[2048];
    uint8_t answer[OTA_ANSWER];
    memset(bss_start, 0, (uint32_t)((char *)bss_end - (char *)bss_start));
    ota_begin(&ota, &config, 0);
    for (;;) {
        enum ota_verdict verdict = ota_receive(&ota, datagram, rom_datagram(datagram), 0, answer);
        if (verdict > OTA_FINISHED)
            ets_printf("dropped %d\n", verdict);
        if (verdict == OTA_FINISHED)
            rom_restart();
    }
}
