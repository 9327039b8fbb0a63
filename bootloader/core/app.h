/* The application image in its slot: is it whole, and is it ours? Its form: docs/images.md. */
#ifndef APP_H
#define APP_H

#include <stdbool.h>
#include <stdint.h>

#include "rsa.h"

/* Offset of irom0 text; the word before it holds the size. Fuzzing makes it smaller. */
#ifndef APP_ROM_TEXT
#define APP_ROM_TEXT 0x9000u
#endif
#define APP_MOST 800000u      /* yaota8266's own limit on the size */
#define APP_MD5 16u

enum app_state {
    APP_SIGNED,        /* good: a signature of ours */
    APP_HASHED,        /* good: the MD5 is right, no signature */
    APP_NO_HEADER,     /* does not begin with E9 */
    APP_BAD_SIZE,      /* the word at 0x8ffc is no size, or too large for the slot */
    APP_BAD_MD5,
    APP_UNSIGNED,      /* no signature where one is required */
    APP_BAD_TRAILER,   /* a signed trailer that is not of this image, key or slot */
    APP_BAD_SIGNATURE,
};

static inline bool app_good(enum app_state state) {
    return state <= APP_HASHED;
}

/* A slot and what an image in it must be; offsets and sizes in bytes, multiples of 4096. */
struct app_slot {
    uint32_t start, size;
    struct rsa_key key;
    bool require_signature;
};

struct app_trailer {
    char magic[8]; /* DORMOUSE */
    uint16_t format, signature_length;
    uint32_t first_word; /* with flash mode, size and speed cleared */
    uint32_t size, version;
    char version_text[24], board[32];
};

/* Whether `size` (of the word at 0x8ffc) can be an image's in a slot of `slot` bytes. */
static inline bool app_size_good(uint32_t size, uint32_t slot) {
    return size >= APP_ROM_TEXT && size <= APP_MOST && size <= slot - APP_MD5;
}

/* Where a trailer would begin, from the slot's start. */
static inline uint32_t app_trailer_at(uint32_t size) {
    return (size + APP_MD5 + 3) & ~3u;
}

/* Reads the slot's trailer, signed or not; false when there is none. `size` is a good size. */
bool app_trailer(const struct app_slot *slot, uint32_t size, struct app_trailer *trailer);

/* Reads the whole image once and says what it is. */
enum app_state app_check(const struct app_slot *slot);

#endif
