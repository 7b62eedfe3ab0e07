/* Loss, gradient and curvature on a fixed sample: mean cross-entropy of hard labels, no weight decay. Batch norm uses the statistics of the sample and
 * moves nothing; dropout, where there is some, drops the same each time. */
#ifndef WN_ANALYSIS_GRADIENT_H
#define WN_ANALYSIS_GRADIENT_H

#include "analysis/space.h"
#include "data/loader.h"
#include "nn/executor/executor.h"

typedef struct wn__sample {
    int64_t n, classes;
    float *images;      /* (n, C, H, W) */
    wn_targets targets; /* (n) */
    wn__pool *pool;     /* borrowed */
} wn__sample;

/* `n` images of a part, in an order of their own that depends on nothing but the part; fewer if it has fewer. Not augmented. */
wn_status wn__sample_make(const wn__loader_options *options, wn__part part, int64_t n, wn__pool *pool, wn__sample *out);
void wn__sample_release(wn__sample *s); /* accepts a zeroed one */

/* Executors whose batch is at least the sample. loss and headline may be NULL; the second is the usual
 * metric of such targets, NaN if it is no mean over samples. */
wn_status wn__sample_loss(wn__executor *ex, const wn__sample *s, double *loss, double *headline);
/* Gradients of the executor's parameters; it must train. */
wn_status wn__sample_gradient(wn__executor *ex, const wn__sample *s, double *loss, double *headline);
/* Exact; the executor must have tangents. */
wn_status wn__sample_hessian_vector(wn__executor *ex, const wn__sample *s, const wn__param_arrays *vector, wn__param_arrays *product);

/* --- the flow of gradients */

typedef struct wn__layer_flow {
    int param;
    int64_t count, active;
    double gradient_active, gradient_all;                     /* L2 norms: over active entries, over all */
    double gradient_mean, gradient_std;                       /* over active entries, as the next four */
    double weight_mean, weight_std, weight_norm, weight_most; /* most: largest absolute value */
} wn__layer_flow;

typedef struct wn__flow {
    double loss, headline;
    double gradient_active, gradient_all;
    double decrease, predicted; /* of the loss in one step of `rate` along the active gradient: measured; rate * gradient_active^2 */
    wn__layer_flow *layer;      /* (layers) trained parameters, in their order */
    int layers;
} wn__flow;

/* `params` are the executor's, dense and without masks; active (trained parameters, by index; NULL: all) are masks (count) of what is active: the
 * values of other entries must be zero. Values are as before afterwards. */
wn_status wn__flow_measure(wn__executor *ex, wn__params *params, const wn__sample *s, uint8_t *const *active, double rate, wn__flow *out);
void wn__flow_release(wn__flow *f); /* accepts a zeroed one */

#endif
