/* The teacher of a stage, with the networks that it is made of. */
#ifndef WN_RUN_TEACHERS_H
#define WN_RUN_TEACHERS_H

#include "run/context.h"
#include "train/teacher.h"

typedef struct wn__teachers {
    wn__network net[WN__MOST_TEACHERS];
    wn_graph *graph[WN__MOST_TEACHERS]; /* owned; NULL: the recipe's */
    wn__teacher teacher;                /* points to them */
} wn__teachers;

/* Final weights of a stage, or files (masks too, if they have some). Release it after a failure, too. It stays where it is. */
wn_status wn__teachers_open(wn__context *c, const wn__teacher_plan *plan, wn__teachers *out);
void wn__teachers_release(wn__teachers *t); /* accepts a zeroed one */

#endif
