#include "data/image_files.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/contents.h"
#include "io/compressed.h"
#include "io/idx.h"

/* A file of a data set in memory. */
typedef struct loaded_file {
    char *path, *bytes;
    size_t size;
} loaded_file;

/* File `index` of the set. */
static wn_status load_file(wn__dataset *set, const char *folder, int index, loaded_file *out)
{
    const wn__data_file *file = &set->type->files[index];
    wn__file_digest *digest = &set->contents.file[index];
    WN_TRY(wn__find_data_file(folder, file->names, &out->path));
    WN_TRY(wn__read_digested(out->path, file->bytes, &out->bytes, &out->size, digest));
    return wn__data_accept(set->type, index, out->path, digest, set->unverified);
}

static void release_file(loaded_file *file)
{
    wn__free(file->path);
    wn__free(file->bytes);
    *file = (loaded_file){0};
}

/* ---- IDX */

static wn_status check_idx(const wn__dataset_type *type, const char *images_path, const wn__idx *images, const char *labels_path,
                           const wn__idx *labels)
{
    if (images->ndim != 3 || images->dim[1] != type->height || images->dim[2] != type->width)
        return wn__fail(WN_EFORMAT, "%s: no images of %d x %d", images_path, type->height, type->width);
    if (labels->ndim != 1) return wn__fail(WN_EFORMAT, "%s: no list of labels", labels_path);
    if (images->dim[0] != labels->dim[0] || labels->count == 0)
        return wn__fail(WN_EFORMAT, "%s has %" PRId64 " labels, %s has %" PRId64 " images", labels_path, labels->count, images_path,
                        images->dim[0]);
    for (int64_t i = 0; i < labels->count; i++)
        if (labels->data[i] >= type->classes)
            return wn__fail(WN_EFORMAT, "%s: label %" PRId64 " is %d, expected 0 to %d", labels_path, i, labels->data[i],
                            type->classes - 1);
    return WN_OK;
}

/* Files `first` and the next. */
static wn_status load_idx_pair(wn__dataset *set, const char *folder, int first, loaded_file *a, loaded_file *b, wn__images *out)
{
    const wn__dataset_type *type = set->type;
    wn__idx images, labels;
    WN_TRY(load_file(set, folder, first, a));
    WN_TRY(load_file(set, folder, first + 1, b));
    WN_TRY(wn__idx_parse(a->path, a->bytes, a->size, &images));
    WN_TRY(wn__idx_parse(b->path, b->bytes, b->size, &labels));
    WN_TRY(check_idx(type, a->path, &images, b->path, &labels));
    WN_TRY(wn__images_alloc(out, labels.count, (int64_t)type->height * type->width));
    memcpy(out->pixels, images.data, (size_t)images.count);
    for (int64_t i = 0; i < labels.count; i++)
        out->labels[i] = labels.data[i];
    return WN_OK;
}

wn_status wn__load_idx_files(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, wn__dataset *out)
{
    (void)type, (void)config, (void)pool;
    wn_status status = WN_OK;
    out->contents.files = 4;
    for (int part = 0; status == WN_OK && part < 2; part++) {
        loaded_file images = {0}, labels = {0};
        status = load_idx_pair(out, folder, 2 * part, &images, &labels, part == 0 ? &out->train : &out->test);
        release_file(&images);
        release_file(&labels);
    }
    return status;
}

/* ---- CIFAR */

/* Unpacking takes seconds and is the same for each file: one chunk of the pool reads one. */
typedef struct cifar_reading {
    wn__dataset *set;
    const char *folder;
    loaded_file loaded[WN__MOST_DATA_FILES];
    wn_status status[WN__MOST_DATA_FILES];
} cifar_reading;

static void read_chunk(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    cifar_reading *r = arg;
    r->status[chunk] = load_file(r->set, r->folder, (int)chunk, &r->loaded[chunk]);
}

/* Messages belong to the thread that failed: what failed in another one fails here again. */
static wn_status repeat_failures(cifar_reading *r, int count)
{
    for (int i = 0; i < count; i++) {
        if (r->status[i] == WN_OK) continue;
        release_file(&r->loaded[i]);
        WN_TRY(load_file(r->set, r->folder, i, &r->loaded[i]));
    }
    return WN_OK;
}

/* Joins `count` files; their records are released as they are taken. */
static wn_status join_records(const wn__cifar_layout *layout, loaded_file *files, int count, wn__images *out)
{
    int64_t all = 0, at = 0, records = 0;
    for (int i = 0; i < count; i++) {
        WN_TRY(wn__cifar_count(files[i].path, files[i].size, layout, &records));
        all += records;
    }
    WN_TRY(wn__images_alloc(out, all, WN__CIFAR_PIXELS));
    for (int i = 0; i < count; i++) {
        WN_TRY(wn__cifar_count(files[i].path, files[i].size, layout, &records));
        WN_TRY(
            wn__cifar_parse(files[i].path, files[i].bytes, files[i].size, layout, out->pixels + at * WN__CIFAR_PIXELS, out->labels + at));
        release_file(&files[i]);
        at += records;
    }
    return WN_OK;
}

wn_status wn__load_cifar_files(const wn__dataset_type *type, const wn__cifar_layout *layout, const char *folder, wn__pool *pool,
                               wn__dataset *out)
{
    cifar_reading r = {.set = out, .folder = folder};
    int count = 0;
    while (type->files[count].names)
        count++;
    assert(count >= 2 && count <= WN__MOST_DATA_FILES);
    out->contents.files = count;
    wn__parallel_for(pool, count, read_chunk, &r);
    wn_status status = repeat_failures(&r, count);
    if (status == WN_OK) status = join_records(layout, r.loaded, count - 1, &out->train);
    if (status == WN_OK) status = join_records(layout, &r.loaded[count - 1], 1, &out->test);
    for (int i = 0; i < count; i++)
        release_file(&r.loaded[i]);
    return status;
}
