#include "models/named.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/text.h"
#include "models/graph_file.h"

const char *const wn__match_names[] = {"parameters", "flops", NULL};

/* ---- names and settings */

static wn_status split_setting(const wn__setting *rows, void *config, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals) return wn__fail(WN_EUSAGE, "setting \"%s\": wants name=value", text);
    wn__text name = {0};
    wn__text_add_bytes(&name, text, (size_t)(equals - text));
    const wn_status status = name.failed ? wn__no_memory((size_t)(equals - text)) : wn__settings_set(rows, config, name.data, equals + 1);
    wn__text_release(&name);
    return status;
}

static wn__model_input input_of(wn__model_input asked, wn__model_input usual)
{
    if (asked.c) usual.c = asked.c;
    if (asked.h) usual.h = asked.h;
    if (asked.w) usual.w = asked.w;
    if (asked.classes) usual.classes = asked.classes;
    return usual;
}

static wn_status make_config(const wn__model *model, const wn__named_model *named, void **out)
{
    void *config = wn__alloc(model->config_size ? model->config_size : 1);
    if (!config) return wn__no_memory(model->config_size);
    wn_status status = model->settings ? wn__settings_defaults(model->settings, config) : WN_OK;
    for (int i = 0; status == WN_OK && i < named->sets; i++)
        status = model->settings ? split_setting(model->settings, config, named->set[i])
                                 : wn__fail(WN_EUSAGE, "model %s has no settings", model->name);
    if (status == WN_OK)
        *out = config;
    else
        wn__free(config);
    return status;
}

static bool is_file(const char *name) { return strchr(name, '/') || strstr(name, ".yaml"); }

wn_status wn__named_model_build(const wn__named_model *named, wn_graph **out)
{
    const wn__model *model;
    void *config;
    if (is_file(named->name)) return wn__graph_file_read(named->name, input_of(named->input, (wn__model_input){3, 32, 32, 10}), out);
    WN_TRY(wn__model_find(named->name, &model));
    WN_TRY(make_config(model, named, &config));
    const wn_status status = wn__model_build(model, config, input_of(named->input, model->usual), out);
    wn__free(config);
    return status;
}

/* ---- widths */

const wn__setting *wn__model_width_setting(const wn__model *model)
{
    static const char *const names[] = {"scale", "width"};
    for (int i = 0; model->settings && i < 2; i++) {
        const wn__setting *row = wn__settings_find(model->settings, names[i]);
        if (row && row->type == WN__SETTING_FLOAT) return row;
    }
    return NULL;
}

/* One network whose width is looked for. */
typedef struct search {
    const wn__model *model;
    void *config; /* a copy */
    const wn__setting *row;
    wn__model_input input;
    wn__match match;
} search;

static wn_status build_at(const search *s, double multiplier, wn_graph **graph)
{
    memcpy((char *)s->config + s->row->offset, &multiplier, sizeof multiplier);
    return wn__model_build(s->model, s->config, s->input, graph);
}

static wn_status size_at(const search *s, double multiplier, int64_t *size)
{
    wn_graph *graph;
    WN_TRY(build_at(s, multiplier, &graph));
    *size = s->match == WN__MATCH_FLOPS ? wn_graph_forward_flops(graph) : wn_graph_parameter_count(graph);
    wn_graph_free(graph);
    return WN_OK;
}

/* Sizes grow in steps: the last width below `wanted` and the first one at or above it. */
static wn_status bracket(const search *s, int64_t wanted, double *low, double *high)
{
    *low = s->row->min;
    *high = s->row->max;
    while (*high - *low > 1e-6 * *high) {
        const double middle = *high > 2 * *low ? sqrt(*low * *high) : 0.5 * (*low + *high);
        int64_t size;
        WN_TRY(size_at(s, middle, &size));
        *(size < wanted ? low : high) = middle;
    }
    return WN_OK;
}

static wn_status find_width(const search *s, int64_t wanted, wn__width *width)
{
    double low, high;
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

wn_status wn__model_match_width(const wn__model *model, const void *config, wn__model_input input, wn__match match, int64_t wanted,
                                wn__width *width, wn_graph **graph)
{
    search s = {.model = model, .row = wn__model_width_setting(model), .input = input, .match = match};
    if (!s.row) return wn__fail(WN_EUNSUPPORTED, "model %s has no setting that multiplies its widths", model->name);
    if (!(s.config = wn__alloc(model->config_size))) return wn__no_memory(model->config_size);
    wn_status status = WN_OK;
    if (config)
        memcpy(s.config, config, model->config_size);
    else
        status = wn__settings_defaults(model->settings, s.config);
    if (status == WN_OK) status = find_width(&s, wanted, width);
    if (status == WN_OK && graph) status = build_at(&s, width->multiplier, graph);
    wn__free(s.config);
    return status;
}

wn_status wn__named_model_match_width(const wn__named_model *named, wn__match match, int64_t wanted, wn__width *width, wn_graph **graph)
{
    const wn__model *model;
    void *config;
    if (is_file(named->name))
        return wn__fail(WN_EUNSUPPORTED, "%s: a network from a file has no setting that multiplies its widths", named->name);
    WN_TRY(wn__model_find(named->name, &model));
    WN_TRY(make_config(model, named, &config));
    const wn_status status = wn__model_match_width(model, config, input_of(named->input, model->usual), match, wanted, width, graph);
    wn__free(config);
    return status;
}
