/* Which part of an image augmentations take or cover: torchvision's rules over counter-based random numbers. */
#ifndef WN_DATA_CROPS_H
#define WN_DATA_CROPS_H

#include "base/rng.h"
#include "data/resize.h"

/* Ranges that are drawn from. torchvision's defaults of RandomResizedCrop: scale 0.08 to 1, ratio 3/4 to 4/3; of RandomErasing: 0.02 to
 * 0.33, 0.3 to 3.3. */
typedef struct wn__crop_ranges {
    double scale[2]; /* of the area, within 0..1 */
    double ratio[2]; /* of sides, positive: width to height when cropping, height to width when erasing; uniform in its logarithm */
} wn__crop_ranges;

/* The size in which the shorter side is `side`; the longer one is cut off to whole pixels. */
void wn__short_side_size(int height, int width, int side, int *out_height, int *out_width);
/* The middle part of an image that is at least as large. Halves of pixels go to the even place. */
wn__crop wn__center_crop(int height, int width, int crop_height, int crop_width);
/* Ten tries of a part of drawn area and ratio at a drawn place; then the middle, as large as the range of ratios allows. */
wn__crop wn__random_resized_crop(const wn__crop_ranges *ranges, int height, int width, wn__rng *r);
/* Ten tries of a part that is smaller than the image both ways; false: none fits, and nothing is erased. */
bool wn__random_erasing(const wn__crop_ranges *ranges, int height, int width, wn__rng *r, wn__crop *out);
/* image: (channels, height, width). value: (channels), or NULL: standard normal numbers. */
void wn__erase(float *image, int channels, int height, int width, wn__crop crop, const float *value, wn__rng *r);
void wn__flip(wn__pixels *p); /* left to right */

#endif
