/* How several data sets are opened: files that are read into memory. */
#ifndef WN_DATA_IMAGE_FILES_H
#define WN_DATA_IMAGE_FILES_H

#include "data/dataset.h"
#include "io/cifar.h"

/* IDX files: type->files are training images, training labels, test images, test labels. WN_EFORMAT if they do not fit together. */
wn_status wn__open_idx_files(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, wn__dataset *data);
/* CIFAR records: the last of type->files is the test set, the others are the training set. */
wn_status wn__open_cifar_files(const wn__dataset_type *type, const wn__cifar_layout *layout, const char *folder, wn__pool *pool,
                               wn__dataset *data);

#endif
