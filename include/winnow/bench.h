/* How long a training step takes, and what it spends its time on. Random images: only time is measured.
 *
 *     wn_bench_options options = {.size = sizeof options, .model = "resnet20", .batch = 128, .threads = 2};
 *     wn_bench_result r;
 *     if (wn_bench_step(&options, &r) == WN_OK) printf("%.1f ms, %.0f images/s\n", r.ms_median, r.images_per_s);
 */
#ifndef WINNOW_BENCH_H
#define WINNOW_BENCH_H

#include "winnow/core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wn_bench_options {
    size_t size;            /* sizeof(wn_bench_options) */
    const char *model;      /* name, or a file that describes a network */
    const char *const *set; /* (sets) settings of the model: "width=2", "bias=no" */
    int sets;
    int classes;              /* 0: the model's usual number */
    int channels, image;      /* of square images; 0: the model's usual size */
    int64_t batch;            /* 0: 128 */
    int64_t micro_batch;      /* images at a time, gradients add up; 0: the whole batch */
    const char *memory;       /* GiB that the process may take, "1.5": if need be, activations are made again; NULL: no limit */
    const char *sparsity;     /* "90%", "0.1d", "10x": random zeros in the layers that are pruned by default; NULL: none */
    const char *distribution; /* "uniform" (NULL), "er", "erk" */
    bool dense_first;         /* the network's first layer has no zeros */
    const char *mask;         /* a file of masks instead, such as `winnow prune` writes; NULL: none */
    const char *dtype;        /* "f32" (NULL) or "bf16" */
    const char *backend;      /* NULL: the best in this build */
    const char *kernels;      /* of compressed weights: "measured" (NULL), "sparse" or "dense" */
    int threads;              /* 0: all CPUs of the process */
    int runs;                 /* timed steps; 0: 15. Those before them, three or a tenth of a second, are not counted */
    bool inference;           /* forward only, running statistics */
    const char *topology;     /* wn_bench_topology: a method of `winnow methods` that changes its mask; NULL: "rigl" */
} wn_bench_options;

/* The step: forward, cross-entropy, backward, SGD with momentum 0.9 and weight decay. */
typedef struct wn_bench_result {
    double ms_median, ms_min, images_per_s; /* images_per_s from the median */
    int64_t parameters, active;             /* trained scalars; those that are not masked out */
    int64_t flops;                          /* of the step by active weights, 2 per multiply-add, backward twice the forward */
    double flops_ratio;                     /* flops / those of the dense network */
    double gflops_per_s;                    /* flops by the median */
    int64_t traffic;                        /* bytes of activations and gradients that the step's operations read and write */
    /* What a step would take at this machine's measured rates: flops where each multiply-add loads one operand from the second cache (or, at
     * the arithmetic floor, with operands in registers), then the traffic through memory, nothing overlapped. Operations that find their
     * operands in cache can be faster. */
    double floor_ms, arithmetic_floor_ms;
    int64_t bytes;          /* activations, gradients and scratch of the plan */
    int64_t estimate_bytes; /* of all memory of the process, known before the first step (and logged then) */
    int64_t peak_bytes;     /* that the system counted in the steps; 0 where it doesn't tell */
    char backend[32], library[128], dtype[8], isa[16], cpu[64];
    int threads, runs;
    int64_t batch;
} wn_bench_result;
WN_API WN_NODISCARD wn_status wn_bench_step(const wn_bench_options *options, wn_bench_result *result);

/* What topology updates cost, with a sparsity: usual steps, those that change the topology, and those right after them, which have new patterns
 * to get used to; in turn, so that all meet the same machine. Static steps are those of the same mask without updates: the usual ones, but for
 * methods that look at all gradients at every step. */
typedef struct wn_bench_updates {
    double ms_static, ms_usual, ms_update, ms_after; /* medians */
    int64_t interval;                                /* steps from one update to the next */
    double ms_average, ratio;                        /* over an interval; ratio: by ms_static */
    int64_t connections;                             /* that an update changes at the start of training */
    int64_t active, batch;
    char backend[32];
    int threads, runs;
} wn_bench_updates;
WN_API WN_NODISCARD wn_status wn_bench_topology(const wn_bench_options *options, wn_bench_updates *updates);

/* What a step needs, without running one: bytes of activations, gradients and scratch for a micro-batch, and the same where outputs of
 * batch norms are made again in backward; weights, gradients and momentum, with the indices of compressed ones; what operations keep for
 * themselves, as partial gradients, lists of entries, and weights with their zeros where dense kernels were chosen for compressed ones; and
 * what the process takes in all, program and batch included, either way. */
typedef struct wn_bench_memory {
    int64_t bytes, recomputed_bytes, parameter_bytes, operation_bytes, estimate_bytes, recomputed_estimate_bytes;
    int64_t batch, micro_batch;
    char backend[32], dtype[8];
} wn_bench_memory;
WN_API WN_NODISCARD wn_status wn_bench_plan(const wn_bench_options *options, wn_bench_memory *memory);

/* One operation's phase of the step, in the place where it runs. */
typedef struct wn_bench_phase {
    const char *node;           /* first of the fused nodes */
    const char *phase;          /* "forward", "backward data" ... */
    const char *implementation; /* "brgconv:avx512_core", "winnow nhwc" ... */
    double ms_median, ms_min;
    double gflops_per_s; /* of convolutions and linear layers, from the median; 0 for others */
} wn_bench_phase;
typedef void (*wn_bench_visit)(void *user, const wn_bench_phase *phase);
/* In the order of running. On a backend that runs several operations as one group, a group's time is shown with its last operation. */
WN_API WN_NODISCARD wn_status wn_bench_kernels(const wn_bench_options *options, wn_bench_visit visit, void *user, wn_bench_result *result);

#ifdef __cplusplus
}
#endif
#endif
