/* Pictures in files and what they show: what folders, lists and archives of pictures have in common. A set says which files and labels there are; the
 * rest is done here: parts, the key of results, checks, reading, a cache.
 *
 *     wn__pictures *p;
 *     WN_TRY(wn__pictures_new("folder", "photos", &config->pictures, &p));
 *     WN_TRY(wn__pictures_class(p, "ants"));
 *     WN_TRY(wn__pictures_add(p, WN__PART_TRAIN, "train/ants/1.jpg", size, 0));
 *     return wn__pictures_describe(p, WN_OK, facts);   // takes p
 *
 * Only names, sizes and labels are in memory; contents are checked as they are read. */
#ifndef WN_DATA_PICTURES_H
#define WN_DATA_PICTURES_H

#include "base/text.h"
#include "data/dataset.h"

typedef struct wn__pictures_config {
    int64_t size, channels;
    bool upright;
    int broken;       /* wn__broken */
    double cache;     /* GiB */
    int cache_form;   /* wn__cache_form */
    const char *test; /* share of the pictures that become the test part where the set has none */
} wn__pictures_config;
typedef enum wn__broken { WN__BROKEN_ERROR, WN__BROKEN_SKIP } wn__broken;
extern const char *const wn__broken_names[];
typedef enum wn__cache_form { WN__CACHE_ENCODED, WN__CACHE_DECODED } wn__cache_form;
extern const char *const wn__cache_form_names[];

/* Rows of a settings table whose struct has a member `pictures`. */
/* clang-format off */
#define WN__PICTURES_SETTINGS(type) \
    {"size", WN__SETTING_INT, offsetof(type, pictures.size), 1, 8192, "224", NULL, "height and width that the network sees: pictures are scaled to cover it, and the middle is cut out"}, \
    {"channels", WN__SETTING_INT, offsetof(type, pictures.channels), 1, 3, "3", NULL, "3: colours; 1: gray"}, \
    {"upright", WN__SETTING_BOOL, offsetof(type, pictures.upright), 0, 0, "false", NULL, "turn pictures as their EXIF orientation asks"}, \
    {"broken", WN__SETTING_CHOICE, offsetof(type, pictures.broken), 0, 0, "error", wn__broken_names, "what files are that cannot be read: an error, or left out and listed"}, \
    {"cache", WN__SETTING_FLOAT, offsetof(type, pictures.cache), 0, 1e6, "0", NULL, "GiB of memory that keep what was read; changes no result"}, \
    {"cache_form", WN__SETTING_CHOICE, offsetof(type, pictures.cache_form), 0, 0, "encoded", wn__cache_form_names, "what is kept: files as they lie, or decoded pixels: many times as large, and never decoded again"}, \
    {"test_share", WN__SETTING_TEXT, offsetof(type, pictures.test), 0, 0, "10%", NULL, "part of the pictures, such as 10% or 500, that tests where the set has no test part"}
/* clang-format on */
extern const char *const wn__pictures_places[]; /* "path", "cache", "cache_form", NULL: settings that are no part of keys */

typedef struct wn__picture {
    int64_t name;    /* where it begins in `names` */
    int64_t size;    /* bytes of the file */
    int64_t at;      /* where it begins in its file */
    int32_t archive; /* that file, in `archive`; -1: it has one of its own */
    int32_t label;   /* of several: where they begin in `labels` */
} wn__picture;

/* The table. Read only after wn__pictures_describe, so that sources and facts share it. */
typedef struct wn__pictures {
    _Atomic int owners;
    const char *what; /* the set's name */
    char *root;
    wn__pictures_config config; /* but for its texts */
    char test_share[32];
    wn__text names;    /* each ended by 0 */
    wn__picture *item; /* (counts of all parts), in the order of parts */
    int64_t count[3];  /* by part */
    bool several;      /* any number of classes a picture */
    int32_t *labels;   /* (label_count) of several: those of a picture, and -1 behind them */
    int32_t label_count;
    char **archive; /* (archives) files that hold pictures, relative to the root */
    int32_t archives;
    char **class_name; /* (classes) */
    int classes;
    int64_t passed_over; /* files that are no pictures by their names */
    char **broken;       /* (broken_count) what was left out, each with its fault */
    int64_t broken_count;
} wn__pictures;

static inline int64_t wn__pictures_total(const wn__pictures *p) { return p->count[0] + p->count[1] + p->count[2]; }
static inline const char *wn__picture_name(const wn__pictures *p, const wn__picture *item) { return p->names.data + item->name; }

/* `what`: the set's name, static; `root`: names are relative to it. */
wn_status wn__pictures_new(const char *what, const char *root, const wn__pictures_config *config, wn__pictures **out);
void wn__pictures_release(void *pictures); /* one owner less; accepts NULL */
/* The next class. */
wn_status wn__pictures_class(wn__pictures *p, const char *name);
/* The next picture: first all of TRAIN, then of VALIDATION (the set's own), then of TEST. */
wn_status wn__pictures_add(wn__pictures *p, wn__part part, const char *name, int64_t size, int32_t label);

/* The next one in an archive: `name` is what it is called. */
wn_status wn__pictures_archive(wn__pictures *p, const char *file);
wn_status wn__pictures_add_archived(wn__pictures *p, wn__part part, const char *name, int64_t at, int64_t size, int32_t label);
/* The file that holds a picture, relative to the root. */
static inline const char *wn__picture_file(const wn__pictures *p, const wn__picture *item)
{
    return item->archive < 0 ? wn__picture_name(p, item) : p->archive[item->archive];
}
/* Of several classes: a label more, or -1 behind the last one of a picture. */
wn_status wn__pictures_label(wn__pictures *p, int32_t label);

/* All were added, with that status: parts are settled, and facts say all about them. p belongs to facts then, also on failure, and after one of adding. */
wn_status wn__pictures_describe(wn__pictures *p, wn_status added, wn__data_facts *facts);
/* The encoded bytes of one; WN_EMISMATCH if it is no longer what was listed. In the scratch until that reads again. */
wn_status wn__picture_load(const wn__pictures *p, const wn__picture *item, wn__scratch *scratch, const char **bytes);
/* ... and its pixels, in scratch->pixels. */
wn_status wn__picture_decode(const wn__pictures *p, const wn__picture *item, const char *bytes, wn__scratch *scratch);

/* Decodes all; faults (all): NULL or what is wrong, each to be freed. The pool may be NULL. WN_ESTOPPED on a stop request. */
wn_status wn__pictures_verify(const wn__pictures *p, wn__pool *pool, char **faults);
/* Leaves out what cannot be read and keeps the reasons in p->broken. Which files that are is remembered in the user's cache folder by names, sizes and
 * times. */
wn_status wn__pictures_skip_broken(wn__pictures *p);

/* wn__dataset_type.open of sets that are described so. */
wn_status wn__pictures_open(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, wn__dataset *data);
/* The table of a set that is opened so; NULL: it is another one. */
const wn__pictures *wn__pictures_of(const wn__dataset_type *type, const wn__data_facts *facts);
/* What the entries of such sets have in common. */
/* clang-format off */
#define WN__PICTURES_TYPE(config) \
    .facts = {.sample = {.channels = 3}}, .mean = WN__IMAGENET_MEAN, .std = WN__IMAGENET_STD, .validation = "auto", \
    .config_size = sizeof(config), .open = wn__pictures_open
/* clang-format on */

#endif
