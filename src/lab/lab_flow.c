/* The flow of gradients along the training of stages: replayed once, looked at in chosen states. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/gradient.h"
#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/options.h"
#include "io/json_file.h"
#include "lab/lab.h"
#include "lab/lab_names.h"
#include "run/stage.h"
#include "run/store.h"
#include "train/trainer.h"

enum { MOST_STATES = 64, MOST_STAGES = 16, USUAL_IMAGES = 1000 };
#define USUAL_RATE 0.01

/* What one of the named networks is looked at in. */
typedef struct series {
    bool is_stage;
    wn__lab_stage stage;
    int64_t first, last; /* steps of the stage */
    int64_t step[MOST_STATES];
    bool update[MOST_STATES]; /* the topology changes at this step: the state after it is looked at too */
    int count;
    char *folder; /* of replayed states */
} series;

typedef struct flow {
    const wn_lab_flow_options *options;
    wn__part part;
    int64_t images;
    double rate;
    series of[MOST_STAGES];
    /* what states are put into */
    wn__network net;
    wn__sample sample;
    wn__space all;
    float *start, *values;
} flow;

/* --- which states -------------------------------------------------------------------------------------------------------------- */

static wn_status add_step(series *s, int64_t step)
{
    if (step < s->first || step > s->last)
        return wn__fail(WN_EUSAGE, "%s: step %lld is none of %lld to %lld", s->stage.label, (long long)step, (long long)s->first,
                        (long long)s->last);
    if (s->count > 0 && step == s->step[s->count - 1]) return WN_OK;
    if (s->count > 0 && step < s->step[s->count - 1]) return wn__fail(WN_EUSAGE, "steps must ascend: %lld", (long long)step);
    if (s->count == MOST_STATES) return wn__fail(WN_EUSAGE, "at most %d steps", MOST_STATES);
    s->step[s->count++] = step;
    return WN_OK;
}

static wn_status read_steps(const char *text, series *s)
{
    for (const char *at = text;;) {
        char *end;
        const long long step = strtoll(at, &end, 10);
        if (end == at || (*end && *end != ',')) return wn__fail(WN_EUSAGE, "steps=%s: numbers with commas between them are needed", text);
        WN_TRY(add_step(s, step));
        if (!*end) return WN_OK;
        at = end + 1;
    }
}

/* Dense where much happens: early. */
static wn_status usual_steps(series *s)
{
    static const double at[] = {0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        WN_TRY(add_step(s, s->first + (int64_t)llround(at[i] * (double)(s->last - s->first))));
    return WN_OK;
}

/* Where the topology changes along the way, states move to the next change, or (exact) only know whether it changes there. */
static void move_to_updates(series *s, const wn__rewiring *how, bool exact)
{
    for (int i = 0; i < s->count; i++) {
        int64_t step = s->step[i];
        if (exact) s->update[i] = step < s->last && wn__rewiring_is_due(how, step);
        if (exact) continue;
        const int64_t limit = i + 1 < s->count ? s->step[i + 1] : s->last;
        while (step < limit && !wn__rewiring_is_due(how, step))
            step++;
        if (step >= limit || step >= s->last) continue;
        s->step[i] = step;
        s->update[i] = true;
    }
}

static wn_status plan_series(const wn__lab *lab, const flow *f, int i, series *s)
{
    const char *name = lab->options->networks[i];
    wn__experiment e;
    int index;
    if (wn__file_exists(name) || wn__folder_exists(name) || strchr(name, '@')) return WN_OK;
    WN_TRY(wn__lab_find_stage(lab->options, name, &s->stage));
    WN_TRY(wn__lab_open_experiment(lab->options, &s->stage, &e, &index));
    const wn__train_plan *t = &e.plan->stage[index].train;
    s->is_stage = true;
    s->first = t->spec.first;
    s->last = t->spec.last;
    wn_status status = f->options->steps ? read_steps(f->options->steps, s) : usual_steps(s);
    if (status == WN_OK && t->spec.rewires) move_to_updates(s, &t->spec.rewiring, f->options->exact_steps);
    wn__experiment_close(&e);
    return status;
}

/* --- states ------------------------------------------------------------------------------------------------------------------- */

static char *kept_path(const series *s, int64_t step)
{
    if (step == s->last) return wn__train_final_path(s->stage.folder);
    char *path = wn__train_step_path(s->stage.folder, step);
    if (!path || wn__file_exists(path)) return path;
    wn__free(path);
    return wn__train_step_path(s->folder, step);
}

/* As a network. */
static char *state_path(const series *s, int64_t step)
{
    return s->stage.coefficients && step != s->last ? wn__lab_weights_path(s->folder, step) : kept_path(s, step);
}

/* States that are not there yet, those after updates and the first one included. */
static int missing_states(const series *s, int64_t *missing)
{
    int count = 0;
    for (int i = -1; i < s->count; i++)
        for (int after = 0; after < (i >= 0 && s->update[i] ? 2 : 1); after++) {
            const int64_t step = i < 0 ? s->first : s->step[i] + after;
            char *path = kept_path(s, step);
            const bool there = path && wn__file_exists(path);
            wn__free(path);
            if (!there && (count == 0 || missing[count - 1] != step)) missing[count++] = step;
        }
    return count;
}

typedef struct replay_user {
    wn__lab *lab;
    double started;
} replay_user;

static void on_step(void *user, const wn__train_progress *p)
{
    const replay_user *u = user;
    const wn_lab_options *o = u->lab->options;
    if (!o->progress) return;
    const wn_progress shown = wn__stage_progress(p, p->step - p->first_step, wn__seconds() - u->started);
    o->progress(o->user, &shown);
}

/* States of a stage under a basis as networks. */
static wn_status make_networks(const series *s, wn__context *c, int index)
{
    WN_TRY(wn__make_folders(s->folder));
    for (int i = -1; i < s->count; i++) {
        const int64_t step = i < 0 ? s->first : s->step[i];
        char *state = kept_path(s, step), *target = state_path(s, step);
        wn_status status = state && target ? WN_OK : wn__no_memory(64);
        if (status == WN_OK && !wn__file_exists(target)) status = wn__stage_state_as_network(c, index, state, target);
        wn__free(state);
        wn__free(target);
        WN_TRY(status);
    }
    return WN_OK;
}

static wn_status replay(wn__lab *lab, series *s)
{
    int64_t missing[2 * MOST_STATES + 1];
    char name[32];
    snprintf(name, sizeof name, "states-%.16s", s->stage.identity);
    if (!(s->folder = wn__path_join(lab->folder, name))) return wn__no_memory(64);
    const int count = missing_states(s, missing);
    if (count == 0 && !s->stage.coefficients) return WN_OK;
    wn__experiment e;
    int index;
    WN_TRY(wn__lab_open_experiment(lab->options, &s->stage, &e, &index));
    if (lab->options->threads > 0) e.context.machine.threads = lab->options->threads;
    replay_user user = {lab, wn__seconds()};
    const wn__retraining r = {.folder = s->folder,
                              .identity = s->stage.identity,
                              .from = s->first,
                              .last = count > 0 ? missing[count - 1] : s->first,
                              .keep = missing,
                              .keeps = count,
                              .progress = on_step,
                              .user = &user};
    wn_status status = count > 0 ? wn__stage_retrain(&e.context, index, &r) : WN_OK;
    if (status == WN_OK && s->stage.coefficients) status = make_networks(s, &e.context, index);
    wn__experiment_close(&e);
    return status;
}

/* --- measuring ----------------------------------------------------------------------------------------------------------------- */

static wn_status start(wn__lab *lab, const flow *f, wn__network *net)
{
    wn__device *device;
    WN_TRY(
        wn__context_device(&lab->context, wn__machine_backend(&lab->context.machine, false), (wn__dtype)lab->recipe->top.dtype, &device));
    const wn__executor_options options = {.batch = f->sample.n, .training = true, .memory = wn__recipe_memory(lab->recipe)};
    return wn__network_start(net, device, &options);
}

static wn_status set_up(wn__lab *lab, flow *f)
{
    const wn__params *first[] = {&lab->network[0].params};
    const wn__loader_options loader = wn__lab_loader(lab);
    WN_TRY(wn__sample_make(&loader, f->part, f->images, lab->context.devices.pool, &f->sample));
    WN_TRY(wn__space_make(first, 1, WN__SPACE_ALL, &f->all));
    f->start = WN_NEW_ARRAY(float, f->all.size);
    f->values = WN_NEW_ARRAY(float, f->all.size);
    if (!f->start || !f->values) return wn__no_memory((size_t)f->all.size * sizeof(float));
    WN_TRY(wn__network_make(lab->recipe->graph, &f->net));
    return start(lab, f, &f->net);
}

static void release(flow *f)
{
    for (int i = 0; i < MOST_STAGES; i++) {
        wn__lab_stage_release(&f->of[i].stage);
        wn__free(f->of[i].folder);
    }
    wn__network_release(&f->net);
    wn__sample_release(&f->sample);
    wn__space_release(&f->all);
    wn__free(f->start);
    wn__free(f->values);
}

static wn_status load(const wn__lab *lab, const char *path, wn__params *out)
{
    wn_status status = wn__graph_make_params(lab->recipe->graph, out);
    if (status == WN_OK) status = wn__network_load(path, WN__PART_VALUES | WN__PART_MASKS, out);
    return status;
}

static json_t *flow_json(const flow *f, const wn__params *state, const wn__flow *m)
{
    json_t *layers = json_array();
    for (int k = 0; layers && k < m->layers; k++) {
        const wn__layer_flow *l = &m->layer[k];
        json_array_append_new(layers,
                              json_pack("{s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", state->item[l->param].name,
                                        "count", (json_int_t)l->count, "active", (json_int_t)l->active, "gradient_active",
                                        wn__json_real_or_null(l->gradient_active), "gradient_all", wn__json_real_or_null(l->gradient_all),
                                        "gradient_mean", wn__json_real_or_null(l->gradient_mean), "gradient_std",
                                        wn__json_real_or_null(l->gradient_std), "weight_mean", wn__json_real_or_null(l->weight_mean),
                                        "weight_std", wn__json_real_or_null(l->weight_std), "weight_norm",
                                        wn__json_real_or_null(l->weight_norm), "weight_most", wn__json_real_or_null(l->weight_most)));
    }
    const wn__metric *headline = wn__metric_usual(f->sample.targets.kind);
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "loss", wn__json_real_or_null(m->loss), headline->key,
                     wn__json_real_or_null(m->headline), "gradient_active", wn__json_real_or_null(m->gradient_active), "gradient_all",
                     wn__json_real_or_null(m->gradient_all), "decrease", wn__json_real_or_null(m->decrease), "predicted",
                     wn__json_real_or_null(m->predicted), "layers", layers);
}

/* Values of `state` under its own masks, or those of `masks`. */
static wn_status measure(flow *f, const wn__params *state, const wn__params *masks, json_t **out)
{
    uint8_t **active = WN_NEW_ARRAY(uint8_t *, state->count);
    wn__flow m = {0};
    if (!active) return wn__no_memory(64);
    wn__space_values(&f->all, state, f->values);
    wn__space_set(&f->all, f->values, &f->net.params);
    for (int i = 0; i < state->count; i++) {
        wn__param *p = &f->net.params.item[i];
        active[i] = masks->item[i].mask;
        if (!wn__role_is_trained(p->role)) memcpy(p->value, state->item[i].value, (size_t)p->count * sizeof *p->value);
        for (int64_t k = 0; active[i] && k < p->count; k++)
            if (!active[i][k]) p->value[k] = 0;
    }
    f->net.params.version++;
    const wn_status status = wn__flow_measure(f->net.ex, &f->net.params, &f->sample, active, f->rate, &m);
    if (status == WN_OK) *out = flow_json(f, state, &m);
    wn__flow_release(&m);
    wn__free(active);
    return status != WN_OK ? status : *out ? WN_OK : wn__no_memory(1024);
}

static bool in_basis(const char *path)
{
    wn__safetensors *file;
    if (wn__safetensors_open(path, &file) != WN_OK) return false;
    const bool said = wn__safetensors_meta(file, "basis") != NULL;
    wn__safetensors_close(file);
    return said;
}

/* *mask: a copy of the parameter's, which loses it: gradients are wanted of all it has. */
static wn_status take_mask(wn__param *p, uint8_t **mask)
{
    if (!p->mask) return WN_OK;
    if (!(*mask = wn__alloc((size_t)p->stored))) return wn__no_memory((size_t)p->stored);
    memcpy(*mask, p->mask, (size_t)p->stored);
    return wn__param_set_mask(p, NULL);
}

/* The same of the coefficients that a file holds: what is trained, on an executor of its own. */
static wn_status measure_coefficients(wn__lab *lab, const flow *f, const char *path, json_t **out)
{
    wn__network net = {.graph = lab->recipe->graph};
    wn__params *params = &net.params;
    wn__flow m = {0};
    uint8_t **active = NULL;
    wn_status status = load(lab, path, params);
    if (status == WN_OK) status = wn__lab_enter_basis(path, params);
    if (status == WN_OK && !(active = WN_NEW_ARRAY(uint8_t *, params->count))) status = wn__no_memory(64);
    for (int i = 0; status == WN_OK && i < params->count; i++)
        status = take_mask(&params->item[i], &active[i]);
    if (status == WN_OK) status = start(lab, f, &net);
    if (status == WN_OK) status = wn__flow_measure(net.ex, params, &f->sample, active, f->rate, &m);
    if (status == WN_OK && !(*out = flow_json(f, params, &m))) status = wn__no_memory(1024);
    wn__flow_release(&m);
    for (int i = 0; active && i < params->count; i++)
        wn__free(active[i]);
    wn__free(active);
    wn__network_release(&net);
    return status;
}

static bool same_masks(const wn__params *a, const wn__params *b)
{
    for (int i = 0; i < a->count; i++)
        if (a->item[i].mask && b->item[i].mask && memcmp(a->item[i].mask, b->item[i].mask, (size_t)a->item[i].count) != 0) return false;
    return true;
}

/* `after`: path of the state behind a topology update, or NULL. */
static wn_status measure_state(wn__lab *lab, flow *f, const char *path, const char *after, bool has_start, json_t **out)
{
    wn__params state = {0}, next = {0};
    json_t *changed = NULL;
    wn_status status = load(lab, path, &state);
    if (status == WN_OK) status = (in_basis(path) ? measure_coefficients(lab, f, path, out) : measure(f, &state, &state, out));
    if (status == WN_OK && has_start) {
        wn__space_values(&f->all, &state, f->values);
        status = wn__slice_set(*out, "distance", wn__json_real_or_null(wn__vector_distance(f->values, f->start, f->all.size)));
        if (status == WN_OK)
            status = wn__slice_set(*out, "cosine", wn__json_real_or_null(wn__vector_cosine(f->values, f->start, f->all.size)));
    }
    if (status == WN_OK && after) status = load(lab, after, &next);
    if (status == WN_OK && after && !same_masks(&state, &next)) {
        status = measure(f, &state, &next, &changed);
        if (status == WN_OK) status = wn__slice_set(*out, "after_update", changed);
    }
    wn__params_release(&state);
    wn__params_release(&next);
    return status;
}

static wn_status measure_unit(wn__lab *lab, flow *f, int i, int k)
{
    const series *s = &f->of[i];
    char name[64];
    json_t *values = NULL;
    snprintf(name, sizeof name, "%d %lld", i, (long long)(s->is_stage ? s->step[k] : 0));
    if (wn__lab_unit(lab, name)) return WN_OK;
    char *path = s->is_stage ? state_path(s, s->step[k]) : wn__strdup(lab->network[i].path);
    char *after = s->is_stage && s->update[k] ? state_path(s, s->step[k] + 1) : NULL;
    wn_status status = path ? measure_state(lab, f, path, after, s->is_stage, &values) : wn__no_memory(64);
    wn__free(path);
    wn__free(after);
    if (status != WN_OK) {
        json_decref(values);
        return status;
    }
    return wn__lab_unit_done(lab, name, values);
}

static wn_status read_start(const wn__lab *lab, flow *f, const series *s)
{
    wn__params state = {0};
    char *path = state_path(s, s->first);
    wn_status status = path ? load(lab, path, &state) : wn__no_memory(64);
    if (status == WN_OK) wn__space_values(&f->all, &state, f->start);
    wn__params_release(&state);
    wn__free(path);
    return status;
}

static wn_status measure_all(wn__lab *lab, flow *f)
{
    int64_t all = 0, done = 0;
    for (int i = 0; i < lab->count; i++)
        all += f->of[i].is_stage ? f->of[i].count : 1;
    for (int i = 0; i < lab->count; i++) {
        series *s = &f->of[i];
        if (s->is_stage) WN_TRY(replay(lab, s));
        if (s->is_stage) WN_TRY(read_start(lab, f, s));
        for (int k = 0; k < (s->is_stage ? s->count : 1); k++) {
            WN_TRY(wn__lab_progress(lab, done++, all));
            WN_TRY(measure_unit(lab, f, i, k));
        }
    }
    for (int i = 0; i < lab->count; i++)
        if (f->of[i].folder) WN_TRY(wn__remove_tree(f->of[i].folder));
    return wn__lab_progress(lab, all, all);
}

/* --- the answer ---------------------------------------------------------------------------------------------------------------- */

static const json_t *unit_of(const wn__lab *lab, const flow *f, int i, int k)
{
    char name[64];
    snprintf(name, sizeof name, "%d %lld", i, (long long)(f->of[i].is_stage ? f->of[i].step[k] : 0));
    return wn__lab_unit(lab, name);
}

static int states_of(const flow *f, int i) { return f->of[i].is_stage ? f->of[i].count : 1; }

/* Gradient norm of the first network at this step; NaN if it has no such state. */
static double first_at_step(const wn__lab *lab, const flow *f, int64_t step)
{
    for (int k = 0; k < f->of[0].count; k++)
        if (f->of[0].step[k] == step) return wn__json_number(unit_of(lab, f, 0, k), "gradient_active");
    return NAN;
}

/* The same where it first crosses this loss, between two states; NaN outside. */
static double first_at_loss(const wn__lab *lab, const flow *f, double loss)
{
    for (int k = 0; k + 1 < f->of[0].count; k++) {
        const json_t *a = unit_of(lab, f, 0, k), *b = unit_of(lab, f, 0, k + 1);
        const double la = wn__json_number(a, "loss"), lb = wn__json_number(b, "loss");
        if (!((la - loss) * (lb - loss) <= 0) || la == lb) continue;
        const double t = (loss - la) / (lb - la);
        return (1 - t) * wn__json_number(a, "gradient_active") + t * wn__json_number(b, "gradient_active");
    }
    return NAN;
}

static void state_row(const wn__lab *lab, const flow *f, int i, int k, wn__table *t)
{
    const json_t *u = unit_of(lab, f, i, k), *after = json_object_get(u, "after_update");
    const double norm = wn__json_number(u, "gradient_active");
    wn__table_cell(t, "%s", k == 0 ? lab->network[i].label : "");
    if (f->of[i].is_stage)
        wn__table_cell(t, "%lld", (long long)f->of[i].step[k]);
    else
        wn__table_cell(t, "-");
    wn__table_number(t, "%.4g", wn__json_number(u, "loss"));
    wn__table_number(t, "%.4g", norm);
    wn__table_number(t, "%.4g", wn__json_number(u, "gradient_all"));
    wn__table_number(t, "%.4g", wn__json_number(after, "gradient_active"));
    wn__table_number(t, "%.4g", wn__json_number(u, "decrease"));
    wn__table_number(t, "%.4g", wn__json_number(u, "predicted"));
    wn__table_number(t, "%.4g", f->of[i].is_stage ? norm / first_at_step(lab, f, f->of[i].step[k]) : (double)NAN);
    wn__table_number(t, "%.4g", norm / first_at_loss(lab, f, wn__json_number(u, "loss")));
    wn__table_number(t, "%.4g", wn__json_number(u, "distance"));
    wn__table_number(t, "%.4g", wn__json_number(u, "cosine"));
}

static void flow_table(const wn__lab *lab, const flow *f, wn__table *t)
{
    static const char *const heads[] = {"step",      "loss",         "|g| active",   "|g| all",     "|g| updated", "decrease",
                                        "predicted", "to 1st, step", "to 1st, loss", "L2 to start", "cosine"};
    wn__table_column_add(t, false, "network");
    wn__table_columns_add(t, heads, sizeof heads / sizeof *heads);
    for (int i = 0; i < lab->count; i++) {
        if (i > 0) wn__table_rule(t);
        for (int k = 0; k < states_of(f, i); k++)
            state_row(lab, f, i, k, t);
    }
    wn__text_add(
        &t->note,
        "Loss and gradient g on %lld %s images, batch norm with their statistics, no weight decay. Updated: at the same weights with the "
        "masks behind the mask update. Decrease: of the loss in one step of %g along -g, active; predicted: %g |g|^2. To 1st: |g| "
        "over that of the first network at the same step, and where that had the same loss.",
        (long long)f->sample.n, wn__part_name(f->part), f->rate, f->rate);
}

static void layer_table(const wn__lab *lab, const flow *f, wn__table *t)
{
    static const char *const keys[] = {"count",        "active",      "gradient_active", "gradient_all", "gradient_mean",
                                       "gradient_std", "weight_mean", "weight_std",      "weight_norm",  "weight_most"};
    wn__table_column_add(t, false, "network");
    wn__table_column_add(t, true, "step");
    wn__table_column_add(t, false, "tensor");
    for (size_t c = 0; c < sizeof keys / sizeof *keys; c++)
        wn__table_column_add(t, true, "%s", keys[c]);
    for (int i = 0; i < lab->count; i++)
        for (int k = 0; k < states_of(f, i); k++) {
            size_t index;
            json_t *layer;
            json_array_foreach(json_object_get(unit_of(lab, f, i, k), "layers"), index, layer)
            {
                wn__table_cell(t, "%s", lab->network[i].label);
                wn__table_cell(t, "%lld", (long long)(f->of[i].is_stage ? f->of[i].step[k] : 0));
                wn__table_cell(t, "%s", json_string_value(json_object_get(layer, "name")));
                for (size_t c = 0; c < sizeof keys / sizeof *keys; c++)
                    wn__table_number(t, "%.7g", wn__json_number(layer, keys[c]));
            }
        }
}

static json_t *result_json(const wn__lab *lab, const flow *f)
{
    json_t *list = json_array();
    for (int i = 0; list && i < lab->count; i++) {
        json_t *states = json_array();
        for (int k = 0; states && k < states_of(f, i); k++) {
            json_t *o = f->of[i].is_stage ? json_pack("{s:I}", "step", (json_int_t)f->of[i].step[k]) : json_object();
            json_object_update(o, (json_t *)unit_of(lab, f, i, k));
            json_array_append_new(states, o);
        }
        json_array_append_new(list, json_pack("{s:s, s:o}", "name", lab->network[i].label, "states", states));
    }
    return json_pack("{s:o}", "networks", list);
}

static void flow_sheet(const wn__lab *lab, const flow *f, wn__sheet *s)
{
    static const char *const title[] = {"norm of the gradient", "loss", "decrease of the loss in one step"};
    int data[MOST_STAGES];
    *s = (wn__sheet){.rows = 3, .columns = 1, .plot_width = 386, .plot_height = 160, .below = 46};
    wn__legend *legend = wn__sheet_legend(s, 2, 0, 1);
    for (int i = 0; i < lab->count; i++) {
        char label[64];
        if (f->of[i].is_stage) wn__legend_add(legend, wn__sheet_style(i), "%s", wn__lab_short_label(lab, i, label, sizeof label));
    }
    wn__sheet_begin(s);
    for (int i = 0; i < lab->count; i++) {
        if (!f->of[i].is_stage) continue;
        data[i] = wn__sheet_data_begin(s);
        for (int k = 0; k < f->of[i].count; k++) {
            const json_t *u = unit_of(lab, f, i, k);
            const double row[] = {(double)f->of[i].step[k], wn__json_number(u, "gradient_active"), wn__json_number(u, "loss"),
                                  wn__json_number(u, "decrease")};
            wn__sheet_numbers(s, row, 4);
        }
        wn__sheet_data_end(s);
    }
    for (int row = 0; row < 3; row++) {
        wn__sheet_panel(s, row, 0, title[row]);
        wn__text_add(&s->script, "set xlabel 'step'\nset ylabel ''\nset format y '%%g'\nset logscale y\nplot ");
        for (int i = 0, drawn = 0; i < lab->count; i++)
            if (f->of[i].is_stage)
                wn__text_add(&s->script, "%s$d%d using 1:%d with linespoints ls %d", drawn++ ? ", " : "", data[i], row + 2,
                             wn__sheet_style(i));
        wn__text_add(&s->script, "\n");
    }
}

static wn_status answer(wn__lab *lab, const flow *f, wn_lab_result *out)
{
    wn__table tables[2] = {{.id = "flow", .title = "Flow of gradients"}, {.id = "layers", .title = "By tensor"}};
    wn__lab_answer a = {.table = tables, .tables = 2, .result = result_json(lab, f)};
    wn__sheet sheet = {0};
    bool any = false;
    wn_status status = WN_OK;
    flow_table(lab, f, &tables[0]);
    layer_table(lab, f, &tables[1]);
    for (int i = 0; i < lab->count; i++)
        any = any || f->of[i].is_stage;
    if (any) {
        flow_sheet(lab, f, &sheet);
        status = wn__figure_files_add(&a.figures, &sheet, "flow");
    }
    if (status == WN_OK) status = wn__lab_finish(lab, &a, out);
    wn__sheet_release(&sheet);
    wn__lab_answer_release(&a);
    return status;
}

/* --- options ------------------------------------------------------------------------------------------------------------------- */

wn_status wn__lab_part(const char *name, const wn__split *split, wn__part *part)
{
    *part = split && split->validation.count > 0 ? WN__PART_VALIDATION : WN__PART_TEST;
    if (!name) return WN_OK;
    for (int i = WN__PART_TRAIN; i <= WN__PART_TEST; i++)
        if (strcmp(wn__part_name((wn__part)i), name) == 0) {
            *part = (wn__part)i;
            return WN_OK;
        }
    return wn__fail(WN_EUSAGE, "there is no part \"%s\"; valid: train, validation, test", name);
}

static wn_status run(wn__lab *lab, flow *f, wn_lab_result *result)
{
    WN_TRY(wn__lab_load(lab));
    WN_TRY(wn__lab_part(f->options->part, &lab->context.split, &f->part));
    for (int i = 0; i < lab->count; i++)
        WN_TRY(plan_series(lab, f, i, &f->of[i]));
    WN_TRY(set_up(lab, f));
    WN_TRY(measure_all(lab, f));
    return answer(lab, f, result);
}

wn_status wn_lab_flow(const wn_lab_flow_options *options, wn_lab_result *result)
{
    WN__COMPLETE(wn_lab_flow_options, options);
    WN__COMPLETE_WITHIN(wn_lab_options, options, lab);
    WN__NEED(result);
    WN_TRY(wn__lab_check(options->lab));
    wn__lab lab = {0};
    wn__part part;
    flow *f = WN_NEW(flow);
    if (!f) return wn__no_memory(sizeof *f);
    f->options = options;
    f->images = options->images > 0 ? options->images : USUAL_IMAGES;
    f->rate = options->rate > 0 ? options->rate : USUAL_RATE;
    wn_status status = wn__lab_part(options->part, NULL, &part);
    json_t *question = json_pack("{s:I, s:f, s:s, s:s}", "images", (json_int_t)f->images, "rate", f->rate, "part",
                                 options->part ? options->part : "", "steps", options->steps ? options->steps : "");
    if (question && options->exact_steps) json_object_set_new(question, "exact_steps", json_true());
    if (status == WN_OK)
        status = wn__lab_open(options->lab, "flow", 1, MOST_STAGES, question, &lab);
    else
        json_decref(question);
    if (status == WN_OK) status = lab.answered ? wn__lab_repeat(&lab, result) : run(&lab, f, result);
    release(f);
    wn__free(f);
    wn__lab_close(&lab);
    return status;
}
