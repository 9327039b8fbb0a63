/* Where the core starts, where its exceptions go, and the jumps at the ROM's addresses. */

    .section .reset, "ax"
    j 1f
    .align 4
    .literal_position
1:  movi a0, 0x20       /* user mode, interrupts on, EXCM off: exceptions go to the vectors */
    wsr a0, ps
    rsync
    movi a1, 1
    slli a1, a1, 30     /* 0x40000000: the stack begins at the end of DRAM */
    movi a0, rom_start
    jx a0

/* Every exception is looked at by one routine; the interrupted registers go to the frame whose
 * address is in EXCSAVE1 (struct frame in exceptions.c). Nothing here may read data from a region
 * before that region is open. */
    .macro save
    xsr a0, excsave1    /* a0: the frame, EXCSAVE1: the interrupted a0 */
    s32i a1, a0, 4
    s32i a2, a0, 8
    j take_exception
    .endm

    .section .vectors, "ax"
    .org 0x10           /* debug */
    save
    .org 0x30           /* kernel */
    save
    .org 0x50           /* user */
    save
    .org 0x70           /* double */
    save
    .org 0x90
take_exception:
    s32i a3, a0, 12
    s32i a4, a0, 16
    s32i a5, a0, 20
    s32i a6, a0, 24
    s32i a7, a0, 28
    s32i a8, a0, 32
    s32i a9, a0, 36
    s32i a10, a0, 40
    s32i a11, a0, 44
    s32i a12, a0, 48
    s32i a13, a0, 52
    s32i a14, a0, 56
    s32i a15, a0, 60
    mov a2, a0
    rsr a3, excsave1
    s32i a3, a2, 0      /* the interrupted a0 */
    rsr a3, sar
    s32i a3, a2, 64
    rsr a3, epc1
    s32i a3, a2, 68
    rsr a3, ps
    s32i a3, a2, 72
    l32i a3, a2, 76     /* the frame of an exception within this one */
    wsr a3, excsave1
    movi a4, 1
    movi a3, 1
    slli a3, a3, 30     /* 0x40000000 and 0x60000000: their regions are opened while we look */
    wdtlb a4, a3
    movi a3, 3
    slli a3, a3, 29
    wdtlb a4, a3
    dsync
    l32i a1, a2, 80     /* a stack of our own */
    mov a12, a2
    call0 on_exception  /* a2: the frame; returns what the two regions get, in a2 and a3 */
    mov a0, a12
    movi a4, 1
    slli a4, a4, 30
    wdtlb a2, a4
    movi a4, 3
    slli a4, a4, 29
    wdtlb a3, a4
    dsync
    l32i a3, a0, 72
    wsr a3, ps
    rsync
    wsr a0, excsave1
    l32i a3, a0, 64
    wsr a3, sar
    l32i a3, a0, 68
    wsr a3, epc1
    rsync
    l32i a1, a0, 4
    l32i a2, a0, 8
    l32i a3, a0, 12
    l32i a4, a0, 16
    l32i a5, a0, 20
    l32i a6, a0, 24
    l32i a7, a0, 28
    l32i a8, a0, 32
    l32i a9, a0, 36
    l32i a10, a0, 40
    l32i a11, a0, 44
    l32i a12, a0, 48
    l32i a13, a0, 52
    l32i a14, a0, 56
    l32i a15, a0, 60
    l32i a0, a0, 0
    rfe

/* A jump for each of the ROM's functions, at its address. */
#define ROM(name, address) .org address - 0x40000000; j fake_##name
#define ROM_OF(name, address) .org address - 0x40000000; j fake_##name
#define ROM_SUM(name, address) .org address - 0x40000000; j name
#include "functions.h"
