#include "report/page_data.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/settings.h"
#include "io/json_file.h"
#include "io/jsonl.h"
#include "report/class_results.h"

#define FIELD(member) offsetof(wn__result_row, member)
enum { MOST_NUMBERS = 120000, LEAST_POINTS = 40, MOST_POINTS = 300, MOST_EPOCHS = 100000, CURVE_METRICS = 3, MOST_COUNTS = 300000 };

/* ---- JSON */

void wn__add_script_text(wn__text *out, const char *text)
{
    wn__text_add(out, "\"");
    for (; *text; text++) {
        const unsigned char sign = (unsigned char)*text;
        if (sign < ' ' || strchr("\"\\<>&", sign))
            wn__text_add(out, "\\u%04x", sign);
        else
            wn__text_add_bytes(out, text, 1);
    }
    wn__text_add(out, "\"");
}

static void add_number(wn__text *out, double value)
{
    if (isfinite(value))
        wn__text_add(out, "%.7g", value);
    else
        wn__text_add(out, "null");
}

/* Between two items of a list. */
static void add_comma(wn__text *out, int item)
{
    if (item > 0) wn__text_add(out, ",\n");
}

/* A fixed text with words of the metric. */
static void add_words(wn__text *out, const char *key, const wn__shown *shown, const char *words)
{
    char text[160];
    wn__text_add(out, "\"%s\":", key);
    wn__add_script_text(out, wn__shown_words(shown, words, text, sizeof text));
    wn__text_add(out, ",");
}

/* ---- methods and cells */

static void add_methods(const wn__results *r, wn__text *out)
{
    wn__text_add(out, "\"methods\":[");
    for (int m = 0; m < r->method_count; m++) {
        add_comma(out, m);
        wn__add_script_text(out, r->methods[m]);
    }
    wn__text_add(out, "],\n");
}

static void add_cells(const wn__results *r, wn__text *out)
{
    char label[32];
    wn__text_add(out, "\"cells\":[");
    for (int i = 0; i < r->cell_count; i++) {
        const wn__cell *cell = &r->cells[i];
        add_comma(out, i);
        wn__text_add(out, "{\"method\":%d,\"sparsity\":%.9g,\"label\":", cell->method_index, cell->sparsity);
        wn__add_script_text(out, wn__show_sparsity(cell->sparsity, label, sizeof label));
        wn__text_add(out, ",\"seeds\":[");
        for (int k = 0; k < cell->n; k++)
            wn__text_add(out, "%s%lld", k ? "," : "", (long long)cell->rows[k]->seed);
        wn__text_add(out, "]}");
    }
    wn__text_add(out, "],\n");
}

/* What half-widths are over standard errors, by the number of seeds. */
static void add_quantiles(const wn__results *r, wn__text *out)
{
    wn__text_add(out, "\"t\":[0,0");
    for (int n = 2; n <= wn__results_seeds(r); n++)
        wn__text_add(out, ",%.9g", wn__student_quantile(0.975, n - 1));
    wn__text_add(out, "],\n");
}

/* ---- values */

typedef struct kind {
    const char *before, *after, *name;
} kind;

static const kind kinds[] = {
    {"test", "", "test {metric}{unit}, last epoch"},
    {"test", "_at_best_validation", "test {metric}{unit}, best validation epoch"},
    {"validation", "", "validation {metric}{unit}, last epoch"},
    {"pruned", "", "test {metric}{unit}, straight after pruning"},
};

/* All values of a view, in the order of the rows; false: there is none. */
static bool read_values(const wn__results *r, const wn__shown *shown, const kind *k, double *values)
{
    bool any = false;
    for (int i = 0; i < r->row_count; i++) {
        values[i] = shown->scale * wn__result_score(&r->rows[i], k->before, shown->metric, k->after);
        any = any || isfinite(values[i]);
    }
    return any;
}

static void add_view(const wn__results *r, const wn__shown *shown, const kind *k, const double *values, wn__text *out)
{
    wn__text_add(out, "{");
    add_words(out, "name", shown, k->name);
    wn__text_add(out, "\"unit\":\"%s\",\"difference\":\"%s\",\"decimals\":%d,\"values\":[", shown->metric->percent ? " %" : "",
                 shown->metric->percent ? " points" : "", shown->decimals);
    for (int i = 0; i < r->cell_count; i++) {
        wn__text_add(out, "%s[", i ? "," : "");
        for (int s = 0; s < r->cells[i].n; s++) {
            wn__text_add(out, s ? "," : "");
            add_number(out, values[r->cells[i].rows[s] - r->rows]);
        }
        wn__text_add(out, "]");
    }
    wn__text_add(out, "]}");
}

/* The metrics of the results, the one that is shown first, then the headline. */
static int list_metrics(const wn__results *r, const wn__metric **list)
{
    int count = 0;
    list[count++] = r->shown.metric;
    if (r->headline != r->shown.metric) list[count++] = r->headline;
    for (int i = 0; wn__metrics[i] && count < WN__MOST_METRICS; i++)
        if (wn__metrics[i] != r->shown.metric && wn__metrics[i] != r->headline) list[count++] = wn__metrics[i];
    return count;
}

static wn_status add_views(const wn__results *r, wn__text *out)
{
    const wn__metric *metrics[WN__MOST_METRICS];
    const int metric_count = list_metrics(r, metrics);
    int views = 0;
    double *values = WN_NEW_ARRAY(double, r->row_count);
    if (!values) return wn__no_memory((size_t)r->row_count * sizeof *values);
    wn__text_add(out, "\"views\":[");
    for (int m = 0; m < metric_count; m++) {
        const wn__shown shown = wn__results_shown(r, metrics[m]);
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            const bool there = read_values(r, &shown, &kinds[k], values);
            if (!there && (m > 0 || k > 0)) continue;
            add_comma(out, views++);
            add_view(r, &shown, &kinds[k], values, out);
        }
    }
    wn__text_add(out, "],\n");
    wn__free(values);
    return WN_OK;
}

/* ---- prices */

static const struct {
    const char *name;
    size_t field;
    bool of_dense;
} axes[] = {
    {"training FLOPs in all, of dense", FIELD(total_flops), true},
    {"training FLOPs of the stage, of dense", FIELD(stage_flops), true},
    {"measured seconds of training", FIELD(measured_total), false},
    {"FLOPs an image, of dense", FIELD(inference_flops), true},
    {"parameters", FIELD(parameters), false},
    {"bytes", FIELD(bytes), false},
};

static void add_axes(const wn__results *r, const wn__cell *dense, wn__text *out)
{
    int count = 0;
    wn__text_add(out, "\"axes\":[");
    for (size_t a = 0; a < sizeof axes / sizeof *axes; a++) {
        const double unit = !axes[a].of_dense ? 1 : dense ? wn__cell_summary(dense, axes[a].field, 1).mean : NAN;
        bool any = false;
        for (int i = 0; i < r->cell_count; i++)
            any = any || wn__cell_summary(&r->cells[i], axes[a].field, 1 / unit).mean > 0;
        if (!any) continue;
        add_comma(out, count++);
        wn__text_add(out, "{\"name\":\"%s\",\"values\":[", axes[a].name);
        for (int i = 0; i < r->cell_count; i++) {
            const double price = wn__cell_summary(&r->cells[i], axes[a].field, 1 / unit).mean;
            wn__text_add(out, i ? "," : "");
            add_number(out, price > 0 ? price : NAN);
        }
        wn__text_add(out, "]}");
    }
    wn__text_add(out, "],\n");
}

/* ---- learning curves */

static const char *const splits[] = {"validation", "test", "train"};
enum { SPLITS = sizeof splits / sizeof *splits };

typedef struct curve_point {
    int split;
    double epoch, values[CURVE_METRICS];
} curve_point;

typedef struct curves {
    wn__shown shown[CURVE_METRICS];
    int metric_count;
    int most;            /* points of one curve that are written */
    curve_point *points; /* (count) of one row */
    int count;
} curves;

static wn_status visit_line(void *user, int64_t line, const json_t *object)
{
    curves *c = user;
    const char *split = wn__json_text(object, "split");
    curve_point point = {.split = -1, .epoch = wn__json_number(object, "epoch")};
    for (int i = 0; split && i < SPLITS; i++)
        if (strcmp(split, splits[i]) == 0) point.split = i;
    if (point.split < 0 || isnan(point.epoch)) return WN_OK;
    if (!(point.epoch >= 0 && point.epoch < MOST_EPOCHS)) return wn__fail(WN_EFORMAT, "line %lld: epoch %g", (long long)line, point.epoch);
    for (int m = 0; m < c->metric_count; m++)
        point.values[m] = c->shown[m].scale * wn__json_number(object, c->shown[m].metric->key);
    WN_TRY(wn__make_room(&c->points, c->count, sizeof *c->points));
    c->points[c->count++] = point;
    return WN_OK;
}

/* Member `metric` (-1: the epoch) of the kept points of a split; the last one is kept. */
static void add_members(const curves *c, int split, int metric, int count, wn__text *out)
{
    const int step = 1 + (count - 1) / c->most;
    int at = 0;
    const char *between = "";
    wn__text_add(out, "[");
    for (int i = 0; i < c->count; i++) {
        if (c->points[i].split != split || (count - 1 - at++) % step != 0) continue;
        wn__text_add(out, "%s", between);
        add_number(out, metric < 0 ? c->points[i].epoch : c->points[i].values[metric]);
        between = ",";
    }
    wn__text_add(out, "]");
}

static void add_curve(const curves *c, int cell, int64_t seed, int split, int *written, wn__text *out)
{
    int count = 0;
    for (int i = 0; i < c->count; i++)
        count += c->points[i].split == split;
    if (count < 2) return;
    add_comma(out, (*written)++);
    wn__text_add(out, "{\"cell\":%d,\"seed\":%lld,\"split\":\"%s\",\"epochs\":", cell, (long long)seed, splits[split]);
    add_members(c, split, -1, count, out);
    wn__text_add(out, ",\"values\":[");
    for (int m = 0; m < c->metric_count; m++) {
        wn__text_add(out, m ? "," : "");
        add_members(c, split, m, count, out);
    }
    wn__text_add(out, "]}");
}

static wn_status add_row_curves(const wn__results *r, curves *c, int cell, const wn__result_row *row, int *written, wn__text *out)
{
    char *path = row->metrics ? wn__path_join(r->folder, row->metrics) : NULL;
    if (!row->metrics) return WN_OK;
    if (!path) return wn__no_memory(strlen(row->metrics));
    c->count = 0;
    const wn_status status = wn__file_exists(path) ? wn__jsonl_read(path, visit_line, c) : WN_OK;
    wn__free(path);
    for (int s = 0; s < SPLITS && status == WN_OK; s++)
        add_curve(c, cell, row->seed, s, written, out);
    return status;
}

static void choose_curve_metrics(const wn__results *r, curves *c)
{
    const wn__metric *metrics[WN__MOST_METRICS];
    const int count = list_metrics(r, metrics);
    for (int m = 0; m < count && c->metric_count < CURVE_METRICS; m++)
        if (m == 0 || metrics[m] == r->headline || metrics[m]->is_loss) c->shown[c->metric_count++] = wn__results_shown(r, metrics[m]);
    const int64_t lines = (int64_t)r->row_count * SPLITS * c->metric_count, fit = MOST_NUMBERS / (lines > 0 ? lines : 1);
    c->most = fit < LEAST_POINTS ? LEAST_POINTS : fit > MOST_POINTS ? MOST_POINTS : (int)fit;
}

static wn_status add_curves(const wn__results *r, wn__text *out)
{
    curves c = {0};
    int written = 0;
    wn_status status = WN_OK;
    choose_curve_metrics(r, &c);
    wn__text_add(out, "\"curveViews\":[");
    for (int m = 0; m < c.metric_count; m++) {
        wn__text_add(out, "%s{", m ? "," : "");
        add_words(out, "name", &c.shown[m], "{metric}{unit}");
        wn__text_add(out, "\"unit\":\"%s\",\"decimals\":%d}", c.shown[m].metric->percent ? " %" : "", c.shown[m].decimals);
    }
    wn__text_add(out, "],\n\"curves\":[");
    for (int i = 0; i < r->cell_count; i++)
        for (int k = 0; k < r->cells[i].n && status == WN_OK; k++)
            status = add_row_curves(r, &c, i, r->cells[i].rows[k], &written, out);
    wn__text_add(out, "]");
    wn__free(c.points);
    return status;
}

/* ---- classes */

/* Counts above 0: where they stand and how large they are, in turns. */
static int64_t add_counts(const wn__class_results *c, const int64_t *counts, wn__text *out)
{
    int64_t written = 0;
    wn__text_add(out, "[");
    for (int64_t i = 0; i < c->classes * c->classes; i++) {
        if (counts[i] == 0) continue;
        wn__text_add(out, "%s%lld,%lld", written++ ? "," : "", (long long)i, (long long)counts[i]);
    }
    wn__text_add(out, "]");
    return written;
}

/* Of more cells than a page holds the last ones stand in the table alone. */
static void add_class_results(const wn__results *r, const wn__class_results *c, wn__text *out)
{
    int64_t written = 0;
    wn__text_add(out, "\"classes\":{\"names\":[");
    for (int64_t k = 0; k < c->classes; k++) {
        char number[32];
        wn__text_add(out, k ? "," : "");
        wn__add_script_text(out, wn__class_name(c, k, number, sizeof number));
    }
    wn__text_add(out, "],\"counts\":[");
    for (int i = 0; i < r->cell_count; i++) {
        wn__text_add(out, i ? ",\n" : "");
        if (c->counts[i] && written < MOST_COUNTS)
            written += add_counts(c, c->counts[i], out);
        else
            wn__text_add(out, "null");
    }
    wn__text_add(out, "]},\n");
}

static wn_status add_classes(const wn__results *r, wn__text *out)
{
    wn__class_results c;
    WN_TRY(wn__class_results_read(r, &c));
    if (c.classes > 0) add_class_results(r, &c, out);
    wn__class_results_release(&c);
    return WN_OK;
}

wn_status wn__page_data(const wn__results *r, wn__text *out)
{
    const wn__cell *dense = wn__results_baseline(r, "dense", 0);
    wn__text_add(out, "{");
    add_methods(r, out);
    add_cells(r, out);
    add_quantiles(r, out);
    wn__text_add(out, "\"dense\":%d,\"margin\":", dense ? (int)(dense - r->cells) : -1);
    add_number(out, r->shown.margin);
    wn__text_add(out, ",\n");
    add_axes(r, dense, out);
    WN_TRY(add_views(r, out));
    WN_TRY(add_classes(r, out));
    WN_TRY(add_curves(r, out));
    wn__text_add(out, "}");
    return out->failed ? wn__no_memory(out->size) : WN_OK;
}
