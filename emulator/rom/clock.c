#include "clock.h"

/* QEMU's core counts 40 million ticks a second of a virtual time in which, under -icount shift=0,
 * each instruction takes a nanosecond. */
#define INSTRUCTIONS_A_TICK 25u

static uint64_t ticks, skipped_us;
static uint32_t last, depth, delayed_us;

static uint32_t ccount(void) {
    uint32_t count;
    __asm__ volatile("rsr %0, ccount" : "=a"(count));
    return count;
}

/* CCOUNT goes round after 107 s of QEMU's time: whatever looks at it adds up. The heartbeat does so too,
 * and must not come in the middle. */
static void add_up(void) {
    uint32_t ps;
    __asm__ volatile("rsil %0, 15" : "=a"(ps));
    uint32_t now = ccount();
    if (!depth)
        ticks += now - last;
    last = now;
    __asm__ volatile("wsr %0, ps\n rsync" : : "a"(ps));
}

void clock_begin(void) {
    last = ccount();
}

void clock_stop(void) {
    add_up();
    depth++;
}

void clock_go_on(void) {
    add_up();
    depth--;
}

void clock_skip(uint32_t us) {
    skipped_us += us;
}

uint64_t clock_ticks(void) {
    add_up();
    return ticks;
}

uint64_t clock_us(void) {
    /* * 25 / 80, without a division of 64 bits. */
    return (clock_ticks() * (INSTRUCTIONS_A_TICK / 5) >> 4) + skipped_us;
}

uint32_t clock_delayed_us(void) {
    return delayed_us;
}

/* --- a function of the real ROM ---------------------------------------------------------------- */

void fake_ets_delay_us(uint32_t us) {
    delayed_us += us;
    clock_skip(us);
}
