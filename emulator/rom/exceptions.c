/* Exceptions: an interrupt, a peripheral's register, in strict mode an access to IRAM or mapped flash
 * to look at, or the end of a run. Where the chip can move words only, QEMU could move bytes; and
 * its peripherals are memory, or nothing. So such regions are closed, and every move is done here. */
#include "exceptions.h"

#include "clock.h"
#include "host.h"
#include "interrupts.h"
#include "peripherals.h"
#include "rom.h"

#define REGION_OPEN 1u
#define REGION_CLOSED 3u /* nothing but execution */
#define CODE_REGION 0x40000000u
#define PERIPHERAL_REGION 0x60000000u

enum cause {
    CAUSE_INTERRUPT = 4,
    CAUSE_DATA_ERROR = 13,    /* nothing answers there: QEMU has no DPORT */
    CAUSE_ADDRESS_ERROR = 15, /* the same */
    CAUSE_LOAD_PROHIBITED = 28,
    CAUSE_STORE_PROHIBITED = 29,
};

#define SPECIAL(name)                                          \
    ({                                                         \
        uint32_t value_;                                       \
        __asm__ volatile("rsr %0, " name : "=a"(value_));      \
        value_;                                                \
    })

/* What was interrupted; entries.S knows the layout. */
struct frame {
    uint32_t registers[16], sar, pc, ps;
    struct frame *next; /* where an exception within this one goes */
    uint32_t *stack;    /* whose end is the top */
};

#define STACK_WORDS 1024u

/* One for the program, one for what an interrupt's handler meets, one to tell of a fault. */
#define LEVELS 3u
static struct frame frames[LEVELS];
static uint32_t stacks[LEVELS][STACK_WORDS];
static bool strict, moving, apart;

static void set_region(uint32_t address, uint32_t attribute) {
    __asm__ volatile("wdtlb %0, %1\n dsync" : : "a"(attribute), "a"(address));
}

void exceptions_begin(bool want_strict) {
    strict = want_strict;
    for (uint32_t i = 0; i < LEVELS; i++) {
        frames[i].next = &frames[i + 1 < LEVELS ? i + 1 : i];
        frames[i].stack = stacks[i] + STACK_WORDS;
    }
    __asm__ volatile("wsr %0, excsave1\n rsync" : : "a"(frames));
    if (strict) { /* for fetches as well: QEMU would let data through that a fetch may read */
        __asm__ volatile("witlb %0, %1\n isync" : : "a"(REGION_CLOSED), "a"(CODE_REGION));
        set_region(CODE_REGION, REGION_CLOSED);
    }
}

void exceptions_set_apart(void) {
    apart = true;
    set_region(PERIPHERAL_REGION, REGION_CLOSED);
}

void memory_open(void) {
    set_region(PERIPHERAL_REGION, REGION_OPEN);
}

void memory_close(void) {
    if (apart)
        set_region(PERIPHERAL_REGION, REGION_CLOSED);
}

static _Noreturn void end_with_fault(const struct frame *frame, uint32_t status, const char *why) {
    host_print(why);
    host_print_number(" cause", SPECIAL("exccause"));
    host_print_number("pc", frame->pc);
    host_print_number("return", frame->registers[0]);
    host_print_number("address", SPECIAL("excvaddr"));
    host_exit(status);
}

/* One load or store: what it moves and where. */
struct move {
    uint32_t address, target, bytes, length;
    bool store;
};

static bool decode(const struct frame *frame, struct move *move) {
    const uint8_t *byte = (const uint8_t *)frame->pc;
    uint32_t operation = byte[0] & 15, base = byte[1] & 15, kind = byte[1] >> 4;
    *move = (struct move){.target = byte[0] >> 4, .bytes = 4, .length = operation >= 8 ? 2 : 3};
    if (operation == 1) { /* l32r */
        uint32_t words = (uint32_t)byte[1] | (uint32_t)byte[2] << 8;
        move->address = ((frame->pc + 3) & ~3u) + (0xfffc0000 | words << 2);
    } else if (operation == 2 && (kind & ~4u) <= 2) { /* l8ui, l16ui, l32i, s8i, s16i, s32i */
        move->bytes = 1u << (kind & 3);
        move->address = frame->registers[base] + (uint32_t)byte[2] * move->bytes;
        move->store = kind & 4;
    } else if (operation == 8 || operation == 9) { /* l32i.n, s32i.n */
        move->address = frame->registers[base] + (kind << 2);
        move->store = operation == 9;
    } else {
        return false;
    }
    return true;
}

static bool is_peripheral(uint32_t address) {
    return address - PERIPHERAL_REGION < 0x2000 || address - 0x3ff00000 < 0x40000;
}

static void move_register(struct frame *frame, const struct move *move) {
    uint32_t *target = &frame->registers[move->target], shift = (move->address & 3) * 8;
    uint32_t mask = move->bytes == 4 ? 0xffffffff : (1u << move->bytes * 8) - 1;
    uint32_t word = move->address & ~3u;
    if (!move->store) {
        *target = peripheral_read(word) >> shift & mask;
        return;
    }
    uint32_t rest = move->bytes == 4 ? 0 : peripheral_read(word) & ~(mask << shift);
    peripheral_write(word, rest | (*target & mask) << shift);
}

static void handle_move(struct frame *frame) {
    struct move move;
    if (moving)
        end_with_fault(frame, EXIT_FAULT, "fault while a word was moved:");
    moving = true;
    if (!decode(frame, &move))
        end_with_fault(frame, EXIT_STRICT, "strict: an access that only words take:");
    if (is_peripheral(move.address))
        move_register(frame, &move);
    else if (move.bytes != 4)
        end_with_fault(frame, EXIT_STRICT, "strict: a byte or half word in IRAM or flash:");
    else if (move.store)
        *(volatile uint32_t *)move.address = frame->registers[move.target];
    else
        frame->registers[move.target] = *(volatile uint32_t *)move.address;
    frame->pc += move.length;
    moving = false;
}

/* The handlers of the chip's programs run with exceptions possible, interrupts not. */
static void handle_interrupt(void) {
    if (strict)
        set_region(CODE_REGION, REGION_CLOSED);
    memory_close();
    __asm__ volatile("wsr %0, ps\n rsync" : : "a"(0x2f));
    interrupts_run();
    __asm__ volatile("wsr %0, ps\n rsync" : : "a"(0x3f));
    set_region(CODE_REGION, REGION_OPEN);
}

/* From entries.S; returns what the regions of code and of peripherals are set to afterwards. */
uint64_t on_exception(struct frame *frame) {
    enum cause cause = (enum cause)SPECIAL("exccause");
    bool outermost = frame == frames;
    if (outermost)
        clock_stop();
    if (cause == CAUSE_INTERRUPT)
        handle_interrupt();
    else if ((cause == CAUSE_LOAD_PROHIBITED || cause == CAUSE_STORE_PROHIBITED ||
              cause == CAUSE_DATA_ERROR || cause == CAUSE_ADDRESS_ERROR) &&
             (strict || is_peripheral(SPECIAL("excvaddr"))))
        handle_move(frame);
    else
        end_with_fault(frame, EXIT_FAULT, "fault:");
    if (outermost)
        clock_go_on();
    uint32_t code = strict ? REGION_CLOSED : REGION_OPEN;
    uint32_t peripherals = apart ? REGION_CLOSED : REGION_OPEN;
    return (uint64_t)peripherals << 32 | code;
}
