/* WiFi's settings in the SDK's sectors of flash: two copies by turns, the newer whole one counts. */
#include "wifi.h"

#define SECTOR 0x1000u
#define MAGIC 0x69666977u
#define COPIES 2u

int spi_flash_read(uint32_t address, uint32_t *into, uint32_t length);
int spi_flash_erase_sector(uint16_t sector);
int spi_flash_write(uint32_t address, uint32_t *from, uint32_t length);

struct wifi_settings wifi_settings;

static struct copy {
    uint32_t magic, number;
    struct wifi_settings settings;
    uint32_t sum;
} stored __attribute__((aligned(4)));

static uint32_t sum_of(const struct copy *copy) {
    uint32_t sum = 0x811c9dc5; /* FNV-1a */
    const uint8_t *bytes = (const uint8_t *)copy;
    for (uint32_t i = 0; i < offsetof(struct copy, sum); i++)
        sum = (sum ^ bytes[i]) * 0x01000193;
    return sum;
}

/* The last sectors of the flash but one: Espressif's system parameters. */
static uint32_t place(uint32_t number) {
    return flash_chip_size() - (3 - number % COPIES) * SECTOR;
}

void settings_begin(void) {
    for (uint32_t i = 0; i < COPIES; i++) {
        static struct copy one;
        spi_flash_read(place(i), (uint32_t *)&one, sizeof one);
        if (one.magic == MAGIC && one.sum == sum_of(&one) && one.number >= stored.number)
            stored = one;
    }
    if (stored.magic == MAGIC)
        wifi_settings = stored.settings;
    else
        wifi_settings.mode = SOFTAP_MODE; /* Espressif's, of an erased flash */
}

bool settings_save(void) {
    if (stored.magic == MAGIC && !memcmp(&stored.settings, &wifi_settings, sizeof wifi_settings))
        return true;
    stored.magic = MAGIC;
    stored.number++;
    stored.settings = wifi_settings;
    stored.sum = sum_of(&stored);
    uint32_t at = place(stored.number);
    return spi_flash_erase_sector((uint16_t)(at / SECTOR)) == 0 &&
           spi_flash_write(at, (uint32_t *)&stored, sizeof stored) == 0;
}
