#include "sparse/dynamic/rewiring.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/elementary.h"
#include "base/fail.h"
#include "sparse/dynamic/fan_in.h"
#include "sparse/dynamic/gradient_average.h"
#include "sparse/dynamic/twin.h"
#include "sparse/prune/share_out.h"

/* ---- the rule */

const char *const wn__grow_names[] = {"none", "random", "gradient", "momentum", NULL};
static const char *const fall_names[] = {"cosine", "constant", "inverse-power", "with-lr", "halved", NULL};
static const char *const bound_names[] = {"hard", "soft", NULL};
static const char *const gamma_names[] = {"sparse", "dense", NULL};
static const char *const place_names[] = {"instead", "after", NULL};
static const char *const regrown_names[] = {"keeps", "reset", "never", NULL};
static const char *const round_names[] = {"down", "up", NULL};
static const char *const momentum_names[] = {"dense", "sparse", NULL};
static const char *const look_names[] = {"batch", "batches", "fixed", NULL};
static const char *const share_names[] = {"none", "gradient", "momentum", "weights", NULL};

#define WALKS ((uint64_t)1 << 62)        /* steps of the noise's streams, apart from those of growth */
#define MOST_MOMENTUM ((int64_t)1 << 31) /* entries of a layer: 8 GiB of averages */

const wn__setting wn__topology_settings[] = {
    WN_SETTING_CHOICE(wn__topology_rule, grow, "none", wn__grow_names, "which connections come; none: the topology stays"),
    WN_SETTING_CHOICE(
        wn__topology_rule, drop, "magnitude", wn__drop_names,
        "which go: the smallest; the smallest positive and the largest negative; those that crossed zero; those below a threshold"),
    WN_SETTING_FLOAT(wn__topology_rule, alpha, 0.3, 0, 1, "fraction of a layer's connections that goes in an update, at the start"),
    WN_SETTING_CHOICE(wn__topology_rule, schedule, "cosine", fall_names, "how that fraction falls"),
    WN_SETTING_FLOAT(wn__topology_rule, power, 1, 0, 100, "k of inverse-power: alpha (1 - t / end)^k"),
    WN_SETTING_FLOAT(wn__topology_rule, final, 0, 0, 1, "fraction that cosine ends at"),
    WN_SETTING_STEPS(wn__topology_rule, begin, "0it", "first update"),
    WN_SETTING_STEPS(wn__topology_rule, end, "75%", "updates are made before this time"),
    WN_SETTING_STEPS(wn__topology_rule, interval, "100it", "from one update to the next"),
    WN_SETTING_CHOICE(wn__topology_rule, update, "instead", place_names, "in place of the optimizer's step, or after it"),
    WN_SETTING_CHOICE(wn__topology_rule, regrown, "keeps", regrown_names,
                      "a connection that an update drops and grows: value and momentum; never: what goes does not come back at once"),
    WN_SETTING_CHOICE(wn__topology_rule, round, "down", round_names, "number of connections that go"),
    WN_SETTING_CHOICE(wn__topology_rule, momentum, "dense", momentum_names,
                      "grow: momentum: of all weights, an array as large as the dense weights; or of active ones"),
    WN_SETTING_FLOAT(wn__topology_rule, decay, 0.9, 0, 0.999999, "of dense momentum, the running average of the gradient"),
    WN_SETTING_FLOAT(wn__topology_rule, l1, 0, 0, 1000, "drop: crossed: pull to zero of active weights, times the learning rate"),
    WN_SETTING_FLOAT(wn__topology_rule, noise, 0, 0, 1000, "drop: crossed: deviation of their noise, times the learning rate"),
    WN_SETTING_CHOICE(wn__topology_rule, redistribute, "none", share_names,
                      "how many connections a layer gets back: as many as went, or its share"),
    WN_SETTING_CHOICE(wn__topology_rule, gradient, "batch", look_names,
                      "that growth looks at: of the step's batch; of several, from it on; of a fixed batch of training images"),
    WN_SETTING_INT(wn__topology_rule, batches, 8, 1, 100000, "gradient: batches: how many, in one pass"),
    WN_SETTING_INT(wn__topology_rule, images, 1000, 1, 1e8, "gradient: fixed: how many"),
    WN_SETTING_FLOAT(wn__topology_rule, lambda, 0, 0, 1e6, "drop: magnitude: of weight + lambda gradient, both absolute"),
    WN_SETTING_STEPS(wn__topology_rule, half, "56.25%", "schedule: halved: from here on half of alpha goes"),
    WN_SETTING_CHOICE(wn__topology_rule, bound, "hard", bound_names,
                      "connections between updates: as at the start; or that fraction more, dropped first by the next update"),
    WN_SETTING_CHOICE(wn__topology_rule, criterion, "mean-abs", wn__block_criterion_names,
                      "score of a kernel or filter, weights and gradients"),
    WN_SETTING_FLOAT(wn__topology_rule, gamma, 0.3, 0, 1,
                     "block: fan-in: an output with less than this part of its fan-in salient loses its weights; 0: none does"),
    WN_SETTING_CHOICE(wn__topology_rule, gamma_of, "sparse", gamma_names,
                      "that fan-in: the sparse layer's at the start, or the dense one's"),
    WN_SETTING_FLOAT(wn__topology_rule, threshold, 0.001, 1e-12, 1e12,
                     "drop: threshold: at the start; doubled or halved when less or more than the fraction of all connections went"),
    {0},
};

bool wn__topology_needs_slots(const wn__topology_rule *rule)
{
    const bool dense = rule->grow == WN__GROW_MOMENTUM && rule->momentum == WN__MOMENTUM_DENSE;
    return rule->redistribute == WN__SHARE_MOMENTUM && !dense;
}

bool wn__topology_needs_gradients(const wn__topology_rule *rule)
{
    return rule->grow != WN__GROW_NONE && (rule->redistribute == WN__SHARE_GRADIENT || rule->lambda > 0);
}

/* MEST's choices. */
static wn_status check_elastic(const wn__topology_rule *rule, const wn__rewiring *how, int64_t total)
{
    if (rule->lambda > 0 && rule->drop != WN__DROP_MAGNITUDE) return wn__fail(WN_EUSAGE, "topology: lambda needs drop: magnitude");
    if (rule->bound == WN__BOUND_HARD) return WN_OK;
    if (rule->drop != WN__DROP_MAGNITUDE || rule->redistribute != WN__SHARE_NONE || rule->grow == WN__GROW_MOMENTUM)
        return wn__fail(WN_EUSAGE, "topology: bound: soft needs drop: magnitude, grow: random or gradient and redistribute: none");
    if (how->end >= total)
        return wn__fail(WN_EUSAGE, "topology: bound: soft ends at step %lld of %lld: it must end earlier, to come back to its size",
                        (long long)how->end, (long long)total);
    return WN_OK;
}

wn_status wn__rewiring_resolve(const wn__topology_rule *rule, int64_t steps_per_epoch, int64_t total, wn__rewiring *out)
{
    wn__rewiring how = {.rule = *rule};
    how.begin = wn__steps_resolve(rule->begin, steps_per_epoch, total);
    how.end = wn__steps_resolve(rule->end, steps_per_epoch, total);
    how.interval = wn__steps_resolve(rule->interval, steps_per_epoch, total);
    how.half = wn__steps_resolve(rule->half, steps_per_epoch, total);
    if (rule->grow != WN__GROW_NONE && how.interval < 1)
        return wn__fail(WN_EUSAGE, "topology: interval of %lld steps, must be at least 1", (long long)how.interval);
    if (rule->grow != WN__GROW_NONE && how.end < how.begin)
        return wn__fail(WN_EUSAGE, "topology: begins at step %lld and ends at step %lld", (long long)how.begin, (long long)how.end);
    const bool by_gradient = rule->grow == WN__GROW_GRADIENT || (rule->grow == WN__GROW_MOMENTUM && rule->momentum == WN__MOMENTUM_SPARSE);
    if (rule->gradient != WN__LOOK_BATCH && !by_gradient)
        return wn__fail(WN_EUSAGE, "topology: gradient: %s has no effect: growth does not look at a gradient of its own",
                        look_names[rule->gradient]);
    if (rule->grow == WN__GROW_MOMENTUM && !by_gradient && rule->redistribute == WN__SHARE_GRADIENT)
        return wn__fail(
            WN_EUSAGE,
            "topology: redistribute: gradient needs growth that looks at a gradient, or at none; with dense momentum say momentum");
    const bool walks = rule->grow != WN__GROW_NONE && rule->drop == WN__DROP_CROSSED;
    if (walks && (rule->grow != WN__GROW_RANDOM || rule->update != WN__UPDATE_AFTER || rule->regrown != WN__REGROWN_ZERO))
        return wn__fail(WN_EUSAGE, "topology: drop: crossed needs grow: random, update: after and regrown: reset");
    if (rule->drop == WN__DROP_THRESHOLD && rule->grow == WN__GROW_MOMENTUM)
        return wn__fail(WN_EUSAGE, "topology: drop: threshold needs grow: random or gradient");
    if (rule->grow != WN__GROW_NONE && !walks && (rule->l1 > 0 || rule->noise > 0))
        return wn__fail(WN_EUSAGE, "topology: l1 and noise have no effect without drop: crossed");
    if (rule->grow != WN__GROW_NONE) WN_TRY(check_elastic(rule, &how, total));
    *out = how;
    return WN_OK;
}

wn_status wn__rewiring_check_block(const wn__topology_rule *rule, int block)
{
    const bool plain = rule->drop == WN__DROP_MAGNITUDE && rule->redistribute == WN__SHARE_NONE && rule->bound == WN__BOUND_HARD &&
                       !(rule->lambda > 0) && rule->grow != WN__GROW_MOMENTUM;
    if (rule->grow == WN__GROW_NONE || block == WN__BLOCK_WEIGHT) return WN_OK;
    if (!plain)
        return wn__fail(WN_EUSAGE,
                        "topology: block: %s needs drop: magnitude, grow: random or gradient, redistribute: none, bound: hard, lambda: 0",
                        wn__block_names[block]);
    if (block == WN__BLOCK_FAN_IN && rule->grow != WN__GROW_GRADIENT)
        return wn__fail(WN_EUSAGE, "topology: block: fan-in needs grow: gradient");
    return WN_OK;
}

bool wn__rewiring_is_due(const wn__rewiring *how, int64_t step)
{
    if (how->rule.grow == WN__GROW_NONE || step < how->begin || step > how->end) return false;
    if (step == how->end) return how->rule.bound == WN__BOUND_SOFT;
    return (step - how->begin) % how->interval == 0;
}

int64_t wn__rewiring_updates(const wn__rewiring *how, int64_t first, int64_t last)
{
    int64_t count = 0;
    for (int64_t step = first; how->rule.grow != WN__GROW_NONE && step < last; step++)
        count += wn__rewiring_is_due(how, step);
    return count;
}

double wn__rewiring_fraction(const wn__rewiring *how, int64_t step, double rate_share)
{
    const wn__topology_rule *r = &how->rule;
    if (step < how->begin || step >= how->end) return 0;
    const double rest = 1 - (double)step / (double)how->end;
    switch ((wn__fall)r->schedule) {
    case WN__FALL_CONSTANT: return r->alpha;
    case WN__FALL_POWER: return r->power == 1 ? r->alpha * rest : r->alpha * wn__exp(r->power * wn__ln(rest));
    case WN__FALL_RATE: return r->alpha * (rate_share > 1 ? 1 : rate_share);
    case WN__FALL_HALVED: return step < how->half ? r->alpha : r->alpha / 2;
    case WN__FALL_COSINE: break;
    }
    return r->final + wn__topology_cosine(r->alpha - r->final, step, how->end);
}

/* At least as many as an update drops of so many active entries. */
static int64_t most_drops(const wn__rewiring *how, int64_t step, int layers, int64_t active)
{
    const bool by_fraction = how->rule.drop == WN__DROP_MAGNITUDE || how->rule.drop == WN__DROP_SIGNED;
    const int64_t rounded_up = how->rule.round ? 2 * layers : 0; /* one for each sign */
    return by_fraction ? (int64_t)ceil(wn__rewiring_fraction(how, step, 1) * (double)active) + rounded_up : active;
}

bool wn__rewiring_may_cut(const wn__rewiring *how, int64_t first, int64_t last, int layers, const int64_t *entries, const int64_t *active)
{
    int64_t all = 0, moved = 0; /* until then */
    for (int l = 0; l < layers; l++)
        all += active[l];
    for (int64_t step = first; how->rule.redistribute != WN__SHARE_NONE && step < last; step++) {
        if (!wn__rewiring_is_due(how, step)) continue;
        const int64_t drops = most_drops(how, step, layers, all);
        for (int l = 0; l < layers; l++) {
            const int64_t held = active[l] + moved < all ? active[l] + moved : all; /* at most */
            if (drops > wn__share_most(held < entries[l] ? entries[l] - held : 0)) return true;
        }
        moved += drops;
    }
    return false;
}

/* ---- layers */

typedef struct layer {
    wn__rewirer *owner;
    int param;
    wn__twin twin;         /* of coefficients; without `params`: the weight is compressed itself */
    wn__topology topology; /* of the update at hand */
    wn__fan_in_rule fan_in;
    int64_t target;    /* entries at the start */
    uint8_t *explored; /* a bit an entry: was ever active */
    int64_t explored_count;
    float *momentum; /* (entries) dense momentum, else NULL */
} layer;

struct wn__rewirer {
    wn__rewiring how;
    wn__params *params;
    wn__pool *pool;
    uint64_t seed;
    layer *layer;
    int layers;
    bool listening;       /* an update waits for gradients */
    float *scratch;       /* of dense momentum */
    double *share, *part; /* (layers) of redistribution */
    int64_t *room, *grow; /* (layers) */
    float *threshold;     /* (1) of WN__DROP_THRESHOLD, for the next update */
    wn__rewired made;
};

/* Where the compressed weight is. */
static const wn__param *param_of(const layer *l) { return l->twin.params ? &l->twin.set.item[0] : &l->owner->params->item[l->param]; }
static wn__params *set_of(layer *l) { return l->twin.params ? &l->twin.set : l->owner->params; }
static wn__param *changing(layer *l) { return &set_of(l)->item[l->twin.params ? 0 : l->param]; }

static wn_status take(layer *l) { return l->twin.params ? wn__twin_take(&l->twin) : WN_OK; }
static void give_back(layer *l)
{
    if (l->twin.params) wn__twin_return(&l->twin);
}

static bool takes_part(const wn__param *p) { return p->pattern || (p->map && p->mask); }

static void explore(layer *l, int64_t position)
{
    const uint8_t bit = (uint8_t)(1u << (position % 8));
    if (l->explored[position / 8] & bit) return;
    l->explored[position / 8] |= bit;
    l->explored_count++;
}

static wn_status init_layer(wn__rewirer *r, int param)
{
    layer *l = &r->layer[r->layers++];
    *l = (layer){.owner = r, .param = param, .target = r->params->item[param].active};
    if (r->params->item[param].map) WN_TRY(wn__twin_make(r->params, param, &l->twin));
    const wn__param *p = param_of(l);
    const wn__pattern *q = p->pattern;
    l->explored = wn__alloc((size_t)((p->count + 7) / 8));
    if (!l->explored) return wn__no_memory((size_t)p->count / 8);
    for (int64_t row = 0; row < q->rows; row++)
        for (int64_t e = q->row_start[row]; e < q->row_start[row + 1]; e++)
            explore(l, row * q->columns + q->column[e]);
    r->made.explored += l->explored_count;
    r->made.entries += p->count;
    if (!wn__rewirer_always_listens(r)) return WN_OK;
    if (p->count > MOST_MOMENTUM)
        return wn__fail(WN_EUSAGE, "%s: dense momentum of %lld weights; say momentum: sparse", p->name, (long long)p->count);
    l->momentum = WN_NEW_ARRAY(float, p->count);
    return l->momentum ? WN_OK : wn__no_memory((size_t)p->count * sizeof(float));
}

static wn_status make_scratch(wn__rewirer *r)
{
    r->layer = WN_NEW_ARRAY(layer, r->params->count);
    r->share = WN_NEW_ARRAY(double, r->params->count);
    r->part = WN_NEW_ARRAY(double, r->params->count);
    r->room = WN_NEW_ARRAY(int64_t, r->params->count);
    r->grow = WN_NEW_ARRAY(int64_t, r->params->count);
    r->threshold = WN_NEW_ARRAY(float, 1);
    if (r->threshold) *r->threshold = (float)r->how.rule.threshold;
    const int64_t tiles = wn__rewirer_always_listens(r) ? wn__gradient_average_scratch(r->pool) : 0;
    if (tiles) r->scratch = WN_NEW_ARRAY(float, tiles);
    const bool made = r->layer && r->share && r->part && r->room && r->grow && r->threshold && (!tiles || r->scratch);
    return made ? WN_OK : wn__no_memory((size_t)r->params->count * sizeof(layer));
}

/* Start weights get the signs of their places. */
static void set_signs(layer *l)
{
    wn__param *p = changing(l);
    const wn__pattern *q = p->pattern;
    for (int64_t row = 0; row < q->rows; row++)
        for (int64_t e = q->row_start[row]; e < q->row_start[row + 1]; e++)
            p->value[e] = fabsf(p->value[e]) * wn__topology_sign(l->owner->seed, (uint64_t)l->param, row * q->columns + q->column[e]);
    give_back(l);
}

wn_status wn__rewirer_new(const wn__rewiring *how, wn__params *params, wn__pool *pool, uint64_t seed, wn__rewirer **out)
{
    wn__rewirer *r = WN_NEW(wn__rewirer);
    if (!r) return wn__no_memory(sizeof *r);
    *r = (wn__rewirer){.how = *how, .params = params, .pool = pool, .seed = seed};
    wn_status status = make_scratch(r);
    for (int i = 0; status == WN_OK && i < params->count; i++)
        if (takes_part(&params->item[i])) status = init_layer(r, i);
    for (int i = 0; status == WN_OK && how->rule.drop == WN__DROP_CROSSED && i < r->layers; i++)
        set_signs(&r->layer[i]);
    params->version++;
    if (status == WN_OK) {
        *out = r;
        return WN_OK;
    }
    wn__rewirer_free(r);
    return status;
}

void wn__rewirer_free(wn__rewirer *r)
{
    if (!r) return;
    for (int i = 0; i < r->layers; i++) {
        wn__topology_release(&r->layer[i].topology);
        wn__twin_release(&r->layer[i].twin);
        wn__free(r->layer[i].explored);
        wn__free(r->layer[i].momentum);
    }
    wn__free(r->layer);
    wn__free(r->scratch);
    wn__free(r->share);
    wn__free(r->part);
    wn__free(r->room);
    wn__free(r->grow);
    wn__free(r->threshold);
    wn__free(r);
}

/* ---- gradients */

static wn_status grow_by_gradient(void *arg, const wn__weight_gradient *gradient)
{
    layer *l = arg;
    return wn__topology_grow_gradient(&l->topology, gradient, l->owner->pool);
}

static wn_status choose_by_gradient(void *arg, const wn__weight_gradient *gradient)
{
    layer *l = arg;
    return wn__fan_in_choose(&l->topology, &l->fan_in, gradient, l->owner->pool);
}

static wn_status average_gradient(void *arg, const wn__weight_gradient *gradient)
{
    layer *l = arg;
    return wn__gradient_average(gradient, l->owner->how.rule.decay, l->owner->pool, l->owner->scratch, l->momentum);
}

bool wn__rewirer_always_listens(const wn__rewirer *r)
{
    return r->how.rule.grow == WN__GROW_MOMENTUM && r->how.rule.momentum == WN__MOMENTUM_DENSE;
}

wn_status wn__rewirer_attach(wn__rewirer *r, wn__executor *ex)
{
    for (int i = 0; wn__rewirer_always_listens(r) && i < r->layers; i++)
        WN_TRY(wn__executor_read_pieces(ex, r->layer[i].param, average_gradient, &r->layer[i]));
    return WN_OK;
}

static wn_status listen(wn__rewirer *r, wn__executor *ex, wn__gradient_reader reader)
{
    for (int i = 0; i < r->layers; i++)
        if (!reader || reader == choose_by_gradient || r->layer[i].topology.grows > 0)
            WN_TRY(wn__executor_read_gradient(ex, r->layer[i].param, reader, &r->layer[i]));
    r->listening = reader != NULL;
    return WN_OK;
}

bool wn__rewirer_wants_gradient(const wn__rewirer *r) { return r->listening; }

/* ---- shares */

/* Mean of |x| over the active entries of a layer, in a fixed order. */
static double mean_magnitude(const wn__param *p, const float *x)
{
    double sum = 0;
    for (int64_t e = 0; e < p->stored; e++)
        sum += fabs((double)x[e]);
    return p->stored ? sum / (double)p->stored : 0;
}

/* Adam's first moment over the root of its second. */
static double mean_scaled_moment(const wn__param *p)
{
    double sum = 0;
    for (int64_t e = 0; e < p->stored; e++)
        sum += fabs((double)p->slot[0][e]) / (sqrt((double)p->slot[1][e]) + 1e-8);
    return p->stored ? sum / (double)p->stored : 0;
}

static double mean_dense_momentum(const layer *l)
{
    const wn__param *p = param_of(l);
    const wn__pattern *q = p->pattern;
    double sum = 0;
    for (int64_t r = 0; r < q->rows; r++)
        for (int64_t e = q->row_start[r]; e < q->row_start[r + 1]; e++)
            sum += fabs((double)l->momentum[r * q->columns + q->column[e]]);
    return p->stored ? sum / (double)p->stored : 0;
}

static wn_status share_of(const layer *l, double *share)
{
    const wn__param *p = param_of(l);
    if (l->owner->how.rule.redistribute == WN__SHARE_WEIGHTS)
        *share = (double)(p->stored - l->topology.drops);
    else if (l->owner->how.rule.redistribute == WN__SHARE_GRADIENT)
        *share = mean_magnitude(p, p->grad);
    else if (l->momentum)
        *share = mean_dense_momentum(l);
    else if (p->slot[1])
        *share = mean_scaled_moment(p);
    else if (p->slot[0])
        *share = mean_magnitude(p, p->slot[0]);
    else
        return wn__fail(WN_EUSAGE, "topology: redistribute: momentum: the optimizer keeps none");
    return WN_OK;
}

/* How many each layer grows of all that were dropped. Shares that say nothing leave each layer its own. */
static wn_status share_out(wn__rewirer *r)
{
    int64_t total = 0, room = 0;
    const bool shared = r->how.rule.redistribute != WN__SHARE_NONE;
    for (int i = 0; i < r->layers; i++) {
        const wn__topology *t = &r->layer[i].topology;
        total += t->drops;
        room += r->room[i] = wn__topology_room(t);
        if (shared) WN_TRY(share_of(&r->layer[i], &r->share[i]));
        if (shared ? total > room && i == r->layers - 1 : t->grows > r->room[i])
            return wn__fail(WN_EUSAGE, "%s: topology: regrown: never: of the %lld connections that go some find no other place; say reset",
                            t->param->name, (long long)(shared ? total : t->grows));
    }
    if (!shared) return WN_OK;
    if (!wn__share_out(r->layers, r->share, r->room, total, r->part, r->grow)) return WN_OK;
    for (int i = 0; i < r->layers; i++)
        r->layer[i].topology.grows = r->grow[i];
    return WN_OK;
}

/* ---- an update */

static wn_status grow_at_random(wn__rewirer *r, int64_t step)
{
    for (int i = 0; i < r->layers; i++) {
        wn__rng rng = wn__rng_make(r->seed, WN__FOR_TOPOLOGY, (uint64_t)step, (uint64_t)r->layer[i].param);
        if (r->layer[i].topology.grows > 0) WN_TRY(wn__topology_grow_random(&r->layer[i].topology, &rng));
    }
    return WN_OK;
}

/* Deep-R: active weights walk at random and towards zero, theta = sign * weight. */
static void walk(layer *l, int64_t step, double rate)
{
    wn__rewirer *r = l->owner;
    wn__param *p = changing(l);
    const wn__topology_rule *rule = &r->how.rule;
    const wn__pattern *q = p->pattern;
    const float pull = (float)(rate * rule->l1), noise = (float)(rate * rule->noise);
    wn__rng rng = wn__rng_make(r->seed, WN__FOR_TOPOLOGY, WALKS | (uint64_t)step, (uint64_t)l->param);
    for (int64_t row = 0; row < q->rows; row++)
        for (int64_t e = q->row_start[row]; e < q->row_start[row + 1]; e++) {
            const float sign = wn__topology_sign(r->seed, (uint64_t)l->param, row * q->columns + q->column[e]);
            const float by = noise > 0 ? noise * (float)wn__rng_normal(&rng) : 0;
            p->value[e] += sign * (by - pull);
        }
    give_back(l);
}

/* Down to what it was at the start, then more than that again. */
static wn_status drop_excess(layer *l, wn__drop drop)
{
    const wn__param *p = param_of(l);
    const int64_t excess = p->stored - l->target, room = p->count - l->target;
    const double more = drop.fraction * (double)l->target;
    const int64_t grows = (int64_t)(drop.round_up ? ceil(more) : more);
    drop.out = &excess;
    WN_TRY(wn__topology_init(p, &drop, &l->topology));
    l->topology.grows = grows < room ? grows : room;
    return WN_OK;
}

/* DSR: less or more than a tenth off what was aimed at, and the next threshold is twice, or half, as high. */
static void adapt_threshold(wn__rewirer *r, double fraction)
{
    int64_t dropped = 0, all = 0;
    for (int i = 0; i < r->layers; i++) {
        dropped += r->layer[i].topology.drops;
        all += param_of(&r->layer[i])->stored;
    }
    const double aim = fraction * (double)all;
    if ((double)dropped > 1.1 * aim && *r->threshold > 1e-30f) *r->threshold /= 2;
    if ((double)dropped < 0.9 * aim && *r->threshold < 1e30f) *r->threshold *= 2;
}

/* SRigL: all else follows from the gradient. The last layer of the network keeps its outputs. */
static wn_status begin_fan_in(wn__rewirer *r, wn__executor *ex, double fraction)
{
    const wn__topology_rule *rule = &r->how.rule;
    int last = r->params->count - 1;
    while (r->params->item[last].role != WN__WEIGHT)
        last--;
    for (int i = 0; i < r->layers; i++) {
        layer *l = &r->layer[i];
        wn__topology_release(&l->topology);
        l->topology.param = param_of(l);
        l->fan_in = (wn__fan_in_rule){.fraction = fraction,
                                      .gamma = l->param == last ? 0 : rule->gamma,
                                      .of_dense = rule->gamma_of,
                                      .round_up = rule->round,
                                      .budget = l->target};
    }
    return listen(r, ex, choose_by_gradient);
}

wn_status wn__rewirer_begin(wn__rewirer *r, wn__executor *ex, int64_t step, double rate, double base_rate)
{
    const wn__topology_rule *rule = &r->how.rule;
    wn__drop drop = {.rule = rule->drop,
                     .fraction = wn__rewiring_fraction(&r->how, step, base_rate > 0 ? rate / base_rate : 0),
                     .round_up = rule->round,
                     .seed = r->seed,
                     .lambda = rule->lambda,
                     .criterion = rule->criterion,
                     .threshold = *r->threshold,
                     .fresh = rule->regrown == WN__REGROWN_NEVER};
    for (int i = 0; i < r->layers; i++)
        WN_TRY(take(&r->layer[i]));
    if (r->how.block == WN__BLOCK_FAN_IN) return begin_fan_in(r, ex, drop.fraction);
    for (int i = 0; i < r->layers; i++) {
        layer *l = &r->layer[i];
        drop.layer = (uint64_t)l->param;
        drop.width = wn__block_width(param_of(l), r->how.block);
        if (rule->drop == WN__DROP_CROSSED) walk(l, step, rate);
        wn__topology_release(&l->topology);
        WN_TRY(rule->bound == WN__BOUND_SOFT ? drop_excess(l, drop) : wn__topology_init(param_of(l), &drop, &l->topology));
    }
    if (rule->drop == WN__DROP_CROSSED) r->params->version++;
    if (rule->drop == WN__DROP_THRESHOLD) adapt_threshold(r, drop.fraction);
    if (wn__rewirer_always_listens(r)) return WN_OK; /* the rest when this step's gradient is in, too */
    WN_TRY(share_out(r));
    return rule->grow == WN__GROW_RANDOM ? grow_at_random(r, step) : listen(r, ex, grow_by_gradient);
}

static wn_status grow_by_momentum(wn__rewirer *r)
{
    WN_TRY(share_out(r));
    for (int i = 0; i < r->layers; i++) {
        layer *l = &r->layer[i];
        const wn__pattern *q = param_of(l)->pattern;
        const wn__weight_gradient momentum = {.param = param_of(l), .rows = q->rows, .columns = q->columns, .dense = l->momentum};
        WN_TRY(wn__topology_grow_gradient(&l->topology, &momentum, r->pool));
    }
    return WN_OK;
}

static wn_status finish_layer(layer *l)
{
    wn__rewirer *r = l->owner;
    wn__topology *t = &l->topology;
    wn__topology_made made;
    const int64_t before = l->explored_count;
    if (t->drops == 0 && t->grows == 0) return WN_OK;
    if (t->grows == 0 && !t->grow && !(t->grow = WN_NEW_ARRAY(int64_t, 0))) return wn__no_memory(0); /* nobody searched for nothing */
    for (int64_t i = 0; t->grow && i < t->grows; i++)
        explore(l, t->grow[i]);
    WN_TRY(wn__topology_apply(t, set_of(l), changing(l), (wn__regrown)r->how.rule.regrown, &made));
    give_back(l);
    wn__topology_release(t);
    r->made.dropped += made.dropped;
    r->made.grown += made.grown;
    r->made.regrown += made.regrown;
    r->made.explored += l->explored_count - before;
    return WN_OK;
}

wn_status wn__rewirer_finish(wn__rewirer *r, wn__executor *ex)
{
    if (r->listening) WN_TRY(listen(r, ex, NULL));
    if (wn__rewirer_always_listens(r)) WN_TRY(grow_by_momentum(r));
    for (int i = 0; i < r->layers; i++)
        WN_TRY(finish_layer(&r->layer[i]));
    r->made.updates++;
    return WN_OK;
}

wn__rewired wn__rewirer_made(const wn__rewirer *r) { return r->made; }

int wn__rewirer_layers(const wn__rewirer *r) { return r->layers; }
const wn__param *wn__rewirer_layer(const wn__rewirer *r, int index) { return param_of(&r->layer[index]); }

/* ---- what continuing needs */

static bool has_threshold(const wn__rewirer *r) { return r->how.rule.drop == WN__DROP_THRESHOLD && r->layers > 0; }

int wn__rewirer_arrays(const wn__rewirer *r) { return r->layers * (wn__rewirer_always_listens(r) ? 2 : 1) + has_threshold(r); }

wn__rewirer_array wn__rewirer_array_at(const wn__rewirer *r, int index)
{
    const layer *l = &r->layer[index % r->layers];
    const wn__param *p = param_of(l);
    if (has_threshold(r) && index == r->layers) /* of all layers: it goes with the first */
        return (wn__rewirer_array){.param = p->name, .name = "drop_threshold", .is_float = true, .count = 1, .data = r->threshold};
    if (index >= r->layers)
        return (wn__rewirer_array){.param = p->name, .name = "gradient_average", .is_float = true, .count = p->count, .data = l->momentum};
    return (wn__rewirer_array){.param = p->name, .name = "explored", .count = (p->count + 7) / 8, .data = l->explored};
}

static int64_t count_bits(const uint8_t *bytes, int64_t count)
{
    int64_t bits = 0;
    for (int64_t i = 0; i < count; i++)
        for (unsigned b = bytes[i]; b; b &= b - 1)
            bits++;
    return bits;
}

void wn__rewirer_restore(wn__rewirer *r, const wn__rewired *made)
{
    const int64_t entries = r->made.entries;
    r->made = *made;
    r->made.entries = entries;
    r->made.explored = 0;
    for (int i = 0; i < r->layers; i++) {
        layer *l = &r->layer[i];
        l->explored_count = count_bits(l->explored, (param_of(l)->count + 7) / 8);
        r->made.explored += l->explored_count;
    }
}
