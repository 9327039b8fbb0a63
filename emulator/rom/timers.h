/* The ROM's list of timers, by the time at which each is due. */
#ifndef TIMERS_H
#define TIMERS_H

#include <stdbool.h>

bool timers_due(void);

#endif
