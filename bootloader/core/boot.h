/* What the bootloader starts, and why: yaota8266's decision. */
#ifndef BOOT_H
#define BOOT_H

#include "app.h"

/* What the decision looks at in RTC memory: bytes from 0x60001000, words. */
#define RTC_RESET_REASON 0x100u /* the SDK's reset info begins with it */
#define RTC_USER_LENGTH 0x210u  /* of MicroPython's RTC().memory(), in bytes ... */
#define RTC_USER_DATA 0x214u    /* ... and its bytes, of which there are at most ... */
#define RTC_USER_DATA_MAX 492u

/* The SDK's reset reason (REASON_DEEP_SLEEP_AWAKE) that starts the application unchecked. */
#define RESET_DEEP_SLEEP 5u

/* How the application asks for the OTA server: the first eight bytes of RTC().memory(). The first
 * word is changed when the request was served, so that it is served once. */
#define OTA_REQUEST_FIRST 0x746f6179u  /* "yaot" */
#define OTA_REQUEST_SECOND 0x61746f61u /* "aota" */
#define OTA_REQUEST_SERVED 0x746f617au /* "zaot" */
#define OTA_REQUEST_SIZE 8u

/* In the order in which they are asked. The numbers are those on the serial port (docs/images.md):
 * they stay. */
enum boot_reason {
    BOOT_WAKE = 0,   /* woke from deep sleep: the application, unchecked */
    BOOT_RTC = 1,    /* the application asked for the OTA server */
    BOOT_FORCED = 2, /* the pin mask is 0: the OTA server always */
    BOOT_PIN = 3,    /* a pin changed while it was watched: the OTA server */
    BOOT_CHECK = 4,  /* nothing asked: the application if it is bootable, else the OTA server */
};

/* A bootloader's configuration: what config.h and the flash map say. */
struct boot_config {
    /* The pins that call the OTA server when one of them changes: bit n is GPIO n, 0 to 15. 0 calls
     * it at every start that is no wake. GPIO_MASK of config.h. */
    uint32_t pin_mask;

    /* For how long they are watched at each start that is no wake, in ms. 0 does not watch them.
     * Start-up takes that much longer. GPIO_WAIT_MS of config.h. */
    uint32_t pin_wait_ms;

    /* The application's, with the key that signs it. */
    struct app_slot slot;
};

struct boot_decision {
    enum boot_reason reason;
    enum app_state app; /* set when `reason` is BOOT_CHECK only */
};

/* Decides, and takes the request for the OTA server out of RTC memory. Returns after pin_wait_ms
 * and an app_check() at most; at once after deep sleep. */
struct boot_decision boot_decide(const struct boot_config *config);

/* Whether the OTA server is to be started, and not the application. */
static inline bool boot_starts_server(struct boot_decision decision) {
    switch (decision.reason) {
    case BOOT_WAKE: return false;
    case BOOT_CHECK: return !app_bootable(decision.app);
    case BOOT_RTC:
    case BOOT_FORCED:
    case BOOT_PIN: break;
    }
    return true;
}

#endif
