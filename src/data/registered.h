/* Data sets that the caller registered (winnow/source.h), behind those of the list. */
#ifndef WN_DATA_REGISTERED_H
#define WN_DATA_REGISTERED_H

#include "data/dataset.h"

/* What is unregistered in between stays in memory until the last has left: for those who look without holding. Any number of threads. */
void wn__registered_enter(void);
void wn__registered_leave(void);
/* The index-th, for who has entered; NULL past the last. */
const wn__dataset_type *wn__registered_at(int index);
/* NULL: there is none of this name. */
const wn__dataset_type *wn__registered_find(const char *name);
/* The same, held until it is dropped, so that it cannot be unregistered. */
const wn__dataset_type *wn__registered_hold(const char *name);
void wn__registered_drop(const wn__dataset_type *type); /* accepts types of the list, and NULL */

#endif
