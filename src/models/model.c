#include "models/model.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/text.h"

#define WN_MODEL(entry) extern const wn__model wn__model_##entry;
#include "models/list.h"
#undef WN_MODEL

const wn__model *const wn__models[] = {
#define WN_MODEL(entry) &wn__model_##entry,
#include "models/list.h"
#undef WN_MODEL
    NULL};

wn_status wn__model_find(const char *name, const wn__model **out)
{
    wn__text names = {0};
    const char *known[64];
    int count = 0;
    for (const wn__model *const *m = wn__models; *m; m++) {
        if (!strcmp((*m)->name, name)) {
            *out = *m;
            return WN_OK;
        }
        known[count++] = (*m)->name;
    }
    wn__text_add_valid(&names, name, known, count);
    const wn_status status =
        wn__fail(WN_ENOTFOUND, "no model \"%s\"%s, or a file that describes a network", name, names.data ? names.data : "");
    wn__text_release(&names);
    return status;
}

static wn_status check_input(const wn__model *model, wn__model_input in)
{
    if (in.c < 1 || in.h < 1 || in.w < 1 || in.classes < 2)
        return wn__fail(WN_EINVAL, "model %s: %d x %d x %d images and %d classes; all must be > 0, classes > 1", model->name, in.c, in.h,
                        in.w, in.classes);
    return WN_OK;
}

wn_status wn__model_build(const wn__model *model, const void *config, wn__model_input in, wn_graph **out)
{
    WN_TRY(check_input(model, in));
    void *defaults = NULL;
    if (!config && model->config_size) {
        if (!(defaults = wn__alloc(model->config_size))) return wn__no_memory(model->config_size);
        const wn_status status = wn__settings_defaults(model->settings, defaults);
        if (status != WN_OK) {
            wn__free(defaults);
            return status;
        }
        config = defaults;
    }
    wn_graph *graph = wn_graph_new(model->name, in.c, in.h, in.w);
    wn_status status = graph ? WN_OK : wn__no_memory(sizeof(void *));
    if (graph) {
        wn_graph_input(graph);
        status = wn_graph_finish(graph, model->build(model, config, graph, in.classes));
        if (status != WN_OK) wn__fail_within(status, "model %s for %d x %d x %d images: ", model->name, in.c, in.h, in.w);
    }
    wn__free(defaults);
    if (status != WN_OK)
        wn_graph_free(graph);
    else
        *out = graph;
    return status;
}
