/* VGG with batch norm for small images: 3x3 convolutions, 2x2 max pooling, one linear layer. Tensor names are torchvision's ("features.<i>",
 * counting ReLUs and pools), "classifier" for the linear layer. */
#include <stdio.h>

#include "models/model.h"

typedef struct vgg_config {
    double width;
    bool bias;
} vgg_config;

static const wn__setting vgg_settings[] = {
    WN_SETTING_FLOAT(vgg_config, width, 1, 0.01, 100, "multiplies the number of channels of every layer (rounded, at least 1)"),
    WN_SETTING_BOOL(vgg_config, bias, true, "biases in the convolutions; batch norm makes them idle, but the published counts have them"),
    {0}};

static int build_vgg(const wn__model *model, const void *config_in, wn_graph *g, int classes)
{
    const vgg_config *config = config_in;
    int x = 0, index = 0;
    for (const int *c = model->variant; *c; c++) {
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
    return wn_graph_linear(g, wn_graph_global_pool(g, x), "classifier", classes, true);
}

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
