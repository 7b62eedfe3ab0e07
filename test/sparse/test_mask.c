/* Masks: exact counts, ties, published threshold rules, shuffles, selections; and what they cost. */
#include "base/rng.h"
#include "models/model.h"
#include "nn/init.h"
#include "sparse/cost.h"
#include "sparse/dense_to_sparse/gradual.h"
#include "sparse/prune/mask.h"
#include "sparse/prune/score.h"
#include "tiny_network.h"

typedef struct net {
    wn_graph *graph;
    wn__params params;
    wn__selection selection;
} net;

/* conv 2*1*3*3 = 18, conv 4*2*3*3 = 72, linear 10*4 = 40 weights */
static wn_graph *small_graph(void)
{
    wn_graph *g = wn_graph_new("small", 1, 8, 8);
    int x = wn_graph_conv(g, wn_graph_input(g), "conv1", (wn_conv){.out = 2, .kernel = 3, .pad = 1});
    x = wn_graph_relu(g, wn_graph_batch_norm(g, x, "bn1"));
    x = wn_graph_conv(g, x, "conv2", (wn_conv){.out = 4, .kernel = 3, .stride = 2});
    x = wn_graph_linear(g, wn_graph_global_pool(g, wn_graph_relu(g, x)), "fc", 10, true);
    CHECK_OK(wn_graph_finish(g, x));
    return g;
}

static net make(wn_graph *graph, const char *item)
{
    net n = {.graph = graph, .params = tiny_params(graph, 4)};
    CHECK_OK(wn__selection_make(graph, item ? &item : NULL, item ? 1 : 0, &n.selection));
    return n;
}

static void release(net *n)
{
    wn__selection_release(&n->selection);
    wn__params_release(&n->params);
    wn_graph_free(n->graph);
}

static wn_status prune(net *n, const wn__prune *how)
{
    wn__scores scores;
    CHECK_OK(wn__scores_magnitude(&n->params, &n->selection, &scores));
    const wn_status status = wn__masks_prune(&n->params, &n->selection, (const float *const *)scores.score, how);
    wn__scores_release(&scores);
    return status;
}

static int64_t active(const net *n, const char *name) { return wn__params_find(&n->params, name)->active; }

/* Smallest kept and largest pruned magnitude over the selection. */
static void edges(const net *n, const float *const *before, float *kept, float *pruned)
{
    *kept = INFINITY;
    *pruned = -1;
    for (int i = 0; i < n->params.count; i++)
        for (int64_t e = 0; n->selection.selected[i] && e < n->params.item[i].stored; e++) {
            const float w = fabsf(before[i][e]);
            if (n->params.item[i].mask[e])
                *kept = fminf(*kept, w);
            else
                *pruned = fmaxf(*pruned, w);
        }
}

TEST(global_magnitude_keeps_exactly_the_largest)
{
    static const double sparsities[] = {0, 0.1, 0.5, 0.9, 0.95, 0.98, 0.999};
    for (size_t s = 0; s < sizeof sparsities / sizeof *sparsities; s++) {
        const wn__model *model;
        wn_graph *g;
        CHECK_OK(wn__model_find("resnet20", &model));
        CHECK_OK(wn__model_build(model, NULL, model->usual, &g));
        net n = make(g, NULL);
        wn__scores scores;
        CHECK_OK(wn__scores_magnitude(&n.params, &n.selection, &scores));
        CHECK_OK(wn__masks_prune(&n.params, &n.selection, (const float *const *)scores.score, &(wn__prune){.sparsity = sparsities[s]}));
        const wn__sparsity got = wn__sparsity_measure(&n.params, &n.selection);
        CHECK_EQ_INT(got.selected_active, llround((1 - sparsities[s]) * (double)n.selection.weights));
        CHECK_EQ_INT(got.network - got.network_active, got.selected - got.selected_active);
        float kept, pruned;
        edges(&n, (const float *const *)scores.score, &kept, &pruned);
        CHECK(kept >= pruned);
        wn__scores_release(&scores);
        release(&n);
    }
}

TEST(ties_are_broken_by_position)
{
    net n = make(small_graph(), "convolutions");
    for (int i = 0; i < n.params.count; i++)
        for (int64_t e = 0; n.params.item[i].role == WN__WEIGHT && e < n.params.item[i].stored; e++)
            n.params.item[i].value[e] = e % 2 ? -0.5f : 0.5f;
    CHECK_OK(prune(&n, &(wn__prune){.sparsity = 0.7})); /* 27 of 90 stay: all 18 of conv1, then 9 of conv2 */
    CHECK_EQ_INT(active(&n, "conv1.weight"), 18);
    CHECK_EQ_INT(active(&n, "conv2.weight"), 9);
    const wn__param *conv2 = wn__params_find(&n.params, "conv2.weight");
    for (int e = 0; e < 72; e++)
        CHECK_EQ_INT(conv2->mask[e], e < 9);
    CHECK(conv2->value[8] == 0.5f && conv2->value[9] == 0);
    release(&n);
}

TEST(layer_scope_prunes_each_layer_alone)
{
    net n = make(small_graph(), "all");
    CHECK_OK(prune(&n, &(wn__prune){.scope = WN__SCOPE_LAYER, .sparsity = 0.75}));
    CHECK_EQ_INT(active(&n, "conv1.weight"), 5); /* round(4.5) */
    CHECK_EQ_INT(active(&n, "conv2.weight"), 18);
    CHECK_EQ_INT(active(&n, "fc.weight"), 10);
    release(&n);
}

TEST(pruning_again_takes_only_from_what_is_left)
{
    net n = make(small_graph(), "all");
    uint8_t first[72];
    const int rounds = 3;
    for (int r = 1; r <= rounds; r++) {
        CHECK_OK(prune(&n, &(wn__prune){.sparsity = wn__round_sparsity(0.9, rounds, r)}));
        const wn__param *conv2 = wn__params_find(&n.params, "conv2.weight");
        for (int e = 0; r > 1 && e < 72; e++)
            CHECK(!conv2->mask[e] || first[e]);
        memcpy(first, conv2->mask, sizeof first);
        const wn__sparsity s = wn__sparsity_measure(&n.params, &n.selection);
        CHECK_EQ_INT(s.selected_active, llround(130 * pow(0.1, r / 3.0)));
    }
    CHECK_STATUS(prune(&n, &(wn__prune){.sparsity = 0.5}), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "reached already");
    CHECK_NEAR(wn__rate_sparsity(0.2, 13), 0.945024, 1e-6, 0); /* the KD-ticket grid */
    release(&n);
}

TEST(threshold_rules_do_as_the_published_codes_do)
{
    /* magnitudes 1..90 in order; a percentage of 0.5 prunes 45 exactly, and one more under the strict thresholds */
    net n = make(small_graph(), "convolutions");
    float value = 1;
    for (int i = 0; i < n.params.count; i++)
        for (int64_t e = 0; n.selection.selected[i] && e < n.params.item[i].stored; e++)
            n.params.item[i].value[e] = value++;
    net other = make(small_graph(), "convolutions");
    CHECK_OK(wn__params_copy_values(&other.params, &n.params));
    /* KD ticket: thre = sorted[int(90 * 0.51)] = sorted[45] = 46, keep above */
    CHECK_OK(prune(&n, &(wn__prune){.rule = WN__PRUNE_KD_TICKET, .sparsity = 0.51}));
    CHECK_EQ_INT(wn__sparsity_measure(&n.params, &n.selection).selected_active, 44);
    /* again over the 44 that are left (47..90): 90 - 44 + int(44 * rate), rate = (0.75 - 46/90) / (44/90) = 0.488..: sorted[46 + 21] = 68 */
    CHECK_OK(prune(&n, &(wn__prune){.rule = WN__PRUNE_KD_TICKET, .sparsity = 0.75}));
    CHECK_EQ_INT(wn__sparsity_measure(&n.params, &n.selection).selected_active, 22);
    /* open_lth: sorted[ceil(90 * 0.51)] = sorted[46] = 47, keep above */
    CHECK_OK(prune(&other, &(wn__prune){.rule = WN__PRUNE_OPEN_LTH, .sparsity = 0.51}));
    CHECK_EQ_INT(wn__sparsity_measure(&other.params, &other.selection).selected_active, 43);
    release(&n);
    release(&other);
}

TEST(emptied_layers_keep_one_weight_when_told)
{
    for (int how = WN__EMPTY_WARN; how <= WN__EMPTY_KEEP_ONE; how++) {
        net n = make(small_graph(), "all");
        wn__param *conv1 = wn__params_find(&n.params, "conv1.weight");
        for (int e = 0; e < 18; e++)
            conv1->value[e] = e == 7 ? 2e-6f : 1e-6f;
        CHECK_OK(prune(&n, &(wn__prune){.empty = how, .sparsity = 0.9}));
        CHECK_EQ_INT(conv1->active, how == WN__EMPTY_KEEP_ONE);
        CHECK_EQ_INT(conv1->mask[7], how == WN__EMPTY_KEEP_ONE);
        CHECK_EQ_INT(wn__sparsity_measure(&n.params, &n.selection).selected_active, 13);
        release(&n);
    }
}

TEST(impossible_sparsities_and_scores_are_refused)
{
    net n = make(small_graph(), "all");
    static const double bad[] = {1.0, 1.5, -0.1, NAN};
    for (int i = 0; i < 4; i++) {
        CHECK_STATUS(prune(&n, &(wn__prune){.sparsity = bad[i]}), WN_EUSAGE);
        CHECK_HAS_TEXT(wn_error_message(), "at least 0 and below 1");
    }
    n.params.item[0].value[3] = NAN;
    CHECK_STATUS(prune(&n, &(wn__prune){.sparsity = 0.5}), WN_EDIVERGED);
    CHECK_HAS_TEXT(wn_error_message(), "conv1.weight");
    CHECK(n.params.item[0].mask == NULL);
    release(&n);
}

static void copy_masks(net *to, const net *from)
{
    for (int i = 0; i < to->params.count; i++)
        CHECK_OK(wn__param_set_mask(&to->params.item[i], from->params.item[i].mask));
}

static void check_shuffle(wn__shuffle how)
{
    net n = make(small_graph(), "all"), same = make(small_graph(), "all"), other = make(small_graph(), "all");
    CHECK_OK(prune(&n, &(wn__prune){.sparsity = 0.6}));
    copy_masks(&same, &n);
    copy_masks(&other, &n);
    const int64_t conv2 = active(&n, "conv2.weight");
    CHECK_OK(wn__masks_shuffle(&n.params, &n.selection, how, 1));
    CHECK_OK(wn__masks_shuffle(&same.params, &same.selection, how, 1));
    CHECK_OK(wn__masks_shuffle(&other.params, &other.selection, how, 2));
    CHECK_EQ_INT(wn__sparsity_measure(&n.params, &n.selection).selected_active, 52);
    if (how == WN__SHUFFLE_LAYER) CHECK_EQ_INT(active(&n, "conv2.weight"), conv2);
    if (how == WN__SHUFFLE_EVEN) { /* 52 of 130: 7.2, 28.8, 16; the odd one goes to conv2 */
        CHECK_EQ_INT(active(&n, "conv1.weight"), 7);
        CHECK_EQ_INT(active(&n, "conv2.weight"), 29);
        CHECK_EQ_INT(active(&n, "fc.weight"), 16);
    }
    const uint8_t *a = wn__params_find(&n.params, "conv2.weight")->mask, *b = wn__params_find(&same.params, "conv2.weight")->mask;
    CHECK(memcmp(a, b, 72) == 0);
    CHECK(memcmp(a, wn__params_find(&other.params, "conv2.weight")->mask, 72) != 0);
    release(&n);
    release(&same);
    release(&other);
}

TEST(shuffles_keep_counts_and_depend_on_the_seed)
{
    check_shuffle(WN__SHUFFLE_LAYER);
    check_shuffle(WN__SHUFFLE_GLOBAL);
    check_shuffle(WN__SHUFFLE_EVEN);
}

TEST(shuffled_positions_are_uniform)
{
    int hits[18] = {0};
    net n = make(small_graph(), "conv1");
    CHECK_OK(prune(&n, &(wn__prune){.sparsity = 0.5}));
    for (uint64_t seed = 0; seed < 2000; seed++) {
        CHECK_OK(wn__masks_shuffle(&n.params, &n.selection, WN__SHUFFLE_LAYER, seed));
        for (int e = 0; e < 18; e++)
            hits[e] += n.params.item[0].mask[e];
    }
    for (int e = 0; e < 18; e++)
        CHECK_NEAR(hits[e], 1000, 5 * sqrt(2000 * 0.25), 0);
    release(&n);
}

static int64_t selected_weights(wn_graph *g, const char *const *items, int count)
{
    wn__selection s;
    CHECK_OK(wn__selection_make(g, items, count, &s));
    const int64_t weights = s.weights;
    wn__selection_release(&s);
    return weights;
}

TEST(selections_follow_the_default_rule_and_patterns)
{
    wn_graph *g = small_graph();
    CHECK_EQ_INT(selected_weights(g, NULL, 0), 90); /* convolutions hold most */
    CHECK_EQ_INT(selected_weights(g, (const char *const[]){"default"}, 1), 90);
    CHECK_EQ_INT(selected_weights(g, (const char *const[]){"all"}, 1), 130);
    CHECK_EQ_INT(selected_weights(g, (const char *const[]){"linear"}, 1), 40);
    CHECK_EQ_INT(selected_weights(g, (const char *const[]){"conv*", "!conv1"}, 2), 72);
    CHECK_EQ_INT(selected_weights(g, (const char *const[]){"!conv2"}, 1), 18);
    CHECK_EQ_INT(selected_weights(g, (const char *const[]){"re:^(fc|conv1)"}, 1), 58);
    wn__selection s;
    CHECK_STATUS(wn__selection_make(g, (const char *const[]){"layer3.*"}, 1, &s), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "layer3.*");
    CHECK_HAS_TEXT(wn_error_message(), "conv2.weight");
    CHECK_STATUS(wn__selection_make(g, (const char *const[]){"conv1", "!all"}, 2, &s), WN_EUSAGE);
    wn_graph_free(g);
}

TEST(default_selection_of_linear_networks_spares_the_last_layer)
{
    const wn__model *model;
    wn_graph *g;
    CHECK_OK(wn__model_find("lenet-300-100", &model));
    CHECK_OK(wn__model_build(model, NULL, model->usual, &g));
    CHECK_EQ_INT(selected_weights(g, NULL, 0), 784 * 300 + 300 * 100);
    CHECK_EQ_INT(selected_weights(g, (const char *const[]){"fc2"}, 1), 300 * 100);
    wn_graph_free(g);
}

TEST(costs_count_two_per_multiply_add_and_the_smallest_storage)
{
    net n = make(small_graph(), "convolutions");
    wn__cost c;
    CHECK_OK(wn__cost_make(n.graph, &n.params, &c));
    const int64_t conv1 = 2 * 18 * 64, conv2 = 2 * 72 * 9, fc = 2 * 40;
    CHECK_EQ_INT(c.layers, 3);
    CHECK_EQ_INT(c.dense_flops, conv1 + conv2 + fc);
    CHECK_EQ_INT(c.dense_flops, wn_graph_forward_flops(n.graph));
    CHECK_EQ_INT(c.flops, c.dense_flops);
    CHECK_EQ_INT(c.training_flops, 3 * c.flops);
    CHECK_EQ_INT(c.parameters, 18 + 72 + 40 + 10 + 4);
    CHECK_EQ_INT(c.parameters, wn_graph_parameter_count(n.graph));
    CHECK_EQ_INT(c.bytes, 4 * (c.parameters + 4)); /* with two running statistics */
    const int64_t dense_bytes = c.bytes;
    wn__cost_release(&c);
    CHECK_OK(prune(&n, &(wn__prune){.scope = WN__SCOPE_LAYER, .sparsity = 0.5}));
    CHECK_OK(wn__cost_make(n.graph, &n.params, &c));
    CHECK_EQ_INT(c.flops, conv1 / 2 + conv2 / 2 + fc);
    CHECK_EQ_INT(c.layer[1].flops, conv2 / 2);
    CHECK_EQ_INT(c.bytes, dense_bytes - 4 * 45 + 3 + 9); /* bit masks of 18 and 72 entries */
    CHECK_EQ_INT(c.dense_bytes, dense_bytes);
    wn__cost_release(&c);
    release(&n);
}

/* Every scope falls to its end, and nothing comes back. */
/* Hard thresholding: the k largest stay, the others are zero and free; one that grows comes back, until the last time. */
TEST(what_hard_thresholding_sets_to_zero_may_return)
{
    wn__params params = {0};
    bool selected[1] = {true};
    const wn__selection selection = {.selected = selected, .count = 1};
    CHECK_OK(wn__params_add(&params, "fc.weight", WN__WEIGHT, 2, (const int64_t[]){2, 3}));
    CHECK_OK(wn__params_allocate_slots(&params, 1));
    wn__param *p = &params.item[0];
    memcpy(p->value, (const float[]){5, -4, 3, 2, 1, 0.5f}, 6 * sizeof(float));
    for (int i = 0; i < 6; i++)
        p->slot[0][i] = 1;
    const wn__gradual_run run = {.when = {.end = 2, .interval = 1, .power = 3, .initial = 0.999, .returns = true},
                                 .selection = &selection,
                                 .last = {.sparsity = 0.5}};
    CHECK_OK(wn__gradual_prune(&run, 0, &params));
    static const float first[6] = {5, -4, 3, 0, 0, 0};
    for (int i = 0; i < 6; i++) {
        CHECK_NEAR(p->value[i], first[i], 0, 0);
        CHECK_NEAR(p->slot[0][i], i < 3, 0, 0);
    }
    CHECK(!p->mask && p->active == 6);
    p->value[4] = -6; /* a step later */
    CHECK_OK(wn__gradual_prune(&run, 1, &params));
    static const float second[6] = {5, -4, 0, 0, -6, 0};
    for (int i = 0; i < 6; i++)
        CHECK_NEAR(p->value[i], second[i], 0, 0);
    CHECK(!p->mask);
    p->value[2] = 7;
    CHECK_OK(wn__gradual_prune(&run, 2, &params));
    static const uint8_t left[6] = {1, 0, 1, 0, 1, 0};
    CHECK(p->mask && memcmp(p->mask, left, 6) == 0);
    CHECK_EQ_INT(p->active, 3);
    wn__params_release(&params);
}

TEST(gradual_pruning_ends_where_each_scope_says)
{
    for (int scope = WN__SCOPE_GLOBAL; scope <= WN__SCOPE_DISTRIBUTION; scope++) {
        net n = make(small_graph(), "all");
        int64_t *keep = WN_NEW_ARRAY(int64_t, n.params.count), before = INT64_MAX;
        for (int i = 0; i < n.params.count; i++)
            keep[i] = n.selection.selected[i] ? n.params.item[i].count / (i + 2) : 0;
        const wn__gradual_run run = {.when = {.begin = 10, .end = 33, .interval = 5, .power = 3},
                                     .selection = &n.selection,
                                     .last = {.scope = scope, .sparsity = 0.7, .keep = scope == WN__SCOPE_DISTRIBUTION ? keep : NULL}};
        for (int64_t step = 0; step < 40; step++) {
            CHECK_EQ_INT(wn__gradual_is_due(&run.when, step),
                         step == 10 || step == 15 || step == 20 || step == 25 || step == 30 || step == 33);
            if (!wn__gradual_is_due(&run.when, step)) continue;
            CHECK_OK(wn__gradual_prune(&run, step, &n.params));
            const int64_t left = active(&n, "conv1.weight") + active(&n, "conv2.weight") + active(&n, "fc.weight");
            CHECK(left <= before);
            CHECK(step > 10 || left == n.selection.weights);
            before = left;
        }
        for (int i = 0; i < n.params.count; i++) {
            if (!n.selection.selected[i] || scope == WN__SCOPE_GLOBAL) continue;
            CHECK_EQ_INT(n.params.item[i].active, scope == WN__SCOPE_LAYER ? llround(0.3 * (double)n.params.item[i].count) : keep[i]);
        }
        if (scope == WN__SCOPE_GLOBAL) CHECK_EQ_INT(before, llround(0.3 * (double)n.selection.weights));
        wn__free(keep);
        release(&n);
    }
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(global_magnitude_keeps_exactly_the_largest),
                                    RUN(ties_are_broken_by_position),
                                    RUN(layer_scope_prunes_each_layer_alone),
                                    RUN(pruning_again_takes_only_from_what_is_left),
                                    RUN(threshold_rules_do_as_the_published_codes_do),
                                    RUN(emptied_layers_keep_one_weight_when_told),
                                    RUN(impossible_sparsities_and_scores_are_refused),
                                    RUN(shuffles_keep_counts_and_depend_on_the_seed),
                                    RUN(shuffled_positions_are_uniform),
                                    RUN(selections_follow_the_default_rule_and_patterns),
                                    RUN(default_selection_of_linear_networks_spares_the_last_layer),
                                    RUN(costs_count_two_per_multiply_add_and_the_smallest_storage),
                                    RUN(what_hard_thresholding_sets_to_zero_may_return),
                                    RUN(gradual_pruning_ends_where_each_scope_says),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
