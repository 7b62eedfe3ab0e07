/* What sparse networks cost: published figures through the public call, training as the papers count it, widths of small dense networks. */
#include <math.h>
#include <unistd.h>

#include "base/files.h"
#include "models/named.h"
#include "sparse/cost.h"
#include "test.h"
#include "winnow/flops.h"

static double method(const wn_flops_result *r, const char *name)
{
    for (int i = 0; i < r->methods; i++)
        if (strcmp(r->method[i].name, name) == 0) return r->method[i].train_flops_ratio;
    WN_TEST_FAIL("no method %s", name);
    return NAN;
}

TEST(published_figures_come_out)
{
    static const struct {
        const char *model, *sparsity;
        int64_t params;
        double dense_flops, digit, eps, erk, uniform;
    } rows[] = {{"wrn-22-2", "80%", 1076912, 3.155e8, 5e4, 75.6077, 0.352, 0.202},
                {"wrn-22-2", "90%", 1076912, 3.155e8, 5e4, 35.9382, 0.174, 0.103},
                {"resnet50", "80%", 25502912, 8.178e9, 5e5, 99.5617, 0.414, 0.223},
                {"resnet50", "90%", 25502912, 8.178e9, 5e5, 48.7866, 0.242, 0.126}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wn_flops_options o = {.size = sizeof o, .model = rows[i].model, .sparsity = rows[i].sparsity, .distribution = "erk"};
        wn_flops_result r;
        CHECK_OK(wn_flops(&o, &r));
        CHECK_EQ_INT(r.dense_params, rows[i].params);
        CHECK_NEAR((double)r.dense_flops, rows[i].dense_flops, rows[i].digit, 0);
        CHECK_NEAR(r.erk_eps, rows[i].eps, 5e-5, 0);
        CHECK_NEAR(r.flops_ratio, rows[i].erk, 5e-4, 0);
        wn_flops_release(&r);
        o.distribution = "uniform";
        CHECK_OK(wn_flops(&o, &r));
        CHECK_NEAR(r.flops_ratio, rows[i].uniform, 5e-4, 0);
        CHECK(isnan(r.erk_eps));
        wn_flops_release(&r);
    }
}

TEST(layers_add_up)
{
    wn_flops_result r;
    CHECK_OK(wn_flops(&WN_OPTIONS(wn_flops_options, .model = "resnet20", .sparsity = "90%", .distribution = "erk"), &r));
    int64_t weights = 0, active = 0, flops = 0, dense = 0;
    for (int i = 0; i < r.layers; i++) {
        weights += r.layer[i].weights;
        active += r.layer[i].active;
        flops += r.layer[i].flops;
        dense += r.layer[i].dense_flops;
        CHECK(r.layer[i].bytes <= r.layer[i].dense_bytes);
    }
    CHECK_EQ_INT(weights, r.dense_params);
    CHECK_EQ_INT(active, r.params);
    CHECK_EQ_INT(flops, r.flops);
    CHECK_EQ_INT(dense, r.dense_flops);
    CHECK_EQ_INT(r.dense_network_params, 272474);
    CHECK_EQ_INT(r.network_params, 272474 - (weights - active));
    CHECK_EQ_TEXT(r.layer[0].name, "conv1.weight");
    wn_flops_release(&r);
}

/* f_S and f_D of WRN-22-2 at 90 %, ERK. */
TEST(training_is_counted_as_the_papers_do)
{
    wn_flops_result r;
    CHECK_OK(wn_flops(&WN_OPTIONS(wn_flops_options, .model = "wrn-22-2", .sparsity = "90%", .distribution = "erk"), &r));
    const double s = (double)r.flops, d = (double)r.dense_flops;
    CHECK_NEAR(method(&r, "dense"), 1, 0, 1e-12);
    CHECK_NEAR(method(&r, "static"), s / d, 0, 1e-12);
    CHECK_NEAR(method(&r, "set"), s / d, 0, 1e-12);
    CHECK_NEAR(method(&r, "snip"), s / d, 0, 1e-12);
    CHECK_NEAR(method(&r, "snfs"), (2 * s + d) / (3 * d), 0, 1e-12);
    CHECK_NEAR(method(&r, "rigl"), (300 * s + 2 * s + d) / (101 * 3 * d), 0, 1e-12);
    CHECK_NEAR(method(&r, "ac-dc"), 0.5 + 0.5 * s / d, 0, 1e-12); /* of 100 epochs 50 are sparse */
    CHECK_NEAR(method(&r, "sr-ste"), (2 * s + d) / (3 * d), 0, 1e-12);
    CHECK_NEAR(method(&r, "n-of-m"), s / d, 0, 1e-12);
    CHECK_NEAR(method(&r, "srigl"), (300 * s + 2 * s + d) / (101 * 3 * d), 0, 1e-12);
    CHECK_NEAR(method(&r, "rigl-struct"), method(&r, "srigl"), 0, 0);
    CHECK_NEAR(method(&r, "mest"), s / d, 0, 1e-12);
    CHECK_NEAR(method(&r, "dsr"), s / d, 0, 1e-12);
    CHECK_NEAR(method(&r, "mest-soft"), 1.13125 * s / d, 0, 1e-12);
    CHECK(method(&r, "small-dense") < 0.15);
    CHECK_NEAR(r.small_reached, 1, 0.02, 0);
    wn_flops_release(&r);
    const char *const one[] = {"rigl"};
    CHECK_OK(wn_flops(&WN_OPTIONS(wn_flops_options, .model = "wrn-22-2", .sparsity = "90%", .distribution = "erk", .method = one,
                                  .methods = 1, .interval = 750),
                      &r));
    CHECK_EQ_INT(r.methods, 1);
    CHECK_NEAR(r.method[0].train_flops, (3 * s * 750 + 2 * s + d) / 751, 0, 1e-12);
    wn_flops_release(&r);
}

/* What rigl costs on the network of that width. */
TEST(a_wide_network_is_counted_at_its_width)
{
    static const char *const big[] = {"big-sparse"}, *const rigl[] = {"rigl"}, *const matches[] = {"parameters", "flops"};
    for (int i = 0; i < 2; i++) {
        wn_flops_options o = {.size = sizeof o,
                              .model = "resnet20",
                              .sparsity = "90%",
                              .distribution = "erk",
                              .method = big,
                              .methods = 1,
                              .match = matches[i]};
        wn_flops_result r, wide;
        char width[40];
        CHECK_OK(wn_flops(&o, &r));
        CHECK_NEAR(r.wide_reached, 1, 0.02, 0);
        snprintf(width, sizeof width, "width=%.17g", r.wide_width);
        o.set = (const char *const[]){width};
        o.sets = 1;
        o.method = rigl;
        CHECK_OK(wn_flops(&o, &wide));
        const double size = i ? (double)wide.flops / (double)r.dense_flops : (double)wide.network_params / (double)r.dense_network_params;
        CHECK_NEAR(r.wide_reached, size, 0, 1e-12);
        CHECK_NEAR(r.method[0].train_flops, wide.method[0].train_flops, 0, 1e-12);
        CHECK_NEAR(r.method[0].train_flops_ratio, wide.method[0].train_flops / (3 * (double)r.dense_flops), 0, 1e-12);
        CHECK(isnan(wide.wide_width) && r.wide_width > 2);
        wn_flops_release(&r);
        wn_flops_release(&wide);
    }
}

/* 10 steps, pruned at 2, 4 and 6 of [2, 6]: parts 0, 1 - (1/2)^3, 1. */
TEST(gradual_pruning_is_integrated_over_its_steps)
{
    const wn__training_times t = {.interval = 100, .steps = 10, .begin = 2, .end = 6, .every = 2};
    CHECK_NEAR(wn__pruned_part(1, 2, 6), 0, 0, 0);
    CHECK_NEAR(wn__pruned_part(4, 2, 6), 0.875, 0, 0);
    CHECK_NEAR(wn__pruned_part(6, 2, 6), 1, 0, 0);
    const double part = (2 * 0.0 + 2 * 0.0 + 2 * 0.875 + 4 * 1.0) / 10;
    CHECK_NEAR(wn__training_flops(WN__TRAIN_PRUNING, 10, 100, 0, &t), 3 * (100 - 90 * part), 0, 1e-14);
    const wn__training_times fine = {.interval = 100, .steps = 100000, .begin = 0, .end = 100000, .every = 1};
    CHECK_NEAR(wn__training_flops(WN__TRAIN_PRUNING, 0, 1, 0, &fine), 3 * 0.25, 1e-4, 0);
}

TEST(budget_of_flops_finds_its_sparsity)
{
    static const char *const names[] = {"uniform", "er", "erk", "random"};
    for (int i = 0; i < 4; i++) {
        wn_flops_result r;
        CHECK_OK(wn_flops(&WN_OPTIONS(wn_flops_options, .model = "wrn-22-2", .flops_budget = "0.2x", .distribution = names[i]), &r));
        CHECK(r.flops_ratio <= 0.2);
        CHECK_NEAR(r.flops_ratio, 0.2, 1e-4, 0);
        wn_flops_release(&r);
    }
    wn_flops_result r;
    CHECK_STATUS(wn_flops(&WN_OPTIONS(wn_flops_options, .model = "wrn-22-2", .flops_budget = "0.002x"), &r), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "0.002805x"); /* the dense first layer */
    CHECK_STATUS(wn_flops(&WN_OPTIONS(wn_flops_options, .model = "wrn-22-2", .flops_budget = "1.5x"), &r), WN_EUSAGE);
    CHECK_STATUS(wn_flops(&WN_OPTIONS(wn_flops_options, .model = "wrn-22-2", .flops_budget = "0.1y"), &r), WN_EUSAGE);
}

TEST(layers_may_have_sparsities_of_their_own)
{
    const char *const own[] = {"fc=0", "block3*=95%", "block3.layer.0.convShortcut=0.5"};
    wn_flops_result r;
    CHECK_OK(wn_flops(&WN_OPTIONS(wn_flops_options, .model = "wrn-22-2", .distribution = "list", .layer = own, .layers = 3), &r));
    for (int i = 0; i < r.layers; i++) {
        const wn_flops_layer *l = &r.layer[i];
        const bool third = strncmp(l->name, "block3", 6) == 0, shortcut = strcmp(l->name, "block3.layer.0.convShortcut.weight") == 0;
        const double s = shortcut ? 0.5 : third ? 0.95 : 0;
        CHECK_EQ_INT(l->active, l->weights - (int64_t)floor(s * (double)l->weights));
    }
    CHECK(isnan(r.sparsity));
    wn_flops_release(&r);
    const char *const none[] = {"block4*=95%"};
    CHECK_STATUS(wn_flops(&WN_OPTIONS(wn_flops_options, .model = "wrn-22-2", .sparsity = "50%", .layer = none, .layers = 1), &r),
                 WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "block4*");
    CHECK_HAS_TEXT(wn_error_message(), "block3.layer.2.conv2.weight");
}

TEST(impossible_questions_are_refused)
{
    wn_flops_result r;
    CHECK_STATUS(wn_flops(&WN_OPTIONS(wn_flops_options, .model = "lenet5", .sparsity = "99.95%", .distribution = "erk"), &r), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "conv1.weight would be empty");
    CHECK_STATUS(wn_flops(&WN_OPTIONS(wn_flops_options, .model = "resnet20", .sparsity = "90%", .distribution = "ark"), &r), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "erk");
    CHECK_STATUS(wn_flops(&WN_OPTIONS(wn_flops_options, .model = "resnet20", .distribution = "erk"), &r), WN_EUSAGE);
    CHECK_STATUS(wn_flops(&WN_OPTIONS(wn_flops_options, .model = "resnet20", .sparsity = "90%", .flops_budget = "0.1x"), &r), WN_EUSAGE);
    const char *const unknown[] = {"rigel"};
    CHECK_STATUS(wn_flops(&WN_OPTIONS(wn_flops_options, .model = "resnet20", .sparsity = "90%", .method = unknown, .methods = 1), &r),
                 WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "did you mean \"rigl\"?");
    CHECK_STATUS(
        wn_flops(&WN_OPTIONS(wn_flops_options, .model = "resnet20", .sparsity = "50%", .steps = 10, .prune_begin = 5, .prune_end = 5), &r),
        WN_EUSAGE);
}

TEST(widths_reach_the_size_asked_for)
{
    static const char *const models[] = {
        "wrn-22-2", "resnet20", "resnet50", "mobilenet-v1", "vgg16", "lenet5-caffe", WN_TEST_SOURCE "/../examples/models/tiny-resnet.yaml"};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        const wn__named_model named = {.name = models[i]};
        wn_graph *dense, *small;
        wn__width width;
        CHECK_OK(wn__named_model_build(&named, &dense));
        const int64_t wanted = wn_graph_parameter_count(dense) / 5, flops = wn_graph_forward_flops(dense) / 10;
        CHECK_OK(wn__named_model_match_width(&named, WN__MATCH_PARAMETERS, wanted, &width, &small));
        CHECK_NEAR(width.reached, (double)wn_graph_parameter_count(small) / (double)wanted, 0, 1e-12);
        CHECK_NEAR(width.reached, 1, 0.08, 0);
        CHECK(width.multiplier > 0.3 && width.multiplier < 0.6);
        wn_graph_free(small);
        CHECK_OK(wn__named_model_match_width(&named, WN__MATCH_FLOPS, flops, &width, &small));
        CHECK_NEAR(width.reached, (double)wn_graph_forward_flops(small) / (double)flops, 0, 1e-12);
        CHECK_NEAR(width.reached, 1, strstr(models[i], "tiny") ? 0.15 : 0.11, 0); /* of 8 channels each one counts */
        wn_graph_free(small);
        wn_graph_free(dense);
    }
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(published_figures_come_out),
                                    RUN(layers_add_up),
                                    RUN(training_is_counted_as_the_papers_do),
                                    RUN(a_wide_network_is_counted_at_its_width),
                                    RUN(gradual_pruning_is_integrated_over_its_steps),
                                    RUN(budget_of_flops_finds_its_sparsity),
                                    RUN(layers_may_have_sparsities_of_their_own),
                                    RUN(impossible_questions_are_refused),
                                    RUN(widths_reach_the_size_asked_for),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
