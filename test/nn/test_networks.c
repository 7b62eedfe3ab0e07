/* Networks of the list, as small as they get: one training step of each backend gives what the reference's gives. */
#include <math.h>
#include <string.h>

#include "models/named.h"
#include "tiny_network.h"

enum { CLASSES = 5, IMAGES = 18 /* two blocks */ };

typedef struct network {
    const char *name;
    int image;
    const char *set[3];
} network;

static const network networks[] = {
    {"resnet8", 8, {"width=0.5"}},
    {"wrn-22-2", 8, {"scale=0.3"}},
    {"wrn", 8, {"depth=10", "width=1", "dropout=0"}},
    {"wrn", 8, {"depth=16", "width=1", "scale=0.6"}},
    {"resnet50-cifar", 16, {"width=0.1"}},
    {"resnet18", 64, {"width=0.125"}},
    {"resnet34", 64, {"width=0.07"}},
    {"resnet50", 64, {"width=0.1"}},
    {"mobilenet-v1", 32, {"width=0.1", "stem_stride=1"}},
    {"mobilenet-v2", 32, {"width=0.1", "stem_stride=1"}},
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

/* How a step is compared. At its kinks a deep network of ReLUs magnifies rounding, and most of all through statistics of small batches: images
 * that differ by 1e-6 can move the reference's gradients by 12 %. So shifts of norms keep most inputs of ReLUs away from 0, and each network
 * is compared with frozen statistics as well, where nothing is magnified. */
typedef struct mode {
    const char *name;
    bool training;
    double scale, shift; /* of norms; shifts are positive or negative by channel */
    double tolerance;    /* of a tensor, by its length */
    double rounding;     /* that much a tensor may be off anyway: a shift that the next norm takes away again has gradient 0 */
} mode;

static const mode modes[] = {
    {"batch statistics", true, 0.3, 0.75, 2e-3, 2e-6},
    {"frozen statistics", false, 1, 0.3, 1e-4, 0},
};

static void set_norms(const mode *m, wn__params *params)
{
    for (int i = 0; i < params->count; i++) {
        wn__param *p = &params->item[i];
        for (int64_t k = 0; k < p->count; k++) {
            const double some = (double)(k % 5 - 2) / 10;
            if (p->role == WN__SCALE) p->value[k] = (float)(m->scale * (1 + some));
            if (p->role == WN__SHIFT) p->value[k] = (float)(k % 3 == 2 ? -m->shift : m->shift);
            if (p->role == WN__MEAN) p->value[k] = (float)some;
            if (p->role == WN__VARIANCE) p->value[k] = (float)(1 + some);
        }
    }
    params->version++;
}

/* Makes params and a step's gradients. One trained tensor, if `off` is not negative, is 1 % too large meanwhile. */
static void one_step(const wn_graph *graph, const mode *m, const char *backend, int off, wn__params *params)
{
    wn__pool *pool;
    wn__executor *executor;
    wn__device *device = tiny_device(backend, 2, WN__F32, &pool);
    float *images = tiny_images(graph, IMAGES, 3);
    const wn__step_info step = {.training = m->training, .update_statistics = m->training};
    CHECK_OK(wn__graph_make_params(graph, params));
    CHECK_OK(wn__init_params(params, &(wn__init_options){.weights = WN__INIT_KAIMING_FAN_OUT}, 1));
    set_norms(m, params);
    for (int64_t i = 0; off >= 0 && i < params->item[off].stored; i++)
        params->item[off].value[i] *= 1.01f;
    CHECK_OK(wn__executor_new(graph, params, device, &(wn__executor_options){.batch = IMAGES, .training = true}, &executor));
    CHECK_OK(wn__executor_gradients(executor, images, IMAGES, step, loss_gradient, NULL));
    wn__executor_free(executor);
    tiny_device_close(device, pool);
    wn__free(images);
}

static double length_of_difference(const float *a, const float *b, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += ((double)a[i] - (b ? b[i] : 0)) * ((double)a[i] - (b ? b[i] : 0));
    return sqrt(sum);
}

/* What a step makes of a tensor: a gradient, or running statistics. */
static const float *made(const wn__param *p) { return wn__role_is_trained(p->role) ? p->grad : p->value; }

/* Whether a step made some tensor differently; `what` tells of it. */
static bool differ(const mode *m, const wn__params *wanted, const wn__params *got, char what[128])
{
    for (int i = 0; i < wanted->count; i++) {
        const wn__param *p = &wanted->item[i];
        const float *a = made(p), *b = made(&got->item[i]);
        const double error = length_of_difference(a, b, p->stored), length = length_of_difference(a, NULL, p->stored);
        snprintf(what, 128, "%s of length %g, off by %g", p->name, length, error);
        if (!(error <= m->tolerance * length + m->rounding)) return true;
    }
    return false;
}

static void check_backends(const network *n, const mode *m)
{
    static const char *const backends[] = {"onednn", "sparse"};
    char what[128];
    wn__params wanted, got;
    wn_graph *graph = build(n);
    one_step(graph, m, "ref", -1, &wanted);
    for (int i = 0; i < 2; i++) {
        if (!wn__backend_find(backends[i])) continue;
        one_step(graph, m, backends[i], -1, &got);
        if (differ(m, &wanted, &got, what)) WN_TEST_FAIL("%s on %s, %s: %s", n->name, backends[i], m->name, what);
        wn__params_release(&got);
    }
    wn__params_release(&wanted);
    wn_graph_free(graph);
}

/* One weight after the other: at the start, in the middle, and at the end of the network. */
static void check_comparison(const network *n, const mode *m)
{
    char what[128];
    wn__params right, wrong;
    wn_graph *graph = build(n);
    one_step(graph, m, "sparse", -1, &right);
    for (int part = 0; part < 3; part++) {
        int off = part * (right.count - 1) / 2;
        while (right.item[off].role != WN__WEIGHT)
            off--;
        one_step(graph, m, "sparse", off, &wrong);
        if (!differ(m, &right, &wrong, what)) WN_TEST_FAIL("%s, %s: %s may be off", n->name, m->name, right.item[off].name);
        wn__params_release(&wrong);
    }
    wn__params_release(&right);
    wn_graph_free(graph);
}

static void each_network(void (*check)(const network *n, const mode *m))
{
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
        for (size_t k = 0; k < sizeof modes / sizeof *modes; k++)
            check(&networks[i], &modes[k]);
}

TEST(a_step_of_each_backend_is_the_references) { each_network(check_backends); }

TEST(a_weight_off_by_one_percent_fails_the_comparison) { each_network(check_comparison); }

int main(int argc, char **argv)
{
    static const wn_test tests[] = {
        RUN(a_step_of_each_backend_is_the_references), RUN(a_weight_off_by_one_percent_fails_the_comparison), {0}};
    return wn_test_main(argc, argv, tests);
}
