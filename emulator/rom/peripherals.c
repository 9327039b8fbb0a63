#include "peripherals.h"

#include "clock.h"
#include "host.h"

enum registers {
    UART_FIFO = 0x60000000,
    UART_INTERRUPTS = 0x60000008,
    UART_STATUS = 0x6000001c,
    UART1_FIFO = 0x60000f00,
    UART1_STATUS = 0x60000f1c,
    TIMER_COUNT = 0x60000624,
    TIMER_CONTROL = 0x60000628,
    RANDOM = 0x3ff20e44,
};

#define DPORT 0x3ff00000u
#define DPORT_WORDS 64u
#define RECEIVED_FULL_OR_LATE 0x101u /* the UART's interrupts that its handler knows */
#define TIMER_DIVISOR_256 8u         /* in TIMER_CONTROL; else the clock is divided by 16 */

static uint8_t received[256], printed[128];
static uint32_t first, waiting, length, random = 1, dport[DPORT_WORDS];

void peripheral_uart_receive(uint8_t byte) {
    if (waiting < sizeof received)
        received[(first + waiting++) % sizeof received] = byte;
}

bool peripheral_uart_waits(void) {
    return waiting;
}

static uint32_t take_byte(void) {
    uint32_t byte = received[first];
    if (!waiting)
        return 0;
    first = (first + 1) % sizeof received;
    waiting--;
    return byte;
}

void peripheral_uart_flush(void) {
    if (length)
        host_write(1, printed, length);
    length = 0;
}

static void print_byte(uint8_t byte) {
    printed[length++] = byte;
    if (byte == '\n' || length == sizeof printed)
        peripheral_uart_flush();
}

void peripheral_seed(uint32_t seed) {
    random = seed ? seed : 1;
}

uint32_t peripheral_random(void) {
    random ^= random << 13; /* Marsaglia's xorshift */
    random ^= random >> 17;
    return random ^= random << 5;
}

static uint32_t timer_count(void) {
    uint64_t us = clock_us();
    bool slow = *(volatile uint32_t *)TIMER_CONTROL & TIMER_DIVISOR_256;
    return (uint32_t)(slow ? us * (CLOCK_MHZ / 16) >> 4 : us * (CLOCK_MHZ / 16));
}

static bool is_dport(uint32_t address) {
    return address - DPORT < DPORT_WORDS * 4;
}

uint32_t peripheral_read(uint32_t address) {
    switch (address) {
    case UART_FIFO: return take_byte();
    case UART_INTERRUPTS: return waiting ? RECEIVED_FULL_OR_LATE : 0;
    case UART_STATUS: return waiting; /* what is sent has gone at once */
    case UART1_STATUS: return 0;
    case TIMER_COUNT: return timer_count();
    case RANDOM: return peripheral_random();
    default: break;
    }
    if (is_dport(address))
        return dport[(address - DPORT) / 4];
    if (address < 0x60000000)
        return 0;
    return *(volatile uint32_t *)address;
}

void peripheral_write(uint32_t address, uint32_t value) {
    if (address == UART_FIFO)
        print_byte((uint8_t)value);
    else if (is_dport(address))
        dport[(address - DPORT) / 4] = value;
    else if (address >= 0x60000000)
        *(volatile uint32_t *)address = value;
}
