/* What a backend is: a device that holds activations in a layout of its own, and operations that run on them.
 *
 * The executor (src/nn/executor/executor.h) lowers a graph to fused operations, asks the device to prepare each for its shapes, plans the memory,
 * and calls the phases. Nobody outside a backend dereferences an activation; plain (n,c,h,w) float32 exists at the borders only.
 *
 * Batch-wide sums. A phase works on images [first, first + n) of the batch and leaves one partial per chunk; `finish` then adds the
 * partials in chunk order through the reduce functions below. Chunks are fixed by the shape (16 images), never by the thread count, so
 * that results do not depend on who computes a chunk.
 */
#ifndef WN_BACKEND_BACKEND_H
#define WN_BACKEND_BACKEND_H

#include <math.h>

#include "base/threads.h"
#include "tensor/pattern.h"
#include "winnow/core.h"

#define WN__PARAMS 6 /* of an operation, at most */
#define WN__INPUTS 8 /* likewise */
#define WN__CHUNK 16 /* images per partial sum */
static inline int64_t wn__chunks(int64_t images) { return (images + WN__CHUNK - 1) / WN__CHUNK; }

typedef enum wn__dtype { WN__F32, WN__BF16 } wn__dtype;

/* Of an activation or its gradient. A device may keep zeros around each image, so that windows can reach over its edge: `border` pixels
 * on every side, as many as the readers of the tensor need. Whoever writes a tensor writes its border. */
typedef struct wn__shape {
    int64_t n, c, h, w;
    int border; /* 0 on devices without borders */
} wn__shape;

/* Fused operations. Shapes are per image. */
typedef enum wn__op_kind {
#define WN_OP(NAME, name, traits) WN__OP_##NAME,
#include "backend/op_list.h"
#undef WN_OP
    WN__OPS
} wn__op_kind;

/* What the memory plan has to know of an operation. */
enum {
    WN__OP_WEIGHS = 1 << 0,  /* param[0] is a weight that may be compressed */
    WN__OP_WINDOWS = 1 << 1, /* its windows reach `pad` over the edges of in[0], on devices with borders */
    WN__OP_READS_GRADIENT =
        1 << 2,                /* without a fused ReLU the output's gradient is only read: its buffer may serve another tensor meanwhile */
    WN__OP_TAKES_TWO = 1 << 3, /* the output's gradient may come as two addends */
    WN__OP_IN_PLACE = 1 << 4,  /* din[0] may be dout[0] itself; where the second input is passed on: without a second input */
    WN__OP_PASSES_FIRST = 1 << 5,  /* ... always: din[0] is dout[0] unchanged */
    WN__OP_PASSES_SECOND = 1 << 6, /* din[1] is dout[0] unchanged */
    WN__OP_IS_CHEAP = 1 << 7,      /* with one input: making the output again costs less than keeping it */
    WN__OP_SUMS_SCRATCH = 1 << 8   /* `finish` reads scratch and saved alone, no activation */
};
typedef struct wn__op_info {
    const char *name;
    unsigned traits;
} wn__op_info;
extern const wn__op_info wn__op_infos[WN__OPS]; /* by kind */
static inline bool wn__op_has(wn__op_kind kind, unsigned trait) { return (wn__op_infos[kind].traits & trait) != 0; }

typedef struct wn__op_desc {
    wn__op_kind kind;
    int64_t n; /* images the operation is prepared for; a phase may be given fewer where block > 0 */
    int64_t in_c, in_h, in_w;
    int64_t out_c, out_h, out_w;
    int kernel_h, kernel_w, stride, pad, groups; /* conv and pools */
    bool relu;                                   /* fused at the end */
    float relu_most;                             /* its upper bound, 0 = none; a backend without bounded ReLUs refuses it */
    bool bias;                                   /* conv, linear */
    int inputs;                                  /* norm, add: 1, or 2 with residual */
    int in_border[WN__INPUTS], out_border;       /* of the inputs and their gradients, of the output and its gradient */
    float eps, momentum;                         /* norm; momentum = weight of the new statistics */
    float rate;                                  /* dropout */
    int node;                                    /* index that keys dropout */
    bool norm;           /* conv: followed by a batch norm with running statistics [+ in[1]] [relu]; see wn__device.norms_in_convs */
    bool input_gradient; /* din[0] will be asked for */
    bool inference_only; /* no backward phase will be asked for */
} wn__op_desc;

/* As kernels take the fused ReLU: 0 = none, else its upper bound. */
static inline float wn__op_ceiling(const wn__op_desc *d) { return !d->relu ? 0 : d->relu_most > 0 ? d->relu_most : INFINITY; }

typedef enum wn__phase {
    WN__STATISTICS,       /* norm in training: batch mean and variance of in[0] (finish: merge, update running statistics) */
    WN__FORWARD,          /* out from in */
    WN__BACKWARD_PREPARE, /* dout[0] := (dout[0] + dout[1]) masked by the fused relu, in place; norm: batch sums too (finish) */
    WN__BACKWARD_DATA,    /* din[0] (and din[1], where it is not dout[0] itself) from the prepared dout[0] */
    WN__BACKWARD_PARAMS,  /* dparam from the prepared dout[0] and in (finish: reduce) */
    /* Directional derivatives of the five above along (t_in, t_param): exact Hessian-vector products (Pearlmutter 1994). Each runs after
     * the phase it belongs to, except TANGENT_DATA, which reads dout[0] and so runs before BACKWARD_DATA may overwrite it. */
    WN__TANGENT_STATISTICS,
    WN__TANGENT_FORWARD,
    WN__TANGENT_PREPARE,
    WN__TANGENT_DATA,
    WN__TANGENT_PARAMS,
    WN__PHASES
} wn__phase;

typedef struct wn__step_info {
    bool training;          /* norm uses batch statistics, dropout drops */
    bool update_statistics; /* norm moves its running statistics (training only) */
    uint64_t seed;          /* dropout's stream */
    int64_t step;           /* key of dropout: optimizer step * micro-batches + micro-batch */
} wn__step_info;

/* Buffers of one call. Unused ones are NULL. Activations are in the device's own layout; params are float32 in the weight's own shape. */
typedef struct wn__op_args {
    wn__step_info step;
    int64_t n; /* images in the batch */
    const void *in[WN__INPUTS];
    void *out;
    void *saved;           /* op->saved_bytes, written by forward phases, read by backward ones: norm's mean and 1/std, pool indices; norm's
                             BACKWARD_PREPARE may leave its sums there for the phases that follow */
    void *scratch;         /* op->scratch_bytes, kept from a phase to its finish, garbage otherwise */
    void *dout[2];         /* gradient of out: one or two addends (WN__OP_TAKES_TWO); [1] is NULL if there is one */
    void *din[WN__INPUTS]; /* to be overwritten; NULL = not wanted. din[0] may be dout[0] itself (WN__OP_IN_PLACE), and din[1]
                             (WN__OP_PASSES_SECOND): then nothing is to be done for it */
    float *param[WN__PARAMS];     /* as the op kind says; norm's running statistics are written */
    float *dparam[WN__PARAMS];    /* gradients of those that are trained; NULL: not wanted */
    bool accumulate;              /* add to dparam instead of overwriting */
    const void *t_in[WN__INPUTS]; /* tangents of the above; t_in[0] NULL = zero (the images) */
    void *t_out, *t_saved;
    void *t_dout[2];
    void *t_din[WN__INPUTS];
    const float *t_param[WN__PARAMS];
    float *t_dparam[WN__PARAMS];
} wn__op_args;

typedef struct wn__device wn__device;
typedef struct wn__op wn__op;

typedef wn_status (*wn__op_phase)(wn__op *op, const wn__op_args *args, int64_t first, int64_t n);

/* Rows of a tensor: of the output in FORWARD and BACKWARD_PARAMS, of the input in BACKWARD_DATA, of either in the other phases. */
typedef struct wn__rows {
    int64_t first, end;
} wn__rows;
/* A rectangle of a weight seen as (outputs, all else flattened). With orders, the numbers count places in these lists of all rows and of all
 * columns; both NULL: rows and columns themselves. */
typedef struct wn__weight_tile {
    int64_t row, rows, column, columns;
    const int32_t *row_order, *column_order;
} wn__weight_tile;
typedef wn_status (*wn__op_band)(wn__op *op, const wn__op_args *args, int64_t first, int64_t n, wn__rows rows);

/* One per (backend, op kind): the operations table. */
typedef struct wn__op_class {
    wn__op_phase run[WN__PHASES]; /* NULL: nothing to do in that phase */
    /* In place of `run`: the phase in bands of rows, from the first to the last, so that the calls of a group can take turns on rows that
     * are still in cache. A band may do rows of later ones too. */
    wn__op_band run_rows[WN__PHASES];
    /* How many rows of the inputs (gradient: of the output's gradient) must be there before the first `rows` rows of the phase can be done;
     * may exceed what there is. NULL: as many. */
    int64_t (*reach)(const wn__op *op, wn__phase phase, bool gradient, int64_t rows);
    wn_status (*finish[WN__PHASES])(wn__op *op, const wn__op_args *args); /* after all blocks ran; NULL: no batch-wide sum */
    /* Take new weights (float32, weight's shape) into the op's own format; NULL where args->param is read directly. */
    wn_status (*pack)(wn__op *op, float *const param[WN__PARAMS]);
    /* On devices with `compressed`: the entries that the weight stores, before the first run and whenever they change; param[0] and dparam[0]
     * then hold these entries only. NULL: all of them, in the weight's shape. The pattern is borrowed until the next call. */
    wn_status (*bind)(wn__op *op, const wn__pattern *pattern);
    /* Beside `bind`: the gradient of all entries of a tile, stored or not, from in[0] and the prepared dout[0] of the whole batch, as they are
     * right after BACKWARD_PARAMS. One thread computes it from end to end; several may be at work. args->accumulate: adds to `out`. */
    wn_status (*tile_gradient)(wn__op *op, const wn__op_args *args, const wn__weight_tile *tile, float *out /* (rows, columns) */);
    /* Beside tile_gradient, which then knows orders too: a number for each row and each column, such that no gradient that it computes is
     * larger in magnitude than the product of its row's and its column's; finite or infinite. NULL: there are none. */
    void (*gradient_bounds)(const wn__op *op, const wn__op_args *args, float *row, float *column);
    void (*release)(wn__op *op); /* also frees op */
} wn__op_class;

struct wn__op { /* first member of a backend's own struct */
    const wn__op_class *cls;
    wn__device *device;
    wn__op_desc desc;
    size_t saved_bytes, scratch_bytes;
    bool backward_needs_in;     /* in[0] must live until the last backward phase */
    bool backward_needs_others; /* ... and in[1], in[2], ... */
    bool backward_needs_out;
    bool params_finish_late; /* finish of BACKWARD_PARAMS reads nothing but scratch and saved, and no phase after it changes what it reads
                                there: it then ends no group, and operations before this one go on with a block that is still in cache */
    const char *implementation; /* for reports: "brgconv:avx512_core" ...; static text or owned by the op */
};

/* Of compressed weights, where a device has kernels for stored entries and for dense weights. The choice changes no bit on finite data. */
typedef enum wn__kernels { WN__KERNELS_MEASURED, WN__KERNELS_SPARSE, WN__KERNELS_DENSE } wn__kernels;
extern const char *const wn__kernels_names[]; /* in this order; NULL-terminated */

typedef struct wn__device_options {
    wn__dtype dtype; /* of stored activations */
    wn__pool *pool;  /* borrowed */
    wn__kernels kernels;
    /* For inference on few images (wn__device.few): another backend, with nhwc activations, whose dense layers are taken where they were measured faster,
     * which changes last bits. NULL: none, and results are the same everywhere. */
    const struct wn__backend *dense;
} wn__device_options;

typedef struct wn__backend {
    const char *name, *summary;
    wn_status (*open)(const struct wn__backend *backend, const wn__device_options *options,
                      wn__device **out);       /* WN_EUNSUPPORTED: says why */
    void (*describe)(char *text, size_t size); /* library and version: "oneDNN 2.6.3, OpenMP" */
    bool tangents;                             /* the TANGENT phases exist */
} wn__backend;

struct wn__device { /* first member of a backend's own struct */
    const wn__backend *backend;
    wn__dtype dtype;
    wn__pool *pool;
    int64_t block;       /* images per block when phases are run block by block, in parallel; 0: one call for the whole batch */
    bool borders;        /* tensors have borders */
    bool compressed;     /* weights may be given as their stored entries (wn__op_class.bind) */
    bool recompute;      /* making activations again is cheaper than keeping them */
    bool norms_in_convs; /* for inference, convolutions take the batch norm behind them and what that has taken: param[2..5] are its own */
    size_t band_bytes;   /* a group whose tensors take more than this for a block is run in bands of rows; 0: never */
    /* Of the same backend, for inference on at most `few_images` images, with a layout of its own; closed with this one. NULL: none. */
    struct wn__device *few;
    int64_t few_images;
    /* Inference whose time goes into memory goes there as well, an image for each thread at a time: a node's tensors take more than `few_bytes`
     * for a block, and the network has fewer multiply-adds than `few_products` for each activation. */
    size_t few_bytes;
    double few_products;
    size_t (*activation_bytes)(const wn__device *d, const wn__shape *shape);
    wn_status (*upload)(wn__device *d, const float *plain /* (n,c,h,w) */, const wn__shape *shape, void *activation);
    wn_status (*download)(wn__device *d, const void *activation, const wn__shape *shape, float *plain /* (n,c,h,w) */);
    wn_status (*prepare)(wn__device *d, const wn__op_desc *desc, wn__op **out);
    void (*close)(wn__device *d);
};

/* For backends. A zeroed op of `size` bytes, whose first member is the wn__op, filled in as far as all have it in common; `implementation`
 * as in wn__op. */
wn_status wn__op_new(wn__device *device, const wn__op_desc *desc, size_t size, const wn__op_class *cls, const char *implementation,
                     void *out);
void wn__op_free(wn__op *op); /* of ops that own nothing else */

/* One phase on images [first, first + n), all rows; nothing if the class has neither run nor run_rows for it. */
wn_status wn__op_run(wn__op *op, wn__phase phase, const wn__op_args *args, int64_t first, int64_t n);
static inline bool wn__op_runs(const wn__op *op, wn__phase phase) { return op->cls->run[phase] || op->cls->run_rows[phase]; }
int64_t wn__op_height(const wn__op *op, wn__phase phase); /* rows of the phase; 1 if it can't be run in bands */

/* All backends of this build, best first; NULL-terminated. */
extern const wn__backend *const wn__backends[];
const wn__backend *wn__backend_find(const char *name); /* NULL if not in this build */

/* The one place where batch-wide sums are made: out[i] = sum over chunks, in chunk order, of partials[chunk * stride + i]. */
void wn__reduce_sums(const double *partials, int64_t chunks, int64_t stride, int64_t length, double *out);
void wn__reduce_sums_f32(wn__pool *pool, const float *partials, int64_t chunks, int64_t stride, int64_t length, float *out,
                         bool accumulate);
/* Merge (count, mean, M2) triples in chunk order (Chan, Golub, LeVeque 1979); partials (chunks, channels), out (channels). */
typedef struct wn__moments {
    double count, mean, m2;
} wn__moments;
void wn__reduce_moments(const wn__moments *partials, int64_t chunks, int64_t channels, wn__moments *out);

#endif
