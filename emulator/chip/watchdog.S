/* MicroPython finds the software watchdog's counter six words before this one of Espressif's. */
    .section .bss
    .balign 4
    .global software_watchdog, pend_flag_noise_check
software_watchdog:
    .space 24
pend_flag_noise_check:
    .space 4
