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
#include "data/memory_source.h"
#include "data/stratify.h"

#define WN_DATASET(name) extern const wn__dataset_type wn__dataset_##name;
#include "data/list.h"
#undef WN_DATASET

const wn__dataset_type *const wn__datasets[] = {
#define WN_DATASET(name) &wn__dataset_##name,
#include "data/list.h"
#undef WN_DATASET
    NULL};

/* "shapes, mnist, ..." added to a text. */
static void add_names(wn__text *t)
{
    for (int i = 0; wn__datasets[i]; i++)
        wn__text_add(t, "%s%s", i ? ", " : "", wn__datasets[i]->name);
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

/* ---- loading */

void wn__data_facts_release(wn__data_facts *facts)
{
    if (facts->release) facts->release(facts->memory);
    *facts = (wn__data_facts){0};
}

/* The settings' defaults where none are given; release *own. */
static wn_status settle_config(const wn__dataset_type *type, const void **config, void **own)
{
    if (*config || !type->settings) return WN_OK;
    if (!(*own = wn__alloc(type->config_size))) return wn__no_memory(type->config_size);
    *config = *own;
    return wn__settings_defaults(type->settings, *own);
}

wn_status wn__dataset_describe(const wn__dataset_type *type, const void *config, wn__data_facts *out)
{
    wn__data_facts facts = type->facts;
    void *own = NULL;
    wn_status status = settle_config(type, &config, &own);
    if (status == WN_OK && type->describe) status = type->describe(type, config, &facts);
    wn__free(own);
    if (status != WN_OK)
        wn__data_facts_release(&facts);
    else
        *out = facts;
    return status;
}

static void count_samples(wn__dataset *data)
{
    data->facts.train_count = data->source->train_count;
    data->facts.test_count = data->source->test_count;
}

static wn_status open_source(const void *config, const char *folder, wn__pool *pool, wn__dataset *data)
{
    const wn__dataset_type *type = data->type;
    char *path = NULL;
    if (type->files) WN_TRY(wn__data_folder(folder, &path));
    wn_status status = type->open(type, config, path, pool, data);
    wn__free(path);
    assert(status != WN_OK || !type->files || data->contents.files > 0);
    if (status == WN_ENOTFOUND && type->files)
        status = wn__fail_within(status, "%s is not here; `winnow data get %s` gets it: ", type->name, type->name);
    return status;
}

wn_status wn__dataset_open(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, bool unverified,
                           wn__dataset *out)
{
    wn__dataset data = {.type = type, .unverified = unverified};
    void *own = NULL;
    wn_status status = settle_config(type, &config, &own);
    if (status == WN_OK) status = wn__dataset_describe(type, config, &data.facts);
    if (status == WN_OK) status = open_source(config, folder, pool, &data);
    wn__free(own);
    if (status != WN_OK) {
        wn__dataset_release(&data);
        return status;
    }
    if (!type->streams) count_samples(&data);
    *out = data;
    return WN_OK;
}

wn_status wn__dataset_keep(wn__dataset *data, const wn__range *train, int ranges, wn__pool *pool)
{
    wn__memory_source *copy;
    WN_TRY(wn__memory_source_copy(data->source, data->type->name, &data->facts.sample, train, ranges, pool, &copy));
    data->stream = data->source;
    data->source = &copy->source;
    count_samples(data);
    return WN_OK;
}

wn_status wn__dataset_load(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, bool unverified,
                           wn__dataset *out)
{
    wn__dataset data;
    if (type->needs_world)
        return wn__fail(WN_EUSAGE,
                        "%s: %" PRId64
                        " images are too many for memory and are read as a stream: say world: real or ideal, and data.train_size",
                        type->name, type->facts.stream_count);
    WN_TRY(wn__dataset_open(type, config, folder, pool, unverified, &data));
    const wn__range train = {0, data.facts.train_count};
    wn_status status = WN_OK;
    if (type->streams) {
        status = wn__dataset_keep(&data, &train, 1, pool);
        wn__source_close(data.stream);
        data.stream = NULL;
    }
    if (status != WN_OK)
        wn__dataset_release(&data);
    else
        *out = data;
    return status;
}

void wn__dataset_release(wn__dataset *data)
{
    wn__source_close(data->source);
    wn__source_close(data->stream);
    wn__data_facts_release(&data->facts);
    data->source = data->stream = NULL;
}

/* ---- splits */

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

/* "auto" where the set has validation samples of its own. */
static bool is_own(const wn__data_facts *facts, const char *validation)
{
    return facts->own_validation > 0 && strcmp(validation, "auto") == 0;
}

/* "5000", "10%", or "auto" for that. */
static bool is_by_name(const wn__data_facts *facts, const char *validation, int64_t all, int64_t *held)
{
    if (is_own(facts, validation)) return false;
    return wn__share_of(strcmp(validation, "auto") == 0 ? "10%" : validation, all, held);
}

static wn_status count_held(const wn__data_facts *facts, const char *validation, int64_t all, int64_t *held, bool *first)
{
    if (strcmp(validation, "none") == 0 || is_by_name(facts, validation, all, held)) return WN_OK;
    *first = read_count(validation, "first-", held);
    if (!*first && !read_count(validation, "last-", held))
        return wn__fail(WN_EUSAGE, "validation '%s' is not one of none, 10%%, 5000, first-N, last-N (such as last-5000), auto", validation);
    if (!facts->by_class) return WN_OK;
    return wn__fail(WN_EUSAGE,
                    "validation '%s' would be of some classes alone: samples stand one class after the other; valid: 10%%, %" PRId64
                    ", none",
                    validation, *held);
}

bool wn__split_is_by_name(const wn__data_facts *facts, const char *validation, int64_t train_size)
{
    int64_t held;
    return is_by_name(facts, validation, facts->train_count, &held) || (facts->by_class && train_size > 0);
}

wn_status wn__split_needs_order(const wn__data_facts *facts, const char *validation)
{
    if (!facts->by_class && facts->own_validation == 0 && !wn__split_is_by_name(facts, validation, 0)) return WN_OK;
    return wn__fail(WN_EUSAGE,
                    "validation '%s', or a set by class, is no part of a stream; valid: none, first-N, last-N of sets in mixed order",
                    validation);
}

wn_status wn__split_make(const wn__data_facts *facts, const char *validation, int64_t train_size, wn__split *split)
{
    int64_t all = facts->train_count, held = 0;
    bool first = false;
    if (is_own(facts, validation)) {
        held = facts->own_validation;
    } else {
        all -= facts->own_validation;
        WN_TRY(count_held(facts, validation, all, &held, &first));
    }
    if (held >= all) return wn__fail(WN_EUSAGE, "validation '%s' leaves nothing of %" PRId64 " training images", validation, all);
    const int64_t left = all - held;
    if (train_size < 0 || train_size > left)
        return wn__fail(WN_EUSAGE, "%" PRId64 " training images asked for, but %" PRId64 " remain after validation '%s'", train_size, left,
                        validation);
    *split = (wn__split){.train = {first ? held : 0, train_size ? train_size : left},
                         .validation = {first ? 0 : left, held},
                         .test = {0, facts->test_count}};
    return WN_OK;
}

wn__range wn__split_range(const wn__split *split, wn__part part)
{
    return part == WN__PART_TRAIN ? split->train : part == WN__PART_VALIDATION ? split->validation : split->test;
}

/* ---- normalisation */

static const wn__normalize general[] = {
    {WN__NORMALIZE_MEAN_STD, WN__IMAGENET_MEAN, WN__IMAGENET_STD, "imagenet"},
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
        n.mean[c] = c < type->facts.sample.channels ? type->mean[c] : 0;
        n.std[c] = c < type->facts.sample.channels ? type->std[c] : 1;
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

static wn_status normalize_nothing(const char *name, const wn__dataset *data, wn__normalize *out)
{
    if (strcmp(name, "dataset") != 0)
        return wn__fail(WN_EUSAGE, "normalisation '%s' is of pixels; the inputs of %s are taken as they are: leave it out", name,
                        data->type->name);
    *out = (wn__normalize){.kind = WN__NORMALIZE_NOTHING, .name = "none"};
    return WN_OK;
}

wn_status wn__normalize_find(const char *name, const wn__dataset *data, wn__normalize *out)
{
    const int channels = data->facts.sample.channels;
    if (data->facts.sample.input != WN_INPUT_PIXELS) return normalize_nothing(name, data, out);
    if (strcmp(name, "dataset") == 0 || strcmp(name, data->type->name) == 0) {
        *out = of_dataset(data->type);
        if (channels < data->type->facts.sample.channels) *out = fit_channels(*out, channels);
        return WN_OK;
    }
    for (size_t i = 0; i < sizeof(general) / sizeof(*general); i++) {
        if (strcmp(general[i].name, name) == 0) {
            *out = fit_channels(general[i], channels);
            return WN_OK;
        }
    }
    for (int i = 0; wn__datasets[i]; i++) {
        if (strcmp(wn__datasets[i]->name, name) != 0) continue;
        if (wn__datasets[i]->facts.sample.channels != channels)
            return wn__fail(WN_EUSAGE, "normalisation '%s' is for %d channels, the images have %d", name,
                            wn__datasets[i]->facts.sample.channels, channels);
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
