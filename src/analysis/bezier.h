/* Paths between two networks as Bezier curves (Garipov et al. 2018): control points trained so that the loss is low all along.
 *
 *     w(t) = sum over k of B(k, order; t) P(k),   B(k, m; t) = C(m, k) t^k (1 - t)^(m - k),   P(0) = A, P(order) = B
 *
 * Each step draws t uniformly and goes down the gradient of the loss at w(t); control point k gets B(k, order; t) times it. Networks, data, loss
 * and optimizer are those of training.
 */
#ifndef WN_ANALYSIS_BEZIER_H
#define WN_ANALYSIS_BEZIER_H

#include "analysis/space.h"
#include "data/loader.h"
#include "nn/executor/executor.h"
#include "nn/optimizer.h"
#include "nn/schedule.h"

enum { WN__MOST_CONTROLS = 2 };

double wn__bernstein(int k, int order, double t);

typedef struct wn__bezier {
    const wn__space *space;                /* borrowed; of what moves */
    int order;                             /* 2 or 3 */
    const float *first, *last;             /* (size) the ends; borrowed */
    wn__params control[WN__MOST_CONTROLS]; /* the points between, order - 1 of them; owned */
    float *point, *gradient, *scratch;     /* (size) */
} wn__bezier;

/* Control points on the straight line, in the form (dense, masked or compressed) of `like`, which is of the graph. */
wn_status wn__bezier_make(const wn_graph *graph, const wn__params *like, const wn__space *space, int order, const float *first,
                          const float *last, wn__bezier *out);
void wn__bezier_release(wn__bezier *b); /* accepts a zeroed one */
/* Weights at t into params. */
void wn__bezier_set(wn__bezier *b, double t, wn__params *params);

typedef struct wn__bezier_training {
    wn__executor *ex; /* training; of params */
    wn__params *params;
    wn__loader *loader;
    int64_t batch, classes; /* of the loader: largest batch */
    const wn__optimizer *optimizer;
    const wn__schedule *schedule;
    wn__pool *pool;
    uint64_t seed;       /* of t */
    int64_t first, last; /* steps; the loader stands where the first one begins */
    int64_t updates;     /* of the slots of the control points, which are kept */
    wn_status (*progress)(void *user, int64_t done, double loss);
    void *user;
} wn__bezier_training;
wn_status wn__bezier_train(wn__bezier *b, const wn__bezier_training *t, double *mean_loss);

#endif
