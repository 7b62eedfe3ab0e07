/* Plain files of a tar archive in memory (ustar; GNU and pax extended names are skipped as foreign entries). */
#ifndef WN_IO_TAR_H
#define WN_IO_TAR_H

#include "winnow/core.h"

/* Calls visit for each regular file; name and data are borrowed for the call. WN_EFORMAT for a truncated or damaged archive. */
typedef wn_status (*wn__tar_visit)(void *user, const char *name, const void *data, size_t size);
wn_status wn__tar_read(const char *label, const void *bytes, size_t size, wn__tar_visit visit, void *user);

#endif
