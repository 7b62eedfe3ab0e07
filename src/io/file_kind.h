/* What bytes are that were taken for something else: for messages. */
#ifndef WN_IO_FILE_KIND_H
#define WN_IO_FILE_KIND_H

#include <stddef.h>

/* "a GIF picture", "an HTML page", "a Git LFS pointer: ...", "an empty file"; NULL if the bytes tell nothing. */
const char *wn__file_kind(const void *bytes, size_t size);

#endif
