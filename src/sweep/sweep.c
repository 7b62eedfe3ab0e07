/* A sweep as a whole: reading and checking it, its trials, the winner. */
#include "sweep/sweep.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "run/store.h"

/* ---- opening */

static wn_status name_method(wn__sweep *s, const wn__recipe *r)
{
    const char *wanted = s->section->method;
    if (!wanted && r->methods == 1) wanted = r->row[r->compared[0]].name;
    if (!wanted)
        return wn__fail(WN_EUSAGE, "sweep: the key \"method\" is missing, and compare.methods has %d: which one is searched for?",
                        r->methods);
    for (int i = 0; i < r->rows; i++) {
        if (strcmp(r->row_name[i], wanted) != 0) continue;
        s->method = wn__strdup(wanted);
        return s->method ? WN_OK : wn__no_memory(64);
    }
    return wn__unknown_at(wn__yaml_find(s->section->node, "method"), "sweep.method: unknown method", wanted, r->row_name, r->rows);
}

static wn_status check_validation(const wn__recipe *r)
{
    const wn__yaml_node *root = wn__yaml_root(r->doc), *data = wn__yaml_find(root, "data"), *node = wn__yaml_find(data, "validation");
    if (r->validation_images > 0) return WN_OK;
    return wn__yaml_fail(WN_EUSAGE, node ? node : data,
                         "data.validation: none: a sweep chooses by validation data, and never by test data");
}

/* As many rungs as the recipe's own training needs to its end. */
static wn_status count_rungs(wn__sweep *s)
{
    const wn__agenda *plan = s->base.plan;
    const wn__recipe *r = s->base.recipe;
    s->rungs = 1;
    if (!s->section->halves) return WN_OK;
    if (plan->rows == 0) return wn__fail(WN_EUSAGE, "sweep: %s has nothing to train", s->method);
    const wn__train_plan *t = &plan->stage[plan->row[0].train].train;
    int64_t before = t->spec.first;
    for (;; s->rungs++) {
        const int64_t step = wn__rung_step(s->section, r, t, s->rungs - 1);
        if (step >= t->spec.last) return WN_OK;
        if (s->rungs == WN__MOST_RUNGS) return wn__fail(WN_EUSAGE, "sweep.halving: more than %d rungs", WN__MOST_RUNGS);
        if (step == before)
            return wn__yaml_fail(
                WN_EUSAGE, wn__yaml_find(s->section->node, "halving"),
                "sweep.halving: rungs %d and %d both end with the evaluation after step %lld; a larger \"first\" is needed", s->rungs - 1,
                s->rungs, (long long)step);
        before = step;
    }
}

static wn_status need_section(const wn__sweep *s)
{
    const char *path = s->options->run->recipe;
    if (s->section->node) return WN_OK;
    return wn__fail(WN_EUSAGE, "%s: the section \"sweep\" is missing: sweep: {trials: 15, space: {topology.alpha: [0.1, 0.3, 0.5]}}",
                    path ? path : "recipe");
}

/* The recipe with the method alone, which also settles threads and jobs. */
static wn_status open_base(wn__sweep *s, wn__sweep_use use)
{
    wn_run_options o = *s->options->run;
    const wn__recipe_source source = {.path = o.recipe, .set = o.set, .sets = o.sets};
    wn__recipe *r;
    WN_TRY(wn__recipe_read(&source, &r));
    s->section = &r->sweep;
    wn_status status = use == WN__SWEEP_SEARCH ? need_section(s) : WN_OK;
    if (status == WN_OK) status = name_method(s, r);
    wn__recipe_free(r);
    WN_TRY(status);
    char compared[320];
    snprintf(compared, sizeof compared, "compare.methods=[\"%.280s\"]", s->method);
    const char **all = WN_NEW_ARRAY(const char *, o.sets + 1);
    if (!all) return wn__no_memory(64);
    for (int i = 0; i < o.sets; i++)
        all[i] = o.set[i];
    all[o.sets] = compared;
    o.set = all;
    o.sets++;
    status = wn__experiment_open(&o, &s->base);
    wn__free(all);
    if (status != WN_OK) return status;
    s->section = &s->base.recipe->sweep;
    s->jobs = s->base.jobs;
    s->threads = s->base.plan->machine.threads;
    return WN_OK;
}

static wn_status make_paths(wn__sweep *s)
{
    char name[256];
    snprintf(name, sizeof name, "%s-sweep", s->base.recipe->folder_name);
    s->folder = wn__store_experiment_folder(s->base.root, name);
    s->recipe_copy = s->folder ? wn__path_join(s->folder, "recipe.yaml") : NULL;
    return s->recipe_copy ? WN_OK : wn__no_memory(64);
}

static wn_status check_options(const wn__sweep *s)
{
    const wn_sweep_options *o = s->options;
    if ((o->shard != 0 || o->shards != 0) && (o->shards < 1 || o->shard < 1 || o->shard > o->shards))
        return wn__fail(WN_EUSAGE, "shard %d/%d: must be 1/%d to %d/%d", o->shard, o->shards, o->shards, o->shards, o->shards);
    if (s->jobs > 1 && !o->run->worker) return wn__fail(WN_EINVAL, "jobs %d: needs the command line of a worker", s->jobs);
    return WN_OK;
}

/* The trial with one value of a key, all else as the recipe has it. */
static wn_status try_value(const wn__sweep *s, const wn__sweep_key *key, json_t *value, wn__sweep_trial *trial)
{
    trial->params = json_object();
    if (!trial->params || json_object_set_new(trial->params, key->name, value) != 0) return wn__no_memory(64);
    WN_TRY(wn__sweep_trial_plan(s, trial));
    return trial->failure ? wn__fail(WN_EUSAGE, "sweep.space.%s: %s", key->name, trial->failure) : WN_OK;
}

static bool same_cells(const wn__sweep_trial *a, const wn__sweep_trial *b)
{
    for (int i = 0; i < a->cells && i < b->cells; i++)
        if (strcmp(a->cell[i].identity, b->cell[i].identity) != 0) return false;
    return true;
}

/* A key that the recipe has not, or a value that it cannot have, is found before anything is trained. */
static wn_status check_key(const wn__sweep *s, const wn__sweep_key *key)
{
    wn__sweep_trial first = {0}, last = {0};
    wn_status status = WN_OK;
    for (int i = 1; status == WN_OK && i + 1 < wn__yaml_count(key->items ? key->items : key->node) && key->items; i++) {
        wn__sweep_trial between = {0};
        status = try_value(s, key, wn__yaml_json(wn__yaml_child(key->items, i)), &between);
        wn__sweep_trial_release(&between);
    }
    if (status == WN_OK) status = try_value(s, key, wn__sweep_key_end(key, false), &first);
    if (status == WN_OK) status = try_value(s, key, wn__sweep_key_end(key, true), &last);
    if (status == WN_OK && !json_equal(first.params, last.params) && same_cells(&first, &last))
        wn__log(WN_LOG_WARNING, "sweep.space.%s: changes nothing in the training of %s", key->name, s->method);
    wn__sweep_trial_release(&first);
    wn__sweep_trial_release(&last);
    return status;
}

static bool sets_same_key(const char *a, const char *b)
{
    const size_t length = strcspn(a, "=");
    return strcspn(b, "=") == length && strncmp(a, b, length) == 0;
}

/* What the section sets itself, the caller's --set would set for nothing. */
static wn_status check_set(const wn__sweep *s, const wn__sweep_key *key)
{
    json_t *params = json_object(), *sets = NULL;
    wn_status status = params && json_object_set_new(params, key->name, wn__sweep_key_end(key, false)) == 0 ? WN_OK : wn__no_memory(64);
    if (status == WN_OK) status = wn__sweep_trial_sets(s, params, &sets);
    for (size_t k = 1; k < json_array_size(sets); k++) /* the first names the method */
        for (int i = 0; status == WN_OK && i < s->options->run->sets; i++)
            if (sets_same_key(json_string_value(json_array_get(sets, k)), s->options->run->set[i]))
                status = wn__fail(WN_EUSAGE, "--set %s: the section \"sweep\" says this key itself", s->options->run->set[i]);
    json_decref(params);
    json_decref(sets);
    return status;
}

static wn_status settle_objective(wn__sweep *s)
{
    const wn__recipe *r = s->base.recipe;
    s->headline = wn__metric_headline(&r->train.metrics);
    s->metric = s->section->metric ? s->section->metric : s->headline;
    snprintf(s->objective, sizeof s->objective, "validation_%s", s->metric->key);
    const wn_status status = wn__recipe_need_metric(r, s->metric);
    return status == WN_OK ? WN_OK : wn__fault_at(wn__yaml_find(s->section->node, "objective"), "sweep.objective: ", status);
}

wn_status wn__sweep_open(const wn_sweep_options *options, wn__sweep_use use, wn__sweep *out)
{
    wn__sweep *s = out;
    *s = (wn__sweep){.options = options};
    WN_TRY(open_base(s, use));
    if (use == WN__SWEEP_SEARCH) WN_TRY(wn__sweep_section_check(s->section));
    WN_TRY(settle_objective(s));
    WN_TRY(check_options(s));
    WN_TRY(check_validation(s->base.recipe));
    WN_TRY(count_rungs(s));
    WN_TRY(make_paths(s));
    for (int i = 0; use != WN__SWEEP_WORKER && i < s->section->keys; i++) {
        WN_TRY(check_set(s, &s->section->key[i]));
        WN_TRY(check_key(s, &s->section->key[i]));
    }
    return WN_OK;
}

void wn__sweep_close(wn__sweep *s)
{
    for (int i = 0; i < s->trials; i++)
        wn__sweep_trial_release(&s->trial[i]);
    wn__free(s->trial);
    wn__free(s->folder);
    wn__free(s->recipe_copy);
    wn__free(s->method);
    wn__experiment_close(&s->base);
    *s = (wn__sweep){0};
}

wn_status wn__sweep_add(wn__sweep *s, int64_t number, json_t *params, wn__sweep_trial **out)
{
    wn__sweep_trial trial = {.number = number, .params = params};
    wn_status status = wn__make_room(&s->trial, s->trials, sizeof trial);
    if (status == WN_OK) status = wn__sweep_trial_plan(s, &trial);
    if (status == WN_OK) status = wn__sweep_trial_look(s, &trial);
    if (status != WN_OK) {
        wn__sweep_trial_release(&trial);
        return status;
    }
    *out = &s->trial[s->trials];
    s->trial[s->trials++] = trial;
    return WN_OK;
}

/* ---- the winner */

bool wn__sweep_better(const wn__sweep *s, double a, double b) { return wn__metric_is_better(s->metric, a, b); }

const wn__sweep_trial *wn__sweep_best(const wn__sweep *s)
{
    const wn__sweep_trial *best = NULL;
    for (int i = 0; i < s->trials; i++) {
        const wn__sweep_trial *t = &s->trial[i];
        if (!wn__sweep_trial_is_done(s, t)) continue;
        if (!best || wn__sweep_better(s, t->value[s->rungs - 1], best->value[s->rungs - 1])) best = t;
    }
    return best;
}

static wn_status set_params(const wn__sweep *s, const wn__sweep_trial *best, wn__yaml *doc)
{
    const char *name;
    json_t *value;
    json_object_foreach(best->params, name, value)
    {
        const wn__sweep_key *key = wn__sweep_key_find(s->section, name);
        wn__text path = {0}, shown = {0};
        wn_status status = wn__sweep_trial_key(s->method, name, &path);
        wn__sweep_value_show(value, key ? key->unit : "", &shown);
        if (status == WN_OK) status = shown.failed ? wn__no_memory(64) : wn__yaml_set(doc, path.data, shown.data);
        wn__text_release(&path);
        wn__text_release(&shown);
        WN_TRY(status);
    }
    return WN_OK;
}

/* The caller's recipe with the trial's values, and without its section `sweep`. */
wn_status wn__sweep_write_winner(const wn__sweep *s, const wn__sweep_trial *best)
{
    const wn_run_options *o = s->options->run;
    const wn__recipe_source source = {.path = o->recipe, .set = o->set, .sets = o->sets};
    wn__recipe *r;
    wn__text text = {0}, params = {0};
    WN_TRY(wn__recipe_read(&source, &r));
    wn__yaml_remove(r->doc, "sweep");
    wn__sweep_params_show(best->params, &params);
    wn__text_add(&text, "# Trial %lld of a sweep of %s by %s: %.6g. %s\n", (long long)best->number, s->method, s->objective,
                 best->value[s->rungs - 1], params.data ? params.data : "");
    wn_status status = set_params(s, best, r->doc);
    if (status == WN_OK) status = wn__yaml_emit(wn__yaml_root(r->doc), &text);
    if (status == WN_OK) status = wn__file_write(s->options->write, text.data, text.size);
    wn__text_release(&params);
    wn__text_release(&text);
    wn__recipe_free(r);
    return status;
}
