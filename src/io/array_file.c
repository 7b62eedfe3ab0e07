#include "io/array_file.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/npz.h"
#include "io/safetensors.h"

static bool ends_so(const char *path, const char *ending)
{
    const size_t a = strlen(path), b = strlen(ending);
    return a >= b && strcmp(path + a - b, ending) == 0;
}

bool wn__array_file_name(const char *path) { return ends_so(path, ".npz") || ends_so(path, ".npy") || ends_so(path, ".safetensors"); }
bool wn__array_file_of_one(const char *path) { return ends_so(path, ".npy"); }

void wn__array_release(wn__array *array)
{
    wn__free(array->data);
    *array = (wn__array){0};
}

int64_t wn__array_row(const wn__array *a)
{
    int64_t count = 1;
    for (int d = 1; d < a->dims; d++)
        count *= a->dim[d];
    return count;
}

/* ---- npy and npz */

static void take_shape(const wn__npy_shape *s, wn__array *out)
{
    *out = (wn__array){.kind = s->kind, .item_size = s->item_size, .dims = s->dims};
    for (int d = 0; d < s->dims; d++)
        out->dim[d] = s->dim[d];
}

static wn_status read_npy(const char *path, bool shape_alone, wn__array *out)
{
    wn__npy_shape shape;
    void *data = NULL;
    WN_TRY(wn__npy_read(path, &shape, shape_alone ? NULL : &data));
    take_shape(&shape, out);
    out->data = data;
    return WN_OK;
}

static wn_status take_npz(wn__npz_array *npz, bool shape_alone, wn__array *out)
{
    const wn__npy_shape *s = wn__npz_shape_of(npz);
    take_shape(s, out);
    if (shape_alone) return WN_OK;
    if (!(out->data = wn__alloc((size_t)s->bytes))) return wn__no_memory((size_t)s->bytes);
    return wn__npz_read(npz, 0, s->bytes, out->data);
}

static wn_status read_npz(const char *path, const char *name, bool shape_alone, wn__array *out)
{
    wn__npz_array *npz;
    WN_TRY(wn__npz_open(path, name, &npz));
    const wn_status status = take_npz(npz, shape_alone, out);
    wn__npz_close(npz);
    return status;
}

/* ---- safetensors */

static wn_status take_tensor(const char *path, const wn__st_tensor *t, bool shape_alone, wn__array *out)
{
    static const char kinds[WN__ST_DTYPES] = {
        [WN__ST_F32] = 'f', [WN__ST_F64] = 'f', [WN__ST_BF16] = 'h', [WN__ST_F16] = 'h', [WN__ST_I64] = 'i',
        [WN__ST_I32] = 'i', [WN__ST_U8] = 'u',  [WN__ST_BOOL] = 'b', [WN__ST_I16] = 'i', [WN__ST_I8] = 'i'};
    if (t->dtype == WN__ST_OTHER) return wn__fail(WN_EFORMAT, "%s: %s is of type %s, which is not read here", path, t->name, t->other);
    const bool half = kinds[t->dtype] == 'h';
    if (t->ndim < 1 || t->ndim > WN__ARRAY_DIMS) return wn__fail(WN_EFORMAT, "%s: %s has %d sizes, must be 1 to 4", path, t->name, t->ndim);
    *out = (wn__array){.kind = half ? 'f' : kinds[t->dtype], .item_size = half ? 4 : wn__st_dtype_size(t->dtype), .dims = t->ndim};
    for (int d = 0; d < t->ndim; d++)
        out->dim[d] = t->dim[d];
    if (shape_alone) return WN_OK;
    if (!(out->data = wn__alloc_array(t->count, (size_t)out->item_size))) return wn__no_memory((size_t)t->count * 4);
    for (int64_t i = 0; half && i < t->count; i++)
        ((float *)out->data)[i] = wn__st_float(t, i);
    if (!half) memcpy(out->data, t->data, (size_t)t->count * (size_t)out->item_size);
    return WN_OK;
}

static wn_status read_safetensors(const char *path, const char *name, bool shape_alone, wn__array *out)
{
    wn__safetensors *file;
    WN_TRY(wn__safetensors_open(path, &file));
    const wn__st_tensor *t = wn__safetensors_find(file, name);
    const wn_status status = t ? take_tensor(path, t, shape_alone, out) : wn__fail(WN_EFORMAT, "%s: has no array %s", path, name);
    wn__safetensors_close(file);
    return status;
}

static wn_status read_any(const char *path, const char *name, bool shape_alone, wn__array *out)
{
    if (ends_so(path, ".safetensors")) return read_safetensors(path, name, shape_alone, out);
    return wn__array_file_of_one(path) ? read_npy(path, shape_alone, out) : read_npz(path, name, shape_alone, out);
}

/* NumPy's float16 as float32. */
static wn_status widen(wn__array *a)
{
    const wn__st_tensor half = {.dtype = WN__ST_F16, .data = a->data};
    const int64_t count = a->dim[0] * wn__array_row(a);
    float *wide = a->data ? wn__alloc_array(count, sizeof *wide) : NULL;
    if (a->data && !wide) return wn__no_memory((size_t)count * sizeof *wide);
    for (int64_t i = 0; wide && i < count; i++)
        wide[i] = wn__st_float(&half, i);
    wn__free(a->data);
    a->data = wide;
    a->item_size = 4;
    return WN_OK;
}

wn_status wn__array_read(const char *path, const char *name, bool shape_alone, wn__array *out)
{
    *out = (wn__array){0};
    wn_status status = read_any(path, name, shape_alone, out);
    if (status == WN_OK && out->kind == 'f' && out->item_size == 2) status = widen(out);
    if (status == WN_OK && out->kind == 'f' && out->item_size < 4)
        status = wn__fail(WN_EUNSUPPORTED, "%s: %s has floats of %d byte, must be 2, 4 or 8", path, name, out->item_size);
    if (status == WN_OK && out->dim[0] < 1) status = wn__fail(WN_EFORMAT, "%s: %s is empty", path, name);
    if (status != WN_OK) wn__array_release(out);
    return status;
}

/* ---- elements */

int64_t wn__array_int(const wn__array *a, int64_t i)
{
    const char *at = (const char *)a->data + i * a->item_size;
    uint64_t value = 0;
    memcpy(&value, at, (size_t)a->item_size);
    const int unused = 64 - 8 * a->item_size;
    return a->kind == 'i' ? (int64_t)(value << unused) >> unused : (int64_t)value;
}

double wn__array_number(const wn__array *a, int64_t i)
{
    if (a->kind != 'f') return (double)wn__array_int(a, i);
    return a->item_size == 4 ? (double)((const float *)a->data)[i] : ((const double *)a->data)[i];
}
