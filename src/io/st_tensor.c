#include "io/st_tensor.h"

#include <string.h>

static const struct {
    const char *name;
    int size;
} dtypes[WN__ST_DTYPES + 1] = {
    [WN__ST_OTHER] = {"of another type", 0},
    [WN__ST_F32] = {"F32", 4},
    [WN__ST_F64] = {"F64", 8},
    [WN__ST_BF16] = {"BF16", 2},
    [WN__ST_F16] = {"F16", 2},
    [WN__ST_I64] = {"I64", 8},
    [WN__ST_I32] = {"I32", 4},
    [WN__ST_U8] = {"U8", 1},
    [WN__ST_BOOL] = {"BOOL", 1},
    [WN__ST_I16] = {"I16", 2},
    [WN__ST_I8] = {"I8", 1},
};

const char *wn__st_dtype_name(wn__st_dtype dtype) { return dtypes[dtype].name; }
int wn__st_dtype_size(wn__st_dtype dtype) { return dtypes[dtype].size; }

int64_t wn__st_bytes(const wn__st_tensor *t) { return t->dtype == WN__ST_OTHER ? t->bytes : t->count * dtypes[t->dtype].size; }
const char *wn__st_type(const wn__st_tensor *t) { return t->dtype == WN__ST_OTHER ? t->other : dtypes[t->dtype].name; }

static float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* IEEE 754 half precision. */
static float float_of_half(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16, exponent = half >> 10 & 31u, fraction = half & 0x3FFu;
    if (exponent == 31) return float_of_bits(sign | 0x7F800000u | fraction << 13);
    if (exponent != 0) return float_of_bits(sign | (exponent + 112u) << 23 | fraction << 13);
    const float tiny = (float)fraction * 0x1p-24f;
    return sign ? -tiny : tiny;
}

static uint32_t bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Without the lowest `drop` bits, to the nearest, ties to even. */
static uint32_t rounded(uint32_t bits, int drop) { return (bits + (1u << (drop - 1)) - 1 + (bits >> drop & 1)) >> drop; }

static uint16_t brain_of(uint32_t bits)
{
    const bool is_nan = (bits & 0x7FFFFFFFu) > 0x7F800000u;
    return (uint16_t)(is_nan ? bits >> 16 | 0x40u : rounded(bits, 16));
}

static uint16_t half_of(uint32_t bits)
{
    const uint32_t sign = bits >> 16 & 0x8000u, size = bits & 0x7FFFFFFFu;
    const int exponent = (int)(size >> 23) - 127;
    if (size > 0x7F800000u) return (uint16_t)(sign | 0x7E00u);
    if (exponent > 15) return (uint16_t)(sign | 0x7C00u);
    if (exponent >= -14) return (uint16_t)(sign | rounded(size - (112u << 23), 13));
    if (exponent < -25) return (uint16_t)sign;
    return (uint16_t)(sign | rounded((size & 0x7FFFFFu) | 0x800000u, -1 - exponent)); /* in units of 2^-24 */
}

uint16_t wn__st_half(wn__st_dtype dtype, float value)
{
    return dtype == WN__ST_BF16 ? brain_of(bits_of_float(value)) : half_of(bits_of_float(value));
}

bool wn__st_is_infinite_half(wn__st_dtype dtype, uint16_t bits) { return (bits & 0x7FFFu) == (dtype == WN__ST_BF16 ? 0x7F80u : 0x7C00u); }

float wn__st_float(const wn__st_tensor *t, int64_t i)
{
    const char *in = (const char *)t->data + i * dtypes[t->dtype].size;
    float single;
    double value;
    uint16_t half;
    switch (t->dtype) {
    case WN__ST_F32: memcpy(&single, in, sizeof(single)); return single;
    case WN__ST_F64: memcpy(&value, in, sizeof(value)); return (float)value;
    case WN__ST_BF16: memcpy(&half, in, sizeof(half)); return float_of_bits((uint32_t)half << 16);
    case WN__ST_F16: memcpy(&half, in, sizeof(half)); return float_of_half(half);
    default: return 0.0f;
    }
}

bool wn__st_is_float(wn__st_dtype dtype)
{
    return dtype == WN__ST_F32 || dtype == WN__ST_F64 || dtype == WN__ST_BF16 || dtype == WN__ST_F16;
}
