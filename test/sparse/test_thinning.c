/* Dense weights that become sparse while they train (STR, AC/DC, SR-STE): against the papers' rules written down plainly; along training runs. */
#include "sparse/dense_to_sparse/thinning.h"

#include <sys/wait.h>
#include <unistd.h>

#include "backend/backend.h"
#include "base/alloc.h"
#include "base/files.h"
#include "base/rng.h"
#include "nn/init.h"
#include "scratch_folder.h"
#include "sparse/cost.h"
#include "tiny_data.h"
#include "tiny_network.h"
#include "train/trainer.h"

enum { SIDE = 8, CLASSES = 4, TRAIN = 150, TESTED = 50, BATCH = 32, STEPS = 23, MOST = 800 };

static wn_graph *small_graph(int channels)
{
    wn_graph *g = wn_graph_new("small", channels, SIDE, SIDE);
    int x = wn_graph_conv(g, wn_graph_input(g), "conv1", (wn_conv){.out = 4, .kernel = 3, .pad = 1});
    x = wn_graph_max_pool(g, wn_graph_relu(g, wn_graph_batch_norm(g, x, "bn1")), 2, 2, 0);
    x = wn_graph_relu(g, wn_graph_linear(g, x, "fc1", 12, true));
    x = wn_graph_linear(g, x, "fc2", CLASSES, true);
    CHECK_OK(wn_graph_finish(g, x));
    return g;
}

static wn__selection select_layers(const wn_graph *g, const char *item)
{
    wn__selection s;
    CHECK_OK(wn__selection_make(g, &item, 1, &s));
    return s;
}

static wn__param *weight(wn__params *params, int k)
{
    for (int i = 0; i < params->count; i++)
        if (params->item[i].role == WN__WEIGHT && k-- == 0) return &params->item[i];
    WN_TEST_FAIL("there are not so many weights");
}

/* ---- STR: equations 3 to 6 of the paper */

static double plain_sigmoid(double s) { return 1 / (1 + exp(-s)); }

static double plain_soft(double v, double s)
{
    const double rest = fabs(v) - plain_sigmoid(s);
    return rest > 0 ? (v < 0 ? -rest : rest) : 0;
}

TEST(str_weights_and_gradients_follow_the_rule)
{
    wn_graph *g = small_graph(4);
    wn__selection all = select_layers(g, "all");
    wn__params params = tiny_params(g, 3);
    CHECK_OK(wn__threshold_attach(&(wn__threshold_rule){.start = -1.5, .decay = 0.25}, &all, &params));
    for (int k = 0; k < 3; k++) {
        wn__param *p = weight(&params, k);
        float w[MOST], dw[MOST], grad[MOST + 1];
        wn__rng rng = wn__rng_make(1, WN__FOR_TEST, (uint64_t)k, 0);
        CHECK_EQ_INT(p->stored, p->count + 1);
        p->value[0] = 0;
        p->value[1] = wn__threshold_of(p); /* at the threshold: zero */
        p->value[2] = -p->value[1];
        CHECK_OK(p->map->materialise(p, p->value, w));
        int64_t active = 0;
        double along = 0;
        for (int64_t e = 0; e < p->count; e++) {
            CHECK_NEAR(w[e], plain_soft(p->value[e], -1.5), 1e-6, 0);
            dw[e] = (float)wn__rng_normal(&rng);
            active += w[e] != 0;
            along += w[e] != 0 ? dw[e] * (p->value[e] < 0 ? -1 : 1) : 0;
        }
        CHECK_EQ_INT(p->map->active(p), active);
        CHECK(active > 0 && active < p->count && w[1] == 0 && w[2] == 0);
        CHECK_OK(p->map->pull_back(p, dw, grad));
        for (int64_t e = 0; e < p->count; e++)
            CHECK(grad[e] == (w[e] != 0 ? dw[e] : 0));
        const double slope = plain_sigmoid(-1.5) * plain_sigmoid(1.5);
        CHECK_NEAR(grad[p->count], -slope * along + 0.25 * -1.5, 1e-5, 1e-5);
    }
    wn__params_release(&params);
    wn__selection_release(&all);
    wn_graph_free(g);
}

TEST(str_starts_with_every_weight_where_the_threshold_vanishes)
{
    wn_graph *g = small_graph(4);
    wn__selection all = select_layers(g, "all");
    wn__params params = tiny_params(g, 3);
    CHECK_OK(wn__threshold_attach(&(wn__threshold_rule){.start = -3200, .decay = -1}, &all, &params));
    wn__param *p = weight(&params, 0);
    float w[MOST], grad[MOST + 1];
    CHECK_OK(p->map->materialise(p, p->value, w));
    CHECK(memcmp(w, p->value, (size_t)p->count * sizeof(float)) == 0);
    CHECK_OK(p->map->pull_back(p, w, grad));
    CHECK(grad[p->count] == 0 && p->active == p->count);
    wn__params_release(&params);
    wn__selection_release(&all);
    wn_graph_free(g);
}

/* Momentum SGD by hand: s decays by the optimizer's rate, or by its own. */
TEST(str_thresholds_decay_as_asked)
{
    for (int own = 0; own < 2; own++) {
        wn_graph *g = small_graph(4);
        wn__selection all = select_layers(g, "all");
        wn__params params = tiny_params(g, 3);
        char config[64];
        const wn__optimizer_type *sgd = NULL;
        wn__updater *u;
        CHECK_OK(wn__threshold_attach(&(wn__threshold_rule){.start = -100, .decay = own ? 0.5 : -1}, &all, &params));
        CHECK_OK(wn__optimizer_find("sgd", &sgd));
        CHECK_OK(wn__settings_defaults(sgd->settings, config));
        CHECK_OK(wn__settings_set(sgd->settings, config, "weight_decay", "0.125"));
        CHECK_OK(wn__updater_new(&(wn__optimizer){.type = sgd, .config = config}, &params, NULL, &u));
        wn__param *p = weight(&params, 1);
        const float zeros[MOST] = {0};
        double s = -100, v = 0;
        for (int step = 1; step <= 3; step++) {
            for (int k = 0; k < 3; k++)
                CHECK_OK(weight(&params, k)->map->pull_back(weight(&params, k), zeros, weight(&params, k)->grad));
            CHECK_OK(wn__updater_step(u, 0.1, step));
            v = 0.9 * v + (own ? 0.5 : 0.125) * s;
            s -= 0.1 * v;
            CHECK_NEAR(p->value[p->count], s, 1e-4, 0);
        }
        wn__updater_free(u);
        wn__params_release(&params);
        wn__selection_release(&all);
        wn_graph_free(g);
    }
}

TEST(maps_come_off_as_plain_weights_with_masks)
{
    wn_graph *g = small_graph(4);
    wn__selection all = select_layers(g, "all");
    wn__params params = tiny_params(g, 3), view;
    float w[MOST];
    CHECK_OK(wn__threshold_attach(&(wn__threshold_rule){.start = -1, .decay = -1}, &all, &params));
    CHECK_OK(weight(&params, 1)->map->materialise(weight(&params, 1), weight(&params, 1)->value, w));
    CHECK_OK(wn__params_view(&params, &view));
    const wn__param *seen = weight(&view, 1);
    CHECK(!seen->map && seen->stored == seen->count && memcmp(seen->value, w, (size_t)seen->count * sizeof(float)) == 0);
    wn__params_view_release(&view);
    CHECK(weight(&params, 1)->map);
    CHECK_OK(wn__params_uncover(&params));
    const wn__param *p = weight(&params, 1);
    CHECK(!p->map && p->stored == p->count);
    int64_t active = 0;
    for (int64_t e = 0; e < p->count; e++) {
        CHECK(p->value[e] == w[e] && p->mask[e] == (w[e] != 0));
        active += p->mask[e];
    }
    CHECK_EQ_INT(p->active, active);
    wn__params_release(&params);
    wn__selection_release(&all);
    wn_graph_free(g);
}

/* ---- AC/DC: the schedules of its configurations for ResNet-50 (100 epochs) and WRN-28-10 (200) */

static void check_epochs(const wn__alternation_rule *rule, int64_t epochs, const char *sparse)
{
    wn__alternation how;
    CHECK_OK(wn__alternation_resolve(rule, 10, 10 * epochs, &how));
    int64_t count = 0;
    for (int64_t step = 0; step < 10 * epochs; step++) {
        bool wanted = false;
        for (const char *at = sparse; *at; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : "") {
            int first, end;
            CHECK(sscanf(at, "%d-%d", &first, &end) == 2);
            wanted = wanted || (step >= 10 * first && step < 10 * end);
        }
        CHECK_EQ_INT(wn__alternation_is_sparse(&how, step), wanted);
        count += wanted;
    }
    CHECK_EQ_INT(wn__alternation_sparse_steps(&how, 10 * epochs), count);
}

TEST(ac_dc_has_the_published_phases)
{
    wn__alternation_rule rule;
    CHECK_OK(wn__settings_defaults(wn__alternation_settings, &rule));
    check_epochs(&rule, 100, "10-15 20-25 30-35 40-45 50-55 60-65 70-75 85-100");
    const wn__alternation_rule wide = {
        .begin = {10, 'e'}, .sparse = {20, 'e'}, .dense = {20, 'e'}, .last_dense = {150, 'e'}, .final = {170, 'e'}};
    check_epochs(&wide, 200, "10-30 50-70 90-110 130-150 170-200");
}

TEST(ac_dc_refuses_times_that_make_no_sense)
{
    static const wn__alternation_rule wrong[] = {
        {.begin = {1, 'i'}, .sparse = {0, 'i'}, .dense = {2, 'i'}, .last_dense = {5, 'i'}, .final = {6, 'i'}},
        {.begin = {1, 'i'}, .sparse = {2, 'i'}, .dense = {0, 'i'}, .last_dense = {5, 'i'}, .final = {6, 'i'}},
        {.begin = {7, 'i'}, .sparse = {2, 'i'}, .dense = {2, 'i'}, .last_dense = {5, 'i'}, .final = {6, 'i'}},
        {.begin = {1, 'i'}, .sparse = {2, 'i'}, .dense = {2, 'i'}, .last_dense = {6, 'i'}, .final = {6, 'i'}},
        {.begin = {1, 'i'}, .sparse = {2, 'i'}, .dense = {2, 'i'}, .last_dense = {5, 'i'}, .final = {10, 'i'}},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        wn__alternation how;
        CHECK_STATUS(wn__alternation_resolve(&wrong[i], 5, 10, &how), WN_EUSAGE);
        CHECK_HAS_TEXT(wn_error_message(), "alternating: ");
    }
}

/* The largest of all weights together, one after the other; of equals the first. */
static void plain_largest(wn__params *params, int64_t keep, bool stays[3][MOST])
{
    memset(stays, 0, 3 * sizeof *stays);
    for (; keep > 0; keep--) {
        int layer = -1;
        int64_t entry = 0;
        for (int k = 0; k < 3; k++) {
            const wn__param *p = weight(params, k);
            for (int64_t e = 0; e < p->count; e++)
                if (!stays[k][e] && (layer < 0 || fabsf(p->value[e]) > fabsf(weight(params, layer)->value[entry]))) {
                    layer = k;
                    entry = e;
                }
        }
        stays[layer][entry] = true;
    }
}

static void check_phases(bool ties, int momentum)
{
    wn_graph *g = small_graph(4);
    wn__selection all = select_layers(g, "all");
    wn__params params = tiny_params(g, 3);
    const wn__alternation how = {.begin = 2, .sparse = 3, .dense = 2, .last_dense = 10, .final = 12, .momentum = momentum};
    const wn__prune last = {.sparsity = 0.75};
    static bool stays[3][MOST];
    bool was_sparse = false;
    CHECK_OK(wn__params_allocate_slots(&params, 1));
    for (int64_t step = 0; step < 15; step++) {
        static float before[3][MOST];
        bool changed, restarts;
        wn__rng rng = wn__rng_make(2, WN__FOR_TEST, (uint64_t)step, 0);
        for (int k = 0; k < 3; k++) {
            wn__param *p = weight(&params, k);
            for (int64_t e = 0; e < p->count; e++) { /* an optimizer's step */
                if (p->mask && !p->mask[e]) continue;
                p->value[e] = ties ? 0.125f * (float)((int)wn__rng_below(&rng, 7) - 3) : (float)wn__rng_normal(&rng);
                p->slot[0][e] = 1;
            }
            memcpy(before[k], p->value, (size_t)p->count * sizeof(float));
        }
        const bool sparse = wn__alternation_is_sparse(&how, step);
        if (sparse && !was_sparse) plain_largest(&params, all.weights - llround(0.75 * (double)all.weights), stays);
        CHECK_OK(wn__alternation_enter(&how, &last, &all, step, &params, &changed, &restarts));
        CHECK_EQ_INT(changed, sparse != was_sparse);
        CHECK_EQ_INT(restarts, changed && !sparse && momentum == WN__MOMENTUM_RESET);
        for (int k = 0; k < 3; k++) {
            const wn__param *p = weight(&params, k);
            CHECK_EQ_INT(p->mask != NULL, sparse);
            for (int64_t e = 0; e < p->count; e++) {
                if (sparse) CHECK_EQ_INT(p->mask[e], stays[k][e]);
                const bool out = sparse && !stays[k][e], came_back = was_sparse && !sparse && !stays[k][e];
                CHECK(p->value[e] == (out ? 0 : before[k][e]) && (!came_back || p->value[e] == 0));
                CHECK(p->slot[0][e] == (out || restarts || came_back ? 0 : 1));
            }
        }
        was_sparse = sparse;
    }
    CHECK(was_sparse);
    wn__params_release(&params);
    wn__selection_release(&all);
    wn_graph_free(g);
}

TEST(ac_dc_keeps_the_largest_weights_of_all_and_lets_the_others_back_at_zero)
{
    check_phases(false, WN__MOMENTUM_RESET);
    check_phases(true, WN__MOMENTUM_RESET);
    check_phases(false, WN__MOMENTUM_KEPT);
}

/* ---- N:M */

static void check_groups(const wn__n_of_m *rule, const wn__param *p, const float *score, const uint8_t *mask)
{
    const int64_t field = p->ndim == 4 ? p->dim[2] * p->dim[3] : 1;
    for (int64_t o = 0; o < p->dim[0]; o++)
        for (int64_t k = 0; k < field; k++)
            for (int64_t c = 0; c < p->dim[1]; c += rule->m) {
                bool stays[64] = {0};
                for (int64_t n = 0; n < rule->n; n++) {
                    int64_t best = -1;
                    for (int64_t j = 0; j < rule->m; j++)
                        if (!stays[j] &&
                            (best < 0 || score[(o * p->dim[1] + c + j) * field + k] > score[(o * p->dim[1] + c + best) * field + k]))
                            best = j;
                    stays[best] = true;
                }
                for (int64_t j = 0; j < rule->m; j++)
                    CHECK_EQ_INT(mask[(o * p->dim[1] + c + j) * field + k], stays[j]);
            }
}

TEST(n_of_m_keeps_the_largest_of_each_group)
{
    static const wn__n_of_m rules[] = {{.n = 2, .m = 4}, {.n = 1, .m = 4}, {.n = 1, .m = 2}, {.n = 4, .m = 4}, {.n = 1, .m = 1}};
    wn_graph *g = small_graph(4);
    wn__params params = tiny_params(g, 3);
    for (size_t r = 0; r < sizeof rules / sizeof *rules; r++)
        for (int ties = 0; ties < 2; ties++)
            for (int k = 0; k < 3; k++) {
                const wn__param *p = weight(&params, k);
                float score[MOST];
                uint8_t mask[MOST];
                wn__rng rng = wn__rng_make(3, WN__FOR_TEST, (uint64_t)k, (uint64_t)ties);
                for (int64_t e = 0; e < p->count; e++)
                    score[e] = ties ? (float)wn__rng_below(&rng, 3) : (float)wn__rng_normal(&rng);
                wn__n_of_m_mask(&rules[r], p, score, mask);
                check_groups(&rules[r], p, score, mask);
            }
    wn__params_release(&params);
    wn_graph_free(g);
}

TEST(n_of_m_refuses_shapes_that_cannot_be_divided)
{
    wn_graph *g = small_graph(4);
    wn__selection all = select_layers(g, "all");
    wn__params params = tiny_params(g, 3);
    CHECK_STATUS(wn__n_of_m_check(&(wn__n_of_m){.n = 2, .m = 8}, &all, &params), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "conv1.weight has 4 input channels, which cannot be divided into groups of 8");
    CHECK_STATUS(wn__n_of_m_check(&(wn__n_of_m){.n = 5, .m = 4}, &all, &params), WN_EUSAGE);
    CHECK_OK(wn__n_of_m_check(&(wn__n_of_m){.n = 2, .m = 4}, &all, &params));
    wn__params_release(&params);
    wn__selection_release(&all);
    wn_graph_free(g);
}

/* Equation 9 of Zhou et al.: g + decay (1 - mask) v. */
TEST(sr_ste_trains_masked_weights_too)
{
    const wn__n_of_m rule = {.n = 2, .m = 4, .decay = 0.5};
    wn_graph *g = small_graph(4);
    wn__selection all = select_layers(g, "all");
    wn__params params = tiny_params(g, 3);
    CHECK_OK(wn__n_of_m_attach(&rule, &all, &params));
    for (int k = 0; k < 3; k++) {
        const wn__param *p = weight(&params, k);
        float size[MOST], w[MOST], dw[MOST], grad[MOST];
        uint8_t mask[MOST];
        wn__rng rng = wn__rng_make(4, WN__FOR_TEST, (uint64_t)k, 0);
        for (int64_t e = 0; e < p->count; e++) {
            size[e] = fabsf(p->value[e]);
            dw[e] = (float)wn__rng_normal(&rng);
        }
        wn__n_of_m_mask(&rule, p, size, mask);
        check_groups(&rule, p, size, mask);
        CHECK_OK(p->map->materialise(p, p->value, w));
        CHECK_OK(p->map->pull_back(p, dw, grad));
        for (int64_t e = 0; e < p->count; e++) {
            CHECK(w[e] == (mask[e] ? p->value[e] : 0));
            CHECK(grad[e] == (mask[e] ? dw[e] : dw[e] + 0.5f * p->value[e]));
        }
        CHECK_EQ_INT(p->active, p->count / 2);
    }
    wn__params_release(&params);
    wn__selection_release(&all);
    wn_graph_free(g);
}

/* ---- training runs */

static const wn__dataset *images(void)
{
    static const char *const names[CLASSES] = {"a", "b", "c", "d"};
    static const wn__dataset_type type = {
        .name = "squares", .facts.sample = {.channels = 2, .height = SIDE, .width = SIDE, .classes = CLASSES, .class_names = names}};
    static uint8_t train[TRAIN * 2 * SIDE * SIDE], test[TESTED * 2 * SIDE * SIDE];
    static int32_t train_labels[TRAIN], test_labels[TESTED];
    static wn__dataset data;
    if (data.source) return &data;
    data = tiny_dataset(&type, (wn__memory_part){TRAIN, train, train_labels}, (wn__memory_part){TESTED, test, test_labels});
    for (int i = 0; i < TRAIN + TESTED; i++) {
        wn__rng rng = wn__rng_make(1, WN__FOR_TEST, (uint64_t)i, 0);
        uint8_t *x = i < TRAIN ? train + i * 2 * SIDE * SIDE : test + (i - TRAIN) * 2 * SIDE * SIDE;
        const int label = *(i < TRAIN ? &train_labels[i] : &test_labels[i - TRAIN]) = (int)wn__rng_below(&rng, CLASSES);
        for (int p = 0; p < 2 * SIDE * SIDE; p++)
            x[p] = (uint8_t)(wn__rng_below(&rng, 160) + (p / (SIDE * SIDE / 2) == label ? 60 : 0));
    }
    return &data;
}

typedef struct lab {
    wn_graph *graph;
    wn__params params;
    wn__pool *pool;
    wn__device *device;
    char config[64];
    wn__selection all;
    wn__thinning thinning;
    wn__train_stage stage;
    int64_t stop_after, flops, step_flops, seen;
} lab;

static int64_t flops_now(const lab *l)
{
    wn__cost cost;
    CHECK_OK(wn__cost_make(l->graph, &l->params, &cost));
    const int64_t flops = wn__step_flops(cost.flops, cost.dense_flops, l->thinning.kind == WN__THIN_N_OF_M);
    wn__cost_release(&cost);
    return flops;
}

static void watch(void *user, const wn__train_progress *p)
{
    lab *l = user;
    if (l->thinning.kind != WN__THIN_THRESHOLD) l->step_flops = flops_now(l);
    const int64_t batch = (p->step - 1) % 5 == 4 ? TRAIN - 20 - 4 * BATCH : BATCH;
    l->flops += l->step_flops * batch;
    l->step_flops = flops_now(l);
    if (p->step == l->stop_after) wn_request_stop();
}

static void lab_init(lab *l, const char *backend, int kind, const char *path, int threads)
{
    *l = (lab){.graph = small_graph(2), .stop_after = -1};
    l->device = tiny_device(backend, threads, WN__F32, &l->pool);
    l->params = tiny_params(l->graph, 3);
    l->all = select_layers(l->graph, "all");
    const wn__optimizer_type *sgd = NULL;
    CHECK_OK(wn__optimizer_find("sgd", &sgd));
    CHECK_OK(wn__settings_defaults(sgd->settings, l->config));
    CHECK_OK(wn__settings_set(sgd->settings, l->config, "weight_decay", "0.001"));
    l->thinning = (wn__thinning){.kind = kind,
                                 .selection = &l->all,
                                 .threshold = {.start = -6, .decay = 0.3},
                                 .alternation = {.begin = 3, .sparse = 3, .dense = 4, .last_dense = 16, .final = 19},
                                 .last = {.sparsity = 0.8},
                                 .n_of_m = {.n = 1, .m = 2, .decay = 0.0002}};
    l->stage = (wn__train_stage){.name = "thin",
                                 .identity = "stage-1",
                                 .folder = path,
                                 .graph = l->graph,
                                 .params = &l->params,
                                 .device = l->device,
                                 .loader = {.data = images(), .batch = BATCH, .seed = 11, .order = WN__SAMPLES_SHUFFLED},
                                 .optimizer = {.type = sgd, .config = l->config},
                                 .spec.schedule = {.kind = WN__SCHEDULE_CONSTANT, .base = 0.05, .every = 1},
                                 .spec.soft_until = INT64_MAX,
                                 .noise_seed = 9,
                                 .spec.thinning = l->thinning,
                                 .spec.last = STEPS,
                                 .checkpoint_seconds = 1e9,
                                 .progress = watch,
                                 .user = l};
    CHECK_OK(wn__split_make(&images()->facts, "last-20", 0, &l->stage.loader.split));
    CHECK_OK(wn__normalize_find("signed", images(), &l->stage.loader.normalize));
    if (kind != WN__THIN_THRESHOLD) return;
    wn__params start = tiny_params(l->graph, 3), kept = l->params; /* what the thresholds leave at first */
    CHECK_OK(wn__threshold_attach(&l->thinning.threshold, &l->all, &start));
    l->params = start;
    l->step_flops = flops_now(l);
    l->params = kept;
    wn__params_release(&start);
}

static void lab_release(lab *l)
{
    wn__params_release(&l->params);
    wn__selection_release(&l->all);
    tiny_device_close(l->device, l->pool);
    wn_graph_free(l->graph);
}

static const int kinds[] = {WN__THIN_THRESHOLD, WN__THIN_ALTERNATING, WN__THIN_N_OF_M};

static wn_status run(const char *backend, int kind, const char *path, int threads, int64_t stop_after)
{
    lab l;
    wn__train_result result;
    lab_init(&l, backend, kind, path, threads);
    l.stop_after = stop_after;
    const wn_status status = wn__train_run(&l.stage, &result);
    lab_release(&l);
    return status;
}

static int run_in_child(int kind, const char *path, int64_t stop_after)
{
    fflush(NULL);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) _exit(-run("ref", kind, path, 1, stop_after));
    int how;
    CHECK(waitpid(child, &how, 0) == child && WIFEXITED(how));
    return -WEXITSTATUS(how);
}

static void check_same_runs(const char *a, const char *b)
{
    check_same_file(a, b, "metrics.jsonl");
    check_same_file(a, b, "final.safetensors");
}

TEST(flops_are_added_up_at_the_density_of_each_step)
{
    static const char *const backends[] = {"ref", "sparse", "onednn"};
    for (int b = 0; b < 3; b++)
        for (int k = 0; k < 3; k++) {
            if (!wn__backend_find(backends[b])) continue;
            lab l;
            wn__train_result r;
            lab_init(&l, backends[b], kinds[k], scratch_fresh("flops"), 1);
            CHECK_OK(wn__train_run(&l.stage, &r));
            CHECK_EQ_INT(r.flops_stage, l.flops);
            const wn__sparsity reached = wn__sparsity_measure(&l.params, &l.all);
            if (kinds[k] == WN__THIN_ALTERNATING)
                CHECK_EQ_INT(reached.selected_active, reached.selected - llround(0.8 * (double)reached.selected));
            if (kinds[k] == WN__THIN_N_OF_M) CHECK_EQ_INT(2 * reached.selected_active, reached.selected);
            CHECK(reached.selected_active > 0 && reached.selected_active < reached.selected);
            for (int i = 0; i < l.params.count; i++) { /* plain weights are left, zero where masked */
                const wn__param *p = &l.params.item[i];
                CHECK(!p->map && p->stored == p->count);
                for (int64_t e = 0; p->mask && e < p->count; e++)
                    CHECK(p->mask[e] || p->value[e] == 0);
            }
            lab_release(&l);
        }
}

TEST(runs_are_the_same_for_any_threads)
{
    for (int k = 0; k < 3; k++) {
        char first[256];
        snprintf(first, sizeof first, "%s", scratch_fresh("threads-1"));
        CHECK_OK(run("ref", kinds[k], first, 1, -1));
        for (int threads = 2; threads <= 5; threads++) {
            const char *other = scratch_fresh("threads-n");
            CHECK_OK(run("ref", kinds[k], other, threads, -1));
            check_same_runs(first, other);
        }
    }
}

TEST(stopping_at_any_step_changes_nothing)
{
    for (int k = 0; k < 3; k++) {
        char whole[256], stopped[256];
        snprintf(whole, sizeof whole, "%s", scratch_fresh("whole"));
        CHECK_EQ_INT(run_in_child(kinds[k], whole, -1), WN_OK);
        for (int64_t at = 1 + k; at < STEPS; at += 3) { /* AC/DC: also right before and after a phase begins */
            snprintf(stopped, sizeof stopped, "%s", scratch_fresh("stopped"));
            CHECK_EQ_INT(run_in_child(kinds[k], stopped, at), WN_ESTOPPED);
            CHECK_EQ_INT(run_in_child(kinds[k], stopped, -1), WN_OK);
            check_same_runs(whole, stopped);
        }
        CHECK_EQ_INT(run_in_child(kinds[k], whole, -1), WN_OK); /* finished: read again */
    }
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(str_weights_and_gradients_follow_the_rule),
                                    RUN(str_starts_with_every_weight_where_the_threshold_vanishes),
                                    RUN(str_thresholds_decay_as_asked),
                                    RUN(maps_come_off_as_plain_weights_with_masks),
                                    RUN(ac_dc_has_the_published_phases),
                                    RUN(ac_dc_refuses_times_that_make_no_sense),
                                    RUN(ac_dc_keeps_the_largest_weights_of_all_and_lets_the_others_back_at_zero),
                                    RUN(n_of_m_keeps_the_largest_of_each_group),
                                    RUN(n_of_m_refuses_shapes_that_cannot_be_divided),
                                    RUN(sr_ste_trains_masked_weights_too),
                                    RUN(flops_are_added_up_at_the_density_of_each_step),
                                    RUN(runs_are_the_same_for_any_threads),
                                    RUN(stopping_at_any_step_changes_nothing),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
