#include "ota.h"

#include <string.h>

#include "digest.h"

#define SEQUENCE 4u /* bytes before the signed part */
#define HEADER 8u
#define BLOCK 16u /* the signed part is padded to it */

/* What an RSA block holds: an AES key (all 01: the protocol's encryption is off) and a SHA-1. */
#define AES_KEY 16u
#define SHA1 20u

struct datagram {
    const uint8_t *sequence, *signed_part, *data, *signature;
    uint32_t signed_length, length, offset;
};

static uint32_t word(const uint8_t *at) {
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* False unless every length in the datagram agrees with every other and the padding is zero. */
static bool parse(struct datagram *d, const uint8_t *bytes, uint32_t length, uint32_t key) {
    if (length < SEQUENCE + BLOCK + key)
        return false;
    d->sequence = bytes;
    d->signed_part = bytes + SEQUENCE;
    d->signed_length = length - SEQUENCE - key;
    d->signature = d->signed_part + d->signed_length;
    d->data = d->signed_part + HEADER;
    uint32_t head = word(d->signed_part);
    d->length = head >> 16;
    d->offset = word(d->signed_part + 4);
    if ((head & 0xffff) != 0 ||
        d->signed_length != (HEADER + d->length + BLOCK - 1) / BLOCK * BLOCK)
        return false;
    uint32_t padding = 0;
    for (uint32_t i = HEADER + d->length; i < d->signed_length; i++)
        padding |= d->signed_part[i];
    return padding == 0;
}

static bool authentic(const struct ota *ota, const struct datagram *d, uint8_t digest[SHA1]) {
    uint8_t payload[AES_KEY + SHA1];
    SHA1_CTX sha1;
    SHA1Init(&sha1);
    SHA1Update(&sha1, d->signed_part, d->signed_length);
    SHA1Final(digest, &sha1);
    memset(payload, 1, AES_KEY);
    memcpy(payload + AES_KEY, digest, SHA1);
    return rsa_verify(&ota->config->slot.key, d->signature, payload, sizeof payload);
}

static void start_over(struct ota *ota, uint32_t clock) {
    ota->next = 0;
    ota->previous = OTA_NONE;
    ota->app_size = 0;
    ota->since = clock;
    memset(ota->sector, 0xff, sizeof ota->sector);
}

/* Writes the sector that ends at or spans `next`, and reads it back. */
static bool flush(struct ota *ota) {
    uint32_t at = ota->config->slot.start + (ota->next - 1) / FLASH_SECTOR * FLASH_SECTOR;
    uint32_t back[64];
    if (!port_flash_erase(at) || !port_flash_write(at, ota->sector, FLASH_SECTOR))
        return false;
    for (uint32_t i = 0; i < FLASH_SECTOR; i += sizeof back)
        if (!port_flash_read(at + i, back, sizeof back) ||
            memcmp(back, (const uint8_t *)ota->sector + i, sizeof back) != 0)
            return false;
    memset(ota->sector, 0xff, sizeof ota->sector);
    return true;
}

static bool take(struct ota *ota, const uint8_t *data, uint32_t length) {
    while (length) {
        uint32_t at = ota->next % FLASH_SECTOR, part = FLASH_SECTOR - at;
        if (part > length)
            part = length;
        memcpy((uint8_t *)ota->sector + at, data, part);
        ota->next += part;
        data += part;
        length -= part;
        if (ota->next == APP_ROM_TEXT)
            ota->app_size = ota->sector[FLASH_SECTOR / 4 - 1];
        if (ota->next % FLASH_SECTOR == 0 && !flush(ota))
            return false;
    }
    return true;
}

/* An end carries no offset and is the same in every session with its key, so a recorded one can
 * come at any time: it counts only when the image that was taken is whole. */
static bool whole(const struct ota *ota) {
    return app_size_good(ota->app_size, ota->config->slot.size) &&
           ota->next >= ota->app_size + APP_MD5;
}

/* What there is to say without looking at the signature; OTA_ACCEPTED and OTA_FINISHED still need
 * it. */
static enum ota_verdict place(const struct ota *ota, const struct datagram *d) {
    if (d->length == 0)
        return whole(ota) ? OTA_FINISHED : OTA_EARLY_END;
    if (d->offset == ota->previous)
        return OTA_REPEATED;
    if (d->offset != ota->next)
        return d->offset < ota->next ? OTA_OLD : OTA_AHEAD;
    return d->length <= ota->config->slot.size - d->offset ? OTA_ACCEPTED : OTA_TOO_LARGE;
}

static enum ota_verdict judge(struct ota *ota, const struct datagram *d) {
    uint8_t digest[SHA1];
    enum ota_verdict verdict = place(ota, d);
    if (verdict > OTA_FINISHED)
        return verdict;
    if (!authentic(ota, d, digest))
        return OTA_FORGED;
    if (verdict == OTA_REPEATED)
        return memcmp(digest, ota->previous_digest, SHA1) ? OTA_OLD : OTA_REPEATED;
    if (verdict == OTA_FINISHED)
        return ota->next % FLASH_SECTOR == 0 || flush(ota) ? OTA_FINISHED : OTA_BAD_FLASH;
    if (!take(ota, d->data, d->length))
        return OTA_BAD_FLASH;
    ota->previous = d->offset;
    memcpy(ota->previous_digest, digest, SHA1);
    return OTA_ACCEPTED;
}

void ota_begin(struct ota *ota, const struct ota_config *config, uint32_t clock) {
    memset(ota, 0, sizeof *ota);
    ota->config = config;
    start_over(ota, clock);
}

enum ota_verdict ota_receive(struct ota *ota, const uint8_t *datagram, uint32_t length,
                             uint32_t clock, uint8_t answer[OTA_ANSWER]) {
    struct datagram d;
    enum ota_verdict verdict = OTA_MALFORMED;
    if (parse(&d, datagram, length, ota->config->slot.key.length))
        verdict = judge(ota, &d);
    ota->counts[verdict]++;
    if (verdict <= OTA_REPEATED) {
        memset(answer, 0, OTA_ANSWER);
        memcpy(answer, d.sequence, SEQUENCE + HEADER);
        ota->since = clock;
    } else if (verdict == OTA_BAD_FLASH || verdict == OTA_FINISHED) {
        start_over(ota, clock);
    }
    return verdict;
}

enum ota_timer ota_tick(struct ota *ota, uint32_t clock) {
    uint32_t waited = clock - ota->since;
    if (ota->previous == OTA_NONE)
        return waited > ota->config->idle_restart_ms ? OTA_IDLE_RESTART : OTA_WAITING;
    if (waited <= ota->config->packet_wait_ms)
        return OTA_WAITING;
    start_over(ota, clock);
    return OTA_SESSION_LOST;
}
