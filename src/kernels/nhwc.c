#include "kernels/nhwc.h"

#include "base/cpu.h"

extern const wn__nhwc_kernels wn__nhwc_f32__base, wn__nhwc_bf16__base;
#if defined(__x86_64__)
extern const wn__nhwc_kernels wn__nhwc_f32__avx2, wn__nhwc_bf16__avx2, wn__nhwc_f32__avx512, wn__nhwc_bf16__avx512;
#elif defined(__aarch64__)
extern const wn__nhwc_kernels wn__nhwc_f32__neon, wn__nhwc_bf16__neon;
#endif

static const wn__nhwc_kernels *const f32_tables[] = {
    [WN__ISA_BASE] = &wn__nhwc_f32__base,
#if defined(__x86_64__)
    [WN__ISA_AVX2] = &wn__nhwc_f32__avx2,
    [WN__ISA_AVX512] = &wn__nhwc_f32__avx512,
#elif defined(__aarch64__)
    [WN__ISA_NEON] = &wn__nhwc_f32__neon,
#endif
};

static const wn__nhwc_kernels *const bf16_tables[] = {
    [WN__ISA_BASE] = &wn__nhwc_bf16__base,
#if defined(__x86_64__)
    [WN__ISA_AVX2] = &wn__nhwc_bf16__avx2,
    [WN__ISA_AVX512] = &wn__nhwc_bf16__avx512,
#elif defined(__aarch64__)
    [WN__ISA_NEON] = &wn__nhwc_bf16__neon,
#endif
};

const wn__nhwc_kernels *wn__nhwc_f32(void) { return f32_tables[wn__isa_in_use()]; }
const wn__nhwc_kernels *wn__nhwc_bf16(void) { return bf16_tables[wn__isa_in_use()]; }
