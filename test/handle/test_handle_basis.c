/* Networks whose weights are made of coefficients, through winnow/network.h: what files, clones and training keep of them. */
#include <pthread.h>

#include "base/alloc.h"
#include "scratch_folder.h"
#include "tiny_network.h"
#include "winnow/experiment.h"
#include "winnow/network.h"

enum { SIDE = 8, CLASSES = 4, BATCH = 24, PIXELS = SIDE * SIDE, OUTPUTS = BATCH * CLASSES };

static const char *const masks[] = {"{basis: dct}", "{basis: {haar: {unfit: leave}}}", "{basis: random}", "{basis: svd, layers: [all]}",
                                    "{basis: low-rank, layers: [all]}"};
enum { MASKS = sizeof masks / sizeof *masks };

static wn_network *small(uint64_t seed)
{
    wn_network *net = NULL;
    wn_graph *g = wn_graph_new("small", 1, SIDE, SIDE);
    int x = wn_graph_conv(g, wn_graph_input(g), "conv1", (wn_conv){.out = 8, .kernel = 3, .pad = 1});
    x = wn_graph_max_pool(g, wn_graph_relu(g, wn_graph_batch_norm(g, x, "bn1")), 2, 2, 0);
    x = wn_graph_relu(g, wn_graph_linear(g, x, "fc1", 16, true));
    CHECK_OK(wn_graph_finish(g, wn_graph_linear(g, x, "fc2", CLASSES, true)));
    CHECK_OK(wn_network_from_graph(g, &WN_OPTIONS(wn_network_options, .seed = seed, .threads = 1), &net));
    return net;
}

static void train(wn_network *net, const float *x)
{
    const int32_t classes[BATCH] = {1, 2, 3, 0, 1, 1, 2};
    const wn_targets targets = {.kind = WN_TARGET_CLASS, .width = 1, .classes = classes};
    CHECK_OK(wn_network_set_training(net, "{optimizer: {sgd: {momentum: 0.9, weight_decay: 1e-3}}}"));
    for (int i = 0; i < 3; i++) {
        CHECK_OK(wn_network_loss_gradients(net, x, &targets, BATCH, NULL));
        CHECK_OK(wn_network_step(net, 0.05));
    }
}

/* NULL if the build lacks a library for it. */
static wn_network *pruned(const char *mask, const float *x)
{
    wn_network *net = small(1);
    train(net, x);
    const wn_status status = wn_network_prune(net, &WN_OPTIONS(wn_network_prune_options, .mask = mask, .sparsity = "60%"));
    if (status == WN_OK) return net;
    CHECK_EQ_INT(status, WN_EUNSUPPORTED);
    wn_network_close(net);
    return NULL;
}

static void check_same_network(const char *mask, wn_network *got, wn_network *want, const float *x)
{
    wn_network_info a = {.size = sizeof a}, b = {.size = sizeof b};
    float y[OUTPUTS], z[OUTPUTS];
    CHECK_OK(wn_network_look(got, &a));
    CHECK_OK(wn_network_look(want, &b));
    CHECK(b.active < b.parameters);
    CHECK_EQ_INT(a.active, b.active);
    CHECK_EQ_INT(a.bytes, b.bytes);
    CHECK_EQ_TEXT(a.backend, b.backend);
    CHECK_OK(wn_network_predict(got, x, BATCH, y));
    CHECK_OK(wn_network_predict(want, x, BATCH, z));
    if (memcmp(y, z, sizeof y) != 0) WN_TEST_FAIL("mask %s: other outputs", mask);
}

static void check_saved_the_same(wn_network *got, wn_network *want)
{
    CHECK_OK(wn_network_save(got, scratch_path("got.safetensors"), NULL));
    CHECK_OK(wn_network_save(want, scratch_path("want.safetensors"), NULL));
    check_same_bytes(scratch_path("got.safetensors"), scratch_path("want.safetensors"));
}

TEST(coefficients_and_their_masks_come_back_from_files)
{
    const char *path = scratch_path("pruned.safetensors");
    float *x = tiny_numbers(BATCH * PIXELS, 1);
    for (int i = 0; i < MASKS; i++) {
        wn_network *net = pruned(masks[i], x), *opened = NULL, *loaded = small(2);
        if (net) {
            CHECK_OK(wn_network_save(net, path, NULL));
            CHECK_OK(wn_network_open(path, &WN_OPTIONS(wn_network_options, .threads = 1), &opened));
            check_same_network(masks[i], opened, net, x);
            CHECK_OK(wn_network_load(loaded, path)); /* over plain weights */
            check_same_network(masks[i], loaded, net, x);
            CHECK_OK(wn_network_load(loaded, path)); /* over coefficients */
            check_saved_the_same(opened, net);
            train(net, x);
            train(opened, x);
            train(loaded, x);
            check_same_network(masks[i], opened, net, x);
            check_saved_the_same(opened, net);
            check_same_network(masks[i], loaded, net, x);
        }
        wn_network_close(net);
        wn_network_close(opened);
        wn_network_close(loaded);
    }
    wn__free(x);
}

/* The weights that coefficients make, as plain ones: what others, and `winnow eval`, see of the file. */
TEST(outputs_are_those_of_the_weights_that_are_made)
{
    float *x = tiny_numbers(BATCH * PIXELS, 1), y[OUTPUTS], z[OUTPUTS];
    for (int i = 0; i < MASKS; i++) {
        wn_network *net = pruned(masks[i], x), *plain = small(2);
        wn_network_info info = {.size = sizeof info};
        CHECK_OK(wn_network_look(plain, &info));
        for (int k = 0; net && k < info.tensors; k++) {
            wn_network_tensor t = {.size = sizeof t};
            CHECK_OK(wn_network_tensor_at(net, k, &t));
            float *values = WN_NEW_ARRAY(float, t.count);
            CHECK_OK(wn_network_read(net, k, values, t.count));
            CHECK_OK(wn_network_write(plain, k, values, t.count));
            wn__free(values);
        }
        if (net) {
            CHECK_OK(wn_network_predict(net, x, BATCH, y));
            CHECK_OK(wn_network_predict(plain, x, BATCH, z));
            if (memcmp(y, z, sizeof y) != 0) WN_TEST_FAIL("mask %s: other outputs than those of its weights", masks[i]);
        }
        wn_network_close(net);
        wn_network_close(plain);
    }
    wn__free(x);
}

/* ---- clones */

typedef struct worker {
    wn_network *net;
    const float *x;
    float y[OUTPUTS];
    char path[600];
    wn_status status;
} worker;

static void *work(void *arg)
{
    worker *w = arg;
    w->status = wn_network_predict(w->net, w->x, BATCH, w->y);
    if (w->status == WN_OK) w->status = wn_network_save(w->net, w->path, NULL);
    wn_network_close(w->net);
    return NULL;
}

TEST(clones_make_weights_of_the_same_coefficients_at_once)
{
    enum { WORKERS = 4 };
    static worker w[WORKERS];
    float *x = tiny_numbers(BATCH * PIXELS, 1), want[OUTPUTS];
    pthread_t thread[WORKERS];
    wn_network *net = pruned("{basis: random}", x);
    for (int i = 0; i < WORKERS; i++) {
        w[i].x = x;
        snprintf(w[i].path, sizeof w[i].path, "%s/clone%d.safetensors", scratch_folder, i);
        CHECK_OK(wn_network_clone(net, &WN_OPTIONS(wn_network_options, .threads = 1), &w[i].net));
    }
    for (int i = 0; i < WORKERS; i++)
        CHECK_EQ_INT(pthread_create(&thread[i], NULL, work, &w[i]), 0);
    for (int i = 0; i < WORKERS; i++)
        CHECK_EQ_INT(pthread_join(thread[i], NULL), 0);
    CHECK_OK(wn_network_predict(net, x, BATCH, want));
    for (int i = 0; i < WORKERS; i++) {
        CHECK_OK(w[i].status);
        CHECK(memcmp(w[i].y, want, sizeof want) == 0);
    }
    wn_network_close(net);
    wn__free(x);
}

/* Of the same basis, of another one, of none. */
TEST(coefficients_are_pruned_again_as_files_are)
{
    static const char *const next[] = {"{basis: dct}", "{basis: random, layers: [all]}", "{scope: layer}", "{basis: svd, layers: [all]}"};
    const char *start = scratch_path("start.safetensors"), *by_file = scratch_path("file.safetensors"),
               *by_handle = scratch_path("handle.safetensors");
    float *x = tiny_numbers(BATCH * PIXELS, 1);
    for (int i = 0; i < MASKS * 4; i++) {
        char set[128];
        const char *const sets[] = {set}, *mask = next[i % 4];
        wn_network *net = pruned(masks[i / 4], x);
        if (!net) continue;
        CHECK_OK(wn_network_save(net, start, NULL));
        snprintf(set, sizeof set, "mask=%s", mask);
        const wn_status status =
            wn_prune(&WN_OPTIONS(wn_prune_options, .weights = start, .result = by_file, .sparsity = "85%", .set = sets, .sets = 1), NULL);
        CHECK_EQ_INT(wn_network_prune(net, &WN_OPTIONS(wn_network_prune_options, .mask = mask, .sparsity = "85%")), status);
        CHECK_OK(wn_network_save(net, by_handle, NULL));
        if (status == WN_OK) check_same_bytes(by_handle, by_file);
        train(net, x);
        wn_network_close(net);
    }
    wn__free(x);
}

TEST(a_failed_allocation_leaves_coefficients_as_they_were)
{
    const char *path = scratch_path("before.safetensors");
    float *x = tiny_numbers(BATCH * PIXELS, 1), want[OUTPUTS], got[OUTPUTS];
    wn_network *net = pruned("{basis: random}", x);
    const wn_network_prune_options again = {.size = sizeof again, .mask = "{basis: random}", .sparsity = "80%"};
    wn_status status[2] = {WN_ENOMEM, WN_ENOMEM}; /* of pruning again, and of the former file */
    CHECK_OK(wn_network_save(net, path, NULL));
    CHECK_OK(wn_network_predict(net, x, BATCH, want));
    for (int n = 1; status[0] != WN_OK || status[1] != WN_OK; n++)
        for (int k = 0; k < 2; k++) {
            const int64_t held = wn__alloc_statistics().bytes;
            wn__alloc_fail_at(n);
            status[k] = k ? wn_network_load(net, path) : wn_network_prune(net, &again);
            wn__alloc_fail_at(0);
            if (status[k] == WN_OK) continue;
            CHECK_EQ_INT(status[k], WN_ENOMEM);
            if (status[0] != WN_OK) CHECK_EQ_INT(wn__alloc_statistics().bytes, held);
            if (status[0] == WN_OK) continue;
            CHECK_OK(wn_network_predict(net, x, BATCH, got));
            CHECK(memcmp(got, want, sizeof want) == 0);
        }
    wn_network_close(net);
    wn__free(x);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {
        RUN(coefficients_and_their_masks_come_back_from_files),    RUN(outputs_are_those_of_the_weights_that_are_made),
        RUN(clones_make_weights_of_the_same_coefficients_at_once), RUN(coefficients_are_pruned_again_as_files_are),
        RUN(a_failed_allocation_leaves_coefficients_as_they_were), {0}};
    return scratch_test_main(argc, argv, tests);
}
