/* Linear interpolation between two networks. */
#include <math.h>
#include <stdlib.h>

#include "base/arguments.h"
#include "base/fail.h"
#include "base/locale.h"
#include "base/options.h"
#include "lab/lab.h"
#include "lab/lab_curve.h"
#include "lab/lab_line.h"

enum { USUAL_POINTS = 29, MOST_POINTS = 1000 };

typedef struct line {
    const wn_lab_interpolate_options *options;
    double position[MOST_POINTS];
    int64_t points;
} line;

static wn_status number_of(const char *text, const char *name, double usual, double *out)
{
    char *end;
    *out = usual;
    if (!text) return WN_OK;
    *out = wn__strtod(text, &end);
    return end != text && *end == 0 && isfinite(*out) ? WN_OK : wn__fail(WN_EUSAGE, "%s=%s: a number is needed", name, text);
}

static wn_status make_positions(line *l)
{
    const wn_lab_interpolate_options *o = l->options;
    double from, to;
    bool first = false, last = false;
    WN_TRY(number_of(o->from, "from", -0.2, &from));
    WN_TRY(number_of(o->to, "to", 1.2, &to));
    l->points = o->points ? o->points : USUAL_POINTS;
    if (l->points < 2 || l->points > MOST_POINTS)
        return wn__fail(WN_EUSAGE, "%lld points; 2 to %d are valid", (long long)l->points, MOST_POINTS);
    wn__even_positions(from, to, l->points, l->position);
    for (int64_t i = 0; i < l->points; i++) {
        first = first || l->position[i] == 0;
        last = last || l->position[i] == 1;
    }
    if (first && last) return WN_OK;
    return wn__fail(WN_EUSAGE, "%lld points from %g to %g miss 0 or 1, the networks themselves", (long long)l->points, from, to);
}

static json_t *question_of(const line *l)
{
    const wn_lab_interpolate_options *o = l->options;
    return json_pack("{s:I, s:f, s:f, s:b, s:I, s:I}", "points", (json_int_t)l->points, "from", l->position[0], "to",
                     l->position[l->points - 1], "interpolate_norms", o->interpolate_norms, "batches", (json_int_t)o->batches,
                     "train_images", (json_int_t)o->train_images);
}

/* --- the answer ---------------------------------------------------------------------------------------------------------------- */

static void add_note(const wn__lab *lab, const line *l, wn__table *t)
{
    const bool norms = wn__has_statistics(&lab->network[0].params);
    wn__text_add(&t->note, "a = 0: %s; a = 1: %s. %s", lab->network[0].label, lab->network[1].label,
                 !norms                          ? "No batch norm."
                 : l->options->interpolate_norms ? "Batch-norm statistics interpolated."
                                                 : "Batch-norm statistics measured anew at each point.");
}

static wn_status answer_line(wn__lab *lab, const line *l, wn_lab_result *out)
{
    wn__lab_curve curve = {0};
    wn__table tables[2] = {{.id = "curve", .title = "Loss and error on the line between two networks"},
                           {.id = "barrier", .title = "Barriers"}};
    wn__lab_answer answer = {.table = tables, .tables = 2, .result = json_object()};
    wn__sheet sheet = {0};
    wn_status status = wn__lab_curve_read(lab, NULL, l->position, l->points, &curve);
    if (status == WN_OK) {
        char first[64], second[64], labels[192];
        add_note(lab, l, &tables[0]);
        wn__lab_curve_table(&curve, "a", &tables[0]);
        wn__lab_curve_barriers(&curve, 1, NULL, &tables[1]);
        status = wn__lab_curve_json(&curve, answer.result);
        snprintf(labels, sizeof labels, "0: %s, 1: %s", wn__lab_short_label(lab, 0, first, sizeof first),
                 wn__lab_short_label(lab, 1, second, sizeof second));
        if (status == WN_OK) {
            wn__lab_curve_sheet(&curve, 1, NULL, labels, &sheet);
            status = wn__figure_files_add(&answer.figures, &sheet, "interpolation");
        }
    }
    if (status == WN_OK) status = wn__lab_finish(lab, &answer, out);
    wn__sheet_release(&sheet);
    wn__lab_curve_release(&curve);
    wn__lab_answer_release(&answer);
    return status;
}

wn_status wn_lab_interpolate(const wn_lab_interpolate_options *options, wn_lab_result *result)
{
    WN__COMPLETE(wn_lab_interpolate_options, options);
    WN__COMPLETE_WITHIN(wn_lab_options, options, lab);
    WN__NEED(result);
    WN_TRY(wn__lab_check(options->lab));
    line l = {.options = options};
    wn__lab lab = {0};
    WN_TRY(make_positions(&l));
    WN_TRY(wn__lab_open(options->lab, "interpolate", 2, 2, question_of(&l), &lab));
    wn_status status = WN_OK;
    if (lab.answered) {
        status = wn__lab_repeat(&lab, result);
    } else {
        const wn__lab_line how = {.position = l.position,
                                  .points = l.points,
                                  .all = l.points,
                                  .interpolate_norms = options->interpolate_norms,
                                  .batches = options->batches,
                                  .train_images = options->train_images};
        status = wn__lab_load(&lab);
        if (status == WN_OK) status = wn__lab_line_evaluate(&lab, &lab.network[0].params, &lab.network[1].params, &how);
        if (status == WN_OK) status = answer_line(&lab, &l, result);
    }
    wn__lab_close(&lab);
    return status;
}
