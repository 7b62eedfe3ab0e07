/* Sweeps: a search over keys of a recipe, by its section `sweep`; see docs/sweep.md.
 *
 * A trial is an ordinary experiment with some keys changed, so its stages lie in the store like any others: a sweep that was cut off goes on, and what
 * recipes and trials have in common is trained once. Test data take no part in it: the objective is measured on validation data, and the headline on test
 * data is told of the best trial alone.
 */
#ifndef WINNOW_SWEEP_H
#define WINNOW_SWEEP_H

#include <stdio.h>

#include "winnow/experiment.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zero means: the default. All texts are borrowed for the call. */
typedef struct wn_sweep_options {
    size_t size; /* sizeof(wn_sweep_options) */
    /* recipe, set, out, data_folder, threads, jobs (trials side by side), force, progress and stop. To worker one text is appended, with which the program
     * must call wn_sweep_worker, and exit with 0 on WN_OK. */
    const wn_run_options *run;
    int shard, shards; /* this process trains every shards-th trial of a rung, beginning with the shard-th (from 1); 0 of 0: all */
    bool wait;         /* for trials of other shards, instead of ending */
    bool retry;        /* trials that failed are trained again; else they stay failed */
    bool dry_run;      /* only tell the trials and what is known of them; writes nothing */
    const char *write; /* file for the recipe of the best trial; NULL: none */
} wn_sweep_options;

typedef enum wn_sweep_format { WN_SWEEP_TEXT, WN_SWEEP_JSON, WN_SWEEP_CSV } wn_sweep_format;

typedef struct wn_sweep_summary {
    char folder[1024]; /* trials.json, trials.csv, recipe.yaml */
    int trials;
    int done, failed;  /* trained to the end; without a result */
    int waiting;       /* trials of other shards that must end first; > 0: the same call later goes on */
    int best;          /* -1: not known yet */
    double best_value; /* of the objective */
    double test_value; /* the headline metric on test data of the best, mean over sparsities and seeds */
} wn_sweep_summary;

/* Run what is not done yet. *text (wn_text_free) gets the table of trials; it may be NULL, as summary may. WN_EUSAGE: a fault in the recipe, a key that
 * it has not, a test metric as the objective, or no validation data. WN_ESTOPPED: the same call continues. */
WN_API WN_NODISCARD wn_status wn_sweep_run(const wn_sweep_options *options, wn_sweep_format format, char **text, wn_sweep_summary *summary);

/* The same with trials that another program chooses: JSON lines are read from the file descriptor `in` until it ends and answered on `out`, as
 * docs/sweep.md says. The recipe may lack a section `sweep`. */
WN_API WN_NODISCARD wn_status wn_sweep_ask_tell(const wn_sweep_options *options, int in, FILE *out);

/* What a worker process does with the text that it was started with. */
WN_API WN_NODISCARD wn_status wn_sweep_worker(const char *job);

#ifdef __cplusplus
}
#endif
#endif
