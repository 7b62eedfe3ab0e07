#include "kernels/resample.h"

#include "base/cpu.h"

extern const wn__resample_kernels wn__resample_base;
#if defined(__x86_64__)
extern const wn__resample_kernels wn__resample_avx2, wn__resample_avx512;
#elif defined(__aarch64__)
extern const wn__resample_kernels wn__resample_neon;
#endif

const wn__resample_kernels *wn__resample_in_use(void)
{
    static const wn__resample_kernels *const tables[] = {
        [WN__ISA_BASE] = &wn__resample_base,
#if defined(__x86_64__)
        [WN__ISA_AVX2] = &wn__resample_avx2,
        [WN__ISA_AVX512] = &wn__resample_avx512,
#elif defined(__aarch64__)
        [WN__ISA_NEON] = &wn__resample_neon,
#endif
    };
    return tables[wn__isa_in_use()];
}
