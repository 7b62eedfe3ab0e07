/* Networks of the list, as small as they get: one training step of each backend gives what the reference's gives. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "models/named.h"
#include "nn/executor/executor.h"
#include "nn/init.h"
#include "test.h"

enum { CLASSES = 5, IMAGES = 18 /* two blocks */ };

typedef struct network {
    const char *name;
    int image;
    const char *set[3];
    /* Of a tensor, by its length. Deep networks with ReLUs at their kinks magnify rounding: images that differ by 1e-6 move the reference
     * itself by up to 6 % (resnet50) and 12 % (mobilenet-v2). */
    double tolerance;
} network;

static const network networks[] = {
    {"resnet8", 8, {"width=0.5"}, 2e-3},
    {"wrn-22-2", 8, {"scale=0.3"}, 2e-3},
    {"wrn", 8, {"depth=10", "width=1", "dropout=0"}, 2e-3},
    {"wrn", 8, {"depth=16", "width=1", "scale=0.6"}, 2e-3},
    {"resnet50-cifar", 16, {"width=0.1"}, 0.2},
    {"resnet18", 64, {"width=0.125"}, 2e-3},
    {"resnet34", 64, {"width=0.07"}, 2e-3},
    {"resnet50", 64, {"width=0.1"}, 0.2},
    {"mobilenet-v1", 32, {"width=0.1", "stem_stride=1"}, 2e-3},
    {"mobilenet-v2", 32, {"width=0.1", "stem_stride=1"}, 0.4},
};

static wn_graph *build(const network *n)
{
    wn_graph *graph;
    int sets = 0;
    while (sets < 3 && n->set[sets])
        sets++;
    const wn__named_model named = {.name = n->name, .set = n->set, .sets = sets, .input = {3, n->image, n->image, CLASSES}};
    CHECK_OK(wn__named_model_build(&named, &graph));
    return graph;
}

/* Of half the sum of squares: every logit pulls. */
static wn_status loss_gradient(void *arg, const float *logits, int64_t first, int64_t n, float *dlogits)
{
    (void)arg, (void)first;
    for (int64_t i = 0; i < n * CLASSES; i++)
        dlogits[i] = (logits[i] - (float)(i % CLASSES)) / IMAGES;
    return WN_OK;
}

static void one_step(const wn_graph *graph, const char *backend, wn__params *params)
{
    const wn__backend *b = wn__backend_find(backend);
    wn__pool *pool;
    wn__device *device;
    wn__executor *executor;
    wn__rng r = wn__rng_make(3, WN__FOR_TEST, 0, 0);
    const int64_t values = IMAGES * graph->c * graph->h * graph->w;
    float *images = WN_NEW_ARRAY(float, values);
    CHECK(images != NULL);
    for (int64_t i = 0; i < values; i++)
        images[i] = (float)wn__rng_normal(&r);
    CHECK_OK(wn__graph_make_params(graph, params));
    CHECK_OK(wn__init_params(params, &(wn__init_options){.weights = WN__INIT_KAIMING_FAN_OUT}, 1));
    CHECK_OK(wn__pool_new(2, &pool));
    CHECK_OK(b->open(b, &(wn__device_options){.dtype = WN__F32, .pool = pool}, &device));
    CHECK_OK(wn__executor_new(graph, params, device, &(wn__executor_options){.batch = IMAGES, .training = true}, &executor));
    CHECK_OK(wn__executor_gradients(executor, images, IMAGES, (wn__step_info){.training = true, .update_statistics = true}, loss_gradient,
                                    NULL));
    wn__executor_free(executor);
    device->close(device);
    wn__pool_free(pool);
    wn__free(images);
}

static double length_of_difference(const float *a, const float *b, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += ((double)a[i] - (b ? b[i] : 0)) * ((double)a[i] - (b ? b[i] : 0));
    return sqrt(sum);
}

static void check_equal(const network *n, const char *tensor, const float *wanted, const float *got, int64_t count)
{
    const double error = length_of_difference(wanted, got, count), length = length_of_difference(wanted, NULL, count);
    if (!(error <= n->tolerance * length + 1e-5)) WN_TEST_FAIL("%s: %s of length %g, off by %g", n->name, tensor, length, error);
}

static void check(const network *n, const char *backend)
{
    wn_graph *graph = build(n);
    wn__params wanted, got;
    one_step(graph, "ref", &wanted);
    one_step(graph, backend, &got);
    for (int i = 0; i < wanted.count; i++) {
        const wn__param *a = &wanted.item[i], *b = &got.item[i];
        const bool trained = wn__role_is_trained(a->role);
        check_equal(n, a->name, trained ? a->grad : a->value, trained ? b->grad : b->value, a->stored);
    }
    wn__params_release(&wanted);
    wn__params_release(&got);
    wn_graph_free(graph);
}

TEST(a_step_of_onednn_is_the_references)
{
    if (!wn__backend_find("onednn")) SKIP("this build has no onednn");
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
        check(&networks[i], "onednn");
}

TEST(a_step_of_sparse_is_the_references)
{
    if (!wn__backend_find("sparse")) SKIP("this build has no sparse backend");
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
        check(&networks[i], "sparse");
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(a_step_of_onednn_is_the_references), RUN(a_step_of_sparse_is_the_references), {0}};
    return wn_test_main(argc, argv, tests);
}
