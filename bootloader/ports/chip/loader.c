#include "loader.h"

#include <stdbool.h>

#include "app.h"
#include "port.h"

/* Where segments may go. The first 4 KiB of IRAM hold this code: the one segment that overwrites
 * them is loaded last, by the ROM alone. DRAM ends for us where boot.ld begins. */
#define IRAM 0x40100000u
#define IRAM_END 0x40108000u
#define IRAM_OWN_END 0x40101000u
#define DRAM 0x3ffe8000u
#define DRAM_END 0x3fff8000u

#define SEGMENTS_MAX 16u /* esptool makes at most as many */
#define SEGMENTS_END APP_IROM_OFFSET
#define HEADER_SIZE 8u /* IMAGE_MAGIC, number of segments, flash mode, size and speed, u32 entry */
#define STACK_TOP 0x40000000u

/* As in an image: where it goes, and its bytes, which follow. */
struct segment {
    uint32_t address, size;
};

extern uint32_t SPIRead(uint32_t address, void *into, uint32_t length);

/* Whether a segment may be loaded at all. */
static bool segment_allowed(const struct segment *segment) {
    uint32_t base = IRAM, end = IRAM_END;
    if (segment->address < IRAM) {
        base = DRAM;
        end = DRAM_END;
    }
    uint32_t offset = segment->address - base;
    return ((segment->address | segment->size) & 3) == 0 && offset < end - base &&
           segment->size <= end - base - offset;
}

/* The ROM's SPIRead overwrites this very code, and returns to the application's entry. */
static _Noreturn void load_last_and_enter(uint32_t flash, const struct segment *last,
                                          uint32_t entry) {
    register uint32_t a2 __asm__("a2") = flash;
    register uint32_t a3 __asm__("a3") = last->address;
    register uint32_t a4 __asm__("a4") = last->size;
    register uint32_t a5 __asm__("a5") = (uint32_t)SPIRead;
    register uint32_t a6 __asm__("a6") = entry;
    register uint32_t a7 __asm__("a7") = STACK_TOP;
    __asm__ volatile("mov a0, %4\n mov a1, %5\n jx %3"
                     :
                     : "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a6), "r"(a7)
                     : "memory");
    __builtin_unreachable();
}

/* Looks at all segments: false unless each may be loaded and exactly one lies over our own code.
 * With `entry` set it also loads them and ends in the application: call it without before, so that
 * nothing is loaded of an image that cannot be. */
static bool read_segments(uint32_t start, uint32_t count, uint32_t entry) {
    uint32_t at = start + HEADER_SIZE, last_at = 0;
    struct segment segment, last = {.address = 0, .size = 0};
    while (count--) {
        if (!port_flash_read(at, &segment, sizeof segment) || !segment_allowed(&segment))
            return false;
        at += sizeof segment;
        if (segment.address - IRAM < IRAM_OWN_END - IRAM) {
            if (last_at)
                return false;
            last_at = at;
            last = segment;
        } else if (entry && !port_flash_read(at, (void *)segment.address, segment.size)) {
            return false;
        }
        at += segment.size;
        if (at - start > SEGMENTS_END)
            return false;
    }
    if (entry && last_at)
        load_last_and_enter(last_at, &last, entry);
    return last_at != 0;
}

void loader_start(uint32_t address) {
    uint32_t head[HEADER_SIZE / 4];
    if (!port_flash_read(address, head, sizeof head))
        return;
    uint32_t count = head[0] >> 8 & 0xff;
    if ((head[0] & 0xff) == IMAGE_MAGIC && count <= SEGMENTS_MAX &&
        read_segments(address, count, 0))
        read_segments(address, count, head[1]);
}
