#include "pins.h"

#include "clock.h"
#include "host.h"
#include "link.h"

/* Of pins that nobody wired: some high, some low. */
#define UNWIRED 0xa5a5u

static uint32_t driven, levels_out, wired;

void pins_wire(uint32_t pins) {
    wired = pins;
}

uint32_t pins_levels(void) {
    int32_t at_ms = host_number(ARGUMENT_PIN_MS);
    uint32_t levels = UNWIRED;
    if (at_ms >= 0 && clock_delayed_us() >= (uint32_t)at_ms * 1000)
        levels ^= (uint32_t)host_number(ARGUMENT_PIN_BITS);
    levels = (levels & ~driven) | (levels_out & driven);
    return wired ? (levels & ~wired) | (link_levels() & wired) : levels;
}

/* --- functions of the real ROM --------------------------------------------------------------- */

void fake_gpio_init(void) {
}

uint32_t fake_gpio_input_get(void) {
    return pins_levels();
}

void fake_gpio_output_set(uint32_t set, uint32_t clear, uint32_t drive, uint32_t release) {
    uint32_t before = driven, levels_before = levels_out & driven;
    levels_out = (levels_out | set) & ~clear;
    driven = (driven | drive) & ~release;
    if (((before ^ driven) | (levels_before ^ (levels_out & driven))) & wired)
        link_drive(driven, levels_out);
}
