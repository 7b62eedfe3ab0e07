/* `backend: fastest`: the backend on which the recipe's dense network trains faster, of those that `auto` chooses from. The choice changes bits, so it is made
 * once for a store: backends/<digest>.json there holds it, under a name of all that it depends on but the CPU and the number of threads. Who comes later reads
 * it. */
#ifndef WN_RUN_FASTEST_H
#define WN_RUN_FASTEST_H

#include "recipe/recipe.h"

/* Puts the choice in the place of `fastest` in the recipe; does nothing to other recipes. The data are settled. keep: a new choice is written into the store. */
wn_status wn__fastest_settle(wn__recipe *recipe, const char *store, int threads, bool keep);

#endif
