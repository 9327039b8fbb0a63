/* The OTA server behind a UDP socket and a flash file. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fail.h"
#include "flashfile.h"
#include "ota.h"
#include "settings.h"

#define EXIT_IDLE 3
#define EXIT_STOPPED 4
#define TICK_MS 100 /* at least so often the server is told the time */
#define DATAGRAM_MAX 65536 /* bytes; UDP has no longer ones */

static const char USAGE[] =
    "usage: otaserver --flash FILE --port N (--config config.h | --key key.pem)\n"
    "  [--bind ADDRESS] [--packet-wait MS] [--idle-restart MS] [--slot OFFSET:SIZE] [--cut N]\n"
    "Port 0 takes a free one and says which. --cut N ends it in the middle of the N-th flash\n"
    "operation. Exit status 0: an image was taken, 3: nobody came (both: the device restarts),\n"
    "4: stopped by a signal, 9: power cut, 2: error.";

static const char *const VERDICTS[OTA_VERDICTS] = {
    [OTA_ACCEPTED] = "accepted",   [OTA_REPEATED] = "repeated",   [OTA_FINISHED] = "finished",
    [OTA_MALFORMED] = "malformed", [OTA_OLD] = "old",             [OTA_AHEAD] = "ahead",
    [OTA_TOO_LARGE] = "too-large", [OTA_FORGED] = "forged",       [OTA_EARLY_END] = "early-end",
    [OTA_BAD_FLASH] = "bad-flash",
};

static volatile sig_atomic_t stopped;

static void stop(int signal) {
    (void)signal;
    stopped = 1;
}

static uint32_t clock_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

static int listen_on(const char *address, uint32_t port) {
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t length = sizeof here;
    int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (port > 65535)
        fail("--port: %u is not a port number (0 to 65535)", port);
    if (inet_pton(AF_INET, address, &here.sin_addr) != 1)
        fail("--bind: '%s' is not an IPv4 address", address);
    if (udp < 0 || bind(udp, (struct sockaddr *)&here, sizeof here) < 0 ||
        getsockname(udp, (struct sockaddr *)&here, &length) < 0)
        fail("cannot listen on %s:%u: %s", address, port, strerror(errno));
    printf("listening on %s:%u\n", address, ntohs(here.sin_port));
    return udp;
}

static void print_counts(const struct ota *ota) {
    printf("counts {");
    for (int i = 0; i < OTA_VERDICTS; i++)
        printf("\"%s\":%u,", VERDICTS[i], ota->counts[i]);
    printf("\"flash-operations\":%llu}\n", (unsigned long long)flashfile_operations());
}

/* One line for what a datagram did, where that is worth one: not for the many that are as they
 * should be, and for each kind of dropped ones the first (all are in the counts). */
static void print_verdict(const struct ota *ota, enum ota_verdict verdict,
                          const struct sockaddr_in *from) {
    char name[INET_ADDRSTRLEN] = "";
    inet_ntop(AF_INET, &from->sin_addr, name, sizeof name);
    if (verdict == OTA_ACCEPTED && ota->previous_offset == 0)
        printf("session started by %s:%u\n", name, ntohs(from->sin_port));
    else if (ota_restarts(verdict))
        printf("image taken, restarting\n");
    else if (ota_drops(verdict) && ota->counts[verdict] == 1)
        printf("dropped a datagram from %s:%u: %s\n", name, ntohs(from->sin_port),
               VERDICTS[verdict]);
}

static bool serve_one(int udp, struct ota *ota) {
    static uint8_t datagram[DATAGRAM_MAX];
    uint8_t answer[OTA_ANSWER_SIZE];
    struct sockaddr_in from;
    socklen_t from_length = sizeof from;
    ssize_t length =
        recvfrom(udp, datagram, sizeof datagram, 0, (struct sockaddr *)&from, &from_length);
    if (length < 0)
        return true;
    enum ota_verdict verdict = ota_receive(ota, datagram, (uint32_t)length, clock_ms(), answer);
    if (ota_answers(verdict))
        sendto(udp, answer, sizeof answer, 0, (struct sockaddr *)&from, from_length);
    print_verdict(ota, verdict, &from);
    return !ota_restarts(verdict);
}

static int serve(int udp, struct ota *ota) {
    while (!stopped) {
        struct pollfd ready = {.fd = udp, .events = POLLIN};
        if (poll(&ready, 1, TICK_MS) > 0 && !serve_one(udp, ota))
            return 0;
        switch (ota_tick(ota, clock_ms())) {
        case OTA_WAITING: break;
        case OTA_SESSION_LOST: puts("session lost, waiting for a new one"); break;
        case OTA_IDLE_RESTART: puts("nobody came, restarting"); return EXIT_IDLE;
        }
    }
    return EXIT_STOPPED;
}

int main(int count, char **arguments) {
    enum { OPTION_PORT = OPTION_FIRST_FREE, OPTION_BIND, OPTION_WAIT, OPTION_IDLE, OPTION_CUT,
           OPTION_HELP };
    static const struct option options[] = {
        SETTINGS_OPTIONS,
        {"port", required_argument, NULL, OPTION_PORT},
        {"bind", required_argument, NULL, OPTION_BIND},
        {"packet-wait", required_argument, NULL, OPTION_WAIT},
        {"idle-restart", required_argument, NULL, OPTION_IDLE},
        {"cut", required_argument, NULL, OPTION_CUT},
        {"help", no_argument, NULL, OPTION_HELP},
        {0},
    };
    struct settings settings;
    const char *address = "127.0.0.1";
    uint32_t port = OTA_PORT, packet_wait_ms = 0, idle_restart_ms = 0, cut = 0;
    settings_defaults(&settings);
    for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
        if (settings_apply(&settings, option, optarg))
            continue;
        switch (option) {
        case OPTION_PORT: port = settings_number(optarg, "--port"); break;
        case OPTION_BIND: address = optarg; break;
        case OPTION_WAIT: packet_wait_ms = settings_number(optarg, "--packet-wait"); break;
        case OPTION_IDLE: idle_restart_ms = settings_number(optarg, "--idle-restart"); break;
        case OPTION_CUT: cut = settings_number(optarg, "--cut"); break;
        case OPTION_HELP: puts(USAGE); return 0;
        default: fail("%s", USAGE);
        }
    }
    if (optind != count)
        fail("%s", USAGE);
    settings_validate(&settings);
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    static struct ota ota;
    const struct ota_config config = {
        .slot = settings.boot.slot,
        .packet_wait_ms = packet_wait_ms ? packet_wait_ms : settings.packet_wait_ms,
        .idle_restart_ms = idle_restart_ms ? idle_restart_ms : settings.idle_restart_ms,
    };
    flashfile_open(settings.flash, config.slot.start + config.slot.size, cut);
    int udp = listen_on(address, port);
    ota_begin(&ota, &config, clock_ms());
    int status = serve(udp, &ota);
    print_counts(&ota);
    close(udp);
    return status;
}
