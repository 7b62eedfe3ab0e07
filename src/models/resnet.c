/* Residual networks: a stem, stages of doubling width, projection shortcuts (1x1 convolution + batch norm) where the shape changes, global
 * mean, one linear layer. The stem for small images is a 3x3 convolution; that for photographs a 7x7 one and max pooling, both by steps of
 * 2. Bottlenecks have their stride in the 3x3 convolution. Tensor names are torchvision's. */
#include <stdio.h>

#include "models/model.h"

typedef struct resnet_variant {
    int blocks[4]; /* per stage; 0 = no more stages */
    int width;     /* of the stem and the first stage; doubles per stage */
    int expansion; /* 0: basic blocks (two 3x3), else bottlenecks (1x1, 3x3, 1x1 to expansion * width) */
    bool photo;    /* the stem for photographs */
} resnet_variant;

typedef struct resnet_config {
    double width;
} resnet_config;

static const wn__setting resnet_settings[] = {
    WN_SETTING_FLOAT(resnet_config, width, 1, 0.01, 100, "multiplies the number of channels of every layer (rounded, at least 1)"), {0}};

static int scaled(int channels, const resnet_config *config)
{
    const int c = (int)(channels * config->width + 0.5);
    return c < 1 ? 1 : c;
}

static int conv_norm(wn_graph *g, int x, const char *conv, const char *norm, int out, int kernel, int stride)
{
    return wn_graph_batch_norm(g, wn_graph_conv(g, x, conv, (wn_conv){.out = out, .kernel = kernel, .stride = stride, .pad = kernel / 2}),
                               norm);
}

/* One convolution of a block: "<prefix>.conv<i>" and "<prefix>.bn<i>". */
static int block_conv(wn_graph *g, int x, const char *prefix, int i, int out, int kernel, int stride)
{
    char conv[64], norm[64];
    snprintf(conv, sizeof conv, "%s.conv%d", prefix, i);
    snprintf(norm, sizeof norm, "%s.bn%d", prefix, i);
    return conv_norm(g, x, conv, norm, out, kernel, stride);
}

static int residual_block(wn_graph *g, int x, const char *prefix, int width, int expansion, int stride, bool project)
{
    const int out = expansion ? width * expansion : width;
    int y, shortcut = x;
    if (expansion) {
        y = wn_graph_relu(g, block_conv(g, x, prefix, 1, width, 1, 1));
        y = wn_graph_relu(g, block_conv(g, y, prefix, 2, width, 3, stride));
        y = block_conv(g, y, prefix, 3, out, 1, 1);
    } else {
        y = wn_graph_relu(g, block_conv(g, x, prefix, 1, width, 3, stride));
        y = block_conv(g, y, prefix, 2, out, 3, 1);
    }
    if (project) {
        char conv[64], norm[64];
        snprintf(conv, sizeof conv, "%s.downsample.0", prefix);
        snprintf(norm, sizeof norm, "%s.downsample.1", prefix);
        shortcut = conv_norm(g, x, conv, norm, out, 1, stride);
    }
    return wn_graph_relu(g, wn_graph_add(g, y, shortcut));
}

static int stem(wn_graph *g, bool photo, int width)
{
    const int x = wn_graph_relu(g, conv_norm(g, 0, "conv1", "bn1", width, photo ? 7 : 3, photo ? 2 : 1));
    return photo ? wn_graph_max_pool(g, x, 3, 2, 1) : x;
}

static int build_resnet(const wn__model *model, const void *config_in, wn_graph *g, int classes)
{
    const resnet_variant *v = model->variant;
    const resnet_config *config = config_in;
    int channels = scaled(v->width, config), x = stem(g, v->photo, channels);
    for (int stage = 0; stage < 4 && v->blocks[stage]; stage++) {
        const int width = scaled(v->width << stage, config), out = v->expansion ? width * v->expansion : width;
        for (int block = 0; block < v->blocks[stage]; block++) {
            char prefix[32];
            snprintf(prefix, sizeof prefix, "layer%d.%d", stage + 1, block);
            const int stride = stage > 0 && block == 0 ? 2 : 1;
            x = residual_block(g, x, prefix, width, v->expansion, stride, stride != 1 || channels != out);
            channels = out;
        }
    }
    return wn_graph_linear(g, wn_graph_global_pool(g, x), "fc", classes, true);
}

#define RESNET(entry, title, text, source, size, labels, count, ...)                      \
    const wn__model wn__model_##entry = {.name = title,                                   \
                                         .summary = text,                                 \
                                         .paper = source,                                 \
                                         .usual = {3, size, size, labels},                \
                                         .parameters = count,                             \
                                         .variant = &(const resnet_variant){__VA_ARGS__}, \
                                         .settings = resnet_settings,                     \
                                         .config_size = sizeof(resnet_config),            \
                                         .build = build_resnet}

RESNET(resnet8, "resnet8", "6n+2 layers, n = 1, basic blocks 16-32-64", "arXiv:1512.03385", 32, 10, 78042, .blocks = {1, 1, 1},
       .width = 16);
RESNET(resnet20, "resnet20", "6n+2 layers, n = 3, basic blocks 16-32-64", "arXiv:1512.03385", 32, 10, 272474, .blocks = {3, 3, 3},
       .width = 16);
RESNET(resnet32, "resnet32", "6n+2 layers, n = 5, basic blocks 16-32-64", "arXiv:1512.03385", 32, 10, 466906, .blocks = {5, 5, 5},
       .width = 16);
RESNET(resnet44, "resnet44", "6n+2 layers, n = 7, basic blocks 16-32-64", "arXiv:1512.03385", 32, 10, 661338, .blocks = {7, 7, 7},
       .width = 16);
RESNET(resnet56, "resnet56", "6n+2 layers, n = 9, basic blocks 16-32-64", "arXiv:1512.03385", 32, 10, 855770, .blocks = {9, 9, 9},
       .width = 16);
RESNET(resnet110, "resnet110", "6n+2 layers, n = 18, basic blocks 16-32-64", "arXiv:1512.03385", 32, 10, 1730714, .blocks = {18, 18, 18},
       .width = 16);
RESNET(resnet56_bottleneck, "resnet56-bottleneck", "9 bottleneck blocks a stage, 16-32-64 x 4: the KD-ticket paper's ResNet-56",
       "arXiv:2101.03255v2", 32, 10, 869530, .blocks = {9, 9, 9}, .width = 16, .expansion = 4);
RESNET(resnet110_bottleneck, "resnet110-bottleneck", "18 bottleneck blocks a stage, 16-32-64 x 4: the KD-ticket paper's ResNet-110",
       "arXiv:2101.03255v2", 32, 10, 1704154, .blocks = {18, 18, 18}, .width = 16, .expansion = 4);
RESNET(resnet18_cifar, "resnet18-cifar", "2 basic blocks in each of 4 stages 64-128-256-512, 3x3 stem", "arXiv:1512.03385", 32, 10,
       11173962, .blocks = {2, 2, 2, 2}, .width = 64);
RESNET(resnet50_cifar, "resnet50-cifar",
       "3-4-6-3 bottleneck blocks, 64-128-256-512 x 4, 3x3 stem: the ResNet-50 for CIFAR-100 of RigL's reproduction", "arXiv:1512.03385",
       32, 100, 23705252, .blocks = {3, 4, 6, 3}, .width = 64, .expansion = 4);
RESNET(resnet18, "resnet18", "2-2-2-2 basic blocks, 64-128-256-512, 7x7 stem", "arXiv:1512.03385", 224, 1000, 11689512,
       .blocks = {2, 2, 2, 2}, .width = 64, .photo = true);
RESNET(resnet34, "resnet34", "3-4-6-3 basic blocks, 64-128-256-512, 7x7 stem", "arXiv:1512.03385", 224, 1000, 21797672,
       .blocks = {3, 4, 6, 3}, .width = 64, .photo = true);
RESNET(resnet50, "resnet50", "3-4-6-3 bottleneck blocks, 64-128-256-512 x 4, 7x7 stem, stride in the 3x3 (v1.5)", "arXiv:1512.03385", 224,
       1000, 25557032, .blocks = {3, 4, 6, 3}, .width = 64, .expansion = 4, .photo = true);
