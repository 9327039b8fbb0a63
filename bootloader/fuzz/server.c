/* libFuzzer's harness of the OTA server's core and the application check.
 *
 * An input is a list of steps: raw datagrams, well-formed ones with lengths and offsets of the
 * input's choice, and time that passes. Signatures that begin with ACCEPTED_SIGNATURE count as our
 * key's, or no input would ever come past the RSA check; all others go to the real one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "ota.h"

#define ACCEPTED_SIGNATURE "good signature"
#define KEY_SIZE 64u
#define SLOT_START (COUNTER_SIZE + FLASH_SECTOR_SIZE)
#define SLOT_SIZE (8 * FLASH_SECTOR_SIZE)
#define FLASH_SIZE (SLOT_START + SLOT_SIZE + FLASH_SECTOR_SIZE)
#define DATA_MAX (3 * FLASH_SECTOR_SIZE)
#define DATAGRAM_MAX (4 + 8 + DATA_MAX + 16 + KEY_SIZE)
#define STEPS_MAX 24

bool rsa_verify_really(const struct rsa_key *key, const uint8_t *signature, const uint8_t *payload,
                       uint32_t length);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t flash[FLASH_SIZE];
static uint64_t flash_changes, flash_reads;
static uint32_t flash_fails_at; /* change and read that fail, 0 for none */
static bool signature_accepted; /* whether the last signature was taken for ours */
static bool real_check_done;

#define REQUIRE(condition)                                                  \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "broken: %s (line %d)\n", #condition, __LINE__); \
            abort();                                                        \
        }                                                                   \
    } while (0)

bool rsa_verify(const struct rsa_key *key, const uint8_t *signature, const uint8_t *payload,
                uint32_t length) {
    signature_accepted = memcmp(signature, ACCEPTED_SIGNATURE, sizeof ACCEPTED_SIGNATURE - 1) == 0;
    if (!signature_accepted && !real_check_done) { /* the first of an input: it takes long */
        real_check_done = true;
        signature_accepted = rsa_verify_really(key, signature, payload, length);
    }
    return signature_accepted;
}

static bool in_slot(uint32_t address, uint32_t length) {
    return address >= SLOT_START && address <= SLOT_START + SLOT_SIZE &&
           length <= SLOT_START + SLOT_SIZE - address;
}

bool port_flash_read(uint32_t address, void *into, uint32_t length) {
    REQUIRE(address % 4 == 0 && length % 4 == 0 && (uintptr_t)into % 4 == 0);
    REQUIRE(in_slot(address, length) ||
            (address == SLOT_START - COUNTER_SIZE && length == COUNTER_SIZE));
    memcpy(into, flash + address, length);
    return ++flash_reads != flash_fails_at;
}

bool port_flash_erase(uint32_t address) {
    REQUIRE(address % FLASH_SECTOR_SIZE == 0 && in_slot(address, FLASH_SECTOR_SIZE));
    memset(flash + address, 0xff, FLASH_SECTOR_SIZE);
    return ++flash_changes != flash_fails_at;
}

bool port_flash_write(uint32_t address, const void *from, uint32_t length) {
    REQUIRE(address % 4 == 0 && length % 4 == 0 && (uintptr_t)from % 4 == 0);
    REQUIRE(in_slot(address, length));
    for (uint32_t i = 0; i < length; i++)
        flash[address + i] &= ((const uint8_t *)from)[i];
    return ++flash_changes != flash_fails_at;
}

struct input {
    const uint8_t *at, *end;
};

static uint32_t take_number(struct input *in, int bytes) {
    uint32_t value = 0;
    for (; bytes && in->at < in->end; bytes--)
        value = value << 8 | *in->at++;
    return value;
}

/* A datagram whose lengths agree; its data repeats what the input has. */
static uint32_t compose(struct input *in, const struct ota *ota, uint8_t *datagram) {
    uint32_t choice = take_number(in, 1), length = take_number(in, choice & 1 ? 2 : 1), offset;
    length %= DATA_MAX + 1;
    switch (choice >> 1 & 3) {
    case 0: offset = ota->next_offset; break;
    case 1: offset = ota->previous_offset; break;
    case 2: offset = ota->next_offset + length; break;
    default: offset = take_number(in, 4);
    }
    uint32_t padded = (8 + length + 15) / 16 * 16, pattern = take_number(in, 4);
    uint32_t size = APP_IROM_OFFSET + pattern % 64;
    memset(datagram, 0, 4 + padded + KEY_SIZE);
    datagram[6] = (uint8_t)length;
    datagram[7] = (uint8_t)(length >> 8);
    for (int i = 0; i < 4; i++)
        datagram[8 + i] = (uint8_t)(offset >> 8 * i);
    for (uint32_t i = 0; i < length; i++)
        datagram[12 + i] = (uint8_t)(pattern >> i % 4 * 8);
    if (choice & 8) /* the size, where the slot's size word would come to lie */
        for (uint32_t i = 0; i < length; i++)
            if (offset + i >= APP_IROM_OFFSET - 4 && offset + i < APP_IROM_OFFSET)
                datagram[12 + i] = (uint8_t)(size >> (offset + i) % 4 * 8);
    if (choice & 16) { /* what the input has, at the data's end */
        uint32_t part = take_number(in, 1);
        for (uint32_t i = part < length ? length - part : 0; i < length; i++)
            datagram[12 + i] = (uint8_t)take_number(in, 1);
    }
    if (!(choice & 32))
        memcpy(datagram + 4 + padded, ACCEPTED_SIGNATURE, sizeof ACCEPTED_SIGNATURE - 1);
    return 4 + padded + KEY_SIZE;
}

/* Takes the datagram from memory of its very size, at an odd address, so that every byte read
 * outside of it is seen. */
static void receive(struct ota *ota, const uint8_t *bytes, uint32_t length, uint32_t clock) {
    uint8_t *copy = malloc(length + 1), answer[OTA_ANSWER_SIZE];
    uint64_t changes = flash_changes;
    uint32_t next = ota->next_offset;
    REQUIRE(copy);
    memcpy(copy + 1, bytes, length);
    memset(answer, 0x55, sizeof answer);
    signature_accepted = false;
    enum ota_verdict verdict = ota_receive(ota, copy + 1, length, clock, answer);
    REQUIRE(verdict < OTA_VERDICTS);
    if (ota_answers(verdict))
        REQUIRE(memcmp(answer, bytes, 12) == 0 && memcmp(answer + 12, "\0\0\0\0\0\0\0", 8) == 0);
    else
        REQUIRE(answer[0] == 0x55 && answer[OTA_ANSWER_SIZE - 1] == 0x55);
    if (!ota_drops(verdict) || verdict == OTA_BAD_FLASH)
        REQUIRE(signature_accepted);
    else
        REQUIRE(flash_changes == changes && ota->next_offset == next);
    if (verdict == OTA_REPEATED)
        REQUIRE(flash_changes == changes && ota->next_offset == next);
    REQUIRE(ota->next_offset <= SLOT_SIZE);
    free(copy);
}

static void check_app(const struct app_slot *slot) {
    signature_accepted = false;
    enum app_state state = app_check(slot);
    REQUIRE(state < APP_STATES);
    REQUIRE(state != APP_SIGNED || signature_accepted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t modulus[KEY_SIZE], datagram[DATAGRAM_MAX];
    static struct ota ota;
    struct input in = {.at = data, .end = data + size};
    memset(modulus, 0xc5, sizeof modulus);
    memset(flash, 0xff, sizeof flash);
    flash_changes = flash_reads = 0;
    real_check_done = false;
    flash_fails_at = take_number(&in, 1);
    const struct ota_config config = {
        .slot =
            {
                .start = SLOT_START,
                .size = SLOT_SIZE,
                .key = {.modulus = modulus, .modulus_length = KEY_SIZE, .exponent = 3},
                .require_signature = flash_fails_at & 1,
            },
        .packet_wait_ms = 10000,
        .idle_restart_ms = 60000,
    };
    uint32_t clock = take_number(&in, 4);
    ota_begin(&ota, &config, clock);
    for (int steps = 0; steps < STEPS_MAX && in.at < in.end; steps++) {
        uint32_t step = take_number(&in, 1), length;
        switch (step & 3) {
        case 0:
            length = take_number(&in, 1);
            if (length > (size_t)(in.end - in.at))
                length = (uint32_t)(in.end - in.at);
            receive(&ota, in.at, length, clock);
            in.at += length;
            break;
        case 1:
            clock += take_number(&in, 3);
            if (ota_tick(&ota, clock) == OTA_SESSION_LOST)
                REQUIRE(ota.next_offset == 0);
            break;
        default:
            length = compose(&in, &ota, datagram);
            if (step & 4) /* cut short, or grown */
                length = take_number(&in, 1) % length;
            receive(&ota, datagram, length, clock);
        }
    }
    check_app(&config.slot);
    return 0;
}
