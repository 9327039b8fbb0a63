#include "interrupts.h"

#include "clock.h"
#include "link.h"
#include "peripherals.h"
#include "rom.h"
#include "timers.h"

#define NUMBERS 16u
#define TIMER_INTERRUPT (1u << 6)            /* CCOMPARE0's, of QEMU's lx106 */
#define TICKS_A_BEAT (CLOCK_MHZ * 1000u / 25u) /* one millisecond of the chip's */

static struct {
    void (*handler)(void *argument);
    void *argument;
} attached[NUMBERS];
static uint32_t unmasked;

static void beat_again(void) {
    uint32_t now;
    __asm__ volatile("rsr %0, ccount" : "=a"(now));
    __asm__ volatile("wsr %0, ccompare0\n esync" : : "a"(now + TICKS_A_BEAT));
}

void interrupts_begin(void) {
    beat_again();
    __asm__ volatile("wsr %0, intenable\n rsync" : : "a"(TIMER_INTERRUPT));
}

static void raise(enum interrupt number) {
    if (attached[number].handler && unmasked >> number & 1)
        attached[number].handler(attached[number].argument);
}

void interrupts_run(void) {
    uint32_t pc;
    __asm__ volatile("rsr %0, epc1" : "=a"(pc));
    __asm__ volatile("wsr %0, intenable\n rsync" : : "a"(0));
    link_poll(0, pc);
    raise(INTERRUPT_WATCHDOG);
    if (timers_due())
        raise(INTERRUPT_TIMER);
    if (link_has_frame())
        raise(INTERRUPT_RADIO);
    if (peripheral_uart_waits())
        raise(INTERRUPT_UART);
    interrupts_begin();
}

/* --- functions of the real ROM --------------------------------------------------------------- */

void fake_ets_isr_attach(uint32_t number, void (*handler)(void *argument), void *argument) {
    attached[number % NUMBERS].handler = handler;
    attached[number % NUMBERS].argument = argument;
}

void fake_ets_isr_mask(uint32_t mask) {
    unmasked &= ~mask;
}

void fake_ets_isr_unmask(uint32_t mask) {
    unmasked |= mask;
}

void fake_ets_intr_lock(void) {
    __asm__ volatile("rsil a2, 3" : : : "a2");
}

void fake_ets_intr_unlock(void) {
    __asm__ volatile("rsil a2, 0" : : : "a2");
}
