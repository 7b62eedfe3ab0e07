/* A recipe expanded into stages: a graph without cycles whose nodes are found again by their identity.
 *
 * Identity = SHA-256 over the canonical JSON (sorted keys, no blanks) of all that a stage's result depends on: its slice of the recipe with every
 * time in steps, its parents' identities, contents of files it reads, the numerics version, backend, dtype, instruction set; never the
 * number of threads. Two ways of writing the same thing give the same identity.
 */
#ifndef WN_PLAN_AGENDA_H
#define WN_PLAN_AGENDA_H

#include "io/digest.h"
#include "network/machine.h"
#include "plan/small_network.h"
#include "recipe/recipe.h"
#include "train/trainer.h"

/* Raised by every change of the library that changes results. */
#define WN__NUMERICS 2

typedef enum wn__stage_kind { WN__STAGE_TRAIN, WN__STAGE_SOFT_LABELS, WN__STAGE_MASK, WN__STAGE_EVALUATE } wn__stage_kind;
extern const char *const wn__stage_kind_names[]; /* "train", "soft-labels", "mask", "evaluate" */

/* Indices into wn__agenda.stage are -1 for none; texts are "" for none. */
typedef struct wn__teacher_plan {
    int stage;
    const wn__teacher_files *files; /* instead; NULL: none */
    wn__dtype dtype;
    int64_t flops; /* of all of its networks, for one image */
} wn__teacher_plan;

typedef struct wn__train_plan {
    wn__train_spec spec; /* what is trained, and how; what training selects is made when the stage runs; `keep` is owned */
    int start;           /* wn__method_start */
    int start_stage;
    int64_t start_step; /* rewound: before this step */
    const char *start_file;
    int reinit;
    int64_t redraw; /* number of redrawn weights */
    int init;       /* wn__sparse_init */
    double init_gain;
    int mask;
    const wn__mask_section *coefficients; /* weights under its basis are trained; NULL: weights as they are */
    const wn__mask_section *section;      /* how weights are pruned while training; NULL: they are not */
    wn__small_network small;              /* config NULL: the recipe's network */
    const wn__backend *backend;           /* NULL: the machine's */
    bool dense_stream;                    /* the dense run's data, else the retraining stream */
    int64_t order;                        /* number of that */
    bool third;                           /* of a world: on the sample that is in neither */
    int64_t fresh_first, fresh_end;       /* of the ideal world: samples that this stage is the first to see */
    double stretch;                       /* times of the schedules and of mask changes are so many times the recipe's */
    wn__teacher_plan teacher;
    int cache;      /* stage of the soft labels; -1: the teacher runs along */
    int cache_mode; /* wn__cache_mode */
} wn__train_plan;

typedef struct wn__cache_plan {
    wn__teacher_plan teacher;
    bool dense_stream, third;
    int64_t order;
    int64_t first_epoch, end_epoch;
} wn__cache_plan;

typedef struct wn__mask_plan {
    wn__mask_section section;
    int source;             /* stage whose final weights and masks are pruned further */
    int shuffle_of;         /* a mask stage: only shuffle its masks */
    bool taken;             /* the source's own masks, as they are */
    bool drawn;             /* from the seed, before any training */
    bool initial;           /* the start weights of the replicate are pruned */
    const char *start_file; /* of `initial`: those of a file instead; "": none */
    double sparsity;
    bool third;                /* of a world: scored on the sample that is in neither */
    int64_t fresh_end;         /* of the ideal world: samples before this one have been seen */
    wn__small_network network; /* of `drawn`: what it is drawn for; config NULL: the recipe's */
} wn__mask_plan;

typedef struct wn__evaluate_plan {
    int source, mask; /* final weights of one stage under the mask of another */
    const char *file; /* source -1: weights of this file */
} wn__evaluate_plan;

enum { WN__MOST_PARENTS = 5 };
typedef struct wn__stage {
    wn__stage_kind kind;
    char *label;
    char identity[WN__SHA256_TEXT];
    json_t *inputs; /* what the identity is made of */
    uint64_t seed;
    int parent[WN__MOST_PARENTS], parents;
    union {
        wn__train_plan train;
        wn__cache_plan cache;
        wn__mask_plan mask;
        wn__evaluate_plan evaluate;
    };
} wn__stage;

/* A line of the results. */
typedef struct wn__agenda_row {
    int row; /* in recipe->row */
    double sparsity;
    uint64_t seed;
    int train, mask, source, evaluate; /* stages; source: whose weights were pruned, -1 where the mask comes from a file */
    int rounds;
} wn__agenda_row;

/* A cell of the comparison that cannot be: its masks leave a layer empty. */
enum { WN__MOST_SKIPS = 256 };
typedef struct wn__skip {
    int row; /* of the recipe */
    double sparsity;
    char *reason; /* owned */
} wn__skip;

typedef struct wn__agenda {
    const wn__recipe *recipe; /* borrowed */
    wn__machine machine;
    wn__stage *stage;
    int stages;
    wn__agenda_row *row;
    int rows;
    wn__skip skip[WN__MOST_SKIPS];
    int skips;
    /* Of model.weights, where the recipe has some: */
    bool new_head;     /* its last layer is for other classes, and drawn anew */
    bool trains_dense; /* the dense run is trained from there; else it is that file as it is, and nothing is trained */
    int rewinds;       /* rows that begin with model.rewind_file, all of them at */
    int64_t rewind_step;
    struct wn__digests *digests; /* of weights files, made once */
} wn__agenda;

wn_status wn__agenda_make(const wn__recipe *recipe, const wn__machine *machine, wn__agenda **out);
/* The dense training of one seed alone; recipe may lack `compare`. Its stage is 0. */
wn_status wn__agenda_make_dense(const wn__recipe *recipe, const wn__machine *machine, uint64_t seed, wn__agenda **out);
void wn__agenda_free(wn__agenda *plan); /* accepts NULL */
/* Index, or -1. A beginning of the identity is enough if nothing else begins so. */
int wn__agenda_find(const wn__agenda *plan, const char *identity);
/* needed (stages): set true for `stage` and all that it needs. */
void wn__agenda_mark_needed(const wn__agenda *plan, int stage, bool *needed);

/* Groups of N:M, a file of masks, lists and budgets of a distribution say the sparsity of a row's mask themselves: *own, and which. */
wn_status wn__row_own_sparsity(const wn__recipe *recipe, const wn__row *row, bool *own, double *sparsity);

/* start_weights.c: files that networks begin with. Those of the section model have its names of tensors, and may lack its last layer. */
const char *wn__start_names(const wn__recipe *recipe, const char *file);
bool wn__start_has_new_head(const wn__agenda *plan, const char *file);

/* What a stage runs on, and its teacher. A soft-labels stage runs on its teacher's backend. */
const wn__backend *wn__stage_backend(const wn__agenda *plan, const wn__stage *stage);
/* What gradients and Hessian-vector products of a score are computed on, in float32. */
const wn__backend *wn__score_backend(const wn__machine *machine, const wn__scoring *scoring);
const wn__backend *wn__teacher_backend(const wn__agenda *plan, const wn__teacher_plan *teacher);

/* Sub-seeds of a replicate; retraining streams are numbered by `order`, redrawn weights by `redraw`. */
typedef enum wn__stream {
    WN__STREAM_DENSE,
    WN__STREAM_RETRAIN,
    WN__STREAM_DENSE_NOISE,
    WN__STREAM_RETRAIN_NOISE,
    WN__STREAM_REDRAW
} wn__stream;
uint64_t wn__stream_seed(uint64_t seed, wn__stream stream, int64_t order);

/* identity.c: fill stage->inputs and stage->identity from the rest. */
wn_status wn__stage_identify(const wn__agenda *plan, wn__stage *stage);

#endif
