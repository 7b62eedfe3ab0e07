/* Arrays of inputs and targets in npz, npy and safetensors files: pictures of bytes, or floats; classes, several classes, or values. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/locale.h"
#include "data/dataset.h"
#include "data/memory_source.h"
#include "data/stratify.h"
#include "io/array_file.h"

typedef struct arrays_config {
    const char *path, *targets, *val, *val_targets, *test, *test_targets, *x, *y, *x_val, *y_val, *x_test, *y_test, *test_share, *mean,
        *std;
} arrays_config;

static const char *const places[] = {"path", "targets", "val", "val_targets", "test", "test_targets", NULL};

static const wn__setting settings[] = {
    WN_SETTING_TEXT(arrays_config, path, "", "the file: .npz, .safetensors, or .npy of the inputs alone"),
    WN_SETTING_TEXT(arrays_config, targets, "", "the file of targets, where they have one of their own"),
    WN_SETTING_TEXT(arrays_config, val, "", "a file of validation samples, with the same names of arrays"),
    WN_SETTING_TEXT(arrays_config, val_targets, "", "the file of their targets"),
    WN_SETTING_TEXT(arrays_config, test, "", "a file of test samples, with the same names of arrays"),
    WN_SETTING_TEXT(arrays_config, test_targets, "", "the file of their targets"),
    WN_SETTING_TEXT(arrays_config, x, "x",
                    "the array of inputs: bytes (n, h, w), (n, h, w, c) or (n, c, h, w); floats (n, d), (n, h, w) or (n, c, h, w)"),
    WN_SETTING_TEXT(arrays_config, y, "y", "the array of targets: whole numbers (n), 0 and 1 (n, k), or floats (n) or (n, k)"),
    WN_SETTING_TEXT(arrays_config, x_val, "", "the array of validation inputs in the same file"),
    WN_SETTING_TEXT(arrays_config, y_val, "", "the array of validation targets in the same file"),
    WN_SETTING_TEXT(arrays_config, x_test, "", "the array of test inputs in the same file"),
    WN_SETTING_TEXT(arrays_config, y_test, "", "the array of test targets in the same file"),
    WN_SETTING_TEXT(arrays_config, test_share, "10%",
                    "part of the samples, such as 10% or 500, that tests where there are no test samples"),
    WN_SETTING_TEXT(
        arrays_config, mean, "",
        "of floats: what is taken off, one number or one a channel with commas between them, or computed: that of the training samples, by channel"),
    WN_SETTING_TEXT(arrays_config, std, "", "of floats: what they are divided by then, alike"),
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

/* Where they lie; files of one array have no names. */
typedef struct place {
    const char *x_file, *x, *y_file, *y;
} place;

static wn_status read_pair(const place *at, bool shape_alone, pair *p)
{
    if (at->x_file == at->y_file && wn__array_file_of_one(at->x_file))
        return wn__fail(WN_EUSAGE, "%s: holds one array; data.targets (val_targets, test_targets) names the file of its targets",
                        at->x_file);
    WN_TRY(wn__array_read(at->x_file, at->x, shape_alone, &p->x));
    WN_TRY(wn__array_read(at->y_file, at->y, false, &p->y));
    if (p->x.dim[0] == p->y.dim[0]) return WN_OK;
    return wn__fail(WN_EFORMAT, "%s: %s has %" PRId64 " samples, %s has %" PRId64, at->y_file, at->x, p->x.dim[0], at->y, p->y.dim[0]);
}

static wn_status bad_inputs(const char *path, const char *name)
{
    return wn__fail(WN_EFORMAT, "%s: %s: must be bytes (n, h, w), (n, h, w, c) or (n, c, h, w) with c 1 or 3; or floats of 2 to 4 sizes",
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
static wn_status check_part(const char *path, const wn__sample_spec *train, const wn__sample_spec *other)
{
    const bool classes = train->target == WN_TARGET_CLASS;
    if (train->input == other->input && train->channels == other->channels && train->height == other->height &&
        train->width == other->width && train->target == other->target &&
        (classes ? other->classes <= train->classes : other->classes == train->classes))
        return WN_OK;
    return wn__fail(WN_EFORMAT, "%s: samples of %dx%dx%d and %d classes, training has %dx%dx%d and %d", path, other->channels,
                    other->height, other->width, other->classes, train->channels, train->height, train->width, train->classes);
}

/* ---- all parts */

typedef struct parts {
    pair part[3]; /* by wn__part; zeroed where there are none */
    wn__sample_spec sample;
    int64_t tested; /* test samples; cut from training if that part is zeroed */
} parts;

static int64_t count_of(const parts *p, wn__part part) { return p->part[part].x.dims ? p->part[part].x.dim[0] : 0; }

static void release_parts(parts *p)
{
    for (int k = 0; k < 3; k++)
        release(&p->part[k]);
}

static const char *or_else(const char *path, const char *other) { return *path ? path : other; }

/* false: there is no such part. */
static bool find_place(const arrays_config *c, wn__part part, place *at)
{
    const char *const file[] = {c->path, c->val, c->test}, *const targets[] = {c->targets, c->val_targets, c->test_targets},
                      *const x[] = {"", c->x_val, c->x_test}, *const y[] = {"", c->y_val, c->y_test};
    const bool inside = *x[part] || *y[part];
    *at = inside ? (place){c->path, x[part], or_else(c->targets, c->path), y[part]}
                 : (place){file[part], c->x, or_else(targets[part], file[part]), c->y};
    return inside || *file[part];
}

static wn_status read_part(const arrays_config *c, wn__part part, bool shape_alone, parts *p)
{
    place at;
    wn__sample_spec sample = {0};
    pair *q = &p->part[part];
    if (!find_place(c, part, &at)) return WN_OK;
    if (!*at.x || !*at.y) return wn__fail(WN_EUSAGE, "%s: inputs and targets go together: x_val and y_val, x_test and y_test", at.x_file);
    WN_TRY(read_pair(&at, shape_alone, q));
    WN_TRY(describe_inputs(at.x_file, at.x, q, &sample));
    WN_TRY(describe_targets(at.y_file, at.y, q, &sample));
    if (part != WN__PART_TRAIN) return check_part(at.x_file, &p->sample, &sample);
    p->sample = sample;
    return wn__sample_spec_check(&p->sample);
}

/* Release also on failure. */
static wn_status read_parts(const arrays_config *c, bool shape_alone, parts *p)
{
    if (!*c->path) return wn__fail(WN_EUSAGE, "the key \"path\" is missing: which file?");
    for (int part = 0; part < 3; part++)
        WN_TRY(read_part(c, part, shape_alone, p));
    const int64_t n = count_of(p, WN__PART_TRAIN);
    p->tested = count_of(p, WN__PART_TEST);
    if (p->tested > 0) return WN_OK;
    if (wn__share_of(c->test_share, n, &p->tested) && p->tested >= 1 && p->tested < n) return WN_OK;
    return wn__fail(WN_EUSAGE,
                    "%s: has no test samples; test_share: %s of %" PRId64 " samples, must be 1 to %" PRId64 " of them, such as 10%% or 500",
                    c->path, c->test_share, n, n - 1);
}

/* Of the files' digests, in a fixed order; that of the test file has a place of its own, if an empty one. */
static wn_status make_key(const arrays_config *c, char key[WN__SHA256_TEXT])
{
    const char *const files[] = {c->path, c->test, c->targets, c->test_targets, c->val, c->val_targets};
    char text[6 * (WN__SHA256_TEXT + 8)] = "";
    size_t length = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        wn__file_digest digest = {0};
        if (!*files[i] && i > 1) continue;
        if (*files[i]) WN_TRY(wn__file_digest_find(files[i], 0, &digest));
        length += (size_t)snprintf(text + length, sizeof text - length, i == 0 ? "%s" : i == 1 ? " %s" : " %s %zu", digest.sha256, i);
    }
    return wn__sha256(text, length, key);
}

/* ---- (x - mean) / std of floats */

enum { MOST_MOMENTS = 4096 };
typedef struct moments {
    int means, deviations; /* 0: none is given; 1: of all channels */
    bool of_samples[2];    /* means, deviations: of the training samples, once they are known */
    float mean[MOST_MOMENTS], std[MOST_MOMENTS];
} moments;

static wn_status read_numbers(const char *key, const char *text, int channels, float *out, int *count)
{
    for (*count = 0; *text; text += strspn(text, ", ")) {
        char *end;
        const double value = wn__strtod(text, &end);
        if (end == text || *count == MOST_MOMENTS || !isfinite(value))
            return wn__fail(WN_EUSAGE, "%s: \"%s\": must be up to %d numbers with commas between them", key, text, MOST_MOMENTS);
        out[(*count)++] = (float)value;
        text = end;
    }
    if (*count <= 1 || *count == channels) return WN_OK;
    return wn__fail(WN_EUSAGE, "%s: %d numbers, must be 1 or %d, one a channel", key, *count, channels);
}

static bool is_computed(const char *text) { return strcmp(text, "computed") == 0; }

static wn_status read_moments(const arrays_config *c, const wn__sample_spec *s, moments *m)
{
    *m = (moments){.of_samples = {is_computed(c->mean), is_computed(c->std)}};
    if (!m->of_samples[0]) WN_TRY(read_numbers("mean", c->mean, s->channels, m->mean, &m->means));
    if (!m->of_samples[1]) WN_TRY(read_numbers("std", c->std, s->channels, m->std, &m->deviations));
    if ((m->of_samples[0] || m->of_samples[1]) && s->channels > MOST_MOMENTS)
        return wn__fail(WN_EUNSUPPORTED, "mean and std: computed: %d channels, at most %d", s->channels, MOST_MOMENTS);
    if (s->input == WN_INPUT_PIXELS && (m->means + m->deviations > 0 || m->of_samples[0] || m->of_samples[1]))
        return wn__fail(WN_EUSAGE, "mean and std are of floats, and %s is of bytes: data.normalize says how they are scaled", c->path);
    for (int i = 0; i < m->deviations; i++)
        if (!(m->std[i] > 0)) return wn__fail(WN_EUSAGE, "std: %g, must be above 0", (double)m->std[i]);
    return WN_OK;
}

static float standardized(const moments *m, int64_t channel, float x)
{
    if (m->means > 0) x -= m->mean[m->means > 1 ? channel : 0];
    return m->deviations > 0 ? x / m->std[m->deviations > 1 ? channel : 0] : x;
}

/* ---- facts */

static int32_t label_of(const void *y, int64_t i) { return (int32_t)wn__array_int(y, i); }

static wn_status describe(const wn__dataset_type *type, const void *config, wn__data_facts *facts)
{
    (void)type;
    parts p = {0};
    moments m;
    wn_status status = read_parts(config, true, &p);
    const int64_t n = count_of(&p, WN__PART_TRAIN), cut = p.part[WN__PART_TEST].x.dims ? 0 : p.tested;
    if (status == WN_OK) status = read_moments(config, &p.sample, &m);
    if (status == WN_OK) status = make_key(config, facts->contents_key);
    if (status == WN_OK && p.sample.target == WN_TARGET_CLASS)
        status = wn__stands_by_class(n, p.sample.classes, label_of, &p.part[WN__PART_TRAIN].y, &facts->by_class);
    facts->sample = p.sample;
    facts->own_validation = count_of(&p, WN__PART_VALIDATION);
    facts->train_count = n - cut + facts->own_validation;
    facts->test_count = p.tested;
    release_parts(&p);
    return status;
}

/* ---- loading */

typedef struct loading {
    const parts *parts;
    moments moments;
    wn__memory_source *memory;
} loading;

static void copy_input(const loading *l, const pair *p, int64_t from, void *to)
{
    const wn__sample_spec *s = &l->parts->sample;
    const int64_t row = wn__array_row(&p->x), plane = (int64_t)s->height * s->width;
    const uint8_t *pixels = (const uint8_t *)p->x.data + from * row;
    if (s->input == WN_INPUT_PIXELS && !p->channels_last) {
        memcpy(to, pixels, (size_t)row);
        return;
    }
    for (int64_t i = 0; s->input == WN_INPUT_PIXELS && i < row; i++)
        ((uint8_t *)to)[i % s->channels * plane + i / s->channels] = pixels[i];
    for (int64_t i = 0; s->input != WN_INPUT_PIXELS && i < row; i++)
        ((float *)to)[i] = standardized(&l->moments, i / plane, (float)wn__array_number(&p->x, from * row + i));
}

static void copy_sample(const loading *l, const pair *p, int64_t from, const wn__memory_part *part, int64_t to)
{
    const wn__sample_spec *s = &l->parts->sample;
    char *target = (char *)part->targets + (size_t)to * l->memory->target_bytes;
    const int64_t width = wn__array_row(&p->y);
    copy_input(l, p, from, (char *)part->inputs + (size_t)to * l->memory->input_bytes);
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
    const int64_t n = count_of(p, WN__PART_TRAIN);
    const wn__array *y = &p->part[WN__PART_TRAIN].y;
    wn__stratum *strata = WN_NEW_ARRAY(wn__stratum, n);
    int64_t *order = WN_NEW_ARRAY(int64_t, n);
    wn_status status = strata && order ? WN_OK : wn__no_memory((size_t)n * sizeof *strata);
    for (int64_t i = 0; status == WN_OK && i < n; i++) {
        char number[32];
        snprintf(number, sizeof number, "%" PRId64, i);
        strata[i] = (wn__stratum){wn__name_hash(number), p->sample.target == WN_TARGET_CLASS ? label_of(y, i) : 0};
    }
    if (status == WN_OK) status = wn__stratified_order(n, strata, order);
    for (int64_t i = 0; status == WN_OK && i < p->tested; i++)
        is_test[order[i]] = true;
    wn__free(strata);
    wn__free(order);
    return status;
}

/* ---- moments of the training samples that no part of their own tests or validates */

static double channel_mean(const pair *p, const bool *is_test, int64_t channel, int64_t plane, double center, bool squares)
{
    const int64_t row = wn__array_row(&p->x);
    int64_t count = 0;
    double sum = 0;
    for (int64_t i = 0; i < p->x.dim[0]; i++) {
        if (is_test[i]) continue;
        for (int64_t k = channel * plane; k < (channel + 1) * plane; k++) {
            const double x = wn__array_number(&p->x, i * row + k) - center;
            sum += squares ? x * x : x;
        }
        count += plane;
    }
    return count > 0 ? sum / (double)count : 0;
}

/* What does not vary is divided by 1. */
static void compute_moments(loading *l, const bool *is_test)
{
    const wn__sample_spec *s = &l->parts->sample;
    const pair *p = &l->parts->part[WN__PART_TRAIN];
    const int64_t plane = (int64_t)s->height * s->width;
    moments *m = &l->moments;
    for (int64_t c = 0; (m->of_samples[0] || m->of_samples[1]) && c < s->channels; c++) {
        const double mean = channel_mean(p, is_test, c, plane, 0, false), deviation = sqrt(channel_mean(p, is_test, c, plane, mean, true));
        if (m->of_samples[0]) m->mean[m->means++] = (float)mean;
        if (m->of_samples[1]) m->std[m->deviations++] = deviation > 0 ? (float)deviation : 1;
    }
}

static void copy_all(const loading *l, const bool *is_test)
{
    const parts *p = l->parts;
    const wn__memory_part *train = &l->memory->train, *test = &l->memory->test;
    int64_t trained = 0, tested = 0;
    for (int64_t i = 0; i < count_of(p, WN__PART_TRAIN); i++)
        copy_sample(l, &p->part[WN__PART_TRAIN], i, is_test[i] ? test : train, is_test[i] ? tested++ : trained++);
    for (int64_t i = 0; i < count_of(p, WN__PART_VALIDATION); i++)
        copy_sample(l, &p->part[WN__PART_VALIDATION], i, train, trained++);
    for (int64_t i = 0; i < count_of(p, WN__PART_TEST); i++)
        copy_sample(l, &p->part[WN__PART_TEST], i, test, tested++);
}

static wn_status fill(loading *l)
{
    const parts *p = l->parts;
    const int64_t n = count_of(p, WN__PART_TRAIN), cut = count_of(p, WN__PART_TEST) > 0 ? 0 : p->tested;
    bool *is_test = WN_NEW_ARRAY(bool, n);
    if (!is_test) return wn__no_memory((size_t)n);
    wn_status status = cut > 0 ? mark_test(p, is_test) : WN_OK;
    if (status == WN_OK) status = wn__memory_source_make_room(l->memory, WN__PART_TRAIN, n - cut + count_of(p, WN__PART_VALIDATION));
    if (status == WN_OK) status = wn__memory_source_make_room(l->memory, WN__PART_TEST, p->tested);
    if (status == WN_OK) compute_moments(l, is_test);
    if (status == WN_OK) copy_all(l, is_test);
    wn__free(is_test);
    return status;
}

static wn_status open_arrays(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, wn__dataset *data)
{
    (void)type, (void)folder, (void)pool;
    parts p = {0};
    loading l = {.parts = &p};
    wn_status status = read_parts(config, false, &p);
    if (status == WN_OK) status = read_moments(config, &p.sample, &l.moments);
    if (status == WN_OK) status = wn__memory_source_new(&data->facts.sample, &l.memory);
    if (status == WN_OK) {
        data->source = &l.memory->source;
        status = fill(&l);
    }
    release_parts(&p);
    return status;
}

static const char *takes(const char *path) { return wn__array_file_name(path) ? "path" : NULL; }

const wn__dataset_type wn__dataset_arrays = {
    .name = "arrays",
    .summary = "your arrays x and y in .npz, .npy or .safetensors files: pictures or floats; classes or values",
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
