#include "nn/freezing.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/text.h"

/* The name of a parameter, or that of its node. */
static wn_status fits(const char *pattern, const char *name, bool *matches)
{
    char node[WN__LONGEST_NODE_NAME + 1];
    const char *dot = strrchr(name, '.');
    WN_TRY(wn__name_matches(pattern, name, matches));
    if (*matches || !dot) return WN_OK;
    snprintf(node, sizeof node, "%.*s", (int)(dot - name), name);
    return wn__name_matches(pattern, node, matches);
}

static wn_status is_frozen(const wn__freezing *f, const char *name, bool *frozen)
{
    *frozen = false;
    for (int k = 0; k < f->count && !*frozen; k++)
        WN_TRY(fits(f->pattern[k], name, frozen));
    return WN_OK;
}

static wn_status check_pattern(const char *pattern, const wn_graph *graph)
{
    bool matches = false;
    for (int i = 0; i < graph->params && !matches; i++)
        if (wn__role_is_trained(graph->param[i].role)) WN_TRY(fits(pattern, graph->param[i].name, &matches));
    return matches ? WN_OK
                   : wn__fail(WN_EUSAGE, "\"%s\" names no trained parameter of %s; winnow inspect shows their names", pattern, graph->name);
}

wn_status wn__freezing_check(const wn__freezing *f, const wn_graph *graph)
{
    bool trains = f->count == 0;
    for (int k = 0; k < f->count; k++)
        WN_TRY(check_pattern(f->pattern[k], graph));
    for (int i = 0; i < graph->params && !trains; i++) {
        bool frozen;
        WN_TRY(is_frozen(f, graph->param[i].name, &frozen));
        trains = !frozen && wn__role_is_trained(graph->param[i].role);
    }
    return trains ? WN_OK : wn__fail(WN_EUSAGE, "nothing of %s is left to train", graph->name);
}

wn_status wn__freeze(const wn__freezing *f, wn__params *params)
{
    for (int i = 0; i < params->count; i++)
        WN_TRY(is_frozen(f, params->item[i].name, &params->item[i].frozen));
    return WN_OK;
}
