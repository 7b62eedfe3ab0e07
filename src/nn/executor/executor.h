/* Runs a graph on a device: fuses nodes, plans memory, walks the phases.
 *
 * One executor serves batches of up to `batch` images (of up to `micro_batch` at a time, if set: gradients and loss then add up over
 * micro-batches, batch-norm statistics are per micro-batch). It borrows graph, params and device, which must outlive it.
 * After preparing a batch size nothing is allocated in a step. Compressed parameters go to devices with `compressed` as they are stored; other
 * devices are given dense weights made from them, and their gradients are taken back, so that every backend runs them.
 * Patterns may change between steps; the next step then binds them anew and may allocate.
 */
#ifndef WN_NN_EXECUTOR_EXECUTOR_H
#define WN_NN_EXECUTOR_EXECUTOR_H

#include "backend/backend.h"
#include "nn/graph_nodes.h"

typedef struct wn__executor wn__executor;

typedef struct wn__executor_options {
    int64_t batch;         /* largest batch */
    int64_t micro_batch;   /* 0 = whole batch */
    bool training;         /* plan backward phases */
    bool tangents;         /* plan Hessian-vector products (the device's backend must have tangents) */
    int64_t memory;        /* bytes that the process may take in all; 0 = no limit. More is recomputed if need be; else WN_ENOMEM */
    bool recompute;        /* force recomputation */
    bool gradient_readers; /* gradients will be read: take the memory for that at once, not in the middle of a run */
    int plans; /* > 0: of plans for more batch sizes and kinds than so many (2 or more) the one that was not used longest goes */
} wn__executor_options;

wn_status wn__executor_new(const wn_graph *graph, wn__params *params, wn__device *device, const wn__executor_options *options,
                           wn__executor **out);
void wn__executor_free(wn__executor *ex); /* accepts NULL */

/* Prepare for batches of exactly n images now, so that later steps allocate nothing; otherwise done on first use. All that they take is
 * allocated then, and counted by wn__memory_expected. Inference: for wn__executor_infer without batch statistics. */
wn_status wn__executor_prepare(wn__executor *ex, int64_t n);
wn_status wn__executor_prepare_inference(wn__executor *ex, int64_t n);

/* Inference: logits (n,k) of images (n,c,h,w). training=true in `step` gives batch statistics. n may exceed the batch: it is run in pieces. */
wn_status wn__executor_infer(wn__executor *ex, const float *images, int64_t n, wn__step_info step, float *logits);

/* Loss and its gradient: from logits (n,k) of images first..first+n-1 of the batch, write dlogits (n,k), the gradient of the loss
 * that the caller means for the whole batch. */
typedef wn_status (*wn__loss_gradient)(void *arg, const float *logits, int64_t first, int64_t n, float *dlogits);

/* One training step's gradients: forward, loss, backward. grad of every trained parameter is overwritten. */
wn_status wn__executor_gradients(wn__executor *ex, const float *images, int64_t n, wn__step_info step, wn__loss_gradient loss, void *arg);

/* Hessian-vector product of the loss at params: product[i] (stored of trained param i, else NULL) = H * vector. Gradients are made as well.
 * loss: from logits and their tangents write dlogits and t_dlogits. One micro-batch. */
typedef wn_status (*wn__loss_tangent)(void *arg, const float *logits, const float *t_logits, int64_t n, float *dlogits, float *t_dlogits);
wn_status wn__executor_hessian_vector(wn__executor *ex, const float *images, int64_t n, wn__step_info step, wn__loss_tangent loss,
                                      void *arg, const float *const *vector, float *const *product);

/* The gradient of every entry of a weight, stored or not: computed tile by tile, since the whole of it may not
 * fit into memory. */
typedef struct wn__weight_gradient {
    const wn__param *param;
    int64_t rows, columns;
    const float *dense; /* (rows, columns) the whole gradient where there is one anyway, else NULL */
    wn__op *op;
    const wn__op_args *args;
    int piece;                          /* micro-batch that it is of: wn__executor_read_pieces */
    struct wn__gradient_totals *totals; /* of several micro-batches together, else NULL */
} wn__weight_gradient;
/* Tiles of rows [row, *end) may be had until the next call, by which micro-batches may run once more. One thread. */
wn_status wn__weight_gradient_rows(const wn__weight_gradient *g, int64_t row, int64_t *end);
/* May be called by several threads at once; the values depend on no one's tiles. */
wn_status wn__weight_gradient_tile(const wn__weight_gradient *g, const wn__weight_tile *tile, float *out /* (rows, columns) */);
/* See wn__op_class.gradient_bounds. False: there are none, and tiles must have no orders. */
bool wn__weight_gradient_bounds(const wn__weight_gradient *g, float *row /* (rows) */, float *column /* (columns) */);

/* From now on each wn__executor_gradients calls `reader` with the gradient of weight `param`, once: it lasts for that call only, and parameters must
 * not change in it. The batch may come in micro-batches; where there is no dense array to add them up in (compressed weights on devices with
 * `compressed`) they are run again, as often as it takes to have all rows in a window that is no larger than values and gradients of what is stored.
 * Of a weight under a linear map that stores as many coefficients as there are entries, it is theirs, in the weight's shape.
 * NULL: not any more. A parameter that is no weight, under another map, or used by several nodes: WN_EUNSUPPORTED. */
typedef wn_status (*wn__gradient_reader)(void *arg, const wn__weight_gradient *gradient);
wn_status wn__executor_read_gradient(wn__executor *ex, int param, wn__gradient_reader reader, void *arg);
/* For readers that add up themselves: each micro-batch's gradient by itself, `piece` counts; a dense one comes once, added up. */
wn_status wn__executor_read_pieces(wn__executor *ex, int param, wn__gradient_reader reader, void *arg);

/* After a non-finite loss: run the batch forward again and name the first node whose output is not finite; "" if none is. */
wn_status wn__executor_find_nonfinite(wn__executor *ex, const float *images, int64_t n, wn__step_info step, const char **node);

/* Tells how long each group of calls took, in the order of running; `index` counts the groups of one wn__executor_gradients or infer,
 * node and implementation are those of its last call. For measurements; NULL switches it off. */
typedef struct wn__call_time {
    int index;
    const char *node, *implementation;
    const wn__op_desc *desc;
    wn__phase phase;
    double density; /* of the weight, where it is compressed; else 1 */
    double seconds;
} wn__call_time;
typedef void (*wn__call_observer)(void *user, const wn__call_time *time);
void wn__executor_observe(wn__executor *ex, wn__call_observer observer, void *user);

/* What convolutions and linear layers run on for n images, in the order of the graph: for records. */
typedef void (*wn__kernel_visit)(void *user, const char *node, const char *implementation);
wn_status wn__executor_kernels(wn__executor *ex, int64_t n, wn__kernel_visit visit, void *user);

/* The plan: bytes of activations, gradients and scratch for n images, which are not allocated. */
wn_status wn__executor_plan_bytes(wn__executor *ex, int64_t n, int64_t *bytes);
/* Bytes of activations and gradients that the calls for n images read and write, each call by itself. */
wn_status wn__executor_traffic(wn__executor *ex, int64_t n, int64_t *bytes);
const char *wn__phase_name(wn__phase phase); /* "backward data" */

#endif
