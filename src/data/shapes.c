#include "data/shapes.h"

#include <math.h>

#include "base/rng.h"

/* An image is a stack of figures, each an outline filled with a texture: the background, clutter, the object, an occluder.
 * Outlines are given by approximate signed distances (negative inside) in a frame of their own, where they have a radius of
 * about 1; an affine map takes pixels there, and the distance, back in pixels, gives the antialiased edge. */

enum { SIDE = WN__SHAPES_SIDE, AREA = SIDE * SIDE, LATTICE = 8 };

typedef struct map { /* pixel (x, y) -> u = ux x + uy y + u0, v = vx x + vy y + v0 */
    float ux, uy, u0, vx, vy, v0;
} map;

typedef enum texture_kind { FLAT, STRIPES, CHECKS, MOTTLE, TEXTURE_KINDS } texture_kind;

typedef struct texture { /* colour = base + value * delta, value 0..1 */
    texture_kind kind;
    map map;
    float sharpness;
    float lattice[LATTICE][LATTICE];
    float base[3], delta[3];
} texture;

typedef float outline(float u, float v);

/* Where and how large an outline is drawn. */
typedef struct figure {
    outline *outline;
    float cx, cy;  /* pixel that its origin falls on */
    float scale;   /* pixels per unit */
    float stretch; /* longer along u and thinner along v by this factor */
    float shear;
    float c, s; /* rotation: cosine and sine */
} figure;

static float minimum(float a, float b) { return a < b ? a : b; }
static float maximum(float a, float b) { return a > b ? a : b; }
static float clamp01(float a) { return minimum(maximum(a, 0.0f), 1.0f); }
static float length(float u, float v) { return sqrtf(u * u + v * v); }

/* ---- outlines ---- */

static float disc(float u, float v) { return length(u, v) - 0.9f; }

static float ring(float u, float v) { return fabsf(length(u, v) - 0.7f) - 0.25f; }

static float square(float u, float v) { return maximum(fabsf(u), fabsf(v)) - 0.78f; }

static float triangle(float u, float v) { return maximum(-v, 0.8660254f * fabsf(u) + 0.5f * v) - 0.56f; }

static float hexagon(float u, float v) { return maximum(fabsf(v), 0.8660254f * fabsf(u) + 0.5f * fabsf(v)) - 0.83f; }

static float cross(float u, float v)
{
    const float a = fabsf(u), b = fabsf(v);
    return maximum(minimum(a, b) - 0.32f, maximum(a, b) - 0.95f);
}

/* Five points: reflect into the sector of 36 degrees at a tip (0, 1.05), where one straight edge is left. */
static float star(float u, float v)
{
    const float c = 0.80901699f, s = 0.58778525f; /* of 36 degrees */
    u = fabsf(u);
    const float first = 2.0f * maximum(c * u - s * v, 0.0f);
    u -= c * first;
    v += s * first;
    const float second = 2.0f * maximum(-c * u - s * v, 0.0f);
    u += c * second;
    v += s * second;
    return 0.933f * fabsf(u) + 0.360f * v - 0.378f;
}

static float crescent(float u, float v) { return maximum(length(u, v) - 0.95f, 0.76f - length(u - 0.45f, v)); }

/* A square on its tip and a disc on each of its upper edges. */
static float heart(float u, float v)
{
    const float a = fabsf(u), b = v + 0.1f;
    return minimum((a + fabsf(b) - 0.78f) * 0.70710678f, length(a - 0.39f, b - 0.39f) - 0.5515433f);
}

static float arrow(float u, float v)
{
    const float a = fabsf(u);
    const float head = maximum(0.785f * a + 0.62f * (v - 1.0f), 0.05f - v), shaft = maximum(a - 0.26f, fabsf(v + 0.45f) - 0.5f);
    return minimum(head, shaft);
}

static float everywhere(float u, float v)
{
    (void)u, (void)v;
    return -1e6f;
}

static outline *const class_outlines[WN__SHAPES_CLASSES] = {disc, ring, square, triangle, star, cross, crescent, heart, hexagon, arrow};

const char *const wn__shapes_class_names[WN__SHAPES_CLASSES] = {"disc",  "ring",     "square", "triangle", "star",
                                                                "cross", "crescent", "heart",  "hexagon",  "arrow"};

/* Undoes, last to first: shear, stretch, scale, rotate, move. */
static map to_frame(const figure *f)
{
    const float a = 1.0f / (f->stretch * f->scale), b = f->stretch / f->scale, h = f->shear / f->scale;
    map m = {.ux = a * f->c + h * f->s, .uy = a * f->s - h * f->c, .vx = -b * f->s, .vy = b * f->c};
    m.u0 = -(m.ux * f->cx + m.uy * f->cy);
    m.v0 = -(m.vx * f->cx + m.vy * f->cy);
    return m;
}

/* ---- random choices ---- */

static float between(wn__rng *rng, float low, float high) { return low + (high - low) * wn__rng_uniform(rng); }

/* A uniform direction without trigonometry: a point of the unit disc, by rejection, normalised. */
static void random_direction(wn__rng *rng, float *c, float *s)
{
    float u, v, r2;
    do {
        u = between(rng, -1.0f, 1.0f);
        v = between(rng, -1.0f, 1.0f);
        r2 = u * u + v * v;
    } while (r2 > 1.0f || r2 < 0.01f);
    const float r = sqrtf(r2);
    *c = u / r;
    *s = v / r;
}

static void random_point(wn__rng *rng, figure *f)
{
    f->cx = between(rng, 0.0f, SIDE);
    f->cy = between(rng, 0.0f, SIDE);
}

/* Within about 30 degrees of upright. */
static void nearly_upright(wn__rng *rng, float *c, float *s)
{
    const float tangent = between(rng, -0.6f, 0.6f);
    *c = 1.0f / length(1.0f, tangent);
    *s = tangent * *c;
}

static void random_texture(wn__rng *rng, texture *t, const float colour[3])
{
    t->kind = (texture_kind)wn__rng_below(rng, TEXTURE_KINDS);
    const float period = between(rng, 3.0f, 9.0f);
    figure grid = {.scale = period, .stretch = 1.0f};
    random_point(rng, &grid);
    random_direction(rng, &grid.c, &grid.s);
    t->map = to_frame(&grid);
    t->sharpness = between(rng, 0.6f, 4.0f);
    if (t->kind == MOTTLE)
        for (int i = 0; i < LATTICE * LATTICE; i++)
            t->lattice[i / LATTICE][i % LATTICE] = wn__rng_uniform(rng);
    const float strength = between(rng, 0.0f, 0.7f);
    for (int k = 0; k < 3; k++) {
        t->base[k] = colour[k];
        t->delta[k] = t->kind == FLAT ? 0.0f : clamp01(colour[k] + strength * between(rng, -1.0f, 1.0f)) - colour[k];
    }
}

static void random_colour(wn__rng *rng, float colour[3])
{
    for (int k = 0; k < 3; k++)
        colour[k] = wn__rng_uniform(rng);
}

/* A colour that differs from `other` by at least `contrast` in some channel: one too near is moved half way round the range. */
static void contrasting_colour(wn__rng *rng, const float other[3], float contrast, float colour[3])
{
    random_colour(rng, colour);
    float difference = 0.0f;
    for (int k = 0; k < 3; k++)
        difference = maximum(difference, fabsf(colour[k] - other[k]));
    if (difference >= contrast) return;
    for (int k = 0; k < 3; k++)
        colour[k] += colour[k] < 0.5f ? 0.5f : -0.5f;
}

/* ---- painting ---- */

static float triangle_wave(float a) { return fabsf(2.0f * (a - floorf(a)) - 1.0f); }

static float mottle(const texture *t, float u, float v)
{
    const float fu = floorf(u), fv = floorf(v), a = u - fu, b = v - fv;
    const int i = (int)fu & (LATTICE - 1), j = (int)fv & (LATTICE - 1), i1 = (i + 1) & (LATTICE - 1), j1 = (j + 1) & (LATTICE - 1);
    const float low = t->lattice[i][j] + a * (t->lattice[i1][j] - t->lattice[i][j]);
    const float high = t->lattice[i][j1] + a * (t->lattice[i1][j1] - t->lattice[i][j1]);
    return low + b * (high - low);
}

static float texture_value(const texture *t, float x, float y)
{
    const float u = t->map.ux * x + t->map.uy * y + t->map.u0, v = t->map.vx * x + t->map.vy * y + t->map.v0;
    switch (t->kind) {
    case STRIPES: return clamp01(0.5f + t->sharpness * (triangle_wave(u) - 0.5f));
    case CHECKS: return clamp01(0.5f + 2.0f * t->sharpness * (triangle_wave(u) - 0.5f) * (triangle_wave(v) - 0.5f));
    case MOTTLE: return mottle(t, u, v);
    default: return 0.0f;
    }
}

static int clamp_pixel(float a) { return a < 0.0f ? 0 : a > SIDE ? SIDE : (int)a; }

static void draw(const figure *f, const texture *t, float canvas[3][AREA])
{
    const map m = to_frame(f);
    const float pixels = f->scale / f->stretch; /* to one unit of distance across a line; its ends come out softer */
    const float reach = 1.3f * f->scale * (f->stretch + fabsf(f->shear)) + 1.0f;
    const int left = clamp_pixel(f->cx - reach), right = clamp_pixel(f->cx + reach + 1.0f);
    const int top = clamp_pixel(f->cy - reach), bottom = clamp_pixel(f->cy + reach + 1.0f);
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++) {
            const float fx = (float)x, fy = (float)y;
            const float distance = f->outline(m.ux * fx + m.uy * fy + m.u0, m.vx * fx + m.vy * fy + m.v0);
            const float cover = clamp01(0.5f - pixels * distance);
            if (cover <= 0.0f) continue;
            const float value = texture_value(t, fx, fy);
            for (int k = 0; k < 3; k++) {
                float *pixel = &canvas[k][y * SIDE + x];
                *pixel += cover * (t->base[k] + value * t->delta[k] - *pixel);
            }
        }
}

/* A line, a blob or a small figure at f's place and scale, filled with `colour`. */
static void draw_clutter(wn__rng *rng, figure *f, const float colour[3], float canvas[3][AREA])
{
    texture t;
    random_texture(rng, &t, colour);
    random_direction(rng, &f->c, &f->s);
    f->stretch = 1.0f;
    switch (wn__rng_below(rng, 3)) {
    case 0:
        f->outline = square;
        f->stretch = between(rng, 2.0f, 4.0f);
        break;
    case 1:
        f->outline = disc;
        f->stretch = between(rng, 1.0f, 2.0f);
        break;
    default: f->outline = class_outlines[wn__rng_below(rng, WN__SHAPES_CLASSES)];
    }
    draw(f, &t, canvas);
}

/* Light that falls off linearly in a random direction, then noise (triangular, independent per value), then 8 bits. */
static void expose(wn__rng *rng, float canvas[3][AREA], uint8_t *pixels)
{
    float c, s;
    random_direction(rng, &c, &s);
    const float slope = between(rng, 0.0f, 0.45f) / 16.0f, noise = between(rng, 0.02f, 0.4f) / 255.0f;
    for (int i = 0; i < AREA; i++) {
        const float light = 1.0f + slope * (c * ((float)(i % SIDE) - 15.5f) + s * ((float)(i / SIDE) - 15.5f));
        for (int k = 0; k < 3; k++)
            canvas[k][i] *= light;
    }
    for (int i = 0; i < 3 * AREA; i += 2) {
        const uint32_t r = wn__rng_u32(rng);
        const int first = (int)(r & 255) + (int)(r >> 8 & 255) - 255, second = (int)(r >> 16 & 255) + (int)(r >> 24) - 255;
        const float *value = &canvas[i / AREA][i % AREA];
        pixels[i] = (uint8_t)(clamp01(value[0] + noise * (float)first) * 255.0f + 0.5f);
        pixels[i + 1] = (uint8_t)(clamp01(value[1] + noise * (float)second) * 255.0f + 0.5f);
    }
}

/* A rather dark ground and a rather bright object: with no such rule small networks take very long to find out what an edge is. */
static void random_colours(wn__rng *rng, float ground[3], float object[3])
{
    random_colour(rng, ground);
    contrasting_colour(rng, ground, 0.2f, object);
    for (int k = 0; k < 3; k++) {
        ground[k] = 0.55f * ground[k];
        object[k] = 0.45f + 0.55f * object[k];
    }
}

static void draw_ground(wn__rng *rng, const float ground[3], const float object[3], float canvas[3][AREA])
{
    texture t;
    random_texture(rng, &t, ground);
    draw(&(figure){.outline = everywhere, .cx = SIDE / 2, .cy = SIDE / 2, .scale = SIDE, .stretch = 1.0f, .c = 1.0f}, &t, canvas);
    for (uint64_t n = wn__rng_below(rng, 6); n > 0; n--) {
        figure f = {.scale = between(rng, 1.5f, 3.5f)};
        random_point(rng, &f);
        float colour[3];
        random_colour(rng, colour);
        draw_clutter(rng, &f, wn__rng_uniform(rng) < 0.3f ? object : colour, canvas);
    }
}

static void draw_object(wn__rng *rng, outline *shape, const float colour[3], figure *f, float canvas[3][AREA])
{
    texture t;
    random_texture(rng, &t, colour);
    f->outline = shape;
    f->scale = between(rng, 4.0f, 11.0f);
    const float margin = 0.9f * f->scale;
    f->cx = between(rng, margin, SIDE - 1 - margin);
    f->cy = between(rng, margin, SIDE - 1 - margin);
    f->stretch = between(rng, 0.85f, 1.2f);
    f->shear = between(rng, -0.25f, 0.25f);
    nearly_upright(rng, &f->c, &f->s);
    draw(f, &t, canvas);
}

/* Something small across the object's edge, in a colour of its own or in that of the ground. */
static void draw_occluder(wn__rng *rng, const figure *object, const float ground[3], float canvas[3][AREA])
{
    float c, s, colour[3];
    random_direction(rng, &c, &s);
    random_colour(rng, colour);
    const float away = object->scale * between(rng, 0.3f, 1.0f);
    figure f = {.cx = object->cx + away * c, .cy = object->cy + away * s, .scale = between(rng, 1.5f, 3.5f)};
    draw_clutter(rng, &f, wn__rng_uniform(rng) < 0.3f ? ground : colour, canvas);
}

void wn__shapes_image(uint64_t data_seed, uint64_t index, uint8_t *pixels, int *label)
{
    wn__rng rng = wn__rng_make(data_seed, WN__FOR_SHAPES, index, 0);
    *label = (int)wn__rng_below(&rng, WN__SHAPES_CLASSES);

    float canvas[3][AREA] = {{0}}, ground[3], colour[3];
    random_colours(&rng, ground, colour);
    draw_ground(&rng, ground, colour, canvas);
    figure object;
    draw_object(&rng, class_outlines[*label], colour, &object, canvas);
    if (wn__rng_uniform(&rng) < 0.8f) draw_occluder(&rng, &object, ground, canvas);
    expose(&rng, canvas, pixels);
}
