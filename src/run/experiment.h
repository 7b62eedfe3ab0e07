/* An experiment that was read and planned: what running, listing and estimating begin with. */
#ifndef WN_RUN_EXPERIMENT_H
#define WN_RUN_EXPERIMENT_H

#include "base/files.h"
#include "plan/agenda.h"
#include "run/context.h"

typedef struct wn__experiment {
    wn__recipe *recipe;
    wn__agenda *plan;
    char *root, *folder; /* store and experiment */
    char *data_folder;   /* owned, or NULL */
    wn__context context;
    int jobs;
    wn__lock lock; /* shared by all runs of this recipe */
    bool locked;
} wn__experiment;

/* Read the recipe, settle backend and threads (they are written into the recipe), plan. */
wn_status wn__experiment_open(const wn_run_options *options, wn__experiment *out);
/* The same for those who only look: nothing is written. */
wn_status wn__experiment_look(const wn_run_options *options, wn__experiment *out);
/* From a folder that was written by wn__experiment_write_folder. */
wn_status wn__experiment_reopen(const char *folder, const wn_stage_options *options, wn__experiment *out);
void wn__experiment_close(wn__experiment *e); /* accepts a zeroed one */

/* recipe.yaml, resolved.yaml, environment.json, stages.json, unless another run of the same recipe is at work. WN_EBUSY: a run of another recipe is.
 * No other recipe takes the folder until e is closed. */
wn_status wn__experiment_write_folder(wn__experiment *e, const char *recipe_path);

/* Stages that need not run because all that would use them is done: soft-label caches. */
bool wn__experiment_is_idle(const wn__experiment *e, int stage);

/* What is left of each stage (stages), in training steps. */
void wn__experiment_work(const wn__experiment *e, double *work);
/* Seconds that are left of each stage (stages), negative where nothing tells; *measured = from finished stages. */
wn_status wn__experiment_estimate(wn__experiment *e, bool benchmark, double *seconds, bool *measured);

#endif
