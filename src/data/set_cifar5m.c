/* CIFAR-5m: six npz files, each with X (images, 32, 32, 3) of bytes and Y (images) of whole numbers. The first five are one stream of training
 * images, the beginning of the sixth is the test set, as in the publishers' code. */
#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/dataset.h"
#include "io/compressed.h"
#include "io/npz.h"

enum { PARTS = 6, SIDE = 32, CHANNELS = 3, PLANE = SIDE * SIDE, IMAGE = CHANNELS * PLANE, BLOCK = 1024, BLOCKS = 8 };

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
    const wn__npz_shape *s = wn__npz_shape_of(p->pixels);
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
    const wn__npz_shape *s = wn__npz_shape_of(array);
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

typedef struct cifar5m_stream {
    wn__sample_stream stream;
    pthread_mutex_t lock;
    char *folder;
    int64_t part_images, now;
    part_file part;
    int part_number; /* that is open; -1: none */
    kept_block block[BLOCKS];
} cifar5m_stream;

static wn_status need_part(cifar5m_stream *s, int number)
{
    if (s->part_number == number) return WN_OK;
    close_part(&s->part);
    s->part_number = -1;
    WN_TRY(open_part(s->folder, number, s->part_images, &s->part));
    s->part_number = number;
    return WN_OK;
}

/* A block may go over from one part to the next. */
static wn_status fill_block(cifar5m_stream *s, kept_block *b, int64_t number)
{
    const int64_t first = number * BLOCK, end = first + BLOCK < s->stream.count ? first + BLOCK : s->stream.count;
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

static wn_status need_block(cifar5m_stream *s, int64_t number, kept_block **out)
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

static wn_status read_locked(cifar5m_stream *s, int64_t first, int64_t n, uint8_t *pixels, int32_t *labels)
{
    kept_block *b = NULL;
    for (int64_t i = 0; i < n; i++) {
        const int64_t inside = (first + i) % BLOCK;
        if (i == 0 || inside == 0) {
            WN_TRY(need_block(s, (first + i) / BLOCK, &b));
            b->used = ++s->now;
        }
        to_planes(b->pixels + inside * IMAGE, pixels + i * IMAGE);
        labels[i] = b->labels[inside];
    }
    return WN_OK;
}

static wn_status read_stream(wn__sample_stream *stream, int64_t first, int64_t n, uint8_t *pixels, int32_t *labels)
{
    cifar5m_stream *s = (cifar5m_stream *)stream;
    pthread_mutex_lock(&s->lock);
    const wn_status status = read_locked(s, first, n, pixels, labels);
    pthread_mutex_unlock(&s->lock);
    return status;
}

static void close_stream(wn__sample_stream *stream)
{
    cifar5m_stream *s = (cifar5m_stream *)stream;
    close_part(&s->part);
    for (int i = 0; i < BLOCKS; i++)
        wn__free(s->block[i].pixels);
    pthread_mutex_destroy(&s->lock);
    wn__free(s->folder);
    wn__free(s);
}

static int64_t stream_count(const void *config) { return (PARTS - 1) * ((const cifar5m_config *)config)->part; }

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

static wn_status open_stream(const wn__dataset_type *type, const void *config, const char *folder, wn__sample_stream **out)
{
    (void)type;
    WN_TRY(check_files(folder));
    cifar5m_stream *s = WN_NEW(cifar5m_stream);
    if (!s) return wn__no_memory(sizeof *s);
    s->stream = (wn__sample_stream){stream_count(config), read_stream, close_stream};
    s->part_images = ((const cifar5m_config *)config)->part;
    s->part_number = -1;
    for (int i = 0; i < BLOCKS; i++)
        s->block[i].number = -1;
    pthread_mutex_init(&s->lock, NULL);
    s->folder = wn__strdup(folder);
    if (!s->folder) {
        close_stream(&s->stream);
        return wn__no_memory(strlen(folder));
    }
    *out = &s->stream;
    return WN_OK;
}

/* ---- the rest */

static wn_status load_test(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, wn__images *out)
{
    (void)type, (void)pool;
    const int64_t n = ((const cifar5m_config *)config)->test;
    part_file p = {0};
    uint8_t image[IMAGE];
    WN_TRY(open_part(folder, PARTS - 1, n, &p));
    wn_status status = wn__images_alloc(out, n, IMAGE);
    for (int64_t i = 0; status == WN_OK && i < n; i++) {
        status = wn__npz_read(p.pixels, i * IMAGE, IMAGE, image);
        to_planes(image, out->pixels + i * IMAGE);
        out->labels[i] = p.labels[i];
    }
    close_part(&p);
    return status;
}

static wn_status load(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, wn__dataset *out)
{
    (void)folder, (void)pool, (void)out;
    return wn__fail(
        WN_EUSAGE, "%s: %" PRId64 " images are too many for memory and are read as a stream: say world: real or ideal, and data.train_size",
        type->name, stream_count(config));
}

static const char *const classes[] = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};

const wn__dataset_type wn__dataset_cifar5m = {
    .name = "cifar5m",
    .summary = "CIFAR-like images of a diffusion model, a stream of 5 million (arXiv:2010.08127); needs a world",
    .license = "not stated",
    .channels = CHANNELS,
    .height = SIDE,
    .width = SIDE,
    .classes = 10,
    .class_names = classes,
    .train_count = 5002240,
    .test_count = 10000,
    .mean = {0.5f, 0.5f, 0.5f}, /* the publishers' code maps to -1..1 */
    .std = {0.5f, 0.5f, 0.5f},
    .settings = settings,
    .config_size = sizeof(cifar5m_config),
    .files = files,
    .load = load,
    .stream_count = stream_count,
    .open_stream = open_stream,
    .load_test = load_test,
};
