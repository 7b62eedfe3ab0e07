#include "sparse/dynamic/fan_in.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "sparse/dynamic/growth_search.h"

typedef struct choice {
    const wn__param *param;
    const wn__pattern *pattern;
    const wn__fan_in_rule *rule;
    int64_t rows, columns, going, fan_in;
    uint8_t *kept;    /* (stored) */
    uint8_t *ablated; /* (rows) */
    int64_t *count;   /* (rows) salient places; then what each row grows */
    int64_t *order;   /* (stored or rows, the larger) */
} choice;

static void release(choice *c)
{
    wn__free(c->kept);
    wn__free(c->ablated);
    wn__free(c->count);
    wn__free(c->order);
}

static wn_status init(choice *c, const wn__param *p, const wn__fan_in_rule *rule)
{
    const wn__pattern *q = p->pattern;
    const double going = rule->fraction * (double)p->stored;
    *c = (choice){.param = p, .pattern = q, .rule = rule, .rows = q->rows, .columns = q->columns};
    c->going = (int64_t)(rule->round_up ? ceil(going) : going);
    c->kept = wn__alloc((size_t)p->stored + 1);
    c->ablated = wn__alloc((size_t)q->rows);
    c->count = WN_NEW_ARRAY(int64_t, q->rows);
    c->order = WN_NEW_ARRAY(int64_t, p->stored > q->rows ? p->stored : q->rows);
    if (c->kept && c->ablated && c->count && c->order) return WN_OK;
    release(c);
    return wn__no_memory((size_t)p->stored * sizeof *c->order);
}

/* ---- what is kept: the largest, of equals the higher entry number, since topology.h drops the lower */

static int by_size(const void *a, const void *b, void *values)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    const float *value = values, u = fabsf(value[x]), v = fabsf(value[y]);
    if (u != v) return u > v ? -1 : 1;
    return (x < y) - (x > y);
}

/* Of the rows that are not ablated. */
static void keep_largest(choice *c)
{
    const int64_t keep = c->param->stored - c->going;
    int64_t listed = 0;
    memset(c->kept, 0, (size_t)c->param->stored);
    for (int64_t r = 0; r < c->rows; r++)
        for (int64_t e = c->pattern->row_start[r]; !c->ablated[r] && e < c->pattern->row_start[r + 1]; e++)
            c->order[listed++] = e;
    qsort_r(c->order, (size_t)listed, sizeof *c->order, by_size, c->param->value);
    for (int64_t i = 0; i < keep && i < listed; i++)
        c->kept[c->order[i]] = 1;
}

/* No row keeps more than the fan-in. */
static void cap_rows(choice *c)
{
    for (int64_t r = 0; r < c->rows; r++) {
        int64_t listed = 0;
        for (int64_t e = c->pattern->row_start[r]; e < c->pattern->row_start[r + 1]; e++)
            if (c->kept[e]) c->order[listed++] = e;
        qsort_r(c->order, (size_t)listed, sizeof *c->order, by_size, c->param->value);
        for (int64_t i = c->fan_in; i < listed; i++)
            c->kept[c->order[i]] = 0;
    }
}

/* ---- outputs that lose their weights */

static wn_status count_salient(choice *c, const wn__weight_gradient *gradient, wn__pool *pool)
{
    int64_t *wanted;
    const wn__growth what = {.gradient = gradient, .wanted = c->going, .width = 1};
    WN_TRY(wn__growth_search(&what, pool, &wanted));
    for (int64_t r = 0; r < c->rows; r++) {
        c->count[r] = 0;
        for (int64_t e = c->pattern->row_start[r]; e < c->pattern->row_start[r + 1]; e++)
            c->count[r] += c->kept[e];
    }
    for (int64_t i = 0; i < c->going; i++) {
        const int64_t row = wanted[i] / c->columns, e = wn__pattern_find(c->pattern, row, wanted[i] % c->columns);
        c->count[row] += !(e >= 0 && c->kept[e]);
    }
    wn__free(wanted);
    return WN_OK;
}

static int by_count(const void *a, const void *b, void *counts)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    const int64_t *count = counts;
    if (count[x] != count[y]) return count[x] > count[y] ? -1 : 1;
    return (x > y) - (x < y);
}

static void ablate(choice *c)
{
    const wn__fan_in_rule *rule = c->rule;
    const int64_t fan_in = rule->of_dense ? c->columns : rule->budget / c->rows, least = (c->param->stored + c->columns - 1) / c->columns;
    int64_t wanted = (int64_t)(rule->gamma * (double)fan_in), left = c->rows;
    if (wanted < 1) wanted = 1;
    for (int64_t r = 0; r < c->rows; r++)
        c->order[r] = r;
    qsort_r(c->order, (size_t)c->rows, sizeof *c->order, by_count, c->count);
    if (least < c->rows && c->count[c->order[least]] < wanted) wanted = c->count[c->order[least]];
    for (int64_t r = 0; r < c->rows; r++)
        left -= c->ablated[r] = c->count[r] < wanted;
    if (left > 0 && rule->budget / left <= c->columns) return;
    for (int64_t i = 0; i < c->rows; i++) /* as few as can hold the weights */
        c->ablated[c->order[i]] = i >= least;
}

/* ---- the whole */

static bool is_kept(const void *arg, int64_t row, int64_t column)
{
    const choice *c = arg;
    const int64_t e = wn__pattern_find(c->pattern, row, column);
    return e >= 0 && c->kept[e];
}

/* count[r] becomes what row r grows. */
static void fill_rows(choice *c, wn__topology *t)
{
    t->grows = t->drops = 0;
    for (int64_t r = 0; r < c->rows; r++) {
        int64_t kept = 0;
        for (int64_t e = c->pattern->row_start[r]; e < c->pattern->row_start[r + 1]; e++) {
            kept += c->kept[e];
            t->drops += !c->kept[e];
        }
        c->count[r] = c->ablated[r] ? 0 : c->fan_in - kept;
        t->grows += c->count[r];
    }
}

static wn_status choose(choice *c, wn__topology *t, const wn__weight_gradient *gradient, wn__pool *pool)
{
    int64_t left = 0;
    keep_largest(c);
    if (c->rule->gamma > 0) {
        WN_TRY(count_salient(c, gradient, pool));
        ablate(c);
        keep_largest(c);
    }
    for (int64_t r = 0; r < c->rows; r++)
        left += !c->ablated[r];
    c->fan_in = c->rule->budget / left;
    if (c->fan_in > c->columns) c->fan_in = c->columns;
    cap_rows(c);
    fill_rows(c, t);
    t->drop = WN_NEW_ARRAY(int64_t, t->drops);
    if (!t->drop) return wn__no_memory((size_t)t->drops * sizeof *t->drop);
    for (int64_t e = 0, d = 0; e < c->param->stored; e++)
        if (!c->kept[e]) t->drop[d++] = e;
    const wn__growth_rows what = {.gradient = gradient, .want = c->count, .is_out = is_kept, .arg = c};
    return wn__growth_by_row(&what, pool, &t->grow);
}

wn_status wn__fan_in_choose(wn__topology *t, const wn__fan_in_rule *rule, const wn__weight_gradient *gradient, wn__pool *pool)
{
    const wn__param *p = t->param;
    choice c;
    wn__topology made = {.param = p};
    for (int64_t e = 0; e < p->stored; e++)
        if (!isfinite(p->value[e]))
            return wn__fail(WN_EDIVERGED, "%s: entry %lld is %g, cannot choose the smallest", p->name, (long long)e, (double)p->value[e]);
    WN_TRY(init(&c, p, rule));
    const wn_status status = choose(&c, &made, gradient, pool);
    release(&c);
    if (status != WN_OK) {
        wn__topology_release(&made);
        return status;
    }
    wn__topology_release(t);
    *t = made;
    return WN_OK;
}
