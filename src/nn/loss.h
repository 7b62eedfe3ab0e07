/* Losses of outputs (n,k): a registry, one file per entry in src/nn/losses/, one line in list.h.
 *
 *     L = hard                                            where there is no teacher
 *     L = alpha T^2 r soft + (1 - alpha) hard             with a teacher's outputs (Hinton et al. 2015; Ma et al. 2021)
 *
 * `hard` compares the outputs with the sample's target. `soft` compares them with a teacher's outputs, divided by T, both as what the kind of the
 * targets makes of outputs: a softmax of classes, a probability for each of several. r is 1/k under reduction `mean` (over batch and classes: the
 * published CIFAR code), 1 under `batchmean`. Outputs that are values are no probabilities: there the soft part is the hard loss to the teacher's
 * values, T = r = 1.
 *
 * The batch's loss is the mean over its samples. Sums are double, in the order of samples and outputs; exp and log are our own: same bytes on any
 * CPU and for any thread count.
 */
#ifndef WN_NN_LOSS_H
#define WN_NN_LOSS_H

#include "base/settings.h"
#include "base/threads.h"
#include "data/targets.h"
#include "nn/softmax.h"

/* One sample: its outputs, and what they are compared with. */
typedef struct wn__loss_row {
    const void *config;           /* of the loss's settings; NULL: their defaults */
    int64_t k;                    /* outputs */
    const float *z;               /* (k) */
    wn_targets target;            /* the sample's; of a soft part a teacher's outputs, as values */
    double smoothing;             /* of classes */
    double inverse_t;             /* 1 / T of a soft part */
    wn__softmax student, teacher; /* for entries over classes, made by `prepare` */
} wn__loss_row;

typedef struct wn__loss_type {
    const char *name, *summary, *paper; /* paper may be NULL */
    unsigned targets;                   /* kinds of targets that it compares outputs with, 1 << wn_target_kind each */
    unsigned usual;                     /* those of them for which recipes need not name it */
    unsigned soft;                      /* kinds of targets for which it compares with a teacher's outputs */
    const wn__setting *settings;        /* rows over its configuration; NULL: none */
    size_t config_size;
    void (*prepare)(wn__loss_row *row); /* before the others; may be NULL */
    double (*value)(const wn__loss_row *row);
    double (*gradient)(const wn__loss_row *row, int64_t c); /* d value / d z_c; of soft labels d value / d (z_c / T) */
    /* out += scale times the derivative of the gradient along t (k). */
    void (*add_tangent)(const wn__loss_row *row, const float *t, double scale, float *out);
} wn__loss_type;

/* All entries, ended by NULL. */
extern const wn__loss_type *const wn__losses[];
/* Of targets of a kind where nothing else is said: cross-entropy of a class, binary cross-entropy of several, squared error of values. */
const wn__loss_type *wn__loss_usual(wn_target_kind kind);

typedef enum wn__kl_reduction { WN__KL_MEAN, WN__KL_BATCHMEAN } wn__kl_reduction;

/* Zeroed: the usual loss of the targets. */
typedef struct wn__loss {
    const wn__loss_type *hard; /* NULL: the usual one */
    const void *config;        /* of hard's settings; borrowed. NULL: their defaults */
    double smoothing;          /* of hard labels that are classes, [0,1) */
    bool soft;                 /* a teacher's outputs are given and used */
    double temperature;        /* T > 0 */
    double alpha;              /* [0,1] */
    int reduction;             /* wn__kl_reduction */
} wn__loss;

/* Rows over wn__loss for a recipe's soft labels: "T" (5), "alpha" (0.9), "kl" (mean | batchmean). */
extern const wn__setting wn__soft_label_settings[];

/* Weight of one sample's soft part in its loss: alpha * T^2 * r; and the scale of its gradient, alpha * T * r. For reports. */
double wn__loss_soft_weight(const wn__loss *loss, wn_target_kind kind, int64_t outputs);
double wn__loss_soft_gradient_scale(const wn__loss *loss, wn_target_kind kind, int64_t outputs);

/* Samples of one call: `n` rows of a batch of `batch` samples (the mean is over `batch`). */
typedef struct wn__loss_rows {
    int64_t n, batch, classes;
    const float *logits;  /* (n,k) */
    const float *teacher; /* (n,k) logits, or NULL when !soft */
    wn_targets targets;   /* (n), of a kind that the loss takes */
} wn__loss_rows;

/* Per sample: its loss (not divided by batch). Any output may be NULL. dlogits (n,k) = gradient of the batch's mean loss. Non-finite logits give
 * non-finite losses. */
typedef struct wn__loss_out {
    double *loss;   /* (n) */
    float *dlogits; /* (n,k) */
} wn__loss_out;
void wn__loss_compute(const wn__loss *loss, const wn__loss_rows *rows, wn__pool *pool, const wn__loss_out *out);

/* Directional derivative of dlogits along t_logits: t_dlogits (n,k) = (d dlogits / d logits) t_logits. */
void wn__loss_tangent_compute(const wn__loss *loss, const wn__loss_rows *rows, const float *t_logits, float *t_dlogits);

/* ---- for entries */

#define WN__LOSS_OF(kind) (1u << WN_TARGET_##kind)

/* The target's number for output c: of classes with smoothing, q_c = (1 - s) [c = y] + s / k. */
static inline double wn__loss_target(const wn__loss_row *row, int64_t c)
{
    const double uniform = row->smoothing / (double)row->k;
    switch (row->target.kind) {
    case WN_TARGET_CLASS: return (c == row->target.classes[0] ? 1 - row->smoothing : 0) + uniform;
    case WN_TARGET_DISTRIBUTION: return (1 - row->smoothing) * row->target.values[c] + uniform;
    default: return row->target.values[c];
    }
}

/* A value's weight in the loss of a sample: values and several classes are averaged, the classes of one are added up. */
static inline double wn__loss_share(const wn__loss_row *row) { return wn__target_is_one_class(row->target.kind) ? 1 : 1 / (double)row->k; }

#endif
