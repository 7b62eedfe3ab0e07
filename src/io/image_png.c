#include "io/image_format.h"

#include <string.h>

#include "base/fail.h"

static const uint8_t signature[8] = "\x89PNG\r\n\x1a\n";

static bool recognises(const uint8_t *bytes, size_t size)
{
    return size >= sizeof signature && memcmp(bytes, signature, sizeof signature) == 0;
}

#ifndef WN_HAVE_PNG

const wn__image_format wn__image_png = {.name = "PNG", .library = "libpng", .recognises = recognises};

#else

#include <setjmp.h>
#include <stdio.h>

#include <png.h>

#include "base/alloc.h"
#include "io/exif.h"

/* --- the header ------------------------------------------------------------------------------------------------------------------ */

static uint32_t four_bytes(const uint8_t *at) { return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]; }

/* Chunks: length, name, contents, checksum. */
enum { CHUNK_FRAME = 12, HEADER_LENGTH = 13 };

static int find_orientation(const uint8_t *bytes, size_t size)
{
    for (size_t at = sizeof signature; size - at >= CHUNK_FRAME;) {
        const size_t length = four_bytes(bytes + at);
        if (length > size - at - CHUNK_FRAME) break;
        if (memcmp(bytes + at + 4, "eXIf", 4) == 0) return wn__exif_orientation(bytes + at + 8, length);
        at += length + CHUNK_FRAME;
    }
    return 1;
}

static wn_status look(const uint8_t *bytes, size_t size, wn__image_info *info)
{
    const uint8_t *header = bytes + sizeof signature;
    if (size < sizeof signature + CHUNK_FRAME + HEADER_LENGTH) return wn__fail(WN_EFORMAT, "is a truncated PNG picture");
    if (memcmp(header + 4, "IHDR", 4) != 0) return wn__fail(WN_EFORMAT, "is a damaged PNG picture: it does not begin with IHDR");
    const uint32_t width = four_bytes(header + 8), height = four_bytes(header + 12);
    if (width > INT32_MAX || height > INT32_MAX) return wn__fail(WN_EFORMAT, "is a damaged PNG picture: its size is beyond 31 bits");
    info->width = (int)width;
    info->height = (int)height;
    const int color = header[17];
    info->channels = color == PNG_COLOR_TYPE_GRAY || color == PNG_COLOR_TYPE_GRAY_ALPHA ? 1 : 3;
    info->orientation = find_orientation(bytes, size);
    return WN_OK;
}

/* --- the library, which leaves by a jump when something is wrong ------------------------------------------------------------------- */

typedef struct reader {
    png_structp library;
    png_infop info;
    const uint8_t *at, *end; /* of the file */
    jmp_buf escape;
    char message[128]; /* of what was wrong */
    bool ended;        /* the bytes ended too early */
    uint8_t *pixels;   /* interleaved */
    png_bytepp rows;
} reader;

static _Noreturn void leave(png_structp library, png_const_charp message)
{
    reader *r = png_get_error_ptr(library);
    snprintf(r->message, sizeof r->message, "%s", message);
    longjmp(r->escape, 1);
}

static void say_nothing(png_structp library, png_const_charp message) { (void)library, (void)message; }

static void feed(png_structp library, png_bytep out, size_t size)
{
    reader *r = png_get_io_ptr(library);
    if (size > (size_t)(r->end - r->at)) {
        r->ended = true;
        longjmp(r->escape, 1);
    }
    memcpy(out, r->at, size);
    r->at += size;
}

/* 1 or 3 channels of 8 bits come out, without alpha. */
static void set_transformations(reader *r)
{
    png_set_keep_unknown_chunks(r->library, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_user_limits(r->library, INT32_MAX, INT32_MAX); /* the size was asked before */
    png_read_info(r->library, r->info);
    png_set_strip_16(r->library);
    png_set_palette_to_rgb(r->library);
    png_set_expand_gray_1_2_4_to_8(r->library);
    png_set_strip_alpha(r->library);
    png_set_interlace_handling(r->library);
    png_read_update_info(r->library, r->info);
}

static wn_status read_rows(reader *r, wn__pixels *pixels)
{
    const int channels = png_get_channels(r->library, r->info);
    const size_t pitch = png_get_rowbytes(r->library, r->info), height = (size_t)pixels->height;
    if (pitch != (size_t)channels * (size_t)pixels->width) png_error(r->library, "rows of another size");
    r->pixels = wn__alloc(pitch * height);
    r->rows = WN_NEW_ARRAY(png_bytep, pixels->height);
    if (!r->pixels || !r->rows) return wn__no_memory(pitch * height);
    for (size_t y = 0; y < height; y++)
        r->rows[y] = r->pixels + y * pitch;
    png_read_image(r->library, r->rows);
    for (int y = 0; y < pixels->height; y++)
        wn__pixels_put_row(pixels, y, r->rows[y], channels);
    return WN_OK;
}

static wn_status read_with(reader *r, wn__pixels *pixels)
{
    if (setjmp(r->escape) == 0) {
        r->library = png_create_read_struct(PNG_LIBPNG_VER_STRING, r, leave, say_nothing);
        r->info = r->library ? png_create_info_struct(r->library) : NULL;
        if (!r->info) return wn__no_memory(sizeof *r);
        png_set_read_fn(r->library, r, feed);
        set_transformations(r);
        return read_rows(r, pixels);
    }
    return wn__fail(WN_EFORMAT, r->ended ? "is a truncated PNG picture" : "is a damaged PNG picture (%s)", r->message);
}

static wn_status read(const uint8_t *bytes, size_t size, wn__pixels *pixels)
{
    reader *r = WN_NEW(reader);
    if (!r) return wn__no_memory(sizeof *r);
    r->at = bytes;
    r->end = bytes + size;
    const wn_status status = read_with(r, pixels);
    png_destroy_read_struct(&r->library, &r->info, NULL);
    wn__free(r->pixels);
    wn__free(r->rows);
    wn__free(r);
    return status;
}

const wn__image_format wn__image_png = {.name = "PNG", .library = "libpng", .recognises = recognises, .look = look, .read = read};

#endif
