/* Training steps of a recipe's dense network on made-up samples: how fast a device is.
 *
 *     wn__step_trial trial;
 *     wn_status status = wn__step_trial_open(recipe, device, &trial);
 *     if (status == WN_OK) status = wn__step_trial_run(&trial, &seconds); // the first one is slower than the others
 *     wn__step_trial_close(&trial);
 */
#ifndef WN_RUN_STEP_TRIAL_H
#define WN_RUN_STEP_TRIAL_H

#include "network/network.h"
#include "recipe/recipe.h"

/* Recipe and device are borrowed. */
typedef struct wn__step_trial {
    const wn__recipe *recipe;
    wn__network net;
    float *images;
} wn__step_trial;

/* `out` is to be closed after a failure, too, and stays where it is until then. */
wn_status wn__step_trial_open(const wn__recipe *recipe, wn__device *device, wn__step_trial *out);
/* Forward and backward of a batch; *seconds = how long they took. */
wn_status wn__step_trial_run(wn__step_trial *trial, double *seconds);
void wn__step_trial_close(wn__step_trial *trial);

#endif
