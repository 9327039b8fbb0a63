/* From the bootloader's jump to the application's loop, and what a heartbeat brings there. */
#include "sdk.h"

#define RADIO_INTERRUPT 0
#define TIMER_INTERRUPT 10
#define PRIORITY 31 /* where Espressif's timers and WiFi run: before every task of an application */
#define QUEUE 8

enum signal { BEGIN, TIMERS_DUE, FRAMES_HERE };

extern void user_init(void);
extern uint32_t _bss_start[], _bss_end[];

void start_sdk(void);

static event_t queue[QUEUE];
static bool posted[FRAMES_HERE + 1];

/* Once, however often the interrupt comes before the task runs. */
static void post(enum signal signal) {
    if (posted[signal])
        return;
    posted[signal] = true;
    ets_post(PRIORITY, signal, 0);
}

static void on_timer(void *argument) {
    (void)argument;
    post(TIMERS_DUE);
}

static void on_radio(void *argument) {
    (void)argument;
    post(FRAMES_HERE);
}

static void run(event_t *event) {
    posted[event->signal] = false;
    switch ((enum signal)event->signal) {
    case BEGIN: system_done(); break;
    case TIMERS_DUE: ets_timer_handler_isr(); break;
    case FRAMES_HERE:
        if (netif_receive())
            post(FRAMES_HERE);
        break;
    }
}

/* Where the bootloader jumps to, by call_user_start (emulator/sdk/vectors.S). */
__attribute__((section(".entry.text"))) void start_sdk(void) {
    memset(_bss_start, 0, (uint32_t)((char *)_bss_end - (char *)_bss_start));
    Cache_Read_Enable(0, 0, 1);
    memory_begin();
    system_begin();
    ets_task(run, PRIORITY, queue, QUEUE);
    ets_isr_attach(TIMER_INTERRUPT, on_timer, 0);
    ets_isr_attach(RADIO_INTERRUPT, on_radio, 0);
    ets_isr_unmask(1u << TIMER_INTERRUPT | 1u << RADIO_INTERRUPT);
    rom_begin();
    netif_begin();
    wifi_load();
    user_init();
    wifi_begin();
    post(BEGIN);
    ets_run();
}
