/* Distributions: published budgets and densities, exact counts, dense layers; and random masks that follow them. */
#include <math.h>

#include "models/model.h"
#include "sparse/cost.h"
#include "sparse/prune/distribution.h"
#include "test.h"

typedef struct net {
    wn_graph *graph;
    wn__params params;
    wn__selection selection;
    int64_t *active;
} net;

static net make(const char *name)
{
    static const char *const all = "all";
    net n = {0};
    const wn__model *model;
    CHECK_OK(wn__model_find(name, &model));
    void *config = wn__alloc(model->config_size);
    if (model->settings) CHECK_OK(wn__settings_defaults(model->settings, config));
    CHECK_OK(wn__model_build(model, config, model->usual, &n.graph));
    CHECK_OK(wn__graph_make_params(n.graph, &n.params));
    CHECK_OK(wn__selection_make(n.graph, &all, 1, &n.selection));
    n.active = WN_NEW_ARRAY(int64_t, n.params.count);
    wn__free(config);
    return n;
}

static void release(net *n)
{
    wn__free(n->active);
    wn__selection_release(&n->selection);
    wn__params_release(&n->params);
    wn_graph_free(n->graph);
}

static double density(const net *n, const char *name)
{
    const wn__param *p = wn__params_find(&n->params, name);
    CHECK(p != NULL);
    return (double)n->active[p - n->params.item] / (double)p->count;
}

/* FLOPs of the network with these counts over those of the dense one. */
static double flops_ratio(const net *n)
{
    double dense = 0, kept = 0;
    for (int i = 0; i < n->params.count; i++) {
        const double uses = (double)wn__graph_uses_per_weight(n->graph, i);
        dense += uses * (double)n->params.item[i].count;
        kept += uses * (double)n->active[i];
    }
    return kept / dense;
}

static int64_t kept(const net *n)
{
    int64_t total = 0;
    for (int i = 0; i < n->params.count; i++)
        if (n->selection.selected[i]) total += n->active[i];
    return total;
}

typedef struct published {
    const char *network;
    double sparsity, eps, erk_flops, uniform_flops;
} published;

static void published_budgets(void)
{
    static const published rows[] = {{"wrn-22-2", 0.8, 75.6077, 0.352, 0.202},
                                     {"wrn-22-2", 0.9, 35.9382, 0.174, 0.103},
                                     {"resnet50", 0.8, 99.5617, 0.414, 0.223},
                                     {"resnet50", 0.9, 48.7866, 0.242, 0.126}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        net n = make(rows[i].network);
        double eps;
        const wn__distribute erk = {.distribution = WN__ERK, .sparsity = rows[i].sparsity};
        CHECK_OK(wn__distribution_counts(&n.params, &n.selection, &erk, n.active, &eps));
        CHECK_NEAR(eps, rows[i].eps, 5e-5, 0);
        CHECK_NEAR(flops_ratio(&n), rows[i].erk_flops, 5e-4, 0);
        CHECK_NEAR((double)kept(&n) / (double)n.selection.weights, 1 - rows[i].sparsity, 1e-4, 0);
        const wn__distribute uniform = {.sparsity = rows[i].sparsity, .dense = WN__DENSE_FIRST};
        CHECK_OK(wn__distribution_counts(&n.params, &n.selection, &uniform, n.active, &eps));
        CHECK_NEAR(flops_ratio(&n), rows[i].uniform_flops, 5e-4, 0);
        CHECK(isnan(eps));
        release(&n);
    }
}

/* Densities of WRN-22-2 at 90 %; block names follow the published code's order. */
static void published_densities(void)
{
    net n = make("wrn-22-2");
    const wn__distribute erk = {.distribution = WN__ERK, .sparsity = 0.9};
    CHECK_OK(wn__distribution_counts(&n.params, &n.selection, &erk, n.active, NULL));
    static const double expected[] = {1, 0.4212, 0.2730, 0.1989, 0.1306, 0.0965, 0.0639, 0.8511};
    for (size_t e = 0; e < sizeof expected / sizeof *expected; e++) {
        bool found = false;
        for (int i = 0; i < n.params.count; i++)
            if (n.selection.selected[i] && fabs((double)n.active[i] / (double)n.params.item[i].count - expected[e]) < 2e-4) found = true;
        CHECK(found);
    }
    CHECK_NEAR(density(&n, "conv1.weight"), 1, 0, 0);
    CHECK_NEAR(density(&n, "fc.weight"), 1, 0, 0);
    release(&n);
}

/* What published sparse MobileNets have: zeros in 1x1 convolutions and the linear layer alone. */
static void depthwise_and_first_layers_can_be_left_out(void)
{
    static const char *const networks[] = {"mobilenet-v1", "mobilenet-v2"}, *const items[] = {"all", "!depthwise", "!first"};
    for (int k = 0; k < 2; k++) {
        net n = make(networks[k]);
        wn__selection_release(&n.selection);
        CHECK_OK(wn__selection_make(n.graph, items, 3, &n.selection));
        int left_out = 0;
        for (int i = 0; i < n.params.count; i++) {
            const wn__param *p = &n.params.item[i];
            if (p->role != WN__WEIGHT) continue;
            CHECK_EQ_INT(n.selection.selected[i], p->ndim == 2 || p->dim[2] == 1);
            left_out += !n.selection.selected[i];
        }
        CHECK_EQ_INT(left_out, k ? 1 + 17 : 1 + 13);
        release(&n);
    }
}

/* The published sparse MobileNet-v1 at 90 %. Multiply-adds: 10,838,016 of the first convolution, 17,385,984 of depthwise ones, 540,516,352 of the rest,
 * a tenth of which stays: (28,224,000 + 54,051,635) / 568,740,352 = 0.1447. */
static void a_first_layer_outside_of_the_selection_is_the_dense_one(void)
{
    static const char *const items[] = {"all", "!depthwise", "!first"};
    net n = make("mobilenet-v1");
    wn__selection_release(&n.selection);
    CHECK_OK(wn__selection_make(n.graph, items, 3, &n.selection));
    const wn__distribute uniform = {.sparsity = 0.9, .dense = WN__DENSE_FIRST};
    CHECK_OK(wn__distribution_counts(&n.params, &n.selection, &uniform, n.active, NULL));
    CHECK_NEAR(flops_ratio(&n), 82275635.0 / 568740352, 2e-5, 0);
    for (int i = 0; i < n.params.count; i++) {
        const int64_t entries = n.params.item[i].count;
        CHECK_EQ_INT(n.active[i], n.selection.selected[i] ? entries - (int64_t)floor(0.9 * (double)entries) : entries);
    }
    const wn__distribute former = {.sparsity = 0.9, .dense = WN__DENSE_FIRST_SELECTED};
    CHECK_OK(wn__distribution_counts(&n.params, &n.selection, &former, n.active, NULL));
    CHECK_NEAR(flops_ratio(&n), 0.1853, 5e-5, 0);
    release(&n);
}

static void counts_are_exact(void)
{
    net n = make("lenet-300-100");
    const wn__distribute uniform = {.sparsity = 0.95};
    CHECK_OK(wn__distribution_counts(&n.params, &n.selection, &uniform, n.active, NULL));
    const wn__param *fc1 = wn__params_find(&n.params, "fc1.weight");
    CHECK_EQ_INT(n.active[fc1 - n.params.item], 235200 - (int64_t)floor(0.95 * 235200));
    CHECK_EQ_INT(n.active[1], n.params.item[1].count); /* a bias is not selected */
    CHECK_OK(wn__masks_random(&n.params, &n.selection, n.active, 3));
    for (int i = 0; i < n.params.count; i++)
        CHECK_EQ_INT(n.params.item[i].active, n.active[i]);
    release(&n);
}

/* The fully connected rule of Erdos-Renyi: n_in + n_out over n_in n_out, whatever the kernel. */
static void er_leaves_out_the_kernel(void)
{
    net n = make("lenet-300-100");
    double er, erk;
    CHECK_OK(wn__distribution_counts(&n.params, &n.selection, &(wn__distribute){.distribution = WN__ER, .sparsity = 0.9}, n.active, &er));
    CHECK_OK(wn__distribution_counts(&n.params, &n.selection, &(wn__distribute){.distribution = WN__ERK, .sparsity = 0.9}, n.active, &erk));
    CHECK_NEAR(er, erk, 0, 0);
    release(&n);
    n = make("resnet20");
    CHECK_OK(wn__distribution_counts(&n.params, &n.selection, &(wn__distribute){.distribution = WN__ER, .sparsity = 0.9}, n.active, &er));
    CHECK_OK(wn__distribution_counts(&n.params, &n.selection, &(wn__distribute){.distribution = WN__ERK, .sparsity = 0.9}, n.active, &erk));
    CHECK(er != erk);
    release(&n);
}

static void edges_of_the_range(void)
{
    net n = make("resnet20");
    static const int kinds[] = {WN__UNIFORM, WN__ER, WN__ERK};
    for (int k = 0; k < 3; k++) {
        CHECK_OK(wn__distribution_counts(&n.params, &n.selection, &(wn__distribute){.distribution = kinds[k]}, n.active, NULL));
        CHECK_EQ_INT(kept(&n), n.selection.weights);
        CHECK_OK(
            wn__distribution_counts(&n.params, &n.selection, &(wn__distribute){.distribution = kinds[k], .sparsity = 1}, n.active, NULL));
        CHECK_EQ_INT(kept(&n), 0);
    }
    CHECK_STATUS(wn__distribution_counts(&n.params, &n.selection, &(wn__distribute){.sparsity = 1.5}, n.active, NULL), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "1.5");
    release(&n);
}

/* Rounded once, over all layers: the budget is met to the weight. */
static void totals_are_exact_on_request(void)
{
    static const char *const networks[] = {"wrn-22-2", "resnet20", "lenet5", "lenet-300-100"};
    static const double sparsities[] = {0.5, 0.9, 0.95, 0.987};
    for (int n = 0; n < 4; n++) {
        net each = make(networks[n]);
        for (int s = 0; s < 4; s++)
            for (int kind = WN__UNIFORM; kind <= WN__RANDOM; kind++) {
                const wn__distribute how = {.distribution = kind, .sparsity = sparsities[s], .counting = WN__COUNT_TOTAL, .seed = 3};
                CHECK_OK(wn__distribution_counts(&each.params, &each.selection, &how, each.active, NULL));
                CHECK_EQ_INT(kept(&each), (int64_t)floor((1 - sparsities[s]) * (double)each.selection.weights + 0.5));
                for (int i = 0; i < each.params.count; i++)
                    CHECK(each.active[i] >= 0 && each.active[i] <= each.params.item[i].count);
            }
        release(&each);
    }
}

/* Densities under a power: raw^p each, from the definition. */
static void power_flattens_or_sharpens(void)
{
    net n = make("lenet-300-100");
    double eps;
    const wn__distribute how = {.distribution = WN__ERK, .sparsity = 0.95, .power = 0.5};
    CHECK_OK(wn__distribution_counts(&n.params, &n.selection, &how, n.active, &eps));
    const double raw[] = {sqrt(1084.0 / 235200), sqrt(400.0 / 30000), sqrt(110.0 / 1000)};
    const double entries[] = {235200, 30000, 1000};
    static const char *const names[] = {"fc1.weight", "fc2.weight", "fc3.weight"};
    double budget = 0, divisor = 0;
    for (int l = 0; l < 3; l++) {
        budget += entries[l] - floor(0.95 * entries[l]);
        divisor += raw[l] * entries[l];
    }
    CHECK_NEAR(eps, budget / divisor, 0, 1e-12);
    for (int l = 0; l < 3; l++)
        CHECK_NEAR(density(&n, names[l]), eps * raw[l], 1 / entries[l], 0);
    release(&n);
}

/* What has a sparsity of its own, and a dense first layer, is no part of the budget. */
static void exceptions_are_outside_of_the_budget(void)
{
    net n = make("resnet20"), rest = make("resnet20");
    const wn__layer_sparsity own[] = {{"layer3.*", 0.95}, {"layer3.0.conv1", 0.5}, {"fc", 0}};
    const wn__distribute how = {.distribution = WN__ERK, .sparsity = 0.8, .dense = WN__DENSE_FIRST, .layer = own, .layers = 3};
    static const char *const others[] = {"layer1.*", "layer2.*"};
    double eps, alone;
    CHECK_OK(wn__distribution_counts(&n.params, &n.selection, &how, n.active, &eps));
    wn__selection_release(&rest.selection);
    CHECK_OK(wn__selection_make(rest.graph, others, 2, &rest.selection));
    const wn__distribute plain = {.distribution = WN__ERK, .sparsity = 0.8};
    CHECK_OK(wn__distribution_counts(&rest.params, &rest.selection, &plain, rest.active, &alone));
    CHECK_NEAR(eps, alone, 0, 0);
    for (int i = 0; i < n.params.count; i++)
        if (rest.selection.selected[i]) CHECK_EQ_INT(n.active[i], rest.active[i]);
    CHECK_NEAR(density(&n, "conv1.weight"), 1, 0, 0);
    CHECK_NEAR(density(&n, "fc.weight"), 1, 0, 0);
    CHECK_NEAR(density(&n, "layer3.0.conv1.weight"), 0.5, 0, 0);
    CHECK_NEAR(density(&n, "layer3.1.conv1.weight"), 0.05, 1e-4, 0);
    release(&n);
    release(&rest);
}

static void unknown_layers_are_named(void)
{
    net n = make("resnet20");
    const wn__layer_sparsity own = {"layer4.*", 0.5}, wrong = {"layer1.*", 1.5};
    wn__distribute how = {.sparsity = 0.8, .layer = &own, .layers = 1};
    CHECK_STATUS(wn__distribution_counts(&n.params, &n.selection, &how, n.active, NULL), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "layer4.*");
    CHECK_HAS_TEXT(wn_error_message(), "layer3.2.conv2.weight");
    how.layer = &wrong;
    CHECK_STATUS(wn__distribution_counts(&n.params, &n.selection, &how, n.active, NULL), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "1.5");
    release(&n);
}

static void layers_that_would_be_empty_are_refused(void)
{
    net n = make("lenet5");
    CHECK_STATUS(
        wn__distribution_counts(&n.params, &n.selection, &(wn__distribute){.distribution = WN__ERK, .sparsity = 0.9995}, n.active, NULL),
        WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "conv1.weight would be empty");
    CHECK_HAS_TEXT(wn_error_message(), "99.95%");
    const wn__distribute total = {.sparsity = 0.999, .counting = WN__COUNT_TOTAL}; /* 0.15 of 150: rounded away */
    CHECK_STATUS(wn__distribution_counts(&n.params, &n.selection, &total, n.active, NULL), WN_EUSAGE);
    const wn__layer_sparsity own = {"conv*", 0.5}; /* as the message says */
    const wn__distribute cured = {.distribution = WN__ERK, .sparsity = 0.9995, .layer = &own, .layers = 1};
    CHECK_OK(wn__distribution_counts(&n.params, &n.selection, &cured, n.active, NULL));
    release(&n);
}

/* Drawn counts: other seeds, other counts, near what was asked for: within five standard deviations. */
static void drawn_counts_scatter_around_the_density(void)
{
    net n = make("wrn-22-2");
    int64_t first = -1, differing = 0;
    const int layer = (int)(wn__params_find(&n.params, "block3.layer.2.conv2.weight") - n.params.item);
    const double entries = (double)n.params.item[layer].count;
    for (int kind = 0; kind < 2; kind++)
        for (uint64_t seed = 0; seed < 4; seed++) {
            const wn__distribute how = {
                .distribution = kind ? WN__RANDOM : WN__UNIFORM, .sparsity = 0.9, .counting = WN__COUNT_DRAWN, .seed = seed};
            CHECK_OK(wn__distribution_counts(&n.params, &n.selection, &how, n.active, NULL));
            CHECK_NEAR((double)n.active[layer], 0.1 * entries, 5 * sqrt(0.09 * entries), 0);
            differing += first >= 0 && n.active[layer] != first;
            first = n.active[layer];
            if (kind) CHECK_EQ_INT(kept(&n), (int64_t)floor(0.1 * (double)n.selection.weights + 0.5));
        }
    CHECK(differing >= 6);
    release(&n);
}

static void densities_of_another_network_are_taken(void)
{
    net n = make("resnet20");
    double *densities = WN_NEW_ARRAY(double, n.params.count);
    for (int i = 0; i < n.params.count; i++)
        densities[i] = i % 3 ? 0.25 : 1;
    const wn__distribute how = {.distribution = WN__FILE, .density = densities};
    CHECK_OK(wn__distribution_counts(&n.params, &n.selection, &how, n.active, NULL));
    for (int i = 0; i < n.params.count; i++)
        if (n.selection.selected[i]) CHECK_EQ_INT(n.active[i], (int64_t)floor(densities[i] * (double)n.params.item[i].count + 0.5));
    wn__free(densities);
    release(&n);
}

/* Rounded to the nearest number of kernels or filters a budget was passed: ResNet-20's 0.05x by filters became 0.0575x. What rounding leaves within
 * the budget keeps its sparsity. */
static void flops_budgets_hold_for_whole_blocks(void)
{
    static const double budgets[] = {0.5, 0.2, 0.1, 0.05};
    static const char *const convolutions = "convolutions";
    net n = make("resnet20");
    wn__selection_release(&n.selection);
    CHECK_OK(wn__selection_make(n.graph, &convolutions, 1, &n.selection));
    int kept_as_they_were = 0;
    for (int kind = WN__UNIFORM; kind <= WN__ERK; kind++)
        for (int block = WN__BLOCK_KERNEL; block <= WN__BLOCK_FAN_IN; block++)
            for (int b = 0; b < 4; b++) {
                wn__distribute free = {.distribution = kind}, how = {.distribution = kind, .block = block};
                CHECK_OK(wn__distribution_for_flops(n.graph, &n.params, &n.selection, budgets[b], &free, n.active, NULL));
                const wn_status rounds = wn__blocks_round(&n.params, &n.selection, block, n.active);
                const bool above = rounds == WN_OK && flops_ratio(&n) > budgets[b];
                const wn_status found = wn__distribution_for_flops(n.graph, &n.params, &n.selection, budgets[b], &how, n.active, NULL);
                CHECK_STATUS(found, rounds);
                if (found != WN_OK) continue; /* fewer weights than outputs */
                CHECK(flops_ratio(&n) <= budgets[b]);
                CHECK(above ? how.sparsity > free.sparsity : how.sparsity == free.sparsity);
                kept_as_they_were += !above;
                for (int i = 0; i < n.params.count; i++)
                    if (n.selection.selected[i] && n.active[i] < n.params.item[i].count)
                        CHECK_EQ_INT(n.active[i] % wn__block_width(&n.params.item[i], block), 0);
            }
    CHECK(kept_as_they_were >= 10);
    wn__distribute filters = {.block = WN__BLOCK_FILTER}; /* one in each layer is more than that */
    CHECK_STATUS(wn__distribution_for_flops(n.graph, &n.params, &n.selection, 0.02, &filters, n.active, NULL), WN_EUSAGE);
    release(&n);
}

static void flops_budgets_are_met_from_below(void)
{
    net n = make("resnet20");
    static const double budgets[] = {0.5, 0.1, 0.03, 1};
    for (int kind = WN__UNIFORM; kind <= WN__RANDOM; kind++)
        for (int b = 0; b < 4; b++) {
            wn__distribute how = {.distribution = kind};
            CHECK_OK(wn__distribution_for_flops(n.graph, &n.params, &n.selection, budgets[b], &how, n.active, NULL));
            const double reached = flops_ratio(&n);
            CHECK(reached <= budgets[b]);
            CHECK_NEAR(reached, budgets[b], 2e-4, 0);
            if (budgets[b] == 1) CHECK_NEAR(how.sparsity, 0, 0, 0);
        }
    wn__distribute list = {.distribution = WN__LIST};
    CHECK_STATUS(wn__distribution_for_flops(n.graph, &n.params, &n.selection, 0.5, &list, n.active, NULL), WN_EUSAGE);
    release(&n);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(published_budgets),
                                    RUN(published_densities),
                                    RUN(depthwise_and_first_layers_can_be_left_out),
                                    RUN(a_first_layer_outside_of_the_selection_is_the_dense_one),
                                    RUN(counts_are_exact),
                                    RUN(er_leaves_out_the_kernel),
                                    RUN(edges_of_the_range),
                                    RUN(totals_are_exact_on_request),
                                    RUN(power_flattens_or_sharpens),
                                    RUN(exceptions_are_outside_of_the_budget),
                                    RUN(unknown_layers_are_named),
                                    RUN(layers_that_would_be_empty_are_refused),
                                    RUN(drawn_counts_scatter_around_the_density),
                                    RUN(densities_of_another_network_are_taken),
                                    RUN(flops_budgets_are_met_from_below),
                                    RUN(flops_budgets_hold_for_whole_blocks),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
