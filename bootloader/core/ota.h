/* The OTA server: datagrams in, verdicts and answers out, the slot written on the way. */
#ifndef OTA_H
#define OTA_H

#include "app.h"
#include "port.h"

#define OTA_PORT 8266
#define OTA_ANSWER 20u
#define OTA_NONE UINT32_MAX

enum ota_verdict {
    /* answered */
    OTA_ACCEPTED,
    OTA_REPEATED,  /* the datagram before once more: its answer was lost */
    /* the session is over: restart */
    OTA_FINISHED,
    /* dropped: nothing changes, no answer */
    OTA_MALFORMED, /* its lengths, operation or padding are not the protocol's */
    OTA_OLD,       /* behind what was taken, or another content for the datagram before */
    OTA_AHEAD,     /* something before it is missing */
    OTA_TOO_LARGE, /* would run over the end of the slot */
    OTA_FORGED,    /* the signature is not our key's */
    OTA_EARLY_END, /* an end before a whole image was taken: a recorded one, or a lost session's */
    /* dropped, and the session starts over */
    OTA_BAD_FLASH, /* the sector did not keep what was written */
    OTA_VERDICTS,
};

enum ota_timer { OTA_WAITING, OTA_SESSION_LOST, OTA_IDLE_RESTART };

struct ota_config {
    struct app_slot slot;
    uint32_t packet_wait_ms; /* without a datagram for so long the session starts over */
    uint32_t idle_restart_ms; /* without a first datagram for so long the device restarts */
};

struct ota {
    const struct ota_config *config;
    uint32_t next;     /* offset of the datagram that is accepted next */
    uint32_t previous; /* offset of the one before, OTA_NONE when the session has none */
    uint32_t since;    /* clock of the last answer, or of the session's start */
    uint32_t app_size; /* the word at 0x8ffc, once it has been taken */
    uint8_t previous_digest[20];
    uint32_t counts[OTA_VERDICTS];
    uint32_t sector[FLASH_SECTOR / 4]; /* gathered, then written at once */
};

/* `clock` is in ms, may start anywhere and wrap. */
void ota_begin(struct ota *ota, const struct ota_config *config, uint32_t clock);

/* Takes one datagram. When the verdict is OTA_ACCEPTED or OTA_REPEATED, `answer` is to be sent to
 * its sender; at OTA_FINISHED the device is to restart. Any alignment, any length. */
enum ota_verdict ota_receive(struct ota *ota, const uint8_t *datagram, uint32_t length,
                             uint32_t clock, uint8_t answer[OTA_ANSWER]);

/* To be called about once a second. */
enum ota_timer ota_tick(struct ota *ota, uint32_t clock);

#endif
