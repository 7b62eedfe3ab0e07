/* The handle of winnow/network.h: opening, looking, predicting, saving, clones, and what it refuses. */
#include <pthread.h>

#include "base/alloc.h"
#include "data/catalog.h"
#include "data/dataset.h"
#include "data/memory_source.h"
#include "data/targets.h"
#include "models/model.h"
#include "nn/loss.h"
#include "scratch_folder.h"
#include "tiny_network.h"
#include "winnow/experiment.h"
#include "winnow/network.h"

/* ---- networks */

static wn_graph *small_graph(void)
{
    wn_graph *g = wn_graph_new("small", 1, 6, 6);
    int x = wn_graph_conv(g, wn_graph_input(g), "conv", (wn_conv){.out = 8, .kernel = 3});
    x = wn_graph_relu(g, wn_graph_batch_norm(g, x, "bn"));
    CHECK_OK(wn_graph_finish(g, wn_graph_linear(g, x, "fc", 4, true)));
    return g;
}

static wn_network *small(const wn_network_options *options)
{
    wn_network *net = NULL;
    CHECK_OK(wn_network_from_graph(small_graph(), options, &net));
    return net;
}

static wn_network *named(const char *recipe, const wn_network_options *options)
{
    wn_network *net = NULL;
    CHECK_OK(wn_network_from_recipe(recipe, options, &net));
    return net;
}

static int find(wn_network *net, const char *name)
{
    int index = -1;
    CHECK_OK(wn_network_find(net, name, &index));
    return index;
}

static wn_network_info look(wn_network *net)
{
    wn_network_info info = {.size = sizeof info};
    CHECK_OK(wn_network_look(net, &info));
    return info;
}

static wn_network_tensor tensor_at(wn_network *net, int index)
{
    wn_network_tensor t = {.size = sizeof t};
    CHECK_OK(wn_network_tensor_at(net, index, &t));
    return t;
}

/* Every third entry of every weight. */
static void mask_weights(wn_network *net)
{
    const int tensors = look(net).tensors;
    for (int i = 0; i < tensors; i++) {
        const wn_network_tensor t = tensor_at(net, i);
        if (t.kind != WN_TENSOR_WEIGHT) continue;
        uint8_t *mask = WN_NEW_ARRAY(uint8_t, t.count);
        CHECK(mask);
        for (int64_t k = 0; k < t.count; k++)
            mask[k] = k % 3 == 0;
        CHECK_OK(wn_network_write_mask(net, i, mask, t.count));
        wn__free(mask);
    }
}

static int64_t input_size(wn_network *net)
{
    const wn_network_info info = look(net);
    return info.channels * info.height * info.width;
}

static float *predict(wn_network *net, const float *x, int64_t n)
{
    float *y = WN_NEW_ARRAY(float, n *look(net).outputs);
    CHECK(y);
    CHECK_OK(wn_network_predict(net, x, n, y));
    return y;
}

static void check_equal_floats(const float *got, const float *want, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (memcmp(&got[i], &want[i], sizeof *got) != 0)
            WN_TEST_FAIL("number %lld is %.9g, not %.9g", (long long)i, (double)got[i], (double)want[i]);
}

/* ---- looking */

TEST(a_network_says_what_it_is)
{
    wn_network *net = named("{model: {arch: resnet20}, data: {set: cifar10}}", NULL);
    const wn_network_info info = look(net);
    CHECK_EQ_TEXT(info.name, "resnet20");
    CHECK_EQ_INT(info.channels, 3);
    CHECK_EQ_INT(info.height, 32);
    CHECK_EQ_INT(info.outputs, 10);
    CHECK_EQ_TEXT(info.dataset, "cifar10");
    CHECK_EQ_TEXT(info.class_names[3], "cat");
    CHECK_EQ_TEXT(info.normalize, "cifar10");
    CHECK_NEAR(info.mean[0], 0.49, 0.01, 0);
    CHECK_NEAR(info.deviation[0], 0.24, 0.02, 0);
    CHECK_EQ_INT(info.parameters, info.active);
    CHECK_EQ_INT(info.parameters, 272474);
    CHECK_EQ_INT(info.flops, info.dense_flops);
    wn_network_close(net);
}

TEST(a_graph_of_ones_own_says_what_is_known)
{
    wn_network *net = small(NULL);
    const wn_network_info info = look(net);
    CHECK_EQ_TEXT(info.name, "small");
    CHECK(!info.dataset && !info.class_names && !info.normalize);
    CHECK_EQ_INT(info.tensors, 7);
    CHECK_EQ_INT(info.outputs, 4);
    const wn_network_tensor t = tensor_at(net, find(net, "conv.weight"));
    CHECK_EQ_INT(t.dims, 4);
    CHECK_EQ_INT(t.dim[0], 8);
    CHECK_EQ_INT(t.count, 72);
    CHECK_EQ_INT(t.kind, WN_TENSOR_WEIGHT);
    CHECK(!t.masked);
    CHECK_EQ_INT(tensor_at(net, find(net, "bn.running_var")).kind, WN_TENSOR_VARIANCE);
    wn_network_close(net);
}

TEST(start_weights_are_those_of_recipes)
{
    wn_graph *graph = small_graph();
    wn__params params;
    CHECK_OK(wn__graph_make_params(graph, &params));
    CHECK_OK(wn__init_params(&params, &(wn__init_options){.weights = WN__INIT_PYTORCH, .bn_scale = 1}, 5));
    wn_network *net = NULL;
    const wn_network_options options = {.size = sizeof options, .seed = 5, .init = "{weights: pytorch, bn_scale: uniform}"};
    CHECK_OK(wn_network_from_graph(graph, &options, &net));
    for (int i = 0; i < params.count; i++) {
        float values[1000];
        CHECK_OK(wn_network_read(net, i, values, params.item[i].count));
        check_equal_floats(values, params.item[i].value, params.item[i].count);
    }
    wn__params_release(&params);
    wn_network_close(net);
}

TEST(masks_and_tensors_are_read_as_they_were_written)
{
    wn_network *net = small(NULL), *dense = small(NULL);
    const int conv = find(net, "conv.weight");
    float values[72], got[72];
    uint8_t mask[72];
    for (int i = 0; i < 72; i++)
        values[i] = (float)(i + 1);
    for (int round = 0; round < 2; round++) { /* masked; then compressed, since it has run */
        mask_weights(net);
        CHECK_OK(wn_network_write(net, conv, values, 72));
        CHECK_OK(wn_network_read(net, conv, got, 72));
        CHECK_OK(wn_network_read_mask(net, conv, mask, 72));
        for (int i = 0; i < 72; i++) {
            CHECK_EQ_INT(mask[i], i % 3 == 0);
            CHECK(got[i] == (i % 3 == 0 ? values[i] : 0));
        }
        CHECK_EQ_INT(tensor_at(net, conv).active, 24);
        CHECK(tensor_at(net, conv).masked);
        const wn_network_info info = look(net);
        CHECK_EQ_INT(info.weights_active, 24 + (info.weights - 72 + 2) / 3);
        CHECK(info.flops < info.dense_flops && info.bytes < info.dense_bytes);
        CHECK_EQ_TEXT(info.backend, "sparse");
        float *x = tiny_numbers(3 * 36, 1);
        wn__free(predict(net, x, 3));
        wn__free(x);
    }
    CHECK_OK(wn_network_write_mask(net, conv, NULL, 72)); /* what comes back is zero */
    CHECK(!tensor_at(net, conv).masked);
    CHECK_OK(wn_network_read(net, conv, got, 72));
    CHECK(got[3] == 4 && got[4] == 0);
    CHECK_OK(wn_network_write(net, conv, values, 72));
    CHECK_OK(wn_network_read(net, conv, got, 72));
    CHECK(got[4] == 5);
    CHECK_OK(wn_network_write_mask(net, find(net, "fc.weight"), NULL, tensor_at(net, find(net, "fc.weight")).count));
    CHECK_EQ_TEXT(look(net).backend, look(dense).backend);
    float *x = tiny_numbers(3 * 36, 1);
    wn__free(predict(net, x, 3));
    wn__free(x);
    wn_network_close(dense);
    wn_network_close(net);
}

/* ---- predicting */

/* As `winnow eval` does: loss and accuracy of the file, from the handle's logits. */
static void check_equals_eval(const char *path)
{
    static const char *const sets[] = {"train.batch=16"};
    wn_evaluation e;
    wn_network *net = NULL;
    CHECK_OK(wn_eval(&WN_OPTIONS(wn_eval_options, .weights = path, .set = sets, .sets = 1), &e));
    CHECK_OK(wn_network_open(path, &WN_OPTIONS(wn_network_options, .batch = 16, .kernels = "own"), &net));
    const wn_network_info info = look(net);
    const wn__dataset_type *type;
    wn__dataset data;
    int64_t config[8] = {0};
    CHECK_OK(wn__dataset_find(info.dataset, &type));
    if (type->settings) CHECK_OK(wn__settings_defaults(type->settings, config));
    if (type->settings) CHECK_OK(wn__settings_set(type->settings, config, "train", "64"));
    if (type->settings) CHECK_OK(wn__settings_set(type->settings, config, "test", "24"));
    CHECK_OK(wn__dataset_load(type, config, NULL, NULL, false, &data));
    const wn__memory_part *test = &((const wn__memory_source *)data.source)->test;
    const int64_t n = test->n, size = info.channels * info.height * info.width;
    CHECK_EQ_INT(e.count, n);
    float *x = WN_NEW_ARRAY(float, n *size);
    double *loss = WN_NEW_ARRAY(double, n);
    CHECK(x && loss);
    CHECK_OK(wn_network_normalize(net, test->inputs, n, x));
    float *y = predict(net, x, n);
    const wn__loss_rows rows = {.n = n, .batch = n, .classes = info.outputs, .logits = y, .targets = wn__class_targets(test->targets)};
    wn__loss_compute(&(wn__loss){0}, &rows, NULL, &(wn__loss_out){.loss = loss});
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += loss[i];
    if (sum / (double)n != e.loss) WN_TEST_FAIL("%s: loss %.17g, eval says %.17g", info.name, sum / (double)n, e.loss);
    wn__free(x);
    wn__free(y);
    wn__free(loss);
    wn__dataset_release(&data);
    wn_evaluation_release(&e);
    wn_network_close(net);
}

static void check_network(const char *arch, bool masked)
{
    const char *path = scratch_path("net.safetensors");
    char recipe[200];
    wn_network *net = NULL;
    snprintf(recipe, sizeof recipe, "{model: {arch: %s}, data: {set: shapes, train: 64, test: 24}}", arch);
    if (wn_network_from_recipe(recipe, NULL, &net) != WN_OK) { /* not for images of this size */
        snprintf(recipe, sizeof recipe, "{model: {arch: %s}, data: {set: mnist}}", arch);
        CHECK_OK(wn_network_from_recipe(recipe, NULL, &net));
        if (!getenv("WINNOW_DATA")) SKIP("no MNIST");
    }
    if (masked) mask_weights(net);
    CHECK_OK(wn_network_save(net, path, NULL));
    wn_network_close(net);
    check_equals_eval(path);
}

TEST(predictions_are_those_that_eval_judges)
{
    check_network("resnet8", false);
    check_network("resnet8", true);
    check_network("lenet5", true);
}

/* Every network of the registry, dense and masked in turn: a minute. */
TEST(predictions_of_all_networks_are_those_that_eval_judges)
{
    if (!getenv("WN_LONG")) SKIP("long");
    for (int i = 0; wn__models[i]; i++)
        if (wn__models[i]->parameters < 50000000)
            check_network(wn__models[i]->name, i % 2); /* VGG for photographs is VGG but for its size */
}

/* Samples do not depend on those beside them, nor on how many run at once. */
static void check_sizes(wn_network *net)
{
    enum { MOST = 300 };
    static const int64_t sizes[] = {1, 2, 3, 15, 16, 17, 64, 127, 128, 129, 256};
    const int64_t size = input_size(net), outputs = look(net).outputs;
    float *x = tiny_numbers(MOST * size, 1), *all = predict(net, x, MOST);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        float *some = predict(net, x + (MOST - sizes[i]) * size, sizes[i]);
        check_equal_floats(some, all + (MOST - sizes[i]) * outputs, sizes[i] * outputs);
        wn__free(some);
    }
    wn__free(x);
    wn__free(all);
}

TEST(outputs_depend_on_their_input_alone)
{
    static const char *const backends[] = {"sparse", "ref"}; /* oneDNN chooses its code by the batch's size */
    for (int i = 0; i < 2; i++) {
        const wn_network_options options = {.size = sizeof options, .threads = 2, .backend = backends[i]};
        wn_network *net = small(&options);
        check_sizes(net);
        mask_weights(net);
        check_sizes(net);
        wn_network_close(net);
    }
    wn_network *net = named("{model: {arch: resnet8}}", &WN_OPTIONS(wn_network_options, .kernels = "own"));
    mask_weights(net);
    check_sizes(net);
    wn_network_close(net);
}

typedef struct kernels_seen {
    int layers, planes;
} kernels_seen;

static void see_kernels(void *user, const char *layer, const char *kernels)
{
    kernels_seen *seen = user;
    CHECK(layer[0] && kernels[0]);
    seen->layers++;
    seen->planes += strcmp(kernels, "winnow planes") == 0;
}

/* Few inputs on what was measured faster, or on what gives the same bits everywhere. */
TEST(the_fastest_kernels_are_near_the_own_ones)
{
    enum { N = 3, LAYERS = 10 };
    float *x = tiny_numbers(N * 3072, 1);
    for (int masked = 0; masked < 2; masked++) {
        wn_network *net[2], *clone = NULL;
        float *y[2];
        for (int own = 0; own < 2; own++) {
            net[own] = named("{model: {arch: resnet8}}", &WN_OPTIONS(wn_network_options, .threads = 1, .kernels = own ? "own" : NULL));
            if (masked) mask_weights(net[own]);
            y[own] = predict(net[own], x, N);
            kernels_seen seen = {0};
            CHECK_OK(wn_network_kernels(net[own], N, see_kernels, &seen));
            CHECK_EQ_INT(seen.layers, LAYERS);
            if (masked && own) CHECK_EQ_INT(seen.planes, LAYERS);
        }
        for (int i = 0; i < N * 10; i++)
            CHECK_NEAR(y[0][i], y[1][i], 1e-5, 1e-5);
        CHECK_OK(wn_network_clone(net[1], NULL, &clone));
        float *same = predict(clone, x, N);
        check_equal_floats(same, y[1], N * 10);
        wn_network_close(clone);
        wn__free(same);
        for (int own = 0; own < 2; own++) {
            wn_network_close(net[own]);
            wn__free(y[own]);
        }
    }
    wn__free(x);
}

/* What was chosen before is forgotten with the weights that it was chosen for. */
TEST(a_dense_network_is_masked_after_few_inputs)
{
    wn_network *net = named("{model: {arch: resnet8}}", NULL), *other = named("{model: {arch: resnet8}}", NULL);
    float *x = tiny_numbers(2 * 3072, 1);
    wn__free(predict(net, x, 2));
    mask_weights(net);
    mask_weights(other);
    float *got = predict(net, x, 2), *want = predict(other, x, 2);
    check_equal_floats(got, want, 20); /* all layers have masks */
    wn__free(x);
    wn__free(got);
    wn__free(want);
    wn_network_close(net);
    wn_network_close(other);
}

TEST(a_size_that_was_seen_allocates_nothing)
{
    static const int64_t sizes[] = {1, 7, 128, 150, 40, 300};
    for (int masked = 0; masked < 2; masked++) {
        wn_network *net = named("{model: {arch: resnet8}}", NULL);
        if (masked) mask_weights(net);
        float *x = tiny_numbers(300 * 3072, 1), y[3000];
        int64_t calls = 0;
        for (int round = 0; round < 3; round++) {
            for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
                CHECK_OK(wn_network_predict(net, x, sizes[i], y));
            if (round == 0) calls = wn__alloc_statistics().calls;
        }
        CHECK_EQ_INT(wn__alloc_statistics().calls, calls);
        wn__free(x);
        wn_network_close(net);
    }
}

/* Of sizes that come once only the last few are kept. */
TEST(memory_does_not_grow_with_the_sizes_that_were_seen)
{
    wn_network *net = named("{model: {arch: resnet8}}", &WN_OPTIONS(wn_network_options, .kernels = "own"));
    float *x = tiny_numbers(128 * 3072, 1), y[1280];
    int64_t early = 0;
    for (int64_t n = 1; n <= 128; n++) {
        CHECK_OK(wn_network_predict(net, x, 129 - n, y));
        if (n == 10) early = wn__alloc_statistics().bytes;
    }
    CHECK(wn__alloc_statistics().bytes <= early);
    wn__free(x);
    wn_network_close(net);
}

/* ---- files */

static char *file_bytes(const char *path, int64_t *size)
{
    char *bytes;
    size_t length;
    CHECK_OK(wn__file_read(path, &bytes, &length));
    *size = (int64_t)length;
    return bytes;
}

static void check_equal_files(const char *a, const char *b)
{
    int64_t n, m;
    char *x = file_bytes(a, &n), *y = file_bytes(b, &m);
    CHECK_EQ_INT(n, m);
    CHECK(memcmp(x, y, (size_t)n) == 0);
    wn__free(x);
    wn__free(y);
}

TEST(files_and_memory_give_the_network_back)
{
    const char *a = scratch_path("a.safetensors"), *b = scratch_path("b.safetensors");
    wn_network *net = named("{model: {arch: resnet8}, data: {set: shapes}}", NULL), *again = NULL;
    mask_weights(net);
    float *x = tiny_numbers(5 * 3072, 1), *want = predict(net, x, 5);
    CHECK_OK(wn_network_save(net, a, NULL));
    CHECK_OK(wn_network_open(a, NULL, &again));
    CHECK_EQ_TEXT(look(again).class_names[0], look(net).class_names[0]);
    CHECK_OK(wn_network_save(again, b, NULL));
    check_equal_files(a, b);
    float *got = predict(again, x, 5);
    check_equal_floats(got, want, 50);
    wn__free(got);
    wn_network_close(again);
    int64_t size;
    char *bytes = file_bytes(a, &size);
    CHECK_OK(wn_network_open_memory(bytes, (size_t)size, NULL, &again));
    wn__free(bytes);
    got = predict(again, x, 5);
    check_equal_floats(got, want, 50);
    wn__free(got);
    wn__free(want);
    wn__free(x);
    wn_network_close(again);
    wn_network_close(net);
}

/* The sparse backend takes a compressed file as it is; others expand it. */
static void check_equal_networks(wn_network *got, wn_network *want)
{
    const int tensors = look(want).tensors;
    CHECK_EQ_INT(look(got).tensors, tensors);
    CHECK_EQ_INT(look(got).active, look(want).active);
    for (int i = 0; i < tensors; i++) {
        const int64_t count = tensor_at(want, i).count;
        float *a = WN_NEW_ARRAY(float, count), *b = WN_NEW_ARRAY(float, count);
        uint8_t *c = WN_NEW_ARRAY(uint8_t, count), *d = WN_NEW_ARRAY(uint8_t, count);
        CHECK(a && b && c && d);
        CHECK_OK(wn_network_read(got, i, a, count));
        CHECK_OK(wn_network_read(want, i, b, count));
        check_equal_floats(a, b, count);
        CHECK_OK(wn_network_read_mask(got, i, c, count));
        CHECK_OK(wn_network_read_mask(want, i, d, count));
        CHECK(memcmp(c, d, (size_t)count) == 0);
        wn__free(a);
        wn__free(b);
        wn__free(c);
        wn__free(d);
    }
}

TEST(compressed_files_are_the_same_on_all_backends)
{
    const char *path = scratch_path("net.safetensors"), *again = scratch_path("again.safetensors");
    static const char *const backends[] = {NULL, "sparse", "ref", "auto"};
    wn_network *net = named("{model: {arch: resnet8}}", NULL), *opened = NULL;
    mask_weights(net);
    CHECK_OK(wn_network_save(net, path, NULL));
    for (int i = 0; i < 4; i++) {
        CHECK_OK(wn_network_open(path, &WN_OPTIONS(wn_network_options, .backend = backends[i], .threads = 2), &opened));
        check_equal_networks(opened, net);
        CHECK_OK(wn_network_save(opened, again, NULL));
        check_equal_files(path, again);
        wn_network_close(opened);
    }
    wn_network_close(net);
}

TEST(a_graph_of_ones_own_is_in_its_file)
{
    const char *a = scratch_path("own.safetensors"), *b = scratch_path("pruned.safetensors");
    wn_graph *graph = tiny_residual();
    wn_network *net = NULL, *again = NULL;
    CHECK_OK(wn_network_from_graph(graph, NULL, &net));
    float *x = tiny_numbers(4 * 432, 1), *want = predict(net, x, 4);
    CHECK_OK(wn_network_save(net, a, NULL));
    CHECK_OK(wn_network_open(a, NULL, &again));
    float *got = predict(again, x, 4);
    check_equal_floats(got, want, 40);
    CHECK_OK(wn_network_save(again, b, NULL));
    check_equal_files(a, b);
    CHECK_OK(wn_prune(&WN_OPTIONS(wn_prune_options, .weights = a, .result = b, .sparsity = "50%"), NULL));
    wn_network_close(again);
    CHECK_OK(wn_network_open(b, NULL, &again));
    CHECK(look(again).active < look(net).active);
    wn__free(x);
    wn__free(want);
    wn__free(got);
    wn_network_close(again);
    wn_network_close(net);
}

TEST(masks_alone_and_weights_go_to_another_handle)
{
    const char *masks = scratch_path("masks.safetensors"), *all = scratch_path("all.safetensors");
    wn_network *net = small(NULL), *other = small(&WN_OPTIONS(wn_network_options, .seed = 9));
    mask_weights(net);
    CHECK_OK(wn_network_save(net, masks, &WN_OPTIONS(wn_network_save_options, .parts = WN_SAVE_MASKS)));
    CHECK_OK(wn_network_save(net, all, NULL));
    CHECK_STATUS(wn_network_load(other, masks), WN_EMISMATCH);
    CHECK_OK(wn_network_load(other, all));
    float *x = tiny_numbers(4 * 36, 1), *want = predict(net, x, 4), *got = predict(other, x, 4);
    check_equal_floats(got, want, 16);
    CHECK_EQ_INT(look(other).active, look(net).active);
    wn__free(x);
    wn__free(want);
    wn__free(got);
    wn_network_close(net);
    wn_network_close(other);
}

/* ---- clones and threads */

TEST(clones_share_weights_that_nobody_changes_meanwhile)
{
    wn_network *net = small(NULL), *clone = NULL, *second = NULL;
    float *x = tiny_numbers(20 * 36, 1), *want = NULL, values[72] = {0};
    mask_weights(net);
    want = predict(net, x, 20);
    const int64_t before = wn__alloc_statistics().bytes;
    CHECK_OK(wn_network_clone(net, NULL, &clone));
    CHECK(wn__alloc_statistics().bytes - before < 2000); /* no weights */
    CHECK_OK(wn_network_clone(clone, NULL, &second));
    CHECK_STATUS(wn_network_write(net, 0, values, 72), WN_EBUSY);
    CHECK_STATUS(wn_network_write_mask(clone, 0, NULL, 72), WN_EBUSY);
    CHECK_STATUS(wn_network_load(second, "x"), WN_EBUSY);
    CHECK_HAS_TEXT(wn_error_message(), "2 other open handles");
    wn_network_close(net); /* the first may go first */
    float *got = predict(clone, x, 20);
    check_equal_floats(got, want, 80);
    wn_network_close(second);
    CHECK_OK(wn_network_write(clone, 0, values, 72)); /* alone again */
    wn_network_close(clone);
    wn__free(x);
    wn__free(want);
    wn__free(got);
}

typedef struct worker {
    wn_network *net;
    const float *x;
    float *y;
    wn_status status;
} worker;

enum { WORKERS = 3, SAMPLES = 40 };

static void *work(void *arg)
{
    worker *w = arg;
    for (int i = 0; i < 20 && w->status == WN_OK; i++)
        w->status = wn_network_predict(w->net, w->x, i % 2 ? SAMPLES : 3, w->y);
    if (w->status == WN_OK) w->status = wn_network_predict(w->net, w->x, SAMPLES, w->y);
    wn_network_close(w->net);
    return NULL;
}

static void run_workers(worker *w, const float *want)
{
    pthread_t thread[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        CHECK(pthread_create(&thread[i], NULL, work, &w[i]) == 0);
    for (int i = 0; i < WORKERS; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
    for (int i = 0; i < WORKERS; i++) {
        CHECK_EQ_INT(w[i].status, WN_OK);
        check_equal_floats(w[i].y, want, SAMPLES * 10);
        wn__free(w[i].y);
    }
}

/* Clones are made of weights that were masked after they had run: they keep the form in which they are shared. */
static void check_at_once(const char *backend)
{
    const wn_network_options options = {.size = sizeof options, .threads = 2, .backend = backend};
    worker w[WORKERS] = {0};
    wn_network *net = named("{model: {arch: resnet8}}", &options);
    float *x = tiny_numbers(SAMPLES * 3072, 1);
    wn__free(predict(net, x, SAMPLES));
    mask_weights(net);
    float *want = predict(net, x, SAMPLES);
    CHECK_OK(wn_network_predict(net, x, 3, want));
    CHECK_OK(wn_network_predict(net, x, SAMPLES, want));
    for (int own = 0; own < 2; own++) {
        for (int i = 0; i < WORKERS; i++) {
            w[i] = (worker){.x = x, .y = WN_NEW_ARRAY(float, SAMPLES * 10)};
            if (!own) CHECK_OK(wn_network_clone(net, &options, &w[i].net));
            if (own) mask_weights(w[i].net = named("{model: {arch: resnet8}}", &options));
        }
        run_workers(w, want);
    }
    wn__free(x);
    wn__free(want);
    wn_network_close(net);
}

TEST(handles_and_clones_run_at_once)
{
    check_at_once("auto");
    check_at_once("sparse");
}

TEST(a_stop_ends_the_calls_of_its_handle_alone)
{
    wn_stop *stop = wn_stop_new();
    wn_network *net = small(&(wn_network_options){.size = sizeof(wn_network_options), .threads = 1, .stop = stop});
    wn_network *other = small(&(wn_network_options){.size = sizeof(wn_network_options), .threads = 1});
    const float x[36] = {1};
    const int32_t label[1] = {2};
    const wn_targets targets = wn__class_targets(label);
    const wn_network_prune_options prune = {.size = sizeof prune, .mask = "{score: synflow}", .sparsity = "50%"};
    float y[4];
    double loss;
    CHECK_OK(wn_network_predict(net, x, 1, y));
    wn_stop_request(stop);
    CHECK_STATUS(wn_network_predict(net, x, 1, y), WN_ESTOPPED);
    CHECK_STATUS(wn_network_loss(net, x, &targets, 1, &loss), WN_ESTOPPED);
    CHECK_STATUS(wn_network_loss_gradients(net, x, &targets, 1, &loss), WN_ESTOPPED);
    CHECK_STATUS(wn_network_prune(net, &prune), WN_ESTOPPED);
    CHECK_EQ_INT(look(net).weights_active, look(net).weights);
    CHECK_OK(wn_network_predict(other, x, 1, y));
    CHECK_OK(wn_network_prune(other, &prune));
    wn_network_close(net);
    wn_network_close(other);
    wn_stop_free(stop);
}

TEST(a_child_process_is_told_to_open_its_own)
{
    wn_network *net = small(&WN_OPTIONS(wn_network_options, .threads = 2));
    float *x = tiny_numbers(36 * 40, 1), y[160];
    CHECK_OK(wn_network_predict(net, x, 40, y));
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        const bool told = wn_network_predict(net, x, 40, y) == WN_EINVAL && strstr(wn_error_message(), "fork");
        wn_network_close(net);
        wn_network *own = NULL; /* one thread: a thread sanitizer lets a child have no other */
        const bool opened = wn_network_from_graph(small_graph(), &WN_OPTIONS(wn_network_options, .threads = 1), &own) == WN_OK &&
                            wn_network_predict(own, x, 40, y) == WN_OK;
        wn_network_close(own);
        _exit(told && opened ? 0 : 1);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_OK(wn_network_predict(net, x, 40, y));
    wn__free(x);
    wn_network_close(net);
}

/* ---- what is refused */

TEST(wrong_arguments_are_named)
{
    wn_network *net = small(NULL), *other = NULL;
    wn_network_info info = {0};
    float values[72], y[4];
    int index;
    CHECK_STATUS(wn_network_look(NULL, &info), WN_EINVAL);
    CHECK_STATUS(wn_network_look(net, &info), WN_EINVAL); /* its size is not set */
    CHECK_STATUS(wn_network_look(net, NULL), WN_EINVAL);
    CHECK_STATUS(wn_network_find(net, "conv.wieght", &index), WN_ENOTFOUND);
    CHECK_HAS_TEXT(wn_error_message(), "conv.weight");
    CHECK_STATUS(wn_network_find(net, NULL, &index), WN_EINVAL);
    CHECK_STATUS(wn_network_read(net, 7, values, 72), WN_EINVAL);
    CHECK_STATUS(wn_network_read(net, -1, values, 72), WN_EINVAL);
    CHECK_STATUS(wn_network_read(net, 0, values, 71), WN_EINVAL);
    CHECK_STATUS(wn_network_read(net, 0, NULL, 72), WN_EINVAL);
    CHECK_STATUS(wn_network_read_gradient(net, find(net, "bn.running_mean"), values, 8), WN_EINVAL);
    CHECK_STATUS(wn_network_read_gradient(net, 0, values, 72), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "no gradients");
    CHECK_STATUS(wn_network_write_mask(net, find(net, "bn.running_mean"), NULL, 8), WN_EINVAL);
    CHECK_STATUS(wn_network_predict(net, NULL, 1, y), WN_EINVAL);
    CHECK_STATUS(wn_network_predict(net, values, -1, y), WN_EINVAL);
    CHECK_STATUS(wn_network_predict(NULL, values, 1, y), WN_EINVAL);
    CHECK_OK(wn_network_predict(net, NULL, 0, NULL));
    CHECK_STATUS(wn_network_kernels(net, 0, see_kernels, NULL), WN_EINVAL);
    CHECK_STATUS(wn_network_kernels(net, 129, see_kernels, NULL), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "batch of 128");
    CHECK_STATUS(wn_network_normalize(net, (const uint8_t *)"", 1, y), WN_EUNSUPPORTED);
    CHECK_STATUS(wn_network_save(net, NULL, NULL), WN_EINVAL);
    CHECK_STATUS(wn_network_save(net, "/tmp", &WN_OPTIONS(wn_network_save_options, .parts = 7)), WN_EINVAL);
    CHECK_STATUS(wn_network_load(net, "/nowhere.safetensors"), WN_ENOTFOUND);
    CHECK_STATUS(wn_network_open("/nowhere.safetensors", NULL, &other), WN_ENOTFOUND);
    CHECK_STATUS(wn_network_open(NULL, NULL, &other), WN_EINVAL);
    CHECK_STATUS(wn_network_open_memory("garbage", 7, NULL, &other), WN_EFORMAT);
    CHECK_STATUS(wn_network_clone(NULL, NULL, &other), WN_EINVAL);
    CHECK(!other);
    wn_network_close(net);
    wn_network_close(NULL);
}

TEST(wrong_options_are_named)
{
    wn_network *net = NULL;
    wn_graph *graph = small_graph(), *open = wn_graph_new("open", 1, 2, 2);
    const wn_network_options bad[] = {{.size = 0},
                                      {.size = sizeof *bad, .threads = -1},
                                      {.size = sizeof *bad, .batch = -1},
                                      {.size = sizeof *bad, .backend = "gpu"},
                                      {.size = sizeof *bad, .dtype = "float8"},
                                      {.size = sizeof *bad, .kernels = "fast"},
                                      {.size = sizeof *bad, .init = "{weights: ones}"},
                                      {.size = sizeof *bad, .sets = 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const wn_status status = wn_network_from_graph(graph, &bad[i], &net);
        CHECK(status == WN_EINVAL || status == WN_EUSAGE);
        CHECK(wn_error_message()[0]);
    }
    CHECK_STATUS(wn_network_from_graph(graph, &WN_OPTIONS(wn_network_options, .init = "{bn_scale: one,\n weights: ones}"), &net),
                 WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "train.init:2:11: ");
    CHECK_STATUS(wn_network_from_graph(graph, &WN_OPTIONS(wn_network_options, .backend = "sparse", .dtype = "bfloat16"), &net),
                 WN_EUNSUPPORTED);
    static const char *const model[] = {"model.arch=resnet20"}, *const epochs[] = {"train.epochs=3"};
    CHECK_STATUS(wn_network_from_graph(graph, &WN_OPTIONS(wn_network_options, .set = model, .sets = 1), &net), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "model.arch has no effect on wn_network_from_graph");
    CHECK_STATUS(wn_network_from_recipe("{model: {arch: lenet5}}", &WN_OPTIONS(wn_network_options, .set = epochs, .sets = 1), &net),
                 WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "train.epochs has no effect on wn_network_from_recipe");
    CHECK_STATUS(wn_network_from_graph(open, NULL, &net), WN_EINVAL);
    CHECK_STATUS(wn_network_from_graph(NULL, NULL, &net), WN_EINVAL);
    CHECK_STATUS(wn_network_from_recipe("{model: {arch: resnet21}}", NULL, &net), WN_EUSAGE);
    CHECK_STATUS(wn_network_from_recipe("{}", NULL, &net), WN_EUSAGE);
    CHECK_STATUS(wn_network_from_recipe("{model: {", NULL, &net), WN_EUSAGE);
    CHECK_STATUS(wn_network_from_recipe(NULL, NULL, &net), WN_EINVAL);
    CHECK(!net);
    CHECK_OK(wn_network_from_graph(graph, NULL, &net)); /* it was left to the caller each time */
    CHECK_OK(wn_network_save(net, scratch_path("options.safetensors"), NULL));
    wn_network *other = NULL;
    CHECK_STATUS(wn_network_open(scratch_path("options.safetensors"), &WN_OPTIONS(wn_network_options, .init = "kaiming"), &other),
                 WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "options->init");
    CHECK(!other);
    wn_network_close(net);
    wn_graph_free(open);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(a_network_says_what_it_is),
                                    RUN(a_graph_of_ones_own_says_what_is_known),
                                    RUN(start_weights_are_those_of_recipes),
                                    RUN(masks_and_tensors_are_read_as_they_were_written),
                                    RUN(predictions_are_those_that_eval_judges),
                                    RUN(predictions_of_all_networks_are_those_that_eval_judges),
                                    RUN(outputs_depend_on_their_input_alone),
                                    RUN(the_fastest_kernels_are_near_the_own_ones),
                                    RUN(a_dense_network_is_masked_after_few_inputs),
                                    RUN(a_size_that_was_seen_allocates_nothing),
                                    RUN(memory_does_not_grow_with_the_sizes_that_were_seen),
                                    RUN(files_and_memory_give_the_network_back),
                                    RUN(compressed_files_are_the_same_on_all_backends),
                                    RUN(a_graph_of_ones_own_is_in_its_file),
                                    RUN(masks_alone_and_weights_go_to_another_handle),
                                    RUN(clones_share_weights_that_nobody_changes_meanwhile),
                                    RUN(handles_and_clones_run_at_once),
                                    RUN(a_stop_ends_the_calls_of_its_handle_alone),
                                    RUN(a_child_process_is_told_to_open_its_own),
                                    RUN(wrong_arguments_are_named),
                                    RUN(wrong_options_are_named),
                                    {0}};
    scratch_make();
    const int code = wn_test_main(argc, argv, tests);
    scratch_remove();
    return code;
}
