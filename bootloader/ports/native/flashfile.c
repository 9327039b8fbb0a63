#include "flashfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"
#include "port.h"

#define PAGE 256u

static uint8_t *flash;
static uint64_t flash_size, operations, cut_at;

void flashfile_open(const char *path, uint32_t min_size, uint64_t cut) {
    struct stat about;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &about) < 0)
        fail("%s: %s", path, strerror(errno));
    if (about.st_size < (off_t)min_size)
        fail("%s: %lld bytes, but the slot ends at 0x%x: make it a whole flash image", path,
             (long long)about.st_size, min_size);
    flash_size = (uint64_t)about.st_size;
    flash = mmap(NULL, flash_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (flash == MAP_FAILED)
        fail("%s: %s", path, strerror(errno));
    close(fd);
    cut_at = cut;
}

uint64_t flashfile_operations(void) {
    return operations;
}

static bool inside(uint32_t address, uint32_t length) {
    return (uint64_t)address + length <= flash_size && address % 4 == 0 && length % 4 == 0;
}

/* How many of `length` bytes an operation gets done. */
static uint32_t torn_length(uint32_t length) {
    return ++operations == cut_at ? length / 2 : length;
}

static void end_if_cut(void) {
    if (operations != cut_at)
        return;
    printf("power cut at flash operation %llu\n", (unsigned long long)operations);
    exit(EXIT_POWER_CUT);
}

bool port_flash_read(uint32_t address, void *into, uint32_t length) {
    if (!inside(address, length))
        return false;
    memcpy(into, flash + address, length);
    return true;
}

bool port_flash_erase(uint32_t address) {
    if (!inside(address, FLASH_SECTOR_SIZE) || address % FLASH_SECTOR_SIZE != 0)
        return false;
    memset(flash + address, 0xff, torn_length(FLASH_SECTOR_SIZE));
    end_if_cut();
    return true;
}

bool port_flash_write(uint32_t address, const void *from, uint32_t length) {
    const uint8_t *bytes = from;
    if (!inside(address, length))
        return false;
    for (uint32_t done = 0; done < length; done += PAGE) {
        uint32_t part = length - done < PAGE ? length - done : PAGE, programmed = torn_length(part);
        for (uint32_t i = 0; i < programmed; i++)
            flash[address + done + i] &= bytes[done + i];
        end_if_cut();
    }
    return true;
}
