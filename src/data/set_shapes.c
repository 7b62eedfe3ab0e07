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

static wn_status describe(const wn__dataset_type *type, const void *config, wn__data_facts *facts)
{
    (void)type;
    facts->train_count = ((const shapes_config *)config)->train;
    facts->test_count = ((const shapes_config *)config)->test;
    return WN_OK;
}

typedef struct shapes_source {
    wn__sample_source source;
    uint64_t seed;
} shapes_source;

static wn_status read_shape(wn__sample_source *source, wn__part part, int64_t index, wn__scratch *scratch, wn__sample_input *input,
                            void *target)
{
    const shapes_source *s = (const shapes_source *)source;
    uint8_t *pixels = wn__scratch_take(scratch, WN__SHAPES_BYTES);
    int label;
    if (!pixels) return wn__no_memory(WN__SHAPES_BYTES);
    wn__shapes_image(s->seed, (part == WN__PART_TEST ? WN__SHAPES_TEST : WN__SHAPES_TRAIN) + (uint64_t)index, pixels, &label);
    if (input) *input = (wn__sample_input){pixels, WN__SHAPES_SIDE, WN__SHAPES_SIDE};
    *(int32_t *)target = label;
    return WN_OK;
}

static void close_shapes(wn__sample_source *source) { wn__free(source); }

static wn_status open_shapes(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, wn__dataset *data)
{
    (void)type, (void)folder, (void)pool;
    shapes_source *s = WN_NEW(shapes_source);
    if (!s) return wn__no_memory(sizeof *s);
    *s = (shapes_source){.source = {.train_count = data->facts.stream_count,
                                    .test_count = data->facts.test_count,
                                    .read = read_shape,
                                    .close = close_shapes},
                         .seed = (uint64_t)((const shapes_config *)config)->seed};
    data->source = &s->source;
    return WN_OK;
}

const wn__dataset_type wn__dataset_shapes = {
    .name = "shapes",
    .summary = "drawn geometric objects on textured backgrounds, 32x32 colour; made by the program",
    .license = "made by the program",
    .facts = {.sample = {.channels = WN__SHAPES_CHANNELS,
                         .height = WN__SHAPES_SIDE,
                         .width = WN__SHAPES_SIDE,
                         .classes = WN__SHAPES_CLASSES,
                         .class_names = wn__shapes_class_names},
              .train_count = 20000,
              .test_count = 10000,
              .stream_count = WN__SHAPES_TEST - WN__SHAPES_TRAIN},
    .mean = {0.3454f, 0.3437f, 0.3429f},
    .std = {0.2417f, 0.2409f, 0.2419f},
    .settings = settings,
    .config_size = sizeof(shapes_config),
    .streams = true,
    .describe = describe,
    .open = open_shapes,
};
