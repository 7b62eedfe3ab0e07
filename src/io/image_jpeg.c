#include "io/image_format.h"

#include <string.h>

#include "base/fail.h"

/* Markers: a byte FF, then one of these. */
enum {
    START_OF_IMAGE = 0xD8,
    END_OF_IMAGE = 0xD9,
    START_OF_SCAN = 0xDA,
    FIRST_RESTART = 0xD0,
    LAST_RESTART = 0xD7,
    EXIF = 0xE1,
    TEMPORARY = 0x01
};

static bool recognises(const uint8_t *bytes, size_t size) { return size >= 3 && memcmp(bytes, "\xFF\xD8\xFF", 3) == 0; }

#ifndef WN_HAVE_JPEG

const wn__image_format wn__image_jpeg = {.name = "JPEG", .library = "libjpeg-turbo", .recognises = recognises};

#else

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include "base/alloc.h"
#include "io/exif.h"

static wn_status truncated(void) { return wn__fail(WN_EFORMAT, "is a truncated JPEG picture"); }

/* --- the header ------------------------------------------------------------------------------------------------------------------ */

static int two_bytes(const uint8_t *at) { return at[0] << 8 | at[1]; }

/* Start-of-frame markers: C0 to CF without tables of Huffman codes, extensions, and arithmetic conditioning. */
static bool is_frame(int marker) { return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC; }

/* Why a frame is not read; NULL if it is. Some versions of the library read some of them: here all builds read the same. */
static const char *unread_kind(int marker)
{
    if (marker <= 0xC2) return NULL; /* baseline, extended, progressive */
    if (marker == 0xC3) return "lossless";
    if (marker <= 0xC7) return "hierarchical";
    return "arithmetic-coded";
}

static wn_status read_frame(int marker, const uint8_t *segment, int length, wn__image_info *info)
{
    const char *unread = unread_kind(marker);
    if (unread) return wn__fail(WN_EUNSUPPORTED, "is a JPEG picture of the %s kind; valid: baseline and progressive", unread);
    if (length < 6) return wn__fail(WN_EFORMAT, "is a damaged JPEG picture: its frame header has %d bytes", length);
    if (segment[0] != 8) return wn__fail(WN_EUNSUPPORTED, "is a JPEG picture with %d bits a sample; valid: 8", segment[0]);
    info->height = two_bytes(segment + 1);
    info->width = two_bytes(segment + 3);
    const int components = segment[5];
    if (components != 1 && components != 3 && components != 4)
        return wn__fail(WN_EUNSUPPORTED, "is a JPEG picture with %d components; valid: 1, 3, 4", components);
    info->channels = components == 1 ? 1 : 3;
    return WN_OK;
}

/* Segments up to the first scan; bytes between them that are no marker are passed over, as the library does. */
static wn_status look(const uint8_t *bytes, size_t size, wn__image_info *info)
{
    for (size_t at = 2; at + 1 < size;) {
        const int marker = bytes[at + 1];
        if (bytes[at] != 0xFF || marker == 0xFF || marker == 0) {
            at++;
            continue;
        }
        at += 2;
        if (marker == START_OF_IMAGE || marker == TEMPORARY || (marker >= FIRST_RESTART && marker <= LAST_RESTART)) continue;
        if (marker == START_OF_SCAN || marker == END_OF_IMAGE) {
            if (info->channels > 0) return WN_OK;
            return wn__fail(WN_EFORMAT, "is a damaged JPEG picture: it has no frame header");
        }
        if (at + 2 > size) return truncated();
        const int length = two_bytes(bytes + at) - 2;
        if (length < 0) return wn__fail(WN_EFORMAT, "is a damaged JPEG picture: a segment has a length below 2");
        at += 2;
        if ((size_t)length > size - at) return truncated();
        if (is_frame(marker)) WN_TRY(read_frame(marker, bytes + at, length, info));
        if (marker == EXIF && length > 6 && memcmp(bytes + at, "Exif\0", 6) == 0)
            info->orientation = wn__exif_orientation(bytes + at + 6, (size_t)length - 6);
        at += (size_t)length;
    }
    return truncated();
}

/* --- the library, which leaves by a jump when something is wrong ------------------------------------------------------------------- */

enum { MOST_SCANS = 500 }; /* a small file can ask for very many passes over a large picture */

typedef struct reader {
    struct jpeg_decompress_struct library;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    char message[JMSG_LENGTH_MAX]; /* of what was wrong */
    bool ended;                    /* the bytes ended too early */
    uint8_t *row;
} reader;

static reader *reader_of(j_common_ptr library) { return library->client_data; }

static _Noreturn void leave(j_common_ptr library)
{
    reader *r = reader_of(library);
    library->err->format_message(library, r->message);
    longjmp(r->escape, 1);
}

static void say_nothing(j_common_ptr library, int level) { (void)library, (void)level; }
static void do_nothing(j_decompress_ptr library) { (void)library; }

static boolean at_the_end(j_decompress_ptr library)
{
    reader *r = library->client_data;
    r->ended = true;
    longjmp(r->escape, 1);
}

static void skip(j_decompress_ptr library, long count)
{
    if (count <= 0) return;
    if ((size_t)count > library->src->bytes_in_buffer) at_the_end(library);
    library->src->next_input_byte += count;
    library->src->bytes_in_buffer -= (size_t)count;
}

static void count_scans(j_common_ptr library)
{
    reader *r = reader_of(library);
    if (r->library.input_scan_number <= MOST_SCANS) return;
    snprintf(r->message, sizeof r->message, "more than %d scans", MOST_SCANS);
    longjmp(r->escape, 1);
}

static void open_reader(reader *r, const uint8_t *bytes, size_t size)
{
    r->library.err = jpeg_std_error(&r->errors);
    r->errors.error_exit = leave;
    r->errors.emit_message = say_nothing;
    r->library.client_data = r;
    jpeg_create_decompress(&r->library);
    r->source = (struct jpeg_source_mgr){.next_input_byte = bytes,
                                         .bytes_in_buffer = size,
                                         .init_source = do_nothing,
                                         .fill_input_buffer = at_the_end,
                                         .skip_input_data = skip,
                                         .resync_to_restart = jpeg_resync_to_restart,
                                         .term_source = do_nothing};
    r->library.src = &r->source;
    r->progress.progress_monitor = count_scans;
    r->library.progress = &r->progress;
}

static void read_rows(reader *r, wn__pixels *pixels)
{
    struct jpeg_decompress_struct *library = &r->library;
    jpeg_read_header(library, TRUE);
    const int components = library->num_components;
    library->out_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_start_decompress(library);
    if ((int)library->output_width != pixels->width || (int)library->output_height != pixels->height ||
        library->output_components != components) {
        snprintf(r->message, sizeof r->message, "its size changes");
        longjmp(r->escape, 1);
    }
    while (library->output_scanline < library->output_height) {
        const int y = (int)library->output_scanline;
        jpeg_read_scanlines(library, &r->row, 1);
        if (components == 4)
            wn__pixels_put_cmyk_row(pixels, y, r->row);
        else
            wn__pixels_put_row(pixels, y, r->row, components);
    }
}

static wn_status read_with(reader *r, const uint8_t *bytes, size_t size, wn__pixels *pixels)
{
    r->row = wn__alloc(4 * (size_t)pixels->width);
    if (!r->row) return wn__no_memory(4 * (size_t)pixels->width);
    if (setjmp(r->escape) == 0) {
        open_reader(r, bytes, size);
        read_rows(r, pixels);
        return WN_OK;
    }
    return r->ended ? truncated() : wn__fail(WN_EFORMAT, "is a damaged JPEG picture (%s)", r->message);
}

static wn_status read(const uint8_t *bytes, size_t size, wn__pixels *pixels)
{
    reader *r = WN_NEW(reader);
    if (!r) return wn__no_memory(sizeof *r);
    const wn_status status = read_with(r, bytes, size, pixels);
    jpeg_destroy_decompress(&r->library);
    wn__free(r->row);
    wn__free(r);
    return status;
}

const wn__image_format wn__image_jpeg = {.name = "JPEG", .library = "libjpeg-turbo", .recognises = recognises, .look = look, .read = read};

#endif
