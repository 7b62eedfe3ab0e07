/* Training and pruning through winnow/network.h: the training loop's steps, the gradients of `ref`, the masks of `winnow prune`. */
#include "base/alloc.h"
#include "data/catalog.h"
#include "data/loader.h"
#include "data/samples.h"
#include "io/safetensors.h"
#include "network/network_file.h"
#include "nn/loss.h"
#include "scratch_folder.h"
#include "tiny_data.h"
#include "tiny_network.h"
#include "train/trainer.h"
#include "winnow/experiment.h"
#include "winnow/network.h"

enum { SIDE = 8, CLASSES = 4, IMAGES = 90, BATCH = 32, STEPS = 7, SEED = 3, NOISE = 9 };

static wn_graph *small_graph(void)
{
    wn_graph *g = wn_graph_new("small", 1, SIDE, SIDE);
    int x = wn_graph_conv(g, wn_graph_input(g), "conv1", (wn_conv){.out = 8, .kernel = 3, .pad = 1});
    x = wn_graph_max_pool(g, wn_graph_relu(g, wn_graph_batch_norm(g, x, "bn1")), 2, 2, 0);
    x = wn_graph_dropout(g, wn_graph_relu(g, wn_graph_linear(g, x, "fc1", 12, true)), 0.2);
    CHECK_OK(wn_graph_finish(g, wn_graph_linear(g, x, "fc2", CLASSES, true)));
    return g;
}

static wn_network *small_on(const char *backend)
{
    wn_network *net = NULL;
    const wn_status status = wn_network_from_graph(small_graph(), &WN_OPTIONS(wn_network_options, .seed = NOISE, .backend = backend), &net);
    if (status == WN_EUSAGE) SKIP("this backend is not in the build");
    CHECK_OK(status);
    return net;
}

static int64_t count_of(wn_network *net, int index)
{
    wn_network_tensor t = {.size = sizeof t};
    CHECK_OK(wn_network_tensor_at(net, index, &t));
    return t.count;
}

/* Every third entry of the weights. */
static void mask_weights(wn_network *net)
{
    for (int i = 0; i < 9; i++) {
        wn_network_tensor t = {.size = sizeof t};
        CHECK_OK(wn_network_tensor_at(net, i, &t));
        if (t.kind != WN_TENSOR_WEIGHT) continue;
        uint8_t mask[2000];
        for (int64_t k = 0; k < t.count; k++)
            mask[k] = k % 3 == 0;
        CHECK_OK(wn_network_write_mask(net, i, mask, t.count));
    }
}

static void check_equal_floats(const char *what, const float *got, const float *want, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (memcmp(&got[i], &want[i], sizeof *got) != 0)
            WN_TEST_FAIL("%s: number %lld is %.9g, not %.9g", what, (long long)i, (double)got[i], (double)want[i]);
}

/* ---- steps */

static const wn__dataset *images(void)
{
    static const char *const names[CLASSES] = {"north", "east", "south", "west"};
    static const wn__dataset_type type = {
        .name = "squares", .facts.sample = {.channels = 1, .height = SIDE, .width = SIDE, .classes = CLASSES, .class_names = names}};
    static uint8_t pixels[IMAGES * SIDE * SIDE];
    static int32_t labels[IMAGES];
    static wn__dataset data;
    if (data.source) return &data;
    wn__rng rng = wn__rng_make(1, WN__FOR_TEST, 0, 0);
    for (int i = 0; i < IMAGES; i++)
        labels[i] = (int32_t)wn__rng_below(&rng, CLASSES);
    for (int i = 0; i < IMAGES * SIDE * SIDE; i++)
        pixels[i] = (uint8_t)wn__rng_below(&rng, 256);
    data = tiny_dataset(&type, (wn__memory_part){IMAGES, pixels, labels}, (wn__memory_part){IMAGES, pixels, labels});
    return &data;
}

static wn__loader_options loader_options(void)
{
    wn__loader_options o = {.data = images(), .batch = BATCH, .seed = 11, .order = WN__SAMPLES_SHUFFLED};
    CHECK_OK(wn__split_make(&o.data->facts, "none", 0, &o.split));
    CHECK_OK(wn__normalize_find("signed", o.data, &o.normalize));
    return o;
}

/* The training loop from the handle's weights. */
static wn__params train_by_loop(wn_network *net, const char *backend, const char *settings[][2], const wn__loss *loss, double clip)
{
    wn_graph *graph = small_graph();
    wn__params params;
    wn__pool *pool;
    wn__device *device = tiny_device(backend, 1, WN__F32, &pool);
    char config[64];
    const wn__optimizer_type *sgd = NULL;
    const char *file = scratch_path("start.safetensors");
    wn__train_result result;
    CHECK_OK(wn__optimizer_find("sgd", &sgd));
    CHECK_OK(wn__settings_defaults(sgd->settings, config));
    for (int i = 0; settings[i][0]; i++)
        CHECK_OK(wn__settings_set(sgd->settings, config, settings[i][0], settings[i][1]));
    CHECK_OK(wn_network_save(net, file, NULL));
    CHECK_OK(wn__graph_make_params(graph, &params));
    CHECK_OK(wn__network_load(file, WN__PART_VALUES | WN__PART_MASKS, &params));
    const wn__train_stage stage = {.name = "dense",
                                   .identity = "stage-1",
                                   .folder = scratch_fresh("loop"),
                                   .graph = graph,
                                   .params = &params,
                                   .device = device,
                                   .loader = loader_options(),
                                   .optimizer = {.type = sgd, .config = config, .clip_norm = clip},
                                   .spec = {.last = STEPS, .loss = *loss, .schedule = {.base = 0.05, .every = 1}},
                                   .noise_seed = NOISE,
                                   .checkpoint_seconds = 1e9};
    CHECK_OK(wn__train_run(&stage, &result));
    CHECK_OK(wn_network_load(net, file));
    tiny_device_close(device, pool);
    wn_graph_free(graph);
    return params;
}

static void train_by_steps(wn_network *net, const char *settings)
{
    const wn__loader_options options = loader_options();
    wn__loader *loader;
    const wn__batch *batch;
    double loss;
    CHECK_OK(wn_network_set_training(net, settings));
    CHECK_OK(wn__loader_new(&options, &loader));
    for (int i = 0; i < STEPS; i++) {
        CHECK_OK(wn__loader_next(loader, &batch));
        CHECK_OK(wn_network_loss_gradients(net, batch->input, &batch->targets, batch->n, &loss));
        CHECK(loss > 0 && isfinite(loss));
        CHECK_OK(wn_network_step(net, 0.05));
    }
    wn__loader_free(loader);
}

static void check_same_weights(wn_network *net, const wn__params *want)
{
    float got[2000], dense[2000];
    for (int i = 0; i < want->count; i++) {
        const wn__param *p = &want->item[i];
        CHECK_OK(wn_network_read(net, i, got, p->count));
        if (p->pattern)
            wn__pattern_scatter(p->pattern, p->value, dense);
        else
            memcpy(dense, p->value, (size_t)p->count * sizeof *dense);
        check_equal_floats(p->name, got, dense, p->count);
    }
}

static void check_steps(const char *backend, bool masked)
{
    static const char *momentum[][2] = {{"momentum", "0.9"}, {"weight_decay", "0.001"}, {NULL}}, *plain[][2] = {{"momentum", "0"}, {NULL}};
    wn_network *net = small_on(backend);
    if (masked) mask_weights(net);
    wn__params want = train_by_loop(net, backend, momentum, &(wn__loss){.smoothing = 0.1, .temperature = 1}, 0);
    train_by_steps(net, "{optimizer: {sgd: {momentum: 0.9, weight_decay: 0.001}}, smoothing: 0.1}");
    check_same_weights(net, &want);
    wn__params_release(&want);
    want = train_by_loop(net, backend, plain, &(wn__loss){.temperature = 1}, 0.5); /* another optimizer, of zero memory, goes on */
    train_by_steps(net, "optimizer:\n  sgd: {momentum: 0}\nclip_norm: 0.5\n");
    check_same_weights(net, &want);
    wn__params_release(&want);
    wn_network_close(net);
}

TEST(steps_are_those_of_the_training_loop)
{
    check_steps("ref", false);
    check_steps("ref", true);
    check_steps("sparse", false);
    check_steps("sparse", true);
}

TEST(steps_are_those_of_the_training_loop_on_onednn)
{
    check_steps("onednn", false);
    check_steps("onednn", true);
}

/* ---- gradients and losses */

static float *gradients(const char *backend, bool masked, int64_t n, double *loss)
{
    wn_network *net = small_on(backend);
    float *x = tiny_numbers(n * SIDE * SIDE, 1), *all = WN_NEW_ARRAY(float, 4000), *at = all;
    int32_t classes[IMAGES];
    for (int64_t i = 0; i < n; i++)
        classes[i] = (int32_t)(i % CLASSES);
    const wn_targets targets = {.kind = WN_TARGET_CLASS, .width = 1, .classes = classes};
    if (masked) mask_weights(net);
    CHECK_OK(wn_network_loss_gradients(net, x, &targets, n, loss));
    for (int i = 0; i < 9; i++) {
        const int64_t count = count_of(net, i);
        if (wn_network_read_gradient(net, i, at, count) == WN_OK) at += count;
    }
    wn__free(x);
    wn_network_close(net);
    return all;
}

TEST(gradients_are_those_of_ref)
{
    for (int masked = 0; masked < 2; masked++) {
        double want_loss, loss;
        float *want = gradients("ref", masked, 40, &want_loss), *got = gradients("auto", masked, 40, &loss);
        CHECK_NEAR(loss, want_loss, 0, 1e-5);
        for (int i = 0; i < 4000; i++)
            CHECK_NEAR((double)got[i], (double)want[i], 1e-6, 1e-4);
        wn__free(want);
        wn__free(got);
    }
}

TEST(losses_of_values_and_several_classes)
{
    wn_network *net = small_on("ref");
    float *x = tiny_numbers(5 * SIDE * SIDE, 1), y[5 * CLASSES], values[5 * CLASSES];
    double loss, want = 0;
    const wn_targets numbers = {.kind = WN_TARGET_VALUES, .width = CLASSES, .values = values},
                     several = {.kind = WN_TARGET_CLASSES, .width = CLASSES, .values = values};
    for (int i = 0; i < 5 * CLASSES; i++)
        values[i] = (float)(i % 2);
    CHECK_OK(wn_network_predict(net, x, 5, y));
    for (int i = 0; i < 5 * CLASSES; i++)
        want += pow((double)y[i] - (double)values[i], 2) / CLASSES / 5;
    CHECK_OK(wn_network_loss(net, x, &numbers, 5, &loss));
    CHECK_NEAR(loss, want, 0, 1e-12);
    CHECK_OK(wn_network_loss(net, x, &several, 5, &loss));
    CHECK_OK(wn_network_loss_gradients(net, x, &several, 5, &loss));
    CHECK_OK(wn_network_step(net, 0.01));
    wn__free(x);
    wn_network_close(net);
}

/* By sample and position; the same for both calls. */
TEST(smoothing_is_of_training_and_of_one_class)
{
    wn_network *net = small_on("ref");
    float *x = tiny_numbers(2 * SIDE * SIDE, 1);
    const int32_t class[2] = {1, 3};
    const float values[2 * CLASSES] = {1};
    const wn_targets classes = {.kind = WN_TARGET_CLASS, .width = 1, .classes = class},
                     numbers = {.kind = WN_TARGET_VALUES, .width = CLASSES, .values = values},
                     several = {.kind = WN_TARGET_CLASSES, .width = CLASSES, .values = values};
    double plain, smooth;
    CHECK_OK(wn_network_loss(net, x, &classes, 2, &plain));
    CHECK_OK(wn_network_set_training(net, "{smoothing: 0.5}"));
    CHECK_OK(wn_network_loss(net, x, &classes, 2, &smooth));
    CHECK(smooth == plain);
    CHECK_STATUS(wn_network_loss_gradients(net, x, &numbers, 2, &smooth), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "kind values");
    CHECK_STATUS(wn_network_loss_gradients(net, x, &several, 2, &smooth), WN_EUSAGE);
    wn__free(x);
    wn_network_close(net);
}

TEST(targets_that_cannot_be_are_refused)
{
    typedef struct bad {
        wn_targets targets;
        const char *message;
    } bad;
    static const int32_t class[2] = {1, CLASSES};
    static const float nan_value[2 * CLASSES] = {0, 0, 0, 0, 0, 0, NAN, 0}, above[2 * CLASSES] = {0, 0.5F, 1, 0, 1.5F},
                                     less[2 * CLASSES] = {0.5F, 0.5F, 0, 0, 0.25F, 0.25F},
                                     soft[2 * CLASSES] = {0.25F, 0.25F, 0.5F, 0, 1.0003F - 1, 0, 0, 1};
    static const bad list[] = {
        {{.kind = WN_TARGET_CLASS, .width = 1, .classes = class}, "sample 1 has class 4, must be 0 to 3"},
        {{.kind = WN_TARGET_VALUES, .width = CLASSES, .values = nan_value}, "sample 1 has nan as number 2, must be finite"},
        {{.kind = WN_TARGET_CLASSES, .width = CLASSES, .values = nan_value}, "sample 1 has nan as number 2, must be 0 to 1"},
        {{.kind = WN_TARGET_CLASSES, .width = CLASSES, .values = above}, "sample 1 has 1.5 as number 0, must be 0 to 1"},
        {{.kind = WN_TARGET_DISTRIBUTION, .width = CLASSES, .values = less}, "sample 1 has probabilities that add up to 0.5, must be 1"},
    };
    wn_network *net = small_on("ref");
    float *x = tiny_numbers(2 * SIDE * SIDE, 1);
    double loss;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        CHECK_STATUS(wn_network_loss(net, x, &list[i].targets, 2, &loss), WN_EINVAL);
        CHECK_HAS_TEXT(wn_error_message(), list[i].message);
        CHECK_STATUS(wn_network_loss_gradients(net, x, &list[i].targets, 2, &loss), WN_EINVAL);
    }
    const wn_targets mixed = {.kind = WN_TARGET_DISTRIBUTION, .width = CLASSES, .values = soft},
                     parts = {.kind = WN_TARGET_CLASSES, .width = CLASSES, .values = soft};
    CHECK_OK(wn_network_loss(net, x, &mixed, 2, &loss));
    CHECK_OK(wn_network_loss(net, x, &parts, 2, &loss));
    wn__free(x);
    wn_network_close(net);
}

TEST(steps_allocate_nothing_after_the_first)
{
    for (int masked = 0; masked < 2; masked++) {
        wn_network *net = small_on("auto");
        float *x = tiny_numbers(BATCH * SIDE * SIDE, 1);
        const int32_t classes[BATCH] = {1, 2, 3};
        const wn_targets targets = {.kind = WN_TARGET_CLASS, .width = 1, .classes = classes};
        double loss, first = 0;
        int64_t calls = 0;
        if (masked) mask_weights(net);
        for (int i = 0; i < 30; i++) {
            CHECK_OK(wn_network_loss_gradients(net, x, &targets, BATCH, &loss));
            CHECK_OK(wn_network_step(net, 0.05));
            if (i == 1) calls = wn__alloc_statistics().calls;
            if (i == 0) first = loss;
        }
        CHECK_EQ_INT(wn__alloc_statistics().calls, calls);
        CHECK(loss < first / 2);
        wn__free(x);
        wn_network_close(net);
    }
}

/* ---- pruning */

static void save_start(const char *path)
{
    static const char nodes[] = "nodes:\n"
                                "  - conv: {name: conv1, out: 8, kernel: 3, stride: 2, pad: 1}\n  - batch_norm: {name: bn1}\n  - relu\n"
                                "  - conv: {name: conv2, out: 16, kernel: 3, stride: 2, pad: 1}\n  - batch_norm: {name: bn2}\n  - relu\n"
                                "  - conv: {name: conv3, out: 16, kernel: 3, stride: 2, pad: 1}\n  - relu\n"
                                "  - global_pool\n  - linear: {name: fc, out: classes}\n";
    char recipe[700];
    wn_network *net = NULL;
    CHECK_OK(wn__file_write(scratch_path("small.yaml"), nodes, sizeof nodes - 1));
    snprintf(recipe, sizeof recipe, "{model: {arch: %s}, data: {set: shapes, train: 5200, test: 20}}", scratch_path("small.yaml"));
    CHECK_OK(wn_network_from_recipe(recipe, NULL, &net));
    CHECK_OK(wn_network_save(net, path, NULL));
    wn_network_close(net);
}

static void check_equal_tensors(const char *a, const char *b, const char *mask)
{
    wn__safetensors *x, *y;
    CHECK_OK(wn__safetensors_open(a, &x));
    CHECK_OK(wn__safetensors_open(b, &y));
    CHECK_EQ_INT(wn__safetensors_count(x), wn__safetensors_count(y));
    for (int i = 0; i < wn__safetensors_count(x); i++) {
        const wn__st_tensor *t = wn__safetensors_at(x, i), *u = wn__safetensors_find(y, t->name);
        if (!u || t->count != u->count || memcmp(t->data, u->data, (size_t)(t->count * wn__st_dtype_size(t->dtype))) != 0)
            WN_TEST_FAIL("mask %s: tensor %s is another one", mask ? mask : "by magnitude", t->name);
    }
    wn__safetensors_close(x);
    wn__safetensors_close(y);
}

/* What `winnow prune` draws for a score. */
static wn__samples draw_samples(int64_t each)
{
    const wn__dataset_type *type;
    int64_t config[8] = {0};
    wn__dataset data;
    wn__split split;
    wn__normalize normalize;
    wn__samples samples = {0};
    CHECK_OK(wn__dataset_find("shapes", &type));
    CHECK_OK(wn__settings_defaults(type->settings, config));
    CHECK_OK(wn__settings_set(type->settings, config, "train", "5200"));
    CHECK_OK(wn__settings_set(type->settings, config, "test", "20"));
    CHECK_OK(wn__dataset_load(type, config, NULL, NULL, false, &data));
    CHECK_OK(wn__split_make(&data.facts, "last-5000", 0, &split));
    CHECK_OK(wn__normalize_find("dataset", &data, &normalize));
    CHECK_OK(wn__samples_draw(&data, split.train, &normalize, each, SEED, &samples));
    wn__dataset_release(&data);
    return samples;
}

typedef struct prune_case {
    const char *mask, *sparsity;
    const char *file; /* the same for a file, if it is another text */
} prune_case;

TEST(masks_are_those_of_winnow_prune)
{
    static const prune_case cases[] = {
        {NULL, "90%", "{}"},
        {"{scope: layer, layers: ['conv*']}", "0.2d", NULL},
        {"score: random\nscope: layer\n", "5x", "{score: random, scope: layer}"},
        {"{score: synflow}", "80%", NULL},
        {"{score: snip}", "80%", "{score: {snip: {samples: 2}}}"},
        {"{score: {snip: {mode: evaluation, iterations: 2}}}", "80%", "{score: {snip: {samples: 2, mode: evaluation, iterations: 2}}}"},
        {"{score: grasp}", "50%", "{score: {grasp: {samples: 2}}}"},
        {"{scope: n-of-m, n_of_m: {n: 2, m: 4}}", NULL, NULL},
        {"{scope: distribution, distribution: {erk: {power: 0.5}}}", "90%", NULL},
        {"{shuffle: global}", "90%", NULL},
        {"{basis: units}", "40%", NULL},
        {"{basis: random}", "80%", NULL},
    };
    const char *start = scratch_path("start.safetensors"), *by_file = scratch_path("file.safetensors"),
               *by_handle = scratch_path("handle.safetensors");
    wn__samples samples = draw_samples(2);
    save_start(start);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const prune_case *c = &cases[i];
        char set[256];
        const char *const sets[] = {set};
        wn_network *net = NULL;
        snprintf(set, sizeof set, "mask=%s", c->file ? c->file : c->mask);
        CHECK_OK(wn_prune(&WN_OPTIONS(wn_prune_options, .weights = start, .result = by_file, .sparsity = c->sparsity, .set = sets,
                                      .sets = 1, .seed = SEED),
                          NULL));
        CHECK_OK(wn_network_open(start, NULL, &net));
        CHECK_OK(wn_network_prune(net, &WN_OPTIONS(wn_network_prune_options, .mask = c->mask, .sparsity = c->sparsity, .seed = SEED,
                                                   .x = samples.images, .targets = &samples.targets, .n = samples.n)));
        CHECK_OK(wn_network_save(net, by_handle, NULL));
        check_equal_tensors(by_handle, by_file, c->mask);
        float y[10];
        CHECK_OK(wn_network_predict(net, samples.images, 1, y));
        wn_network_close(net);
    }
    wn__samples_release(&samples);
}

TEST(gradients_of_weights_that_were_changed_are_not_used)
{
    static const char *const masks[] = {"{layers: [all]}", "{basis: low-rank, layers: [all]}"};
    float *x = tiny_numbers(BATCH * SIDE * SIDE, 1);
    const int32_t classes[BATCH] = {1, 2, 3};
    const wn_targets targets = {.kind = WN_TARGET_CLASS, .width = 1, .classes = classes};
    double loss;
    for (int i = 0; i < 2; i++) {
        wn_network *net = small_on("auto");
        CHECK_OK(wn_network_set_training(net, "{optimizer: {sgd: {momentum: 0.9}}}"));
        CHECK_OK(wn_network_loss_gradients(net, x, &targets, BATCH, &loss));
        CHECK_OK(wn_network_step(net, 0.01));
        CHECK_OK(wn_network_loss_gradients(net, x, &targets, BATCH, &loss));
        const wn_status status = wn_network_prune(net, &WN_OPTIONS(wn_network_prune_options, .mask = masks[i], .sparsity = "50%"));
        if (status == WN_EUNSUPPORTED) SKIP("no LAPACK in the build");
        CHECK_OK(status);
        CHECK_STATUS(wn_network_step(net, 0.01), WN_EINVAL);
        for (int k = 0; k < 2; k++) {
            CHECK_OK(wn_network_loss_gradients(net, x, &targets, BATCH, &loss));
            CHECK_OK(wn_network_step(net, 0.01));
        }
        wn_network_close(net);
    }
    wn__free(x);
}

TEST(pruning_goes_on_from_what_is_left)
{
    wn_network *net = small_on("auto");
    float *x = tiny_numbers(BATCH * SIDE * SIDE, 1);
    const int32_t classes[BATCH] = {1, 2, 3};
    const wn_targets targets = {.kind = WN_TARGET_CLASS, .width = 1, .classes = classes};
    static const char *const sparsities[] = {"50%", "75%", "90%"};
    wn_network_info info = {.size = sizeof info};
    double loss;
    for (int i = 0; i < 3; i++) {
        CHECK_OK(wn_network_prune(net, &WN_OPTIONS(wn_network_prune_options, .mask = "{layers: [all]}", .sparsity = sparsities[i])));
        CHECK_OK(wn_network_look(net, &info));
        CHECK_NEAR((double)info.weights_active, (double)info.weights * (i == 0 ? 0.5 : i == 1 ? 0.25 : 0.1), 1, 0);
        for (int k = 0; k < 3; k++) {
            CHECK_OK(wn_network_loss_gradients(net, x, &targets, BATCH, &loss));
            CHECK_OK(wn_network_step(net, 0.01));
        }
        CHECK_OK(wn_network_look(net, &info)); /* steps leave masks alone */
        CHECK_NEAR((double)info.weights_active, (double)info.weights * (i == 0 ? 0.5 : i == 1 ? 0.25 : 0.1), 1, 0);
    }
    CHECK_STATUS(wn_network_prune(net, &WN_OPTIONS(wn_network_prune_options, .mask = "{layers: [all]}", .sparsity = "20%")), WN_EUSAGE);
    CHECK_OK(wn_network_look(net, &info));
    CHECK_NEAR((double)info.weights_active, 0.1 * (double)info.weights, 1, 0);
    wn__free(x);
    wn_network_close(net);
}

/* ---- what is refused */

TEST(wrong_training_is_named)
{
    wn_network *net = small_on("ref"), *clone = NULL;
    float x[SIDE * SIDE] = {1}, bad[SIDE * SIDE] = {NAN};
    const int32_t classes[1] = {1}, far[1] = {CLASSES};
    const float values[CLASSES] = {0};
    const wn_targets good = {.kind = WN_TARGET_CLASS, .width = 1, .classes = classes},
                     wrong[] = {{.kind = WN_TARGET_CLASS, .width = 2, .classes = classes},
                                {.kind = WN_TARGET_CLASS, .width = 1, .values = values},
                                {.kind = WN_TARGET_CLASS, .width = 1, .classes = far},
                                {.kind = WN_TARGET_VALUES, .width = 1, .values = values},
                                {.kind = (wn_target_kind)77, .width = 1, .values = values}};
    double loss;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK_STATUS(wn_network_loss_gradients(net, x, &wrong[i], 1, &loss), WN_EINVAL);
        CHECK_STATUS(wn_network_loss(net, x, &wrong[i], 1, &loss), WN_EINVAL);
    }
    CHECK_STATUS(wn_network_loss_gradients(net, NULL, &good, 1, &loss), WN_EINVAL);
    CHECK_STATUS(wn_network_loss_gradients(net, x, NULL, 1, &loss), WN_EINVAL);
    CHECK_STATUS(wn_network_loss_gradients(net, x, &good, 0, &loss), WN_EINVAL);
    CHECK_STATUS(wn_network_step(net, 0.1), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "no gradients");
    CHECK_STATUS(wn_network_loss_gradients(net, bad, &good, 1, &loss), WN_EDIVERGED);
    CHECK_STATUS(wn_network_step(net, 0.1), WN_EINVAL);
    CHECK_STATUS(wn_network_set_training(net, "{optimizer: lion}"), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "train:1:13: ");
    CHECK_STATUS(wn_network_set_training(net, "loss: mse\nclip_norm: -1\n"), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "train:2:12: ");
    CHECK_STATUS(wn_network_set_training(net, "epochs: 3"), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "epochs");
    CHECK_OK(wn_network_set_training(net, "{loss: mse}"));
    CHECK_OK(wn_network_loss(net, x, &good, 1, &loss));
    CHECK_OK(wn_network_clone(net, NULL, &clone));
    CHECK_STATUS(wn_network_loss_gradients(net, x, &good, 1, &loss), WN_EBUSY);
    CHECK_STATUS(wn_network_prune(net, &WN_OPTIONS(wn_network_prune_options, .sparsity = "50%")), WN_EBUSY);
    CHECK_OK(wn_network_loss(clone, x, &good, 1, &loss));
    wn_network_close(clone);
    CHECK_STATUS(wn_network_step(net, NAN), WN_EINVAL);
    CHECK_STATUS(wn_network_step(NULL, 1), WN_EINVAL);
    wn_network_close(net);
}

TEST(wrong_pruning_is_named)
{
    static const prune_case cases[] = {{"{score: snap}", "50%", "snap"},
                                       {"{gradual: {end: 5it}}", "50%", "gradual"},
                                       {"{score: {snip: {samples: 3}}}", "50%", "samples"},
                                       {"{layers: [nothing]}", "50%", "nothing"},
                                       {"{score: snip}", "50%", "inputs"},
                                       {NULL, NULL, "sparsity"},
                                       {NULL, "150%", "150"},
                                       {"{scope: n-of-m, n_of_m: {n: 2, m: 4}}", "50%", "sparsity"},
                                       {"{", "50%", "mask"}};
    wn_network *net = small_on("ref");
    wn_network_info info = {.size = sizeof info};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const wn_status status =
            wn_network_prune(net, &WN_OPTIONS(wn_network_prune_options, .mask = cases[i].mask, .sparsity = cases[i].sparsity));
        CHECK(status == WN_EUSAGE || status == WN_EINVAL);
        CHECK_HAS_TEXT(wn_error_message(), cases[i].file);
    }
    CHECK_STATUS(wn_network_prune(net, NULL), WN_EUSAGE);
    CHECK_OK(wn_network_look(net, &info));
    CHECK_EQ_INT(info.active, info.parameters);
    wn_network_close(net);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(steps_are_those_of_the_training_loop),
                                    RUN(steps_are_those_of_the_training_loop_on_onednn),
                                    RUN(gradients_are_those_of_ref),
                                    RUN(losses_of_values_and_several_classes),
                                    RUN(smoothing_is_of_training_and_of_one_class),
                                    RUN(targets_that_cannot_be_are_refused),
                                    RUN(steps_allocate_nothing_after_the_first),
                                    RUN(masks_are_those_of_winnow_prune),
                                    RUN(gradients_of_weights_that_were_changed_are_not_used),
                                    RUN(pruning_goes_on_from_what_is_left),
                                    RUN(wrong_training_is_named),
                                    RUN(wrong_pruning_is_named),
                                    {0}};
    scratch_make();
    const int code = wn_test_main(argc, argv, tests);
    scratch_remove();
    return code;
}
