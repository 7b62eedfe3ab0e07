/* An image in memory as data sets keep it: unsigned bytes, one plane a channel. Decoders hand over rows of interleaved pixels as they come out. */
#ifndef WN_IO_PIXELS_H
#define WN_IO_PIXELS_H

#include "winnow/core.h"

typedef struct wn__pixels {
    int channels; /* 1 (gray) or 3 (red, green, blue) */
    int height, width;
    uint8_t *data;   /* (channels, height, width); owned */
    size_t capacity; /* bytes at data: an image that is used again keeps its memory */
} wn__pixels;

/* Room for an image of this size; what it holds is undefined. p: zeroed, or an image that is no longer wanted. */
wn_status wn__pixels_make(wn__pixels *p, int channels, int height, int width);
void wn__pixels_release(wn__pixels *p); /* accepts a zeroed one */

/* Weights of ITU-R 601 in 16 bits, rounded: Pillow's convert('L'). */
static inline uint8_t wn__gray(int red, int green, int blue)
{
    return (uint8_t)((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16);
}

/* Row y from interleaved pixels of `channels` (1 or 3). Gray becomes three equal channels; colours become gray as Pillow's convert('L') does. */
void wn__pixels_put_row(wn__pixels *p, int y, const uint8_t *row, int channels);
/* Row y from inverted CMYK pixels, which is how Adobe stores them in JPEG files: as Pillow's convert('RGB') does. row: overwritten. */
void wn__pixels_put_cmyk_row(wn__pixels *p, int y, uint8_t *row);

/* Turned and mirrored as EXIF's orientation asks: 1 upright, 2 to 8; other values change nothing. */
wn_status wn__pixels_orient(wn__pixels *p, int orientation);

#endif
