#include "data/imagenet_labels.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "data/picture_folder.h"
#include "io/compressed.h"
#include "io/mat.h"
#include "io/tar.h"

enum { DIGITS = 8, SYNSET_TEXT = DIGITS + 2, MOST_SYNSETS = 1 << 16, MOST_DEVKIT = 64 << 20 };

/* "ILSVRC2012_val_00048981,n03995372 85 1 499 272" */
typedef struct solution {
    const char *image, *class; /* inside the text */
} solution;

struct wn__imagenet_labels {
    char *root, *table, *text; /* Kaggle's: the file, and what it holds */
    solution *item;            /* (count) sorted by image */
    int64_t count;
    char *devkit;                /* the folder or archive; NULL: there is none */
    int32_t *truth;              /* (truths) the class of each picture, as the devkit numbers classes */
    char (*synset)[SYNSET_TEXT]; /* (MOST_SYNSETS) its name, by that number; "": there is none */
    int64_t truths;
};

/* ---- names */

int32_t wn__synset_number(const char *text, size_t length)
{
    if (length != DIGITS + 1 || text[0] != 'n' || strspn(text + 1, "0123456789") < DIGITS) return -1;
    return (int32_t)strtol((char[SYNSET_TEXT]){text[1], text[2], text[3], text[4], text[5], text[6], text[7], text[8]}, NULL, 10);
}

int32_t wn__synset_of_name(const char *name)
{
    const char *dot = strrchr(name, '.'), *end = dot ? dot : name + strlen(name), *at = end;
    while (at > name && at[-1] != '_')
        at--;
    return at > name ? wn__synset_number(at, (size_t)(end - at)) : -1;
}

/* ---- Kaggle's table */

static int by_image(const void *a, const void *b) { return strcmp(((const solution *)a)->image, ((const solution *)b)->image); }

static wn_status read_table(wn__imagenet_labels *l)
{
    size_t size;
    char *save = NULL;
    if (!(l->table = wn__path_join(l->root, "LOC_val_solution.csv"))) return wn__no_memory(1);
    if (!wn__file_exists(l->table)) return WN_OK;
    WN_TRY(wn__file_read(l->table, &l->text, &size));
    for (char *line = strtok_r(l->text, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
        char *comma = strchr(line, ',');
        if (!comma) return wn__fail(WN_EFORMAT, "%s: \"%s\": an image and its class are needed", l->table, line);
        *comma = 0;
        comma[1 + strcspn(comma + 1, " ")] = 0;
        WN_TRY(wn__make_room(&l->item, l->count, sizeof *l->item));
        l->item[l->count++] = (solution){line, comma + 1};
    }
    if (l->count > 1) qsort(l->item, (size_t)l->count, sizeof *l->item, by_image);
    return WN_OK;
}

/* ---- the devkit: meta.mat says which class has which number, a text the number of each validation picture */

static const char meta_name[] = "meta.mat", truth_name[] = "ILSVRC2012_validation_ground_truth.txt";

typedef struct devkit {
    char *meta, *truth; /* what the files hold */
    size_t meta_size, truth_size;
} devkit;

static wn_status read_truth(wn__imagenet_labels *l, char *text)
{
    char *save = NULL;
    for (char *line = strtok_r(text, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
        char *end;
        const long number = strtol(line, &end, 10);
        if (end == line || *end || number < 1 || number >= MOST_SYNSETS || !l->synset[number][0])
            return wn__fail(WN_EFORMAT, "%s: %s: \"%s\" is no number of a class in %s", l->devkit, truth_name, line, meta_name);
        WN_TRY(wn__make_room(&l->truth, l->truths, sizeof *l->truth));
        l->truth[l->truths++] = (int32_t)number;
    }
    return WN_OK;
}

static wn_status take_synsets(wn__imagenet_labels *l, const wn__mat_structs *s)
{
    const int64_t id = wn__mat_field(s, "ILSVRC2012_ID"), name = wn__mat_field(s, "WNID");
    if (id < 0 || name < 0) return wn__fail(WN_EFORMAT, "%s: %s: has no fields ILSVRC2012_ID and WNID", l->devkit, meta_name);
    if (!(l->synset = wn__alloc_array(MOST_SYNSETS, sizeof *l->synset))) return wn__no_memory(MOST_SYNSETS * sizeof *l->synset);
    for (int64_t i = 0; i < s->count; i++) {
        double number;
        char text[SYNSET_TEXT];
        if (!wn__mat_number(&s->value[i * s->fields + id], &number) || !(number >= 1 && number < MOST_SYNSETS) ||
            !wn__mat_text(&s->value[i * s->fields + name], text, sizeof text))
            return wn__fail(WN_EFORMAT, "%s: %s: class %" PRId64 " has no number and name", l->devkit, meta_name, i);
        memcpy(l->synset[(int)number], text, sizeof text);
    }
    return WN_OK;
}

static wn_status take_devkit(wn__imagenet_labels *l, devkit *d)
{
    wn__mat_structs structs = {0};
    char label[1024];
    if (!d->meta || !d->truth) return wn__fail(WN_EFORMAT, "%s: has no %s", l->devkit, d->meta ? truth_name : meta_name);
    snprintf(label, sizeof label, "%s/%s", l->devkit, meta_name);
    wn_status status = wn__mat_read_structs(label, d->meta, d->meta_size, &structs);
    if (status == WN_OK) status = take_synsets(l, &structs);
    wn__mat_release(&structs);
    return status == WN_OK ? read_truth(l, d->truth) : status;
}

static wn_status visit(void *user, const char *name, const void *data, size_t size)
{
    devkit *d = user;
    const char *base = wn__base_name(name);
    char **bytes = strcmp(base, meta_name) == 0 ? &d->meta : strcmp(base, truth_name) == 0 ? &d->truth : NULL;
    if (!bytes || *bytes) return WN_OK;
    if (!(*bytes = wn__alloc(size + 1))) return wn__no_memory(size);
    memcpy(*bytes, data, size);
    *(bytes == &d->meta ? &d->meta_size : &d->truth_size) = size;
    return WN_OK;
}

static wn_status read_archive(const char *path, devkit *d)
{
    char *bytes;
    size_t size;
    WN_TRY(wn__read_unpacked(path, MOST_DEVKIT, &bytes, &size));
    const wn_status status = wn__tar_read(path, bytes, size, visit, d);
    wn__free(bytes);
    return status;
}

static wn_status read_one(const char *folder, const char *name, char **bytes, size_t *size)
{
    char *path = wn__path_join(folder, name);
    const wn_status status = !path ? wn__no_memory(1) : wn__file_exists(path) ? wn__file_read(path, bytes, size) : WN_OK;
    wn__free(path);
    return status;
}

static wn_status read_devkit(wn__imagenet_labels *l)
{
    static const char *const places[] = {"ILSVRC2012_devkit_t12/data", "devkit/data", "data", "", "ILSVRC2012_devkit_t12.tar.gz", NULL};
    wn_status status = WN_OK;
    devkit d = {0};
    for (int i = 0; places[i] && !l->devkit; i++) {
        char *place = *places[i] ? wn__path_join(l->root, places[i]) : wn__strdup(l->root),
             *path = place ? wn__path_join(place, truth_name) : NULL;
        if (!path) status = wn__no_memory(1);
        const bool archive = path && wn__file_exists(place), folder = path && wn__file_exists(path);
        wn__free(path);
        l->devkit = archive || folder ? place : NULL;
        if (!l->devkit) wn__free(place);
        if (archive) status = read_archive(place, &d);
        if (folder) status = read_one(place, truth_name, &d.truth, &d.truth_size);
        if (folder && status == WN_OK) status = read_one(place, meta_name, &d.meta, &d.meta_size);
    }
    if (status == WN_OK && l->devkit) status = take_devkit(l, &d);
    wn__free(d.meta);
    wn__free(d.truth);
    return status;
}

/* ---- all of them */

wn_status wn__imagenet_labels_read(const char *root, wn__imagenet_labels **out)
{
    wn__imagenet_labels *l = WN_NEW(wn__imagenet_labels);
    *out = l;
    if (!l || !(l->root = wn__strdup(root))) return wn__no_memory(1);
    WN_TRY(read_table(l));
    return read_devkit(l);
}

void wn__imagenet_labels_release(wn__imagenet_labels *l)
{
    if (!l) return;
    wn__free(l->root);
    wn__free(l->table);
    wn__free(l->text);
    wn__free(l->item);
    wn__free(l->devkit);
    wn__free(l->truth);
    wn__free(l->synset);
    wn__free(l);
}

/* By the number of "ILSVRC2012_val_00000001"; NULL: not known. */
static const char *devkit_class(const wn__imagenet_labels *l, const char *stem)
{
    const char *digits = strrchr(stem, '_');
    const long number = digits ? strtol(digits + 1, NULL, 10) : 0;
    return number >= 1 && number <= l->truths ? l->synset[l->truth[number - 1]] : NULL;
}

wn_status wn__imagenet_label(void *labels, const wn__pictures *p, const char *name, int32_t *label)
{
    const wn__imagenet_labels *l = labels;
    char stem[256], *dot, *suffix;
    snprintf(stem, sizeof stem, "%s", name);
    if ((dot = strrchr(stem, '.')) != NULL) *dot = 0;
    suffix = strrchr(stem, '_');
    if (suffix && (*label = wn__picture_class_find(p, suffix + 1)) >= 0) return WN_OK;
    const solution wanted = {stem, NULL},
                   *found = l->count > 0 ? bsearch(&wanted, l->item, (size_t)l->count, sizeof *l->item, by_image) : NULL;
    const char *class = found ? found->class : devkit_class(l, stem);
    if (class && (*label = wn__picture_class_find(p, class)) >= 0) return WN_OK;
    if (class)
        return wn__fail(WN_EFORMAT, "%s: %s is of class %s, which the training pictures lack", found ? l->table : l->devkit, stem, class);
    return wn__fail(
        WN_EUSAGE,
        "%s: the class of %s is not known; valid: class folders in val, names that end in _nXXXXXXXX, Kaggle's LOC_val_solution.csv "
        "or the devkit (ILSVRC2012_devkit_t12 or its .tar.gz) in %s",
        p->root, name, p->root);
}
