#include "base/alloc.h"
#include "io/digest.h"
#include "io/file_kind.h"
#include "io/image.h"
#include "scratch_folder.h"

static const wn__image_options as_rgb = {.color = WN__COLOR_RGB};

#if defined(WN_HAVE_JPEG) || defined(WN_HAVE_PNG) || defined(WN_HAVE_WEBP)
static const wn__image_options as_stored = {0};

/* A picture to be packed: interleaved, smooth. */
enum { HEIGHT = 19, WIDTH = 26 };
static uint8_t picture[HEIGHT][WIDTH][4];

static void draw(void)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            for (int c = 0; c < 4; c++)
                picture[y][x][c] = (uint8_t)(20 + 3 * x + (2 + c) * y + 20 * c);
}
#endif

static void check_fails(const void *bytes, size_t size, wn_status status, const char *why)
{
    wn__pixels pixels = {0};
    CHECK_STATUS(wn__image_decode("some.file", bytes, size, &as_rgb, &pixels), status);
    CHECK_HAS_TEXT(wn_error_message(), "some.file: ");
    CHECK_HAS_TEXT(wn_error_message(), why);
    wn__pixels_release(&pixels);
}

/* ---- pixels */

TEST(every_orientation_of_exif_puts_the_first_row_where_it_says)
{
    /* 1 2 3 / 4 5 6 as each orientation shows it, by columns 2 or 3 */
    static const char *const shown[9] = {NULL, "123456", "321654", "654321", "456123", "142536", "415263", "635241", "362514"};
    for (int orientation = 0; orientation < 11; orientation++) {
        const bool valid = orientation >= 1 && orientation <= 8, exchanged = valid && orientation >= 5;
        wn__pixels p = {0};
        CHECK_OK(wn__pixels_make(&p, 1, 2, 3));
        memcpy(p.data, "123456", 6);
        CHECK_OK(wn__pixels_orient(&p, orientation));
        CHECK_EQ_INT(p.height, exchanged ? 3 : 2);
        CHECK_EQ_INT(p.width, exchanged ? 2 : 3);
        CHECK(memcmp(p.data, valid ? shown[orientation] : "123456", 6) == 0);
        wn__pixels_release(&p);
    }
}

TEST(rows_become_planes_and_change_between_gray_and_colour)
{
    uint8_t row[6] = {10, 20, 30, 200, 100, 0};
    wn__pixels p = {0};
    CHECK_OK(wn__pixels_make(&p, 3, 1, 2));
    wn__pixels_put_row(&p, 0, row, 3);
    CHECK(memcmp(p.data, (uint8_t[]){10, 200, 20, 100, 30, 0}, 6) == 0);
    wn__pixels_put_row(&p, 0, row, 1);
    CHECK(memcmp(p.data, (uint8_t[]){10, 20, 10, 20, 10, 20}, 6) == 0);
    const uint8_t *kept = p.data;
    CHECK_OK(wn__pixels_make(&p, 1, 1, 2));
    CHECK(p.data == kept); /* memory is used again */
    wn__pixels_put_row(&p, 0, row, 3);
    CHECK(memcmp(p.data, (uint8_t[]){18, 118}, 2) == 0); /* 0.299, 0.587, 0.114 */
    wn__pixels_release(&p);
}

/* ---- what is no picture of ours */

TEST(files_of_other_kinds_are_called_what_they_are)
{
    static const struct {
        const char *bytes;
        const char *name;
    } kinds[] = {
        {"GIF89a........", "a GIF picture"},
        {"BM..............", "a BMP picture"},
        {"\x49\x49*\0........", "a TIFF picture"},
        {"\n<!DOCTYPE HTML><html>", "an HTML page"},
        {"<html>", "an HTML page"},
        {"version https://git-lfs.github.com/spec/v1\noid sha256:12", "a Git LFS pointer"},
        {"\x1F\x8B..............", "packed by gzip"},
        {"PK\x03\x04............", "a zip archive"},
        {"....ftypavif", "an AVIF picture"},
        {"P6 2 2 255 ", "a PPM picture"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        check_fails(kinds[i].bytes, strlen(kinds[i].bytes) < 5 ? 12 : strlen(kinds[i].bytes), WN_EFORMAT, kinds[i].name);
    check_fails(NULL, 0, WN_EFORMAT, "an empty file");
    check_fails("what is this", 12, WN_EFORMAT, "is no JPEG, PNG or WebP picture");
    CHECK(wn__file_kind("what is this", 12) == NULL);
}

/* ---- PNG */

#ifdef WN_HAVE_PNG
#include <png.h>
#include <zlib.h>

typedef struct packed {
    uint8_t bytes[1 << 16];
    size_t size;
} packed;

static void collect(png_structp library, png_bytep bytes, size_t size)
{
    packed *p = png_get_io_ptr(library);
    memcpy(p->bytes + p->size, bytes, size);
    p->size += size;
}

static void no_flush(png_structp library) { (void)library; }

/* rows: as PNG lays them out, `pitch` bytes each. */
static void pack_png(int color, int bits, bool interlaced, const void *rows, size_t pitch, packed *out)
{
    png_structp library = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(library);
    out->size = 0;
    png_set_write_fn(library, out, collect, no_flush);
    png_set_IHDR(library, info, WIDTH, HEIGHT, bits, color, interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (color == PNG_COLOR_TYPE_PALETTE) {
        png_color palette[16];
        png_byte alpha[16] = {0};
        for (int i = 0; i < 16; i++)
            palette[i] = (png_color){(png_byte)(i * 10), (png_byte)(255 - i), (png_byte)(i * i)};
        png_set_PLTE(library, info, palette, 1 << (bits < 4 ? bits : 4));
        png_set_tRNS(library, info, alpha, 2, NULL);
    }
    png_bytep pointers[HEIGHT];
    for (int y = 0; y < HEIGHT; y++)
        pointers[y] = (png_bytep)rows + (size_t)y * pitch;
    png_set_rows(library, info, pointers);
    png_write_png(library, info, PNG_TRANSFORM_IDENTITY, NULL);
    png_destroy_write_struct(&library, &info);
}

static wn__pixels unpack(const packed *p, const wn__image_options *options)
{
    wn__pixels pixels = {0};
    CHECK_OK(wn__image_decode("made", p->bytes, p->size, options, &pixels));
    CHECK_EQ_INT(pixels.height, HEIGHT);
    CHECK_EQ_INT(pixels.width, WIDTH);
    return pixels;
}

static int pixel(const wn__pixels *p, int c, int y, int x) { return p->data[(c * HEIGHT + y) * WIDTH + x]; }

static const wn__image_options as_gray = {.color = WN__COLOR_GRAY};
static packed file;
static uint8_t rows[HEIGHT][8 * WIDTH];

TEST(png_gives_back_colours_without_alpha_also_of_16_bits_and_interlaced)
{
    draw();
    for (int kind = 0; kind < 8; kind++) {
        const int bytes = kind & 1 ? 2 : 1, channels = kind & 2 ? 4 : 3;
        for (int i = 0; i < HEIGHT * WIDTH * channels; i++) {
            const int y = i / (WIDTH * channels), x = i / channels % WIDTH;
            uint8_t *at = &rows[y][i % (WIDTH * channels) * bytes];
            at[0] = picture[y][x][i % channels];
            if (bytes == 2) at[1] = 200; /* the low byte is dropped, not rounded */
        }
        pack_png(channels == 4 ? PNG_COLOR_TYPE_RGB_ALPHA : PNG_COLOR_TYPE_RGB, 8 * bytes, kind & 4, rows, sizeof *rows, &file);
        wn__pixels p = unpack(&file, &as_stored);
        CHECK_EQ_INT(p.channels, 3);
        for (int i = 0; i < 3 * HEIGHT * WIDTH; i++)
            CHECK_EQ_INT(p.data[i], picture[i / WIDTH % HEIGHT][i % WIDTH][i / WIDTH / HEIGHT]);
        wn__pixels_release(&p);
    }
}

TEST(png_gray_and_palettes_of_few_bits_are_spread_over_eight)
{
    for (int bits = 1; bits <= 8; bits *= 2) {
        const int top = (1 << bits) - 1, colors = bits < 4 ? 1 << bits : 16;
        for (int palette = 0; palette < 2; palette++) {
            memset(rows, 0, sizeof rows);
            for (int y = 0; y < HEIGHT; y++)
                for (int x = 0; x < WIDTH; x++)
                    rows[y][x * bits / 8] |= (uint8_t)((x + y) % (palette ? colors : top + 1) << (8 - bits - x * bits % 8));
            pack_png(palette ? PNG_COLOR_TYPE_PALETTE : PNG_COLOR_TYPE_GRAY, bits, false, rows, sizeof *rows, &file);
            wn__pixels p = unpack(&file, &as_stored), gray = unpack(&file, &as_gray), rgb = unpack(&file, &as_rgb);
            CHECK_EQ_INT(p.channels, palette ? 3 : 1);
            CHECK_EQ_INT(gray.channels, 1);
            CHECK_EQ_INT(rgb.channels, 3);
            for (int i = 0; i < HEIGHT * WIDTH; i++) {
                const int y = i / WIDTH, x = i % WIDTH, value = (x + y) % (palette ? colors : top + 1);
                CHECK_EQ_INT(pixel(&p, 0, y, x), palette ? value * 10 : value * 255 / top);
                CHECK_EQ_INT(pixel(&rgb, 2, y, x), palette ? value * value : value * 255 / top);
            }
            wn__pixels_release(&p);
            wn__pixels_release(&gray);
            wn__pixels_release(&rgb);
        }
    }
}

TEST(a_png_cut_anywhere_or_damaged_is_refused)
{
    draw();
    pack_png(PNG_COLOR_TYPE_RGB_ALPHA, 8, true, picture, sizeof *picture, &file);
    const size_t last = file.size - 12; /* IEND may be missing */
    for (size_t size = 8; size < last; size++) {
        wn__pixels p = {0};
        CHECK_STATUS(wn__image_decode("made", file.bytes, size, &as_rgb, &p), WN_EFORMAT);
        CHECK_HAS_TEXT(wn_error_message(), "truncated PNG");
        wn__pixels_release(&p);
    }
    file.bytes[60] ^= 1;
    check_fails(file.bytes, file.size, WN_EFORMAT, "damaged PNG");
}

TEST(a_picture_of_fifty_thousand_pixels_each_way_is_refused_before_anything_is_allocated)
{
    uint8_t *header = file.bytes + 8;
    pack_png(PNG_COLOR_TYPE_GRAY, 8, false, rows, sizeof *rows, &file);
    memcpy(header + 8, "\0\0\xC3\x50\0\0\xC3\x50", 8);
    const uint32_t checksum = (uint32_t)crc32(0, header + 4, 17);
    for (int i = 0; i < 4; i++)
        header[21 + i] = (uint8_t)(checksum >> (24 - 8 * i));
    wn__image_info info;
    CHECK_OK(wn__image_look("made", file.bytes, file.size, &info));
    CHECK_EQ_INT(info.width, 50000);
    const int64_t calls = wn__alloc_statistics().calls;
    check_fails(file.bytes, file.size, WN_EUNSUPPORTED, "50000 x 50000 pixels, more than the limit of 178956970");
    CHECK_EQ_INT(wn__alloc_statistics().calls, calls);
    wn__pixels p = {0};
    pack_png(PNG_COLOR_TYPE_GRAY, 8, false, rows, sizeof *rows, &file);
    const wn__image_options small = {.most_pixels = HEIGHT * WIDTH - 1}, enough = {.most_pixels = HEIGHT * WIDTH};
    CHECK_STATUS(wn__image_decode("made", file.bytes, file.size, &small, &p), WN_EUNSUPPORTED);
    CHECK_OK(wn__image_decode("made", file.bytes, file.size, &enough, &p));
    wn__pixels_release(&p);
}
#endif

/* ---- WebP */

#ifdef WN_HAVE_WEBP
#include <webp/encode.h>

TEST(webp_gives_back_colours_without_alpha)
{
    uint8_t *bytes = NULL;
    draw();
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            picture[y][x][3] |= 1; /* colours that nobody sees are not kept */
    const size_t size = WebPEncodeLosslessRGBA(&picture[0][0][0], WIDTH, HEIGHT, sizeof *picture, &bytes);
    wn__pixels p = {0};
    CHECK_OK(wn__image_decode("made", bytes, size, &as_stored, &p));
    CHECK_EQ_INT(p.channels, 3);
    for (int i = 0; i < 3 * HEIGHT * WIDTH; i++)
        CHECK_EQ_INT(p.data[i], picture[i / WIDTH % HEIGHT][i % WIDTH][i / WIDTH / HEIGHT]);
    check_fails(bytes, size - 20, WN_EFORMAT, "truncated WebP");
    check_fails(bytes, 16, WN_EFORMAT, "truncated WebP");
    memset(bytes + 24, 0xAA, size - 24);
    check_fails(bytes, size, WN_EFORMAT, "damaged WebP");
    wn__pixels_release(&p);
    WebPFree(bytes);
}
#endif

/* ---- JPEG */

#ifdef WN_HAVE_JPEG
#include <jpeglib.h>

static uint8_t exif[] = "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"; /* orientation 6 */

/* The first `components` of the picture's channels. Free with free. */
static unsigned char *pack_jpeg(int components, bool progressive, int restart, bool turned, unsigned long *size)
{
    struct jpeg_compress_struct library;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    draw();
    library.err = jpeg_std_error(&errors);
    jpeg_create_compress(&library);
    *size = 0;
    jpeg_mem_dest(&library, &bytes, size);
    library.image_width = WIDTH;
    library.image_height = HEIGHT;
    library.input_components = components;
    library.in_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&library);
    jpeg_set_quality(&library, 98, TRUE);
    library.restart_interval = (unsigned)restart;
    if (progressive) jpeg_simple_progression(&library);
    jpeg_start_compress(&library, TRUE);
    if (turned) jpeg_write_marker(&library, JPEG_APP0 + 1, exif, sizeof exif);
    while (library.next_scanline < HEIGHT) {
        uint8_t row[4 * WIDTH], *pointer = row;
        for (int i = 0; i < WIDTH * components; i++)
            row[i] = picture[library.next_scanline][i / components][i % components];
        jpeg_write_scanlines(&library, &pointer, 1);
    }
    jpeg_finish_compress(&library);
    jpeg_destroy_compress(&library);
    return bytes;
}

TEST(jpeg_of_gray_colour_progressive_and_restart_markers_is_near_what_was_packed)
{
    for (int kind = 0; kind < 6; kind++) {
        unsigned long size;
        const int components = kind & 1 ? 3 : 1;
        unsigned char *bytes = pack_jpeg(components, kind / 2 == 1, kind / 2 == 2 ? 1 : 0, false, &size);
        wn__pixels p = {0};
        CHECK_OK(wn__image_decode("made", bytes, size, &as_stored, &p));
        CHECK_EQ_INT(p.channels, components);
        for (int i = 0; i < components * HEIGHT * WIDTH; i++)
            CHECK_NEAR(p.data[i], picture[i / WIDTH % HEIGHT][i % WIDTH][i / WIDTH / HEIGHT], 8, 0);
        wn__pixels_release(&p);
        free(bytes);
    }
}

TEST(jpeg_of_cmyk_is_taken_as_inverted)
{
    unsigned long size;
    unsigned char *bytes = pack_jpeg(4, false, 0, false, &size);
    wn__pixels p = {0};
    CHECK_OK(wn__image_decode("made", bytes, size, &as_stored, &p));
    CHECK_EQ_INT(p.channels, 3);
    for (int i = 0; i < HEIGHT * WIDTH; i++) {
        const uint8_t *ink = picture[i / WIDTH][i % WIDTH];
        CHECK_NEAR(p.data[i], ink[0] * ink[3] / 255, 6, 0);
    }
    wn__pixels_release(&p);
    free(bytes);
}

TEST(jpeg_is_turned_upright_on_request_alone)
{
    unsigned long size;
    unsigned char *bytes = pack_jpeg(3, false, 0, true, &size);
    wn__image_info info;
    wn__pixels plain = {0}, upright = {0};
    CHECK_OK(wn__image_look("made", bytes, size, &info));
    CHECK_EQ_INT(info.orientation, 6);
    CHECK_OK(wn__image_decode("made", bytes, size, &as_rgb, &plain));
    CHECK_EQ_INT(plain.height, HEIGHT);
    CHECK_OK(wn__image_decode("made", bytes, size, &(wn__image_options){.color = WN__COLOR_RGB, .upright = true}, &upright));
    CHECK_EQ_INT(upright.height, WIDTH);
    for (int i = 0; i < HEIGHT * WIDTH; i++) /* the left column is shown as the top row, from below */
        CHECK_EQ_INT(upright.data[i % WIDTH * HEIGHT + HEIGHT - 1 - i / WIDTH], plain.data[i]);
    wn__pixels_release(&plain);
    wn__pixels_release(&upright);
    free(bytes);
}

TEST(jpeg_kinds_that_are_not_read_are_named)
{
    unsigned long size;
    unsigned char *bytes = pack_jpeg(3, false, 0, false, &size);
    uint8_t *frame = bytes;
    while (frame[0] != 0xFF || frame[1] != 0xC0)
        frame++;
    const struct {
        int at, value;
        const char *why;
    } changes[] = {{1, 0xC3, "lossless kind"},  {1, 0xC5, "hierarchical kind"}, {1, 0xC9, "arithmetic-coded kind"},
                   {4, 12, "12 bits a sample"}, {9, 2, "2 components"},         {1, 0xC4, "damaged JPEG"}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        const uint8_t kept = frame[changes[i].at];
        frame[changes[i].at] = (uint8_t)changes[i].value;
        check_fails(bytes, size, i < 5 ? WN_EUNSUPPORTED : WN_EFORMAT, changes[i].why);
        frame[changes[i].at] = kept;
    }
    frame[5] = frame[6] = 0; /* no height: it would be told behind the pixels */
    check_fails(bytes, size, WN_EFORMAT, "has 26 x 0 pixels");
    free(bytes);
}

TEST(a_jpeg_cut_anywhere_is_called_truncated)
{
    for (int progressive = 0; progressive < 2; progressive++) {
        unsigned long size;
        unsigned char *bytes = pack_jpeg(3, progressive, 0, false, &size);
        for (unsigned long cut = 3; cut < size - 12; cut++)
            check_fails(bytes, cut, WN_EFORMAT, "truncated JPEG");
        free(bytes);
    }
}
#endif

/* ---- pictures of others */

/* A path in the shared data, valid for the next 7 calls. */
static const char *shared_path(const char *folder, const char *name)
{
    static char paths[8][1024];
    static int turn;
    char *path = paths[turn++ % 8];
    const char *data = getenv("WINNOW_DATA");
    if (!data || !*data) SKIP("WINNOW_DATA is not set");
    snprintf(path, sizeof paths[0], "%s/%s", data, folder);
    if (!wn__folder_exists(path)) SKIP("WINNOW_DATA has no such folder");
    snprintf(path, sizeof paths[0], "%s/%s/%s", data, folder, name);
    return path;
}

#ifdef WN_HAVE_JPEG
static wn_status decode_file(const char *path, const wn__image_options *options, wn__pixels *pixels)
{
    char *bytes;
    size_t size;
    CHECK_OK(wn__file_read(path, &bytes, &size));
    const wn_status status = wn__image_decode(path, bytes, size, options, pixels);
    wn__free(bytes);
    return status;
}

static size_t bytes_of(const wn__pixels *p) { return (size_t)p->channels * (size_t)p->height * (size_t)p->width; }

/* Digests of what Pillow 13.0 gives, planes red, green, blue. */
TEST(jpeg_of_less_usual_kinds_equals_pillow)
{
    static const struct {
        const char *name;
        int width, height;
        const char *digest;
    } files[] = {
        {"jpg-cmyk-1.jpg", 32, 32, "5880d54035d4894eb1b07f6e3f7c9581e677eca3c1676ca9fcb161f8ad81cd2c"},
        {"jpg-cmyk-2.jpg", 256, 256, "00094a5db1238af98d7385a4d4f60ad413536b218a4630cb6b5abedb7c4f7be5"},
        {"restarts.jpg", 33, 33, "183e4d6feaebf2b0b102ebd166c457fceeab70a8a3792907d7e45bd5c060b762"},
        {"rgb.jpg", 500, 333, "76e89058ded4bdc714607a0de340ea2a6d8427a9bd17f537e491436f9939782a"},
        {"tower_grayscale.jpg", 512, 512, "a0607a6fb005c0e6b80c6f4d85171b9f25d4503505bfe32f4cf737fcbd4b4479"},
        {"tower_progressive.jpg", 512, 512, "93a88cb38db236b91639be69a5d2f095cdea2e7fe193dbd3bb6199076da54812"},
        {"ycck.jpg", 500, 333, "4f8e9cc6150713e79cfa01cbfd574438ea06854232aa980c201f9f10dcb878f5"},
    };
    wn__pixels p = {0};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char digest[WN__SHA256_TEXT];
        CHECK_OK(decode_file(shared_path("jpeg-variants", files[i].name), &as_rgb, &p));
        CHECK_EQ_INT(p.width, files[i].width);
        CHECK_EQ_INT(p.height, files[i].height);
        CHECK_OK(wn__sha256(p.data, bytes_of(&p), digest));
        CHECK_EQ_TEXT(digest, files[i].digest);
    }
    wn__pixels_release(&p);
}

/* What djpeg writes: a header, then interleaved pixels. */
static void check_equals_djpeg(const char *path, const wn__pixels *p)
{
    char *command = NULL, kind;
    int width, height, most;
    CHECK(asprintf(&command, "djpeg -pnm '%s'", path) > 0);
    FILE *pipe = popen(command, "r");
    CHECK(pipe != NULL && fscanf(pipe, "P%c %d %d %d", &kind, &width, &height, &most) == 4 && fgetc(pipe) == '\n');
    CHECK_EQ_INT(kind == '6' ? 3 : 1, p->channels);
    CHECK_EQ_INT(width, p->width);
    CHECK_EQ_INT(height, p->height);
    for (int i = 0; i < width * height; i++)
        for (int c = 0; c < p->channels; c++)
            if (fgetc(pipe) != p->data[c * width * height + i]) WN_TEST_FAIL("%s: pixel %d, channel %d differs from djpeg's", path, i, c);
    CHECK_EQ_INT(fgetc(pipe), EOF);
    CHECK_EQ_INT(pclose(pipe), 0);
    free(command);
}

TEST(jpeg_equals_djpeg_on_photographs)
{
    char **classes, **names, path[1024];
    int count, files;
    wn__pixels p = {0};
    const char *folder = shared_path("imagenet-sample", "");
    if (system("command -v djpeg >/dev/null") != 0) SKIP("no djpeg (Debian: libjpeg-turbo-progs)");
    CHECK_OK(wn__list_folder(folder, &classes, &count));
    for (int i = 0; i < count; i += 5) {
        const char *class_folder = shared_path("imagenet-sample", classes[i]);
        if (!wn__folder_exists(class_folder)) continue;
        CHECK_OK(wn__list_folder(class_folder, &names, &files));
        snprintf(path, sizeof path, "%s/%s", class_folder, names[0]);
        wn__free_names(names, files);
        CHECK_OK(decode_file(path, &as_stored, &p));
        check_equals_djpeg(path, &p);
    }
    wn__free_names(classes, count);
    wn__pixels_release(&p);
}
#endif

TEST(the_gif_among_photographs_is_named)
{
    char *bytes;
    size_t size;
    CHECK_OK(wn__file_read(shared_path("hymenoptera", "train/ants/imageNotFound.gif"), &bytes, &size));
    check_fails(bytes, size, WN_EFORMAT, "is a GIF picture; valid: JPEG, PNG, WebP");
    wn__free(bytes);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {
        RUN(every_orientation_of_exif_puts_the_first_row_where_it_says),
        RUN(rows_become_planes_and_change_between_gray_and_colour),
        RUN(files_of_other_kinds_are_called_what_they_are),
#ifdef WN_HAVE_PNG
        RUN(png_gives_back_colours_without_alpha_also_of_16_bits_and_interlaced),
        RUN(png_gray_and_palettes_of_few_bits_are_spread_over_eight),
        RUN(a_png_cut_anywhere_or_damaged_is_refused),
        RUN(a_picture_of_fifty_thousand_pixels_each_way_is_refused_before_anything_is_allocated),
#endif
#ifdef WN_HAVE_WEBP
        RUN(webp_gives_back_colours_without_alpha),
#endif
#ifdef WN_HAVE_JPEG
        RUN(jpeg_of_gray_colour_progressive_and_restart_markers_is_near_what_was_packed),
        RUN(jpeg_of_cmyk_is_taken_as_inverted),
        RUN(jpeg_is_turned_upright_on_request_alone),
        RUN(jpeg_kinds_that_are_not_read_are_named),
        RUN(a_jpeg_cut_anywhere_is_called_truncated),
        RUN(jpeg_of_less_usual_kinds_equals_pillow),
        RUN(jpeg_equals_djpeg_on_photographs),
#endif
        RUN(the_gif_among_photographs_is_named),
        {0},
    };
    return wn_test_main(argc, argv, tests);
}
