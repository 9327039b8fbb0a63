#include "app.h"

#include <string.h>

#include "digest.h"
#include "port.h"
#include "sha256.h"

#define TRAILER_FORMAT 1u
#define SIGNED_FROM 4u /* bytes 2 and 3 belong to the board; the trailer repeats 0 and 1 */

_Static_assert(sizeof(struct app_trailer) == 80, "docs/images.md says 80 bytes");

/* What stands before the digest in a PKCS#1 v1.5 signature with SHA-256 (RFC 8017, 9.2). */
static const uint8_t DIGEST_INFO[19] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60,
                                        0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                        0x01, 0x05, 0x00, 0x04, 0x20};

static uint32_t buffer[1024]; /* words: what the flash is read into */

union digest {
    MD5_CTX md5;
    struct sha256 sha;
};

static bool read_word(const struct app_slot *slot, uint32_t at, uint32_t *word) {
    return port_flash_read(slot->start + at, word, sizeof *word);
}

/* Hands bytes SIGNED_FROM up to `end` to MD5 or to SHA-256. */
static bool hash_image(const struct app_slot *slot, uint32_t end, bool sha, union digest *state) {
    for (uint32_t at = SIGNED_FROM; at < end; at += sizeof buffer) {
        uint32_t part = end - at < sizeof buffer ? end - at : (uint32_t)sizeof buffer;
        if (!port_flash_read(slot->start + at, buffer, (part + 3) & ~3u))
            return false;
        if (sha)
            sha256_update(&state->sha, (const uint8_t *)buffer, part);
        else
            MD5Update(&state->md5, (const uint8_t *)buffer, part);
    }
    return true;
}

static enum app_state check_md5(const struct app_slot *slot, uint32_t size) {
    union digest state;
    uint8_t found[APP_MD5_SIZE];
    MD5Init(&state.md5);
    if (!hash_image(slot, size, false, &state))
        return APP_BAD_MD5;
    MD5Final(found, &state.md5);
    uint32_t at = size & ~3u;
    if (!port_flash_read(slot->start + at, buffer, APP_MD5_SIZE + (size == at ? 0 : 4)))
        return APP_BAD_MD5;
    const uint8_t *stored = (const uint8_t *)buffer + (size - at);
    return memcmp(found, stored, APP_MD5_SIZE) ? APP_BAD_MD5 : APP_HASHED;
}

static enum app_state check_signature(const struct app_slot *slot, uint32_t end) {
    union digest state;
    uint8_t payload[sizeof DIGEST_INFO + SHA256_SIZE];
    sha256_begin(&state.sha);
    if (!hash_image(slot, end, true, &state) ||
        !port_flash_read(slot->start + end, buffer, slot->key.modulus_length))
        return APP_BAD_SIGNATURE;
    memcpy(payload, DIGEST_INFO, sizeof DIGEST_INFO);
    sha256_end(&state.sha, payload + sizeof DIGEST_INFO);
    return rsa_verify(&slot->key, (const uint8_t *)buffer, payload, sizeof payload)
               ? APP_SIGNED
               : APP_BAD_SIGNATURE;
}

bool app_read_trailer(const struct app_slot *slot, uint32_t size, struct app_trailer *trailer) {
    uint32_t at = app_trailer_offset(size);
    return at <= slot->size - sizeof *trailer &&
           port_flash_read(slot->start + at, trailer, sizeof *trailer) &&
           memcmp(trailer->magic, "DORMOUSE", sizeof trailer->magic) == 0;
}

/* Whether no image with a higher counter has been confirmed. */
static bool counter_allows(const struct app_slot *slot, uint32_t counter) {
    if (!port_flash_read(slot->start - COUNTER_SIZE, buffer, COUNTER_SIZE))
        return false;
    for (uint32_t i = 0; i < COUNTER_SIZE / sizeof *buffer; i += 2)
        if (buffer[i] == ~buffer[i + 1] && buffer[i] > counter)
            return false;
    return true;
}

static enum app_state check_content(const struct app_slot *slot, uint32_t *counter) {
    uint32_t first, size;
    struct app_trailer trailer;
    if (!read_word(slot, 0, &first) || (first & 0xff) != IMAGE_MAGIC)
        return APP_NO_HEADER;
    if (!read_word(slot, APP_IROM_OFFSET - 4, &size) || !app_size_valid(size, slot->size))
        return APP_BAD_SIZE;
    if (!app_read_trailer(slot, size, &trailer) || trailer.signature_length == 0)
        return slot->require_signature ? APP_UNSIGNED : check_md5(slot, size);
    uint32_t end = app_trailer_offset(size) + (uint32_t)sizeof trailer;
    if (trailer.format != TRAILER_FORMAT || trailer.signature_length != slot->key.modulus_length ||
        trailer.first_word != (first & 0xffff) || trailer.size != size ||
        end + slot->key.modulus_length > slot->size)
        return APP_BAD_TRAILER;
    *counter = app_trailer_counter(&trailer);
    return check_signature(slot, end);
}

enum app_state app_check(const struct app_slot *slot) {
    uint32_t counter = 0;
    enum app_state state = check_content(slot, &counter);
    return app_bootable(state) && !counter_allows(slot, counter) ? APP_ROLLED_BACK : state;
}
