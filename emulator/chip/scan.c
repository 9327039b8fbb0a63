/* A scan: what the other end says is on the air, after the time it takes. */
#include "wifi.h"

#define MOST 16u

struct bss_info {
    struct bss_info *next;
    uint8_t bssid[6], ssid[32], ssid_length, channel;
    int8_t rssi;
    uint32_t authmode;
    uint8_t hidden;
    int16_t freq_offset, freqcal_val;
    uint8_t *mesh;
    uint8_t simple_pair;
};

void *pvPortZalloc(size_t size, const char *file, int line);
void vPortFree(void *memory, const char *file, int line);
bool wifi_station_scan(void *config, void (*callback)(void *found, int status));

static void (*scan_done)(void *found, int status);
static timer_t timer;
static struct {
    uint32_t us;
    struct network networks[MOST];
} answer;
static uint32_t networks;

/* Espressif's list is made for the callback, and gone after it. */
static void finish(void *argument) {
    struct bss_info *list = 0;
    (void)argument;
    for (uint32_t i = networks; i--;) {
        const struct network *network = &answer.networks[i];
        struct bss_info *one = pvPortZalloc(sizeof *one, "", 0);
        if (!one)
            break;
        memcpy(one->bssid, network->bssid, sizeof one->bssid);
        memcpy(one->ssid, network->ssid, sizeof one->ssid);
        one->ssid_length = network->ssid_length;
        one->channel = network->channel;
        one->rssi = network->rssi;
        one->authmode = network->authmode;
        one->hidden = network->hidden;
        one->next = list;
        list = one;
    }
    scan_done(list, 0);
    while (list) {
        struct bss_info *next = list->next;
        vPortFree(list, "", 0);
        list = next;
    }
}

bool wifi_station_scan(void *config, void (*callback)(void *found, int status)) {
    (void)config;
    scan_done = callback;
    uint32_t got = rom_ask(ASK_SCAN, 0, 0, &answer, sizeof answer);
    networks = got < sizeof answer.us ? 0 : (got - sizeof answer.us) / sizeof answer.networks[0];
    ets_timer_setfn(&timer, finish, 0);
    ets_timer_arm_new(&timer, answer.us, 0, 0);
    return true;
}
