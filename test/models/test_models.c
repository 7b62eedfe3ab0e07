#include "models/model.h"
#include "nn/executor/lower.h"
#include "nn/graph_nodes.h"
#include "test.h"

static wn_graph *build(const char *name, wn__model_input *input)
{
    const wn__model *model;
    wn_graph *graph;
    CHECK_OK(wn__model_find(name, &model));
    CHECK_OK(wn__model_build(model, NULL, input ? *input : model->usual, &graph));
    return graph;
}

/* What masks are made for: convolutions and linear layers, without biases. */
static int64_t prunable_weights(const wn_graph *g)
{
    int64_t total = 0;
    for (int i = 0; i < g->params; i++) {
        int64_t count = g->param[i].role == WN__WEIGHT;
        for (int d = 0; d < g->param[i].ndim; d++)
            count *= g->param[i].dim[d];
        total += count;
    }
    return total;
}

static int64_t convolution_weights(const wn_graph *g)
{
    int64_t total = 0;
    for (int i = 0; i < g->params; i++)
        if (g->param[i].ndim == 4) total += g->param[i].dim[0] * g->param[i].dim[1] * g->param[i].dim[2] * g->param[i].dim[3];
    return total;
}

TEST(parameter_counts_are_the_published_ones)
{
    static const struct {
        const char *name;
        int64_t count;
    } published[] = {{"lenet-300-100", 266610},
                     {"lenet5", 44426},
                     {"lenet5-caffe", 431080},
                     {"resnet20", 272474},
                     {"resnet32", 466906},
                     {"resnet44", 661338},
                     {"resnet56", 855770},
                     {"resnet110", 1730714},
                     {"resnet18-cifar", 11173962},
                     {"vgg16", 14728266},
                     {"vgg19", 20040522},
                     {"vgg16-bn", 138365992}, /* torchvision's */
                     {"vgg19-bn", 143678248},
                     {"resnet56-bottleneck", 869530},
                     {"resnet110-bottleneck", 1704154},
                     {"wrn", 36479194},
                     {"resnet50-cifar", 23705252},
                     {"resnet18", 11689512},
                     {"resnet34", 21797672},
                     {"resnet50", 25557032},
                     {"mobilenet-v1", 4231976},
                     {"mobilenet-v2", 3504872}};
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        wn_graph *g = build(published[i].name, NULL);
        CHECK_EQ_INT(wn_graph_parameter_count(g), published[i].count);
        wn_graph_free(g);
    }
}

TEST(every_entry_states_its_true_parameter_count)
{
    for (const wn__model *const *m = wn__models; *m; m++) {
        wn_graph *g = build((*m)->name, NULL);
        CHECK_EQ_INT(wn_graph_parameter_count(g), (*m)->parameters);
        wn_graph_free(g);
    }
}

TEST(bottleneck_networks_have_the_published_convolution_weights)
{
    wn_graph *g56 = build("resnet56-bottleneck", NULL), *g110 = build("resnet110-bottleneck", NULL);
    CHECK_EQ_INT(convolution_weights(g56), 853936);
    CHECK_EQ_INT(convolution_weights(g110), 1676464);
    wn_graph_free(g56);
    wn_graph_free(g110);
}

TEST(forward_flops_of_resnet20_count_convolutions_and_linear_layers)
{
    /* stem 432*1024; stage 1: 6*2304*1024; stage 2: (4608+5*9216+512)*256; stage 3: (18432+5*36864+2048)*64; fc 640 */
    const int64_t macs = 432 * 1024 + 6 * 2304 * 1024 + (4608 + 5 * 9216 + 512) * 256 + (18432 + 5 * 36864 + 2048) * 64 + 640;
    wn_graph *g = build("resnet20", NULL);
    CHECK_EQ_INT(wn_graph_forward_flops(g), 2 * macs);
    wn_graph_free(g);
}

TEST(prunable_weights_are_the_published_ones)
{
    wn_graph *wide = build("wrn-22-2", NULL), *deep = build("resnet50", NULL);
    CHECK_EQ_INT(prunable_weights(wide), 1076912);
    CHECK_EQ_INT(prunable_weights(deep), 25502912);
    wn_graph_free(wide);
    wn_graph_free(deep);
}

TEST(forward_flops_are_the_published_ones)
{
    static const struct {
        const char *name;
        double flops, digits; /* half a unit of the last published digit */
    } published[] = {{"wrn-22-2", 3.155e8, 5e4},       {"resnet50", 8.178e9, 5e5},    {"resnet50-cifar", 2.59e9, 1e7},
                     {"resnet18", 2 * 1.81e9, 1e7},    {"resnet34", 2 * 3.66e9, 1e7}, {"mobilenet-v1", 2 * 569e6, 1e6},
                     {"mobilenet-v2", 2 * 0.30e9, 1e7}};
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        wn_graph *g = build(published[i].name, NULL);
        const double flops = (double)wn_graph_forward_flops(g);
        if (!(flops > published[i].flops - published[i].digits && flops < published[i].flops + published[i].digits))
            WN_TEST_FAIL("%s: %.6g, must be %g", published[i].name, flops, published[i].flops);
        wn_graph_free(g);
    }
}

/* A model with settings, given as pairs of name and value. */
static wn_status build_set(const char *name, const char *const *set, wn_graph **graph)
{
    const wn__model *model;
    CHECK_OK(wn__model_find(name, &model));
    void *config = wn__alloc(model->config_size);
    CHECK(config != NULL);
    CHECK_OK(wn__settings_defaults(model->settings, config));
    for (; *set; set += 2)
        CHECK_OK(wn__settings_set(model->settings, config, set[0], set[1]));
    const wn_status status = wn__model_build(model, config, model->usual, graph);
    wn__free(config);
    return status;
}

TEST(wide_networks_have_any_depth_of_6n_plus_4)
{
    wn_graph *a = build("wrn-22-2", NULL), *b;
    CHECK_OK(build_set("wrn", (const char *const[]){"depth", "22", "width", "2", NULL}, &b));
    CHECK_EQ_INT(wn_graph_parameter_count(a), wn_graph_parameter_count(b));
    wn_graph_free(a);
    wn_graph_free(b);
    CHECK_EQ_INT(build_set("wrn", (const char *const[]){"depth", "23", NULL}, &b), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "6n + 4");
}

TEST(mobilenets_widths_are_multiples_of_8)
{
    static const struct {
        const char *name, *width;
        int64_t parameters; /* published */
    } scaled[] = {{"mobilenet-v1", "0.5", 1331592},
                  {"mobilenet-v1", "0.25", 470072},
                  {"mobilenet-v2", "0.5", 1968680},
                  {"mobilenet-v2", "1.4", 6108776}};
    for (size_t i = 0; i < sizeof scaled / sizeof *scaled; i++) {
        wn_graph *g;
        CHECK_OK(build_set(scaled[i].name, (const char *const[]){"width", scaled[i].width, NULL}, &g));
        CHECK_EQ_INT(wn_graph_parameter_count(g), scaled[i].parameters);
        wn_graph_free(g);
    }
}

static void check_names(const char *model, const char *const *wanted)
{
    wn_graph *g = build(model, NULL);
    for (; *wanted; wanted++) {
        bool found = false;
        for (int k = 0; k < g->params; k++)
            found |= !strcmp(g->param[k].name, *wanted);
        if (!found) WN_TEST_FAIL("%s: no tensor %s", model, *wanted);
    }
    wn_graph_free(g);
}

TEST(tensor_names_are_torchvisions)
{
    static const char *const wanted[] = {"conv1.weight",
                                         "bn1.running_mean",
                                         "layer1.0.conv1.weight",
                                         "layer2.0.downsample.0.weight",
                                         "layer2.0.downsample.1.bias",
                                         "layer3.2.bn2.running_var",
                                         "fc.weight",
                                         "fc.bias",
                                         NULL};
    check_names("resnet20", wanted);
    check_names("resnet50", (const char *const[]){"layer1.0.conv3.weight", "layer1.0.downsample.0.weight", "layer3.5.bn3.bias",
                                                  "layer4.2.conv2.weight", NULL});
    check_names("mobilenet-v2", (const char *const[]){"features.0.0.weight", "features.1.conv.0.1.weight", "features.1.conv.1.weight",
                                                      "features.1.conv.2.bias", "features.2.conv.1.0.weight",
                                                      "features.17.conv.3.running_var", "features.18.1.weight", "classifier.1.bias", NULL});
    check_names("wrn-22-2", (const char *const[]){"block1.layer.0.convShortcut.weight", "block3.layer.2.bn2.running_mean", "bn1.weight",
                                                  NULL}); /* of RigL's reproduction */
}

TEST(unknown_model_lists_the_valid_ones)
{
    const wn__model *model;
    CHECK_EQ_INT(wn__model_find("resnet21", &model), WN_ENOTFOUND);
    CHECK_HAS_TEXT(wn_error_message(), "resnet21");
    CHECK_HAS_TEXT(wn_error_message(), "resnet20");
    CHECK_HAS_TEXT(wn_error_message(), "lenet-300-100");
}

TEST(image_too_small_for_the_network_is_refused)
{
    const wn__model *model;
    wn_graph *g;
    CHECK_OK(wn__model_find("lenet5", &model));
    CHECK_EQ_INT(wn__model_build(model, NULL, (wn__model_input){1, 10, 10, 10}, &g), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "conv2");
    CHECK_HAS_TEXT(wn_error_message(), "too small");
}

TEST(builder_keeps_its_first_failure)
{
    wn_graph *g = wn_graph_new("bad", 3, 8, 8);
    int x = wn_graph_input(g);
    x = wn_graph_conv(g, x, "first", (wn_conv){.out = 4, .kernel = 3, .groups = 2});
    x = wn_graph_linear(g, x, "second", 0, false);
    CHECK_EQ_INT(wn_graph_finish(g, x), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "first");
    CHECK_HAS_TEXT(wn_error_message(), "groups");
    wn_graph_free(g);
}

TEST(long_names_of_nodes_stay_whole_or_are_refused)
{
    char name[300];
    for (int last = 'a'; last <= 'c'; last++) {
        wn_graph *g = wn_graph_new("long", 3, 8, 8);
        int x = wn_graph_input(g);
        memset(name, 'n', sizeof name);
        const int length = last == 'c' ? 241 : 240;
        name[length] = 0;
        name[length - 1] = 'a';
        x = wn_graph_conv(g, x, name, (wn_conv){.out = 4, .kernel = 3});
        name[length - 1] = 'b';
        x = wn_graph_conv(g, x, name, (wn_conv){.out = 4, .kernel = 3});
        CHECK_STATUS(wn_graph_finish(g, wn_graph_global_pool(g, x)), last == 'c' ? WN_EINVAL : WN_OK);
        if (last == 'c') CHECK_HAS_TEXT(wn_error_message(), "a name of 241 letters; names of nodes have at most 240");
        wn_graph_free(g);
    }
}

TEST(two_nodes_of_one_name_are_refused)
{
    wn_graph *g = wn_graph_new("bad", 3, 8, 8);
    int x = wn_graph_conv(g, wn_graph_input(g), "a", (wn_conv){.out = 4, .kernel = 3});
    x = wn_graph_conv(g, x, "a", (wn_conv){.out = 4, .kernel = 3});
    CHECK_EQ_INT(wn_graph_finish(g, wn_graph_global_pool(g, x)), WN_EINVAL);
    wn_graph_free(g);
}

TEST(shared_nodes_have_one_set_of_parameters)
{
    wn_graph *g = wn_graph_new("shared", 4, 8, 8);
    int a = wn_graph_conv(g, wn_graph_input(g), "a", (wn_conv){.out = 4, .kernel = 3, .pad = 1});
    int b = wn_graph_share(g, wn_graph_conv(g, a, "b", (wn_conv){.out = 4, .kernel = 3, .pad = 1}), a);
    CHECK_OK(wn_graph_finish(g, wn_graph_linear(g, wn_graph_global_pool(g, b), "fc", 2, true)));
    CHECK_EQ_INT(wn_graph_parameter_count(g), 4 * 4 * 9 + 4 * 2 + 2);
    CHECK_EQ_INT(wn_graph_forward_flops(g), 2 * (2 * 4 * 4 * 9 * 64 + 8));
    wn_graph_free(g);
}

TEST(lowering_fuses_what_nobody_else_reads)
{
    wn_graph *g = build("resnet20", NULL);
    wn__lowered *ops;
    int count, norms = 0, residual = 0, relus = 0;
    CHECK_OK(wn__lower(g, false, &ops, &count));
    for (int i = 0; i < count; i++) {
        norms += ops[i].desc.kind == WN__OP_NORM;
        residual += ops[i].desc.kind == WN__OP_NORM && ops[i].desc.inputs == 2;
        relus += ops[i].desc.relu;
    }
    CHECK_EQ_INT(count, 21 + 21 + 2); /* convolutions, norms, pool and linear: adds and ReLUs are gone */
    CHECK_EQ_INT(norms, 21);
    CHECK_EQ_INT(residual, 9);
    CHECK_EQ_INT(relus, 19); /* all norms but those of the two shortcuts */
    wn__free(ops);
    wn_graph_free(g);
}

TEST(lowering_keeps_what_a_preactivated_block_reads_twice)
{
    wn_graph *g = build("wrn-22-2", NULL);
    wn__lowered *ops;
    int count, norms = 0, adds = 0, relus = 0;
    CHECK_OK(wn__lower(g, false, &ops, &count));
    for (int i = 0; i < count; i++) {
        norms += ops[i].desc.kind == WN__OP_NORM && ops[i].desc.inputs == 1;
        adds += ops[i].desc.kind == WN__OP_ADD && ops[i].desc.inputs == 2 && !ops[i].desc.relu;
        relus += ops[i].desc.relu;
    }
    CHECK_EQ_INT(count, 1 + 18 + 3 + 19 + 9 + 9 + 2); /* stem, convolutions, shortcuts, norms, dropouts, adds, pool and linear */
    CHECK_EQ_INT(norms, 19);
    CHECK_EQ_INT(relus, 19);
    CHECK_EQ_INT(adds, 9);
    wn__free(ops);
    wn_graph_free(g);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(parameter_counts_are_the_published_ones),
                                    RUN(every_entry_states_its_true_parameter_count),
                                    RUN(bottleneck_networks_have_the_published_convolution_weights),
                                    RUN(forward_flops_of_resnet20_count_convolutions_and_linear_layers),
                                    RUN(prunable_weights_are_the_published_ones),
                                    RUN(forward_flops_are_the_published_ones),
                                    RUN(wide_networks_have_any_depth_of_6n_plus_4),
                                    RUN(mobilenets_widths_are_multiples_of_8),
                                    RUN(tensor_names_are_torchvisions),
                                    RUN(unknown_model_lists_the_valid_ones),
                                    RUN(image_too_small_for_the_network_is_refused),
                                    RUN(builder_keeps_its_first_failure),
                                    RUN(long_names_of_nodes_stay_whole_or_are_refused),
                                    RUN(two_nodes_of_one_name_are_refused),
                                    RUN(shared_nodes_have_one_set_of_parameters),
                                    RUN(lowering_fuses_what_nobody_else_reads),
                                    RUN(lowering_keeps_what_a_preactivated_block_reads_twice),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
