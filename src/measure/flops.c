#include "winnow/flops.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "base/options.h"
#include "base/settings.h"
#include "base/text.h"
#include "models/named.h"
#include "network/masks_file.h"
#include "sparse/cost.h"
#include "sparse/prune/distribution.h"

/* Of RigL's code for WRN-22-2 on CIFAR-10. */
enum { USUAL_INTERVAL = 100, USUAL_STEPS = 97656, USUAL_BEGIN = 20000, USUAL_END = 75000, USUAL_EVERY = 1000 };

/* What a result's texts point into. */
typedef struct owner {
    wn_graph *graph;
    wn__params params;
    wn__selection selection;
    wn__layer_sparsity *layer; /* (layers) patterns are owned */
    int layers;
    double *density; /* (params.count) of the file of masks; NULL without */
    int64_t *active; /* (params.count) */
    wn__distribute how;
    wn__cost cost;
} owner;

static wn__named_model named_model(const wn_flops_options *o)
{
    return (wn__named_model){.name = o->model, .set = o->set, .sets = o->sets, .input = {o->channels, o->height, o->width, o->classes}};
}

static wn_status open_network(const wn_flops_options *o, owner *own)
{
    static const char *const all = "all";
    const wn__named_model named = named_model(o);
    if (!o->model) return wn__fail(WN_EUSAGE, "a model is needed; `winnow models` lists them");
    WN_TRY(wn__named_model_build(&named, &own->graph));
    WN_TRY(wn__graph_make_params(own->graph, &own->params));
    WN_TRY(wn__selection_make(own->graph, o->selects ? o->select : &all, o->selects ? o->selects : 1, &own->selection));
    own->active = WN_NEW_ARRAY(int64_t, own->params.count);
    return own->active ? WN_OK : wn__no_memory((size_t)own->params.count * sizeof(int64_t));
}

/* ---- distribution */

/* "conv1=90%": the last = divides, since a regular expression may hold others. */
static wn_status read_layer(const char *text, wn__layer_sparsity *layer)
{
    const char *equals = strrchr(text, '=');
    if (!equals || equals == text) return wn__fail(WN_EUSAGE, "layer \"%s\": wants PATTERN=SPARSITY, such as conv1=50%%", text);
    const size_t length = (size_t)(equals - text);
    char *pattern = wn__alloc(length + 1);
    if (!pattern) return wn__no_memory(length + 1);
    memcpy(pattern, text, length);
    pattern[length] = 0;
    layer->pattern = pattern;
    return wn__sparsity_parse(equals + 1, &layer->sparsity);
}

static wn_status read_layers(const wn_flops_options *o, owner *own)
{
    if (!o->layers) return WN_OK;
    own->layer = WN_NEW_ARRAY(wn__layer_sparsity, o->layers);
    if (!own->layer) return wn__no_memory((size_t)o->layers * sizeof *own->layer);
    own->layers = o->layers;
    for (int i = 0; i < o->layers; i++)
        WN_TRY(read_layer(o->layer[i], &own->layer[i]));
    own->how.layer = own->layer;
    own->how.layers = own->layers;
    return WN_OK;
}

static wn_status read_words(const wn_flops_options *o, wn__distribute *how)
{
    static const wn__setting rows[] = {
        WN_SETTING_SPARSITY(wn__distribute, sparsity, "0", ""),
        WN_SETTING_CHOICE(wn__distribute, distribution, "uniform", wn__distribution_names, ""),
        WN_SETTING_FLOAT(wn__distribute, power, 1, 0.01, 100, ""),
        WN_SETTING_CHOICE(wn__distribute, counting, "layer", wn__counting_names, ""),
        {0},
    };
    const char *const given[][2] = {
        {"sparsity", o->sparsity}, {"distribution", o->distribution}, {"power", o->power}, {"counting", o->counting}};
    WN_TRY(wn__settings_defaults(rows, how));
    for (int i = 0; i < 4; i++)
        if (given[i][1]) WN_TRY(wn__settings_set(rows, how, given[i][0], given[i][1]));
    if (how->distribution == WN__FILE && !o->mask) return wn__fail(WN_EUSAGE, "distribution \"file\" wants a file of masks");
    if (o->power && how->distribution != WN__ERK)
        return wn__fail(WN_EUSAGE, "a power is of distribution erk, not of %s", wn__distribution_names[how->distribution]);
    if (o->seed && how->counting != WN__COUNT_DRAWN && how->distribution != WN__RANDOM)
        return wn__fail(WN_EUSAGE, "a seed is for what is drawn: counting drawn, or distribution random");
    return WN_OK;
}

static wn_status check_options(const wn_flops_options *o)
{
    if (o->mask && (o->sparsity || o->flops_budget || (o->distribution && strcmp(o->distribution, "file") != 0)))
        return wn__fail(WN_EUSAGE, "a file of masks says every layer's density: no sparsity, FLOPs budget or distribution beside it");
    if (o->sparsity && o->flops_budget) return wn__fail(WN_EUSAGE, "either a sparsity or a FLOPs budget, not both");
    if (o->distribution && !o->sparsity && !o->flops_budget && strcmp(o->distribution, "list") != 0)
        return wn__fail(WN_EUSAGE, "distribution \"%s\" of what? A sparsity or a FLOPs budget is needed", o->distribution);
    if (o->dense_first && o->sparse_first) return wn__fail(WN_EUSAGE, "is the first layer to be dense, or not?");
    return WN_OK;
}

static wn_status read_distribution(const wn_flops_options *o, owner *own)
{
    WN_TRY(check_options(o));
    WN_TRY(read_words(o, &own->how));
    WN_TRY(read_layers(o, own));
    own->how.seed = o->seed;
    if (o->mask) {
        own->how.distribution = WN__FILE;
        own->density = WN_NEW_ARRAY(double, own->params.count);
        if (!own->density) return wn__no_memory((size_t)own->params.count * sizeof(double));
        WN_TRY(wn__masks_file_densities(o->mask, &own->params, own->density));
        own->how.density = own->density;
    }
    const bool dense_first = o->dense_first || (own->how.distribution == WN__UNIFORM && !o->sparse_first);
    own->how.dense = dense_first ? WN__DENSE_FIRST : WN__DENSE_NONE;
    return WN_OK;
}

static wn_status spread(const wn_flops_options *o, owner *own, wn_flops_result *r)
{
    double budget, eps;
    if (o->flops_budget) {
        WN_TRY(wn__flops_budget_parse(o->flops_budget, &budget));
        WN_TRY(wn__distribution_for_flops(own->graph, &own->params, &own->selection, budget, &own->how, own->active, &eps));
    } else {
        WN_TRY(wn__distribution_counts(&own->params, &own->selection, &own->how, own->active, &eps));
    }
    const bool spreads = own->how.distribution != WN__LIST && own->how.distribution != WN__FILE;
    r->sparsity = spreads ? own->how.sparsity : (double)NAN;
    r->erk_eps = eps;
    return wn__cost_of_counts(own->graph, &own->params, own->active, &own->cost);
}

/* ---- result */

static wn_status fill_layers(const owner *own, wn_flops_result *r)
{
    const wn__cost *c = &own->cost;
    r->layer = WN_NEW_ARRAY(wn_flops_layer, c->layers);
    if (!r->layer) return wn__no_memory((size_t)c->layers * sizeof *r->layer);
    r->layers = c->layers;
    for (int i = 0; i < c->layers; i++) {
        const wn__layer_cost *from = &c->layer[i];
        const wn__param *p = &own->params.item[from->param];
        r->layer[i] = (wn_flops_layer){.name = from->name,
                                       .dims = p->ndim,
                                       .weights = from->weights,
                                       .active = from->active,
                                       .dense_flops = from->dense_flops,
                                       .flops = from->flops,
                                       .dense_bytes = from->dense_bytes,
                                       .bytes = from->bytes,
                                       .selected = own->selection.selected[from->param]};
        memcpy(r->layer[i].dim, p->dim, sizeof p->dim);
        if (!r->layer[i].selected) continue;
        r->selected += from->weights;
        r->selected_active += from->active;
    }
    return WN_OK;
}

static void fill_totals(const wn__cost *c, wn_flops_result *r)
{
    r->dense_params = c->weights;
    r->params = c->weights_active;
    r->dense_network_params = c->parameters;
    r->network_params = c->active;
    r->dense_flops = c->dense_flops;
    r->flops = c->flops;
    r->dense_bytes = c->dense_bytes;
    r->bytes = c->bytes;
    r->flops_ratio = c->dense_flops ? (double)c->flops / (double)c->dense_flops : 1;
}

/* ---- training */

static wn_status find_rule(const char *name, int *rule)
{
    const char *const *names = wn__training_rule_names;
    for (*rule = 0; names[*rule]; ++*rule)
        if (strcmp(names[*rule], name) == 0) return WN_OK;
    if (strcmp(name, "str") == 0) return wn__fail(WN_EUSAGE, "str learns its sparsity: what it costs is known after training");
    wn__text valid = {0};
    wn__text_add_valid(&valid, name, names, WN__TRAIN_RULES);
    const wn_status status = wn__fail(WN_EUSAGE, "no accounting of method \"%s\"%s", name, valid.data ? valid.data : "");
    wn__text_release(&valid);
    return status;
}

static wn_status training_times(const wn_flops_options *o, wn__training_times *t)
{
    *t = (wn__training_times){.interval = o->interval ? (double)o->interval : USUAL_INTERVAL,
                              .steps = o->steps,
                              .begin = o->prune_begin,
                              .end = o->prune_end,
                              .every = o->prune_every ? o->prune_every : USUAL_EVERY};
    if (!t->steps && !t->begin && !t->end) {
        t->steps = USUAL_STEPS;
        t->begin = USUAL_BEGIN;
        t->end = USUAL_END;
    }
    if (t->interval < 1) return wn__fail(WN_EUSAGE, "%g steps between mask updates, must be at least 1", t->interval);
    if (t->begin < 0 || t->end <= t->begin || t->steps < t->end || t->every < 1)
        return wn__fail(WN_EUSAGE, "gradual pruning from step %lld to step %lld of %lld, every %lld; must be in this order",
                        (long long)t->begin, (long long)t->end, (long long)t->steps, (long long)t->every);
    return WN_OK;
}

static wn_status match_of(const wn_flops_options *o, const char *method, bool *by_flops)
{
    *by_flops = o->match && strcmp(o->match, "flops") == 0;
    if (!o->match || *by_flops || strcmp(o->match, "parameters") == 0) return WN_OK;
    return wn__fail(WN_EUSAGE, "%s matched by \"%s\"; valid: parameters, flops", method, o->match);
}

/* Forward FLOPs of the dense network of the sparse one's size. */
static wn_status small_network(const wn_flops_options *o, const owner *own, wn_flops_result *r, int64_t *flops)
{
    const wn__named_model named = named_model(o);
    bool by_flops;
    wn__width width;
    wn_graph *graph;
    WN_TRY(match_of(o, "small-dense", &by_flops));
    WN_TRY(wn__named_model_match_width(&named, by_flops ? WN__MATCH_FLOPS : WN__MATCH_PARAMETERS,
                                       by_flops ? own->cost.flops : own->cost.active, &width, &graph));
    *flops = wn_graph_forward_flops(graph);
    wn_graph_free(graph);
    r->small_width = width.multiplier;
    r->small_reached = width.reached;
    return WN_OK;
}

/* What a wide network is spread by. */
typedef struct spreading {
    const owner *own;
    bool by_flops;
    double flops, dense_flops; /* of the network looked at last */
} spreading;

static wn_status spread_size(void *arg, const wn_graph *graph, int64_t *size)
{
    spreading *s = arg;
    wn__params params = {0};
    wn__cost cost = {0};
    double eps;
    WN_TRY(wn__graph_make_params(graph, &params));
    int64_t *active = WN_NEW_ARRAY(int64_t, params.count);
    wn_status status = active ? WN_OK : wn__no_memory((size_t)params.count * sizeof *active);
    if (status == WN_OK) status = wn__distribution_counts(&params, &s->own->selection, &s->own->how, active, &eps);
    if (status == WN_OK) status = wn__cost_of_counts(graph, &params, active, &cost);
    s->flops = (double)cost.flops;
    s->dense_flops = (double)cost.dense_flops;
    *size = s->by_flops ? cost.flops : cost.active;
    wn__cost_release(&cost);
    wn__free(active);
    wn__params_release(&params);
    return status;
}

/* Forward FLOPs, sparse and dense, of the network whose sparse size is the dense one's. */
static wn_status wide_network(const wn_flops_options *o, const owner *own, wn_flops_result *r, double *flops, double *dense_flops)
{
    const wn__named_model named = named_model(o);
    spreading s = {.own = own};
    wn__width width;
    wn_graph *graph;
    int64_t size;
    WN_TRY(match_of(o, "big-sparse", &s.by_flops));
    WN_TRY(wn__named_model_find_width(&named, spread_size, &s, s.by_flops ? own->cost.dense_flops : own->cost.parameters, &width, &graph));
    const wn_status status = spread_size(&s, graph, &size);
    wn_graph_free(graph);
    *flops = s.flops;
    *dense_flops = s.dense_flops;
    r->wide_width = width.multiplier;
    r->wide_reached = width.reached;
    return status;
}

static wn_status add_method(const wn_flops_options *o, const owner *own, int rule, bool asked, wn_flops_result *r)
{
    wn__training_times times;
    int64_t small = 0;
    double sparse = (double)own->cost.flops, dense = (double)own->cost.dense_flops;
    WN_TRY(training_times(o, &times));
    if (rule == WN__TRAIN_SMALL_DENSE) {
        const wn_status status = small_network(o, own, r, &small);
        if (status == WN_EUNSUPPORTED && !asked) return WN_OK; /* its widths are fixed: left out of the list */
        WN_TRY(status);
    }
    if (rule == WN__TRAIN_BIG_SPARSE) {
        if (!asked) return WN_OK; /* large networks are made for it */
        WN_TRY(wide_network(o, own, r, &sparse, &dense));
    }
    const double flops = wn__training_flops((wn__training_rule)rule, sparse, dense, (double)small, &times);
    r->method[r->methods++] = (wn_flops_method){wn__training_rule_names[rule], wn__training_rule_formulas[rule], flops,
                                                flops / (3 * (double)own->cost.dense_flops)};
    return WN_OK;
}

static wn_status fill_methods(const wn_flops_options *o, const owner *own, wn_flops_result *r)
{
    const int count = o->methods ? o->methods : WN__TRAIN_RULES;
    r->small_width = r->small_reached = r->wide_width = r->wide_reached = (double)NAN;
    r->method = WN_NEW_ARRAY(wn_flops_method, count);
    if (!r->method) return wn__no_memory((size_t)count * sizeof *r->method);
    for (int i = 0; i < count; i++) {
        int rule = i;
        if (o->methods) WN_TRY(find_rule(o->method[i], &rule));
        WN_TRY(add_method(o, own, rule, o->methods > 0, r));
    }
    return WN_OK;
}

/* ---- the whole */

static void release_owner(owner *own)
{
    for (int i = 0; i < own->layers; i++)
        wn__free((char *)own->layer[i].pattern);
    wn__free(own->layer);
    wn__free(own->density);
    wn__free(own->active);
    wn__cost_release(&own->cost);
    wn__selection_release(&own->selection);
    wn__params_release(&own->params);
    wn_graph_free(own->graph);
    wn__free(own);
}

void wn_flops_release(wn_flops_result *result)
{
    if (!result) return;
    if (result->owner) release_owner(result->owner);
    wn__free(result->layer);
    wn__free(result->method);
    *result = (wn_flops_result){0};
}

wn_status wn_flops(const wn_flops_options *options, wn_flops_result *result)
{
    WN__COMPLETE(wn_flops_options, options);
    WN__NEED(result);
    WN__NEED_TEXTS(options->sets, options->set);
    WN__NEED_TEXTS(options->selects, options->select);
    WN__NEED_TEXTS(options->layers, options->layer);
    WN__NEED_TEXTS(options->methods, options->method);
    owner *own = WN_NEW(owner);
    if (!own) return wn__no_memory(sizeof *own);
    wn_flops_result r = {.owner = own};
    wn_status status = open_network(options, own);
    if (status == WN_OK) status = read_distribution(options, own);
    if (status == WN_OK) status = spread(options, own, &r);
    if (status == WN_OK) status = fill_layers(own, &r);
    if (status == WN_OK) fill_totals(&own->cost, &r);
    if (status == WN_OK) status = fill_methods(options, own, &r);
    if (status == WN_OK)
        *result = r;
    else
        wn_flops_release(&r);
    return status;
}
