/* Class folders of pictures, as torchvision's ImageFolder reads them: DIR/train/CLASS/..., or DIR/CLASS/... */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "data/picture_folder.h"

typedef struct folder_config {
    const char *path;
    wn__pictures_config pictures;
} folder_config;

static const wn__setting settings[] = {
    WN_SETTING_TEXT(folder_config, path, "", "the folder: train/CLASS/..., with val/ and test/ beside it, or CLASS/..."),
    WN__PICTURES_SETTINGS(folder_config),
    {0}};

/* The first of the names that is a folder of `root`; NULL: none. Free with wn__free. */
static char *find_part(const char *root, const char *const *names)
{
    for (; *names; names++) {
        char *path = wn__path_join(root, *names);
        const bool there = path && wn__folder_exists(path);
        wn__free(path);
        if (there) return wn__strdup(*names);
    }
    return NULL;
}

typedef struct folder_parts {
    char *train, *validation, *test;
} folder_parts;

static const char *const training[] = {"train", NULL}, *const held[] = {"val", "validation", "valid", NULL},
                         *const tested[] = {"test", NULL};

/* A validation folder without a test folder is what tables test on; validation is then cut from training. */
static wn_status add_parts(wn__pictures *p, const folder_parts *f)
{
    const char *own = f->test ? f->validation : NULL, *test = f->test ? f->test : f->validation;
    if (!f->train && test)
        return wn__fail(WN_EUSAGE, "%s: has \"%s\" but no \"train\"; valid: train/CLASS/..., or CLASS/... alone", p->root, test);
    WN_TRY(wn__picture_folder_classes(p, f->train ? f->train : ""));
    WN_TRY(wn__picture_folder_add(p, WN__PART_TRAIN, f->train ? f->train : ""));
    if (own) WN_TRY(wn__picture_folder_add(p, WN__PART_VALIDATION, own));
    return test ? wn__picture_folder_add(p, WN__PART_TEST, test) : WN_OK;
}

static const char *takes(const char *path) { return wn__folder_exists(path) ? "path" : NULL; }

static wn_status describe(const wn__dataset_type *type, const void *config, wn__data_facts *facts)
{
    const folder_config *c = config;
    wn__pictures *p;
    if (!*c->path) return wn__fail(WN_EUSAGE, "the key \"path\" is missing: which folder?");
    if (!wn__folder_exists(c->path)) return wn__fail(WN_ENOTFOUND, "%s: there is no such folder", c->path);
    WN_TRY(wn__pictures_new(type->name, c->path, &c->pictures, &p));
    folder_parts f = {find_part(c->path, training), find_part(c->path, held), find_part(c->path, tested)};
    const wn_status status = add_parts(p, &f);
    wn__free(f.train);
    wn__free(f.validation);
    wn__free(f.test);
    return wn__pictures_describe(p, status, facts);
}

const wn__dataset_type wn__dataset_folder = {
    .name = "folder",
    .summary = "your pictures in class folders: JPEG, PNG, WebP of any size",
    .license = "your own",
    .settings = settings,
    .places = wn__pictures_places,
    .takes = takes,
    .describe = describe,
    WN__PICTURES_TYPE(folder_config),
};
