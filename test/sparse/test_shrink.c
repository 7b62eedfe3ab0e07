/* Units pruned as a whole, layers split in two, and networks made smaller by it: the same outputs. */
#include "sparse/shrink.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "models/graph_file.h"
#include "models/named.h"
#include "nn/executor/executor.h"
#include "nn/init.h"
#include "scratch_folder.h"
#include "sparse/basis/basis_map.h"
#include "sparse/basis/units.h"
#include "sparse/cost.h"
#include "tiny_network.h"

enum { CLASSES = 5, IMAGES = 6 };

typedef struct network {
    const char *name;
    int channels, image;
    const char *set[2];
} network;

static const network networks[] = {
    {"lenet5", 1, 28, {0}},
    {"resnet20", 3, 16, {0}},
    {"resnet56-bottleneck", 3, 8, {"width=0.25"}},
    {"vgg16", 3, 32, {"width=0.125"}},
    {"wrn", 3, 8, {"depth=10", "width=1"}},
    {"mobilenet-v1", 3, 32, {"width=0.1", "stem_stride=1"}},
    {"mobilenet-v2", 3, 32, {"width=0.1", "stem_stride=1"}},
};
enum { NETWORKS = sizeof networks / sizeof networks[0] };

static wn_graph *build(const network *n)
{
    wn_graph *graph;
    int sets = 0;
    while (sets < 2 && n->set[sets])
        sets++;
    const wn__named_model named = {.name = n->name, .set = n->set, .sets = sets, .input = {n->channels, n->image, n->image, CLASSES}};
    CHECK_OK(wn__named_model_build(&named, &graph));
    return graph;
}

/* Weights as they start; biases, scales, shifts and statistics as if trained. */
static wn__params make_params(const wn_graph *graph)
{
    wn__params p = tiny_params(graph, 3);
    for (int i = 0; i < p.count; i++) {
        wn__rng rng = wn__rng_make(4, WN__FOR_TEST, (uint64_t)i, 0);
        const wn__param_role role = p.item[i].role;
        for (int64_t e = 0; role != WN__WEIGHT && e < p.item[i].count; e++) {
            const float x = wn__rng_uniform(&rng);
            p.item[i].value[e] = role == WN__VARIANCE || role == WN__SCALE ? 0.5f + x : x - 0.5f;
        }
    }
    return p;
}

static void outputs(const wn_graph *graph, wn__params *params, const char *backend, float *logits)
{
    wn__pool *pool;
    wn__executor *ex;
    wn__device *device = tiny_device(backend, 1, WN__F32, &pool);
    float *images = tiny_images(graph, IMAGES, 5);
    CHECK_OK(wn__executor_new(graph, params, device, &(wn__executor_options){.batch = IMAGES}, &ex));
    CHECK_OK(wn__executor_infer(ex, images, IMAGES, (wn__step_info){0}, logits));
    wn__executor_free(ex);
    tiny_device_close(device, pool);
    wn__free(images);
}

/* The smaller network's logits are those of the other, to rounding; against the size of the logits. */
static void check_same_outputs(const wn_graph *graph, wn__params *params, wn__shrunk *small, double tolerance)
{
    float want[IMAGES * CLASSES], got[IMAGES * CLASSES];
    double largest = 0;
    outputs(graph, params, "ref", want);
    outputs(small->graph, &small->params, "ref", got);
    for (int i = 0; i < IMAGES * CLASSES; i++)
        largest = fmax(largest, fabs((double)want[i]));
    for (int i = 0; i < IMAGES * CLASSES; i++)
        CHECK_NEAR(got[i], want[i], tolerance * fmax(largest, 1), 0);
}

static wn__selection select_weights(const wn_graph *graph, const char *pattern)
{
    wn__selection s;
    CHECK_OK(wn__selection_make(graph, &pattern, 1, &s));
    return s;
}

static wn__basis_spec units_spec(int score, int links)
{
    wn__basis_spec spec;
    CHECK_OK(wn__basis_defaults(WN__BASIS_UNITS, &spec));
    spec.score = score;
    spec.links = links;
    return spec;
}

/* ---- units */

static void check_units(const network *n, int links, int scope)
{
    wn_graph *graph = build(n);
    wn__params params = make_params(graph);
    wn__selection selection = select_weights(graph, "all-but-last");
    wn__shrunk small;
    wn__unit_count count;
    const wn__basis_spec spec = units_spec(WN__UNIT_L2, links);
    const wn__prune how = {.scope = scope, .sparsity = 0.5};
    CHECK_OK(wn__units_prune(graph, &params, &selection, &spec, &how, &count));
    if (scope == WN__SCOPE_GLOBAL) CHECK_EQ_INT(count.left, llround(0.5 * (double)count.all));
    CHECK_OK(wn__shrink(graph, &params, &small));
    CHECK(small.channels >= count.all - count.left);
    check_same_outputs(graph, &params, &small, 1e-5);
    /* What masks leave is what is there. */
    if (small.channels == count.all - count.left) {
        CHECK_EQ_INT(wn__sparsity_measure(&params, NULL).network_active, wn_graph_parameter_count(small.graph));
        wn__cost cost;
        CHECK_OK(wn__cost_make(graph, &params, &cost));
        CHECK_EQ_INT(cost.flops, wn_graph_forward_flops(small.graph));
        wn__cost_release(&cost);
    }
    CHECK(wn_graph_parameter_count(small.graph) < wn_graph_parameter_count(graph));
    wn__shrunk_release(&small);
    wn__selection_release(&selection);
    wn__params_release(&params);
    wn_graph_free(graph);
}

TEST(networks_without_pruned_units_give_the_masked_networks_outputs)
{
    for (int i = 0; i < NETWORKS; i++)
        for (int links = WN__LINKS_INSIDE; links <= WN__LINKS_TIED; links++)
            check_units(&networks[i], links, i % 2 ? WN__SCOPE_GLOBAL : WN__SCOPE_LAYER);
}

TEST(links_decide_which_channels_go_through_residual_links)
{
    const network *n = &networks[1];
    wn_graph *graph = build(n);
    wn__selection selection = select_weights(graph, "all-but-last");
    wn__unit_count count[2];
    for (int links = 0; links < 2; links++) {
        wn__params params = make_params(graph);
        const wn__basis_spec spec = units_spec(WN__UNIT_L2, links);
        const wn__prune how = {.sparsity = 0.25};
        CHECK_OK(wn__units_prune(graph, &params, &selection, &spec, &how, &count[links]));
        wn__params_release(&params);
    }
    CHECK_EQ_INT(count[0].all, 3 * (16 + 32 + 64)); /* the first convolution of each block */
    CHECK_EQ_INT(count[1].all, 4 * (16 + 32 + 64)); /* and the three streams */
    wn__selection_release(&selection);
    wn_graph_free(graph);
}

TEST(a_unit_is_scored_by_the_mean_over_its_weights)
{
    wn_graph *g = wn_graph_new("two", 1, 4, 4);
    int x = wn_graph_conv(g, wn_graph_input(g), "conv", (wn_conv){.out = 3, .kernel = 2, .bias = true});
    CHECK_OK(wn_graph_finish(g, wn_graph_linear(g, wn_graph_relu(g, x), "fc", CLASSES, true)));
    static const float rows[3][4] = {{0, 0, 0, 3}, {1.2f, 1.2f, 1.2f, 1.2f}, {0, 0, 2, 2}}; /* l2: 1.5, 1.2, 1.41; l1: 0.75, 1.2, 1 */
    static const int order[2][3] = {{0, 2, 1}, {1, 2, 0}};
    wn__selection selection = select_weights(g, "conv");
    for (int score = 0; score < 2; score++)
        for (int kept = 1; kept <= 3; kept++) {
            wn__params params;
            CHECK_OK(wn__graph_make_params(g, &params));
            memcpy(params.item[0].value, rows, sizeof rows);
            const wn__basis_spec spec = units_spec(score, 0);
            const wn__prune how = {.sparsity = 1 - kept / 3.0};
            wn__unit_count count;
            CHECK_OK(wn__units_prune(g, &params, &selection, &spec, &how, &count));
            CHECK_EQ_INT(count.left, kept);
            for (int i = 0; i < 3; i++) {
                const int unit = order[score][i];
                const int left = i < kept;
                CHECK_EQ_INT(params.item[0].mask[unit * 4], left);
                CHECK_EQ_INT(params.item[1].mask[unit], left);     /* its bias */
                CHECK_EQ_INT(params.item[2].mask[unit * 9], left); /* what reads it */
                CHECK_EQ_INT(params.item[2].mask[27 + unit * 9 + 8], left);
            }
            wn__params_release(&params);
        }
    wn__params params = make_params(g);
    const wn__basis_spec gamma = units_spec(WN__UNIT_GAMMA, 0), plain = units_spec(WN__UNIT_L2, 0);
    const wn__prune how = {.sparsity = 0.5};
    CHECK_EQ_INT(wn__units_prune(g, &params, &selection, &gamma, &how, NULL), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "conv.weight: its units have no batch norm");
    wn__selection_release(&selection);
    selection = select_weights(g, "fc");
    CHECK_EQ_INT(wn__units_prune(g, &params, &selection, &plain, &how, NULL), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "no unit that could go");
    wn__selection_release(&selection);
    wn__params_release(&params);
    wn_graph_free(g);
}

TEST(later_rounds_prune_among_what_is_left)
{
    wn_graph *graph = build(&networks[1]);
    wn__params params = make_params(graph);
    wn__selection selection = select_weights(graph, "all-but-last");
    const wn__basis_spec spec = units_spec(WN__UNIT_GAMMA, WN__LINKS_INSIDE);
    uint8_t before[2304];
    wn__param *p = wn__params_find(&params, "layer1.0.conv1.weight");
    CHECK(p != NULL);
    for (int round = 1; round <= 3; round++) {
        wn__unit_count count;
        const wn__prune how = {.sparsity = 0.2 * round};
        CHECK_OK(wn__units_prune(graph, &params, &selection, &spec, &how, &count));
        CHECK_EQ_INT(count.left, llround((1 - 0.2 * round) * 336));
        for (int e = 0; round > 1 && e < 2304; e++)
            CHECK(p->mask[e] <= before[e]);
        memcpy(before, p->mask, sizeof before);
    }
    wn__selection_release(&selection);
    wn__params_release(&params);
    wn_graph_free(graph);
}

TEST(random_units_are_as_many_in_each_layer)
{
    wn_graph *graph = build(&networks[0]);
    wn__params params = make_params(graph);
    wn__selection selection = select_weights(graph, "all-but-last");
    const wn__basis_spec spec = units_spec(WN__UNIT_L2, 0);
    const wn__prune how = {.sparsity = 0.5};
    int64_t active[16];
    CHECK_OK(wn__units_prune(graph, &params, &selection, &spec, &how, NULL));
    for (int i = 0; i < params.count; i++)
        active[i] = params.item[i].active;
    uint8_t *first = calloc((size_t)params.item[4].count, 1);
    memcpy(first, params.item[4].mask, (size_t)params.item[4].count);
    CHECK_OK(wn__units_shuffle(graph, &params, &selection, &spec, 1));
    for (int i = 0; i < params.count; i++)
        CHECK_EQ_INT(params.item[i].active, active[i]);
    CHECK(memcmp(first, params.item[4].mask, (size_t)params.item[4].count) != 0);
    free(first);
    wn__selection_release(&selection);
    wn__params_release(&params);
    wn_graph_free(graph);
}

/* ---- split layers */

static void check_split(const network *n, int kind)
{
    wn_graph *graph = build(n);
    wn__params params = make_params(graph);
    wn__selection selection = select_weights(graph, "all-but-last");
    wn__basis_spec spec;
    wn__shrunk small;
    int64_t *rank = calloc((size_t)params.count, sizeof *rank);
    const wn__prune how = {.scope = WN__SCOPE_LAYER, .sparsity = 0.5};
    CHECK_OK(wn__basis_defaults(kind, &spec));
    if (kind == WN__BASIS_LOW_RANK) CHECK_OK(wn__ranks_choose(&params, &selection, &how, rank));
    const wn__basis_use use = {.spec = &spec, .selection = &selection, .rank = rank};
    CHECK_OK(wn__basis_enter(&params, &use));
    for (int i = 0; kind == WN__BASIS_SVD && i < params.count; i++) {
        uint8_t *mask = calloc((size_t)params.item[i].stored, 1);
        for (int64_t e = 0; e < params.item[i].stored; e++)
            mask[e] = e % 4 == 1;
        if (params.item[i].map) CHECK_OK(wn__param_set_mask(&params.item[i], mask));
        free(mask);
    }
    wn__cost cost;
    CHECK_OK(wn__cost_make(graph, &params, &cost));
    CHECK_OK(wn__shrink(graph, &params, &small));
    CHECK(small.layers > 0);
    check_same_outputs(graph, &params, &small, 2e-5);
    CHECK_EQ_INT(wn_graph_forward_flops(small.graph), cost.flops);
    CHECK(cost.flops < cost.dense_flops && cost.training_flops == 3 * cost.dense_flops);
    wn__cost_release(&cost);
    wn__shrunk_release(&small);
    wn__selection_release(&selection);
    wn__params_release(&params);
    wn_graph_free(graph);
    free(rank);
}

TEST(layers_of_low_rank_become_two_thin_ones)
{
    const char *library;
    if (wn__basis_library(WN__BASIS_LOW_RANK, &library) != WN_OK) SKIP("no LAPACK");
    check_split(&networks[0], WN__BASIS_LOW_RANK);
    check_split(&networks[0], WN__BASIS_SVD);
    check_split(&networks[1], WN__BASIS_LOW_RANK);
    check_split(&networks[1], WN__BASIS_SVD);
}

/* ---- whatever masks leave dead */

TEST(what_nobody_reads_goes_and_masks_over_the_rest_stay)
{
    wn_graph *graph = build(&networks[0]);
    wn__params params = make_params(graph);
    wn__shrunk small;
    for (int i = 0; i < params.count; i++) {
        wn__rng rng = wn__rng_make(6, WN__FOR_TEST, (uint64_t)i, 0);
        uint8_t *mask = calloc((size_t)params.item[i].count, 1);
        wn__mask_draw(&rng, params.item[i].count, params.item[i].count / 50, mask);
        if (params.item[i].role == WN__WEIGHT) CHECK_OK(wn__param_set_mask(&params.item[i], mask));
        free(mask);
    }
    CHECK_OK(wn__shrink(graph, &params, &small));
    CHECK(small.channels > 20);
    CHECK(wn__params_find(&small.params, "fc2.weight")->mask != NULL);
    check_same_outputs(graph, &params, &small, 1e-5);
    wn__shrunk_release(&small);
    wn__params_release(&params);
    wn_graph_free(graph);
}

/* ---- files */

TEST(graphs_are_written_and_read_back)
{
    const char *path = scratch_path("net.yaml");
    for (int i = 0; i < NETWORKS; i++) {
        wn_graph *graph = build(&networks[i]), *again;
        wn__text first = {0}, second = {0};
        CHECK_OK(wn__graph_file_write(graph, &first));
        CHECK_OK(wn__file_write(path, first.data, first.size));
        const wn__model_input input = {networks[i].channels, networks[i].image, networks[i].image, CLASSES};
        CHECK_OK(wn__graph_file_read(path, NULL, input, &again));
        CHECK_OK(wn__graph_file_write(again, &second));
        CHECK_EQ_TEXT(second.data, first.data);
        CHECK_EQ_INT(again->nodes, graph->nodes);
        CHECK_EQ_INT(again->params, graph->params);
        for (int k = 0; k < graph->params; k++)
            CHECK_EQ_TEXT(again->param[k].name, graph->param[k].name);
        CHECK_EQ_INT(wn_graph_forward_flops(again), wn_graph_forward_flops(graph));
        wn__text_release(&first);
        wn__text_release(&second);
        wn_graph_free(graph);
        wn_graph_free(again);
    }
}

/* Every third filter and neuron has no weights: what batch norm's shift makes of it goes on as one number. */
static void silence(wn__params *params)
{
    for (int i = 0; i < params->count; i++) {
        wn__param *p = &params->item[i];
        const int64_t row = p->role == WN__WEIGHT ? p->count / p->dim[0] : 0;
        for (int64_t k = 1; row && k < p->dim[0]; k += 3)
            memset(p->value + k * row, 0, (size_t)row * sizeof *p->value);
    }
}

TEST(constants_are_folded_into_what_reads_them)
{
    int64_t stay = 0;
    for (int n = 0; n < NETWORKS; n++) {
        wn_graph *graph = build(&networks[n]);
        wn__params params = make_params(graph);
        wn__shrunk zeros, small;
        silence(&params);
        CHECK_OK(wn__shrink(graph, &params, &zeros));
        CHECK_OK(wn__shrink_folding(graph, &params, &small));
        CHECK(small.channels > zeros.channels);
        CHECK_EQ_INT(zeros.stay, 0);
        check_same_outputs(graph, &params, &small, 1e-6);
        stay += small.stay;
        printf("  %s: %lld of %lld channels go, %lld stay\n", networks[n].name, (long long)small.channels,
               (long long)(small.channels + small.stay), (long long)small.stay);
        wn__shrunk_release(&zeros);
        wn__shrunk_release(&small);
        wn__params_release(&params);
        wn_graph_free(graph);
    }
    CHECK(stay > 0);
}

/* Two convolutions in a row over a constant of 2: through a border of zeros it is no constant. */
TEST(a_border_of_zeros_keeps_a_channel)
{
    for (int pad = 0; pad < 2; pad++) {
        wn_graph *g = wn_graph_new("net", 1, 6, 6);
        int x = wn_graph_conv(g, wn_graph_input(g), "a", (wn_conv){.out = 2, .kernel = 1, .bias = true});
        x = wn_graph_conv(g, x, "b", (wn_conv){.out = 3, .kernel = 3, .pad = pad});
        x = wn_graph_linear(g, wn_graph_global_pool(g, x), "c", CLASSES, true);
        CHECK_OK(wn_graph_finish(g, x));
        wn__params params = make_params(g);
        wn__shrunk small;
        wn__params_find(&params, "a.weight")->value[0] = 0;
        wn__params_find(&params, "a.bias")->value[0] = 2;
        CHECK_OK(wn__shrink_folding(g, &params, &small));
        CHECK_EQ_INT(small.channels, !pad);
        CHECK_EQ_INT(small.stay, pad);
        CHECK_EQ_INT(wn__params_find(&small.params, "b.bias") != NULL, !pad);
        check_same_outputs(g, &params, &small, 1e-6);
        wn__shrunk_release(&small);
        wn__params_release(&params);
        wn_graph_free(g);
    }
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(constants_are_folded_into_what_reads_them),
                                    RUN(a_border_of_zeros_keeps_a_channel),
                                    RUN(networks_without_pruned_units_give_the_masked_networks_outputs),
                                    RUN(links_decide_which_channels_go_through_residual_links),
                                    RUN(a_unit_is_scored_by_the_mean_over_its_weights),
                                    RUN(later_rounds_prune_among_what_is_left),
                                    RUN(random_units_are_as_many_in_each_layer),
                                    RUN(layers_of_low_rank_become_two_thin_ones),
                                    RUN(what_nobody_reads_goes_and_masks_over_the_rest_stay),
                                    RUN(graphs_are_written_and_read_back),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
