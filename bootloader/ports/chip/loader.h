/* Puts an image's segments into RAM and jumps to it. */
#ifndef LOADER_H
#define LOADER_H

#include <stdint.h>

/* Starts the image at a flash address. Returns only when it cannot be started: no header, or
 * segments that lie elsewhere than an application's may. */
void loader_start(uint32_t address);

#endif
