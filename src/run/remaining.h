/* How long what is left of a running experiment takes, by the speed so far: work is counted in training steps, over all stages that run side by side. */
#ifndef WN_RUN_REMAINING_H
#define WN_RUN_REMAINING_H

#include "run/experiment.h"

typedef struct wn__remaining {
    double *work;   /* (stages) that was left at the start, in training steps */
    double *part;   /* (stages) of it that is done, in [0, 1] */
    int64_t *first; /* (stages) step of the stage that was seen first; -1: none */
    int stages;
    double began;
} wn__remaining;

wn_status wn__remaining_start(const wn__experiment *e, wn__remaining *out);
void wn__remaining_release(wn__remaining *r); /* accepts a zeroed one */
void wn__remaining_tell(wn__remaining *r, int stage, const wn_progress *progress);
void wn__remaining_ended(wn__remaining *r, int stage); /* done, or failed */
/* 0: unknown. */
double wn__remaining_seconds(const wn__remaining *r);

#endif
