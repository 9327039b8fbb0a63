/* The application image in its slot: is it whole, and is it ours? Its form: docs/images.md. */
#ifndef APP_H
#define APP_H

#include <stdbool.h>
#include <stdint.h>

#include "rsa.h"

/* First byte of every ESP8266 image. */
#define IMAGE_MAGIC 0xe9u

/* Where irom0 text begins, in bytes from the slot's start; the word before it holds the image's
 * size. The linker scripts of MicroPython's OTA builds fix it; only fuzzing makes it smaller. */
#ifndef APP_IROM_OFFSET
#define APP_IROM_OFFSET 0x9000u
#endif

/* Largest size in bytes; yaota8266's own limit. */
#define APP_SIZE_MAX 800000u

/* Bytes of the MD5 that follows the image. */
#define APP_MD5_SIZE 16u

/* What an image is. The numbers are those on the serial port (docs/images.md): they stay. */
enum app_state {
    APP_SIGNED = 0,        /* starts: a signature of ours */
    APP_HASHED = 1,        /* starts: the MD5 is right, and no signature is there or asked for */
    APP_NO_HEADER = 2,     /* does not begin with IMAGE_MAGIC, or the flash cannot be read */
    APP_BAD_SIZE = 3,      /* the word at 0x8ffc is no size, or too large for the slot */
    APP_BAD_MD5 = 4,       /* the image is not the one that was built */
    APP_UNSIGNED = 5,      /* no signature where one is required */
    APP_BAD_TRAILER = 6,   /* a signed trailer that is not of this image, key or slot */
    APP_BAD_SIGNATURE = 7, /* a signature where one belongs, but not our key's */
    APP_ROLLED_BACK = 8,   /* good, but its security counter is below one that was confirmed */
    APP_STATES,            /* how many there are */
};

/* Whether an image in this state may be started. */
static inline bool app_bootable(enum app_state state) {
    return state == APP_SIGNED || state == APP_HASHED;
}

/* A slot, and what an image in it must be. */
struct app_slot {
    /* Bytes from the start of the flash chip, a multiple of FLASH_SECTOR_SIZE. Images are linked
     * for it, so that it is the `app` partition's offset in partitions.csv. The COUNTER_SIZE bytes
     * before it are the security counter's; there are so many. */
    uint32_t start;

    /* Bytes, a multiple of FLASH_SECTOR_SIZE, over APP_IROM_OFFSET; `start` + `size` fits 32 bits.
     * Nothing outside is ever written. */
    uint32_t size;

    /* Whose signature counts, on images and on the OTA server's datagrams. Must be valid. */
    struct rsa_key key;

    /* Whether an image must be signed to be started. When not, one without a signature is judged by
     * its MD5; one with a wrong signature is refused either way. */
    bool require_signature;
};

/* The trailer as it lies in flash after the image: 80 bytes, little-endian, then the signature.
 * Nothing in it is trusted before app_check() has said APP_SIGNED. A board of more than 27
 * characters runs on over `counter`; such an image has none. */
struct app_trailer {
    char magic[8];             /* DORMOUSE */
    uint16_t format;           /* 1 */
    uint16_t signature_length; /* bytes: the key's modulus_length; 0 for no signature */
    uint32_t first_word;       /* the image's, with flash mode, size and speed cleared */
    uint32_t size;             /* bytes, as at 0x8ffc */
    uint32_t version;          /* major << 24, minor << 16, patch */
    char version_text[24];     /* padded with NUL; a full field has none */
    char board[28];            /* as version_text; empty for any board */
    uint32_t counter;          /* the security counter, if `board` ends with a NUL */
};

/* The security counter that a trailer names; 0 where it has none. */
static inline uint32_t app_trailer_counter(const struct app_trailer *trailer) {
    return trailer->board[sizeof trailer->board - 1] ? 0 : trailer->counter;
}

/* Bytes before a slot that hold its security counter. Entries of two words, a value and its
 * complement; the counter is the largest value of a whole entry, 0 if there is none. They are added
 * by images that have proved themselves, each in erased bytes, so that nothing is erased or written
 * twice, and one that a power cut has torn does not count. */
#define COUNTER_SIZE 2048u

/* Whether `size` (bytes, the word at 0x8ffc) can be an image's in a slot of `slot_size` bytes. */
static inline bool app_size_valid(uint32_t size, uint32_t slot_size) {
    return size >= APP_IROM_OFFSET && size <= APP_SIZE_MAX && size <= slot_size - APP_MD5_SIZE;
}

/* Where a trailer would begin, in bytes from the slot's start; `size` must be valid. */
static inline uint32_t app_trailer_offset(uint32_t size) {
    return (size + APP_MD5_SIZE + 3) & ~3u;
}

/* Reads the slot's trailer, signed or not; false when there is none. `size` must be valid. */
bool app_read_trailer(const struct app_slot *slot, uint32_t size, struct app_trailer *trailer);

/* Says what the slot holds. Reads the image once, in pieces of 4096 bytes, and writes nothing;
 * 600 KiB with a signature take the chip about 1 s (docs/hardware.md). Not reentrant. */
enum app_state app_check(const struct app_slot *slot);

#endif
