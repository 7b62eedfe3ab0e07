/* The trials of a sweep as a table, as CSV and as JSON. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "report/report_table.h"
#include "run/store.h"
#include "sweep/sweep.h"

static const char *state_of(const wn__sweep *s, const wn__sweep_trial *t)
{
    if (wn__sweep_trial_is_done(s, t)) return "done";
    if (t->failure) return t->cells ? "failed" : "impossible";
    return t->stopped ? "stopped" : t->reached > 0 ? "paused" : "waiting";
}

static double epochs_at(const wn__sweep_trial *t, int rung)
{
    const wn__sweep_trial_cell *c = &t->cell[0];
    return (double)(c->rung[rung] - c->first) / (double)t->steps_per_epoch;
}

/* Of its swept training, in the longest of its rungs. */
static double epochs_of(const wn__sweep_trial *t) { return t->reached > 0 ? epochs_at(t, t->reached - 1) : 0; }

/* ---- JSON */

static json_t *values_json(const wn__sweep_trial *t)
{
    json_t *values = json_array();
    for (int r = 0; values && r < t->reached; r++)
        json_array_append_new(
            values, json_pack("{s:i, s:f, s:o}", "rung", r, "epochs", epochs_at(t, r), "value", wn__json_real_or_null(t->value[r])));
    return values;
}

static json_t *stages_json(const wn__sweep_trial *t)
{
    json_t *stages = json_array();
    for (int i = 0; stages && i < t->cells; i++)
        json_array_append_new(stages, json_string(t->cell[i].identity));
    return stages;
}

static json_t *trial_json(const wn__sweep *s, const wn__sweep_trial *t)
{
    const bool done = wn__sweep_trial_is_done(s, t);
    json_t *o = json_pack("{s:I, s:s, s:O, s:o, s:f, s:o, s:o}", "trial", (json_int_t)t->number, "state", state_of(s, t), "params",
                          t->params, "value", done ? wn__json_real_or_null(t->value[s->rungs - 1]) : json_null(), "epochs", epochs_of(t),
                          "rungs", values_json(t), "stages", stages_json(t));
    if (o && t->failure) json_object_set_new(o, "reason", json_string(t->failure));
    return o;
}

/* The only place where test data appear. */
static json_t *best_json(const wn__sweep *s)
{
    const wn__sweep_trial *best = wn__sweep_best(s);
    double test, deviation;
    char key[64], key_sd[80];
    snprintf(key, sizeof key, "test_%s", s->headline->key);
    snprintf(key_sd, sizeof key_sd, "%s_sd", key);
    if (!best || wn__sweep_trial_test(s, best, &test, &deviation) != WN_OK) return json_null();
    return json_pack("{s:I, s:O, s:f, s:o, s:o, s:i}", "trial", (json_int_t)best->number, "params", best->params, "value",
                     best->value[s->rungs - 1], key, wn__json_real_or_null(test), key_sd, wn__json_real_or_null(deviation), "n",
                     best->cells);
}

json_t *wn__sweep_json(const wn__sweep *s, bool complete)
{
    json_t *trials = json_array();
    for (int i = 0; i < s->trials; i++)
        json_array_append_new(trials, trial_json(s, &s->trial[i]));
    return json_pack("{s:s, s:s, s:s, s:i, s:b, s:o, s:o}", "name", s->base.recipe->top.name, "method", s->method, "objective",
                     s->objective, "rungs", s->rungs, "complete", complete, "best", complete ? best_json(s) : json_null(), "trials",
                     trials);
}

char *wn__sweep_dump(const json_t *json, size_t flags)
{
    char *text = json_dumps(json, flags | JSON_REAL_PRECISION(15));
    json_t *again = text ? json_loads(text, 0, NULL) : NULL;
    const bool exact = json_equal(again, json);
    json_decref(again);
    if (exact || !text) return text;
    free(text); /* jansson's own allocation */
    return json_dumps(json, flags | JSON_REAL_PRECISION(17));
}

static wn_status show_json(const wn__sweep *s, bool complete, wn__text *out)
{
    json_t *json = wn__sweep_json(s, complete);
    char *text = json ? wn__sweep_dump(json, JSON_INDENT(2)) : NULL;
    json_decref(json);
    if (!text) return wn__no_memory(4096);
    wn__text_add(out, "%s\n", text);
    free(text); /* jansson's own allocation */
    return WN_OK;
}

/* ---- tables */

/* Names of all parameters, in the order of their first use; trials from outside may differ in theirs. */
static json_t *all_keys(const wn__sweep *s)
{
    const char *name;
    json_t *value, *keys = json_object();
    for (int i = 0; keys && i < s->trials; i++)
        json_object_foreach(s->trial[i].params, name, value) if (json_object_size(keys) < WN__MOST_SWEEP_KEYS)
            json_object_set_new(keys, name, json_true());
    return keys;
}

static void add_value(wn__table *t, const json_t *value)
{
    wn__text text = {0};
    if (json_is_string(value))
        wn__text_add(&text, "%s", json_string_value(value));
    else if (value)
        wn__sweep_value_show(value, "", &text);
    wn__table_cell(t, "%s", text.data ? text.data : "");
    wn__text_release(&text);
}

int wn__sweep_decimals(double value)
{
    enum { USUAL = 4, MOST = 9 };
    const double own = isfinite(value) && value != 0 ? 2 - floor(log10(fabs(value))) : USUAL;
    return own <= USUAL ? USUAL : own >= MOST ? MOST : (int)own;
}

/* Of all values of a table. */
static int decimals_of(const wn__sweep *s)
{
    int most = 0;
    for (int i = 0; i < s->trials; i++)
        for (int r = 0; r < s->trial[i].reached; r++) {
            const int own = wn__sweep_decimals(s->trial[i].value[r]);
            most = own > most ? own : most;
        }
    return most;
}

static void add_value_of_rung(wn__table *table, const wn__sweep *s, const wn__sweep_trial *t, int rung, bool exact)
{
    if (rung >= t->reached)
        wn__table_cell(table, "%s", "");
    else if (exact)
        wn__table_cell(table, "%.10g", t->value[rung]);
    else if (s->metric->percent)
        wn__table_cell(table, "%.2f", 100 * t->value[rung]);
    else
        wn__table_cell(table, "%.*f", decimals_of(s), t->value[rung]);
}

static void add_columns(const wn__sweep *s, const json_t *keys, bool exact, wn__table *t)
{
    const char *name;
    json_t *unused;
    wn__table_column_add(t, true, "trial");
    json_object_foreach((json_t *)keys, name, unused) wn__table_column_add(t, true, "%s", name);
    for (int r = 0; r + 1 < s->rungs; r++)
        wn__table_column_add(t, true, exact ? "rung_%d" : "rung %d", r + 1);
    if (exact)
        wn__table_column_add(t, true, "%s", s->objective);
    else
        wn__table_column_add(t, true, "validation%s%s%s", s->metric->percent && s->metric == s->headline ? "" : " ",
                             s->metric->percent && s->metric == s->headline ? "" : s->metric->title, s->metric->percent ? " %" : "");
    wn__table_column_add(t, true, "epochs");
    wn__table_column_add(t, false, "state");
}

static void add_row(const wn__sweep *s, const wn__sweep_trial *trial, const json_t *keys, bool exact, wn__table *t)
{
    const char *name;
    json_t *unused;
    wn__table_cell(t, "%lld", (long long)trial->number);
    json_object_foreach((json_t *)keys, name, unused) add_value(t, json_object_get(trial->params, name));
    for (int r = 0; r + 1 < s->rungs; r++)
        add_value_of_rung(t, s, trial, r, exact);
    add_value_of_rung(t, s, trial, s->rungs - 1, exact);
    wn__table_cell(t, "%.4g", epochs_of(trial));
    wn__table_cell(t, "%s", state_of(s, trial));
}

static void add_winner(const wn__sweep *s, wn__text *out)
{
    const wn__sweep_trial *best = wn__sweep_best(s);
    const wn__metric *m = s->headline;
    double test, deviation;
    if (!best) return;
    wn__text_add(out, "\nbest: trial %lld, %s %.6g: ", (long long)best->number, s->objective, best->value[s->rungs - 1]);
    wn__sweep_params_show(best->params, out);
    if (wn__sweep_trial_test(s, best, &test, &deviation) != WN_OK) return;
    const double scale = m->percent ? 100 : 1;
    const int decimals = m->percent ? 2 : wn__sweep_decimals(test);
    wn__text_add(out, "\ntest %s of the best: %.*f%s", m->title, decimals, scale * test, m->percent ? " %" : "");
    if (best->cells > 1) wn__text_add(out, " (mean of %d; standard deviation %.*f)", best->cells, decimals, scale * deviation);
    wn__text_add(out, "\n");
}

/* Of the swept trainings; what trials share is not counted. */
static void add_effort(const wn__sweep *s, wn__text *out)
{
    double trained = 0, all = 0;
    for (int i = 0; i < s->trials; i++) {
        const wn__sweep_trial *t = &s->trial[i];
        if (t->cells == 0) continue;
        trained += epochs_of(t) * t->cells;
        all += epochs_at(t, s->rungs - 1) * t->cells;
    }
    wn__text_add(out, "\n%d trials of %s; %.4g epochs trained of the %.4g of all trials in full\n", s->trials, s->method, trained, all);
}

wn_status wn__sweep_show(const wn__sweep *s, bool complete, wn_sweep_format format, wn__text *out)
{
    if (format == WN_SWEEP_JSON) return show_json(s, complete, out);
    const bool exact = format == WN_SWEEP_CSV;
    json_t *keys = all_keys(s);
    wn__table t = {.id = "trials", .title = "Trials"};
    if (!keys) return wn__no_memory(64);
    add_columns(s, keys, exact, &t);
    for (int i = 0; i < s->trials; i++)
        add_row(s, &s->trial[i], keys, exact, &t);
    if (exact)
        wn__table_csv(&t, out);
    else
        wn__table_text(&t, out);
    if (!exact) add_effort(s, out);
    if (!exact && complete) add_winner(s, out);
    const wn_status status = out->failed ? wn__no_memory(1024) : wn__table_status(&t);
    wn__table_release(&t);
    json_decref(keys);
    return status;
}
