/* Data sets that the caller registered (winnow/source.h), behind those of the list. */
#ifndef WN_DATA_REGISTERED_H
#define WN_DATA_REGISTERED_H

#include "data/dataset.h"

/* The index-th; NULL past the last. It stays while it's held, or while nobody unregisters it. */
const wn__dataset_type *wn__registered_at(int index);
/* NULL: there is none of this name. Held until it is dropped, so that it cannot be unregistered. */
const wn__dataset_type *wn__registered_hold(const char *name);
void wn__registered_drop(const wn__dataset_type *type); /* accepts types of the list, and NULL */

#endif
