/* The SDK's system functions: clock, RTC memory, resets, watchdog, and what is asked of the chip. */
#include "sdk.h"

#define WATCHDOG_INTERRUPT 8
#define RTC_RESET_INFO ((volatile uint32_t *)0x60001100)
#define RTC_BLOCKS 192u /* of 4 bytes, from RTC_RESET_INFO; an application's begin at 64 */
#define REASON_SOFT_WATCHDOG 3u
#define EXIT_WATCHDOG 33u /* emulator/rom/host.h */

/* The software watchdog counts up every 1.6 s, and resets when it finds itself not cleared. */
#define WATCHDOG_US 1600000u
#define WATCHDOG_LIMIT 2u

/* One count of the RTC's clock is 5.75 us: 12 bits behind the point. */
#define CALIBRATION 23552u
#define COUNTS_A_US_16 11397u /* 65536 * 4096 / CALIBRATION */

/* lwIP reads its limits in RTC memory, where the SDK writes them at start. */
#define DHCP_TRIES 0x600011e0u
#define TCP_SYN_TRIES 0x600011e4u
#define TCP_TRIES 0x600011e8u
#define TCP_WINDOW 0x600011f0u
#define TCP_CONNECTIONS 0x600011fcu

struct reset_info {
    uint32_t reason, cause, pc1, pc2, pc3, address, double_pc;
};
static struct reset_info reset_info;
static void (*done)(void);
static uint32_t watchdog_at;
static struct {
    uint32_t id;
    uint16_t adc, supply_mv;
} chip;

static void watch(void *argument) {
    (void)argument;
    if (system_get_time() - watchdog_at < WATCHDOG_US)
        return;
    watchdog_at += WATCHDOG_US;
    if (++software_watchdog >= WATCHDOG_LIMIT)
        rom_reset(REASON_SOFT_WATCHDOG, EXIT_WATCHDOG);
}

static void set(uint32_t address, uint32_t value) {
    *(volatile uint32_t *)address = value;
}

void system_begin(void) {
    reset_info.reason = RTC_RESET_INFO[0];
    set(DHCP_TRIES, 4);
    set(TCP_SYN_TRIES, 4);
    set(TCP_TRIES, 12);
    set(TCP_WINDOW, 4 * 1460);
    set(TCP_CONNECTIONS, 5);
    rom_ask(ASK_CHIP, 0, 0, &chip, sizeof chip);
    ets_isr_attach(WATCHDOG_INTERRUPT, watch, 0);
    ets_isr_unmask(1u << WATCHDOG_INTERRUPT);
    watchdog_at = system_get_time();
}

void system_done(void) {
    if (done)
        done();
}

uint32_t chip_id(void) {
    return chip.id;
}

/* --- the SDK's names --------------------------------------------------------------------------- */

#define NOTHING(name) \
    void name(void);  \
    void name(void) {}
NOTHING(system_timer_reinit)
NOTHING(system_uart_swap)
NOTHING(system_uart_de_swap)
NOTHING(system_print_meminfo)
NOTHING(system_phy_set_max_tpw)
NOTHING(system_pp_recycle_rx_pkt) /* no frame lies in a buffer of the radio's */
NOTHING(esf_rx_buf_alloc)
NOTHING(os_printf_plus)

/* A toolchain's lwIP says its complaints by it; MicroPython's port has one of its own, the OTA server
 * has none. */
void __attribute__((weak)) DEBUG_printf(void);
void DEBUG_printf(void) {}

#define ALWAYS(type, name, value) \
    type name(void);              \
    type name(void) {             \
        return value;             \
    }
ALWAYS(struct reset_info *, system_get_rst_info, &reset_info)
ALWAYS(const char *, system_get_sdk_version, "emulated")
ALWAYS(uint32_t, system_get_chip_id, chip.id)
ALWAYS(uint16_t, system_adc_read, chip.adc)
ALWAYS(uint16_t, system_get_vdd33, (uint16_t)((uint32_t)chip.supply_mv * 1024 / 1000))
ALWAYS(uint8_t, system_get_cpu_freq, 80)
ALWAYS(bool, system_update_cpu_freq, true)
ALWAYS(uint32_t, system_rtc_clock_cali_proc, CALIBRATION)
ALWAYS(uint32_t, os_random, rand())
ALWAYS(uint32_t, r_rand, rand())
ALWAYS(uint32_t, system_get_time, (uint32_t)rom_time_us())
ALWAYS(uint32_t, system_get_rtc_time, (uint32_t)(rom_time_us() * COUNTS_A_US_16 >> 16))
ALWAYS(char, RxNodeNum, 5) /* free buffers of the radio's */

uint8_t timer2_ms_flag; /* 0: the timer counts 80 MHz / 16 */

void system_init_done_cb(void (*callback)(void));
void system_restart(void);
bool system_deep_sleep_set_option(uint8_t option);
bool system_deep_sleep(uint64_t us);
void system_soft_wdt_feed(void);
bool system_rtc_mem_read(uint8_t block, void *into, uint16_t length);
bool system_rtc_mem_write(uint8_t block, const void *from, uint16_t length);
uint8_t system_get_data_of_array_8(const uint8_t *array, uint32_t index);

void system_init_done_cb(void (*callback)(void)) {
    done = callback;
}

void system_restart(void) {
    rom_restart();
}

bool system_deep_sleep_set_option(uint8_t option) {
    return option <= 4;
}

bool system_deep_sleep(uint64_t us) {
    rom_asleep((uint32_t)us);
}

void system_soft_wdt_feed(void) {
    software_watchdog = 0;
}

static bool in_rtc(uint32_t block, uint32_t length) {
    return block * 4 + length <= RTC_BLOCKS * 4;
}

bool system_rtc_mem_read(uint8_t block, void *into, uint16_t length) {
    uint8_t *bytes = into;
    if (!in_rtc(block, length))
        return false;
    for (uint32_t at = 0; at < length; at += 4) {
        uint32_t word = RTC_RESET_INFO[block + at / 4];
        memcpy(bytes + at, &word, length - at < 4 ? length - at : 4);
    }
    return true;
}

bool system_rtc_mem_write(uint8_t block, const void *from, uint16_t length) {
    const uint8_t *bytes = from;
    if (!in_rtc(block, length))
        return false;
    for (uint32_t at = 0; at < length; at += 4) {
        uint32_t word = 0;
        memcpy(&word, bytes + at, length - at < 4 ? length - at : 4);
        RTC_RESET_INFO[block + at / 4] = word;
    }
    return true;
}

uint8_t system_get_data_of_array_8(const uint8_t *array, uint32_t index) {
    uint32_t at = (uint32_t)array + index;
    return (uint8_t)(*(const uint32_t *)(at & ~3u) >> (at & 3) * 8);
}

void ets_timer_arm_new(timer_t *timer, uint32_t time, int repeat, int in_ms) {
    uint32_t us = in_ms ? time * 1000 : time;
    ets_timer_disarm(timer);
    timer->period = repeat ? us : 0;
    timer_insert(system_get_time() + us, timer);
}
