#include "sparse/dynamic/growth_search.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "tensor/pattern.h"

/* Unsigned number in the order of |x|. */
static uint32_t magnitude(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits & 0x7FFFFFFFu;
}

/* What a thread looks at together: tile, inputs and output gradients stay in the second cache. Multiples of what kernels take at once. */
#define TILE_ROWS 240
#define TILE_COLUMNS 192
#define LOCAL 512 /* candidates that a thread collects before it hands them in */

typedef struct candidate {
    uint32_t key; /* larger is better */
    int64_t position;
} candidate;

static bool is_better(const candidate *a, const candidate *b) { return a->key != b->key ? a->key > b->key : a->position < b->position; }

/* Rows or columns, those that may have the largest gradients first; bounds belong to places in this order. order NULL: as they are. */
typedef struct axis {
    float *bound;
    int32_t *order;
} axis;

typedef struct search {
    const wn__growth *what;
    const wn__weight_gradient *gradient;
    axis rows, columns;
    int64_t tiles_across, tile_rows, tile_columns; /* whole blocks in a tile */
    int64_t first_row, end_row;                    /* that can be had now */
    float *tile;                                   /* (threads, tile_rows, tile_columns) */
    pthread_mutex_t lock;
    candidate *best; /* (room) the best `wanted` of what was handed in, and what came since */
    int64_t wanted, count, room;
    candidate worst; /* whatever is not better than this is out */
    wn_status failed;
    char message[512];
} search;

static void swap(candidate *a, candidate *b)
{
    const candidate c = *a;
    *a = *b;
    *b = c;
}

/* Of three, by pointer. */
static candidate *middle_of(candidate *a, candidate *b, candidate *c)
{
    if (is_better(a, b)) return is_better(b, c) ? b : is_better(a, c) ? c : a;
    return is_better(a, c) ? a : is_better(b, c) ? c : b;
}

/* The best `wanted` first, in any order. No two are equal. */
static void partition(candidate *c, int64_t count, int64_t wanted)
{
    int64_t low = 0, high = count;
    while (high - low > 1) {
        swap(&c[high - 1], middle_of(&c[low], &c[low + (high - low) / 2], &c[high - 1]));
        int64_t place = low;
        for (int64_t i = low; i < high - 1; i++)
            if (is_better(&c[i], &c[high - 1])) swap(&c[i], &c[place++]);
        swap(&c[place], &c[high - 1]);
        if (place == wanted || place + 1 == wanted) return;
        if (place > wanted)
            high = place;
        else
            low = place + 1;
    }
}

/* Under the lock: forget all but the best. */
static void compact(search *s)
{
    if (s->count <= s->wanted) return;
    partition(s->best, s->count, s->wanted);
    s->count = s->wanted;
    s->worst = s->best[0];
    for (int64_t i = 1; i < s->count; i++)
        if (is_better(&s->worst, &s->best[i])) s->worst = s->best[i];
}

/* Takes what is handed in and tells what must be beaten from now on. */
static candidate hand_in(search *s, const candidate *found, int64_t count)
{
    pthread_mutex_lock(&s->lock);
    if (s->count + count > s->room) compact(s);
    if (count) memcpy(s->best + s->count, found, (size_t)count * sizeof *found);
    s->count += count;
    const candidate worst = s->worst;
    pthread_mutex_unlock(&s->lock);
    return worst;
}

/* Some of 16 values have at least this magnitude: most often none, and that is found fast. NaN has not. */
static bool any_reaches(const float *x, float least)
{
    int any = 0;
    for (int i = 0; i < 16; i++)
        any |= (x[i] >= least) | (x[i] <= -least);
    return any;
}

static int64_t in_order(const int32_t *order, int64_t place) { return order ? order[place] : place; }

/* One of the tile's gradients: is it a candidate? */
static bool is_candidate(const search *s, const wn__weight_tile *tile, int64_t r, int64_t c, float gradient, const candidate *worst,
                         candidate *found)
{
    const int64_t row = in_order(tile->row_order, tile->row + r), column = in_order(tile->column_order, tile->column + c);
    const wn__growth *what = s->what;
    *found = (candidate){magnitude(gradient), row * (s->gradient->columns / what->width) + column};
    return !isnan(gradient) && is_better(found, worst) && !(what->is_out && what->is_out(what->arg, row, column * what->width));
}

static void look_through(search *s, const wn__weight_tile *tile, const float *gradient)
{
    candidate found[LOCAL], worst = hand_in(s, NULL, 0);
    int64_t count = 0;
    for (int64_t r = 0; r < tile->rows; r++)
        for (int64_t c = 0, stop; c < tile->columns; c = stop) {
            const float *x = gradient + r * tile->columns;
            float least;
            stop = c + 16 < tile->columns ? c + 16 : tile->columns;
            memcpy(&least, &worst.key, sizeof least);
            if (stop - c == 16 && !any_reaches(x + c, least)) continue;
            for (; c < stop; c++)
                count += is_candidate(s, tile, r, c, x[c], &worst, &found[count]);
            if (count <= LOCAL - 17) continue;
            worst = hand_in(s, found, count);
            count = 0;
        }
    hand_in(s, found, count);
}

/* Can none of the tile's gradients be among the best any more? Its first row and column have the largest bounds. */
static bool is_hopeless(search *s, const wn__weight_tile *tile)
{
    if (!tile->row_order) return false;
    const candidate worst = hand_in(s, NULL, 0);
    float least;
    memcpy(&least, &worst.key, sizeof least);
    return s->rows.bound[tile->row] * s->columns.bound[tile->column] < least;
}

/* Blocks in place of columns, each with its score. */
static void reduce(const wn__growth *what, wn__weight_tile *tile, float *values)
{
    const int64_t blocks = tile->columns / what->width;
    for (int64_t r = 0; r < tile->rows; r++)
        for (int64_t u = 0; u < blocks; u++) {
            const float *x = values + r * tile->columns + u * what->width;
            values[r * blocks + u] = wn__block_score(x, what->width, what->criterion);
        }
    tile->column /= what->width;
    tile->columns = blocks;
}

static void search_tile(void *arg, int64_t number, int worker)
{
    search *s = arg;
    float *values = s->tile + (int64_t)worker * s->tile_rows * s->tile_columns;
    wn__weight_tile tile = {.row = s->first_row + number / s->tiles_across * s->tile_rows,
                            .column = number % s->tiles_across * s->tile_columns,
                            .row_order = s->rows.order,
                            .column_order = s->columns.order};
    tile.rows = s->end_row - tile.row < s->tile_rows ? s->end_row - tile.row : s->tile_rows;
    tile.columns = s->gradient->columns - tile.column < s->tile_columns ? s->gradient->columns - tile.column : s->tile_columns;
    if (is_hopeless(s, &tile)) return;
    const wn_status status = wn__weight_gradient_tile(s->gradient, &tile, values);
    if (status == WN_OK) {
        if (s->what->width > 1) reduce(s->what, &tile, values);
        look_through(s, &tile, values);
        return;
    }
    pthread_mutex_lock(&s->lock);
    if (s->failed == WN_OK) {
        s->failed = status;
        snprintf(s->message, sizeof s->message, "%s", wn_error_message());
    }
    pthread_mutex_unlock(&s->lock);
}

/* --- an order in which most need no look ------------------------------------------------------------------------------------------ */

typedef struct bounded {
    float bound;
    int32_t index;
} bounded;

static int by_falling_bound(const void *a, const void *b)
{
    const bounded *x = a, *y = b;
    if (x->bound != y->bound) return x->bound < y->bound ? 1 : -1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static wn_status sort_axis(axis *a, int64_t count)
{
    bounded *list = WN_NEW_ARRAY(bounded, count);
    a->order = WN_NEW_ARRAY(int32_t, count);
    if (!list || !a->order) {
        wn__free(list);
        return wn__no_memory((size_t)count * sizeof *list);
    }
    for (int64_t i = 0; i < count; i++)
        list[i] = (bounded){a->bound[i], (int32_t)i};
    qsort(list, (size_t)count, sizeof *list, by_falling_bound);
    for (int64_t i = 0; i < count; i++) {
        a->bound[i] = list[i].bound;
        a->order[i] = list[i].index;
    }
    wn__free(list);
    return WN_OK;
}

/* Rows and columns with large gradients first: soon nothing in the others can be among the best. */
static wn_status order_axes(search *s)
{
    const wn__weight_gradient *g = s->gradient;
    s->rows.bound = WN_NEW_ARRAY(float, g->rows);
    s->columns.bound = WN_NEW_ARRAY(float, g->columns);
    if (!s->rows.bound || !s->columns.bound) return wn__no_memory((size_t)(g->rows + g->columns) * sizeof(float));
    if (s->what->width > 1) return WN_OK;
    if (!wn__weight_gradient_bounds(g, s->rows.bound, s->columns.bound)) return WN_OK;
    WN_TRY(sort_axis(&s->rows, g->rows));
    return sort_axis(&s->columns, g->columns);
}

/* --- the search ------------------------------------------------------------------------------------------------------------------- */

/* As many whole blocks as the usual tile holds; one, if it is larger. */
static void cut_tiles(search *s)
{
    const int64_t width = s->what->width;
    s->tile_columns = width * (width < TILE_COLUMNS ? TILE_COLUMNS / width : 1);
    s->tile_rows = s->tile_columns > TILE_COLUMNS ? (int64_t)TILE_ROWS * TILE_COLUMNS / s->tile_columns : TILE_ROWS;
    if (s->tile_rows < 1) s->tile_rows = 1;
    s->tiles_across = (s->gradient->columns + s->tile_columns - 1) / s->tile_columns;
}

static wn_status run_search(search *s, wn__pool *pool)
{
    const int threads = pool ? wn__pool_threads(pool) : 1;
    const wn__weight_gradient *g = s->gradient;
    /* As much again as is wanted, so that the best are picked seldom. */
    s->room = 2 * s->wanted + LOCAL;
    s->worst = (candidate){0, INT64_MAX}; /* anything is better */
    cut_tiles(s);
    s->best = WN_NEW_ARRAY(candidate, s->room);
    s->tile = WN_NEW_ARRAY(float, (int64_t)threads * s->tile_rows * s->tile_columns);
    if (!s->best || !s->tile) return wn__no_memory((size_t)s->room * sizeof *s->best);
    WN_TRY(order_axes(s));
    for (; s->first_row < g->rows; s->first_row = s->end_row) {
        WN_TRY(wn__weight_gradient_rows(g, s->first_row, &s->end_row));
        wn__parallel_for(pool, (s->end_row - s->first_row + s->tile_rows - 1) / s->tile_rows * s->tiles_across, search_tile, s);
    }
    if (s->failed != WN_OK) return wn__fail(s->failed, "%s", s->message);
    compact(s);
    if (s->count < s->wanted)
        return wn__fail(WN_EDIVERGED, "%s: %lld entries are to grow, but only %lld inactive ones have a gradient that is a number",
                        g->param->name, (long long)(s->wanted * s->what->width), (long long)(s->count * s->what->width));
    return WN_OK;
}

static void release_search(search *s)
{
    pthread_mutex_destroy(&s->lock);
    wn__free(s->best);
    wn__free(s->tile);
    wn__free(s->rows.bound);
    wn__free(s->rows.order);
    wn__free(s->columns.bound);
    wn__free(s->columns.order);
}

/* The positions of what was found, ascending. */
static wn_status take_positions(const search *s, int64_t **out)
{
    const int64_t count = s->wanted, largest = s->gradient->rows * (s->gradient->columns / s->what->width);
    int64_t *area = WN_NEW_ARRAY(int64_t, count), *other = WN_NEW_ARRAY(int64_t, count);
    if (!area || !other) {
        wn__free(area);
        wn__free(other);
        return wn__no_memory((size_t)count * sizeof *area);
    }
    for (int64_t i = 0; i < count; i++)
        area[i] = s->best[i].position;
    *out = wn__sort_positions(area, other, count, largest);
    wn__free(*out == area ? other : area);
    return WN_OK;
}

wn_status wn__growth_search(const wn__growth *what, wn__pool *pool, int64_t **out)
{
    search s = {.what = what, .gradient = what->gradient, .wanted = what->wanted};
    pthread_mutex_init(&s.lock, NULL);
    wn_status status = what->wanted ? run_search(&s, pool) : WN_OK;
    if (status == WN_OK) status = take_positions(&s, out);
    release_search(&s);
    return status;
}

/* --- row by row -------------------------------------------------------------------------------------------------------------------- */

typedef struct by_row {
    const wn__growth_rows *what;
    const int64_t *first; /* (rows) place of a row's positions in the result */
    int64_t *position;
    int64_t strip; /* rows at a time */
    int64_t first_row, end_row;
    float *tile;      /* (threads, block, columns) */
    candidate *found; /* (threads, columns) */
    pthread_mutex_t lock;
    wn_status failed;
    char message[512];
} by_row;

static int by_position(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void note_failure(by_row *b, wn_status status)
{
    pthread_mutex_lock(&b->lock);
    if (b->failed == WN_OK) {
        b->failed = status;
        snprintf(b->message, sizeof b->message, "%s", wn_error_message());
    }
    pthread_mutex_unlock(&b->lock);
}

static wn_status pick_row(by_row *b, int64_t row, const float *gradient, candidate *found)
{
    const wn__growth_rows *what = b->what;
    const int64_t columns = what->gradient->columns, want = what->want[row];
    int64_t count = 0, *position = b->position + b->first[row];
    for (int64_t c = 0; c < columns; c++)
        if (!isnan(gradient[c]) && !what->is_out(what->arg, row, c))
            found[count++] = (candidate){magnitude(gradient[c]), row * columns + c};
    if (count < want)
        return wn__fail(WN_EDIVERGED,
                        "%s: output %lld is to grow %lld entries, but only %lld inactive ones have a gradient that is a number",
                        what->gradient->param->name, (long long)row, (long long)want, (long long)count);
    partition(found, count, want);
    for (int64_t i = 0; i < want; i++)
        position[i] = found[i].position;
    qsort(position, (size_t)want, sizeof *position, by_position);
    return WN_OK;
}

static void pick_block(void *arg, int64_t number, int worker)
{
    by_row *b = arg;
    const wn__weight_gradient *g = b->what->gradient;
    float *values = b->tile + (int64_t)worker * b->strip * g->columns;
    wn__weight_tile tile = {.row = b->first_row + number * b->strip, .rows = b->strip, .columns = g->columns};
    int64_t wanted = 0;
    if (b->end_row - tile.row < tile.rows) tile.rows = b->end_row - tile.row;
    for (int64_t r = 0; r < tile.rows; r++)
        wanted += b->what->want[tile.row + r];
    if (wanted == 0) return;
    wn_status status = wn__weight_gradient_tile(g, &tile, values);
    for (int64_t r = 0; status == WN_OK && r < tile.rows; r++)
        if (b->what->want[tile.row + r] > 0)
            status = pick_row(b, tile.row + r, values + r * g->columns, b->found + (int64_t)worker * g->columns);
    if (status != WN_OK) note_failure(b, status);
}

wn_status wn__growth_by_row(const wn__growth_rows *what, wn__pool *pool, int64_t **out)
{
    const wn__weight_gradient *g = what->gradient;
    const int64_t threads = pool ? wn__pool_threads(pool) : 1;
    by_row b = {.what = what, .strip = (int64_t)TILE_ROWS * TILE_COLUMNS / g->columns};
    int64_t total = 0, *first = WN_NEW_ARRAY(int64_t, g->rows);
    for (int64_t r = 0; first && r < g->rows; total += what->want[r++])
        first[r] = total;
    if (b.strip < 1) b.strip = 1;
    b.first = first;
    b.position = WN_NEW_ARRAY(int64_t, total);
    b.tile = WN_NEW_ARRAY(float, threads *b.strip * g->columns);
    b.found = WN_NEW_ARRAY(candidate, threads * g->columns);
    pthread_mutex_init(&b.lock, NULL);
    wn_status status = first && b.position && b.tile && b.found ? WN_OK : wn__no_memory((size_t)(threads * g->columns) * sizeof *b.found);
    for (; status == WN_OK && b.first_row < g->rows; b.first_row = b.end_row)
        if ((status = wn__weight_gradient_rows(g, b.first_row, &b.end_row)) == WN_OK)
            wn__parallel_for(pool, (b.end_row - b.first_row + b.strip - 1) / b.strip, pick_block, &b);
    if (status == WN_OK && b.failed != WN_OK) status = wn__fail(b.failed, "%s", b.message);
    pthread_mutex_destroy(&b.lock);
    wn__free(first);
    wn__free(b.tile);
    wn__free(b.found);
    if (status == WN_OK)
        *out = b.position;
    else
        wn__free(b.position);
    return status;
}
