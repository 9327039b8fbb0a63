#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "settings.h"

#define CONFIG_MAX 65536

/* A C string of \x escapes, as yaota8266 writes a modulus. */
static void parse_modulus(struct settings *settings, const char *text, const char *path) {
    uint32_t length = 0;
    char digits[3] = "";
    if (*text != '"')
        fail("%s: MODULUS is not a string", path);
    for (text++; *text != '"'; text += 4) {
        if (text[0] != '\\' || text[1] != 'x' || !isxdigit((unsigned char)text[2]) ||
            !isxdigit((unsigned char)text[3]) || length == sizeof settings->modulus)
            fail("%s: MODULUS is not a string of \\x escapes with two digits each, or is over %zu "
                 "bytes",
                 path, sizeof settings->modulus);
        memcpy(digits, text + 2, 2);
        settings->modulus[length++] = (uint8_t)strtoul(digits, NULL, 16);
    }
    settings->boot.slot.key.modulus_length = length;
}

void config_read(struct settings *settings, const char *path) {
    struct {
        const char *name;
        uint32_t *value;
    } const numbers[] = {
        {.name = "MAIN_APP_OFFSET", .value = &settings->boot.slot.start},
        {.name = "GPIO_MASK", .value = &settings->boot.pin_mask},
        {.name = "GPIO_WAIT_MS", .value = &settings->boot.pin_wait_ms},
        {.name = "PKT_WAIT_MS", .value = &settings->packet_wait_ms},
        {.name = "IDLE_REBOOT_MS", .value = &settings->idle_restart_ms},
        {.name = "RSA_EXPONENT", .value = &settings->boot.slot.key.exponent},
    };
    for (char *line = strtok(file_read(path, CONFIG_MAX), "\n"); line; line = strtok(NULL, "\n")) {
        char name[64], value[32];
        int at = 0;
        if (sscanf(line, " # define %63s %n%31s", name, &at, value) < 1)
            continue;
        if (strcmp(name, "MODULUS") == 0)
            parse_modulus(settings, line + at, path);
        else if (strcmp(name, "REQUIRE_SIGNATURE") == 0)
            settings->boot.slot.require_signature = strcmp(value, "0") != 0;
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
            if (strcmp(name, numbers[i].name) == 0)
                *numbers[i].value = settings_number(value, name);
    }
    if (!settings->boot.slot.key.modulus_length)
        fail("%s: no MODULUS in it: write it with 'dormouse keys config'", path);
}
