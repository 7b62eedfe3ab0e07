/* What the files of a data set hold, and whether it is what was published. */
#ifndef WN_DATA_CONTENTS_H
#define WN_DATA_CONTENTS_H

#include "data/dataset.h"

/* WN_EMISMATCH unless the file at `path` holds what was published as type->files[index]; where nothing was published, anything will do. `unverified`:
 * so it will everywhere. */
wn_status wn__data_accept(const wn__dataset_type *type, int index, const char *path, const wn__file_digest *digest, bool unverified);

/* Digests of all files of a set that has some; `folder` as for wn__data_folder, the pool may be NULL. Files whose digest is kept are not read.
 * WN_ENOTFOUND: one is missing, and the others are acceptable. */
wn_status wn__data_contents_read(const wn__dataset_type *type, const char *folder, wn__pool *pool, bool unverified, wn__data_contents *out);

/* WN_EMISMATCH if a file is another than the one that was read. Looks at stamps alone. */
wn_status wn__data_check_unchanged(const wn__dataset_type *type, const char *folder, const wn__data_contents *contents);

/* What keys of results call these contents: "" if they are the published ones. */
wn_status wn__data_contents_key(const wn__dataset_type *type, const wn__data_contents *contents, char key[WN__SHA256_TEXT]);

#endif
