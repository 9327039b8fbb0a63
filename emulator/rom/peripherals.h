/* The registers of the chip that are more than memory: UART, timer, random numbers, DPORT. */
#ifndef PERIPHERALS_H
#define PERIPHERALS_H

#include <stdbool.h>
#include <stdint.h>

/* A whole register, by its address on the chip. */
uint32_t peripheral_read(uint32_t address);
void peripheral_write(uint32_t address, uint32_t value);

/* A byte for the first UART, and whether there is one that nobody has taken. */
void peripheral_uart_receive(uint8_t byte);
bool peripheral_uart_waits(void);

/* Lets out what was printed. */
void peripheral_uart_flush(void);

void peripheral_seed(uint32_t seed);
uint32_t peripheral_random(void);

#endif
