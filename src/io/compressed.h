/* Whole files, plain, .gz or .xz, or CIFAR's pickles of its binary records: told apart by their first bytes, not by their names. */
#ifndef WN_IO_COMPRESSED_H
#define WN_IO_COMPRESSED_H

#include "winnow/core.h"

/* Read and unpack `path`. More than `limit` unpacked bytes is WN_EFORMAT (nothing beyond the limit is ever unpacked or kept).
 * Truncated or damaged: WN_EFORMAT with the file. One zero byte follows the data. Caller frees with wn__free. */
wn_status wn__read_unpacked(const char *path, int64_t limit, char **data, size_t *size);
/* The same over bytes in memory; always a copy. */
wn_status wn__unpack(const char *label, const void *bytes, size_t count, int64_t limit, char **data, size_t *size);
/* Whether what begins so is packed. */
enum { WN__PACKED_MAGIC = 5 };
bool wn__is_packed(const void *bytes, size_t count);

/* The first file that exists among folder/candidate + {"", ".gz", ".xz"}, candidates (NULL-terminated, relative paths) in their order.
 * WN_ENOTFOUND lists what was looked for. *path: caller frees with wn__free. */
wn_status wn__find_data_file(const char *folder, const char *const *candidates, char **path);

#endif
