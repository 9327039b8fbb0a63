/* A test application: says by its exit status that it runs, and that it was loaded whole. */
#include <stdint.h>

extern _Noreturn void rom_exit(uint32_t status);

#define LOADED_BADLY 40

/* Enough code and data to spread over IRAM beyond the bootloader's own, and over DRAM. */
__attribute__((section(".iram.words"), aligned(4))) const uint32_t in_iram[2048] = {
    [0] = 0x11111111, [1023] = 0x22222222, [2047] = 0x33333333};
__attribute__((section(".data"))) uint32_t in_dram[512] = {
    [0] = 0x44444444, [511] = 0x55555555};

void start(void) {
    const volatile uint32_t *iram = in_iram, *dram = in_dram;
    if (iram[0] != 0x11111111 || iram[1023] != 0x22222222 || iram[2047] != 0x33333333 ||
        dram[0] != 0x44444444 || dram[511] != 0x55555555)
        rom_exit(LOADED_BADLY);
    rom_exit(STATUS);
}
