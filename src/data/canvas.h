/* An image that is changed step by step: at first the source's own memory, which is never written. */
#ifndef WN_DATA_CANVAS_H
#define WN_DATA_CANVAS_H

#include "data/resize.h"

/* Zeroed at first; its memory is used again from image to image. */
typedef struct wn__canvas {
    wn__pixels given;  /* borrowed: what it began with */
    wn__pixels own[2]; /* results */
    int at;            /* which of them the image is; -1: the given one */
    wn__resizer resizer;
} wn__canvas;

void wn__canvas_begin(wn__canvas *c, int channels, int height, int width, const uint8_t *pixels);
void wn__canvas_release(wn__canvas *c); /* accepts a zeroed one */
const wn__pixels *wn__canvas_image(const wn__canvas *c);
/* The image in memory that may be written; own[1 - at] is free for results that take its place by being exchanged with it. */
wn_status wn__canvas_own(wn__canvas *c, wn__pixels **image);
/* Where a step writes its result, and after it: that is the image now. */
wn__pixels *wn__canvas_spare(wn__canvas *c);
void wn__canvas_turn(wn__canvas *c);

/* Steps that transforms have in common. The part lies inside the image; one that is cut out may reach beyond it, where all is zero. */
wn_status wn__canvas_resize(wn__canvas *c, wn__crop part, int height, int width, wn__filter filter);
wn_status wn__canvas_crop(wn__canvas *c, wn__crop part);

#endif
