/* Wide residual networks (Zagoruyko and Komodakis 2016): batch norm and ReLU before each 3x3 convolution, three stages of (depth - 4) / 6
 * blocks. Where a block changes the number of channels, its shortcut is a 1x1 convolution of the activated input, else the block's
 * input itself. Dropout stands between the two convolutions. RigL's code and its reproduction build the same network, but for the
 * padding of convolutions by steps of 2: TensorFlow's puts it all after the image, PyTorch's, and ours, around it. Tensor names are the
 * reproduction's. */
#include <stdio.h>

#include "base/fail.h"
#include "models/model.h"
#include "nn/graph_nodes.h"

typedef struct wide_config {
    int64_t depth, width;
    double dropout, scale;
} wide_config;

/* Both published codes drop 0.3. */
#define COMMON                                                                                                                \
    WN_SETTING_FLOAT(wide_config, dropout, 0.3, 0, 0.999, "dropped between the two convolutions of a block; 0 = no dropout"), \
        WN_SETTING_FLOAT(wide_config, scale, 1, 0.01, 100,                                                                    \
                         "multiplies all numbers of channels (rounded down); sqrt(density) is the small dense network of RigL's paper")

static const wn__setting wrn_settings[] = {WN_SETTING_INT(wide_config, depth, 28, 10, 10000, "layers: 6n + 4"),
                                           WN_SETTING_INT(wide_config, width, 10, 1, 1000, "widening factor of 16-32-64 channels"),
                                           COMMON,
                                           {0}};
static const wn__setting wrn_22_2_settings[] = {COMMON, {0}};

static int scaled(int64_t channels, const wide_config *c)
{
    const int scaled = (int)((double)channels * c->scale);
    return scaled < 1 ? 1 : scaled;
}

/* The node "<prefix>.<part>". */
static int conv(wn_graph *g, int x, const char *prefix, const char *part, wn_conv spec)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%s", prefix, part);
    return wn_graph_conv(g, x, name, spec);
}

static int activated(wn_graph *g, int x, const char *prefix, const char *part)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%s", prefix, part);
    return wn_graph_relu(g, wn_graph_batch_norm(g, x, name));
}

static int wide_block(wn_graph *g, int x, const char *prefix, int in, int out, int stride, double dropout)
{
    const int start = activated(g, x, prefix, "bn1");
    int y = conv(g, start, prefix, "conv1", (wn_conv){.out = out, .kernel = 3, .stride = stride, .pad = 1});
    y = activated(g, y, prefix, "bn2");
    if (dropout > 0) y = wn_graph_dropout(g, y, dropout);
    y = conv(g, y, prefix, "conv2", (wn_conv){.out = out, .kernel = 3, .pad = 1});
    if (in != out) x = conv(g, start, prefix, "convShortcut", (wn_conv){.out = out, .kernel = 1, .stride = stride});
    return wn_graph_add(g, y, x);
}

static int build_wide(wn_graph *g, const wide_config *c, int classes)
{
    int channels = scaled(16, c), x = wn_graph_conv(g, 0, "conv1", (wn_conv){.out = channels, .kernel = 3, .pad = 1});
    for (int stage = 0; stage < 3; stage++)
        for (int block = 0; block < (c->depth - 4) / 6; block++) {
            char prefix[32];
            snprintf(prefix, sizeof prefix, "block%d.layer.%d", stage + 1, block);
            const int out = scaled((16 << stage) * c->width, c), stride = stage > 0 && block == 0 ? 2 : 1;
            x = wide_block(g, x, prefix, channels, out, stride, c->dropout);
            channels = out;
        }
    x = wn_graph_relu(g, wn_graph_batch_norm(g, x, "bn1"));
    return wn_graph_linear(g, wn_graph_global_pool(g, x), "fc", classes, true);
}

static int build_wrn(const wn__model *model, const void *config_in, wn_graph *g, int classes)
{
    const wide_config *c = config_in;
    (void)model;
    if ((c->depth - 4) % 6)
        return wn__graph_refuse(g, wn__fail(WN_EINVAL, "depth %lld, must be 6n + 4: 10, 16, 22, 28, 34, 40 ...", (long long)c->depth));
    return build_wide(g, c, classes);
}

static int build_wrn_22_2(const wn__model *model, const void *config_in, wn_graph *g, int classes)
{
    wide_config c = *(const wide_config *)config_in;
    (void)model;
    c.depth = 22;
    c.width = 2;
    return build_wide(g, &c, classes);
}

const wn__model wn__model_wrn_22_2 = {.name = "wrn-22-2",
                                      .summary = "wide residual network of 22 layers, 32-64-128 channels: RigL's for CIFAR-10",
                                      .paper = "arXiv:1605.07146; arXiv:1911.11134",
                                      .usual = {3, 32, 32, 10},
                                      .parameters = 1079642,
                                      .settings = wrn_22_2_settings,
                                      .config_size = sizeof(wide_config),
                                      .build = build_wrn_22_2};

const wn__model wn__model_wrn = {.name = "wrn",
                                 .summary = "wide residual network of any depth and width; as set: WRN-28-10",
                                 .paper = "arXiv:1605.07146",
                                 .usual = {3, 32, 32, 10},
                                 .parameters = 36479194,
                                 .settings = wrn_settings,
                                 .config_size = sizeof(wide_config),
                                 .build = build_wrn};
