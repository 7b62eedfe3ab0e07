/* What the library makes of pictures, for test/io/pillow_images.py. Reads lines "COLOR ORIENT PATH" (stored, rgb or gray; plain or upright);
 * answers each with "CHANNELS HEIGHT WIDTH SHA256" of the planes, or "failed MESSAGE". */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "io/digest.h"
#include "io/image.h"

static wn_status dump(const char *color, const char *orient, const char *path, wn__pixels *pixels)
{
    const wn__image_options options = {.color = strcmp(color, "rgb") == 0    ? WN__COLOR_RGB
                                                : strcmp(color, "gray") == 0 ? WN__COLOR_GRAY
                                                                             : WN__COLOR_STORED,
                                       .upright = strcmp(orient, "upright") == 0};
    char digest[WN__SHA256_TEXT];
    char *bytes;
    size_t size;
    WN_TRY(wn__file_read(path, &bytes, &size));
    const wn_status status = wn__image_decode(path, bytes, size, &options, pixels);
    wn__free(bytes);
    if (status != WN_OK) return status;
    WN_TRY(wn__sha256(pixels->data, (size_t)pixels->channels * (size_t)pixels->height * (size_t)pixels->width, digest));
    printf("%d %d %d %s\n", pixels->channels, pixels->height, pixels->width, digest);
    return WN_OK;
}

int main(void)
{
    wn__pixels pixels = {0};
    char color[16], orient[16], path[4096];
    while (scanf("%15s %15s %4095[^\n]", color, orient, path) == 3)
        if (dump(color, orient, path, &pixels) != WN_OK) printf("failed %s\n", wn_error_message());
    wn__pixels_release(&pixels);
    return 0;
}
