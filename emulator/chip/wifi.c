/* The SDK's WiFi functions: what they say of themselves is true, the radio is the other end's. */
#include "wifi.h"

#define RETRY_MS 3000u /* after a failed attempt to join */
#define POINT_IP 0x0104a8c0u /* 192.168.4.1, 255.255.255.0 */
#define POINT_MASK 0x00ffffffu
#define STATIONS 4u

static uint8_t mode, status, dhcp_off, phy = 3, sleep_type = 2, point_dhcp = 1, on_air;
static struct join_answer joined;
static timer_t join_timer;
static char host_name[33];
static bool begun; /* before, an application may still choose */

static struct netif *station(void) {
    return eagle_lwip_getif(STATION_IF);
}

static void joining_done(void *argument) {
    (void)argument;
    if (joined.status != GOT_IP) {
        status = joined.status;
        ets_timer_setfn(&join_timer, joining_done, 0);
        rom_ask(ASK_JOIN, &wifi_settings.station, sizeof wifi_settings.station, &joined,
                sizeof joined);
        ets_timer_arm_new(&join_timer, RETRY_MS + joined.us / 1000, 0, 1);
        return;
    }
    netif_set_up(station());
    if (!dhcp_off)
        dhcp_start(station());
    else if (station()->ip_addr.addr)
        status = GOT_IP;
}

static void leave(void) {
    ets_timer_disarm(&join_timer);
    status = IDLE;
    dhcp_stop(station());
    netif_set_down(station());
}

static void join(void) {
    leave();
    if (!wifi_settings.station.ssid[0])
        return;
    status = CONNECTING;
    rom_ask(ASK_JOIN, &wifi_settings.station, sizeof wifi_settings.station, &joined, sizeof joined);
    ets_timer_setfn(&join_timer, joining_done, 0);
    ets_timer_arm_new(&join_timer, joined.us, 0, 0);
}

static void tell_point(void) {
    struct {
        uint32_t on;
        struct softap_config config;
    } told = {on_air, wifi_settings.point};
    rom_ask(TELL_POINT, &told, sizeof told, 0, 0);
}

static void set_point(bool on) {
    struct netif *point = eagle_lwip_getif(SOFTAP_IF);
    struct ip_info info = {{POINT_IP}, {POINT_MASK}, {POINT_IP}};
    if (on == on_air)
        return;
    on_air = on;
    if (on) {
        netif_set_addr(point, &info.ip, &info.netmask, &info.gw);
        netif_set_up(point);
        dhcps_start(&info);
    } else {
        dhcps_stop();
        netif_set_down(point);
    }
    tell_point();
}

static void set_mode(uint8_t wanted) {
    uint8_t before = mode;
    mode = wanted;
    if (!begun)
        return;
    set_point(wanted & SOFTAP_MODE);
    if (!(wanted & STATION_MODE))
        leave();
    else if (!(before & STATION_MODE))
        join();
}

void wifi_load(void) {
    settings_begin();
    mode = wifi_settings.mode;
}

void wifi_begin(void) {
    uint8_t wanted = mode;
    begun = true;
    mode = 0;
    set_mode(wanted);
}

/* --- the SDK's names --------------------------------------------------------------------------- */

#define GET(type, name, value) \
    type name(void);           \
    type name(void) {          \
        return value;          \
    }
GET(uint8_t, wifi_get_opmode, mode)
GET(uint8_t, wifi_station_get_connect_status, status)
GET(int8_t, wifi_station_get_rssi, status == GOT_IP ? joined.rssi : 31)
GET(uint8_t, wifi_get_channel, joined.channel ? joined.channel : 1)
GET(uint32_t, wifi_get_phy_mode, phy)
GET(uint32_t, wifi_get_sleep_type, sleep_type)
GET(uint32_t, wifi_station_dhcpc_status, !dhcp_off)
GET(uint32_t, wifi_softap_dhcps_status, point_dhcp)
#define ACT(name, argument, action) \
    bool name(argument);            \
    bool name(argument) {           \
        action;                     \
        return true;                \
    }
ACT(wifi_station_connect, void, join())
ACT(wifi_station_disconnect, void, leave())
ACT(wifi_set_opmode_current, uint8_t wanted, set_mode(wanted))
ACT(wifi_set_phy_mode, uint32_t wanted, phy = (uint8_t)wanted)
ACT(wifi_set_sleep_type, uint32_t wanted, sleep_type = (uint8_t)wanted)
ACT(wifi_set_channel, uint8_t channel, (void)channel)
ACT(wifi_fpm_open, void, (void)0)
ACT(wifi_fpm_close, void, (void)0)
ACT(wifi_fpm_do_wakeup, void, (void)0)
ACT(wifi_fpm_set_sleep_type, uint32_t type, (void)type)

int8_t wifi_fpm_do_sleep(uint32_t us);
bool wifi_set_opmode(uint8_t wanted);
bool wifi_station_get_config(struct station_config *config);
bool wifi_station_set_config(struct station_config *config);
bool wifi_softap_get_config(struct softap_config *config);
bool wifi_softap_set_config(struct softap_config *config);
bool wifi_station_set_hostname(const char *name);
bool wifi_station_dhcpc_start(void);
bool wifi_station_dhcpc_stop(void);
bool wifi_softap_dhcps_start(void);
bool wifi_softap_dhcps_stop(void);
bool wifi_get_ip_info(uint8_t index, struct ip_info *info);
bool wifi_set_ip_info(uint8_t index, struct ip_info *info);
bool wifi_get_macaddr(uint8_t index, uint8_t *address);
bool wifi_set_macaddr(uint8_t index, const uint8_t *address);
void system_station_got_ip_set(ip_addr_t *ip, ip_addr_t *netmask, ip_addr_t *gateway);

int8_t wifi_fpm_do_sleep(uint32_t us) {
    (void)us;
    return 0;
}

bool wifi_set_opmode(uint8_t wanted) {
    set_mode(wanted);
    wifi_settings.mode = wanted;
    return settings_save();
}

bool wifi_station_get_config(struct station_config *config) {
    *config = wifi_settings.station;
    return true;
}

bool wifi_station_set_config(struct station_config *config) {
    wifi_settings.station = *config;
    return settings_save();
}

bool wifi_softap_get_config(struct softap_config *config) {
    *config = wifi_settings.point;
    return true;
}

bool wifi_softap_set_config(struct softap_config *config) {
    wifi_settings.point = *config;
    if (on_air)
        tell_point();
    return settings_save();
}

bool wifi_station_set_hostname(const char *name) {
    uint32_t length = 0;
    for (; name[length] && length < sizeof host_name - 1; length++)
        host_name[length] = name[length];
    host_name[length] = 0;
    station()->hostname = host_name;
    return true;
}

bool wifi_station_dhcpc_start(void) {
    dhcp_off = 0;
    if (status == CONNECTING && station()->flags & 1)
        dhcp_start(station());
    return true;
}

bool wifi_station_dhcpc_stop(void) {
    dhcp_off = 1;
    dhcp_stop(station());
    return true;
}

bool wifi_softap_dhcps_start(void) {
    struct ip_info info;
    if (on_air && wifi_get_ip_info(SOFTAP_IF, &info) && !point_dhcp)
        dhcps_start(&info);
    point_dhcp = 1;
    return true;
}

bool wifi_softap_dhcps_stop(void) {
    if (on_air && point_dhcp)
        dhcps_stop();
    point_dhcp = 0;
    return true;
}

bool wifi_get_ip_info(uint8_t index, struct ip_info *info) {
    struct netif *netif = eagle_lwip_getif(index);
    if (!netif)
        return false;
    *info = (struct ip_info){netif->ip_addr, netif->netmask, netif->gw};
    return true;
}

bool wifi_set_ip_info(uint8_t index, struct ip_info *info) {
    struct netif *netif = eagle_lwip_getif(index);
    if (!netif || (index == STATION_IF && !dhcp_off))
        return false;
    netif_set_addr(netif, &info->ip, &info->netmask, &info->gw);
    if (index == STATION_IF && netif->flags & 1 && joined.status == GOT_IP)
        status = GOT_IP;
    return true;
}

bool wifi_get_macaddr(uint8_t index, uint8_t *address) {
    memcpy(address, eagle_lwip_getif(index)->hwaddr, 6);
    return true;
}

bool wifi_set_macaddr(uint8_t index, const uint8_t *address) {
    memcpy(eagle_lwip_getif(index)->hwaddr, address, 6);
    return true;
}

/* From lwIP's DHCP client: it has an address. */
void system_station_got_ip_set(ip_addr_t *ip, ip_addr_t *netmask, ip_addr_t *gateway) {
    (void)ip;
    (void)netmask;
    (void)gateway;
    status = GOT_IP;
}

/* --- who has joined the access point ----------------------------------------------------------- */

struct station_info {
    struct station_info *next;
    uint8_t bssid[6];
    ip_addr_t ip;
};
static struct station_info stations[STATIONS];
static uint8_t station_count;

GET(uint8_t, wifi_softap_get_station_num, station_count)
GET(struct station_info *, wifi_softap_get_station_info, station_count ? stations : 0)
ACT(wifi_softap_free_station_info, void, (void)0)

/* From lwIP's DHCP server, for each address that it gives. */
bool wifi_softap_set_station_info(const uint8_t *bssid, ip_addr_t *ip);
bool wifi_softap_set_station_info(const uint8_t *bssid, ip_addr_t *ip) {
    uint32_t i = 0;
    while (i < station_count && memcmp(stations[i].bssid, bssid, 6))
        i++;
    if (i == STATIONS)
        return false;
    memcpy(stations[i].bssid, bssid, 6);
    stations[i].ip = *ip;
    if (i == station_count && station_count++)
        stations[i - 1].next = &stations[i];
    return true;
}
