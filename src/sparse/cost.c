#include "sparse/cost.h"

#include "sparse/dense_to_sparse/alternation.h"

const char *const wn__training_rule_names[] = {"dense",     "static",      "snip",  "set",    "snfs",       "rigl",
                                               "pruning",   "small-dense", "ac-dc", "sr-ste", "n-of-m",     "mest",
                                               "mest-soft", "rigl-struct", "srigl", "dsr",    "big-sparse", NULL};
const char *const wn__training_rule_formulas[] = {"3 f_D",
                                                  "3 f_S",
                                                  "3 f_S",
                                                  "3 f_S",
                                                  "2 f_S + f_D",
                                                  "(3 f_S DT + 2 f_S + f_D) / (DT + 1)",
                                                  "3 mean of f_t",
                                                  "3 f of the small network",
                                                  "3 (f_S in sparse phases, f_D in dense ones)",
                                                  "2 f_S + f_D",
                                                  "3 f_S, after a dense run",
                                                  "3 f_S",
                                                  "3 f_S (1 + mean of what is grown beyond)",
                                                  "(3 f_S DT + 2 f_S + f_D) / (DT + 1)",
                                                  "(3 f_S DT + 2 f_S + f_D) / (DT + 1)",
                                                  "3 f_S, of each step's layers",
                                                  "as rigl, f_S and f_D of the wide network",
                                                  NULL};

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Smallest of dense, bitmask, and compressed rows; only what a mask or a pattern covers can be anything but dense. */
static int64_t weight_bytes(const wn__param *p, int64_t active, bool thinned)
{
    const int64_t entries = wn__param_entries(p), dense = 4 * entries;
    if (p->map && p->map->bytes) return p->map->bytes(p);
    if (!thinned) return dense;
    const int64_t bitmask = 4 * active + (entries + 7) / 8, rows = 8 * active + 4 * (p->dim[0] + 1);
    return least(dense, least(bitmask, rows));
}

/* Weights that are sparse by what they are stored as; those under a basis are not. */
static bool is_dense_anyway(const wn__param *p) { return p->map && !p->map->active; }

/* Under a basis all of the weight is used, unless its layer can be split. */
static int64_t products(const wn__param *p, int64_t active)
{
    if (!is_dense_anyway(p)) return active;
    return p->map->products ? p->map->products(p) : p->count;
}

static wn__layer_cost layer_cost(const wn_graph *graph, const wn__param *p, int index, int64_t active, bool thinned)
{
    const int64_t uses = wn__graph_uses_per_weight(graph, index);
    return (wn__layer_cost){.name = p->name,
                            .param = index,
                            .weights = p->count,
                            .active = active,
                            .dense_flops = 2 * uses * p->count,
                            .flops = 2 * uses * products(p, active),
                            .dense_bytes = 4 * p->count,
                            .bytes = weight_bytes(p, active, thinned)};
}

/* Coefficients are trained through the whole weight. */
static void add_layer(wn__cost *c, wn__layer_cost layer, bool mapped)
{
    c->weights += layer.weights;
    c->weights_active += layer.active;
    c->dense_flops += layer.dense_flops;
    c->flops += layer.flops;
    c->training_flops += wn__step_flops(mapped ? layer.dense_flops : layer.flops, layer.dense_flops, false);
    c->layer[c->layers++] = layer;
}

/* active: NULL, as masks and patterns say. */
static wn_status make_cost(const wn_graph *graph, const wn__params *params, const int64_t *active, wn__cost *out)
{
    wn__cost c = {.layer = WN_NEW_ARRAY(wn__layer_cost, params->count)};
    if (!c.layer) return wn__no_memory((size_t)params->count * sizeof *c.layer);
    for (int i = 0; i < params->count; i++) {
        const wn__param *p = &params->item[i];
        const int64_t kept = active ? active[i] : p->active;
        const bool thinned = active ? kept < p->count : p->mask || p->pattern;
        c.dense_bytes += 4 * p->count;
        c.bytes += weight_bytes(p, kept, thinned);
        if (!wn__role_is_trained(p->role)) continue;
        c.parameters += p->count;
        c.active += kept;
        if (p->role == WN__WEIGHT) add_layer(&c, layer_cost(graph, p, i, kept, thinned), is_dense_anyway(p));
    }
    *out = c;
    return WN_OK;
}

wn_status wn__cost_make(const wn_graph *graph, const wn__params *params, wn__cost *out) { return make_cost(graph, params, NULL, out); }

wn_status wn__cost_of_counts(const wn_graph *graph, const wn__params *params, const int64_t *active, wn__cost *out)
{
    return make_cost(graph, params, active, out);
}

void wn__cost_release(wn__cost *c)
{
    wn__free(c->layer);
    *c = (wn__cost){0};
}

/* ---- training */

double wn__pruned_part(int64_t step, int64_t begin, int64_t end)
{
    if (step < begin) return 0;
    if (step >= end) return 1;
    const double left = 1 - (double)(step - begin) / (double)(end - begin);
    return 1 - left * left * left;
}

/* Mean over the run: what is pruned at one of the schedule's steps stays so until the next. */
static double mean_pruned_part(const wn__training_times *t)
{
    const int64_t every = t->every > 0 ? t->every : 1;
    double sum = 0;
    for (int64_t at = t->begin; at < t->steps; at += every) {
        if (at >= t->end) return (sum + (double)(t->steps - at)) / (double)t->steps;
        const int64_t until = least(at + every, t->steps);
        sum += (double)(until - at) * wn__pruned_part(at, t->begin, t->end);
    }
    return t->steps > 0 ? sum / (double)t->steps : 0;
}

/* Part of a run that AC/DC's usual phases are sparse in. */
static double sparse_part(void)
{
    enum { LONG = 100000 };
    wn__alternation_rule rule;
    wn__alternation phases;
    const bool usual =
        wn__settings_defaults(wn__alternation_settings, &rule) == WN_OK && wn__alternation_resolve(&rule, LONG, LONG, &phases) == WN_OK;
    return usual ? (double)wn__alternation_sparse_steps(&phases, LONG) / LONG : 0;
}

double wn__training_flops(wn__training_rule rule, double sparse, double dense, double small, const wn__training_times *times)
{
    switch (rule) {
    case WN__TRAIN_DENSE: return 3 * dense;
    case WN__TRAIN_SR_STE:
    case WN__TRAIN_SNFS: return 2 * sparse + dense;
    case WN__TRAIN_MEST_SOFT: return 3 * sparse * (1 + 0.2 * 0.5625 + 0.1 * 0.1875);
    case WN__TRAIN_AC_DC: return 3 * (dense - sparse_part() * (dense - sparse));
    case WN__TRAIN_RIGL_STRUCT:
    case WN__TRAIN_SRIGL:
    case WN__TRAIN_BIG_SPARSE:
    case WN__TRAIN_RIGL: return (3 * sparse * times->interval + 2 * sparse + dense) / (times->interval + 1);
    case WN__TRAIN_PRUNING: return 3 * (dense - (dense - sparse) * mean_pruned_part(times));
    case WN__TRAIN_SMALL_DENSE: return 3 * small;
    default: return 3 * sparse;
    }
}
