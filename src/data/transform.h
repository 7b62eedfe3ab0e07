/* Transforms of samples on their way to the network: a registry, one file per entry in src/data/transforms/, one line in list.h.
 *
 * A recipe lists them for training (`augment`) and for evaluation (`evaluate`). They follow one another in three kinds:
 *
 *     pixels   change a picture of bytes, which may have any size: resize, random-resized-crop, flip, color-jitter, ...
 *     input    change the normalised floats: random-erasing
 *     mix      change a batch as a whole, targets too: mixup, cutmix
 *
 * A draw depends on (seed, epoch, sample, place in the list) alone, of a mix on (seed, epoch, batch, place): the same bytes for any thread count
 * and after a restart. Putting an entry behind others changes none of their draws. Geometry and draws follow torchvision; Pillow's bytes are exact, with the
 * order of passes that Pillow has from version 13 on. */
#ifndef WN_DATA_TRANSFORM_H
#define WN_DATA_TRANSFORM_H

#include "base/rng.h"
#include "base/settings.h"
#include "base/text.h"
#include "data/canvas.h"
#include "data/dataset.h"

/* A batch with its targets as distributions. Each sample is mixed with the one before it, the first with the last. */
typedef struct wn__mix {
    int64_t n;
    int channels, height, width;
    float *input; /* (n, channels, height, width) */
    int64_t classes;
    float *targets; /* (n, classes) */
    float *kept;    /* room for an input and a target of one sample */
} wn__mix;

typedef struct wn__sample_transform {
    const char *name, *summary, *paper; /* paper may be NULL */
    bool steady;                        /* draws nothing: evaluation takes it, too */
    const wn__setting *settings;        /* NULL: none. `name: VALUE` sets the first one */
    size_t config_size;
    wn_status (*check)(const void *config); /* what ranges of settings do not say; NULL: nothing */
    /* The size that comes out; in: that before, 0 and 0 if it may be any, which may stay so. NULL: the same size. */
    void (*size)(const void *config, int *height, int *width);
    /* One of these four. */
    wn_status (*pixels)(const void *config, wn__rng *r, wn__canvas *canvas);
    void (*normalize)(const void *config, int channels, wn__normalize *out);
    void (*input)(const void *config, wn__rng *r, int channels, int height, int width, float *input);
    void (*mix)(const void *config, wn__rng *r, const wn__mix *batch);
} wn__sample_transform;

/* All entries, ended by NULL. */
extern const wn__sample_transform *const wn__sample_transforms[];

const wn__sample_transform *wn__sample_transform_find(const char *name); /* NULL: there is none */

enum { WN__MOST_TRANSFORMS = 16 };
/* What a recipe lists; count 0: nothing is listed. Configurations are owned. */
struct wn__transforms {
    int count;
    struct wn__listed_transform {
        const wn__sample_transform *type;
        void *config;
    } item[WN__MOST_TRANSFORMS];
}; /* wn__transforms */

/* Adds an entry with its defaults; *config is written on. WN_EUSAGE for one too many, or out of its turn. */
wn_status wn__transforms_add(wn__transforms *list, const wn__sample_transform *type, void **config);
void wn__transforms_release(wn__transforms *list); /* accepts a zeroed one */

/* height, width: the size before them, 0 and 0 for any, and then that after them. */
void wn__transforms_size(const wn__transforms *list, int *height, int *width);
/* Do they end in one size, whatever they begin with? list may be NULL. */
bool wn__transforms_give_size(const wn__transforms *list);
bool wn__transforms_change_pixels(const wn__transforms *list); /* of any kind; list may be NULL */
bool wn__transforms_mix(const wn__transforms *list);           /* batches; list may be NULL */
/* Of the list's own entry for that, if it has one. False: it has none. */
bool wn__transforms_normalize(const wn__transforms *list, int channels, wn__normalize *out);

/* As a recipe has it, with all settings: "[{resize: {size: 256, interpolation: bilinear}}, {flip: {p: 0.5}}]". The text's `failed` says the rest. */
void wn__transforms_write(const wn__transforms *list, wn__text *out);

/* What draws depend on. */
typedef struct wn__draw {
    uint64_t seed;
    int64_t epoch, sample; /* of a mix: its batch */
} wn__draw;
wn_status wn__transforms_pixels(const wn__transforms *list, wn__draw draw, wn__canvas *canvas);
void wn__transforms_input(const wn__transforms *list, wn__draw draw, int channels, int height, int width, float *input);
/* Of several mixes one is drawn for each batch. */
void wn__transforms_batch(const wn__transforms *list, wn__draw draw, const wn__mix *batch);

/* ---- for entries */

extern const char *const wn__interpolation_names[]; /* "nearest", "bilinear", "bicubic", NULL: of wn__filter */
/* "224" or "[192, 224]": height and width. */
static inline int wn__size_height(const wn__numbers *size) { return (int)size->value[0]; }
static inline int wn__size_width(const wn__numbers *size) { return (int)size->value[size->count - 1]; }
wn_status wn__size_check(const wn__numbers *size);
/* Two numbers, the first not larger. */
wn_status wn__range_check(const char *name, const wn__numbers *range);
/* A share of the samples: alpha, alpha; in (0,1). */
double wn__draw_share(double alpha, wn__rng *r);

#endif
