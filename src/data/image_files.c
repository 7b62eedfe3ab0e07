#include "data/image_files.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/contents.h"
#include "data/memory_source.h"
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

static wn_status check_idx(const wn__sample_spec *sample, const char *images_path, const wn__idx *images, const char *labels_path,
                           const wn__idx *labels)
{
    if (images->ndim != 3 || images->dim[1] != sample->height || images->dim[2] != sample->width)
        return wn__fail(WN_EFORMAT, "%s: no images of %d x %d", images_path, sample->height, sample->width);
    if (labels->ndim != 1) return wn__fail(WN_EFORMAT, "%s: no list of labels", labels_path);
    if (images->dim[0] != labels->dim[0] || labels->count == 0)
        return wn__fail(WN_EFORMAT, "%s has %" PRId64 " labels, %s has %" PRId64 " images", labels_path, labels->count, images_path,
                        images->dim[0]);
    for (int64_t i = 0; i < labels->count; i++)
        if (labels->data[i] >= sample->classes)
            return wn__fail(WN_EFORMAT, "%s: label %" PRId64 " is %d, expected 0 to %d", labels_path, i, labels->data[i],
                            sample->classes - 1);
    return WN_OK;
}

/* Files `first` and the next become a part. */
static wn_status load_idx_pair(wn__dataset *set, const char *folder, int first, wn__part part, loaded_file *a, loaded_file *b)
{
    wn__memory_source *memory = (wn__memory_source *)set->source;
    wn__idx images, labels;
    WN_TRY(load_file(set, folder, first, a));
    WN_TRY(load_file(set, folder, first + 1, b));
    WN_TRY(wn__idx_parse(a->path, a->bytes, a->size, &images));
    WN_TRY(wn__idx_parse(b->path, b->bytes, b->size, &labels));
    WN_TRY(check_idx(&set->facts.sample, a->path, &images, b->path, &labels));
    WN_TRY(wn__memory_source_make_room(memory, part, labels.count));
    const wn__memory_part *p = part == WN__PART_TEST ? &memory->test : &memory->train;
    memcpy(p->inputs, images.data, (size_t)images.count);
    for (int64_t i = 0; i < labels.count; i++)
        ((int32_t *)p->targets)[i] = labels.data[i];
    return WN_OK;
}

/* data->source, without samples yet. */
static wn_status open_memory(wn__dataset *data, wn__memory_source **out)
{
    WN_TRY(wn__memory_source_new(&data->facts.sample, out));
    data->source = &(*out)->source;
    return WN_OK;
}

wn_status wn__open_idx_files(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, wn__dataset *data)
{
    (void)type, (void)config, (void)pool;
    wn__memory_source *memory;
    WN_TRY(open_memory(data, &memory));
    wn_status status = WN_OK;
    data->contents.files = 4;
    for (int pair = 0; status == WN_OK && pair < 2; pair++) {
        loaded_file images = {0}, labels = {0};
        status = load_idx_pair(data, folder, 2 * pair, pair == 0 ? WN__PART_TRAIN : WN__PART_TEST, &images, &labels);
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

/* Joins `count` files to a part; their records are released as they are taken. */
static wn_status join_records(const wn__cifar_layout *layout, loaded_file *files, int count, wn__memory_source *memory, wn__part part)
{
    int64_t all = 0, records = 0;
    for (int i = 0; i < count; i++) {
        WN_TRY(wn__cifar_count(files[i].path, files[i].size, layout, &records));
        all += records;
    }
    WN_TRY(wn__memory_source_make_room(memory, part, all));
    uint8_t *pixels = (part == WN__PART_TEST ? &memory->test : &memory->train)->inputs;
    int32_t *labels = (part == WN__PART_TEST ? &memory->test : &memory->train)->targets;
    for (int i = 0; i < count; i++) {
        WN_TRY(wn__cifar_count(files[i].path, files[i].size, layout, &records));
        WN_TRY(wn__cifar_parse(files[i].path, files[i].bytes, files[i].size, layout, pixels, labels));
        release_file(&files[i]);
        pixels += records * WN__CIFAR_PIXELS;
        labels += records;
    }
    return WN_OK;
}

wn_status wn__open_cifar_files(const wn__dataset_type *type, const wn__cifar_layout *layout, const char *folder, wn__pool *pool,
                               wn__dataset *data)
{
    cifar_reading r = {.set = data, .folder = folder};
    wn__memory_source *memory;
    int count = 0;
    WN_TRY(open_memory(data, &memory));
    while (type->files[count].names)
        count++;
    assert(count >= 2 && count <= WN__MOST_DATA_FILES);
    data->contents.files = count;
    wn__parallel_for(pool, count, read_chunk, &r);
    wn_status status = repeat_failures(&r, count);
    if (status == WN_OK) status = join_records(layout, r.loaded, count - 1, memory, WN__PART_TRAIN);
    if (status == WN_OK) status = join_records(layout, &r.loaded[count - 1], 1, memory, WN__PART_TEST);
    for (int i = 0; i < count; i++)
        release_file(&r.loaded[i]);
    return status;
}
