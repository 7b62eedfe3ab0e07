#include "nn/executor/gradient_window.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

static int64_t columns_of(const wn__param *p) { return p->count / p->dim[0]; }

wn_status wn__gradient_window_make(wn__gradient_window *w, const wn__params *params)
{
    int64_t room = 0, widest = 0;
    if (w->memory) return WN_OK;
    for (int i = 0; i < params->count; i++) {
        const wn__param *p = &params->item[i];
        if (!p->pattern) continue;
        room += 2 * p->stored;
        if (columns_of(p) > widest) widest = columns_of(p);
    }
    w->room = room > widest ? room : widest;
    w->memory = WN_NEW_ARRAY(float, w->room);
    w->strip = WN_NEW_ARRAY(wn__gradient_strip, params->count);
    w->order = WN_NEW_ARRAY(int, params->count);
    return w->memory && w->strip && w->order ? WN_OK : wn__no_memory((size_t)w->room * sizeof(float));
}

void wn__gradient_window_release(wn__gradient_window *w)
{
    wn__free(w->memory);
    wn__free(w->strip);
    wn__free(w->order);
    *w = (wn__gradient_window){0};
}

void wn__gradient_window_place(wn__gradient_window *w, const wn__params *params, int from, int64_t row)
{
    int64_t used = 0;
    memset(w->strip, 0, (size_t)params->count * sizeof *w->strip);
    for (int k = from; k < w->count; k++, row = 0) {
        const wn__param *p = &params->item[w->order[k]];
        const int64_t columns = columns_of(p), fit = (w->room - used) / columns, left = p->dim[0] - row;
        w->strip[w->order[k]] = (wn__gradient_strip){row, row + (left < fit ? left : fit), w->memory + used};
        if (left > fit) return;
        used += left * columns;
    }
}

typedef struct job {
    const wn__gradient_strip *strip;
    wn__op *op;
    wn__op_args args;
    int64_t columns, rows; /* of a chunk */
} job;

static wn_status add_rows(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    const job *j = arg;
    const wn__gradient_strip *s = j->strip;
    wn__weight_tile tile = {.row = s->first + chunk * j->rows, .rows = j->rows, .columns = j->columns};
    if (s->end - tile.row < tile.rows) tile.rows = s->end - tile.row;
    return j->op->cls->tile_gradient(j->op, &j->args, &tile, s->sum + (tile.row - s->first) * j->columns);
}

/* Rows that a thread does together: enough for all threads, multiples of what the kernels take. */
static int64_t chunk_rows(int64_t rows, const wn__pool *pool)
{
    enum { LEAST = 8, MOST = 240 };
    const int64_t part = rows / (2 * (pool ? wn__pool_threads(pool) : 1)) / LEAST * LEAST;
    return part < LEAST ? LEAST : part > MOST ? MOST : part;
}

wn_status wn__gradient_window_add(const wn__gradient_strip *s, const wn__param *p, wn__op *op, const wn__op_args *args, bool first,
                                  wn__pool *pool)
{
    const int64_t rows = s->end - s->first;
    job j = {.strip = s, .op = op, .args = *args, .columns = columns_of(p), .rows = chunk_rows(rows, pool)};
    j.args.accumulate = !first;
    return wn__parallel_try(pool, (rows + j.rows - 1) / j.rows, add_rows, &j);
}
