/* lwIP's two interfaces, whose frames go over the emulator's wire. */
#include "sdk.h"

#define FRAME_MAX 1536u
#define MTU 1500
#define CHECK_MS 25u /* how often Espressif's SDK looks for what is due in lwIP */
/* NETIF_FLAG_BROADCAST, _LINK_UP, _ETHARP, _ETHERNET, _IGMP of lwip/netif.h */
#define FLAGS (0x02u | 0x10u | 0x20u | 0x40u | 0x80u)

static struct netif interfaces[INTERFACES];
static uint8_t leaving[FRAME_MAX];
static timer_t check;

static int8_t send_frame(struct netif *netif, struct pbuf *p) {
    if (p->tot_len > FRAME_MAX)
        return -1;
    pbuf_copy_partial(p, leaving, p->tot_len, 0);
    rom_send_frame((uint32_t)(netif - interfaces), leaving, p->tot_len);
    return 0;
}

/* Espressif's first three bytes, the chip's id; the access point's is a locally made one. */
static int8_t begin(struct netif *netif) {
    uint32_t id = chip_id();
    bool point = netif != interfaces;
    uint8_t address[6] = {point ? 0x1a : 0x18, 0xfe, 0x34, (uint8_t)(id >> 16), (uint8_t)(id >> 8),
                          (uint8_t)id};
    memcpy(netif->hwaddr, address, sizeof address);
    netif->hwaddr_len = sizeof address;
    netif->mtu = MTU;
    netif->flags = FLAGS;
    netif->name[0] = point ? 'a' : 's';
    netif->name[1] = point ? 'p' : 't';
    netif->output = etharp_output;
    netif->linkoutput = send_frame;
    return 0;
}

static void check_timeouts(void *argument) {
    (void)argument;
    sys_check_timeouts();
}

void netif_begin(void) {
    ip_addr_t none = {0};
    lwip_init();
    for (uint32_t i = INTERFACES; i--;)
        netif_add(&interfaces[i], &none, &none, &none, 0, begin, ethernet_input);
    netif_set_default(&interfaces[STATION_IF]);
    ets_timer_setfn(&check, check_timeouts, 0);
    ets_timer_arm_new(&check, CHECK_MS, 1, 1);
}

bool netif_receive(void) {
    uint32_t found = rom_next_frame(0);
    if (!found)
        return false;
    struct netif *netif = &interfaces[found >> 16 & 1];
    struct pbuf *p = pbuf_alloc(PBUF_RAW, (uint16_t)found, PBUF_RAM);
    rom_next_frame(p ? p->payload : leaving);
    if (p && netif->input(p, netif) != 0)
        pbuf_free(p);
    return rom_next_frame(0);
}

struct netif *eagle_lwip_getif(uint8_t index) {
    return index < INTERFACES ? &interfaces[index] : 0;
}
