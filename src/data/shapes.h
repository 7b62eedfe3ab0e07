/* The embedded data set `shapes`: ten kinds of geometric objects, drawn on demand, 32x32 RGB, without end.
 *
 * Image `index` of the data set `data_seed` is a pure function of the two: no state, no file, and the same bytes from every
 * compiler and CPU (IEEE single precision without contraction; of the mathematical library only sqrtf and fabsf, which are exact).
 * Any two indices are independent draws, so a range of indices is a data set of any size.
 *
 * The class is drawn first, uniformly; all else (pose, colours, textures, ground, clutter, light, noise) is drawn independently
 * of it. Each image has one object: the largest figure that is not a line or a blob, 8 to 22 pixels wide, within about 30
 * degrees of upright, as a rule brighter than the ground; a smaller figure, line or blob may cover a part of it. The
 * classes are symmetric under horizontal flips, and objects keep a margin, so flips and small crops keep the label.
 */
#ifndef WN_DATA_SHAPES_H
#define WN_DATA_SHAPES_H

#include <stdint.h>

enum { WN__SHAPES_CLASSES = 10, WN__SHAPES_CHANNELS = 3, WN__SHAPES_SIDE = 32, WN__SHAPES_BYTES = 3 * 32 * 32 };

/* First index of each range. Training sets start at 0, test sets at 2^40, samples for "always new data" at 2^41: the ranges
 * stay disjoint for up to 2^40 samples each. */
#define WN__SHAPES_TRAIN UINT64_C(0)
#define WN__SHAPES_TEST (UINT64_C(1) << 40)
#define WN__SHAPES_FRESH (UINT64_C(1) << 41)

extern const char *const wn__shapes_class_names[WN__SHAPES_CLASSES];

/* Draws one image into pixels (3,32,32) and its class, 0..9, into *label. Thread-safe. */
void wn__shapes_image(uint64_t data_seed, uint64_t index, uint8_t *pixels, int *label);

#endif
