/* What the library makes of pictures, for test/io/pillow_images.py. Reads lines "COLOR ORIENT ACTION PATH": stored, rgb or gray; plain or upright;
 * none, FILTER:TOP,LEFT,HEIGHT,WIDTH:HEIGHT,WIDTH, CHANGE:AMOUNT, or rand:OPERATION,MAGNITUDE,NEGATIVE. Answers each with
 * "CHANNELS HEIGHT WIDTH SHA256" of the planes, or "failed MESSAGE". */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "data/colors.h"
#include "data/rand_augment.h"
#include "data/resize.h"
#include "io/digest.h"
#include "io/image.h"

static wn_status decode(const char *color, const char *orient, const char *path, wn__pixels *pixels)
{
    const wn__image_options options = {.color = strcmp(color, "rgb") == 0    ? WN__COLOR_RGB
                                                : strcmp(color, "gray") == 0 ? WN__COLOR_GRAY
                                                                             : WN__COLOR_STORED,
                                       .upright = strcmp(orient, "upright") == 0};
    char *bytes;
    size_t size;
    WN_TRY(wn__file_read(path, &bytes, &size));
    const wn_status status = wn__image_decode(path, bytes, size, &options, pixels);
    wn__free(bytes);
    return status;
}

static wn_status resize(const char *action, const wn__pixels *in, wn__pixels *out)
{
    static const char *const filters[] = {"nearest", "bilinear", "bicubic"};
    static wn__resizer resizer;
    char filter[16];
    wn__crop crop;
    wn__resize_options o = {0};
    if (sscanf(action, "%15[a-z]:%d,%d,%d,%d:%d,%d", filter, &crop.top, &crop.left, &crop.height, &crop.width, &o.height, &o.width) != 7)
        return wn__fail(WN_EUSAGE, "action %s", action);
    while (o.filter < WN__FILTER_BICUBIC && strcmp(filters[o.filter], filter) != 0)
        o.filter++;
    return wn__resize(&resizer, in, crop, &o, out);
}

static wn_status change(const char *name, double amount, wn__pixels *p)
{
    static const struct {
        const char *name;
        void (*change)(wn__pixels *p, double amount);
    } changes[] = {{"brightness", wn__change_brightness},
                   {"contrast", wn__change_contrast},
                   {"saturation", wn__change_saturation},
                   {"hue", wn__change_hue},
                   {"solarize", wn__solarize}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        if (strcmp(changes[i].name, name) == 0) {
            changes[i].change(p, amount);
            return WN_OK;
        }
    return wn__fail(WN_EUSAGE, "change %s", name);
}

/* p may have changed places with spare. */
static wn_status augment(const char *action, wn__pixels *p, wn__pixels *spare)
{
    int operation, magnitude, negative;
    char name[16];
    double amount;
    if (strcmp(action, "none") == 0) return WN_OK;
    if (sscanf(action, "rand:%d,%d,%d", &operation, &magnitude, &negative) == 3)
        return wn__rand_augment_apply(operation, magnitude, negative != 0, p, spare);
    if (sscanf(action, "%15[a-z]:%lf", name, &amount) != 2) return wn__fail(WN_EUSAGE, "action %s", action);
    if (strcmp(name, "sharpness") != 0) return change(name, amount, p);
    WN_TRY(wn__change_sharpness(p, amount, spare));
    const wn__pixels kept = *p;
    *p = *spare;
    *spare = kept;
    return WN_OK;
}

static wn_status dump(const wn__pixels *p)
{
    char digest[WN__SHA256_TEXT];
    WN_TRY(wn__sha256(p->data, (size_t)p->channels * (size_t)p->height * (size_t)p->width, digest));
    printf("%d %d %d %s\n", p->channels, p->height, p->width, digest);
    return WN_OK;
}

static wn_status answer(const char *color, const char *orient, const char *action, const char *path)
{
    static wn__pixels decoded, resized;
    WN_TRY(decode(color, orient, path, &decoded));
    if (!strstr(action, "near") && strncmp(action, "bi", 2) != 0) {
        WN_TRY(augment(action, &decoded, &resized));
        return dump(&decoded);
    }
    WN_TRY(resize(action, &decoded, &resized));
    return dump(&resized);
}

int main(void)
{
    char color[16], orient[16], action[128], path[4096];
    while (scanf("%15s %15s %127s %4095[^\n]", color, orient, action, path) == 4)
        if (answer(color, orient, action, path) != WN_OK) printf("failed %s\n", wn_error_message());
    return 0;
}
