/* Both tables of nhwc.h for one instruction set: vectors of WN__LANES floats, and the template once for each storage type.
 * The including file defines WN__LANES, WN__F32_TABLE and WN__BF16_TABLE. No instruction is named here: the compiler chooses them from the
 * flags of the including file. */
#include <string.h>

#include "kernels/nhwc.h"

#define INLINE static inline __attribute__((always_inline))

typedef float vf __attribute__((vector_size(4 * WN__LANES)));
typedef int32_t vi __attribute__((vector_size(4 * WN__LANES)));
typedef uint32_t vu __attribute__((vector_size(4 * WN__LANES)));
typedef uint16_t vh __attribute__((vector_size(2 * WN__LANES)));
typedef uint8_t vb __attribute__((vector_size(WN__LANES)));

INLINE vf zero(void) { return (vf){0}; }
INLINE vf splat(float x) { return x - (vf){0}; }
INLINE vi splat_int(int32_t x) { return x - (vi){0}; }
INLINE vf choose(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }
INLINE vf rectify(vf x, vf ceiling)
{
    const vf y = (vf)(~(x <= zero()) & (vi)x);
    return choose(y > ceiling, ceiling, y);
}
INLINE vf keep_unless_off(vf out, vf ceiling, vf x) { return (vf)(~((out <= zero()) | (out >= ceiling)) & (vi)x); }

INLINE vf get_float(const float *p, int lanes)
{
    vf x = zero();
    memcpy(&x, p, (size_t)lanes * sizeof(float));
    return x;
}
INLINE void put_float(float *p, int lanes, vf x) { memcpy(p, &x, (size_t)lanes * sizeof(float)); }

INLINE vi get_bytes(const uint8_t *p, int lanes)
{
    vb x = {0};
    memcpy(&x, p, (size_t)lanes);
    return __builtin_convertvector(x, vi);
}
INLINE void put_bytes(uint8_t *p, int lanes, vi x)
{
    const vb b = __builtin_convertvector(x, vb);
    memcpy(p, &b, (size_t)lanes);
}

INLINE void add_to_doubles(vf x, int lanes, double *sum)
{
    float part[WN__LANES];
    memcpy(part, &x, sizeof part);
    for (int i = 0; i < lanes; i++)
        sum[i] += (double)part[i];
}

/* --- random numbers -------------------------------------------------------------------------------------------------------------- */

#define COUNTERS 64 /* of four numbers each, that are drawn at a time */

/* Word by word, which lets the compiler make vectors. */
static void draw(const wn__rng *stream, uint64_t counter, float number[4 * COUNTERS])
{
    uint32_t word[4][COUNTERS], k0 = stream->key[0], k1 = stream->key[1];
    for (int i = 0; i < COUNTERS; i++) {
        word[0][i] = (uint32_t)(counter + (uint64_t)i);
        word[1][i] = (uint32_t)((counter + (uint64_t)i) >> 32);
        word[2][i] = stream->counter[2];
        word[3][i] = stream->counter[3];
    }
    for (int round = 0; round < WN__PHILOX_ROUNDS; round++) {
        for (int i = 0; i < COUNTERS; i++)
            wn__philox_round(k0, k1, &word[0][i], &word[1][i], &word[2][i], &word[3][i]);
        wn__philox_next_key(&k0, &k1);
    }
    for (int i = 0; i < COUNTERS; i++)
        for (int w = 0; w < 4; w++)
            number[4 * i + w] = (float)(int32_t)(word[w][i] >> 8) * 0x1p-24f;
}

static void uniforms(const wn__rng *stream, uint64_t first, int64_t n, float *out)
{
    float number[4 * COUNTERS];
    for (int64_t done = 0, part; done < n; done += part) {
        const uint64_t at = first + (uint64_t)done;
        const int64_t there = 4 * COUNTERS - (int64_t)(at % 4);
        part = n - done < there ? n - done : there;
        draw(stream, at / 4, number);
        memcpy(out + done, number + at % 4, (size_t)part * sizeof *out);
    }
}

/* --- float32 ------------------------------------------------------------------------------------------------------------------- */

INLINE vf f32_get(const float *p, int lanes) { return get_float(p, lanes); }
INLINE void f32_put(float *p, int lanes, vf x) { put_float(p, lanes, x); }
INLINE double f32_value(float x) { return x; }
INLINE vf f32_round_to_stored(vf x) { return x; }

#define WN__T float
#define WN__NAME(x) f32_##x
#define WN__TABLE WN__F32_TABLE
#include "kernels/nhwc.tmpl.h"
#undef WN__T
#undef WN__NAME
#undef WN__TABLE

/* --- bfloat16: the upper half of a float32 --------------------------------------------------------------------------------------- */

/* Rounded to nearest even; a NaN keeps its sign and becomes quiet. */
INLINE vu bf16_bits(vf x)
{
    const vu u = (vu)x, rounded = (u + 0x7FFF + ((u >> 16) & 1)) >> 16, quiet = (u >> 16) | 0x40, is_nan = (vu)(x != x);
    return (is_nan & quiet) | (~is_nan & rounded);
}
INLINE vf bf16_get(const uint16_t *p, int lanes)
{
    vh x = {0};
    memcpy(&x, p, (size_t)lanes * sizeof(uint16_t));
    return (vf)(__builtin_convertvector(x, vu) << 16);
}
INLINE void bf16_put(uint16_t *p, int lanes, vf x)
{
    const vh h = __builtin_convertvector(bf16_bits(x), vh);
    memcpy(p, &h, (size_t)lanes * sizeof(uint16_t));
}
INLINE double bf16_value(uint16_t x)
{
    const uint32_t u = (uint32_t)x << 16;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}
INLINE vf bf16_round_to_stored(vf x) { return (vf)(bf16_bits(x) << 16); }

#define WN__T uint16_t
#define WN__NAME(x) bf16_##x
#define WN__TABLE WN__BF16_TABLE
#include "kernels/nhwc.tmpl.h"
