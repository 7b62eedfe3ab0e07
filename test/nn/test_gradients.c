/* Whole networks through the executor on backend ref: gradients against finite differences of the loss, Hessian-vector products
 * against finite differences of gradients, and the ways of computing a step (micro-batches, recomputation, threads) against each other.
 *
 * Finite differences need a smooth function: where a test says "decided", every ReLU is far from its kink at the start weights. */
#include "base/alloc.h"
#include "base/rng.h"
#include "nn/executor/executor.h"
#include "tiny_network.h"

enum { CLASSES = 4, MOST = 48 /* images */ };

typedef struct net {
    wn_graph *graph;
    wn__params params;
    wn__pool *pool;
    wn__device *device;
    wn__executor *ex;
    int64_t n;
    float *images; /* (n,c,h,w) */
    int32_t label[MOST];
    wn__step_info step;
    double loss; /* of the last step, mean over the batch */
} net;

/* --- networks ------------------------------------------------------------------------------------------------------------------ */

static int residual_net(wn_graph *g)
{
    int x = wn_graph_input(g);
    x = wn_graph_relu(g, wn_graph_batch_norm(g, wn_graph_conv(g, x, "conv1", (wn_conv){.out = 4, .kernel = 3, .pad = 1}), "bn1"));
    const int start = x;
    x = wn_graph_relu(g, wn_graph_batch_norm(g, wn_graph_conv(g, x, "conv2", (wn_conv){.out = 4, .kernel = 3, .pad = 1}), "bn2"));
    x = wn_graph_batch_norm(g, wn_graph_conv(g, x, "conv3", (wn_conv){.out = 4, .kernel = 3, .pad = 1, .groups = 2}), "bn3");
    x = wn_graph_relu(g, wn_graph_add(g, x, start));
    const int wide = wn_graph_batch_norm(g, wn_graph_conv(g, x, "short", (wn_conv){.out = 6, .kernel = 1, .stride = 2}), "bn4");
    x = wn_graph_batch_norm(g, wn_graph_conv(g, x, "conv4", (wn_conv){.out = 6, .kernel = 3, .stride = 2, .pad = 1}), "bn5");
    x = wn_graph_relu(g, wn_graph_add(g, x, wide));
    return wn_graph_linear(g, wn_graph_global_pool(g, x), "fc", CLASSES, true);
}

static int lenet_like(wn_graph *g)
{
    int x = wn_graph_input(g);
    x = wn_graph_relu(g, wn_graph_conv(g, x, "conv1", (wn_conv){.out = 4, .kernel = 3, .bias = true}));
    x = wn_graph_avg_pool(g, x, 2, 2, 0);
    x = wn_graph_relu(g, wn_graph_conv(g, x, "conv2", (wn_conv){.out = 6, .kernel = 2, .bias = true}));
    x = wn_graph_relu(g, wn_graph_linear(g, x, "fc1", 8, true));
    return wn_graph_linear(g, x, "fc2", CLASSES, true);
}

static int max_pool_net(wn_graph *g)
{
    int x = wn_graph_input(g);
    x = wn_graph_relu(g, wn_graph_conv(g, x, "conv1", (wn_conv){.out = 4, .kernel = 3, .bias = true}));
    x = wn_graph_max_pool(g, x, 3, 2, 1);
    x = wn_graph_conv(g, x, "conv2", (wn_conv){.out = 6, .kernel = 2});
    x = wn_graph_max_pool(g, x, 2, 1, 0);
    return wn_graph_linear(g, x, "fc", CLASSES, true);
}

static int dropout_net(wn_graph *g)
{
    int x = wn_graph_input(g);
    x = wn_graph_relu(g, wn_graph_linear(g, x, "fc1", 10, true));
    x = wn_graph_dropout(g, x, 0.5);
    x = wn_graph_batch_norm(g, wn_graph_linear(g, x, "fc2", 8, false), "bn");
    x = wn_graph_dropout(g, x, 0.25);
    return wn_graph_linear(g, x, "fc3", CLASSES, true);
}

/* Values with up to four consumers, an add of a value to itself, ReLUs that nothing precedes, convolutions that share a weight. */
static int tangled_net(wn_graph *g)
{
    const int x = wn_graph_conv(g, wn_graph_input(g), "conv1", (wn_conv){.out = 4, .kernel = 3, .pad = 1, .bias = true});
    const int a = wn_graph_relu(g, wn_graph_batch_norm(g, x, "bn1"));
    const int b = wn_graph_conv(g, a, "conv2", (wn_conv){.out = 4, .kernel = 3, .pad = 1, .bias = true});
    const int c = wn_graph_conv(g, b, "conv3", (wn_conv){.out = 4, .kernel = 3, .pad = 1, .bias = true});
    wn_graph_share(g, c, b);
    int y = wn_graph_add(g, wn_graph_add(g, x, a), wn_graph_add(g, c, b));
    y = wn_graph_add(g, y, wn_graph_batch_norm(g, y, "bn2"));
    y = wn_graph_relu(g, wn_graph_add(g, y, y));
    y = wn_graph_add(g, y, wn_graph_relu(g, x));
    y = wn_graph_add(g, y, a);
    return wn_graph_linear(g, wn_graph_global_pool(g, y), "fc", CLASSES, true);
}

/* Norm and ReLU before the convolutions; what the first pair makes is read by a convolution and by the shortcut. */
static int preactivated_net(wn_graph *g)
{
    int x = wn_graph_conv(g, wn_graph_input(g), "conv", (wn_conv){.out = 3, .kernel = 3, .pad = 1});
    const int start = wn_graph_relu(g, wn_graph_batch_norm(g, x, "bn1"));
    int y = wn_graph_conv(g, start, "conv1", (wn_conv){.out = 4, .kernel = 3, .stride = 2, .pad = 1});
    y = wn_graph_dropout(g, wn_graph_relu(g, wn_graph_batch_norm(g, y, "bn2")), 0.3);
    y = wn_graph_conv(g, y, "conv2", (wn_conv){.out = 4, .kernel = 3, .pad = 1});
    x = wn_graph_add(g, y, wn_graph_conv(g, start, "shortcut", (wn_conv){.out = 4, .kernel = 1, .stride = 2}));
    y = wn_graph_relu(g, wn_graph_batch_norm(g, x, "bn3"));
    x = wn_graph_add(g, wn_graph_conv(g, y, "conv3", (wn_conv){.out = 4, .kernel = 3, .pad = 1}), x);
    return wn_graph_linear(g, wn_graph_global_pool(g, wn_graph_relu(g, wn_graph_batch_norm(g, x, "bn4"))), "fc", CLASSES, true);
}

/* --- a network with data ------------------------------------------------------------------------------------------------------- */

static void draw(wn__rng *r, float *x, int64_t count, double scale)
{
    for (int64_t i = 0; i < count; i++)
        x[i] = (float)(scale * wn__rng_normal(r));
}

/* decided: shifts and biases of +-6, far more than what they are added to. */
static void draw_params(net *t, bool decided)
{
    wn__rng r = wn__rng_make(5, WN__FOR_TEST, 1, 0);
    for (int i = 0; i < t->params.count; i++) {
        wn__param *p = &t->params.item[i];
        const int64_t inputs = p->count / p->dim[0];
        if (p->role == WN__WEIGHT) draw(&r, p->value, p->count, (decided ? 0.3 : 1) / sqrt((double)inputs));
        for (int64_t k = 0; k < p->count; k++) {
            const double z = wn__rng_normal(&r);
            if (p->role == WN__SCALE || p->role == WN__VARIANCE) p->value[k] = (float)(1 + 0.3 * tanh(z));
            if (p->role == WN__MEAN) p->value[k] = (float)(0.2 * z);
            if (p->role == WN__SHIFT || p->role == WN__BIAS) p->value[k] = (float)(decided ? (k % 3 ? 6 : -6) : 0.3 * z);
        }
    }
    t->params.version++;
}

typedef struct net_options {
    int (*build)(wn_graph *g);
    int64_t n;
    bool decided;
    int threads; /* 0 means 1 */
    wn__executor_options ex;
} net_options;

static net *net_new(net_options o)
{
    net *t = WN_NEW(net);
    CHECK(t != NULL);
    t->n = o.n;
    t->step = (wn__step_info){.training = true, .seed = 9, .step = 2};
    t->graph = wn_graph_new("net", 2, 8, 7);
    CHECK(t->graph && o.n <= MOST);
    CHECK_OK(wn_graph_finish(t->graph, o.build(t->graph)));
    CHECK_OK(wn__graph_make_params(t->graph, &t->params));
    draw_params(t, o.decided);
    t->device = tiny_device("ref", o.threads ? o.threads : 1, WN__F32, &t->pool);
    o.ex.batch = o.n;
    o.ex.training = true;
    t->images = WN_NEW_ARRAY(float, o.n * 2 * 8 * 7);
    CHECK(t->images != NULL);
    wn__rng r = wn__rng_make(6, WN__FOR_TEST, 2, 0);
    draw(&r, t->images, o.n * 2 * 8 * 7, 0.7);
    for (int64_t i = 0; i < o.n; i++)
        t->label[i] = (int32_t)wn__rng_below(&r, CLASSES);
    CHECK_OK(wn__executor_new(t->graph, &t->params, t->device, &o.ex, &t->ex));
    return t;
}

static void net_free(net *t)
{
    wn__executor_free(t->ex);
    tiny_device_close(t->device, t->pool);
    wn__params_release(&t->params);
    wn_graph_free(t->graph);
    wn__free(t->images);
    wn__free(t);
}

static void softmax(const float *z, double *p)
{
    double most = z[0], sum = 0;
    for (int k = 1; k < CLASSES; k++)
        most = fmax(most, z[k]);
    for (int k = 0; k < CLASSES; k++)
        sum += p[k] = exp(z[k] - most);
    for (int k = 0; k < CLASSES; k++)
        p[k] /= sum;
}

/* Cross entropy, mean over the batch. */
static wn_status cross_entropy(void *arg, const float *logits, int64_t first, int64_t n, float *dlogits)
{
    net *t = arg;
    for (int64_t i = 0; i < n; i++) {
        double p[CLASSES];
        const int32_t label = t->label[first + i];
        softmax(logits + i * CLASSES, p);
        t->loss -= log(p[label]) / (double)t->n;
        for (int k = 0; k < CLASSES; k++)
            dlogits[i * CLASSES + k] = (float)((p[k] - (k == label)) / (double)t->n);
    }
    return WN_OK;
}

static wn_status cross_entropy_tangent(void *arg, const float *logits, const float *t_logits, int64_t n, float *dlogits, float *t_dlogits)
{
    net *t = arg;
    for (int64_t i = 0; i < n; i++) {
        double p[CLASSES], mean = 0;
        softmax(logits + i * CLASSES, p);
        for (int k = 0; k < CLASSES; k++)
            mean += p[k] * t_logits[i * CLASSES + k];
        for (int k = 0; k < CLASSES; k++)
            t_dlogits[i * CLASSES + k] = (float)(p[k] * (t_logits[i * CLASSES + k] - mean) / (double)t->n);
    }
    return cross_entropy(arg, logits, 0, n, dlogits);
}

static double gradients(net *t)
{
    t->loss = 0;
    CHECK_OK(wn__executor_gradients(t->ex, t->images, t->n, t->step, cross_entropy, t));
    return t->loss;
}

static float *copy_of(const float *x, int64_t count)
{
    float *copy = WN_NEW_ARRAY(float, count);
    CHECK(copy != NULL);
    memcpy(copy, x, (size_t)count * sizeof(float));
    return copy;
}

/* --- gradients against differences of the loss --------------------------------------------------------------------------------- */

static double dot(const float *a, const float *b, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* Derivative of the loss along `direction` of one tensor x, by the fourth-order central difference. */
static double slope(net *t, float *x, const float *direction, int64_t count, double step)
{
    static const double offset[] = {-2, -1, 1, 2}, weight[] = {1.0 / 12, -8.0 / 12, 8.0 / 12, -1.0 / 12};
    float *start = copy_of(x, count);
    double sum = 0;
    for (int p = 0; p < 4; p++) {
        for (int64_t i = 0; i < count; i++)
            x[i] = (float)(start[i] + offset[p] * step * direction[i]);
        t->params.version++;
        sum += weight[p] * gradients(t);
    }
    memcpy(x, start, (size_t)count * sizeof(float));
    t->params.version++;
    wn__free(start);
    return sum / step;
}

/* Along the gradient itself and along a random direction; the loss carries rounding errors of some 1e-7. */
static void check_slopes(net *t, const char *name, float *x, const float *gradient, int64_t count, double step, double rtol)
{
    wn__rng r = wn__rng_make(8, WN__FOR_TEST, (uint64_t)count, 0);
    float *own = copy_of(gradient, count), *random = copy_of(gradient, count);
    const double length = sqrt(dot(own, own, count));
    for (int64_t i = 0; i < count; i++) {
        own[i] = (float)(own[i] / (length + 1e-12));
        random[i] = (float)(wn__rng_normal(&r) / sqrt((double)count));
    }
    float *analytic = copy_of(gradient, count);
    const double along = slope(t, x, own, count, step), across = slope(t, x, random, count, step);
    const double error = fmax(fabs(along - length), fabs(across - dot(analytic, random, count)));
    if (!(error <= rtol * length + 5e-7 / step))
        WN_TEST_FAIL("%s: gradient of length %g, off by %g: %g, across %g, not %g", name, length, error, along, across,
                     dot(analytic, random, count));
    wn__free(own);
    wn__free(random);
    wn__free(analytic);
}

static void check_gradients(net_options o, bool training, double rtol)
{
    net *t = net_new(o);
    t->step.training = training;
    CHECK(gradients(t) > 0.1);
    for (int i = 0; i < t->params.count; i++) {
        wn__param *p = &t->params.item[i];
        if (!wn__role_is_trained(p->role)) continue;
        gradients(t);
        check_slopes(t, p->name, p->value, p->grad, p->count, o.decided ? 0x1p-7 : 0x1p-10, rtol);
    }
    net_free(t);
}

TEST(gradients_of_a_residual_network) { check_gradients((net_options){.build = residual_net, .n = 18, .decided = true}, true, 1e-3); }
TEST(gradients_with_running_statistics) { check_gradients((net_options){.build = residual_net, .n = 5, .decided = true}, false, 1e-3); }
TEST(gradients_of_a_lenet) { check_gradients((net_options){.build = lenet_like, .n = 5, .decided = true}, true, 1e-3); }
TEST(gradients_with_max_pools) { check_gradients((net_options){.build = max_pool_net, .n = 5, .decided = true}, true, 2e-2); }
TEST(gradients_with_dropout) { check_gradients((net_options){.build = dropout_net, .n = 17, .decided = true}, true, 1e-3); }
TEST(gradients_of_a_tangled_graph) { check_gradients((net_options){.build = tangled_net, .n = 5, .decided = true}, true, 1e-3); }
TEST(gradients_of_a_preactivated_network)
{
    check_gradients((net_options){.build = preactivated_net, .n = 18, .decided = true}, true, 1e-3);
}
TEST(gradients_across_kinks)
{
    check_gradients((net_options){.build = residual_net, .n = 18}, true, 0.1);
    check_gradients((net_options){.build = lenet_like, .n = 18}, true, 0.1);
    check_gradients((net_options){.build = tangled_net, .n = 18}, true, 0.1);
}
/* Batch statistics, dropout and loss of each part: the loss that is differentiated is the one that is computed. */
TEST(gradients_of_micro_batches)
{
    check_gradients((net_options){.build = residual_net, .n = 11, .decided = true, .ex.micro_batch = 4}, true, 1e-3);
    check_gradients((net_options){.build = dropout_net, .n = 11, .decided = true, .ex.micro_batch = 4}, true, 1e-3);
    check_gradients((net_options){.build = tangled_net, .n = 11, .decided = true, .ex.micro_batch = 4}, true, 1e-3);
}

/* --- Hessian-vector products --------------------------------------------------------------------------------------------------- */

typedef struct vectors {
    float **v; /* one array per trained parameter, NULL for others */
    int count;
} vectors;

static vectors vectors_new(const wn__params *params)
{
    vectors s = {WN_NEW_ARRAY(float *, params->count), params->count};
    CHECK(s.v != NULL);
    for (int i = 0; i < s.count; i++)
        if (wn__role_is_trained(params->item[i].role)) s.v[i] = WN_NEW_ARRAY(float, params->item[i].count);
    return s;
}

static void vectors_free(vectors s)
{
    for (int i = 0; i < s.count; i++)
        wn__free(s.v[i]);
    wn__free(s.v);
}

static vectors random_vectors(const wn__params *params, uint64_t seed)
{
    vectors s = vectors_new(params);
    wn__rng r = wn__rng_make(seed, WN__FOR_TEST, 3, 0);
    for (int i = 0; i < s.count; i++)
        if (s.v[i]) draw(&r, s.v[i], params->item[i].count, 1 / sqrt((double)params->item[i].count));
    return s;
}

static void hessian_vector(net *t, vectors vector, vectors product)
{
    t->loss = 0;
    CHECK_OK(
        wn__executor_hessian_vector(t->ex, t->images, t->n, t->step, cross_entropy_tangent, t, (const float *const *)vector.v, product.v));
}

/* sum of weight * gradient at params + offset * step * direction. */
static void gradient_differences(net *t, vectors direction, double step, vectors sum)
{
    static const double offset[] = {-2, -1, 1, 2}, weight[] = {1.0 / 12, -8.0 / 12, 8.0 / 12, -1.0 / 12};
    vectors start = vectors_new(&t->params);
    for (int i = 0; i < start.count; i++)
        if (start.v[i]) memcpy(start.v[i], t->params.item[i].value, (size_t)t->params.item[i].count * sizeof(float));
    for (int point = 0; point <= 4; point++) { /* the last puts the start values back */
        for (int i = 0; i < start.count; i++)
            for (int64_t k = 0; start.v[i] && k < t->params.item[i].count; k++)
                t->params.item[i].value[k] = point == 4 ? start.v[i][k] : (float)(start.v[i][k] + offset[point] * step * direction.v[i][k]);
        t->params.version++;
        if (point == 4) break;
        gradients(t);
        for (int i = 0; i < start.count; i++)
            for (int64_t k = 0; start.v[i] && k < t->params.item[i].count; k++)
                sum.v[i][k] += (float)(weight[point] / step * t->params.item[i].grad[k]);
    }
    vectors_free(start);
}

static void check_hessian(net_options o, bool training, double rtol)
{
    o.ex.tangents = true;
    net *t = net_new(o);
    t->step.training = training;
    vectors direction = random_vectors(&t->params, 1), product = vectors_new(&t->params), numeric = vectors_new(&t->params);
    gradient_differences(t, direction, 0x1p-6, numeric);
    hessian_vector(t, direction, product);
    for (int i = 0; i < product.count; i++) {
        const wn__param *p = &t->params.item[i];
        double error = 0, length = 0;
        for (int64_t k = 0; product.v[i] && k < p->count; k++) {
            error += pow((double)product.v[i][k] - numeric.v[i][k], 2);
            length += pow((double)product.v[i][k], 2);
        }
        if (!(sqrt(error) <= rtol * sqrt(length) + 5e-5))
            WN_TEST_FAIL("%s: Hessian-vector product of length %g, off by %g", p->name, sqrt(length), sqrt(error));
    }
    vectors_free(direction);
    vectors_free(product);
    vectors_free(numeric);
    net_free(t);
}

TEST(hessian_vector_products_of_a_residual_network)
{
    check_hessian((net_options){.build = residual_net, .n = 18, .decided = true}, true, 1e-3);
    check_hessian((net_options){.build = residual_net, .n = 5, .decided = true}, true, 1e-3);
}
TEST(hessian_vector_products_with_running_statistics)
{
    check_hessian((net_options){.build = residual_net, .n = 5, .decided = true}, false, 1e-3);
}
TEST(hessian_vector_products_of_a_lenet) { check_hessian((net_options){.build = lenet_like, .n = 5, .decided = true}, true, 1e-3); }
TEST(hessian_vector_products_with_dropout) { check_hessian((net_options){.build = dropout_net, .n = 17, .decided = true}, true, 1e-3); }
TEST(hessian_vector_products_of_a_tangled_graph)
{
    check_hessian((net_options){.build = tangled_net, .n = 5, .decided = true}, true, 1e-3);
}

static double vectors_dot(const wn__params *params, vectors a, vectors b)
{
    double sum = 0;
    for (int i = 0; i < a.count; i++)
        if (a.v[i]) sum += dot(a.v[i], b.v[i], params->item[i].count);
    return sum;
}

/* u H v = v H u holds with kinks and winners anywhere; the gradients made on the way are those of a step. */
static void check_symmetry(int (*build)(wn_graph *g))
{
    net *t = net_new((net_options){.build = build, .n = 18, .ex.tangents = true});
    vectors u = random_vectors(&t->params, 1), v = random_vectors(&t->params, 2), hu = vectors_new(&t->params),
            hv = vectors_new(&t->params);
    hessian_vector(t, u, hu);
    hessian_vector(t, v, hv);
    const double uhv = vectors_dot(&t->params, u, hv), size = sqrt(vectors_dot(&t->params, hu, hu));
    CHECK(size > 1e-2);
    CHECK_NEAR(vectors_dot(&t->params, v, hu), uhv, 2e-6 * size, 0);
    for (int i = 0; i < hu.count; i++)
        if (hu.v[i]) memcpy(hu.v[i], t->params.item[i].grad, (size_t)t->params.item[i].count * sizeof(float));
    gradients(t);
    for (int i = 0; i < hu.count; i++)
        if (hu.v[i]) CHECK(memcmp(hu.v[i], t->params.item[i].grad, (size_t)t->params.item[i].count * sizeof(float)) == 0);
    vectors_free(u);
    vectors_free(v);
    vectors_free(hu);
    vectors_free(hv);
    net_free(t);
}

TEST(hessian_is_symmetric)
{
    check_symmetry(residual_net);
    check_symmetry(lenet_like);
    check_symmetry(max_pool_net);
    check_symmetry(dropout_net);
    check_symmetry(tangled_net);
}

/* --- ways of computing the same step ------------------------------------------------------------------------------------------- */

static void check_same_step(net_options a, net_options b, double rtol)
{
    net *x = net_new(a), *y = net_new(b);
    x->step.update_statistics = y->step.update_statistics = true;
    CHECK_NEAR(gradients(x), gradients(y), 0, rtol);
    for (int i = 0; i < x->params.count; i++) {
        const wn__param *p = &x->params.item[i], *q = &y->params.item[i];
        const bool trained = wn__role_is_trained(p->role);
        const float *got = trained ? q->grad : q->value, *want = trained ? p->grad : p->value;
        const double length = sqrt(dot(want, want, p->count) / (double)p->count);
        for (int64_t k = 0; k < p->count; k++)
            CHECK_NEAR(got[k], want[k], rtol * length, 0);
    }
    net_free(x);
    net_free(y);
}

TEST(recomputation_changes_nothing)
{
    int (*const all[])(wn_graph * g) = {residual_net, lenet_like, max_pool_net, dropout_net, tangled_net};
    for (int i = 0; i < 5; i++)
        check_same_step((net_options){.build = all[i], .n = 18}, (net_options){.build = all[i], .n = 18, .ex.recompute = true}, 0);
}

TEST(threads_change_nothing)
{
    int (*const all[])(wn_graph * g) = {residual_net, lenet_like, max_pool_net, dropout_net, tangled_net};
    for (int i = 0; i < 5; i++)
        for (int threads = 2; threads <= 3; threads++)
            check_same_step((net_options){.build = all[i], .n = 45}, (net_options){.build = all[i], .n = 45, .threads = threads}, 0);
}

/* Without batch statistics and dropout the parts are independent. */
TEST(micro_batches_add_up_to_the_batch)
{
    check_same_step((net_options){.build = lenet_like, .n = 20}, (net_options){.build = lenet_like, .n = 20, .ex.micro_batch = 7}, 3e-6);
    check_same_step((net_options){.build = max_pool_net, .n = 20}, (net_options){.build = max_pool_net, .n = 20, .ex.micro_batch = 16},
                    3e-6);
}

TEST(recomputation_of_hessian_vector_products_changes_nothing)
{
    vectors product[2];
    for (int recompute = 0; recompute < 2; recompute++) {
        net *t = net_new((net_options){.build = residual_net, .n = 18, .ex.tangents = true, .ex.recompute = recompute});
        vectors v = random_vectors(&t->params, 2);
        product[recompute] = vectors_new(&t->params);
        hessian_vector(t, v, product[recompute]);
        if (recompute) CHECK(vectors_dot(&t->params, product[0], product[0]) == vectors_dot(&t->params, product[0], product[1]));
        vectors_free(v);
        net_free(t);
    }
    vectors_free(product[0]);
    vectors_free(product[1]);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {
        RUN(gradients_of_a_residual_network),
        RUN(gradients_with_running_statistics),
        RUN(gradients_of_a_lenet),
        RUN(gradients_with_max_pools),
        RUN(gradients_with_dropout),
        RUN(gradients_of_a_tangled_graph),
        RUN(gradients_of_a_preactivated_network),
        RUN(gradients_across_kinks),
        RUN(gradients_of_micro_batches),
        RUN(hessian_vector_products_of_a_residual_network),
        RUN(hessian_vector_products_with_running_statistics),
        RUN(hessian_vector_products_of_a_lenet),
        RUN(hessian_vector_products_with_dropout),
        RUN(hessian_vector_products_of_a_tangled_graph),
        RUN(hessian_is_symmetric),
        RUN(recomputation_changes_nothing),
        RUN(recomputation_of_hessian_vector_products_changes_nothing),
        RUN(threads_change_nothing),
        RUN(micro_batches_add_up_to_the_batch),
        {0},
    };
    return wn_test_main(argc, argv, tests);
}
