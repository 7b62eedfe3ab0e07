#include "network/masks_file.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "io/safetensors.h"
#include "network/weights_file.h"
#include "sparse/basis/basis_map.h"
#include "tensor/compression.h"

enum { NAME = 512 };

static void fill_mask(const void *arg, int64_t first, int64_t count, void *out) { wn__pattern_mask_part(arg, first, count, out); }

static wn_status add_masks(wn__st_writer *w, const wn__params *params)
{
    char name[NAME];
    int ndim;
    int64_t dim[WN_MAX_DIMS];
    for (int i = 0; i < params->count; i++) {
        const wn__param *p = &params->item[i];
        if (!p->mask && !p->pattern) continue;
        wn__basis_shape(p, &ndim, dim);
        snprintf(name, sizeof name, "%s_mask", p->name);
        WN_TRY(p->pattern ? wn__st_writer_add_filled(w, name, WN__ST_U8, p->ndim, p->dim, fill_mask, p->pattern)
                          : wn__st_writer_add(w, name, WN__ST_U8, ndim, dim, p->mask));
    }
    return wn__basis_add(w, params, false);
}

wn_status wn__masks_save(const char *path, const wn__params *params)
{
    wn__st_writer *w;
    WN_TRY(wn__st_writer_new(&w));
    wn_status status = add_masks(w, params);
    if (status == WN_OK) status = wn__st_writer_write(w, path);
    wn__st_writer_free(w);
    return status;
}

static bool is_mask(const wn__st_tensor *t)
{
    const size_t length = strlen(t->name);
    return length > 5 && strcmp(t->name + length - 5, "_mask") == 0 && (t->dtype == WN__ST_U8 || t->dtype == WN__ST_BOOL);
}

/* Whose mask it is; NULL: of none. Where a part before all names is hidden, names of parameters may have it. */
static const wn__param *owner_of(const wn__safetensors *file, const wn__st_tensor *mask, const wn__params *params)
{
    char name[NAME];
    snprintf(name, sizeof name, "%.*s", (int)(strlen(mask->name) - 5), mask->name);
    const wn__param *owner = wn__params_find(params, name);
    for (int i = 0; !owner && i < params->count; i++) {
        snprintf(name, sizeof name, "%s_mask", params->item[i].name);
        if (wn__safetensors_find(file, name) == mask) owner = &params->item[i];
    }
    return owner;
}

static wn_status no_owner(const char *path, const wn__st_tensor *mask)
{
    return wn__fail(WN_EMISMATCH, "%s: mask of \"%.*s\", which the network does not have", path, (int)(strlen(mask->name) - 5), mask->name);
}

/* Every mask of the file belongs to a parameter of this shape. */
static wn_status check_masks(const char *path, const wn__safetensors *file, const wn__params *params)
{
    int masks = 0, ndim;
    int64_t dim[WN_MAX_DIMS];
    for (int i = 0; i < wn__safetensors_count(file); i++) {
        const wn__st_tensor *t = wn__safetensors_at(file, i), *same;
        if (!is_mask(t)) continue;
        const wn__param *p = owner_of(file, t, params);
        if (!p) return no_owner(path, t);
        wn__basis_shape(p, &ndim, dim);
        WN_TRY(wn__safetensors_need(file, t->name, ndim, dim, &same));
        masks++;
    }
    return masks ? WN_OK : wn__fail(WN_EMISMATCH, "%s: holds no masks (tensors named \"<weight>_mask\")", path);
}

wn_status wn__masks_load(const char *path, wn__params *params)
{
    wn__safetensors *file;
    WN_TRY(wn__weights_open(path, NULL, &file));
    wn_status status = check_masks(path, file, params);
    char name[NAME];
    for (int i = 0; i < params->count && status == WN_OK; i++) {
        wn__param *p = &params->item[i];
        snprintf(name, sizeof name, "%s_mask", p->name);
        const wn__st_tensor *t = wn__safetensors_find(file, name);
        status = wn__params_set_mask(params, p, t ? t->data : NULL);
    }
    wn__safetensors_close(file);
    return status;
}

static int64_t zeros_in(const wn__st_tensor *t)
{
    const uint8_t *mask = t->data;
    int64_t zeros = 0;
    for (int64_t i = 0; i < t->count; i++)
        zeros += mask[i] == 0;
    return zeros;
}

static wn_status no_masks(const char *path) { return wn__fail(WN_EMISMATCH, "%s: holds no masks (tensors named \"<weight>_mask\")", path); }

wn_status wn__masks_file_sparsity(const char *path, double *sparsity)
{
    wn__safetensors *file;
    int64_t count = 0, zeros = 0;
    WN_TRY(wn__weights_open(path, NULL, &file));
    for (int i = 0; i < wn__safetensors_count(file); i++) {
        const wn__st_tensor *t = wn__safetensors_at(file, i);
        if (!is_mask(t)) continue;
        zeros += zeros_in(t);
        count += t->count;
    }
    wn__safetensors_close(file);
    if (count == 0) return no_masks(path);
    *sparsity = (double)zeros / (double)count;
    return WN_OK;
}

static wn_status read_densities(const char *path, const wn__safetensors *file, const wn__params *params, double *density)
{
    int masks = 0;
    for (int i = 0; i < params->count; i++)
        density[i] = 1;
    for (int i = 0; i < wn__safetensors_count(file); i++) {
        const wn__st_tensor *t = wn__safetensors_at(file, i);
        if (!is_mask(t) || t->count == 0) continue;
        const wn__param *p = owner_of(file, t, params);
        if (!p) return no_owner(path, t);
        density[p - params->item] = 1 - (double)zeros_in(t) / (double)t->count;
        masks++;
    }
    return masks ? WN_OK : no_masks(path);
}

wn_status wn__masks_file_densities(const char *path, const wn__params *params, double *density)
{
    wn__safetensors *file;
    WN_TRY(wn__weights_open(path, NULL, &file));
    const wn_status status = read_densities(path, file, params, density);
    wn__safetensors_close(file);
    return status;
}
