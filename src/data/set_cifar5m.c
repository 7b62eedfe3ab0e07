/* CIFAR-5m: six npz files, each with X (images, 32, 32, 3) of bytes and Y (images) of whole numbers. The first five are one stream of training
 * images, the beginning of the sixth is the test set, as in the publishers' code. */
#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/contents.h"
#include "io/compressed.h"
#include "io/npz.h"

enum { PARTS = 6, TEST_PART = PARTS - 1, SIDE = 32, CHANNELS = 3, PLANE = SIDE * SIDE, IMAGE = CHANNELS * PLANE, BLOCK = 1024, BLOCKS = 8 };

typedef struct cifar5m_config {
    int64_t part, test;
} cifar5m_config;

static const wn__setting settings[] = {
    WN_SETTING_INT(cifar5m_config, part, 1000448, 1, 1000000000, "images of each file"),
    WN_SETTING_INT(cifar5m_config, test, 10000, 1, 1000000000, "test images: the first of the sixth file"),
    {0}};

#define PLACES(file) \
    (const char *const[]) { "cifar5m/" file, "cifar-5m/" file, "cifar5m/cifar5m_" file, "cifar-5m/cifar5m_" file, NULL }

/* No sizes and checksums are published. */
static const wn__data_file files[] = {{PLACES("part0.npz"), 0, NULL},
                                      {PLACES("part1.npz"), 0, NULL},
                                      {PLACES("part2.npz"), 0, NULL},
                                      {PLACES("part3.npz"), 0, NULL},
                                      {PLACES("part4.npz"), 0, NULL},
                                      {PLACES("part5.npz"), 0, NULL},
                                      {0}};

/* ---- one part */

typedef struct part_file {
    char *path;
    wn__npz_array *pixels;
    uint8_t *labels; /* (count) */
    int64_t count;
} part_file;

static void close_part(part_file *p)
{
    wn__npz_close(p->pixels);
    wn__free(p->labels);
    wn__free(p->path);
    *p = (part_file){0};
}

static wn_status check_pixels(const part_file *p)
{
    const wn__npy_shape *s = wn__npz_shape_of(p->pixels);
    if (s->kind == 'u' && s->item_size == 1 && s->dims == 4 && s->dim[1] == SIDE && s->dim[2] == SIDE && s->dim[3] == CHANNELS)
        return WN_OK;
    return wn__fail(WN_EFORMAT, "%s: X is no array of (images, 32, 32, 3) bytes", p->path);
}

static wn_status label_at(const part_file *p, const unsigned char *bytes, int size, int64_t i, uint8_t *label)
{
    uint64_t value = 0;
    memcpy(&value, bytes + i * size, (size_t)size); /* little-endian, as all of the machines this builds for are */
    if (value > 9) return wn__fail(WN_EFORMAT, "%s: label %" PRId64 " is not one of 0 to 9", p->path, i);
    *label = (uint8_t)value;
    return WN_OK;
}

static wn_status read_labels(part_file *p, wn__npz_array *array)
{
    const wn__npy_shape *s = wn__npz_shape_of(array);
    if ((s->kind != 'i' && s->kind != 'u') || s->dims != 1) return wn__fail(WN_EFORMAT, "%s: Y is no list of whole numbers", p->path);
    if (s->dim[0] != p->count) return wn__fail(WN_EFORMAT, "%s: %" PRId64 " labels for %" PRId64 " images", p->path, s->dim[0], p->count);
    unsigned char *bytes = wn__alloc_array(s->bytes, 1);
    p->labels = WN_NEW_ARRAY(uint8_t, p->count);
    wn_status status = bytes && p->labels ? wn__npz_read(array, 0, s->bytes, bytes) : wn__no_memory((size_t)s->bytes);
    for (int64_t i = 0; status == WN_OK && i < p->count; i++)
        status = label_at(p, bytes, s->item_size, i, &p->labels[i]);
    wn__free(bytes);
    return status;
}

static wn_status open_arrays(part_file *p, int64_t images)
{
    wn__npz_array *labels;
    WN_TRY(wn__npz_open(p->path, "X", &p->pixels));
    WN_TRY(check_pixels(p));
    p->count = wn__npz_shape_of(p->pixels)->dim[0];
    if (p->count < images)
        return wn__fail(WN_EFORMAT, "%s: %" PRId64 " images, expected %" PRId64 " (setting `part`)", p->path, p->count, images);
    WN_TRY(wn__npz_open(p->path, "Y", &labels));
    const wn_status status = read_labels(p, labels);
    wn__npz_close(labels);
    return status;
}

static wn_status open_part(const char *folder, int part, int64_t images, part_file *out)
{
    part_file p = {0};
    wn_status status = wn__find_data_file(folder, files[part].names, &p.path);
    if (status == WN_ENOTFOUND)
        return wn__fail_within(status, "cifar5m: its part %d of 0 to 5 is not here (gs://gresearch/cifar5m/part%d.npz): ", part, part);
    if (status == WN_OK) status = open_arrays(&p, images);
    if (status != WN_OK) {
        close_part(&p);
        return status;
    }
    *out = p;
    return WN_OK;
}

/* From pixel after pixel to plane after plane. */
static void to_planes(const uint8_t *in, uint8_t *out)
{
    for (int i = 0; i < PLANE; i++)
        for (int c = 0; c < CHANNELS; c++)
            out[c * PLANE + i] = in[i * CHANNELS + c];
}

/* ---- the stream: blocks of images are kept for a while, since threads ask for batches in nearly their order */

typedef struct kept_block {
    int64_t number; /* of the stream; -1: none */
    int64_t used;   /* when last */
    uint8_t *pixels;
    uint8_t labels[BLOCK];
} kept_block;

typedef struct cifar5m_source {
    wn__sample_source source;
    pthread_mutex_t lock;
    char *folder;
    int64_t part_images, now;
    part_file part;
    int part_number; /* that is open; -1: none */
    kept_block block[BLOCKS];
} cifar5m_source;

static wn_status need_part(cifar5m_source *s, int number)
{
    if (s->part_number == number) return WN_OK;
    close_part(&s->part);
    s->part_number = -1;
    WN_TRY(open_part(s->folder, number, number == TEST_PART ? s->source.test_count : s->part_images, &s->part));
    s->part_number = number;
    return WN_OK;
}

/* A block may go over from one part to the next. */
static wn_status fill_block(cifar5m_source *s, kept_block *b, int64_t number)
{
    const int64_t first = number * BLOCK, end = first + BLOCK < s->source.train_count ? first + BLOCK : s->source.train_count;
    b->number = -1;
    for (int64_t at = first; at < end;) {
        const int64_t inside = at % s->part_images, left = s->part_images - inside, n = left < end - at ? left : end - at;
        WN_TRY(need_part(s, (int)(at / s->part_images)));
        WN_TRY(wn__npz_read(s->part.pixels, inside * IMAGE, n * IMAGE, b->pixels + (at - first) * IMAGE));
        memcpy(b->labels + (at - first), s->part.labels + inside, (size_t)n);
        at += n;
    }
    b->number = number;
    return WN_OK;
}

static wn_status need_block(cifar5m_source *s, int64_t number, kept_block **out)
{
    kept_block *oldest = &s->block[0];
    for (int i = 0; i < BLOCKS; i++) {
        kept_block *b = &s->block[i];
        if (b->number == number) {
            *out = b;
            return WN_OK;
        }
        if (b->used < oldest->used) oldest = b;
    }
    if (!oldest->pixels && !(oldest->pixels = wn__alloc((size_t)BLOCK * IMAGE))) return wn__no_memory((size_t)BLOCK * IMAGE);
    WN_TRY(fill_block(s, oldest, number));
    *out = oldest;
    return WN_OK;
}

static wn_status read_train(cifar5m_source *s, int64_t index, uint8_t *planes, int32_t *label)
{
    kept_block *b = NULL;
    const int64_t inside = index % BLOCK;
    WN_TRY(need_block(s, index / BLOCK, &b));
    b->used = ++s->now;
    to_planes(b->pixels + inside * IMAGE, planes);
    *label = b->labels[inside];
    return WN_OK;
}

static wn_status read_test(cifar5m_source *s, int64_t index, uint8_t *planes, int32_t *label)
{
    uint8_t image[IMAGE];
    WN_TRY(need_part(s, TEST_PART));
    WN_TRY(wn__npz_read(s->part.pixels, index * IMAGE, IMAGE, image));
    to_planes(image, planes);
    *label = s->part.labels[index];
    return WN_OK;
}

static wn_status read_image(wn__sample_source *source, wn__part part, int64_t index, wn__scratch *scratch, wn__sample_input *input,
                            void *target)
{
    cifar5m_source *s = (cifar5m_source *)source;
    uint8_t *planes = wn__scratch_take(scratch, IMAGE);
    if (!planes) return wn__no_memory(IMAGE);
    pthread_mutex_lock(&s->lock);
    const wn_status status = (part == WN__PART_TEST ? read_test : read_train)(s, index, planes, target);
    pthread_mutex_unlock(&s->lock);
    if (input) *input = (wn__sample_input){planes, SIDE, SIDE};
    return status;
}

static void close_parts(wn__sample_source *source)
{
    cifar5m_source *s = (cifar5m_source *)source;
    close_part(&s->part);
    for (int i = 0; i < BLOCKS; i++)
        wn__free(s->block[i].pixels);
    pthread_mutex_destroy(&s->lock);
    wn__free(s->folder);
    wn__free(s);
}

static wn_status describe(const wn__dataset_type *type, const void *config, wn__data_facts *facts)
{
    (void)type;
    facts->stream_count = (PARTS - 1) * ((const cifar5m_config *)config)->part;
    facts->test_count = ((const cifar5m_config *)config)->test;
    return WN_OK;
}

/* All parts must be there before anything is trained. */
static wn_status check_files(const char *folder)
{
    for (int part = 0; part < PARTS; part++) {
        char *path;
        const wn_status status = wn__find_data_file(folder, files[part].names, &path);
        if (status == WN_ENOTFOUND)
            return wn__fail_within(status, "cifar5m: part %d of 0 to 5 is not here (gs://gresearch/cifar5m/part%d.npz): ", part, part);
        WN_TRY(status);
        wn__free(path);
    }
    return WN_OK;
}

static wn_status open_parts(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, wn__dataset *data)
{
    WN_TRY(check_files(folder));
    WN_TRY(wn__data_contents_read(type, folder, pool, data->unverified, &data->contents));
    cifar5m_source *s = WN_NEW(cifar5m_source);
    if (!s) return wn__no_memory(sizeof *s);
    s->source = (wn__sample_source){.train_count = data->facts.stream_count,
                                    .test_count = data->facts.test_count,
                                    .in_order = true,
                                    .read = read_image,
                                    .close = close_parts};
    s->part_images = ((const cifar5m_config *)config)->part;
    s->part_number = -1;
    for (int i = 0; i < BLOCKS; i++)
        s->block[i].number = -1;
    pthread_mutex_init(&s->lock, NULL);
    data->source = &s->source;
    s->folder = wn__strdup(folder);
    return s->folder ? WN_OK : wn__no_memory(strlen(folder));
}

static const char *const classes[] = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};

const wn__dataset_type wn__dataset_cifar5m = {
    .name = "cifar5m",
    .summary = "CIFAR-like images of a diffusion model, a stream of 5 million (arXiv:2010.08127); needs a world",
    .license = "not stated",
    .facts = {.sample = {.channels = CHANNELS, .height = SIDE, .width = SIDE, .classes = 10, .class_names = classes},
              .train_count = 5002240,
              .test_count = 10000,
              .stream_count = 5002240},
    .mean = {0.5f, 0.5f, 0.5f}, /* the publishers' code maps to -1..1 */
    .std = {0.5f, 0.5f, 0.5f},
    .settings = settings,
    .config_size = sizeof(cifar5m_config),
    .streams = true,
    .needs_world = true,
    .files = files,
    .describe = describe,
    .open = open_parts,
};
