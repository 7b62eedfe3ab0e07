/* All data sets by name: those of the list, then those that the caller registered. */
#ifndef WN_DATA_CATALOG_H
#define WN_DATA_CATALOG_H

#include "data/dataset.h"

/* Between the two what wn__dataset_at and wn__dataset_find give stays, whatever is unregistered meanwhile. */
void wn__datasets_enter(void);
void wn__datasets_leave(void);
/* The index-th; NULL past the last. */
const wn__dataset_type *wn__dataset_at(int index);
/* WN_EUSAGE lists the valid names. */
wn_status wn__dataset_find(const char *name, const wn__dataset_type **type);
/* NULL: there is none. Until it is dropped, nobody can unregister it. */
const wn__dataset_type *wn__dataset_hold(const char *name);
void wn__dataset_drop(const wn__dataset_type *type); /* accepts NULL */

#endif
