/* Learning-rate schedules as functions of the absolute optimizer step (0 = first).
 *
 * rate(step) = base * warm_up(t) * shape(t), t = step rounded down to a multiple of `every`.
 * shape: constant 1; step: factor^(milestones <= t); cosine: f + (1 - f) (1 + cos(pi (t - warm_up) / (length - warm_up))) / 2, f = final.
 * warm_up(t): 1 from step `warm_up` on; before, (t + every) / warm_up, or t / warm_up with `warm_up_from_zero`.
 */
#ifndef WN_NN_SCHEDULE_H
#define WN_NN_SCHEDULE_H

#include "winnow/core.h"

#define WN__MAX_MILESTONES 64 /* more are refused */

typedef enum wn__schedule_kind { WN__SCHEDULE_CONSTANT, WN__SCHEDULE_STEP, WN__SCHEDULE_COSINE } wn__schedule_kind;

typedef struct wn__schedule {
    wn__schedule_kind kind;
    double base;                           /* learning rate */
    double factor;                         /* step */
    int64_t milestone[WN__MAX_MILESTONES]; /* step: ascending */
    int milestones;
    int64_t length;         /* cosine: where it ends */
    double final;           /* cosine: fraction of base at the end */
    int64_t warm_up;        /* steps; 0 = none */
    bool warm_up_from_zero; /* first step has rate 0 (open_lth) */
    int64_t every;          /* 1 = changes per step; steps per epoch = changes per epoch */
} wn__schedule;

/* WN_EUSAGE names the field. */
wn_status wn__schedule_check(const wn__schedule *s);
double wn__schedule_rate(const wn__schedule *s, int64_t step);

#endif
