/* What a stage's result depends on, as JSON, and its digest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cpu.h"
#include "base/fail.h"
#include "base/locale.h"
#include "data/world.h"
#include "io/safetensors.h"
#include "plan/agenda_parts.h"
#include "recipe/drawn.h"

static wn_status set_text(json_t *o, const char *key, const char *value) { return wn__slice_set(o, key, json_string(value)); }
static wn_status set_int(json_t *o, const char *key, int64_t value) { return wn__slice_set(o, key, json_integer(value)); }

/* As text with all digits: the same on every machine. */
static wn_status set_real(json_t *o, const char *key, double value)
{
    char text[40];
    wn__snprintf(text, sizeof text, "%.17g", value);
    return set_text(o, key, text);
}

static wn_status set_file(json_t *o, const char *key, const char *path)
{
    char digest[WN__SHA256_TEXT];
    WN_TRY(wn__safetensors_sha256(path, digest));
    return set_text(o, key, digest);
}

/* Weights that a network begins with, or that teach; a new last layer is drawn. */
static wn_status set_weights(json_t *o, const char *key, const wn__agenda *plan, const char *path)
{
    char digest[WN__SHA256_TEXT];
    WN_TRY(wn__agenda_digest(plan, path, wn__start_names(plan->recipe, path), digest));
    WN_TRY(set_text(o, key, digest));
    if (!wn__start_has_new_head(plan, path)) return WN_OK;
    WN_TRY(set_text(o, "head", "drawn"));
    return wn__slice_table(o, wn__init_settings, &plan->recipe->train.init, &plan->recipe->clock);
}

static wn_status set_stage(json_t *o, const char *key, const wn__agenda *plan, int stage)
{
    return set_text(o, key, plan->stage[stage].identity);
}

static wn_status add_object(json_t *parent, const char *key, json_t **out)
{
    json_t *object = json_object();
    WN_TRY(wn__slice_set(parent, key, object));
    *out = object;
    return WN_OK;
}

static wn_status add_machine(json_t *o, const wn__agenda *plan, const wn__stage *stage)
{
    const wn__backend *backend = wn__stage_backend(plan, stage);
    char library[128];
    backend->describe(library, sizeof library);
    WN_TRY(set_text(o, "backend", backend->name));
    WN_TRY(set_text(o, "library", library)); /* another version may add in another order */
    WN_TRY(set_text(o, "dtype", wn__dtype_names[plan->recipe->top.dtype]));
    WN_TRY(set_text(o, "isa", wn__isa_name(wn__isa_in_use())));
    return WN_OK;
}

/* third: on the sample that is in neither world. */
static wn_status add_sample(json_t *o, const wn__recipe *r, bool third)
{
    if (r->data.label_noise > 0) WN_TRY(set_real(o, "label_noise", r->data.label_noise));
    if (r->top.world == WN__WORLD_NONE) return WN_OK;
    return set_text(o, "world", third ? "third" : wn__world_names[r->top.world]);
}

/* Nothing of lists that say nothing: they came after results were stored. */
static wn_status add_transforms(json_t *o, const char *key, const wn__transforms *list)
{
    wn__text text = {0};
    if (list->count == 0) return WN_OK;
    wn__transforms_write(list, &text);
    const wn_status status = text.failed ? wn__no_memory(text.size) : set_text(o, key, text.data);
    wn__text_release(&text);
    return status;
}

/* Raised by a correction, in the slices of those stages alone whose results it changes. */
static wn_status add_rule_version(json_t *slice, bool corrected) { return corrected ? set_int(slice, "rule_version", 2) : WN_OK; }

/* The first train_size samples of arrays by class were of the first classes alone. */
static bool shares_corrected(const wn__data_section *d) { return d->facts.by_class && d->train_size > 0 && !d->facts.any_size; }

static wn_status add_data(json_t *inputs, const wn__agenda *plan, bool third)
{
    const wn__recipe *r = plan->recipe;
    const wn__augment *a = &r->data.augment;
    json_t *o;
    WN_TRY(add_object(inputs, "data", &o));
    WN_TRY(set_text(o, "set", r->data.type->name));
    WN_TRY(wn__slice_table(o, r->data.type->settings, r->data.config, &r->clock));
    for (const char *const *name = r->data.type->places; name && *name; name++)
        json_object_del(o, *name);
    WN_TRY(wn__slice_table(o, wn__data_settings, &r->data, &r->clock));
    WN_TRY(set_int(o, "pad", a->pad));
    WN_TRY(set_int(o, "reflect", a->reflect));
    WN_TRY(set_int(o, "flip", a->flip));
    WN_TRY(add_transforms(o, "augment", &r->data.transforms));
    WN_TRY(add_transforms(o, "evaluate", &r->data.fit));
    WN_TRY(add_sample(o, r, third));
    if (r->data.contents_key[0]) WN_TRY(set_text(o, "contents", r->data.contents_key));
    WN_TRY(add_rule_version(o, shares_corrected(&r->data)));
    return set_int(o, "batch", r->train.batch);
}

/* config: of the model's settings. */
static wn_status add_model_as(json_t *inputs, const wn__agenda *plan, const void *config)
{
    const wn__recipe *r = plan->recipe;
    json_t *o;
    WN_TRY(add_object(inputs, "model", &o));
    if (r->model.file) {
        const double width = ((const wn__graph_file_config *)config)->width;
        WN_TRY(set_file(o, "file", r->model.file));
        return width == 1 ? WN_OK : set_real(o, "width", width);
    }
    WN_TRY(set_text(o, "arch", r->model.type->name));
    WN_TRY(wn__slice_table(o, r->model.type->settings, config, &r->clock));
    const wn__setting *later = r->model.type->later ? wn__settings_find(r->model.type->settings, r->model.type->later) : NULL;
    const char *value = later ? json_string_value(json_object_get(o, later->name)) : NULL;
    if (value && strcmp(value, later->fallback) == 0) json_object_del(o, later->name);
    return WN_OK;
}

static wn_status add_model(json_t *inputs, const wn__agenda *plan) { return add_model_as(inputs, plan, plan->recipe->model.config); }

/* Of schedules that fall by a formula. */
static wn_status add_shape(json_t *o, const wn__schedule *s)
{
    if (s->kind == WN__SCHEDULE_CONSTANT || s->kind == WN__SCHEDULE_STEP) return WN_OK;
    if (s->kind != WN__SCHEDULE_RESTARTS) WN_TRY(set_int(o, "length", s->length));
    if (s->kind == WN__SCHEDULE_POLYNOMIAL) WN_TRY(set_real(o, "power", s->power));
    if (s->kind == WN__SCHEDULE_RESTARTS) {
        WN_TRY(set_int(o, "period", s->period));
        WN_TRY(set_int(o, "growth", s->growth));
    }
    if (s->kind == WN__SCHEDULE_ONE_CYCLE) {
        WN_TRY(set_int(o, "peak", s->peak));
        WN_TRY(set_real(o, "initial", s->initial));
    }
    return set_real(o, "final", s->final);
}

static wn_status add_schedule(json_t *inputs, const wn__schedule *s)
{
    json_t *o;
    WN_TRY(add_object(inputs, "schedule", &o));
    WN_TRY(set_text(o, "kind", wn__schedule_names[s->kind]));
    WN_TRY(set_real(o, "base", s->base));
    if (s->warm_up > 0) {
        WN_TRY(set_int(o, "warm_up", s->warm_up));
        WN_TRY(set_int(o, "warm_up_from_zero", s->warm_up_from_zero));
    }
    WN_TRY(add_shape(o, s));
    if (s->kind != WN__SCHEDULE_CONSTANT || s->warm_up > 0) WN_TRY(set_int(o, "every", s->every));
    if (s->kind != WN__SCHEDULE_STEP) return WN_OK;
    json_t *milestones = json_array();
    WN_TRY(wn__slice_set(o, "milestones", milestones));
    for (int i = 0; i < s->milestones; i++)
        if (json_array_append_new(milestones, json_integer(s->milestone[i])) != 0) return wn__no_memory(64);
    return set_real(o, "factor", s->factor);
}

static wn_status add_optimizer(json_t *inputs, const wn__recipe *r)
{
    json_t *o;
    WN_TRY(add_object(inputs, "optimizer", &o));
    WN_TRY(set_text(o, "name", r->train.optimizer->name));
    WN_TRY(wn__slice_table(o, r->train.optimizer->settings, r->train.optimizer_config, &r->clock));
    WN_TRY(set_real(o, "clip_norm", r->train.clip_norm));
    return set_real(o, "clip_value", r->train.clip_value);
}

static wn_status add_init(json_t *o, const wn__recipe *r) { return wn__slice_table(o, wn__init_settings, &r->train.init, &r->clock); }

static wn_status add_sparse_init(json_t *o, const wn__train_plan *t)
{
    if (t->init == WN__SPARSE_INIT_NONE) return WN_OK;
    WN_TRY(set_text(o, "init", wn__sparse_init_names[t->init]));
    return set_real(o, "init_gain", t->init_gain);
}

static wn_status add_start(json_t *inputs, const wn__agenda *plan, const wn__train_plan *t)
{
    json_t *o;
    WN_TRY(add_object(inputs, "start", &o));
    if (t->start_file[0]) return set_weights(o, "file", plan, t->start_file);
    switch ((wn__method_start)t->start) {
    case WN__START_INITIAL: WN_TRY(add_sparse_init(o, t)); return add_init(o, plan->recipe);
    case WN__START_REDRAWN:
        WN_TRY(set_text(o, "redrawn", wn__reinit_names[t->reinit]));
        if (t->redraw) WN_TRY(set_int(o, "redraw", t->redraw));
        WN_TRY(add_sparse_init(o, t));
        return add_init(o, plan->recipe);
    case WN__START_FINAL: return set_stage(o, "final", plan, t->start_stage);
    case WN__START_REWOUND: break;
    }
    WN_TRY(set_stage(o, "stage", plan, t->start_stage));
    WN_TRY(set_int(o, "slots", t->spec.keep_slots));
    return set_int(o, "step", t->start_step);
}

static wn_status add_teacher_file(json_t *o, const wn__agenda *plan, const wn__teacher_file *teacher)
{
    char digest[WN__SHA256_TEXT];
    WN_TRY(wn__agenda_digest(plan, teacher->file, teacher->names, digest));
    WN_TRY(set_text(o, "teacher_file", digest));
    if (!teacher->arch[0]) return WN_OK;
    return strchr(teacher->arch, '/') || strstr(teacher->arch, ".yaml") ? set_file(o, "teacher_network", teacher->arch)
                                                                        : set_text(o, "teacher_arch", teacher->arch);
}

/* Of several all that follow the first one are apart: a key of one came first. */
static wn_status add_teacher_files(json_t *o, const wn__agenda *plan, const wn__teacher_files *files)
{
    WN_TRY(add_teacher_file(o, plan, &files->file[0]));
    for (int i = 1; i < files->count; i++) {
        char key[32];
        json_t *other;
        snprintf(key, sizeof key, "teacher_%d", i + 1);
        WN_TRY(add_object(o, key, &other));
        WN_TRY(add_teacher_file(other, plan, &files->file[i]));
    }
    return WN_OK;
}

static wn_status add_teacher(json_t *o, const wn__agenda *plan, const wn__stage *stage, const wn__teacher_plan *teacher)
{
    const wn__backend *backend = wn__teacher_backend(plan, teacher);
    WN_TRY(set_text(o, "teacher_dtype", wn__dtype_names[teacher->dtype]));
    if (backend != wn__stage_backend(plan, stage)) {
        char library[128];
        backend->describe(library, sizeof library);
        WN_TRY(set_text(o, "teacher_backend", backend->name));
        WN_TRY(set_text(o, "teacher_library", library));
    }
    if (teacher->files) return add_teacher_files(o, plan, teacher->files);
    return set_stage(o, "teacher", plan, teacher->stage);
}

/* Not in keys where it is the usual one of the data's targets and has no settings: losses came after results were stored. */
static wn_status add_hard_loss(json_t *labels, const wn__recipe *r)
{
    const wn__loss_type *type = r->train.loss;
    json_t *settings;
    if (type == wn__loss_usual(wn__recipe_targets(r)) && !type->settings) return WN_OK;
    WN_TRY(set_text(labels, "loss", type->name));
    if (!type->settings) return WN_OK;
    WN_TRY(add_object(labels, "loss_settings", &settings));
    return wn__slice_table(settings, type->settings, r->train.loss_config, &r->clock);
}

static wn_status add_labels(json_t *inputs, const wn__agenda *plan, const wn__stage *stage)
{
    const wn__train_plan *t = &stage->train;
    json_t *o;
    WN_TRY(add_object(inputs, "labels", &o));
    WN_TRY(set_real(o, "smoothing", t->spec.loss.smoothing));
    WN_TRY(add_hard_loss(o, plan->recipe));
    if (!t->spec.loss.soft) return WN_OK;
    WN_TRY(wn__slice_table(o, wn__soft_label_settings, &t->spec.loss, &plan->recipe->clock));
    if (t->spec.soft_until < INT64_MAX) WN_TRY(set_int(o, "until", t->spec.soft_until));
    return add_teacher(o, plan, stage, &t->teacher);
}

/* Choices that came after results were stored are no part of an identity where they do nothing. */
static void leave_out_idle(json_t *o, const wn__topology_rule *rule, int block)
{
    if (rule->schedule != WN__FALL_HALVED) json_object_del(o, "half");
    if (!(rule->lambda > 0)) json_object_del(o, "lambda");
    if (rule->bound == WN__BOUND_HARD) json_object_del(o, "bound");
    if (block != WN__BLOCK_KERNEL && block != WN__BLOCK_FILTER) json_object_del(o, "criterion");
    if (block != WN__BLOCK_FAN_IN) json_object_del(o, "gamma");
    if (block != WN__BLOCK_FAN_IN) json_object_del(o, "gamma_of");
    if (rule->drop != WN__DROP_THRESHOLD) json_object_del(o, "threshold");
}

/* The next one of a network whose masks are drawn. Arrays have room for all parameters. */
static wn_status drawn_may_cut(const wn_graph *graph, const wn__stage *stage, const wn__mask_plan *m, const wn__params *params,
                               int64_t *active, int64_t *entries, bool *may)
{
    const wn__train_plan *t = &stage->train;
    int layers = 0;
    WN_TRY(wn__drawn_counts(graph, params, &m->section, m->sparsity, stage->seed, active));
    for (int i = 0; i < params->count; i++) {
        const wn__param *p = &params->item[i];
        if (active[i] == p->count) continue; /* dense layers take no part */
        entries[layers] = p->count;
        active[layers++] = active[i];
    }
    *may = wn__rewiring_may_cut(&t->spec.rewiring, t->spec.first, t->spec.last, layers, entries, active);
    return WN_OK;
}

/* Until rule version 2 rounding gave a layer whose part was cut one connection too much. Where the masks are not known yet, any part may be. */
static wn_status may_cut(const wn__agenda *plan, const wn__stage *stage, bool *may)
{
    const wn__train_plan *t = &stage->train;
    const wn__mask_plan *m = &plan->stage[t->mask].mask;
    wn__stage_network network;
    wn__params params = {0};
    *may = t->spec.rewiring.rule.redistribute != WN__SHARE_NONE && wn__rewiring_updates(&t->spec.rewiring, t->spec.first, t->spec.last) > 0;
    if (!*may || !m->drawn || t->coefficients) return WN_OK;
    WN_TRY(wn__stage_network_open(plan->recipe, &m->network, &network));
    wn_status status = wn__graph_make_params(network.graph, &params);
    int64_t *counts = status == WN_OK ? WN_NEW_ARRAY(int64_t, 2 * params.count) : NULL;
    if (status == WN_OK && !counts) status = wn__no_memory((size_t)params.count * 2 * sizeof *counts);
    if (status == WN_OK) status = drawn_may_cut(network.graph, stage, m, &params, counts, counts + params.count, may);
    wn__free(counts);
    wn__params_release(&params);
    wn__stage_network_close(&network);
    return status == WN_EUSAGE ? WN_OK : status; /* no such masks: the stage itself will say so */
}

static wn_status add_topology(json_t *inputs, const wn__agenda *plan, const wn__stage *stage)
{
    const wn__train_plan *t = &stage->train;
    bool corrected;
    json_t *o;
    WN_TRY(may_cut(plan, stage, &corrected));
    WN_TRY(add_object(inputs, "topology", &o));
    WN_TRY(wn__slice_table(o, wn__topology_settings, &t->spec.rewiring.rule, &plan->recipe->clock));
    leave_out_idle(o, &t->spec.rewiring.rule, t->spec.rewiring.block);
    if (t->spec.rewiring.block) WN_TRY(set_text(o, "block", wn__block_names[t->spec.rewiring.block]));
    return add_rule_version(o, corrected);
}

static wn_status add_patterns(json_t *inputs, const char *key, const char *const *patterns, int count)
{
    json_t *list = json_array();
    WN_TRY(wn__slice_set(inputs, key, list));
    for (int i = 0; i < count; i++)
        if (json_array_append_new(list, json_string(patterns[i])) != 0) return wn__no_memory(64);
    return WN_OK;
}

static wn_status add_selection(json_t *inputs, const wn__mask_section *m) { return add_patterns(inputs, "layers", m->layers, m->patterns); }

static wn_status add_sparsity(json_t *inputs, double sparsity)
{
    char text[40];
    wn__snprintf(text, sizeof text, "%.10g", sparsity);
    return set_text(inputs, "sparsity", text);
}

static wn_status add_choices(json_t *inputs, const wn__mask_section *m)
{
    static const char *const rows[] = {"scope", "rule", "empty"};
    for (int i = 0; i < 3; i++) {
        const wn__setting *row = wn__settings_find(wn__mask_settings, rows[i]);
        WN_TRY(set_text(inputs, row->name, row->choices[*(const int *)((const char *)m + row->offset)]));
    }
    return WN_OK;
}

/* Of what the trained numbers are coefficients; the library that finds them is part of the result. */
static wn_status add_basis(json_t *inputs, const wn__agenda *plan, const wn__mask_section *m, uint64_t seed)
{
    const char *library;
    json_t *o;
    if (m->basis.kind == WN__BASIS_CANONICAL) return WN_OK;
    WN_TRY(add_object(inputs, "basis", &o));
    WN_TRY(set_text(o, "kind", wn__basis_names[m->basis.kind]));
    WN_TRY(wn__slice_table(o, wn__basis_settings(m->basis.kind), &m->basis, &plan->recipe->clock));
    WN_TRY(wn__basis_library(m->basis.kind, &library));
    if (library) WN_TRY(set_text(o, "library", library));
    if (m->basis.kind == WN__BASIS_RANDOM) WN_TRY(set_int(o, "replicate", (int64_t)seed));
    return add_selection(o, m);
}

/* The number of connections of each layer of a network and where they are. */
static wn_status add_section_counts(json_t *inputs, const wn__agenda *plan, const wn__mask_section *m, const wn_graph *graph,
                                    double sparsity, uint64_t seed)
{
    bool corrected;
    WN_TRY(wn__drawn_corrected(graph, m, sparsity, seed, &corrected));
    WN_TRY(add_rule_version(inputs, corrected));
    WN_TRY(set_text(inputs, "distribution", wn__distribution_names[m->distribution]));
    WN_TRY(wn__slice_table(inputs, wn__distribution_settings, m, &plan->recipe->clock));
    if (m->densities[0]) WN_TRY(set_file(inputs, "densities", m->densities));
    if (m->block) WN_TRY(set_text(inputs, "block", wn__block_names[m->block]));
    json_t *layers;
    WN_TRY(add_object(inputs, "sparsities", &layers));
    for (int i = 0; i < m->own_sparsities; i++) {
        char key[320]; /* the order counts: of several that match, the last holds */
        snprintf(key, sizeof key, "%02d %.300s", i, m->layer[i].pattern);
        WN_TRY(set_real(layers, key, m->layer[i].sparsity));
    }
    return WN_OK;
}

/* When, how, and how far. */
static wn_status add_gradual(json_t *inputs, const wn__agenda *plan, const wn__stage *stage)
{
    const wn__train_plan *t = &stage->train;
    json_t *o;
    WN_TRY(add_object(inputs, "gradual", &o));
    WN_TRY(wn__slice_table(o, wn__gradual_settings, &t->section->gradual, &plan->recipe->clock));
    if (!t->spec.gradual.when.returns) json_object_del(o, "pruned"); /* came later */
    WN_TRY(add_selection(o, t->section));
    WN_TRY(add_choices(o, t->section));
    if (t->section->scope == WN__SCOPE_DISTRIBUTION)
        WN_TRY(add_section_counts(o, plan, t->section, plan->recipe->graph, t->spec.gradual.last.sparsity, stage->seed));
    return add_sparsity(o, t->spec.gradual.last.sparsity);
}

static wn_status add_world(json_t *inputs, const wn__agenda *plan, const wn__train_plan *t)
{
    json_t *o;
    if (plan->recipe->top.world == WN__WORLD_NONE) return WN_OK;
    WN_TRY(add_object(inputs, "evaluate", &o));
    WN_TRY(set_int(o, "every", t->spec.evaluate.every));
    WN_TRY(set_int(o, "early", t->spec.evaluate.early));
    WN_TRY(set_int(o, "train_images", t->spec.evaluate.train_images));
    return t->fresh_first > 0 ? set_int(inputs, "fresh_first", t->fresh_first) : WN_OK;
}

static wn_status add_groups(json_t *inputs, const wn__n_of_m *rule)
{
    json_t *o;
    WN_TRY(add_object(inputs, "n_of_m", &o));
    WN_TRY(set_int(o, "n", rule->n));
    return set_int(o, "m", rule->m);
}

/* Dense weights that become sparse otherwise. */
static wn_status add_thinning(json_t *inputs, const wn__agenda *plan, const wn__stage *stage)
{
    const wn__train_plan *t = &stage->train;
    const wn__mask_section *m = t->section;
    const wn__clock *clock = &plan->recipe->clock;
    json_t *o;
    WN_TRY(add_object(inputs, "thinning", &o));
    WN_TRY(add_selection(o, m));
    if (t->spec.thinning.kind == WN__THIN_THRESHOLD) return wn__slice_table(o, wn__threshold_settings, &m->threshold, clock);
    if (t->spec.thinning.kind == WN__THIN_N_OF_M) return wn__slice_table(o, wn__n_of_m_settings, &m->n_of_m, clock);
    WN_TRY(wn__slice_table(o, wn__alternation_settings, &m->alternating, clock));
    WN_TRY(add_choices(o, m));
    if (m->scope == WN__SCOPE_DISTRIBUTION)
        WN_TRY(add_section_counts(o, plan, m, plan->recipe->graph, t->spec.thinning.last.sparsity, stage->seed));
    if (m->scope == WN__SCOPE_N_OF_M) return add_groups(o, &m->n_of_m);
    return add_sparsity(o, t->spec.thinning.last.sparsity);
}

/* Not in keys where it is the data's usual headline, by which all stored results were told. */
static wn_status add_headline(json_t *inputs, const wn__recipe *r)
{
    const wn__metric *headline = wn__metric_headline(&r->train.metrics);
    return headline == wn__metric_usual(wn__recipe_targets(r)) ? WN_OK : set_text(inputs, "headline", headline->name);
}

/* What else a training tells because the recipe asks for it. */
static wn_status add_metrics(json_t *inputs, const wn__recipe *r)
{
    const wn__metric_set *set = &r->train.metrics;
    json_t *asked = json_array();
    if (!asked) return wn__no_memory(64);
    for (int i = 0; i < set->count; i++)
        if (wn__recipe_asks_for(r, set->metric[i]) && i != set->headline)
            if (json_array_append_new(asked, json_string(set->metric[i]->name)) != 0) {
                json_decref(asked);
                return wn__no_memory(64);
            }
    if (json_array_size(asked) > 0) return wn__slice_set(inputs, "metrics", asked);
    json_decref(asked);
    return WN_OK;
}

static wn_status add_average(json_t *inputs, const wn__average_rule *rule, const wn__clock *clock)
{
    json_t *o;
    if (!(rule->decay > 0)) return WN_OK;
    WN_TRY(add_object(inputs, "ema", &o));
    return wn__slice_table(o, wn__average_settings, rule, clock);
}

static wn_status add_train(json_t *inputs, const wn__agenda *plan, const wn__stage *stage)
{
    const wn__recipe *r = plan->recipe;
    const wn__train_plan *t = &stage->train;
    WN_TRY(add_machine(inputs, plan, stage));
    WN_TRY(add_data(inputs, plan, t->third));
    WN_TRY(add_world(inputs, plan, t));
    WN_TRY(add_model_as(inputs, plan, t->small.config ? t->small.config : r->model.config));
    WN_TRY(add_optimizer(inputs, r));
    WN_TRY(add_schedule(inputs, &t->spec.schedule));
    WN_TRY(add_average(inputs, &t->spec.average, &r->clock));
    WN_TRY(add_start(inputs, plan, t));
    WN_TRY(add_labels(inputs, plan, stage));
    if (t->mask >= 0) WN_TRY(set_stage(inputs, "mask", plan, t->mask));
    if (t->coefficients) WN_TRY(add_basis(inputs, plan, t->coefficients, stage->seed));
    if (t->spec.rewires) WN_TRY(add_topology(inputs, plan, stage));
    if (t->spec.gradual.last.sparsity > 0) WN_TRY(add_gradual(inputs, plan, stage));
    if (t->spec.thinning.kind) WN_TRY(add_thinning(inputs, plan, stage));
    if (r->train.micro_batch) WN_TRY(set_int(inputs, "micro_batch", r->train.micro_batch));
    if (r->train.freezes) WN_TRY(add_patterns(inputs, "freeze", r->train.freeze, r->train.freezes));
    WN_TRY(set_int(inputs, "evaluate_every", r->train.evaluate_every));
    WN_TRY(add_headline(inputs, r));
    WN_TRY(add_metrics(inputs, r));
    if (t->stretch != 1) WN_TRY(set_real(inputs, "stretch", t->stretch));
    WN_TRY(set_text(inputs, "stream", t->dense_stream ? "dense" : "retrain"));
    if (t->order) WN_TRY(set_int(inputs, "order", t->order));
    if (t->spec.data_offset) WN_TRY(set_int(inputs, "data_offset", t->spec.data_offset));
    WN_TRY(set_int(inputs, "first", t->spec.first));
    WN_TRY(set_int(inputs, "last", t->spec.last));
    return set_int(inputs, "seed", (int64_t)stage->seed);
}

static wn_status add_cache(json_t *inputs, const wn__agenda *plan, const wn__stage *stage)
{
    const wn__cache_plan *c = &stage->cache;
    WN_TRY(add_machine(inputs, plan, stage));
    WN_TRY(add_data(inputs, plan, c->third));
    WN_TRY(add_model(inputs, plan));
    WN_TRY(add_teacher(inputs, plan, stage, &c->teacher));
    WN_TRY(set_text(inputs, "stream", c->dense_stream ? "dense" : "retrain"));
    if (c->order) WN_TRY(set_int(inputs, "order", c->order));
    WN_TRY(set_int(inputs, "first_epoch", c->first_epoch));
    WN_TRY(set_int(inputs, "end_epoch", c->end_epoch));
    return set_int(inputs, "seed", (int64_t)stage->seed);
}

static wn_status add_counts(json_t *inputs, const wn__agenda *plan, const wn__stage *stage)
{
    const wn__mask_plan *m = &stage->mask;
    wn__stage_network network;
    WN_TRY(wn__stage_network_open(plan->recipe, &m->network, &network));
    const wn_status status = add_section_counts(inputs, plan, &m->section, network.graph, m->sparsity, stage->seed);
    wn__stage_network_close(&network);
    WN_TRY(status);
    WN_TRY(add_sparsity(inputs, stage->mask.sparsity));
    return set_int(inputs, "seed", (int64_t)stage->seed);
}

/* Data of the user's own: any shape. The sets that have one shape each are in no key of a mask, so that stored results keep theirs. */
static bool is_own(const wn__dataset_type *type)
{
    for (int i = 0; wn__datasets[i]; i++)
        if (wn__datasets[i] == type) return type->facts.sample.classes == 0;
    return true;
}

/* "1x28x28x10", of inputs and outputs: masks have the shapes of weights. */
static wn_status add_own_input(json_t *inputs, const wn__recipe *r)
{
    const wn__model_input input = wn__recipe_input(r);
    char text[100];
    if (!is_own(r->data.type)) return WN_OK;
    snprintf(text, sizeof text, "%dx%dx%dx%d", input.c, input.h, input.w, input.classes);
    return set_text(inputs, "input", text);
}

static wn_status add_draw(json_t *inputs, const wn__agenda *plan, const wn__stage *stage)
{
    const void *config = stage->mask.network.config;
    WN_TRY(add_model_as(inputs, plan, config ? config : plan->recipe->model.config));
    WN_TRY(add_own_input(inputs, plan->recipe));
    return add_counts(inputs, plan, stage);
}

/* Beside its name: settings, chance, and what gradients are computed of and with. */
static wn_status add_score(json_t *inputs, const wn__agenda *plan, const wn__stage *stage)
{
    const wn__scoring *scoring = &stage->mask.section.scoring;
    json_t *o;
    WN_TRY(set_text(inputs, "score", wn__saliency_names[scoring->score]));
    if (scoring->score == WN__MAGNITUDE) return WN_OK;
    WN_TRY(add_object(inputs, "scoring", &o));
    WN_TRY(wn__slice_table(o, wn__saliency_settings(scoring->score), scoring, &plan->recipe->clock));
    WN_TRY(add_model(inputs, plan));
    WN_TRY(set_int(inputs, "seed", (int64_t)stage->seed));
    if (!wn__saliency_needs_images(scoring->score)) return WN_OK;
    WN_TRY(add_machine(o, plan, stage));
    return add_data(inputs, plan, stage->mask.third);
}

/* The start weights, before any training. */
static wn_status add_initial(json_t *inputs, const wn__agenda *plan, const wn__stage *stage)
{
    json_t *o;
    WN_TRY(add_model(inputs, plan));
    if (!wn__saliency_needs_images(stage->mask.section.scoring.score))
        WN_TRY(add_own_input(inputs, plan->recipe)); /* else the data say it */
    WN_TRY(set_int(inputs, "seed", (int64_t)stage->seed));
    WN_TRY(add_object(inputs, "start", &o));
    if (stage->mask.start_file[0]) return set_weights(o, "file", plan, stage->mask.start_file);
    return add_init(o, plan->recipe);
}

static wn_status add_mask(json_t *inputs, const wn__agenda *plan, const wn__stage *stage)
{
    const wn__mask_plan *m = &stage->mask;
    WN_TRY(add_selection(inputs, &m->section));
    if (!m->drawn && m->shuffle_of < 0 && !m->section.file[0]) WN_TRY(add_basis(inputs, plan, &m->section, stage->seed));
    if (m->drawn) return add_draw(inputs, plan, stage);
    if (m->shuffle_of >= 0) {
        if (m->section.basis.kind == WN__BASIS_UNITS) WN_TRY(add_basis(inputs, plan, &m->section, stage->seed));
        WN_TRY(set_text(inputs, "shuffle", wn__shuffle_names[m->section.shuffle]));
        WN_TRY(set_int(inputs, "seed", (int64_t)stage->seed));
        return set_stage(inputs, "of", plan, m->shuffle_of);
    }
    if (m->section.file[0]) {
        WN_TRY(add_model(inputs, plan));
        return set_file(inputs, "file", m->section.file);
    }
    if (m->taken) {
        WN_TRY(set_text(inputs, "masks", "taken"));
        return set_stage(inputs, "source", plan, m->source);
    }
    WN_TRY(add_sparsity(inputs, m->sparsity));
    WN_TRY(add_score(inputs, plan, stage));
    WN_TRY(add_choices(inputs, &m->section));
    if (m->section.scope == WN__SCOPE_DISTRIBUTION) WN_TRY(add_counts(inputs, plan, stage));
    if (m->section.scope == WN__SCOPE_N_OF_M) WN_TRY(add_groups(inputs, &m->section.n_of_m));
    if (m->initial) return add_initial(inputs, plan, stage);
    return set_stage(inputs, "source", plan, m->source);
}

static wn_status add_evaluate(json_t *inputs, const wn__agenda *plan, const wn__stage *stage)
{
    WN_TRY(add_machine(inputs, plan, stage));
    WN_TRY(add_data(inputs, plan, false));
    WN_TRY(add_headline(inputs, plan->recipe));
    WN_TRY(set_stage(inputs, "mask", plan, stage->evaluate.mask));
    if (stage->evaluate.source < 0) return set_weights(inputs, "file", plan, stage->evaluate.file);
    return set_stage(inputs, "source", plan, stage->evaluate.source);
}

wn_status wn__stage_identify(const wn__agenda *plan, wn__stage *stage)
{
    static wn_status (*const add[])(json_t *, const wn__agenda *, const wn__stage *) = {add_train, add_cache, add_mask, add_evaluate};
    json_t *inputs = json_object();
    stage->inputs = inputs;
    WN_TRY(set_text(inputs, "kind", wn__stage_kind_names[stage->kind]));
    WN_TRY(set_int(inputs, "numerics", WN__NUMERICS));
    WN_TRY(add[stage->kind](inputs, plan, stage));
    char *text = json_dumps(inputs, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text) return wn__no_memory(4096);
    const wn_status status = wn__sha256(text, strlen(text), stage->identity);
    free(text); /* jansson's own allocation */
    return status;
}
