#include "base/alloc.h"
#include "base/fail.h"
#include "data/dataset.h"
#include "data/shapes.h"

typedef struct shapes_config {
    int64_t train, test, seed;
} shapes_config;

static const wn__setting settings[] = {WN_SETTING_INT(shapes_config, train, 20000, 1, 10000000, "training images"),
                                       WN_SETTING_INT(shapes_config, test, 10000, 1, 10000000, "test images"),
                                       WN_SETTING_INT(shapes_config, seed, 0, 0, 1e15, "data seed: another seed is another data set"),
                                       {0}};

enum { PER_CHUNK = 64 };

/* Images first..first+out->n-1 of the stream, drawn in chunks. */
typedef struct shapes_work {
    uint64_t seed, first;
    wn__images *out;
} shapes_work;

static void draw_chunk(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    const shapes_work *w = arg;
    const int64_t begin = chunk * PER_CHUNK, end = begin + PER_CHUNK < w->out->n ? begin + PER_CHUNK : w->out->n;
    for (int64_t i = begin; i < end; i++) {
        int label;
        wn__shapes_image(w->seed, w->first + (uint64_t)i, w->out->pixels + i * WN__SHAPES_BYTES, &label);
        w->out->labels[i] = label;
    }
}

static wn_status draw(wn__pool *pool, uint64_t seed, uint64_t first, int64_t n, wn__images *out)
{
    shapes_work work = {seed, first, out};
    WN_TRY(wn__images_alloc(out, n, WN__SHAPES_BYTES));
    wn__parallel_for(pool, (n + PER_CHUNK - 1) / PER_CHUNK, draw_chunk, &work);
    return WN_OK;
}

static wn_status load(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, wn__dataset *out)
{
    (void)type, (void)folder;
    const shapes_config *c = config;
    WN_TRY(draw(pool, (uint64_t)c->seed, WN__SHAPES_TRAIN, c->train, &out->train));
    return draw(pool, (uint64_t)c->seed, WN__SHAPES_TEST, c->test, &out->test);
}

/* ---- the same images without end */

typedef struct shapes_stream {
    wn__sample_stream stream;
    uint64_t seed;
} shapes_stream;

static int64_t stream_count(const void *config)
{
    (void)config;
    return (int64_t)(WN__SHAPES_TEST - WN__SHAPES_TRAIN);
}

static wn_status read_stream(wn__sample_stream *stream, int64_t first, int64_t n, uint8_t *pixels, int32_t *labels)
{
    const shapes_stream *s = (const shapes_stream *)stream;
    for (int64_t i = 0; i < n; i++) {
        int label;
        wn__shapes_image(s->seed, WN__SHAPES_TRAIN + (uint64_t)(first + i), pixels + i * WN__SHAPES_BYTES, &label);
        labels[i] = label;
    }
    return WN_OK;
}

static void close_stream(wn__sample_stream *stream) { wn__free(stream); }

static wn_status open_stream(const wn__dataset_type *type, const void *config, const char *folder, wn__sample_stream **out)
{
    (void)type, (void)folder;
    shapes_stream *s = WN_NEW(shapes_stream);
    if (!s) return wn__no_memory(sizeof *s);
    *s = (shapes_stream){{stream_count(config), read_stream, close_stream}, (uint64_t)((const shapes_config *)config)->seed};
    *out = &s->stream;
    return WN_OK;
}

static wn_status load_test(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, wn__images *out)
{
    (void)type, (void)folder;
    const shapes_config *c = config;
    return draw(pool, (uint64_t)c->seed, WN__SHAPES_TEST, c->test, out);
}

const wn__dataset_type wn__dataset_shapes = {
    .name = "shapes",
    .summary = "drawn geometric objects on textured backgrounds, 32x32 colour; made by the program",
    .license = "made by the program",
    .channels = WN__SHAPES_CHANNELS,
    .height = WN__SHAPES_SIDE,
    .width = WN__SHAPES_SIDE,
    .classes = WN__SHAPES_CLASSES,
    .class_names = wn__shapes_class_names,
    .train_count = 20000,
    .test_count = 10000,
    .mean = {0.3454f, 0.3437f, 0.3429f},
    .std = {0.2417f, 0.2409f, 0.2419f},
    .settings = settings,
    .config_size = sizeof(shapes_config),
    .load = load,
    .stream_count = stream_count,
    .open_stream = open_stream,
    .load_test = load_test,
};
