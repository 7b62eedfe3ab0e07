#include "io/exif.h"

#include <stdbool.h>

enum { HEADER = 8, ENTRY = 12, ORIENTATION = 0x0112 };

static uint32_t number(const uint8_t *at, int bytes, bool big)
{
    uint32_t n = 0;
    for (int i = 0; i < bytes; i++)
        n |= (uint32_t)at[i] << (big ? 8 * (bytes - 1 - i) : 8 * i);
    return n;
}

/* TIFF: byte order, 42, place of the first directory: a count, then entries of tag, type, count and value. */
int wn__exif_orientation(const uint8_t *tiff, size_t size)
{
    if (size < HEADER || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M')) return 1;
    const bool big = tiff[0] == 'M';
    const size_t directory = number(tiff + 4, 4, big);
    if (number(tiff + 2, 2, big) != 42 || directory > size || size - directory < 2) return 1;
    size_t entries = number(tiff + directory, 2, big);
    for (const uint8_t *at = tiff + directory + 2; entries-- > 0 && (size_t)(tiff + size - at) >= ENTRY; at += ENTRY) {
        if (number(at, 2, big) != ORIENTATION) continue;
        const uint32_t value = number(at + 8, 2, big);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}
