/* One trial: from values of keys to stages, what the store knows of them, and training up to a rung. */
#include "sweep/sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/stop.h"
#include "data/world.h"
#include "io/json_file.h"
#include "run/stage.h"
#include "run/store.h"
#include "train/trainer.h"

/* ---- keys */

static bool is_section(const char *name)
{
    static const char *const names[] = {"data",    "model",   "train",  "mask",      "labels", "teacher",
                                        "compare", "methods", "report", "bootstrap", "lab",    "sweep"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0) return true;
    return wn__settings_find(wn__top_settings, name) != NULL;
}

/* Without these the trials would not be trials of one question. */
static wn_status check_key(const char *name, const char *first)
{
    static const char *const fixed[] = {"compare.methods", "compare.seeds", "data.set", "data.validation", "name"};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (strcmp(fixed[i], name) == 0) return wn__fail(WN_EUSAGE, "sweep.space.%s: is the same in all trials", name);
    const bool whole = is_section(name) && !wn__settings_find(wn__top_settings, name);
    if (whole || !*first || strcmp(first, "sweep") == 0 || strcmp(first, "report") == 0)
        return wn__fail(WN_EUSAGE, "sweep.space.%s: is no key of a training, like train.lr.cosine.base or topology.alpha", name);
    return WN_OK;
}

wn_status wn__sweep_trial_key(const char *method, const char *name, wn__text *out)
{
    char first[64];
    snprintf(first, sizeof first, "%.*s", (int)strcspn(name, "."), name);
    WN_TRY(check_key(name, first));
    if (!is_section(first)) wn__text_add(out, "methods.%s.", method);
    wn__text_add(out, "%s", name);
    return out->failed ? wn__no_memory(64) : WN_OK;
}

static wn_status add_set(json_t *sets, const char *method, const char *name, const json_t *value, const char *unit)
{
    wn__text text = {0};
    wn_status status = wn__sweep_trial_key(method, name, &text);
    if (status == WN_OK) {
        wn__text_add(&text, "=");
        wn__sweep_value_show(value, unit, &text);
        status = text.failed || json_array_append_new(sets, json_string(text.data)) != 0 ? wn__no_memory(64) : WN_OK;
    }
    wn__text_release(&text);
    return status;
}

static wn_status add_fixed(json_t *sets, const char *key, const wn__yaml_node *node)
{
    json_t *value = wn__yaml_json(node);
    wn__text text = {0};
    wn__text_add(&text, "%s=", key);
    wn__sweep_value_show(value, "", &text);
    json_decref(value);
    const bool failed = text.failed || json_array_append_new(sets, json_string(text.data)) != 0;
    wn__text_release(&text);
    return failed ? wn__no_memory(64) : WN_OK;
}

static wn_status fill_sets(const wn__sweep *s, const json_t *params, json_t *sets)
{
    wn__text text = {0};
    const char *name;
    json_t *value;
    wn__text_add(&text, "compare.methods=[\"%s\"]", s->method);
    const bool failed = text.failed || json_array_append_new(sets, json_string(text.data)) != 0;
    wn__text_release(&text);
    if (failed) return wn__no_memory(64);
    if (s->section->sparsity) WN_TRY(add_fixed(sets, "compare.sparsity", s->section->sparsity));
    if (s->section->seeds) WN_TRY(add_fixed(sets, "compare.seeds", s->section->seeds));
    json_object_foreach((json_t *)params, name, value)
    {
        const wn__sweep_key *key = wn__sweep_key_find(s->section, name);
        WN_TRY(add_set(sets, s->method, name, value, key ? key->unit : ""));
    }
    return WN_OK;
}

wn_status wn__sweep_trial_sets(const wn__sweep *s, const json_t *params, json_t **out)
{
    json_t *sets = json_array();
    const wn_status status = sets ? fill_sets(s, params, sets) : wn__no_memory(64);
    if (status == WN_OK)
        *out = sets;
    else
        json_decref(sets);
    return status;
}

/* ---- opening */

/* The caller's changes to the recipe, then the trial's. */
static wn_status open_with(const wn__sweep *s, const json_t *sets, wn__experiment *e)
{
    wn_run_options o = *s->options->run;
    const int own = (int)json_array_size(sets);
    const char **all = WN_NEW_ARRAY(const char *, o.sets + own);
    if (!all) return wn__no_memory((size_t)(o.sets + own) * sizeof *all);
    for (int i = 0; i < o.sets; i++)
        all[i] = o.set[i];
    for (int i = 0; i < own; i++)
        all[o.sets + i] = json_string_value(json_array_get(sets, (size_t)i));
    o.set = all;
    o.sets += own;
    o.jobs = 1;
    o.threads = s->threads;
    const wn_status status = wn__experiment_open(&o, e);
    wn__free(all);
    return status;
}

static wn_status open_trial(const wn__sweep *s, const json_t *params, wn__experiment *e)
{
    json_t *sets;
    WN_TRY(wn__sweep_trial_sets(s, params, &sets));
    const wn_status status = open_with(s, sets, e);
    json_decref(sets);
    return status;
}

/* ---- planning */

/* The first step from `step` on after which the training is evaluated anyway. */
static int64_t next_evaluation(const wn__recipe *recipe, const wn__train_plan *t, int64_t step)
{
    const int64_t unit = recipe->clock.steps_per_epoch * recipe->train.evaluate_every;
    if (recipe->top.world == WN__WORLD_NONE) return (step + t->spec.data_offset + unit - 1) / unit * unit - t->spec.data_offset;
    while (step < t->spec.last && !wn__evaluation_is_due(&t->spec.evaluate, step))
        step++;
    return step;
}

int64_t wn__rung_step(const wn__sweep_section *section, const wn__recipe *recipe, const wn__train_plan *t, int rung)
{
    double length = (double)wn__steps_resolve(section->first, recipe->clock.steps_per_epoch, recipe->clock.total);
    for (int i = 0; i < rung; i++)
        length *= (double)section->factor;
    if (length >= (double)(t->spec.last - t->spec.first)) return t->spec.last;
    const int64_t step = next_evaluation(recipe, t, t->spec.first + (int64_t)length);
    return step < t->spec.last ? step : t->spec.last;
}

static void plan_cell(const wn__sweep *s, const wn__experiment *e, const wn__stage *stage, wn__sweep_trial_cell *cell)
{
    const wn__train_plan *t = &stage->train;
    snprintf(cell->identity, sizeof cell->identity, "%s", stage->identity);
    cell->first = t->spec.first;
    cell->last = t->spec.last;
    for (int r = 0; r < s->rungs; r++)
        cell->rung[r] = r + 1 < s->rungs ? wn__rung_step(s->section, e->recipe, t, r) : t->spec.last;
}

static wn_status keep_needed(const wn__agenda *plan, wn__sweep_trial *trial)
{
    bool *needed = WN_NEW_ARRAY(bool, plan->stages);
    trial->stage = wn__alloc_array(plan->stages, WN__SHA256_TEXT);
    if (!needed || !trial->stage) {
        wn__free(needed);
        return wn__no_memory((size_t)plan->stages * WN__SHA256_TEXT);
    }
    for (int i = 0; i < plan->rows; i++)
        wn__agenda_mark_needed(plan, plan->row[i].train, needed);
    for (int i = 0; i < plan->stages; i++)
        if (needed[i]) memcpy(trial->stage[trial->stages++], plan->stage[i].identity, WN__SHA256_TEXT);
    wn__free(needed);
    return WN_OK;
}

static wn_status plan_cells(const wn__sweep *s, const wn__experiment *e, wn__sweep_trial *trial)
{
    const wn__agenda *plan = e->plan;
    if (plan->rows == 0) return wn__fail(WN_EUSAGE, "%s", plan->skips ? plan->skip[0].reason : "nothing is trained");
    trial->cell = WN_NEW_ARRAY(wn__sweep_trial_cell, plan->rows);
    if (!trial->cell) return wn__no_memory((size_t)plan->rows * sizeof *trial->cell);
    for (int i = 0; i < plan->rows; i++)
        plan_cell(s, e, &plan->stage[plan->row[i].train], &trial->cell[trial->cells++]);
    trial->steps_per_epoch = e->recipe->clock.steps_per_epoch;
    return keep_needed(plan, trial);
}

static bool is_verdict(wn_status status) { return status == WN_EUSAGE || status == WN_EDIVERGED || status == WN_EUNSUPPORTED; }

static wn_status set_failure(wn__sweep_trial *trial, const char *reason)
{
    wn__free(trial->failure);
    trial->failure = wn__strdup(reason);
    return trial->failure ? WN_OK : wn__no_memory(strlen(reason));
}

wn_status wn__sweep_trial_plan(const wn__sweep *s, wn__sweep_trial *trial)
{
    wn__experiment e = {0};
    wn_status status = open_trial(s, trial->params, &e);
    if (status == WN_OK) status = plan_cells(s, &e, trial);
    wn__experiment_close(&e);
    return is_verdict(status) ? set_failure(trial, wn_error_message()) : status;
}

/* ---- looking */

/* The metric's validation of a line at `step`. The last line may be half written by another process. */
static bool read_line(const char *line, size_t length, int64_t step, const wn__metric *metric, double *value)
{
    json_t *json = json_loadb(line, length, 0, NULL);
    const char *split = json_string_value(json_object_get(json, "split"));
    const bool at_step = split && strcmp(split, "validation") == 0 && json_integer_value(json_object_get(json, "step")) == step;
    const bool is_it = at_step && json_object_get(json, metric->key);
    if (is_it) *value = wn__json_number(json, metric->key);
    json_decref(json);
    return is_it;
}

static wn_status metric_at(const wn__sweep *s, const wn__sweep_trial_cell *cell, int64_t step, bool *found, double *value)
{
    char *folder = wn__store_stage_folder(s->base.root, cell->identity), *path = folder ? wn__path_join(folder, "metrics.jsonl") : NULL;
    char *data = NULL;
    size_t size = 0;
    *found = false;
    wn_status status = path ? WN_OK : wn__no_memory(64);
    if (status == WN_OK && wn__file_exists(path)) status = wn__file_read(path, &data, &size);
    for (const char *line = data, *end; line && !*found && (end = memchr(line, '\n', size - (size_t)(line - data))); line = end + 1)
        *found = read_line(line, (size_t)(end - line), step, s->metric, value);
    wn__free(data);
    wn__free(path);
    wn__free(folder);
    return status;
}

/* Mean over the cells on one rung. */
static wn_status rung_value(const wn__sweep *s, const wn__sweep_trial *trial, int rung, bool *found, double *mean)
{
    double sum = 0;
    *found = false;
    for (int i = 0; i < trial->cells; i++) {
        const wn__sweep_trial_cell *cell = &trial->cell[i];
        double value = 0;
        bool one;
        if (cell->rung[rung] == cell->last && !wn__store_is_done(s->base.root, cell->identity)) return WN_OK;
        WN_TRY(metric_at(s, cell, cell->rung[rung], &one, &value));
        if (!one && wn__store_is_done(s->base.root, cell->identity))
            return wn__fail(WN_EFORMAT, "stage %.16s: is done, but its metrics.jsonl has no validation %s at step %lld", cell->identity,
                            s->metric->key, (long long)cell->rung[rung]);
        if (!one) return WN_OK;
        sum += value;
    }
    *found = true;
    *mean = sum / trial->cells;
    return WN_OK;
}

/* A stage that failed by the trial's own fault. */
static wn_status find_failure(const wn__sweep *s, wn__sweep_trial *trial)
{
    for (int i = 0; i < trial->stages; i++) {
        wn__stage stage;
        wn_status how;
        char message[1024];
        memcpy(stage.identity, trial->stage[i], WN__SHA256_TEXT);
        if (wn__store_is_done(s->base.root, stage.identity)) continue;
        if (wn__store_failure(s->base.root, &stage, &how, message, sizeof message) != WN_OK) continue;
        if (is_verdict(how)) return set_failure(trial, message);
    }
    return WN_OK;
}

wn_status wn__sweep_trial_look(const wn__sweep *s, wn__sweep_trial *trial)
{
    bool found = trial->cells > 0;
    while (trial->reached < s->rungs && found) {
        WN_TRY(rung_value(s, trial, trial->reached, &found, &trial->value[trial->reached]));
        trial->reached += found;
    }
    return trial->failure || trial->reached == s->rungs ? WN_OK : find_failure(s, trial);
}

wn_status wn__sweep_trial_retry(const wn__sweep *s, wn__sweep_trial *trial)
{
    for (int i = 0; i < trial->stages; i++) {
        char *folder = wn__store_stage_folder(s->base.root, trial->stage[i]), *path = folder ? wn__path_join(folder, "failed.json") : NULL;
        const wn_status status = path ? wn__remove_tree(path) : wn__no_memory(64);
        wn__free(path);
        wn__free(folder);
        WN_TRY(status);
    }
    wn__free(trial->failure);
    trial->failure = NULL;
    return wn__sweep_trial_look(s, trial);
}

bool wn__sweep_trial_is_done(const wn__sweep *s, const wn__sweep_trial *trial) { return trial->reached == s->rungs; }

wn_status wn__sweep_trial_test(const wn__sweep *s, const wn__sweep_trial *trial, double *mean, double *deviation)
{
    double sum = 0, squares = 0;
    char key[64];
    snprintf(key, sizeof key, "test_%s", s->headline->key);
    for (int i = 0; i < trial->cells; i++) {
        json_t *result;
        WN_TRY(wn__store_result(s->base.root, trial->cell[i].identity, &result));
        const double value = wn__json_number(result, key);
        json_decref(result);
        const double before = i > 0 ? sum / i : 0;
        sum += value;
        squares += (value - before) * (value - sum / (i + 1));
    }
    *mean = sum / trial->cells;
    *deviation = trial->cells > 1 ? sqrt(squares / (trial->cells - 1)) : (double)NAN;
    return WN_OK;
}

/* ---- running */

static wn_status run_stage(wn__experiment *e, int index)
{
    const wn__stage *stage = &e->plan->stage[index];
    if (wn__store_is_done(e->root, stage->identity)) return WN_OK;
    for (int i = 0; i < stage->parents; i++)
        WN_TRY(run_stage(e, stage->parent[i]));
    if (wn__stop_wanted(e->context.stop)) return wn__fail(WN_ESTOPPED, "stopped on request; the same command continues");
    return wn__stage_execute(&e->context, index, NULL);
}

static wn_status run_cell(const wn__sweep *s, wn__experiment *e, int index, const wn__sweep_trial_cell *cell, int rung)
{
    bool reached;
    double value;
    const bool whole = cell->rung[rung] == cell->last;
    if (!whole) WN_TRY(metric_at(s, cell, cell->rung[rung], &reached, &value));
    if (!whole && reached) return WN_OK;
    e->context.pause_stage = index;
    e->context.pause_step = whole ? 0 : cell->rung[rung];
    const wn_status status = run_stage(e, index);
    if (status != WN_ESTOPPED || whole) return status;
    WN_TRY(metric_at(s, cell, cell->rung[rung], &reached, &value));
    return reached ? WN_OK : status;
}

wn_status wn__sweep_trial_run(const wn__sweep *s, const wn__sweep_trial *trial, int rung)
{
    wn__experiment e = {0};
    wn_status status = open_trial(s, trial->params, &e);
    e.context.stages = 1;
    e.context.hide_test = true;
    for (int i = 0; status == WN_OK && i < e.plan->rows; i++)
        status = run_cell(s, &e, e.plan->row[i].train, &trial->cell[i], rung);
    wn__experiment_close(&e);
    return is_verdict(status) ? WN_OK : status;
}

void wn__sweep_trial_release(wn__sweep_trial *trial)
{
    json_decref(trial->params);
    wn__free(trial->stage);
    wn__free(trial->cell);
    wn__free(trial->failure);
    *trial = (wn__sweep_trial){0};
}
