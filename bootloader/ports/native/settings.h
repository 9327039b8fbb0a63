/* What both native tools are told: the flash, the slot, and a bootloader's configuration. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <getopt.h>
#include <stddef.h>

#include "boot.h"

struct settings {
    const char *flash; /* path of the flash file, NULL until it is given */
    struct boot_config boot;
    uint32_t packet_wait_ms, idle_restart_ms; /* as in struct ota_config */
    uint8_t modulus[RSA_MODULUS_MAX]; /* boot.slot.key's; it points here once validated */
};

/* The options of every tool; their values are past any character's. A tool's own ones begin with
 * OPTION_FIRST_FREE. */
enum {
    OPTION_FLASH = 256,
    OPTION_CONFIG,
    OPTION_KEY,
    OPTION_SLOT,
    OPTION_REQUIRE,
    OPTION_FIRST_FREE,
};
#define SETTINGS_OPTIONS                                                                          \
    {"flash", required_argument, NULL, OPTION_FLASH},                                             \
        {"config", required_argument, NULL, OPTION_CONFIG},                                       \
        {"key", required_argument, NULL, OPTION_KEY},                                             \
        {"slot", required_argument, NULL, OPTION_SLOT},                                           \
        {"require-signature", no_argument, NULL, OPTION_REQUIRE}

/* yaota8266's own defaults, and the slot of partitions.csv. */
void settings_defaults(struct settings *settings);

/* Takes one of SETTINGS_OPTIONS; false when `option` is none of them. */
bool settings_apply(struct settings *settings, int option, const char *value);

/* Ends the process when the flash file or the key is missing. */
void settings_validate(struct settings *settings);

/* A number, decimal or 0x..., that fits 32 bits; ends the process when it is none. */
uint32_t settings_number(const char *text, const char *what);

/* Reads a config.h: `#define NAME value` lines. */
void config_read(struct settings *settings, const char *path);

/* Reads modulus and exponent from a PEM file with an RSA key, public or private. */
void pem_read(struct settings *settings, const char *path);

/* The whole file, with a NUL after it; ends the process when it cannot be read. Its content is
 * kept until the process ends. */
char *file_read(const char *path, size_t most);

#endif
