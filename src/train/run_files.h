/* The append-only files of a training stage: metrics.jsonl and, where the topology changes, topology.jsonl (deterministic), timing.jsonl and
 * TensorBoard events (not). */
#ifndef WN_TRAIN_RUN_FILES_H
#define WN_TRAIN_RUN_FILES_H

#include "io/events.h"
#include "nn/metric.h"
#include "sparse/dynamic/rewiring.h"

typedef struct wn__run_files {
    wn__append metrics, timing, topology;
    wn__events events;
    bool has_topology;
} wn__run_files;

typedef struct wn__run_lengths {
    int64_t metrics, timing, events, topology;
} wn__run_lengths;

/* Metrics and topology beside a checkpoint are as long as it recorded, or longer: else WN_EFORMAT. */
wn_status wn__run_files_check(const char *checkpoint, const wn__run_lengths *lengths);
/* Lengths to continue from, at `step`; all 0 for a fresh start. Timing may have been cut: it goes on where it ends. Events go into a file of this process's
 * own. On failure nothing stays open. */
wn_status wn__run_files_open(wn__run_files *f, const char *folder, const wn__run_lengths *lengths, bool has_topology, int64_t step);
/* To disk; the lengths belong into the checkpoint that follows. */
wn_status wn__run_files_sync(wn__run_files *f, wn__run_lengths *lengths);
wn_status wn__run_files_close(wn__run_files *f);

/* One line of metrics.jsonl: keys in this order, those of the metrics in the set's; also as TensorBoard scalars "<split>/loss" ... */
typedef struct wn__metrics_line {
    const char *stage;
    int64_t step; /* steps run since random initialisation */
    double epoch; /* position in the data stream */
    const char *split;
    int64_t n;
    const wn__metric_set *metrics;
    const double *score;    /* (metrics->count) */
    bool epoch_of_training; /* metrics of a part as a whole are left out */
    double lr;
    int64_t nnz;    /* active trained parameters of the network */
    double density; /* nnz over all trained parameters */
    int64_t flops_total;
} wn__metrics_line;
wn_status wn__run_files_metrics(wn__run_files *f, const wn__metrics_line *m);

/* One line of topology.jsonl: all updates so far, and the active entries of each layer that they may change. */
wn_status wn__run_files_topology(wn__run_files *f, const char *stage, int64_t step, const wn__rewirer *rewirer);

/* One line of timing.jsonl. */
typedef struct wn__timing {
    int64_t step;
    double train_seconds, images_per_second; /* since the last line, evaluation left out */
    double evaluate_seconds, waited_seconds; /* waited: for the loader */
    int64_t peak_bytes;                      /* of wn__alloc, since the start of the process */
} wn__timing;
wn_status wn__run_files_timing(wn__run_files *f, const wn__timing *t);

#endif
