#include "data/augment.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

/* "pad-crop-4" or "pad-crop-4-reflect" */
static bool read_pad_crop(const char *item, wn__augment *a)
{
    static const char prefix[] = "pad-crop-";
    if (strncmp(item, prefix, strlen(prefix)) != 0) return false;
    char *end;
    const long pad = strtol(item + strlen(prefix), &end, 10);
    const bool reflect = strcmp(end, "-reflect") == 0;
    if (pad < 1 || pad > 64 || (*end && !reflect)) return false;
    a->pad = (int)pad;
    a->reflect = reflect;
    return true;
}

wn_status wn__augment_add(wn__augment *a, const char *item)
{
    if (read_pad_crop(item, a) || strcmp(item, "none") == 0) return WN_OK;
    if (strcmp(item, "flip") == 0) {
        a->flip = true;
        return WN_OK;
    }
    return wn__fail(WN_EUSAGE, "unknown augmentation '%s'; valid: pad-crop-P, pad-crop-P-reflect (P pixels, 1 to 64), flip, none", item);
}

bool wn__augment_is_none(const wn__augment *a) { return a->pad == 0 && !a->flip; }

/* The place inside 0..size-1 that a place beside the image mirrors, the edge not repeated. */
static int reflected(int at, int size) { return at < 0 ? -at : at >= size ? 2 * (size - 1) - at : at; }

static void copy_row(const uint8_t *in, uint8_t *out, int width, int shift, bool reflect)
{
    if (shift == 0) {
        memcpy(out, in, (size_t)width);
        return;
    }
    for (int x = 0; x < width; x++) {
        const int from = x + shift;
        if (reflect)
            out[x] = in[reflected(from, width)];
        else
            out[x] = from < 0 || from >= width ? 0 : in[from];
    }
}

static void mirror_row(uint8_t *row, int width)
{
    for (int x = 0; x < width / 2; x++) {
        const uint8_t left = row[x];
        row[x] = row[width - 1 - x];
        row[width - 1 - x] = left;
    }
}

void wn__augment_image(const wn__augment *a, uint64_t seed, int64_t epoch, int64_t sample, int channels, int height, int width,
                       const uint8_t *in, uint8_t *out)
{
    wn__rng r = wn__rng_make(seed, WN__FOR_AUGMENT, (uint64_t)epoch, (uint64_t)sample);
    wn__augment_draw(a, &r, channels, height, width, in, out);
}

void wn__augment_draw(const wn__augment *a, wn__rng *r, int channels, int height, int width, const uint8_t *in, uint8_t *out)
{
    const int places = 2 * a->pad + 1;
    const int down = (int)wn__rng_below(r, (uint64_t)places) - a->pad, right = (int)wn__rng_below(r, (uint64_t)places) - a->pad;
    const bool mirror = (wn__rng_u64(r) >> 63) && a->flip;
    for (int c = 0; c < channels; c++) {
        for (int y = 0; y < height; y++, out += width) {
            const int from = a->reflect ? reflected(y + down, height) : y + down;
            if (from < 0 || from >= height)
                memset(out, 0, (size_t)width);
            else
                copy_row(in + ((int64_t)c * height + from) * width, out, width, right, a->reflect);
            if (mirror) mirror_row(out, width);
        }
    }
}
