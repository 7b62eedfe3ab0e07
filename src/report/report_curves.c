#include "report/report_curves.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "io/jsonl.h"

enum { MOST_EPOCHS = 100000 };

/* Sums by epoch; grows with the epochs seen. */
typedef struct collection {
    const char *split;
    const wn__shown *shown;
    double *sums;
    int *counts;
    int capacity;
} collection;

static wn_status make_room(collection *c, int epoch)
{
    if (epoch < c->capacity) return WN_OK;
    const int capacity = epoch + 64 + c->capacity;
    double *sums = wn__realloc(c->sums, (size_t)capacity * sizeof *sums);
    if (sums) c->sums = sums;
    int *counts = wn__realloc(c->counts, (size_t)capacity * sizeof *counts);
    if (counts) c->counts = counts;
    if (!sums || !counts) return wn__no_memory((size_t)capacity * sizeof *sums);
    c->capacity = capacity;
    return WN_OK;
}

static wn_status visit_line(void *user, int64_t line, const json_t *object)
{
    collection *c = user;
    const char *split = wn__json_text(object, "split");
    const json_t *epoch = json_object_get(object, "epoch"), *value = json_object_get(object, c->shown->metric->key);
    if (!split || strcmp(split, c->split) != 0 || !json_is_number(epoch) || !json_is_number(value)) return WN_OK;
    const double at = json_number_value(epoch);
    if (!(at >= 0 && at < MOST_EPOCHS)) return wn__fail(WN_EFORMAT, "line %lld: epoch %g", (long long)line, at);
    WN_TRY(make_room(c, (int)at));
    c->sums[(int)at] += c->shown->scale * json_number_value(value);
    c->counts[(int)at]++;
    return WN_OK;
}

static wn_status read_row(const wn__results *r, const wn__result_row *row, collection *c)
{
    if (!row->metrics) return WN_OK;
    char *path = wn__path_join(r->folder, row->metrics);
    if (!path) return wn__no_memory(strlen(row->metrics));
    const wn_status status = wn__file_exists(path) ? wn__jsonl_read(path, visit_line, c) : WN_OK;
    wn__free(path);
    return status;
}

static wn_status average(const collection *c, wn__curve *curve)
{
    curve->epochs = WN_NEW_ARRAY(double, c->capacity);
    curve->values = WN_NEW_ARRAY(double, c->capacity);
    if (!curve->epochs || !curve->values) return wn__no_memory((size_t)c->capacity * sizeof(double));
    for (int epoch = 0; epoch < c->capacity; epoch++) {
        if (c->counts[epoch] == 0) continue;
        curve->epochs[curve->count] = epoch;
        curve->values[curve->count++] = c->sums[epoch] / c->counts[epoch];
    }
    return WN_OK;
}

wn_status wn__curve_read(const wn__results *r, const wn__cell *cell, const char *split, wn__curve *curve)
{
    collection c = {.split = split, .shown = &r->shown};
    wn_status status = WN_OK;
    *curve = (wn__curve){.seeds = cell->n};
    for (int i = 0; i < cell->n && status == WN_OK; i++)
        status = read_row(r, cell->rows[i], &c);
    if (status == WN_OK) status = average(&c, curve);
    wn__free(c.sums);
    wn__free(c.counts);
    if (status != WN_OK) wn__curve_release(curve);
    return status;
}

void wn__curve_release(wn__curve *curve)
{
    wn__free(curve->epochs);
    wn__free(curve->values);
    *curve = (wn__curve){0};
}
