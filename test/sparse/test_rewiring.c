/* Topology updates of whole networks against the same rules written down plainly over dense arrays; how dropped connections are shared out; schedules. */
#include "sparse/dynamic/rewiring.h"

#include "backend/backend.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "methods/method.h"
#include "nn/executor/executor.h"
#include "nn/init.h"
#include "sparse/prune/mask.h"
#include "sparse/prune/share_out.h"
#include "tiny_network.h"

enum { N = 20, CLASSES = 3, LAYERS = 4, MOST = 400 };

/* ---- two copies of a network: compressed, as the library changes it; dense with masks, as the rules do */

static wn_graph *small_graph(void)
{
    wn_graph *g = wn_graph_new("small", 2, 6, 6);
    int x = wn_graph_conv(g, wn_graph_input(g), "conv1", (wn_conv){.out = 4, .kernel = 3, .pad = 1, .bias = true});
    x = wn_graph_conv(g, wn_graph_relu(g, x), "conv2", (wn_conv){.out = 3, .kernel = 3, .stride = 2, .pad = 1, .bias = true});
    x = wn_graph_linear(g, wn_graph_relu(g, x), "fc1", 11, true);
    x = wn_graph_linear(g, wn_graph_relu(g, x), "fc2", CLASSES, true);
    CHECK_OK(wn_graph_finish(g, x));
    return g;
}

typedef struct net {
    wn__params params;
    wn__executor *ex;
} net;

typedef struct lab {
    wn_graph *graph;
    wn__pool *pool;
    wn__device *device;
    net real, plain;
    int weight[LAYERS]; /* parameter numbers */
    float images[N * 2 * 36];
    float average[LAYERS][MOST]; /* of the dense gradient, by the rule */
    int64_t start[LAYERS];       /* active entries */
    float threshold;             /* of DSR */
} lab;

static wn_status squares(void *arg, const float *logits, int64_t first, int64_t n, float *dlogits)
{
    (void)arg;
    for (int64_t i = 0; i < n * CLASSES; i++)
        dlogits[i] = (logits[i] - (float)((first + i / CLASSES) % CLASSES == i % CLASSES)) / N;
    return WN_OK;
}

static void gradients(lab *l, net *n)
{
    CHECK_OK(wn__executor_gradients(n->ex, l->images, N, (wn__step_info){.training = true}, squares, NULL));
}

typedef enum numbers { SMOOTH, TIES } numbers;

/* The same entries and numbers in both; `active` of each layer, cut to its size. */
static void fill(lab *l, const int64_t active[LAYERS], numbers kind)
{
    wn__rng rng = wn__rng_make(4, WN__FOR_TEST, (uint64_t)kind, 0);
    for (int i = 0; i < LAYERS; i++) {
        wn__param *p = &l->plain.params.item[l->weight[i]];
        uint8_t mask[MOST] = {0};
        wn__mask_draw(&rng, p->count, active[i] < p->count ? active[i] : p->count, mask);
        for (int64_t e = 0; e < p->count; e++) {
            p->value[e] = kind == TIES ? 0.125f * (float)((int)wn__rng_below(&rng, 5) - 2) : 0.3f * (float)wn__rng_normal(&rng);
            p->slot[0][e] = (float)wn__rng_normal(&rng);
        }
        CHECK_OK(wn__param_set_mask(p, mask));
        CHECK_OK(wn__param_set_mask(&l->real.params.item[l->weight[i]], mask));
    }
    for (int i = 0; i < N * 2 * 36; i++)
        l->images[i] = (float)wn__rng_normal(&rng);
    CHECK_OK(wn__params_copy_values(&l->real.params, &l->plain.params));
    for (int i = 0; i < LAYERS; i++)
        memcpy(l->real.params.item[l->weight[i]].slot[0], l->plain.params.item[l->weight[i]].slot[0],
               (size_t)l->plain.params.item[l->weight[i]].count * sizeof(float));
    CHECK_OK(wn__params_compress_masked(&l->real.params));
}

static int64_t micro_batch; /* of the labs made next; 0: the whole batch */

static void lab_init(lab *l, const char *backend, int threads, const int64_t active[LAYERS], numbers kind)
{
    *l = (lab){.graph = small_graph()};
    const wn__executor_options options = {.batch = N, .micro_batch = micro_batch, .training = true};
    l->device = tiny_device(backend, threads, WN__F32, &l->pool);
    net *both[2] = {&l->real, &l->plain};
    for (int i = 0; i < 2; i++) {
        both[i]->params = tiny_params(l->graph, 1);
        CHECK_OK(wn__params_allocate_slots(&both[i]->params, 1));
    }
    for (int i = 0, k = 0; i < l->real.params.count; i++)
        if (l->real.params.item[i].role == WN__WEIGHT) l->weight[k++] = i;
    fill(l, active, kind);
    for (int i = 0; i < 2; i++)
        CHECK_OK(wn__executor_new(l->graph, &both[i]->params, l->device, &options, &both[i]->ex));
}

static void lab_release(lab *l)
{
    wn__executor_free(l->real.ex);
    wn__executor_free(l->plain.ex);
    wn__params_release(&l->real.params);
    wn__params_release(&l->plain.params);
    tiny_device_close(l->device, l->pool);
    wn_graph_free(l->graph);
}

/* ---- the rules, one entry after the other */

static bool is_active(const wn__param *p, int64_t e) { return !p->mask || p->mask[e]; }

/* Of the candidates the one with the smallest (sign 1) or largest (sign -1) |x|; of equals the first. */
static int64_t extreme(const wn__param *p, const bool *candidate, const float *x, float sign)
{
    int64_t found = -1;
    for (int64_t e = 0; e < p->count; e++)
        if (candidate[e] && (found < 0 || sign * fabsf(x[e]) < sign * fabsf(x[found]))) found = e;
    return found;
}

static int64_t whole(double x, int up) { return (int64_t)(up ? ceil(x) : floor(x)); }

/* Marks what goes of the active entries whose value is >= 0 (1), below 0 (-1), or any (0). */
static int64_t plain_drop(const wn__param *p, int sign, double fraction, int up, bool *gone)
{
    bool candidate[MOST] = {0};
    int64_t entries = 0;
    for (int64_t e = 0; e < p->count; e++) {
        candidate[e] = is_active(p, e) && (sign == 0 || (sign < 0) == (p->value[e] < 0));
        entries += candidate[e];
    }
    const int64_t drops = whole((double)entries * fraction, up);
    for (int64_t i = 0; i < drops; i++) {
        const int64_t e = extreme(p, candidate, p->value, 1);
        candidate[e] = false;
        gone[e] = true;
    }
    return drops;
}

static double plain_share(const lab *l, int i, int redistribute, bool dense_momentum)
{
    const wn__param *p = &l->plain.params.item[l->weight[i]];
    const float *x = redistribute == WN__SHARE_GRADIENT ? p->grad : dense_momentum ? l->average[i] : p->slot[0];
    double sum = 0;
    for (int64_t e = 0; e < p->count; e++)
        if (is_active(p, e)) sum += fabs((double)x[e]);
    return p->active ? sum / (double)p->active : 0;
}

/* Section 4.3 of the reproduction's report, with whole numbers by largest remainder. */
static void plain_share_out(const double *share, const int64_t *drops, const int64_t *room, int64_t *grows)
{
    double part[LAYERS], sum = 0, total = 0;
    for (int i = 0; i < LAYERS; i++) {
        sum += share[i];
        total += (double)drops[i];
    }
    for (int i = 0; i < LAYERS; i++)
        part[i] = total * (share[i] / sum);
    for (int round = 0; round < 1000; round++) {
        double excess = 0;
        for (int i = 0; i < LAYERS; i++) {
            const double most = 0.99 * (double)room[i];
            if (part[i] > most) excess += part[i] - most;
            if (part[i] > most) part[i] = most;
        }
        if (excess == 0) break;
        for (int i = 0; i < LAYERS; i++)
            part[i] += excess / LAYERS;
    }
    double rest = total;
    for (int i = 0; i < LAYERS; i++)
        rest -= (double)(grows[i] = (int64_t)part[i]);
    for (int percent = 99; percent <= 100; percent++)
        for (int best = 0; rest > 0 && best >= 0;) {
            best = -1;
            for (int i = 0; i < LAYERS; i++)
                if (grows[i] < room[i] * percent / 100 && (best < 0 || part[i] - (double)grows[i] > part[best] - (double)grows[best]))
                    best = i;
            if (best < 0) break;
            grows[best]++;
            rest--;
        }
}

/* MEST: down to the number of the start, by |value| + lambda |gradient|. */
static int64_t plain_elastic_drop(const wn__param *p, const wn__topology_rule *rule, double fraction, int64_t target, bool *gone)
{
    bool candidate[MOST] = {0};
    float score[MOST];
    for (int64_t e = 0; e < p->count; e++) {
        candidate[e] = is_active(p, e);
        score[e] = fabsf(p->value[e]) + (float)rule->lambda * fabsf(p->grad[e]);
    }
    const int64_t drops = rule->bound == WN__BOUND_SOFT ? p->active - target : whole((double)p->active * fraction, rule->round);
    for (int64_t i = 0; i < drops; i++) {
        const int64_t e = extreme(p, candidate, score, 1);
        candidate[e] = false;
        gone[e] = true;
    }
    return drops;
}

/* What is below the threshold goes; of a layer that would lose all, the first stays. */
static int64_t plain_threshold_drop(const wn__param *p, float threshold, bool *gone)
{
    int64_t drops = 0, first = -1;
    for (int64_t e = 0; e < p->count; e++) {
        gone[e] = is_active(p, e) && fabsf(p->value[e]) < threshold;
        drops += gone[e];
        if (first < 0 && gone[e]) first = e;
    }
    if (drops == 0 || drops < p->active) return drops;
    gone[first] = false;
    return drops - 1;
}

static void plain_adapt(lab *l, const int64_t *drops, double fraction)
{
    double dropped = 0, all = 0;
    for (int i = 0; i < LAYERS; i++) {
        const wn__param *p = &l->plain.params.item[l->weight[i]];
        dropped += (double)drops[i];
        all += p->mask ? (double)p->active : 0;
    }
    if (dropped > 1.1 * (fraction * all)) l->threshold /= 2;
    if (dropped < 0.9 * (fraction * all)) l->threshold *= 2;
}

/* The dense network's gradients are those of all entries. */
static void plain_update(lab *l, const wn__topology_rule *rule, double fraction)
{
    static bool gone[LAYERS][MOST];
    int64_t drops[LAYERS], grows[LAYERS], room[LAYERS];
    double share[LAYERS], shares = 0;
    const bool dense = rule->grow == WN__GROW_MOMENTUM && rule->momentum == WN__MOMENTUM_DENSE, never = rule->regrown == WN__REGROWN_NEVER;
    memset(gone, 0, sizeof gone);
    for (int i = 0; i < LAYERS; i++) {
        const wn__param *p = &l->plain.params.item[l->weight[i]];
        const int sign = rule->drop == WN__DROP_SIGNED ? 1 : 0;
        drops[i] = p->mask ? plain_drop(p, sign, fraction, rule->round, gone[i]) : 0;
        if (sign && p->mask) drops[i] += plain_drop(p, -1, fraction, rule->round, gone[i]);
        if (p->mask && (rule->lambda > 0 || rule->bound == WN__BOUND_SOFT)) {
            memset(gone[i], 0, sizeof gone[i]);
            drops[i] = plain_elastic_drop(p, rule, fraction, l->start[i], gone[i]);
        }
        if (p->mask && rule->drop == WN__DROP_THRESHOLD) drops[i] = plain_threshold_drop(p, l->threshold, gone[i]);
        grows[i] = drops[i];
        if (p->mask && rule->bound == WN__BOUND_SOFT) {
            grows[i] = whole((double)l->start[i] * fraction, rule->round);
            if (grows[i] > p->count - l->start[i]) grows[i] = p->count - l->start[i];
        }
        room[i] = p->mask ? p->count - p->active + (never ? 0 : drops[i]) : 0;
        share[i] = rule->redistribute && p->mask ? plain_share(l, i, rule->redistribute, dense) : 0;
        if (rule->redistribute == WN__SHARE_WEIGHTS) share[i] = p->mask ? (double)(p->active - drops[i]) : 0;
        shares += share[i];
    }
    if (rule->drop == WN__DROP_THRESHOLD) plain_adapt(l, drops, fraction);
    if (shares > 0) plain_share_out(share, drops, room, grows);
    for (int i = 0; i < LAYERS; i++) {
        wn__param *p = &l->plain.params.item[l->weight[i]];
        bool candidate[MOST];
        uint8_t mask[MOST];
        for (int64_t e = 0; e < p->count; e++)
            candidate[e] = !(mask[e] = is_active(p, e) && !gone[i][e]) && !(never && gone[i][e]);
        for (int64_t g = 0; g < grows[i]; g++) {
            const int64_t e = extreme(p, candidate, dense ? l->average[i] : p->grad, -1);
            candidate[e] = false;
            mask[e] = 1;
            if (!is_active(p, e) || rule->regrown == WN__REGROWN_ZERO) p->value[e] = p->slot[0][e] = 0;
        }
        if (p->mask) CHECK_OK(wn__param_set_mask(p, mask));
    }
}

static void plain_average(lab *l, double decay)
{
    for (int i = 0; i < LAYERS; i++) {
        const wn__param *p = &l->plain.params.item[l->weight[i]];
        for (int64_t e = 0; e < p->count; e++)
            l->average[i][e] = (float)decay * l->average[i][e] + (float)(1 - decay) * p->grad[e];
    }
}

/* ---- comparing */

static void check_same(const lab *l)
{
    for (int i = 0; i < LAYERS; i++) {
        const wn__param *p = &l->plain.params.item[l->weight[i]], *q = &l->real.params.item[l->weight[i]];
        if (!p->mask) {
            CHECK(!q->pattern && memcmp(p->value, q->value, (size_t)p->count * sizeof(float)) == 0);
            continue;
        }
        CHECK(q->pattern && wn__pattern_is_valid(q->pattern));
        CHECK_EQ_INT(q->active, p->active);
        for (int64_t k = 0, e = 0; k < p->count; k++) {
            const int64_t found = wn__pattern_find(q->pattern, k / q->pattern->columns, k % q->pattern->columns);
            CHECK_EQ_INT(found, p->mask[k] ? e : -1);
            if (!p->mask[k]) continue;
            CHECK(q->value[e] == p->value[k] && q->slot[0][e] == p->slot[0][k]);
            e++;
        }
    }
}

/* As an optimizer would: active entries move. */
static void move_weights(lab *l, int step, numbers kind)
{
    for (int i = 0; i < LAYERS; i++) {
        wn__param *p = &l->plain.params.item[l->weight[i]], *q = &l->real.params.item[l->weight[i]];
        wn__rng rng = wn__rng_make(5, WN__FOR_TEST, (uint64_t)step, (uint64_t)i);
        for (int64_t k = 0; k < p->count; k++) {
            const float by = kind == TIES ? 0.125f * (float)((int)wn__rng_below(&rng, 3) - 1) : 0.1f * (float)wn__rng_normal(&rng);
            if (is_active(p, k)) p->value[k] += by, p->slot[0][k] += by;
        }
        if (!q->pattern) {
            memcpy(q->value, p->value, (size_t)p->count * sizeof(float));
            continue;
        }
        wn__pattern_gather(q->pattern, p->value, q->value);
        wn__pattern_gather(q->pattern, p->slot[0], q->slot[0]);
    }
    l->plain.params.version++;
    l->real.params.version++;
}

/* One step of the library with an update at the end, as the trainer makes it. */
static void real_update(lab *l, wn__rewirer *r, const wn__topology_rule *rule, int step)
{
    if (wn__topology_needs_gradients(rule)) gradients(l, &l->real);
    CHECK_OK(wn__rewirer_begin(r, l->real.ex, step, 1, 1));
    if (wn__rewirer_wants_gradient(r) || wn__rewirer_always_listens(r)) gradients(l, &l->real);
    CHECK_OK(wn__rewirer_finish(r, l->real.ex));
}

enum { UPDATES = 6 };

static void check_rule(const wn__topology_rule *rule, const int64_t active[LAYERS], numbers kind, int threads)
{
    lab l;
    wn__rewirer *r;
    lab_init(&l, "ref", threads, active, kind);
    l.threshold = (float)rule->threshold;
    const bool soft = rule->bound == WN__BOUND_SOFT;
    const wn__rewiring how = {.rule = *rule, .end = soft ? UPDATES - 1 : UPDATES + 1, .interval = 1, .half = 2};
    CHECK_OK(wn__rewirer_new(&how, &l.real.params, l.pool, 7, &r));
    CHECK_OK(wn__rewirer_attach(r, l.real.ex));
    int64_t total = 0, dropped = 0;
    for (int i = 0; i < LAYERS; i++)
        total += l.start[i] = l.plain.params.item[l.weight[i]].active;
    for (int step = 0; step < UPDATES; step++) {
        gradients(&l, &l.plain);
        plain_average(&l, rule->decay);
        plain_update(&l, rule, wn__rewiring_fraction(&how, step, 1));
        real_update(&l, r, rule, step);
        check_same(&l);
        int64_t now = 0;
        for (int i = 0; i < LAYERS; i++)
            now += l.real.params.item[l.weight[i]].active;
        if (!soft || step == UPDATES - 1) CHECK_EQ_INT(now, total);
        CHECK(now >= total);
        move_weights(&l, step, kind);
    }
    const wn__rewired made = wn__rewirer_made(r);
    CHECK_EQ_INT(made.updates, UPDATES);
    CHECK_EQ_INT(made.dropped, made.grown); /* a soft bound ends where it began */
    CHECK(made.regrown <= made.grown && made.explored <= made.entries);
    (void)dropped;
    wn__rewirer_free(r);
    lab_release(&l);
}

static const int64_t usual[LAYERS] = {20, 30, 60, 12}, with_empty_and_full[LAYERS] = {20, 0, 60, MOST};

static void check_everywhere(wn__topology_rule rule)
{
    rule.alpha = 0.4;
    rule.decay = 0.9;
    rule.power = 1;
    check_rule(&rule, usual, SMOOTH, 1);
    check_rule(&rule, usual, TIES, 3);
    check_rule(&rule, with_empty_and_full, SMOOTH, 2);
    rule.round = 1;
    rule.regrown = WN__REGROWN_ZERO;
    check_rule(&rule, usual, SMOOTH, 1);
    check_rule(&rule, with_empty_and_full, TIES, 5);
}

TEST(rigl_follows_its_rule) { check_everywhere((wn__topology_rule){.grow = WN__GROW_GRADIENT}); }

/* Growth by gradient in place of random growth, so that it can be compared. */
TEST(mest_drops_by_its_score_and_halves_its_rate)
{
    check_everywhere((wn__topology_rule){.grow = WN__GROW_GRADIENT, .schedule = WN__FALL_HALVED, .lambda = 0.7});
    check_everywhere((wn__topology_rule){.grow = WN__GROW_GRADIENT, .schedule = WN__FALL_HALVED, .bound = WN__BOUND_SOFT});
    check_everywhere((wn__topology_rule){.grow = WN__GROW_GRADIENT, .schedule = WN__FALL_HALVED, .lambda = 3, .bound = WN__BOUND_SOFT});
}

/* 160 epochs of 10 steps: of 0.1 of the weights a fifth goes until epoch 90, a tenth until 120 (sparsities 0.92, 0.91, 0.9), every 5 epochs. */
TEST(mest_has_the_published_rates)
{
    const wn__method *m = wn__method_find("mest"), *soft = wn__method_find("mest-soft");
    wn__rewiring how;
    CHECK_OK(wn__rewiring_resolve(&m->axes.topology, 10, 1600, &how));
    CHECK_EQ_INT(wn__rewiring_updates(&how, 0, 1600), 120 / 5);
    CHECK_NEAR(wn__rewiring_fraction(&how, 0, 1), 0.2, 0, 0);
    CHECK_NEAR(wn__rewiring_fraction(&how, 850, 1), 0.2, 0, 0);
    CHECK_NEAR(wn__rewiring_fraction(&how, 900, 1), 0.1, 0, 0);
    CHECK_NEAR(wn__rewiring_fraction(&how, 1150, 1), 0.1, 0, 0);
    CHECK(wn__rewiring_is_due(&how, 850) && !wn__rewiring_is_due(&how, 851) && !wn__rewiring_is_due(&how, 1200));
    CHECK_OK(wn__rewiring_resolve(&soft->axes.topology, 10, 1600, &how));
    CHECK(wn__rewiring_is_due(&how, 1200) && wn__rewiring_fraction(&how, 1200, 1) == 0); /* back to its size, for good */
    CHECK_EQ_INT(wn__rewiring_updates(&how, 0, 1600), 120 / 5 + 1);
}

TEST(rigl_with_sets_drop_follows_both_rules)
{
    check_everywhere((wn__topology_rule){.grow = WN__GROW_GRADIENT, .drop = WN__DROP_SIGNED, .schedule = WN__FALL_CONSTANT});
}

TEST(rigl_sg_shares_by_gradient) { check_everywhere((wn__topology_rule){.grow = WN__GROW_GRADIENT, .redistribute = WN__SHARE_GRADIENT}); }

TEST(rigl_sm_shares_by_momentum) { check_everywhere((wn__topology_rule){.grow = WN__GROW_GRADIENT, .redistribute = WN__SHARE_MOMENTUM}); }

/* Growth by gradient in place of random growth, so that it can be compared: thresholds that drop too much, too little, and all of a layer. */
TEST(dsr_drops_below_a_threshold_that_adapts_and_shares_by_weights)
{
    for (double threshold = 0.02; threshold < 30; threshold *= 5) {
        wn__topology_rule rule = {.grow = WN__GROW_GRADIENT,
                                  .drop = WN__DROP_THRESHOLD,
                                  .threshold = threshold,
                                  .schedule = WN__FALL_CONSTANT,
                                  .redistribute = WN__SHARE_WEIGHTS};
        check_everywhere(rule);
        rule.regrown = WN__REGROWN_NEVER;
        check_everywhere(rule);
    }
}

/* As the row has it: random ones come, none of those that went. */
TEST(dsr_grows_at_random_where_nothing_was)
{
    lab l;
    wn__rewirer *r;
    const wn__method *dsr = wn__method_find("dsr");
    wn__rewiring how;
    CHECK_OK(wn__rewiring_resolve(&dsr->axes.topology, 100, 1000, &how));
    how.rule.threshold = 0.1;
    lab_init(&l, "sparse", 2, usual, SMOOTH);
    CHECK_OK(wn__rewirer_new(&how, &l.real.params, l.pool, 7, &r));
    CHECK_OK(wn__rewirer_begin(r, l.real.ex, 100, 1, 1));
    CHECK(!wn__rewirer_wants_gradient(r));
    CHECK_OK(wn__rewirer_finish(r, l.real.ex));
    const wn__rewired made = wn__rewirer_made(r);
    CHECK(made.dropped > 10 && made.grown == made.dropped && made.regrown == 0);
    int64_t total = 0, fresh = 0;
    for (int i = 0; i < LAYERS; i++) {
        const wn__param *p = &l.real.params.item[l.weight[i]], *was = &l.plain.params.item[l.weight[i]];
        total += p->stored;
        for (int64_t row = 0; row < p->pattern->rows; row++)
            for (int64_t e = p->pattern->row_start[row]; e < p->pattern->row_start[row + 1]; e++) {
                const int64_t k = row * p->pattern->columns + p->pattern->column[e];
                if (was->mask[k]) CHECK(p->value[e] == was->value[k] && fabsf(p->value[e]) >= 0.1f);
                if (was->mask[k]) continue;
                CHECK(p->value[e] == 0 && p->slot[0][e] == 0);
                fresh++;
            }
    }
    CHECK_EQ_INT(total, 20 + 30 + 60 + 12);
    CHECK_EQ_INT(fresh, made.grown);
    wn__rewirer_free(r);
    lab_release(&l);
}

TEST(what_cannot_grow_elsewhere_is_an_error)
{
    lab l;
    wn__rewirer *r;
    const wn__topology_rule rule = {
        .grow = WN__GROW_RANDOM, .alpha = 0.9, .schedule = WN__FALL_CONSTANT, .regrown = WN__REGROWN_NEVER, .update = WN__UPDATE_AFTER};
    const wn__rewiring how = {.rule = rule, .end = 10, .interval = 1};
    lab_init(&l, "ref", 1, (int64_t[LAYERS]){70, 30, 60, 12}, SMOOTH); /* of 72 */
    CHECK_OK(wn__rewirer_new(&how, &l.real.params, l.pool, 7, &r));
    CHECK_STATUS(wn__rewirer_begin(r, l.real.ex, 0, 1, 1), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "conv1.weight: topology: regrown: never: of the 63 connections that go some find no other place");
    wn__rewirer_free(r);
    lab_release(&l);
}

TEST(snfs_follows_its_rule_with_dense_momentum)
{
    check_everywhere((wn__topology_rule){.grow = WN__GROW_MOMENTUM, .redistribute = WN__SHARE_MOMENTUM, .final = 0.005});
    check_everywhere((wn__topology_rule){.grow = WN__GROW_MOMENTUM});
}

TEST(snfs_with_sparse_momentum_grows_by_gradient)
{
    check_everywhere((wn__topology_rule){
        .grow = WN__GROW_MOMENTUM, .momentum = WN__MOMENTUM_SPARSE, .redistribute = WN__SHARE_MOMENTUM, .schedule = WN__FALL_POWER});
}

/* Random growth: what goes follows the rule; what comes was not active after the drop, as many; new entries start at zero. */
TEST(set_drops_by_its_rules_and_keeps_every_layers_number)
{
    for (int drop = 0; drop < 2; drop++)
        for (int k = 0; k < 2; k++) {
            lab l;
            wn__rewirer *r;
            lab_init(&l, "ref", 2, k ? with_empty_and_full : usual, k ? TIES : SMOOTH);
            const wn__topology_rule rule = {.grow = WN__GROW_RANDOM, .drop = drop, .alpha = 0.3, .schedule = WN__FALL_CONSTANT};
            const wn__rewiring how = {.rule = rule, .end = 10, .interval = 1};
            CHECK_OK(wn__rewirer_new(&how, &l.real.params, l.pool, 7, &r));
            CHECK_OK(wn__rewirer_begin(r, l.real.ex, 3, 1, 1));
            CHECK(!wn__rewirer_wants_gradient(r));
            CHECK_OK(wn__rewirer_finish(r, l.real.ex));
            for (int i = 0; i < LAYERS; i++) {
                const wn__param *p = &l.plain.params.item[l.weight[i]], *q = &l.real.params.item[l.weight[i]];
                bool gone[MOST] = {0};
                if (!p->mask) continue;
                const int64_t drops =
                    drop ? plain_drop(p, 1, 0.3, 0, gone) + plain_drop(p, -1, 0.3, 0, gone) : plain_drop(p, 0, 0.3, 0, gone);
                int64_t grown = 0;
                for (int64_t e = 0; e < p->count; e++) {
                    const int64_t at = wn__pattern_find(q->pattern, e / q->pattern->columns, e % q->pattern->columns);
                    const bool stays = p->mask[e] && !gone[e];
                    if (stays) CHECK(at >= 0 && q->value[at] == p->value[e]);
                    if (!stays && at >= 0) {
                        grown++;
                        if (!p->mask[e]) CHECK(q->value[at] == 0 && q->slot[0][at] == 0);
                    }
                }
                CHECK_EQ_INT(grown, drops);
                CHECK_EQ_INT(q->active, p->active);
            }
            wn__rewirer_free(r);
            lab_release(&l);
        }
}

/* Deep-R, algorithm 1: theta = sign * weight walks by noise and towards zero; what is below zero goes, as many come at zero, anywhere. */
TEST(deep_r_drops_what_crossed_zero_and_keeps_every_layers_number)
{
    lab l;
    wn__rewirer *r;
    const wn__topology_rule rule = {.grow = WN__GROW_RANDOM,
                                    .drop = WN__DROP_CROSSED,
                                    .l1 = 0.25,
                                    .update = WN__UPDATE_AFTER,
                                    .regrown = WN__REGROWN_ZERO,
                                    .schedule = WN__FALL_CONSTANT};
    const wn__rewiring how = {.rule = rule, .end = 10, .interval = 1};
    lab_init(&l, "ref", 1, with_empty_and_full, SMOOTH);
    CHECK_OK(wn__rewirer_new(&how, &l.real.params, l.pool, 7, &r));
    int64_t gone = 0;
    for (int i = 0; i < LAYERS; i++) {
        const wn__param *p = &l.plain.params.item[l.weight[i]], *q = &l.real.params.item[l.weight[i]];
        for (int64_t k = 0, e = 0; k < p->count; k++)
            if (is_active(p, k)) { /* start weights keep their size and get their place's sign */
                CHECK(q->value[e] == fabsf(p->value[k]) * wn__topology_sign(7, (uint64_t)l.weight[i], k));
                e++;
            }
    }
    CHECK_OK(wn__rewirer_begin(r, l.real.ex, 3, 0.5, 1));
    CHECK_OK(wn__rewirer_finish(r, l.real.ex));
    for (int i = 0; i < LAYERS; i++) {
        const wn__param *p = &l.plain.params.item[l.weight[i]], *q = &l.real.params.item[l.weight[i]];
        CHECK_EQ_INT(q->active, p->active);
        for (int64_t k = 0; k < p->count; k++) {
            const float sign = wn__topology_sign(7, (uint64_t)l.weight[i], k);
            const int64_t at = wn__pattern_find(q->pattern, k / q->pattern->columns, k % q->pattern->columns);
            const float theta = is_active(p, k) ? fabsf(p->value[k]) - 0.125f : -1;
            if (theta >= 0) CHECK(at >= 0 && fabsf(q->value[at] * sign - theta) < 1e-6f);
            if (theta < 0 && at >= 0) CHECK(q->value[at] == 0 && q->slot[0][at] == 0);
            gone += is_active(p, k) && theta < 0;
        }
    }
    CHECK(gone > 5);
    CHECK_EQ_INT(wn__rewirer_made(r).dropped, gone);
    wn__rewirer_free(r);
    lab_release(&l);
}

/* Signs are coins: fair, and their own at every place. */
TEST(deep_r_signs_are_drawn_by_place)
{
    int sum = 0, same = 0;
    for (int64_t k = 0; k < 10000; k++) {
        const float sign = wn__topology_sign(1, 2, k);
        CHECK(sign == 1 || sign == -1);
        CHECK(sign == wn__topology_sign(1, 2, k));
        sum += (int)sign;
        same += sign == wn__topology_sign(1, 3, k);
    }
    CHECK(abs(sum) < 500 && abs(same - 5000) < 250);
}

/* Three updates on `ref` with the whole batch, and on a backend in pieces. */
static void check_same_connections(const char *backend, wn__topology_rule rule, int block, int64_t pieces_of)
{
    lab l, reference;
    wn__rewirer *r[2];
    const wn__rewiring how = {.rule = rule, .end = 10, .interval = 1, .block = block};
    lab_init(&reference, "ref", 1, usual, SMOOTH);
    micro_batch = pieces_of;
    lab_init(&l, backend, 2, usual, SMOOTH);
    micro_batch = 0;
    lab *both[2] = {&reference, &l};
    for (int i = 0; i < 2; i++) {
        CHECK_OK(wn__rewirer_new(&how, &both[i]->real.params, both[i]->pool, 7, &r[i]));
        CHECK_OK(wn__rewirer_attach(r[i], both[i]->real.ex));
        for (int step = 0; step < 3; step++)
            real_update(both[i], r[i], &rule, step);
    }
    for (int i = 0; i < LAYERS; i++)
        CHECK(wn__pattern_equal(l.real.params.item[l.weight[i]].pattern, reference.real.params.item[l.weight[i]].pattern));
    for (int i = 0; i < 2; i++) {
        wn__rewirer_free(r[i]);
        lab_release(both[i]);
    }
}

/* Drop and grow sets on the dense backend and on stored entries are those of the definition; micro-batches add up. */
TEST(every_backend_changes_the_same_connections)
{
    static const wn__topology_rule rules[] = {
        {.grow = WN__GROW_GRADIENT, .alpha = 0.3},
        {.grow = WN__GROW_GRADIENT, .alpha = 0.3, .redistribute = WN__SHARE_GRADIENT},
        {.grow = WN__GROW_MOMENTUM, .alpha = 0.3, .decay = 0.9},
    };
    for (int b = 0; wn__backends[b]; b++)
        for (size_t k = 0; k < sizeof rules / sizeof rules[0]; k++)
            for (int64_t pieces_of = 0; pieces_of < 20; pieces_of += 6)
                check_same_connections(wn__backends[b]->name, rules[k], WN__BLOCK_WEIGHT, pieces_of);
}
/* ---- sharing out */

TEST(shares_add_up_and_keep_within_the_room)
{
    double part[3];
    int64_t grow[3];
    CHECK(wn__share_out(3, (const double[]){1, 1, 2}, (const int64_t[]){100, 100, 100}, 40, part, grow));
    CHECK(grow[0] == 10 && grow[1] == 10 && grow[2] == 20);
    CHECK(wn__share_out(3, (const double[]){1, 1, 1}, (const int64_t[]){100, 100, 100}, 41, part, grow)); /* of equals the first */
    CHECK(grow[0] == 14 && grow[1] == 14 && grow[2] == 13);
    CHECK(wn__share_out(3, (const double[]){0, 0, 5}, (const int64_t[]){100, 100, 10}, 40, part, grow)); /* 0.99 of 10; the rest equally */
    CHECK_EQ_INT(grow[0] + grow[1] + grow[2], 40);
    CHECK(grow[2] >= 9 && grow[2] <= 10 && grow[0] >= 15 && grow[1] >= 15);
    CHECK(wn__share_out(3, (const double[]){1, 2, 3}, (const int64_t[]){5, 0, 6}, 11, part, grow)); /* no room left at all */
    CHECK(grow[0] == 5 && grow[1] == 0 && grow[2] == 6);
    CHECK(!wn__share_out(3, (const double[]){0, 0, 0}, (const int64_t[]){5, 5, 6}, 3, part, grow));
    CHECK(!wn__share_out(3, (const double[]){0, (double)NAN, 0}, (const int64_t[]){5, 5, 6}, 3, part, grow));
}

/* 0.99 of 39 is 38.61: 38, not the whole layer. */
TEST(a_layer_takes_no_more_than_its_part_of_the_room)
{
    double part[200];
    int64_t grow[200];
    CHECK_EQ_INT(wn__share_most(39), 38);
    CHECK_EQ_INT(wn__share_most(100), 99);
    CHECK_EQ_INT(wn__share_most(1), 0);
    CHECK(wn__share_out(2, (const double[]){1, 1}, (const int64_t[]){39, 1000}, 200, part, grow));
    CHECK(grow[0] == 38 && grow[1] == 162); /* 38.61 and 161.39 */
    CHECK(wn__share_out(3, (const double[]){1, 1, 2}, (const int64_t[]){39, 39, 1000}, 300, part, grow));
    CHECK(grow[0] == 38 && grow[1] == 38 && grow[2] == 224); /* 38.61, 38.61 and 222.78 */
    CHECK(wn__share_out(2, (const double[]){1, 1}, (const int64_t[]){39, 39}, 77, part, grow));
    CHECK(grow[0] == 39 && grow[1] == 38);           /* 77 do not fit into 38 + 38 */
    for (int64_t total = 0; total <= 178; total++) { /* 178 = 38 + 99 + 9 + 32 + 0 */
        const int64_t room[] = {39, 100, 10, 33, 1};
        int64_t sum = 0;
        CHECK(wn__share_out(5, (const double[]){5, 1, 3, 0, 7}, room, total, part, grow));
        for (int l = 0; l < 5; l++) {
            CHECK(grow[l] >= 0 && grow[l] <= wn__share_most(room[l]));
            sum += grow[l];
        }
        CHECK_EQ_INT(sum, total);
    }
}

/* 199 of 200 layers are cut in the first round, and a thousand rounds do not hand on all that they cannot take. */
TEST(what_many_cut_layers_leave_over_goes_where_there_is_room)
{
    static double share[200], part[200];
    static int64_t room[200], grow[200];
    for (int l = 0; l < 200; l++) {
        share[l] = 1;
        room[l] = l < 199 ? 100 : 1000000000;
    }
    CHECK(wn__share_out(200, share, room, 100000000, part, grow));
    for (int l = 0; l < 199; l++)
        CHECK_EQ_INT(grow[l], 99);
    CHECK_EQ_INT(grow[199], 100000000 - 199 * 99);
}

/* An update moves 30 of 100 active entries; a layer holds at most what it had and all that moved before. */
TEST(only_parts_that_do_not_fit_can_be_cut)
{
    const int64_t active[] = {60, 40}, large[] = {200, 200}, small[] = {200, 60}, tight[] = {200, 70};
    wn__rewiring how = {.rule = {.grow = WN__GROW_RANDOM, .alpha = 0.3, .schedule = WN__FALL_CONSTANT, .redistribute = WN__SHARE_GRADIENT},
                        .end = 100,
                        .interval = 10};
    CHECK(!wn__rewiring_may_cut(&how, 0, 10, 2, large, active));
    CHECK(wn__rewiring_may_cut(&how, 0, 10, 2, small, active)); /* 20 are free, 0.99 of them 19 */
    CHECK(wn__rewiring_may_cut(&how, 0, 10, 2, tight, active)); /* 30 are free, 0.99 of them 29 */
    CHECK(!wn__rewiring_may_cut(&how, 0, 10, 2, (const int64_t[]){200, 71}, active));
    CHECK(!wn__rewiring_may_cut(&how, 0, 1000, 2, large, active));                    /* 100 of 200 at most */
    CHECK(wn__rewiring_may_cut(&how, 0, 30, 2, (const int64_t[]){200, 130}, active)); /* 40, then 70, then 100 of them are held */
    CHECK(!wn__rewiring_may_cut(&how, 0, 20, 2, (const int64_t[]){200, 130}, active));
    CHECK(!wn__rewiring_may_cut(&how, 100, 1000, 2, small, active)); /* no more updates */
    how.rule.drop = WN__DROP_THRESHOLD;                              /* all may go */
    CHECK(wn__rewiring_may_cut(&how, 0, 10, 2, (const int64_t[]){200, 141}, active));
    CHECK(!wn__rewiring_may_cut(&how, 0, 10, 2, (const int64_t[]){300, 300}, active));
    how.rule.redistribute = WN__SHARE_NONE;
    CHECK(!wn__rewiring_may_cut(&how, 0, 10, 2, small, active));
}

/* ---- schedules */

TEST(updates_are_made_at_the_steps_of_the_paper)
{
    wn__rewiring how;
    const wn__topology_rule rigl = {
        .grow = WN__GROW_GRADIENT, .alpha = 0.3, .begin = {0, 'i'}, .end = {75000, 'i'}, .interval = {100, 'i'}};
    CHECK_OK(wn__rewiring_resolve(&rigl, 391, 97656, &how));
    CHECK_EQ_INT(wn__rewiring_updates(&how, 0, 97656), 750);
    CHECK(wn__rewiring_is_due(&how, 0) && wn__rewiring_is_due(&how, 74900) && !wn__rewiring_is_due(&how, 75000));
    CHECK(!wn__rewiring_is_due(&how, 150));
    CHECK_NEAR(wn__rewiring_fraction(&how, 0, 1), 0.3, 1e-15, 0);
    CHECK_NEAR(wn__rewiring_fraction(&how, 37500, 1), 0.15, 1e-15, 0);
    CHECK(wn__rewiring_fraction(&how, 75000, 1) == 0);
    how.rule.final = 0.1;
    CHECK_NEAR(wn__rewiring_fraction(&how, 37500, 1), 0.2, 1e-15, 0);
    how.rule.schedule = WN__FALL_POWER;
    how.rule.power = 3;
    CHECK_NEAR(wn__rewiring_fraction(&how, 25000, 1), 0.3 * 8 / 27, 1e-14, 0);
    how.rule.schedule = WN__FALL_CONSTANT;
    CHECK(wn__rewiring_fraction(&how, 25000, 1) == 0.3);
    how.rule.schedule = WN__FALL_RATE;
    CHECK_NEAR(wn__rewiring_fraction(&how, 25000, 0.1), 0.03, 1e-15, 0);
}

TEST(times_that_make_no_sense_are_refused)
{
    wn__rewiring how;
    wn__topology_rule rule = {.grow = WN__GROW_RANDOM, .begin = {0, 'i'}, .end = {50, '%'}, .interval = {0, 'i'}};
    CHECK_STATUS(wn__rewiring_resolve(&rule, 10, 100, &how), WN_EUSAGE);
    rule.interval = (wn__steps){1, 'i'};
    rule.begin = (wn__steps){60, 'i'};
    CHECK_STATUS(wn__rewiring_resolve(&rule, 10, 100, &how), WN_EUSAGE);
    rule.begin = (wn__steps){0, 'i'};
    rule.gradient = WN__LOOK_FIXED; /* random growth looks at none */
    CHECK_STATUS(wn__rewiring_resolve(&rule, 10, 100, &how), WN_EUSAGE);
    rule.gradient = WN__LOOK_BATCH;
    rule.grow = WN__GROW_MOMENTUM; /* dense: what it shares by is the average */
    rule.redistribute = WN__SHARE_GRADIENT;
    CHECK_STATUS(wn__rewiring_resolve(&rule, 10, 100, &how), WN_EUSAGE);
    rule.grow = WN__GROW_RANDOM;
    CHECK_OK(wn__rewiring_resolve(&rule, 10, 100, &how));
    rule.redistribute = WN__SHARE_NONE;
    rule.l1 = 0.1; /* of crossed weights alone */
    CHECK_STATUS(wn__rewiring_resolve(&rule, 10, 100, &how), WN_EUSAGE);
    rule.drop = WN__DROP_CROSSED; /* which start anew, after the step */
    CHECK_STATUS(wn__rewiring_resolve(&rule, 10, 100, &how), WN_EUSAGE);
    rule.update = WN__UPDATE_AFTER;
    rule.regrown = WN__REGROWN_ZERO;
    CHECK_OK(wn__rewiring_resolve(&rule, 10, 100, &how));
    rule.begin = (wn__steps){60, 'i'};
    rule.grow = WN__GROW_NONE;
    CHECK_OK(wn__rewiring_resolve(&rule, 10, 100, &how));
    CHECK_EQ_INT(wn__rewiring_updates(&how, 0, 100), 0);
}

/* A layer of 16 MB, of which 0.5 % are stored: whoever has no dense array by its definition gets along with a quarter of it, in micro-batches, too. */
TEST(only_dense_momentum_allocates_arrays_as_large_as_the_dense_weights)
{
    enum { SIDE = 2000 };
    static const struct {
        wn__topology_rule rule;
        bool dense;
    } cases[] = {
        {{.grow = WN__GROW_RANDOM, .alpha = 0.3, .update = WN__UPDATE_AFTER}, false},
        {{.grow = WN__GROW_RANDOM, .drop = WN__DROP_SIGNED, .alpha = 0.3}, false},
        {{.grow = WN__GROW_RANDOM, .drop = WN__DROP_CROSSED, .l1 = 0.01, .update = WN__UPDATE_AFTER, .regrown = WN__REGROWN_ZERO}, false},
        {{.grow = WN__GROW_GRADIENT, .alpha = 0.3}, false},
        {{.grow = WN__GROW_GRADIENT, .alpha = 0.3, .redistribute = WN__SHARE_GRADIENT}, false},
        {{.grow = WN__GROW_MOMENTUM, .alpha = 0.3, .momentum = WN__MOMENTUM_SPARSE}, false},
        {{.grow = WN__GROW_MOMENTUM, .alpha = 0.3, .decay = 0.9}, true},
    };
    lab l = {0};
    wn_graph *g = wn_graph_new("wide", SIDE, 1, 1);
    CHECK_OK(wn_graph_finish(g, wn_graph_linear(g, wn_graph_linear(g, wn_graph_input(g), "fc1", SIDE, true), "fc2", CLASSES, true)));
    float *images = tiny_images(g, N, 4);
    wn__rng rng = wn__rng_make(4, WN__FOR_TEST, 1, 0);
    l.device = tiny_device("sparse", 2, WN__F32, &l.pool);
    for (size_t c = 0; c < 2 * sizeof cases / sizeof cases[0]; c++) {
        const wn__rewiring how = {.rule = cases[c / 2].rule, .end = 10, .interval = 1};
        wn__params params = {0};
        wn__pattern pattern;
        wn__executor *ex;
        wn__rewirer *r;
        CHECK_OK(wn__pattern_random(SIDE, SIDE, SIDE * SIDE / 200, &rng, &pattern));
        CHECK_OK(wn__params_add_compressed(&params, "fc1.weight", 2, (const int64_t[]){SIDE, SIDE}, &pattern));
        CHECK_OK(wn__params_add(&params, "fc1.bias", WN__BIAS, 1, (const int64_t[]){SIDE}));
        CHECK_OK(wn__params_add(&params, "fc2.weight", WN__WEIGHT, 2, (const int64_t[]){CLASSES, SIDE}));
        CHECK_OK(wn__params_add(&params, "fc2.bias", WN__BIAS, 1, (const int64_t[]){CLASSES}));
        CHECK_OK(wn__params_allocate_slots(&params, 1));
        CHECK_OK(wn__init_params(&params, &(wn__init_options){0}, 1));
        const int64_t before = wn__alloc_statistics().bytes;
        wn__alloc_reset_peak();
        CHECK_OK(wn__executor_new(g, &params, l.device, &(wn__executor_options){.batch = N, .micro_batch = c % 2 ? 6 : 0, .training = true},
                                  &ex));
        CHECK_OK(wn__rewirer_new(&how, &params, l.pool, 7, &r));
        CHECK_OK(wn__rewirer_attach(r, ex));
        for (int step = 0; step < 3; step++) {
            const wn__step_info info = {.training = true, .step = step};
            CHECK_OK(wn__executor_gradients(ex, images, N, info, squares, NULL));
            CHECK_OK(wn__rewirer_begin(r, ex, step, 0.1, 0.1));
            if (wn__rewirer_wants_gradient(r)) CHECK_OK(wn__executor_gradients(ex, images, N, info, squares, NULL));
            CHECK_OK(wn__rewirer_finish(r, ex));
            CHECK_EQ_INT(params.item[0].active, SIDE * SIDE / 200);
        }
        const int64_t grown = wn__alloc_statistics().peak - before, dense = (int64_t)SIDE * SIDE * (int64_t)sizeof(float);
        if (cases[c / 2].dense ? grown < dense : grown > dense / 4)
            WN_TEST_FAIL("rule %zu: %lld bytes more, the dense weights are %lld", c / 2, (long long)grown, (long long)dense);
        wn__rewirer_free(r);
        wn__executor_free(ex);
        wn__params_release(&params);
    }
    tiny_device_close(l.device, l.pool);
    wn_graph_free(g);
    wn__free(images);
}

TEST(running_out_of_memory_is_reported_and_nothing_leaks)
{
    lab l;
    lab_init(&l, "ref", 1, usual, SMOOTH);
    const wn__topology_rule rule = {.grow = WN__GROW_MOMENTUM, .alpha = 0.3, .redistribute = WN__SHARE_MOMENTUM};
    const wn__rewiring how = {.rule = rule, .end = 10, .interval = 1};
    gradients(&l, &l.real);
    const int64_t bytes = wn__alloc_statistics().bytes;
    wn_status status = WN_ENOMEM;
    for (int64_t fail = 1; status != WN_OK; fail++) {
        wn__rewirer *r = NULL;
        wn__alloc_fail_at(fail);
        status = wn__rewirer_new(&how, &l.real.params, l.pool, 7, &r);
        wn__alloc_fail_at(0);
        CHECK(status == WN_OK || status == WN_ENOMEM);
        wn__rewirer_free(r);
        CHECK_EQ_INT(wn__alloc_statistics().bytes, bytes);
    }
    lab_release(&l);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(rigl_follows_its_rule),
                                    RUN(mest_drops_by_its_score_and_halves_its_rate),
                                    RUN(mest_has_the_published_rates),
                                    RUN(rigl_with_sets_drop_follows_both_rules),
                                    RUN(rigl_sg_shares_by_gradient),
                                    RUN(rigl_sm_shares_by_momentum),
                                    RUN(dsr_drops_below_a_threshold_that_adapts_and_shares_by_weights),
                                    RUN(dsr_grows_at_random_where_nothing_was),
                                    RUN(what_cannot_grow_elsewhere_is_an_error),
                                    RUN(snfs_follows_its_rule_with_dense_momentum),
                                    RUN(snfs_with_sparse_momentum_grows_by_gradient),
                                    RUN(set_drops_by_its_rules_and_keeps_every_layers_number),
                                    RUN(deep_r_drops_what_crossed_zero_and_keeps_every_layers_number),
                                    RUN(deep_r_signs_are_drawn_by_place),
                                    RUN(every_backend_changes_the_same_connections),
                                    RUN(shares_add_up_and_keep_within_the_room),
                                    RUN(a_layer_takes_no_more_than_its_part_of_the_room),
                                    RUN(what_many_cut_layers_leave_over_goes_where_there_is_room),
                                    RUN(only_parts_that_do_not_fit_can_be_cut),
                                    RUN(updates_are_made_at_the_steps_of_the_paper),
                                    RUN(times_that_make_no_sense_are_refused),
                                    RUN(only_dense_momentum_allocates_arrays_as_large_as_the_dense_weights),
                                    RUN(running_out_of_memory_is_reported_and_nothing_leaks),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
