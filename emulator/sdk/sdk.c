/* The SDK's part in the OTA server, on the fake ROM: datagrams come from a file, one after the
 * other, and the device restarts by ending the run. */
#include "sdk.h"

#include <string.h>

extern uint32_t SPIRead(uint32_t address, void *into, uint32_t length);
extern uint32_t SPIEraseSector(uint32_t sector);
extern uint32_t SPIWrite(uint32_t address, const void *from, uint32_t length);
extern void Cache_Read_Enable(uint32_t odd, uint32_t mib, uint32_t unknown);
extern uint32_t rom_datagram(uint8_t *into);
extern _Noreturn void rom_restart(void);
extern void user_init(void);
extern uint32_t _bss_start[], _bss_end[];

void start_sdk(void);

/* What the server must be and do, said here once more so that it is not the judge of itself. */
#define SERVER_PORT 8266
#define ANSWER_SIZE 20
#define ANSWER_REPEATS 12 /* bytes of the datagram at the answer's beginning */
#define TICK_MS 1000u

#define CLIENT_ADDRESS 1u
#define CLIENT_PORT 1000
#define ERR_USE (-8)         /* lwIP's, for an address that is taken */
#define NO_MEMORY 0x3ff00000 /* writing there is a fault, which ends the run */

static void (*done)(void);
static udp_recv_fn receiver;
static void (*ticker)(void *argument);
static int armed;
static uint8_t arrived[2048], sent[64];
static struct pbuf outgoing;

void system_init_done_cb(void (*callback)(void)) {
    done = callback;
}

void system_restart(void) {
    rom_restart();
}

uint32_t system_get_time(void) {
    static uint32_t us;
    return us += 1500;
}

int spi_flash_read(uint32_t address, uint32_t *into, uint32_t length) {
    return (int)SPIRead(address, into, length);
}

int spi_flash_erase_sector(uint16_t sector) {
    return (int)SPIEraseSector(sector);
}

int spi_flash_write(uint32_t address, uint32_t *from, uint32_t length) {
    return (int)SPIWrite(address, from, length);
}

uint8_t wifi_get_opmode(void) {
    return STATION_MODE;
}

int wifi_set_opmode_current(uint8_t mode) {
    return mode == STATION_MODE;
}

struct udp_pcb *udp_new(void) {
    return (struct udp_pcb *)arrived;
}

int8_t udp_bind(struct udp_pcb *pcb, ip_addr_t *address, uint16_t port) {
    return pcb && address->addr == 0 && port == SERVER_PORT ? ERR_OK : ERR_USE;
}

void udp_recv(struct udp_pcb *pcb, udp_recv_fn receive, void *argument) {
    (void)pcb;
    (void)argument;
    receiver = receive;
}

int8_t udp_sendto(struct udp_pcb *pcb, struct pbuf *p, ip_addr_t *to, uint16_t port) {
    (void)pcb;
    /* An answer repeats what it answers, to who asked; anything else ends the run as broken. */
    if (p->len != ANSWER_SIZE || memcmp(p->payload, arrived, ANSWER_REPEATS) != 0 ||
        to->addr != CLIENT_ADDRESS || port != CLIENT_PORT)
        for (;;)
            *(volatile uint32_t *)NO_MEMORY = 0;
    return 0;
}

struct pbuf *pbuf_alloc(int layer, uint16_t length, int type) {
    (void)layer;
    (void)type;
    outgoing = (struct pbuf){.payload = sent, .tot_len = length, .len = length};
    return &outgoing;
}

uint16_t pbuf_copy_partial(struct pbuf *p, void *into, uint16_t length, uint16_t offset) {
    memcpy(into, (uint8_t *)p->payload + offset, length);
    return length;
}

uint8_t pbuf_free(struct pbuf *p) {
    p->payload = 0;
    return 1;
}

void ets_timer_setfn(os_timer_t *timer, void (*handler)(void *argument), void *argument) {
    (void)timer;
    (void)argument;
    ticker = handler;
}

void ets_timer_arm_new(os_timer_t *timer, uint32_t time, int repeat, int in_ms) {
    (void)timer;
    armed = time == TICK_MS && repeat && in_ms;
}

/* Where the bootloader jumps to: in the real SDK its start-up, which maps the flash first. */
__attribute__((section(".entry.text"))) void start_sdk(void) {
    memset(_bss_start, 0, (uint32_t)((char *)_bss_end - (char *)_bss_start));
    Cache_Read_Enable(0, 0, 1);
    user_init();
    done();
    for (;;) {
        ip_addr_t from = {.addr = CLIENT_ADDRESS};
        uint16_t length = (uint16_t)rom_datagram(arrived);
        struct pbuf p = {.payload = arrived, .tot_len = length, .len = length};
        receiver(0, 0, &p, &from, CLIENT_PORT);
        if (armed)
            ticker(0);
    }
}
