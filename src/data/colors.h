/* Changes of an image's colours: the bytes that Pillow's ImageEnhance and ImageOps, and torchvision's adjust_hue on Pillow's images, give.
 *
 * A factor of 1 changes nothing, of 0 leaves black (brightness), one gray (contrast), gray (saturation) or a smoothed image (sharpness);
 * above 1 is more. */
#ifndef WN_DATA_COLORS_H
#define WN_DATA_COLORS_H

#include "base/rng.h"
#include "io/pixels.h"

void wn__change_brightness(wn__pixels *p, double factor);
void wn__change_contrast(wn__pixels *p, double factor);
void wn__change_saturation(wn__pixels *p, double factor); /* of gray images: nothing, as is hue */
void wn__change_hue(wn__pixels *p, double turn);          /* of the circle of hues: -0.5 to 0.5 */
/* out: another image than in, zeroed or of an earlier call. */
wn_status wn__change_sharpness(const wn__pixels *in, double factor, wn__pixels *out);

void wn__posterize(wn__pixels *p, int bits);        /* keeps so many of the highest bits, 1 to 8 */
void wn__solarize(wn__pixels *p, double threshold); /* inverts what is not below it */
void wn__stretch_contrast(wn__pixels *p);           /* autocontrast: each channel over the whole range */
void wn__equalize(wn__pixels *p);                   /* each channel's histogram made even */

/* torchvision's ColorJitter. A strength of 0 leaves out that change. */
typedef struct wn__color_jitter {
    double brightness, contrast, saturation; /* factors are uniform in [max(0, 1 - strength), 1 + strength] */
    double hue;                              /* turns are uniform in [-hue, hue], hue 0 to 0.5 */
} wn__color_jitter;
/* The order of the four changes is drawn, then their strengths: the same draws whichever of them are in use. */
void wn__jitter_colors(const wn__color_jitter *jitter, wn__rng *r, wn__pixels *p);

#endif
