/* Every power cut of one update, with the core on a flash in memory: for each flash operation the
 * update is broken off in it, what is there then is looked at as the bootloader would, and the
 * update is sent again. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "ota.h"
#include "settings.h"

#define PAGE 256u
#define FILE_MAX (4u << 20)
#define DATAGRAMS_MAX 8192

static const char USAGE[] =
    "usage: sweep --config config.h --old IMAGE --new IMAGE --datagrams FILE [--seed N]\n"
    "--datagrams: u16 length and datagram each, the end last. With a seed a cut leaves any part\n"
    "of its operation done, byte by byte; without, the first half. Prints one JSON object; exit\n"
    "status 1: a broken image would start, or an update sent again does not succeed.";

struct image {
    uint8_t bytes[1 << 20];
    uint32_t length;
};

static uint8_t flash[1 << 20];
static struct image old, new;
static uint32_t operations, cut_at, torn_seed;
static jmp_buf power_cut;

static uint8_t *datagrams[DATAGRAMS_MAX];
static uint32_t lengths[DATAGRAMS_MAX], datagram_count, current;
static bool verified[DATAGRAMS_MAX];

bool rsa_verify_really(const struct rsa_key *key, const uint8_t *signature, const uint8_t *payload,
                       uint32_t length);

/* The datagrams are the same in every round: each is verified once. */
bool rsa_verify(const struct rsa_key *key, const uint8_t *signature, const uint8_t *payload,
                uint32_t length) {
    bool of_current = signature > datagrams[current] &&
                      signature < datagrams[current] + lengths[current];
    if (of_current && verified[current])
        return true;
    bool good = rsa_verify_really(key, signature, payload, length);
    if (of_current)
        verified[current] = good;
    return good;
}

/* Whether this byte of the torn operation was done. */
static bool byte_done(uint32_t at, uint32_t length) {
    if (!torn_seed)
        return at < length / 2;
    torn_seed = torn_seed * 1664525 + 1013904223; /* Numerical Recipes' generator */
    return torn_seed >> 31;
}

static void operation(uint8_t *at, const uint8_t *from, uint32_t length) {
    bool torn = ++operations == cut_at;
    for (uint32_t i = 0; i < length; i++)
        if (!torn || byte_done(i, length))
            at[i] = from ? at[i] & from[i] : 0xff;
    if (torn)
        longjmp(power_cut, 1);
}

bool port_flash_read(uint32_t address, void *into, uint32_t length) {
    memcpy(into, flash + address, length);
    return true;
}

bool port_flash_erase(uint32_t address) {
    operation(flash + address, NULL, FLASH_SECTOR_SIZE);
    return true;
}

bool port_flash_write(uint32_t address, const void *from, uint32_t length) {
    for (uint32_t at = 0; at < length; at += PAGE)
        operation(flash + address + at, (const uint8_t *)from + at,
                  length - at < PAGE ? length - at : PAGE);
    return true;
}

static uint32_t read_file(const char *path, uint8_t *into, uint32_t most) {
    FILE *file = fopen(path, "rb");
    if (!file)
        fail("%s: cannot be read", path);
    uint32_t length = (uint32_t)fread(into, 1, most, file);
    fclose(file);
    return length;
}

static void read_datagrams(const char *path) {
    static uint8_t all[FILE_MAX];
    uint32_t length = read_file(path, all, sizeof all);
    for (uint32_t at = 0; at + 2 <= length && datagram_count < DATAGRAMS_MAX;) {
        uint32_t own = all[at] | (uint32_t)all[at + 1] << 8;
        datagrams[datagram_count] = all + at + 2;
        lengths[datagram_count++] = own;
        at += 2 + own;
    }
}

/* One update from its first datagram; whether it was taken to its end. */
static bool update(const struct ota_config *config) {
    static struct ota ota;
    uint8_t answer[OTA_ANSWER_SIZE];
    enum ota_verdict verdict = OTA_MALFORMED;
    ota_begin(&ota, config, 0);
    for (current = 0; current < datagram_count && !ota_restarts(verdict); current++)
        verdict = ota_receive(&ota, datagrams[current], lengths[current], 0, answer);
    current = 0;
    return ota_restarts(verdict);
}

static bool slot_holds(const struct app_slot *slot, const struct image *image) {
    return memcmp(flash + slot->start, image->bytes, image->length) == 0;
}

/* One cut; false when it was past the last operation. Ends the process where something is wrong. */
static bool cut(const struct ota_config *config, uint32_t number, uint32_t *whole) {
    const struct app_slot *slot = &config->slot;
    memset(flash, 0xff, sizeof flash);
    memcpy(flash + slot->start, old.bytes, old.length);
    operations = 0;
    cut_at = number;
    bool was_cut = setjmp(power_cut) != 0;
    if (!was_cut)
        update(config);
    bool starts = app_bootable(app_check(slot));
    if (starts && !slot_holds(slot, &old) && !slot_holds(slot, &new)) {
        printf("{\"broken\":%u}\n", number);
        exit(1);
    }
    *whole += starts;
    cut_at = 0;
    if (was_cut && (!update(config) || app_check(slot) != APP_SIGNED || !slot_holds(slot, &new))) {
        printf("{\"stuck\":%u}\n", number);
        exit(1);
    }
    return was_cut;
}

int main(int count, char **arguments) {
    enum { OPTION_OLD = OPTION_FIRST_FREE, OPTION_NEW, OPTION_DATAGRAMS, OPTION_SEED };
    static const struct option options[] = {
        SETTINGS_OPTIONS,
        {"old", required_argument, NULL, OPTION_OLD},
        {"new", required_argument, NULL, OPTION_NEW},
        {"datagrams", required_argument, NULL, OPTION_DATAGRAMS},
        {"seed", required_argument, NULL, OPTION_SEED},
        {0},
    };
    struct settings settings;
    uint32_t number = 1, whole = 0, seed = 0;
    settings_defaults(&settings);
    for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
        if (settings_apply(&settings, option, optarg))
            continue;
        switch (option) {
        case OPTION_OLD: old.length = read_file(optarg, old.bytes, sizeof old.bytes); break;
        case OPTION_NEW: new.length = read_file(optarg, new.bytes, sizeof new.bytes); break;
        case OPTION_DATAGRAMS: read_datagrams(optarg); break;
        case OPTION_SEED: seed = settings_number(optarg, "--seed"); break;
        default: fail("%s", USAGE);
        }
    }
    settings.flash = "memory";
    settings_validate(&settings);
    const struct ota_config config = {
        .slot = settings.boot.slot, .packet_wait_ms = 1, .idle_restart_ms = 1};
    const struct app_slot *slot = &config.slot;
    if (!datagram_count || slot->start + slot->size > sizeof flash || old.length > slot->size ||
        new.length > slot->size)
        fail("%s", USAGE);
    while (torn_seed = seed ? seed + number : 0, cut(&config, number, &whole))
        number++;
    printf("{\"cuts\":%u,\"whole\":%u}\n", number - 1, whole);
    return 0;
}
