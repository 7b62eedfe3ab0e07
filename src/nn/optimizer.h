/* Optimizers: a registry, one file per entry in src/nn/optimizers/, one line in list.h.
 *
 * Masked-out entries take no part: value and slots stay exactly zero. Compressed parameters have none: the work is that of stored entries. Every entry is updated alone, so that the bytes are the same
 * for any number of threads.
 */
#ifndef WN_NN_OPTIMIZER_H
#define WN_NN_OPTIMIZER_H

#include "base/settings.h"
#include "base/threads.h"
#include "tensor/param.h"

/* One run of entries of one parameter. */
typedef struct wn__update {
    float *value;
    float *grad; /* may be overwritten; already zero where masked out */
    float *slot[WN__SLOTS];
    int64_t n;
    float rate; /* learning rate */
    bool decay; /* weight decay applies to this parameter */
    int64_t t;  /* updates made with these slots so far, this one included: 1, 2, ... */
} wn__update;

typedef struct wn__optimizer_type {
    const char *name, *summary, *paper;
    const wn__setting *settings; /* rows over its configuration struct */
    size_t config_size;
    int (*slots)(const void *config);  /* how many it uses */
    const char *slot_names[WN__SLOTS]; /* in files: "<parameter>.<slot name>" */
    bool (*decays_bn_and_bias)(const void *config);
    void (*update)(const void *config, const wn__update *u);
} wn__optimizer_type;

extern const wn__optimizer_type *const wn__optimizers[];                         /* NULL-terminated: sgd, adam, adamw */
wn_status wn__optimizer_find(const char *name, const wn__optimizer_type **type); /* WN_EUSAGE lists the valid names */

/* Which optimizer with which settings; config is borrowed. */
typedef struct wn__optimizer {
    const wn__optimizer_type *type;
    const void *config;
    double clip_norm;  /* > 0: gradients are scaled so that their global L2 norm over active entries is at most this */
    double clip_value; /* > 0: every gradient entry is cut to [-clip_value, clip_value] (before clip_norm) */
} wn__optimizer;

/* A step's work plan over one set of parameters; allocates once. Adds the slots that the optimizer needs and that are not there yet
 * (zeroed; existing ones are kept). */
typedef struct wn__updater wn__updater;
wn_status wn__updater_new(const wn__optimizer *optimizer, wn__params *params, wn__pool *pool, wn__updater **out);
void wn__updater_free(wn__updater *u); /* accepts NULL */
/* One update of all trained parameters from their gradients. t as in wn__update. Allocates only where patterns have changed since the last. */
wn_status wn__updater_step(wn__updater *u, double rate, int64_t t);

#endif
