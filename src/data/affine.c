#include "data/affine.h"

#include <math.h>

#include "base/elementary.h"
#include "base/fail.h"

wn__affine wn__shear(double amount_x, double amount_y) { return (wn__affine){{1, amount_x, 0, amount_y, 1, 0}}; }
wn__affine wn__move(int right, int down) { return (wn__affine){{1, 0, -right, 0, 1, -down}}; }

/* cos(pi x) for any x. */
static double cos_pi(double x)
{
    const double rest = fmod(fabs(x), 2);
    return wn__cos_pi(rest <= 1 ? rest : 2 - rest);
}

/* To 15 decimals, as Pillow does, so that right angles are exact. */
static double rounded(double x) { return nearbyint(x * 1e15) / 1e15; }

wn__affine wn__turn(double degrees, int height, int width)
{
    const double half = -degrees / 180, c = rounded(cos_pi(half)), s = rounded(cos_pi(half - 0.5)), x = width / 2.0, y = height / 2.0;
    return (wn__affine){{c, s, c * -x + s * -y + x, -s, c, -s * -x + c * -y + y}};
}

/* Where pixel i of an image of `size` is; -1: outside. */
static int inside(int64_t i, int size) { return i >= 0 && i < size ? (int)i : -1; }

static uint8_t pixel(const wn__pixels *in, int channel, int y, int x)
{
    return y < 0 || x < 0 ? 0 : in->data[((int64_t)channel * in->height + y) * in->width + x];
}

/* Along the axes Pillow adds up places in double... */
static void transform_along_axes(const wn__pixels *in, const double *m, int channel, wn__pixels *out)
{
    uint8_t *to = out->data + (int64_t)channel * in->height * in->width;
    double at_y = m[5] + m[4] * 0.5;
    for (int y = 0; y < in->height; y++, at_y += m[4]) {
        const int from_y = at_y < 0 ? -1 : inside((int64_t)at_y, in->height);
        double at_x = m[2] + m[0] * 0.5;
        for (int x = 0; x < in->width; x++, at_x += m[0])
            *to++ = pixel(in, channel, from_y, at_x < 0 ? -1 : inside((int64_t)at_x, in->width));
    }
}

static int64_t fixed(double x) { return (int64_t)floor(x * 65536 + 0.5); }

/* ... otherwise with 16 bits behind the point. */
static void transform_fixed(const wn__pixels *in, const double *m, int channel, wn__pixels *out)
{
    uint8_t *to = out->data + (int64_t)channel * in->height * in->width;
    const int64_t step_x[] = {fixed(m[0]), fixed(m[3])}, step_y[] = {fixed(m[1]), fixed(m[4])};
    int64_t row_x = fixed(m[2] + m[0] * 0.5 + m[1] * 0.5), row_y = fixed(m[5] + m[3] * 0.5 + m[4] * 0.5);
    for (int y = 0; y < in->height; y++, row_x += step_y[0], row_y += step_y[1]) {
        int64_t at_x = row_x, at_y = row_y;
        for (int x = 0; x < in->width; x++, at_x += step_x[0], at_y += step_x[1])
            *to++ = pixel(in, channel, inside(at_y >> 16, in->height), inside(at_x >> 16, in->width));
    }
}

wn_status wn__transform(const wn__pixels *in, const wn__affine *affine, wn__pixels *out)
{
    const double *m = affine->m;
    WN_TRY(wn__pixels_make(out, in->channels, in->height, in->width));
    for (int c = 0; c < in->channels; c++) {
        if (m[1] == 0 && m[3] == 0)
            transform_along_axes(in, m, c, out);
        else
            transform_fixed(in, m, c, out);
    }
    return WN_OK;
}
