/* The OTA server as an application on Espressif's non-OS SDK. The SDK joins the network with what
 * is stored in flash, and its event loop runs everything here. */
#include <string.h>

#include "config.h"
#include "flashmap.h"
#include "ota.h"
#include "sdk.h"

#if MAIN_APP_OFFSET != FLASH_APP_OFFSET
#error "config.h's MAIN_APP_OFFSET is not the app slot of partitions.csv: write config.h anew"
#endif

#define UART_CLOCK 80000000u /* the SDK has set the clocks up */
#define TICK_MS 1000u
/* The longest datagram that an Ethernet frame carries; longer ones are none of ours. */
#define DATAGRAM_MAX 1472u

void user_init(void);
uint32_t user_rf_cal_sector_set(void);
void user_rf_pre_init(void);

static const struct ota_config config = {
    .slot =
        {
            .start = FLASH_APP_OFFSET,
            .size = FLASH_APP_SIZE,
            .key = {.modulus = (const uint8_t *)MODULUS,
                    .modulus_length = sizeof(MODULUS) - 1, /* a string: without its NUL */
                    .exponent = 3},
        },
    .packet_wait_ms = PKT_WAIT_MS,
    .idle_restart_ms = IDLE_REBOOT_MS,
};
#if REQUIRE_SIGNATURE
#define SIGNED_ONLY "dormouse starts signed applications only;"
#else
#define SIGNED_ONLY ""
#endif
/* What this is, for others to find. For which flash map it was built: `dormouse flash` compares it
 * with the one it writes by. That the bytes before the slot are the security counter's: the
 * firmware writes there only then. What the bootloader insists on: `dormouse flash` warns. */
__attribute__((used, section(".irom.map"))) static const char about[] =
    FLASH_MAP_MARKER "dormouse security counter;" SIGNED_ONLY;
static struct ota ota;
static uint8_t datagram[DATAGRAM_MAX];

bool port_flash_read(uint32_t address, void *into, uint32_t length) {
    return spi_flash_read(address, into, length) == SPI_FLASH_RESULT_OK;
}

bool port_flash_erase(uint32_t address) {
    return spi_flash_erase_sector((uint16_t)(address / FLASH_SECTOR_SIZE)) == SPI_FLASH_RESULT_OK;
}

bool port_flash_write(uint32_t address, const void *from, uint32_t length) {
    return spi_flash_write(address, (uint32_t *)from, length) == SPI_FLASH_RESULT_OK;
}

/* Milliseconds that go on where the SDK's microseconds wrap. */
static uint32_t clock_ms(void) {
    static uint32_t ms, last_us;
    uint32_t passed_ms = (system_get_time() - last_us) / 1000;
    last_us += passed_ms * 1000;
    return ms += passed_ms;
}

static void answer_to(struct udp_pcb *pcb, ip_addr_t *to, uint16_t port, const uint8_t *answer) {
    struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, OTA_ANSWER_SIZE, PBUF_RAM);
    if (!p)
        return; /* no memory: the client asks again */
    memcpy(p->payload, answer, OTA_ANSWER_SIZE);
    udp_sendto(pcb, p, to, port);
    pbuf_free(p);
}

static void receive(void *argument, struct udp_pcb *pcb, struct pbuf *p, ip_addr_t *from,
                    uint16_t port) {
    uint8_t answer[OTA_ANSWER_SIZE];
    /* lwIP frees nothing for us, and `from` may lie in the buffer. */
    ip_addr_t sender = *from;
    uint32_t length = p->tot_len;
    (void)argument;
    if (length <= DATAGRAM_MAX)
        pbuf_copy_partial(p, datagram, (uint16_t)length, 0);
    pbuf_free(p);
    if (length > DATAGRAM_MAX)
        return;
    enum ota_verdict verdict = ota_receive(&ota, datagram, length, clock_ms(), answer);
    if (ota_answers(verdict))
        answer_to(pcb, &sender, port, answer);
    if (ota_drops(verdict))
        ets_printf("ota: dropped, verdict %d\n", verdict);
    if (ota_restarts(verdict)) {
        ets_printf("ota: image taken, restarting\n");
        system_restart();
    }
}

static void tick(void *argument) {
    (void)argument;
    switch (ota_tick(&ota, clock_ms())) {
    case OTA_WAITING: break;
    case OTA_SESSION_LOST: ets_printf("ota: session lost\n"); break;
    case OTA_IDLE_RESTART: ets_printf("ota: nobody came, restarting\n"); system_restart();
    }
}

static void serve(void) {
    static ip_addr_t any;
    static os_timer_t timer;
    struct udp_pcb *pcb = udp_new();
#if BAUD_RATE
    uart_div_modify(0, UART_CLOCK / BAUD_RATE);
#endif
    ets_printf("\nota: serving on port %d\n", OTA_PORT);
    ota_begin(&ota, &config, clock_ms());
    ets_timer_setfn(&timer, tick, 0); /* without a socket it still restarts in time */
    ets_timer_arm_new(&timer, TICK_MS, 1, 1);
    if (!pcb || udp_bind(pcb, &any, OTA_PORT) != ERR_OK) {
        ets_printf("ota: no memory for a socket\n");
        return;
    }
    udp_recv(pcb, receive, 0);
}

void user_init(void) {
    /* A device that was an access point only has no network to be reached in. */
    if (!(wifi_get_opmode() & STATION_MODE))
        wifi_set_opmode_current(STATION_MODE);
    system_init_done_cb(serve);
}

/* Where the SDK keeps its RF calibration: the first of its own sectors. */
uint32_t user_rf_cal_sector_set(void) {
    return FLASH_SDK_OFFSET / FLASH_SECTOR_SIZE;
}

void user_rf_pre_init(void) {
}
