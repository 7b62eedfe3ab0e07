#include "io/pixels.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

wn_status wn__pixels_make(wn__pixels *p, int channels, int height, int width)
{
    const size_t size = (size_t)channels * (size_t)height * (size_t)width;
    if (size > p->capacity) {
        wn__pixels_release(p);
        p->data = wn__alloc(size);
        if (!p->data) return wn__no_memory(size);
        p->capacity = size;
    }
    p->channels = channels;
    p->height = height;
    p->width = width;
    return WN_OK;
}

void wn__pixels_release(wn__pixels *p)
{
    wn__free(p->data);
    *p = (wn__pixels){0};
}

void wn__pixels_put_row(wn__pixels *p, int y, const uint8_t *row, int channels)
{
    const size_t plane = (size_t)p->height * (size_t)p->width;
    uint8_t *first = p->data + (size_t)y * (size_t)p->width, *second = first + plane, *third = second + plane;
    if (channels == 1) {
        for (int c = 0; c < p->channels; c++)
            memcpy(first + (size_t)c * plane, row, (size_t)p->width);
    } else if (p->channels == 1) {
        for (int x = 0; x < p->width; x++)
            first[x] = wn__gray(row[3 * x], row[3 * x + 1], row[3 * x + 2]);
    } else {
        for (int x = 0; x < p->width; x++) {
            first[x] = row[3 * x];
            second[x] = row[3 * x + 1];
            third[x] = row[3 * x + 2];
        }
    }
}

/* a * b / 255, rounded. */
static int product(int a, int b)
{
    const int t = a * b + 128;
    return ((t >> 8) + t) >> 8;
}

void wn__pixels_put_cmyk_row(wn__pixels *p, int y, uint8_t *row)
{
    for (int x = 0; x < p->width; x++) {
        const int light = row[4 * x + 3]; /* inverted black */
        for (int c = 0; c < 3; c++)
            row[3 * x + c] = (uint8_t)(light - product(255 - row[4 * x + c], light));
    }
    wn__pixels_put_row(p, y, row, 3);
}

/* EXIF's orientations as three switches: mirrored left to right, then upside down, then rows exchanged with columns. */
typedef struct turn {
    bool mirror, flip, transpose;
} turn;
static const turn turns[9] = {
    [2] = {.mirror = true},
    [3] = {.mirror = true, .flip = true},
    [4] = {.flip = true},
    [5] = {.transpose = true},
    [6] = {.flip = true, .transpose = true},
    [7] = {.mirror = true, .flip = true, .transpose = true},
    [8] = {.mirror = true, .transpose = true},
};

static void turn_plane(const uint8_t *in, int height, int width, turn t, uint8_t *out)
{
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            const int to_y = t.flip ? height - 1 - y : y, to_x = t.mirror ? width - 1 - x : x;
            out[t.transpose ? (int64_t)to_x * height + to_y : (int64_t)to_y * width + to_x] = *in++;
        }
    }
}

wn_status wn__pixels_orient(wn__pixels *p, int orientation)
{
    if (orientation < 2 || orientation > 8) return WN_OK;
    const turn t = turns[orientation];
    wn__pixels out = {0};
    WN_TRY(wn__pixels_make(&out, p->channels, t.transpose ? p->width : p->height, t.transpose ? p->height : p->width));
    for (int c = 0; c < p->channels; c++) {
        const size_t at = (size_t)c * (size_t)p->height * (size_t)p->width;
        turn_plane(p->data + at, p->height, p->width, t, out.data + at);
    }
    wn__pixels_release(p);
    *p = out;
    return WN_OK;
}
