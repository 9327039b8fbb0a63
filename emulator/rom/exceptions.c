/* Exceptions: the end of a run, or in strict mode an access to IRAM or mapped flash to look at.
 * There the chip can move words only; QEMU could move bytes, so the region is closed and every
 * word's move is done here. */
#include <stdbool.h>

#include "host.h"
#include "rom.h"

#define REGION_CLOSED 3u /* nothing but execution */
#define CAUSE_LOAD_PROHIBITED 28u
#define CAUSE_STORE_PROHIBITED 29u

#define SPECIAL(name)                                          \
    ({                                                         \
        uint32_t value_;                                       \
        __asm__ volatile("rsr %0, " name : "=a"(value_));      \
        value_;                                                \
    })

/* The interrupted registers; boot code finds it in EXCSAVE1, and puts its stack behind it. */
__attribute__((section(".data.0frame"))) uint32_t frame[16];

static bool strict, busy;

/* For fetches as well: QEMU would let data through that a fetch may read. */
static void close_region(void) {
    uint32_t address = 0x40000000;
    __asm__ volatile("witlb %0, %1\n wdtlb %0, %1\n dsync\n isync"
                     :
                     : "a"(REGION_CLOSED), "a"(address));
}

void exceptions_begin(bool want_strict) {
    strict = want_strict;
    __asm__ volatile("wsr %0, excsave1\n rsync" : : "a"(frame));
    if (strict)
        close_region();
}

static _Noreturn void end_with_fault(uint32_t status, const char *why) {
    host_print(why);
    host_print_number(" cause", SPECIAL("exccause"));
    host_print_number("pc", SPECIAL("epc1"));
    host_print_number("address", SPECIAL("excvaddr"));
    host_exit(status);
}

/* Does one 32-bit load or store for the interrupted code; false when it is anything else. */
static bool move_word(uint32_t pc, uint32_t *length) {
    const uint8_t *byte = (const uint8_t *)pc;
    uint32_t operation = byte[0] & 15, target = byte[0] >> 4, base = byte[1] & 15, r = byte[1] >> 4;
    uint32_t address;
    bool store = false;
    *length = operation >= 8 ? 2 : 3;
    if (operation == 1) { /* l32r */
        uint32_t words = (uint32_t)byte[1] | (uint32_t)byte[2] << 8;
        address = ((pc + 3) & ~3u) + (0xfffc0000 | words << 2);
    } else if (operation == 2 && (r == 2 || r == 6)) { /* l32i, s32i */
        address = frame[base] + ((uint32_t)byte[2] << 2);
        store = r == 6;
    } else if (operation == 8 || operation == 9) { /* l32i.n, s32i.n */
        address = frame[base] + (r << 2);
        store = operation == 9;
    } else {
        return false;
    }
    if (store)
        *(volatile uint32_t *)address = frame[target];
    else
        frame[target] = *(volatile uint32_t *)address;
    return true;
}

/* From entries.S; returns what the region is set to when the interrupted code goes on. */
uint32_t on_exception(void) {
    uint32_t cause = SPECIAL("exccause"), length;
    if (busy)
        end_with_fault(EXIT_FAULT, "fault while a word was moved:");
    busy = true;
    if (!strict || (cause != CAUSE_LOAD_PROHIBITED && cause != CAUSE_STORE_PROHIBITED))
        end_with_fault(EXIT_FAULT, "fault:");
    if (!move_word(SPECIAL("epc1"), &length))
        end_with_fault(EXIT_STRICT, "strict: a byte or half word in IRAM or flash:");
    uint32_t next = SPECIAL("epc1") + length;
    __asm__ volatile("wsr %0, epc1\n rsync" : : "a"(next));
    busy = false;
    return REGION_CLOSED;
}
