/* The training stage: from its plan to the trainer's resolved stage. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "data/world.h"
#include "network/masks_file.h"
#include "recipe/drawn.h"
#include "run/outcome.h"
#include "run/shrunk_file.h"
#include "run/stage.h"
#include "run/store.h"
#include "run/teachers.h"
#include "train/trainer.h"

/* ---- counting images */

/* Images before step `step`, from step 0 on. */
static int64_t images_before(const wn__recipe *r, int64_t step)
{
    const int64_t per = r->clock.steps_per_epoch, batch = r->train.batch;
    const int64_t epoch = r->data.last_batch == WN__LAST_KEEP ? r->train_images : per * batch;
    const int64_t rest = (step % per) * batch;
    return step / per * epoch + (rest < epoch ? rest : epoch);
}

int64_t wn__images_between(const wn__recipe *recipe, int64_t first, int64_t last)
{
    return images_before(recipe, last) - images_before(recipe, first);
}

int64_t wn__soft_images(const wn__recipe *recipe, const wn__train_plan *t)
{
    if (!t->spec.loss.soft) return 0;
    const int64_t end = t->spec.soft_until < t->spec.last ? t->spec.soft_until : t->spec.last;
    return wn__images_between(recipe, t->spec.first + t->spec.data_offset, end + t->spec.data_offset);
}

/* ---- start weights */

static wn_status load_start(wn__context *c, const wn__stage *stage, wn__params *params)
{
    const wn__train_plan *t = &stage->train;
    const wn__recipe *r = c->recipe;
    const uint64_t redrawn = t->redraw ? wn__stream_seed(stage->seed, WN__STREAM_REDRAW, t->redraw) : stage->seed;
    char *path = NULL;
    if (t->start_file[0]) return wn__stage_load_weights(c, t->start_file, WN__PART_VALUES, stage->seed, params);
    switch ((wn__method_start)t->start) {
    case WN__START_INITIAL:
        WN_TRY(wn__init_params(params, &r->train.init, stage->seed));
        return wn__init_sparse(params, (wn__sparse_init)t->init, t->init_gain, false, stage->seed);
    case WN__START_REDRAWN:
        WN_TRY(wn__reinit_params(params, &r->train.init, (wn__reinit_rule)t->reinit, redrawn));
        return wn__init_sparse(params, (wn__sparse_init)t->init, t->init_gain, true, redrawn);
    case WN__START_FINAL:
        path = wn__stage_file(c, t->start_stage, "final.safetensors");
        if (!path) return wn__no_memory(64);
        break;
    case WN__START_REWOUND: WN_TRY(wn__stage_point(c, t->start_stage, t->start_step, &path)); break;
    }
    wn__safetensors *file;
    wn_status status = wn__safetensors_open(path, &file);
    wn__free(path);
    if (status != WN_OK) return wn__context_file_failed(c, t->start_stage, status);
    if (t->spec.keep_slots) status = wn__params_allocate_slots(params, r->train.optimizer->slots(r->train.optimizer_config));
    if (status == WN_OK)
        status = wn__network_read(file, WN__PART_VALUES | (t->spec.keep_slots ? WN__PART_SLOTS : 0), r->train.optimizer, params);
    wn__safetensors_close(file);
    return status;
}

/* Masks first: what is loaded or drawn then obeys them. */
static wn_status make_params(wn__context *c, const wn__stage *stage, const wn_graph *graph, wn__params *params)
{
    const wn__train_plan *t = &stage->train;
    WN_TRY(wn__graph_make_params(graph, params));
    if (t->coefficients) {
        WN_TRY(load_start(c, stage, params));
        return wn__stage_load_coefficients(c, t->coefficients, stage->seed, t->mask, params);
    }
    if (t->mask >= 0) {
        char *path = wn__stage_file(c, t->mask, "mask.safetensors");
        const wn_status status = path ? wn__masks_load(path, params) : wn__no_memory(64);
        wn__free(path);
        if (status != WN_OK) return wn__context_file_failed(c, t->mask, status);
    }
    WN_TRY(load_start(c, stage, params));
    for (int i = 0; i < params->count; i++)
        wn__param_apply_mask(&params->item[i]); /* of scales and biases too, where whole units went */
    return WN_OK;
}

/* ---- what came before */

static wn_status flops_before(const wn__context *c, const wn__stage *stage, int64_t *flops)
{
    const wn__agenda *plan = c->plan;
    bool *needed = WN_NEW_ARRAY(bool, plan->stages);
    if (!needed) return wn__no_memory((size_t)plan->stages);
    wn_status status = WN_OK;
    *flops = 0;
    for (int i = 0; i < stage->parents; i++)
        wn__agenda_mark_needed(plan, stage->parent[i], needed);
    for (int i = 0; i < plan->stages && status == WN_OK; i++) {
        if (!needed[i] || (plan->stage[i].kind != WN__STAGE_TRAIN && plan->stage[i].kind != WN__STAGE_MASK)) continue;
        json_t *result;
        status = wn__store_result(c->root, plan->stage[i].identity, &result);
        if (status != WN_OK) break;
        static const char *const keys[] = {"train_flops", "teacher_flops", "score_flops"}; /* those that it has */
        for (int k = 0; k < 3; k++)
            *flops += json_integer_value(json_object_get(result, keys[k]));
        json_decref(result);
    }
    wn__free(needed);
    return status;
}

/* ---- the trainer's stage */

typedef struct train_user {
    wn__context *context;
    const char *label;
    int64_t first_seen; /* step at the first call; -1 before */
    double first_time;
} train_user;

wn_progress wn__stage_progress(const wn__train_progress *t, int64_t done, double seconds)
{
    return (wn_progress){
        .stage = t->stage,
        .step = t->step,
        .first_step = t->first_step,
        .last_step = t->last_step,
        .epoch = t->epoch,
        .loss = t->loss,
        .rate = t->rate,
        .per_second = t->images_per_second,
        .seconds_left = done > 0 ? seconds / (double)done * (double)(t->last_step - t->step) : -1,
        .stages = 1,
    };
}

static void on_step(void *user, const wn__train_progress *t)
{
    train_user *u = user;
    const wn__context *c = u->context;
    const double now = wn__seconds();
    if (u->first_seen < 0) {
        u->first_seen = t->step;
        u->first_time = now;
    }
    const int64_t seen = t->step - u->first_seen;
    wn_progress p = wn__stage_progress(t, seen, now - u->first_time);
    p.stage = u->label;
    p.stages_done = c->stages_done;
    p.stages = c->stages;
    c->progress(c->user, &p);
}

wn_status wn__stage_set_up(wn__context *c, const wn__stage *stage, wn__train_stage *out)
{
    const wn__recipe *r = c->recipe;
    const wn__train_plan *t = &stage->train;
    wn__device *device;
    WN_TRY(wn__context_load(c));
    WN_TRY(wn__context_device(c, wn__stage_backend(c->plan, stage), (wn__dtype)r->top.dtype, &device));
    *out = (wn__train_stage){
        .name = stage->label,
        .identity = stage->identity,
        .recipe = r->network,
        .spec = t->spec,
        .graph = r->graph,
        .device = device,
        .micro_batch = r->train.micro_batch,
        .memory = wn__recipe_memory(r),
        .loader = wn__context_loader(c, stage->seed, t->dense_stream, t->order),
        .evaluate_every = r->train.evaluate_every,
        .metrics = r->train.metrics,
        .optimizer = {r->train.optimizer, r->train.optimizer_config, r->train.clip_norm, r->train.clip_value},
        .stop = c->stop,
        .checkpoint_seconds = (double)c->checkpoint_seconds,
        .noise_seed = wn__stream_seed(stage->seed, t->dense_stream ? WN__STREAM_DENSE_NOISE : WN__STREAM_RETRAIN_NOISE, t->order),
    };
    out->loader.fresh_first = t->fresh_first;
    if (t->third) wn__context_third(c, &out->loader);
    return WN_OK;
}

/* ---- pruned while training */

/* What the trainer borrows for it. */
typedef struct mask_source {
    wn__selection selection;
    int64_t *keep; /* by parameter, where the section counts by layer */
} mask_source;

static wn_status open_masks(const wn__recipe *r, const wn__stage *stage, wn__train_spec *spec, mask_source *masks)
{
    const wn__mask_section *m = stage->train.section;
    wn__prune *last = spec->thinning.kind ? &spec->thinning.last : &spec->gradual.last;
    wn__params params = {0};
    if (!m) return WN_OK;
    WN_TRY(wn__selection_make(r->graph, m->layers, m->patterns, &masks->selection));
    spec->thinning.selection = spec->gradual.selection = &masks->selection;
    if (m->scope != WN__SCOPE_DISTRIBUTION) return WN_OK;
    WN_TRY(wn__graph_make_params(r->graph, &params));
    last->keep = masks->keep = WN_NEW_ARRAY(int64_t, params.count);
    wn_status status = masks->keep ? WN_OK : wn__no_memory((size_t)params.count * sizeof *masks->keep);
    if (status == WN_OK) status = wn__drawn_counts(r->graph, &params, m, last->sparsity, stage->seed, masks->keep);
    wn__params_release(&params);
    return status;
}

static void close_masks(mask_source *masks)
{
    wn__selection_release(&masks->selection);
    wn__free(masks->keep);
}

/* ---- soft labels: from the cache if there is one, else the teacher runs along */

typedef struct label_source {
    wn__teachers teachers;
    wn__soft_cache *cache;
} label_source;

/* The file of a stage of labels that is done is damaged or gone: what it lacks is made, once, whoever needs it. The current message says what is wrong. */
static wn_status make_labels_again(wn__context *c, const wn__stage *made)
{
    wn__lock lock;
    bool done;
    wn__log(WN_LOG_WARNING, "%s: %s; the soft labels are made again", made->label, wn_error_message());
    WN_TRY(wn__store_begin(c->root, c->plan, made, c->stop, &lock, &done));
    char *folder = wn__store_stage_folder(c->root, made->identity);
    json_t *result = json_object();
    const wn_status status = folder && result ? wn__stage_soft_labels(c, made, folder, result) : wn__no_memory(64);
    json_decref(result);
    wn__free(folder);
    wn__lock_release(&lock);
    return status;
}

/* cached: from the stage's cache if it has one. It is for the stage's own data, and may be gone later on. */
static wn_status open_labels(wn__context *c, const wn__stage *stage, bool cached, wn__train_stage *train, label_source *labels)
{
    const wn__train_plan *t = &stage->train;
    if (!t->spec.loss.soft) return WN_OK;
    if (!cached || t->cache < 0) {
        WN_TRY(wn__teachers_open(c, &t->teacher, &labels->teachers));
        train->teacher = &labels->teachers.teacher;
        return WN_OK;
    }
    const wn__stage *made = &c->plan->stage[t->cache];
    const wn__soft_cache_spec spec = {.loader = &train->loader,
                                      .first_epoch = made->cache.first_epoch,
                                      .end_epoch = made->cache.end_epoch,
                                      .classes = c->data.facts.sample.classes,
                                      .identity = made->identity};
    char *path = wn__stage_file(c, t->cache, "labels.cache");
    wn_status status = path ? wn__soft_cache_open(path, &spec, &labels->cache) : wn__no_memory(64);
    if (status == WN_EFORMAT || status == WN_ENOTFOUND) {
        status = make_labels_again(c, made);
        if (status == WN_OK) status = wn__soft_cache_open(path, &spec, &labels->cache);
    }
    train->cache = labels->cache;
    wn__free(path);
    return status;
}

static void close_labels(label_source *labels)
{
    wn__teachers_release(&labels->teachers);
    wn__soft_cache_close(labels->cache);
}

/* Run what was set up, with its labels and what its masks are made by. *again (may be NULL): it failed by labels that were damaged and are whole now. */
static wn_status run_training(wn__context *c, const wn__stage *stage, bool cached, wn__train_stage *train, wn__train_result *reached,
                              bool *again)
{
    label_source labels = {0};
    mask_source masks = {0};
    wn_status status = open_labels(c, stage, cached, train, &labels);
    if (status == WN_OK) status = open_masks(c->recipe, stage, &train->spec, &masks);
    if (status == WN_OK) status = wn__train_run(train, reached);
    const bool damaged = status != WN_OK && wn__soft_cache_is_damaged(labels.cache);
    close_masks(&masks);
    close_labels(&labels);
    if (!damaged) return status;
    WN_TRY(make_labels_again(c, &c->plan->stage[stage->train.cache]));
    if (again) *again = true;
    return wn__fail(status, "%s: its soft labels were damaged and are whole again; the same command continues", stage->label);
}

/* ---- result */

static wn_status set_real(json_t *o, const char *key, double value) { return wn__slice_set(o, key, wn__json_real_or_null(value)); }

static wn_status add_topology(json_t *out, const wn__rewired *r)
{
    json_t *o = json_pack("{s:I, s:I, s:I, s:I, s:f}", "updates", (json_int_t)r->updates, "dropped", (json_int_t)r->dropped, "grown",
                          (json_int_t)r->grown, "regrown", (json_int_t)r->regrown, "explored",
                          r->entries ? (double)r->explored / (double)r->entries : 0.0);
    return wn__slice_set(out, "topology", o);
}

/* What widths of its own were made for, and how near they come. */
static wn_status add_widths(json_t *out, const char *key, const wn__small_network *s)
{
    json_t *o = json_pack("{s:f, s:s, s:I, s:f}", "width", s->width.multiplier, "match", wn__match_names[s->match], "wanted",
                          (json_int_t)s->wanted, "reached", s->width.reached);
    return wn__slice_set(out, key, o);
}

/* "test_" before the metric's key. */
static wn_status set_score(json_t *out, const char *part, const wn__metric *metric, double value)
{
    char key[96];
    snprintf(key, sizeof key, "%s_%s", part, metric->key);
    return set_real(out, key, value);
}

/* The headline of the moving average, whose weights are average.safetensors. */
static wn_status add_average(json_t *out, const wn__train_result *r)
{
    const wn__metric *headline = wn__metric_headline(&r->metrics);
    WN_TRY(set_score(out, "average_test", headline, r->average_test[r->metrics.headline]));
    return set_score(out, "average_validation", headline, r->average_validation[r->metrics.headline]);
}

/* Of the test part all metrics, the headline first; of the others headline, loss, and what the recipe asks for by name. */
static wn_status add_scores(json_t *out, const wn__recipe *recipe, const wn__train_result *r)
{
    const wn__metric_set *set = &r->metrics;
    const wn__metric *headline = wn__metric_headline(set), *loss = set->metric[set->loss];
    WN_TRY(set_score(out, "test", headline, r->test[set->headline]));
    for (int m = 0; m < set->count; m++)
        if (m != set->headline) WN_TRY(set_score(out, "test", set->metric[m], r->test[m]));
    WN_TRY(set_score(out, "validation", headline, r->validation[set->headline]));
    WN_TRY(set_score(out, "validation", loss, r->validation[set->loss]));
    for (int m = 0; m < set->count; m++)
        if (wn__recipe_asks_for(recipe, set->metric[m])) WN_TRY(set_score(out, "validation", set->metric[m], r->validation[m]));
    WN_TRY(wn__slice_set(out, "best_step", r->best_step < 0 ? json_null() : json_integer(r->best_step)));
    WN_TRY(set_score(out, "best_validation", headline, r->best_validation));
    WN_TRY(set_score(out, "best_test", headline, r->best_test));
    WN_TRY(set_score(out, "train", loss, r->train[set->loss]));
    return headline->row ? set_score(out, "train", headline, r->train[set->headline]) : WN_OK;
}

static wn_status result_json(const wn__context *c, const wn__stage *stage, const wn_graph *graph, const wn__params *params,
                             const wn__train_result *r, json_t *out)
{
    const wn__recipe *recipe = c->recipe;
    const wn__train_plan *t = &stage->train;
    const int64_t images = wn__images_between(recipe, t->spec.first + t->spec.data_offset, t->spec.last + t->spec.data_offset);
    const int64_t taught = wn__soft_images(recipe, t);
    int64_t training_flops;
    WN_TRY(wn__slice_set(out, "steps", json_integer(r->steps)));
    WN_TRY(add_scores(out, recipe, r));
    if (t->spec.average.decay > 0) WN_TRY(add_average(out, r));
    WN_TRY(wn__stage_add_cost(graph, params, out, &training_flops));
    if (t->small.config) WN_TRY(add_widths(out, t->mask >= 0 ? "wide" : "small", &t->small));
    const int64_t trained =
        t->spec.rewires || t->spec.gradual.last.sparsity > 0 || t->spec.thinning.kind ? r->flops_stage : training_flops * images;
    const double dense = (double)wn_graph_forward_flops(recipe->graph);
    WN_TRY(wn__slice_set(out, "train_flops", json_integer(trained)));
    WN_TRY(set_real(out, "train_flops_ratio", images ? (double)trained / (3 * dense * (double)images) : 1));
    if (t->spec.rewires) WN_TRY(add_topology(out, &r->rewired));
    WN_TRY(wn__slice_set(out, "teacher_images", json_integer(taught)));
    WN_TRY(wn__slice_set(out, "teacher_flops", json_integer(t->teacher.flops * taught)));
    return set_real(out, "seconds", r->seconds);
}

/* Whole units went, or layers are of low rank: the network that is left is a smaller one. */
static bool makes_smaller(const wn__context *c, const wn__stage *stage)
{
    const int mask = stage->train.mask;
    if (mask < 0) return false;
    const int kind = c->plan->stage[mask].mask.section.basis.kind;
    return kind == WN__BASIS_UNITS || wn__basis_is_fitted(kind);
}

static wn_status train_once(wn__context *c, const wn__stage *stage, const char *folder, json_t *result, bool *again)
{
    wn__params params = {0};
    wn__train_stage train;
    wn__stage_network network;
    wn__train_result reached = {0};
    train_user user = {c, stage->label, -1, 0};
    WN_TRY(wn__stage_set_up(c, stage, &train));
    WN_TRY(wn__stage_network_open(c->recipe, &stage->train.small, &network));
    train.graph = network.graph;
    train.recipe = network.text;
    train.folder = folder;
    train.params = &params;
    train.progress = c->progress ? on_step : NULL;
    train.user = &user;
    train.hide_test = c->hide_test;
    if (stage == &c->plan->stage[c->pause_stage]) train.pause_step = c->pause_step;
    train.teacher_flops_per_image = stage->train.spec.loss.soft ? stage->train.teacher.flops : 0;
    wn_status status = make_params(c, stage, network.graph, &params);
    if (status == WN_OK) status = flops_before(c, stage, &train.flops_before);
    if (status == WN_OK) status = run_training(c, stage, true, &train, &reached, again);
    if (status == WN_OK) status = result_json(c, stage, network.graph, &params, &reached, result);
    if (status == WN_OK) wn__outcome_tell(c->recipe, stage, &params, &reached);
    if (status == WN_OK && makes_smaller(c, stage)) status = wn__stage_save_shrunk(c, network.graph, &params, folder, result);
    wn__params_release(&params);
    wn__stage_network_close(&network);
    return status;
}

wn_status wn__stage_train(wn__context *c, const wn__stage *stage, const char *folder, json_t *result)
{
    bool again = false;
    const wn_status status = train_once(c, stage, folder, result, &again);
    return again ? train_once(c, stage, folder, result, &again) : status;
}

/* ---- rewind points */

/* The kept state with the highest step at or below `step`; -1: none. */
static int64_t nearest_point(const char *folder, int64_t step)
{
    char **names;
    int count;
    int64_t best = -1;
    if (wn__list_folder(folder, &names, &count) != WN_OK) return -1;
    for (int i = 0; i < count; i++) {
        long long k;
        char rest;
        if (sscanf(names[i], "step-%lld.safetensor%c", &k, &rest) == 2 && rest == 's' && k <= step && k > best) best = k;
    }
    wn__free_names(names, count);
    return best;
}

/* For a state that the stage kept: under its basis, with optimizer slots. */
static wn_status make_kept_params(wn__context *c, const wn__stage *stage, wn__params *params)
{
    const wn__recipe *r = c->recipe;
    const wn__train_plan *t = &stage->train;
    WN_TRY(wn__graph_make_params(r->graph, params));
    if (t->coefficients) WN_TRY(wn__stage_load_coefficients(c, t->coefficients, stage->seed, t->mask, params));
    return wn__params_allocate_slots(params, r->train.optimizer->slots(r->train.optimizer_config));
}

/* Weights and masks of a file of the stage, and optimizer slots if asked for. The path is taken over; NULL: there was no memory for it. */
static wn_status load_kept(wn__context *c, const wn__stage *stage, char *path, bool slots, wn__params *params)
{
    wn__safetensors *file = NULL;
    wn_status status = path ? make_kept_params(c, stage, params) : wn__no_memory(64);
    if (status == WN_OK) status = wn__safetensors_open(path, &file);
    wn__free(path);
    if (status != WN_OK) return wn__context_file_failed(c, (int)(stage - c->plan->stage), status);
    status = wn__network_read(file, WN__PART_VALUES | WN__PART_MASKS | (slots ? WN__PART_SLOTS : 0), c->recipe->train.optimizer, params);
    wn__safetensors_close(file);
    return status;
}

/* Weights and slots of the stage before step `from`; -1: as it starts. */
static wn_status replay_start(wn__context *c, const wn__stage *stage, const char *folder, int64_t from, wn__params *params)
{
    if (from < 0) return make_params(c, stage, c->recipe->graph, params);
    return load_kept(c, stage, wn__train_step_path(folder, from), true, params);
}

/* Train from the nearest kept state up to `step` in a folder of its own, then move the state to where it belongs. */
static wn_status replay(wn__context *c, const wn__stage *stage, const char *folder, int64_t step, const char *target)
{
    wn__params params = {0};
    wn__train_stage train;
    wn__train_result reached;
    const int64_t from = nearest_point(folder, step);
    WN_TRY(wn__stage_set_up(c, stage, &train));
    char name[64];
    snprintf(name, sizeof name, "replay-%lld", (long long)step);
    char *own = wn__path_join(folder, name), *made = own ? wn__train_step_path(own, step) : NULL;
    train.folder = own;
    train.params = &params;
    train.spec.first = from < 0 ? stage->train.spec.first : from;
    train.spec.last = step;
    train.spec.keep_slots = from >= 0;
    train.spec.slots_updates = from < 0 ? 0 : from;
    train.spec.keep = &step;
    train.spec.keeps = 1;
    train.spec.average.decay = 0; /* states before a step have none */
    wn__log(WN_LOG_INFO, "%s: the state before step %lld was not kept; replaying from step %lld", stage->label, (long long)step,
            (long long)train.spec.first);
    wn_status status = made ? replay_start(c, stage, folder, from, &params) : wn__no_memory(64);
    if (status == WN_OK) status = run_training(c, stage, false, &train, &reached, NULL);
    if (status == WN_OK && rename(made, target) != 0) status = wn__fail_errno("%s", target);
    if (status == WN_OK) status = wn__remove_tree(own);
    wn__free(made);
    wn__free(own);
    wn__params_release(&params);
    return status;
}

wn_status wn__stage_point(wn__context *c, int index, int64_t step, char **path)
{
    const wn__stage *stage = &c->plan->stage[index];
    char *folder = wn__store_stage_folder(c->root, stage->identity);
    char *target = folder ? wn__train_step_path(folder, step) : NULL;
    wn_status status = target ? WN_OK : wn__no_memory(64);
    if (status == WN_OK && !wn__file_exists(target)) {
        wn__lock lock; /* two methods may miss the same state at once */
        bool done;
        status = wn__store_begin(c->root, c->plan, stage, c->stop, &lock, &done);
        if (status == WN_OK) {
            if (!done) status = wn__fail(WN_EINVAL, "%s: is not done", stage->label);
            if (status == WN_OK && !wn__file_exists(target)) status = replay(c, stage, folder, step, target);
            wn__lock_release(&lock);
        }
    }
    wn__free(folder);
    if (status != WN_OK) {
        wn__free(target);
        return status;
    }
    *path = target;
    return WN_OK;
}

static wn_status save_weights(const wn__context *c, const wn__params *params, const char *target)
{
    wn__network_info info = wn__context_network_info(c);
    wn__params view;
    info.recipe = c->recipe->network;
    WN_TRY(wn__params_view(params, &view));
    const wn_status status = wn__network_save(target, &info, &view, NULL);
    wn__params_view_release(&view);
    return status;
}

wn_status wn__stage_updated_network(wn__context *c, const char *state, const char *next, const char *target)
{
    wn__params params = {0};
    WN_TRY(wn__context_load(c));
    wn_status status = wn__graph_make_params(c->recipe->graph, &params);
    if (status == WN_OK) status = wn__network_load(state, WN__PART_VALUES | WN__PART_MASKS, &params);
    if (status == WN_OK) status = wn__network_load(next, WN__PART_MASKS, &params);
    for (int i = 0; status == WN_OK && i < params.count; i++)
        wn__param_apply_mask(&params.item[i]);
    if (status == WN_OK) status = save_weights(c, &params, target);
    wn__params_release(&params);
    return status;
}

wn_status wn__stage_state_as_network(wn__context *c, int index, const char *state, const char *target)
{
    wn__params params = {0};
    wn__safetensors *file;
    WN_TRY(wn__context_load(c));
    WN_TRY(wn__safetensors_open(state, &file));
    wn_status status = make_kept_params(c, &c->plan->stage[index], &params);
    if (status == WN_OK) status = wn__network_read(file, WN__PART_VALUES | WN__PART_MASKS, NULL, &params);
    if (status == WN_OK) status = save_weights(c, &params, target);
    wn__params_release(&params);
    wn__safetensors_close(file);
    return status;
}

/* --- once more ------------------------------------------------------------------------------------------------------------------ */

static wn_status load_point(wn__context *c, int index, int64_t step, wn__params *params)
{
    char *path;
    WN_TRY(wn__stage_point(c, index, step, &path));
    return load_kept(c, &c->plan->stage[index], path, true, params);
}

/* From its start, from one of its states, or from where it ended. */
static wn_status begin_again(wn__context *c, int index, const wn__retraining *r, wn__train_stage *train, wn__params *params)
{
    const wn__stage *stage = &c->plan->stage[index];
    const int thins = stage->train.spec.thinning.kind;
    const bool anew = r->from == stage->train.spec.first && !r->at_end;
    if ((thins == WN__THIN_THRESHOLD || thins == WN__THIN_N_OF_M) && (!anew || r->keeps > 0 || r->other_data))
        return wn__fail(WN_EUNSUPPORTED, "%s: what it trains is not its weights", stage->label);
    if (anew) return make_params(c, stage, train->graph, params);
    if (stage->train.small.config) return wn__fail(WN_EUNSUPPORTED, "%s: its network has other widths than the recipe's", stage->label);
    if (r->at_end) return load_kept(c, stage, wn__stage_file(c, index, "final.safetensors"), false, params);
    if (stage->train.spec.rewires && stage->train.spec.rewiring.rule.bound == WN__BOUND_SOFT)
        return wn__fail(WN_EUNSUPPORTED, "%s: its size along the way does not tell its size at the start", stage->label);
    train->spec.keep_slots = true;
    train->spec.slots_updates = r->from - stage->train.spec.first + (stage->train.spec.keep_slots ? stage->train.start_step : 0);
    return load_point(c, index, r->from, params);
}

wn_status wn__stage_retrain(wn__context *c, int index, const wn__retraining *r)
{
    const wn__stage *stage = &c->plan->stage[index];
    wn__params params = {0};
    wn__train_stage train;
    wn__stage_network network;
    wn__train_result reached;
    WN_TRY(wn__stage_set_up(c, stage, &train));
    WN_TRY(wn__stage_network_open(c->recipe, &stage->train.small, &network));
    train.graph = network.graph;
    train.recipe = network.text;
    train.folder = r->folder;
    train.identity = r->identity;
    train.params = &params;
    train.spec.first = r->from;
    train.spec.last = r->last;
    train.pause_step = r->pause;
    train.spec.keep = r->keep;
    train.spec.keeps = r->keeps;
    train.spec.average.decay = 0;
    train.progress = r->progress;
    train.user = r->user;
    if (r->other_data) train.loader.seed = r->data_seed;
    wn_status status = begin_again(c, index, r, &train, &params);
    if (status == WN_OK) status = run_training(c, stage, r->cached, &train, &reached, NULL);
    wn__params_release(&params);
    wn__stage_network_close(&network);
    return status;
}
