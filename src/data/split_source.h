/* A source in front of another one, whose training samples stand in the order of data/stratify.h. */
#ifndef WN_DATA_SPLIT_SOURCE_H
#define WN_DATA_SPLIT_SOURCE_H

#include "data/dataset.h"

/* wn__split_make of a loaded set. Where that splits by names, data->source becomes one in this order; validation samples of the set's own stay at the end. */
wn_status wn__dataset_split(wn__dataset *data, const char *validation, int64_t train_size, wn__split *split);

#endif
