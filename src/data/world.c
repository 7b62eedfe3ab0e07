#include "data/world.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/rng.h"
#include "data/contents.h"

const char *const wn__world_names[] = {"none", "real", "ideal", NULL};

/* --- label noise ----------------------------------------------------------------------------------------------------------------- */

int32_t wn__noisy_label(double probability, wn__part part, int64_t sample, int32_t label, int classes)
{
    if (probability <= 0 || classes < 2) return label;
    wn__rng rng = wn__rng_make(0, WN__FOR_LABELS, (uint64_t)sample, (uint64_t)part);
    if (wn__rng_uniform_double(&rng) >= probability) return label;
    const int32_t away = 1 + (int32_t)wn__rng_below(&rng, (uint64_t)classes - 1);
    return (label + away) % classes;
}

static void add_noise(wn__images *images, wn__part part, double probability, int classes)
{
    for (int64_t i = 0; i < images->n; i++)
        images->labels[i] = wn__noisy_label(probability, part, i, images->labels[i], classes);
}

void wn__dataset_add_noise(wn__dataset *data, double probability)
{
    if (probability <= 0) return;
    if (!data->stream) add_noise(&data->train, WN__PART_TRAIN, probability, data->classes);
    add_noise(&data->test, WN__PART_TEST, probability, data->classes);
}

/* --- streams --------------------------------------------------------------------------------------------------------------------- */

/* Splits need counts alone. */
static wn_status split_stream(const wn__dataset_type *type, int64_t count, const char *validation, wn__split *split)
{
    const wn__dataset sizes = {.type = type, .train = {.n = count}};
    return wn__split_make(&sizes, validation, 0, split);
}

wn_status wn__world_samples(const wn__dataset_type *type, const void *config, int64_t train_count, const char *validation,
                            int64_t *available)
{
    wn__split split;
    WN_TRY(split_stream(type, type->stream_count ? type->stream_count(config) : train_count, validation, &split));
    *available = split.train.count;
    return WN_OK;
}

/* Labels with noise, by the sample's place in the whole stream. */
static wn_status read_noisy(const wn__dataset *data, int64_t first, int64_t n, uint8_t *pixels, int32_t *labels)
{
    if (first < 0 || first + n > data->stream->count)
        return wn__fail(WN_EINVAL, "%s: samples %" PRId64 " to %" PRId64 ", but there are %" PRId64, data->type->name, first, first + n,
                        data->stream->count);
    WN_TRY(data->stream->read(data->stream, first, n, pixels, labels));
    for (int64_t i = 0; i < n; i++)
        labels[i] = wn__noisy_label(data->label_noise, WN__PART_TRAIN, first + i, labels[i], data->classes);
    return WN_OK;
}

wn_status wn__world_read(const wn__dataset *data, int64_t first, int64_t n, uint8_t *pixels, int32_t *labels)
{
    return read_noisy(data, data->stream_first + first, n, pixels, labels);
}

/* --- loading --------------------------------------------------------------------------------------------------------------------- */

static wn_status check_counts(const wn__dataset_type *type, const wn__world_request *q, int64_t available)
{
    const int64_t wanted = q->third ? 2 * q->n : q->n;
    if (q->n >= 1 && wanted <= available) return WN_OK;
    return wn__fail(WN_EUSAGE, "%s: a world of %" PRId64 " samples%s, but %" PRId64 " are there", type->name, q->n,
                    q->third ? " and as many for the origin of masks" : "", available);
}

/* Pieces, so that a generator can be asked by several threads. */
enum { PIECE = 64 };
typedef struct reading {
    const wn__dataset *data;
    int64_t first, n, image;
    uint8_t *pixels;
    int32_t *labels;
    wn_status status;
} reading;

static void read_piece(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    reading *r = arg;
    const int64_t begin = chunk * PIECE, n = begin + PIECE < r->n ? PIECE : r->n - begin;
    const wn_status status = read_noisy(r->data, r->first + begin, n, r->pixels + begin * r->image, r->labels + begin);
    if (status != WN_OK) r->status = status;
}

/* Files are read in their order by one thread; a failure is repeated here, where its message is seen. */
static wn_status read_range(const wn__dataset *data, wn__pool *pool, wn__range from, int64_t at)
{
    const int64_t image = (int64_t)data->channels * data->height * data->width;
    uint8_t *pixels = data->train.pixels + at * image;
    int32_t *labels = data->train.labels + at;
    if (data->type->files || !pool) return read_noisy(data, from.first, from.count, pixels, labels);
    reading r = {data, from.first, from.count, image, pixels, labels, WN_OK};
    wn__parallel_for(pool, (from.count + PIECE - 1) / PIECE, read_piece, &r);
    return r.status == WN_OK ? WN_OK : read_noisy(data, from.first, from.count, pixels, labels);
}

/* In memory: the first n, the third sample, the validation images. */
static wn_status load_stream(const wn__dataset_type *type, const void *config, const char *path, wn__pool *pool, const wn__world_request *q,
                             wn__dataset *out, wn__split *split, wn__range *third)
{
    wn__split whole;
    WN_TRY(type->open_stream(type, config, path, &out->stream));
    if (type->files) WN_TRY(wn__data_contents_read(type, path, pool, q->unverified, &out->contents));
    WN_TRY(split_stream(type, out->stream->count, q->validation, &whole));
    WN_TRY(check_counts(type, q, whole.train.count));
    const int64_t n = q->n, extra = q->third ? n : 0, held = whole.validation.count, end = whole.train.first + whole.train.count;
    out->stream_first = whole.train.first;
    WN_TRY(wn__images_alloc(&out->train, n + extra + held, (int64_t)out->channels * out->height * out->width));
    WN_TRY(read_range(out, pool, (wn__range){whole.train.first, n}, 0));
    if (extra) WN_TRY(read_range(out, pool, (wn__range){end - n, n}, n));
    if (held) WN_TRY(read_range(out, pool, whole.validation, n + extra));
    WN_TRY(type->load_test(type, config, path, pool, &out->test));
    *third = (wn__range){n, extra};
    *split = (wn__split){.train = {0, n}, .validation = {n + extra, held}, .test = {0, out->test.n}};
    return WN_OK;
}

static wn_status load_whole(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool,
                            const wn__world_request *q, wn__dataset *out, wn__split *split, wn__range *third)
{
    WN_TRY(wn__dataset_load(type, config, folder, pool, q->unverified, out));
    WN_TRY(wn__split_make(out, q->validation, 0, split));
    WN_TRY(check_counts(type, q, split->train.count));
    if (q->third) *third = (wn__range){split->train.first + split->train.count - q->n, q->n};
    split->train.count = q->n;
    return WN_OK;
}

static wn_status load_any(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, const wn__world_request *q,
                          wn__dataset *out, wn__split *split, wn__range *third)
{
    char *path = NULL;
    if (!type->open_stream) return load_whole(type, config, folder, pool, q, out, split, third);
    *out = (wn__dataset){.type = type,
                         .channels = type->channels,
                         .height = type->height,
                         .width = type->width,
                         .classes = type->classes,
                         .class_names = type->class_names,
                         .unverified = q->unverified,
                         .label_noise = q->label_noise};
    if (type->files) WN_TRY(wn__data_folder(folder, &path));
    const wn_status status = load_stream(type, config, path, pool, q, out, split, third);
    wn__free(path);
    return status;
}

wn_status wn__world_load(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool,
                         const wn__world_request *request, wn__dataset *out, wn__split *split, wn__range *third)
{
    wn__dataset data = {0};
    *third = (wn__range){0};
    const wn_status status = load_any(type, config, folder, pool, request, &data, split, third);
    if (status != WN_OK) {
        wn__dataset_release(&data);
        return status;
    }
    wn__dataset_add_noise(&data, request->label_noise);
    *out = data;
    return WN_OK;
}
