#include "report/report_data.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "io/json_file.h"
#include "recipe/study.h"
#include "run/results_writer.h"
#include "run/timing.h"

enum { FORMAT_VERSION = 1 };

const char *wn__json_text(const json_t *object, const char *key) { return json_string_value(json_object_get(object, key)); }

static wn_status read_layers(const json_t *list, wn__result_row *row)
{
    const size_t count = json_array_size(list);
    if (count == 0) return WN_OK;
    row->layers = WN_NEW_ARRAY(wn__result_layer, (int64_t)count);
    if (!row->layers) return wn__no_memory(count * sizeof *row->layers);
    row->layer_count = (int)count;
    for (size_t i = 0; i < count; i++) {
        const json_t *layer = json_array_get(list, i);
        const char *name = wn__json_text(layer, "name");
        const json_t *size = json_object_get(layer, "count"), *nonzero = json_object_get(layer, "nonzero");
        if (!name || !json_is_integer(size) || !json_is_integer(nonzero) || json_integer_value(size) <= 0)
            return wn__fail(WN_EFORMAT, "layer %zu needs a name, a count above 0 and a number of non-zeros", i);
        row->layers[i] = (wn__result_layer){.name = name,
                                            .count = json_integer_value(size),
                                            .nonzero = json_integer_value(nonzero),
                                            .selected = json_is_true(json_object_get(layer, "selected"))};
    }
    return WN_OK;
}

static void read_labels(const json_t *labels, wn__result_row *row)
{
    row->labels = wn__json_text(labels, "kind");
    row->kl = wn__json_text(labels, "kl");
    row->temperature = wn__json_number(labels, "temperature");
    row->alpha = wn__json_number(labels, "alpha");
    row->kl_weight = wn__json_number(labels, "kl_weight");
    row->gradient_scale = wn__json_number(labels, "gradient_scale");
    row->smoothing = wn__json_number(labels, "smoothing");
}

static const struct {
    const char *key;
    size_t field;
} row_numbers[] = {
#define ROW_NUMBER(key, member)               \
    {                                         \
        key, offsetof(wn__result_row, member) \
    }
    ROW_NUMBER("sparsity", sparsity),
    ROW_NUMBER("sparsity_selected", sparsity_selected),
    ROW_NUMBER("sparsity_network", sparsity_network),
    ROW_NUMBER("parameters", parameters),
    ROW_NUMBER("network", network),
    ROW_NUMBER("bytes", bytes),
    ROW_NUMBER("file_bytes", file_bytes),
    ROW_NUMBER("inference_flops", inference_flops),
    ROW_NUMBER("train_flops_stage", stage_flops),
    ROW_NUMBER("train_flops_total", total_flops),
    ROW_NUMBER("train_flops_ratio", train_ratio),
    ROW_NUMBER("epochs", epochs),
    ROW_NUMBER("steps", steps),
    ROW_NUMBER("seconds", seconds),
    ROW_NUMBER("seconds_total", seconds_total),
    ROW_NUMBER("rounds", rounds),
    ROW_NUMBER("teacher_images", teacher_images),
    ROW_NUMBER("teacher_users", teacher_users),
#undef ROW_NUMBER
};

/* "test_accuracy", "pruned_mse_reestimated_bn" */
static double score_of(const json_t *object, const char *before, const wn__metric *metric, const char *after)
{
    char key[128];
    snprintf(key, sizeof key, "%s_%s%s", before, metric->key, after);
    return wn__json_number(object, key);
}

double wn__result_score(const wn__result_row *row, const char *before, const wn__metric *metric, const char *after)
{
    return score_of(row->object, before, metric, after);
}

static void read_scores(const wn__results *r, wn__result_row *row)
{
    const wn__metric *shown = r->shown.metric;
    row->test = score_of(row->object, "test", shown, "");
    row->test_at_best = score_of(row->object, "test", shown, "_at_best_validation");
    row->validation = score_of(row->object, "validation", shown, "");
    row->average = score_of(row->object, "average_test", shown, "");
    row->average_validation = score_of(row->object, "average_validation", shown, "");
    row->pruned = score_of(row->object, "pruned", shown, "");
    row->pruned_bn = score_of(row->object, "pruned", shown, "_reestimated_bn");
    row->validated = !isnan(score_of(row->object, "validation", r->headline, ""));
}

static wn_status read_row(const json_t *object, wn__result_row *row)
{
    row->object = object;
    for (size_t i = 0; i < sizeof row_numbers / sizeof row_numbers[0]; i++) {
        const double value = wn__json_number(object, row_numbers[i].key);
        memcpy((char *)row + row_numbers[i].field, &value, sizeof value);
    }
    row->measured = row->measured_total = NAN;
    row->method = wn__json_text(object, "method");
    row->metrics = wn__json_text(object, "metrics");
    row->seed = json_integer_value(json_object_get(object, "seed"));
    if (!row->method || !(row->sparsity >= 0 && row->sparsity < 1) || !json_is_integer(json_object_get(object, "seed")))
        return wn__fail(WN_EFORMAT, "needs a method, a sparsity in [0, 1) and a seed");
    read_labels(json_object_get(object, "labels"), row);
    return read_layers(json_object_get(object, "layers"), row);
}

static bool is_done(const json_t *row)
{
    const char *state = wn__json_text(row, "state");
    return state && strcmp(state, "done") == 0;
}

static wn_status read_rows(const json_t *list, wn__results *r)
{
    const size_t count = json_array_size(list);
    if (!json_is_array(list)) return wn__fail(WN_EFORMAT, "\"rows\" is missing or no list");
    r->rows = WN_NEW_ARRAY(wn__result_row, (int64_t)count);
    if (!r->rows) return wn__no_memory(count * sizeof *r->rows);
    for (size_t i = 0; i < count; i++) {
        const json_t *object = json_array_get(list, i);
        if (!is_done(object)) {
            r->unfinished++;
            continue;
        }
        wn__result_row *row = &r->rows[r->row_count++];
        const wn_status status = read_row(object, row);
        if (status != WN_OK) return wn__fail_within(status, "row %zu: ", i);
        read_scores(r, row);
        r->averaged = r->averaged || !isnan(row->average) || !isnan(row->average_validation);
    }
    return WN_OK;
}

/* Texts of a JSON list, borrowed. */
static wn_status read_names(const json_t *list, const char ***names, int *count)
{
    const size_t size = json_array_size(list);
    *names = WN_NEW_ARRAY(const char *, (int64_t)size);
    if (!*names) return wn__no_memory(size * sizeof(char *));
    for (size_t i = 0; i < size; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (!name) return wn__fail(WN_EFORMAT, "item %zu of a list of methods is no text", i);
        (*names)[(*count)++] = name;
    }
    return WN_OK;
}

static int method_index(const wn__results *r, const char *method)
{
    for (int i = 0; i < r->method_count; i++)
        if (strcmp(r->methods[i], method) == 0) return i;
    return -1;
}

static wn__cell *find_cell(const wn__results *r, int method, double sparsity)
{
    for (int i = method < 0 ? -1 : r->first_cell[method]; i >= 0; i = r->cells[i].next)
        if (r->cells[i].sparsity == sparsity) return &r->cells[i];
    return NULL;
}

static wn_status cell_of(wn__results *r, const wn__result_row *row, wn__cell **out)
{
    const int method = method_index(r, row->method);
    if (method < 0) return wn__fail(WN_EFORMAT, "method \"%s\" of a row is not in compare.methods", row->method);
    *out = find_cell(r, method, row->sparsity);
    if (*out) return WN_OK;
    *out = &r->cells[r->cell_count];
    **out = (wn__cell){.method = row->method, .method_index = method, .sparsity = row->sparsity, .next = r->first_cell[method]};
    r->first_cell[method] = r->cell_count++;
    return WN_OK;
}

static wn_status build_cells(wn__results *r)
{
    r->cells = WN_NEW_ARRAY(wn__cell, r->row_count);
    r->first_cell = WN_NEW_ARRAY(int, r->method_count);
    if (!r->cells || !r->first_cell) return wn__no_memory((size_t)r->row_count * sizeof *r->cells);
    for (int m = 0; m < r->method_count; m++)
        r->first_cell[m] = -1;
    for (int i = 0; i < r->row_count; i++) {
        const wn__result_row *row = &r->rows[i];
        wn__cell *cell;
        WN_TRY(cell_of(r, row, &cell));
        for (int j = 0; j < cell->n; j++)
            if (cell->rows[j]->seed == row->seed)
                return wn__fail(WN_EFORMAT, "two rows for %s at sparsity %g, seed %lld", row->method, row->sparsity, (long long)row->seed);
        WN_TRY(wn__make_room(&cell->rows, cell->n, sizeof *cell->rows));
        cell->rows[cell->n++] = row;
    }
    for (int i = 0; i < r->cell_count; i++) {
        wn__cell *cell = &r->cells[i];
        cell->seeds = WN_NEW_ARRAY(int64_t, cell->n);
        cell->values = WN_NEW_ARRAY(double, cell->n);
        if (!cell->seeds || !cell->values) return wn__no_memory((size_t)cell->n * sizeof *cell->values);
    }
    return WN_OK;
}

/* ---- what is shown */

static bool has_metric(const json_t *rows, const wn__metric *metric)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) if (!isnan(score_of(row, "test", metric, ""))) return true;
    return false;
}

static wn_status fail_not_there(const json_t *rows, const wn__metric *metric)
{
    wn__text names = {0};
    for (int i = 0; wn__metrics[i]; i++)
        if (has_metric(rows, wn__metrics[i])) wn__text_add(&names, "%s%s", names.size ? ", " : "", wn__metrics[i]->name);
    const wn_status status = wn__fail(WN_EUSAGE, "no finished run has the metric %s; there %s: %s", metric->name,
                                      strchr(names.data ? names.data : "", ',') ? "are" : "is", names.data ? names.data : "none");
    wn__text_release(&names);
    return status;
}

static wn_status choose_metric(wn__results *r, const char *name)
{
    const json_t *rows = json_object_get(r->root, "rows");
    WN_TRY(wn__results_headline(r->root, &r->headline));
    r->shown.metric = r->headline;
    if (!name) return WN_OK;
    WN_TRY(wn__metric_find(name, &r->shown.metric));
    return has_metric(rows, r->shown.metric) ? WN_OK : fail_not_there(rows, r->shown.metric);
}

/* The geometric mean of the runs' numbers; NaN: there is none. */
static double typical_score(const wn__results *r, const wn__metric *metric)
{
    double sum = 0;
    int count = 0;
    for (int i = 0; i < r->row_count; i++) {
        const double size = fabs(score_of(r->rows[i].object, "test", metric, ""));
        if (!isfinite(size) || size == 0) continue;
        sum += log(size);
        count++;
    }
    return count > 0 ? exp(sum / count) : (double)NAN;
}

/* The margin is the headline's, in its unit: points of shares, else a number, where 0 is none. */
wn__shown wn__results_shown(const wn__results *r, const wn__metric *metric)
{
    const double said = wn__json_number(json_object_get(r->root, "report"), "margin");
    wn__shown shown = wn__shown_of(metric, typical_score(r, metric));
    if (metric->percent && r->headline->percent) shown.margin = isnan(said) ? 0.3 : said;
    if (!metric->percent && metric == r->headline && said > 0) shown.margin = said;
    return shown;
}

static wn_status parse(wn__results *r, const char *metric)
{
    const char *format = wn__json_text(r->root, "format");
    const json_int_t version = json_integer_value(json_object_get(r->root, "version"));
    if (!format || strcmp(format, "winnow-results") != 0) return wn__fail(WN_EFORMAT, "no results of an experiment (\"format\")");
    if (version != FORMAT_VERSION) return wn__fail(WN_EFORMAT, "version %lld, this program reads %d", (long long)version, FORMAT_VERSION);
    const json_t *report = json_object_get(r->root, "report");
    r->name = wn__json_text(r->root, "name");
    if (!r->name) r->name = "experiment";
    r->complete = json_is_true(json_object_get(r->root, "complete"));
    r->short_budget = json_is_true(json_object_get(r->root, "short_budget"));
    WN_TRY(read_names(json_object_get(json_object_get(r->root, "compare"), "methods"), &r->methods, &r->method_count));
    WN_TRY(read_names(json_object_get(report, "baseline"), &r->baselines, &r->baseline_count));
    WN_TRY(read_names(json_object_get(report, "claims"), &r->claims, &r->claim_count));
    WN_TRY(choose_metric(r, metric));
    WN_TRY(read_rows(json_object_get(r->root, "rows"), r));
    r->shown = wn__results_shown(r, r->shown.metric);
    return build_cells(r);
}

/* Seconds are of one seed, and hold for all. */
static void add_seconds(wn__results *r, const json_t *timed)
{
    const char *method = wn__json_text(timed, "method");
    for (int i = 0; method && i < r->row_count; i++) {
        wn__result_row *row = &r->rows[i];
        if (strcmp(row->method, method) != 0 || row->sparsity != wn__json_number(timed, "sparsity")) continue;
        row->measured = wn__json_number(timed, "seconds");
        row->measured_total = wn__json_number(timed, "seconds_total");
        row->measured_on = wn__json_text(timed, "backend");
    }
}

/* The file of wn_experiment_time, if there is one. */
static wn_status read_seconds(wn__results *r)
{
    char *path = wn__path_join(r->folder, WN__SECONDS_FILE);
    json_t *root = NULL, *row;
    size_t index;
    wn_status status = path ? WN_OK : wn__no_memory(64);
    const bool there = path && wn__file_exists(path);
    if (there) status = wn__json_load(path, &root);
    const char *format = wn__json_text(root, "format");
    if (root && (!format || strcmp(format, WN__SECONDS_FORMAT) != 0 || wn__json_number(root, "version") != WN__SECONDS_VERSION))
        status = wn__fail(WN_EFORMAT, "%s: no seconds of an experiment, or of another version; `winnow time` measures them anew", path);
    if (root && status == WN_OK) {
        r->measured = true;
        r->measured_threads = (int)wn__json_number(json_object_get(root, "environment"), "threads");
        json_array_foreach(json_object_get(root, "rows"), index, row) add_seconds(r, row);
    }
    r->seconds = root;
    wn__free(path);
    return status;
}

/* What recipes allow: tables and figures have room for it. */
static wn_status check_study(const json_t *study, const char *path)
{
    int64_t steps[WN__MOST_LAB_STEPS + 1];
    const json_t *row, *sparsity;
    size_t i, k;
    if (json_array_size(json_object_get(study, "seeds")) > WN__MAX_STUDY_SEEDS)
        return wn__fail(WN_EFORMAT, "%s: more than %d seeds", path, WN__MAX_STUDY_SEEDS);
    json_array_foreach(wn__study_rows(study, "flow"), i, row)
    {
        if (!json_is_string(row)) return wn__fail(WN_EFORMAT, "%s: a row of \"flow\" is no text", path);
        json_array_foreach(
            wn__study_sparsities(study), k,
            sparsity) if (wn__study_steps(study, json_string_value(row), json_number_value(sparsity), steps, WN__MOST_LAB_STEPS + 1) >
                          WN__MOST_LAB_STEPS) return wn__fail(WN_EFORMAT, "%s: more than %d steps of %s", path, WN__MOST_LAB_STEPS,
                                                              json_string_value(row));
    }
    return WN_OK;
}

/* The file of wn_lab_study, if there is one. */
static wn_status read_study(wn__results *r)
{
    char *path = wn__path_join(r->folder, WN__STUDY_FILE);
    wn_status status = path ? WN_OK : wn__no_memory(64);
    if (path && wn__file_exists(path)) status = wn__json_load(path, &r->study);
    const char *format = wn__json_text(r->study, "format");
    if (r->study && (!format || strcmp(format, WN__STUDY_FORMAT) != 0 || wn__json_number(r->study, "version") != WN__STUDY_VERSION))
        status = wn__fail(WN_EFORMAT, "%s: no study, or of another version; `winnow lab study` makes it anew", path);
    else if (r->study)
        status = check_study(r->study, path);
    wn__free(path);
    return status;
}

wn_status wn__results_read(const char *folder, const char *metric, wn__results **out)
{
    if (!wn__folder_exists(folder)) return wn__fail(WN_ENOTFOUND, "%s: no such folder", folder);
    wn__results *r = WN_NEW(wn__results);
    char *path = wn__path_join(folder, "results.json");
    wn_status status = r && path && (r->folder = wn__strdup(folder)) ? WN_OK : wn__no_memory(sizeof *r);
    if (status == WN_OK && !wn__file_exists(path))
        status = wn__fail(WN_ENOTFOUND, "%s: no results.json in this folder; it must be the --out folder of a winnow run", folder);
    if (status == WN_OK) status = wn__json_load(path, &r->root);
    if (status == WN_OK) {
        status = parse(r, metric);
        if (status != WN_OK) wn__fail_within(status, "%s: ", path);
    }
    wn__free(path);
    if (status == WN_OK) status = read_seconds(r);
    if (status == WN_OK) status = read_study(r);
    if (status == WN_OK)
        *out = r;
    else
        wn__results_free(r);
    return status;
}

void wn__results_free(wn__results *r)
{
    if (!r) return;
    for (int i = 0; i < r->row_count; i++)
        wn__free(r->rows[i].layers);
    for (int i = 0; i < r->cell_count; i++) {
        wn__free(r->cells[i].rows);
        wn__free(r->cells[i].seeds);
        wn__free(r->cells[i].values);
    }
    wn__free(r->rows);
    wn__free(r->cells);
    wn__free(r->first_cell);
    wn__free(r->methods);
    wn__free(r->baselines);
    wn__free(r->claims);
    wn__free(r->folder);
    json_decref(r->root);
    json_decref(r->study);
    json_decref(r->seconds);
    wn__free(r);
}

const wn__cell *wn__results_find(const wn__results *r, const char *method, double sparsity)
{
    return find_cell(r, method_index(r, method), sparsity);
}

const wn__cell *wn__results_baseline(const wn__results *r, const char *baseline, double sparsity)
{
    const wn__cell *same = wn__results_find(r, baseline, sparsity), *only = NULL;
    if (same) return same;
    const int method = method_index(r, baseline);
    for (int i = method < 0 ? -1 : r->first_cell[method]; i >= 0; i = r->cells[i].next) {
        if (r->cells[i].sparsity > 0) return NULL;
        only = &r->cells[i];
    }
    return only;
}

static double field_of(const wn__result_row *row, size_t field)
{
    double value;
    memcpy(&value, (const char *)row + field, sizeof value);
    return value;
}

wn__summary wn__cell_summary(const wn__cell *cell, size_t field, double scale)
{
    for (int i = 0; i < cell->n; i++)
        cell->values[i] = scale * field_of(cell->rows[i], field);
    return wn__summarise(cell->values, cell->n);
}

static wn__by_seed scores_by_seed(const wn__shown *shown, const wn__cell *cell)
{
    for (int i = 0; i < cell->n; i++) {
        cell->seeds[i] = cell->rows[i]->seed;
        cell->values[i] = shown->scale * score_of(cell->rows[i]->object, "test", shown->metric, "");
    }
    return (wn__by_seed){cell->seeds, cell->values, cell->n};
}

wn__summary wn__cell_difference(const wn__shown *shown, const wn__cell *a, const wn__cell *b)
{
    return wn__paired_difference(scores_by_seed(shown, a), scores_by_seed(shown, b));
}

int wn__results_seeds(const wn__results *r)
{
    int most = 0;
    for (int i = 0; i < r->cell_count; i++)
        most = r->cells[i].n > most ? r->cells[i].n : most;
    return most;
}
