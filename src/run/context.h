/* What stages run with in one process: data, threads, devices. Opened when the first stage needs it, then shared by all. */
#ifndef WN_RUN_CONTEXT_H
#define WN_RUN_CONTEXT_H

#include "network/machine.h"
#include "network/network.h"
#include "network/network_file.h"
#include "plan/agenda.h"
#include "winnow/experiment.h"

typedef struct wn__context {
    const wn__recipe *recipe; /* borrowed, as the next three */
    const wn__agenda *plan;   /* NULL for single steps */
    const char *root;         /* of the store */
    const char *data_folder;  /* "" or NULL: the usual one */
    wn__machine machine;
    wn_progress_call progress; /* may be NULL */
    void *user;
    const wn_stop *stop;        /* may be NULL */
    int stages_done, stages;    /* for progress */
    bool hide_test;             /* see trainer.h */
    int64_t checkpoint_seconds; /* 0: the usual */
    int pause_stage;            /* this training stage stops */
    int64_t pause_step;         /* at this step, as if asked to; 0: none does */
    /* Opened on demand. */
    bool loaded;
    wn__devices devices;
    wn__dataset data;
    wn__split split;
    wn__range third; /* of a world: images of data.train that neither world has; empty if nobody wants them */
    wn__normalize normalize;
} wn__context;

/* Data and threads; does nothing if they are there. */
wn_status wn__context_load(wn__context *c);
/* Data that are read all along are still those that were loaded. */
wn_status wn__context_check_data(const wn__context *c);
/* With the threads of the machine. */
wn__devices *wn__context_devices(wn__context *c);
/* Opened once for each backend and type; all share the threads. */
wn_status wn__context_device(wn__context *c, const wn__backend *backend, wn__dtype dtype, wn__device **out);
void wn__context_release(wn__context *c);

/* A file of a stage that is done could not be read: the message says what makes it again. Gives `status`. */
wn_status wn__context_file_failed(const wn__context *c, int stage, wn_status status);

/* Progress of what counts other units than steps. */
void wn__context_tell_units(const wn__context *c, const char *label, int64_t done, int64_t all);

int wn__context_loader_threads(const wn__context *c); /* of the streams that follow */
/* Training stream of a replicate. */
wn__loader_options wn__context_loader(const wn__context *c, uint64_t seed, bool dense_stream, int64_t order);
/* The same on a world's third sample. */
void wn__context_third(const wn__context *c, wn__loader_options *loader);
wn__network_info wn__context_network_info(const wn__context *c);
/* A network of the recipe infers, on batches of the recipe's size. Masked weights are compressed if the device takes them so. */
wn_status wn__context_start(wn__context *c, wn__network *net, const wn__backend *backend, wn__dtype dtype);

#endif
