/* Resizing of images: the bytes that Pillow's Image.crop and Image.resize give.
 *
 * Bilinear and bicubic are antialiased: when an image becomes smaller, the filter becomes wider. Weights are made in double and kept with
 * 22 bits behind the point; the first of two passes is rounded to bytes. */
#ifndef WN_DATA_RESIZE_H
#define WN_DATA_RESIZE_H

#include "io/pixels.h"

/* Part of an image, in whole pixels. */
typedef struct wn__crop {
    int top, left, height, width;
} wn__crop;
static inline wn__crop wn__crop_all(const wn__pixels *p) { return (wn__crop){0, 0, p->height, p->width}; }

typedef enum wn__filter { WN__FILTER_NEAREST, WN__FILTER_BILINEAR, WN__FILTER_BICUBIC } wn__filter;

typedef struct wn__resize_options {
    int height, width; /* of the result */
    wn__filter filter;
    bool
        rows_first; /* the pass along rows comes first, always, as in Pillow before 13. Pillow 13 begins with the pass along columns where the
                      * height shrinks by more than twice as many pixels as the width: other roundings */
} wn__resize_options;

/* Memory that is used again from call to call; zeroed at first. One thread at a time. */
typedef struct wn__resizer {
    char *memory;
    size_t capacity, used;
} wn__resizer;
void wn__resizer_release(wn__resizer *r);

/* The part `crop` of an image, which must lie inside it, in another size; nothing beside it counts. out: another image than in, zeroed or of an
 * earlier call. */
wn_status wn__resize(wn__resizer *r, const wn__pixels *in, wn__crop crop, const wn__resize_options *options, wn__pixels *out);

#endif
