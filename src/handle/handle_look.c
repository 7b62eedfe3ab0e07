/* What a network is, and its tensors one by one. */
#include <inttypes.h>
#include <string.h>

#include "base/arguments.h"
#include "base/fail.h"
#include "base/options.h"
#include "base/text.h"
#include "handle/handle.h"
#include "sparse/cost.h"
#include "tensor/compression.h"

/* ---- the whole */

static void describe(const wn_network *net, wn_network_info *info)
{
    const wn__shared *s = net->shared;
    const wn_graph *g = net->net.graph;
    info->name = g->name;
    info->channels = g->c;
    info->height = g->h;
    info->width = g->w;
    info->outputs = wn__graph_classes(g);
    info->dataset = s->dataset;
    info->class_names = s->class_names;
    info->normalize = s->normalize.kind == WN__NORMALIZE_NOTHING ? NULL : s->normalize.name;
    info->per_image = s->normalize.name && s->normalize.kind == WN__NORMALIZE_PER_IMAGE;
    memcpy(info->mean, s->normalize.mean, sizeof info->mean);
    memcpy(info->deviation, s->normalize.std, sizeof info->deviation);
    info->tensors = net->net.params.count;
    info->targets = s->targets;
    info->backend = wn__handle_backend(net)->name;
}

static wn_status add_cost(const wn_network *net, wn_network_info *info)
{
    wn__cost cost;
    WN_TRY(wn__cost_make(net->net.graph, &net->net.params, &cost));
    info->parameters = cost.parameters;
    info->active = cost.active;
    info->weights = cost.weights;
    info->weights_active = cost.weights_active;
    info->dense_flops = cost.dense_flops;
    info->flops = cost.flops;
    info->dense_bytes = cost.dense_bytes;
    info->bytes = cost.bytes;
    wn__cost_release(&cost);
    return WN_OK;
}

wn_status wn_network_look(wn_network *net, wn_network_info *info)
{
    wn_network_info own = {.size = sizeof own};
    WN__ENTER(net);
    WN__NEED(info);
    WN_TRY(add_cost(net, &own));
    describe(net, &own);
    return wn__options_give(&own, "wn_network_info", sizeof own, info);
}

/* ---- tensors */

static wn_status find_tensor(const wn_network *net, int index, wn__param **p)
{
    if (index < 0 || index >= net->net.params.count)
        return wn__fail(WN_EINVAL, "tensor %d: %s has tensors 0 to %d", index, net->net.graph->name, net->net.params.count - 1);
    *p = &net->net.params.item[index];
    return WN_OK;
}

/* ... that the caller's array holds. Under a basis a weight is made of coefficients, which have no entries of its shape. */
static wn_status take_tensor(const wn_network *net, int index, int64_t count, wn__param **p)
{
    WN_TRY(find_tensor(net, index, p));
    if (count == (*p)->count) return WN_OK;
    return wn__fail(WN_EINVAL, "%s: an array of %" PRId64 " entries, must be %" PRId64, (*p)->name, count, (*p)->count);
}

static wn_status must_be_plain(const wn__param *p)
{
    if (!p->map) return WN_OK;
    return wn__fail(WN_EUNSUPPORTED, "%s: is stored as %s: its entries can be read, not written, and have neither gradients nor a mask",
                    p->name, p->map->name);
}

wn_status wn_network_find(wn_network *net, const char *name, int *index)
{
    WN__ENTER(net);
    WN__NEED(name);
    WN__NEED(index);
    const wn__params *params = &net->net.params;
    const wn__param *p = wn__params_find(params, name);
    if (p) {
        *index = (int)(p - params->item);
        return WN_OK;
    }
    wn__text names = {0};
    for (int i = 0; i < params->count && i < 8; i++)
        wn__text_add(&names, "%s%s", i ? ", " : "", params->item[i].name);
    const wn_status status = wn__fail(WN_ENOTFOUND, "%s has no tensor \"%s\"; it has %s%s", net->net.graph->name, name,
                                      names.data ? names.data : "", params->count > 8 ? ", ..." : "");
    wn__text_release(&names);
    return status;
}

wn_status wn_network_tensor_at(wn_network *net, int index, wn_network_tensor *tensor)
{
    static const wn_tensor_kind kinds[] = {
        [WN__WEIGHT] = WN_TENSOR_WEIGHT, [WN__BIAS] = WN_TENSOR_BIAS, [WN__SCALE] = WN_TENSOR_SCALE,
        [WN__SHIFT] = WN_TENSOR_SHIFT,   [WN__MEAN] = WN_TENSOR_MEAN, [WN__VARIANCE] = WN_TENSOR_VARIANCE};
    wn__param *p;
    WN__ENTER(net);
    WN__NEED(tensor);
    WN_TRY(find_tensor(net, index, &p));
    wn_network_tensor own = {.size = sizeof own,
                             .name = p->name,
                             .kind = kinds[p->role],
                             .dims = p->ndim,
                             .count = p->count,
                             .active = p->active,
                             .masked = p->mask || p->pattern};
    memcpy(own.dim, p->dim, (size_t)p->ndim * sizeof *own.dim);
    return wn__options_give(&own, "wn_network_tensor", sizeof own, tensor);
}

/* ---- their entries */

wn_status wn_network_read(wn_network *net, int index, float *values, int64_t count)
{
    wn__param *p;
    WN__ENTER(net);
    WN__NEED(values);
    WN_TRY(take_tensor(net, index, count, &p));
    return wn__param_weight(p, values);
}

wn_status wn_network_write(wn_network *net, int index, const float *values, int64_t count)
{
    wn__param *p;
    WN__ENTER(net);
    WN__NEED(values);
    WN_TRY(take_tensor(net, index, count, &p));
    WN_TRY(must_be_plain(p));
    WN_TRY(wn__handle_may_change_numbers(net, "writing a tensor"));
    if (p->pattern)
        wn__pattern_gather(p->pattern, values, p->value);
    else
        memcpy(p->value, values, (size_t)count * sizeof *values);
    for (int64_t i = 0; p->mask && i < count; i++)
        if (!p->mask[i]) p->value[i] = 0;
    net->net.params.version++;
    net->training.passed = false;
    return WN_OK;
}

wn_status wn_network_read_gradient(wn_network *net, int index, float *values, int64_t count)
{
    wn__param *p;
    WN__ENTER(net);
    WN__NEED(values);
    WN_TRY(take_tensor(net, index, count, &p));
    WN_TRY(must_be_plain(p));
    if (!p->grad) return wn__fail(WN_EINVAL, "%s is a running statistic: it has no gradient", p->name);
    if (!net->training.passed)
        return wn__fail(WN_EINVAL, "%s: no gradients of the weights as they are: wn_network_loss_gradients makes them", p->name);
    wn__param_spread(p, p->grad, values);
    for (int64_t i = 0; p->mask && i < count; i++)
        if (!p->mask[i]) values[i] = 0;
    return WN_OK;
}

wn_status wn_network_read_mask(wn_network *net, int index, uint8_t *mask, int64_t count)
{
    wn__param *p;
    WN__ENTER(net);
    WN__NEED(mask);
    WN_TRY(take_tensor(net, index, count, &p));
    WN_TRY(must_be_plain(p));
    if (p->pattern)
        wn__pattern_mask(p->pattern, mask);
    else if (p->mask)
        memcpy(mask, p->mask, (size_t)count);
    else
        memset(mask, 1, (size_t)count);
    return WN_OK;
}

wn_status wn_network_write_mask(wn_network *net, int index, const uint8_t *mask, int64_t count)
{
    wn__param *p;
    WN__ENTER(net);
    WN_TRY(take_tensor(net, index, count, &p));
    WN_TRY(must_be_plain(p));
    WN_TRY(wn__handle_may_change(net, "writing a mask"));
    if (!wn__role_is_trained(p->role)) return wn__fail(WN_EINVAL, "%s is a running statistic: it takes no mask", p->name);
    if (!mask && p->pattern) {
        wn__handle_stop(net); /* its executor has the weight compressed */
        WN_TRY(wn__params_spread(&net->net.params, p));
    } else {
        WN_TRY(wn__params_set_mask(&net->net.params, p, mask));
    }
    net->net.params.version++;
    net->training.passed = false;
    return WN_OK;
}
