/* Any four IDX files of bytes: EMNIST, KMNIST and others that keep MNIST's format. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/dataset.h"
#include "data/memory_source.h"
#include "data/stratify.h"
#include "io/compressed.h"
#include "io/idx.h"

typedef struct idx_config {
    const char *images, *labels, *test_images, *test_labels;
} idx_config;

static const char *const places[] = {"images", "labels", "test_images", "test_labels", NULL};

static const wn__setting settings[] = {
    WN_SETTING_TEXT(idx_config, images, "", "the file of training images; plain, .gz or .xz, as the others"),
    WN_SETTING_TEXT(idx_config, labels, "", "the file of training labels"),
    WN_SETTING_TEXT(idx_config, test_images, "", "the file of test images"),
    WN_SETTING_TEXT(idx_config, test_labels, "", "the file of test labels"),
    {0}};

typedef struct part {
    char *bytes[2];
    wn__idx images, labels;
} part;

static void release(part *p)
{
    wn__free(p->bytes[0]);
    wn__free(p->bytes[1]);
}

static wn_status read_one(const char *path, int dims, char **bytes, wn__idx *out)
{
    size_t size;
    if (!*path) return wn__fail(WN_EUSAGE, "four files are needed: images, labels, test_images, test_labels");
    WN_TRY(wn__read_unpacked(path, INT64_MAX / 2, bytes, &size));
    WN_TRY(wn__idx_parse(path, *bytes, size, out));
    if (out->ndim == dims && out->count > 0) return WN_OK;
    return wn__fail(WN_EFORMAT, "%s: no IDX file of %s", path, dims == 3 ? "images" : "labels");
}

static wn_status read_part(const char *images, const char *labels, part *p)
{
    WN_TRY(read_one(images, 3, &p->bytes[0], &p->images));
    WN_TRY(read_one(labels, 1, &p->bytes[1], &p->labels));
    if (p->images.dim[0] == p->labels.dim[0]) return WN_OK;
    return wn__fail(WN_EFORMAT, "%s has %" PRId64 " labels, %s has %" PRId64 " images", labels, p->labels.count, images, p->images.dim[0]);
}

static int classes_of(const part *p)
{
    int most = 0;
    for (int64_t i = 0; i < p->labels.count; i++)
        most = p->labels.data[i] > most ? p->labels.data[i] : most;
    return most + 1;
}

static wn_status read_parts(const idx_config *c, part p[2])
{
    WN_TRY(read_part(c->images, c->labels, &p[0]));
    WN_TRY(read_part(c->test_images, c->test_labels, &p[1]));
    if (p[0].images.dim[1] != p[1].images.dim[1] || p[0].images.dim[2] != p[1].images.dim[2])
        return wn__fail(WN_EFORMAT, "%s: its images are of another size than those of %s", c->test_images, c->images);
    if (classes_of(&p[1]) <= classes_of(&p[0])) return WN_OK;
    return wn__fail(WN_EFORMAT, "%s: label %d, but training labels end at %d", c->test_labels, classes_of(&p[1]) - 1,
                    classes_of(&p[0]) - 1);
}

static wn_status make_key(const idx_config *c, char key[WN__SHA256_TEXT])
{
    const char *const files[] = {c->images, c->labels, c->test_images, c->test_labels};
    char text[4 * (WN__SHA256_TEXT + 1)] = "";
    for (int i = 0; i < 4; i++) {
        wn__file_digest digest;
        WN_TRY(wn__file_digest_find(files[i], 0, &digest));
        snprintf(text + i * WN__SHA256_TEXT, WN__SHA256_TEXT + 1, "%s\n", digest.sha256);
    }
    return wn__sha256(text, 4 * WN__SHA256_TEXT, key);
}

static int32_t label_of(const void *labels, int64_t i) { return ((const wn__idx *)labels)->data[i]; }

static wn_status describe(const wn__dataset_type *type, const void *config, wn__data_facts *facts)
{
    (void)type;
    part p[2];
    memset(p, 0, sizeof p);
    wn_status status = read_parts(config, p);
    if (status == WN_OK) {
        facts->sample = (wn__sample_spec){
            .channels = 1, .height = (int)p[0].images.dim[1], .width = (int)p[0].images.dim[2], .classes = classes_of(&p[0])};
        facts->train_count = p[0].labels.count;
        facts->test_count = p[1].labels.count;
        status = wn__sample_spec_check(&facts->sample);
    }
    if (status == WN_OK) status = wn__stands_by_class(facts->train_count, facts->sample.classes, label_of, &p[0].labels, &facts->by_class);
    if (status == WN_OK) status = make_key(config, facts->contents_key);
    release(&p[0]);
    release(&p[1]);
    return status;
}

static wn_status fill(const part *p, wn__part which, wn__memory_source *memory)
{
    WN_TRY(wn__memory_source_make_room(memory, which, p->labels.count));
    const wn__memory_part *to = which == WN__PART_TEST ? &memory->test : &memory->train;
    memcpy(to->inputs, p->images.data, (size_t)p->images.count);
    for (int64_t i = 0; i < p->labels.count; i++)
        ((int32_t *)to->targets)[i] = p->labels.data[i];
    return WN_OK;
}

static wn_status open_idx(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, wn__dataset *data)
{
    (void)type, (void)folder, (void)pool;
    wn__memory_source *memory;
    part p[2];
    memset(p, 0, sizeof p);
    wn_status status = read_parts(config, p);
    if (status == WN_OK) status = wn__memory_source_new(&data->facts.sample, &memory);
    if (status == WN_OK) {
        data->source = &memory->source;
        status = fill(&p[0], WN__PART_TRAIN, memory);
        if (status == WN_OK) status = fill(&p[1], WN__PART_TEST, memory);
    }
    release(&p[0]);
    release(&p[1]);
    return status;
}

const wn__dataset_type wn__dataset_idx = {
    .name = "idx",
    .summary = "your IDX files of bytes, as MNIST, EMNIST and KMNIST have them",
    .license = "your own",
    .facts = {.sample = {.channels = 1}},
    .mean = {0.1307f},
    .std = {0.3081f},
    .settings = settings,
    .places = places,
    .config_size = sizeof(idx_config),
    .describe = describe,
    .open = open_idx,
};
