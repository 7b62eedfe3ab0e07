/* Compressed parameters: equal to masked ones to the last bit wherever both can be had, and never dense where they cannot. */
#include "backend/backend.h"
#include "base/fail.h"
#include "base/rng.h"
#include "nn/executor/executor.h"
#include "nn/init.h"
#include "nn/optimizer.h"
#include "patterns.h"
#include "sparse/cost.h"
#include "sparse/prune/mask.h"
#include "sparse/prune/score.h"
#include "tiny_network.h"

enum { N = 18, CLASSES = 3, SIDE = 6, CHANNELS = 2 };

static wn_graph *small_graph(void)
{
    wn_graph *g = wn_graph_new("small", CHANNELS, SIDE, SIDE);
    int x = wn_graph_conv(g, wn_graph_input(g), "conv1", (wn_conv){.out = 6, .kernel = 3, .pad = 1});
    x = wn_graph_relu(g, wn_graph_batch_norm(g, x, "bn1"));
    const int y = wn_graph_conv(g, x, "conv2", (wn_conv){.out = 6, .kernel = 3, .pad = 1, .groups = 2});
    x = wn_graph_relu(g, wn_graph_add(g, x, wn_graph_batch_norm(g, y, "bn2")));
    x = wn_graph_relu(g, wn_graph_linear(g, x, "fc1", 10, true));
    x = wn_graph_linear(g, x, "fc2", CLASSES, true);
    CHECK_OK(wn_graph_finish(g, x));
    return g;
}

/* A mask for every weight; some rows and columns stay empty, fc2 keeps all. */
static void mask_weights(wn__params *params, double density)
{
    wn__rng rng = wn__rng_make(3, WN__FOR_TEST, 1, 0);
    for (int i = 0; i < params->count; i++) {
        wn__param *p = &params->item[i];
        if (p->role != WN__WEIGHT) continue;
        uint8_t *mask = WN_NEW_ARRAY(uint8_t, p->count);
        const int64_t columns = p->count / p->dim[0];
        for (int64_t k = 0; k < p->count; k++)
            mask[k] = k / columns != 1 && k % columns != 2 && wn__rng_uniform_double(&rng) < density;
        if (!strcmp(p->name, "fc2.weight")) memset(mask, 1, (size_t)p->count);
        CHECK_OK(wn__param_set_mask(p, mask));
        wn__free(mask);
    }
}

/* ---- a device that takes stored entries: ref on weights that its operations expand themselves, as `bind` told them (into memory of the
 * operation: for one thread) */

typedef struct stored_device {
    wn__device base;
    wn__device *ref;
} stored_device;

typedef struct stored_op {
    wn__op base;
    wn__op *inner;
    const wn__pattern *pattern;
    float *weight, *grad;
} stored_op;

static int binds; /* calls so far */

static wn__op_args dense_args(const stored_op *s, const wn__op_args *args)
{
    wn__op_args a = *args;
    if (!s->pattern) return a;
    wn__pattern_scatter(s->pattern, args->param[0], s->weight);
    a.param[0] = s->weight;
    a.dparam[0] = s->grad;
    if (args->accumulate) wn__pattern_scatter(s->pattern, args->dparam[0], s->grad);
    return a;
}

static wn_status run_phase(wn__op *op, const wn__op_args *args, wn__phase phase, int64_t first, int64_t n)
{
    stored_op *s = (stored_op *)op;
    const wn__op_args a = dense_args(s, args);
    return wn__op_run(s->inner, phase, &a, first, n);
}

static wn_status finish_prepare(wn__op *op, const wn__op_args *args)
{
    stored_op *s = (stored_op *)op;
    const wn__op_class *cls = s->inner->cls;
    return cls->finish[WN__BACKWARD_PREPARE] ? cls->finish[WN__BACKWARD_PREPARE](s->inner, args) : WN_OK;
}

static wn_status finish_params(wn__op *op, const wn__op_args *args)
{
    stored_op *s = (stored_op *)op;
    const wn__op_args a = dense_args(s, args);
    WN_TRY(s->inner->cls->finish[WN__BACKWARD_PARAMS](s->inner, &a));
    if (s->pattern) wn__pattern_gather(s->pattern, s->grad, args->dparam[0]);
    return WN_OK;
}

static wn_status run_forward(wn__op *op, const wn__op_args *a, int64_t first, int64_t n) { return run_phase(op, a, WN__FORWARD, first, n); }
static wn_status run_prepare(wn__op *op, const wn__op_args *a, int64_t first, int64_t n)
{
    return run_phase(op, a, WN__BACKWARD_PREPARE, first, n);
}
static wn_status run_data(wn__op *op, const wn__op_args *a, int64_t first, int64_t n)
{
    return run_phase(op, a, WN__BACKWARD_DATA, first, n);
}
static wn_status run_params(wn__op *op, const wn__op_args *a, int64_t first, int64_t n)
{
    return run_phase(op, a, WN__BACKWARD_PARAMS, first, n);
}

static wn_status stored_bind(wn__op *op, const wn__pattern *pattern)
{
    stored_op *s = (stored_op *)op;
    binds++;
    s->pattern = pattern;
    wn__free(s->weight);
    wn__free(s->grad);
    s->weight = s->grad = NULL;
    if (!pattern) return WN_OK;
    s->weight = WN_NEW_ARRAY(float, pattern->rows * pattern->columns);
    s->grad = WN_NEW_ARRAY(float, pattern->rows * pattern->columns);
    return s->weight && s->grad ? WN_OK : WN_ENOMEM;
}

static void stored_release(wn__op *op)
{
    stored_op *s = (stored_op *)op;
    s->inner->cls->release(s->inner);
    wn__free(s->weight);
    wn__free(s->grad);
    wn__free(s);
}

static const wn__op_class stored_class = {.run = {[WN__FORWARD] = run_forward,
                                                  [WN__BACKWARD_PREPARE] = run_prepare,
                                                  [WN__BACKWARD_DATA] = run_data,
                                                  [WN__BACKWARD_PARAMS] = run_params},
                                          .finish = {[WN__BACKWARD_PREPARE] = finish_prepare, [WN__BACKWARD_PARAMS] = finish_params},
                                          .bind = stored_bind,
                                          .release = stored_release};

static wn_status stored_prepare(wn__device *d, const wn__op_desc *desc, wn__op **out)
{
    wn__device *ref = ((stored_device *)d)->ref;
    wn__op *inner;
    WN_TRY(ref->prepare(ref, desc, &inner));
    *out = inner;
    if (desc->kind != WN__OP_CONV && desc->kind != WN__OP_LINEAR) return WN_OK;
    stored_op *s = WN_NEW(stored_op);
    CHECK(s != NULL);
    *s = (stored_op){.base = *inner, .inner = inner};
    s->base.cls = &stored_class;
    *out = &s->base;
    return WN_OK;
}

static size_t stored_bytes(const wn__device *d, const wn__shape *shape)
{
    const stored_device *s = (const stored_device *)d;
    return s->ref->activation_bytes(s->ref, shape);
}
static wn_status stored_upload(wn__device *d, const float *plain, const wn__shape *shape, void *activation)
{
    stored_device *s = (stored_device *)d;
    return s->ref->upload(s->ref, plain, shape, activation);
}
static wn_status stored_download(wn__device *d, const void *activation, const wn__shape *shape, float *plain)
{
    stored_device *s = (stored_device *)d;
    return s->ref->download(s->ref, activation, shape, plain);
}

/* ---- a network in training */

typedef enum how { MASKED, COMPRESSED, ON_STORED } how;

typedef struct net {
    wn_graph *graph;
    wn__params params;
    wn__pool *pool;
    wn__device *ref;
    stored_device stored;
    wn__executor *ex;
    wn__updater *updater;
    wn__optimizer optimizer;
    double config[32];
    float images[N * CHANNELS * SIDE * SIDE];
} net;

typedef struct options {
    how how;
    const char *optimizer;
    wn__executor_options ex;
} options;

static wn_status squares(void *arg, const float *logits, int64_t first, int64_t n, float *dlogits)
{
    (void)arg;
    for (int64_t i = 0; i < n * CLASSES; i++)
        dlogits[i] = (logits[i] - (float)((first + i / CLASSES) % CLASSES == i % CLASSES)) / N;
    return WN_OK;
}

static void net_init(net *t, options o)
{
    *t = (net){.graph = small_graph()};
    CHECK_OK(wn__graph_make_params(t->graph, &t->params));
    mask_weights(&t->params, 0.3);
    if (o.how != MASKED) CHECK_OK(wn__params_compress_masked(&t->params));
    CHECK_OK(wn__init_params(&t->params, &(wn__init_options){.weights = WN__INIT_PYTORCH}, 8));
    t->ref = tiny_device("ref", o.how == ON_STORED ? 1 : 2, WN__F32, &t->pool);
    t->stored = (stored_device){.base = *t->ref, .ref = t->ref};
    t->stored.base.compressed = true;
    t->stored.base.prepare = stored_prepare;
    t->stored.base.activation_bytes = stored_bytes;
    t->stored.base.upload = stored_upload;
    t->stored.base.download = stored_download;
    wn__rng rng = wn__rng_make(4, WN__FOR_TEST, 0, 0);
    for (int i = 0; i < N * CHANNELS * SIDE * SIDE; i++)
        t->images[i] = (float)wn__rng_normal(&rng);
    o.ex.batch = N;
    o.ex.training = true;
    CHECK_OK(wn__executor_new(t->graph, &t->params, o.how == ON_STORED ? &t->stored.base : t->ref, &o.ex, &t->ex));
    const wn__optimizer_type *type;
    CHECK_OK(wn__optimizer_find(o.optimizer, &type));
    CHECK(type->config_size <= sizeof t->config);
    CHECK_OK(wn__settings_defaults(type->settings, t->config));
    CHECK_OK(wn__settings_set(type->settings, t->config, "weight_decay", "0.01"));
    t->optimizer = (wn__optimizer){.type = type, .config = t->config, .clip_value = 0.05};
    CHECK_OK(wn__updater_new(&t->optimizer, &t->params, t->pool, &t->updater));
}

static void net_release(net *t)
{
    wn__updater_free(t->updater);
    wn__executor_free(t->ex);
    tiny_device_close(t->ref, t->pool);
    wn__params_release(&t->params);
    wn_graph_free(t->graph);
}

static void train(net *t, int from, int to)
{
    for (int k = from; k < to; k++) {
        const wn__step_info step = {.training = true, .update_statistics = true, .step = k};
        CHECK_OK(wn__executor_gradients(t->ex, t->images, N, step, squares, NULL));
        CHECK_OK(wn__updater_step(t->updater, 0.05, k + 1));
    }
}

static void check_same_entries(const wn__param *compressed, const float *got, const wn__param *masked, const float *want, const char *what)
{
    int64_t e = 0;
    for (int64_t k = 0; k < masked->count; k++) {
        if (masked->mask && !masked->mask[k]) continue;
        if (memcmp(&got[e], &want[k], sizeof(float)) != 0)
            WN_TEST_FAIL("%s of %s[%lld] is %g, not %g", what, masked->name, (long long)k, (double)got[e], (double)want[k]);
        e++;
    }
    CHECK_EQ_INT(e, compressed->stored);
}

/* Values, slots and statistics, bit by bit. */
static void check_same(const wn__params *compressed, const wn__params *masked)
{
    for (int i = 0; i < masked->count; i++) {
        const wn__param *c = &compressed->item[i], *m = &masked->item[i];
        CHECK_EQ_INT(c->active, m->active);
        CHECK((c->pattern != NULL) == (m->mask != NULL));
        if (c->pattern) CHECK(wn__pattern_is_valid(c->pattern) && !c->mask && c->stored == c->active && c->pattern->stored == c->stored);
        check_same_entries(c, c->value, m, m->value, "value");
        for (int s = 0; s < WN__SLOTS; s++) {
            CHECK((c->slot[s] != NULL) == (m->slot[s] != NULL));
            if (c->slot[s]) check_same_entries(c, c->slot[s], m, m->slot[s], "slot");
        }
    }
}

static void check_same_training(options o)
{
    net masked, compressed;
    net_init(&compressed, o);
    o.how = MASKED;
    net_init(&masked, o);
    check_same(&compressed.params, &masked.params);
    train(&masked, 0, 6);
    train(&compressed, 0, 6);
    check_same(&compressed.params, &masked.params);
    net_release(&masked);
    net_release(&compressed);
}

TEST(compressed_training_equals_masked_training_bit_by_bit)
{
    static const char *const optimizers[] = {"sgd", "adam", "adamw"};
    for (int i = 0; i < 3; i++) {
        check_same_training((options){.how = COMPRESSED, .optimizer = optimizers[i]});
        check_same_training((options){.how = ON_STORED, .optimizer = optimizers[i]});
    }
}

TEST(compressed_training_in_micro_batches_equals_masked_training)
{
    check_same_training((options){.how = COMPRESSED, .optimizer = "sgd", .ex.micro_batch = 7});
    check_same_training((options){.how = ON_STORED, .optimizer = "sgd", .ex.micro_batch = 7});
}

TEST(steps_on_compressed_weights_allocate_nothing)
{
    for (how h = COMPRESSED; h <= ON_STORED; h++) {
        net t;
        net_init(&t, (options){.how = h, .optimizer = "sgd"});
        train(&t, 0, 1);
        const int64_t calls = wn__alloc_statistics().calls;
        train(&t, 1, 4);
        CHECK_EQ_INT(wn__alloc_statistics().calls, calls);
        net_release(&t);
    }
}

TEST(operations_are_told_of_patterns_once_and_after_every_change)
{
    net t;
    net_init(&t, (options){.how = ON_STORED, .optimizer = "sgd"});
    binds = 0;
    train(&t, 0, 3);
    CHECK_EQ_INT(binds, 4); /* two convolutions, two linear layers */
    wn__param *p = wn__params_find(&t.params, "fc1.weight");
    CHECK_OK(wn__params_update_topology(&t.params, p, &(wn__topology_update){.drop = (int64_t[]){0}, .drops = 1}));
    train(&t, 3, 5);
    CHECK_EQ_INT(binds, 8);
    net_release(&t);
}

/* The same change to a mask and to a pattern in the middle of training. */
TEST(training_goes_on_after_a_change_as_with_a_changed_mask)
{
    for (how h = COMPRESSED; h <= ON_STORED; h++) {
        net masked, compressed;
        net_init(&masked, (options){.how = MASKED, .optimizer = "adam"});
        net_init(&compressed, (options){.how = h, .optimizer = "adam"});
        train(&masked, 0, 3);
        train(&compressed, 0, 3);
        for (int i = 0; i < masked.params.count; i++) {
            wn__param *m = &masked.params.item[i], *c = &compressed.params.item[i];
            if (!m->mask) continue;
            uint8_t *mask = WN_NEW_ARRAY(uint8_t, m->count);
            wn__pattern next;
            for (int64_t k = 0; k < m->count; k++) /* drops some, grows more than the capacity holds */
                mask[k] = m->mask[k] ? k % 5 != 0 : k % 3 == 0;
            CHECK_OK(wn__pattern_from_mask(m->dim[0], m->count / m->dim[0], mask, &next));
            CHECK_OK(wn__param_set_mask(m, mask));
            masked.params.version++;
            CHECK_OK(wn__params_set_pattern(&compressed.params, c, &next));
            wn__pattern_release(&next);
            wn__free(mask);
        }
        check_same(&compressed.params, &masked.params);
        train(&masked, 3, 6);
        train(&compressed, 3, 6);
        check_same(&compressed.params, &masked.params);
        net_release(&masked);
        net_release(&compressed);
    }
}

TEST(weights_can_be_compressed_and_expanded_between_steps)
{
    net a, b;
    net_init(&a, (options){.how = MASKED, .optimizer = "sgd"});
    net_init(&b, (options){.how = MASKED, .optimizer = "sgd"});
    train(&a, 0, 6);
    train(&b, 0, 2);
    CHECK_OK(wn__params_compress_masked(&b.params));
    train(&b, 2, 4);
    for (int i = 0; i < b.params.count; i++)
        params_expand(&b.params, &b.params.item[i]);
    train(&b, 4, 6);
    for (int i = 0; i < a.params.count; i++) {
        const wn__param *p = &a.params.item[i], *q = &b.params.item[i];
        CHECK_EQ_INT(p->stored, q->stored);
        CHECK(memcmp(p->value, q->value, (size_t)p->stored * sizeof(float)) == 0);
        if (p->slot[0]) CHECK(memcmp(p->slot[0], q->slot[0], (size_t)p->stored * sizeof(float)) == 0);
        CHECK(!p->mask || memcmp(p->mask, q->mask, (size_t)p->stored) == 0);
    }
    net_release(&a);
    net_release(&b);
}

static wn_status squares_tangent(void *arg, const float *logits, const float *t_logits, int64_t n, float *dlogits, float *t_dlogits)
{
    for (int64_t i = 0; i < n * CLASSES; i++)
        t_dlogits[i] = t_logits[i] / N;
    return squares(arg, logits, 0, n, dlogits);
}

/* Entries by the same formula of their place, so that both forms get the same vector. */
static float **vectors_of(const wn__params *params, bool fill)
{
    float **v = WN_NEW_ARRAY(float *, params->count);
    for (int i = 0; i < params->count; i++) {
        const wn__param *p = &params->item[i];
        if (!wn__role_is_trained(p->role)) continue;
        v[i] = WN_NEW_ARRAY(float, p->stored);
        for (int64_t e = 0; fill && e < p->stored; e++) {
            int64_t place = e;
            if (p->pattern) place = pattern_row_of(p->pattern, e) * p->pattern->columns + p->pattern->column[e];
            if (!p->mask || p->mask[e]) v[i][e] = (float)(place % 7 - 3);
        }
    }
    return v;
}

static void free_vectors(float **v, int count)
{
    for (int i = 0; i < count; i++)
        wn__free(v[i]);
    wn__free(v);
}

TEST(hessian_vector_products_of_compressed_weights_equal_masked_ones)
{
    net t[2];
    float **vector[2], **product[2];
    for (int h = 0; h < 2; h++) {
        net_init(&t[h], (options){.how = (how)h, .optimizer = "sgd", .ex.tangents = true});
        vector[h] = vectors_of(&t[h].params, true);
        product[h] = vectors_of(&t[h].params, false);
        CHECK_OK(wn__executor_hessian_vector(t[h].ex, t[h].images, N, (wn__step_info){.training = true}, squares_tangent, NULL,
                                             (const float *const *)vector[h], product[h]));
    }
    for (int i = 0; i < t[0].params.count; i++)
        if (product[0][i])
            check_same_entries(&t[COMPRESSED].params.item[i], product[COMPRESSED][i], &t[MASKED].params.item[i], product[MASKED][i],
                               "product");
    for (int h = 0; h < 2; h++) {
        free_vectors(vector[h], t[h].params.count);
        free_vectors(product[h], t[h].params.count);
        net_release(&t[h]);
    }
}

/* ---- start weights, pruning, cost, copies */

TEST(compressed_start_weights_are_the_masked_ones)
{
    for (int rule = WN__INIT_KAIMING; rule <= WN__INIT_XAVIER_NORMAL; rule++) {
        wn_graph *g = small_graph();
        wn__params masked, compressed;
        const wn__init_options o = {.weights = rule};
        CHECK_OK(wn__graph_make_params(g, &masked));
        CHECK_OK(wn__graph_make_params(g, &compressed));
        mask_weights(&masked, 0.2);
        mask_weights(&compressed, 0.2);
        CHECK_OK(wn__params_compress_masked(&compressed));
        CHECK_OK(wn__init_params(&masked, &o, 21));
        CHECK_OK(wn__init_params(&compressed, &o, 21));
        check_same(&compressed, &masked);
        CHECK_OK(wn__reinit_params(&masked, &o, WN__REINIT_KD_TICKET, 22));
        CHECK_OK(wn__reinit_params(&compressed, &o, WN__REINIT_KD_TICKET, 22));
        check_same(&compressed, &masked);
        wn__params_release(&masked);
        wn__params_release(&compressed);
        wn_graph_free(g);
    }
}

static void prune(const wn_graph *g, wn__params *params, double sparsity)
{
    wn__selection s;
    wn__scores scores;
    CHECK_OK(wn__selection_make(g, (const char *const[]){"all"}, 1, &s));
    CHECK_OK(wn__scores_magnitude(params, &s, &scores));
    CHECK_OK(wn__masks_prune(params, &s, (const float *const *)scores.score, &(wn__prune){.sparsity = sparsity}));
    wn__scores_release(&scores);
    wn__selection_release(&s);
}

TEST(pruning_and_cost_of_compressed_weights_equal_those_of_masked_ones)
{
    net masked, compressed;
    net_init(&masked, (options){.how = MASKED, .optimizer = "sgd"});
    net_init(&compressed, (options){.how = COMPRESSED, .optimizer = "sgd"});
    for (int round = 0; round < 2; round++) {
        prune(masked.graph, &masked.params, round ? 0.97 : 0.85);
        prune(compressed.graph, &compressed.params, round ? 0.97 : 0.85);
        check_same(&compressed.params, &masked.params);
        wn__cost a, b;
        CHECK_OK(wn__cost_make(masked.graph, &masked.params, &a));
        CHECK_OK(wn__cost_make(compressed.graph, &compressed.params, &b));
        CHECK(a.active == b.active && a.parameters == b.parameters && a.flops == b.flops && a.dense_flops == b.dense_flops);
        CHECK(a.bytes == b.bytes && a.dense_bytes == b.dense_bytes);
        const wn__sparsity s = wn__sparsity_measure(&masked.params, NULL), z = wn__sparsity_measure(&compressed.params, NULL);
        CHECK(memcmp(&s, &z, sizeof s) == 0);
        wn__cost_release(&a);
        wn__cost_release(&b);
    }
    wn__selection all;
    CHECK_OK(wn__selection_make(compressed.graph, (const char *const[]){"all"}, 1, &all));
    CHECK_STATUS(wn__masks_shuffle(&compressed.params, &all, WN__SHUFFLE_LAYER, 1), WN_EUNSUPPORTED);
    wn__selection_release(&all);
    net_release(&masked);
    net_release(&compressed);
}

TEST(values_are_copied_between_all_forms)
{
    wn_graph *g = small_graph();
    wn__params from[2], want, got;
    for (int f = 0; f < 2; f++) {
        CHECK_OK(wn__graph_make_params(g, &from[f]));
        mask_weights(&from[f], 0.6);
        CHECK_OK(wn__init_params(&from[f], &(wn__init_options){0}, 5));
    }
    CHECK_OK(wn__params_compress_masked(&from[1]));
    for (int f = 0; f < 2; f++) {
        CHECK_OK(wn__graph_make_params(g, &want));
        CHECK_OK(wn__graph_make_params(g, &got));
        mask_weights(&want, 0.3);
        mask_weights(&got, 0.3);
        CHECK_OK(wn__params_compress_masked(&got));
        CHECK_OK(wn__params_copy_values(&want, &from[0]));
        CHECK_OK(wn__params_copy_values(&got, &from[f]));
        check_same(&got, &want);
        CHECK_OK(wn__params_copy_values(&want, &got));
        check_same(&got, &want);
        wn__params_release(&want);
        wn__params_release(&got);
    }
    for (int f = 0; f < 2; f++)
        wn__params_release(&from[f]);
    wn_graph_free(g);
}

/* ---- topology updates against arrays of the dense form */

enum { ROWS = 9, COLUMNS = 13, DENSE = ROWS * COLUMNS };

static wn__params one_weight(int64_t stored)
{
    wn__params set = {0};
    wn__pattern pattern;
    wn__rng rng = wn__rng_make(6, WN__FOR_TEST, (uint64_t)stored, 0);
    CHECK_OK(wn__pattern_random(ROWS, COLUMNS, stored, &rng, &pattern));
    CHECK_OK(wn__params_add_compressed(&set, "w", 2, (const int64_t[]){ROWS, COLUMNS}, &pattern));
    CHECK(pattern.row_start == NULL); /* taken over */
    CHECK_OK(wn__params_allocate_slots(&set, 2));
    for (int64_t e = 0; e < stored; e++)
        set.item[0].value[e] = (float)(e + 1), set.item[0].slot[0][e] = (float)(100 * e), set.item[0].slot[1][e] = (float)-e;
    return set;
}

static void check_update(wn__rng *rng, int64_t stored, wn__regrown regrown)
{
    wn__params set = one_weight(stored);
    wn__param *p = &set.item[0];
    float value[DENSE], slot[DENSE];
    uint8_t mask[DENSE];
    for (int round = 0; round < 6; round++) {
        int64_t drop[DENSE], grow[DENSE], entry = 0;
        wn__topology_update u = {.drop = drop, .grow = grow, .regrown = regrown};
        wn__pattern_mask(p->pattern, mask);
        wn__pattern_scatter(p->pattern, p->value, value);
        wn__pattern_scatter(p->pattern, p->slot[1], slot);
        for (int64_t k = 0; k < DENSE; k++) {
            const bool was = mask[k];
            bool dropped = false;
            if (was && wn__rng_below(rng, 3) == 0) {
                drop[u.drops++] = entry;
                dropped = true;
                mask[k] = 0;
            }
            entry += was;
            if (mask[k] || wn__rng_below(rng, 4) > 0) continue;
            grow[u.grows++] = k;
            mask[k] = 1;
            if (dropped && regrown == WN__REGROWN_KEEPS) continue;
            value[k] = slot[k] = 0;
        }
        const int64_t topology = set.topology;
        CHECK_OK(wn__params_update_topology(&set, p, &u));
        CHECK(set.topology > topology && wn__pattern_is_valid(p->pattern));
        for (int64_t k = 0, e = 0; k < DENSE; k++) {
            CHECK_EQ_INT(wn__pattern_find(p->pattern, k / COLUMNS, k % COLUMNS), mask[k] ? e : -1);
            if (!mask[k]) continue;
            CHECK(p->value[e] == value[k] && p->slot[1][e] == slot[k]);
            if (value[k] == 0) CHECK(p->slot[0][e] == 0 && p->grad[e] == 0);
            e++;
        }
        CHECK(p->stored == p->pattern->stored && p->active == p->stored && p->capacity >= p->stored);
    }
    wn__params_release(&set);
}

TEST(entries_that_stay_keep_their_values_and_new_ones_start_at_zero)
{
    wn__rng rng = wn__rng_make(7, WN__FOR_TEST, 0, 0);
    static const int64_t stored[] = {0, 1, 30, 100, DENSE};
    for (int i = 0; i < 5; i++) {
        check_update(&rng, stored[i], WN__REGROWN_KEEPS);
        check_update(&rng, stored[i], WN__REGROWN_ZERO);
    }
}

TEST(updates_within_the_capacity_allocate_nothing)
{
    wn__params set = one_weight(40);
    wn__param *p = &set.item[0];
    int64_t place = 0;
    while (wn__pattern_find(p->pattern, place / COLUMNS, place % COLUMNS) >= 0)
        place++;
    CHECK_OK(wn__params_reserve(&set, p, 50));
    const int64_t calls = wn__alloc_statistics().calls;
    CHECK_OK(wn__params_update_topology(
        &set, p, &(wn__topology_update){.drop = (int64_t[]){3, 39}, .drops = 2, .grow = (int64_t[]){place}, .grows = 1}));
    CHECK_EQ_INT(wn__alloc_statistics().calls, calls);
    CHECK_EQ_INT(p->stored, 39);
    wn__params_release(&set);
}

TEST(bad_updates_are_refused_and_change_nothing)
{
    wn__params set = one_weight(40);
    wn__param *p = &set.item[0];
    wn__pattern before, wide;
    const int64_t there = pattern_row_of(p->pattern, 5) * COLUMNS + p->pattern->column[5];
    CHECK_OK(pattern_copy(p->pattern, &before));
    CHECK_STATUS(wn__params_update_topology(&set, p, &(wn__topology_update){.drop = (int64_t[]){40}, .drops = 1}), WN_EINVAL);
    CHECK_STATUS(wn__params_update_topology(&set, p, &(wn__topology_update){.grow = (int64_t[]){DENSE}, .grows = 1}), WN_EINVAL);
    CHECK_STATUS(wn__params_update_topology(&set, p, &(wn__topology_update){.grow = (int64_t[]){there}, .grows = 1}), WN_EINVAL);
    CHECK_OK(wn__pattern_from_positions(ROWS, COLUMNS + 1, NULL, 0, &wide));
    CHECK_STATUS(wn__params_set_pattern(&set, p, &wide), WN_EMISMATCH);
    CHECK(wn__pattern_equal(p->pattern, &before));
    for (int64_t e = 0; e < 40; e++)
        CHECK(p->value[e] == (float)(e + 1));
    CHECK_STATUS(wn__param_set_mask(p, (const uint8_t *)"x"), WN_EINVAL);
    CHECK_STATUS(wn__params_compress(&set, p, NULL), WN_EINVAL);
    params_expand(&set, p);
    CHECK_STATUS(wn__params_compress(&set, p, &wide), WN_EMISMATCH);
    CHECK_OK(wn__param_set_mask(p, NULL));
    CHECK_STATUS(wn__params_compress(&set, p, NULL), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "no mask");
    CHECK_STATUS(wn__params_set_pattern(&set, p, &before), WN_EINVAL);
    wn__pattern_release(&before);
    wn__pattern_release(&wide);
    wn__params_release(&set);
}

TEST(damaged_parameters_are_no_valid_ones)
{
    wn__params set = one_weight(40);
    wn__param *p = &set.item[0];
    CHECK(wn__params_are_valid(&set));
    const int32_t column = p->pattern->column[5];
    p->pattern->column[5] = COLUMNS;
    CHECK(!wn__pattern_is_valid(p->pattern) && !wn__params_are_valid(&set));
    p->pattern->column[5] = column;
    p->pattern->entry[3]++;
    CHECK(!wn__params_are_valid(&set));
    p->pattern->entry[3]--;
    p->active--;
    CHECK(!wn__params_are_valid(&set));
    p->active++;
    params_expand(&set, p);
    CHECK(wn__params_are_valid(&set));
    int64_t masked = 0;
    while (p->mask[masked])
        masked++;
    p->slot[0][masked] = 1;
    CHECK(!wn__params_are_valid(&set));
    p->slot[0][masked] = 0;
    p->mask[masked] = 1;
    CHECK(!wn__params_are_valid(&set));
    wn__params_release(&set);
}

TEST(running_out_of_memory_leaves_parameters_as_they_were)
{
    const int64_t bytes = wn__alloc_statistics().bytes;
    for (int64_t fail = 1, done = 0; !done; fail++) {
        wn__params set = one_weight(40);
        wn__param *p = &set.item[0];
        wn__pattern next;
        wn__rng rng = wn__rng_make(6, WN__FOR_TEST, 99, 0);
        CHECK_OK(wn__pattern_random(ROWS, COLUMNS, 60, &rng, &next));
        wn__alloc_fail_at(fail);
        wn_status status = wn__params_set_pattern(&set, p, &next);
        wn__alloc_fail_at(0);
        if (status == WN_OK) {
            params_expand(&set, p);
            wn__alloc_fail_at(fail);
            status = wn__params_compress(&set, p, &next);
            wn__alloc_fail_at(0);
        }
        CHECK(status == WN_OK || status == WN_ENOMEM);
        if (p->pattern) CHECK(wn__pattern_is_valid(p->pattern) && p->pattern->stored == p->stored && p->capacity >= p->stored);
        done = status == WN_OK;
        wn__pattern_release(&next);
        wn__params_release(&set);
    }
    CHECK_EQ_INT(wn__alloc_statistics().bytes, bytes);
}

/* ---- networks whose dense form fits nowhere */

enum { WIDE = 200000, STORED = 500000, FEW = 4 };

static wn_status few_squares(void *arg, const float *logits, int64_t first, int64_t n, float *dlogits)
{
    (void)arg, (void)first;
    for (int64_t i = 0; i < n * FEW; i++)
        dlogits[i] = (logits[i] - (float)(i % FEW == 0)) / (float)n;
    return WN_OK;
}

/* Both layers are compressed; 160 GB would be the dense form of the first. */
static wn_graph *wide_graph(wn__params *params)
{
    wn_graph *g = wn_graph_new("wide", 2, 250, 400);
    int x = wn_graph_relu(g, wn_graph_linear(g, wn_graph_input(g), "fc1", WIDE, false));
    x = wn_graph_linear(g, x, "fc2", FEW, true);
    CHECK_OK(wn_graph_finish(g, x));
    wn__pattern pattern[3] = {{0}};
    wn__rng rng = wn__rng_make(1, WN__FOR_MASK, 0, 0);
    CHECK_OK(wn__pattern_random(WIDE, WIDE, STORED, &rng, &pattern[0]));
    CHECK_OK(wn__pattern_random(FEW, WIDE, 2000, &rng, &pattern[1]));
    CHECK_OK(wn__graph_make_sparse_params(g, pattern, params));
    CHECK_OK(wn__init_params(params, &(wn__init_options){0}, 1));
    const double deviation = sqrt(2.0 / WIDE);
    double sum = 0;
    for (int64_t e = 0; e < STORED; e++)
        sum += (double)params->item[0].value[e] * params->item[0].value[e];
    CHECK_NEAR(sqrt(sum / STORED), deviation, 0, 0.01);
    return g;
}

/* Bytes of parameters: 24 an entry, and while the pattern is drawn 16 more; 16 a row and column. Nothing of rows x columns. */
TEST(a_huge_layer_trains_and_never_takes_dense_memory)
{
    tiny_network t = {0};
    wn__updater *updater;
    wn__optimizer o = {0};
    wn__cost cost;
    double config[32];
    int64_t activations;
    const int64_t before = wn__alloc_statistics().bytes;
    wn__alloc_reset_peak();
    t.graph = wide_graph(&t.params);
    CHECK(wn__alloc_statistics().peak - before < 40LL * STORED + 32LL * WIDE + (1 << 20));
    CHECK_OK(wn__cost_make(t.graph, &t.params, &cost));
    CHECK_EQ_INT(cost.parameters, (int64_t)WIDE * WIDE + FEW * WIDE + FEW);
    CHECK_EQ_INT(cost.active, STORED + 2000 + FEW);
    wn__cost_release(&cost);

    t.device = tiny_device("sparse", 2, WN__F32, &t.pool);
    CHECK_OK(wn__optimizer_find("sgd", &o.type));
    CHECK_OK(wn__settings_defaults(o.type->settings, config));
    o.config = config;
    CHECK_OK(wn__updater_new(&o, &t.params, t.pool, &updater));
    tiny_prepare(&t, (wn__executor_options){.batch = 2, .training = true});
    CHECK_OK(wn__executor_plan_bytes(t.ex, 2, &activations));
    float *images = tiny_images(t.graph, 2, 2);
    for (int step = 0; step < 3; step++) {
        CHECK_OK(wn__executor_gradients(t.ex, images, 2, (wn__step_info){.training = true, .step = step}, few_squares, NULL));
        CHECK_OK(wn__updater_step(updater, 100, step + 1));
    }
    bool moved = false;
    for (int64_t e = 0; e < STORED; e++)
        moved = moved || t.params.item[0].slot[0][e] != 0;
    CHECK(moved && isfinite(t.params.item[0].value[0]));
    CHECK(wn__alloc_statistics().peak - before < 100LL * STORED + 100LL * WIDE + activations + (16 << 20));
    wn__free(images);
    wn__updater_free(updater);
    tiny_release(&t);
    CHECK_EQ_INT(wn__alloc_statistics().bytes, before);
}

TEST(patterns_that_do_not_fit_are_refused)
{
    wn_graph *g = small_graph();
    wn__params params;
    wn__pattern *pattern = WN_NEW_ARRAY(wn__pattern, g->params);
    CHECK_OK(wn__pattern_from_positions(6, 17, NULL, 0, &pattern[0])); /* conv1 has 6 x 18 */
    CHECK_STATUS(wn__graph_make_sparse_params(g, pattern, &params), WN_EMISMATCH);
    CHECK_HAS_TEXT(wn_error_message(), "conv1.weight");
    wn__pattern_release(&pattern[0]);
    CHECK_OK(wn__pattern_from_positions(6, 1, NULL, 0, &pattern[1])); /* bn1.weight */
    CHECK_STATUS(wn__graph_make_sparse_params(g, pattern, &params), WN_EINVAL);
    wn__pattern_release(&pattern[1]);
    wn__free(pattern);
    wn_graph_free(g);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(compressed_training_equals_masked_training_bit_by_bit),
                                    RUN(compressed_training_in_micro_batches_equals_masked_training),
                                    RUN(steps_on_compressed_weights_allocate_nothing),
                                    RUN(operations_are_told_of_patterns_once_and_after_every_change),
                                    RUN(training_goes_on_after_a_change_as_with_a_changed_mask),
                                    RUN(weights_can_be_compressed_and_expanded_between_steps),
                                    RUN(hessian_vector_products_of_compressed_weights_equal_masked_ones),
                                    RUN(compressed_start_weights_are_the_masked_ones),
                                    RUN(pruning_and_cost_of_compressed_weights_equal_those_of_masked_ones),
                                    RUN(values_are_copied_between_all_forms),
                                    RUN(entries_that_stay_keep_their_values_and_new_ones_start_at_zero),
                                    RUN(updates_within_the_capacity_allocate_nothing),
                                    RUN(bad_updates_are_refused_and_change_nothing),
                                    RUN(damaged_parameters_are_no_valid_ones),
                                    RUN(running_out_of_memory_leaves_parameters_as_they_were),
                                    RUN(a_huge_layer_trains_and_never_takes_dense_memory),
                                    RUN(patterns_that_do_not_fit_are_refused),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
