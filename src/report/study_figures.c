#include "report/study_figures.h"

#include <math.h>
#include <string.h>

#include "analysis/probe.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "base/locale.h"
#include "io/json_file.h"
#include "recipe/recipe.h"

enum { MOST_COLUMNS = 3 };

/* The last ones: where sparsity matters most. */
static int columns_of(const json_t *study, double sparsity[MOST_COLUMNS])
{
    const json_t *list = wn__study_sparsities(study);
    const int all = (int)json_array_size(list), columns = all < MOST_COLUMNS ? all : MOST_COLUMNS;
    for (int i = 0; i < columns; i++)
        sparsity[i] = json_number_value(json_array_get(list, (size_t)(all - columns + i)));
    return columns;
}

static void note_left_out(const json_t *study, wn__sheet *s)
{
    const int all = (int)json_array_size(wn__study_sparsities(study));
    if (all > s->columns) wn__text_add(&s->left_out, "Of %d sparsities, the last %d are drawn.", all, s->columns);
}

static void panel_title(const json_t *study, const char *what, double sparsity, char *text, size_t size)
{
    char percent[32];
    if (json_array_size(wn__study_sparsities(study)) > 1)
        snprintf(text, size, "%s, %s", what, wn__show_sparsity(sparsity, percent, sizeof percent));
    else
        snprintf(text, size, "%s", what);
}

/* "plot $d3 using 1:2 ..., $d4 ...": of blocks that are there. */
static void plot_blocks(wn__sheet *s, const int *block, int count, int column)
{
    wn__text_add(&s->script, "plot ");
    for (int i = 0, drawn = 0; i < count; i++)
        if (block[i] >= 0)
            wn__text_add(&s->script, "%s$d%d using 1:%d with linespoints ls %d", drawn++ ? ", " : "", block[i], column, wn__sheet_style(i));
    wn__text_add(&s->script, "\n");
}

static bool any_block(const int *block, int count)
{
    for (int i = 0; i < count; i++)
        if (block[i] >= 0) return true;
    return false;
}

/* --- flow -------------------------------------------------------------------------------------------------------------------- */

/* step, norm, loss; -1 without states. */
static int flow_block(const json_t *study, const char *row, double sparsity, wn__sheet *s)
{
    int64_t steps[WN__MOST_LAB_STEPS];
    const wn__measure *norm = wn__measure_find("gradient-norm"), *loss = wn__measure_find("loss");
    const int count = wn__study_steps(study, row, sparsity, steps, WN__MOST_LAB_STEPS);
    if (count == 0) return -1;
    const int block = wn__sheet_data_begin(s);
    for (int k = 0; k < count; k++) {
        const double values[] = {
            (double)steps[k], exp(wn__study_summary(study, norm, wn__study_find(study, norm, row, NULL, sparsity, steps[k]), true).mean),
            exp(wn__study_summary(study, loss, wn__study_find(study, loss, row, NULL, sparsity, steps[k]), true).mean)};
        wn__sheet_numbers(s, values, 3);
    }
    wn__sheet_data_end(s);
    return block;
}

/* Much happens early: steps are drawn over their square root, with labels at states that leave room for them. */
static void add_step_axis(const json_t *study, double sparsity, wn__sheet *s)
{
    int64_t steps[WN__MOST_LAB_STEPS], most[WN__MOST_LAB_STEPS];
    const json_t *row;
    size_t index;
    int count = 0;
    json_array_foreach(wn__study_rows(study, "flow"), index, row)
    {
        const int n = wn__study_steps(study, json_string_value(row), sparsity, steps, WN__MOST_LAB_STEPS);
        if (n > count) memcpy(most, steps, (size_t)n * sizeof *steps);
        count = n > count ? n : count;
    }
    const double width = count > 0 ? sqrt((double)most[count - 1]) : 0;
    if (!(width > 0)) return;
    wn__text_add(&s->script, "set nonlinear x via sqrt(x) inverse x**2\nset xrange [0:%lld]\nset xtics (", (long long)most[count - 1]);
    double last = -width;
    for (int k = 0; k < count; k++) {
        const double at = sqrt((double)most[k]);
        const bool room = at - last >= 0.1 * width && (k + 1 == count || width - at >= 0.1 * width);
        if (!room) continue;
        wn__text_add(&s->script, "%s%lld", last < 0 ? "" : ", ", (long long)most[k]);
        last = at;
    }
    wn__text_add(&s->script, ")\n");
}

wn_status wn__study_flow_figure(const json_t *study, wn__sheet *s, bool *drawn)
{
    static const char *const what[] = {"norm of the gradient", "loss"};
    double sparsity[MOST_COLUMNS];
    const json_t *rows = wn__study_rows(study, "flow");
    const int columns = columns_of(study, sparsity), count = (int)json_array_size(rows);
    if (columns == 0 || count == 0) return WN_OK;
    int *block = WN_NEW_ARRAY(int, columns *count);
    if (!block) return wn__no_memory((size_t)(columns * count) * sizeof *block);
    *s = (wn__sheet){.rows = 2, .columns = columns, .plot_width = 386, .plot_height = 200, .below = 46};
    wn__legend *legend = wn__sheet_legend(s, 1, 0, columns);
    for (int i = 0; i < count; i++)
        wn__legend_add(legend, wn__sheet_style(i), "%s", json_string_value(json_array_get(rows, (size_t)i)));
    wn__sheet_begin(s);
    for (int c = 0; c < columns; c++)
        for (int i = 0; i < count; i++)
            block[c * count + i] = flow_block(study, json_string_value(json_array_get(rows, (size_t)i)), sparsity[c], s);
    for (int panel = 0; panel < 2; panel++)
        for (int c = 0; c < columns; c++) {
            char title[96];
            if (!any_block(block + c * count, count)) continue;
            panel_title(study, what[panel], sparsity[c], title, sizeof title);
            wn__sheet_panel(s, panel, c, title);
            wn__text_add(&s->script, "set xlabel 'step'\nset ylabel ''\nset format y '%%g'\nset logscale y\n");
            add_step_axis(study, sparsity[c], s);
            plot_blocks(s, block + c * count, count, panel + 2);
            wn__text_add(&s->script, "unset nonlinear x\n");
        }
    wn__free(block);
    note_left_out(study, s);
    *drawn = true;
    return WN_OK;
}

/* --- lines ------------------------------------------------------------------------------------------------------------------- */

typedef struct pair {
    const char *first, *second;
} pair;

/* In the order of their first curve; *pairs is the caller's to free. */
static wn_status find_pairs(const json_t *study, pair **pairs, int *count)
{
    const json_t *curve;
    size_t index;
    json_array_foreach(json_object_get(study, "lines"), index, curve)
    {
        const json_t *of = json_object_get(curve, "of");
        const char *a = json_string_value(json_array_get(of, 0)), *b = json_string_value(json_array_get(of, 1));
        bool known = !a || !b;
        for (int i = 0; i < *count && !known; i++)
            known = strcmp((*pairs)[i].first, a) == 0 && strcmp((*pairs)[i].second, b) == 0;
        if (known) continue;
        WN_TRY(wn__make_room(pairs, *count, sizeof **pairs));
        (*pairs)[(*count)++] = (pair){a, b};
    }
    return WN_OK;
}

static bool is_curve(const json_t *curve, const char *a, const char *b, double sparsity)
{
    const json_t *of = json_object_get(curve, "of");
    return wn__json_number(curve, "sparsity") == sparsity && strcmp(json_string_value(json_array_get(of, 0)), a) == 0 &&
           strcmp(json_string_value(json_array_get(of, 1)), b) == 0;
}

/* Mean over seeds at one position; NaN if a seed has none. */
static double mean_at(const json_t *study, const char *a, const char *b, double sparsity, const char *key, size_t point)
{
    const json_t *curve;
    size_t index;
    double sum = 0;
    int count = 0;
    json_array_foreach(json_object_get(study, "lines"), index, curve)
    {
        if (!is_curve(curve, a, b, sparsity)) continue;
        const json_t *value = json_array_get(json_object_get(curve, key), point);
        sum += json_is_number(value) ? json_number_value(value) : (double)NAN;
        count++;
    }
    return count ? sum / count : (double)NAN;
}

/* position, loss, error in percent. */
static int line_block(const json_t *study, const char *a, const char *b, double sparsity, wn__sheet *s)
{
    const json_t *curve, *positions = NULL;
    size_t index;
    json_array_foreach(json_object_get(study, "lines"), index, curve) if (!positions && is_curve(curve, a, b, sparsity)) positions =
        json_object_get(curve, "position");
    if (!positions) return -1;
    const int block = wn__sheet_data_begin(s);
    for (size_t k = 0; k < json_array_size(positions); k++) {
        const double row[] = {json_number_value(json_array_get(positions, k)), mean_at(study, a, b, sparsity, wn__probe_names[0], k),
                              100 * mean_at(study, a, b, sparsity, wn__probe_names[3], k)};
        wn__sheet_numbers(s, row, 3);
    }
    wn__sheet_data_end(s);
    return block;
}

/* Data without classes have losses alone. */
static bool has_errors(const json_t *study)
{
    const json_t *curve, *value;
    size_t i, k;
    json_array_foreach(json_object_get(study, "lines"), i, curve)
        json_array_foreach(json_object_get(curve, wn__probe_names[3]), k, value) if (json_is_number(value)) return true;
    return false;
}

/* Loss and error of `count` pairs, with block (columns, count) for their data. */
static void draw_lines(const json_t *study, const pair *pairs, int count, const double *sparsity, int *block, wn__sheet *s)
{
    static const char *const what[] = {"training loss", "test error, %"};
    wn__legend *legend = wn__sheet_legend(s, s->rows - 1, 0, s->columns);
    for (int i = 0; i < count; i++)
        wn__legend_add(legend, wn__sheet_style(i), "%s to %s", pairs[i].first, pairs[i].second);
    wn__sheet_begin(s);
    for (int c = 0; c < s->columns; c++)
        for (int i = 0; i < count; i++)
            block[c * count + i] = line_block(study, pairs[i].first, pairs[i].second, sparsity[c], s);
    for (int panel = 0; panel < s->rows; panel++)
        for (int c = 0; c < s->columns; c++) {
            char title[96];
            if (!any_block(block + c * count, count)) continue;
            panel_title(study, what[panel], sparsity[c], title, sizeof title);
            wn__sheet_panel(s, panel, c, title);
            wn__text_add(&s->script, "set xlabel 'position between the networks'\nset ylabel ''\nset format y '%%g'\nset xtics 0.2\n%s\n",
                         panel == 0 ? "set logscale y" : "unset logscale y\nset yrange [0:*]");
            plot_blocks(s, block + c * count, count, panel + 2);
        }
}

wn_status wn__study_line_figure(const json_t *study, wn__sheet *s, bool *drawn)
{
    double sparsity[MOST_COLUMNS];
    pair *pairs = NULL;
    int count = 0, *block = NULL;
    const int columns = columns_of(study, sparsity);
    wn_status status = find_pairs(study, &pairs, &count);
    if (status == WN_OK && columns > 0 && count > 0) {
        block = WN_NEW_ARRAY(int, columns *count);
        if (!block) status = wn__no_memory((size_t)(columns * count) * sizeof *block);
    }
    if (block) {
        *s = (wn__sheet){.rows = has_errors(study) ? 2 : 1, .columns = columns, .plot_width = 386, .plot_height = 200, .below = 46};
        draw_lines(study, pairs, count, sparsity, block, s);
        note_left_out(study, s);
        *drawn = true;
    }
    wn__free(block);
    wn__free(pairs);
    return status;
}

/* --- map --------------------------------------------------------------------------------------------------------------------- */

static const json_t *map_of(const json_t *study, double sparsity)
{
    const json_t *map;
    size_t index;
    json_array_foreach(json_object_get(study, "maps"), index, map) if (wn__json_number(map, "sparsity") == sparsity) return map;
    return NULL;
}

static void add_map(const json_t *study, const json_t *map, double sparsity, int column, wn__sheet *s)
{
    const json_t *position, *list = json_object_get(map, "position");
    double most = 1e-12;
    char what[64], title[96];
    size_t index;
    const int data = wn__sheet_data_begin(s);
    json_array_foreach(list, index, position)
    {
        const double x = json_number_value(json_array_get(position, 0)), y = json_number_value(json_array_get(position, 1));
        wn__text_add(&s->script, "%.9g %.9g %d\n", x, y, (int)index + 1);
        most = fmax(most, fmax(fabs(x), fabs(y)));
    }
    wn__sheet_data_end(s);
    wn__snprintf(what, sizeof what, "the plane holds %.0f %% of the squares", 100 * wn__json_number(map, "holds"));
    panel_title(study, what, sparsity, title, sizeof title);
    wn__sheet_panel(s, 0, column, title);
    wn__text_add(&s->script,
                 "set xrange [%.6g:%.6g]\nset yrange [%.6g:%.6g]\nset format '%%g'\nset xlabel 'L2 distance'\nset ylabel '%s'\nplot ",
                 -1.15 * most, 1.15 * most, -1.15 * most, 1.15 * most, column == 0 ? "L2 distance" : "");
    for (int i = 0; i < (int)json_array_size(list); i++)
        wn__text_add(&s->script, "$d%d every ::%d::%d using 1:2 with points ls %d ps 1, ", data, i, i, wn__sheet_style(i));
    wn__text_add(&s->script, "$d%d using 1:2:3 with labels offset 1,0.5\n", data);
}

wn_status wn__study_map_figure(const json_t *study, wn__sheet *s, bool *drawn)
{
    double sparsity[MOST_COLUMNS];
    const json_t *rows = wn__study_rows(study, "compare"), *row;
    const int columns = columns_of(study, sparsity);
    size_t index;
    if (columns == 0 || json_array_size(json_object_get(study, "maps")) == 0) return WN_OK;
    *s = (wn__sheet){.rows = 1, .columns = columns, .plot_width = 386, .plot_height = 386, .below = 46};
    wn__legend *legend = wn__sheet_legend(s, 0, 0, columns);
    json_array_foreach(rows, index, row)
        wn__legend_add(legend, wn__sheet_style((int)index), "%d %s", (int)index + 1, json_string_value(row));
    wn__sheet_begin(s);
    for (int c = 0; c < columns; c++)
        if (map_of(study, sparsity[c])) add_map(study, map_of(study, sparsity[c]), sparsity[c], c, s);
    note_left_out(study, s);
    *drawn = true;
    return WN_OK;
}
