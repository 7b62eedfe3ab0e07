/* An image for tests that compare with kept digests: patterns with edges and noise, from integers alone. */
#ifndef WN_DRAWN_IMAGE_H
#define WN_DRAWN_IMAGE_H

#include "io/digest.h"
#include "io/pixels.h"
#include "test.h"

static inline wn__pixels draw_image(int channels, int height, int width)
{
    wn__pixels p = {0};
    CHECK_OK(wn__pixels_make(&p, channels, height, width));
    uint32_t state = 1;
    for (int c = 0; c < channels; c++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                state = state * 1664525 + 1013904223;
                const int edge = (x / 7 + y / 5 + c) % 2 ? 255 : 0, noise = (int)(state >> 24);
                p.data[(c * height + y) * width + x] = (uint8_t)(x % 3 ? edge : noise);
            }
    return p;
}

static inline size_t image_bytes(const wn__pixels *p) { return (size_t)p->channels * (size_t)p->height * (size_t)p->width; }

static inline void add_to_digest(wn__sha256_state *digest, const wn__pixels *p)
{
    CHECK_OK(wn__sha256_add(digest, p->data, image_bytes(p)));
}

#endif
