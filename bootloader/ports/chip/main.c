/* The sector-0 bootloader: loaded by the mask ROM, on ROM functions only. */
#include <string.h>

#include "boot.h"
#include "config.h"
#include "flashmap.h"
#include "loader.h"
#include "port.h"

#if MAIN_APP_OFFSET != FLASH_APP_OFFSET
#error "config.h's MAIN_APP_OFFSET is not the app slot of partitions.csv: write config.h anew"
#endif
#ifndef REQUIRE_SIGNATURE
#define REQUIRE_SIGNATURE 0
#endif

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define RTC_MEMORY 0x60001000u
#define UART0_STATUS 0x6000001cu
#define UART0_SENDING 0x00ff0000u /* bytes in the transmit queue */
#define GPIO0_PAD 0x60000834u
#define GPIO0_FUNCTION 0x130u /* all clear: GPIO */
#define GPIO0_PULL_UP 0x80u
/* Nobody has told the chip yet that its crystal has 26 MHz, so its 80 MHz are 52. */
#define UART_CLOCK 52000000u

extern uint32_t SPIRead(uint32_t address, void *into, uint32_t length);
extern int ets_printf(const char *format, ...);
extern void ets_delay_us(uint32_t us);
extern void uart_div_modify(uint32_t uart, uint32_t divisor);
extern void gpio_init(void);
extern uint32_t gpio_input_get(void);
extern uint32_t bss_start[], bss_end[];

static const struct boot_config config = {
    .pin_mask = GPIO_MASK,
    .pin_wait_ms = GPIO_WAIT_MS,
    .slot =
        {
            .start = FLASH_APP_OFFSET,
            .size = FLASH_APP_SIZE,
            .key = {.modulus = (const uint8_t *)MODULUS,
                    .modulus_length = sizeof(MODULUS) - 1, /* a string: without its NUL */
                    .exponent = 3},
            .require_signature = REQUIRE_SIGNATURE,
        },
};

bool port_flash_read(uint32_t address, void *into, uint32_t length) {
    return SPIRead(address, into, length) == 0;
}

uint32_t port_rtc_read(uint32_t offset) {
    return REGISTER(RTC_MEMORY + offset);
}

void port_rtc_write(uint32_t offset, uint32_t value) {
    REGISTER(RTC_MEMORY + offset) = value;
}

uint32_t port_gpio_levels(void) {
    return gpio_input_get();
}

void port_delay_1ms(void) {
    ets_delay_us(1000);
}

static void set_up(void) {
#if BAUD_RATE
    while (REGISTER(UART0_STATUS) & UART0_SENDING) {
    }
    uart_div_modify(0, UART_CLOCK / BAUD_RATE);
#endif
    gpio_init();
    REGISTER(GPIO0_PAD) &= ~(GPIO0_FUNCTION | GPIO0_PULL_UP);
}

void start(void) {
    /* The image has no bss: it would only make it longer. */
    memset(bss_start, 0, (uint32_t)((char *)bss_end - (char *)bss_start));
    bool woke = port_rtc_read(RTC_RESET_REASON) == RESET_DEEP_SLEEP;
    if (!woke)
        set_up();
    struct boot_decision decision = boot_decide(&config);
    if (!woke)
        ets_printf("\nboot: reason %d, app %d\n", decision.reason, decision.app);
    if (!boot_starts_server(decision))
        loader_start(FLASH_APP_OFFSET);
    loader_start(FLASH_OTASERVER_OFFSET);
    ets_printf("nothing to start\n");
    for (;;) {
    }
}
