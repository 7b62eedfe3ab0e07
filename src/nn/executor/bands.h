/* A group of calls on one block of images, in bands of rows: each call does some rows as soon as those that it reads are there, so that
 * what one call writes is still in cache when the next one reads it. A group that fits the cache anyway is run call by call.
 *
 * How many bands there are depends on shapes alone: it decides the order of sums.
 */
#ifndef WN_NN_EXECUTOR_BANDS_H
#define WN_NN_EXECUTOR_BANDS_H

#include "nn/executor/plan.h"

#define WN__MOST_BANDED 24 /* calls of a group */

int wn__bands_of_group(const wn__plan *plan, const wn__call *call, int calls, const wn__device *device);
wn_status wn__bands_run(const wn__call *call, const wn__op_args *args, int calls, int bands, int64_t first, int64_t n);

#endif
