#include "train/network_file.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "io/jsonl.h"

#define NAME 320

/* What the file holds of a parameter: the weight's shape, or a row of stored values under a map. */
static void shape_of(const wn__param *p, int *ndim, int64_t dim[WN_MAX_DIMS])
{
    *ndim = p->map ? 1 : p->ndim;
    for (int d = 0; d < *ndim; d++)
        dim[d] = p->map ? p->stored : p->dim[d];
}

/* ---- writing */

static wn_status add_floats(wn__st_writer *w, const char *key, const float *values, int count)
{
    wn__text t = {0};
    char number[WN__REAL_TEXT];
    for (int i = 0; i < count; i++)
        wn__text_add(&t, "%s%s", i ? ", " : "[", wn__show_float(values[i], number));
    wn__text_add(&t, "]");
    const wn_status status = t.failed ? wn__no_memory(t.size) : wn__st_writer_meta(w, key, t.data);
    wn__text_release(&t);
    return status;
}

static wn_status add_class_names(wn__st_writer *w, const wn__dataset *data)
{
    json_t *names = json_array();
    for (int k = 0; k < data->classes; k++)
        json_array_append_new(names, json_string(data->class_names[k]));
    char *text = names ? json_dumps(names, JSON_COMPACT) : NULL;
    const wn_status status = text ? wn__st_writer_meta(w, "class_names", text) : wn__no_memory(1);
    free(text);
    json_decref(names);
    return status;
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
    if (info->data && info->data->class_names) WN_TRY(add_class_names(w, info->data));
    if (info->normalize) {
        const int channels = info->data ? info->data->channels : WN__MAX_CHANNELS;
        WN_TRY(wn__st_writer_meta(w, "normalize", info->normalize->name ? info->normalize->name : "unnamed"));
        if (info->normalize->kind == WN__NORMALIZE_PER_IMAGE) return WN_OK;
        WN_TRY(add_floats(w, "mean", info->normalize->mean, channels));
        WN_TRY(add_floats(w, "std", info->normalize->std, channels));
    }
    return WN_OK;
}

static wn_status add_param(wn__st_writer *w, const wn__param *p, const wn__optimizer_type *optimizer)
{
    char name[NAME];
    int ndim;
    int64_t dim[WN_MAX_DIMS];
    shape_of(p, &ndim, dim);
    WN_TRY(wn__st_writer_add(w, p->name, WN__ST_F32, ndim, dim, p->value));
    if (p->mask) {
        snprintf(name, sizeof name, "%s_mask", p->name);
        WN_TRY(wn__st_writer_add(w, name, WN__ST_U8, ndim, dim, p->mask));
    }
    for (int s = 0; optimizer && s < WN__SLOTS; s++) {
        if (!p->slot[s] || !optimizer->slot_names[s]) continue;
        snprintf(name, sizeof name, "%s.%s", p->name, optimizer->slot_names[s]);
        WN_TRY(wn__st_writer_add(w, name, WN__ST_F32, ndim, dim, p->slot[s]));
    }
    return WN_OK;
}

wn_status wn__network_add(wn__st_writer *w, const wn__network_info *info, const wn__params *params, const wn__optimizer_type *optimizer)
{
    WN_TRY(add_info(w, info));
    for (int i = 0; i < params->count; i++)
        WN_TRY(add_param(w, &params->item[i], optimizer));
    return WN_OK;
}

wn_status wn__network_save(const char *path, const wn__network_info *info, const wn__params *params)
{
    wn__st_writer *w;
    WN_TRY(wn__st_writer_new(&w));
    wn_status status = wn__network_add(w, info, params, NULL);
    if (status == WN_OK) status = wn__st_writer_write(w, path);
    wn__st_writer_free(w);
    return status;
}

/* ---- reading */

static wn_status need(const wn__safetensors *file, const char *name, const wn__param *p, const wn__st_tensor **tensor)
{
    int ndim;
    int64_t dim[WN_MAX_DIMS];
    shape_of(p, &ndim, dim);
    const wn_status status = wn__safetensors_need(file, name, ndim, dim, tensor);
    if (status != WN_ENOTFOUND && status != WN_EMISMATCH) return status;
    const char *arch = wn__safetensors_meta(file, "arch");
    return wn__fail_within(WN_EMISMATCH, "weights of another network%s%s: ", arch ? ", " : "", arch ? arch : "");
}

static wn_status check_slots(const wn__safetensors *file, const wn__optimizer_type *optimizer, const wn__param *p)
{
    char name[NAME];
    const wn__st_tensor *tensor;
    for (int s = 0; s < WN__SLOTS; s++) {
        if (!p->slot[s] || !optimizer->slot_names[s]) continue;
        snprintf(name, sizeof name, "%s.%s", p->name, optimizer->slot_names[s]);
        WN_TRY(need(file, name, p, &tensor));
    }
    return WN_OK;
}

/* Everything that reading needs is there in the right shape and type. */
static wn_status check(const wn__safetensors *file, int parts, const wn__optimizer_type *optimizer, const wn__params *params)
{
    char name[NAME];
    const wn__st_tensor *tensor;
    for (int i = 0; i < params->count; i++) {
        const wn__param *p = &params->item[i];
        if (parts & WN__PART_VALUES) WN_TRY(need(file, p->name, p, &tensor));
        snprintf(name, sizeof name, "%s_mask", p->name);
        if ((parts & WN__PART_MASKS) && wn__safetensors_find(file, name)) {
            WN_TRY(need(file, name, p, &tensor));
            if (tensor->dtype != WN__ST_U8 && tensor->dtype != WN__ST_BOOL)
                return wn__fail(WN_EMISMATCH, "%s is of type %s, must be U8 or BOOL", name, wn__st_dtype_name(tensor->dtype));
        }
        if (parts & WN__PART_SLOTS) WN_TRY(check_slots(file, optimizer, p));
    }
    return WN_OK;
}

static wn_status read_floats(const wn__safetensors *file, const char *name, const wn__param *p, float *out)
{
    int ndim;
    int64_t dim[WN_MAX_DIMS];
    shape_of(p, &ndim, dim);
    return wn__safetensors_floats(file, name, ndim, dim, out);
}

static wn_status read_param(const wn__safetensors *file, int parts, const wn__optimizer_type *optimizer, wn__param *p)
{
    char name[NAME];
    snprintf(name, sizeof name, "%s_mask", p->name);
    if (parts & WN__PART_MASKS) {
        const wn__st_tensor *mask = wn__safetensors_find(file, name);
        WN_TRY(wn__param_set_mask(p, mask ? mask->data : NULL));
    }
    if (parts & WN__PART_VALUES) WN_TRY(read_floats(file, p->name, p, p->value));
    for (int s = 0; (parts & WN__PART_SLOTS) && s < WN__SLOTS; s++) {
        if (!p->slot[s] || !optimizer->slot_names[s]) continue;
        snprintf(name, sizeof name, "%s.%s", p->name, optimizer->slot_names[s]);
        WN_TRY(read_floats(file, name, p, p->slot[s]));
    }
    wn__param_apply_mask(p);
    return WN_OK;
}

wn_status wn__network_read(const wn__safetensors *file, int parts, const wn__optimizer_type *optimizer, wn__params *params)
{
    assert(optimizer || !(parts & WN__PART_SLOTS));
    WN_TRY(check(file, parts, optimizer, params));
    for (int i = 0; i < params->count; i++)
        WN_TRY(read_param(file, parts, optimizer, &params->item[i]));
    params->version++;
    return WN_OK;
}

wn_status wn__network_load(const char *path, int parts, wn__params *params)
{
    wn__safetensors *file;
    WN_TRY(wn__safetensors_open(path, &file));
    const wn_status status = wn__network_read(file, parts, NULL, params);
    wn__safetensors_close(file);
    return status == WN_OK ? status : wn__fail_within(status, "%s: ", path);
}
