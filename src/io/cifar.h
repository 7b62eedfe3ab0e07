/* CIFAR binary records: label bytes (CIFAR-10: class; CIFAR-100: coarse, fine), then 3 x 32 x 32 pixel bytes, channel by channel. */
#ifndef WN_IO_CIFAR_H
#define WN_IO_CIFAR_H

#include "winnow/core.h"

#define WN__CIFAR_PIXELS (3 * 32 * 32)

typedef struct wn__cifar_layout {
    int label_bytes; /* before the pixels of a record */
    int label_at;    /* which of them is the class */
    int classes;
} wn__cifar_layout;
extern const wn__cifar_layout wn__cifar10_layout, wn__cifar100_layout; /* 100: the fine label */

/* Records in `size` bytes. WN_EFORMAT if they are not a whole number, at least one. */
wn_status wn__cifar_count(const char *label, size_t size, const wn__cifar_layout *layout, int64_t *records);
/* Split wn__cifar_count records into pixels (records,3,32,32) and labels (records). A label out of range is WN_EFORMAT. */
wn_status wn__cifar_parse(const char *label, const void *bytes, size_t size, const wn__cifar_layout *layout, uint8_t *pixels,
                          int32_t *labels);

#endif
