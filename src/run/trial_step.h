/* Training steps of a recipe's dense network on made-up samples: how fast a device is.
 *
 *     wn__trial trial;
 *     wn_status status = wn__trial_open(recipe, device, &trial);
 *     if (status == WN_OK) status = wn__trial_step(&trial, &seconds); // the first one is slower than the others
 *     wn__trial_close(&trial);
 */
#ifndef WN_RUN_TRIAL_STEP_H
#define WN_RUN_TRIAL_STEP_H

#include "network/network.h"
#include "recipe/recipe.h"

/* Recipe and device are borrowed. */
typedef struct wn__trial {
    const wn__recipe *recipe;
    wn__network net;
    float *images;
} wn__trial;

/* `out` is to be closed after a failure, too, and stays where it is until then. */
wn_status wn__trial_open(const wn__recipe *recipe, wn__device *device, wn__trial *out);
/* Forward and backward of a batch; *seconds = how long they took. */
wn_status wn__trial_step(wn__trial *trial, double *seconds);
void wn__trial_close(wn__trial *trial);

#endif
