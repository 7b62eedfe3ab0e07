/* Reading pictures: from files, or from the memory that keeps them. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/log.h"
#include "data/pictures.h"
#include "io/image.h"

/* ---- one picture */

static wn_status read_all(int fd, char *bytes, int64_t at, int64_t size)
{
    for (int64_t done = 0; done < size;) {
        const ssize_t got = pread(fd, bytes + done, (size_t)(size - done), at + done);
        if (got < 0) return wn__fail_errno("reading");
        if (got == 0) return wn__fail(WN_EMISMATCH, "ends after %" PRId64 " of %" PRId64 " bytes", done, size);
        done += got;
    }
    return WN_OK;
}

static wn_status load(const char *path, const wn__picture *item, char *bytes)
{
    struct stat now;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return wn__fail_errno("%s", path);
    wn_status status = WN_OK;
    if (fstat(fd, &now) != 0)
        status = wn__fail_errno("%s", path);
    else if (item->archive < 0 && now.st_size != item->size)
        status = wn__fail(WN_EMISMATCH, "%s: has %" PRId64 " bytes, and had %" PRId64 " when it was listed", path, (int64_t)now.st_size,
                          item->size);
    else if ((status = read_all(fd, bytes, item->at, item->size)) != WN_OK)
        status = wn__fail_within(status, "%s: ", path);
    close(fd);
    return status;
}

wn_status wn__picture_load(const wn__pictures *p, const wn__picture *item, wn__scratch *scratch, const char **bytes)
{
    char *room = wn__scratch_take(scratch, (size_t)item->size), *path = wn__path_join(p->root, wn__picture_file(p, item));
    const wn_status status = room && path ? load(path, item, room) : wn__no_memory((size_t)item->size);
    wn__free(path);
    *bytes = room;
    return status;
}

wn_status wn__picture_decode(const wn__pictures *p, const wn__picture *item, const char *bytes, wn__scratch *scratch)
{
    const wn__image_options options = {.color = p->config.channels == 1 ? WN__COLOR_GRAY : WN__COLOR_RGB, .upright = p->config.upright};
    const wn_status status = wn__image_decode(wn__picture_name(p, item), bytes, (size_t)item->size, &options, &scratch->pixels);
    return status == WN_OK ? WN_OK : wn__fail_within(status, "%s/", p->root);
}

/* ---- the source */

typedef struct kept_picture {
    int height, width; /* of pixels */
    char bytes[];      /* the file, or pixels (channels, height, width) */
} kept_picture;

typedef struct pictures_source {
    wn__sample_source source;
    wn__pictures *pictures;
    _Atomic(kept_picture *) *kept; /* (all) or NULL; NULL: nothing is kept */
    _Atomic int64_t room;          /* bytes that may still be kept */
} pictures_source;

static bool keeps_pixels(const pictures_source *s) { return s->kept && s->pictures->config.cache_form == WN__CACHE_DECODED; }

static int64_t item_of(const pictures_source *s, wn__part part, int64_t index)
{
    return part == WN__PART_TEST ? s->source.train_count + index : index;
}

/* What comes first stays. Two threads that read the same file at once keep one copy. */
static void keep(pictures_source *s, int64_t i, const void *bytes, int64_t size, int height, int width)
{
    kept_picture *copy = NULL, *none = NULL;
    if (!s->kept || size == 0) return;
    if (atomic_fetch_sub(&s->room, size) >= size && (copy = wn__alloc(sizeof *copy + (size_t)size)) != NULL) {
        copy->height = height;
        copy->width = width;
        memcpy(copy->bytes, bytes, (size_t)size);
        if (atomic_compare_exchange_strong(&s->kept[i], &none, copy)) return;
        wn__free(copy);
    }
    s->room += size;
}

static wn_status load_or_take(pictures_source *s, int64_t i, wn__scratch *scratch, const char **bytes)
{
    const wn__picture *item = &s->pictures->item[i];
    const kept_picture *kept = s->kept && !keeps_pixels(s) ? s->kept[i] : NULL;
    if (kept) *bytes = kept->bytes;
    if (kept) return WN_OK;
    WN_TRY(wn__picture_load(s->pictures, item, scratch, bytes));
    if (!keeps_pixels(s)) keep(s, i, *bytes, item->size, 0, 0);
    return WN_OK;
}

static wn_status decode_or_take(pictures_source *s, int64_t i, wn__scratch *scratch, wn__sample_input *input)
{
    const kept_picture *kept = keeps_pixels(s) ? s->kept[i] : NULL;
    const wn__pixels *p = &scratch->pixels;
    const char *bytes;
    if (kept) *input = (wn__sample_input){(const uint8_t *)kept->bytes, kept->height, kept->width};
    if (kept) return WN_OK;
    WN_TRY(load_or_take(s, i, scratch, &bytes));
    WN_TRY(wn__picture_decode(s->pictures, &s->pictures->item[i], bytes, scratch));
    if (keeps_pixels(s)) keep(s, i, p->data, (int64_t)p->channels * p->height * p->width, p->height, p->width);
    *input = (wn__sample_input){p->data, p->height, p->width};
    return WN_OK;
}

static void put_target(const wn__pictures *p, const wn__picture *item, void *target)
{
    float *one = target;
    if (!p->several) {
        *(int32_t *)target = item->label;
        return;
    }
    memset(one, 0, (size_t)p->classes * sizeof *one);
    for (const int32_t *label = p->labels + item->label; *label >= 0; label++)
        one[*label] = 1;
}

static wn_status read_picture(wn__sample_source *source, wn__part part, int64_t index, wn__scratch *scratch, wn__sample_input *input,
                              void *target)
{
    pictures_source *s = (pictures_source *)source;
    const int64_t i = item_of(s, part, index);
    put_target(s->pictures, &s->pictures->item[i], target);
    return input ? decode_or_take(s, i, scratch, input) : WN_OK;
}

static const char *name_of(const wn__sample_source *source, wn__part part, int64_t index)
{
    const pictures_source *s = (const pictures_source *)source;
    return wn__picture_name(s->pictures, &s->pictures->item[item_of(s, part, index)]);
}

static void close_pictures(wn__sample_source *source)
{
    pictures_source *s = (pictures_source *)source;
    for (int64_t i = 0; s->kept && i < wn__pictures_total(s->pictures); i++)
        wn__free(s->kept[i]);
    wn__free(s->kept);
    wn__pictures_release(s->pictures);
    wn__free(s);
}

/* "ants 95, bees 88": of the training pictures; nothing of very many classes. */
static void tell(const wn__pictures *p, const wn__data_facts *facts)
{
    enum { MOST = 12 };
    int64_t count[MOST] = {0};
    wn__text text = {0};
    const bool few = p->classes <= MOST && !p->several;
    for (int64_t i = 0; few && i < facts->train_count; i++)
        count[p->item[i].label]++;
    for (int k = 0; few && k < p->classes; k++)
        wn__text_add(&text, "%s%s %" PRId64, k ? ", " : ": ", p->class_name[k], count[k]);
    wn__log(WN_LOG_INFO, "%s %s: %" PRId64 " training, %" PRId64 " test pictures of %d classes%s", p->what, p->root, facts->train_count,
            facts->test_count, p->classes, text.data ? text.data : "");
    if (p->broken_count > 0)
        wn__log(WN_LOG_WARNING, "pictures that cannot be read and are left out: %" PRId64 "; the first: %s", p->broken_count, p->broken[0]);
    wn__text_release(&text);
}

wn_status wn__pictures_open(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, wn__dataset *data)
{
    (void)type, (void)config, (void)folder, (void)pool;
    pictures_source *s = WN_NEW(pictures_source);
    if (!s) return wn__no_memory(sizeof *s);
    wn__pictures *p = data->facts.memory;
    s->source = (wn__sample_source){.train_count = data->facts.train_count,
                                    .test_count = data->facts.test_count,
                                    .read = read_picture,
                                    .name = name_of,
                                    .close = close_pictures};
    s->pictures = p;
    s->room = (int64_t)(p->config.cache * 1073741824.0);
    p->owners++;
    data->source = &s->source;
    tell(p, &data->facts);
    if (s->room <= 0) return WN_OK;
    s->kept = wn__alloc_array(wn__pictures_total(p), sizeof *s->kept);
    return s->kept ? WN_OK : wn__no_memory((size_t)wn__pictures_total(p) * sizeof *s->kept);
}

const wn__pictures *wn__pictures_of(const wn__dataset_type *type, const wn__data_facts *facts)
{
    return type->open == wn__pictures_open ? facts->memory : NULL;
}
