#include "data/dataset.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/text.h"

#define WN_DATASET(name) extern const wn__dataset_type wn__dataset_##name;
#include "data/list.h"
#undef WN_DATASET

const wn__dataset_type *const wn__datasets[] = {
#define WN_DATASET(name) &wn__dataset_##name,
#include "data/list.h"
#undef WN_DATASET
    NULL};

const char *wn__base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* "shapes, mnist, ..." added to a text. */
static void add_names(wn__text *t)
{
    for (int i = 0; wn__datasets[i]; i++)
        wn__text_add(t, "%s%s", i ? ", " : "", wn__datasets[i]->name);
}

wn_status wn__dataset_find(const char *name, const wn__dataset_type **type)
{
    for (int i = 0; wn__datasets[i]; i++) {
        if (strcmp(wn__datasets[i]->name, name) == 0) {
            *type = wn__datasets[i];
            return WN_OK;
        }
    }
    wn__text names = {0};
    add_names(&names);
    const wn_status status = wn__fail(WN_EUSAGE, "unknown data set '%s'; valid: %s", name, names.data ? names.data : "");
    wn__text_release(&names);
    return status;
}

wn_status wn__data_folder(const char *given, char **folder)
{
    const char *base = getenv("WINNOW_DATA"), *below = "";
    if (given && *given) {
        base = given;
    } else if (!base || !*base) {
        base = getenv("XDG_DATA_HOME");
        below = "winnow";
        if (!base || *base != '/') { /* a relative one is invalid by the XDG rules */
            base = getenv("HOME");
            below = ".local/share/winnow";
        }
    }
    if (!base || !*base) return wn__fail(WN_ENOTFOUND, "no data folder: give one, or set WINNOW_DATA or HOME");
    char *path = *below ? wn__path_join(base, below) : wn__strdup(base);
    if (!path) return wn__no_memory(strlen(base));
    *folder = path;
    return WN_OK;
}

static wn_status load_with(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, wn__dataset *out)
{
    char *own_config = NULL, *path = NULL;
    wn_status status = WN_OK;
    if (!config && type->settings) {
        own_config = wn__alloc(type->config_size);
        if (!own_config) return wn__no_memory(type->config_size);
        WN_TRY_OR(done, wn__settings_defaults(type->settings, own_config));
        config = own_config;
    }
    if (type->files) WN_TRY_OR(done, wn__data_folder(folder, &path));
    status = type->load(type, config, path, pool, out);
    assert(status != WN_OK || !type->files || out->contents.files > 0);
    if (status == WN_ENOTFOUND) status = wn__fail_within(status, "%s is not here; `winnow data get %s` gets it: ", type->name, type->name);
done:
    wn__free(path);
    wn__free(own_config);
    return status;
}

wn_status wn__dataset_load(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, bool unverified,
                           wn__dataset *out)
{
    wn__dataset data = {.type = type,
                        .channels = type->channels,
                        .height = type->height,
                        .width = type->width,
                        .classes = type->classes,
                        .class_names = type->class_names,
                        .unverified = unverified};
    const wn_status status = load_with(type, config, folder, pool, &data);
    if (status != WN_OK) {
        wn__dataset_release(&data);
        return status;
    }
    *out = data;
    return WN_OK;
}

wn_status wn__images_alloc(wn__images *images, int64_t n, int64_t image_bytes)
{
    images->pixels = wn__alloc_array(n, (size_t)image_bytes);
    images->labels = WN_NEW_ARRAY(int32_t, n);
    if (!images->pixels || !images->labels) return wn__no_memory((size_t)n * (size_t)image_bytes);
    images->n = n;
    return WN_OK;
}

static void images_release(wn__images *images)
{
    wn__free(images->pixels);
    wn__free(images->labels);
    *images = (wn__images){0};
}

void wn__dataset_release(wn__dataset *data)
{
    images_release(&data->train);
    images_release(&data->test);
    if (data->stream) data->stream->close(data->stream);
    data->stream = NULL;
}

/* ---- splits */

const char *wn__part_name(wn__part part)
{
    static const char *const names[] = {[WN__PART_TRAIN] = "train", [WN__PART_VALIDATION] = "validation", [WN__PART_TEST] = "test"};
    return names[part];
}

/* The number behind `prefix`, whole and not negative. */
static bool read_count(const char *text, const char *prefix, int64_t *count)
{
    const size_t length = strlen(prefix);
    if (strncmp(text, prefix, length) != 0 || text[length] < '0' || text[length] > '9') return false;
    char *end;
    const long long value = strtoll(text + length, &end, 10);
    *count = value;
    return *end == 0;
}

wn_status wn__split_make(const wn__dataset *data, const char *validation, int64_t train_size, wn__split *split)
{
    const int64_t all = data->train.n;
    int64_t held = 0;
    const bool first = read_count(validation, "first-", &held);
    if (!first && !read_count(validation, "last-", &held) && strcmp(validation, "none") != 0)
        return wn__fail(WN_EUSAGE, "validation '%s' is not one of none, first-N, last-N (such as last-5000)", validation);
    if (held >= all) return wn__fail(WN_EUSAGE, "validation '%s' leaves nothing of %" PRId64 " training images", validation, all);
    const int64_t left = all - held;
    if (train_size < 0 || train_size > left)
        return wn__fail(WN_EUSAGE, "%" PRId64 " training images asked for, but %" PRId64 " remain after validation '%s'", train_size, left,
                        validation);
    *split = (wn__split){
        .train = {first ? held : 0, train_size ? train_size : left}, .validation = {first ? 0 : left, held}, .test = {0, data->test.n}};
    return WN_OK;
}

wn__range wn__split_range(const wn__split *split, wn__part part)
{
    return part == WN__PART_TRAIN ? split->train : part == WN__PART_VALIDATION ? split->validation : split->test;
}

/* ---- normalisation */

static const wn__normalize general[] = {
    {WN__NORMALIZE_MEAN_STD, {0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}, "imagenet"},
    /* The mean of the images' own deviations, which many published CIFAR-10 codes divide by. */
    {WN__NORMALIZE_MEAN_STD, {0.4914f, 0.4822f, 0.4465f}, {0.2023f, 0.1994f, 0.2010f}, "cifar10-classic"},
    {WN__NORMALIZE_PER_IMAGE, {0}, {1, 1, 1}, "per-image"},
    {WN__NORMALIZE_MEAN_STD, {0.5f, 0.5f, 0.5f}, {0.5f, 0.5f, 0.5f}, "signed"},
    {WN__NORMALIZE_MEAN_STD, {0}, {1, 1, 1}, "none"},
};

static wn__normalize of_dataset(const wn__dataset_type *type)
{
    wn__normalize n = {.kind = WN__NORMALIZE_MEAN_STD, .name = type->name};
    for (int c = 0; c < WN__MAX_CHANNELS; c++) {
        n.mean[c] = c < type->channels ? type->mean[c] : 0;
        n.std[c] = c < type->channels ? type->std[c] : 1;
    }
    return n;
}

/* One channel gets the average of the three constants. */
static wn__normalize fit_channels(wn__normalize n, int channels)
{
    if (channels == 1) {
        n.mean[0] = (n.mean[0] + n.mean[1] + n.mean[2]) / 3;
        n.std[0] = (n.std[0] + n.std[1] + n.std[2]) / 3;
    }
    return n;
}

wn_status wn__normalize_find(const char *name, const wn__dataset *data, wn__normalize *out)
{
    if (strcmp(name, "dataset") == 0) name = data->type->name;
    for (size_t i = 0; i < sizeof(general) / sizeof(*general); i++) {
        if (strcmp(general[i].name, name) == 0) {
            *out = fit_channels(general[i], data->channels);
            return WN_OK;
        }
    }
    for (int i = 0; wn__datasets[i]; i++) {
        if (strcmp(wn__datasets[i]->name, name) != 0) continue;
        if (wn__datasets[i]->channels != data->channels)
            return wn__fail(WN_EUSAGE, "normalisation '%s' is for %d channels, the images have %d", name, wn__datasets[i]->channels,
                            data->channels);
        *out = of_dataset(wn__datasets[i]);
        return WN_OK;
    }
    wn__text names = {0};
    add_names(&names);
    const wn_status status =
        wn__fail(WN_EUSAGE, "unknown normalisation '%s'; valid: dataset, imagenet, cifar10-classic, per-image, signed, none, %s", name,
                 names.data ? names.data : "");
    wn__text_release(&names);
    return status;
}

/* Sums of bytes and of their squares are exact integers, so the result does not depend on an order of summation. */
static void normalize_per_image(int64_t count, const uint8_t *pixels, float *out)
{
    int64_t sum = 0, squares = 0;
    for (int64_t i = 0; i < count; i++) {
        sum += pixels[i];
        squares += (int64_t)pixels[i] * pixels[i];
    }
    const double n = (double)count, mean = (double)sum / n / 255, variance = (double)squares / n / (255.0 * 255.0) - mean * mean;
    const double deviation = sqrt(variance > 0 ? variance : 0), least = 1 / sqrt(n);
    const float m = (float)mean, scale = (float)(1 / (deviation > least ? deviation : least));
    for (int64_t i = 0; i < count; i++)
        out[i] = ((float)pixels[i] / 255.0f - m) * scale;
}

void wn__normalize_image(const wn__normalize *n, int channels, int64_t plane, const uint8_t *pixels, float *out)
{
    if (n->kind == WN__NORMALIZE_PER_IMAGE) {
        normalize_per_image(channels * plane, pixels, out);
        return;
    }
    for (int c = 0; c < channels; c++)
        for (int64_t i = c * plane; i < (c + 1) * plane; i++)
            out[i] = ((float)pixels[i] / 255.0f - n->mean[c]) / n->std[c];
}
