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

/* Every exception is looked at by one routine; the interrupted registers go to `frame`, whose
 * address is in EXCSAVE1. Nothing here may read data from 0x40000000 before the region is open. */
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
    wsr a2, excsave1    /* for the next exception */
    movi a3, 1
    slli a3, a3, 30     /* 0x40000000: its region is opened while we look */
    movi a4, 1
    wdtlb a4, a3
    dsync
    addmi a1, a2, 0x7f00 /* frame + 0x7f00: the top of our data is the stack */
    call0 on_exception  /* a2: the frame; returns the attribute that the region gets back */
    rsr a0, excsave1
    movi a3, 1
    slli a3, a3, 30
    wdtlb a2, a3
    dsync
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

    .macro entry name
    .section .rom.\name, "ax"
    j fake_\name
    .endm
    entry ets_printf
    entry ets_delay_us
    entry uart_div_modify
    entry Cache_Read_Enable
    entry SPIEraseSector
    entry SPIWrite
    entry SPIRead
    entry gpio_init
    entry gpio_input_get
    entry MD5Init
    entry MD5Update
    entry MD5Final
    entry SHA1Init
    entry SHA1Update
    entry SHA1Final
    entry memcmp
    entry memcpy
    entry memset
    entry rom_exit
    entry rom_datagram
    entry rom_restart

    .section .rom.__udivsi3, "ax"
    j __udivsi3
