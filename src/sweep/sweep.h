/* A sweep that was read: its trials, where they stand, and running them.
 *
 * What is known of a trial is what the store says: its value on a rung is the line of validation in metrics.jsonl of its last training at the rung's
 * step. So nothing is kept twice, any process sees what others have reached, and a trial is known to a sweep that never ran it.
 *
 * Rung r is first * factor^r steps of that training, up to the next evaluation that it makes anyway; the last rung is its end. The schedule is that of
 * the whole training on all of them.
 */
#ifndef WN_SWEEP_SWEEP_H
#define WN_SWEEP_SWEEP_H

#include <sys/types.h>

#include "run/experiment.h"
#include "winnow/sweep.h"

enum { WN__MOST_RUNGS = 24 };

/* A training whose validation counts; a trial has one for each sparsity and seed. */
typedef struct wn__sweep_trial_cell {
    char identity[WN__SHA256_TEXT];
    int64_t rung[WN__MOST_RUNGS]; /* step at which it is looked at */
    int64_t first, last;
} wn__sweep_trial_cell;

typedef struct wn__sweep_trial {
    int64_t number;
    json_t *params;                 /* by the names that the section uses */
    char (*stage)[WN__SHA256_TEXT]; /* all that its cells need, and they */
    int stages;
    wn__sweep_trial_cell *cell;
    int cells;
    int64_t steps_per_epoch;
    int reached;                  /* rungs with a value */
    int told;                     /* of these, to who asked */
    double value[WN__MOST_RUNGS]; /* mean over the cells */
    bool stopped;                 /* by successive halving */
    bool recalled;                /* of an earlier conversation, and not yet asked about in this one */
    char *failure;                /* why it has no more values; NULL: it can go on */
} wn__sweep_trial;

typedef struct wn__sweep {
    const wn_sweep_options *options;
    wn__experiment base; /* the recipe with the swept method alone */
    const wn__sweep_section *section;
    char *method;
    const wn__metric *metric, *headline; /* of the objective; what is told of the best trial on test data */
    char objective[64];                  /* "validation_loss" */
    int rungs;
    int threads, jobs;
    char *folder, *recipe_copy; /* of the results; its recipe.yaml, for workers */
    wn__sweep_trial *trial;
    int trials;
} wn__sweep;

/* sweep.c */
/* A search needs a whole section `sweep`; a worker's keys were looked at by who started it. */
typedef enum wn__sweep_use { WN__SWEEP_SEARCH, WN__SWEEP_ASKED, WN__SWEEP_WORKER } wn__sweep_use;
/* *out is to be closed also after a failure. */
wn_status wn__sweep_open(const wn_sweep_options *options, wn__sweep_use use, wn__sweep *out);
void wn__sweep_close(wn__sweep *s); /* accepts a zeroed one */
wn_status wn__sweep_add(wn__sweep *s, int64_t number, json_t *params,
                        wn__sweep_trial **out); /* params are taken over; pointers to trials become invalid */
/* The folder with the recipe; before anything is run. */
wn_status wn__sweep_prepare_folder(const wn__sweep *s);
/* trials.json, trials.csv and stages.json, which keeps gc away from the stages; those of it that are there already stay with `keep`. */
wn_status wn__sweep_write(const wn__sweep *s, bool complete, bool keep);
/* Decimals of a value that is no share: four, more of small ones. */
int wn__sweep_decimals(double value);
bool wn__sweep_better(const wn__sweep *s, double a, double b);
/* The best of the trials that are done; NULL: none is. */
const wn__sweep_trial *wn__sweep_best(const wn__sweep *s);
wn_status wn__sweep_write_winner(const wn__sweep *s, const wn__sweep_trial *best);

/* sweep_trial.c */
/* "topology.alpha" is methods.<method>.topology.alpha: what is no section of a recipe belongs to the method. Refuses what is no matter of a sweep. */
wn_status wn__sweep_trial_key(const char *method, const char *name, wn__text *out);
/* Changes to the recipe, as texts "key=value"; a list of JSON. */
wn_status wn__sweep_trial_sets(const wn__sweep *s, const json_t *params, json_t **out);
/* Stages and rungs. A recipe that cannot be is no error, but a failure of the trial. */
wn_status wn__sweep_trial_plan(const wn__sweep *s, wn__sweep_trial *trial);
/* What the store knows by now: `reached`, values, failure. */
wn_status wn__sweep_trial_look(const wn__sweep *s, wn__sweep_trial *trial);
/* Train up to rung `rung` (counted from 0), in this process. A training that diverged is no error. */
wn_status wn__sweep_trial_run(const wn__sweep *s, const wn__sweep_trial *trial, int rung);
/* Forget why its stages failed. */
wn_status wn__sweep_trial_retry(const wn__sweep *s, wn__sweep_trial *trial);
/* The headline on test data of a trial that is done: mean over its cells; *deviation is NaN for one cell. */
wn_status wn__sweep_trial_test(const wn__sweep *s, const wn__sweep_trial *trial, double *mean, double *deviation);
bool wn__sweep_trial_is_done(const wn__sweep *s, const wn__sweep_trial *trial);
void wn__sweep_trial_release(wn__sweep_trial *trial);
int64_t wn__rung_step(const wn__sweep_section *section, const wn__recipe *recipe, const wn__train_plan *t, int rung);

/* sweep_pool.c: trials in processes of their own */
typedef struct wn__sweep_pool {
    const wn__sweep *sweep;
    struct {
        pid_t pid; /* 0: free */
        int64_t trial;
    } slot[256];
    int running;
} wn__sweep_pool;
wn_status wn__sweep_pool_start(wn__sweep_pool *pool, const wn__sweep_trial *trial, int rung);
/* A process that ended, and its trial's number; false: none has, or (if `wait`) none is running. */
bool wn__sweep_pool_ended(wn__sweep_pool *pool, bool wait, int64_t *trial, int *how);
/* A trial's process that ended so without its rung: why. */
wn_status wn__sweep_pool_failure(const wn__sweep *s, const wn__sweep_trial *trial, int how);
/* Ask all to save and stop, and wait. */
void wn__sweep_pool_end(wn__sweep_pool *pool);

/* sweep_table.c */
/* With as many digits as give the same numbers back. free() it. */
char *wn__sweep_dump(const json_t *json, size_t flags);
json_t *wn__sweep_json(const wn__sweep *s, bool complete);
wn_status wn__sweep_show(const wn__sweep *s, bool complete, wn_sweep_format format, wn__text *out);

#endif
