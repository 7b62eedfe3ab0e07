/* What lists of transforms make of pictures, for test/io/torchvision_transforms.py. Reads pairs of lines, "SEED EPOCH SAMPLE LIST" (as a recipe has it)
 * and the picture's path. Answers each with "HEIGHT WIDTH SHA256 SHA256": of the bytes, and of the normalised floats; or "failed MESSAGE". */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "io/digest.h"
#include "io/image.h"
#include "recipe/recipe.h"

static wn_status decode(const char *path, wn__pixels *pixels)
{
    char *bytes;
    size_t size;
    WN_TRY(wn__file_read(path, &bytes, &size));
    const wn_status status = wn__image_decode(path, bytes, size, &(wn__image_options){.color = WN__COLOR_RGB}, pixels);
    wn__free(bytes);
    return status;
}

static wn_status read_list(const char *text, wn__recipe *r)
{
    wn__yaml *doc;
    WN_TRY(wn__yaml_parse("list", text, strlen(text), &doc));
    const wn_status status = wn__recipe_read_augment(r, wn__yaml_root(doc));
    wn__yaml_free(doc);
    return status;
}

static wn_status dump(const wn__transforms *list, wn__draw draw, const wn__pixels *picture)
{
    static wn__canvas canvas;
    char digests[2][WN__SHA256_TEXT];
    wn__normalize normalize = {.kind = WN__NORMALIZE_MEAN_STD, .std = {1, 1, 1}};
    wn__canvas_begin(&canvas, picture->channels, picture->height, picture->width, picture->data);
    WN_TRY(wn__transforms_pixels(list, draw, &canvas));
    const wn__pixels *image = wn__canvas_image(&canvas);
    const size_t count = (size_t)image->channels * (size_t)image->height * (size_t)image->width;
    float *input = wn__alloc(count * sizeof *input);
    if (!input) return wn__no_memory(count);
    wn__transforms_normalize(list, image->channels, &normalize);
    wn__normalize_image(&normalize, image->channels, (int64_t)image->height * image->width, image->data, input);
    wn__transforms_input(list, draw, image->channels, image->height, image->width, input);
    wn_status status = wn__sha256(image->data, count, digests[0]);
    if (status == WN_OK) status = wn__sha256(input, count * sizeof *input, digests[1]);
    wn__free(input);
    if (status == WN_OK) printf("%d %d %s %s\n", image->height, image->width, digests[0], digests[1]);
    return status;
}

static wn_status answer(wn__draw draw, const char *text, const char *path)
{
    static wn__pixels decoded;
    wn__recipe *r = WN_NEW(wn__recipe);
    if (!r) return wn__no_memory(sizeof *r);
    wn_status status = read_list(text, r);
    if (status == WN_OK) status = decode(path, &decoded);
    if (status == WN_OK) status = dump(&r->data.transforms, draw, &decoded);
    wn__recipe_free(r);
    return status;
}

int main(void)
{
    wn__draw draw;
    char text[2048], path[4096];
    while (scanf("%" SCNu64 " %" SCNd64 " %" SCNd64 " %2047[^\n] %4095[^\n]", &draw.seed, &draw.epoch, &draw.sample, text, path) == 5)
        if (answer(draw, text, path) != WN_OK) printf("failed %s\n", wn_error_message());
    return 0;
}
