/* SHA-256 of what a file holds, unpacked: plain, .gz and .xz forms of the same bytes give the same.
 *
 * Digests are kept in `digests` of the user's cache folder, by path. A kept one holds as long as the file's stamp is the same, so an unchanged
 * file is not read again. Of a file that changed seconds ago none is kept: its times might not tell the next change from the last. */
#ifndef WN_IO_FILE_DIGEST_H
#define WN_IO_FILE_DIGEST_H

#include "io/digest.h"

/* What changes with a file's contents. */
typedef struct wn__file_stamp {
    uint64_t device, inode;
    int64_t size;              /* as the file lies there */
    int64_t modified, changed; /* ns; the second one cannot be set back */
} wn__file_stamp;

typedef struct wn__file_digest {
    wn__file_stamp stamp;
    int64_t bytes; /* unpacked */
    char sha256[WN__SHA256_TEXT];
} wn__file_digest;

wn_status wn__file_stamp_read(const char *path, wn__file_stamp *out);
bool wn__file_stamp_is(const wn__file_stamp *a, const wn__file_stamp *b);

/* Reads the file only if no digest is kept. More than `limit` unpacked bytes is WN_EFORMAT; 0: any number. WN_EMISMATCH if the file changes
 * meanwhile. */
wn_status wn__file_digest_find(const char *path, int64_t limit, wn__file_digest *out);
/* wn__read_unpacked with the digest of what was read. */
wn_status wn__read_digested(const char *path, int64_t limit, char **data, size_t *size, wn__file_digest *out);

#endif
