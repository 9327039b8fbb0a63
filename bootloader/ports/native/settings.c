#include "settings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "flashmap.h"
#include "port.h"

_Noreturn void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(EXIT_USAGE);
}

char *file_read(const char *path, size_t most) {
    FILE *file = fopen(path, "rb");
    char *text = malloc(most + 1);
    if (!file || !text)
        fail("%s: %s", path, strerror(errno));
    size_t length = fread(text, 1, most, file);
    bool more = ferror(file) || fgetc(file) != EOF;
    fclose(file);
    if (more)
        fail("%s: cannot be read, or is over %zu bytes", path, most);
    text[length] = 0;
    return text;
}

uint32_t settings_number(const char *text, const char *what) {
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 0);
    if (end == text || *end || errno || number > UINT32_MAX || *text == '-')
        fail("%s: '%s' is not a number of 32 bits", what, text);
    return (uint32_t)number;
}

static void parse_slot(struct app_slot *slot, const char *text) {
    char first[32];
    const char *colon = strchr(text, ':');
    if (!colon || (size_t)(colon - text) >= sizeof first)
        fail("--slot: '%s' is not OFFSET:SIZE", text);
    memcpy(first, text, (size_t)(colon - text));
    first[colon - text] = 0;
    slot->start = settings_number(first, "--slot");
    slot->size = settings_number(colon + 1, "--slot");
    if (slot->start == 0 || slot->start % FLASH_SECTOR_SIZE || slot->size % FLASH_SECTOR_SIZE ||
        slot->size <= APP_IROM_OFFSET || slot->start > UINT32_MAX - slot->size)
        fail("--slot: %s: both must be multiples of 0x1000 over 0, the size over 0x9000", text);
}

void settings_defaults(struct settings *settings) {
    *settings = (struct settings){
        .boot =
            {
                .pin_mask = 0xf035, /* GPIO0, 2, 4, 5, 12 to 15: the others are flash and UART */
                .pin_wait_ms = 3000,
                .slot = {.start = FLASH_APP_OFFSET, .size = FLASH_APP_SIZE, .key = {.exponent = 3}},
            },
        .packet_wait_ms = 10000,
        .idle_restart_ms = 60000,
    };
}

bool settings_apply(struct settings *settings, int option, const char *value) {
    switch (option) {
    case OPTION_FLASH: settings->flash = value; return true;
    case OPTION_CONFIG: config_read(settings, value); return true;
    case OPTION_KEY: pem_read(settings, value); return true;
    case OPTION_SLOT: parse_slot(&settings->boot.slot, value); return true;
    case OPTION_REQUIRE: settings->boot.slot.require_signature = true; return true;
    default: return false;
    }
}

void settings_validate(struct settings *settings) {
    struct rsa_key *key = &settings->boot.slot.key;
    if (!settings->flash)
        fail("--flash FILE is missing");
    if (!key->modulus_length)
        fail("--config config.h or --key key.pem is missing: without a key nothing is accepted");
    key->modulus = settings->modulus;
    if (!rsa_key_valid(key))
        fail("the RSA key cannot be used: 512 to %u bits in whole bytes, exponent 3 or 65537",
             RSA_MODULUS_MAX * 8);
}
