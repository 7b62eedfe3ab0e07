/* Files of others that come in and go out again: types of numbers, tensors that the network does not have, what the file does not say of itself. */
#include <math.h>

#include "io/safetensors.h"
#include "network/weights_file.h"
#include "scratch_folder.h"
#include "winnow/experiment.h"
#include "winnow/network.h"

static wn__safetensors *open_file(const char *path)
{
    wn__safetensors *f;
    CHECK_OK(wn__safetensors_open(path, &f));
    return f;
}

/* Weights of a LeNet-5 and of something else, without a word on what they are. */
static void write_foreign(const char *path, wn__st_dtype dtype)
{
    const wn_network_export_options dense = {.size = sizeof dense, .format = "dense"};
    const float others[6] = {1, -2, 3.25F, 0, 5, 1e30F};
    const int64_t steps = 77;
    wn_network *net;
    wn__st_writer *w;
    CHECK_OK(wn_network_from_recipe("model: {arch: lenet5}\n", NULL, &net));
    CHECK_OK(wn_network_export(net, scratch_path("made"), &dense));
    wn_network_close(net);
    wn__safetensors *f = open_file(scratch_path("made"));
    CHECK_OK(wn__st_writer_new(&w));
    for (int i = 0; i < wn__safetensors_count(f); i++) {
        const wn__st_tensor *t = wn__safetensors_at(f, i);
        CHECK_OK(wn__st_writer_add(w, t->name, t->dtype, t->ndim, t->dim, t->data));
        CHECK_OK(wn__st_writer_set_type(w, t->name, dtype));
    }
    CHECK_OK(wn__st_writer_add(w, "aux.weight", WN__ST_F32, 2, (const int64_t[]){2, 3}, others));
    CHECK_OK(
        wn__st_writer_add(w, "fc1.weight_scale", WN__ST_F32, 1, (const int64_t[]){6}, others)); /* of others, like a part of a parameter */
    CHECK_OK(wn__st_writer_add(w, "fc1.weight.zero_point", WN__ST_F32, 1, (const int64_t[]){6}, others));
    CHECK_OK(wn__st_writer_add(w, "steps", WN__ST_I64, 0, NULL, &steps));
    CHECK_OK(wn__st_writer_write(w, path));
    wn__st_writer_free(w);
    wn__safetensors_close(f);
}

static void prune(const char *from, const char *to, const char *const *set, int sets)
{
    const wn_prune_options o = {.size = sizeof o, .weights = from, .result = to, .sparsity = "90%", .set = set, .sets = sets};
    CHECK_OK(wn_prune(&o, NULL));
}

static wn_status export(const char *from, const char *format, const char *values, const char *to)
{
    const wn_network_export_options o = {.size = sizeof o, .format = format, .values = values};
    wn_network *net;
    CHECK_OK(wn_network_open(from, NULL, &net));
    const wn_status status = wn_network_export(net, to, &o);
    wn_network_close(net);
    return status;
}

static bool is_other(const char *name)
{
    static const char *const others[] = {"aux.weight", "fc1.weight_scale", "fc1.weight.zero_point", "steps"};
    for (int i = 0; i < 4; i++)
        if (strcmp(name, others[i]) == 0) return true;
    return false;
}

/* All numbers of the network are of this type, and what the masks leave is what it was; what is not the network's is there to the byte. */
static void check_file(const char *path, const char *before, wn__st_dtype dtype, bool same_values)
{
    wn__safetensors *now = open_file(path), *was = open_file(before);
    for (int i = 0; i < wn__safetensors_count(was); i++) {
        char mask[64];
        const wn__st_tensor *a = wn__safetensors_at(was, i), *b = wn__safetensors_find(now, a->name);
        if (a->dtype == WN__ST_U8) continue; /* a mask */
        snprintf(mask, sizeof mask, "%s_mask", a->name);
        const wn__st_tensor *m = wn__safetensors_find(now, mask);
        CHECK(b && b->count == a->count);
        if (is_other(a->name)) CHECK(b->dtype == a->dtype && memcmp(a->data, b->data, (size_t)wn__st_bytes(a)) == 0);
        if (is_other(a->name)) continue;
        CHECK_EQ_INT(b->dtype, dtype);
        for (int64_t e = 0; same_values && e < a->count; e++)
            if (!m || ((const uint8_t *)m->data)[e]) CHECK(wn__st_float(a, e) == wn__st_float(b, e));
    }
    wn__safetensors_close(now);
    wn__safetensors_close(was);
}

static int64_t size_of(const char *path)
{
    int64_t size;
    CHECK_OK(wn__file_size(path, &size));
    return size;
}

static const char *const lenet[] = {"model.arch=lenet5"};

TEST(halves_stay_halves_and_tensors_of_others_are_carried_along)
{
    static const wn__st_dtype types[] = {WN__ST_F16, WN__ST_BF16, WN__ST_F32};
    for (int i = 0; i < 3; i++) {
        const char *from = scratch_path("foreign"), *pruned = scratch_path("pruned"), *dense = scratch_path("dense");
        write_foreign(from, types[i]);
        prune(from, pruned, lenet, 1);
        check_file(pruned, from, types[i], true);
        CHECK_OK(export(pruned, "dense", NULL, dense));
        check_file(dense, pruned, types[i], true);
        CHECK_OK(export(dense, "compressed", NULL, scratch_path("again")));
        check_file(scratch_path("again"), dense, types[i], true);
    }
}

TEST(values_are_of_the_type_that_is_asked_for)
{
    const char *from = scratch_path("foreign"), *pruned = scratch_path("pruned"), *half = scratch_path("half");
    write_foreign(from, WN__ST_F32);
    prune(from, pruned, lenet, 1);
    CHECK_OK(export(pruned, "compressed", "f16", half));
    check_file(half, pruned, WN__ST_F16, false);
    CHECK(size_of(half) < 2 * size_of(pruned) / 3);
    CHECK_OK(export(half, "dense", "bf16", scratch_path("brain")));
    check_file(scratch_path("brain"), half, WN__ST_BF16, false);
    CHECK_OK(export(half, "dense", "f32", scratch_path("full")));
    check_file(scratch_path("full"), half, WN__ST_F32, true);
    CHECK_EQ_INT(export(half, "dense", "f64", scratch_path("no")), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "f32, f16, bf16");
    CHECK_EQ_INT(export(half, "c", "f16", scratch_path("no")), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "has no setting \"values\"");
}

TEST(numbers_that_have_changed_are_no_halves)
{
    const char *from = scratch_path("foreign"), *pruned = scratch_path("pruned"), *out = scratch_path("out");
    const wn_network_export_options dense = {.size = sizeof dense, .format = "dense"};
    const wn_network_export_options half = {.size = sizeof half, .format = "dense", .values = "f16"};
    wn_network_tensor about = {.size = sizeof about};
    wn_network *net;
    write_foreign(from, WN__ST_F16);
    prune(from, pruned, lenet, 1);
    CHECK_OK(wn_network_open(pruned, NULL, &net));
    int bias = 0;
    do
        CHECK_OK(wn_network_tensor_at(net, bias++, &about));
    while (about.kind != WN_TENSOR_BIAS);
    float *values = WN_NEW_ARRAY(float, about.count);
    values[0] = 1e6F;
    CHECK_OK(wn_network_write(net, bias - 1, values, about.count));
    CHECK_OK(wn_network_export(net, out, &dense));
    check_file(out, pruned, WN__ST_F32, false);
    CHECK_EQ_INT(wn_network_export(net, scratch_path("never"), &half), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "has 1e+06, which F16 does not reach");
    CHECK(!wn__file_exists(scratch_path("never")));
    wn__free(values);
    wn_network_close(net);
}

static void check_meta(const wn__safetensors *f, const char *key, const char *wanted)
{
    const char *value = wn__safetensors_meta(f, key);
    if (!value) printf("no %s\n", key);
    CHECK(value);
    CHECK_HAS_TEXT(value, wanted);
}

TEST(a_pruned_file_says_what_it_was_told)
{
    static const char *const set[] = {"model.arch=lenet5", "data.set=mnist", "data.normalize=signed"};
    const char *from = scratch_path("foreign"), *pruned = scratch_path("pruned");
    wn_network_info info = {.size = sizeof info};
    wn_network *net;
    write_foreign(from, WN__ST_F32);
    prune(from, pruned, set, 3);
    wn__safetensors *f = open_file(pruned);
    check_meta(f, "arch", "lenet5");
    check_meta(f, "input", "1x28x28");
    check_meta(f, "classes", "10");
    check_meta(f, "dataset", "mnist");
    check_meta(f, "class_names", "\"7\"");
    check_meta(f, "normalize", "signed");
    check_meta(f, "mean", "[0.5]");
    check_meta(f, "recipe", "arch: lenet5");
    wn__safetensors_close(f);
    CHECK_OK(wn_network_open(pruned, NULL, &net));
    CHECK_OK(wn_network_look(net, &info));
    CHECK_EQ_TEXT(info.name, "lenet5");
    CHECK_EQ_TEXT(info.dataset, "mnist");
    CHECK_EQ_TEXT(info.normalize, "signed");
    wn_network_close(net);
}

static void outputs(const char *path, const char *const *set, int sets, float *y)
{
    const wn_network_options o = {.size = sizeof o, .set = set, .sets = sets};
    float x[28 * 28];
    wn_network *net;
    for (int i = 0; i < 28 * 28; i++)
        x[i] = (float)(i % 17) / 8 - 1;
    CHECK_OK(wn_network_open(path, &o, &net));
    CHECK_OK(wn_network_predict(net, x, 1, y));
    wn_network_close(net);
}

/* Neurons without weights, with a bias. */
static void silence(const char *from, const char *to)
{
    static const char *const names[] = {"fc1.weight", "fc2.weight", "fc1.bias", "fc2.bias"};
    const wn_network_options o = {.size = sizeof o, .set = lenet, .sets = 1};
    wn_network *net;
    CHECK_OK(wn_network_open(from, &o, &net));
    for (int i = 0; i < 4; i++) {
        wn_network_tensor about = {.size = sizeof about};
        int index;
        CHECK_OK(wn_network_find(net, names[i], &index));
        CHECK_OK(wn_network_tensor_at(net, index, &about));
        const int64_t row = about.count / about.dim[0];
        float *values = WN_NEW_ARRAY(float, about.count);
        CHECK_OK(wn_network_read(net, index, values, about.count));
        for (int64_t k = 0; k < about.count; k++)
            if (k / row % 3 == 1) values[k] = i < 2 ? 0 : 0.25F;
        CHECK_OK(wn_network_write(net, index, values, about.count));
        wn__free(values);
    }
    CHECK_OK(wn_network_save(net, to, NULL));
    wn_network_close(net);
}

TEST(what_has_no_effect_is_left_out)
{
    static const char *const formats[] = {"compressed", "dense"};
    const char *from = scratch_path("foreign"), *silent = scratch_path("silent"), *small = scratch_path("small");
    float want[10], got[10];
    write_foreign(from, WN__ST_F32);
    silence(from, silent);
    outputs(silent, lenet, 1, want);
    for (int f = 0; f < 2; f++) {
        const wn_network_export_options how = {.size = sizeof how, .format = formats[f], .shrink = 1};
        const wn_network_options o = {.size = sizeof o, .set = lenet, .sets = 1};
        wn_network *net;
        double largest = 0, difference = 0;
        CHECK_OK(wn_network_open(silent, &o, &net));
        CHECK_OK(wn_network_export(net, small, &how));
        wn_network_close(net);
        CHECK(3 * size_of(small) < 2 * size_of(silent));
        outputs(small, NULL, 0, got); /* it says what it is */
        for (int i = 0; i < 10; i++) {
            largest = fmax(largest, fabs((double)want[i]));
            difference = fmax(difference, fabs((double)got[i] - (double)want[i]));
        }
        CHECK(difference <= 1e-6 * largest);
    }
}

static void check_same_tensors(const char *left, const char *right)
{
    wn__safetensors *a, *b;
    CHECK_OK(wn__weights_open(left, NULL, &a));
    CHECK_OK(wn__weights_open(right, NULL, &b));
    CHECK_EQ_INT(wn__safetensors_count(a), wn__safetensors_count(b));
    for (int i = 0; i < wn__safetensors_count(a); i++) {
        const wn__st_tensor *t = wn__safetensors_at(a, i), *u = wn__safetensors_find(b, t->name);
        CHECK(u && u->dtype == t->dtype && u->ndim == t->ndim && memcmp(u->dim, t->dim, (size_t)t->ndim * sizeof *t->dim) == 0);
        CHECK(memcmp(t->data, u->data, (size_t)wn__st_bytes(t)) == 0);
    }
    wn__safetensors_close(a);
    wn__safetensors_close(b);
}

TEST(files_of_pytorch_hold_what_dense_ones_hold)
{
    static const wn__st_dtype types[] = {WN__ST_F32, WN__ST_F16, WN__ST_BF16};
    const char *from = scratch_path("foreign"), *pruned = scratch_path("pruned"), *dense = scratch_path("dense"),
               *torch = scratch_path("t.pt");
    for (int i = 0; i < 6; i++) {
        wn_network_export_options how = {.size = sizeof how, .masks = i % 2};
        wn_network *net;
        write_foreign(from, types[i / 2]);
        prune(from, pruned, lenet, 1);
        CHECK_OK(wn_network_open(pruned, NULL, &net));
        how.format = "dense";
        CHECK_OK(wn_network_export(net, dense, &how));
        how.format = "torch";
        CHECK_OK(wn_network_export(net, torch, &how));
        wn_network_close(net);
        check_same_tensors(torch, dense);
    }
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(halves_stay_halves_and_tensors_of_others_are_carried_along),
                                    RUN(values_are_of_the_type_that_is_asked_for),
                                    RUN(numbers_that_have_changed_are_no_halves),
                                    RUN(a_pruned_file_says_what_it_was_told),
                                    RUN(what_has_no_effect_is_left_out),
                                    RUN(files_of_pytorch_hold_what_dense_ones_hold),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
