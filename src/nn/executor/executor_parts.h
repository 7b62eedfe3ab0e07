/* What the files of the executor share. */
#ifndef WN_NN_EXECUTOR_EXECUTOR_PARTS_H
#define WN_NN_EXECUTOR_EXECUTOR_PARTS_H

#include "nn/executor/executor.h"
#include "nn/executor/gradient_window.h"
#include "nn/executor/plan.h"

typedef struct wn__gradient_reading {
    wn__gradient_reader reader; /* NULL: nobody wants it */
    void *arg;
    bool pieces;
} wn__gradient_reading;

struct wn__executor {
    wn__call_observer observer; /* NULL: nobody wants times */
    void *observer_user;
    int observed;
    const wn_graph *graph;
    wn__params *params;
    wn__device *device;
    wn__executor_options options;
    wn__lowered *lowered, *inference; /* the second for plans of inference on devices with `norms_in_convs` */
    int count, inference_count;
    wn__plan **plan; /* one per (batch size, kind) seen so far, the one used last in front */
    int plans;
    char *memory; /* the largest plan's buffers, at its offsets; plans are never active together */
    size_t memory_bytes;
    float *logits, *dlogits;     /* (piece, classes) */
    float *t_logits, *t_dlogits; /* tangent plans only */
    /* Per parameter, NULL where operations use its own arrays: dense weights made from what is stored, and their gradients. Under a map,
     * and of compressed parameters on devices that take dense ones only. */
    float **weight, **weight_grad;
    float **t_weight, **t_weight_grad; /* tangent plans, parameters materialised: vector and product */
    int64_t materialised;              /* version of those weights; -1 = none */
    int64_t topology;                  /* of the parameters that those arrays are for; -1 = none */
    wn__gradient_reading *reading;     /* per parameter; NULL: none so far */
    wn__gradient_window window;        /* of what is read and comes in micro-batches */
};

/* One run of a plan. */
typedef struct wn__executor_run {
    wn__executor *ex;
    wn__plan *plan;
    wn__step_info step;
    int64_t piece, pieces;      /* micro-batch of a step with gradients, else 0; those behind the first add theirs */
    const float *const *vector; /* tangents of parameters */
    float *const *product;
} wn__executor_run;

/* Images of a micro-batch. */
static inline int64_t wn__piece_size(const wn__executor *ex)
{
    return ex->options.micro_batch ? ex->options.micro_batch : ex->options.batch;
}

/* executor_weights.c. Dense arrays for those parameters that need them now, and none for others. */
wn_status wn__executor_allocate_weights(wn__executor *ex);
wn_status wn__executor_follow_topology(wn__executor *ex);
void wn__executor_free_weights(wn__executor *ex);
/* Fill them from what is stored, unless that has not changed. */
wn_status wn__executor_materialise(wn__executor *ex);
/* What operations read, and write gradients to. */
float *wn__executor_weight(const wn__executor *ex, int param);
float *wn__executor_weight_grad(const wn__executor *ex, int param);
/* Gradients of parameters that no operation reaches are zero; those of weights made here are taken back to what is stored. */
wn_status wn__executor_finish_gradients(const wn__executor_run *r);
/* Hessian-vector products of compressed parameters and of coefficients: the vector as dense weights, and the product back to what is stored. */
wn_status wn__executor_expand_vectors(const wn__executor_run *r);
wn_status wn__executor_finish_products(const wn__executor_run *r);

/* executor_plans.c */
int64_t wn__executor_piece(const wn__executor *ex, int64_t n, wn__plan_kind kind); /* of n images, those that its plan takes at a time */
wn__plan_kind wn__executor_plan_kind(const wn__executor *ex, bool backward, bool training);
/* The plan for n images, without memory for its buffers; and with it. */
wn_status wn__executor_find_plan(wn__executor *ex, int64_t n, wn__plan_kind kind, wn__layout layout, wn__plan **out);
wn_status wn__executor_get_plan(wn__executor *ex, int64_t n, wn__plan_kind kind, wn__layout layout, wn__plan **out);
/* Tell the operations which entries their weights store. */
wn_status wn__executor_bind_patterns(const wn__executor *ex, wn__plan *plan);
/* Bring what they hold of the weights up to date. */
wn_status wn__executor_pack_weights(wn__executor *ex, wn__plan *plan);

/* executor_calls.c. Where a buffer lies, and that of its tangent; NULL for none. */
void *wn__executor_buffer(const wn__executor *ex, const wn__plan *plan, int buffer);
void *wn__executor_twin(const wn__executor *ex, const wn__plan *plan, int buffer);
/* Calls [first, end) of the plan, with gradients read where somebody wants them. */
wn_status wn__executor_run_calls(const wn__executor_run *r, int first, int end);
/* All blocks of one group, then its batch-wide sums. */
wn_status wn__executor_run_group(const wn__executor_run *r, const wn__call *call, int calls);
/* Who reads the gradient that the call makes; NULL if nobody does. */
const wn__gradient_reading *wn__executor_reading(const wn__executor_run *r, const wn__call *call);
/* Is the parameter's gradient, if it is read, made from activations? */
bool wn__executor_has_tiles(const wn__executor *ex, int param);

#endif
