/* Instability: copies of a stage trained from one of its states with other orders of the data, and the barriers between them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/options.h"
#include "lab/lab.h"
#include "lab/lab_curve.h"
#include "lab/lab_line.h"
#include "lab/lab_names.h"
#include "run/stage.h"
#include "train/trainer.h"

enum { MOST_POINTS_FROM = 16, LINE_POINTS = 11, COPIES = 2 };
#define COPY_SEED 0x636f7079u

typedef struct connection {
    const wn_lab_connect_options *options;
    wn__lab_stage stage;
    wn__experiment experiment;
    int index;
    int64_t from[MOST_POINTS_FROM];
    int count;
    double position[1000];
    int64_t points;
} connection;

/* --- from where ---------------------------------------------------------------------------------------------------------------- */

static wn_status add_step(connection *c, const wn__train_plan *t, int64_t step)
{
    if (step < t->spec.first || step >= t->spec.last)
        return wn__fail(WN_EUSAGE, "%s: copies cannot be trained from step %lld; it goes from %lld to %lld", c->stage.label,
                        (long long)step, (long long)t->spec.first, (long long)t->spec.last);
    if (c->count == MOST_POINTS_FROM) return wn__fail(WN_EUSAGE, "at most %d steps", MOST_POINTS_FROM);
    c->from[c->count++] = step;
    return WN_OK;
}

static wn_status read_from(connection *c)
{
    const wn__train_plan *t = &c->experiment.plan->stage[c->index].train;
    if (!c->options->from) return add_step(c, t, t->spec.first);
    for (const char *at = c->options->from;;) {
        char *end;
        const long long step = strtoll(at, &end, 10);
        if (end == at || (*end && *end != ','))
            return wn__fail(WN_EUSAGE, "from=%s: steps with commas between them are needed", c->options->from);
        WN_TRY(add_step(c, t, step));
        if (!*end) return WN_OK;
        at = end + 1;
    }
}

/* --- copies -------------------------------------------------------------------------------------------------------------------- */

typedef struct training_user {
    const wn__lab *lab;
    double started;
    int copy, copies;
} training_user;

static void on_step(void *user, const wn__train_progress *p)
{
    const training_user *u = user;
    const wn_lab_options *o = u->lab->options;
    if (!o->progress) return;
    wn_progress shown = wn__stage_progress(p, p->step - p->first_step, wn__seconds() - u->started);
    shown.stages_done = u->copy;
    shown.stages = u->copies;
    o->progress(o->user, &shown);
}

static wn_status copy_folder(const wn__lab *lab, const connection *c, int k, int copy, char **folder)
{
    char name[64];
    snprintf(name, sizeof name, "copy-%lld-%d", (long long)c->from[k], copy + 1);
    *folder = wn__path_join(lab->folder, name);
    return *folder ? WN_OK : wn__no_memory(64);
}

/* The trainer's loop does all of it, and continues a copy that was cut off. */
static wn_status train_copy(wn__lab *lab, connection *c, int k, int copy)
{
    const wn__train_plan *t = &c->experiment.plan->stage[c->index].train;
    training_user user = {lab, wn__seconds(), k * COPIES + copy, c->count * COPIES};
    char *folder, identity[128];
    WN_TRY(copy_folder(lab, c, k, copy, &folder));
    snprintf(identity, sizeof identity, "%s from %lld copy %d seed %lld", c->stage.identity, (long long)c->from[k], copy + 1,
             (long long)c->options->seed);
    const wn__retraining r = {.folder = folder,
                              .identity = identity,
                              .from = c->from[k],
                              .last = t->spec.last,
                              .other_data = true,
                              .data_seed = wn__stream_seed(COPY_SEED + (uint64_t)(c->options->seed * COPIES + copy), WN__STREAM_RETRAIN, 0),
                              .progress = on_step,
                              .user = &user};
    const wn_status status = wn__stage_retrain(&c->experiment.context, c->index, &r);
    wn__free(folder);
    return status;
}

static wn_status load_copy(const wn__lab *lab, const connection *c, int k, int copy, wn__params *params)
{
    char *folder, *path;
    WN_TRY(copy_folder(lab, c, k, copy, &folder));
    path = wn__train_final_path(folder);
    wn__free(folder);
    wn_status status = path ? wn__graph_make_params(lab->recipe->graph, params) : wn__no_memory(64);
    if (status == WN_OK) status = wn__network_load(path, WN__PART_VALUES | WN__PART_MASKS, params);
    wn__free(path);
    return status;
}

static const char *prefix_of(const connection *c, int k, char text[32])
{
    snprintf(text, 32, "from %lld", (long long)c->from[k]);
    return text;
}

static wn_status connect_one(wn__lab *lab, connection *c, int k)
{
    wn__params a = {0}, b = {0};
    char prefix[32];
    for (int copy = 0; copy < COPIES; copy++)
        WN_TRY(train_copy(lab, c, k, copy));
    const wn__lab_line how = {.position = c->position,
                              .points = c->points,
                              .prefix = prefix_of(c, k, prefix),
                              .before = k * c->points,
                              .all = c->count * c->points,
                              .batches = c->options->batches,
                              .train_images = c->options->train_images};
    wn_status status = load_copy(lab, c, k, 0, &a);
    if (status == WN_OK) status = load_copy(lab, c, k, 1, &b);
    if (status == WN_OK) status = wn__lab_line_evaluate(lab, &a, &b, &how);
    wn__params_release(&a);
    wn__params_release(&b);
    return status;
}

/* --- the answer ---------------------------------------------------------------------------------------------------------------- */

static wn_status answer(wn__lab *lab, const connection *c, wn_lab_result *out)
{
    wn__lab_curve curves[MOST_POINTS_FROM] = {{0}};
    const char *names[MOST_POINTS_FROM];
    char texts[MOST_POINTS_FROM][32];
    wn__table tables[1] = {{.id = "instability", .title = "Instability: two copies with other orders of the data"}};
    json_t *list = json_array();
    wn__lab_answer a = {.table = tables, .tables = 1, .result = json_pack("{s:s, s:o}", "stage", c->stage.label, "from", list)};
    wn__sheet sheet = {0};
    wn_status status = WN_OK;
    for (int k = 0; k < c->count && status == WN_OK; k++) {
        json_t *o = json_pack("{s:I}", "step", (json_int_t)c->from[k]);
        names[k] = prefix_of(c, k, texts[k]);
        status = wn__lab_curve_read(lab, names[k], c->position, c->points, &curves[k]);
        if (status == WN_OK) status = wn__lab_curve_json(&curves[k], o);
        json_array_append_new(list, o);
    }
    if (status == WN_OK) {
        wn__lab_curve_barriers(curves, c->count, names, &tables[0]);
        wn__text_add(&tables[0].note, " A test error barrier below 2 points is called stable (Frankle et al. 2020). %s.", c->stage.label);
        wn__lab_curve_sheet(curves, c->count, names, c->stage.label, &sheet);
        status = wn__figure_files_add(&a.figures, &sheet, "instability");
    }
    if (status == WN_OK) status = wn__lab_finish(lab, &a, out);
    for (int k = 0; k < c->count; k++)
        wn__lab_curve_release(&curves[k]);
    wn__sheet_release(&sheet);
    wn__lab_answer_release(&a);
    return status;
}

static wn_status run(wn__lab *lab, connection *c, wn_lab_result *result)
{
    WN_TRY(wn__lab_load(lab));
    if (lab->options->threads > 0) c->experiment.context.machine.threads = lab->options->threads;
    for (int k = 0; k < c->count; k++)
        WN_TRY(connect_one(lab, c, k));
    return answer(lab, c, result);
}

static wn_status open_stage(connection *c)
{
    const wn_lab_options *o = c->options->lab;
    if (o->count != 1) return wn__fail(WN_EUSAGE, "connect wants 1 stage, not %d", o->count);
    WN_TRY(wn__lab_find_stage(o, o->networks[0], &c->stage));
    WN_TRY(wn__lab_open_experiment(o, &c->stage, &c->experiment, &c->index));
    return read_from(c);
}

wn_status wn_lab_connect(const wn_lab_connect_options *options, wn_lab_result *result)
{
    WN__COMPLETE(wn_lab_connect_options, options);
    WN__COMPLETE_WITHIN(wn_lab_options, options, lab);
    WN__NEED(result);
    WN_TRY(wn__lab_check(options->lab));
    wn__lab lab = {0};
    connection *c = WN_NEW(connection);
    if (!c) return wn__no_memory(sizeof *c);
    c->options = options;
    c->points = options->points ? options->points : LINE_POINTS;
    wn_status status = WN_OK;
    if (c->points < 3 || c->points > 1000) status = wn__fail(WN_EUSAGE, "%lld points; 3 to 1000 are valid", (long long)c->points);
    if (status == WN_OK) status = open_stage(c);
    if (status == WN_OK) {
        wn__even_positions(0, 1, c->points, c->position);
        status =
            wn__lab_open(options->lab, "connect", 1, 1,
                         json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "stage", c->stage.identity, "from", options->from ? options->from : "",
                                   "points", (json_int_t)c->points, "seed", (json_int_t)options->seed, "batches",
                                   (json_int_t)options->batches, "train_images", (json_int_t)options->train_images),
                         &lab);
    }
    if (status == WN_OK) status = lab.answered ? wn__lab_repeat(&lab, result) : run(&lab, c, result);
    wn__lab_close(&lab);
    if (c->experiment.recipe) wn__experiment_close(&c->experiment);
    wn__lab_stage_release(&c->stage);
    wn__free(c);
    return status;
}
