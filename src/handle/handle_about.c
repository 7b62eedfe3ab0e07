/* What a network is for: its data set, names of classes, how pixels become inputs. */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/catalog.h"
#include "data/pictures.h"
#include "data/targets.h"
#include "handle/handle.h"

static const char *text_of(const wn__shared *s, const char *key) { return json_string_value(json_object_get(s->meta, key)); }

/* ---- what the file says of itself */

static wn_status keep_meta(const wn__safetensors *file, wn__shared *s)
{
    if (!file) return WN_OK;
    if (!(s->meta = json_object())) return wn__no_memory(64);
    for (int i = 0; i < wn__safetensors_meta_count(file); i++) {
        const char *key, *value;
        wn__safetensors_meta_at(file, i, &key, &value);
        if (json_object_set_new(s->meta, key, json_string(value)) != 0) return wn__no_memory(strlen(value));
    }
    return WN_OK;
}

/* "[0.49, 0.48, 0.45]"; false if that is not what it is. */
static bool read_numbers(const char *text, int64_t count, float *out)
{
    json_t *list = text ? json_loads(text, 0, NULL) : NULL;
    bool good = list && count <= WN__MAX_CHANNELS && json_array_size(list) >= (size_t)count;
    for (int64_t i = 0; good && i < count; i++) {
        const json_t *number = json_array_get(list, (size_t)i);
        good = json_is_number(number);
        out[i] = (float)json_number_value(number);
    }
    json_decref(list);
    return good;
}

static bool file_says_normalize(const wn__shared *s, wn__normalize *out)
{
    const int64_t channels = s->recipe->graph->c;
    *out = (wn__normalize){.name = text_of(s, "normalize")};
    if (wn__transforms_normalize(&s->recipe->data.fit, (int)channels, out)) return true;
    if (!out->name) out->name = "listed"; /* by its constants alone */
    if (strcmp(out->name, "per-image") == 0) {
        out->kind = WN__NORMALIZE_PER_IMAGE;
        return true;
    }
    bool good = read_numbers(text_of(s, "mean"), channels, out->mean) && read_numbers(text_of(s, "std"), channels, out->std);
    for (int64_t i = 0; good && i < channels; i++)
        good = out->std[i] > 0; /* 0: of inputs that are no pixels */
    return good;
}

/* ---- by the recipe, else by the file */

/* How pictures get the network's size. */
static wn_status find_fit(wn__shared *s)
{
    const char *evaluate = text_of(s, "evaluate");
    wn__data_section *d = &s->recipe->data;
    return evaluate && !d->type && d->fit.count == 0 ? wn__data_section_read_fit(d, evaluate) : WN_OK;
}

/* The type of a set of pictures that is not here; NULL: it is none, or here. */
static const wn__dataset_type *absent_pictures(const wn__data_section *d)
{
    const wn__dataset_type *type = d->absent && !d->type ? wn__dataset_hold(d->absent) : NULL;
    const bool pictures = type && type->open == wn__pictures_open;
    if (type) wn__dataset_drop(type); /* those of pictures stay */
    return pictures ? type : NULL;
}

/* They have one class a picture, unless the recipe says otherwise; what other sets have, their files say. */
static const char *targets_of(const wn__recipe *r)
{
    const wn__data_section *d = &r->data;
    if (d->type) return wn__target_kind_name(d->facts.sample.target);
    if (!absent_pictures(d)) return NULL;
    const wn__yaml_node *said = wn__yaml_find(wn__yaml_find(wn__yaml_root(r->doc), "data"), "target");
    const bool several = said && wn__yaml_text(said) && strcmp(wn__yaml_text(said), "classes") == 0;
    return wn__target_kind_name(several ? WN_TARGET_CLASSES : WN_TARGET_CLASS);
}

static void find_normalize(wn__shared *s)
{
    const wn__data_section *d = &s->recipe->data;
    const int channels = (int)s->recipe->graph->c;
    const wn__dataset here = {.type = d->type, .facts = d->facts};
    const wn__dataset absent = {.type = absent_pictures(d), .facts.sample.channels = channels};
    wn__normalize found;
    if (d->type && d->facts.sample.channels == channels && wn__data_section_normalize(d, &here, &found) == WN_OK)
        s->normalize = found;
    else if (file_says_normalize(s, &found) || (absent.type && wn__data_section_normalize(d, &absent, &found) == WN_OK))
        s->normalize = found;
}

static void find_classes(wn__shared *s, int64_t outputs)
{
    const wn__sample_spec *sample = &s->recipe->data.facts.sample; /* zeroed without a data set */
    const bool fits = sample->class_names && sample->classes == outputs;
    const char *text = text_of(s, "class_names");
    s->classes = text ? json_loads(text, 0, NULL) : NULL;
    bool named = s->classes && json_array_size(s->classes) == (size_t)outputs;
    for (int64_t k = 0; named && k < outputs; k++)
        named = (s->class_names[k] = json_string_value(json_array_get(s->classes, (size_t)k))) != NULL;
    for (int64_t k = 0; !named && fits && k < outputs; k++)
        s->class_names[k] = sample->class_names[k];
    if (named || fits) return;
    wn__free(s->class_names);
    s->class_names = NULL;
}

wn_status wn__about_read(const wn__safetensors *file, wn__shared *s)
{
    const int64_t outputs = wn__graph_classes(s->recipe->graph);
    WN_TRY(keep_meta(file, s));
    if (!(s->class_names = WN_NEW_ARRAY(const char *, outputs))) return wn__no_memory((size_t)outputs * sizeof *s->class_names);
    find_classes(s, outputs);
    WN_TRY(find_fit(s));
    find_normalize(s);
    s->targets = targets_of(s->recipe);
    s->dataset = s->recipe->data.type ? s->recipe->data.type->name : text_of(s, "dataset");
    if (!s->dataset && absent_pictures(&s->recipe->data)) s->dataset = s->recipe->data.absent;
    return WN_OK;
}

void wn__about_release(wn__shared *s)
{
    json_decref(s->meta);
    json_decref(s->classes);
    wn__free(s->class_names);
}
