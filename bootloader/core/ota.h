/* The OTA server: datagrams in, verdicts and answers out, the slot written on the way. It knows no
 * socket, no clock and no restart: the port brings datagrams and times, sends the answers, and
 * restarts when told. What it takes: docs/images.md. */
#ifndef OTA_H
#define OTA_H

#include "app.h"
#include "port.h"

/* UDP port of every yaota8266 server. */
#define OTA_PORT 8266

/* Bytes of an answer. */
#define OTA_ANSWER_SIZE 20u

/* `previous_offset` of a session without a datagram. */
#define OTA_NO_OFFSET UINT32_MAX

/* What became of a datagram. The numbers are those on the serial port; ota_answers() and the like
 * say what follows from one. */
enum ota_verdict {
    /* answered */
    OTA_ACCEPTED = 0,
    OTA_REPEATED = 1,  /* the datagram before once more: its answer was lost */
    /* the session is over: restart */
    OTA_FINISHED = 2,
    /* dropped: nothing changes, no answer */
    OTA_MALFORMED = 3, /* its lengths, operation or padding are not the protocol's */
    OTA_OLD = 4,       /* behind what was taken, or another content for the datagram before */
    OTA_AHEAD = 5,     /* something before it is missing */
    OTA_TOO_LARGE = 6, /* would run over the end of the slot */
    OTA_FORGED = 7,    /* the signature is not our key's */
    OTA_EARLY_END = 8, /* an end before a whole image was taken: recorded, or a lost session's */
    /* dropped, and the session starts over */
    OTA_BAD_FLASH = 9, /* the sector did not keep what was written */
    OTA_VERDICTS,      /* how many there are */
};

/* Whether the sender gets the answer that ota_receive() wrote. */
static inline bool ota_answers(enum ota_verdict verdict) {
    return verdict == OTA_ACCEPTED || verdict == OTA_REPEATED;
}

/* Whether a whole image was taken and the device is to restart into it. No answer is sent: the
 * client ends with several ends and expects none. */
static inline bool ota_restarts(enum ota_verdict verdict) {
    return verdict == OTA_FINISHED;
}

/* Whether the datagram was of no use: no answer, and worth a line in a log. */
static inline bool ota_drops(enum ota_verdict verdict) {
    return !ota_answers(verdict) && !ota_restarts(verdict);
}

/* What time has brought. */
enum ota_timer {
    OTA_WAITING,      /* nothing */
    OTA_SESSION_LOST, /* the client has gone quiet: a new session may begin at offset 0 */
    OTA_IDLE_RESTART, /* nobody came: restart, the application may be fine */
};

/* A server's configuration: what config.h and the flash map say. Not copied: it must outlive the
 * server. */
struct ota_config {
    /* Where images go, and whose datagrams count. `require_signature` is not looked at: whether the
     * image is good is decided at the start that follows. */
    struct app_slot slot;

    /* After more than so many ms without an answered datagram a session starts over. Longer than a
     * client waits for an answer; yaota8266: 10000. PKT_WAIT_MS of config.h. */
    uint32_t packet_wait_ms;

    /* After more than so many ms without a session the device restarts. yaota8266: 60000.
     * IDLE_REBOOT_MS of config.h. */
    uint32_t idle_restart_ms;
};

/* A server: about 4.2 KiB, in the port's static memory. The fields are for reading only. */
struct ota {
    const struct ota_config *config;

    /* Offset in the slot, in bytes, of the datagram that is accepted next. 0 to slot.size. */
    uint32_t next_offset;

    /* Offset of the datagram accepted last, OTA_NO_OFFSET when the session has none. */
    uint32_t previous_offset;

    /* Clock (ms) of the last answer, or of the session's start. */
    uint32_t last_activity;

    /* The image's size in bytes: the word at 0x8ffc, 0 until that has been taken. */
    uint32_t app_size;

    /* SHA-1 of the signed part of the datagram accepted last. */
    uint8_t previous_digest[20];

    /* Datagrams by verdict since ota_begin(); they wrap. */
    uint32_t counts[OTA_VERDICTS];

    /* The sector that `next_offset` lies in: gathered, then written at once; FF where nothing has
     * come yet. */
    uint32_t sector[FLASH_SECTOR_SIZE / 4];
};

/* Sets a server up. `clock`, here and below, is in ms, may start anywhere and wrap, and must not
 * run backwards. */
void ota_begin(struct ota *ota, const struct ota_config *config, uint32_t clock);

/* Takes one datagram: `length` bytes, any number, any alignment; it is not changed. `answer` is
 * written when ota_answers(verdict), and then is to be sent to the sender. Verifies a signature
 * unless the datagram is dropped before, and erases, writes and reads back a sector for each
 * FLASH_SECTOR_SIZE bytes of image. */
enum ota_verdict ota_receive(struct ota *ota, const uint8_t *datagram, uint32_t length,
                             uint32_t clock, uint8_t answer[OTA_ANSWER_SIZE]);

/* To be called about once a second; the waits above are met to that. */
enum ota_timer ota_tick(struct ota *ota, uint32_t clock);

#endif
