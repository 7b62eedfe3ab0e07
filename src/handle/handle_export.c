/* Handles to files of other programs. */
#include "base/arguments.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/options.h"
#include "exchange/format.h"
#include "handle/handle.h"
#include "sparse/cost.h"
#include "sparse/shrink.h"

static wn__export_how how_of(const wn_network_export_options *o)
{
    return (wn__export_how){.opset = o->opset,
                            .norms_stay = o->keep_batch_norm,
                            .sparse = o->sparse_initializers,
                            .external = o->external_data,
                            .preprocess = o->preprocess,
                            .masks = o->masks,
                            .values = o->values,
                            .target = o->target,
                            .name = o->name,
                            .most_in_source = o->most_in_source};
}

static void tell_shrunk(const char *path, const wn__shrunk *s)
{
    wn__log(WN_LOG_INFO, "%s: %lld channels without effect are left out, %d layers are split", path, (long long)s->channels, s->layers);
    if (s->stay)
        wn__log(WN_LOG_INFO, "%s: %lld channels of one number stay, since borders of zeros are read with them", path, (long long)s->stay);
}

static wn_status write_whole(const wn__export_format *format, const wn__exported *network, const wn__export_how *how, const char *path,
                             wn_network_export_summary *summary)
{
    wn__cost cost;
    WN_TRY(wn__export_write(format, network, how, path));
    if (!summary) return WN_OK;
    WN_TRY(wn__cost_make(network->graph, network->params, &cost));
    *summary = (wn_network_export_summary){.weights = cost.weights, .weights_active = cost.weights_active};
    wn__cost_release(&cost);
    return WN_OK;
}

static wn_status write_shrunk(const wn__export_format *format, const wn__exported *network, const wn__export_how *how, const char *path,
                              wn_network_export_summary *summary)
{
    wn__shrunk s;
    wn__exported smaller = *network;
    WN_TRY(wn__shrink_folding(network->graph, network->params, &s));
    tell_shrunk(path, &s);
    smaller.graph = s.graph;
    smaller.params = &s.params;
    const wn_status status = write_whole(format, &smaller, how, path, summary);
    if (status == WN_OK && summary) summary->channels = s.channels;
    wn__shrunk_release(&s);
    return status;
}

wn_status wn_network_export(wn_network *net, const char *path, const wn_network_export_options *options)
{
    wn_network_export_options o;
    const wn__export_format *format;
    WN__ENTER(net);
    WN__NEED(path);
    WN_TRY(wn__options_take(options, "wn_network_export_options", sizeof o, &o));
    WN_TRY(wn__need("wn_network_export", "options->format", o.format));
    WN_TRY(wn__need_count("wn_network_export", "options->most_in_source", o.most_in_source));
    WN_TRY(wn__export_find(o.format, &format));
    const wn__shared *s = net->shared;
    const wn__exported network = {.graph = net->net.graph,
                                  .params = &net->net.params,
                                  .normalize = s->normalize.name ? &s->normalize : NULL,
                                  .class_names = s->class_names,
                                  .dataset = s->dataset,
                                  .handle = net,
                                  .add = wn__handle_add};
    const wn__export_how how = how_of(&o);
    if (!(format->takes & WN__EXPORT_VALUES)) wn__file_traits_tell_left_out(path, &s->traits, "files of this form have no place for them");
    return o.shrink ? write_shrunk(format, &network, &how, path, o.summary) : write_whole(format, &network, &how, path, o.summary);
}

wn_status wn_list_formats(int index, const char **name, const char **summary)
{
    int count = 0;
    WN__NEED(name);
    WN__NEED(summary);
    while (wn__export_formats[count])
        count++;
    if (index < 0 || index >= count) return wn__fail(WN_ENOTFOUND, "format %d: there are %d", index, count);
    *name = wn__export_formats[index]->name;
    *summary = wn__export_formats[index]->summary;
    return WN_OK;
}
