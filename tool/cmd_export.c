#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "names.h"
#include "winnow/network.h"
#include "winnow/show.h"
#include "written.h"

typedef struct export_config {
    wn__texts set;
    const char *experiment, *to, *out, *values, *target, *name;
    int64_t opset;
    bool masks, shrink, keep_batch_norm, sparse_initializers, external_data, preprocess;
} export_config;

static const wn__option export_options[] = {
    WN_OPTION_TEXT(export_config, to, "to", "FORMAT", "compressed, dense, torch, onnx or c; required"),
    WN_OPTION_TEXT(export_config, out, "out", "FILE", "what to write; of c FILE.c and FILE.h; required"),
    WN_OPTION_SWITCH(export_config, masks, "masks",
                     "dense, torch: masks beside the weights, as tensors NAME_mask; of torch the weights are NAME_orig"),
    WN_OPTION_TEXT(export_config, values, "values", "TYPE",
                   "compressed, dense, torch: f32, f16 or bf16 for all numbers (default: as they came)"),
    WN_OPTION_SWITCH(export_config, shrink, "shrink", "leave out filters and neurons that have no effect, of any format"),
    WN_OPTION_NUMBER(export_config, opset, "opset", "N", "onnx: version of the operators, 11 to 24 (default: 17)"),
    WN_OPTION_SWITCH(export_config, keep_batch_norm, "keep-batch-norm", "onnx: batch norms stay nodes of their own"),
    WN_OPTION_SWITCH(export_config, sparse_initializers, "sparse-initializers",
                     "onnx: weights of which half and more are zero as values and places"),
    WN_OPTION_SWITCH(export_config, external_data, "external-data", "onnx: weights in FILE.data beside it"),
    WN_OPTION_SWITCH(export_config, preprocess, "preprocess", "onnx: the input is bytes of pixels, normalized in the graph"),
    WN_OPTION_TEXT(export_config, target, "target", "TARGET", "c: simd, for speed, or small, of least memory (default: simd)"),
    WN_OPTION_TEXT(export_config, name, "name", "NAME", "c: what all names in the source begin with (default: that of FILE)"),
    WN_OPTION_EXPERIMENT(export_config, experiment),
    WN_OPTION_LIST(export_config, set, "set", "KEY=VALUE",
                   "what the file does not say of itself: model.arch=resnet20, data.set=cifar10; may be repeated"),
    {0}};

static wn_status print_network(wn__answer *answer, wn_network *net, const wn_network_export_summary *written)
{
    wn_network_info info = {.size = sizeof info};
    char some[32], all[32];
    const wn_status status = wn_network_look(net, &info);
    if (status != WN_OK) return status;
    wn__answer_print(answer, "network            %s, inputs %lldx%lldx%lld, %lld outputs\n", info.name, (long long)info.channels,
                     (long long)info.height, (long long)info.width, (long long)info.outputs);
    wn__answer_print(answer, "weights            %s of %s", wn_show_count(written->weights_active, some, sizeof some),
                     wn_show_count(written->weights, all, sizeof all));
    if (written->channels)
        wn__answer_print(answer, " without %lld channels; before %s of %s", (long long)written->channels,
                         wn_show_count(info.weights_active, some, sizeof some), wn_show_count(info.weights, all, sizeof all));
    wn__answer_print(answer, "\n");
    wn__answer_text(answer, "network", info.name);
    wn__answer_whole(answer, "channels", info.channels);
    wn__answer_whole(answer, "height", info.height);
    wn__answer_whole(answer, "width", info.width);
    wn__answer_whole(answer, "outputs", info.outputs);
    wn__answer_whole(answer, "weights", written->weights);
    wn__answer_whole(answer, "weights_active", written->weights_active);
    wn__answer_whole(answer, "channels_left_out", written->channels);
    return WN_OK;
}

static bool are_one_file(const char *a, const char *b)
{
    struct stat of_a, of_b;
    return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

/* The first file that is written: C source ends in .c. */
static void name_written(const export_config *c, char *path, size_t size)
{
    const size_t length = strlen(c->out);
    const bool source = strcmp(c->to, "c") == 0 && !(length > 2 && strcmp(c->out + length - 2, ".c") == 0);
    snprintf(path, size, "%s%s", c->out, source ? ".c" : "");
}

static wn_status export(const wn__call *call, const export_config *c, const char *path)
{
    const wn_network_options open = {.size = sizeof open, .set = c->set.items, .sets = c->set.count};
    wn_network_export_summary summary = {0};
    const wn_network_export_options how = {.size = sizeof how,
                                           .format = c->to,
                                           .masks = c->masks,
                                           .opset = (int)c->opset,
                                           .keep_batch_norm = c->keep_batch_norm,
                                           .sparse_initializers = c->sparse_initializers,
                                           .external_data = c->external_data,
                                           .preprocess = c->preprocess,
                                           .values = c->values,
                                           .shrink = c->shrink,
                                           .target = c->target,
                                           .name = c->name,
                                           .summary = &summary};
    char written[WN__PATH];
    wn_network *net;
    wn_status status = wn_network_open(path, &open, &net);
    if (status != WN_OK) return status;
    status = wn_network_export(net, c->out, &how);
    if (status == WN_OK) status = print_network(call->answer, net, &summary);
    name_written(c, written, sizeof written);
    if (status == WN_OK)
        wn__print_written(call,
                          &(wn__written){.width = 19, .label = "written", .path = written, .dense = strcmp(c->to, "compressed") != 0});
    wn_network_close(net);
    return status;
}

static int run_export(const wn__call *call)
{
    const export_config *config = call->config;
    if (!config->to) return wn__wrong_usage(call, "--to is needed: compressed, dense, torch, onnx or c");
    if (!config->out) return wn__wrong_usage(call, "--out is needed: what to write");
    char path[WN__PATH];
    const wn_status status = wn_store_weights(NULL, config->experiment, call->arguments[0], path, sizeof path);
    if (status != WN_OK) return wn__finish(call, status);
    if (are_one_file(path, config->out)) return wn__wrong_usage(call, "%s is what is read: --out must name another file", config->out);
    return wn__finish(call, export(call, config, path));
}

const wn__command wn__command_export = {
    .name = "export",
    .arguments = "NETWORK",
    .summary = "Write a network for other programs: dense safetensors, PyTorch, ONNX, C source",
    .details = WN_NETWORK_NAMES
    "\n\n"
    "Weights files of Winnow are compressed: they hold the active weights alone. Dense ones hold all, as the tensors of PyTorch's networks;\n"
    "with --masks they are what compressed ones stand for. torch is the same as a file of torch.save, which\n"
    "torch.load(weights_only=True) reads. Numbers keep the type that they came in.\n\n"
    "Outputs are those that the network has here but for the order of additions. Batch norm is by running statistics and becomes part of\n"
    "the convolution or linear layer in front of it. Class names and the normalization of pixels are in the file.\n\n"
    "C source is C99 that needs nothing, allocates nothing and multiplies by weights that are not zero only; FILE.h says how it is\n"
    "called. From 500,000 weights on they are in FILE.bin, which the program reads, or links through FILE.S.",
    .options = export_options,
    .config_size = sizeof(export_config),
    .least = 1,
    .most = 1,
    .prints = WN__PRINTS_JSON,
    .run = run_export,
};
