/* MobileNets: depthwise 3x3 convolutions, each channel apart, between 1x1 convolutions that mix channels.
 * Tensor names of version 2 are torchvision's. Version 1 has none there: "features.0", then "features.<i>.0" (depthwise) and ".3" (1x1),
 * batch norms one after each, "classifier". */
#include <stdio.h>

#include "models/model.h"

typedef struct mobile_config {
    double width, dropout;
    int64_t stem_stride;
    bool relu6;
} mobile_config;

#define COMMON                                                                                                                     \
    WN_SETTING_FLOAT(mobile_config, width, 1, 0.01, 100, "multiplies the number of channels of every layer (to a multiple of 8)"), \
        WN_SETTING_INT(mobile_config, stem_stride, 2, 1, 2, "step of the first convolution; 1 for images of 32x32")

static const wn__setting v1_settings[] = {
    COMMON, WN_SETTING_BOOL(mobile_config, relu6, false, "ReLUs end at 6, as in TensorFlow's code; the paper's do not"), {0}};
static const wn__setting v2_settings[] = {
    COMMON, WN_SETTING_FLOAT(mobile_config, dropout, 0.2, 0, 0.999, "dropped before the linear layer; 0 = no dropout"), {0}};

/* The nearest multiple of 8, at least 8, and not below 90 % of what was asked for. */
static int scaled(int channels, double width)
{
    const double wanted = channels * width;
    int multiple = (int)(wanted + 4) / 8 * 8;
    if (multiple < 8) multiple = 8;
    return multiple < 0.9 * wanted ? multiple + 8 : multiple;
}

/* Convolution "<prefix>.<i>" without bias, batch norm "<prefix>.<i + 1>". Groups of one channel if depthwise. */
static int conv_norm(wn_graph *g, int x, const char *prefix, int i, wn_conv spec)
{
    char conv[64], norm[64];
    snprintf(conv, sizeof conv, "%s.%d", prefix, i);
    snprintf(norm, sizeof norm, "%s.%d", prefix, i + 1);
    spec.pad = spec.kernel / 2;
    return wn_graph_batch_norm(g, wn_graph_conv(g, x, conv, spec), norm);
}

/* --- version 1 ----------------------------------------------------------------------------------------------------------------- */

static int activation(wn_graph *g, int x, const mobile_config *c)
{
    return c->relu6 ? wn_graph_clipped_relu(g, x, 6) : wn_graph_relu(g, x);
}

static int build_v1(const wn__model *model, const void *config, wn_graph *g, int classes)
{
    static const struct {
        int out, stride;
    } pairs[] = {{64, 1},  {128, 2}, {128, 1}, {256, 2}, {256, 1},  {512, 2}, {512, 1},
                 {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 2}, {1024, 1}};
    const mobile_config *c = config;
    int channels = scaled(32, c->width);
    int x = conv_norm(g, 0, "features.0", 0, (wn_conv){.out = channels, .kernel = 3, .stride = (int)c->stem_stride});
    x = activation(g, x, c);
    (void)model;
    for (int i = 0; i < (int)(sizeof pairs / sizeof *pairs); i++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "features.%d", i + 1);
        x = conv_norm(g, x, prefix, 0, (wn_conv){.out = channels, .kernel = 3, .stride = pairs[i].stride, .groups = channels});
        channels = scaled(pairs[i].out, c->width);
        x = conv_norm(g, activation(g, x, c), prefix, 3, (wn_conv){.out = channels, .kernel = 1});
        x = activation(g, x, c);
    }
    return wn_graph_linear(g, wn_graph_global_pool(g, x), "classifier", classes, true);
}

/* --- version 2 ----------------------------------------------------------------------------------------------------------------- */

static int relu6(wn_graph *g, int x) { return wn_graph_clipped_relu(g, x, 6); }

/* "<prefix>.<part>.0", ".1" and ReLU6. */
static int conv_norm_relu6(wn_graph *g, int x, const char *prefix, int part, wn_conv spec)
{
    char name[48];
    snprintf(name, sizeof name, "%s.%d", prefix, part);
    return relu6(g, conv_norm(g, x, name, 0, spec));
}

/* Widen, filter each channel, narrow without a ReLU; around it a shortcut where shapes allow. */
static int inverted_block(wn_graph *g, int x, int index, int in, int out, int expansion, int stride)
{
    char prefix[32];
    const int inside = in * expansion;
    int y = x, part = 0;
    snprintf(prefix, sizeof prefix, "features.%d.conv", index);
    if (expansion > 1) y = conv_norm_relu6(g, y, prefix, part++, (wn_conv){.out = inside, .kernel = 1});
    y = conv_norm_relu6(g, y, prefix, part++, (wn_conv){.out = inside, .kernel = 3, .stride = stride, .groups = inside});
    y = conv_norm(g, y, prefix, part, (wn_conv){.out = out, .kernel = 1});
    return stride == 1 && in == out ? wn_graph_add(g, x, y) : y;
}

static int build_v2(const wn__model *model, const void *config, wn_graph *g, int classes)
{
    static const struct {
        int expansion, out, blocks, stride;
    } stages[] = {{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
    const mobile_config *c = config;
    int index = 0, channels = scaled(32, c->width);
    int x = conv_norm_relu6(g, 0, "features", index++, (wn_conv){.out = channels, .kernel = 3, .stride = (int)c->stem_stride});
    (void)model;
    for (int s = 0; s < (int)(sizeof stages / sizeof *stages); s++)
        for (int block = 0; block < stages[s].blocks; block++) {
            const int out = scaled(stages[s].out, c->width);
            x = inverted_block(g, x, index++, channels, out, stages[s].expansion, block ? 1 : stages[s].stride);
            channels = out;
        }
    x = conv_norm_relu6(g, x, "features", index, (wn_conv){.out = scaled(1280, c->width > 1 ? c->width : 1), .kernel = 1});
    x = wn_graph_global_pool(g, x);
    if (c->dropout > 0) x = wn_graph_dropout(g, x, c->dropout);
    return wn_graph_linear(g, x, "classifier.1", classes, true);
}

const wn__model wn__model_mobilenet_v1 = {.name = "mobilenet-v1",
                                          .summary = "13 pairs of depthwise and 1x1 convolutions",
                                          .paper = "arXiv:1704.04861",
                                          .usual = {3, 224, 224, 1000},
                                          .parameters = 4231976,
                                          .settings = v1_settings,
                                          .config_size = sizeof(mobile_config),
                                          .build = build_v1};

const wn__model wn__model_mobilenet_v2 = {.name = "mobilenet-v2",
                                          .summary = "17 inverted residual blocks with ReLU6",
                                          .paper = "arXiv:1801.04381",
                                          .usual = {3, 224, 224, 1000},
                                          .parameters = 3504872,
                                          .settings = v2_settings,
                                          .config_size = sizeof(mobile_config),
                                          .build = build_v2};
