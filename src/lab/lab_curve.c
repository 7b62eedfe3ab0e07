#include "lab/lab_curve.h"

#include <assert.h>
#include <math.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/json_file.h"
#include "run/store.h"

enum { MOST_CURVES = 64 };
enum { TRAIN_LOSS, TRAIN_ERROR, TEST_LOSS, TEST_ERROR, KINDS };
json_t *wn__lab_curve_point_json(double position, const wn__probe_point *point)
{
    return json_pack("{s:f, s:o, s:o, s:o, s:o}", "position", position, wn__probe_names[TRAIN_LOSS],
                     wn__json_real_or_null(point->train_loss), wn__probe_names[TRAIN_ERROR], wn__json_real_or_null(point->train_error),
                     wn__probe_names[TEST_LOSS], wn__json_real_or_null(point->test_loss), wn__probe_names[TEST_ERROR],
                     wn__json_real_or_null(point->test_error));
}

char *wn__lab_curve_unit(const char *prefix, int64_t index, char name[WN__UNIT_NAME])
{
    snprintf(name, WN__UNIT_NAME, "%s%s%lld", prefix ? prefix : "", prefix ? " " : "", (long long)index);
    return name;
}

wn_status wn__lab_curve_read(const wn__lab *lab, const char *prefix, const double *position, int64_t points, wn__lab_curve *out)
{
    wn__lab_curve c = {.points = points, .position = WN_NEW_ARRAY(double, points)};
    bool whole = c.position != NULL;
    for (int k = 0; k < KINDS; k++)
        whole = (c.value[k] = WN_NEW_ARRAY(double, points)) && whole;
    if (!whole) {
        wn__lab_curve_release(&c);
        return wn__no_memory((size_t)points * sizeof(double));
    }
    for (int64_t i = 0; i < points; i++) {
        char name[WN__UNIT_NAME];
        const json_t *unit = wn__lab_unit(lab, wn__lab_curve_unit(prefix, i, name));
        c.position[i] = position[i];
        for (int k = 0; k < KINDS; k++)
            c.value[k][i] = wn__json_number(unit, wn__probe_names[k]);
    }
    *out = c;
    return WN_OK;
}

void wn__lab_curve_release(wn__lab_curve *c)
{
    wn__free(c->position);
    for (int k = 0; k < KINDS; k++)
        wn__free(c->value[k]);
    *c = (wn__lab_curve){0};
}

/* Data without classes have losses alone. */
static bool has_errors(const wn__lab_curve *c)
{
    for (int64_t i = 0; i < c->points; i++)
        if (isfinite(c->value[TEST_ERROR][i])) return true;
    return false;
}

void wn__lab_curve_table(const wn__lab_curve *c, const char *position_name, wn__table *t)
{
    wn__table_column_add(t, true, "%s", position_name);
    wn__table_column_add(t, true, "train loss");
    wn__table_column_add(t, true, "train error, %%");
    wn__table_column_add(t, true, "test loss");
    wn__table_column_add(t, true, "test error, %%");
    for (int64_t i = 0; i < c->points; i++) {
        wn__table_number(t, "%.4g", c->position[i]);
        for (int k = 0; k < KINDS; k++)
            wn__table_number(t, k % 2 ? "%.2f" : "%.4f", k % 2 ? 100 * c->value[k][i] : c->value[k][i]);
    }
}

static wn__barrier barrier_of(const wn__lab_curve *c, int kind) { return wn__barrier_measure(c->position, c->value[kind], c->points); }

void wn__lab_curve_barriers(const wn__lab_curve *curves, int count, const char *const *names, wn__table *t)
{
    if (names) wn__table_column_add(t, false, "curve");
    wn__table_column_add(t, false, "of");
    wn__table_column_add(t, true, "at 0");
    wn__table_column_add(t, true, "at 1");
    wn__table_column_add(t, true, "barrier");
    wn__table_column_add(t, true, "at");
    wn__table_column_add(t, true, "above the line");
    wn__text_add(&t->note,
                 "Barrier: the largest value between 0 and 1, less the mean of the ends; above the line: less the straight line "
                 "between them. %s",
                 count > 0 && !has_errors(&curves[0]) ? "These data have no classes, and so no errors." : "Errors in points.");
    static const char *const shown[KINDS] = {"train loss", "train error", "test loss", "test error"};
    for (int i = 0; i < count; i++) {
        if (i > 0) wn__table_rule(t);
        for (int k = 0; k < KINDS; k++) {
            const wn__barrier b = barrier_of(&curves[i], k);
            const double scale = k % 2 ? 100 : 1;
            const char *format = k % 2 ? "%.2f" : "%.4f";
            const wn__lab_curve *c = &curves[i];
            double first = NAN, last = NAN;
            for (int64_t p = 0; p < c->points; p++) {
                if (c->position[p] == 0) first = c->value[k][p];
                if (c->position[p] == 1) last = c->value[k][p];
            }
            if (names) wn__table_cell(t, "%s", k == 0 ? names[i] : "");
            wn__table_cell(t, "%s", shown[k]);
            wn__table_number(t, format, scale * first);
            wn__table_number(t, format, scale * last);
            wn__table_number(t, format, scale * b.barrier);
            wn__table_number(t, "%.2f", b.at);
            wn__table_number(t, format, scale * b.excess);
        }
    }
}

wn_status wn__lab_curve_json(const wn__lab_curve *c, json_t *object)
{
    json_t *points = json_array(), *barriers = json_object();
    WN_TRY(wn__slice_set(object, "points", points));
    WN_TRY(wn__slice_set(object, "barriers", barriers));
    for (int64_t i = 0; i < c->points; i++) {
        const wn__probe_point p = {c->value[TRAIN_LOSS][i], c->value[TRAIN_ERROR][i], c->value[TEST_LOSS][i], c->value[TEST_ERROR][i]};
        if (json_array_append_new(points, wn__lab_curve_point_json(c->position[i], &p)) != 0) return wn__no_memory(256);
    }
    for (int k = 0; k < KINDS; k++) {
        const wn__barrier b = barrier_of(c, k);
        WN_TRY(wn__slice_set(barriers, wn__probe_names[k],
                             json_pack("{s:o, s:o, s:o}", "barrier", wn__json_real_or_null(b.barrier), "at", wn__json_real_or_null(b.at),
                                       "above_line", wn__json_real_or_null(b.excess))));
    }
    return WN_OK;
}

/* --- figure -------------------------------------------------------------------------------------------------------------------- */

static void add_data(const wn__lab_curve *c, wn__sheet *s)
{
    for (int64_t i = 0; i < c->points; i++) {
        const double row[] = {c->position[i], c->value[0][i], 100 * c->value[1][i], c->value[2][i], 100 * c->value[3][i]};
        wn__sheet_numbers(s, row, 5);
    }
}

/* Losses far outside of the ends' would flatten what lies between. */
static void add_panel(const wn__lab_curve *curves, int count, const int *data, int row, const char *title, wn__sheet *s)
{
    wn__sheet_panel(s, row, 0, row == 0 ? title : "");
    wn__text_add(&s->script, "set xrange [%.6g:%.6g]\nset xlabel 'position between the networks'\nset ylabel '%s'\n", curves[0].position[0],
                 curves[0].position[curves[0].points - 1], row == 0 ? "loss" : "error, %");
    wn__text_add(&s->script, "set xtics autofreq\nset format y '%%g'\n%s\n",
                 row == 0 ? "set logscale y" : "unset logscale y\nset yrange [0:*]");
    wn__text_add(&s->script, "plot ");
    for (int i = 0; i < count; i++) {
        if (count == 1) wn__text_add(&s->script, "$d%d using 1:%d with linespoints ls 1, ", data[i], row == 0 ? 2 : 3);
        wn__text_add(&s->script, "%s$d%d using 1:%d with linespoints ls %d", i ? ", " : "", data[i], row == 0 ? 4 : 5,
                     count == 1 ? 2 : wn__sheet_style(i));
    }
    wn__text_add(&s->script, "\n");
}

void wn__lab_curve_sheet(const wn__lab_curve *curves, int count, const char *const *names, const char *title, wn__sheet *s)
{
    int data[MOST_CURVES];
    assert(count <= MOST_CURVES);
    const int rows = has_errors(&curves[0]) ? 2 : 1;
    *s = (wn__sheet){.rows = rows, .columns = 1, .plot_width = 386, .plot_height = 190, .below = 46};
    wn__legend *legend = wn__sheet_legend(s, rows - 1, 0, 1);
    if (count == 1) {
        wn__legend_add(legend, 1, "train");
        wn__legend_add(legend, 2, "test");
    }
    for (int i = 0; count > 1 && i < count; i++)
        wn__legend_add(legend, wn__sheet_style(i), "%s", names[i]);
    wn__sheet_begin(s);
    for (int i = 0; i < count; i++) {
        data[i] = wn__sheet_data_begin(s);
        add_data(&curves[i], s);
        wn__sheet_data_end(s);
    }
    for (int row = 0; row < rows; row++)
        add_panel(curves, count, data, row, title, s);
}
