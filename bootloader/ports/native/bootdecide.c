/* Says what the bootloader would start from a flash file, and changes RTC memory as it would. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "flashfile.h"
#include "port.h"
#include "settings.h"

#define EXIT_SERVER 10

static const char USAGE[] =
    "usage: bootdecide --flash FILE --rtc FILE (--config config.h | --key key.pem)\n"
    "  [--reset-reason N] [--pin-changes] [--require-signature] [--slot OFFSET:SIZE]\n"
    "The RTC file holds the bytes of RTC().memory(); without the file, power was lost. N is the\n"
    "SDK's: 0 power, 1 watchdog, 2 exception, 3 soft watchdog, 4 restart, 5 deep sleep, 6 reset.\n"
    "Prints one JSON object; exit status 0: the application starts, 10: the OTA server, 2: error.";

static const char *const REASONS[] = {
    [BOOT_WAKE] = "wake", [BOOT_RTC] = "rtc",     [BOOT_FORCED] = "forced",
    [BOOT_PIN] = "pin",   [BOOT_CHECK] = "check",
};
static const char *const STATES[APP_STATES] = {
    [APP_SIGNED] = "signed",
    [APP_HASHED] = "hashed",
    [APP_NO_HEADER] = "no-header",
    [APP_BAD_SIZE] = "bad-size",
    [APP_BAD_MD5] = "bad-md5",
    [APP_UNSIGNED] = "unsigned",
    [APP_BAD_TRAILER] = "bad-trailer",
    [APP_BAD_SIGNATURE] = "bad-signature",
    [APP_ROLLED_BACK] = "rolled-back",
};

/* RTC memory as words from 0x60001000, where MicroPython and the SDK keep theirs. */
static uint32_t rtc[(RTC_USER_DATA + RTC_USER_DATA_MAX) / 4];
static bool gpio_changes;
static uint32_t waited_ms;

uint32_t port_rtc_read(uint32_t offset) {
    return rtc[offset / 4];
}

void port_rtc_write(uint32_t offset, uint32_t value) {
    rtc[offset / 4] = value;
}

uint32_t port_gpio_levels(void) {
    return gpio_changes && waited_ms ? 0xffff : 0;
}

void port_delay_1ms(void) {
    waited_ms++;
}

static void read_rtc(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file && errno == ENOENT)
        return;
    if (!file)
        fail("%s: %s", path, strerror(errno));
    rtc[RTC_USER_LENGTH / 4] = (uint32_t)fread(rtc + RTC_USER_DATA / 4, 1, RTC_USER_DATA_MAX, file);
    fclose(file);
}

static void write_rtc(const char *path) {
    FILE *file = fopen(path, "r+b");
    if (!file || fwrite(rtc + RTC_USER_DATA / 4, 1, 4, file) != 4 || fclose(file) != 0)
        fail("%s: %s", path, strerror(errno));
}

/* A text field of the trailer: up to its first NUL, with what JSON cannot hold left out. */
static void print_text(const char *name, const char *text, size_t most) {
    printf(",\"%s\":\"", name);
    for (size_t i = 0; i < most && text[i]; i++)
        if (text[i] >= ' ' && text[i] <= '~' && text[i] != '"' && text[i] != '\\')
            putchar(text[i]);
    putchar('"');
}

static void print_decision(const struct app_slot *slot, struct boot_decision decision) {
    uint32_t size;
    struct app_trailer trailer;
    printf("{\"start\":\"%s\",\"reason\":\"%s\"", boot_starts_server(decision) ? "server" : "app",
           REASONS[decision.reason]);
    if (decision.reason == BOOT_CHECK)
        printf(",\"app\":\"%s\"", STATES[decision.app]);
    if (!boot_starts_server(decision) &&
        port_flash_read(slot->start + APP_IROM_OFFSET - 4, &size, sizeof size) &&
        app_size_valid(size, slot->size)) {
        printf(",\"size\":%u", size);
        if (app_read_trailer(slot, size, &trailer)) {
            print_text("version", trailer.version_text, sizeof trailer.version_text);
            /* Without a NUL at its end it runs on over the counter. */
            size_t counter_size = app_trailer_counter(&trailer) ? 0 : sizeof trailer.counter;
            print_text("board", (const char *)&trailer + offsetof(struct app_trailer, board),
                       sizeof trailer.board + counter_size);
            printf(",\"counter\":%u", app_trailer_counter(&trailer));
        }
    }
    puts("}");
}

int main(int count, char **arguments) {
    enum { OPTION_RTC = OPTION_FIRST_FREE, OPTION_RESET, OPTION_PIN, OPTION_HELP };
    static const struct option options[] = {
        SETTINGS_OPTIONS,
        {"rtc", required_argument, NULL, OPTION_RTC},
        {"reset-reason", required_argument, NULL, OPTION_RESET},
        {"pin-changes", no_argument, NULL, OPTION_PIN},
        {"help", no_argument, NULL, OPTION_HELP},
        {0},
    };
    struct settings settings;
    const char *rtc_path = NULL;
    settings_defaults(&settings);
    for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
        if (settings_apply(&settings, option, optarg))
            continue;
        switch (option) {
        case OPTION_RTC: rtc_path = optarg; break;
        case OPTION_RESET:
            rtc[RTC_RESET_REASON / 4] = settings_number(optarg, "--reset-reason");
            break;
        case OPTION_PIN: gpio_changes = true; break;
        case OPTION_HELP: puts(USAGE); return 0;
        default: fail("%s", USAGE);
        }
    }
    if (optind != count || !rtc_path)
        fail("%s", USAGE);
    settings_validate(&settings);
    const struct app_slot *slot = &settings.boot.slot;
    flashfile_open(settings.flash, slot->start + slot->size, 0);
    read_rtc(rtc_path);
    struct boot_decision decision = boot_decide(&settings.boot);
    if (decision.reason == BOOT_RTC)
        write_rtc(rtc_path);
    print_decision(slot, decision);
    return boot_starts_server(decision) ? EXIT_SERVER : 0;
}
