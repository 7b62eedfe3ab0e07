#include "sparse/topology.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/elementary.h"
#include "base/fail.h"

/* Unsigned number in the order of |x|. */
static uint32_t magnitude(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits & 0x7FFFFFFFu;
}

double wn__topology_cosine(double alpha, int64_t step, int64_t end)
{
    if (step >= end) return 0;
    return alpha / 2 * (1 + wn__cos_pi((double)step / (double)end));
}

/* --- drop ---------------------------------------------------------------------------------------------------------------------- */

const char *const wn__drop_names[] = {"magnitude", "signed", "crossed", NULL};

typedef enum sign { ANY, NOT_NEGATIVE, NEGATIVE } sign;

static bool has_sign(float x, sign which) { return which == ANY || (x < 0) == (which == NEGATIVE); }

/* Which of the values of one sign go: all below a magnitude, and the first `equal` of those at it. */
typedef struct cut {
    sign which;
    int64_t count; /* that go */
    uint32_t threshold;
    int64_t equal;
} cut;

/* Counts of the upper half of all magnitudes, or of the lower half of those whose upper half is `high`. */
static void count_magnitudes(const wn__param *p, const float *x, sign which, int64_t *bucket, bool fine, uint32_t high)
{
    memset(bucket, 0, 65536 * sizeof *bucket);
    for (int64_t e = 0; e < p->stored; e++) {
        const uint32_t key = magnitude(x[e]);
        if (!has_sign(x[e], which)) continue;
        if (!fine)
            bucket[key >> 16]++;
        else if (key >> 16 == high)
            bucket[key & 0xFFFFu]++;
    }
}

/* The bucket that holds the rank-th smallest; rank becomes the rank within it. */
static uint32_t bucket_of_rank(const int64_t *bucket, int64_t *rank)
{
    uint32_t b = 0;
    while (*rank >= bucket[b])
        *rank -= bucket[b++];
    return b;
}

static int64_t part_of(int64_t entries, const wn__drop *how)
{
    if (how->out) return *how->out;
    const double part = (double)entries * how->fraction;
    return (int64_t)(how->round_up ? ceil(part) : part);
}

/* x (stored): values or scores. */
static cut make_cut(const wn__param *p, const float *x, sign which, const wn__drop *how, int64_t *bucket)
{
    cut c = {.which = which};
    int64_t entries = 0;
    for (int64_t e = 0; e < p->stored; e++)
        entries += has_sign(x[e], which);
    c.count = part_of(entries, how);
    if (c.count == 0) return c;
    int64_t rank = c.count - 1;
    count_magnitudes(p, x, which, bucket, false, 0);
    const uint32_t high = bucket_of_rank(bucket, &rank);
    count_magnitudes(p, x, which, bucket, true, high);
    c.threshold = high << 16 | bucket_of_rank(bucket, &rank);
    c.equal = rank + 1;
    return c;
}

static bool goes(cut *c, float value)
{
    const uint32_t key = magnitude(value);
    if (c->count == 0 || !has_sign(value, c->which)) return false;
    return key < c->threshold || (key == c->threshold && c->equal-- > 0);
}

static void list_dropped(const wn__param *p, const float *x, cut *cuts, int count, int64_t *drop)
{
    for (int64_t e = 0; e < p->stored; e++)
        for (int i = 0; i < count; i++)
            if (goes(&cuts[i], x[e])) *drop++ = e;
}

/* |value| + lambda |gradient| of what is stored. */
static wn_status make_scores(const wn__param *p, double lambda, float **out)
{
    float *score = WN_NEW_ARRAY(float, p->stored);
    if (!score) return wn__no_memory((size_t)p->stored * sizeof *score);
    for (int64_t e = 0; e < p->stored; e++) {
        score[e] = fabsf(p->value[e]) + (float)lambda * fabsf(p->grad[e]);
        if (isfinite(score[e])) continue;
        wn__free(score);
        return wn__fail(WN_EDIVERGED, "%s: the gradient of entry %lld is %g, cannot choose the smallest", p->name, (long long)e,
                        (double)p->grad[e]);
    }
    *out = score;
    return WN_OK;
}

static wn_status check(const wn__param *p, double fraction)
{
    if (!p->pattern) return wn__fail(WN_EINVAL, "%s is dense: it has no topology to change", p->name);
    if (!(fraction >= 0 && fraction <= 1)) return wn__fail(WN_EINVAL, "%s: fraction %g to drop, must be in 0..1", p->name, fraction);
    for (int64_t e = 0; e < p->stored; e++)
        if (!isfinite(p->value[e]))
            return wn__fail(WN_EDIVERGED, "%s: entry %lld is %g, cannot choose the smallest", p->name, (long long)e, (double)p->value[e]);
    return WN_OK;
}

/* Signs have a stream of their own: steps, which address the other draws for topologies, never get that far. */
float wn__topology_sign(uint64_t seed, uint64_t layer, int64_t position)
{
    wn__rng rng = wn__rng_make_at(seed, WN__FOR_TOPOLOGY, UINT64_MAX, layer, (uint64_t)position);
    return wn__rng_u32(&rng) & 1 ? 1.0f : -1.0f;
}

/* Entries that crossed zero; `drop` NULL only counts. */
static int64_t list_crossed(const wn__param *p, const wn__drop *how, int64_t *drop)
{
    const wn__pattern *q = p->pattern;
    int64_t count = 0;
    for (int64_t r = 0; r < q->rows; r++)
        for (int64_t e = q->row_start[r]; e < q->row_start[r + 1]; e++) {
            if (p->value[e] * wn__topology_sign(how->seed, how->layer, r * q->columns + q->column[e]) >= 0) continue;
            if (drop) drop[count] = e;
            count++;
        }
    return count;
}

static wn_status drop_crossed(const wn__param *p, const wn__drop *how, wn__topology *out)
{
    wn__topology t = {.param = p};
    t.drops = t.grows = list_crossed(p, how, NULL);
    t.drop = WN_NEW_ARRAY(int64_t, t.drops);
    if (!t.drop) return wn__no_memory((size_t)t.drops * sizeof *t.drop);
    list_crossed(p, how, t.drop);
    *out = t;
    return WN_OK;
}

/* x (stored): values or scores. */
static wn_status drop_smallest(const wn__param *p, const float *x, const wn__drop *how, wn__topology *out)
{
    wn__topology t = {.param = p};
    int64_t *bucket = WN_NEW_ARRAY(int64_t, 65536);
    if (!bucket) return wn__no_memory(65536 * sizeof *bucket);
    const bool by_sign = how->rule == WN__DROP_SIGNED;
    cut cuts[2] = {make_cut(p, x, by_sign ? NOT_NEGATIVE : ANY, how, bucket)};
    if (by_sign) cuts[1] = make_cut(p, x, NEGATIVE, how, bucket);
    wn__free(bucket);
    t.drops = t.grows = cuts[0].count + cuts[1].count;
    t.drop = WN_NEW_ARRAY(int64_t, t.drops);
    if (!t.drop) return wn__no_memory((size_t)t.drops * sizeof *t.drop);
    list_dropped(p, x, cuts, by_sign ? 2 : 1, t.drop);
    *out = t;
    return WN_OK;
}

wn_status wn__topology_init(const wn__param *p, const wn__drop *how, wn__topology *out)
{
    float *score = NULL;
    WN_TRY(check(p, how->fraction));
    if (how->rule == WN__DROP_CROSSED) return drop_crossed(p, how, out);
    if (how->lambda > 0) WN_TRY(make_scores(p, how->lambda, &score));
    const wn_status status = drop_smallest(p, score ? score : p->value, how, out);
    wn__free(score);
    return status;
}

void wn__topology_release(wn__topology *t)
{
    wn__free(t->drop);
    wn__free(t->grow);
    *t = (wn__topology){0};
}

/* --- random growth --------------------------------------------------------------------------------------------------------------- */

/* Numbers of inactive entries, ascending, become their flat positions: each moves up by the active entries before it. */
static void skip_active(const wn__topology *t, int64_t *grow)
{
    const wn__pattern *q = t->param->pattern;
    int64_t g = 0, d = 0, active = 0;
    for (int64_t r = 0; r < q->rows; r++)
        for (int64_t e = q->row_start[r]; e < q->row_start[r + 1]; e++) {
            const int64_t position = r * q->columns + q->column[e];
            if (d < t->drops && t->drop[d] == e) {
                d++;
                continue;
            }
            for (; g < t->grows && grow[g] + active < position; g++)
                grow[g] += active;
            active++;
        }
    for (; g < t->grows; g++)
        grow[g] += active;
}

wn_status wn__topology_grow_random(wn__topology *t, wn__rng *rng)
{
    const wn__pattern *q = t->param->pattern;
    int64_t *grow = WN_NEW_ARRAY(int64_t, t->grows);
    if (!grow) return wn__no_memory((size_t)t->grows * sizeof *grow);
    const wn_status status = wn__draw_positions(rng, q->rows * q->columns - (q->stored - t->drops), t->grows, grow);
    if (status != WN_OK) {
        wn__free(grow);
        return status;
    }
    skip_active(t, grow);
    wn__free(t->grow);
    t->grow = grow;
    return WN_OK;
}

/* --- growth by gradient ---------------------------------------------------------------------------------------------------------- */

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
    const wn__topology *t;
    const wn__weight_gradient *gradient;
    axis rows, columns;
    int64_t tiles_across;
    float *tile; /* (threads, TILE_ROWS, TILE_COLUMNS) */
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

static bool is_dropped(const wn__topology *t, int64_t entry)
{
    int64_t low = 0, high = t->drops;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (t->drop[middle] < entry)
            low = middle + 1;
        else
            high = middle;
    }
    return low < t->drops && t->drop[low] == entry;
}

/* Entries that stay active are no candidates. */
static bool stays_active(const wn__topology *t, int64_t row, int64_t column)
{
    const int64_t entry = wn__pattern_find(t->param->pattern, row, column);
    return entry >= 0 && !is_dropped(t, entry);
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
    *found = (candidate){magnitude(gradient), row * s->gradient->columns + column};
    return !isnan(gradient) && is_better(found, worst) && !stays_active(s->t, row, column);
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

static void search_tile(void *arg, int64_t number, int worker)
{
    search *s = arg;
    float *values = s->tile + (int64_t)worker * TILE_ROWS * TILE_COLUMNS;
    wn__weight_tile tile = {.row = number / s->tiles_across * TILE_ROWS,
                            .column = number % s->tiles_across * TILE_COLUMNS,
                            .row_order = s->rows.order,
                            .column_order = s->columns.order};
    tile.rows = s->gradient->rows - tile.row < TILE_ROWS ? s->gradient->rows - tile.row : TILE_ROWS;
    tile.columns = s->gradient->columns - tile.column < TILE_COLUMNS ? s->gradient->columns - tile.column : TILE_COLUMNS;
    if (is_hopeless(s, &tile)) return;
    const wn_status status = wn__weight_gradient_tile(s->gradient, &tile, values);
    if (status == WN_OK) {
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
    if (!wn__weight_gradient_bounds(g, s->rows.bound, s->columns.bound)) return WN_OK;
    WN_TRY(sort_axis(&s->rows, g->rows));
    return sort_axis(&s->columns, g->columns);
}

/* --- the search ------------------------------------------------------------------------------------------------------------------- */

static wn_status run_search(search *s, wn__pool *pool)
{
    const int threads = pool ? wn__pool_threads(pool) : 1;
    const wn__weight_gradient *g = s->gradient;
    /* As much again as is wanted, so that the best are picked seldom. */
    s->room = 2 * s->wanted + LOCAL;
    s->worst = (candidate){0, INT64_MAX}; /* anything is better */
    s->tiles_across = (g->columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
    s->best = WN_NEW_ARRAY(candidate, s->room);
    s->tile = WN_NEW_ARRAY(float, (int64_t)threads *TILE_ROWS *TILE_COLUMNS);
    if (!s->best || !s->tile) return wn__no_memory((size_t)s->room * sizeof *s->best);
    WN_TRY(order_axes(s));
    wn__parallel_for(pool, (g->rows + TILE_ROWS - 1) / TILE_ROWS * s->tiles_across, search_tile, s);
    if (s->failed != WN_OK) return wn__fail(s->failed, "%s", s->message);
    compact(s);
    if (s->count < s->wanted)
        return wn__fail(WN_EDIVERGED, "%s: %lld entries are to grow, but only %lld inactive ones have a gradient that is a number",
                        s->t->param->name, (long long)s->wanted, (long long)s->count);
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
static wn_status take_positions(const search *s, wn__topology *t)
{
    int64_t *area = WN_NEW_ARRAY(int64_t, t->grows), *other = WN_NEW_ARRAY(int64_t, t->grows);
    if (!area || !other) {
        wn__free(area);
        wn__free(other);
        return wn__no_memory((size_t)t->grows * sizeof *area);
    }
    for (int64_t i = 0; i < t->grows; i++)
        area[i] = s->best[i].position;
    wn__free(t->grow);
    t->grow = wn__sort_positions(area, other, t->grows, t->param->count);
    wn__free(t->grow == area ? other : area);
    return WN_OK;
}

wn_status wn__topology_grow_gradient(wn__topology *t, const wn__weight_gradient *gradient, wn__pool *pool)
{
    const wn__pattern *q = t->param->pattern;
    if (gradient->rows != q->rows || gradient->columns != q->columns)
        return wn__fail(WN_EINVAL, "%s: gradient of %lld x %lld for %lld x %lld weights", t->param->name, (long long)gradient->rows,
                        (long long)gradient->columns, (long long)q->rows, (long long)q->columns);
    search s = {.t = t, .gradient = gradient, .wanted = t->grows};
    pthread_mutex_init(&s.lock, NULL);
    wn_status status = t->grows ? run_search(&s, pool) : WN_OK;
    if (status == WN_OK) status = take_positions(&s, t);
    release_search(&s);
    return status;
}

/* --- the update ------------------------------------------------------------------------------------------------------------------ */

/* Grown positions that are stored now: after the drop they are not, so they were dropped. */
static int64_t count_regrown(const wn__topology *t)
{
    const wn__pattern *q = t->param->pattern;
    int64_t count = 0;
    for (int64_t i = 0; i < t->grows; i++)
        count += wn__pattern_find(q, t->grow[i] / q->columns, t->grow[i] % q->columns) >= 0;
    return count;
}

wn_status wn__topology_apply(wn__topology *t, wn__params *params, wn__param *p, wn__regrown regrown, wn__topology_made *made)
{
    if (p != t->param) return wn__fail(WN_EINVAL, "%s: the update was made for %s", p->name, t->param->name);
    if (!t->grow) return wn__fail(WN_EINVAL, "%s: what is to grow was not chosen", p->name);
    const wn__topology_made what = {.dropped = t->drops, .grown = t->grows, .regrown = count_regrown(t)};
    wn__topology_update update = {.drop = t->drop, .drops = t->drops, .grow = t->grow, .grows = t->grows, .regrown = regrown};
    WN_TRY(wn__params_update_topology(params, p, &update));
    if (made) *made = what;
    return WN_OK;
}
