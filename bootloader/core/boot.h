/* What the bootloader starts, and why: yaota8266's decision. */
#ifndef BOOT_H
#define BOOT_H

#include "app.h"

/* Offsets from 0x60001000 of the words that the decision looks at. */
#define RTC_RESET_REASON 0x100u /* the SDK's reset info begins with it */
#define RTC_LENGTH 0x210u       /* of MicroPython's RTC().memory() ... */
#define RTC_DATA 0x214u         /* ... and its bytes */
#define RTC_DATA_MOST 492u

#define RESET_DEEP_SLEEP 5u

#define MAGIC_FIRST 0x746f6179u  /* "yaot" */
#define MAGIC_SECOND 0x61746f61u /* "aota" */
#define MAGIC_TAKEN 0x746f617au  /* "zaot": the request was served */

enum boot_reason {
    BOOT_WAKE,   /* woke from deep sleep: the application, unchecked */
    BOOT_RTC,    /* the application asked for the OTA server */
    BOOT_FORCED, /* the pin mask is 0: the OTA server always */
    BOOT_PIN,    /* a pin changed while it was watched: the OTA server */
    BOOT_CHECK,  /* nothing asked: the application if it is good */
};

struct boot_config {
    uint32_t pin_mask, pin_wait_ms;
    struct app_slot slot;
};

struct boot_decision {
    enum boot_reason reason;
    enum app_state app; /* of BOOT_CHECK only */
};

/* Decides, and takes the request for the OTA server out of RTC memory. */
struct boot_decision boot_decide(const struct boot_config *config);

static inline bool boot_into_server(struct boot_decision decision) {
    return decision.reason == BOOT_CHECK ? !app_good(decision.app) : decision.reason != BOOT_WAKE;
}

#endif
