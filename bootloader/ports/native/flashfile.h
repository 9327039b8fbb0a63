/* A flash chip in a file: erasing sets every bit of a sector, writing only clears bits. */
#ifndef FLASHFILE_H
#define FLASHFILE_H

#include <stdint.h>

#define EXIT_POWER_CUT 9

/* Maps the file, which must hold at least `min_size` bytes. At the cut-th operation (an erase, or
 * 256 bytes written; from 1, 0 for never) half of it is done and the process ends with
 * EXIT_POWER_CUT. */
void flashfile_open(const char *path, uint32_t min_size, uint64_t cut);

/* Operations done so far. */
uint64_t flashfile_operations(void);

#endif
