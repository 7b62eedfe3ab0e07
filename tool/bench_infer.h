/* winnow bench infer: how long networks take to open and to predict. */
#ifndef WN_TOOL_BENCH_INFER_H
#define WN_TOOL_BENCH_INFER_H

#include "command.h"

typedef struct wn__infer_options {
    const wn__texts *set, *layers; /* settings of a network by name: "width=2"; patterns of those that have zeros */
    const char *sparsity, *dtype, *backend, *kernels, *out;
    bool by_layer; /* tell what each layer runs on */
    int64_t batch, threads, runs;
} wn__infer_options;

/* networks (count): weights files, or names, which begin with random weights. The exit code. */
int wn__bench_infer(const wn__call *call, const wn__infer_options *options, const char *const *networks, int count);

#endif
