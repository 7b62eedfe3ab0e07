/* A plan: for one batch size and one purpose, the calls to make, in order, in groups, and where each buffer lies.
 *
 * A group is a run of calls without a batch-wide barrier in between. On a device with block > 0 each block of images walks through the
 * whole group before the next; buffers therefore live for whole groups. On a device with block 0 every call is a group.
 *
 * The buffers have two layouts in memory, of which each run of the plan uses one.
 */
#ifndef WN_NN_EXECUTOR_PLAN_H
#define WN_NN_EXECUTOR_PLAN_H

#include "nn/executor/lower.h"

typedef enum wn__plan_kind {
    WN__PLAN_INFER,      /* forward with running statistics */
    WN__PLAN_STATISTICS, /* forward with batch statistics */
    WN__PLAN_TRAIN,      /* forward with batch statistics, backward */
    WN__PLAN_FROZEN,     /* forward with running statistics, backward */
    WN__PLAN_TANGENT,    /* TRAIN plus directional derivatives */
    WN__PLAN_FROZEN_TANGENT,
    WN__PLANS
} wn__plan_kind;

typedef enum wn__layout {
    WN__SLABS, /* an activation that only one group needs has one slab for each worker instead of one for each block: it stays in cache */
    WN__WHOLE, /* every activation of the whole batch can be looked at after its group */
    WN__LAYOUTS
} wn__layout;

typedef struct wn__call {
    wn__op *op;
    const wn__lowered *lowered; /* NULL: adds up gradients of a tensor with many consumers */
    wn__phase phase;
    int group;
    bool accumulate;
    /* Buffer indices, -1 = none. */
    int in[WN__INPUTS], out, saved, scratch, dout[2], din[WN__INPUTS];
} wn__call;

typedef struct wn__buffer {
    size_t size;                /* bytes of the whole batch */
    size_t slab;                /* of an activation that may be local: bytes of a block of images; 0 for others */
    bool local;                 /* lives for one group, whose calls take it block by block: under WN__SLABS it has slabs */
    size_t offset[WN__LAYOUTS]; /* in memory */
    int first, last;            /* groups */
    int twin;                   /* buffer of its tangent, -1 = none */
} wn__buffer;

typedef struct wn__plan {
    int64_t n;
    wn__plan_kind kind;
    wn__device *device;
    const wn__lowered *lowered; /* (lowered_ops) */
    wn__op **op;                /* one per lowered operation, then the adders */
    int ops, lowered_ops;
    wn__call *call;
    int calls, forward_calls, groups;
    wn__buffer *buffer;
    int buffers;
    int images, logits, dlogits; /* buffers; the last one -1 without backward */
    size_t bytes[WN__LAYOUTS];   /* of the memory that the offsets point into */
    wn__layout layout;           /* that runs of the plan use now */
    int *border;                 /* per graph node: of the tensor it makes */
    bool *param_written;         /* per parameter: some call makes its gradient */
    int64_t packed;              /* version of the parameters that the ops hold; -1 = none */
    int64_t bound;               /* topology of the patterns that the ops were told of; -1 = none */
} wn__plan;

typedef struct wn__plan_request {
    const wn_graph *graph;
    const wn__lowered *lowered;
    int count;
    wn__device *device;
    int64_t n;
    wn__plan_kind kind;
    bool recompute;
} wn__plan_request;

static inline bool wn__plan_is_backward(wn__plan_kind k) { return k >= WN__PLAN_TRAIN; }
static inline bool wn__plan_is_tangent(wn__plan_kind k) { return k >= WN__PLAN_TANGENT; }
static inline bool wn__plan_uses_batch_statistics(wn__plan_kind k)
{
    return k == WN__PLAN_STATISTICS || k == WN__PLAN_TRAIN || k == WN__PLAN_TANGENT;
}

/* The buffers of activations that a call reads and writes: in, out, dout, din; -1 = none. */
enum { WN__CALL_TENSORS = 2 * WN__INPUTS + 3 };
void wn__call_tensors(const wn__call *call, int tensor[WN__CALL_TENSORS]);

wn__shape wn__plan_shape(const wn__plan *plan, const wn_graph *graph, int node);
wn_status wn__plan_make(const wn__plan_request *request, wn__plan *out);
void wn__plan_release(wn__plan *plan);

#endif
