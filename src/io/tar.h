/* Plain files of tar archives, in memory or in files: ustar, with long names as GNU and pax have them, and pax sizes. Entries of other kinds are passed over. */
#ifndef WN_IO_TAR_H
#define WN_IO_TAR_H

#include "winnow/core.h"

/* Calls visit for each regular file; name and data are borrowed for the call. WN_EFORMAT for a truncated or damaged archive. */
typedef wn_status (*wn__tar_visit)(void *user, const char *name, const void *data, size_t size);
wn_status wn__tar_read(const char *label, const void *bytes, size_t size, wn__tar_visit visit, void *user);

/* The same of a file, of which headers alone are read: `at` is where an entry's data begin. */
typedef wn_status (*wn__tar_visit_place)(void *user, const char *name, int64_t at, int64_t size);
wn_status wn__tar_index(const char *path, int fd, wn__tar_visit_place visit, void *user);
/* ... of an archive that is `size` bytes of a file: places are those in the file. */
wn_status wn__tar_index_part(const char *path, int fd, int64_t at, int64_t size, wn__tar_visit_place visit, void *user);

#endif
