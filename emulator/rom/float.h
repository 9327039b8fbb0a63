/* The compiler's own names for arithmetic of numbers that go by their bits: sf is single precision,
 * df double, si a whole number of 32 bits. */
#ifndef FLOAT_H
#define FLOAT_H

#include <stdint.h>

uint32_t __addsf3(uint32_t a, uint32_t b);
uint32_t __subsf3(uint32_t a, uint32_t b);
uint32_t __mulsf3(uint32_t a, uint32_t b);
uint64_t __adddf3(uint64_t a, uint64_t b);
uint64_t __subdf3(uint64_t a, uint64_t b);
uint64_t __muldf3(uint64_t a, uint64_t b);
uint64_t __divdf3(uint64_t a, uint64_t b);
uint32_t __fixunssfsi(uint32_t a);
uint32_t __fixunsdfsi(uint64_t a);
int32_t __fixdfsi(uint64_t a);
uint32_t __truncdfsf2(uint64_t a);
uint64_t __extendsfdf2(uint32_t a);
uint32_t __floatunsisf(uint32_t a);
uint32_t __floatsisf(int32_t a);
uint64_t __floatunsidf(uint32_t a);
uint64_t __floatsidf(int32_t a);

#endif
