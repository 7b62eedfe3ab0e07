/* Topology updates against the same rules written down plainly over dense arrays; gradients of entries that are not stored; and weights whose
 * dense form fits nowhere. */
#include "backend/backend.h"
#include "base/fail.h"
#include "nn/executor/executor.h"
#include "nn/init.h"
#include "nn/loss.h"
#include "nn/optimizer.h"
#include "patterns.h"
#include "sparse/dynamic/topology.h"
#include "tiny_network.h"

/* ---- the rules */

typedef struct layer {
    int64_t rows, columns, size, stored;
    float *value, *slot, *gradient; /* (size) */
    uint8_t *mask;
} layer;

typedef enum numbers { SMOOTH, TIES, ZEROS } numbers;

static float number(wn__rng *rng, numbers kind)
{
    if (kind == SMOOTH) return (float)wn__rng_normal(rng);
    return kind == ZEROS ? 0.0f : (float)((int)wn__rng_below(rng, 7) - 3);
}

static layer layer_new(int64_t rows, int64_t columns, int64_t stored, numbers kind)
{
    layer l = {.rows = rows, .columns = columns, .size = rows * columns, .stored = stored};
    wn__rng rng = wn__rng_make(1, WN__FOR_TEST, (uint64_t)l.size, (uint64_t)stored);
    int64_t *position = WN_NEW_ARRAY(int64_t, stored);
    l.value = WN_NEW_ARRAY(float, l.size);
    l.slot = WN_NEW_ARRAY(float, l.size);
    l.gradient = WN_NEW_ARRAY(float, l.size);
    l.mask = WN_NEW_ARRAY(uint8_t, l.size);
    CHECK_OK(wn__draw_positions(&rng, l.size, stored, position));
    for (int64_t i = 0; i < stored; i++) {
        l.mask[position[i]] = 1;
        l.value[position[i]] = number(&rng, kind);
        l.slot[position[i]] = (float)(i + 1);
    }
    for (int64_t k = 0; k < l.size; k++)
        l.gradient[k] = number(&rng, kind);
    wn__free(position);
    return l;
}

static void layer_free(layer *l)
{
    wn__free(l->value);
    wn__free(l->slot);
    wn__free(l->gradient);
    wn__free(l->mask);
}

static wn__params params_of(const layer *l)
{
    wn__params set = {0};
    wn__pattern pattern;
    CHECK_OK(wn__pattern_from_mask(l->rows, l->columns, l->mask, &pattern));
    CHECK_OK(wn__params_add_compressed(&set, "w", 2, (const int64_t[]){l->rows, l->columns}, &pattern));
    CHECK_OK(wn__params_allocate_slots(&set, 1));
    wn__pattern_gather(set.item[0].pattern, l->value, set.item[0].value);
    wn__pattern_gather(set.item[0].pattern, l->slot, set.item[0].slot[0]);
    return set;
}

/* Position of the entry in `from` (1 = candidate) with the smallest (sign 1) or largest (sign -1) |x|; of equals the first. */
static int64_t extreme(const layer *l, const uint8_t *from, const float *x, float sign)
{
    int64_t found = -1;
    for (int64_t k = 0; k < l->size; k++)
        if (from[k] && (found < 0 || sign * fabsf(x[k]) < sign * fabsf(x[found]))) found = k;
    return found;
}

/* The update as its paper states it, one entry after the other. */
static void plain_update(layer *l, double fraction, wn__regrown regrown)
{
    const int64_t count = (int64_t)((double)l->stored * fraction);
    uint8_t *active = wn__alloc((size_t)l->size), *candidate = wn__alloc((size_t)l->size);
    memcpy(active, l->mask, (size_t)l->size);
    for (int64_t i = 0; i < count; i++)
        active[extreme(l, active, l->value, 1)] = 0;
    for (int64_t k = 0; k < l->size; k++)
        candidate[k] = !active[k];
    for (int64_t i = 0; i < count; i++) {
        const int64_t k = extreme(l, candidate, l->gradient, -1);
        candidate[k] = 0;
        active[k] = 1;
        if (!l->mask[k] || regrown == WN__REGROWN_ZERO) l->value[k] = l->slot[k] = 0;
    }
    memcpy(l->mask, active, (size_t)l->size);
    wn__free(active);
    wn__free(candidate);
}

static void check_equal(const layer *l, const wn__param *p)
{
    CHECK_EQ_INT(p->stored, l->stored);
    CHECK(wn__pattern_is_valid(p->pattern));
    for (int64_t k = 0, e = 0; k < l->size; k++) {
        CHECK_EQ_INT(wn__pattern_find(p->pattern, k / l->columns, k % l->columns), l->mask[k] ? e : -1);
        if (!l->mask[k]) continue;
        CHECK(p->value[e] == l->value[k] && p->slot[0][e] == l->slot[k]);
        e++;
    }
}

static wn__topology_made update(wn__params *set, const layer *l, double fraction, wn__regrown regrown, int threads)
{
    wn__param *p = &set->item[0];
    wn__topology t;
    wn__topology_made made;
    wn__pool *pool;
    const wn__weight_gradient gradient = {.param = p, .rows = l->rows, .columns = l->columns, .dense = l->gradient};
    CHECK_OK(wn__pool_new(threads, &pool));
    CHECK_OK(wn__topology_init(p, &(wn__drop){.fraction = fraction}, &t));
    CHECK_OK(wn__topology_grow_gradient(&t, &gradient, pool));
    CHECK_OK(wn__topology_apply(&t, set, p, regrown, &made));
    wn__topology_release(&t);
    wn__pool_free(pool);
    return made;
}

static void check_rounds(int64_t rows, int64_t columns, int64_t stored, numbers kind)
{
    for (int way = 0; way < 2; way++) {
        layer l = layer_new(rows, columns, stored, kind);
        wn__params set = params_of(&l);
        static const double fraction[] = {0.3, 0, 1, 0.11, 0.999};
        for (int round = 0; round < 5; round++) {
            for (int64_t k = 0; k < l.size; k++)
                l.gradient[k] = -l.gradient[(k + 5) % l.size];
            plain_update(&l, fraction[round], (wn__regrown)way);
            const wn__topology_made made = update(&set, &l, fraction[round], (wn__regrown)way, round + 1);
            CHECK_EQ_INT(made.dropped, (int64_t)((double)stored * fraction[round]));
            check_equal(&l, &set.item[0]);
        }
        wn__params_release(&set);
        layer_free(&l);
    }
}

TEST(updates_by_gradient_follow_the_rules)
{
    check_rounds(9, 13, 40, SMOOTH);
    check_rounds(1, 1, 1, SMOOTH);
    check_rounds(40, 3, 7, SMOOTH);
}

TEST(of_equals_the_first_is_dropped_and_the_first_is_grown)
{
    check_rounds(9, 13, 40, TIES);
    check_rounds(9, 13, 60, ZEROS);
}

TEST(empty_and_full_layers_keep_their_number_of_entries)
{
    check_rounds(9, 13, 0, SMOOTH);
    check_rounds(9, 13, 9 * 13, TIES);
    check_rounds(9, 13, 9 * 13 - 1, SMOOTH);
}

/* More tiles than one, more candidates than are kept at a time. */
TEST(large_layers_follow_the_rules_for_any_number_of_threads)
{
    static const numbers kinds[] = {SMOOTH, TIES, ZEROS};
    for (int kind = 0; kind < 3; kind++) {
        layer l = layer_new(300, 530, 800, kinds[kind]);
        wn__params first = params_of(&l), set[2] = {params_of(&l), params_of(&l)};
        plain_update(&l, 0.5, WN__REGROWN_KEEPS);
        update(&first, &l, 0.5, WN__REGROWN_KEEPS, 1);
        check_equal(&l, &first.item[0]);
        for (int i = 0; i < 2; i++) {
            update(&set[i], &l, 0.5, WN__REGROWN_KEEPS, i ? 7 : 2);
            check_equal(&l, &set[i].item[0]);
            wn__params_release(&set[i]);
        }
        wn__params_release(&first);
        layer_free(&l);
    }
}

TEST(entries_without_a_gradient_never_grow)
{
    layer l = layer_new(20, 30, 50, SMOOTH);
    wn__params set = params_of(&l);
    wn__topology t;
    for (int64_t k = 0; k < l.size; k++)
        if (k % 3) l.gradient[k] = NAN;
    update(&set, &l, 0.4, WN__REGROWN_ZERO, 2);
    int64_t grown = 0;
    for (int64_t k = 0; k < l.size; k++)
        if (wn__pattern_find(set.item[0].pattern, k / l.columns, k % l.columns) >= 0 && !l.mask[k]) grown += k % 3 ? 1000 : 1;
    CHECK(grown > 0 && grown <= 20);
    for (int64_t k = 0; k < l.size; k++)
        l.gradient[k] = NAN;
    const wn__weight_gradient none = {.param = &set.item[0], .rows = l.rows, .columns = l.columns, .dense = l.gradient};
    CHECK_OK(wn__topology_init(&set.item[0], &(wn__drop){.fraction = 0.4}, &t));
    CHECK_STATUS(wn__topology_grow_gradient(&t, &none, NULL), WN_EDIVERGED);
    wn__topology_release(&t);
    wn__params_release(&set);
    layer_free(&l);
}

/* ---- random growth */

static wn__topology grown_at_random(const wn__param *p, double fraction, uint64_t seed)
{
    wn__topology t;
    wn__rng rng = wn__rng_make(seed, WN__FOR_TOPOLOGY, 0, 0);
    CHECK_OK(wn__topology_init(p, &(wn__drop){.fraction = fraction}, &t));
    CHECK_OK(wn__topology_grow_random(&t, &rng));
    return t;
}

TEST(random_growth_takes_every_inactive_entry_equally_often)
{
    layer l = layer_new(7, 11, 30, SMOOTH);
    wn__params set = params_of(&l);
    const wn__param *p = &set.item[0];
    enum { DRAWS = 20000 };
    int64_t chosen[77] = {0};
    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        wn__topology t = grown_at_random(p, 0.4, seed);
        CHECK_EQ_INT(t.grows, 12);
        for (int64_t i = 0; i < t.grows; i++) {
            CHECK(i == 0 || t.grow[i] > t.grow[i - 1]);
            chosen[t.grow[i]]++;
        }
        if (seed == 0)
            for (int64_t i = 0; i < t.grows; i++) { /* dropped ones are inactive */
                const int64_t row = pattern_row_of(p->pattern, t.drop[i]);
                l.mask[row * l.columns + p->pattern->column[t.drop[i]]] = 0;
            }
        wn__topology_release(&t);
    }
    const double share = 12.0 / (77 - 18), deviation = sqrt(DRAWS * share * (1 - share));
    for (int64_t k = 0; k < l.size; k++) {
        if (l.mask[k])
            CHECK_EQ_INT(chosen[k], 0);
        else
            CHECK_NEAR((double)chosen[k], DRAWS * share, 5 * deviation, 0);
    }
    wn__params_release(&set);
    layer_free(&l);
}

TEST(random_growth_keeps_the_number_of_entries_in_any_layer)
{
    static const int64_t stored[] = {0, 1, 40, 116, 117};
    static const double fraction[] = {0, 0.3, 1};
    for (int i = 0; i < 5; i++)
        for (int f = 0; f < 3; f++) {
            layer l = layer_new(9, 13, stored[i], TIES);
            wn__params set = params_of(&l);
            wn__param *p = &set.item[0];
            wn__topology t = grown_at_random(p, fraction[f], 3), again = grown_at_random(p, fraction[f], 3);
            CHECK(t.grows == 0 || memcmp(t.grow, again.grow, (size_t)t.grows * sizeof *t.grow) == 0);
            const int64_t calls = wn__alloc_statistics().calls;
            CHECK_OK(wn__topology_apply(&t, &set, p, WN__REGROWN_KEEPS, NULL));
            CHECK_EQ_INT(wn__alloc_statistics().calls, calls); /* the number stays, so there is room */
            CHECK(wn__pattern_is_valid(p->pattern));
            CHECK_EQ_INT(p->stored, stored[i]);
            wn__topology_release(&t);
            wn__topology_release(&again);
            wn__params_release(&set);
            layer_free(&l);
        }
}

TEST(an_entry_that_is_dropped_and_grown_keeps_its_value_or_starts_at_zero)
{
    for (int way = 0; way < 2; way++) {
        layer l = layer_new(5, 4, 20, SMOOTH); /* full: all that goes must come back */
        wn__params set = params_of(&l);
        wn__topology_made made;
        wn__topology t = grown_at_random(&set.item[0], 0.5, 1);
        CHECK_OK(wn__topology_apply(&t, &set, &set.item[0], (wn__regrown)way, &made));
        CHECK(made.dropped == 10 && made.regrown == 10);
        int zeros = 0;
        for (int64_t e = 0; e < 20; e++)
            zeros += set.item[0].value[e] == 0 && set.item[0].slot[0][e] == 0;
        CHECK_EQ_INT(zeros, way == WN__REGROWN_ZERO ? 10 : 0);
        wn__topology_release(&t);
        wn__params_release(&set);
        layer_free(&l);
    }
}

TEST(bad_updates_are_refused)
{
    layer l = layer_new(5, 4, 10, SMOOTH);
    wn__params set = params_of(&l);
    wn__param *p = &set.item[0];
    wn__topology t;
    CHECK_STATUS(wn__topology_init(p, &(wn__drop){.fraction = 1.5}, &t), WN_EINVAL);
    CHECK_STATUS(wn__topology_init(p, &(wn__drop){.fraction = (double)NAN}, &t), WN_EINVAL);
    CHECK_OK(wn__topology_init(p, &(wn__drop){.fraction = 0.5}, &t));
    CHECK_STATUS(wn__topology_apply(&t, &set, p, WN__REGROWN_KEEPS, NULL), WN_EINVAL);
    const wn__weight_gradient wrong = {.param = p, .rows = 4, .columns = 5, .dense = l.gradient};
    CHECK_STATUS(wn__topology_grow_gradient(&t, &wrong, NULL), WN_EINVAL);
    wn__topology_release(&t);
    p->value[3] = NAN;
    CHECK_STATUS(wn__topology_init(p, &(wn__drop){.fraction = 0.5}, &t), WN_EDIVERGED);
    p->value[3] = 1;
    params_expand(&set, p);
    CHECK_STATUS(wn__topology_init(p, &(wn__drop){.fraction = 0.5}, &t), WN_EINVAL);
    wn__params_release(&set);
    layer_free(&l);
}

TEST(running_out_of_memory_changes_nothing)
{
    layer l = layer_new(30, 20, 100, SMOOTH);
    wn__params set = params_of(&l);
    wn__param *p = &set.item[0];
    const wn__weight_gradient gradient = {.param = p, .rows = l.rows, .columns = l.columns, .dense = l.gradient};
    const int64_t bytes = wn__alloc_statistics().bytes;
    wn_status status = WN_ENOMEM;
    for (int64_t fail = 1; status != WN_OK; fail++) {
        wn__topology t = {0};
        wn__rng rng = wn__rng_make(1, WN__FOR_TOPOLOGY, 0, 0);
        wn__alloc_fail_at(fail);
        status = wn__topology_init(p, &(wn__drop){.fraction = 0.5}, &t);
        if (status == WN_OK) status = wn__topology_grow_random(&t, &rng);
        if (status == WN_OK) status = wn__topology_grow_gradient(&t, &gradient, NULL);
        wn__alloc_fail_at(0);
        CHECK(status == WN_OK || status == WN_ENOMEM);
        wn__topology_release(&t);
        CHECK_EQ_INT(wn__alloc_statistics().bytes, bytes);
    }
    check_equal(&l, p);
    wn__params_release(&set);
    layer_free(&l);
}

TEST(the_cosine_falls_from_alpha_to_zero)
{
    CHECK_NEAR(wn__topology_cosine(0.3, 0, 1000), 0.3, 1e-15, 0);
    CHECK_NEAR(wn__topology_cosine(0.3, 500, 1000), 0.15, 1e-15, 0);
    CHECK_NEAR(wn__topology_cosine(0.3, 250, 1000), 0.15 * (1 + sqrt(0.5)), 1e-15, 0);
    CHECK(wn__topology_cosine(0.3, 1000, 1000) == 0 && wn__topology_cosine(0.3, 2000, 1000) == 0);
}

/* ---- gradients of all entries in the middle of a step */

enum { N = 150, CLASSES = 3 }; /* more than a panel of the linear layers' gradients, and a last block that is not full */

static wn_graph *mixed_graph(void)
{
    wn_graph *g = wn_graph_new("mixed", 4, 9, 7);
    int x = wn_graph_conv(g, wn_graph_input(g), "conv1", (wn_conv){.out = 8, .kernel = 3, .pad = 1, .bias = true});
    x = wn_graph_relu(g, wn_graph_batch_norm(g, x, "bn1"));
    int y = wn_graph_conv(g, x, "conv2", (wn_conv){.out = 8, .kernel = 3, .pad = 1, .groups = 2});
    x = wn_graph_relu(g, wn_graph_add(g, x, wn_graph_batch_norm(g, y, "bn2")));
    y = wn_graph_conv(g, x, "conv3", (wn_conv){.out = 8, .kernel = 3, .pad = 1, .groups = 8});
    x = wn_graph_relu(g, wn_graph_add(g, x, y));
    x = wn_graph_conv(g, x, "conv4", (wn_conv){.out = 10, .kernel = 3, .pad = 1, .stride = 2});
    x = wn_graph_relu(g, wn_graph_linear(g, wn_graph_relu(g, x), "fc1", 70, true));
    x = wn_graph_linear(g, x, "fc2", CLASSES, true);
    CHECK_OK(wn_graph_finish(g, x));
    return g;
}

static wn_status squares(void *arg, const float *logits, int64_t first, int64_t n, float *dlogits)
{
    (void)arg, (void)first;
    for (int64_t i = 0; i < n * CLASSES; i++)
        dlogits[i] = (logits[i] - (float)(i % CLASSES == 0)) / N;
    return WN_OK;
}

static void net_init(tiny_network *n, const char *backend, bool compressed, int threads, int64_t micro_batch)
{
    *n = (tiny_network){.graph = mixed_graph()};
    wn__rng rng = wn__rng_make(2, WN__FOR_TEST, 0, 0);
    CHECK_OK(wn__graph_make_params(n->graph, &n->params));
    for (int i = 0; i < n->params.count; i++) {
        wn__param *p = &n->params.item[i];
        wn__pattern pattern;
        if (p->role != WN__WEIGHT) continue;
        CHECK_OK(wn__pattern_random(p->dim[0], p->count / p->dim[0], p->count / 4, &rng, &pattern));
        if (compressed)
            CHECK_OK(wn__params_compress(&n->params, p, &pattern));
        else
            wn__pattern_release(&pattern);
    }
    CHECK_OK(wn__init_params(&n->params, &(wn__init_options){0}, 1));
    n->device = tiny_device(backend, threads, WN__F32, &n->pool);
    tiny_prepare(n, (wn__executor_options){.batch = N, .micro_batch = micro_batch, .training = true});
}

/* In tiles that fit nothing else. */
static wn_status keep_gradient(void *arg, const wn__weight_gradient *g)
{
    float **kept = arg, part[5 * 11];
    int64_t end = 0;
    if (*kept) return wn__fail(WN_EINVAL, "called twice");
    *kept = WN_NEW_ARRAY(float, g->rows * g->columns);
    for (int64_t row = 0; row < g->rows; row = row + 5 < end ? row + 5 : end) {
        if (row == end) WN_TRY(wn__weight_gradient_rows(g, row, &end));
        for (int64_t column = 0; column < g->columns; column += 11) {
            const wn__weight_tile tile = {.row = row,
                                          .rows = end - row < 5 ? end - row : 5,
                                          .column = column,
                                          .columns = g->columns - column < 11 ? g->columns - column : 11};
            WN_TRY(wn__weight_gradient_tile(g, &tile, part));
            for (int64_t r = 0; r < tile.rows; r++)
                memcpy(*kept + (row + r) * g->columns + column, part + r * tile.columns, (size_t)tile.columns * sizeof(float));
        }
    }
    return WN_OK;
}

static wn_status run_step(tiny_network *n)
{
    float *images = tiny_images(n->graph, N, 3);
    const wn_status status = wn__executor_gradients(n->ex, images, N, (wn__step_info){.training = true}, squares, NULL);
    wn__free(images);
    return status;
}

/* All weights' whole gradients. */
static void read_all(tiny_network *n, float **kept)
{
    for (int i = 0; i < n->params.count; i++)
        if (n->params.item[i].role == WN__WEIGHT) CHECK_OK(wn__executor_read_gradient(n->ex, i, keep_gradient, &kept[i]));
    CHECK_OK(run_step(n));
}

enum { MOST = 32 };

static void compare_with_ref(const char *backend, bool compressed, int64_t micro_batch)
{
    tiny_network ref, got, quiet;
    net_init(&ref, "ref", compressed, 1, micro_batch);
    net_init(&got, backend, compressed, 2, micro_batch);
    net_init(&quiet, backend, compressed, 3, micro_batch);
    float *want[MOST] = {NULL}, *kept[MOST] = {NULL};
    read_all(&ref, want);
    read_all(&got, kept);
    CHECK_OK(run_step(&quiet));
    int weights = 0;
    for (int i = 0; i < got.params.count; i++) {
        const wn__param *p = &got.params.item[i];
        if (p->role == WN__WEIGHT) {
            double scale = 0;
            for (int64_t k = 0; k < p->count; k++)
                scale = fmax(scale, fabs((double)want[i][k]));
            for (int64_t k = 0; k < p->count; k++)
                CHECK_NEAR((double)kept[i][k], (double)want[i][k], 2e-5 * scale, 0);
            for (int64_t e = 0; p->pattern && e < p->stored; e++) {
                const int64_t row = pattern_row_of(p->pattern, e);
                CHECK_NEAR((double)kept[i][row * p->pattern->columns + p->pattern->column[e]], (double)p->grad[e], 2e-5 * scale, 0);
            }
            weights++;
        }
        /* Reading changes no bit of the step. */
        if (p->grad) CHECK(memcmp(p->grad, quiet.params.item[i].grad, (size_t)p->stored * sizeof(float)) == 0);
        wn__free(want[i]);
        wn__free(kept[i]);
    }
    CHECK_EQ_INT(weights, 6);
    tiny_release(&ref);
    tiny_release(&got);
    tiny_release(&quiet);
}

TEST(gradients_of_all_entries_are_those_of_ref)
{
    compare_with_ref("ref", true, 0);
    compare_with_ref("sparse", true, 0);
    compare_with_ref("sparse", false, 0);
    compare_with_ref("sparse", false, 16);
}

/* The window takes half of the weights: micro-batches are run again, and in any number of threads with the same bits. */
TEST(gradients_of_all_entries_add_up_over_micro_batches)
{
    compare_with_ref("ref", true, 16);
    compare_with_ref("sparse", true, 16);
    compare_with_ref("sparse", true, 64);
    float *first[MOST] = {NULL};
    for (int threads = 1; threads <= 4; threads++) {
        tiny_network n;
        float *kept[MOST] = {NULL};
        net_init(&n, "sparse", true, threads, 32);
        read_all(&n, threads == 1 ? first : kept);
        for (int i = 0; i < n.params.count; i++)
            CHECK(!kept[i] || memcmp(kept[i], first[i], (size_t)n.params.item[i].count * sizeof(float)) == 0);
        for (int i = 0; i < n.params.count; i++)
            wn__free(kept[i]);
        tiny_release(&n);
    }
    for (int i = 0; i < MOST; i++)
        wn__free(first[i]);
}

TEST(gradients_that_cannot_be_read_are_refused)
{
    tiny_network n;
    net_init(&n, "sparse", true, 1, 16);
    float *kept = NULL;
    CHECK_STATUS(wn__executor_read_gradient(n.ex, 1, keep_gradient, &kept), WN_EUNSUPPORTED); /* a bias */
    CHECK_OK(wn__executor_read_gradient(n.ex, 0, NULL, NULL));
    CHECK_OK(run_step(&n));
    CHECK(!kept);
    tiny_release(&n);
}

static wn_status read_tile(void *arg, const wn__weight_gradient *g)
{
    float *corner = arg;
    int64_t end;
    WN_TRY(wn__weight_gradient_rows(g, 0, &end));
    return wn__weight_gradient_tile(g, &(wn__weight_tile){.rows = 1, .columns = 1}, corner);
}

TEST(announced_readers_cost_no_memory_in_the_middle_of_a_run)
{
    for (int k = 0; k < 4; k++) {
        const bool announced = k % 2, pieces = k / 2;
        tiny_network n;
        net_init(&n, "sparse", true, 2, 0);
        float corner = 0;
        wn__executor_free(n.ex);
        tiny_prepare(&n,
                     (wn__executor_options){.batch = N, .micro_batch = pieces ? 64 : 0, .training = true, .gradient_readers = announced});
        CHECK_OK(wn__executor_prepare(n.ex, N));
        CHECK_OK(wn__executor_read_gradient(n.ex, 0, read_tile, &corner));
        const wn__alloc_stats before = wn__alloc_statistics();
        CHECK_OK(run_step(&n));
        const wn__alloc_stats after = wn__alloc_statistics();
        CHECK(corner != 0);
        /* run_step's images; the larger memory for buffers; of the window memory, strips and order */
        CHECK_EQ_INT(after.calls - before.calls, announced ? 1 : pieces ? 5 : 2);
        CHECK(announced ? after.bytes == before.bytes : after.bytes > before.bytes);
        tiny_release(&n);
    }
}

/* ---- memory */

enum { IMAGES = 32, PIXELS = 3072, STORED = 20000, LABELS = 10 };

typedef struct wide {
    tiny_network net;
    wn__topology topology[2];
    double loss; /* of the last step, mean */
} wide;

static wn_status cross_entropy(void *arg, const float *logits, int64_t first, int64_t n, float *dlogits)
{
    wide *w = arg;
    double loss[IMAGES];
    int32_t label[IMAGES];
    for (int64_t i = 0; i < n; i++)
        label[i] = (int32_t)((first + i) % LABELS);
    const wn__loss_rows rows = {.n = n, .batch = IMAGES, .classes = LABELS, .logits = logits, .targets = wn__class_targets(label)};
    wn__loss_compute(&(wn__loss){0}, &rows, NULL, &(wn__loss_out){.loss = loss, .dlogits = dlogits});
    w->loss = 0;
    for (int64_t i = 0; i < n; i++)
        w->loss += loss[i] / IMAGES;
    return WN_OK;
}

/* Two wide layers of as many entries each, whatever their size. */
static void wide_init(wide *w, int width)
{
    wn__pattern pattern[6] = {{0}};
    wn__rng rng = wn__rng_make(4, WN__FOR_TEST, 0, 0);
    *w = (wide){.net.graph = wn_graph_new("wide", 3, 32, 32)};
    wn_graph *g = w->net.graph;
    int x = wn_graph_relu(g, wn_graph_linear(g, wn_graph_input(g), "fc1", width, true));
    x = wn_graph_relu(g, wn_graph_linear(g, x, "fc2", width, true));
    CHECK_OK(wn_graph_finish(g, wn_graph_linear(g, x, "out", LABELS, true)));
    CHECK_OK(wn__pattern_random(width, PIXELS, STORED, &rng, &pattern[0]));
    CHECK_OK(wn__pattern_random(width, width, STORED, &rng, &pattern[2]));
    CHECK_OK(wn__graph_make_sparse_params(g, pattern, &w->net.params));
    CHECK_OK(wn__init_params(&w->net.params, &(wn__init_options){.weights = WN__INIT_KAIMING}, 1));
    CHECK_OK(wn__init_sparse(&w->net.params, WN__SPARSE_INIT_IN_NORMAL, 0, false, 1));
    w->net.device = tiny_device("sparse", 2, WN__F32, &w->net.pool);
}

static wn_status grow_wide(void *arg, const wn__weight_gradient *g)
{
    wide *w = arg;
    return wn__topology_grow_gradient(&w->topology[g->param != &w->net.params.item[0]], g, w->net.pool);
}

static void change_topology(wide *w, const float *images, bool by_gradient)
{
    for (int i = 0; i < 2; i++) {
        CHECK_OK(wn__topology_init(&w->net.params.item[2 * i], &(wn__drop){.fraction = 0.3}, &w->topology[i]));
        CHECK_OK(wn__executor_read_gradient(w->net.ex, 2 * i, by_gradient ? grow_wide : NULL, w));
    }
    if (by_gradient) CHECK_OK(wn__executor_gradients(w->net.ex, images, IMAGES, (wn__step_info){.training = true}, cross_entropy, w));
    for (int i = 0; i < 2; i++) {
        wn__rng rng = wn__rng_make(1, WN__FOR_TOPOLOGY, 0, (uint64_t)i);
        if (!by_gradient) CHECK_OK(wn__topology_grow_random(&w->topology[i], &rng));
        CHECK_OK(wn__executor_read_gradient(w->net.ex, 2 * i, NULL, NULL));
        CHECK_OK(wn__topology_apply(&w->topology[i], &w->net.params, &w->net.params.item[2 * i], WN__REGROWN_KEEPS, NULL));
        wn__topology_release(&w->topology[i]);
        CHECK_EQ_INT(w->net.params.item[2 * i].stored, STORED);
    }
}

/* Steps on one batch, the topology changing in between. Peak bytes but for activations; first and last loss. */
static int64_t train_wide(int width, bool by_gradient, double loss[2])
{
    wide w;
    wn__updater *updater;
    wn__optimizer sgd = {0};
    double config[32];
    int64_t activations;
    const int64_t before = wn__alloc_statistics().bytes;
    wn__alloc_reset_peak();
    wide_init(&w, width);
    CHECK_OK(wn__optimizer_find("sgd", &sgd.type));
    CHECK_OK(wn__settings_defaults(sgd.type->settings, config));
    sgd.config = config;
    CHECK_OK(wn__updater_new(&sgd, &w.net.params, w.net.pool, &updater));
    tiny_prepare(&w.net, (wn__executor_options){.batch = IMAGES, .training = true});
    CHECK_OK(wn__executor_plan_bytes(w.net.ex, IMAGES, &activations));
    float *images = tiny_images(w.net.graph, IMAGES, 5);
    for (int step = 0; step < 16; step++) {
        CHECK_OK(wn__executor_gradients(w.net.ex, images, IMAGES, (wn__step_info){.training = true}, cross_entropy, &w));
        if (step == 0) loss[0] = w.loss;
        CHECK_OK(wn__updater_step(updater, 0.002, step + 1));
        if (step % 5 == 4) change_topology(&w, images, by_gradient);
    }
    loss[1] = w.loss;
    const int64_t peak = wn__alloc_statistics().peak - before - activations;
    wn__free(images);
    wn__updater_free(updater);
    tiny_release(&w.net);
    CHECK_EQ_INT(wn__alloc_statistics().bytes, before);
    return peak;
}

/* Growth that looks at everything, from a copy of the whole gradient, and growth that leaves out what cannot be among the best. */
static wn_status grow_both_ways(void *arg, const wn__weight_gradient *g)
{
    int *compared = arg;
    wn__topology t[2];
    wn__weight_gradient plain = *g;
    float *whole = WN_NEW_ARRAY(float, g->rows * g->columns);
    const wn__weight_tile all = {.rows = g->rows, .columns = g->columns};
    plain.dense = whole;
    WN_TRY(wn__weight_gradient_tile(g, &all, whole));
    for (int i = 0; i < 2; i++) {
        WN_TRY(wn__topology_init(g->param, &(wn__drop){.fraction = 0.3}, &t[i]));
        WN_TRY(wn__topology_grow_gradient(&t[i], i ? &plain : g, NULL));
    }
    *compared += t[0].grows == t[1].grows && memcmp(t[0].grow, t[1].grow, (size_t)t[0].grows * sizeof *t[0].grow) == 0;
    for (int i = 0; i < 2; i++)
        wn__topology_release(&t[i]);
    wn__free(whole);
    return WN_OK;
}

TEST(growth_that_leaves_out_hopeless_tiles_finds_the_same_entries)
{
    wide w;
    int compared = 0;
    wide_init(&w, 1100);
    tiny_prepare(&w.net, (wn__executor_options){.batch = IMAGES, .training = true});
    float *images = tiny_images(w.net.graph, IMAGES, 5);
    for (int64_t i = 0; i < IMAGES * PIXELS; i++)
        images[i] *= (float)(i % 7);
    for (int i = 0; i < 2; i++)
        CHECK_OK(wn__executor_read_gradient(w.net.ex, 2 * i, grow_both_ways, &compared));
    CHECK_OK(wn__executor_gradients(w.net.ex, images, IMAGES - 3, (wn__step_info){.training = true}, cross_entropy, &w));
    CHECK_EQ_INT(compared, 2);
    wn__free(images);
    tiny_release(&w.net);
}

/* Units cost: 120 bytes for ten outputs' weights with gradient and momentum, biases, starts of rows and columns, a few lists. A dense fc2
 * would add 240 MB. */
TEST(memory_does_not_grow_with_the_dense_size_and_the_loss_falls)
{
    enum { NARROW = 2000, BROAD = 8000 };
    for (int by_gradient = 0; by_gradient < 2; by_gradient++) {
        double loss[2];
        const int64_t narrow = train_wide(NARROW, by_gradient, loss);
        CHECK(loss[1] < 0.7 * loss[0]);
        const int64_t broad = train_wide(BROAD, by_gradient, loss);
        CHECK(loss[1] < 0.7 * loss[0]);
        printf("  %lld and %lld bytes beside activations, loss %.3f to %.3f\n", (long long)narrow, (long long)broad, loss[0], loss[1]);
        CHECK(broad - narrow < 400 * (BROAD - NARROW));
    }
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(updates_by_gradient_follow_the_rules),
                                    RUN(of_equals_the_first_is_dropped_and_the_first_is_grown),
                                    RUN(empty_and_full_layers_keep_their_number_of_entries),
                                    RUN(large_layers_follow_the_rules_for_any_number_of_threads),
                                    RUN(entries_without_a_gradient_never_grow),
                                    RUN(random_growth_takes_every_inactive_entry_equally_often),
                                    RUN(random_growth_keeps_the_number_of_entries_in_any_layer),
                                    RUN(an_entry_that_is_dropped_and_grown_keeps_its_value_or_starts_at_zero),
                                    RUN(bad_updates_are_refused),
                                    RUN(running_out_of_memory_changes_nothing),
                                    RUN(the_cosine_falls_from_alpha_to_zero),
                                    RUN(gradients_of_all_entries_are_those_of_ref),
                                    RUN(gradients_of_all_entries_add_up_over_micro_batches),
                                    RUN(gradients_that_cannot_be_read_are_refused),
                                    RUN(announced_readers_cost_no_memory_in_the_middle_of_a_run),
                                    RUN(growth_that_leaves_out_hopeless_tiles_finds_the_same_entries),
                                    RUN(memory_does_not_grow_with_the_dense_size_and_the_loss_falls),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
