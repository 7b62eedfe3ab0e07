#include "kernels/lanes.h"

#include "base/cpu.h"

extern const wn__lanes_kernels wn__lanes__base;
#if defined(__x86_64__)
extern const wn__lanes_kernels wn__lanes__avx2, wn__lanes__avx512;
#elif defined(__aarch64__)
extern const wn__lanes_kernels wn__lanes__neon;
#endif

static const wn__lanes_kernels *const tables[] = {
    [WN__ISA_BASE] = &wn__lanes__base,
#if defined(__x86_64__)
    [WN__ISA_AVX2] = &wn__lanes__avx2,
    [WN__ISA_AVX512] = &wn__lanes__avx512,
#elif defined(__aarch64__)
    [WN__ISA_NEON] = &wn__lanes__neon,
#endif
};

const wn__lanes_kernels *wn__lanes(void) { return tables[wn__isa_in_use()]; }
