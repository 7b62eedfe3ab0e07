/* A sweep as a whole: reading and checking it, its folder, successive halving, the winner. */
#include "sweep/sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "io/json_file.h"
#include "run/store.h"

/* ---- opening */

static wn_status name_method(wn__sweep *s, const wn__recipe *r)
{
    const char *wanted = s->section->method;
    if (!wanted && r->methods == 1) wanted = r->row[r->compared[0]].name;
    if (!wanted)
        return wn__fail(WN_EUSAGE, "sweep: the key \"method\" is missing, and compare.methods has %d: which one is searched for?",
                        r->methods);
    const char *names[WN__MOST_ROWS];
    for (int i = 0; i < r->rows; i++) {
        names[i] = r->row[i].name;
        if (strcmp(names[i], wanted) != 0) continue;
        s->method = wn__strdup(wanted);
        return s->method ? WN_OK : wn__no_memory(64);
    }
    return wn__unknown_at(wn__yaml_find(s->section->node, "method"), "sweep.method: unknown method", wanted, names, r->rows);
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
    const char *path = s->options->run.recipe;
    if (s->section->node) return WN_OK;
    return wn__fail(WN_EUSAGE, "%s: the section \"sweep\" is missing: sweep: {trials: 15, space: {topology.alpha: [0.1, 0.3, 0.5]}}",
                    path ? path : "recipe");
}

/* The recipe with the method alone, which also settles threads and jobs. */
static wn_status open_base(wn__sweep *s, wn__sweep_use use)
{
    wn_run_options o = s->options->run;
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
    snprintf(name, sizeof name, "%s-sweep", s->base.recipe->top.name);
    s->folder = wn__store_experiment_folder(s->base.root, name);
    s->recipe_copy = s->folder ? wn__path_join(s->folder, "recipe.yaml") : NULL;
    return s->recipe_copy ? WN_OK : wn__no_memory(64);
}

static wn_status check_options(const wn__sweep *s)
{
    const wn_sweep_options *o = s->options;
    if ((o->shard != 0 || o->shards != 0) && (o->shards < 1 || o->shard < 1 || o->shard > o->shards))
        return wn__fail(WN_EUSAGE, "shard %d/%d: must be 1/%d to %d/%d", o->shard, o->shards, o->shards, o->shards, o->shards);
    if (s->jobs > 1 && !o->run.worker) return wn__fail(WN_EINVAL, "jobs %d: needs the command line of a worker", s->jobs);
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

wn_status wn__sweep_open(const wn_sweep_options *options, wn__sweep_use use, wn__sweep *out)
{
    wn__sweep *s = out;
    *s = (wn__sweep){.options = options};
    WN_TRY(open_base(s, use));
    if (use == WN__SWEEP_SEARCH) WN_TRY(wn__sweep_section_check(s->section));
    s->smaller = strcmp(s->section->objective, "validation_loss") == 0;
    s->metric = s->smaller ? "loss" : "accuracy";
    WN_TRY(check_options(s));
    WN_TRY(check_validation(s->base.recipe));
    WN_TRY(count_rungs(s));
    WN_TRY(make_paths(s));
    for (int i = 0; use != WN__SWEEP_WORKER && i < s->section->keys; i++)
        WN_TRY(check_key(s, &s->section->key[i]));
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
    wn_status status = WN_OK;
    if (s->trials == s->capacity) {
        const int wanted = s->capacity ? 2 * s->capacity : 64;
        wn__sweep_trial *larger = wn__realloc(s->trial, (size_t)wanted * sizeof *larger);
        if (!larger) status = wn__no_memory((size_t)wanted * sizeof *larger);
        if (larger) {
            s->trial = larger;
            s->capacity = wanted;
        }
    }
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

/* ---- the folder */

wn_status wn__sweep_prepare_folder(const wn__sweep *s)
{
    wn__text text = {0};
    WN_TRY(wn__make_folders(s->folder));
    wn_status status = wn__yaml_emit(wn__yaml_root(s->base.recipe->doc), &text);
    if (status == WN_OK) status = wn__file_write(s->recipe_copy, text.data ? text.data : "", text.size);
    wn__text_release(&text);
    return status;
}

static wn_status save_text(const wn__sweep *s, const char *name, const wn__text *text)
{
    char *path = wn__path_join(s->folder, name);
    const wn_status status = path && !text->failed ? wn__file_write(path, text->data ? text->data : "", text->size) : wn__no_memory(64);
    wn__free(path);
    return status;
}

static bool add_stage(json_t *known, const char *identity)
{
    return json_object_get(known, identity) || json_object_set_new(known, identity, json_true()) == 0;
}

static wn_status save_stages(const wn__sweep *s, const char *path, json_t *known)
{
    const char *identity;
    json_t *unused, *list = json_array(), *file = json_pack("{s:o}", "stages", list);
    bool fine = file != NULL;
    for (int t = 0; t < s->trials; t++)
        for (int i = 0; i < s->trial[t].stages; i++)
            fine = fine && add_stage(known, s->trial[t].stage[i]);
    json_object_foreach(known, identity, unused) fine = fine && json_array_append_new(list, json_pack("{s:s}", "identity", identity)) == 0;
    const wn_status status = fine ? wn__json_save(path, file) : wn__no_memory(1024);
    json_decref(file);
    return status;
}

/* All that trials refer to, so that gc leaves it alone. */
static wn_status write_stages(const wn__sweep *s, bool keep)
{
    char *path = wn__path_join(s->folder, "stages.json");
    json_t *known = json_object(), *before = NULL, *stage;
    size_t index;
    if (keep && path && wn__file_exists(path) && wn__json_load(path, &before) == WN_OK)
        json_array_foreach(json_object_get(before, "stages"), index, stage)
            add_stage(known, json_string_value(json_object_get(stage, "identity")));
    const wn_status status = path && known ? save_stages(s, path, known) : wn__no_memory(64);
    json_decref(before);
    json_decref(known);
    wn__free(path);
    return status;
}

wn_status wn__sweep_write(const wn__sweep *s, bool complete, bool keep)
{
    static const struct {
        const char *name;
        wn_sweep_format format;
    } files[] = {{"trials.json", WN_SWEEP_JSON}, {"trials.csv", WN_SWEEP_CSV}};
    WN_TRY(write_stages(s, keep));
    for (int i = 0; i < 2; i++) {
        wn__text text = {0};
        wn_status status = wn__sweep_show(s, complete, files[i].format, &text);
        if (status == WN_OK) status = save_text(s, files[i].name, &text);
        wn__text_release(&text);
        WN_TRY(status);
    }
    return WN_OK;
}

/* ---- the winner */

bool wn__sweep_better(const wn__sweep *s, double a, double b)
{
    if (isnan(a) || isnan(b)) return isnan(b) && !isnan(a);
    return s->smaller ? a < b : a > b;
}

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
    const wn_run_options *o = &s->options->run;
    const wn__recipe_source source = {.path = o->recipe, .set = o->set, .sets = o->sets};
    wn__recipe *r;
    wn__text text = {0}, params = {0};
    WN_TRY(wn__recipe_read(&source, &r));
    wn__yaml_remove(r->doc, "sweep");
    wn__sweep_params_show(best->params, &params);
    wn__text_add(&text, "# Trial %lld of a sweep of %s by %s: %.6g. %s\n", (long long)best->number, s->method, s->section->objective,
                 best->value[s->rungs - 1], params.data ? params.data : "");
    wn_status status = set_params(s, best, r->doc);
    if (status == WN_OK) status = wn__yaml_emit(wn__yaml_root(r->doc), &text);
    if (status == WN_OK) status = wn__file_write(s->options->write, text.data, text.size);
    wn__text_release(&params);
    wn__text_release(&text);
    wn__recipe_free(r);
    return status;
}

/* ---- running */

typedef struct rung_state {
    wn__sweep *sweep;
    wn__sweep_trial **alive; /* those that are in, by number */
    int count;
    int rung;
} rung_state;

static bool is_pending(const rung_state *r, const wn__sweep_trial *t) { return t->reached <= r->rung && !t->failure; }

static bool is_mine(const wn__sweep *s, int place)
{
    const int shards = s->options->shards;
    return shards < 2 || place % shards == s->options->shard - 1;
}

static void tell(const rung_state *r, const wn__sweep_trial *t)
{
    wn__text params = {0};
    const wn__sweep *s = r->sweep;
    wn__sweep_params_show(t->params, &params);
    if (t->failure)
        wn__log(WN_LOG_WARNING, "trial %lld failed: %s: %s", (long long)t->number, params.data ? params.data : "", t->failure);
    else
        wn__log(WN_LOG_INFO, "trial %lld, rung %d of %d: %s %.4f: %s", (long long)t->number, r->rung + 1, s->rungs, s->section->objective,
                t->value[r->rung], params.data ? params.data : "");
    wn__text_release(&params);
}

/* After it ran: it must have a value or a failure now. */
static wn_status look_again(const rung_state *r, wn__sweep_trial *t)
{
    WN_TRY(wn__sweep_trial_look(r->sweep, t));
    if (is_pending(r, t)) return wn__fail(WN_EIO, "trial %lld: ended without a result", (long long)t->number);
    tell(r, t);
    return wn__sweep_write(r->sweep, false, false);
}

static wn_status run_here(rung_state *r)
{
    for (int i = 0; i < r->count; i++) {
        if (!is_mine(r->sweep, i) || !is_pending(r, r->alive[i])) continue;
        WN_TRY(wn__sweep_trial_run(r->sweep, r->alive[i], r->rung));
        WN_TRY(look_again(r, r->alive[i]));
    }
    return WN_OK;
}

static wn__sweep_trial *find_alive(const rung_state *r, int64_t number)
{
    for (int i = 0; i < r->count; i++)
        if (r->alive[i]->number == number) return r->alive[i];
    return NULL;
}

static wn_status one_ended(rung_state *r, wn__sweep_pool *pool)
{
    int64_t number;
    int how;
    if (!wn__sweep_pool_ended(pool, true, &number, &how)) return WN_OK;
    wn__sweep_trial *t = find_alive(r, number);
    WN_TRY(wn__sweep_trial_look(r->sweep, t));
    if (is_pending(r, t)) return wn__sweep_pool_failure(r->sweep, t, how);
    return look_again(r, t);
}

static wn_status run_workers(rung_state *r)
{
    wn__sweep_pool pool = {.sweep = r->sweep};
    wn_status status = WN_OK;
    for (int i = 0; i < r->count && status == WN_OK; i++) {
        if (!is_mine(r->sweep, i) || !is_pending(r, r->alive[i])) continue;
        if (pool.running == r->sweep->jobs) status = one_ended(r, &pool);
        if (status == WN_OK && wn_stop_requested()) status = wn__fail(WN_ESTOPPED, "stopped on request; the same command continues");
        if (status == WN_OK) status = wn__sweep_pool_start(&pool, r->alive[i], r->rung);
    }
    while (status == WN_OK && pool.running > 0)
        status = one_ended(r, &pool);
    wn__sweep_pool_end(&pool);
    return status;
}

/* How many are still without a value, from whatever shard. */
static wn_status count_pending(rung_state *r, int *pending)
{
    *pending = 0;
    for (int i = 0; i < r->count; i++) {
        if (is_pending(r, r->alive[i])) WN_TRY(wn__sweep_trial_look(r->sweep, r->alive[i]));
        *pending += is_pending(r, r->alive[i]);
    }
    return WN_OK;
}

static wn_status wait_for_others(rung_state *r, int *pending)
{
    const struct timespec pause = {1, 0};
    WN_TRY(count_pending(r, pending));
    if (*pending > 0 && r->sweep->options->wait)
        wn__log(WN_LOG_INFO, "rung %d of %d: waiting for %d trials of other shards", r->rung + 1, r->sweep->rungs, *pending);
    while (*pending > 0 && r->sweep->options->wait) {
        if (wn_stop_requested()) return wn__fail(WN_ESTOPPED, "stopped while waiting for other shards");
        nanosleep(&pause, NULL);
        WN_TRY(count_pending(r, pending));
    }
    return WN_OK;
}

/* Trials of the rung that are better than the i-th; ties go to the earlier one. */
static int count_better(const rung_state *r, int i)
{
    int better = 0;
    for (int j = 0; j < r->count; j++) {
        const double mine = r->alive[i]->value[r->rung], other = r->alive[j]->value[r->rung];
        better += wn__sweep_better(r->sweep, other, mine) || (j < i && !wn__sweep_better(r->sweep, mine, other));
    }
    return better;
}

static void drop(rung_state *r, bool failed)
{
    int left = 0;
    for (int i = 0; i < r->count; i++)
        if (failed ? r->alive[i]->reached > r->rung : !r->alive[i]->stopped) r->alive[left++] = r->alive[i];
    r->count = left;
}

/* Keeps one in `factor`, at least one. */
static void halve(rung_state *r)
{
    int keep = r->count / (int)r->sweep->section->factor;
    if (keep < 1) keep = 1;
    drop(r, true);
    if (r->rung + 1 == r->sweep->rungs) return;
    for (int i = 0; i < r->count; i++)
        r->alive[i]->stopped = count_better(r, i) >= keep;
    drop(r, false);
}

static wn_status run_rungs(wn__sweep *s, int *pending)
{
    rung_state r = {.sweep = s, .count = s->trials, .alive = WN_NEW_ARRAY(wn__sweep_trial *, s->trials)};
    if (!r.alive) return wn__no_memory((size_t)s->trials * sizeof *r.alive);
    for (int i = 0; i < s->trials; i++)
        r.alive[i] = &s->trial[i];
    wn_status status = WN_OK;
    *pending = 0;
    for (r.rung = 0; r.rung < s->rungs && status == WN_OK && *pending == 0; r.rung++) {
        if (!s->options->dry_run) status = s->jobs > 1 ? run_workers(&r) : run_here(&r);
        if (status == WN_OK) status = s->options->dry_run ? count_pending(&r, pending) : wait_for_others(&r, pending);
        if (status == WN_OK && *pending == 0) halve(&r);
    }
    wn__free(r.alive);
    return status;
}

static wn_status add_trials(wn__sweep *s)
{
    const int64_t trials = wn__sweep_trial_count(s->section);
    for (int64_t i = 0; i < trials; i++) {
        wn__sweep_trial *added;
        json_t *params = wn__sweep_params(s->section, i);
        if (!params) return wn__no_memory(256);
        WN_TRY(wn__sweep_add(s, i, params, &added));
        if (added->failure && added->cells > 0 && s->options->retry && !s->options->dry_run) WN_TRY(wn__sweep_trial_retry(s, added));
        if (added->failure && added->cells == 0) wn__log(WN_LOG_WARNING, "trial %lld is left out: %s", (long long)i, added->failure);
    }
    return WN_OK;
}

static wn_status summarise(const wn__sweep *s, bool complete, wn_sweep_summary *out)
{
    const wn__sweep_trial *best = complete ? wn__sweep_best(s) : NULL;
    double deviation;
    snprintf(out->folder, sizeof out->folder, "%s", s->folder);
    out->trials = s->trials;
    out->done = out->failed = 0;
    for (int i = 0; i < s->trials; i++) {
        out->done += wn__sweep_trial_is_done(s, &s->trial[i]);
        out->failed += s->trial[i].failure != NULL;
    }
    out->best = best ? (int)best->number : -1;
    out->best_value = best ? best->value[s->rungs - 1] : (double)NAN;
    out->test_accuracy = (double)NAN;
    return best ? wn__sweep_trial_result(s, best, "test_accuracy", &out->test_accuracy, &deviation) : WN_OK;
}

static wn_status run_sweep(wn__sweep *s, wn_sweep_format format, char **text, wn_sweep_summary *summary)
{
    const wn_sweep_options *o = s->options;
    wn_sweep_summary own = {0};
    wn__text shown = {0};
    WN_TRY(add_trials(s));
    if (!o->dry_run) WN_TRY(wn__sweep_prepare_folder(s));
    if (!o->dry_run) WN_TRY(wn__sweep_write(s, false, false));
    WN_TRY(run_rungs(s, &own.waiting));
    const bool complete = own.waiting == 0;
    if (!o->dry_run) WN_TRY(wn__sweep_write(s, complete, false));
    WN_TRY(summarise(s, complete, &own));
    if (complete && own.best < 0)
        return wn__fail(WN_EDIVERGED, "sweep: none of %d trials has a result; the last: %s", s->trials, s->trial[s->trials - 1].failure);
    if (complete && o->write) WN_TRY(wn__sweep_write_winner(s, wn__sweep_best(s)));
    if (summary) *summary = own;
    if (!text) return WN_OK;
    WN_TRY(wn__sweep_show(s, complete, format, &shown));
    *text = shown.data;
    return WN_OK;
}

wn_status wn_sweep_run(const wn_sweep_options *options, wn_sweep_format format, char **text, wn_sweep_summary *summary)
{
    wn__sweep s;
    wn_status status = wn__sweep_open(options, WN__SWEEP_SEARCH, &s);
    if (status == WN_OK) status = run_sweep(&s, format, text, summary);
    wn__sweep_close(&s);
    return status;
}
