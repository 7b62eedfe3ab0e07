/* RigL with its updates after the optimizer's step: what the trainer looks at, and where backends that round differently may choose differently.
 *
 * Rounding moves a gradient by parts in a million. A ReLU whose input is as near to zero as rounding goes may fall to either side, and moves it by
 * the weight of one element (docs/numerics.md). So an update from the same state chooses the same, but for entries that are no farther from the
 * threshold than the gradients are apart: by at most 0.001 of the largest where no ReLU is near zero, else 0.2. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/rng.h"
#include "models/named.h"
#include "nn/init.h"
#include "scratch_folder.h"
#include "sparse/prune/distribution.h"
#include "tensor/compression.h"
#include "tiny_data.h"
#include "train/trainer.h"

enum { SIDE = 16, CHANNELS = 3, CLASSES = 4, BATCH = 18, STEPS = 5, TRAIN = BATCH * STEPS, MOST = 64, PIXELS = CHANNELS * SIDE * SIDE };
static const double fraction = 0.3, rate = 0.05;

static const wn__dataset *images(void)
{
    static const char *const names[CLASSES] = {"a", "b", "c", "d"};
    static const wn__dataset_type type = {
        .name = "noise", .facts.sample = {.channels = CHANNELS, .height = SIDE, .width = SIDE, .classes = CLASSES, .class_names = names}};
    static uint8_t pixels[TRAIN * PIXELS];
    static int32_t labels[TRAIN];
    static wn__dataset data;
    if (data.source) return &data;
    data = tiny_dataset(&type, (wn__memory_part){TRAIN, pixels, labels}, (wn__memory_part){BATCH, pixels, labels});
    wn__rng rng = wn__rng_make(1, WN__FOR_TEST, 0, 0);
    for (int i = 0; i < TRAIN * PIXELS; i++)
        pixels[i] = (uint8_t)wn__rng_below(&rng, 256);
    for (int i = 0; i < TRAIN; i++)
        labels[i] = (int32_t)wn__rng_below(&rng, CLASSES);
    return &data;
}

/* A network on a backend, and all that a run of it needs. */
typedef struct side {
    wn_graph *graph;
    wn__params params;
    wn__pool *pool;
    wn__device *device;
    wn__executor *ex;
    wn__updater *updater;
    char sgd[64];
    wn__optimizer optimizer;
    wn__loader_options loader;
    float *growth[MOST]; /* of every entry of a weight that is not dense, else NULL */
    const wn__batch *batch;
} side;

/* far: batch norm moves what ReLUs see far above zero. */
static void draw_network(side *s, uint64_t seed, bool far)
{
    static const char *const all = "all";
    wn__selection selection;
    int64_t active[MOST];
    CHECK(s->params.count <= MOST);
    CHECK_OK(wn__init_params(&s->params, &(wn__init_options){.weights = WN__INIT_KAIMING_FAN_OUT}, seed));
    CHECK_OK(wn__selection_make(s->graph, &all, 1, &selection));
    CHECK_OK(wn__distribution_counts(&s->params, &selection, &(wn__distribute){.distribution = WN__ERK, .sparsity = 0.8}, active, NULL));
    CHECK_OK(wn__masks_random(&s->params, &selection, active, seed));
    wn__selection_release(&selection);
    for (int i = 0; i < s->params.count; i++) {
        wn__param *p = &s->params.item[i];
        for (int64_t e = 0; far && p->role == WN__SHIFT && e < p->count; e++)
            p->value[e] = 5;
    }
}

static void open_side(side *s, const char *backend, uint64_t seed, bool far)
{
    static const char *const half = "width=0.5";
    const wn__named_model named = {.name = "resnet8", .set = &half, .sets = 1, .input = {CHANNELS, SIDE, SIDE, CLASSES}};
    const wn__backend *b = wn__backend_find(backend);
    *s = (side){.loader = {.data = images(), .batch = BATCH, .seed = seed, .order = WN__SAMPLES_SHUFFLED}};
    CHECK_OK(wn__split_make(&s->loader.data->facts, "none", 0, &s->loader.split));
    CHECK_OK(wn__normalize_find("signed", s->loader.data, &s->loader.normalize));
    CHECK_OK(wn__named_model_build(&named, &s->graph));
    CHECK_OK(wn__graph_make_params(s->graph, &s->params));
    CHECK_OK(wn__pool_new(2, &s->pool));
    CHECK_OK(b->open(b, &(wn__device_options){.dtype = WN__F32, .pool = s->pool}, &s->device));
    CHECK_OK(wn__optimizer_find("sgd", &s->optimizer.type));
    CHECK_OK(wn__settings_defaults(s->optimizer.type->settings, s->sgd));
    CHECK_OK(wn__settings_set(s->optimizer.type->settings, s->sgd, "weight_decay", "0.001"));
    s->optimizer.config = s->sgd;
    draw_network(s, seed, far);
}

/* For steps by hand. */
static void open_steps(side *s)
{
    const wn__executor_options options = {.batch = BATCH, .training = true};
    CHECK_OK(wn__params_compress_masked(&s->params));
    CHECK_OK(wn__updater_new(&s->optimizer, &s->params, s->pool, &s->updater));
    CHECK_OK(wn__executor_new(s->graph, &s->params, s->device, &options, &s->ex));
    for (int i = 0; i < s->params.count; i++)
        if (s->params.item[i].pattern) CHECK((s->growth[i] = WN_NEW_ARRAY(float, s->params.item[i].count)) != NULL);
}

static void close_side(side *s)
{
    wn__executor_free(s->ex);
    wn__updater_free(s->updater);
    for (int i = 0; i < MOST; i++)
        wn__free(s->growth[i]);
    wn__params_release(&s->params);
    s->device->close(s->device);
    wn__pool_free(s->pool);
    wn_graph_free(s->graph);
}

/* ---- a step and an update, as the rule has them */

static wn_status cross_entropy(void *arg, const float *logits, int64_t first, int64_t n, float *dlogits)
{
    const side *s = arg;
    const wn__loss_rows rows = {
        .n = n, .batch = s->batch->n, .classes = CLASSES, .logits = logits, .targets = wn__targets_from(&s->batch->targets, first)};
    wn__loss_compute(&(wn__loss){0}, &rows, s->pool, &(wn__loss_out){.dlogits = dlogits});
    return WN_OK;
}

static wn_status read_gradient(void *arg, const wn__weight_gradient *g)
{
    float *out = arg;
    if (g->dense) memcpy(out, g->dense, (size_t)(g->rows * g->columns) * sizeof *out);
    for (int64_t row = 0, end; !g->dense && row < g->rows; row = end) {
        WN_TRY(wn__weight_gradient_rows(g, row, &end));
        const wn__weight_tile tile = {.row = row, .rows = end - row, .columns = g->columns};
        WN_TRY(wn__weight_gradient_tile(g, &tile, out + row * g->columns));
    }
    return WN_OK;
}

/* The optimizer's step, then the gradient of every entry at the new weights, on the same batch. */
static void make_step(side *s, const wn__batch *batch, int step)
{
    const wn__step_info learn = {.training = true, .update_statistics = true, .step = step}, look = {.training = true, .step = step};
    s->batch = batch;
    CHECK_OK(wn__executor_gradients(s->ex, batch->input, batch->n, learn, cross_entropy, s));
    CHECK_OK(wn__updater_step(s->updater, rate, step + 1));
    for (int i = 0; i < s->params.count; i++)
        if (s->growth[i]) CHECK_OK(wn__executor_read_gradient(s->ex, i, read_gradient, s->growth[i]));
    CHECK_OK(wn__executor_gradients(s->ex, batch->input, batch->n, look, cross_entropy, s));
    for (int i = 0; i < s->params.count; i++)
        if (s->growth[i]) CHECK_OK(wn__executor_read_gradient(s->ex, i, NULL, NULL));
}

static void to_dense(const wn__param *p, float *value, uint8_t *mask)
{
    const wn__pattern *q = p->pattern;
    for (int64_t e = 0; e < p->count; e++) {
        value[e] = q ? 0 : p->value[e];
        mask[e] = !q && (!p->mask || p->mask[e]);
    }
    for (int64_t row = 0; q && row < q->rows; row++)
        for (int64_t e = q->row_start[row]; e < q->row_start[row + 1]; e++) {
            value[row * q->columns + q->column[e]] = p->value[e];
            mask[row * q->columns + q->column[e]] = 1;
        }
}

/* Moves the largest (sign 1) or smallest (-1) |x| of the entries whose mask is `from` to the other side, `count` times; of equals the first. Returns
 * the last one's |x|. */
static float move(const float *x, int64_t n, float sign, uint8_t from, int64_t count, uint8_t *mask)
{
    float last = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t found = -1;
        for (int64_t e = 0; e < n; e++)
            if (mask[e] == from && (found < 0 || sign * fabsf(x[e]) > sign * fabsf(x[found]))) found = e;
        mask[found] = !from;
        last = fabsf(x[found]);
    }
    return last;
}

/* The mask behind the update; *threshold: the smallest gradient that still grows. */
static void choose(const side *s, int i, uint8_t *mask, float *threshold)
{
    const wn__param *p = &s->params.item[i];
    float *value = WN_NEW_ARRAY(float, p->count);
    CHECK(value != NULL);
    to_dense(p, value, mask);
    const int64_t count = (int64_t)(fraction * (double)p->stored);
    move(value, p->count, -1, 1, count, mask);
    *threshold = move(s->growth[i], p->count, 1, 0, count, mask);
    wn__free(value);
}

/* ---- the trainer */

static void train(side *s, const char *folder)
{
    const wn__topology_rule rule = {
        .grow = WN__GROW_GRADIENT, .alpha = fraction, .schedule = WN__FALL_CONSTANT, .update = WN__UPDATE_AFTER};
    wn__train_result result;
    const wn__train_stage stage = {.name = "rigl",
                                   .identity = "stage-1",
                                   .folder = folder,
                                   .spec = {.last = STEPS,
                                            .schedule = {.kind = WN__SCHEDULE_CONSTANT, .base = rate, .every = 1},
                                            .soft_until = INT64_MAX,
                                            .rewires = true,
                                            .rewiring = {.rule = rule, .end = STEPS, .interval = 1}},
                                   .graph = s->graph,
                                   .params = &s->params,
                                   .device = s->device,
                                   .loader = s->loader,
                                   .optimizer = s->optimizer,
                                   .checkpoint_seconds = 1e9};
    CHECK_OK(wn__train_run(&stage, &result));
    CHECK_EQ_INT(result.rewired.updates, STEPS);
}

static void check_equal(const side *a, const side *b)
{
    for (int i = 0; i < a->params.count; i++) {
        const wn__param *p = &a->params.item[i], *q = &b->params.item[i];
        float *x = WN_NEW_ARRAY(float, 2 * p->count);
        uint8_t *mask = wn__alloc((size_t)(2 * p->count));
        CHECK(x && mask);
        to_dense(p, x, mask);
        to_dense(q, x + p->count, mask + p->count);
        if (memcmp(x, x + p->count, (size_t)p->count * sizeof *x) != 0) WN_TEST_FAIL("%s: other values", p->name);
        if (memcmp(mask, mask + p->count, (size_t)p->count) != 0) WN_TEST_FAIL("%s: another mask", p->name);
        wn__free(x);
        wn__free(mask);
    }
}

/* Drops by the weights behind the optimizer's step, grows by the gradient there; batch norm's statistics see the batch once. */
static void check_trainer(const char *backend)
{
    side trained, by_hand;
    wn__loader *loader;
    open_side(&trained, backend, 5, false);
    open_side(&by_hand, backend, 5, false);
    train(&trained, scratch_fresh(backend));
    open_steps(&by_hand);
    CHECK_OK(wn__loader_new(&by_hand.loader, &loader));
    for (int step = 0; step < STEPS; step++) {
        const wn__batch *batch;
        CHECK_OK(wn__loader_next(loader, &batch));
        make_step(&by_hand, batch, step);
        for (int i = 0; i < by_hand.params.count; i++) {
            wn__param *p = &by_hand.params.item[i];
            float threshold;
            uint8_t *mask = p->pattern ? wn__alloc((size_t)p->count) : NULL;
            if (mask) choose(&by_hand, i, mask, &threshold);
            if (mask) CHECK_OK(wn__params_set_mask(&by_hand.params, p, mask));
            wn__free(mask);
        }
    }
    wn__loader_free(loader);
    check_equal(&trained, &by_hand);
    close_side(&trained);
    close_side(&by_hand);
}

TEST(the_trainer_drops_and_grows_at_the_weights_behind_the_step)
{
    check_trainer("ref");
    if (wn__backend_find("sparse")) check_trainer("sparse");
    if (wn__backend_find("onednn")) check_trainer("onednn");
}

/* ---- another backend, from the same state at every step */

static void copy_state(const side *from, side *to)
{
    for (int i = 0; i < from->params.count; i++) {
        const wn__param *p = &from->params.item[i];
        wn__param *q = &to->params.item[i];
        float *value = WN_NEW_ARRAY(float, p->count);
        uint8_t *mask = wn__alloc((size_t)p->count);
        CHECK(value && mask);
        to_dense(p, value, mask);
        if (p->pattern) CHECK_OK(wn__params_set_mask(&to->params, q, mask));
        CHECK_EQ_INT(p->stored, q->stored);
        memcpy(q->value, p->value, (size_t)p->stored * sizeof(float));
        if (p->slot[0]) memcpy(q->slot[0], p->slot[0], (size_t)p->stored * sizeof(float));
        wn__free(value);
        wn__free(mask);
    }
    to->params.version++;
}

/* How far two gradients of a weight lie apart at most, over the largest of the first. */
static double apart(const float *a, const float *b, int64_t n, double *largest)
{
    double most = 0;
    *largest = 0;
    for (int64_t e = 0; e < n; e++) {
        most = fmax(most, fabs((double)a[e] - (double)b[e]));
        *largest = fmax(*largest, fabs((double)a[e]));
    }
    return most / *largest;
}

/* Whatever is chosen by one alone is next to the threshold. Returns how many there are; moves `s` to its own choice. */
static int64_t check_layer(const side *ref, side *s, int i, double tolerance)
{
    wn__param *p = &s->params.item[i];
    float threshold, own;
    double largest;
    int64_t differing = 0;
    uint8_t *wanted = wn__alloc((size_t)(2 * p->count)), *got = wanted + p->count;
    CHECK(wanted != NULL);
    choose(ref, i, wanted, &threshold);
    choose(s, i, got, &own);
    const double difference = apart(ref->growth[i], s->growth[i], p->count, &largest);
    if (!(difference <= tolerance)) WN_TEST_FAIL("%s: gradients are %g of the largest apart", p->name, difference);
    for (int64_t e = 0; e < p->count; e++) {
        if (wanted[e] == got[e]) continue;
        differing++;
        if (fabs(fabs((double)ref->growth[i][e]) - threshold) > 2 * difference * largest)
            WN_TEST_FAIL("%s: entry %lld of gradient %g, where those above %g grow", p->name, (long long)e, (double)ref->growth[i][e],
                         (double)threshold);
    }
    CHECK_OK(wn__params_set_mask(&s->params, p, got));
    wn__free(wanted);
    return differing;
}

/* Returns how many entries of all updates one has and the other has not. */
static int64_t check_choices(const char *backend, uint64_t seed, bool far, double tolerance)
{
    side ref, s;
    wn__loader *loader;
    int64_t differing = 0;
    open_side(&ref, "ref", seed, far);
    open_side(&s, backend, seed, far);
    open_steps(&ref);
    open_steps(&s);
    CHECK_OK(wn__loader_new(&s.loader, &loader));
    for (int step = 0; step < STEPS; step++) {
        const wn__batch *batch;
        CHECK_OK(wn__loader_next(loader, &batch));
        copy_state(&s, &ref);
        make_step(&ref, batch, step);
        make_step(&s, batch, step);
        for (int i = 0; i < s.params.count; i++)
            if (s.growth[i]) differing += check_layer(&ref, &s, i, tolerance);
    }
    wn__loader_free(loader);
    close_side(&ref);
    close_side(&s);
    return differing;
}

static void check_backend(const char *backend)
{
    if (!wn__backend_find(backend)) SKIP("this build has no such backend");
    for (uint64_t seed = 0; seed < 2; seed++) {
        const int64_t far = check_choices(backend, seed, true, 1e-3), near = check_choices(backend, seed, false, 0.2);
        CHECK(far <= 8 && near <= 100);
    }
}

TEST(sparse_chooses_as_the_reference_does_but_for_rounding) { check_backend("sparse"); }
TEST(onednn_chooses_as_the_reference_does_but_for_rounding) { check_backend("onednn"); }

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(the_trainer_drops_and_grows_at_the_weights_behind_the_step),
                                    RUN(sparse_chooses_as_the_reference_does_but_for_rounding),
                                    RUN(onednn_chooses_as_the_reference_does_but_for_rounding),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
