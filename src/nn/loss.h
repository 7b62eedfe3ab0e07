/* Losses over logits (n,k).
 *
 * Hard:  CE = -sum_c q_c log p_c,  p = softmax(z),  q_c = (1 - s) [c = y] + s / k  with label smoothing s.
 * Soft:  L = alpha * T^2 * KL(softmax(u / T) || softmax(z / T)) * r + (1 - alpha) * CE   with teacher logits u (Hinton et al. 2015;
 *        Ma et al. 2021), r = 1/k under reduction `mean` (over batch and classes: the published CIFAR code), 1 under `batchmean`.
 * Squares (squares = true) in place of CE: sum_c (z_c - q_c)^2, of the logits themselves.
 * The batch's loss is the mean over its samples. Sums are double, in the order of samples and classes; exp and log are our own:
 * same bytes on any CPU and for any thread count.
 */
#ifndef WN_NN_LOSS_H
#define WN_NN_LOSS_H

#include "base/settings.h"
#include "base/threads.h"
#include "data/targets.h"

typedef enum wn__kl_reduction { WN__KL_MEAN, WN__KL_BATCHMEAN } wn__kl_reduction;

typedef struct wn__loss {
    double smoothing;   /* of hard labels, [0,1) */
    bool soft;          /* teacher logits are given and used */
    double temperature; /* T > 0 */
    double alpha;       /* [0,1] */
    int reduction;      /* wn__kl_reduction */
    int squares;        /* 1: squared errors in place of cross-entropy; index into wn__hard_loss_names */
} wn__loss;
extern const char *const wn__hard_loss_names[]; /* "cross-entropy", "mse", NULL */

/* Rows over wn__loss for a recipe's soft labels: "T" (5), "alpha" (0.9), "kl" (mean | batchmean). */
extern const wn__setting wn__soft_label_settings[];

/* Weight of one sample's KL in its loss: alpha * T^2 * r; and the scale of its logit gradient, alpha * T * r. For reports. */
double wn__loss_soft_weight(const wn__loss *loss, int64_t classes);
double wn__loss_soft_gradient_scale(const wn__loss *loss, int64_t classes);

/* Samples of one call: `n` rows of a batch of `batch` samples (the mean is over `batch`). */
typedef struct wn__loss_rows {
    int64_t n, batch, classes;
    const float *logits;  /* (n,k) */
    const float *teacher; /* (n,k) logits, or NULL when !soft */
    wn_targets targets;   /* (n), of kind CLASS */
} wn__loss_rows;

/* Per sample: its loss (not divided by batch), p(correct class) under the plain softmax, whether the first largest logit is the correct
 * one. Any output may be NULL. dlogits (n,k) = gradient of the batch's mean loss. Non-finite logits give non-finite losses. */
typedef struct wn__loss_out {
    double *loss, *correct_probability; /* (n) */
    uint8_t *correct;                   /* (n) */
    float *dlogits;                     /* (n,k) */
} wn__loss_out;
void wn__loss_compute(const wn__loss *loss, const wn__loss_rows *rows, wn__pool *pool, const wn__loss_out *out);

/* Directional derivative of dlogits along t_logits: t_dlogits (n,k) = (d dlogits / d logits) t_logits. */
void wn__loss_tangent_compute(const wn__loss *loss, const wn__loss_rows *rows, const float *t_logits, float *t_dlogits);

#endif
