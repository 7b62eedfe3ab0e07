/* The kernels of resample.h for one instruction set. The including file defines WN__VECTOR (32-bit numbers in a register) and WN__TABLE. */
#include <string.h>

#include "kernels/resample.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 4")

typedef int32_t vi __attribute__((vector_size(4 * WN__VECTOR)));
/* Widened and narrowed through 16 bits: in one step gcc takes vectors apart. */
typedef uint16_t vh __attribute__((vector_size(2 * WN__VECTOR)));
typedef uint8_t vb __attribute__((vector_size(WN__VECTOR)));

/* One half, to be rounded by cutting off. */
#define HALF (1 << (WN__RESAMPLE_BITS - 1))

INLINE void weigh_vectors(const uint8_t *in, int64_t distance, int taps, const int32_t *weight, int vectors, uint8_t *out)
{
    vi sum[4];
    UNROLL for (int v = 0; v < vectors; v++) sum[v] = (vi){0} + HALF;
    for (int k = 0; k < taps; k++, in += distance) {
        UNROLL for (int v = 0; v < vectors; v++)
        {
            vb bytes;
            memcpy(&bytes, in + v * WN__VECTOR, sizeof bytes);
            sum[v] += weight[k] * __builtin_convertvector(__builtin_convertvector(bytes, vh), vi);
        }
    }
    UNROLL for (int v = 0; v < vectors; v++)
    {
        const vi value = sum[v] >> WN__RESAMPLE_BITS, positive = value & ~(value < 0), over = positive > 255;
        const vb bytes = __builtin_convertvector(__builtin_convertvector(positive | over, vh), vb); /* over is all ones */
        memcpy(out + v * WN__VECTOR, &bytes, sizeof bytes);
    }
}

static void weigh(const uint8_t *in, int64_t distance, int taps, const int32_t *weight, int n, uint8_t *out)
{
    int i = 0;
    for (; i + 4 * WN__VECTOR <= n; i += 4 * WN__VECTOR)
        weigh_vectors(in + i, distance, taps, weight, 4, out + i);
    for (; i + WN__VECTOR <= n; i += WN__VECTOR)
        weigh_vectors(in + i, distance, taps, weight, 1, out + i);
    for (; i < n; i++) {
        int32_t sum = HALF;
        for (int k = 0; k < taps; k++)
            sum += weight[k] * in[k * distance + i];
        sum >>= WN__RESAMPLE_BITS;
        out[i] = (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
    }
}

const wn__resample_kernels WN__TABLE = {.weigh = weigh};
