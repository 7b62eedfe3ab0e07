/* Getting and checking the files of a data set; the public face is winnow/data.h. */
#ifndef WN_DATA_GETTING_H
#define WN_DATA_GETTING_H

#include "data/dataset.h"

/* Unpack the file at `path`; WN_EFORMAT unless size and SHA-256 of its bytes are those of `file`; npz files, of which none are published, by the
 * checksums inside. */
wn_status wn__data_check_file(const char *path, const wn__data_file *file);

/* As wn_data_get in winnow/data.h; `folder` is a resolved data folder. */
typedef void (*wn__data_progress)(void *user, const char *url, int64_t done, int64_t total);
wn_status wn__data_get(const wn__dataset_type *type, const char *from, const char *folder, wn__data_progress progress, void *user);

#endif
