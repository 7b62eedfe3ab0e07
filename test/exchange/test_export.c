/* Exported networks: C source is compiled and must give the outputs that the network gives here; files of ONNX hold what was asked for. What other
 * programs make of them: export_outputs.py. */
#include <dlfcn.h>
#include <math.h>
#include <string.h>

#include "made_network.h"
#include "scratch_folder.h"
#ifdef WN_HAVE_ONNX
#include "exchange/onnx.pb-c.h"
#endif

enum { N = 2 };

static wn_network *network(const char *recipe, const char *sparsity)
{
    wn_network *net = NULL;
    CHECK_OK(made_network(recipe, NULL, sparsity, 10, &net));
    return net;
}

/* ---- C */

typedef void predict_function(const float *x, float *y, void *scratch);
typedef void predict_with(const float *x, float *y, void *scratch, const void *weights);
typedef void normalize_function(const unsigned char *pixels, float *x);

/* The source NAME.c with any warning an error, and NAME.S where there is one, as a library. */
static void *compile(const char *name, bool outside)
{
    char command[1500];
    snprintf(command, sizeof command, "cd %s && %s -O1 -std=c99 -Wall -Wextra -Werror -pedantic -fPIC -shared -o %s.so %s.c %s%s",
             scratch_folder, WN_COMPILER, name, name, outside ? name : "", outside ? ".S" : "");
    if (system(command) != 0) WN_TEST_FAIL("%s", command);
    snprintf(command, sizeof command, "%s/%s.so", scratch_folder, name);
    void *library = dlopen(command, RTLD_NOW | RTLD_LOCAL);
    if (!library) WN_TEST_FAIL("%s", dlerror());
    return library;
}

static void *symbol(void *library, const char *name, const char *what)
{
    char text[100];
    snprintf(text, sizeof text, "%s_%s", name, what);
    void *found = dlsym(library, text);
    if (!found) WN_TEST_FAIL("%s", dlerror());
    return found;
}

/* A number that the header defines. */
static long defined(const char *name, const char *what)
{
    char file[64], line[100], *text, *at;
    size_t size;
    snprintf(file, sizeof file, "%s.h", name);
    CHECK_OK(wn__file_read(scratch_path(file), &text, &size));
    snprintf(line, sizeof line, "_%s ", what);
    at = strstr(text, line);
    if (!at) WN_TEST_FAIL("%s: no %s", file, what);
    const long value = atol(at + strlen(line));
    wn__free(text);
    return value;
}

static void check_close(const char *what, const float *got, const float *want, int64_t count)
{
    double largest = 0, difference = 0;
    for (int64_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs(want[i]));
        difference = isnan(got[i]) ? INFINITY : fmax(difference, fabs((double)got[i] - want[i]));
    }
    if (!(difference <= 1e-5 * largest)) WN_TEST_FAIL("%s: outputs differ by %g, the largest is %g", what, difference, largest);
}

/* Scratch memory is exactly as large as the header says, and full of what is no number. */
static void run_source(const char *name, void *library, const float *x, int64_t each, int64_t outputs, float *y)
{
    const long size = defined(name, "SCRATCH");
    float *scratch = malloc((size_t)size);
    memset(scratch, 0xff, (size_t)size);
    if (dlsym(library, "outside_weights"))
        ((predict_with *)symbol(library, name, "predict"))(x, y, scratch, symbol(library, name, "weights"));
    else
        ((predict_function *)symbol(library, name, "predict"))(x, y, scratch);
    free(scratch);
    CHECK_EQ_INT(defined(name, "INPUTS"), each);
    CHECK_EQ_INT(defined(name, "OUTPUTS"), outputs);
}

static void check_source(wn_network *net, const char *name, wn_network_export_options how)
{
    wn_network_info info = {.size = sizeof info};
    char path[600];
    CHECK_OK(wn_network_look(net, &info));
    const int64_t each = info.channels * info.height * info.width;
    float *x = made_inputs(N, each), *want = WN_NEW_ARRAY(float, N *info.outputs), *got = WN_NEW_ARRAY(float, N *info.outputs);
    snprintf(path, sizeof path, "%s/%s.c", scratch_folder, name);
    how.size = sizeof how;
    how.format = "c";
    CHECK_OK(wn_network_export(net, path, &how));
    void *library = compile(name, how.most_in_source > 0);
    CHECK_OK(wn_network_predict(net, x, N, want));
    for (int i = 0; i < N; i++)
        run_source(name, library, x + i * each, each, info.outputs, got + i * info.outputs);
    check_close(name, got, want, N * info.outputs);
    dlclose(library);
    wn__free(x);
    wn__free(want);
    wn__free(got);
}

static void check_sources(const char *recipe, const char *sparsity, const char *simd, const char *small)
{
    wn_network *net = network(recipe, sparsity);
    check_source(net, simd, (wn_network_export_options){0});
    check_source(net, small, (wn_network_export_options){.target = "small"});
    wn_network_close(net);
}

TEST(c_source_gives_the_networks_outputs)
{
    check_sources("{model: {arch: lenet5}}", NULL, "lenet", "lenet_small");
    check_sources("{model: {arch: resnet8}}", "90%", "resnet", "resnet_small");
    check_sources("{model: {arch: mobilenet-v2}, data: {set: shapes}}", "80%", "mobile", "mobile_small");
}

static wn_network *odd_network(void)
{
    wn_network *net = NULL;
    CHECK_OK(made_odd_network(&net));
    return net;
}

TEST(c_source_of_a_graph_with_everything_in_it)
{
    wn_network *net = odd_network();
    check_source(net, "odd", (wn_network_export_options){0});
    check_source(net, "odd_small", (wn_network_export_options){.target = "small"});
    wn_network_close(net);
}

TEST(many_weights_are_in_a_file_of_their_own)
{
    wn_network *net = network("{model: {arch: lenet5}}", "50%");
    check_source(net, "outside", (wn_network_export_options){.most_in_source = 100});
    int64_t size;
    CHECK_OK(wn__file_size(scratch_path("outside.bin"), &size));
    CHECK_EQ_INT(size, defined("outside", "WEIGHTS"));
    wn_network_close(net);
}

static void check_normalize(const char *normalize, const char *name)
{
    enum { EACH = 3 * 32 * 32 };
    static unsigned char pixels[EACH];
    static float want[EACH], got[EACH];
    char recipe[200], path[600];
    wn_network *net = NULL;
    const wn_network_export_options how = {.size = sizeof how, .format = "c"};
    snprintf(recipe, sizeof recipe, "{model: {arch: resnet8}, data: {set: shapes, normalize: %s}}", normalize);
    CHECK_OK(wn_network_from_recipe(recipe, NULL, &net));
    for (int i = 0; i < EACH; i++)
        pixels[i] = (unsigned char)(i * 37 % 256);
    CHECK_OK(wn_network_normalize(net, pixels, 1, want));
    snprintf(path, sizeof path, "%s/%s", scratch_folder, name);
    CHECK_OK(wn_network_export(net, path, &how));
    void *library = compile(name, false);
    ((normalize_function *)symbol(library, name, "normalize"))(pixels, got);
    check_close(normalize, got, want, EACH);
    wn_network_info info = {.size = sizeof info};
    CHECK_OK(wn_network_look(net, &info));
    const char *const *classes = symbol(library, name, "classes");
    for (int64_t k = 0; k < info.outputs; k++)
        if (strcmp(classes[k], info.class_names[k]) != 0) WN_TEST_FAIL("class %s is %s", info.class_names[k], classes[k]);
    dlclose(library);
    wn_network_close(net);
}

TEST(c_source_knows_pixels_and_classes)
{
    check_normalize("cifar10", "by_constants");
    check_normalize("per-image", "by_image");
}

TEST(what_no_format_takes_is_named)
{
    wn_network *net = network("{model: {arch: lenet5}}", NULL);
    const char *path = scratch_path("no");
    wn_network_export_options how = {.size = sizeof how};
    CHECK_STATUS(wn_network_export(net, path, &how), WN_EINVAL);
    how.format = "tflite";
    CHECK_STATUS(wn_network_export(net, path, &how), WN_EUSAGE);
    how = (wn_network_export_options){.size = sizeof how, .format = "c", .opset = 17};
    CHECK_STATUS(wn_network_export(net, path, &how), WN_EUSAGE);
    how = (wn_network_export_options){.size = sizeof how, .format = "c", .target = "tiny"};
    CHECK_STATUS(wn_network_export(net, path, &how), WN_EUSAGE);
    how = (wn_network_export_options){.size = sizeof how, .format = "c", .name = "1st"};
    CHECK_STATUS(wn_network_export(net, path, &how), WN_EUSAGE);
    CHECK_STATUS(wn_network_export(net, scratch_path("no/such/folder"), &(wn_network_export_options){.size = sizeof how, .format = "c"}),
                 WN_ENOTFOUND);
    float *weight = WN_NEW_ARRAY(float, 150);
    weight[7] = INFINITY;
    CHECK_OK(wn_network_write(net, 0, weight, 150));
    CHECK_STATUS(wn_network_export(net, path, &(wn_network_export_options){.size = sizeof how, .format = "c"}), WN_EUNSUPPORTED);
    wn__free(weight);
    wn_network_close(net);
}

TEST(formats_are_listed)
{
    const char *name, *summary;
    int count = 0;
    while (wn_list_formats(count, &name, &summary) == WN_OK)
        count++;
    CHECK(count > 0);
    CHECK_STATUS(wn_list_formats(-1, &name, &summary), WN_ENOTFOUND);
    CHECK_STATUS(wn_list_formats(0, NULL, &summary), WN_EINVAL);
}

/* ---- ONNX */

#ifdef WN_HAVE_ONNX
static Wn__Onnx__ModelProto *exported(wn_network *net, wn_network_export_options how)
{
    char *bytes;
    size_t size;
    const char *path = scratch_path("net.onnx");
    how.size = sizeof how;
    how.format = "onnx";
    CHECK_OK(wn_network_export(net, path, &how));
    CHECK_OK(wn__file_read(path, &bytes, &size));
    Wn__Onnx__ModelProto *model = wn__onnx__model_proto__unpack(NULL, size, (const uint8_t *)bytes);
    if (!model) WN_TEST_FAIL("%s is no message", path);
    wn__free(bytes);
    return model;
}

static int nodes_of(const Wn__Onnx__ModelProto *m, const char *type)
{
    int count = 0;
    for (size_t i = 0; i < m->graph->n_node; i++)
        count += strcmp(m->graph->node[i]->op_type, type) == 0;
    return count;
}

static const char *meta_of(const Wn__Onnx__ModelProto *m, const char *key)
{
    for (size_t i = 0; i < m->n_metadata_props; i++)
        if (strcmp(m->metadata_props[i]->key, key) == 0) return m->metadata_props[i]->value;
    return "";
}

TEST(onnx_files_hold_what_was_asked_for)
{
    wn_network *net = network("{model: {arch: resnet8}, data: {set: shapes}}", "90%");
    Wn__Onnx__ModelProto *m = exported(net, (wn_network_export_options){0});
    CHECK_EQ_INT(m->opset_import[0]->version, 17);
    CHECK_EQ_INT(m->ir_version, 8);
    CHECK_EQ_INT(nodes_of(m, "BatchNormalization"), 0);
    CHECK_EQ_INT(nodes_of(m, "Conv"), 9);
    CHECK_EQ_TEXT(meta_of(m, "arch"), "resnet8");
    CHECK(strstr(meta_of(m, "class_names"), "\",\"") != NULL);
    CHECK(strcmp(m->graph->input[0]->type->tensor_type->shape->dim[0]->dim_param, "batch") == 0);
    wn__onnx__model_proto__free_unpacked(m, NULL);
    m = exported(net, (wn_network_export_options){.opset = 20, .keep_batch_norm = true, .sparse_initializers = true, .preprocess = true});
    CHECK_EQ_INT(m->opset_import[0]->version, 20);
    CHECK_EQ_INT(nodes_of(m, "BatchNormalization"), 9);
    CHECK(m->graph->n_sparse_initializer >= 8);
    CHECK_EQ_TEXT(m->graph->input[0]->name, "pixels");
    wn__onnx__model_proto__free_unpacked(m, NULL);
    m = exported(net, (wn_network_export_options){.external_data = true});
    CHECK(wn__file_exists(scratch_path("net.onnx.data")));
    CHECK(m->graph->initializer[0]->n_external_data == 3);
    wn__onnx__model_proto__free_unpacked(m, NULL);
    wn_network_close(net);
}

TEST(onnx_takes_every_kind_of_node)
{
    wn_network *net = odd_network();
    wn__onnx__model_proto__free_unpacked(exported(net, (wn_network_export_options){0}), NULL);
    CHECK_STATUS(wn_network_export(net, scratch_path("no"),
                                   &(wn_network_export_options){.size = sizeof(wn_network_export_options), .format = "onnx", .opset = 9}),
                 WN_EUSAGE);
    CHECK_STATUS(
        wn_network_export(net, scratch_path("no"),
                          &(wn_network_export_options){.size = sizeof(wn_network_export_options), .format = "onnx", .preprocess = true}),
        WN_EUNSUPPORTED);
    wn_network_close(net);
}
#endif

int main(int argc, char **argv)
{
    return scratch_test_main(argc, argv,
                             (const wn_test[]){
                                 RUN(c_source_gives_the_networks_outputs),
                                 RUN(c_source_of_a_graph_with_everything_in_it),
                                 RUN(many_weights_are_in_a_file_of_their_own),
                                 RUN(c_source_knows_pixels_and_classes),
                                 RUN(what_no_format_takes_is_named),
                                 RUN(formats_are_listed),
#ifdef WN_HAVE_ONNX
                                 RUN(onnx_files_hold_what_was_asked_for),
                                 RUN(onnx_takes_every_kind_of_node),
#endif
                                 {0},
                             });
}
