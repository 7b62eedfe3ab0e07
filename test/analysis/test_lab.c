/* Analyses of networks: vectors, barriers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/barrier.h"
#include "analysis/bezier.h"
#include "analysis/compare.h"
#include "analysis/eigen.h"
#include "analysis/gradient.h"
#include "analysis/hessian.h"
#include "analysis/space.h"
#include "analysis/tail.h"
#include "nn/init.h"
#include "sparse/basis/basis_map.h"
#include "tensor/compression.h"
#include "tiny_network.h"

/* A weight (3, 4), a bias (3), a running mean (2). */
static wn__params make_params(float first)
{
    wn__params p = {0};
    CHECK_OK(wn__params_add(&p, "fc.weight", WN__WEIGHT, 2, (const int64_t[]){3, 4}));
    CHECK_OK(wn__params_add(&p, "fc.bias", WN__BIAS, 1, (const int64_t[]){3}));
    CHECK_OK(wn__params_add(&p, "bn.running_mean", WN__MEAN, 1, (const int64_t[]){2}));
    float value = first;
    for (int i = 0; i < p.count; i++)
        for (int64_t k = 0; k < p.item[i].stored; k++, value += 1)
            p.item[i].value[k] = value;
    return p;
}

static const uint8_t left[12] = {1, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0}, right[12] = {0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1};

TEST(union_space_has_entries_active_in_either_network)
{
    wn__params a = make_params(1), b = make_params(101);
    CHECK_OK(wn__param_set_mask(&a.item[0], left));
    CHECK_OK(wn__param_set_mask(&b.item[0], right));
    const wn__params *both[] = {&a, &b};
    wn__space s;
    float v[16];
    CHECK_OK(wn__space_make(both, 2, WN__SPACE_ACTIVE, &s));
    CHECK_EQ_INT(s.size, 6 + 3);
    wn__space_values(&s, &b, v);
    const float want[] = {0, 104, 106, 0, 110, 112, 113, 114, 115};
    for (int i = 0; i < 9; i++)
        CHECK_NEAR(v[i], want[i], 0, 0);
    wn__space_release(&s);
    CHECK_OK(wn__space_make(both, 2, WN__SPACE_ALL, &s));
    CHECK_EQ_INT(s.size, 15);
    wn__space_release(&s);
    CHECK_OK(wn__space_make(both, 2, WN__SPACE_STATISTICS, &s));
    CHECK_EQ_INT(s.size, 2);
    wn__space_release(&s);
    wn__params_release(&a);
    wn__params_release(&b);
}

TEST(one_dense_network_makes_the_union_dense)
{
    wn__params a = make_params(1), b = make_params(101);
    CHECK_OK(wn__param_set_mask(&a.item[0], left));
    const wn__params *both[] = {&a, &b};
    wn__space s;
    CHECK_OK(wn__space_make(both, 2, WN__SPACE_ACTIVE, &s));
    CHECK_EQ_INT(s.size, 15);
    wn__space_release(&s);
    wn__params_release(&a);
    wn__params_release(&b);
}

TEST(compressed_and_masked_networks_are_the_same_vectors)
{
    wn__params masked = make_params(1), compressed = make_params(1), other = make_params(1);
    CHECK_OK(wn__param_set_mask(&masked.item[0], left));
    CHECK_OK(wn__param_set_mask(&compressed.item[0], left));
    CHECK_OK(wn__params_compress_masked(&compressed));
    CHECK_OK(wn__param_set_mask(&other.item[0], right));
    const wn__params *both[] = {&masked, &other};
    wn__space s;
    float a[16], b[16], c[16];
    CHECK_OK(wn__space_make(both, 2, WN__SPACE_ACTIVE, &s));
    wn__space_values(&s, &masked, a);
    wn__space_values(&s, &compressed, b);
    CHECK(memcmp(a, b, (size_t)s.size * sizeof(float)) == 0);
    for (int i = 0; i < s.size; i++)
        c[i] = (float)(50 + i);
    wn__space_set(&s, c, &masked);
    wn__space_set(&s, c, &compressed);
    wn__space_values(&s, &masked, a);
    wn__space_values(&s, &compressed, b);
    CHECK(memcmp(a, b, (size_t)s.size * sizeof(float)) == 0);
    CHECK_NEAR(a[0], 50, 0, 0); /* stored by both networks' masks and by `left` */
    CHECK_NEAR(a[2], 0, 0, 0);  /* only `right` has it: dropped */
    wn__param_arrays arrays;
    CHECK_OK(wn__param_arrays_make(&compressed, &arrays));
    wn__space_to_arrays(&s, a, &compressed, &arrays);
    wn__space_from_arrays(&s, &arrays, &compressed, b);
    CHECK(memcmp(a, b, (size_t)s.size * sizeof(float)) == 0);
    CHECK(arrays.item[2] == NULL);
    wn__param_arrays_release(&arrays);
    wn__space_release(&s);
    wn__params_release(&masked);
    wn__params_release(&compressed);
    wn__params_release(&other);
}

TEST(space_becomes_masks)
{
    wn__params a = make_params(1), b = make_params(101), c = make_params(7);
    CHECK_OK(wn__param_set_mask(&a.item[0], left));
    CHECK_OK(wn__param_set_mask(&b.item[0], right));
    const wn__params *both[] = {&a, &b};
    wn__space s;
    CHECK_OK(wn__space_make(both, 2, WN__SPACE_ACTIVE, &s));
    CHECK_OK(wn__space_mask(&s, &c));
    CHECK_EQ_INT(c.item[0].active, 6);
    for (int i = 0; i < 12; i++)
        CHECK_EQ_INT(c.item[0].mask[i], left[i] || right[i]);
    CHECK(c.item[1].mask == NULL);
    wn__space_release(&s);
    wn__params_release(&a);
    wn__params_release(&b);
    wn__params_release(&c);
}

TEST(vectors_have_distances_and_angles)
{
    const float a[] = {3, 0, 4}, b[] = {0, 5, 0}, zero[] = {0, 0, 0};
    CHECK_NEAR(wn__vector_distance(a, b, 3), sqrt(50), 1e-12, 0);
    CHECK_NEAR(wn__vector_cosine(a, b, 3), 0, 0, 0);
    CHECK_NEAR(wn__vector_cosine(a, a, 3), 1, 1e-15, 0);
    CHECK(isnan(wn__vector_cosine(a, zero, 3)));
}

TEST(positions_hold_both_ends_exactly)
{
    double at[29];
    wn__even_positions(-0.2, 1.2, 29, at);
    CHECK(at[4] == 0 && !signbit(at[4]) && at[24] == 1);
    CHECK_NEAR(at[0], -0.2, 0, 0);
    CHECK_NEAR(at[14], 0.5, 1e-12, 0);
}

TEST(barriers_are_measured_between_the_ends)
{
    const double at[] = {-0.5, 0, 0.25, 0.5, 1, 1.5}, hill[] = {9, 1, 3, 2, 2, 9}, slope[] = {0, 1, 1.25, 1.5, 2, 3};
    wn__barrier b = wn__barrier_measure(at, hill, 6);
    CHECK_NEAR(b.barrier, 1.5, 1e-12, 0);
    CHECK_NEAR(b.at, 0.25, 0, 0);
    CHECK_NEAR(b.excess, 1.75, 1e-12, 0);
    b = wn__barrier_measure(at, slope, 6);
    CHECK_NEAR(b.barrier, 0.5, 1e-12, 0);
    CHECK_NEAR(b.excess, 0, 1e-12, 0);
    const double broken[] = {0, 1, NAN, 1, 1, 0}, open[] = {0, NAN, 1, 1, 1, 0};
    CHECK(isinf(wn__barrier_measure(at, broken, 6).barrier));
    CHECK(isnan(wn__barrier_measure(at, open, 6).barrier));
}

TEST(masks_overlap_as_counted_and_by_chance)
{
    wn__params a = make_params(1), b = make_params(1);
    wn__overlap o;
    CHECK_OK(wn__param_set_mask(&a.item[0], left));
    CHECK_OK(wn__param_set_mask(&b.item[0], right));
    CHECK_OK(wn__params_compress_masked(&b));
    CHECK_OK(wn__overlap_measure(&a.item[0], &b.item[0], &o));
    CHECK_EQ_INT(o.count, 12);
    CHECK_EQ_INT(o.first, 4);
    CHECK_EQ_INT(o.second, 4);
    CHECK_EQ_INT(o.both, 2);
    CHECK_NEAR(wn__overlap_jaccard(o.first, o.second, (double)o.both), 2.0 / 6, 1e-12, 0);
    CHECK_NEAR(wn__overlap_chance(&o), 16.0 / 12, 1e-12, 0);
    CHECK_NEAR(wn__overlap_jaccard(0, 0, 0), 1, 0, 0);
    wn__params_release(&a);
    wn__params_release(&b);
}

TEST(networks_disagree_and_vote)
{
    float first[] = {0.9f, 0.1f, 0.6f, 0.4f, 0.2f, 0.8f}, second[] = {0.8f, 0.2f, 0.1f, 0.9f, 0.4f, 0.6f};
    int32_t label[] = {0, 1, 0}, p1[] = {0, 0, 1}, p2[] = {0, 1, 1};
    const wn__predictions networks[] = {{3, 2, first, label, p1, 0, 0}, {3, 2, second, label, p2, 0, 0}};
    const wn__predictions *const both[] = {&networks[0], &networks[1]};
    double accuracy, loss;
    CHECK_NEAR(wn__disagreement(&networks[0], &networks[1]), 1.0 / 3, 1e-12, 0);
    CHECK_OK(wn__ensemble(both, 2, &accuracy, &loss));
    CHECK_NEAR(accuracy, 2.0 / 3, 1e-12, 0); /* means 0.85, 0.35 and 0.3 for class 0 */
    CHECK_NEAR(loss, -(log(0.85) + log(0.65) + log(0.3)) / 3, 1e-6, 0);
}

TEST(map_of_points_in_a_plane_keeps_their_distances)
{
    if (!wn__eigen_available()) SKIP("no LAPACK in this build");
    const double x[][2] = {{0, 0}, {3, 0}, {3, 4}, {-1, 2}, {5, -2}};
    double distance[25], position[10], held;
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 5; j++)
            distance[i * 5 + j] = hypot(x[i][0] - x[j][0], x[i][1] - x[j][1]);
    CHECK_OK(wn__mds(distance, 5, position, &held));
    CHECK_NEAR(held, 1, 1e-12, 0);
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 5; j++)
            CHECK_NEAR(hypot(position[2 * i] - position[2 * j], position[2 * i + 1] - position[2 * j + 1]), distance[i * 5 + j], 1e-9, 0);
}

/* --- curvature */

/* M = Q diag(value) Q' with Householder's Q = I - 2 u u'. */
enum { SIZE = 40 };
typedef struct quadratic {
    double u[SIZE], value[SIZE];
} quadratic;

static quadratic make_quadratic(void)
{
    quadratic q;
    double norm = 0;
    for (int i = 0; i < SIZE; i++) {
        q.u[i] = 1 + (i * 7) % 5;
        norm += q.u[i] * q.u[i];
        q.value[i] = i == 0 ? -3 : i == SIZE - 1 ? 20 : 0.1 * i; /* ascending */
    }
    for (int i = 0; i < SIZE; i++)
        q.u[i] /= sqrt(norm);
    return q;
}

static wn_status multiply(void *arg, const float *v, float *out)
{
    const quadratic *q = arg;
    double along = 0, x[SIZE];
    for (int i = 0; i < SIZE; i++)
        along += q->u[i] * v[i];
    for (int i = 0; i < SIZE; i++)
        x[i] = q->value[i] * (v[i] - 2 * along * q->u[i]);
    along = 0;
    for (int i = 0; i < SIZE; i++)
        along += q->u[i] * x[i];
    for (int i = 0; i < SIZE; i++)
        out[i] = (float)(x[i] - 2 * along * q->u[i]);
    return WN_OK;
}

TEST(spectrum_of_a_known_quadratic_is_found)
{
    if (!wn__eigen_available()) SKIP("no LAPACK in this build");
    quadratic q = make_quadratic();
    const wn__symmetric m = {SIZE, multiply, &q};
    double rows[SIZE * SIZE], values[SIZE], asymmetry;
    float unit[SIZE], row[SIZE];
    for (int i = 0; i < SIZE; i++) {
        CHECK_OK(wn__symmetric_row(&m, i, unit, row));
        for (int j = 0; j < SIZE; j++)
            rows[i * SIZE + j] = row[j];
    }
    CHECK_OK(wn__symmetric_values(rows, SIZE, values, &asymmetry));
    CHECK(asymmetry < 1e-6);
    for (int i = 0; i < SIZE; i++)
        CHECK_NEAR(values[i], q.value[i], 2e-6, 1e-6);
}

TEST(lanczos_finds_extremes_and_moments_of_a_known_quadratic)
{
    if (!wn__eigen_available()) SKIP("no LAPACK in this build");
    quadratic q = make_quadratic();
    const wn__symmetric m = {SIZE, multiply, &q};
    double trace = 0, mean = 0, weights = 0;
    const int probes = 40;
    for (int i = 0; i < SIZE; i++)
        trace += q.value[i] / SIZE;
    for (int k = 0; k < probes; k++) {
        wn__quadrature l;
        CHECK_OK(wn__lanczos(&m, 15, 1, (uint64_t)k, NULL, NULL, &l));
        CHECK_NEAR(l.value[0], -3, 1e-4, 0);
        CHECK_NEAR(l.value[l.reached - 1], 20, 1e-4, 0);
        CHECK(l.bound[l.reached - 1] < 1e-3);
        for (int64_t i = 0; i < l.reached; i++) {
            mean += l.value[i] * l.weight[i] / probes;
            weights += l.weight[i] / probes;
        }
        wn__quadrature_release(&l);
    }
    CHECK_NEAR(weights, 1, 1e-9, 0);
    CHECK_NEAR(mean, trace, 0.6, 0);
    wn__quadrature l; /* as many steps as dimensions: the whole spectrum */
    CHECK_OK(wn__lanczos(&m, 100, 1, 0, NULL, NULL, &l));
    CHECK(l.reached <= SIZE);
    CHECK_NEAR(l.value[0], -3, 1e-4, 0);
    wn__quadrature_release(&l);
}

/* A net of 2 x 6 x 6 images with convolution, batch norm and a linear layer; half of each weight masked. */
typedef struct net {
    wn_graph *graph;
    wn__params params;
    wn__pool *pool;
    wn__device *device;
    wn__executor *ex;
    wn__sample sample;
    wn__space space;
} net;

static wn_graph *normed_graph(void)
{
    wn_graph *g = wn_graph_new("tiny", 2, 6, 6);
    int x = wn_graph_conv(g, wn_graph_input(g), "conv", (wn_conv){.out = 3, .kernel = 3, .bias = true});
    x = wn_graph_max_pool(g, wn_graph_relu(g, wn_graph_batch_norm(g, x, "bn")), 2, 2, 0);
    x = wn_graph_linear(g, x, "fc", 4, true);
    CHECK_OK(wn_graph_finish(g, x));
    return g;
}

static wn_graph *chain_graph(void)
{
    wn_graph *g = wn_graph_new("chain", 2, 6, 6);
    int x = wn_graph_conv(g, wn_graph_input(g), "conv1", (wn_conv){.out = 3, .kernel = 3, .pad = 1, .bias = true});
    x = wn_graph_max_pool(g, wn_graph_clipped_relu(g, x, 6), 2, 2, 0);
    x = wn_graph_relu(g, wn_graph_conv(g, x, "conv2", (wn_conv){.out = 5, .kernel = 2}));
    x = wn_graph_relu(g, wn_graph_linear(g, wn_graph_avg_pool(g, x, 2, 1, 0), "fc1", 6, true));
    x = wn_graph_linear(g, x, "fc2", 4, true);
    CHECK_OK(wn_graph_finish(g, x));
    return g;
}

static void net_init_of(net *t, wn_graph *graph, bool tangents)
{
    *t = (net){.graph = graph, .params = tiny_params(graph, 5)};
    for (int i = 0; i < t->params.count; i++) {
        wn__param *p = &t->params.item[i];
        uint8_t mask[256];
        for (int64_t k = 0; k < p->count; k++)
            mask[k] = k % 2;
        if (p->role == WN__WEIGHT) CHECK_OK(wn__param_set_mask(p, mask));
    }
    t->device = tiny_device("ref", 2, WN__F32, &t->pool);
    t->sample = (wn__sample){.n = 24, .classes = 4, .images = tiny_images(graph, 24, 3), .pool = t->pool};
    CHECK_OK(wn__targets_alloc(WN_TARGET_CLASS, 1, 24, &t->sample.targets));
    for (int i = 0; i < 24; i++)
        wn__targets_classes(&t->sample.targets, i)[0] = i % 4;
    const wn__executor_options how = {.batch = 24, .training = !tangents, .tangents = tangents};
    CHECK_OK(wn__executor_new(t->graph, &t->params, t->device, &how, &t->ex));
    CHECK_OK(wn__space_make((const wn__params *[]){&t->params}, 1, WN__SPACE_ACTIVE, &t->space));
}

static void net_init(net *t, bool tangents) { net_init_of(t, normed_graph(), tangents); }

static void net_release(net *t)
{
    wn__space_release(&t->space);
    wn__sample_release(&t->sample);
    wn__executor_free(t->ex);
    wn__params_release(&t->params);
    tiny_device_close(t->device, t->pool);
    wn_graph_free(t->graph);
}

TEST(hessian_of_a_tiny_net_equals_differences_of_its_gradient)
{
    net exact, rough;
    wn__hessian a, b;
    net_init(&exact, true);
    net_init(&rough, false);
    CHECK_OK(wn__hessian_make(exact.ex, &exact.params, &exact.sample, &exact.space, true, 0, &a));
    CHECK_OK(wn__hessian_make(rough.ex, &rough.params, &rough.sample, &rough.space, false, 1e-3, &b));
    const wn__symmetric ma = wn__hessian_matrix(&a), mb = wn__hessian_matrix(&b);
    const int64_t n = exact.space.size;
    float *unit = WN_NEW_ARRAY(float, n), *x = WN_NEW_ARRAY(float, n), *y = WN_NEW_ARRAY(float, n), *before = WN_NEW_ARRAY(float, n);
    double *rows = WN_NEW_ARRAY(double, n *n), *values = WN_NEW_ARRAY(double, n), asymmetry, error = 0, size = 0;
    CHECK(unit && x && y && before && rows && values);
    wn__space_values(&rough.space, &rough.params, before);
    for (int64_t i = 0; i < n; i++) {
        CHECK_OK(wn__symmetric_row(&ma, i, unit, x));
        CHECK_OK(wn__symmetric_row(&mb, i, unit, y));
        for (int64_t j = 0; j < n; j++) {
            error += ((double)x[j] - y[j]) * ((double)x[j] - y[j]);
            size += (double)x[j] * x[j];
            rows[i * n + j] = x[j];
        }
    }
    CHECK(size > 0);
    CHECK(sqrt(error / size) < 0.01);
    wn__space_values(&rough.space, &rough.params, y);
    CHECK(memcmp(before, y, (size_t)n * sizeof *y) == 0); /* as it was */
    if (wn__eigen_available()) {
        wn__quadrature l;
        CHECK_OK(wn__symmetric_values(rows, n, values, &asymmetry));
        CHECK(asymmetry < 1e-5);
        CHECK_OK(wn__lanczos(&ma, 30, 7, 0, NULL, NULL, &l));
        CHECK_NEAR(l.value[0], values[0], 1e-3, 1e-3);
        CHECK_NEAR(l.value[l.reached - 1], values[n - 1], 1e-3, 1e-3);
        wn__quadrature_release(&l);
    }
    wn__free(unit);
    wn__free(x);
    wn__free(y);
    wn__free(before);
    wn__free(rows);
    wn__free(values);
    wn__hessian_release(&a);
    wn__hessian_release(&b);
    net_release(&exact);
    net_release(&rough);
}

/* Product of the tail from `node` on with a unit vector of its first parameters, against the last columns of the whole network's. */
static void check_tail(net *t, const wn__symmetric *whole, int node)
{
    const int64_t n = t->space.size;
    wn__tail tail;
    wn__space space;
    wn__executor *ex;
    wn__hessian h;
    float *unit = WN_NEW_ARRAY(float, n), *all = WN_NEW_ARRAY(float, n), *part = WN_NEW_ARRAY(float, n);
    CHECK_OK(wn__tail_make(t->graph, &t->params, node, t->device, &t->sample, &tail));
    CHECK_OK(wn__space_make((const wn__params *[]){&tail.params}, 1, WN__SPACE_ACTIVE, &space));
    CHECK_OK(wn__executor_new(tail.graph, &tail.params, t->device, &(wn__executor_options){.batch = 24, .tangents = true}, &ex));
    CHECK_OK(wn__hessian_make(ex, &tail.params, &tail.sample, &space, true, 0, &h));
    const wn__symmetric m = wn__hessian_matrix(&h);
    const int64_t offset = n - space.size;
    double size = 0;
    for (int64_t i = 0; i < space.size; i += 3) {
        CHECK_OK(wn__symmetric_row(whole, offset + i, unit, all));
        CHECK_OK(wn__symmetric_row(&m, i, unit, part));
        for (int64_t j = 0; j < space.size; j++) {
            CHECK_NEAR(part[j], all[offset + j], 1e-7, 1e-6);
            size += fabs(part[j]);
        }
    }
    CHECK(size > 0);
    wn__hessian_release(&h);
    wn__executor_free(ex);
    wn__space_release(&space);
    wn__tail_release(&tail);
    wn__free(unit);
    wn__free(all);
    wn__free(part);
}

TEST(tail_of_a_chain_has_its_second_derivatives)
{
    net t;
    wn__hessian h;
    int layers = 0;
    net_init_of(&t, chain_graph(), true);
    CHECK(wn__is_chain(t.graph));
    CHECK_OK(wn__hessian_make(t.ex, &t.params, &t.sample, &t.space, true, 0, &h));
    const wn__symmetric whole = wn__hessian_matrix(&h);
    for (int node = wn__next_layer(t.graph, 0); node > 0; node = wn__next_layer(t.graph, node), layers++)
        check_tail(&t, &whole, node);
    CHECK_EQ_INT(layers, 4);
    wn__hessian_release(&h);
    net_release(&t);
    net_init(&t, true);
    CHECK(!wn__is_chain(t.graph)); /* statistics of the batch */
    net_release(&t);
}

TEST(small_steps_take_off_the_loss_what_the_gradient_says)
{
    net t;
    wn__flow f;
    uint8_t *active[16] = {NULL};
    net_init(&t, false);
    for (int i = 0; i < t.params.count; i++) { /* masks apart, as wn__flow_measure wants them */
        wn__param *p = &t.params.item[i];
        if (!p->mask) continue;
        active[i] = malloc((size_t)p->count);
        CHECK(active[i] != NULL);
        memcpy(active[i], p->mask, (size_t)p->count);
        CHECK_OK(wn__param_set_mask(p, NULL));
    }
    float before[512], after[512];
    wn__space_values(&t.space, &t.params, before);
    CHECK_OK(wn__flow_measure(t.ex, &t.params, &t.sample, active, 1e-3, &f));
    wn__space_values(&t.space, &t.params, after);
    CHECK(memcmp(before, after, (size_t)t.space.size * sizeof(float)) == 0);
    CHECK(f.gradient_active > 0 && f.gradient_active < f.gradient_all);
    CHECK_NEAR(f.decrease, f.predicted, 0, 0.05);
    double sum = 0;
    for (int k = 0; k < f.layers; k++)
        sum += f.layer[k].gradient_active * f.layer[k].gradient_active;
    CHECK_NEAR(sqrt(sum), f.gradient_active, 0, 1e-12);
    CHECK_EQ_INT(f.layer[0].count, 54);
    CHECK_EQ_INT(f.layer[0].active, 27);
    wn__flow_release(&f);
    for (int i = 0; i < 16; i++)
        free(active[i]);
    net_release(&t);
}

/* All weights, unmasked, under a random rotation of blocks of 16. */
static void net_rotate(net *t)
{
    bool selected[8];
    wn__basis_spec spec;
    for (int i = 0; i < t->params.count; i++) {
        selected[i] = t->params.item[i].role == WN__WEIGHT;
        CHECK_OK(wn__param_set_mask(&t->params.item[i], NULL));
    }
    const wn__selection selection = {.selected = selected, .count = t->params.count};
    CHECK_OK(wn__basis_defaults(WN__BASIS_RANDOM, &spec));
    spec.block = 16;
    const wn__basis_use use = {.spec = &spec, .selection = &selection, .seed = 4};
    CHECK_OK(wn__basis_enter(&t->params, &use));
    wn__space_release(&t->space);
    CHECK_OK(wn__space_make((const wn__params *[]){&t->params}, 1, WN__SPACE_ACTIVE, &t->space));
}

/* A coefficient vector as the weights that it makes; others as they are. */
static void to_weights(const net *rotated, const float *coefficient, float *weight)
{
    for (int i = 0; i < rotated->space.parts; i++) {
        const wn__space_part *part = &rotated->space.part[i];
        const wn__param *p = &rotated->params.item[part->param];
        if (p->map)
            CHECK_OK(p->map->materialise(p, coefficient + part->offset, weight + part->offset));
        else
            memcpy(weight + part->offset, coefficient + part->offset, (size_t)part->count * sizeof *weight);
    }
}

/* In a rotated basis w = B c the Hessian is B' H B, and the gradient is as long as before. */
TEST(coefficients_have_the_rotated_hessian_and_gradient)
{
    net plain, rotated;
    wn__hessian a, b;
    wn__flow fa, fb;
    float c[512], w[512], hc[512], hw[512], back[512];
    for (int exact = 0; exact < 2; exact++) {
        net_init(&plain, exact);
        net_init(&rotated, exact);
        for (int i = 0; i < plain.params.count; i++)
            CHECK_OK(wn__param_set_mask(&plain.params.item[i], NULL));
        wn__space_release(&plain.space);
        CHECK_OK(wn__space_make((const wn__params *[]){&plain.params}, 1, WN__SPACE_ACTIVE, &plain.space));
        net_rotate(&rotated);
        const int64_t n = plain.space.size;
        CHECK(n == rotated.space.size && n <= 512);
        wn__rng rng = wn__rng_make(8, WN__FOR_TEST, 0, 0);
        for (int64_t i = 0; i < n; i++)
            c[i] = (float)wn__rng_normal(&rng);
        to_weights(&rotated, c, w);
        CHECK(wn__vector_distance(c, w, n) > 1);
        CHECK_OK(wn__hessian_make(plain.ex, &plain.params, &plain.sample, &plain.space, exact, 1e-3, &a));
        CHECK_OK(wn__hessian_make(rotated.ex, &rotated.params, &rotated.sample, &rotated.space, exact, 1e-3, &b));
        const wn__symmetric ma = wn__hessian_matrix(&a), mb = wn__hessian_matrix(&b);
        CHECK_OK(ma.multiply(ma.arg, w, hw));
        CHECK_OK(mb.multiply(mb.arg, c, hc));
        to_weights(&rotated, hc, back);
        CHECK(wn__vector_distance(back, hw, n) < (exact ? 1e-4 : 0.02) * sqrt(wn__vector_dot(hw, hw, n)));
        if (!exact) {
            CHECK_OK(wn__flow_measure(plain.ex, &plain.params, &plain.sample, NULL, 1e-3, &fa));
            CHECK_OK(wn__flow_measure(rotated.ex, &rotated.params, &rotated.sample, NULL, 1e-3, &fb));
            CHECK_NEAR(fb.gradient_all, fa.gradient_all, 0, 1e-5);
            CHECK_NEAR(fb.decrease, fa.decrease, 0, 1e-2);
            wn__flow_release(&fa);
            wn__flow_release(&fb);
        }
        wn__hessian_release(&a);
        wn__hessian_release(&b);
        net_release(&plain);
        net_release(&rotated);
    }
}

TEST(bernstein_weights_sum_to_one_and_hit_the_ends)
{
    for (int order = 2; order <= 3; order++)
        for (double t = 0; t <= 1; t += 0.125) {
            double sum = 0;
            for (int k = 0; k <= order; k++)
                sum += wn__bernstein(k, order, t);
            CHECK_NEAR(sum, 1, 1e-12, 0);
        }
    CHECK_NEAR(wn__bernstein(1, 2, 0.5), 0.5, 1e-12, 0);
    CHECK_NEAR(wn__bernstein(2, 3, 0.25), 3 * 0.0625 * 0.75, 1e-12, 0);
    CHECK_NEAR(wn__bernstein(0, 3, 0), 1, 0, 0);
    CHECK_NEAR(wn__bernstein(3, 3, 1), 1, 0, 0);
}

TEST(untrained_curves_lie_on_the_line_and_end_in_the_networks)
{
    net t;
    wn__bezier b;
    net_init(&t, false);
    float first[512], last[512], got[512];
    CHECK(t.space.size <= 512);
    wn__space_values(&t.space, &t.params, first);
    for (int64_t i = 0; i < t.space.size; i++)
        last[i] = 3 - first[i];
    for (int order = 2; order <= 3; order++) {
        CHECK_OK(wn__bezier_make(t.graph, &t.params, &t.space, order, first, last, &b));
        for (int at = 0; at <= 4; at++) {
            wn__bezier_set(&b, at / 4.0, &t.params);
            wn__space_values(&t.space, &t.params, got);
            for (int64_t i = 0; i < t.space.size; i++)
                CHECK_NEAR(got[i], (1 - at / 4.0) * first[i] + at / 4.0 * last[i], 1e-6, 1e-6);
        }
        wn__bezier_release(&b);
    }
    net_release(&t);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(union_space_has_entries_active_in_either_network),
                                    RUN(one_dense_network_makes_the_union_dense),
                                    RUN(compressed_and_masked_networks_are_the_same_vectors),
                                    RUN(space_becomes_masks),
                                    RUN(vectors_have_distances_and_angles),
                                    RUN(positions_hold_both_ends_exactly),
                                    RUN(barriers_are_measured_between_the_ends),
                                    RUN(masks_overlap_as_counted_and_by_chance),
                                    RUN(networks_disagree_and_vote),
                                    RUN(map_of_points_in_a_plane_keeps_their_distances),
                                    RUN(spectrum_of_a_known_quadratic_is_found),
                                    RUN(lanczos_finds_extremes_and_moments_of_a_known_quadratic),
                                    RUN(hessian_of_a_tiny_net_equals_differences_of_its_gradient),
                                    RUN(tail_of_a_chain_has_its_second_derivatives),
                                    RUN(small_steps_take_off_the_loss_what_the_gradient_says),
                                    RUN(coefficients_have_the_rotated_hessian_and_gradient),
                                    RUN(bernstein_weights_sum_to_one_and_hit_the_ends),
                                    RUN(untrained_curves_lie_on_the_line_and_end_in_the_networks),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
