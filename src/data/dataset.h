/* Data sets: a registry of entries (one file each, one line in list.h), loading, splits and normalisation. */
#ifndef WN_DATA_DATASET_H
#define WN_DATA_DATASET_H

#include "base/settings.h"
#include "base/threads.h"
#include "data/sample_stream.h"
#include "io/file_digest.h"

#define WN__MAX_CHANNELS 3
enum { WN__MOST_DATA_FILES = 8 };

typedef struct wn__images {
    int64_t n;
    uint8_t *pixels; /* (n,C,H,W) */
    int32_t *labels; /* (n) */
} wn__images;

typedef struct wn__dataset_type wn__dataset_type;

/* What the files of a set held when they were read. */
typedef struct wn__data_contents {
    int files;                                 /* 0: it needs none, or they are not known */
    wn__file_digest file[WN__MOST_DATA_FILES]; /* (files), in the order of type->files */
} wn__data_contents;

/* A loaded data set. Release with wn__dataset_release. */
typedef struct wn__dataset {
    const wn__dataset_type *type;
    int channels, height, width, classes; /* as in type */
    const char *const *class_names;       /* (classes) */
    wn__images train, test;
    bool unverified; /* files may hold other than the published contents */
    wn__data_contents contents;
    wn__sample_stream *stream; /* of a world (data/world.h): samples beyond those in `train`; NULL: all are there */
    int64_t stream_first;      /* where the training part begins in it */
    double label_noise;        /* of what is read from it */
} wn__dataset;

/* A file that load needs. */
typedef struct wn__data_file {
    const char *const *names; /* where it may lie under the data folder, without .gz or .xz; NULL-terminated; `data get` makes the first */
    int64_t bytes;            /* unpacked: the size of the published file, and the most that is accepted */
    const char *sha256;       /* of the unpacked bytes; NULL: not published */
} wn__data_file;

/* A file that `data get` downloads: one of the files above with .gz, or an archive of them all. */
typedef struct wn__data_source {
    const char *url; /* official address; a mirror holds the same file name */
    int64_t bytes;
    const char *sha256;
    bool archive; /* tar, packed or not */
} wn__data_source;

struct wn__dataset_type {
    const char *name, *summary;
    const char *license;
    int channels, height, width, classes;
    const char *const *class_names;
    int64_t train_count, test_count;                     /* of the complete set; shapes: the defaults of its settings */
    float mean[WN__MAX_CHANNELS], std[WN__MAX_CHANNELS]; /* of the training pixels / 255: the normalisation named after the set */
    const wn__setting *settings;                         /* NULL: none */
    size_t config_size;
    const wn__data_file *files;     /* ended by names = NULL; NULL: needs none */
    const wn__data_source *sources; /* ended by url = NULL; NULL: none */
    /* `folder` is a resolved data folder, NULL for a set without files. `out` is zeroed but for type, the facts copied from it, and
     * `unverified`; on failure the caller releases it. A set with files fills out->contents (data/contents.h says what is acceptable). */
    wn_status (*load)(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, wn__dataset *out);
    /* Sets that are a stream of samples as well, or only; NULL for others. How many samples it has, the stream, and the test images alone. */
    int64_t (*stream_count)(const void *config);
    wn_status (*open_stream)(const wn__dataset_type *type, const void *config, const char *folder, wn__sample_stream **out);
    wn_status (*load_test)(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, wn__images *out);
};

/* The file name at the end of a path or address. */
const char *wn__base_name(const char *path);

/* All entries, ended by NULL. */
extern const wn__dataset_type *const wn__datasets[];
/* WN_EUSAGE lists the valid names. */
wn_status wn__dataset_find(const char *name, const wn__dataset_type **type);

/* The data folder: `given` if not NULL or empty, else WINNOW_DATA, else $XDG_DATA_HOME/winnow, else ~/.local/share/winnow. Free with wn__free. */
wn_status wn__data_folder(const char *given, char **folder);

/* `config` is of type->config_size bytes (NULL: the defaults), `folder` as for wn__data_folder; the pool may be NULL. Same bytes for any pool.
 * WN_EMISMATCH for files that hold other than the published contents, unless `unverified`. */
wn_status wn__dataset_load(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, bool unverified,
                           wn__dataset *out);
void wn__dataset_release(wn__dataset *data); /* accepts a zeroed one */
/* For load functions: room for n images, set into the zeroed `images`; released with the data set, also on failure. */
wn_status wn__images_alloc(wn__images *images, int64_t n, int64_t image_bytes);

/* ---- splits: independent of any run's seed (docs/protocol.md, "Splits") */

typedef enum wn__part { WN__PART_TRAIN, WN__PART_VALIDATION, WN__PART_TEST } wn__part;
const char *wn__part_name(wn__part part); /* "train", "validation", "test" */

typedef struct wn__range {
    int64_t first, count;
} wn__range;

/* Train and validation are ranges of data->train, test is all of data->test. */
typedef struct wn__split {
    wn__range train, validation, test;
} wn__split;

/* `validation`: "none", "last-5000", "first-5000". `train_size` > 0 keeps only the first so many of the remaining training images; 0 keeps all. */
wn_status wn__split_make(const wn__dataset *data, const char *validation, int64_t train_size, wn__split *split);
wn__range wn__split_range(const wn__split *split, wn__part part);

/* ---- normalisation: bytes to network input */

typedef enum wn__normalize_kind {
    WN__NORMALIZE_MEAN_STD, /* (x/255 - mean) / std, per channel; "none" is mean 0, std 1; "signed" mean 0.5, std 0.5 */
    WN__NORMALIZE_PER_IMAGE /* (x - m) / max(s, 1/sqrt(C H W)) with mean m and deviation s of the image's x/255 over all channels */
} wn__normalize_kind;

typedef struct wn__normalize {
    wn__normalize_kind kind;
    float mean[WN__MAX_CHANNELS], std[WN__MAX_CHANNELS];
    const char *name; /* static */
} wn__normalize;

/* "dataset" (the set's own), the name of a data set with as many channels, "imagenet", "cifar10-classic", "per-image", "signed" (-1..1),
 * "none" (0..1).
 * An unknown name is WN_EUSAGE with the list. ImageNet's constants on one channel are their averages. */
wn_status wn__normalize_find(const char *name, const wn__dataset *data, wn__normalize *out);
/* pixels (C,H,W) bytes to out (C,H,W) floats. */
void wn__normalize_image(const wn__normalize *n, int channels, int64_t plane, const uint8_t *pixels, float *out);

#endif
