/* WebDataset's shards: tar files in which neighbours of one name are a sample, a picture and its class as .cls or in .json. Pictures are read where they lie. */
#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "data/picture_folder.h"
#include "data/shards.h"
#include "io/tar.h"

typedef struct tar_config {
    const char *path, *val, *test;
    wn__pictures_config pictures;
} tar_config;

static const char *const places[] = {"path", "val", "test", "cache", "cache_form", NULL};

static const wn__setting settings[] = {
    WN_SETTING_TEXT(tar_config, path, "", "the training shards: one file, or as in train-{0000..0127}.tar"),
    WN_SETTING_TEXT(tar_config, val, "", "the validation shards"),
    WN_SETTING_TEXT(tar_config, test, "", "the test shards"),
    WN__PICTURES_SETTINGS(tar_config),
    {0}};

/* ---- a sample's neighbours */

enum { LONGEST_NAME = 300, LONGEST_LABEL = 12, LONGEST_JSON = 1 << 20, MOST_CLASSES = 1 << 20 };

typedef struct reading {
    wn__pictures *pictures;
    wn__part part;
    const char *path; /* of the shard */
    int fd;
    char key[LONGEST_NAME], picture[LONGEST_NAME]; /* picture: "": none yet */
    int64_t at, size;
    int32_t label, most; /* label, of .cls: -1: none yet; most: the largest so far */
    int64_t told;        /* of .json, -1: none yet */
} reading;

/* The sample is complete: its key ends. */
static wn_status end_sample(reading *r)
{
    char name[2 * LONGEST_NAME];
    const int64_t label = r->label >= 0 ? r->label : r->told;
    const bool empty = !*r->picture && r->label < 0; /* .json alone may be anything */
    if (!empty && (!*r->picture || label < 0))
        return wn__fail(WN_EFORMAT, "%s: sample %s has no %s", r->path, r->key,
                        *r->picture ? "class (.cls, or \"label\" or \"cls\" in .json)" : "picture");
    if (!empty && label >= MOST_CLASSES)
        return wn__fail(WN_EFORMAT, "%s: sample %s is of class %" PRId64 ", must be 0 to %d", r->path, r->key, label, MOST_CLASSES - 1);
    snprintf(name, sizeof name, "%s/%s", r->pictures->archive[r->pictures->archives - 1], r->picture);
    r->label = -1;
    r->told = -1;
    r->picture[0] = 0;
    if (empty) return WN_OK;
    if (r->part == WN__PART_TRAIN && label > r->most) r->most = (int32_t)label;
    if (label > r->most)
        return wn__fail(WN_EFORMAT, "%s: sample %s is of class %" PRId64 ", but training classes end at %" PRId32, r->path, r->key, label,
                        r->most);
    return wn__pictures_add_archived(r->pictures, r->part, name, r->at, r->size, (int32_t)label);
}

static wn_status read_class(reading *r, const char *name, int64_t at, int64_t size)
{
    char text[LONGEST_LABEL + 1] = "", *end;
    if (size < 1 || size > LONGEST_LABEL || pread(r->fd, text, (size_t)size, at) != size)
        return wn__fail(WN_EFORMAT, "%s: %s: %" PRId64 " bytes are no class", r->path, name, size);
    const long label = strtol(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || end[strspn(end, "\r\n ")] || label >= MOST_CLASSES)
        return wn__fail(WN_EFORMAT, "%s: %s: \"%s\" is no class, must be 0 to %d", r->path, name, text, MOST_CLASSES - 1);
    r->label = (int32_t)label;
    return WN_OK;
}

/* {"label": 3, ...}; other texts say nothing of the class. */
static wn_status read_json(reading *r, int64_t at, int64_t size)
{
    char *text = size <= LONGEST_JSON ? wn__alloc((size_t)size + 1) : NULL;
    if (size > LONGEST_JSON) return WN_OK;
    if (!text) return wn__no_memory((size_t)size);
    json_t *object = pread(r->fd, text, (size_t)size, at) == size ? json_loadb(text, (size_t)size, 0, NULL) : NULL;
    const json_t *label = json_object_get(object, "label"), *value = label ? label : json_object_get(object, "cls");
    r->told = json_is_integer(value) && json_integer_value(value) >= 0 ? json_integer_value(value) : -1;
    json_decref(object);
    wn__free(text);
    return WN_OK;
}

/* The key ends at the first dot behind the last slash. */
static wn_status visit(void *user, const char *name, int64_t at, int64_t size)
{
    reading *r = user;
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name, *dot = strchr(base, '.');
    if (!dot || base[0] == '.') return WN_OK;
    const size_t length = (size_t)(dot - name);
    if (strlen(r->key) != length || strncmp(r->key, name, length) != 0) {
        WN_TRY(end_sample(r));
        snprintf(r->key, sizeof r->key, "%.*s", (int)length, name);
    }
    if (strcasecmp(dot, ".cls") == 0) return read_class(r, name, at, size);
    if (strcasecmp(dot, ".json") == 0) return read_json(r, at, size);
    if (!wn__is_picture_name(name)) return WN_OK;
    snprintf(r->picture, sizeof r->picture, "%s", name);
    r->at = at;
    r->size = size;
    return WN_OK;
}

/* ---- shards */

static wn_status read_shard(void *user, const char *file)
{
    reading *r = user;
    WN_TRY(wn__pictures_archive(r->pictures, file));
    char *path = wn__path_join(r->pictures->root, file);
    if (!path) return wn__no_memory(strlen(file));
    r->path = path;
    r->fd = open(path, O_RDONLY | O_CLOEXEC);
    wn_status status = r->fd < 0 ? wn__fail_errno("%s", path) : wn__tar_index(path, r->fd, visit, r);
    if (status == WN_OK) status = end_sample(r);
    r->key[0] = 0;
    if (r->fd >= 0) close(r->fd);
    wn__free(path);
    return status;
}

static wn_status add_classes(wn__pictures *p, int32_t most)
{
    for (int32_t k = 0; k <= most; k++) {
        char number[16];
        snprintf(number, sizeof number, "%" PRId32, k);
        WN_TRY(wn__pictures_class(p, number));
    }
    return WN_OK;
}

/* ---- the set */

/* Names are relative to the folder of the training shards, where the others must lie, too. */
static wn_status add_part(reading *r, const tar_config *c, wn__part part, const char *path)
{
    const size_t folder = (size_t)(wn__base_name(c->path) - c->path);
    if (!*path) return WN_OK;
    if ((size_t)(wn__base_name(path) - path) != folder || strncmp(path, c->path, folder) != 0)
        return wn__fail(WN_EUSAGE, "%s: all shards must lie in the folder of the training shards, %s", path, r->pictures->root);
    r->part = part;
    return wn__shards_visit(path + folder, read_shard, r);
}

static wn_status add_parts(wn__pictures *p, const tar_config *c)
{
    reading r = {.pictures = p, .label = -1, .told = -1, .most = -1};
    WN_TRY(add_part(&r, c, WN__PART_TRAIN, c->path));
    WN_TRY(add_classes(p, r.most));
    WN_TRY(add_part(&r, c, WN__PART_VALIDATION, c->val));
    return add_part(&r, c, WN__PART_TEST, c->test);
}

static wn_status describe(const wn__dataset_type *type, const void *config, wn__data_facts *facts)
{
    const tar_config *c = config;
    wn__pictures *p;
    if (!*c->path) return wn__fail(WN_EUSAGE, "the key \"path\" is missing: which shards?");
    char *root = wn__path_folder(c->path);
    if (!root) return wn__no_memory(1);
    wn_status status = wn__pictures_new(type->name, root, &c->pictures, &p);
    wn__free(root);
    WN_TRY(status);
    status = add_parts(p, c);
    return wn__pictures_describe(p, status, facts);
}

static const char *takes(const char *path)
{
    const size_t length = strlen(path);
    return length > 4 && strcmp(path + length - 4, ".tar") == 0 ? "path" : NULL;
}

const wn__dataset_type wn__dataset_tar = {
    .name = "tar",
    .summary = "your pictures in WebDataset's shards: tar files of .jpg and .cls or .json",
    .license = "your own",
    .settings = settings,
    .places = places,
    .takes = takes,
    .describe = describe,
    WN__PICTURES_TYPE(tar_config),
};
