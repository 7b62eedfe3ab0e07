/* ImageNet (ILSVRC 2012) as people keep it: class folders, Kaggle's tree, a flat validation folder with labels elsewhere, or the archives as downloaded. */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "data/imagenet_archives.h"
#include "data/picture_folder.h"

typedef struct imagenet_config {
    const char *path;
    wn__pictures_config pictures;
} imagenet_config;

static const wn__setting settings[] = {
    WN_SETTING_TEXT(imagenet_config, path, "",
                    "the folder: train/nXXXXXXXX/..., ILSVRC/Data/CLS-LOC/... as Kaggle has it, or the archives"),
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

/* ---- the set */

static wn_status add_folders(wn__pictures *p, const char *place, wn__imagenet_labels *labels)
{
    char *train = *place ? wn__path_join(place, "train") : wn__strdup("train"),
         *val = *place ? wn__path_join(place, "val") : wn__strdup("val");
    bool folders = false;
    wn_status status = train && val ? wn__picture_folder_classes(p, train) : wn__no_memory(1);
    if (status == WN_OK) status = wn__picture_folder_add(p, WN__PART_TRAIN, train);
    if (status == WN_OK) status = wn__picture_folder_has_folders(p, val, &folders);
    if (status == WN_OK && folders) status = wn__picture_folder_add(p, WN__PART_TEST, val);
    if (status == WN_OK && !folders) status = wn__picture_folder_flat(p, WN__PART_TEST, val, wn__imagenet_label, labels);
    wn__free(train);
    wn__free(val);
    return status;
}

/* place NULL: there are archives. */
static wn_status add_parts(wn__pictures *p, const char *place)
{
    wn__imagenet_labels *labels;
    wn_status status = wn__imagenet_labels_read(p->root, &labels);
    if (status == WN_OK) status = place ? add_folders(p, place, labels) : wn__imagenet_add_archives(p, labels);
    wn__imagenet_labels_release(labels);
    return status;
}

static wn_status describe(const wn__dataset_type *type, const void *config, wn__data_facts *facts)
{
    const imagenet_config *c = config;
    wn__pictures *p;
    if (!*c->path) return wn__fail(WN_EUSAGE, "the key \"path\" is missing: which folder?");
    const char *place = find_place(c->path);
    if (!place && !wn__imagenet_has_archives(c->path))
        return wn__fail(WN_ENOTFOUND,
                        "%s: has neither train nor ILSVRC/Data/CLS-LOC/train, neither ILSVRC2012_img_train.tar nor train_images_0.tar",
                        c->path);
    WN_TRY(wn__pictures_new(type->name, c->path, &c->pictures, &p));
    return wn__pictures_describe(p, add_parts(p, place), facts);
}

/* Told from other class folders by Kaggle's tree or file, by the devkit, by archives, or by the first class. */
static const char *takes(const char *path)
{
    const bool kaggle = has(path, places[1], "train", wn__folder_exists) || has(path, places[2], "train", wn__folder_exists) ||
                        has(path, "", "LOC_val_solution.csv", wn__file_exists),
               devkit = has(path, "", "ILSVRC2012_devkit_t12", wn__folder_exists) ||
                        has(path, "", "ILSVRC2012_devkit_t12.tar.gz", wn__file_exists);
    return kaggle || devkit || wn__imagenet_has_archives(path) || has(path, "train", "n01440764", wn__folder_exists) ? "path" : NULL;
}

const wn__dataset_type wn__dataset_imagenet = {
    .name = "imagenet",
    .summary = "ImageNet (ILSVRC 2012), which you have: class folders, Kaggle's tree, a flat validation folder with labels, or archives",
    .license = "non-commercial research; the rights stay with the photographers",
    .settings = settings,
    .places = wn__pictures_places,
    .takes = takes,
    .describe = describe,
    WN__PICTURES_TYPE(imagenet_config),
};
