/* Distributions: published budgets and densities, exact counts, dense layers; and random masks that follow them. */
#include <math.h>

#include "models/model.h"
#include "sparse/cost.h"
#include "sparse/distribution.h"
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
        const wn__distribute uniform = {.sparsity = rows[i].sparsity, .dense_first = true};
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

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(published_budgets),        RUN(published_densities), RUN(counts_are_exact),
                                    RUN(er_leaves_out_the_kernel), RUN(edges_of_the_range),  {0}};
    return wn_test_main(argc, argv, tests);
}
