/* PNG files that a test makes: zlib and CRCs alone, so that no library of pictures is needed to write them. */
#ifndef WN_TEST_TINY_PNG_H
#define WN_TEST_TINY_PNG_H

#include <zlib.h>

#include "base/files.h"
#include "base/text.h"
#include "test.h"

static inline void tiny_png_number(wn__text *t, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
    wn__text_add_bytes(t, bytes, 4);
}

static inline void tiny_png_chunk(wn__text *t, const char *kind, const void *data, size_t size)
{
    tiny_png_number(t, (uint32_t)size);
    wn__text_add_bytes(t, kind, 4);
    wn__text_add_bytes(t, data, size);
    tiny_png_number(t, (uint32_t)crc32(crc32(0, (const Bytef *)kind, 4), data, (uInt)size));
}

/* planes: (3, height, width). */
static inline void tiny_png_planes(const char *path, int height, int width, const uint8_t *planes)
{
    const size_t row = (size_t)width * 3 + 1, area = (size_t)height * (size_t)width;
    uint8_t *raw = calloc((size_t)height, row), header[13] = {0};
    uLongf packed_size = compressBound((uLong)((size_t)height * row));
    uint8_t *packed = malloc(packed_size);
    wn__text png = {0};
    CHECK(raw && packed);
    for (size_t i = 0; i < area * 3; i++)
        raw[i % area / (size_t)width * row + 1 + i % (size_t)width * 3 + i / area] = planes[i];
    CHECK(compress2(packed, &packed_size, raw, (uLong)((size_t)height * row), 1) == Z_OK);
    for (int i = 0; i < 4; i++) {
        header[i] = (uint8_t)((uint32_t)width >> (24 - 8 * i));
        header[4 + i] = (uint8_t)((uint32_t)height >> (24 - 8 * i));
    }
    header[8] = 8;
    header[9] = 2;
    wn__text_add_bytes(&png, "\x89PNG\r\n\x1a\n", 8);
    tiny_png_chunk(&png, "IHDR", header, sizeof header);
    tiny_png_chunk(&png, "IDAT", packed, packed_size);
    tiny_png_chunk(&png, "IEND", NULL, 0);
    CHECK_OK(wn__file_write(path, png.data, png.size));
    wn__text_release(&png);
    free(raw);
    free(packed);
}

/* Of one colour. */
static inline void tiny_png(const char *path, int height, int width, const uint8_t color[3])
{
    const size_t area = (size_t)height * (size_t)width;
    uint8_t *planes = malloc(3 * area);
    CHECK(planes != NULL);
    for (size_t c = 0; c < 3; c++)
        memset(planes + c * area, color[c], area);
    tiny_png_planes(path, height, width, planes);
    free(planes);
}

#endif
