#include "io/image_format.h"

#include <string.h>

#include "base/fail.h"

static bool recognises(const uint8_t *bytes, size_t size)
{
    return size >= 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0;
}

#ifndef WN_HAVE_WEBP

const wn__image_format wn__image_webp = {.name = "WebP", .library = "libwebp", .recognises = recognises};

#else

#include <webp/decode.h>

#include "base/alloc.h"
#include "io/exif.h"

static wn_status fail_with(VP8StatusCode code)
{
    switch (code) {
    case VP8_STATUS_OUT_OF_MEMORY: return wn__no_memory(0);
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_NOT_ENOUGH_DATA: return wn__fail(WN_EFORMAT, "is a truncated WebP picture");
    case VP8_STATUS_UNSUPPORTED_FEATURE: return wn__fail(WN_EUNSUPPORTED, "is a WebP picture of a kind that libwebp does not read");
    default: return wn__fail(WN_EFORMAT, "is a damaged WebP picture");
    }
}

/* Chunks: name, little-endian length, contents, padded to even lengths. */
static int find_orientation(const uint8_t *bytes, size_t size)
{
    for (size_t at = 12; at <= size && size - at >= 8;) {
        const uint8_t *chunk = bytes + at;
        const size_t length = chunk[4] | (size_t)chunk[5] << 8 | (size_t)chunk[6] << 16 | (size_t)chunk[7] << 24;
        if (length > size - at - 8) break;
        if (memcmp(chunk, "EXIF", 4) == 0) {
            const size_t prefix = length >= 6 && memcmp(chunk + 8, "Exif\0", 6) == 0 ? 6 : 0;
            return wn__exif_orientation(chunk + 8 + prefix, length - prefix);
        }
        at += 8 + length + length % 2;
    }
    return 1;
}

static wn_status look(const uint8_t *bytes, size_t size, wn__image_info *info)
{
    WebPBitstreamFeatures features;
    const VP8StatusCode code = WebPGetFeatures(bytes, size, &features);
    if (code != VP8_STATUS_OK) return fail_with(code);
    if (features.has_animation) return wn__fail(WN_EUNSUPPORTED, "is an animated WebP picture; valid: one of a single frame");
    info->width = features.width;
    info->height = features.height;
    info->channels = 3;
    info->orientation = find_orientation(bytes, size);
    return WN_OK;
}

static wn_status read(const uint8_t *bytes, size_t size, wn__pixels *pixels)
{
    const size_t pitch = 3 * (size_t)pixels->width, whole = pitch * (size_t)pixels->height;
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config))
        return wn__fail(WN_EUNSUPPORTED, "is a WebP picture; the libwebp here has another version than the build's");
    uint8_t *rows = wn__alloc(whole);
    if (!rows) return wn__no_memory(whole);
    config.output =
        (WebPDecBuffer){.colorspace = MODE_RGB, .is_external_memory = 1, .u.RGBA = {.rgba = rows, .stride = (int)pitch, .size = whole}};
    const VP8StatusCode code = WebPDecode(bytes, size, &config);
    if (code == VP8_STATUS_OK)
        for (int y = 0; y < pixels->height; y++)
            wn__pixels_put_row(pixels, y, rows + (size_t)y * pitch, 3);
    wn__free(rows);
    return code == VP8_STATUS_OK ? WN_OK : fail_with(code);
}

const wn__image_format wn__image_webp = {.name = "WebP", .library = "libwebp", .recognises = recognises, .look = look, .read = read};

#endif
