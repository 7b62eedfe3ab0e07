/* Arrays of inputs and targets in npz and safetensors files: pictures of bytes, or floats; classes, several classes, or values. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/dataset.h"
#include "data/memory_source.h"
#include "data/stratify.h"
#include "io/array_file.h"

typedef struct arrays_config {
    const char *path, *test, *x, *y, *x_test, *y_test, *test_share;
} arrays_config;

static const char *const places[] = {"path", "test", NULL};

static const wn__setting settings[] = {
    WN_SETTING_TEXT(arrays_config, path, "", "the file: .npz or .safetensors"),
    WN_SETTING_TEXT(arrays_config, test, "", "a file of test samples, with the same names of arrays"),
    WN_SETTING_TEXT(arrays_config, x, "x",
                    "the array of inputs: bytes (n, h, w), (n, h, w, c) or (n, c, h, w); floats (n, d), (n, h, w) or (n, c, h, w)"),
    WN_SETTING_TEXT(arrays_config, y, "y", "the array of targets: whole numbers (n), 0 and 1 (n, k), or floats (n) or (n, k)"),
    WN_SETTING_TEXT(arrays_config, x_test, "", "the array of test inputs in the same file"),
    WN_SETTING_TEXT(arrays_config, y_test, "", "the array of test targets in the same file"),
    WN_SETTING_TEXT(arrays_config, test_share, "10%",
                    "part of the samples, such as 10% or 500, that tests where there are no test samples"),
    {0}};

/* ---- a pair of arrays */

typedef struct pair {
    wn__array x, y;
    bool channels_last;
} pair;

static void release(pair *p)
{
    wn__array_release(&p->x);
    wn__array_release(&p->y);
}

static wn_status read_pair(const char *path, const char *x, const char *y, bool shape_alone, pair *p)
{
    WN_TRY(wn__array_read(path, x, shape_alone, &p->x));
    WN_TRY(wn__array_read(path, y, false, &p->y));
    if (p->x.dim[0] == p->y.dim[0]) return WN_OK;
    return wn__fail(WN_EFORMAT, "%s: %s has %" PRId64 " samples, %s has %" PRId64, path, x, p->x.dim[0], y, p->y.dim[0]);
}

static wn_status bad_inputs(const char *path, const char *name)
{
    return wn__fail(WN_EFORMAT, "%s: %s: must be bytes (n, h, w), (n, h, w, c) or (n, c, h, w) with c 1 or 3, or floats of 2 to 4 sizes",
                    path, name);
}

static bool is_channels(int64_t count) { return count == 1 || count == 3; }

/* Sizes of an input; whether channels are the last of them. */
static wn_status describe_inputs(const char *path, const char *name, pair *p, wn__sample_spec *s)
{
    const wn__array *x = &p->x;
    const int64_t *d = x->dim;
    const bool pixels = x->kind == 'u' && x->item_size == 1;
    if ((!pixels && x->kind != 'f') || x->dims < (pixels ? 3 : 2)) return bad_inputs(path, name);
    for (int i = 1; i < x->dims; i++)
        if (d[i] < 1 || d[i] > INT32_MAX) return bad_inputs(path, name);
    p->channels_last = pixels && x->dims == 4 && is_channels(d[3]);
    if (pixels && x->dims == 4 && !p->channels_last && !is_channels(d[1])) return bad_inputs(path, name);
    const int64_t c = x->dims == 3       ? 1
                      : p->channels_last ? d[3]
                                         : d[1],
                  h = x->dims == 2                       ? 1
                      : x->dims == 3 || p->channels_last ? d[1]
                                                         : d[2],
                  w = x->dims == 2                       ? 1
                      : x->dims == 3 || p->channels_last ? d[2]
                                                         : d[3];
    s->input = pixels ? WN_INPUT_PIXELS : WN_INPUT_FLOATS;
    s->channels = (int)c;
    s->height = (int)h;
    s->width = (int)w;
    return WN_OK;
}

static wn_status describe_targets(const char *path, const char *name, const pair *p, wn__sample_spec *s)
{
    const wn__array *y = &p->y;
    const int64_t width = wn__array_row(y), all = width * y->dim[0];
    if (y->dims > 2 || width > INT32_MAX) return wn__fail(WN_EFORMAT, "%s: %s has %d sizes, must be (n) or (n, k)", path, name, y->dims);
    s->target = y->kind == 'f' ? WN_TARGET_VALUES : width == 1 ? WN_TARGET_CLASS : WN_TARGET_CLASSES;
    s->classes = (int)width;
    int64_t most = 0;
    for (int64_t i = 0; y->kind != 'f' && i < all; i++) {
        const int64_t value = wn__array_int(y, i), valid = width == 1 ? 1 << 24 : 1;
        if (value < 0 || value > valid)
            return wn__fail(WN_EFORMAT, "%s: %s: sample %" PRId64 " has target %" PRId64 ", must be 0 to %" PRId64, path, name, i / width,
                            value, valid);
        most = value > most ? value : most;
    }
    for (int64_t i = 0; y->kind == 'f' && i < all; i++)
        if (!isfinite(wn__array_number(y, i)))
            return wn__fail(WN_EFORMAT, "%s: %s: sample %" PRId64 " has a target that is not finite", path, name, i / width);
    if (s->target == WN_TARGET_CLASS) s->classes = (int)most + 1;
    return WN_OK;
}

/* The same sizes and kinds; no class that training lacks. */
static wn_status check_test(const char *path, const wn__sample_spec *train, const wn__sample_spec *test)
{
    const bool classes = train->target == WN_TARGET_CLASS;
    if (train->input == test->input && train->channels == test->channels && train->height == test->height && train->width == test->width &&
        train->target == test->target && (classes ? test->classes <= train->classes : test->classes == train->classes))
        return WN_OK;
    return wn__fail(WN_EFORMAT, "%s: test samples of %dx%dx%d and %d classes, training has %dx%dx%d and %d", path, test->channels,
                    test->height, test->width, test->classes, train->channels, train->height, train->width, train->classes);
}

/* ---- both parts */

typedef struct parts {
    pair train, test; /* test: zeroed if it is cut from training */
    wn__sample_spec sample;
    int64_t tested; /* test samples */
} parts;

static void release_parts(parts *p)
{
    release(&p->train);
    release(&p->test);
}

static wn_status read_test(const arrays_config *c, bool shape_alone, parts *p)
{
    const bool inside = *c->x_test != 0;
    const char *path = inside ? c->path : c->test, *x = inside ? c->x_test : c->x, *y = inside ? c->y_test : c->y;
    const int64_t n = p->train.x.dim[0];
    if (inside != (*c->y_test != 0)) return wn__fail(WN_EUSAGE, "x_test and y_test go together");
    if (inside || *c->test) {
        wn__sample_spec sample = {0};
        WN_TRY(read_pair(path, x, y, shape_alone, &p->test));
        WN_TRY(describe_inputs(path, x, &p->test, &sample));
        WN_TRY(describe_targets(path, y, &p->test, &sample));
        p->tested = p->test.x.dim[0];
        return check_test(path, &p->sample, &sample);
    }
    if (wn__share_of(c->test_share, n, &p->tested) && p->tested >= 1 && p->tested < n) return WN_OK;
    return wn__fail(WN_EUSAGE,
                    "%s: has no test samples; test_share: %s of %" PRId64 " samples, must be 1 to %" PRId64 " of them, such as 10%% or 500",
                    c->path, c->test_share, n, n - 1);
}

/* Release also on failure. */
static wn_status read_parts(const arrays_config *c, bool shape_alone, parts *p)
{
    if (!*c->path) return wn__fail(WN_EUSAGE, "the key \"path\" is missing: which file?");
    WN_TRY(read_pair(c->path, c->x, c->y, shape_alone, &p->train));
    WN_TRY(describe_inputs(c->path, c->x, &p->train, &p->sample));
    WN_TRY(describe_targets(c->path, c->y, &p->train, &p->sample));
    WN_TRY(wn__sample_spec_check(&p->sample));
    return read_test(c, shape_alone, p);
}

static wn_status make_key(const arrays_config *c, char key[WN__SHA256_TEXT])
{
    wn__file_digest digest[2] = {0};
    char text[2 * WN__SHA256_TEXT + 2];
    WN_TRY(wn__file_digest_find(c->path, 0, &digest[0]));
    if (*c->test) WN_TRY(wn__file_digest_find(c->test, 0, &digest[1]));
    const int length = snprintf(text, sizeof text, "%s %s", digest[0].sha256, digest[1].sha256);
    return wn__sha256(text, (size_t)length, key);
}

static wn_status describe(const wn__dataset_type *type, const void *config, wn__data_facts *facts)
{
    (void)type;
    parts p = {0};
    wn_status status = read_parts(config, true, &p);
    if (status == WN_OK) status = make_key(config, facts->contents_key);
    facts->sample = p.sample;
    facts->train_count = p.train.x.dim[0] - (p.test.x.dims ? 0 : p.tested);
    facts->test_count = p.tested;
    release_parts(&p);
    return status;
}

/* ---- loading */

static void copy_input(const pair *p, const wn__sample_spec *s, int64_t from, void *to)
{
    const int64_t row = wn__array_row(&p->x), plane = (int64_t)s->height * s->width;
    const uint8_t *pixels = (const uint8_t *)p->x.data + from * row;
    if (s->input == WN_INPUT_PIXELS && !p->channels_last) {
        memcpy(to, pixels, (size_t)row);
        return;
    }
    for (int64_t i = 0; s->input == WN_INPUT_PIXELS && i < row; i++)
        ((uint8_t *)to)[i % s->channels * plane + i / s->channels] = pixels[i];
    for (int64_t i = 0; s->input != WN_INPUT_PIXELS && i < row; i++)
        ((float *)to)[i] = (float)wn__array_number(&p->x, from * row + i);
}

static void copy_sample(const pair *p, const wn__sample_spec *s, int64_t from, const wn__memory_source *memory, const wn__memory_part *part,
                        int64_t to)
{
    char *target = (char *)part->targets + (size_t)to * memory->target_bytes;
    const int64_t width = wn__array_row(&p->y);
    copy_input(p, s, from, (char *)part->inputs + (size_t)to * memory->input_bytes);
    for (int64_t i = 0; i < width; i++) {
        if (s->target == WN_TARGET_CLASS)
            *(int32_t *)(void *)target = (int32_t)wn__array_int(&p->y, from);
        else
            ((float *)(void *)target)[i] = (float)wn__array_number(&p->y, from * width + i);
    }
}

/* The first `tested` of the order are test samples, by the numbers of samples; the others stay as they stand. */
static wn_status mark_test(const parts *p, bool *is_test)
{
    const int64_t n = p->train.x.dim[0];
    wn__stratum *strata = WN_NEW_ARRAY(wn__stratum, n);
    int64_t *order = WN_NEW_ARRAY(int64_t, n);
    wn_status status = strata && order ? WN_OK : wn__no_memory((size_t)n * sizeof *strata);
    for (int64_t i = 0; status == WN_OK && i < n; i++) {
        char number[32];
        snprintf(number, sizeof number, "%" PRId64, i);
        strata[i] = (wn__stratum){wn__name_hash(number), p->sample.target == WN_TARGET_CLASS ? (int32_t)wn__array_int(&p->train.y, i) : 0};
    }
    if (status == WN_OK) status = wn__stratified_order(n, strata, order);
    for (int64_t i = 0; status == WN_OK && p->test.x.dims == 0 && i < p->tested; i++)
        is_test[order[i]] = true;
    wn__free(strata);
    wn__free(order);
    return status;
}

static wn_status fill(const parts *p, wn__memory_source *memory)
{
    const int64_t n = p->train.x.dim[0], apart = p->test.x.dims ? p->tested : 0;
    bool *is_test = WN_NEW_ARRAY(bool, n);
    if (!is_test) return wn__no_memory((size_t)n);
    wn_status status = mark_test(p, is_test);
    if (status == WN_OK) status = wn__memory_source_make_room(memory, WN__PART_TRAIN, n - (p->tested - apart));
    if (status == WN_OK) status = wn__memory_source_make_room(memory, WN__PART_TEST, p->tested);
    int64_t train = 0, test = 0;
    for (int64_t i = 0; status == WN_OK && i < n; i++)
        copy_sample(&p->train, &p->sample, i, memory, is_test[i] ? &memory->test : &memory->train, is_test[i] ? test++ : train++);
    for (int64_t i = 0; status == WN_OK && i < apart; i++)
        copy_sample(&p->test, &p->sample, i, memory, &memory->test, i);
    wn__free(is_test);
    return status;
}

static wn_status open_arrays(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, wn__dataset *data)
{
    (void)type, (void)folder, (void)pool;
    wn__memory_source *memory;
    parts p = {0};
    wn_status status = read_parts(config, false, &p);
    if (status == WN_OK) status = wn__memory_source_new(&data->facts.sample, &memory);
    if (status == WN_OK) {
        data->source = &memory->source;
        status = fill(&p, memory);
    }
    release_parts(&p);
    return status;
}

static const char *takes(const char *path) { return wn__array_file_name(path) ? "path" : NULL; }

const wn__dataset_type wn__dataset_arrays = {
    .name = "arrays",
    .summary = "your arrays x and y in .npz or .safetensors files: pictures or floats; classes or values",
    .license = "your own",
    .facts = {.sample = {.channels = 3}},
    .mean = WN__IMAGENET_MEAN,
    .std = WN__IMAGENET_STD,
    .settings = settings,
    .places = places,
    .validation = "10%",
    .config_size = sizeof(arrays_config),
    .takes = takes,
    .describe = describe,
    .open = open_arrays,
};
