/* Methods as rows over a few independent axes (docs/methods.md). A row holds no code: what its training stage does follows from
 * the axes alone (src/plan/agenda.c).
 *
 * A retraining stage runs L steps of a dense run of T steps, from absolute step k on:
 *     L = `retrain` if given; else T - k under a rewound schedule; else T
 *     k = `rewind` if given; else T - L
 */
#ifndef WN_METHODS_METHOD_H
#define WN_METHODS_METHOD_H

#include "base/settings.h"
#include "sparse/dynamic/rewiring.h"
#include "sparse/prune/mask.h"
#include "sparse/prune/saliency.h"

typedef enum wn__method_mask {
    WN__MASK_NONE,           /* dense, at every sparsity: one row, at sparsity 0 */
    WN__MASK_PRUNED,         /* as the recipe's `mask` says */
    WN__MASK_RANDOM,         /* the same, shuffled */
    WN__MASK_DRAWN,          /* drawn before training, as `mask.distribution` says; nothing dense is trained */
    WN__MASK_SMALL,          /* none: a dense network of smaller widths, as large as the one with a drawn mask */
    WN__MASK_AT_INIT,        /* pruned before training, by a score of the start weights */
    WN__MASK_AT_INIT_RANDOM, /* the same, shuffled */
    WN__MASK_GRADUAL,        /* none at the start: pruned while training */
    WN__MASK_LEARNED,        /* thresholds learn it; how sparse it becomes is known afterwards */
    WN__MASK_ALTERNATING,    /* on and off in phases, and on in the end */
    WN__MASK_N_OF_M,         /* made anew at every step, within groups */
    WN__MASK_WIDE            /* drawn, on a network of larger widths: as large as the recipe's dense one */
} wn__method_mask;

typedef enum wn__method_start {
    WN__START_INITIAL, /* the replicate's initial weights */
    WN__START_REWOUND, /* weights, batch norm and statistics of the dense run before step k */
    WN__START_FINAL,   /* those that the mask was made from */
    WN__START_REDRAWN  /* new weights, batch norm reset */
} wn__method_start;

typedef enum wn__method_schedule {
    WN__RATE_FULL,    /* the dense run's learning rates from step 0 on */
    WN__RATE_REWOUND, /* from step k on */
    WN__RATE_CONSTANT /* the dense run's last one */
} wn__method_schedule;

typedef enum wn__method_labels { WN__LABELS_HARD, WN__LABELS_SOFT, WN__LABELS_SMOOTH } wn__method_labels;

typedef enum wn__method_order {
    WN__ORDER_NEW,     /* the replicate's retraining stream, shared by all its rows, at the absolute step */
    WN__ORDER_SAME,    /* the dense run's stream at the absolute step */
    WN__ORDER_CONTINUE /* the dense run's stream from its end on */
} wn__method_order;

typedef enum wn__method_slots { WN__SLOTS_FRESH, WN__SLOTS_REWOUND } wn__method_slots;

typedef struct wn__method_axes {
    int mask;                   /* wn__method_mask */
    int start;                  /* wn__method_start */
    wn__steps rewind;           /* k; unit 0 = not given */
    int schedule;               /* wn__method_schedule */
    int labels;                 /* wn__method_labels */
    int data_order;             /* wn__method_order */
    int64_t order;              /* retraining streams of the replicate are numbered; all rows share one unless they say so */
    wn__steps retrain;          /* L; unit 0 = not given */
    int optimizer_state;        /* wn__method_slots: momentum at the start; rewound needs start: rewound */
    int64_t redraw;             /* redrawn weights are numbered, too: another initialisation */
    int reinit;                 /* wn__reinit_rule of redrawn weights */
    int init;                   /* wn__sparse_init of drawn start weights */
    double init_gain;           /* 0: as usual for it */
    int match;                  /* wn__match of a small network */
    wn__topology_rule topology; /* how the mask changes while training; grow none: it does not */
} wn__method_axes;

/* Rows over wn__method_axes that a recipe writes as plain settings: start, rewind, schedule, data_order, order, retrain, optimizer_state, reinit. */
extern const wn__setting wn__method_settings[];
/* Is the network another one than the recipe's, of other widths? */
bool wn__mask_resizes(int mask);
/* Is it drawn from the seed? */
bool wn__mask_is_drawn(int mask);
/* Do dense weights become sparse while they train, other than gradually (src/sparse/dense_to_sparse/thinning.h)? */
bool wn__mask_thins(int mask);
/* Is the mask made before any training, from the seed or the start weights? */
bool wn__mask_before_training(int mask);
extern const char
    *const wn__method_mask_names[]; /* "none", "pruned", "random", "drawn", "small", "at-init", "at-init-random", "gradual", "learned",
                                       "alternating", "n-of-m", "wide", NULL */
extern const char *const wn__method_labels_names[]; /* "hard", "soft", "smooth", NULL */

typedef struct wn__method {
    const char *name, *summary, *paper;
    wn__method_axes axes;
    int score;       /* wn__saliency; of masks at initialisation */
    int scope;       /* wn__scope of its masks; 0: the recipe's */
    int block;       /* wn__block of its drawn masks; 0: the recipe's */
    bool thresholds; /* a gradual mask of which entries return, after each step: iterative hard thresholding */
} wn__method;

/* All rows, ended by name NULL. */
extern const wn__method wn__methods[];
const wn__method *wn__method_find(const char *name); /* NULL if there is none */

/* First step and number of steps of a retraining stage in a dense run of `total` steps. WN_EUSAGE if nothing is left to train. */
typedef struct wn__method_span {
    int64_t rewind; /* k of the weights; 0 unless they are rewound */
    int64_t first, last;
} wn__method_span;
wn_status wn__method_span_of(const wn__method_axes *axes, int64_t steps_per_epoch, int64_t total, wn__method_span *span);

#endif
