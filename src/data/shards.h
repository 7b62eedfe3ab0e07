/* Names of files that are numbered: "train-{0000..0127}.tar". */
#ifndef WN_DATA_SHARDS_H
#define WN_DATA_SHARDS_H

#include "winnow/core.h"

/* Each number, as wide as the first; a name without braces stands for itself. WN_EUSAGE: other braces. Ends with the first failure of `each`. */
typedef wn_status (*wn__shard_visit)(void *user, const char *file);
wn_status wn__shards_visit(const char *pattern, wn__shard_visit each, void *user);

#endif
