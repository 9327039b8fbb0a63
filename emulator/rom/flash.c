/* The flash: a copy in memory, and every operation in the file as well. */
#include "clock.h"
#include "exceptions.h"
#include "host.h"
#include "rom.h"

#define SECTOR 4096u
#define PAGE 256u
#define FLASH_SIZE_MAX (16u << 20)
#define O_RDWR 2

static uint8_t *const flash = (uint8_t *)0x62000000; /* RAM that nothing of the chip's uses */
static uint32_t size, operations, reads, cut_at;
static int32_t file;

void flash_begin(const char *path, uint32_t cut) {
    int32_t part;
    file = host_open(path, O_RDWR);
    while (size < FLASH_SIZE_MAX &&
           (part = host_read(file, flash + size, FLASH_SIZE_MAX - size)) > 0)
        size += (uint32_t)part;
    cut_at = cut;
}

uint32_t flash_operations(void) {
    return operations;
}

uint32_t flash_reads(void) {
    return reads;
}

/* Around each look at the copy: no interrupt breaks in, as on the chip, and it costs no time. */
static uint32_t begin_look(void) {
    uint32_t ps;
    __asm__ volatile("rsil %0, 15" : "=a"(ps));
    clock_stop();
    memory_open();
    return ps;
}

static void end_look(uint32_t ps) {
    memory_close();
    clock_go_on();
    __asm__ volatile("wsr %0, ps\n rsync" : : "a"(ps));
}

static void check_range(uint32_t address, uint32_t length, uint32_t buffer) {
    if ((address | length | buffer) & 3 || length > size || address > size - length) {
        host_print_number("misuse: flash address", address);
        rom_end(EXIT_MISUSE);
    }
}

uint32_t fake_SPIRead(uint32_t address, uint32_t *into, uint32_t length) {
    check_range(address, length, (uint32_t)into);
    const uint32_t *from = (const uint32_t *)(flash + address);
    reads++;
    uint32_t ps = begin_look();
    for (uint32_t i = 0; i < length / 4; i++)
        into[i] = from[i];
    end_look(ps);
    return 0;
}

/* At `flashchip`, for whoever asks: a word, then SpiFlashChip of the SDK's spi_flash.h. */
static uint32_t *const description = (uint32_t *)0x3fffc714;
#define WINBOND 0xefu
#define W25Q 0x40u

/* Bytes, by the upper half of an image's byte 3: the flashing tool's idea of the size. */
static uint32_t size_of(uint32_t field) {
    switch (field) {
    case 0: return 0x80000;
    case 1: return 0x40000;
    case 2: return 0x100000;
    case 3:
    case 5: return 0x200000;
    case 8: return 0x800000;
    case 9: return 0x1000000;
    default: return 0x400000;
    }
}

void flash_describe(uint32_t head) {
    uint32_t bytes = size_of(head >> 28), power = 0;
    while (1u << power < bytes)
        power++;
    description[1] = WINBOND | W25Q << 8 | power << 16; /* JEDEC's maker, kind, power of two */
    description[2] = bytes;
    description[3] = 0x10000;
    description[4] = SECTOR;
    description[5] = PAGE;
    description[6] = 0xffff;
}

/* How much of an operation is done before the power goes. */
static uint32_t torn_length(uint32_t length) {
    return ++operations == cut_at ? length / 2 : length;
}

static void write_through(uint32_t address, uint32_t length) {
    host_write_at(file, address, flash + address, length);
    if (operations == cut_at)
        host_exit(EXIT_CUT);
}

uint32_t fake_SPIEraseSector(uint32_t sector) {
    uint32_t address = sector * SECTOR, length = torn_length(SECTOR);
    check_range(address, SECTOR, 0);
    uint32_t ps = begin_look();
    for (uint32_t i = 0; i < length; i++)
        flash[address + i] = 0xff;
    write_through(address, length);
    end_look(ps);
    return 0;
}

uint32_t fake_SPIWrite(uint32_t address, const uint32_t *from, uint32_t length) {
    check_range(address, length, (uint32_t)from);
    uint32_t ps = begin_look();
    for (uint32_t done = 0; done < length; done += PAGE) {
        uint32_t part = torn_length(length - done < PAGE ? length - done : PAGE);
        for (uint32_t i = 0; i < part / 4; i++)
            ((uint32_t *)(flash + address + done))[i] &= from[done / 4 + i];
        write_through(address + done, part);
    }
    end_look(ps);
    return 0;
}

#define WINDOW ((uint32_t *)0x40200000)
#define WINDOW_SIZE (1u << 20)

/* Maps one MiB of flash to where code runs from; here it is copied. */
void fake_Cache_Read_Enable(uint32_t odd, uint32_t mib, uint32_t unknown) {
    uint32_t from = (mib * 2 + odd) * WINDOW_SIZE;
    (void)unknown;
    check_range(from, WINDOW_SIZE, 0);
    uint32_t ps = begin_look();
    for (uint32_t i = 0; i < WINDOW_SIZE / 4; i++)
        WINDOW[i] = ((const uint32_t *)(flash + from))[i];
    end_look(ps);
}

void fake_Cache_Read_Disable(void) {
}

uint32_t fake_SPIUnlock(void) {
    return 0;
}
