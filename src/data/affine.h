/* Images sheared, moved and turned: Pillow's Image.transform with Transform.AFFINE and the nearest pixel, black beside the image. */
#ifndef WN_DATA_AFFINE_H
#define WN_DATA_AFFINE_H

#include "io/pixels.h"

/* Pixel (x, y) of the result is taken from (m[0] x + m[1] y + m[2], m[3] x + m[4] y + m[5]), both at the middle of pixels. */
typedef struct wn__affine {
    double m[6];
} wn__affine;

/* torchvision's: about the upper left corner; `amount` pixels a pixel. */
wn__affine wn__shear(double amount_x, double amount_y);
wn__affine wn__move(int right, int down);
wn__affine wn__turn(double degrees, int height, int width); /* about the middle, counter-clockwise */

/* out: another image than in, zeroed or of an earlier call; it gets the same size. */
wn_status wn__transform(const wn__pixels *in, const wn__affine *affine, wn__pixels *out);

#endif
