/* What a format of pictures offers: an entry of io/image_list.h. */
#ifndef WN_IO_IMAGE_FORMAT_H
#define WN_IO_IMAGE_FORMAT_H

#include "io/pixels.h"

/* What the header says. */
typedef struct wn__image_info {
    const char *format; /* "JPEG" */
    int channels;       /* 1 or 3, alpha not counted; CMYK becomes 3 */
    int height, width;
    int orientation; /* of EXIF, 1 to 8; 1 when nothing is said */
} wn__image_info;

typedef struct wn__image_format {
    const char *name, *library;
    bool (*recognises)(const uint8_t *bytes, size_t size);
    /* The header; allocates nothing. NULL, as is read: this build lacks the library. */
    wn_status (*look)(const uint8_t *bytes, size_t size, wn__image_info *info);
    /* All rows into pixels, which has the size that look found. Messages name no file. */
    wn_status (*read)(const uint8_t *bytes, size_t size, wn__pixels *pixels);
} wn__image_format;

#endif
