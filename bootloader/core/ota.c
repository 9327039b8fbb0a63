#include "ota.h"

#include <string.h>

#include "digest.h"

#define SEQUENCE_SIZE 4u /* bytes before the signed part */
#define HEADER_SIZE 8u   /* operation 0, length of the data, its offset */
#define BLOCK_SIZE 16u   /* the signed part is padded to it */

/* What an RSA block holds: an AES key (all 01: the protocol's encryption is off) and a SHA-1. */
#define AES_KEY_SIZE 16u
#define SHA1_SIZE 20u

/* A datagram's parts, which lie in the received bytes; lengths in bytes. */
struct datagram {
    const uint8_t *sequence;    /* SEQUENCE_SIZE, repeated in the answer */
    const uint8_t *signed_part; /* header, data, zeros */
    const uint8_t *data;
    const uint8_t *signature;   /* as long as the key's modulus */
    uint32_t signed_length;
    uint32_t length; /* of the data, 0 for an end */
    uint32_t offset; /* of the data in the slot */
};

static uint32_t read_u32(const uint8_t *at) {
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Bytes of the signed part of a datagram with so many bytes of data. */
static uint32_t padded_length(uint32_t length) {
    return (HEADER_SIZE + length + BLOCK_SIZE - 1) / BLOCK_SIZE * BLOCK_SIZE;
}

/* False unless every length in the datagram agrees with every other and the padding is zero. */
static bool parse(struct datagram *d, const uint8_t *bytes, uint32_t length,
                  uint32_t signature_length) {
    if (length < SEQUENCE_SIZE + BLOCK_SIZE + signature_length)
        return false;
    uint32_t head = read_u32(bytes + SEQUENCE_SIZE);
    *d = (struct datagram){
        .sequence = bytes,
        .signed_part = bytes + SEQUENCE_SIZE,
        .data = bytes + SEQUENCE_SIZE + HEADER_SIZE,
        .signature = bytes + length - signature_length,
        .signed_length = length - SEQUENCE_SIZE - signature_length,
        .length = head >> 16,
        .offset = read_u32(bytes + SEQUENCE_SIZE + 4),
    };
    if ((head & 0xffff) != 0 || d->signed_length != padded_length(d->length))
        return false;
    uint32_t padding = 0;
    for (uint32_t i = HEADER_SIZE + d->length; i < d->signed_length; i++)
        padding |= d->signed_part[i];
    return padding == 0;
}

static bool authentic(const struct ota *ota, const struct datagram *d, uint8_t digest[SHA1_SIZE]) {
    uint8_t payload[AES_KEY_SIZE + SHA1_SIZE];
    SHA1_CTX sha1;
    SHA1Init(&sha1);
    SHA1Update(&sha1, d->signed_part, d->signed_length);
    SHA1Final(digest, &sha1);
    memset(payload, 1, AES_KEY_SIZE);
    memcpy(payload + AES_KEY_SIZE, digest, SHA1_SIZE);
    return rsa_verify(&ota->config->slot.key, d->signature, payload, sizeof payload);
}

static void start_session(struct ota *ota, uint32_t clock) {
    ota->next_offset = 0;
    ota->previous_offset = OTA_NO_OFFSET;
    ota->app_size = 0;
    ota->last_activity = clock;
    memset(ota->sector, 0xff, sizeof ota->sector);
}

/* Writes the sector that ends at or spans `next`, and reads it back. */
static bool flush(struct ota *ota) {
    uint32_t offset = (ota->next_offset - 1) / FLASH_SECTOR_SIZE * FLASH_SECTOR_SIZE;
    uint32_t at = ota->config->slot.start + offset, back[64];
    if (!port_flash_erase(at) || !port_flash_write(at, ota->sector, FLASH_SECTOR_SIZE))
        return false;
    for (uint32_t i = 0; i < FLASH_SECTOR_SIZE; i += sizeof back)
        if (!port_flash_read(at + i, back, sizeof back) ||
            memcmp(back, (const uint8_t *)ota->sector + i, sizeof back) != 0)
            return false;
    memset(ota->sector, 0xff, sizeof ota->sector);
    return true;
}

static bool append(struct ota *ota, const uint8_t *data, uint32_t length) {
    while (length) {
        uint32_t at = ota->next_offset % FLASH_SECTOR_SIZE, part = FLASH_SECTOR_SIZE - at;
        if (part > length)
            part = length;
        memcpy((uint8_t *)ota->sector + at, data, part);
        ota->next_offset += part;
        data += part;
        length -= part;
        if (ota->next_offset == APP_IROM_OFFSET)
            ota->app_size = ota->sector[FLASH_SECTOR_SIZE / 4 - 1];
        if (ota->next_offset % FLASH_SECTOR_SIZE == 0 && !flush(ota))
            return false;
    }
    return true;
}

/* An end carries no offset and is the same in every session with its key, so a recorded one can
 * come at any time: it counts only when the image that was taken is whole. */
static bool image_complete(const struct ota *ota) {
    return app_size_valid(ota->app_size, ota->config->slot.size) &&
           ota->next_offset >= ota->app_size + APP_MD5_SIZE;
}

/* What there is to say without looking at the signature; OTA_ACCEPTED and OTA_FINISHED still need
 * it. */
static enum ota_verdict classify(const struct ota *ota, const struct datagram *d) {
    if (d->length == 0)
        return image_complete(ota) ? OTA_FINISHED : OTA_EARLY_END;
    if (d->offset == ota->previous_offset)
        return OTA_REPEATED;
    if (d->offset != ota->next_offset)
        return d->offset < ota->next_offset ? OTA_OLD : OTA_AHEAD;
    return d->length <= ota->config->slot.size - d->offset ? OTA_ACCEPTED : OTA_TOO_LARGE;
}

static enum ota_verdict handle(struct ota *ota, const struct datagram *d) {
    uint8_t digest[SHA1_SIZE];
    enum ota_verdict verdict = classify(ota, d);
    if (ota_drops(verdict))
        return verdict;
    if (!authentic(ota, d, digest))
        return OTA_FORGED;
    if (verdict == OTA_REPEATED)
        return memcmp(digest, ota->previous_digest, SHA1_SIZE) ? OTA_OLD : OTA_REPEATED;
    if (verdict == OTA_FINISHED) {
        bool written = ota->next_offset % FLASH_SECTOR_SIZE == 0 || flush(ota);
        return written ? OTA_FINISHED : OTA_BAD_FLASH;
    }
    if (!append(ota, d->data, d->length))
        return OTA_BAD_FLASH;
    ota->previous_offset = d->offset;
    memcpy(ota->previous_digest, digest, SHA1_SIZE);
    return OTA_ACCEPTED;
}

void ota_begin(struct ota *ota, const struct ota_config *config, uint32_t clock) {
    memset(ota, 0, sizeof *ota);
    ota->config = config;
    start_session(ota, clock);
}

enum ota_verdict ota_receive(struct ota *ota, const uint8_t *datagram, uint32_t length,
                             uint32_t clock, uint8_t answer[OTA_ANSWER_SIZE]) {
    struct datagram d;
    enum ota_verdict verdict = OTA_MALFORMED;
    if (parse(&d, datagram, length, ota->config->slot.key.modulus_length))
        verdict = handle(ota, &d);
    ota->counts[verdict]++;
    if (ota_answers(verdict)) {
        memset(answer, 0, OTA_ANSWER_SIZE);
        memcpy(answer, d.sequence, SEQUENCE_SIZE + HEADER_SIZE);
        ota->last_activity = clock;
    } else if (verdict == OTA_BAD_FLASH || ota_restarts(verdict)) {
        start_session(ota, clock);
    }
    return verdict;
}

enum ota_timer ota_tick(struct ota *ota, uint32_t clock) {
    uint32_t waited = clock - ota->last_activity;
    if (ota->previous_offset == OTA_NO_OFFSET)
        return waited > ota->config->idle_restart_ms ? OTA_IDLE_RESTART : OTA_WAITING;
    if (waited <= ota->config->packet_wait_ms)
        return OTA_WAITING;
    start_session(ota, clock);
    return OTA_SESSION_LOST;
}
