#include "boot.h"

#include "port.h"

static bool take_request(void) {
    if (port_rtc_read(RTC_LENGTH) < 8 || port_rtc_read(RTC_DATA) != MAGIC_FIRST ||
        port_rtc_read(RTC_DATA + 4) != MAGIC_SECOND)
        return false;
    port_rtc_write(RTC_DATA, MAGIC_TAKEN);
    return true;
}

static bool pin_changes(const struct boot_config *config) {
    uint32_t before = port_pins() & config->pin_mask;
    for (uint32_t ms = 0; ms < config->pin_wait_ms; ms++) {
        port_wait_ms();
        if ((port_pins() & config->pin_mask) != before)
            return true;
    }
    return false;
}

struct boot_decision boot_decide(const struct boot_config *config) {
    struct boot_decision decision = {BOOT_CHECK, APP_NO_HEADER};
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
