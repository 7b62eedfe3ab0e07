#include "nn/metric.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/text.h"
#include "data/targets.h"

#define WN__METRIC(name) extern const wn__metric wn__metric_##name;
#include "nn/metrics/list.h"
#undef WN__METRIC
#define WN__METRIC(name) &wn__metric_##name,
const wn__metric *const wn__metrics[] = {
#include "nn/metrics/list.h"
    NULL};
#undef WN__METRIC
_Static_assert(sizeof wn__metrics / sizeof *wn__metrics <= WN__MOST_METRICS, "room in sets");

/* WN_EUSAGE with the names of metrics of these kinds of targets: it is none of them, or none at all. */
static wn_status unknown(const char *name, unsigned targets)
{
    wn__text names = {0};
    bool known = false;
    for (int i = 0; wn__metrics[i]; i++)
        known = known || strcmp(wn__metrics[i]->name, name) == 0;
    for (int i = 0; wn__metrics[i]; i++)
        if (wn__metrics[i]->targets & targets) wn__text_add(&names, "%s%s", names.size ? ", " : "", wn__metrics[i]->name);
    const wn_status status =
        wn__fail(WN_EUSAGE, known ? "metric '%s' does not judge targets of this kind; valid: %s" : "unknown metric '%s'; valid: %s", name,
                 names.data ? names.data : "");
    wn__text_release(&names);
    return status;
}

wn_status wn__metric_find(const char *name, const wn__metric **out)
{
    for (int i = 0; wn__metrics[i]; i++)
        if (strcmp(wn__metrics[i]->name, name) == 0 || strcmp(wn__metrics[i]->key, name) == 0) {
            *out = wn__metrics[i];
            return WN_OK;
        }
    return unknown(name, ~0u);
}

const wn__metric *wn__metric_usual(wn_target_kind kind)
{
    int i = 0;
    while (wn__metrics[i] && !(wn__metrics[i]->usual & 1u << kind))
        i++;
    assert(wn__metrics[i]);
    return wn__metrics[i];
}

bool wn__metric_is_better(const wn__metric *metric, double a, double b)
{
    if (isnan(a) || isnan(b)) return !isnan(a);
    return metric->less_is_better ? a < b : a > b;
}

static bool is_among(const wn__metric *metric, const wn__metric *const *asked, int count)
{
    bool is = false;
    for (int i = 0; i < count; i++)
        is = is || asked[i] == metric;
    return is;
}

wn_status wn__metric_set_make(wn_target_kind kind, const wn__metric *const *asked, int count, wn__metric_set *out)
{
    const wn__metric *headline = count > 0 ? asked[0] : wn__metric_usual(kind);
    *out = (wn__metric_set){0};
    for (int i = 0; i < count; i++)
        if (!(asked[i]->targets & 1u << kind)) return unknown(asked[i]->name, 1u << kind);
    for (int i = 0; wn__metrics[i]; i++) {
        const wn__metric *m = wn__metrics[i];
        if (!(m->targets & 1u << kind) || (m->on_request && !is_among(m, asked, count))) continue;
        if (m == headline) out->headline = out->count;
        if (m->is_loss) out->loss = out->count;
        out->metric[out->count++] = m;
    }
    return WN_OK;
}

wn__metric_set wn__metric_set_usual(wn_target_kind kind)
{
    wn__metric_set set;
    const wn_status status = wn__metric_set_make(kind, NULL, 0, &set);
    assert(status == WN_OK);
    (void)status;
    return set;
}

#define ROWS_PER_CHUNK 16

typedef struct job {
    const wn__metric_set *set;
    const wn__metric_rows *rows;
    int64_t stride;
    double *value;
} job;

static void compute_row(const job *j, int64_t i)
{
    const wn__metric_rows *rows = j->rows;
    const wn__metric_row row = {
        .k = rows->k, .outputs = rows->outputs + i * rows->k, .target = wn__targets_from(&rows->targets, i), .loss = rows->loss[i]};
    for (int m = 0; m < j->set->count; m++)
        j->value[m * j->stride + i] = j->set->metric[m]->row ? j->set->metric[m]->row(&row) : 0;
}

static void compute_chunk(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    const job *j = arg;
    const int64_t first = chunk * ROWS_PER_CHUNK;
    for (int64_t i = first; i < first + ROWS_PER_CHUNK && i < j->rows->n; i++)
        compute_row(j, i);
}

void wn__metric_rows_compute(const wn__metric_set *set, const wn__metric_rows *rows, wn__pool *pool, int64_t stride, double *value)
{
    job j = {set, rows, stride, value};
    wn__parallel_for(pool, (rows->n + ROWS_PER_CHUNK - 1) / ROWS_PER_CHUNK, compute_chunk, &j);
}
