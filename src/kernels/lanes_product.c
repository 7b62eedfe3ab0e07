#include "kernels/lanes_product.h"

#include "base/cpu.h"

extern const wn__lane_products wn__lane_products_base;
#if defined(__x86_64__)
extern const wn__lane_products wn__lane_products_avx2, wn__lane_products_avx512;
#elif defined(__aarch64__)
extern const wn__lane_products wn__lane_products_neon;
#endif

const wn__lane_products *wn__lane_products_in_use(void)
{
    static const wn__lane_products *const tables[] = {
        [WN__ISA_BASE] = &wn__lane_products_base,
#if defined(__x86_64__)
        [WN__ISA_AVX2] = &wn__lane_products_avx2,
        [WN__ISA_AVX512] = &wn__lane_products_avx512,
#elif defined(__aarch64__)
        [WN__ISA_NEON] = &wn__lane_products_neon,
#endif
    };
    return tables[wn__isa_in_use()];
}
