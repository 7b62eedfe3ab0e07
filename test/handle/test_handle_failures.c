/* Every call of winnow/network.h with every allocation that it makes failing once: a status, no leak, a handle that goes on. And many calls, which
 * leave nothing behind. */
#include "base/alloc.h"
#include "base/fail.h"
#include "scratch_folder.h"
#include "tiny_network.h"
#include "winnow/network.h"

enum { SIDE = 6, CLASSES = 4, SAMPLES = 9, MOST = 20000 };

static wn_graph *small_graph(void)
{
    wn_graph *g = wn_graph_new("small", 1, SIDE, SIDE);
    int x = wn_graph_conv(g, wn_graph_input(g), "conv", (wn_conv){.out = 4, .kernel = 3});
    x = wn_graph_relu(g, wn_graph_batch_norm(g, x, "bn"));
    CHECK_OK(wn_graph_finish(g, wn_graph_linear(g, x, "fc", CLASSES, true)));
    return g;
}

/* What a call is made with. */
typedef struct fixture {
    wn_network *net, *made; /* made: by the call */
    wn_graph *graph;
    float x[SAMPLES * SIDE * SIDE], y[SAMPLES * CLASSES];
    int32_t classes[SAMPLES];
    wn_targets targets;
} fixture;

static const char *file_path(void) { return scratch_path("net.safetensors"); }

static fixture *set_up(bool masked, bool ran)
{
    static fixture f;
    f = (fixture){.graph = small_graph()};
    for (int i = 0; i < SAMPLES * SIDE * SIDE; i++)
        f.x[i] = (float)(i % 13) / 13;
    for (int i = 0; i < SAMPLES; i++)
        f.classes[i] = i % CLASSES;
    f.targets = (wn_targets){.kind = WN_TARGET_CLASS, .width = 1, .classes = f.classes};
    CHECK_OK(wn_network_from_graph(small_graph(), &WN_OPTIONS(wn_network_options, .threads = 1), &f.net));
    if (masked) CHECK_OK(wn_network_prune(f.net, &WN_OPTIONS(wn_network_prune_options, .mask = "{layers: [all]}", .sparsity = "50%")));
    if (ran) CHECK_OK(wn_network_predict(f.net, f.x, SAMPLES, f.y));
    return &f;
}

static void take_down(fixture *f)
{
    wn_network_close(f->net);
    wn_network_close(f->made);
    wn_graph_free(f->graph);
}

/* ---- the calls */

static wn_status from_graph(fixture *f)
{
    const wn_status status = wn_network_from_graph(f->graph, &WN_OPTIONS(wn_network_options, .init = "{weights: pytorch}"), &f->made);
    if (status == WN_OK) f->graph = NULL;
    return status;
}

static wn_status from_recipe(fixture *f)
{
    return wn_network_from_recipe("{model: {arch: lenet-300-100, width: 0.05}, data: {set: mnist}}", NULL, &f->made);
}

static wn_status open_file(fixture *f)
{
    static const char *const set[] = {"data.normalize=signed"};
    return wn_network_open(scratch_path("lenet.safetensors"), &WN_OPTIONS(wn_network_options, .set = set, .sets = 1), &f->made);
}

static wn_status open_memory(fixture *f)
{
    char *bytes;
    size_t size;
    wn__alloc_fail_at(0);
    CHECK_OK(wn__file_read(scratch_path("lenet.safetensors"), &bytes, &size));
    char *copy = malloc(size);
    memcpy(copy, bytes, size);
    wn__free(bytes);
    wn__alloc_fail_at(f->classes[0]); /* where the loop keeps its count */
    const wn_status status = wn_network_open_memory(copy, size, NULL, &f->made);
    free(copy);
    return status;
}

static wn_status load(fixture *f) { return wn_network_load(f->net, file_path()); }
static wn_status clone(fixture *f) { return wn_network_clone(f->net, NULL, &f->made); }
static wn_status predict(fixture *f) { return wn_network_predict(f->net, f->x, SAMPLES, f->y); }
static wn_status loss(fixture *f) { return wn_network_loss(f->net, f->x, &f->targets, SAMPLES, &(double){0}); }
static wn_status set_training(fixture *f) { return wn_network_set_training(f->net, "{optimizer: {adam: {beta1: 0.8}}, clip_norm: 1}"); }
static wn_status save(fixture *f) { return wn_network_save(f->net, scratch_path("out.safetensors"), NULL); }

static wn_status look(fixture *f)
{
    wn_network_info info = {.size = sizeof info};
    return wn_network_look(f->net, &info);
}

static wn_status find(fixture *f)
{
    int index;
    const wn_status status = wn_network_find(f->net, "conv.wieght", &index);
    return status == WN_ENOTFOUND ? WN_OK : status; /* its message needs memory, its answer none */
}

static wn_status step(fixture *f)
{
    float v[36];
    WN_TRY(wn_network_loss_gradients(f->net, f->x, &f->targets, SAMPLES, NULL));
    WN_TRY(wn_network_read_gradient(f->net, 0, v, 36));
    return wn_network_step(f->net, 0.1);
}

static wn_status write_mask(fixture *f)
{
    uint8_t mask[36];
    for (int i = 0; i < 36; i++)
        mask[i] = i % 2 != 0;
    return wn_network_write_mask(f->net, 0, mask, 36);
}

static wn_status values(fixture *f)
{
    float v[36];
    uint8_t mask[36];
    WN_TRY(wn_network_read(f->net, 0, v, 36));
    WN_TRY(wn_network_write(f->net, 0, v, 36));
    return wn_network_read_mask(f->net, 0, mask, 36);
}

static wn_status prune(fixture *f)
{
    return wn_network_prune(f->net, &WN_OPTIONS(wn_network_prune_options, .mask = "{score: snip, layers: [all]}", .sparsity = "75%",
                                                .x = f->x, .targets = &f->targets, .n = SAMPLES));
}

static wn_status save_masks(fixture *f)
{
    return wn_network_save(f->net, scratch_path("out.safetensors"), &WN_OPTIONS(wn_network_save_options, .parts = WN_SAVE_MASKS));
}

typedef struct call {
    const char *name;
    wn_status (*run)(fixture *f);
} call;
static const call calls[] = {{"from_graph", from_graph},
                             {"from_recipe", from_recipe},
                             {"open", open_file},
                             {"open_memory", open_memory},
                             {"load", load},
                             {"clone", clone},
                             {"look", look},
                             {"find", find},
                             {"predict", predict},
                             {"loss", loss},
                             {"step", step},
                             {"set_training", set_training},
                             {"prune", prune},
                             {"write_mask", write_mask},
                             {"values", values},
                             {"save", save},
                             {"save_masks", save_masks}};

enum { OPENING = 4 }; /* the first ones look at no handle */

/* ---- failures */

static void write_files(void)
{
    wn_network *net = NULL;
    fixture *f = set_up(true, false);
    CHECK_OK(wn_network_save(f->net, file_path(), NULL));
    take_down(f);
    CHECK_OK(wn_network_from_recipe("{model: {arch: lenet-300-100, width: 0.05}, data: {set: mnist}}", NULL, &net));
    CHECK_OK(wn_network_save(net, scratch_path("lenet.safetensors"), NULL));
    wn_network_close(net);
}

/* False once the call needs fewer allocations. */
static bool fails_at(const call *c, int64_t n, bool masked, bool ran)
{
    const int64_t before = wn__alloc_statistics().bytes;
    fixture *f = set_up(masked, ran);
    f->classes[0] = c->run == open_memory ? (int32_t)n : 0;
    wn__alloc_fail_at(n);
    const wn_status status = c->run(f);
    wn__alloc_fail_at(0);
    f->classes[0] = 0;
    if (status != WN_OK && status != WN_ENOMEM)
        WN_TEST_FAIL("%s: WN_%s when allocation %lld fails: %s", c->name, wn_status_name(status), (long long)n, wn_error_message());
    CHECK((status == WN_OK) == (f->made != NULL) || !f->made);
    if (f->made) wn_network_close(f->made);
    f->made = NULL;
    if (status != WN_OK && (c->run(f) != WN_OK || wn_network_predict(f->net, f->x, SAMPLES, f->y) != WN_OK))
        WN_TEST_FAIL("%s: again, after allocation %lld failed: %s", c->name, (long long)n, wn_error_message());
    take_down(f);
    if (wn__alloc_statistics().bytes != before)
        WN_TEST_FAIL("%s: %lld bytes are lost when allocation %lld fails", c->name, (long long)(wn__alloc_statistics().bytes - before),
                     (long long)n);
    return status != WN_OK;
}

TEST(every_failed_allocation_is_a_status_and_leaves_the_handle_usable)
{
    write_files();
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        for (int how = 0; how < (i < OPENING ? 1 : 4); how++) { /* masked, and compressed since it has run, or not */
            int64_t n = 1;
            while (n < MOST && fails_at(&calls[i], n, how & 1, how & 2))
                n++;
            CHECK(n < MOST);
        }
}

/* ---- many calls */

static void call_cheaply(fixture *f, int i)
{
    wn_network_tensor t = {.size = sizeof t};
    wn_network *twin = NULL;
    CHECK_OK(look(f));
    CHECK_OK(find(f));
    CHECK_OK(values(f));
    CHECK_OK(wn_network_tensor_at(f->net, i % 7, &t));
    CHECK_OK(wn_network_predict(f->net, f->x, 1 + i % 2, f->y));
    CHECK_STATUS(wn_network_read(f->net, 99, f->y, 1), WN_EINVAL);
    CHECK_OK(wn_network_clone(f->net, &WN_OPTIONS(wn_network_options, .threads = 1), &twin));
    CHECK_STATUS(wn_network_write(f->net, 0, f->x, 36), WN_EBUSY);
    wn_network_close(twin);
    CHECK_OK(step(f));
    if (i % 50 == 0) CHECK_OK(loss(f));
}

TEST(ten_thousand_calls_leave_nothing_behind)
{
    fixture *f = set_up(true, true);
    CHECK_OK(wn_network_set_training(f->net, "{optimizer: {sgd: {momentum: 0.9}}}"));
    int64_t bytes = 0;
    for (int i = 0; i < 10000; i++) {
        call_cheaply(f, i);
        if (i == 100) bytes = wn__alloc_statistics().bytes;
    }
    CHECK_EQ_INT(wn__alloc_statistics().bytes, bytes);
    take_down(f);
    CHECK_EQ_INT(wn__alloc_statistics().bytes, 0);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {
        RUN(every_failed_allocation_is_a_status_and_leaves_the_handle_usable), RUN(ten_thousand_calls_leave_nothing_behind), {0}};
    scratch_make();
    const int code = wn_test_main(argc, argv, tests);
    scratch_remove();
    return code;
}
