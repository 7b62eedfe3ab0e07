#include "network/network_file.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/transform.h"
#include "io/jsonl.h"
#include "network/misfit.h"
#include "network/weights_file.h"
#include "sparse/basis/basis_map.h"
#include "tensor/compression.h"

#define NAME 320

/* What the file holds of a parameter: the weight's shape, or a row of stored values under a map. */
static void shape_of(const wn__param *p, int *ndim, int64_t dim[WN_MAX_DIMS])
{
    *ndim = p->map ? 1 : p->ndim;
    for (int d = 0; d < *ndim; d++)
        dim[d] = p->map ? p->stored : p->dim[d];
}

/* ---- writing */

static wn_status add_text(wn__st_writer *w, const char *key, wn__text *t)
{
    const wn_status status = t->failed ? wn__no_memory(t->size) : wn__st_writer_meta(w, key, t->data);
    wn__text_release(t);
    return status;
}

static wn_status add_floats(wn__st_writer *w, const char *key, const float *values, int count)
{
    wn__text t = {0};
    wn__json_float_array(&t, values, count);
    return add_text(w, key, &t);
}

static wn_status add_class_names(wn__st_writer *w, const wn__sample_spec *s)
{
    wn__text t = {0};
    wn__json_text_array(&t, s->class_names, s->classes);
    return add_text(w, "class_names", &t);
}

static wn_status add_fit(wn__st_writer *w, const wn__transforms *fit)
{
    wn__text t = {0};
    wn__transforms_write(fit, &t);
    return add_text(w, "evaluate", &t);
}

static wn_status add_info(wn__st_writer *w, const wn__network_info *info)
{
    WN_TRY(wn__st_writer_meta(w, "format", "winnow"));
    if (info->graph) {
        char input[80];
        snprintf(input, sizeof input, "%" PRId64 "x%" PRId64 "x%" PRId64, info->graph->c, info->graph->h, info->graph->w);
        WN_TRY(wn__st_writer_meta(w, "arch", info->graph->name));
        WN_TRY(wn__st_writer_meta(w, "input", input));
        WN_TRY(wn__st_writer_meta_int(w, "classes", wn__graph_classes(info->graph)));
    }
    if (info->recipe) WN_TRY(wn__st_writer_meta(w, "recipe", info->recipe));
    if (info->data && info->data->type) WN_TRY(wn__st_writer_meta(w, "dataset", info->data->type->name));
    if (info->data && info->data->facts.sample.class_names) WN_TRY(add_class_names(w, &info->data->facts.sample));
    if (info->data && info->data->fit) WN_TRY(add_fit(w, info->data->fit));
    if (info->normalize) {
        const int channels = info->data ? info->data->facts.sample.channels : WN__MAX_CHANNELS;
        WN_TRY(wn__st_writer_meta(w, "normalize", info->normalize->name ? info->normalize->name : "unnamed"));
        if (info->normalize->kind != WN__NORMALIZE_MEAN_STD) return WN_OK;
        WN_TRY(add_floats(w, "mean", info->normalize->mean, channels));
        WN_TRY(add_floats(w, "std", info->normalize->std, channels));
    }
    return WN_OK;
}

/* The dense form of a compressed weight, as wn__st_fill; arg: the parameter. */
static void fill_values(const void *arg, int64_t first, int64_t count, void *out)
{
    const wn__param *p = arg;
    wn__pattern_scatter_part(p->pattern, p->value, first, count, out);
}

static void fill_mask(const void *arg, int64_t first, int64_t count, void *out)
{
    wn__pattern_mask_part(((const wn__param *)arg)->pattern, first, count, out);
}

static wn_status add_dense(wn__st_writer *w, const wn__param *p)
{
    char name[NAME];
    snprintf(name, sizeof name, "%s_mask", p->name);
    WN_TRY(wn__st_writer_add_filled(w, p->name, WN__ST_F32, p->ndim, p->dim, fill_values, p));
    return wn__st_writer_add_filled(w, name, WN__ST_U8, p->ndim, p->dim, fill_mask, p);
}

static const char *slot_name(const wn__optimizer_type *optimizer, int slot)
{
    return slot == WN__AVERAGE ? "average" : optimizer->slot_names[slot];
}

static wn_status add_slots(wn__st_writer *w, const wn__param *p, const wn__optimizer_type *optimizer, int ndim, const int64_t *dim)
{
    char name[NAME];
    for (int s = 0; optimizer && s < WN__SLOTS; s++) {
        if (!p->slot[s] || !slot_name(optimizer, s)) continue;
        snprintf(name, sizeof name, "%s.%s", p->name, slot_name(optimizer, s));
        WN_TRY(wn__st_writer_add(w, name, WN__ST_F32, ndim, dim, p->slot[s]));
    }
    return WN_OK;
}

static wn_status add_part(wn__st_writer *w, const wn__param *p, const char *part, wn__st_dtype dtype, int64_t count, const void *data)
{
    char name[NAME];
    snprintf(name, sizeof name, "%s.%s", p->name, part);
    return wn__st_writer_add(w, name, dtype, 1, &count, data);
}

static wn_status add_compressed(wn__st_writer *w, const wn__param *p, const wn__optimizer_type *optimizer)
{
    const wn__pattern *q = p->pattern;
    WN_TRY(add_part(w, p, "shape", WN__ST_I64, p->ndim, p->dim));
    WN_TRY(add_part(w, p, "row_start", WN__ST_I64, q->rows + 1, q->row_start));
    WN_TRY(add_part(w, p, "columns", WN__ST_I32, q->stored, q->column));
    WN_TRY(add_part(w, p, "values", WN__ST_F32, q->stored, p->value));
    return add_slots(w, p, optimizer, 1, &q->stored);
}

/* The weight that a map makes of what is stored, as wn__st_fill. Pieces come in order, the first makes it. */
static void fill_weight(const void *arg, int64_t first, int64_t count, void *out)
{
    const wn__param *p = arg;
    if (first == 0) (void)p->map->materialise(p, p->value, p->room);
    memcpy(out, p->room + first, (size_t)count * sizeof(float));
}

static wn_status add_param(wn__st_writer *w, const wn__param *p, wn__network_form form, const wn__optimizer_type *optimizer)
{
    if (p->map && form == WN__FORM_DENSE && !optimizer)
        return wn__st_writer_add_filled(w, p->name, WN__ST_F32, p->ndim, p->dim, fill_weight, p);
    if (p->pattern && form == WN__FORM_DENSE && !optimizer && p->count <= WN__MOST_DENSE) return add_dense(w, p);
    if (p->pattern) return add_compressed(w, p, optimizer);
    char name[NAME];
    int ndim;
    int64_t dim[WN_MAX_DIMS];
    shape_of(p, &ndim, dim);
    WN_TRY(wn__st_writer_add(w, p->name, WN__ST_F32, ndim, dim, p->value));
    if (p->mask) {
        snprintf(name, sizeof name, "%s_mask", p->name);
        WN_TRY(wn__st_writer_add(w, name, WN__ST_U8, ndim, dim, p->mask));
    }
    return add_slots(w, p, optimizer, ndim, dim);
}

wn_status wn__network_add(wn__st_writer *w, const wn__network_info *info, const wn__params *params, wn__network_form form,
                          const wn__optimizer_type *optimizer)
{
    WN_TRY(add_info(w, info));
    for (int i = 0; i < params->count; i++)
        WN_TRY(add_param(w, &params->item[i], form, optimizer));
    return form == WN__FORM_DENSE && !optimizer ? wn__basis_add(w, params, true) : WN_OK;
}

wn_status wn__network_save(const char *path, const wn__network_info *info, const wn__params *params, const wn__file_traits *traits)
{
    wn__st_writer *w;
    WN_TRY(wn__st_writer_new(&w));
    wn_status status = wn__network_add(w, info, params, WN__FORM_DENSE, NULL);
    if (status == WN_OK && traits) status = wn__file_traits_add(traits, params, WN__ST_OTHER, w);
    wn__st_writer_compress(w);
    if (status == WN_OK) status = wn__st_writer_write(w, path);
    wn__st_writer_free(w);
    return status;
}

/* ---- reading: what the file holds of one parameter, dense or compressed, goes into the form that the parameter has */

typedef struct source {
    const wn__safetensors *file;
    const wn__param *param;
    bool compressed;     /* in the file; then: */
    wn__pattern pattern; /* owned */
} source;

static void name_part(const wn__param *p, const char *part, char name[NAME]) { snprintf(name, NAME, "%s.%s", p->name, part); }

static wn_status need(const wn__safetensors *file, const char *name, int ndim, const int64_t *dim, const wn__st_tensor **tensor)
{
    const wn_status status = wn__safetensors_need(file, name, ndim, dim, tensor);
    if (status != WN_ENOTFOUND && status != WN_EMISMATCH) return status;
    const char *arch = wn__safetensors_meta(file, "arch");
    return wn__fail_within(WN_EMISMATCH, "weights of another network%s%s: ", arch ? ", " : "", arch ? arch : "");
}

static wn_status need_floats(const wn__safetensors *file, const char *name, int ndim, const int64_t *dim, const wn__st_tensor **tensor)
{
    WN_TRY(need(file, name, ndim, dim, tensor));
    if (wn__st_is_float((*tensor)->dtype)) return WN_OK;
    return wn__fail(WN_EMISMATCH, "%s is of type %s, must be floats", name, wn__st_type(*tensor));
}

/* A whole number tensor of one dimension (count -1: any), copied, since files of others need not align it. */
static wn_status copy_indices(const source *s, const char *part, wn__st_dtype dtype, int64_t count, int64_t *found, void **out)
{
    char name[NAME];
    const wn__st_tensor *t;
    name_part(s->param, part, name);
    WN_TRY(need(s->file, name, count < 0 ? -1 : 1, &count, &t));
    if (t->ndim != 1 || t->dtype != dtype)
        return wn__fail(WN_EFORMAT, "%s is of type %s and %d dimensions, must be %s and one", name, wn__st_type(t), t->ndim,
                        wn__st_dtype_name(dtype));
    void *copy = wn__alloc_array(t->count, (size_t)wn__st_dtype_size(dtype));
    if (!copy) return wn__no_memory((size_t)t->count);
    if (t->count) memcpy(copy, t->data, (size_t)t->count * (size_t)wn__st_dtype_size(dtype));
    *found = t->count;
    *out = copy;
    return WN_OK;
}

static wn_status read_pattern(source *s)
{
    const wn__param *p = s->param;
    const int64_t rows = p->dim[0], columns = p->count / rows;
    void *starts = NULL, *places = NULL;
    int64_t *row_start, found, stored;
    wn_status status = copy_indices(s, "row_start", WN__ST_I64, rows + 1, &found, &starts);
    if (status == WN_OK) status = copy_indices(s, "columns", WN__ST_I32, -1, &stored, &places);
    row_start = starts;
    if (status == WN_OK && row_start[rows] != stored)
        status =
            wn__fail(WN_EFORMAT, "%s.row_start ends at %" PRId64 ", but %" PRId64 " columns are there", p->name, row_start[rows], stored);
    if (status == WN_OK) {
        status = wn__pattern_from_rows(rows, columns, row_start, places, &s->pattern);
        if (status == WN_EINVAL) status = wn__fail_within(WN_EFORMAT, "%s: ", p->name);
    }
    wn__free(starts);
    wn__free(places);
    return status;
}

static wn_status open_source(const wn__safetensors *file, const wn__param *p, source *out)
{
    char name[NAME];
    source s = {.file = file, .param = p};
    name_part(p, "shape", name);
    const wn__st_tensor *shape = p->map ? NULL : wn__safetensors_find(file, name);
    if (shape) {
        int64_t dim[WN_MAX_DIMS];
        if (shape->dtype != WN__ST_I64 || shape->ndim != 1 || shape->count > WN_MAX_DIMS)
            return wn__fail(WN_EFORMAT, "%s is no shape of a weight", name);
        memcpy(dim, shape->data, (size_t)shape->count * sizeof *dim);
        if (shape->count != p->ndim || memcmp(dim, p->dim, (size_t)p->ndim * sizeof *dim) != 0)
            return wn__fail(WN_EMISMATCH, "weights of another network: %s has another shape", p->name);
        s.compressed = true;
        WN_TRY(read_pattern(&s));
    }
    *out = s;
    return WN_OK;
}

/* Name and shape of "<name>" or of its slot in the file. */
static void place_of(const source *s, const char *slot, char name[NAME], int *ndim, int64_t dim[WN_MAX_DIMS])
{
    shape_of(s->param, ndim, dim);
    if (s->compressed) {
        *ndim = 1;
        dim[0] = s->pattern.stored;
    }
    if (slot || s->compressed)
        name_part(s->param, slot ? slot : "values", name);
    else
        snprintf(name, NAME, "%s", s->param->name);
}

static wn_status check_array(const source *s, const char *slot)
{
    char name[NAME];
    int ndim;
    int64_t dim[WN_MAX_DIMS];
    const wn__st_tensor *t;
    place_of(s, slot, name, &ndim, dim);
    return need_floats(s->file, name, ndim, dim, &t);
}

static wn_status check_param(const source *s, int parts, const wn__optimizer_type *optimizer)
{
    const wn__param *p = s->param;
    char name[NAME];
    int ndim;
    int64_t dim[WN_MAX_DIMS];
    const wn__st_tensor *tensor;
    if (parts & WN__PART_VALUES) WN_TRY(check_array(s, NULL));
    for (int k = 0; (parts & WN__PART_SLOTS) && k < WN__SLOTS; k++)
        if (p->slot[k] && slot_name(optimizer, k)) WN_TRY(check_array(s, slot_name(optimizer, k)));
    snprintf(name, sizeof name, "%s_mask", p->name);
    if (!(parts & WN__PART_MASKS) || s->compressed || !wn__safetensors_find(s->file, name)) return WN_OK;
    shape_of(p, &ndim, dim);
    WN_TRY(need(s->file, name, ndim, dim, &tensor));
    if (tensor->dtype != WN__ST_U8 && tensor->dtype != WN__ST_BOOL)
        return wn__fail(WN_EMISMATCH, "%s is of type %s, must be U8 or BOOL", name, wn__st_type(tensor));
    return WN_OK;
}

/* Everything that reading needs is there in the right shape and type. */
static wn_status check(const wn__safetensors *file, int parts, const wn__optimizer_type *optimizer, const bool *left_out,
                       const wn__params *params)
{
    for (int i = 0; i < params->count; i++) {
        if (left_out && left_out[i]) continue;
        source s;
        WN_TRY(open_source(file, &params->item[i], &s));
        const wn_status status = check_param(&s, parts, optimizer);
        wn__pattern_release(&s.pattern);
        WN_TRY(status);
    }
    return WN_OK;
}

static wn_status read_mask(const source *s, wn__params *set, wn__param *p)
{
    char name[NAME];
    snprintf(name, sizeof name, "%s_mask", p->name);
    const wn__st_tensor *mask = s->compressed ? NULL : wn__safetensors_find(s->file, name);
    if (!s->compressed) return wn__params_set_mask(set, p, mask ? mask->data : NULL);
    if (p->pattern) return wn__params_set_pattern(set, p, &s->pattern);
    uint8_t *bytes = wn__alloc((size_t)p->count);
    if (!bytes) return wn__no_memory((size_t)p->count);
    wn__pattern_mask(&s->pattern, bytes);
    const wn_status status = wn__param_set_mask(p, bytes);
    wn__free(bytes);
    return status;
}

/* The entries of `to` out of a dense tensor. */
static void pick_floats(const wn__st_tensor *t, const wn__pattern *to, float *out)
{
    for (int64_t r = 0; r < to->rows; r++)
        for (int64_t e = to->row_start[r]; e < to->row_start[r + 1]; e++)
            out[e] = wn__st_float(t, r * to->columns + to->column[e]);
}

static wn_status read_array(const source *s, const char *slot, const wn__param *p, float *out)
{
    char name[NAME];
    int ndim;
    int64_t dim[WN_MAX_DIMS];
    const wn__st_tensor *t;
    place_of(s, slot, name, &ndim, dim);
    if (!s->compressed && !p->pattern) return wn__safetensors_floats(s->file, name, ndim, dim, out);
    WN_TRY(need_floats(s->file, name, ndim, dim, &t));
    if (!s->compressed) {
        pick_floats(t, p->pattern, out);
        return WN_OK;
    }
    float *values = WN_NEW_ARRAY(float, t->count);
    if (!values) return wn__no_memory((size_t)t->count * sizeof(float));
    for (int64_t e = 0; e < t->count; e++)
        values[e] = wn__st_float(t, e);
    if (p->pattern)
        wn__pattern_transfer(&s->pattern, values, p->pattern, out);
    else
        wn__pattern_scatter(&s->pattern, values, out);
    wn__free(values);
    return WN_OK;
}

static wn_status read_param(const source *s, int parts, const wn__optimizer_type *optimizer, wn__params *set, wn__param *p)
{
    if (parts & WN__PART_MASKS) WN_TRY(read_mask(s, set, p));
    if (parts & WN__PART_VALUES) WN_TRY(read_array(s, NULL, p, p->value));
    for (int k = 0; (parts & WN__PART_SLOTS) && k < WN__SLOTS; k++)
        if (p->slot[k] && slot_name(optimizer, k)) WN_TRY(read_array(s, slot_name(optimizer, k), p, p->slot[k]));
    wn__param_apply_mask(p);
    return WN_OK;
}

static bool has_maps(const wn__params *params)
{
    for (int i = 0; i < params->count; i++)
        if (params->item[i].map) return true;
    return false;
}

/* All that does not fit, in place of the message on the first that does not. */
static wn_status tell_misfits(const wn__safetensors *file, const wn__params *params)
{
    const char *arch = wn__safetensors_meta(file, "arch");
    wn__wanted *wanted = wn__wanted_of_params(params);
    wn__text text = {0};
    wn_status status = WN_EMISMATCH;
    if (wanted) wn__misfits_show(file, wanted, params->count, &text);
    if (text.size && !text.failed)
        status = wn__fail(status, "weights of another network%s%s: %s", arch ? ", " : "", arch ? arch : "", text.data);
    wn__text_release(&text);
    wn__free(wanted);
    return status;
}

wn_status wn__network_read(const wn__safetensors *file, int parts, const wn__optimizer_type *optimizer, wn__params *params)
{
    const wn_status status = wn__network_read_some(file, parts, optimizer, NULL, params);
    if (status == WN_EMISMATCH && (parts & WN__PART_VALUES) && !has_maps(params)) return tell_misfits(file, params);
    return status;
}

wn_status wn__network_read_some(const wn__safetensors *file, int parts, const wn__optimizer_type *optimizer, const bool *left_out,
                                wn__params *params)
{
    assert(optimizer || !(parts & WN__PART_SLOTS));
    WN_TRY(check(file, parts, optimizer, left_out, params));
    for (int i = 0; i < params->count; i++) {
        if (left_out && left_out[i]) continue;
        source s;
        WN_TRY(open_source(file, &params->item[i], &s));
        const wn_status status = read_param(&s, parts, optimizer, params, &params->item[i]);
        wn__pattern_release(&s.pattern);
        WN_TRY(status);
    }
    params->version++;
    return WN_OK;
}

wn_status wn__network_load(const char *path, int parts, wn__params *params)
{
    wn__safetensors *file;
    WN_TRY(wn__weights_open(path, NULL, &file));
    const wn_status status = wn__network_read(file, parts, NULL, params);
    wn__safetensors_close(file);
    return status == WN_OK ? status : wn__fail_within(status, "%s: ", path);
}
