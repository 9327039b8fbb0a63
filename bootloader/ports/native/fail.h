/* How the native tools end when they cannot do what was asked. */
#ifndef FAIL_H
#define FAIL_H

#define EXIT_USAGE 2

/* One line on standard error, then EXIT_USAGE. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
