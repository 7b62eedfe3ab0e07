#include "network/file_traits.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/text.h"
#include "nn/optimizer.h"

enum { MOST_NAMED = 4 };

/* ---- reading */

/* What files here have of a parameter beside its values: masks, the parts of compressed ones and of those under a basis, and what goes with training. */
static const char *const parts[] = {"_mask", ".shape", ".row_start", ".columns", ".values",   ".coefficients",     ".coefficients_mask",
                                    ".left", ".right", ".rank",      ".average", ".explored", ".gradient_average", ".drop_threshold",
                                    NULL};

static bool is_slot(const char *part)
{
    for (int i = 0; wn__optimizers[i]; i++)
        for (int k = 0; k < WN__SLOTS; k++)
            if (wn__optimizers[i]->slot_names[k] && strcmp(part, wn__optimizers[i]->slot_names[k]) == 0) return true;
    return false;
}

/* Is the tensor a parameter ("conv1.weight"), or a part of one ("conv1.weight_mask", "conv1.weight.momentum")? */
static bool is_of(const char *name, const wn__param *p)
{
    const size_t length = strlen(p->name);
    if (strncmp(name, p->name, length) != 0) return false;
    if (!name[length] || (name[length] == '.' && is_slot(name + length + 1))) return true;
    for (int i = 0; parts[i]; i++)
        if (strcmp(name + length, parts[i]) == 0) return true;
    return false;
}

static bool is_known(const char *name, const wn__params *params)
{
    for (int i = 0; i < params->count; i++)
        if (is_of(name, &params->item[i])) return true;
    return false;
}

static bool is_half(wn__st_dtype dtype) { return dtype == WN__ST_F16 || dtype == WN__ST_BF16; }

static wn_status keep(wn__file_traits *o, const wn__st_tensor *t, bool with_data)
{
    const size_t bytes = with_data ? (size_t)wn__st_bytes(t) : 0;
    void *data = with_data ? wn__alloc(bytes + 1) : NULL;
    char *name = wn__strdup(t->name);
    wn_status status = name && (data || !with_data) ? wn__make_room(&o->tensor, o->count, sizeof *o->tensor) : wn__no_memory(bytes);
    if (status != WN_OK) {
        wn__free(name);
        wn__free(data);
        return status;
    }
    if (bytes) memcpy(data, t->data, bytes);
    o->tensor[o->count] = *t;
    o->tensor[o->count].name = name;
    o->tensor[o->count++].data = data;
    return WN_OK;
}

static void add_name(wn__text *names, int index, const char *name)
{
    if (index < MOST_NAMED) wn__text_add(names, "%s%s", index ? ", " : "", name);
    if (index == MOST_NAMED) wn__text_add(names, " ...");
}

static void tell(const char *label, const char *what, int count, wn__text *names)
{
    if (count && !names->failed)
        wn__log(WN_LOG_INFO, "%s: %d tensors that the network does not have are left out, %s: %s", label, count, what, names->data);
    wn__text_release(names);
}

static wn_status read_all(const char *label, const wn__safetensors *file, const wn__params *params, wn__file_traits *o)
{
    wn__text lost = {0};
    int left_out = 0;
    wn_status status = WN_OK;
    for (int i = 0; status == WN_OK && i < wn__safetensors_count(file); i++) {
        const wn__st_tensor *t = wn__safetensors_at(file, i);
        const bool known = is_known(t->name, params);
        if (!known && t->dtype == WN__ST_OTHER)
            add_name(&lost, left_out++, t->name);
        else if (!known || is_half(t->dtype))
            status = keep(o, t, !known);
    }
    tell(label, "of a type that is not known here", left_out, &lost);
    return status;
}

wn_status wn__file_traits_read(const char *label, const wn__safetensors *file, const wn__params *params, wn__file_traits *out)
{
    *out = (wn__file_traits){0};
    const wn_status status = read_all(label, file, params, out);
    if (status != WN_OK) wn__file_traits_release(out);
    return status;
}

/* ---- writing */

wn_status wn__file_traits_add(const wn__file_traits *o, const wn__params *params, wn__st_dtype values, wn__st_writer *w)
{
    for (int i = 0; i < params->count; i++)
        WN_TRY(wn__st_writer_set_type(w, params->item[i].name, values));
    for (int i = 0; i < o->count; i++) {
        const wn__st_tensor *t = &o->tensor[i];
        if (t->data)
            WN_TRY(wn__st_writer_add(w, t->name, t->dtype, t->ndim, t->dim, t->data));
        else if (values == WN__ST_OTHER)
            WN_TRY(wn__st_writer_set_type(w, t->name, t->dtype));
    }
    return WN_OK;
}

void wn__file_traits_tell_left_out(const char *label, const wn__file_traits *o, const char *why)
{
    wn__text names = {0};
    int count = 0;
    for (int i = 0; i < o->count; i++)
        if (o->tensor[i].data && o->tensor[i].ndim > 0) add_name(&names, count++, o->tensor[i].name);
    tell(label, why, count, &names);
}

void wn__file_traits_forget_types(wn__file_traits *o)
{
    int kept = 0;
    for (int i = 0; i < o->count; i++) {
        if (o->tensor[i].data)
            o->tensor[kept++] = o->tensor[i];
        else
            wn__free((char *)o->tensor[i].name);
    }
    o->count = kept;
}

void wn__file_traits_release(wn__file_traits *o)
{
    for (int i = 0; i < o->count; i++) {
        wn__free((char *)o->tensor[i].name);
        wn__free((void *)o->tensor[i].data);
    }
    wn__free(o->tensor);
    *o = (wn__file_traits){0};
}
