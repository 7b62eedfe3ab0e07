#include "models/named.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

const char *const wn__match_names[] = {"parameters", "flops", NULL};

/* ---- names and settings */

static wn__model_input input_of(wn__model_input asked, wn__model_input usual)
{
    if (asked.c) usual.c = asked.c;
    if (asked.h) usual.h = asked.h;
    if (asked.w) usual.w = asked.w;
    if (asked.classes) usual.classes = asked.classes;
    return usual;
}

const wn__setting *wn__network_settings(const wn__model *type) { return type ? type->settings : wn__graph_file_settings; }

size_t wn__network_config_size(const wn__model *type) { return type ? type->config_size : sizeof(wn__graph_file_config); }

wn_status wn__network_build(const wn__model *type, const char *file, const void *config, wn__model_input input, wn_graph **out)
{
    return type ? wn__model_build(type, config, input, out) : wn__graph_file_read(file, config, input, out);
}

static wn_status make_config(const wn__model *type, const wn__named_model *named, void **out)
{
    const wn__setting *settings = wn__network_settings(type);
    const size_t size = wn__network_config_size(type);
    void *config = wn__alloc(size ? size : 1);
    if (!config) return wn__no_memory(size);
    wn_status status = settings ? wn__settings_defaults(settings, config) : WN_OK;
    for (int i = 0; status == WN_OK && i < named->sets; i++)
        status =
            settings ? wn__settings_assign(settings, config, named->set[i]) : wn__fail(WN_EUSAGE, "model %s has no settings", named->name);
    if (status == WN_OK)
        *out = config;
    else
        wn__free(config);
    return status;
}

static bool is_file(const char *name) { return strchr(name, '/') || strstr(name, ".yaml"); }

/* type NULL: a file. */
static wn_status open_named(const wn__named_model *named, const wn__model **type, void **config, wn__model_input *input)
{
    static const wn__model_input usual = {3, 32, 32, 10};
    *type = NULL;
    if (!is_file(named->name)) WN_TRY(wn__model_find(named->name, type));
    *input = input_of(named->input, *type ? (*type)->usual : usual);
    return make_config(*type, named, config);
}

wn_status wn__named_model_build(const wn__named_model *named, wn_graph **out)
{
    const wn__model *type;
    void *config;
    wn__model_input input;
    WN_TRY(open_named(named, &type, &config, &input));
    const wn_status status = wn__network_build(type, named->name, config, input, out);
    wn__free(config);
    return status;
}

/* ---- widths */

const wn__setting *wn__network_width_setting(const wn__model *type)
{
    static const char *const names[] = {"scale", "width"};
    const wn__setting *settings = wn__network_settings(type);
    for (int i = 0; settings && i < 2; i++) {
        const wn__setting *row = wn__settings_find(settings, names[i]);
        if (row && row->type == WN__SETTING_FLOAT) return row;
    }
    return NULL;
}

/* One network whose width is looked for. */
typedef struct search {
    const wn__model *type;
    const char *file;
    void *config; /* a copy */
    const wn__setting *row;
    wn__model_input input;
    wn__size_of size_of;
    void *arg;
} search;

static wn_status build_at(const search *s, double multiplier, wn_graph **graph)
{
    memcpy((char *)s->config + s->row->offset, &multiplier, sizeof multiplier);
    return wn__network_build(s->type, s->file, s->config, s->input, graph);
}

static wn_status size_at(const search *s, double multiplier, int64_t *size)
{
    wn_graph *graph;
    WN_TRY(build_at(s, multiplier, &graph));
    const wn_status status = s->size_of(s->arg, graph, size);
    wn_graph_free(graph);
    return status;
}

/* Sizes grow in steps: the last width below `wanted` and the first one at or above it. */
static wn_status bracket(const search *s, int64_t wanted, double *low, double *high)
{
    while (*high - *low > 1e-6 * *high) {
        const double middle = *high > 2 * *low ? sqrt(*low * *high) : 0.5 * (*low + *high);
        int64_t size;
        WN_TRY(size_at(s, middle, &size));
        *(size < wanted ? low : high) = middle;
    }
    return WN_OK;
}

static wn_status find_width(const search *s, double low, double high, int64_t wanted, wn__width *width)
{
    int64_t below, above;
    if (wanted < 1) return wn__fail(WN_EINVAL, "a width for %lld parameters or FLOPs, must be at least 1", (long long)wanted);
    WN_TRY(bracket(s, wanted, &low, &high));
    WN_TRY(size_at(s, low, &below));
    WN_TRY(size_at(s, high, &above));
    const bool lower = wanted - below < above - wanted;
    width->multiplier = lower ? floor(low * 1e6) / 1e6 : ceil(high * 1e6) / 1e6; /* six digits tell steps apart */
    width->reached = (double)(lower ? below : above) / (double)wanted;
    return WN_OK;
}

static wn_status open_search(search *s, const void *config)
{
    const size_t size = wn__network_config_size(s->type);
    s->row = wn__network_width_setting(s->type);
    if (!s->row) return wn__fail(WN_EUNSUPPORTED, "model %s has no setting that multiplies its widths", s->type->name);
    if (!(s->config = wn__alloc(size))) return wn__no_memory(size);
    if (!config) return wn__settings_defaults(wn__network_settings(s->type), s->config);
    memcpy(s->config, config, size);
    return WN_OK;
}

static wn_status dense_size(void *arg, const wn_graph *graph, int64_t *size)
{
    *size = *(const wn__match *)arg == WN__MATCH_FLOPS ? wn_graph_forward_flops(graph) : wn_graph_parameter_count(graph);
    return WN_OK;
}

wn_status wn__network_match_width(const wn__model *type, const char *file, const void *config, wn__model_input input, wn__match match,
                                  int64_t wanted, wn__width *width, wn_graph **graph)
{
    search s = {.type = type, .file = file, .input = input, .size_of = dense_size, .arg = &match};
    wn_status status = open_search(&s, config);
    if (status == WN_OK) status = find_width(&s, s.row->min, s.row->max, wanted, width);
    if (status == WN_OK && graph) status = build_at(&s, width->multiplier, graph);
    wn__free(s.config);
    return status;
}

/* Twice as wide again and again: the widest one may need more memory than there is. */
static wn_status find_wider(const search *s, int64_t wanted, wn__width *width)
{
    double low = 1, high = 1;
    int64_t size;
    memcpy(&low, (const char *)s->config + s->row->offset, sizeof low);
    for (high = low;; low = high, high *= 2) {
        if (high > s->row->max) high = s->row->max;
        WN_TRY(size_at(s, high, &size));
        if (size >= wanted || high >= s->row->max) break;
    }
    return find_width(s, low, high, wanted, width);
}

wn_status wn__network_find_width(const wn__model *type, const char *file, const void *config, wn__model_input input, wn__size_of size_of,
                                 void *arg, int64_t wanted, wn__width *width, wn_graph **graph)
{
    search s = {.type = type, .file = file, .input = input, .size_of = size_of, .arg = arg};
    wn_status status = open_search(&s, config);
    if (status == WN_OK) status = find_wider(&s, wanted, width);
    if (status == WN_OK && graph) status = build_at(&s, width->multiplier, graph);
    wn__free(s.config);
    return status;
}

wn_status wn__named_model_find_width(const wn__named_model *named, wn__size_of size_of, void *arg, int64_t wanted, wn__width *width,
                                     wn_graph **graph)
{
    const wn__model *type;
    void *config;
    wn__model_input input;
    WN_TRY(open_named(named, &type, &config, &input));
    const wn_status status = wn__network_find_width(type, named->name, config, input, size_of, arg, wanted, width, graph);
    wn__free(config);
    return status;
}

wn_status wn__named_model_match_width(const wn__named_model *named, wn__match match, int64_t wanted, wn__width *width, wn_graph **graph)
{
    const wn__model *type;
    void *config;
    wn__model_input input;
    WN_TRY(open_named(named, &type, &config, &input));
    const wn_status status = wn__network_match_width(type, named->name, config, input, match, wanted, width, graph);
    wn__free(config);
    return status;
}
