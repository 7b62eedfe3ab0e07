#include "data/crops.h"

#include <math.h>

#include "base/elementary.h"

enum { TRIES = 10 };

/* To the nearest integer, halves to the even one, as Python's round. */
static int rounded(double x) { return (int)nearbyint(x); }

void wn__short_side_size(int height, int width, int side, int *out_height, int *out_width)
{
    const bool tall = height >= width;
    const int64_t shorter = tall ? width : height, longer = tall ? height : width;
    const int other = (int)((double)(side * longer) / (double)shorter);
    *out_height = tall ? other : side;
    *out_width = tall ? side : other;
}

/* Of padding, the smaller half comes first. */
static int center(int size, int crop) { return crop > size ? -((crop - size) / 2) : rounded((size - crop) / 2.0); }

wn__crop wn__center_crop(int height, int width, int crop_height, int crop_width)
{
    return (wn__crop){center(height, crop_height), center(width, crop_width), crop_height, crop_width};
}

/* Sides of a part of drawn area, whose first side is drawn times the second. */
static void draw_sides(const wn__crop_ranges *ranges, int height, int width, wn__rng *r, int *first, int *second)
{
    const double area = (double)height * width * wn__rng_between(r, ranges->scale[0], ranges->scale[1]);
    const double ratio = wn__exp(wn__rng_between(r, wn__ln(ranges->ratio[0]), wn__ln(ranges->ratio[1])));
    *first = rounded(sqrt(area * ratio));
    *second = rounded(sqrt(area / ratio));
}

static void draw_place(int height, int width, wn__rng *r, wn__crop *crop)
{
    crop->top = (int)wn__rng_below(r, (uint64_t)(height - crop->height + 1));
    crop->left = (int)wn__rng_below(r, (uint64_t)(width - crop->width + 1));
}

wn__crop wn__random_resized_crop(const wn__crop_ranges *ranges, int height, int width, wn__rng *r)
{
    for (int i = 0; i < TRIES; i++) {
        wn__crop crop;
        draw_sides(ranges, height, width, r, &crop.width, &crop.height);
        if (crop.width < 1 || crop.width > width || crop.height < 1 || crop.height > height) continue;
        draw_place(height, width, r, &crop);
        return crop;
    }
    const double ratio = (double)width / height;
    wn__crop crop = {.height = height, .width = width};
    if (ratio < ranges->ratio[0]) crop.height = rounded(fmax(width / ranges->ratio[0], 1));
    if (ratio > ranges->ratio[1]) crop.width = rounded(fmax(height * ranges->ratio[1], 1));
    crop.top = (height - crop.height) / 2;
    crop.left = (width - crop.width) / 2;
    return crop;
}

bool wn__random_erasing(const wn__crop_ranges *ranges, int height, int width, wn__rng *r, wn__crop *out)
{
    for (int i = 0; i < TRIES; i++) {
        wn__crop crop;
        draw_sides(ranges, height, width, r, &crop.height, &crop.width);
        if (crop.height >= height || crop.width >= width) continue;
        draw_place(height, width, r, &crop);
        *out = crop;
        return true;
    }
    return false;
}

void wn__erase(float *image, int channels, int height, int width, wn__crop crop, const float *value, wn__rng *r)
{
    for (int c = 0; c < channels; c++)
        for (int y = crop.top; y < crop.top + crop.height; y++)
            for (int x = crop.left; x < crop.left + crop.width; x++)
                image[(int64_t)(c * height + y) * width + x] = value ? value[c] : (float)wn__rng_normal(r);
}

void wn__flip(wn__pixels *p)
{
    uint8_t *row = p->data;
    for (int y = 0; y < p->channels * p->height; y++, row += p->width)
        for (int x = 0; x < p->width / 2; x++) {
            const uint8_t left = row[x];
            row[x] = row[p->width - 1 - x];
            row[p->width - 1 - x] = left;
        }
}
