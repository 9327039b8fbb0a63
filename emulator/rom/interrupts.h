/* The chip's interrupts: a heartbeat every millisecond of its time, and what it finds. */
#ifndef INTERRUPTS_H
#define INTERRUPTS_H

#include <stdint.h>

enum interrupt { INTERRUPT_RADIO = 0, INTERRUPT_UART = 5, INTERRUPT_WATCHDOG = 8, INTERRUPT_TIMER = 10 };

/* Lets the heartbeat beat. */
void interrupts_begin(void);

/* What came since the last one: calls the handlers that are attached and not masked. */
void interrupts_run(void);

#endif
