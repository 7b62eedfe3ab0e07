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
