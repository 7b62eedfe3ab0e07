/* A network as files of all formats, with inputs and the outputs that it gives in double sums, for export_outputs.py to compare.
 *
 *     export_dump ARCH SPARSITY PASSES FOLDER
 *
 * ARCH "odd": a graph with everything in it, dense; "resnet50@cifar10": for the pictures of that set. SPARSITY "0": dense. Writes FOLDER/net.safetensors, x.bin and y.bin (N inputs and outputs, float32), about.txt (channels, height, width, outputs, n), plain.onnx, norms.onnx, sparse.onnx,
 * outside.onnx, net.c (simd), small.c. */
#include <inttypes.h>
#include <string.h>

#include "base/files.h"
#include "base/text.h"
#include "made_network.h"

enum { N = 3 };

static wn_status write_in(const char *folder, const char *name, const void *data, size_t size)
{
    char *path = wn__path_join(folder, name);
    const wn_status status = path ? wn__file_write(path, data, size) : wn__no_memory(size);
    wn__free(path);
    return status;
}

static wn_status export_in(wn_network *net, const char *folder, const char *name, wn_network_export_options how)
{
    char *path = wn__path_join(folder, name);
    how.size = sizeof how;
    const wn_status status = path ? wn_network_export(net, path, &how) : wn__no_memory(1);
    wn__free(path);
    return status;
}

static wn_status write_outputs(wn_network *net, const wn_network_info *info, const char *folder)
{
    const int64_t each = info->channels * info->height * info->width;
    char about[128];
    float *x = made_inputs(N, each), *y = WN_NEW_ARRAY(float, N * info->outputs);
    wn_status status = x && y ? wn_network_predict(net, x, N, y) : wn__no_memory(1);
    if (status == WN_OK) status = write_in(folder, "x.bin", x, (size_t)(N * each) * sizeof *x);
    if (status == WN_OK) status = write_in(folder, "y.bin", y, (size_t)(N * info->outputs) * sizeof *y);
    snprintf(about, sizeof about, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %d\n", info->channels, info->height, info->width,
             info->outputs, (int)N);
    if (status == WN_OK) status = write_in(folder, "about.txt", about, strlen(about));
    wn__free(x);
    wn__free(y);
    return status;
}

/* The same network on the backend of double sums, from a file FOLDER/net.safetensors. */
static wn_status turn_to_ref(const char *folder, wn_network **net)
{
    const wn_network_options options = {.size = sizeof options, .backend = "ref"};
    char *path = wn__path_join(folder, "net.safetensors");
    wn_status status = path ? wn_network_save(*net, path, NULL) : wn__no_memory(1);
    wn_network_close(*net);
    *net = NULL;
    if (status == WN_OK) status = wn_network_open(path, &options, net);
    wn__free(path);
    return status;
}

static wn_status write_all(wn_network *net, const char *folder)
{
    wn_network_info info = {.size = sizeof info};
    WN_TRY(wn_network_look(net, &info));
    WN_TRY(write_outputs(net, &info, folder));
    WN_TRY(export_in(net, folder, "plain.onnx", (wn_network_export_options){.format = "onnx"}));
    WN_TRY(export_in(net, folder, "norms.onnx", (wn_network_export_options){.format = "onnx", .keep_batch_norm = true, .opset = 13}));
    WN_TRY(export_in(net, folder, "sparse.onnx", (wn_network_export_options){.format = "onnx", .sparse_initializers = true}));
    WN_TRY(export_in(net, folder, "outside.onnx", (wn_network_export_options){.format = "onnx", .external_data = true, .opset = 20}));
    WN_TRY(export_in(net, folder, "net.c", (wn_network_export_options){.format = "c"}));
    return export_in(net, folder, "small.c", (wn_network_export_options){.format = "c", .target = "small"});
}

int main(int argc, char **argv)
{
    wn_network *net = NULL;
    char recipe[200];
    if (argc != 5) return 2;
    const char *at = strchr(argv[1], '@');
    const int length = at ? (int)(at - argv[1]) : (int)strlen(argv[1]);
    snprintf(recipe, sizeof recipe, at ? "{model: {arch: %.*s}, data: {set: %s}}" : "{model: {arch: %.*s}}", length, argv[1],
             at ? at + 1 : "");
    wn_status status = strcmp(argv[1], "odd") == 0
                           ? made_odd_network(&net)
                           : made_network(recipe, NULL, strcmp(argv[2], "0") == 0 ? NULL : argv[2], atoi(argv[3]), &net);
    if (status == WN_OK) status = turn_to_ref(argv[4], &net);
    if (status == WN_OK) status = write_all(net, argv[4]);
    if (status != WN_OK) fprintf(stderr, "%s\n", wn_error_message());
    wn_network_close(net);
    return status == WN_OK ? 0 : 1;
}
