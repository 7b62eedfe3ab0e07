#include "sparse/dynamic/topology.h"

#include <math.h>
#include <string.h>

#include "base/elementary.h"
#include "base/fail.h"
#include "sparse/dynamic/growth_search.h"

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

const char *const wn__drop_names[] = {"magnitude", "signed", "crossed", "threshold", NULL};

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
static void count_magnitudes(const float *x, int64_t n, sign which, int64_t *bucket, bool fine, uint32_t high)
{
    memset(bucket, 0, 65536 * sizeof *bucket);
    for (int64_t e = 0; e < n; e++) {
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

static cut make_cut(const float *x, int64_t n, sign which, const wn__drop *how, int64_t *bucket)
{
    cut c = {.which = which};
    int64_t entries = 0;
    for (int64_t e = 0; e < n; e++)
        entries += has_sign(x[e], which);
    c.count = part_of(entries, how);
    if (c.count == 0) return c;
    int64_t rank = c.count - 1;
    count_magnitudes(x, n, which, bucket, false, 0);
    const uint32_t high = bucket_of_rank(bucket, &rank);
    count_magnitudes(x, n, which, bucket, true, high);
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

/* The entries of blocks that go. */
static void list_dropped(const float *x, int64_t n, int64_t width, cut *cuts, int count, int64_t *drop)
{
    for (int64_t e = 0; e < n; e++)
        for (int i = 0; i < count; i++)
            for (int64_t k = 0, all = goes(&cuts[i], x[e]) ? width : 0; k < all; k++)
                *drop++ = e * width + k;
}

/* A score for each stored block; entries of one lie side by side. */
static wn_status score_blocks(const wn__param *p, const wn__drop *how, float **out)
{
    const wn__pattern *q = p->pattern;
    const int64_t width = how->width;
    for (int64_t r = 0; r < q->rows; r++)
        for (int64_t e = q->row_start[r]; e < q->row_start[r + 1]; e += width)
            if (q->column[e] % width != 0 || e + width > q->row_start[r + 1] || q->column[e + width - 1] != q->column[e] + width - 1)
                return wn__fail(WN_EINVAL, "%s: its pattern is not one of whole blocks of %lld weights", p->name, (long long)width);
    float *score = WN_NEW_ARRAY(float, p->stored / width);
    if (!score) return wn__no_memory((size_t)(p->stored / width) * sizeof *score);
    for (int64_t u = 0; u < p->stored / width; u++)
        score[u] = wn__block_score(p->value + u * width, width, how->criterion);
    *out = score;
    return WN_OK;
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

static bool goes_by_itself(const wn__param *p, const wn__drop *how, int64_t row, int64_t e)
{
    if (how->rule == WN__DROP_THRESHOLD) return fabsf(p->value[e]) < how->threshold;
    return p->value[e] * wn__topology_sign(how->seed, how->layer, row * p->pattern->columns + p->pattern->column[e]) < 0;
}

/* Entries that crossed zero, or that are below the threshold; `drop` NULL only counts. */
static int64_t list_going(const wn__param *p, const wn__drop *how, int64_t *drop)
{
    const wn__pattern *q = p->pattern;
    int64_t count = 0;
    for (int64_t r = 0; r < q->rows; r++)
        for (int64_t e = q->row_start[r]; e < q->row_start[r + 1]; e++) {
            if (!goes_by_itself(p, how, r, e)) continue;
            if (drop) drop[count] = e;
            count++;
        }
    return count;
}

/* Below a threshold not all go: the first stays. */
static wn_status drop_going(const wn__param *p, const wn__drop *how, wn__topology *out)
{
    wn__topology t = {.param = p};
    const int64_t going = list_going(p, how, NULL);
    t.drop = WN_NEW_ARRAY(int64_t, going);
    if (!t.drop) return wn__no_memory((size_t)going * sizeof *t.drop);
    list_going(p, how, t.drop);
    const bool all = going > 0 && going == p->stored && how->rule == WN__DROP_THRESHOLD;
    if (all) memmove(t.drop, t.drop + 1, (size_t)(going - 1) * sizeof *t.drop);
    t.drops = t.grows = going - all;
    *out = t;
    return WN_OK;
}

/* x (n): values or scores of blocks of `width` entries. */
static wn_status drop_smallest(const wn__param *p, const float *x, int64_t width, const wn__drop *how, wn__topology *out)
{
    wn__topology t = {.param = p, .width = width, .criterion = how->criterion};
    const int64_t n = p->stored / width;
    int64_t *bucket = WN_NEW_ARRAY(int64_t, 65536);
    if (!bucket) return wn__no_memory(65536 * sizeof *bucket);
    const bool by_sign = how->rule == WN__DROP_SIGNED;
    cut cuts[2] = {make_cut(x, n, by_sign ? NOT_NEGATIVE : ANY, how, bucket)};
    if (by_sign) cuts[1] = make_cut(x, n, NEGATIVE, how, bucket);
    wn__free(bucket);
    t.drops = t.grows = (cuts[0].count + cuts[1].count) * width;
    t.drop = WN_NEW_ARRAY(int64_t, t.drops);
    if (!t.drop) return wn__no_memory((size_t)t.drops * sizeof *t.drop);
    list_dropped(x, n, width, cuts, by_sign ? 2 : 1, t.drop);
    *out = t;
    return WN_OK;
}

wn_status wn__topology_init(const wn__param *p, const wn__drop *how, wn__topology *out)
{
    float *score = NULL;
    WN_TRY(check(p, how->fraction));
    if (how->rule == WN__DROP_CROSSED || how->rule == WN__DROP_THRESHOLD) {
        WN_TRY(drop_going(p, how, out));
    } else {
        const int64_t width = how->width > 1 ? how->width : 1;
        if (width > 1) WN_TRY(score_blocks(p, how, &score));
        if (how->lambda > 0 && width == 1) WN_TRY(make_scores(p, how->lambda, &score));
        const wn_status status = drop_smallest(p, score ? score : p->value, width, how, out);
        wn__free(score);
        if (status != WN_OK) return status;
    }
    out->fresh = how->fresh;
    return WN_OK;
}

int64_t wn__topology_room(const wn__topology *t) { return t->param->count - t->param->stored + (t->fresh ? 0 : t->drops); }

void wn__topology_release(wn__topology *t)
{
    wn__free(t->drop);
    wn__free(t->grow);
    *t = (wn__topology){0};
}

/* --- random growth --------------------------------------------------------------------------------------------------------------- */

static int64_t width_of(const wn__topology *t) { return t->width > 1 ? t->width : 1; }

/* Positions of blocks (taken over) become those of their entries. */
static wn_status take_blocks(wn__topology *t, int64_t *block)
{
    const int64_t width = width_of(t), blocks = t->grows / width;
    int64_t *grow = block;
    if (width > 1) {
        grow = WN_NEW_ARRAY(int64_t, t->grows);
        for (int64_t i = 0; grow && i < t->grows; i++)
            grow[i] = block[i / width] * width + i % width;
        wn__free(block);
        if (!grow) return wn__no_memory((size_t)(blocks * width) * sizeof *grow);
    }
    wn__free(t->grow);
    t->grow = grow;
    return WN_OK;
}

/* Numbers of inactive blocks, ascending, become their positions: each moves up by the active blocks before it. */
static void skip_active(const wn__topology *t, int64_t *grow)
{
    const wn__pattern *q = t->param->pattern;
    const int64_t width = width_of(t), grows = t->grows / width;
    int64_t g = 0, d = 0, active = 0;
    for (int64_t r = 0; r < q->rows; r++)
        for (int64_t e = q->row_start[r]; e < q->row_start[r + 1]; e += width) {
            const int64_t position = (r * q->columns + q->column[e]) / width;
            const bool goes = d < t->drops && t->drop[d] == e;
            if (goes) d += width;
            if (goes && !t->fresh) continue;
            for (; g < grows && grow[g] + active < position; g++)
                grow[g] += active;
            active++;
        }
    for (; g < grows; g++)
        grow[g] += active;
}

wn_status wn__topology_grow_random(wn__topology *t, wn__rng *rng)
{
    const int64_t width = width_of(t), grows = t->grows / width;
    int64_t *grow = WN_NEW_ARRAY(int64_t, grows);
    if (!grow) return wn__no_memory((size_t)grows * sizeof *grow);
    const wn_status status = wn__draw_positions(rng, wn__topology_room(t) / width, grows, grow);
    if (status != WN_OK) {
        wn__free(grow);
        return status;
    }
    skip_active(t, grow);
    return take_blocks(t, grow);
}

/* --- growth by gradient ---------------------------------------------------------------------------------------------------------- */

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

/* Entries that stay active are no candidates, nor are those that may not come back. */
static bool is_no_candidate(const void *arg, int64_t row, int64_t column)
{
    const wn__topology *t = arg;
    const int64_t entry = wn__pattern_find(t->param->pattern, row, column);
    return entry >= 0 && (t->fresh || !is_dropped(t, entry));
}

wn_status wn__topology_grow_gradient(wn__topology *t, const wn__weight_gradient *gradient, wn__pool *pool)
{
    const wn__pattern *q = t->param->pattern;
    if (gradient->rows != q->rows || gradient->columns != q->columns)
        return wn__fail(WN_EINVAL, "%s: gradient of %lld x %lld for %lld x %lld weights", t->param->name, (long long)gradient->rows,
                        (long long)gradient->columns, (long long)q->rows, (long long)q->columns);
    const wn__growth what = {.gradient = gradient,
                             .wanted = t->grows / width_of(t),
                             .width = width_of(t),
                             .criterion = t->criterion,
                             .is_out = is_no_candidate,
                             .arg = t};
    int64_t *grow;
    WN_TRY(wn__growth_search(&what, pool, &grow));
    return take_blocks(t, grow);
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
