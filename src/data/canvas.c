#include "data/canvas.h"

#include <string.h>

#include "base/fail.h"

void wn__canvas_begin(wn__canvas *c, int channels, int height, int width, const uint8_t *pixels)
{
    c->given = (wn__pixels){.channels = channels, .height = height, .width = width, .data = (uint8_t *)pixels}; /* not written */
    c->at = -1;
}

void wn__canvas_release(wn__canvas *c)
{
    wn__pixels_release(&c->own[0]);
    wn__pixels_release(&c->own[1]);
    wn__resizer_release(&c->resizer);
    *c = (wn__canvas){.at = -1};
}

const wn__pixels *wn__canvas_image(const wn__canvas *c) { return c->at < 0 ? &c->given : &c->own[c->at]; }
wn__pixels *wn__canvas_spare(wn__canvas *c) { return &c->own[c->at == 0]; }
void wn__canvas_turn(wn__canvas *c) { c->at = c->at == 0; }

wn_status wn__canvas_own(wn__canvas *c, wn__pixels **image)
{
    const wn__pixels *from = &c->given;
    if (c->at < 0) {
        WN_TRY(wn__pixels_make(&c->own[0], from->channels, from->height, from->width));
        memcpy(c->own[0].data, from->data, (size_t)from->channels * (size_t)from->height * (size_t)from->width);
        c->at = 0;
    }
    *image = &c->own[c->at];
    return WN_OK;
}

wn_status wn__canvas_resize(wn__canvas *c, wn__crop part, int height, int width, wn__filter filter)
{
    const wn__resize_options options = {.height = height, .width = width, .filter = filter};
    WN_TRY(wn__resize(&c->resizer, wn__canvas_image(c), part, &options, wn__canvas_spare(c)));
    wn__canvas_turn(c);
    return WN_OK;
}

wn_status wn__canvas_crop(wn__canvas *c, wn__crop part)
{
    const wn__pixels *from = wn__canvas_image(c);
    wn__pixels *to = wn__canvas_spare(c);
    WN_TRY(wn__pixels_make(to, from->channels, part.height, part.width));
    const int left = part.left < 0 ? -part.left : 0, /* columns in front of the image */
        end = from->width - part.left < part.width ? from->width - part.left : part.width;
    uint8_t *out = to->data;
    for (int p = 0; p < from->channels; p++)
        for (int y = part.top; y < part.top + part.height; y++, out += part.width) {
            const bool inside = y >= 0 && y < from->height;
            if (!inside || end - left < part.width) memset(out, 0, (size_t)part.width);
            if (!inside) continue;
            memcpy(out + left, from->data + ((size_t)p * (size_t)from->height + (size_t)y) * (size_t)from->width + part.left + left,
                   (size_t)(end - left));
        }
    wn__canvas_turn(c);
    return WN_OK;
}
