/* Running one stage: from its plan to the files in its folder. */
#ifndef WN_RUN_STAGE_H
#define WN_RUN_STAGE_H

#include "run/context.h"

/* Do nothing if it is done, continue it if it was cut off. Parents must be done. WN_ESTOPPED: what was reached is saved.
 * *ran (may be NULL) = whether there was anything to do. */
wn_status wn__stage_execute(wn__context *c, int stage, bool *ran);

/* Steps of a run, from the first to before the last: how many training images. */
int64_t wn__images_between(const wn__recipe *recipe, int64_t first, int64_t last);
/* Images of a training stage that get soft labels. */
int64_t wn__soft_images(const wn__recipe *recipe, const wn__train_plan *t);

/* Parts, one per kind: fill `result`. The stage is locked, its folder exists; data are loaded. */
wn_status wn__stage_train(wn__context *c, const wn__stage *stage, const char *folder, json_t *result);
wn_status wn__stage_soft_labels(wn__context *c, const wn__stage *stage, const char *folder, json_t *result);
wn_status wn__stage_mask(wn__context *c, const wn__stage *stage, const char *folder, json_t *result);
wn_status wn__stage_evaluate(wn__context *c, const wn__stage *stage, const char *folder, json_t *result);

/* Path of the state of stage `index` before `step`, made by replaying if it was not kept. Free with wn__free. */
wn_status wn__stage_point(wn__context *c, int index, int64_t step, char **path);
/* The state of a stage under a basis, `state`, as the file of a network: the weights, with their coefficients beside them. */
wn_status wn__stage_state_as_network(wn__context *c, int index, const char *state, const char *target);
/* The weights of one state under the masks of another, as the file of a network: those behind a topology update at the weights before it. */
wn_status wn__stage_updated_network(wn__context *c, const char *state, const char *next, const char *target);
/* Path of a stage's file; NULL if out of memory. */
char *wn__stage_file(const wn__context *c, int index, const char *name);

struct wn__train_stage;
struct wn__train_progress;
/* What a caller is shown of a training; `done` steps took `seconds`, from which what is left is guessed. */
wn_progress wn__stage_progress(const struct wn__train_progress *t, int64_t done, double seconds);
/* The trainer's stage for steps [first, last) of a training stage, without weights, teacher and cost; borrows everything. */
wn_status wn__stage_set_up(wn__context *c, const wn__stage *stage, struct wn__train_stage *out);

/* Selected weights become coefficients of the section's basis. Vectors and ranks come from the files of the mask stage `mask`; -1: from the weights. */
wn_status wn__stage_enter_basis(const wn__context *c, const wn__mask_section *section, uint64_t seed, int mask, wn__params *params);

/* The same, and the masks of that stage over them. */
wn_status wn__stage_load_coefficients(const wn__context *c, const wn__mask_section *section, uint64_t seed, int mask, wn__params *params);

/* Sizes and cost of a network: parameters, nonzero, dense_flops, inference_flops, bytes, layers. */
wn_status wn__stage_add_cost(const wn_graph *graph, const wn__params *params, json_t *result, int64_t *training_flops);
/* Steps of a training stage run again, from its start or from one of its kept states, in a folder of their own. Analyses get states from it that the
 * stage did not keep, or what the stage gives on another order of the data. */
typedef struct wn__retraining {
    const char *folder;   /* of the trainer's files; continued if it was cut off */
    const char *identity; /* of the checkpoint there */
    int64_t from, last;   /* steps [from, last) of the stage's own */
    int64_t *keep;        /* ascending */
    int keeps;
    int64_t pause;   /* stop before this step, without an end: WN_ESTOPPED; 0: never */
    bool at_end;     /* weights and masks that the stage ended with, without momentum, whatever `from` is: to measure its last steps */
    bool cached;     /* soft labels from the stage's cache, which must still be there, if it has one */
    bool other_data; /* order and augmentation drawn from data_seed */
    uint64_t data_seed;
    void (*progress)(void *user, const struct wn__train_progress *p); /* may be NULL */
    void *user;
} wn__retraining;
wn_status wn__stage_retrain(wn__context *c, int index, const wn__retraining *r);

/* Weights of a file that the plan names: the section model's with its names of tensors, and a last layer of other classes drawn by `seed`. */
wn_status wn__stage_load_weights(const wn__context *c, const char *file, int parts, uint64_t seed, wn__params *params);

#endif
