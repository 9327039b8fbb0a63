/* WiFi's settings as Espressif keeps them in flash, and what the emulator's other end says. */
#ifndef WIFI_H
#define WIFI_H

#include "sdk.h"

struct station_config {
    uint8_t ssid[32], password[64];
    uint8_t bssid_set;
    uint8_t bssid[6];
};
struct softap_config {
    uint8_t ssid[32], password[64];
    uint8_t ssid_len, channel;
    uint32_t authmode;
    uint8_t ssid_hidden, max_connection;
    uint16_t beacon_interval;
};
enum { STATION_MODE = 1, SOFTAP_MODE = 2 };

struct wifi_settings {
    uint8_t mode;
    struct station_config station;
    struct softap_config point;
};

/* The settings: read once at start; saved only when they differ from what flash has. */
extern struct wifi_settings wifi_settings;
void settings_begin(void);
bool settings_save(void);

enum station_status { IDLE, CONNECTING, WRONG_PASSWORD, NO_AP_FOUND, CONNECT_FAIL, GOT_IP };

struct join_answer {
    uint32_t us;    /* how long it takes */
    uint8_t status; /* enum station_status: GOT_IP is a success, of joining */
    uint8_t channel, bssid[6];
    int8_t rssi;
};

/* A network of a scan. */
struct network {
    uint8_t ssid[32], ssid_length, bssid[6], channel, authmode, hidden;
    int8_t rssi;
};

#endif
