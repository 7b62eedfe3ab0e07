/* ImageNet (ILSVRC 2012) as people keep it: class folders, or Kaggle's tree, or a flat validation folder whose labels stand in a file or in file names. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "data/picture_folder.h"

typedef struct imagenet_config {
    const char *path;
    wn__pictures_config pictures;
} imagenet_config;

static const wn__setting settings[] = {
    WN_SETTING_TEXT(imagenet_config, path, "", "the folder: train/nXXXXXXXX/..., or ILSVRC/Data/CLS-LOC/... as Kaggle has it"),
    WN__PICTURES_SETTINGS(imagenet_config),
    {0}};

/* Where `train` and `val` lie below the path. */
static const char *const places[] = {"", "ILSVRC/Data/CLS-LOC", "Data/CLS-LOC", NULL};

static bool has(const char *root, const char *place, const char *name, bool (*exists)(const char *path))
{
    char *folder = *place ? wn__path_join(root, place) : wn__strdup(root), *path = folder ? wn__path_join(folder, name) : NULL;
    const bool there = path && exists(path);
    wn__free(path);
    wn__free(folder);
    return there;
}

static const char *find_place(const char *root)
{
    const char *const *place = places;
    while (*place && !has(root, *place, "train", wn__folder_exists))
        place++;
    return *place;
}

/* ---- labels of a flat validation folder */

/* Kaggle's LOC_val_solution.csv: "ILSVRC2012_val_00048981,n03995372 85 1 499 272". */
typedef struct solution {
    const char *image, *class; /* inside the text */
} solution;
typedef struct solutions {
    char *path, *text;
    solution *item; /* (count) sorted by image */
    int64_t count;
} solutions;

static int by_image(const void *a, const void *b) { return strcmp(((const solution *)a)->image, ((const solution *)b)->image); }

static wn_status read_solutions(const char *root, solutions *s)
{
    size_t size;
    char *save = NULL;
    if (!(s->path = wn__path_join(root, "LOC_val_solution.csv"))) return wn__no_memory(1);
    if (!wn__file_exists(s->path)) return WN_OK;
    WN_TRY(wn__file_read(s->path, &s->text, &size));
    for (char *line = strtok_r(s->text, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
        char *comma = strchr(line, ',');
        if (!comma) return wn__fail(WN_EFORMAT, "%s: \"%s\": an image and its class are needed", s->path, line);
        *comma = 0;
        comma[1 + strcspn(comma + 1, " ")] = 0;
        WN_TRY(wn__make_room(&s->item, s->count, sizeof *s->item));
        s->item[s->count++] = (solution){line, comma + 1};
    }
    if (s->count > 1) qsort(s->item, (size_t)s->count, sizeof *s->item, by_image);
    return WN_OK;
}

static void release(solutions *s)
{
    wn__free(s->path);
    wn__free(s->text);
    wn__free(s->item);
}

/* "ILSVRC2012_val_00000001_n01751748.JPEG", as Hugging Face names them; else the solution of "ILSVRC2012_val_00000001". */
static wn_status label_of(void *user, const wn__pictures *p, const char *name, int32_t *label)
{
    const solutions *s = user;
    char stem[256];
    snprintf(stem, sizeof stem, "%s", name);
    char *dot = strrchr(stem, '.'), *suffix;
    if (dot) *dot = 0;
    suffix = strrchr(stem, '_');
    if (suffix && (*label = wn__picture_class_find(p, suffix + 1)) >= 0) return WN_OK;
    const solution wanted = {stem, NULL},
                   *found = s->count > 0 ? bsearch(&wanted, s->item, (size_t)s->count, sizeof *s->item, by_image) : NULL;
    if (found && (*label = wn__picture_class_find(p, found->class)) >= 0) return WN_OK;
    if (found) return wn__fail(WN_EFORMAT, "%s: %s is of class %s, which the training pictures lack", s->path, stem, found->class);
    return wn__fail(
        WN_EUSAGE,
        "%s: the class of %s is not known; valid: class folders in val, names that end in _nXXXXXXXX, or Kaggle's LOC_val_solution.csv in %s. "
        "The devkit's ground truth counts classes in its own order: sort val into class folders by it",
        p->root, name, p->root);
}

/* ---- the set */

static wn_status add_parts(wn__pictures *p, const char *place, solutions *s)
{
    char *train = *place ? wn__path_join(place, "train") : wn__strdup("train"),
         *val = *place ? wn__path_join(place, "val") : wn__strdup("val");
    bool folders = false;
    wn_status status = train && val ? wn__picture_folder_classes(p, train) : wn__no_memory(1);
    if (status == WN_OK) status = wn__picture_folder_add(p, WN__PART_TRAIN, train);
    if (status == WN_OK) status = wn__picture_folder_has_folders(p, val, &folders);
    if (status == WN_OK && folders) status = wn__picture_folder_add(p, WN__PART_TEST, val);
    if (status == WN_OK && !folders) status = read_solutions(p->root, s);
    if (status == WN_OK && !folders) status = wn__picture_folder_flat(p, WN__PART_TEST, val, label_of, s);
    wn__free(train);
    wn__free(val);
    return status;
}

static wn_status describe(const wn__dataset_type *type, const void *config, wn__data_facts *facts)
{
    const imagenet_config *c = config;
    wn__pictures *p;
    solutions s = {0};
    if (!*c->path) return wn__fail(WN_EUSAGE, "the key \"path\" is missing: which folder?");
    const char *place = find_place(c->path);
    if (!place) return wn__fail(WN_ENOTFOUND, "%s: has neither train nor ILSVRC/Data/CLS-LOC/train", c->path);
    WN_TRY(wn__pictures_new(type->name, c->path, &c->pictures, &p));
    const wn_status status = add_parts(p, place, &s);
    release(&s);
    return wn__pictures_describe(p, status, facts);
}

/* Told from other class folders by Kaggle's tree or file, or by the first class. */
static const char *takes(const char *path)
{
    const bool kaggle = has(path, places[1], "train", wn__folder_exists) || has(path, places[2], "train", wn__folder_exists);
    return kaggle || has(path, "", "LOC_val_solution.csv", wn__file_exists) || has(path, "train", "n01440764", wn__folder_exists) ? "path"
                                                                                                                                  : NULL;
}

const wn__dataset_type wn__dataset_imagenet = {
    .name = "imagenet",
    .summary = "ImageNet (ILSVRC 2012), which you have: class folders, Kaggle's tree, or a flat validation folder with labels",
    .license = "non-commercial research; the rights stay with the photographers",
    .settings = settings,
    .places = wn__pictures_places,
    .takes = takes,
    .describe = describe,
    WN__PICTURES_TYPE(imagenet_config),
};
