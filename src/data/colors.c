#include "data/colors.h"

#include <string.h>

#include "base/fail.h"

static int64_t plane_size(const wn__pixels *p) { return (int64_t)p->height * p->width; }

/* --- by a table of 256 values for each channel ----------------------------------------------------------------------------------- */

static void look_up(uint8_t *plane, int64_t count, const uint8_t table[256])
{
    for (int64_t i = 0; i < count; i++)
        plane[i] = table[plane[i]];
}

static void look_up_all(wn__pixels *p, const uint8_t table[256]) { look_up(p->data, p->channels * plane_size(p), table); }

static void count_values(const uint8_t *plane, int64_t count, int64_t histogram[256])
{
    memset(histogram, 0, 256 * sizeof *histogram);
    for (int64_t i = 0; i < count; i++)
        histogram[plane[i]]++;
}

/* From a (factor 0) to b (factor 1) and beyond, in float and cut off: Pillow's blend. */
static uint8_t blend(int a, int b, float factor)
{
    const float value = (float)a + factor * (float)(b - a);
    return value <= 0 ? 0 : value >= 255 ? 255 : (uint8_t)value;
}

static void blend_with(wn__pixels *p, int value, double factor)
{
    uint8_t table[256];
    for (int i = 0; i < 256; i++)
        table[i] = blend(value, i, (float)factor);
    look_up_all(p, table);
}

void wn__change_brightness(wn__pixels *p, double factor) { blend_with(p, 0, factor); }

static int gray_at(const wn__pixels *p, int64_t i)
{
    const int64_t plane = plane_size(p);
    return p->channels == 1 ? p->data[i] : wn__gray(p->data[i], p->data[plane + i], p->data[2 * plane + i]);
}

void wn__change_contrast(wn__pixels *p, double factor)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < plane_size(p); i++)
        sum += gray_at(p, i);
    blend_with(p, (int)((double)sum / (double)plane_size(p) + 0.5), factor);
}

void wn__change_saturation(wn__pixels *p, double factor)
{
    const int64_t plane = plane_size(p);
    if (p->channels == 1) return;
    for (int64_t i = 0; i < plane; i++) {
        const int gray = gray_at(p, i);
        for (int c = 0; c < 3; c++)
            p->data[c * plane + i] = blend(gray, p->data[c * plane + i], (float)factor);
    }
}

void wn__posterize(wn__pixels *p, int bits)
{
    for (int64_t i = 0; i < p->channels * plane_size(p); i++)
        p->data[i] &= (uint8_t)(0xFF << (8 - bits));
}

void wn__solarize(wn__pixels *p, double threshold)
{
    uint8_t table[256];
    for (int i = 0; i < 256; i++)
        table[i] = (uint8_t)(i < threshold ? i : 255 - i);
    look_up_all(p, table);
}

static void stretch_plane(uint8_t *plane, int64_t count)
{
    int64_t histogram[256];
    int low = 0, high = 255;
    uint8_t table[256];
    count_values(plane, count, histogram);
    while (low < 255 && histogram[low] == 0)
        low++;
    while (high > 0 && histogram[high] == 0)
        high--;
    if (high <= low) return;
    const double scale = 255.0 / (high - low), offset = -low * scale;
    for (int i = 0; i < 256; i++) {
        const int value = (int)(i * scale + offset);
        table[i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
    look_up(plane, count, table);
}

void wn__stretch_contrast(wn__pixels *p)
{
    for (int c = 0; c < p->channels; c++)
        stretch_plane(p->data + c * plane_size(p), plane_size(p));
}

static void equalize_plane(uint8_t *plane, int64_t count)
{
    int64_t histogram[256];
    int last = 255;
    uint8_t table[256];
    count_values(plane, count, histogram);
    while (last > 0 && histogram[last] == 0)
        last--;
    const int64_t step = (count - histogram[last]) / 255;
    if (step == 0) return;
    int64_t below = step / 2;
    for (int i = 0; i < 256; below += histogram[i++])
        table[i] = (uint8_t)(below / step < 255 ? below / step : 255);
    look_up(plane, count, table);
}

void wn__equalize(wn__pixels *p)
{
    for (int c = 0; c < p->channels; c++)
        equalize_plane(p->data + c * plane_size(p), plane_size(p));
}

/* --- hue: to hue, saturation and value, each a byte, and back; float where Pillow has float ------------------------------------------ */

typedef struct hsv {
    uint8_t hue, saturation, value;
} hsv;

static int most(int a, int b) { return a > b ? a : b; }
static int least(int a, int b) { return a < b ? a : b; }

static hsv hsv_of(int red, int green, int blue)
{
    const int high = most(red, most(green, blue)), low = least(red, least(green, blue));
    if (high == low) return (hsv){0, 0, (uint8_t)high};
    const float range = (float)(high - low), saturation = range / (float)high;
    const float r = (float)(high - red) / range, g = (float)(high - green) / range, b = (float)(high - blue) / range;
    const float sixths = red == high ? b - g : green == high ? (float)(2.0 + r - b) : (float)(4.0 + g - r);
    const double turn = sixths / 6.0 + 1.0;
    const float hue = (float)(turn - (int)turn);
    return (hsv){(uint8_t)(hue * 255.0), (uint8_t)(saturation * 255.0), (uint8_t)high};
}

static uint8_t rounded(double positive) { return (uint8_t)(positive + 0.5); }

static void rgb_of(hsv x, uint8_t *red, uint8_t *green, uint8_t *blue)
{
    const float value = (float)x.value, saturation = (float)(x.saturation / 255.0);
    const double sixths = x.hue * 6.0 / 255.0;
    const int sector = (int)sixths;
    const float rest = (float)(sixths - sector);
    const uint8_t v = x.value, p = rounded(value * (1.0 - saturation)), q = rounded(value * (1.0 - saturation * rest)),
                  t = rounded(value * (1.0 - saturation * (1.0 - rest)));
    const uint8_t by_sector[6][3] = {{v, t, p}, {q, v, p}, {p, v, t}, {p, q, v}, {t, p, v}, {v, p, q}};
    *red = by_sector[sector % 6][0];
    *green = by_sector[sector % 6][1];
    *blue = by_sector[sector % 6][2];
}

void wn__change_hue(wn__pixels *p, double turn)
{
    const int64_t plane = plane_size(p);
    if (p->channels == 1) return;
    for (int64_t i = 0; i < plane; i++) {
        uint8_t *red = p->data + i, *green = red + plane, *blue = green + plane;
        hsv x = hsv_of(*red, *green, *blue);
        x.hue = (uint8_t)(x.hue + (int)(turn * 255));
        rgb_of(x, red, green, blue);
    }
}

/* --- sharpness ------------------------------------------------------------------------------------------------------------------- */

/* The mean of 3 x 3 pixels, the middle one five times, in float and in Pillow's order: from the row below upwards. */
static int smoothed(const uint8_t *at, int width)
{
    const float side = 1.0f / 13, middle = 5.0f / 13;
    float sum = 0.5f;
    for (int row = 1; row >= -1; row--) {
        const uint8_t *x = at + row * width;
        sum += (float)x[-1] * side + (float)x[0] * (row == 0 ? middle : side) + (float)x[1] * side;
    }
    return sum > 255 ? 255 : (int)sum;
}

wn_status wn__change_sharpness(const wn__pixels *in, double factor, wn__pixels *out)
{
    WN_TRY(wn__pixels_make(out, in->channels, in->height, in->width));
    memcpy(out->data, in->data, (size_t)(in->channels * plane_size(in)));
    for (int c = 0; c < in->channels; c++) /* the outermost pixels stay */
        for (int y = 1; y < in->height - 1; y++)
            for (int x = 1; x < in->width - 1; x++) {
                const int64_t i = (int64_t)(c * in->height + y) * in->width + x;
                out->data[i] = blend(smoothed(in->data + i, in->width), in->data[i], (float)factor);
            }
    return WN_OK;
}

/* --- jitter ---------------------------------------------------------------------------------------------------------------------- */

static double draw_factor(wn__rng *r, double strength) { return wn__rng_between(r, strength < 1 ? 1 - strength : 0, 1 + strength); }

void wn__jitter_colors(const wn__color_jitter *jitter, wn__rng *r, wn__pixels *p)
{
    int64_t order[4];
    wn__rng_permutation(r, 4, order);
    const double brightness = draw_factor(r, jitter->brightness), contrast = draw_factor(r, jitter->contrast),
                 saturation = draw_factor(r, jitter->saturation), hue = wn__rng_between(r, -jitter->hue, jitter->hue);
    for (int i = 0; i < 4; i++) {
        if (order[i] == 0 && jitter->brightness > 0) wn__change_brightness(p, brightness);
        if (order[i] == 1 && jitter->contrast > 0) wn__change_contrast(p, contrast);
        if (order[i] == 2 && jitter->saturation > 0) wn__change_saturation(p, saturation);
        if (order[i] == 3 && jitter->hue > 0) wn__change_hue(p, hue);
    }
}
