/* What the mask ROM does at power-on, and its functions, on QEMU. */
#include "rom.h"

#include "clock.h"
#include "digest.h"
#include "exceptions.h"
#include "host.h"
#include "interrupts.h"
#include "link.h"
#include "peripherals.h"

#define O_RDONLY 0
#define O_RDWR 2
#define RTC ((uint32_t *)0x60001000)
#define RTC_SIZE 1024u /* bytes */
#define CHECKSUM_SEED 0xefu
#define RTC_RESET_REASON 0x100u /* bytes: where the SDK keeps it ... */
#define RESET_SOFT 4u           /* ... and its REASON_SOFT_RESTART and REASON_DEEP_SLEEP_AWAKE */
#define RESET_DEEP_SLEEP 5u
#define IMAGE_MAGIC 0xe9u

_Noreturn void fake_rom_reset(uint32_t reason, uint32_t status);

static uint64_t started_at;
static int32_t datagrams = -1;

/* The stack that sector 0 hands on: from the end of DRAM down to the ROM's own variables. */
#define STACK_END ((uint32_t *)0x40000000)
#define STACK_LIMIT ((uint32_t *)0x3fffe000)
#define UNTOUCHED 0xa5c35a3cu

static uint32_t stack_used(void) {
    const uint32_t *word = STACK_LIMIT;
    while (word < STACK_END && *word == UNTOUCHED)
        word++;
    return (uint32_t)(STACK_END - word) * 4;
}

_Noreturn void rom_end(uint32_t status) {
    clock_stop();
    peripheral_uart_flush();
    host_print_number("ccount", (uint32_t)(clock_ticks() - started_at));
    host_print_number("us", (uint32_t)clock_us());
    host_print_number("operations", flash_operations());
    host_print_number("reads", flash_reads());
    host_print_number("stack", stack_used());
    memory_open();
    if (host_argument(ARGUMENT_RTC)[0] != '-')
        host_write_at(host_open(host_argument(ARGUMENT_RTC), O_RDWR), 0, RTC, RTC_SIZE);
    link_end();
    host_exit(status);
}

/* Loads the image at 0x0 as the real ROM does, checksum and all, and enters it. */
static void boot(void) {
    uint32_t head[2], at = 8, last[4];
    uint8_t sum = CHECKSUM_SEED;
    fake_SPIRead(0, head, sizeof head);
    if ((head[0] & 0xff) != IMAGE_MAGIC)
        return;
    flash_describe(head[0]);
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
    started_at = clock_ticks();
    ((void (*)(void))head[1])();
}

_Noreturn void rom_start(void) {
    flash_begin(host_argument(ARGUMENT_FLASH), (uint32_t)host_number(ARGUMENT_CUT));
    if (host_argument(ARGUMENT_RTC)[0] != '-')
        host_read(host_open(host_argument(ARGUMENT_RTC), O_RDONLY), RTC, RTC_SIZE);
    clock_begin();
    exceptions_begin(host_number(ARGUMENT_STRICT) == 1);
    if (link_begin())
        exceptions_set_apart();
    boot();
    rom_end(EXIT_NO_BOOT);
}

/* --- functions of the real ROM --------------------------------------------------------------- */

void fake_uart_div_modify(uint32_t uart, uint32_t divisor) {
    if (uart > 1 || divisor == 0)
        rom_end(EXIT_MISUSE);
}

uint32_t fake_rand(void) {
    return peripheral_random();
}

/* --- functions of ours, for the test applications -------------------------------------------- */

_Noreturn void fake_rom_exit(uint32_t status) {
    rom_end(status);
}

/* The device restarts: whoever runs QEMU starts it again, with the reset reason of a restart. */
_Noreturn void fake_rom_restart(void) {
    fake_rom_reset(RESET_SOFT, EXIT_RESTART);
}

/* A reset for that reason, by which the SDK knows it at the next start. */
_Noreturn void fake_rom_reset(uint32_t reason, uint32_t status) {
    RTC[RTC_RESET_REASON / 4] = reason;
    rom_end(status);
}

/* Deep sleep: whoever runs QEMU starts it again after so long. */
_Noreturn void fake_rom_asleep(uint32_t us) {
    host_print_number("sleep", us);
    fake_rom_reset(RESET_DEEP_SLEEP, EXIT_ASLEEP);
}

uint64_t fake_rom_time_us(void) {
    return clock_us();
}

/* An application begins, on a stack that is watched from here down. */
void fake_rom_begin(void) {
    uint32_t *here = __builtin_frame_address(0);
    for (uint32_t *word = STACK_LIMIT; word < here - 32; word++)
        *word = UNTOUCHED;
    host_print_number("begin", (uint32_t)(clock_ticks() - started_at));
    host_print_number("begin_reads", flash_reads());
    if (link_there())
        interrupts_begin();
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
