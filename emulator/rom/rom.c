/* What the mask ROM does at power-on, and its functions, on QEMU. */
#include "rom.h"

#include <stdarg.h>

#include "digest.h"
#include "host.h"

#define O_RDONLY 0
#define O_RDWR 2
#define RTC ((uint32_t *)0x60001000)
#define RTC_SIZE 1024u /* bytes */
#define CHECKSUM_SEED 0xefu
#define RTC_RESET_REASON 0x100u /* bytes: where the SDK keeps it ... */
#define RESET_SOFT 4u           /* ... and its REASON_SOFT_RESTART */
#define IMAGE_MAGIC 0xe9u

static uint32_t waited_us, started_at;
static int32_t datagrams = -1;

static uint32_t ccount(void) {
    uint32_t count;
    __asm__ volatile("rsr %0, ccount" : "=a"(count));
    return count;
}

_Noreturn void rom_end(uint32_t status) {
    host_print_number("ccount", ccount() - started_at);
    host_print_number("operations", flash_operations());
    if (host_argument(ARGUMENT_RTC)[0] != '-')
        host_write_at(host_open(host_argument(ARGUMENT_RTC), O_RDWR), 0, RTC, RTC_SIZE);
    host_exit(status);
}

/* Loads the image at 0x0 as the real ROM does, checksum and all, and enters it. */
static void boot(void) {
    uint32_t head[2], at = 8, last[4];
    uint8_t sum = CHECKSUM_SEED;
    fake_SPIRead(0, head, sizeof head);
    if ((head[0] & 0xff) != IMAGE_MAGIC)
        return;
    for (uint32_t count = head[0] >> 8 & 0xff; count; count--) {
        uint32_t segment[2];
        fake_SPIRead(at, segment, sizeof segment);
        at += sizeof segment;
        fake_SPIRead(at, (uint32_t *)segment[0], segment[1]);
        for (uint32_t i = 0; i < segment[1] / 4; i++) {
            uint32_t word = ((uint32_t *)segment[0])[i];
            sum ^= (uint8_t)(word ^ word >> 8 ^ word >> 16 ^ word >> 24);
        }
        at += segment[1];
    }
    fake_SPIRead(at & ~15u, last, sizeof last);
    if (sum != last[3] >> 24)
        return;
    started_at = ccount();
    ((void (*)(void))head[1])();
}

_Noreturn void rom_start(void) {
    flash_begin(host_argument(ARGUMENT_FLASH), (uint32_t)host_number(ARGUMENT_CUT));
    if (host_argument(ARGUMENT_RTC)[0] != '-')
        host_read(host_open(host_argument(ARGUMENT_RTC), O_RDONLY), RTC, RTC_SIZE);
    exceptions_begin(host_number(ARGUMENT_STRICT) == 1);
    boot();
    rom_end(EXIT_NO_BOOT);
}

/* --- functions of the real ROM --------------------------------------------------------------- */

static void print_in(uint32_t number, uint32_t base) {
    static const char digits[] = "0123456789abcdef";
    char text[12], *at = text + sizeof text;
    *--at = 0;
    do {
        *--at = digits[number % base];
        number /= base;
    } while (number);
    host_print(at);
}

int fake_ets_printf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    for (; *format; format++) {
        char letter[2] = {*format, 0};
        if (*format != '%') {
            host_print(letter);
            continue;
        }
        switch (*++format) {
        case 'd':
        case 'u': print_in(va_arg(arguments, uint32_t), 10); break;
        case 'x': print_in(va_arg(arguments, uint32_t), 16); break;
        case 's': host_print(va_arg(arguments, const char *)); break;
        default: rom_end(EXIT_MISUSE);
        }
    }
    va_end(arguments);
    return 0;
}

void fake_ets_delay_us(uint32_t us) {
    waited_us += us;
}

void fake_uart_div_modify(uint32_t uart, uint32_t divisor) {
    if (uart != 0 || divisor == 0)
        rom_end(EXIT_MISUSE);
}

void fake_gpio_init(void) {
}

uint32_t fake_gpio_input_get(void) {
    int32_t at_ms = host_number(ARGUMENT_PIN_MS);
    uint32_t levels = 0xa5a5;
    if (at_ms >= 0 && waited_us >= (uint32_t)at_ms * 1000)
        levels ^= (uint32_t)host_number(ARGUMENT_PIN_BITS);
    return levels;
}

void *fake_memcpy(void *to, const void *from, uint32_t length) {
    uint8_t *target = to;
    const uint8_t *source = from;
    while (length--)
        *target++ = *source++;
    return to;
}

void *fake_memset(void *to, int value, uint32_t length) {
    for (uint8_t *target = to; length--;)
        *target++ = (uint8_t)value;
    return to;
}

int fake_memcmp(const void *first, const void *second, uint32_t length) {
    const uint8_t *a = first, *b = second;
    for (; length--; a++, b++)
        if (*a != *b)
            return *a - *b;
    return 0;
}

/* --- functions of ours, for the test applications -------------------------------------------- */

_Noreturn void fake_rom_exit(uint32_t status) {
    rom_end(status);
}

/* The device restarts: whoever runs QEMU starts it again, with the reset reason of a restart. */
_Noreturn void fake_rom_restart(void) {
    RTC[RTC_RESET_REASON / 4] = RESET_SOFT;
    rom_end(EXIT_RESTART);
}

/* The next datagram that arrives; ends the run when none is left. */
uint32_t fake_rom_datagram(uint8_t *into) {
    uint8_t length[2];
    if (datagrams < 0)
        datagrams = host_open(host_argument(ARGUMENT_DATAGRAMS), O_RDONLY);
    if (host_read(datagrams, length, 2) != 2)
        rom_end(EXIT_NO_DATAGRAMS);
    return (uint32_t)host_read(datagrams, into, length[0] | (uint32_t)length[1] << 8);
}
