#include "boot.h"

#include "port.h"

static bool take_request(void) {
    if (port_rtc_read(RTC_USER_LENGTH) < OTA_REQUEST_SIZE ||
        port_rtc_read(RTC_USER_DATA) != OTA_REQUEST_FIRST ||
        port_rtc_read(RTC_USER_DATA + 4) != OTA_REQUEST_SECOND)
        return false;
    port_rtc_write(RTC_USER_DATA, OTA_REQUEST_SERVED);
    return true;
}

static bool pin_changes(const struct boot_config *config) {
    uint32_t before = port_gpio_levels() & config->pin_mask;
    for (uint32_t ms = 0; ms < config->pin_wait_ms; ms++) {
        port_delay_1ms();
        if ((port_gpio_levels() & config->pin_mask) != before)
            return true;
    }
    return false;
}

struct boot_decision boot_decide(const struct boot_config *config) {
    struct boot_decision decision = {.reason = BOOT_CHECK, .app = APP_NO_HEADER};
    if (port_rtc_read(RTC_RESET_REASON) == RESET_DEEP_SLEEP)
        decision.reason = BOOT_WAKE;
    else if (take_request())
        decision.reason = BOOT_RTC;
    else if (config->pin_mask == 0)
        decision.reason = BOOT_FORCED;
    else if (pin_changes(config))
        decision.reason = BOOT_PIN;
    else
        decision.app = app_check(&config->slot);
    return decision;
}
