#include "network/misfit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"

enum { SHOWN = 8 };

wn__wanted *wn__wanted_of_graph(const wn_graph *graph)
{
    wn__wanted *all = WN_NEW_ARRAY(wn__wanted, graph->params + 1);
    for (int i = 0; all && i < graph->params; i++)
        all[i] = (wn__wanted){graph->param[i].name, graph->param[i].ndim, graph->param[i].dim};
    return all;
}

wn__wanted *wn__wanted_of_params(const wn__params *params)
{
    wn__wanted *all = WN_NEW_ARRAY(wn__wanted, params->count + 1);
    for (int i = 0; all && i < params->count; i++)
        all[i] = (wn__wanted){params->item[i].name, params->item[i].ndim, params->item[i].dim};
    return all;
}

static bool has_shape(const wn__st_tensor *t, const wn__wanted *w)
{
    return t->ndim == w->ndim && memcmp(t->dim, w->dim, (size_t)w->ndim * sizeof *w->dim) == 0;
}

/* Compressed weights are known by their parts. */
static bool is_compressed(const wn__safetensors *file, const wn__wanted *w)
{
    char name[WN__LONGEST_NODE_NAME + 32];
    snprintf(name, sizeof name, "%s.row_start", w->name);
    return wn__safetensors_find(file, name) != NULL;
}

static bool fits(const wn__safetensors *file, const wn__wanted *w)
{
    const wn__st_tensor *t = wn__safetensors_find(file, w->name);
    return t ? has_shape(t, w) : is_compressed(file, w);
}

int64_t wn__fitting(const wn__safetensors *file, const wn__wanted *wanted, int count)
{
    int64_t fitting = 0;
    for (int i = 0; i < count; i++)
        fitting += fits(file, &wanted[i]);
    return fitting;
}

static bool is_wanted(const wn__safetensors *file, const wn__st_tensor *t, const wn__wanted *wanted, int count)
{
    for (int i = 0; i < count; i++)
        if (wn__safetensors_find(file, wanted[i].name) == t) return true;
    return false;
}

int64_t wn__left_over(const wn__safetensors *file, const wn__wanted *wanted, int count)
{
    int64_t left = 0;
    for (int i = 0; i < wn__safetensors_count(file); i++) {
        const wn__st_tensor *t = wn__safetensors_at(file, i);
        left += wn__st_is_float(t->dtype) && !is_wanted(file, t, wanted, count);
    }
    return left;
}

/* ---- in words */

static void add_shape(wn__text *out, int ndim, const int64_t *dim)
{
    if (ndim == 0) wn__text_add(out, "one number");
    for (int d = 0; d < ndim; d++)
        wn__text_add(out, "%s%" PRId64, d ? "x" : "", dim[d]);
}

/* Of the tensors that nothing of the network is, the one with the nearest name, of the same shape if there is any. */
static const wn__st_tensor *nearest(const wn__safetensors *file, const wn__wanted *all, int count, const wn__wanted *w)
{
    const int tensors = wn__safetensors_count(file);
    const char **names = WN_NEW_ARRAY(const char *, tensors);
    const char *found = NULL;
    for (int same = 1; names && !found && same >= 0; same--) {
        int n = 0;
        for (int i = 0; i < tensors; i++) {
            const wn__st_tensor *t = wn__safetensors_at(file, i);
            if (wn__st_is_float(t->dtype) && (!same || has_shape(t, w)) && !is_wanted(file, t, all, count)) names[n++] = t->name;
        }
        found = wn_nearest_name(w->name, names, n);
    }
    wn__free(names);
    return found ? wn__safetensors_find(file, found) : NULL;
}

static void show_misfit(const wn__safetensors *file, const wn__wanted *w, const wn__st_tensor *near, wn__text *out)
{
    const wn__st_tensor *t = wn__safetensors_find(file, w->name);
    wn__text_add(out, "%s", w->name);
    if (t) {
        wn__text_add(out, " is ");
        add_shape(out, t->ndim, t->dim);
    }
    wn__text_add(out, ", wanted ");
    add_shape(out, w->ndim, w->dim);
    if (!t) wn__text_add(out, ", is not there");
    if (!near) return;
    wn__text_add(out, ": %s is ", near->name);
    add_shape(out, near->ndim, near->dim);
}

typedef enum misfit { OF_OTHER_SHAPE, NEAR, FAR, MISFITS } misfit;

void wn__misfits_show(const wn__safetensors *file, const wn__wanted *wanted, int count, wn__text *out)
{
    const int64_t all = count - wn__fitting(file, wanted, count);
    int64_t shown = 0;
    if (all == 0) return;
    wn__text_add(out, "%" PRId64 " of %d tensors do not fit", all, count);
    for (int kind = 0; kind < MISFITS; kind++)
        for (int i = 0; i < count && shown < SHOWN; i++) {
            const wn__wanted *w = &wanted[i];
            if (fits(file, w)) continue;
            const bool there = wn__safetensors_find(file, w->name) != NULL;
            const wn__st_tensor *near = there ? NULL : nearest(file, wanted, count, w);
            if ((there ? OF_OTHER_SHAPE : near ? NEAR : FAR) != kind) continue;
            wn__text_add(out, shown++ ? "; " : ": ");
            show_misfit(file, w, near, out);
        }
    if (shown < all) wn__text_add(out, "; and %" PRId64 " more", all - shown);
}

/* ---- of a graph */

bool wn__is_of_head(const wn_graph *graph, int param)
{
    const wn__node *head = &graph->node[graph->output];
    if (!wn__node_has(head, WN__NODE_WEIGHS)) return false;
    return param == head->param[0] || param == head->param[1];
}

static wn_status refuse(const char *label, const wn__safetensors *file, const wn_graph *graph, const wn__wanted *wanted, int count)
{
    wn__text text = {0};
    wn__misfits_show(file, wanted, count, &text);
    const wn_status status = text.failed
                                 ? wn__no_memory(text.size)
                                 : wn__fail(WN_EMISMATCH, "%s: weights of another network than %s: %s", label, graph->name, text.data);
    wn__text_release(&text);
    return status;
}

/* A larger network may hold a smaller one's names. */
static void warn_of_rest(const char *label, const wn__safetensors *file, const wn_graph *graph, const wn__wanted *wanted)
{
    for (int i = 0; i < wn__safetensors_count(file); i++) {
        const wn__st_tensor *t = wn__safetensors_at(file, i);
        if (!wn__st_is_float(t->dtype) || is_wanted(file, t, wanted, graph->params)) continue;
        wn__log(WN_LOG_WARNING, "%s: %" PRId64 " tensors are not of %s, and left out: %s, ...", label,
                wn__left_over(file, wanted, graph->params), graph->name, t->name);
        return;
    }
}

wn_status wn__weights_fit(const char *label, const wn__safetensors *file, const wn_graph *graph, bool *new_head)
{
    wn__wanted *wanted = wn__wanted_of_graph(graph);
    int count = 0, of_head = 0, fitting = 0;
    if (!wanted) return wn__no_memory((size_t)graph->params * sizeof *wanted);
    for (int i = 0; i < graph->params; i++) { /* those of the last layer, where they may be left out */
        const bool apart = new_head && wn__is_of_head(graph, i);
        of_head += apart;
        fitting += apart && wn__fitting(file, &wanted[i], 1) == 1;
        if (!apart) wanted[count++] = wanted[i];
    }
    if (new_head) *new_head = fitting < of_head;
    const wn_status status = wn__fitting(file, wanted, count) == count ? WN_OK : refuse(label, file, graph, wanted, count);
    if (status == WN_OK && !new_head) warn_of_rest(label, file, graph, wanted);
    wn__free(wanted);
    return status;
}
