#include "timers.h"

#include "clock.h"
#include "rom.h"

/* os_timer_t of the SDK; times in microseconds here. */
struct timer {
    struct timer *next;
    uint32_t due, period;
    void (*handler)(void *argument);
    void *argument;
};

#define NOT_IN_LIST ((struct timer *)0xffffffff)

static struct timer *list;

static bool is_due(uint32_t due) {
    return (int32_t)((uint32_t)clock_us() - due) >= 0;
}

bool timers_due(void) {
    return list && is_due(list->due);
}

void fake_ets_timer_setfn(struct timer *timer, void (*handler)(void *argument), void *argument) {
    timer->next = NOT_IN_LIST;
    timer->due = timer->period = 0;
    timer->handler = handler;
    timer->argument = argument;
}

void fake_ets_timer_disarm(struct timer *timer) {
    for (struct timer **at = &list; *at; at = &(*at)->next)
        if (*at == timer) {
            *at = timer->next;
            break;
        }
    timer->next = NOT_IN_LIST;
    timer->period = 0;
}

void fake_timer_insert(uint32_t due, struct timer *timer) {
    struct timer **at = &list;
    while (*at && (int32_t)(due - (*at)->due) >= 0)
        at = &(*at)->next;
    timer->due = due;
    timer->next = *at;
    *at = timer;
}

/* Runs what is due; not from the interrupt itself: the SDK calls it from a task. */
void fake_ets_timer_handler_isr(void) {
    while (timers_due()) {
        struct timer *timer = list;
        list = timer->next;
        timer->next = NOT_IN_LIST;
        if (timer->period)
            fake_timer_insert(timer->due + timer->period, timer);
        timer->handler(timer->argument);
    }
}
