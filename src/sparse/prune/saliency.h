/* Masks by scores of the weights as they are, mostly before any training.
 *
 *     magnitude  |w|
 *     random     a number drawn for each entry: which ones stay is left to chance
 *     snip       |w dL/dw|                                 Lee, Ajanthan, Torr 2019
 *     grasp      S = -w (H g), the smallest S stay         Wang, Zhang, Grosse 2020
 *     synflow    |w dR/dw|, see sparse/prune/flow.h              Tanaka et al. 2020
 *
 * L is the mean cross-entropy of labelled images, g its gradient over the weights of all convolutions and linear layers,
 * H its Hessian over the same. Larger scores stay; `grasp` is turned so that this holds for it too.
 */
#ifndef WN_SPARSE_PRUNE_SALIENCY_H
#define WN_SPARSE_PRUNE_SALIENCY_H

#include "base/settings.h"
#include "data/targets.h"
#include "nn/executor/executor.h"
#include "sparse/prune/mask.h"
#include "sparse/prune/score.h"

typedef enum wn__saliency { WN__MAGNITUDE, WN__RANDOM_SCORE, WN__SNIP, WN__GRASP, WN__SYNFLOW } wn__saliency;
extern const char *const wn__saliency_names[]; /* "magnitude", "random", "snip", "grasp", "synflow", NULL */

typedef enum wn__grasp_keep {
    WN__GRASP_LOWEST,  /* of S: the paper and its code */
    WN__GRASP_HIGHEST, /* the other end */
    WN__GRASP_LARGEST  /* of |S| */
} wn__grasp_keep;

/* Batch norm over the batch and dropout, or running statistics and none. */
typedef enum wn__score_mode { WN__SCORE_TRAINING, WN__SCORE_EVALUATION } wn__score_mode;

/* From dense to the wanted density d in n rounds: after round r the density is d^(r/n), or 1 - (1 - d) r/n. */
typedef enum wn__steps_down { WN__DOWN_EXPONENTIAL, WN__DOWN_LINEAR } wn__steps_down;

typedef struct wn__scoring {
    int score;          /* wn__saliency */
    int64_t iterations; /* scores are made anew after each; 0: as usual for the score, 1 or, for synflow, 100 */
    int steps;          /* wn__steps_down */
    int64_t samples;    /* images of each class */
    int mode;           /* of snip and grasp: wn__score_mode */
    double temperature; /* of grasp: logits are divided by it */
    int keep;           /* wn__grasp_keep */
} wn__scoring;
/* Rows over wn__scoring, of some scores and by the score. */
extern const wn__setting wn__snip_settings[], wn__grasp_settings[], wn__synflow_settings[];
const wn__setting *wn__saliency_settings(int score);
/* A score with its default settings. */
wn_status wn__scoring_defaults(int score, wn__scoring *out);
bool wn__saliency_needs_images(int score);   /* snip, grasp */
bool wn__saliency_needs_tangents(int score); /* grasp: the device's backend must have them */

/* Images to score on, all classes in turn. */
typedef struct wn__labelled {
    const float *images; /* (n,c,h,w) */
    wn_targets targets;  /* (n) */
    int64_t n, batch;    /* at most `batch` at a time: batch statistics are of those */
} wn__labelled;

typedef struct wn__saliency_input {
    const wn_graph *graph;
    const wn__selection *selection;
    wn__executor *ex;            /* of snip and grasp, in float32 over the parameters, made as wn__saliency_executor says */
    wn__pool *pool;              /* of synflow, snip and grasp; may be NULL */
    const wn__labelled *samples; /* of snip and grasp */
    uint64_t seed;               /* of random and of dropout */
    const wn_stop *stop;         /* between two iterations; may be NULL */
} wn__saliency_input;

/* What the executor of snip and grasp must be made with. */
wn__executor_options wn__saliency_executor(int score, const wn__labelled *samples);

/* Scores of the dense, maybe masked, weights; release with wn__scores_release. Values stay as they are, running statistics too. */
wn_status wn__saliency_scores(const wn__scoring *how, const wn__saliency_input *input, wn__params *params, wn__scores *out);
/* About what finding the scores, all iterations together, costs: a forward pass of one image once, its gradient 3 times, a Hessian-vector
 * product 6 times the forward FLOPs. */
int64_t wn__saliency_flops(const wn__scoring *how, const wn_graph *graph);
/* In as many iterations as `how` says down to what `prune` says. */
wn_status wn__saliency_prune(const wn__scoring *how, const wn__saliency_input *input, const wn__prune *prune, wn__params *params);

#endif
