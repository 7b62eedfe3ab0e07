#include "data/resize.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "kernels/resample.h"

/* --- memory ---------------------------------------------------------------------------------------------------------------------- */

void wn__resizer_release(wn__resizer *r)
{
    wn__free(r->memory);
    *r = (wn__resizer){0};
}

static size_t rounded(size_t bytes) { return (bytes + WN__ALIGN - 1) / WN__ALIGN * WN__ALIGN; }

static wn_status make_room(wn__resizer *r, size_t bytes)
{
    r->used = 0;
    if (bytes <= r->capacity) return WN_OK;
    wn__resizer_release(r);
    r->memory = wn__alloc(bytes);
    if (!r->memory) return wn__no_memory(bytes);
    r->capacity = bytes;
    return WN_OK;
}

static void *take(wn__resizer *r, size_t bytes)
{
    void *taken = r->memory + r->used;
    r->used += rounded(bytes);
    return taken;
}

/* --- weights --------------------------------------------------------------------------------------------------------------------- */

static double bilinear(double x) { return fabs(x) < 1 ? 1 - fabs(x) : 0; }

/* Keys' with a = -1/2. */
static double bicubic(double x)
{
    const double a = -0.5, d = fabs(x);
    if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}

/* One direction: output i is the sum of count[i] inputs from first[i] on, by weights from i * taps on. */
typedef struct axis {
    int in, out, taps;
    int *first, *count;
    int32_t *weight;
    double *scratch; /* (taps) */
} axis;

static double scale_of(int in, int out) { return (double)in / out; }
static double width_of(wn__filter filter, int in, int out)
{
    return (filter == WN__FILTER_BICUBIC ? 2 : 1) * fmax(scale_of(in, out), 1); /* half of it */
}
static int taps_of(wn__filter filter, int in, int out) { return 2 * (int)ceil(width_of(filter, in, out)) + 1; }

static size_t axis_bytes(wn__filter filter, int in, int out)
{
    const size_t taps = (size_t)taps_of(filter, in, out);
    return rounded((size_t)out * sizeof(int)) * 2 + rounded((size_t)out * taps * sizeof(int32_t)) + rounded(taps * sizeof(double));
}

static int32_t fixed(double weight) { return (int32_t)((weight < 0 ? -0.5 : 0.5) + weight * (1 << WN__RESAMPLE_BITS)); }

static void weigh_output(axis *a, wn__filter filter, int i)
{
    const double scale = scale_of(a->in, a->out), half = width_of(filter, a->in, a->out), center = (i + 0.5) * scale,
                 steps = 1 / fmax(scale, 1);
    const int begin = (int)(center - half + 0.5), end = (int)(center + half + 0.5);
    const int first = begin > 0 ? begin : 0, count = (end < a->in ? end : a->in) - first;
    double sum = 0;
    for (int k = 0; k < count; k++) {
        const double x = (k + first - center + 0.5) * steps;
        a->scratch[k] = filter == WN__FILTER_BICUBIC ? bicubic(x) : bilinear(x);
        sum += a->scratch[k];
    }
    for (int k = 0; k < count; k++)
        a->weight[i * a->taps + k] = fixed(sum != 0 ? a->scratch[k] / sum : a->scratch[k]);
    a->first[i] = first;
    a->count[i] = count;
}

static axis make_axis(wn__resizer *r, wn__filter filter, int in, int out)
{
    axis a = {.in = in, .out = out, .taps = taps_of(filter, in, out)};
    a.first = take(r, (size_t)out * sizeof(int));
    a.count = take(r, (size_t)out * sizeof(int));
    a.weight = take(r, (size_t)out * (size_t)a.taps * sizeof(int32_t));
    a.scratch = take(r, (size_t)a.taps * sizeof(double));
    for (int i = 0; i < out; i++)
        weigh_output(&a, filter, i);
    return a;
}

/* --- passes: a plane is (height, width) bytes, rows `pitch` apart -------------------------------------------------------------------- */

typedef struct plane {
    uint8_t *data;
    int64_t pitch;
} plane;

/* Row y of out from rows of in, of which `skipped` at the top are not there. */
static void pass_along_columns(const axis *a, plane in, int skipped, int width, plane out)
{
    const wn__resample_kernels *kernels = wn__resample_in_use();
    for (int y = 0; y < a->out; y++)
        kernels->weigh(in.data + (a->first[y] - skipped) * in.pitch, in.pitch, a->count[y], a->weight + (int64_t)y * a->taps, width,
                       out.data + y * out.pitch);
}

/* 8 x 8 bytes turned about their diagonal, in three steps of exchanging halves. */
static void transpose_block(const uint8_t *in, int64_t in_pitch, uint8_t *out, int64_t out_pitch)
{
    static const uint64_t masks[] = {0x00000000FFFFFFFF, 0x0000FFFF0000FFFF, 0x00FF00FF00FF00FF};
    uint64_t row[8];
    for (int i = 0; i < 8; i++)
        memcpy(&row[i], in + i * in_pitch, 8);
    for (int step = 0, half = 4; step < 3; step++, half /= 2) {
        for (int i = 0; i < 8; i++) {
            if (i & half) continue;
            const uint64_t exchanged = ((row[i] >> (8 * half)) ^ row[i + half]) & masks[step];
            row[i + half] ^= exchanged;
            row[i] ^= exchanged << (8 * half);
        }
    }
    for (int i = 0; i < 8; i++)
        memcpy(out + i * out_pitch, &row[i], 8);
}

/* Blocks at the end overlap those before. */
static void transpose(plane in, int height, int width, plane out)
{
    if (height < 8 || width < 8) {
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                out.data[x * out.pitch + y] = in.data[y * in.pitch + x];
        return;
    }
    for (int y = 0; y < height; y += 8) {
        const int from_y = y + 8 <= height ? y : height - 8;
        for (int x = 0; x < width; x += 8) {
            const int from_x = x + 8 <= width ? x : width - 8;
            transpose_block(in.data + from_y * in.pitch + from_x, in.pitch, out.data + from_x * out.pitch + from_y, out.pitch);
        }
    }
}

enum { TILE = 64 }; /* rows that are turned into columns, so that sums along rows become sums along columns */

static void pass_along_rows(const axis *a, plane in, int height, uint8_t *tiles, plane out)
{
    const plane before = {tiles, TILE}, after = {tiles + (size_t)a->in * TILE, TILE};
    for (int y = 0; y < height; y += TILE) {
        const int rows = height - y < TILE ? height - y : TILE;
        transpose((plane){in.data + y * in.pitch, in.pitch}, rows, a->in, before);
        pass_along_columns(a, before, 0, TILE, after);
        transpose(after, a->out, rows, (plane){out.data + y * out.pitch, out.pitch});
    }
}

static void copy_plane(plane in, int height, int width, plane out)
{
    for (int y = 0; y < height; y++)
        memcpy(out.data + y * out.pitch, in.data + y * in.pitch, (size_t)width);
}

/* --- both ------------------------------------------------------------------------------------------------------------------------ */

typedef struct passes {
    axis x, y;
    bool along_rows, along_columns; /* which are needed */
    bool rows_first;
    uint8_t *tiles, *between;
} passes;

static void resize_plane(const passes *p, plane in, plane out)
{
    if (!p->along_rows && !p->along_columns) return copy_plane(in, p->y.in, p->x.in, out);
    if (!p->along_rows) return pass_along_columns(&p->y, in, 0, p->x.in, out);
    if (!p->along_columns) return pass_along_rows(&p->x, in, p->y.in, p->tiles, out);
    if (p->rows_first) {
        const int first = p->y.first[0], last = p->y.first[p->y.out - 1] + p->y.count[p->y.out - 1];
        const plane between = {p->between, p->x.out};
        pass_along_rows(&p->x, (plane){in.data + first * in.pitch, in.pitch}, last - first, p->tiles, between);
        pass_along_columns(&p->y, between, first, p->x.out, out);
    } else {
        const plane between = {p->between, p->x.in};
        pass_along_columns(&p->y, in, 0, p->x.in, between);
        pass_along_rows(&p->x, between, p->y.out, p->tiles, out);
    }
}

static wn_status prepare(wn__resizer *r, wn__crop crop, const wn__resize_options *o, passes *p)
{
    const int h = crop.height, w = crop.width, shorter = h - o->height, narrower = w - o->width;
    const bool rows_first = o->rows_first || shorter <= 0 || shorter <= (int64_t)2 * narrower;
    const size_t between = rows_first ? (size_t)h * (size_t)o->width : (size_t)o->height * (size_t)w,
                 tiles = (size_t)TILE * ((size_t)w + (size_t)o->width);
    WN_TRY(make_room(r, axis_bytes(o->filter, w, o->width) + axis_bytes(o->filter, h, o->height) + rounded(tiles) + rounded(between)));
    *p = (passes){.along_rows = narrower != 0, .along_columns = shorter != 0, .rows_first = rows_first};
    p->x = make_axis(r, o->filter, w, o->width);
    p->y = make_axis(r, o->filter, h, o->height);
    p->tiles = take(r, tiles);
    p->between = take(r, between);
    return WN_OK;
}

/* Pillow goes from place to place by adding: what rounding brings beyond the end is black. */
static void nearest_places(int in, int out, int *place)
{
    const double step = scale_of(in, out);
    double at = step * 0.5;
    for (int i = 0; i < out; i++, at += step)
        place[i] = (int)at < in ? (int)at : -1;
}

static void nearest_plane(const int *from_y, const int *from_x, plane in, int height, int width, plane out)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            out.data[y * out.pitch + x] = from_y[y] < 0 || from_x[x] < 0 ? 0 : in.data[from_y[y] * in.pitch + from_x[x]];
}

static plane plane_of(const wn__pixels *p, int channel, int top, int left)
{
    return (plane){p->data + ((int64_t)channel * p->height + top) * p->width + left, p->width};
}

static wn_status resize_nearest(wn__resizer *r, const wn__pixels *in, wn__crop crop, wn__pixels *out)
{
    WN_TRY(make_room(r, rounded((size_t)out->height * sizeof(int)) + rounded((size_t)out->width * sizeof(int))));
    int *from_y = take(r, (size_t)out->height * sizeof(int)), *from_x = take(r, (size_t)out->width * sizeof(int));
    nearest_places(crop.height, out->height, from_y);
    nearest_places(crop.width, out->width, from_x);
    for (int c = 0; c < in->channels; c++)
        nearest_plane(from_y, from_x, plane_of(in, c, crop.top, crop.left), out->height, out->width, plane_of(out, c, 0, 0));
    return WN_OK;
}

wn_status wn__resize(wn__resizer *r, const wn__pixels *in, wn__crop crop, const wn__resize_options *options, wn__pixels *out)
{
    if (crop.top < 0 || crop.left < 0 || crop.height < 1 || crop.width < 1 || crop.height > in->height - crop.top ||
        crop.width > in->width - crop.left)
        return wn__fail(WN_EINVAL, "a part of %d x %d pixels at %d, %d of an image of %d x %d", crop.width, crop.height, crop.left,
                        crop.top, in->width, in->height);
    if (options->height < 1 || options->width < 1)
        return wn__fail(WN_EINVAL, "an image of %d x %d pixels is wanted, must be 1 x 1 at least", options->width, options->height);
    WN_TRY(wn__pixels_make(out, in->channels, options->height, options->width));
    if (options->filter == WN__FILTER_NEAREST) return resize_nearest(r, in, crop, out);
    passes p;
    WN_TRY(prepare(r, crop, options, &p));
    for (int c = 0; c < in->channels; c++)
        resize_plane(&p, plane_of(in, c, crop.top, crop.left), plane_of(out, c, 0, 0));
    return WN_OK;
}
