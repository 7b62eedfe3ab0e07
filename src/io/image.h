/* Pictures in files: JPEG, PNG and WebP, told by their contents. What comes out equals what Pillow gives (convert('RGB'), convert('L')),
 * byte for byte, but for PNG's 16-bit gray, of which the high byte is taken (Pillow cuts off at 255).
 *
 *     wn__pixels pixels = {0};
 *     WN_TRY(wn__image_decode("cat.jpg", bytes, size, &(wn__image_options){.color = WN__COLOR_RGB}, &pixels));
 *     wn__pixels_release(&pixels);
 *
 * Each format is one file and one line of io/image_list.h, and needs a library that a build may lack (WINNOW_JPEG, WINNOW_PNG, WINNOW_WEBP). */
#ifndef WN_IO_IMAGE_H
#define WN_IO_IMAGE_H

#include "io/image_format.h"

typedef enum wn__image_color {
    WN__COLOR_STORED, /* one channel of gray pictures, three of all others */
    WN__COLOR_RGB,
    WN__COLOR_GRAY
} wn__image_color;

enum { WN__IMAGE_MOST_PIXELS = 178956970 }; /* Pillow's bound */

typedef struct wn__image_options {
    wn__image_color color;
    bool upright;        /* turned as EXIF asks; torchvision and Pillow do not by themselves */
    int64_t most_pixels; /* height * width, asked before anything is allocated; 0: WN__IMAGE_MOST_PIXELS */
} wn__image_options;

/* Failures begin with `label`: a file of another kind is called what it is, a damaged or truncated one so (WN_EFORMAT); a variant or a size
 * that is not read, or a format whose library the build lacks: WN_EUNSUPPORTED. bytes may be NULL with size 0. */
wn_status wn__image_look(const char *label, const void *bytes, size_t size, wn__image_info *info);
/* pixels: zeroed or of an earlier call, whose memory is used again. After a failure it can be used again or released. */
wn_status wn__image_decode(const char *label, const void *bytes, size_t size, const wn__image_options *options, wn__pixels *pixels);

#endif
