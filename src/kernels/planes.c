#include "kernels/planes.h"

#include "base/cpu.h"

extern const wn__planes_kernels wn__planes_base;
#if defined(__x86_64__)
extern const wn__planes_kernels wn__planes_avx2, wn__planes_avx512;
#elif defined(__aarch64__)
extern const wn__planes_kernels wn__planes_neon;
#endif

const wn__planes_kernels *wn__planes_in_use(void)
{
    static const wn__planes_kernels *const tables[] = {
        [WN__ISA_BASE] = &wn__planes_base,
#if defined(__x86_64__)
        [WN__ISA_AVX2] = &wn__planes_avx2,
        [WN__ISA_AVX512] = &wn__planes_avx512,
#elif defined(__aarch64__)
        [WN__ISA_NEON] = &wn__planes_neon,
#endif
    };
    return tables[wn__isa_in_use()];
}
