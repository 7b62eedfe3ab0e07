#include "network/packed_weights.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/compressed_tensors.h"
#include "tensor/compression.h"

static const wn__st_tensor *packed_tensor(const wn__safetensors *file, const wn__param *p)
{
    const wn__st_tensor *t = wn__safetensors_find(file, p->name);
    const bool fits =
        t && t->packed && t->dtype == WN__ST_F32 && t->ndim == p->ndim && memcmp(t->dim, p->dim, (size_t)p->ndim * sizeof *p->dim) == 0;
    return fits && p->role == WN__WEIGHT && !p->map && !p->pattern ? t : NULL;
}

bool wn__packed_weights_fit(const wn__safetensors *file, const wn__params *params)
{
    int packed = 0, fits = 0;
    for (int i = 0; i < wn__safetensors_count(file); i++) {
        const wn__st_tensor *t = wn__safetensors_at(file, i);
        packed += t->packed && t->dtype != WN__ST_U8;
    }
    for (int i = 0; i < params->count; i++)
        fits += packed_tensor(file, &params->item[i]) != NULL;
    return packed > 0 && packed == fits;
}

typedef struct decoding {
    const wn__params *params;
    const wn__st_tensor **tensor; /* (params->count) NULL: another one */
    wn__pattern *pattern;         /* (params->count) */
} decoding;

static wn_status decode(const wn__st_tensor *t, const wn__param *p, wn__pattern *out)
{
    const wn__gaps *gaps = &t->packed->gaps;
    int64_t *place = wn__alloc_array(gaps->count + 1, sizeof *place);
    if (!place) return wn__no_memory((size_t)gaps->count * sizeof *place);
    wn_status status = wn__gaps_places(gaps, p->count, place);
    if (status == WN_OK) status = wn__pattern_from_positions(p->dim[0], p->count / p->dim[0], place, gaps->count, out);
    wn__free(place);
    return status == WN_OK ? WN_OK : wn__fail_within(status, "compressed tensor '%s': ", t->name);
}

static wn_status decode_one(void *arg, int64_t i, int worker)
{
    (void)worker;
    const decoding *d = arg;
    return d->tensor[i] ? decode(d->tensor[i], &d->params->item[i], &d->pattern[i]) : WN_OK;
}

static wn_status read_all(decoding *d, wn__pool *pool, wn__params *params, bool *taken)
{
    WN_TRY(wn__parallel_try(pool, params->count, decode_one, d));
    for (int i = 0; i < params->count; i++) {
        if (!d->tensor[i]) continue;
        WN_TRY(wn__params_compress_values(params, &params->item[i], &d->pattern[i], d->tensor[i]->packed->values));
        taken[i] = true;
    }
    return WN_OK;
}

wn_status wn__packed_weights_read(const wn__safetensors *file, wn__pool *pool, wn__params *params, bool *taken)
{
    decoding d = {params, WN_NEW_ARRAY(const wn__st_tensor *, params->count), WN_NEW_ARRAY(wn__pattern, params->count)};
    wn_status status = d.tensor && d.pattern ? WN_OK : wn__no_memory((size_t)params->count * sizeof *d.pattern);
    for (int i = 0; status == WN_OK && i < params->count; i++)
        d.tensor[i] = packed_tensor(file, &params->item[i]);
    if (status == WN_OK) status = read_all(&d, pool, params, taken);
    for (int i = 0; d.pattern && i < params->count; i++)
        wn__pattern_release(&d.pattern[i]);
    wn__free(d.tensor);
    wn__free(d.pattern);
    return status;
}
