#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "io/image.h"

/* What is decoded has the size that the header said, and the same pixels again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const wn__image_options options = {.upright = true, .most_pixels = 1 << 18};
    wn__image_info info;
    wn__pixels pixels = {0}, again = {0};
    if (wn__image_look("input", data, size, &info) == WN_OK && wn__image_decode("input", data, size, &options, &pixels) == WN_OK) {
        const size_t bytes = (size_t)pixels.channels * (size_t)pixels.height * (size_t)pixels.width;
        if (bytes != (size_t)info.channels * (size_t)info.height * (size_t)info.width) abort();
        if (wn__image_decode("input", data, size, &options, &again) != WN_OK || memcmp(pixels.data, again.data, bytes) != 0) abort();
    }
    wn__pixels_release(&pixels);
    wn__pixels_release(&again);
    return 0;
}
