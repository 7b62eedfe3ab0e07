/* Scores before training against their formulas, computed here from losses, gradients and outputs; and what pruning by them keeps. */
#include "sparse/prune/saliency.h"

#include "backend/backend.h"
#include "models/model.h"
#include "nn/init.h"
#include "sparse/prune/flow.h"
#include "tiny_network.h"

enum { CLASSES = 3, IMAGES = 12, SIDE = 6 };

typedef struct net {
    wn_graph *graph;
    wn__params params;
    wn__selection selection;
    wn__pool *pool;
    wn__device *device;
    wn__executor *ex, *scorer; /* of the test's own computations; of scores */
    float *images;
    int32_t labels[IMAGES];
    wn__labelled samples;
    wn__saliency_input input;
    double temperature, loss;
    bool evaluation;
} net;

/* Biases, batch norm, a shortcut, both pools, a linear layer that flattens. */
static wn_graph *residual_graph(void)
{
    wn_graph *g = wn_graph_new("residual", 2, SIDE, SIDE);
    int x = wn_graph_conv(g, wn_graph_input(g), "conv1", (wn_conv){.out = 4, .kernel = 3, .pad = 1, .bias = true});
    x = wn_graph_relu(g, wn_graph_batch_norm(g, x, "bn1"));
    int y = wn_graph_conv(g, x, "conv2", (wn_conv){.out = 4, .kernel = 3, .pad = 1, .groups = 2});
    x = wn_graph_clipped_relu(g, wn_graph_add(g, x, y), 6);
    x = wn_graph_conv(g, wn_graph_max_pool(g, x, 2, 2, 0), "conv3", (wn_conv){.out = 5, .kernel = 3, .stride = 2, .pad = 1});
    x = wn_graph_avg_pool(g, x, 3, 1, 1);
    CHECK_OK(wn_graph_finish(g, wn_graph_linear(g, x, "fc", CLASSES, true)));
    return g;
}

/* Nothing but weights and ReLUs: flow is conserved. */
static wn_graph *chain_graph(void)
{
    wn_graph *g = wn_graph_new("chain", 2, SIDE, SIDE);
    int x = wn_graph_relu(g, wn_graph_conv(g, wn_graph_input(g), "conv1", (wn_conv){.out = 6, .kernel = 3, .pad = 1}));
    x = wn_graph_relu(g, wn_graph_conv(g, x, "conv2", (wn_conv){.out = 8, .kernel = 3, .stride = 2}));
    x = wn_graph_relu(g, wn_graph_linear(g, x, "fc1", 10, false));
    CHECK_OK(wn_graph_finish(g, wn_graph_linear(g, x, "fc2", CLASSES, false)));
    return g;
}

static net *net_on(wn_graph *graph, const char *backend, int threads)
{
    static net t;
    static const char *const all = "all";
    t = (net){.graph = graph, .temperature = 1, .images = tiny_images(graph, IMAGES, 3)};
    CHECK_OK(wn__graph_make_params(graph, &t.params));
    CHECK_OK(wn__init_params(&t.params, &(wn__init_options){.bn_scale = 1}, 4));
    CHECK_OK(wn__selection_make(graph, &all, 1, &t.selection));
    t.device = tiny_device(backend, threads, WN__F32, &t.pool);
    CHECK_OK(wn__executor_new(graph, &t.params, t.device, &(wn__executor_options){.batch = IMAGES, .training = true}, &t.ex));
    const wn__executor_options how = {.batch = IMAGES, .training = true, .tangents = t.device->backend->tangents};
    CHECK_OK(wn__executor_new(graph, &t.params, t.device, &how, &t.scorer));
    for (int i = 0; i < IMAGES; i++)
        t.labels[i] = i % CLASSES;
    t.samples = (wn__labelled){t.images, wn__class_targets(t.labels), IMAGES, IMAGES};
    t.input =
        (wn__saliency_input){.graph = graph, .selection = &t.selection, .ex = t.scorer, .pool = t.pool, .samples = &t.samples, .seed = 5};
    return &t;
}

static net *net_new(wn_graph *graph) { return net_on(graph, "ref", 1); }

static void net_free(net *t)
{
    wn__executor_free(t->ex);
    wn__executor_free(t->scorer);
    tiny_device_close(t->device, t->pool);
    wn__selection_release(&t->selection);
    wn__params_release(&t->params);
    wn_graph_free(t->graph);
    wn__free(t->images);
}

/* ---- the plain loss: mean over the batch of -log softmax(z / T) at the label */

static wn_status cross_entropy(void *arg, const float *logits, int64_t first, int64_t n, float *dlogits)
{
    net *t = arg;
    for (int64_t i = 0; i < n; i++) {
        double e[CLASSES], sum = 0;
        for (int k = 0; k < CLASSES; k++)
            sum += e[k] = exp((double)logits[i * CLASSES + k] / t->temperature);
        for (int k = 0; k < CLASSES; k++)
            dlogits[i * CLASSES + k] = (float)((e[k] / sum - (t->labels[first + i] == k)) / t->temperature / IMAGES);
        t->loss -= log(e[t->labels[first + i]] / sum) / IMAGES;
    }
    return WN_OK;
}

static double gradients(net *t)
{
    t->loss = 0;
    t->params.version++;
    CHECK_OK(wn__executor_gradients(t->ex, t->images, IMAGES, (wn__step_info){.training = !t->evaluation}, cross_entropy, t));
    return t->loss;
}

/* largest = of |want|; scores agree within a part of it. */
static void check_scores(const net *t, const wn__scores *got, double *const *want, double part)
{
    double largest = 0;
    for (int i = 0; i < t->params.count; i++)
        for (int64_t e = 0; want[i] && e < t->params.item[i].count; e++)
            largest = fmax(largest, fabs(want[i][e]));
    CHECK(largest > 0);
    for (int i = 0; i < t->params.count; i++) {
        CHECK((want[i] != NULL) == (got->score[i] != NULL));
        for (int64_t e = 0; want[i] && e < t->params.item[i].count; e++)
            if (!(fabs((double)got->score[i][e] - want[i][e]) <= part * largest))
                WN_TEST_FAIL("%s %lld: %g, not %g (largest %g)", t->params.item[i].name, (long long)e, (double)got->score[i][e], want[i][e],
                             largest);
    }
}

static double **wanted(const net *t)
{
    double **want = WN_NEW_ARRAY(double *, t->params.count);
    for (int i = 0; i < t->params.count; i++)
        if (t->selection.selected[i]) want[i] = WN_NEW_ARRAY(double, t->params.item[i].count);
    return want;
}

static void free_wanted(const net *t, double **want)
{
    for (int i = 0; i < t->params.count; i++)
        wn__free(want[i]);
    wn__free(want);
}

/* ---- SNIP */

static void check_snip(int mode)
{
    net *t = net_new(residual_graph());
    const wn__scoring how = {.score = WN__SNIP, .mode = mode};
    t->evaluation = mode == WN__SCORE_EVALUATION;
    const float h = 0x1p-10f;
    double **want = wanted(t);
    for (int i = 0; i < t->params.count; i++)
        for (int64_t e = 0; want[i] && e < t->params.item[i].count; e++) {
            float *w = &t->params.item[i].value[e], kept = *w;
            *w = kept + h;
            const double up = gradients(t);
            *w = kept - h;
            want[i][e] = fabs((double)kept * (up - gradients(t)) / (2 * (double)h));
            *w = kept;
        }
    wn__scores got;
    CHECK_OK(wn__saliency_scores(&how, &t->input, &t->params, &got));
    check_scores(t, &got, want, 2e-3);
    wn__scores_release(&got);
    free_wanted(t, want);
    net_free(t);
}

TEST(snip_is_the_weight_times_the_loss_difference_it_makes) { check_snip(WN__SCORE_TRAINING); }
TEST(snip_by_running_statistics) { check_snip(WN__SCORE_EVALUATION); }

/* Without batch norm a batch is the sum of its parts. */
TEST(samples_in_parts_score_as_together)
{
    net *t = net_new(chain_graph());
    for (int score = WN__SNIP; score <= WN__GRASP; score++) {
        const wn__scoring how = {.score = score, .temperature = 200};
        wn__scores whole, parts;
        double **want = wanted(t);
        t->samples.batch = IMAGES;
        CHECK_OK(wn__saliency_scores(&how, &t->input, &t->params, &whole));
        t->samples.batch = 5;
        CHECK_OK(wn__saliency_scores(&how, &t->input, &t->params, &parts));
        for (int i = 0; i < t->params.count; i++)
            for (int64_t e = 0; want[i] && e < t->params.item[i].count; e++)
                want[i][e] = (double)whole.score[i][e];
        check_scores(t, &parts, want, 1e-5);
        wn__scores_release(&whole);
        wn__scores_release(&parts);
        free_wanted(t, want);
    }
    net_free(t);
}

/* ---- GraSP */

static void add_direction(net *t, float *const *direction, double step)
{
    for (int i = 0; i < t->params.count; i++)
        for (int64_t e = 0; direction[i] && e < t->params.item[i].count; e++)
            t->params.item[i].value[e] += (float)(step * (double)direction[i][e]);
}

/* want = -w (H g), H g by differences of the gradient along g; g over weights only. */
static void plain_grasp(net *t, double **want)
{
    float **g = WN_NEW_ARRAY(float *, t->params.count), **start = WN_NEW_ARRAY(float *, t->params.count);
    double length = 0;
    gradients(t);
    for (int i = 0; i < t->params.count; i++) {
        const wn__param *p = &t->params.item[i];
        if (p->role != WN__WEIGHT) continue;
        g[i] = WN_NEW_ARRAY(float, p->count);
        start[i] = WN_NEW_ARRAY(float, p->count);
        memcpy(g[i], p->grad, (size_t)p->count * sizeof(float));
        memcpy(start[i], p->value, (size_t)p->count * sizeof(float));
        for (int64_t e = 0; e < p->count; e++)
            length += (double)g[i][e] * (double)g[i][e];
    }
    const double h = 0.002 / sqrt(length);
    for (int side = -1; side <= 1; side += 2) {
        add_direction(t, g, side * h);
        gradients(t);
        for (int i = 0; i < t->params.count; i++)
            for (int64_t e = 0; g[i] && e < t->params.item[i].count; e++) {
                if (want[i]) want[i][e] -= (double)start[i][e] * side * (double)t->params.item[i].grad[e] / (2 * h);
                t->params.item[i].value[e] = start[i][e];
            }
    }
    t->params.version++;
    for (int i = 0; i < t->params.count; i++) {
        wn__free(g[i]);
        wn__free(start[i]);
    }
    wn__free(g);
    wn__free(start);
}

TEST(grasp_is_the_weight_times_the_hessian_times_the_gradient)
{
    net *t = net_new(residual_graph());
    double **want = wanted(t), **turned = wanted(t);
    t->temperature = 5;
    plain_grasp(t, want);
    for (int keep = WN__GRASP_LOWEST; keep <= WN__GRASP_LARGEST; keep++) {
        const wn__scoring how = {.score = WN__GRASP, .temperature = 5, .keep = keep};
        wn__scores got;
        for (int i = 0; i < t->params.count; i++)
            for (int64_t e = 0; want[i] && e < t->params.item[i].count; e++)
                turned[i][e] = keep == WN__GRASP_LOWEST ? -want[i][e] : keep == WN__GRASP_HIGHEST ? want[i][e] : fabs(want[i][e]);
        CHECK_OK(wn__saliency_scores(&how, &t->input, &t->params, &got));
        check_scores(t, &got, turned, 1e-2);
        wn__scores_release(&got);
    }
    free_wanted(t, want);
    free_wanted(t, turned);
    net_free(t);
}

TEST(grasp_needs_exact_derivatives)
{
    net *t = net_on(residual_graph(), "sparse", 1);
    wn__scores scores;
    wn__executor *ex = NULL;
    const wn__executor_options options = wn__saliency_executor(WN__GRASP, &t->samples);
    CHECK_STATUS(wn__executor_new(t->graph, &t->params, t->device, &options, &ex), WN_EUNSUPPORTED);
    CHECK_STATUS(wn__saliency_scores(&(wn__scoring){.score = WN__GRASP, .temperature = 1}, &t->input, &t->params, &scores), WN_EINVAL);
    net_free(t);
}

/* ---- SynFlow */

/* Sum of the logits for an image of ones, by the reference backend. */
static double flow_of_ones(net *t)
{
    const int64_t size = t->graph->c * t->graph->h * t->graph->w;
    float *ones = WN_NEW_ARRAY(float, size), logits[CLASSES];
    double sum = 0;
    for (int64_t k = 0; k < size; k++)
        ones[k] = 0.125f; /* small enough for the bounded ReLU: in proportion without biases */
    t->params.version++;
    CHECK_OK(wn__executor_infer(t->ex, ones, 1, (wn__step_info){0}, logits));
    for (int k = 0; k < CLASSES; k++)
        sum += (double)logits[k];
    wn__free(ones);
    return 8 * sum;
}

static void make_absolute(net *t)
{
    for (int i = 0; i < t->params.count; i++)
        for (int64_t e = 0; e < t->params.item[i].count; e++)
            t->params.item[i].value[e] = fabsf(t->params.item[i].value[e]);
}

static double **flow_arrays(const net *t) { return wanted(t); }

/* R is linear in each single weight: |w dR/dw| is what R loses without it. Maxima may move to other places: no max pool here. */
static wn_graph *flow_graph(void)
{
    wn_graph *g = wn_graph_new("flow", 2, SIDE, SIDE);
    int x = wn_graph_conv(g, wn_graph_input(g), "conv1", (wn_conv){.out = 4, .kernel = 3, .pad = 1});
    x = wn_graph_clipped_relu(g, wn_graph_batch_norm(g, x, "bn1"), 6);
    int y = wn_graph_conv(g, x, "conv2", (wn_conv){.out = 4, .kernel = 3, .pad = 1, .groups = 2});
    x = wn_graph_relu(g, wn_graph_add(g, x, y));
    x = wn_graph_dropout(g, wn_graph_conv(g, x, "conv3", (wn_conv){.out = 5, .kernel = 3, .stride = 2, .pad = 1}), 0.5);
    x = wn_graph_avg_pool(g, x, 3, 1, 1);
    CHECK_OK(wn_graph_finish(g, wn_graph_linear(g, x, "fc", CLASSES, false)));
    return g;
}

TEST(synflow_is_what_the_sum_of_outputs_loses_without_a_weight)
{
    net *t = net_new(flow_graph());
    double **flow = flow_arrays(t), total;
    CHECK_OK(wn__flow_scores(t->graph, &t->params, t->pool, flow, &total));
    make_absolute(t);
    const double all = flow_of_ones(t);
    CHECK_NEAR(total, all, 0, 1e-5 * all);
    for (int i = 0; i < t->params.count; i++)
        for (int64_t e = 0; flow[i] && e < t->params.item[i].count; e++) {
            float *w = &t->params.item[i].value[e], kept = *w;
            *w = 0;
            CHECK_NEAR(flow[i][e], all - flow_of_ones(t), 1e-3, 1e-5 * all);
            *w = kept;
        }
    free_wanted(t, flow);
    net_free(t);
}

TEST(synflow_takes_absolute_values_and_biases)
{
    net *t = net_new(residual_graph());
    double **flow = flow_arrays(t), **again = flow_arrays(t), total, total_again;
    for (int i = 0; i < t->params.count; i++)
        if (t->params.item[i].role == WN__BIAS) t->params.item[i].value[0] = -0.5f;
    CHECK_OK(wn__flow_scores(t->graph, &t->params, t->pool, flow, &total));
    make_absolute(t);
    CHECK_OK(wn__flow_scores(t->graph, &t->params, t->pool, again, &total_again));
    CHECK(total == total_again);
    for (int i = 0; i < t->params.count; i++)
        if (flow[i]) CHECK(memcmp(flow[i], again[i], (size_t)t->params.item[i].count * sizeof(double)) == 0);
    free_wanted(t, flow);
    free_wanted(t, again);
    net_free(t);
}

static double sum_of(const double *flow, int64_t from, int64_t count, int64_t stride)
{
    double sum = 0;
    for (int64_t k = 0; k < count; k++)
        sum += flow[from + k * stride];
    return sum;
}

static int index_of(const net *t, const char *name) { return (int)(wn__params_find(&t->params, name) - t->params.item); }

TEST(synflow_is_conserved_by_layers_and_units)
{
    net *t = net_new(chain_graph());
    double **flow = flow_arrays(t), total;
    CHECK_OK(wn__flow_scores(t->graph, &t->params, t->pool, flow, &total));
    for (int i = 0; i < t->params.count; i++)
        CHECK_NEAR(sum_of(flow[i], 0, t->params.item[i].count, 1), total, 0, 1e-12);
    const int fc1 = index_of(t, "fc1.weight"), fc2 = index_of(t, "fc2.weight");
    const int64_t inputs = t->params.item[fc1].dim[1];
    for (int64_t unit = 0; unit < 10; unit++)
        CHECK_NEAR(sum_of(flow[fc1], unit * inputs, inputs, 1), sum_of(flow[fc2], unit, CLASSES, 10), 0, 1e-12);
    free_wanted(t, flow);
    net_free(t);
}

static wn_status prune(net *t, const wn__scoring *how, double sparsity)
{
    const wn__prune last = {.sparsity = sparsity};
    return wn__saliency_prune(how, &t->input, &last, &t->params);
}

static int64_t active(const net *t)
{
    int64_t sum = 0;
    for (int i = 0; i < t->params.count; i++)
        if (t->selection.selected[i]) sum += t->params.item[i].active;
    return sum;
}

TEST(synflow_in_a_hundred_rounds_empties_no_layer)
{
    for (int left = 12; left >= 4; left -= 4) { /* 4 layers: at 4 one path is left */
        net *t = net_new(chain_graph());
        const double sparsity = 1 - (double)left / (double)t->selection.weights;
        CHECK_OK(prune(t, &(wn__scoring){.score = WN__SYNFLOW}, sparsity));
        CHECK_EQ_INT(active(t), left);
        for (int i = 0; i < t->params.count; i++)
            CHECK(t->params.item[i].active > 0);
        net_free(t);
    }
}

TEST(synflow_of_a_deep_network_stays_finite)
{
    const wn__model *model;
    wn_graph *g;
    CHECK_OK(wn__model_find("resnet110", &model));
    CHECK_OK(wn__model_build(model, NULL, model->usual, &g));
    wn__params params = {0};
    wn__selection selection;
    wn__scores scores;
    CHECK_OK(wn__graph_make_params(g, &params));
    CHECK_OK(wn__init_params(&params, &(wn__init_options){0}, 1));
    CHECK_OK(wn__selection_make(g, NULL, 0, &selection));
    const wn__saliency_input input = {.graph = g, .selection = &selection};
    CHECK_OK(wn__saliency_scores(&(wn__scoring){.score = WN__SYNFLOW}, &input, &params, &scores));
    for (int i = 0; i < params.count; i++)
        for (int64_t e = 0; scores.score[i] && e < params.item[i].count; e++)
            CHECK(isfinite(scores.score[i][e]));
    wn__scores_release(&scores);
    wn__selection_release(&selection);
    wn__params_release(&params);
    wn_graph_free(g);
}

/* ---- what stays */

static const wn__scoring every[] = {{.score = WN__MAGNITUDE},
                                    {.score = WN__RANDOM_SCORE},
                                    {.score = WN__SNIP},
                                    {.score = WN__SNIP, .iterations = 4},
                                    {.score = WN__GRASP, .temperature = 200},
                                    {.score = WN__SYNFLOW},
                                    {.score = WN__SYNFLOW, .iterations = 7, .steps = WN__DOWN_LINEAR}};
enum { EVERY = sizeof every / sizeof *every };

TEST(counts_are_exact)
{
    for (int s = 0; s < EVERY; s++)
        for (int k = 0; k < 3; k++) {
            static const double sparsity[] = {0, 0.5, 0.93};
            net *t = net_new(residual_graph());
            CHECK_OK(prune(t, &every[s], sparsity[k]));
            CHECK_EQ_INT(active(t), llround((1 - sparsity[k]) * (double)t->selection.weights));
            net_free(t);
        }
}

TEST(a_distribution_says_how_many_each_layer_keeps)
{
    for (int s = 0; s < EVERY; s++) {
        net *t = net_new(residual_graph());
        int64_t *keep = WN_NEW_ARRAY(int64_t, t->params.count);
        for (int i = 0; i < t->params.count; i++)
            keep[i] = t->selection.selected[i] ? t->params.item[i].count / (2 + i) : 0;
        const wn__prune last = {.scope = WN__SCOPE_DISTRIBUTION, .keep = keep};
        CHECK_OK(wn__saliency_prune(&every[s], &t->input, &last, &t->params));
        for (int i = 0; i < t->params.count; i++)
            if (t->selection.selected[i]) CHECK_EQ_INT(t->params.item[i].active, keep[i]);
        wn__free(keep);
        net_free(t);
    }
}

TEST(of_equal_scores_the_earlier_stay)
{
    net *t = net_new(chain_graph());
    for (int i = 0; i < t->params.count; i++)
        for (int64_t e = 0; e < t->params.item[i].count; e++)
            t->params.item[i].value[e] = 0;
    for (int s = 0; s < EVERY; s++) {
        if (every[s].score == WN__RANDOM_SCORE) continue;
        for (int i = 0; i < t->params.count; i++)
            CHECK_OK(wn__param_set_mask(&t->params.item[i], NULL));
        CHECK_OK(prune(t, &every[s], 1 - 20.0 / (double)t->selection.weights));
        for (int64_t e = 0; e < t->params.item[0].count; e++)
            CHECK_EQ_INT(t->params.item[0].mask[e], e < 20);
    }
    net_free(t);
}

TEST(random_scores_choose_by_the_seed_alone)
{
    net *t = net_new(chain_graph());
    wn__scores a, b, other;
    const wn__scoring how = {.score = WN__RANDOM_SCORE};
    CHECK_OK(wn__saliency_scores(&how, &t->input, &t->params, &a));
    t->params.item[0].value[0] += 1;
    CHECK_OK(wn__saliency_scores(&how, &t->input, &t->params, &b));
    t->input.seed++;
    CHECK_OK(wn__saliency_scores(&how, &t->input, &t->params, &other));
    const size_t bytes = (size_t)t->params.item[1].count * sizeof(float);
    CHECK(memcmp(a.score[1], b.score[1], bytes) == 0);
    CHECK(memcmp(a.score[1], other.score[1], bytes) != 0);
    wn__scores_release(&a);
    wn__scores_release(&b);
    wn__scores_release(&other);
    net_free(t);
}

static uint8_t *masks_of(const net *t, int64_t *size)
{
    *size = 0;
    uint8_t *all = WN_NEW_ARRAY(uint8_t, t->selection.weights);
    for (int i = 0; i < t->params.count; i++) {
        if (!t->selection.selected[i]) continue;
        memcpy(all + *size, t->params.item[i].mask, (size_t)t->params.item[i].count);
        *size += t->params.item[i].count;
    }
    return all;
}

static void check_threads(const char *backend, const wn__scoring *how)
{
    uint8_t *first = NULL;
    int64_t size;
    for (int threads = 1; threads <= 5; threads++) {
        net *t = net_on(residual_graph(), backend, threads);
        CHECK_OK(prune(t, how, 0.8));
        uint8_t *now = masks_of(t, &size);
        if (first) CHECK(memcmp(first, now, (size_t)size) == 0);
        if (!first) first = masks_of(t, &size);
        wn__free(now);
        net_free(t);
    }
    wn__free(first);
}

TEST(masks_are_the_same_for_any_number_of_threads)
{
    for (int s = 0; s < EVERY; s++)
        check_threads("ref", &every[s]);
    check_threads("sparse", &every[2]);
    if (wn__backend_find("onednn")) check_threads("onednn", &every[2]);
}

TEST(values_and_statistics_stay)
{
    for (int s = 0; s < EVERY; s++) {
        net *t = net_new(residual_graph());
        net before = {.graph = t->graph};
        wn__scores scores;
        CHECK_OK(wn__graph_make_params(t->graph, &before.params));
        CHECK_OK(wn__params_copy_values(&before.params, &t->params));
        CHECK_OK(wn__saliency_scores(&every[s], &t->input, &t->params, &scores));
        for (int i = 0; i < t->params.count; i++)
            CHECK(memcmp(before.params.item[i].value, t->params.item[i].value, (size_t)t->params.item[i].count * sizeof(float)) == 0);
        wn__scores_release(&scores);
        wn__params_release(&before.params);
        net_free(t);
    }
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(snip_is_the_weight_times_the_loss_difference_it_makes),
                                    RUN(snip_by_running_statistics),
                                    RUN(samples_in_parts_score_as_together),
                                    RUN(grasp_is_the_weight_times_the_hessian_times_the_gradient),
                                    RUN(grasp_needs_exact_derivatives),
                                    RUN(synflow_is_what_the_sum_of_outputs_loses_without_a_weight),
                                    RUN(synflow_takes_absolute_values_and_biases),
                                    RUN(synflow_is_conserved_by_layers_and_units),
                                    RUN(synflow_in_a_hundred_rounds_empties_no_layer),
                                    RUN(synflow_of_a_deep_network_stays_finite),
                                    RUN(counts_are_exact),
                                    RUN(a_distribution_says_how_many_each_layer_keeps),
                                    RUN(of_equal_scores_the_earlier_stay),
                                    RUN(random_scores_choose_by_the_seed_alone),
                                    RUN(masks_are_the_same_for_any_number_of_threads),
                                    RUN(values_and_statistics_stay),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
