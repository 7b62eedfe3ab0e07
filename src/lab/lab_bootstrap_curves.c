/* Curves of both worlds, pairs and gaps. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "io/json_file.h"
#include "io/jsonl.h"
#include "lab/lab_bootstrap.h"

wn_status wn__worlds_add(wn__worlds *w, const wn__world_run *run)
{
    WN_TRY(wn__make_room(&w->run, w->runs, sizeof *w->run));
    wn__world_run *copy = &w->run[w->runs++];
    *copy = *run;
    copy->network = wn__strdup(run->network);
    copy->method = wn__strdup(run->method);
    copy->folder = wn__strdup(run->folder);
    return copy->network && copy->method && copy->folder ? WN_OK : wn__no_memory(64);
}

void wn__worlds_release(wn__worlds *w)
{
    for (int i = 0; i < w->runs; i++) {
        wn__free(w->run[i].network);
        wn__free(w->run[i].method);
        wn__free(w->run[i].folder);
        wn__free(w->run[i].point);
    }
    for (int i = 0; i < w->cells; i++) {
        wn__free(w->cell[i].pair);
        wn__free(w->cell[i].value);
    }
    wn__free(w->run);
    wn__free(w->cell);
    *w = (wn__worlds){0};
}

/* ---- curves */

static wn_status point_at(wn__world_run *run, int64_t step, wn__world_point **out)
{
    if (run->points == 0 || run->point[run->points - 1].step != step) {
        WN_TRY(wn__make_room(&run->point, run->points, sizeof *run->point));
        wn__world_point *p = &run->point[run->points++];
        *p = (wn__world_point){.step = step};
        for (int k = 0; k < WN__WORLD_KINDS; k++)
            p->test[k] = p->train[k] = NAN;
    }
    *out = &run->point[run->points - 1];
    return WN_OK;
}

static wn_status visit_line(void *user, int64_t line, const json_t *object)
{
    const char *split = json_string_value(json_object_get(object, "split"));
    const bool train = split && strcmp(split, "train-images") == 0;
    wn__world_point *p;
    (void)line;
    if (!split || (!train && strcmp(split, "test") != 0)) return WN_OK;
    WN_TRY(point_at(user, json_integer_value(json_object_get(object, "step")), &p));
    double *values = train ? p->train : p->test;
    values[WN__SOFT_ERROR] = wn__json_number(object, "soft_error");
    values[WN__HARD_ERROR] = 1 - wn__json_number(object, "accuracy");
    values[WN__WORLD_LOSS] = wn__json_number(object, "loss");
    return WN_OK;
}

static wn_status read_curve(wn__world_run *run)
{
    char *path = wn__path_join(run->folder, "metrics.jsonl");
    const wn_status status = path ? wn__jsonl_read(path, visit_line, run) : wn__no_memory(64);
    wn__free(path);
    WN_TRY(status);
    return run->points > 0 ? WN_OK : wn__fail(WN_EFORMAT, "%s: holds no evaluation of test samples", run->folder);
}

double wn__world_value(const wn__world_run *run, int64_t step, int kind, bool train)
{
    for (int i = 0; i < run->points; i++)
        if (run->point[i].step == step) return train ? run->point[i].train[kind] : run->point[i].test[kind];
    return NAN;
}

double wn__world_gap(const wn__world_pair *pair, int64_t step, int kind)
{
    return wn__world_value(pair->real, step, kind, false) - wn__world_value(pair->ideal, step, kind, false);
}

int64_t wn__world_end(const wn__world_pair *pair) { return pair->real->point[pair->real->points - 1].step; }

double wn__world_statistic(const wn__world_pair *pair)
{
    return 100 * wn__world_gap(pair, pair->t0 >= 0 ? pair->t0 : wn__world_end(pair), WN__SOFT_ERROR);
}

static int64_t find_t0(const wn__world_run *real, double converged)
{
    for (int i = 0; i < real->points; i++)
        if (real->point[i].train[WN__SOFT_ERROR] <= converged) return real->point[i].step;
    return -1;
}

/* ---- pairs */

static bool same_network(const wn__world_run *a, const wn__world_run *b)
{
    return a->seed == b->seed && strcmp(a->network, b->network) == 0 && strcmp(a->method, b->method) == 0;
}

static const wn__world_run *ideal_of(const wn__worlds *w, const wn__world_run *real)
{
    const wn__world_run *any = NULL;
    for (int i = 0; i < w->runs; i++) {
        const wn__world_run *r = &w->run[i];
        if (!r->ideal || !same_network(r, real)) continue;
        if (r->n == real->n) return r;
        if (!any || r->n > any->n) any = r;
    }
    return any;
}

static wn__world_cell *cell_of(wn__worlds *w, const wn__world_run *real)
{
    for (int i = 0; i < w->cells; i++) {
        wn__world_cell *c = &w->cell[i];
        if (c->n == real->n && strcmp(c->network, real->network) == 0 && strcmp(c->method, real->method) == 0) return c;
    }
    wn__world_cell *c = &w->cell[w->cells];
    *c = (wn__world_cell){.network = real->network,
                          .method = real->method,
                          .n = real->n,
                          .pair = WN_NEW_ARRAY(wn__world_pair, w->runs),
                          .value = WN_NEW_ARRAY(double, w->runs)};
    w->cells++; /* to be released, also after a failure */
    return c->pair && c->value ? c : NULL;
}

static wn_status add_pair(wn__worlds *w, const wn__world_run *real)
{
    const wn__world_run *ideal = ideal_of(w, real);
    if (!ideal)
        return wn__fail(WN_EUSAGE, "%s %s seed %llu: there is no run of the ideal world beside that of %lld samples", real->network,
                        real->method, (unsigned long long)real->seed, (long long)real->n);
    wn__world_cell *cell = cell_of(w, real);
    if (!cell) return wn__no_memory(64);
    wn__world_pair pair = {real, ideal, find_t0(real, w->converged)};
    if (isnan(wn__world_gap(&pair, wn__world_end(&pair), WN__SOFT_ERROR)))
        return wn__fail(WN_EMISMATCH, "%s %s seed %llu: the worlds were not trained or evaluated for as many steps: %lld and %lld",
                        real->network, real->method, (unsigned long long)real->seed, (long long)wn__world_end(&pair),
                        (long long)ideal->point[ideal->points - 1].step);
    cell->pair[cell->pairs++] = pair;
    return WN_OK;
}

static wn_status check_ideal(const wn__worlds *w, const wn__world_run *ideal)
{
    for (int i = 0; i < w->runs; i++)
        if (!w->run[i].ideal && same_network(&w->run[i], ideal)) return WN_OK;
    return wn__fail(WN_EUSAGE, "%s %s seed %llu: there is a run of the ideal world, but none of the real one", ideal->network,
                    ideal->method, (unsigned long long)ideal->seed);
}

wn_status wn__worlds_read(wn__worlds *w)
{
    w->cell = WN_NEW_ARRAY(wn__world_cell, w->runs + 1);
    if (!w->cell) return wn__no_memory(64);
    for (int i = 0; i < w->runs; i++)
        WN_TRY(read_curve(&w->run[i]));
    for (int i = 0; i < w->runs; i++)
        WN_TRY(w->run[i].ideal ? check_ideal(w, &w->run[i]) : add_pair(w, &w->run[i]));
    return WN_OK;
}

bool wn__world_is_dense(const wn__world_cell *cell) { return strcmp(cell->method, "dense") == 0; }

const wn__world_cell *wn__world_find(const wn__worlds *w, const char *network, const char *method, int64_t n)
{
    for (int i = 0; i < w->cells; i++) {
        const wn__world_cell *o = &w->cell[i];
        if (o->n == n && strcmp(o->network, network) == 0 && strcmp(o->method, method) == 0) return o;
    }
    return NULL;
}
