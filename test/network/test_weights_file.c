/* Weights by other programs: their names, types and masks, what they look like, and what does not fit. */
#include "io/digest.h"
#include "io/tensor_names.h"
#include "models/model.h"
#include "network/likeness.h"
#include "network/network_file.h"
#include "network/weights_file.h"
#include "scratch_folder.h"
#include "winnow/network.h"

/* ---- safetensors as other programs write them: without checksums */

typedef struct maker {
    wn__text header, data;
} maker;

static void add(maker *m, const char *name, const char *dtype, const char *shape, const void *data, size_t size)
{
    wn__text_add(&m->header, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}", m->header.size ? "," : "", name,
                 dtype, shape, m->data.size, m->data.size + size);
    wn__text_add_bytes(&m->data, data, size);
}

static const char *finish(maker *m, const char *name, const char *metadata)
{
    wn__text all = {0};
    const char *path = scratch_path(name);
    const uint64_t size = 2 + m->header.size + strlen(metadata);
    wn__text_add_bytes(&all, &size, sizeof size);
    wn__text_add(&all, "{%s%s}", metadata, m->header.data);
    wn__text_add_bytes(&all, m->data.data, m->data.size);
    CHECK_OK(wn__file_write(path, all.data, all.size));
    wn__text_release(&all);
    wn__text_release(&m->header);
    wn__text_release(&m->data);
    return path;
}

static const char *write_text(const char *name, const char *text)
{
    const char *path = scratch_path(name);
    CHECK_OK(wn__file_write(path, text, strlen(text)));
    return path;
}

static const float four[4] = {1, -2, 0.5F, 4};

static wn_graph *small_graph(const char *prefix)
{
    char name[64];
    wn_graph *g = wn_graph_new("small", 1, 2, 2);
    int x = wn_graph_input(g);
    snprintf(name, sizeof name, "%sa.conv", prefix);
    x = wn_graph_conv(g, x, name, (wn_conv){.out = 1, .kernel = 2});
    snprintf(name, sizeof name, "%sfc", prefix);
    x = wn_graph_linear(g, x, name, 2, false);
    CHECK_OK(wn_graph_finish(g, x));
    return g;
}

static void check_value(const wn__params *params, const char *name, int at, float wanted)
{
    const wn__param *p = wn__params_find(params, name);
    CHECK(p != NULL);
    CHECK_NEAR(p->value[at], wanted, 0, 0);
}

/* ---- names */

TEST(parts_before_all_names_are_hidden)
{
    maker m = {0};
    wn__safetensors *file;
    add(&m, "module.net.a.conv.weight", "F32", "1,1,2,2", four, 16);
    add(&m, "module.net.fc.weight", "F32", "2,1", four, 8);
    add(&m, "module.net.a.steps", "I64", "", four, 8);
    CHECK_OK(wn__weights_open(finish(&m, "prefixed", ""), NULL, &file));
    CHECK_EQ_TEXT(wn__safetensors_at(file, 0)->name, "a.conv.weight");
    CHECK(wn__safetensors_find(file, "fc.weight") == wn__safetensors_find(file, "module.net.fc.weight"));
    CHECK(wn__safetensors_find(file, "net.fc.weight") == NULL);
    wn__safetensors_close(file);
    for (int own = 0; own < 2; own++) { /* a network whose own names begin so is found, too */
        wn_graph *g = small_graph(own ? "module.net." : "");
        wn__params params;
        CHECK_OK(wn__graph_make_params(g, &params));
        CHECK_OK(wn__network_load(scratch_path("prefixed"), WN__PART_VALUES, &params));
        check_value(&params, own ? "module.net.a.conv.weight" : "a.conv.weight", 1, -2);
        wn__params_release(&params);
        wn_graph_free(g);
    }
}

TEST(names_of_one_layer_keep_it)
{
    maker m = {0};
    wn__safetensors *file;
    add(&m, "fc.weight", "F32", "2,1", four, 8);
    add(&m, "fc.bias", "F32", "2", four, 8);
    CHECK_OK(wn__weights_open(finish(&m, "layer", ""), NULL, &file));
    CHECK_EQ_TEXT(wn__safetensors_at(file, 0)->name, "fc.weight");
    wn__safetensors_close(file);
}

TEST(patterns_rename_tensors)
{
    maker m = {0};
    wn__safetensors *file;
    add(&m, "model.features.0.kernel", "F32", "1,1,2,2", four, 16);
    add(&m, "model.head.linear.weight", "F32", "2,1", four, 8);
    finish(&m, "named", "");
    const char *names = write_text("names", "# a comment\nfeatures.*.k*l a.conv*.weight   # behind\n\nhead.linear.* fc.*\n");
    CHECK_STATUS(wn__weights_open(scratch_path("named"), names, &file), WN_OK);
    CHECK_EQ_TEXT(wn__safetensors_at(file, 0)->name, "a.conv0.weight");
    CHECK_EQ_TEXT(wn__safetensors_at(file, 1)->name, "fc.weight");
    wn__safetensors_close(file);
    CHECK_STATUS(wn__weights_open(scratch_path("named"), write_text("bad", "\nfeatures.*\n"), &file), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "bad:2: wants a pattern and its replacement");
    CHECK_STATUS(wn__weights_open(scratch_path("named"), write_text("bad", "features.* x.*.*"), &file), WN_EUSAGE);
    CHECK_STATUS(wn__weights_open(scratch_path("named"), write_text("bad", "* x"), &file), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "two tensors are named 'x'");
    CHECK_STATUS(wn__weights_open(scratch_path("named"), scratch_path("none"), &file), WN_ENOTFOUND);
}

/* ---- types and masks */

TEST(types_that_the_network_does_not_need_are_passed_over)
{
    static const uint16_t half[4] = {0x3C00, 0xC000, 0x3800, 0x4400}, brain[2] = {0x3F80, 0xC000};
    maker m = {0};
    wn_graph *g = small_graph("");
    wn__params params;
    add(&m, "a.conv.weight", "F16", "1,1,2,2", half, sizeof half);
    add(&m, "fc.weight", "BF16", "2,1", brain, sizeof brain);
    add(&m, "fc.scale", "F8_E4M3", "2", four, 2);
    add(&m, "fc.packed", "F4", "3", four, 2);
    CHECK_OK(wn__graph_make_params(g, &params));
    CHECK_OK(wn__network_load(finish(&m, "types", "\"__metadata__\":null,"), WN__PART_VALUES | WN__PART_MASKS, &params));
    for (int i = 0; i < 4; i++)
        check_value(&params, "a.conv.weight", i, four[i]);
    check_value(&params, "fc.weight", 1, -2);
    wn__params_release(&params);
    wn_graph_free(g);
}

TEST(original_weights_with_masks_of_floats_are_masked_weights)
{
    static const float mask[4] = {1, 0, 1, 0};
    static const double wide[2] = {3, 5};
    maker m = {0};
    wn_graph *g = small_graph("");
    wn__params params;
    add(&m, "module.a.conv.weight_orig", "F32", "1,1,2,2", four, 16);
    add(&m, "module.a.conv.weight_mask", "F32", "1,1,2,2", mask, 16);
    add(&m, "module.fc.weight", "F64", "2,1", wide, 16);
    finish(&m, "masked", "\"__metadata__\":{\"format\":\"pt\",\"note\":null},");
    CHECK_OK(wn__graph_make_params(g, &params));
    CHECK_OK(wn__network_load(scratch_path("masked"), WN__PART_VALUES | WN__PART_MASKS, &params));
    CHECK(wn__params_find(&params, "a.conv.weight")->mask != NULL);
    for (int i = 0; i < 4; i++)
        check_value(&params, "a.conv.weight", i, mask[i] != 0 ? four[i] : 0);
    check_value(&params, "fc.weight", 0, 3);
    CHECK_OK(wn__param_set_mask(wn__params_find(&params, "a.conv.weight"), (const uint8_t[4]){1, 1, 1, 1}));
    CHECK_OK(wn__network_load(scratch_path("masked"), WN__PART_VALUES, &params)); /* without the mask its zeros stay */
    check_value(&params, "a.conv.weight", 1, 0);
    wn__params_release(&params);
    wn_graph_free(g);
}

TEST(masks_of_other_numbers_are_refused)
{
    maker m = {0};
    wn__safetensors *file;
    add(&m, "a.conv.weight", "F32", "1,1,2,2", four, 16);
    add(&m, "a.conv.weight_mask", "F32", "1,1,2,2", four, 16);
    add(&m, "fc.weight", "F32", "2", four, 8);
    CHECK_STATUS(wn__weights_open(finish(&m, "numbers", ""), NULL, &file), WN_EMISMATCH);
    CHECK_HAS_TEXT(wn_error_message(), "mask 'a.conv.weight_mask' holds other numbers than 0 and 1");
}

/* ---- what does not fit */

TEST(what_does_not_fit_is_listed_nearest_first)
{
    maker m = {0};
    wn_graph *g = small_graph("");
    wn__params params;
    add(&m, "a.conf.weight", "F32", "1,1,2,2", four, 16);
    add(&m, "fc.weight", "F32", "2", four, 8);
    CHECK_OK(wn__graph_make_params(g, &params));
    CHECK_STATUS(wn__network_load(finish(&m, "misfits", ""), WN__PART_VALUES, &params), WN_EMISMATCH);
    CHECK_HAS_TEXT(wn_error_message(), "2 of 2 tensors do not fit: fc.weight is 2, wanted 2x1; "
                                       "a.conv.weight, wanted 1x1x2x2, is not there: a.conf.weight is 1x1x2x2");
    wn__params_release(&params);
    wn_graph_free(g);
}

TEST(files_of_other_kinds_are_called_what_they_are)
{
    static const struct {
        const char *text, *kind;
    } files[] = {{"<!DOCTYPE html><html>", "an HTML page"},
                 {"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer"},
                 {"\x1F\x8B\x08 and more", "packed by gzip"},
                 {"", "an empty file"}};
    wn__safetensors *file;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        CHECK_STATUS(wn__weights_open(write_text("kind", files[i].text), NULL, &file), WN_EFORMAT);
        CHECK_HAS_TEXT(wn_error_message(), files[i].kind);
    }
}

/* ---- which network it is */

/* resnet8 of `classes` by PyTorch: with a name before all, and counters; wrong: the last layer's name. */
static const char *write_resnet8(int classes, bool wrong)
{
    static const float zeros[64 * 64 * 9];
    const wn__model *model;
    wn_graph *g;
    maker m = {0};
    CHECK_OK(wn__model_find("resnet8", &model));
    CHECK_OK(wn__model_build(model, NULL, (wn__model_input){3, 32, 32, classes}, &g));
    for (int i = 0; i < g->params; i++) {
        const wn__param_spec *p = &g->param[i];
        char name[300], shape[80];
        size_t count = 1, used = 0;
        for (int d = 0; d < p->ndim; d++) {
            used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%d", d ? "," : "", (int)p->dim[d]);
            count *= (size_t)p->dim[d];
        }
        snprintf(name, sizeof name, "module.%s%s", wrong && strncmp(p->name, "fc.", 3) == 0 ? "linear" : "",
                 wrong ? p->name + 2 * (p->name[0] == 'f') : p->name);
        add(&m, name, "F32", shape, zeros, count * sizeof(float));
    }
    add(&m, "module.bn1.num_batches_tracked", "I64", "", zeros, 8);
    wn_graph_free(g);
    return finish(&m, "resnet8", "");
}

static void check_looks(const char *text)
{
    wn__safetensors *file;
    wn__likeness l;
    wn__text shown = {0};
    CHECK_OK(wn__weights_open(scratch_path("resnet8"), NULL, &file));
    CHECK_OK(wn__likeness_find(file, &l));
    CHECK_OK(wn__likeness_show(file, &l, &shown));
    CHECK_EQ_TEXT(shown.data, text);
    wn__text_release(&shown);
    wn__safetensors_close(file);
}

TEST(networks_are_told_by_names_and_shapes)
{
    write_resnet8(7, false);
    check_looks("resnet8, 7 classes");
    write_resnet8(10, true);
    check_looks("most like resnet8, but 2 of 47 tensors do not fit: fc.weight, wanted 10x64, is not there; "
                "fc.bias, wanted 10, is not there; 2 tensors are not of it");
}

TEST(networks_of_others_open_without_a_word)
{
    wn_network *net;
    wn_network_info info = {.size = sizeof info};
    CHECK_OK(wn_network_open(write_resnet8(7, false), NULL, &net));
    CHECK_OK(wn_network_look(net, &info));
    CHECK_EQ_TEXT(info.name, "resnet8");
    CHECK_EQ_INT(info.outputs, 7);
    CHECK_EQ_INT(info.height, 32);
    wn_network_close(net);
    write_resnet8(10, true);
    CHECK_STATUS(wn_network_open(scratch_path("resnet8"), NULL, &net), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "does not say its architecture");
    const wn_network_options options = {.size = sizeof options, .names = write_text("head", "linear.* fc.*\n")};
    CHECK_OK(wn_network_open(scratch_path("resnet8"), &options, &net));
    wn_network_close(net);
}

/* ---- digests */

TEST(safetensors_count_by_their_bytes_and_others_by_their_tensors)
{
    char bytes[WN__SHA256_TEXT], digest[WN__SHA256_TEXT], other[WN__SHA256_TEXT];
    write_resnet8(7, false);
    CHECK_OK(wn__sha256_file(scratch_path("resnet8"), bytes));
    CHECK_OK(wn__weights_digest(scratch_path("resnet8"), "", digest));
    CHECK_EQ_TEXT(digest, bytes);
    CHECK_OK(wn__weights_digest(scratch_path("resnet8"), write_text("one", "fc.* head.*\n"), digest));
    CHECK_OK(wn__weights_digest(scratch_path("resnet8"), write_text("two", "# the same\nfc.bias head.bias\nfc.* head.*\n"), other));
    CHECK(strcmp(digest, bytes) != 0);
    CHECK_EQ_TEXT(digest, other);
    CHECK_OK(wn__sha256_file(WN_TEST_SOURCE "/../fuzz/corpus/pytorch/checkpoint", bytes));
    CHECK_OK(wn__weights_digest(WN_TEST_SOURCE "/../fuzz/corpus/pytorch/checkpoint", NULL, digest));
    CHECK(strcmp(digest, bytes) != 0);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(parts_before_all_names_are_hidden),
                                    RUN(names_of_one_layer_keep_it),
                                    RUN(patterns_rename_tensors),
                                    RUN(types_that_the_network_does_not_need_are_passed_over),
                                    RUN(original_weights_with_masks_of_floats_are_masked_weights),
                                    RUN(masks_of_other_numbers_are_refused),
                                    RUN(what_does_not_fit_is_listed_nearest_first),
                                    RUN(files_of_other_kinds_are_called_what_they_are),
                                    RUN(networks_are_told_by_names_and_shapes),
                                    RUN(networks_of_others_open_without_a_word),
                                    RUN(safetensors_count_by_their_bytes_and_others_by_their_tensors),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
