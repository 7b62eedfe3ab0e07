/* LeNets of the pruning papers. */
#include "models/model.h"

typedef struct lenet_config {
    double width;
} lenet_config;

static const wn__setting lenet_settings[] = {
    WN_SETTING_FLOAT(lenet_config, width, 1, 0.01, 100, "multiplies the number of channels of every layer (rounded, at least 1)"), {0}};

#define SETTINGS .settings = lenet_settings, .config_size = sizeof(lenet_config), .later = "width"

static int scaled(int channels, const void *config)
{
    const int c = (int)(channels * ((const lenet_config *)config)->width + 0.5);
    return c < 1 ? 1 : c;
}

static int build_300_100(const wn__model *model, const void *config, wn_graph *g, int classes)
{
    (void)model;
    int x = wn_graph_relu(g, wn_graph_linear(g, 0, "fc1", scaled(300, config), true));
    x = wn_graph_relu(g, wn_graph_linear(g, x, "fc2", scaled(100, config), true));
    return wn_graph_linear(g, x, "fc3", classes, true);
}

typedef struct lenet5_variant {
    int conv[2], fc[2]; /* fc: 0 = left out */
} lenet5_variant;

/* Valid 5x5 convolutions, each with ReLU and 2x2 max pooling, then linear layers. */
static int build_lenet5(const wn__model *model, const void *config, wn_graph *g, int classes)
{
    static const char *const conv_names[] = {"conv1", "conv2"}, *const fc_names[] = {"fc1", "fc2", "fc3"};
    const lenet5_variant *v = model->variant;
    int x = 0, layer = 0;
    for (int i = 0; i < 2; i++) {
        x = wn_graph_relu(g, wn_graph_conv(g, x, conv_names[i], (wn_conv){.out = scaled(v->conv[i], config), .kernel = 5, .bias = true}));
        x = wn_graph_max_pool(g, x, 2, 2, 0);
    }
    for (; layer < 2 && v->fc[layer]; layer++)
        x = wn_graph_relu(g, wn_graph_linear(g, x, fc_names[layer], scaled(v->fc[layer], config), true));
    return wn_graph_linear(g, x, fc_names[layer], classes, true);
}

const wn__model wn__model_lenet_300_100 = {.name = "lenet-300-100",
                                           .summary = "784-300-100-10 fully connected",
                                           .paper = "LeCun et al. 1998; arXiv:1803.03635",
                                           .usual = {1, 28, 28, 10},
                                           .parameters = 266610,
                                           SETTINGS,
                                           .build = build_300_100};

const wn__model wn__model_lenet5 = {.name = "lenet5",
                                    .summary = "valid convolutions 6-16, linear 120-84-10",
                                    .paper = "LeCun et al. 1998; arXiv:2010.03533",
                                    .usual = {1, 28, 28, 10},
                                    .parameters = 44426,
                                    SETTINGS,
                                    .variant = &(const lenet5_variant){{6, 16}, {120, 84}},
                                    .build = build_lenet5};

const wn__model wn__model_lenet5_caffe = {.name = "lenet5-caffe",
                                          .summary = "valid convolutions 20-50, linear 500-10, as the early pruning papers use it",
                                          .paper = "Jia et al. 2014 (Caffe); arXiv:1506.02626",
                                          .usual = {1, 28, 28, 10},
                                          .parameters = 431080,
                                          SETTINGS,
                                          .variant = &(const lenet5_variant){{20, 50}, {500, 0}},
                                          .build = build_lenet5};
