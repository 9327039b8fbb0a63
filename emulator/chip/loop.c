/* The ROM's loop over tasks, for an application that brings none of its own. */
#include "sdk.h"

#define TASKS 33u
#define IDLE_US 10000u /* nothing to do for so long, unless something comes */

extern void ets_intr_lock(void);
extern void ets_intr_unlock(void);

static struct {
    void (*task)(event_t *event);
    event_t *queue;
    uint8_t length, first, count;
} tasks[TASKS];

bool ets_task(void (*task)(event_t *event), uint8_t priority, event_t *queue, uint8_t length) {
    tasks[priority].task = task;
    tasks[priority].queue = queue;
    tasks[priority].length = length;
    return true;
}

bool ets_post(uint8_t priority, uint32_t signal, uint32_t parameter) {
    event_t event = {signal, parameter};
    if (tasks[priority].count == tasks[priority].length)
        return true; /* as the ROM's: true for failure */
    uint32_t at = tasks[priority].first + tasks[priority].count++;
    tasks[priority].queue[at % tasks[priority].length] = event;
    return false;
}

static bool run_one(void) {
    for (uint32_t priority = TASKS; priority--;) {
        if (!tasks[priority].count)
            continue;
        ets_intr_lock();
        event_t event = tasks[priority].queue[tasks[priority].first];
        tasks[priority].first = (uint8_t)((tasks[priority].first + 1u) % tasks[priority].length);
        tasks[priority].count--;
        ets_intr_unlock();
        tasks[priority].task(&event);
        return true;
    }
    return false;
}

bool ets_run(void) {
    for (;;) {
        software_watchdog = 0; /* it watches tasks that do not end */
        if (!run_one())
            rom_wait(IDLE_US);
    }
}
