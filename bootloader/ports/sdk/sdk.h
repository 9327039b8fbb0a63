/* What the OTA server needs of Espressif's non-OS SDK (2.x and 3.x) and of the lwIP 1.4 in it. Declared
 * here so that it compiles without the SDK; the names and layouts are theirs. */
#ifndef SDK_H
#define SDK_H

#include <stdint.h>

/* --- system ---------------------------------------------------------------------------------- */

void system_init_done_cb(void (*done)(void));
void system_restart(void);
uint32_t system_get_time(void); /* us, wraps after 71 minutes */

/* os_timer_t, and what os_timer_setfn and os_timer_arm stand for. */
typedef struct {
    uint32_t words[5];
} os_timer_t;
void ets_timer_setfn(os_timer_t *timer, void (*handler)(void *argument), void *argument);
/* `time` is in ms when `in_ms` is set, else in us. */
void ets_timer_arm_new(os_timer_t *timer, uint32_t time, int repeat, int in_ms);

int ets_printf(const char *format, ...);
void uart_div_modify(uint32_t uart, uint32_t divisor); /* divisor: clock / baud rate */

/* --- flash: bytes, multiples of 4; sectors of 4096 ------------------------------------------- */

#define SPI_FLASH_RESULT_OK 0

int spi_flash_read(uint32_t address, uint32_t *into, uint32_t length);
int spi_flash_erase_sector(uint16_t sector);
int spi_flash_write(uint32_t address, uint32_t *from, uint32_t length);

/* --- the partition table of SDK 3.x ---------------------------------------------------------- */

#define SYSTEM_PARTITION_BOOTLOADER 1
#define SYSTEM_PARTITION_OTA_1 2
#define SYSTEM_PARTITION_RF_CAL 4
#define SYSTEM_PARTITION_PHY_DATA 5
#define SYSTEM_PARTITION_SYSTEM_PARAMETER 6
typedef struct {
    uint32_t type;
    uint32_t addr; /* bytes, as size */
    uint32_t size;
} partition_item_t;
#define FLASH_SIZE_1M_MAP_512_512 2
#define FLASH_SIZE_2M_MAP_512_512 3
#define FLASH_SIZE_4M_MAP_512_512 4
uint8_t system_partition_table_regist(const partition_item_t *table, uint32_t count, uint32_t map);

/* --- WiFi ------------------------------------------------------------------------------------ */

uint8_t wifi_get_opmode(void);
int wifi_set_opmode_current(uint8_t mode); /* not written to flash */
#define STATION_MODE 1

/* --- lwIP ------------------------------------------------------------------------------------ */

struct pbuf {
    struct pbuf *next; /* of the same datagram, NULL at its end */
    void *payload;
    uint16_t tot_len;  /* bytes of this buffer and all that follow */
    uint16_t len;      /* bytes of this one */
};

typedef struct {
    uint32_t addr; /* IPv4, in network order; 0 for any */
} ip_addr_t;

struct udp_pcb;
typedef void (*udp_recv_fn)(void *argument, struct udp_pcb *pcb, struct pbuf *p, ip_addr_t *from,
                            uint16_t port);

struct udp_pcb *udp_new(void);
int8_t udp_bind(struct udp_pcb *pcb, ip_addr_t *address, uint16_t port);
void udp_recv(struct udp_pcb *pcb, udp_recv_fn receive, void *argument);
int8_t udp_sendto(struct udp_pcb *pcb, struct pbuf *p, ip_addr_t *to, uint16_t port);

struct pbuf *pbuf_alloc(int layer, uint16_t length, int type);
uint16_t pbuf_copy_partial(struct pbuf *p, void *into, uint16_t length, uint16_t offset);
uint8_t pbuf_free(struct pbuf *p);
#define ERR_OK 0
#define PBUF_TRANSPORT 0
#define PBUF_RAM 0

#endif
