/* The chip's time: instructions at 80 MHz, one a cycle, and what was waited for. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

#define CLOCK_MHZ 80u

void clock_begin(void);

/* Microseconds since the start; the emulator's own work between stop and go_on is not counted. */
uint64_t clock_us(void);
void clock_stop(void);
void clock_go_on(void);

/* Nothing is done for so long: a delay, or nothing to do. */
void clock_skip(uint32_t us);

/* How much of it were the ROM's delays. */
uint32_t clock_delayed_us(void);

/* CCOUNT's ticks since the start (25 instructions each under -icount shift=0). */
uint64_t clock_ticks(void);

#endif
