/* A moving average of the weights while they are trained: a <- d a + (1 - d) w after a step, running statistics of batch norm likewise.
 *
 * It is one more array beside the optimizer's slots (WN__AVERAGE), so that it follows masks and patterns as they do: what is masked out is zero, a
 * connection that grows begins at its first value, and checkpoints hold it. */
#ifndef WN_NN_AVERAGE_H
#define WN_NN_AVERAGE_H

#include "base/settings.h"
#include "base/threads.h"
#include "tensor/param.h"

typedef struct wn__average_rule {
    double decay;  /* 0: none is kept */
    int64_t every; /* steps */
    bool ramp;     /* after n updates the decay is at most (1 + n) / (10 + n) */
} wn__average_rule;
extern const wn__setting wn__average_settings[];

/* Begins at the values. */
wn_status wn__average_start(wn__params *params);
/* steps: done since it began. Does something after every `every` of them. Same bytes for any pool. */
void wn__average_step(const wn__average_rule *rule, int64_t steps, wn__params *params, wn__pool *pool);
/* Values and average change places; a second time they are as they were. */
void wn__average_swap(wn__params *params);

#endif
