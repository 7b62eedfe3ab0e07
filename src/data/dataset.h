/* Data sets: a registry of entries (one file each, one line in list.h), loading, splits and normalisation. */
#ifndef WN_DATA_DATASET_H
#define WN_DATA_DATASET_H

#include "base/settings.h"
#include "base/threads.h"
#include "data/sample_source.h"
#include "io/file_digest.h"

#define WN__MAX_CHANNELS 3
enum { WN__MOST_DATA_FILES = 8 };

typedef struct wn__dataset_type wn__dataset_type;

/* What the files of a set held when they were read. */
typedef struct wn__data_contents {
    int files;                                 /* 0: it needs none, or they are not known */
    wn__file_digest file[WN__MOST_DATA_FILES]; /* (files), in the order of type->files */
} wn__data_contents;

/* What is known of a data set before a sample is read: experiments are planned with it. */
typedef struct wn__data_facts {
    wn__sample_spec sample;
    int64_t train_count, test_count;
    int64_t stream_count;               /* of sets that go on behind the training samples: so many in all; else 0 */
    char contents_key[WN__SHA256_TEXT]; /* of sets without files in the type's list: what keys call their contents; "": nothing */
    int64_t own_validation;             /* so many at the end of the training samples are the set's own validation part */
    bool by_class;                      /* training samples stand one class after the other */
    bool any_size;                      /* pictures have sizes of their own */
    void *memory;                       /* what the set knows of itself, such as class names; for `release`, with the facts */
    void (*release)(void *memory);      /* NULL: nothing to do */
} wn__data_facts;
void wn__data_facts_release(wn__data_facts *facts); /* accepts zeroed ones */

typedef struct wn__transforms wn__transforms; /* data/transform.h */

/* A loaded data set. Release with wn__dataset_release. */
typedef struct wn__dataset {
    const wn__dataset_type *type;
    wn__data_facts facts;      /* counts are those of `source`; height and width what the network sees */
    const wn__transforms *fit; /* how pictures become so; borrowed. NULL: scaled to cover that, and the middle cut out */
    wn__sample_source *source;
    wn__sample_source *stream; /* of a world (data/world.h): samples beyond those of `source`; NULL: all are there */
    int64_t stream_first;      /* where the training part begins in it */
    bool unverified;           /* files may hold other than the published contents */
    wn__data_contents contents;
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

/* Of ImageNet's training pictures: what sets of pictures are usually normalised by. */
#define WN__IMAGENET_MEAN      \
    {                          \
        0.485f, 0.456f, 0.406f \
    }
#define WN__IMAGENET_STD       \
    {                          \
        0.229f, 0.224f, 0.225f \
    }

struct wn__dataset_type {
    const char *name, *summary;
    const char *license;
    wn__data_facts facts;                                /* of the complete set, with the defaults of its settings */
    float mean[WN__MAX_CHANNELS], std[WN__MAX_CHANNELS]; /* of the training pixels / 255: the normalisation named after the set */
    bool streams;                /* `open` gives samples one after the other; those trained on more than once are copied into memory */
    bool needs_world;            /* of these: too many for memory */
    const wn__setting *settings; /* NULL: none */
    const char *const
        *places;            /* of these, what says where samples lie and how they are kept: no part of keys; NULL-terminated; NULL: none */
    const char *validation; /* what data.validation is where nothing is said; NULL: as for all sets */
    size_t config_size;
    const char *(*takes)(
        const char *path);      /* the setting that says where samples lie, if the set reads what lies at `path`, else NULL; NULL: never */
    const wn__data_file *files; /* ended by names = NULL; NULL: needs none */
    const wn__data_source *sources; /* ended by url = NULL; NULL: none */
    /* What its settings make of `facts`, which holds those of the type; NULL: nothing. */
    wn_status (*describe)(const wn__dataset_type *type, const void *config, wn__data_facts *facts);
    /* Sets data->source. `folder` is a resolved data folder, NULL for a set without files. `data` has its facts and `unverified`; on failure the caller
     * releases it. A set with files fills data->contents (data/contents.h says what is acceptable). */
    wn_status (*open)(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, wn__dataset *data);
};

/* All entries, ended by NULL; data/catalog.h finds those that the caller registered, too. */
extern const wn__dataset_type *const wn__datasets[];

/* The data folder: `given` if not NULL or empty, else WINNOW_DATA, else $XDG_DATA_HOME/winnow, else ~/.local/share/winnow. Free with wn__free. */
wn_status wn__data_folder(const char *given, char **folder);

/* `config` is of type->config_size bytes (NULL: the defaults), `folder` as for wn__data_folder; the pool may be NULL. Same bytes for any pool.
 * WN_EMISMATCH for files that hold other than the published contents, unless `unverified`. */
wn_status wn__dataset_load(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, bool unverified,
                           wn__dataset *out);
void wn__dataset_release(wn__dataset *data); /* accepts a zeroed one */
/* Of wn__dataset_load, the first part: as the type opens it, so that sets that stream have no end. */
wn_status wn__dataset_open(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, bool unverified,
                           wn__dataset *out);
/* These ranges of the training samples and all test samples become data->source, in memory; what was its source is data->stream. */
wn_status wn__dataset_keep(wn__dataset *data, const wn__range *train, int ranges, wn__pool *pool);
/* What is known without its files. `config` as below; release the facts. */
wn_status wn__dataset_describe(const wn__dataset_type *type, const void *config, wn__data_facts *facts);

/* ---- splits: independent of any run's seed (docs/protocol.md, "Splits") */

/* Train and validation are ranges of the source's training part, test is all of its test part. */
typedef struct wn__split {
    wn__range train, validation, test;
} wn__split;

/* `validation`: "none", "last-5000", "first-5000"; "5000" or "10%": so many by their names, each class with its share; "auto": the set's own, or else
 * "10%". The first two are refused for sets by class. `train_size` > 0 keeps only the first so many of the remaining training samples; 0 keeps all.
 * Counts alone are needed. */
wn_status wn__split_make(const wn__data_facts *facts, const char *validation, int64_t train_size, wn__split *split);
wn__range wn__split_range(const wn__split *split, wn__part part);
/* Whether that wants samples in the order of data/split_source.h: by their names, or of sets by class that are not all kept. */
bool wn__split_is_by_name(const wn__data_facts *facts, const char *validation, int64_t train_size);
/* WN_EUSAGE unless the training samples can be split in the order in which they stand. */
wn_status wn__split_needs_order(const wn__data_facts *facts, const char *validation);

/* ---- normalisation: bytes to network input */

typedef enum wn__normalize_kind {
    WN__NORMALIZE_MEAN_STD,  /* (x/255 - mean) / std, per channel; "none" is mean 0, std 1; "signed" mean 0.5, std 0.5 */
    WN__NORMALIZE_PER_IMAGE, /* (x - m) / max(s, 1/sqrt(C H W)) with mean m and deviation s of the image's x/255 over all channels */
    WN__NORMALIZE_NOTHING    /* of inputs that are no pixels: taken as they are */
} wn__normalize_kind;

typedef struct wn__normalize {
    wn__normalize_kind kind;
    float mean[WN__MAX_CHANNELS], std[WN__MAX_CHANNELS];
    const char *name; /* static */
} wn__normalize;

/* "dataset" (the set's own), the name of a data set with as many channels, "imagenet", "cifar10-classic", "per-image", "signed" (-1..1),
 * "none" (0..1).
 * Inputs that are no pixels take "dataset" alone. An unknown name is WN_EUSAGE with the list. ImageNet's constants on one channel are their averages. */
wn_status wn__normalize_find(const char *name, const wn__dataset *data, wn__normalize *out);
/* pixels (C,H,W) bytes to out (C,H,W) floats. */
void wn__normalize_image(const wn__normalize *n, int channels, int64_t plane, const uint8_t *pixels, float *out);

#endif
