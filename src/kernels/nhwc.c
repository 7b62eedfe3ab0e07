#include "kernels/nhwc.h"

#include "base/cpu.h"

#define DECLARE(isa) extern const wn__nhwc_kernels wn__nhwc_f32__##isa, wn__nhwc_bf16__##isa;
DECLARE(base)
DECLARE(avx2)
DECLARE(avx512)
DECLARE(neon)

const wn__nhwc_kernels *wn__nhwc_kernels_f32(void)
{
    switch (wn__isa_in_use()) {
#if defined(__x86_64__)
    case WN__ISA_AVX512: return &wn__nhwc_f32__avx512;
    case WN__ISA_AVX2: return &wn__nhwc_f32__avx2;
#elif defined(__aarch64__)
    case WN__ISA_NEON: return &wn__nhwc_f32__neon;
#endif
    default: return &wn__nhwc_f32__base;
    }
}

const wn__nhwc_kernels *wn__nhwc_kernels_bf16(void)
{
    switch (wn__isa_in_use()) {
#if defined(__x86_64__)
    case WN__ISA_AVX512: return &wn__nhwc_bf16__avx512;
    case WN__ISA_AVX2: return &wn__nhwc_bf16__avx2;
#elif defined(__aarch64__)
    case WN__ISA_NEON: return &wn__nhwc_bf16__neon;
#endif
    default: return &wn__nhwc_bf16__base;
    }
}
