/* Which data set reads what lies at a path: `--data PATH`. */
#ifndef WN_DATA_OF_PATH_H
#define WN_DATA_OF_PATH_H

#include "data/dataset.h"

/* key: the set's setting that the path is of. WN_ENOTFOUND: nothing is there; WN_EUSAGE: no set reads it. */
wn_status wn__dataset_of_path(const char *path, const wn__dataset_type **type, const char **key);

#endif
