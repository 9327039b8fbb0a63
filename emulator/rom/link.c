#include "link.h"

#include "clock.h"
#include "host.h"
#include "peripherals.h"
#include "pins.h"
#include "rom.h"

#define O_RDONLY 0
#define O_WRONLY 1
#define FRAMES 8u
#define FRAME_MAX 1536u

static int32_t incoming = -1, outgoing = -1;
static uint8_t message[MESSAGE_MAX];
static struct {
    uint32_t length, interface;
    uint8_t bytes[FRAME_MAX];
} frames[FRAMES];
static uint32_t first, count;
static uint32_t dump_address, dump_length;

bool link_there(void) {
    return incoming >= 0;
}

static void send(enum message kind, uint32_t interface, const void *bytes, uint32_t length) {
    uint8_t head[4] = {(uint8_t)kind, (uint8_t)interface, (uint8_t)length,
                       (uint8_t)(length >> 8)};
    host_write(outgoing, head, sizeof head);
    if (length)
        host_write(outgoing, bytes, length);
}

static void read_whole(uint8_t *into, uint32_t length) {
    while (length) {
        int32_t part = host_read(incoming, into, length);
        if (part <= 0)
            host_exit(EXIT_HOST);
        into += part;
        length -= (uint32_t)part;
    }
}

static void keep_frame(uint32_t interface, uint32_t length) {
    uint32_t at = (first + count) % FRAMES;
    if (count == FRAMES || length > FRAME_MAX)
        return; /* the radio has no room: whoever sent it sends it again */
    for (uint32_t i = 0; i < length; i++)
        frames[at].bytes[i] = message[i];
    frames[at].length = length;
    frames[at].interface = interface;
    count++;
}

/* Reads up to the answer of that kind, whose length it returns; it is in `message`. */
static uint32_t answer(enum message wanted) {
    for (;;) {
        uint8_t head[4];
        read_whole(head, sizeof head);
        uint32_t length = head[2] | (uint32_t)head[3] << 8;
        if (length > sizeof message)
            host_exit(EXIT_HOST);
        read_whole(message, length);
        if (head[0] == wanted)
            return length;
        if (head[0] == MESSAGE_FRAME)
            keep_frame(head[1], length);
        else if (head[0] == MESSAGE_INPUT)
            for (uint32_t i = 0; i < length; i++)
                peripheral_uart_receive(message[i]);
        else if (head[0] == MESSAGE_CUT)
            rom_end(EXIT_CUT);
    }
}

static uint32_t word(uint32_t at) {
    return (uint32_t)message[at] | (uint32_t)message[at + 1] << 8 |
           (uint32_t)message[at + 2] << 16 | (uint32_t)message[at + 3] << 24;
}

static int32_t open_end(const char *prefix, const char *suffix, int flags) {
    char path[256];
    uint32_t length = 0;
    for (const char *text = prefix; *text && length < sizeof path - 5; text++)
        path[length++] = *text;
    do
        path[length++] = *suffix;
    while (*suffix++);
    return host_open(path, flags);
}

bool link_begin(void) {
    const char *prefix = host_argument(ARGUMENT_LINK);
    if (prefix[0] == '-')
        return false;
    outgoing = open_end(prefix, ".out", O_WRONLY);
    incoming = open_end(prefix, ".in", O_RDONLY);
    send(MESSAGE_HELLO, 0, 0, 0);
    answer(MESSAGE_HELLO);
    peripheral_seed(word(0));
    dump_address = word(4);
    dump_length = word(8);
    pins_wire(word(12));
    return true;
}

/* Keeps the heartbeat, which asks as well, from breaking in. */
static uint32_t begin_asking(void) {
    uint32_t ps;
    __asm__ volatile("rsil %0, 15" : "=a"(ps));
    clock_stop();
    return ps;
}

static void end_asking(uint32_t ps) {
    clock_go_on();
    __asm__ volatile("wsr %0, ps\n rsync" : : "a"(ps));
}

void link_poll(uint32_t wait_us, uint32_t interrupted) {
    if (!link_there())
        return;
    uint32_t ps = begin_asking();
    uint64_t now = clock_us();
    uint32_t poll[] = {wait_us, (uint32_t)now, (uint32_t)(now >> 32), interrupted};
    peripheral_uart_flush();
    send(MESSAGE_POLL, 0, poll, sizeof poll);
    answer(MESSAGE_POLL);
    clock_skip(word(0));
    end_asking(ps);
}

bool link_has_frame(void) {
    return count;
}

void link_drive(uint32_t driven, uint32_t levels) {
    uint32_t ps = begin_asking();
    uint64_t now = clock_us();
    uint32_t told[] = {driven, levels, (uint32_t)now, (uint32_t)(now >> 32)};
    send(MESSAGE_DRIVE, 0, told, sizeof told);
    end_asking(ps);
}

uint32_t link_levels(void) {
    uint32_t ps = begin_asking();
    uint64_t now = clock_us();
    send(MESSAGE_LEVELS, 0, &now, sizeof now);
    answer(MESSAGE_LEVELS);
    uint32_t levels = word(0);
    end_asking(ps);
    return levels;
}

void link_end(void) {
    for (uint32_t done = 0; link_there() && done < dump_length; done += MESSAGE_MAX) {
        uint32_t part = dump_length - done < MESSAGE_MAX ? dump_length - done : MESSAGE_MAX;
        send(MESSAGE_DUMP, 0, (const void *)(dump_address + done), part);
    }
}

/* --- functions of ours, for the fake SDK ------------------------------------------------------ */

/* Asks the other end; its answer, at most `room` bytes, goes to `into`. Returns its length. */
uint32_t fake_rom_ask(uint32_t kind, const void *question, uint32_t length, uint8_t *into,
                      uint32_t room) {
    if (!link_there())
        return 0;
    uint32_t ps = begin_asking();
    send((enum message)kind, 0, question, length);
    uint32_t got = answer((enum message)kind);
    got = got < room ? got : room;
    for (uint32_t i = 0; i < got; i++)
        into[i] = message[i];
    end_asking(ps);
    return got;
}

void fake_rom_send_frame(uint32_t interface, const uint8_t *bytes, uint32_t length) {
    if (!link_there())
        return;
    uint32_t ps = begin_asking();
    send(MESSAGE_FRAME, interface, bytes, length);
    end_asking(ps);
}

/* The next frame that came: its length, and in the upper half its interface; 0 when there is none.
 * It goes to `into`, if that is not null, and is no longer the next. */
uint32_t fake_rom_next_frame(uint8_t *into) {
    if (!count)
        return 0;
    uint32_t found = frames[first].length | frames[first].interface << 16;
    if (!into)
        return found;
    uint32_t ps = begin_asking();
    for (uint32_t i = 0; i < frames[first].length; i++)
        into[i] = frames[first].bytes[i];
    first = (first + 1) % FRAMES;
    count--;
    end_asking(ps);
    return found;
}

/* Nothing to do for so long, unless something comes. */
void fake_rom_wait(uint32_t us) {
    if (link_there())
        link_poll(us, 0);
    else
        clock_skip(us);
}
