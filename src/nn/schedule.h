/* Learning-rate schedules as functions of the absolute optimizer step (0 = first).
 *
 * rate(step) = base * warm_up(t) * shape(t), t = step rounded down to a multiple of `every`.
 * shape: constant 1; step: factor^(milestones <= t); with f = final and x = (t - warm_up) / (length - warm_up), at most 1:
 *     cosine           f + (1 - f) (1 + cos(pi x)) / 2
 *     polynomial       f + (1 - f) (1 - x)^power
 *     cosine-restarts  as cosine over `period` steps, then over `growth` times as many, and so on
 *     one-cycle        half a cosine from `initial` up to 1 at step peak - 1, and one down to f at step length - 1
 * As PyTorch's CosineAnnealingLR, PolynomialLR, CosineAnnealingWarmRestarts and OneCycleLR (which turns momentum, too; here it stays).
 * warm_up(t): 1 from step `warm_up` on; before, (t + every) / warm_up, or t / warm_up with `warm_up_from_zero`.
 */
#ifndef WN_NN_SCHEDULE_H
#define WN_NN_SCHEDULE_H

#include "winnow/core.h"

#define WN__MAX_MILESTONES 64 /* more are refused */

typedef enum wn__schedule_kind {
    WN__SCHEDULE_CONSTANT,
    WN__SCHEDULE_STEP,
    WN__SCHEDULE_COSINE,
    WN__SCHEDULE_POLYNOMIAL,
    WN__SCHEDULE_RESTARTS,
    WN__SCHEDULE_ONE_CYCLE
} wn__schedule_kind;

extern const char *const wn__schedule_names[]; /* of kinds; NULL-terminated */

typedef struct wn__schedule {
    wn__schedule_kind kind;
    double base;                           /* learning rate */
    double factor;                         /* step */
    int64_t milestone[WN__MAX_MILESTONES]; /* step: ascending */
    int milestones;
    int64_t length;         /* cosine, polynomial, one-cycle: where it ends */
    double final;           /* of these and restarts: fraction of base at the end */
    double power;           /* polynomial */
    int64_t period, growth; /* restarts: steps of the first; each is so many times as long as the one before */
    int64_t peak;           /* one-cycle: steps up to the highest rate, that one included */
    double initial;         /* one-cycle: fraction of base at the first step */
    int64_t warm_up;        /* steps; 0 = none */
    bool warm_up_from_zero; /* first step has rate 0 (open_lth) */
    int64_t every;          /* 1 = changes per step; steps per epoch = changes per epoch */
} wn__schedule;

/* WN_EUSAGE names the field. */
wn_status wn__schedule_check(const wn__schedule *s);
double wn__schedule_rate(const wn__schedule *s, int64_t step);

#endif
