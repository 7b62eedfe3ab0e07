/* The resolved recipe as YAML: all keys, every time in steps. */
#include <assert.h>
#include <string.h>

#include "base/fail.h"
#include "data/world.h"
#include "models/named.h"
#include "recipe/claims.h"
#include "recipe/data_path.h"
#include "recipe/recipe.h"
#include "recipe/study_claims.h"

enum { ITEM = 48 };

static void write_transforms(wn__yaml_out *out, const char *key, const wn__transforms *list)
{
    wn__text_add(&out->text, "%*s%s: ", out->indent, "", key);
    wn__transforms_write(list, &out->text);
    wn__text_add(&out->text, "\n");
}

static void write_data(wn__yaml_out *out, const wn__recipe *r)
{
    const wn__augment *a = &r->data.augment;
    char crop[ITEM];
    const char *items[2];
    int count = 0;
    if (!r->data.type) return;
    snprintf(crop, sizeof crop, "pad-crop-%d%s", a->pad, a->reflect ? "-reflect" : "");
    if (a->pad > 0) items[count++] = crop;
    if (a->flip) items[count++] = "flip";
    wn__out_open(out, "data");
    wn__out_value(out, "set", r->data.type->name);
    wn__out_table(out, r->data.type->settings, r->data.config);
    wn__out_table(out, wn__data_settings, &r->data);
    wn__out_changed(out, wn__data_later_settings, &r->data);
    if (r->data.transforms.count > 0)
        write_transforms(out, "augment", &r->data.transforms);
    else
        wn__out_list(out, "augment", items, count);
    if (r->data.fit.count > 0) write_transforms(out, "evaluate", &r->data.fit);
    wn__out_close(out);
}

static void write_rate(wn__yaml_out *out, const wn__recipe *r)
{
    const wn__rate_section *rate = &r->train.rate;
    char text[WN__MAX_MILESTONES][ITEM];
    const char *items[WN__MAX_MILESTONES];
    wn__out_open(out, "lr");
    wn__out_open(out, wn__schedule_names[rate->kind]);
    wn__out_table(out, wn__rate_settings(rate->kind), rate);
    for (int i = 0; i < rate->ats; i++) {
        snprintf(text[i], ITEM, "%lldit", (long long)r->schedule.milestone[i]);
        items[i] = text[i];
    }
    if (rate->ats) wn__out_list(out, "at", items, rate->ats);
    wn__out_close(out);
    wn__out_close(out);
}

static void write_loss(wn__yaml_out *out, const wn__train_section *train)
{
    if (!train->loss->settings) {
        wn__out_value(out, "loss", train->loss->name);
        return;
    }
    wn__out_open(out, "loss");
    wn__out_open(out, train->loss->name);
    wn__out_table(out, train->loss->settings, train->loss_config);
    wn__out_close(out);
    wn__out_close(out);
}

static void write_metrics(wn__yaml_out *out, const wn__train_section *train)
{
    if (train->askeds == 0) return;
    wn__out_list_open(out, "metrics");
    for (int i = 0; i < train->askeds; i++)
        wn__out_item(out, train->asked[i]->name);
    wn__out_list_close(out);
}

static void write_train(wn__yaml_out *out, const wn__recipe *r)
{
    wn__train_section train = r->train;
    train.epochs = 0; /* said in steps */
    train.steps = r->clock.total;
    wn__text_add(&out->text, "%*s# %lld steps an epoch\n", out->indent, "", (long long)r->clock.steps_per_epoch);
    wn__out_open(out, "train");
    wn__out_table(out, wn__train_settings, &train);
    write_loss(out, &train);
    write_metrics(out, &train);
    if (train.freezes) wn__out_list(out, "freeze", train.freeze, train.freezes);
    wn__out_open(out, "optimizer");
    wn__out_open(out, train.optimizer->name);
    wn__out_table(out, train.optimizer->settings, train.optimizer_config);
    wn__out_close(out);
    wn__out_close(out);
    write_rate(out, r);
    if (train.average.decay > 0) {
        wn__out_open(out, "ema");
        wn__out_table(out, wn__average_settings, &train.average);
        wn__out_close(out);
    }
    wn__out_open(out, "init");
    wn__out_table(out, wn__init_settings, &train.init);
    wn__out_close(out);
    wn__out_close(out);
}

static void write_own_sparsities(wn__yaml_out *out, const wn__mask_section *mask)
{
    char text[ITEM], key[320];
    if (!mask->own_sparsities) return;
    wn__out_open(out, "layers");
    for (int i = 0; i < mask->own_sparsities; i++) {
        snprintf(key, sizeof key, "'%.300s'", mask->layer[i].pattern); /* patterns begin with * and the like */
        wn__out_value(out, key, wn__show_sparsity(mask->layer[i].sparsity, text, sizeof text));
    }
    wn__out_close(out);
}

static void write_score(wn__yaml_out *out, const wn__scoring *scoring)
{
    const wn__setting *settings = wn__saliency_settings(scoring->score);
    if (!settings->name) {
        wn__out_value(out, "score", wn__saliency_names[scoring->score]);
        return;
    }
    wn__out_open(out, "score");
    wn__out_open(out, wn__saliency_names[scoring->score]);
    wn__out_table(out, settings, scoring);
    wn__out_close(out);
    wn__out_close(out);
}

static void write_basis(wn__yaml_out *out, const wn__basis_spec *basis)
{
    const wn__setting *settings = wn__basis_settings(basis->kind);
    if (!settings->name) {
        wn__out_value(out, "basis", wn__basis_names[basis->kind]);
        return;
    }
    wn__out_open(out, "basis");
    wn__out_open(out, wn__basis_names[basis->kind]);
    wn__out_table(out, settings, basis);
    wn__out_close(out);
    wn__out_close(out);
}

static void write_named(wn__yaml_out *out, const char *name, const wn__setting *settings, const void *config)
{
    wn__out_open(out, name);
    wn__out_table(out, settings, config);
    wn__out_close(out);
}

static void write_mask(wn__yaml_out *out, const wn__mask_section *mask, const char *from)
{
    wn__out_open(out, "mask");
    if (from) wn__out_value(out, "from", from);
    write_score(out, &mask->scoring);
    write_basis(out, &mask->basis);
    wn__out_table(out, wn__mask_settings, mask);
    wn__out_open(out, "distribution");
    wn__out_open(out, wn__distribution_names[mask->distribution]);
    wn__out_table(out, wn__distribution_settings, mask);
    write_own_sparsities(out, mask);
    wn__out_close(out);
    wn__out_close(out);
    write_named(out, "gradual", wn__gradual_settings, &mask->gradual);
    write_named(out, "threshold", wn__threshold_settings, &mask->threshold);
    write_named(out, "alternating", wn__alternation_settings, &mask->alternating);
    write_named(out, "n_of_m", wn__n_of_m_settings, &mask->n_of_m);
    wn__out_list(out, "layers", mask->layers, mask->patterns);
    wn__out_close(out);
}

static void write_soft(wn__yaml_out *out, const wn__labels_section *labels)
{
    wn__out_open(out, "soft");
    wn__out_table(out, wn__soft_label_settings, &labels->soft);
    wn__out_table(out, wn__until_settings, labels);
    wn__out_close(out);
}

static void write_smooth(wn__yaml_out *out, const wn__labels_section *labels)
{
    wn__out_open(out, "smooth");
    wn__out_table(out, wn__smooth_settings, labels);
    wn__out_close(out);
}

static void write_labels(wn__yaml_out *out, const wn__row *row)
{
    if (row->axes.labels == WN__LABELS_HARD) {
        wn__out_value(out, "labels", "hard");
        return;
    }
    wn__out_open(out, "labels");
    if (row->axes.labels == WN__LABELS_SOFT)
        write_soft(out, &row->labels);
    else
        write_smooth(out, &row->labels);
    wn__out_close(out);
}

/* Of a list all but the first one: as texts of JSON, which are texts of YAML. */
static void write_teachers(wn__yaml_out *out, const wn__teacher_section *teacher)
{
    wn__text *t = &out->text;
    wn__text_add(t, "%*steacher:\n", out->indent, "");
    for (int i = 0; i < teacher->files.count; i++) {
        const wn__teacher_file *f = &teacher->files.file[i];
        wn__text_add(t, "%*s  - {file: ", out->indent, "");
        wn__recipe_add_quoted(t, f->file);
        wn__text_add(t, ", arch: ");
        wn__recipe_add_quoted(t, f->arch);
        wn__text_add(t, ", names: ");
        wn__recipe_add_quoted(t, f->names);
        if (i == 0) wn__text_add(t, ", dtype: %s, cache: %s", wn__dtype_names[teacher->dtype], wn__cache_names[teacher->cache]);
        wn__text_add(t, "}\n");
    }
}

static void write_teacher(wn__yaml_out *out, const wn__teacher_section *teacher)
{
    if (teacher->files.count > 1) {
        write_teachers(out, teacher);
        return;
    }
    wn__out_open(out, "teacher");
    wn__out_table(out, wn__teacher_settings, teacher);
    wn__out_changed(out, wn__teacher_file_settings, teacher);
    wn__out_close(out);
}

/* The axes that are plain settings, without those that the others make idle: reading refuses them. */
static void write_axes(wn__yaml_out *out, const wn__method_axes *axes)
{
    wn__setting kept[16] = {{0}};
    int count = 0;
    for (const wn__setting *s = wn__method_settings; s->name; s++) {
        const bool idle_rewind = axes->start != WN__START_REWOUND && axes->schedule != WN__RATE_REWOUND && !strcmp(s->name, "rewind");
        const bool idle_reinit = axes->start != WN__START_REDRAWN && (!strcmp(s->name, "reinit") || !strcmp(s->name, "redraw"));
        assert(count < 15);
        if (!idle_rewind && !idle_reinit) kept[count++] = *s;
    }
    wn__out_table(out, kept, axes);
}

static void write_topology(wn__yaml_out *out, const wn__topology_rule *topology)
{
    if (topology->grow == WN__GROW_NONE) {
        wn__out_value(out, "topology", "none");
        return;
    }
    wn__out_open(out, "topology");
    wn__out_table(out, wn__topology_settings, topology);
    wn__out_close(out);
}

static void write_row(wn__yaml_out *out, const wn__row *row)
{
    wn__out_open(out, row->name);
    wn__out_value(out, "like", row->base);
    if (row->axes.mask == WN__MASK_NONE)
        wn__out_value(out, "mask", "none");
    else
        write_mask(out, &row->mask, wn__method_mask_names[row->axes.mask]);
    write_axes(out, &row->axes);
    write_topology(out, &row->axes.topology);
    wn__out_table(out, wn__row_settings, row);
    write_labels(out, row);
    if (row->axes.labels == WN__LABELS_SOFT) write_teacher(out, &row->teacher);
    wn__out_close(out);
}

static bool comes_from(const wn__recipe *r, const wn__row *row, const wn__row *origin)
{
    while (row->mask.of[0] && (row->axes.mask == WN__MASK_PRUNED || row->axes.mask == WN__MASK_RANDOM)) {
        row = wn__recipe_row(r, row->mask.of);
        if (row == origin) return true;
    }
    return false;
}

/* Do compared rows come from this one, which is none of them: is it the dense one, or one that masks are of? */
static bool is_origin(const wn__recipe *r, const wn__row *row)
{
    bool needed = row == wn__recipe_row(r, "dense");
    for (int i = 0; i < r->methods; i++) {
        const wn__row *compared = &r->row[r->compared[i]];
        if (compared == row) return false;
        needed = needed || comes_from(r, compared, row);
    }
    return needed;
}

/* Those that the recipe changed. */
static void write_origins(wn__yaml_out *out, const wn__recipe *r)
{
    for (int i = 0; i < r->rows; i++)
        if (r->row[i].node && is_origin(r, &r->row[i])) write_row(out, &r->row[i]);
}

static void write_compare(wn__yaml_out *out, const wn__recipe *r)
{
    static const wn__setting row = {"sparsity", WN__SETTING_SPARSITY, 0, 0, 0, NULL, NULL, NULL};
    char text[ITEM];
    wn__out_open(out, "compare");
    wn__out_list_open(out, "methods");
    for (int i = 0; i < r->methods; i++)
        wn__out_item(out, r->row[r->compared[i]].name);
    wn__out_list_close(out);
    wn__out_list_open(out, "sparsity");
    for (int i = 0; i < r->sparsities; i++)
        wn__out_item(out, wn__settings_show(&row, &r->sparsity[i], text, ITEM));
    wn__out_list_close(out);
    wn__text_add(&out->text, "%*sseeds: [", out->indent, "");
    for (int i = 0; i < r->seeds; i++)
        wn__text_add(&out->text, "%s%llu", i > 0 ? ", " : "", (unsigned long long)r->seed[i]);
    wn__text_add(&out->text, "]\n");
    wn__out_close(out);
}

/* Methods that are not compared are not in the resolved recipe, so nothing can be claimed of them there. */
static bool is_of_compared(const wn__recipe *r, const char *text)
{
    wn__claim claim;
    wn__study_claim study;
    if (!wn__claim_is_of_study(text))
        return wn__claim_parse(text, &claim) == WN_OK && wn__recipe_compares(r, claim.method) && wn__recipe_compares(r, claim.than);
    if (wn__study_claim_parse(text, &study) != WN_OK) return false;
    const wn__quantity *const sides[] = {&study.a, &study.b};
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++)
            if (sides[i]->row[k][0] && !wn__recipe_compares(r, sides[i]->row[k])) return false;
    return true;
}

static void write_claims(wn__yaml_out *out, const wn__recipe *r)
{
    int kept = 0;
    for (int i = 0; i < r->report.claims; i++) {
        if (!is_of_compared(r, r->report.claim[i])) continue;
        if (kept++ == 0) wn__out_list_open(out, "claims");
        wn__out_item(out, r->report.claim[i]);
    }
    if (kept > 0) wn__out_list_close(out);
}

static void write_report(wn__yaml_out *out, const wn__recipe *r)
{
    wn__out_open(out, "report");
    wn__out_list(out, "baseline", r->report.baseline, r->report.baselines);
    write_claims(out, r);
    wn__out_table(out, wn__report_settings, &r->report);
    wn__out_close(out);
}

/* whole: with the weights that it begins with, which are no part of what it is. */
static void write_model(wn__yaml_out *out, const wn__recipe *r, bool whole)
{
    wn__out_open(out, "model");
    wn__out_value(out, "arch", r->arch);
    if (whole) wn__out_changed(out, wn__model_settings, &r->model);
    if (r->model.config) wn__out_table(out, wn__network_settings(r->model.type), r->model.config);
    wn__out_close(out);
}

static wn_status finish(wn__yaml_out *yaml, wn__text *out)
{
    if (yaml->text.failed) {
        wn__text_release(&yaml->text);
        return wn__no_memory(1);
    }
    *out = yaml->text;
    return WN_OK;
}

wn_status wn__recipe_write_network(const wn__recipe *recipe, wn__text *out)
{
    wn__yaml_out yaml = {.clock = &recipe->clock};
    if (recipe->top.world != WN__WORLD_NONE) wn__out_value(&yaml, "world", wn__world_names[recipe->top.world]);
    write_data(&yaml, recipe);
    write_model(&yaml, recipe, false);
    return finish(&yaml, out);
}

wn_status wn__recipe_write_data(const wn__recipe *recipe, wn__text *out)
{
    wn__yaml_out yaml = {.clock = &recipe->clock};
    write_data(&yaml, recipe);
    return finish(&yaml, out);
}

wn_status wn__recipe_write(const wn__recipe *recipe, wn__text *out)
{
    wn__yaml_out yaml = {.clock = &recipe->clock};
    wn__out_table(&yaml, wn__top_settings, &recipe->top);
    write_data(&yaml, recipe);
    write_model(&yaml, recipe, true);
    write_train(&yaml, recipe);
    write_mask(&yaml, &recipe->mask, NULL);
    wn__out_open(&yaml, "labels");
    write_soft(&yaml, &recipe->labels);
    write_smooth(&yaml, &recipe->labels);
    wn__out_close(&yaml);
    write_teacher(&yaml, &recipe->teacher);
    if (recipe->top.world != WN__WORLD_NONE) {
        wn__out_open(&yaml, "bootstrap");
        wn__out_table(&yaml, wn__bootstrap_settings, &recipe->bootstrap);
        wn__out_close(&yaml);
    }
    if (recipe->methods > 0 || wn__recipe_row(recipe, "dense")->node) {
        wn__out_open(&yaml, "methods");
        for (int i = 0; i < recipe->methods; i++)
            write_row(&yaml, &recipe->row[recipe->compared[i]]);
        write_origins(&yaml, recipe);
        wn__out_close(&yaml);
    }
    if (recipe->methods > 0) {
        write_compare(&yaml, recipe);
        wn__lab_section_write(&yaml, recipe);
        write_report(&yaml, recipe);
    }
    return finish(&yaml, out);
}
