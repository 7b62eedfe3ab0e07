/* The graph of stages: adding, finding, what each needs. */
#include "nn/graph_nodes.h"
#include "plan/agenda_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/rng.h"

const char *const wn__stage_kind_names[] = {"train", "soft-labels", "mask", "evaluate"};

uint64_t wn__stream_seed(uint64_t seed, wn__stream stream, int64_t order)
{
    wn__rng rng = wn__rng_make(seed, WN__FOR_STREAM, (uint64_t)stream, (uint64_t)order);
    return wn__rng_u64(&rng);
}

/* ---- adding stages */

static void release_stage(wn__stage *s)
{
    if (s->kind == WN__STAGE_TRAIN) {
        wn__free(s->train.spec.keep);
        wn__small_network_release(&s->train.small);
    }
    if (s->kind == WN__STAGE_MASK) wn__small_network_release(&s->mask.network);
    wn__free(s->label);
    json_decref(s->inputs);
}

wn_status wn__stage_add_parent(wn__stage *s, int parent)
{
    for (int i = 0; i < s->parents; i++)
        if (s->parent[i] == parent) return WN_OK;
    if (parent < 0) return WN_OK;
    if (s->parents == WN__MOST_PARENTS) return wn__fail(WN_EINVAL, "a stage with more than %d parents", WN__MOST_PARENTS);
    s->parent[s->parents++] = parent;
    return WN_OK;
}

wn_status wn__agenda_add_stage(wn__agenda *plan, wn__stage *draft, const char *what, int *index)
{
    wn_status status = wn__stage_identify(plan, draft);
    if (status != WN_OK) goto drop;
    for (int i = 0; i < plan->stages; i++)
        if (strcmp(plan->stage[i].identity, draft->identity) == 0) {
            *index = i;
            goto drop;
        }
    WN_TRY_OR(drop, wn__agenda_label(plan, draft, what));
    WN_TRY_OR(drop, wn__make_room(&plan->stage, plan->stages, sizeof *plan->stage));
    *index = plan->stages;
    plan->stage[plan->stages++] = *draft;
    return WN_OK;
drop:
    release_stage(draft);
    return status;
}

static int compare_steps(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

wn_status wn__agenda_keep_point(wn__agenda *plan, int index, int64_t step)
{
    wn__train_plan *t = &plan->stage[index].train;
    for (int i = 0; i < t->spec.keeps; i++)
        if (t->spec.keep[i] == step) return WN_OK;
    int64_t *keep = wn__realloc(t->spec.keep, (size_t)(t->spec.keeps + 1) * sizeof *keep);
    if (!keep) return wn__no_memory(sizeof *keep);
    keep[t->spec.keeps++] = step;
    t->spec.keep = keep;
    qsort(keep, (size_t)t->spec.keeps, sizeof *keep, compare_steps);
    return WN_OK;
}

wn_status wn__agenda_add_row(wn__agenda *plan, const wn__agenda_row *row)
{
    WN_TRY(wn__make_room(&plan->row, plan->rows, sizeof *plan->row));
    plan->row[plan->rows++] = *row;
    return WN_OK;
}

/* What the first training step would find. */
static wn_status check_network(const wn__recipe *r)
{
    const wn_graph *g = r->graph;
    const wn__sample_spec *d = &r->data.facts.sample;
    if (d->channels != g->c || d->height != g->h || d->width != g->w)
        return wn__fail(WN_EMISMATCH, "%s takes images of %" PRId64 "x%" PRId64 "x%" PRId64 ", the data set has %dx%dx%d", g->name, g->c,
                        g->h, g->w, d->channels, d->height, d->width);
    if (d->classes == wn__graph_classes(g)) return WN_OK;
    return wn__fail(WN_EMISMATCH, "%s has %" PRId64 " outputs, the data set has %d classes", g->name, wn__graph_classes(g), d->classes);
}

wn_status wn__agenda_new(const wn__recipe *recipe, const wn__machine *machine, wn__agenda **out)
{
    WN_TRY(check_network(recipe));
    wn__agenda *plan = WN_NEW(wn__agenda);
    if (!plan) return wn__no_memory(sizeof *plan);
    plan->recipe = recipe;
    plan->machine = *machine;
    *out = plan;
    return WN_OK;
}

void wn__agenda_free(wn__agenda *plan)
{
    if (!plan) return;
    for (int i = 0; i < plan->stages; i++)
        release_stage(&plan->stage[i]);
    for (int i = 0; i < plan->skips; i++)
        wn__free(plan->skip[i].reason);
    wn__agenda_free_digests(plan);
    wn__free(plan->stage);
    wn__free(plan->row);
    wn__free(plan);
}

int wn__agenda_find(const wn__agenda *plan, const char *identity)
{
    int found = -1;
    for (int i = 0; i < plan->stages; i++) {
        if (strncmp(plan->stage[i].identity, identity, strlen(identity)) != 0) continue;
        if (found >= 0) return -1;
        found = i;
    }
    return found;
}

void wn__agenda_mark_needed(const wn__agenda *plan, int stage, bool *needed)
{
    if (needed[stage]) return;
    needed[stage] = true;
    const wn__stage *s = &plan->stage[stage];
    for (int i = 0; i < s->parents; i++)
        wn__agenda_mark_needed(plan, s->parent[i], needed);
}
