/* Pictures to inputs, as evaluation sees them. */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "data/picture_fit.h"
#include "handle/handle.h"
#include "io/image.h"

/* As the file says; a setting of sets of pictures. */
static bool is_upright(const wn__data_section *d, const wn__yaml_node *section)
{
    char shown[16];
    const wn__setting *row = d->type && d->type->settings ? wn__settings_find(d->type->settings, "upright") : NULL;
    const wn__yaml_node *node = row ? NULL : wn__yaml_find(section, "upright"); /* of a set that is not here */
    const char *text = row ? wn__settings_show(row, d->config, shown, sizeof shown) : node ? wn__yaml_text(node) : NULL;
    return text && strcmp(text, "true") == 0;
}

static wn_status decode(wn_network *net, const char *label, const void *bytes, size_t size)
{
    const wn__recipe *r = net->shared->recipe;
    const wn_graph *g = net->net.graph;
    if (g->c != 1 && g->c != 3) return wn__fail(WN_EUNSUPPORTED, "%s: its inputs have %d channels, pictures 1 or 3", g->name, (int)g->c);
    const wn__image_options options = {.color = g->c == 1 ? WN__COLOR_GRAY : WN__COLOR_RGB,
                                       .upright = is_upright(&r->data, wn__yaml_find(wn__yaml_root(r->doc), "data"))};
    return wn__image_decode(label, bytes, size, &options, &net->picture);
}

static wn_status fit(wn_network *net)
{
    const wn__transforms *list = &net->shared->recipe->data.fit;
    const int height = (int)net->net.graph->h, width = (int)net->net.graph->w;
    const wn__pixels *p = &net->picture;
    wn__canvas_begin(&net->canvas, p->channels, p->height, p->width, p->data);
    WN_TRY(wn__picture_fit(wn__transforms_change_pixels(list) ? list : NULL, height, width, &net->canvas));
    return wn__picture_check_size(&net->canvas, height, width);
}

wn_status wn_network_decode_image(wn_network *net, const char *label, const void *bytes, size_t size, float *x)
{
    WN__ENTER(net);
    WN__NEED(label);
    WN__NEED(bytes);
    WN__NEED(x);
    const wn_graph *g = net->net.graph;
    WN_TRY(wn__handle_takes_pixels(net));
    WN_TRY(decode(net, label, bytes, size));
    const wn_status status = fit(net);
    if (status != WN_OK) return wn__fail_within(status, "%s: ", label);
    wn__normalize_image(&net->shared->normalize, (int)g->c, g->h * g->w, wn__canvas_image(&net->canvas)->data, x);
    return WN_OK;
}

wn_status wn_network_read_image(wn_network *net, const char *path, float *x)
{
    char *bytes;
    size_t size;
    WN__ENTER(net);
    WN__NEED(path);
    WN__NEED(x);
    WN_TRY(wn__handle_takes_pixels(net));
    WN_TRY(wn__file_read(path, &bytes, &size));
    const wn_status status = wn_network_decode_image(net, path, bytes, size, x);
    wn__free(bytes);
    return status;
}
