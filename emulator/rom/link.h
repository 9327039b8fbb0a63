/* The wire to whoever runs the emulator: two files, of which each carries messages one way.
 * A message is a byte that says which, the interface's number (0 where there is none), its length as u16, and that many bytes.
 * Every question is answered by messages up to the one of its own kind. host/chip/wire.py is the
 * other end. */
#ifndef LINK_H
#define LINK_H

#include <stdbool.h>
#include <stdint.h>

enum message {
    MESSAGE_HELLO = 'H', /* -> ; <- u32 seed, u32 address and u32 length of what is dumped, u32 pins
                            that something is wired to */
    MESSAGE_POLL = 'P',  /* -> u32 us to wait at most, u64 us of the chip's time, u32 where the
                            program was (0: it waits); <- u32 us that have passed */
    MESSAGE_FRAME = 'F', /* either way: an Ethernet frame */
    MESSAGE_INPUT = 'I', /* <- bytes for the UART */
    MESSAGE_DUMP = 'D',  /* -> at the end: the memory that was asked for */
    MESSAGE_CUT = 'X',   /* <- the power goes now */
    MESSAGE_DRIVE = 'O', /* -> u32 pins that the chip drives from now on, u32 to which levels, u64 us of
                            its time; no answer */
    MESSAGE_LEVELS = 'L', /* -> u64 us; <- u32 level of each pin */
};
#define MESSAGE_MAX 2048u

/* Opens PREFIX.out and PREFIX.in; false when there is no wire. */
bool link_begin(void);
bool link_there(void);

/* Takes what has come; waits for something up to so many us of the chip's time, which then pass.
 * `interrupted` is where the program was, 0 when it waits. */
void link_poll(uint32_t wait_us, uint32_t interrupted);

bool link_has_frame(void);

/* Says what the chip drives, and asks what level each pin has. */
void link_drive(uint32_t driven, uint32_t levels);
uint32_t link_levels(void);

/* At the end of a run: what the other end asked to see of memory. */
void link_end(void);

#endif
