/* GPIO0 to GPIO15: what the chip puts out there, and what is wired to them outside. */
#ifndef PINS_H
#define PINS_H

#include <stdint.h>

/* Pins (bit n is GPIO n) whose levels the wire's other end knows, and is told of; the others have a
 * pattern of their own, and keep what is written. */
void pins_wire(uint32_t pins);

/* The level of every pin, as it is at this moment. */
uint32_t pins_levels(void);

#endif
