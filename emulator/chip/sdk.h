/* What the parts of the fake SDK share, and what they take of ROM and lwIP. The names and layouts of
 * what the chip's programs call are Espressif's (user_interface.h, spi_flash.h) and lwIP 1.4's. */
#ifndef SDK_H
#define SDK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- the ROM, and what the emulator has besides (emulator/rom) -------------------------------- */

typedef struct {
    uint32_t signal, parameter;
} event_t;

/* os_timer_t */
typedef struct timer {
    struct timer *next;
    uint32_t due, period; /* microseconds */
    void (*handler)(void *argument);
    void *argument;
} timer_t;

void ets_isr_attach(uint32_t number, void (*handler)(void *argument), void *argument);
void ets_isr_unmask(uint32_t mask);
void ets_timer_setfn(timer_t *timer, void (*handler)(void *argument), void *argument);
void ets_timer_disarm(timer_t *timer);
void ets_timer_handler_isr(void);
void timer_insert(uint32_t due, timer_t *timer);
int ets_printf(const char *format, ...);
uint32_t SPIRead(uint32_t address, void *into, uint32_t length);
uint32_t SPIEraseSector(uint32_t sector);
uint32_t SPIWrite(uint32_t address, const void *from, uint32_t length);
void Cache_Read_Enable(uint32_t odd, uint32_t mib, uint32_t unknown);
uint32_t rand(void);
void *memcpy(void *to, const void *from, size_t length);
void *memset(void *to, int value, size_t length);
int memcmp(const void *first, const void *second, size_t length);

uint64_t rom_time_us(void);
void rom_begin(void);
void rom_wait(uint32_t us);
uint32_t rom_ask(uint32_t kind, const void *question, uint32_t length, void *into, uint32_t room);
void rom_send_frame(uint32_t interface, const void *bytes, uint32_t length);
uint32_t rom_next_frame(void *into);
_Noreturn void rom_restart(void);
_Noreturn void rom_asleep(uint32_t us);
_Noreturn void rom_reset(uint32_t reason, uint32_t status);

/* What the emulator's other end is asked besides what emulator/rom/link.h has. */
enum question {
    ASK_CHIP = 'W',    /* -> ; <- u32 chip id, u16 ADC counts, u16 millivolts of supply */
    ASK_JOIN = 'J',    /* -> struct station_config; <- struct join_answer */
    ASK_SCAN = 'S',    /* -> ; <- u32 us, then struct network as many as there are */
    TELL_POINT = 'A',  /* -> u8 whether on the air, struct softap_config; <- nothing */
};

/* --- tasks: the application's own loop, or loop.c ---------------------------------------------- */

bool ets_task(void (*task)(event_t *event), uint8_t priority, event_t *queue, uint8_t length);
bool ets_post(uint8_t priority, uint32_t signal, uint32_t parameter);
bool ets_run(void);

/* --- lwIP ------------------------------------------------------------------------------------- */

typedef struct {
    uint32_t addr; /* in network order; 0 for any */
} ip_addr_t;
struct ip_info {
    ip_addr_t ip, netmask, gw;
};
struct pbuf {
    struct pbuf *next;
    void *payload;
    uint16_t tot_len, len;
    uint8_t type, flags;
    uint16_t ref;
    void *eb;
};
#define PBUF_RAW 3
#define PBUF_RAM 0

/* As the open lwIP of the ESP8266's toolchains is compiled. */
struct netif {
    struct netif *next;
    ip_addr_t ip_addr, netmask, gw;
    int8_t (*input)(struct pbuf *p, struct netif *netif);
    int8_t (*output)(struct netif *netif, struct pbuf *p, ip_addr_t *address);
    int8_t (*linkoutput)(struct netif *netif, struct pbuf *p);
    void *state, *dhcp, *dhcps_pcb;
    void (*dhcp_event)(void);
    char *hostname;
    uint16_t mtu;
    uint8_t hwaddr_len, hwaddr[6], flags;
    char name[2];
    uint8_t num;
    void *igmp_mac_filter;
};

void lwip_init(void);
void sys_check_timeouts(void);
struct netif *netif_add(struct netif *netif, ip_addr_t *ip, ip_addr_t *netmask, ip_addr_t *gateway,
                        void *state, int8_t (*init)(struct netif *netif),
                        int8_t (*input)(struct pbuf *p, struct netif *netif));
void netif_set_addr(struct netif *netif, ip_addr_t *ip, ip_addr_t *netmask, ip_addr_t *gateway);
void netif_set_default(struct netif *netif);
void netif_set_up(struct netif *netif);
void netif_set_down(struct netif *netif);
int8_t dhcp_start(struct netif *netif);
void dhcp_stop(struct netif *netif);
void dhcp_cleanup(struct netif *netif);
void dhcps_start(struct ip_info *info);
void dhcps_stop(void);
int8_t etharp_output(struct netif *netif, struct pbuf *p, ip_addr_t *address);
int8_t ethernet_input(struct pbuf *p, struct netif *netif);
struct pbuf *pbuf_alloc(int layer, uint16_t length, int type);
uint16_t pbuf_copy_partial(struct pbuf *p, void *into, uint16_t length, uint16_t offset);
uint8_t pbuf_free(struct pbuf *p);

/* --- between the files ------------------------------------------------------------------------- */

void memory_begin(void);
uint32_t flash_chip_size(void);
void system_begin(void);
void system_done(void);
void wifi_load(void);
void wifi_begin(void);
void netif_begin(void);
/* Hands one frame to lwIP; whether more are here. */
bool netif_receive(void);
uint32_t chip_id(void);

/* Arms a timer of the SDK's own. */
void ets_timer_arm_new(timer_t *timer, uint32_t time, int repeat, int in_ms);
uint32_t system_get_time(void);

/* watchdog.S: MicroPython knows where it lies. Counts up, and resets the chip at two. */
extern uint32_t software_watchdog;

#define STATION_IF 0
#define SOFTAP_IF 1
#define INTERFACES 2
struct netif *eagle_lwip_getif(uint8_t index);

#endif
