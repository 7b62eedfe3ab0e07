/* CIFAR's Python version: a pickled dictionary of an array of pixels and lists of labels. Read without running anything: it becomes the records of the
 * binary version, byte for byte those of the published file of the same samples. */
#ifndef WN_IO_CIFAR_PICKLE_H
#define WN_IO_CIFAR_PICKLE_H

#include "winnow/core.h"

enum { WN__CIFAR_PICKLE_MAGIC = 4 };
bool wn__is_cifar_pickle(const void *bytes, size_t count);
/* *size: of all records. More than `limit` bytes of them is WN_EFORMAT, as is a pickle that is no batch of CIFAR; other names in it are WN_EUNSUPPORTED. Caller
 * frees *data, which has one zero byte behind it. */
wn_status wn__cifar_unpickle(const char *label, const void *bytes, size_t count, int64_t limit, char **data, size_t *size);

#endif
