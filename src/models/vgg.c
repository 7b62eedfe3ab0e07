/* VGG with batch norm: 3x3 convolutions, 2x2 max pooling; for small images one linear layer, for photographs three. Tensor names are torchvision's
 * ("features.<i>", counting ReLUs and pools), "classifier" for the linear layer of small images. */
#include <stdio.h>

#include "models/model.h"

typedef struct vgg_config {
    double width;
    bool bias;
    double dropout; /* of networks for photographs */
} vgg_config;

static const wn__setting vgg_settings[] = {
    WN_SETTING_FLOAT(vgg_config, width, 1, 0.01, 100, "multiplies the number of channels of every layer (rounded, at least 1)"),
    WN_SETTING_BOOL(vgg_config, bias, true, "biases in the convolutions; batch norm makes them idle, but the published counts have them"),
    {0}};

static int add_features(const int *layers, const vgg_config *config, wn_graph *g)
{
    int x = 0, index = 0;
    for (const int *c = layers; *c; c++) {
        if (*c < 0) { /* pool */
            x = wn_graph_max_pool(g, x, 2, 2, 0);
            index++;
            continue;
        }
        char conv[32], norm[32];
        snprintf(conv, sizeof conv, "features.%d", index);
        snprintf(norm, sizeof norm, "features.%d", index + 1);
        const int width = (int)(*c * config->width + 0.5);
        x = wn_graph_conv(g, x, conv, (wn_conv){.out = width < 1 ? 1 : width, .kernel = 3, .pad = 1, .bias = config->bias});
        x = wn_graph_relu(g, wn_graph_batch_norm(g, x, norm));
        index += 3;
    }
    return x;
}

static int build_vgg(const wn__model *model, const void *config, wn_graph *g, int classes)
{
    return wn_graph_linear(g, wn_graph_global_pool(g, add_features(model->variant, config, g)), "classifier", classes, true);
}

/* ---- for photographs */

static const wn__setting photo_settings[] = {
    WN_SETTING_FLOAT(vgg_config, width, 1, 0.01, 100, "multiplies the number of channels of every convolution (rounded, at least 1)"),
    WN_SETTING_BOOL(vgg_config, bias, true, "biases in the convolutions; batch norm makes them idle, but torchvision has them"),
    WN_SETTING_FLOAT(vgg_config, dropout, 0.5, 0, 0.99, "before the second and the third linear layer"),
    {0}};

static int build_photo_vgg(const wn__model *model, const void *config_in, wn_graph *g, int classes)
{
    const vgg_config *config = config_in;
    int x = wn_graph_max_pool(g, add_features(model->variant, config, g), 2, 2, 0);
    for (int layer = 0; layer < 6; layer += 3) {
        char name[32];
        snprintf(name, sizeof name, "classifier.%d", layer);
        x = wn_graph_relu(g, wn_graph_linear(g, x, name, 4096, true));
        if (config->dropout > 0) x = wn_graph_dropout(g, x, config->dropout);
    }
    return wn_graph_linear(g, x, "classifier.6", classes, true);
}

/* ---- entries */

static const int vgg16_layers[] = {64, 64, -1, 128, 128, -1, 256, 256, 256, -1, 512, 512, 512, -1, 512, 512, 512, 0};
static const int vgg19_layers[] = {64, 64, -1, 128, 128, -1, 256, 256, 256, 256, -1, 512, 512, 512, 512, -1, 512, 512, 512, 512, 0};

const wn__model wn__model_vgg16 = {.name = "vgg16",
                                   .summary = "13 convolutions with batch norm, one linear layer",
                                   .paper = "arXiv:1409.1556",
                                   .usual = {3, 32, 32, 10},
                                   .parameters = 14728266,
                                   .variant = vgg16_layers,
                                   .settings = vgg_settings,
                                   .config_size = sizeof(vgg_config),
                                   .build = build_vgg};

const wn__model wn__model_vgg19 = {.name = "vgg19",
                                   .summary = "16 convolutions with batch norm, one linear layer",
                                   .paper = "arXiv:1409.1556",
                                   .usual = {3, 32, 32, 10},
                                   .parameters = 20040522,
                                   .variant = vgg19_layers,
                                   .settings = vgg_settings,
                                   .config_size = sizeof(vgg_config),
                                   .build = build_vgg};

const wn__model wn__model_vgg16_bn = {.name = "vgg16-bn",
                                      .summary = "13 convolutions with batch norm, three linear layers, for photographs",
                                      .paper = "arXiv:1409.1556",
                                      .usual = {3, 224, 224, 1000},
                                      .parameters = 138365992,
                                      .variant = vgg16_layers,
                                      .settings = photo_settings,
                                      .config_size = sizeof(vgg_config),
                                      .build = build_photo_vgg};

const wn__model wn__model_vgg19_bn = {.name = "vgg19-bn",
                                      .summary = "16 convolutions with batch norm, three linear layers, for photographs",
                                      .paper = "arXiv:1409.1556",
                                      .usual = {3, 224, 224, 1000},
                                      .parameters = 143678248,
                                      .variant = vgg19_layers,
                                      .settings = photo_settings,
                                      .config_size = sizeof(vgg_config),
                                      .build = build_photo_vgg};
