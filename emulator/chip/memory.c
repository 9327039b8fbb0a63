/* The SDK's heap: what an application's data leaves of DRAM, in a list of free pieces. */
#include "sdk.h"

#define HEAP_END 0x3fffc000u /* ROM's variables and the stack follow */
#define ALIGNMENT 8u

struct piece {
    uint32_t size; /* with this head, in bytes */
    struct piece *next;
};
#define HEAD ALIGNMENT

extern uint8_t _heap_start[];

static struct piece *pieces;

void memory_begin(void) {
    uint32_t start = ((uint32_t)_heap_start + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    pieces = (struct piece *)start;
    *pieces = (struct piece){.size = HEAP_END - start};
}

void *pvPortMalloc(size_t size, const char *file, int line);
void *pvPortZalloc(size_t size, const char *file, int line);
void vPortFree(void *memory, const char *file, int line);
uint32_t system_get_free_heap_size(void);
uint32_t xPortGetFreeHeapSize(void);

void *pvPortMalloc(size_t size, const char *file, int line) {
    uint32_t wanted = ((uint32_t)size + HEAD + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    (void)file;
    (void)line;
    for (struct piece **at = &pieces; *at; at = &(*at)->next) {
        struct piece *piece = *at;
        if (piece->size < wanted)
            continue;
        if (piece->size - wanted > HEAD) {
            struct piece *rest = (struct piece *)((uint8_t *)piece + wanted);
            *rest = (struct piece){.size = piece->size - wanted, .next = piece->next};
            *at = rest;
            piece->size = wanted;
        } else {
            *at = piece->next;
        }
        return (uint8_t *)piece + HEAD;
    }
    return 0;
}

void *pvPortZalloc(size_t size, const char *file, int line) {
    void *memory = pvPortMalloc(size, file, line);
    if (memory)
        memset(memory, 0, size);
    return memory;
}

static bool touch(const struct piece *first, const struct piece *second) {
    return second && (const uint8_t *)first + first->size == (const uint8_t *)second;
}

void vPortFree(void *memory, const char *file, int line) {
    struct piece *piece = (struct piece *)((uint8_t *)memory - HEAD), *before = 0;
    (void)file;
    (void)line;
    if (!memory)
        return;
    for (struct piece *one = pieces; one && one < piece; one = one->next)
        before = one;
    piece->next = before ? before->next : pieces;
    if (touch(piece, piece->next)) {
        piece->size += piece->next->size;
        piece->next = piece->next->next;
    }
    if (before && touch(before, piece)) {
        before->size += piece->size;
        before->next = piece->next;
    } else if (before) {
        before->next = piece;
    } else {
        pieces = piece;
    }
}

uint32_t system_get_free_heap_size(void) {
    uint32_t free = 0;
    for (struct piece *piece = pieces; piece; piece = piece->next)
        free += piece->size;
    return free;
}

uint32_t xPortGetFreeHeapSize(void) {
    return system_get_free_heap_size();
}
