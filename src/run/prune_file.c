/* winnow prune: a weights file, and masks over it by the section `mask` of a recipe. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/options.h"
#include "network/masks_file.h"
#include "recipe/used_keys.h"
#include "recipe/weights_recipe.h"
#include "run/pruning.h"
#include "sparse/cost.h"
#include "winnow/experiment.h"

/* ---- keys of the section `mask`: which of them say something of a file */

typedef struct asked {
    const wn__mask_section *mask;
    bool random; /* `shuffle` is written: masks are shuffled */
} asked;

static bool always(const asked *a) { return a != NULL; }
static bool never(const asked *a) { return a == NULL; }
static bool is_one_shot(const asked *a) { return a->mask->rounds == 1 && !(a->mask->rate > 0); }
static bool is_of_weights(const asked *a) { return a->mask->block == WN__BLOCK_WEIGHT; }
static bool prunes(const asked *a) { return !a->mask->file[0]; }
static bool selects(const asked *a) { return prunes(a) || a->random; }
static bool has_parts(const asked *a) { return a->mask->basis.kind == WN__BASIS_UNITS || a->mask->basis.kind == WN__BASIS_LOW_RANK; }
static bool ranks_entries(const asked *a) { return prunes(a) && !has_parts(a); }
static bool ranks_by_sparsity(const asked *a) { return ranks_entries(a) && a->mask->scope != WN__SCOPE_N_OF_M; }
static bool shuffles_so(const asked *a) { return a->mask->basis.kind != WN__BASIS_UNITS || a->mask->shuffle == WN__SHUFFLE_LAYER; }
static bool spreads(const asked *a) { return prunes(a) && a->mask->scope == WN__SCOPE_DISTRIBUTION; }
static bool has_power(const asked *a) { return a->mask->distribution == WN__ERK; }
static bool has_counting(const asked *a)
{
    const int d = a->mask->distribution;
    return d == WN__UNIFORM || d == WN__ER || d == WN__ERK || (d == WN__LIST && a->mask->counting != WN__COUNT_TOTAL);
}
static bool has_densities(const asked *a) { return a->mask->distribution == WN__FILE; }
static bool has_groups(const asked *a) { return prunes(a) && a->mask->scope == WN__SCOPE_N_OF_M; }
static bool scores_often(const asked *a)
{
    const wn__scoring *s = &a->mask->scoring;
    return s->iterations > 1 || (s->iterations == 0 && s->score == WN__SYNFLOW);
}

typedef struct key_rule {
    const char *key; /* below `mask`; the name of a score, basis or distribution is left out */
    bool (*counts)(const asked *a);
    const char *why_not;
} key_rule;

#define FROM_FILE "mask.file says the masks"
#define WHILE_TRAINING "it acts while a network trains; nothing is trained here"
#define BETWEEN_ROUNDS "networks are retrained between rounds; here a file is pruned once"
static const key_rule rules[] = {
    {"score", prunes, FROM_FILE},
    {"score.steps", scores_often, "the score is made once: iterations"},
    {"basis", always, NULL},
    {"layers", selects, FROM_FILE},
    {"scope", prunes, FROM_FILE},
    {"rule", ranks_by_sparsity, "masks of a file, units, ranks and groups have counts of their own"},
    {"empty", ranks_entries, "masks of a file, units and ranks leave no choice"},
    {"rounds", is_one_shot, BETWEEN_ROUNDS},
    {"rate", is_one_shot, BETWEEN_ROUNDS},
    {"inner", never, BETWEEN_ROUNDS},
    {"rewind", never, BETWEEN_ROUNDS},
    {"shuffle", shuffles_so, "units are shuffled within layers"},
    {"block", is_of_weights, "kernels and filters as a whole are drawn, not pruned; mask.basis=units prunes filters"},
    {"file", always, NULL},
    {"of", never, "there are no other methods' results here: name their file"},
    {"distribution", spreads, "it needs mask.scope=distribution"},
    {"distribution.power", has_power, "it is of erk"},
    {"distribution.counting", has_counting, "this distribution counts exactly"},
    {"distribution.file", has_densities, "it is of the distribution file"},
    {"gradual", never, WHILE_TRAINING},
    {"threshold", never, WHILE_TRAINING},
    {"alternating", never, WHILE_TRAINING},
    {"n_of_m", has_groups, "it needs mask.scope=n-of-m"},
    {"n_of_m.decay", never, WHILE_TRAINING},
    {0},
};

static const key_rule *find_rule(const char *key)
{
    const key_rule *rule = rules;
    while (rule->key && strcmp(rule->key, key) != 0)
        rule++;
    return rule->key ? rule : NULL;
}

static wn_status check_key(const asked *a, const char *key, bool known, const wn__yaml_node *value)
{
    const key_rule *rule = find_rule(key);
    if (rule ? rule->counts(a) : known) return WN_OK;
    return wn__yaml_fail(WN_EUSAGE, value, "mask.%s has no effect on winnow prune: %s", key,
                         rule ? rule->why_not : "it is not known to say something of a file");
}

/* Scores, bases and distributions are named before their settings: {erk: {power: 0.5}}. */
static const wn__yaml_node *settings_of(const char *key, const wn__yaml_node *value)
{
    const bool named = strcmp(key, "score") == 0 || strcmp(key, "basis") == 0 || strcmp(key, "distribution") == 0;
    return named && wn__yaml_count(value) == 1 ? wn__yaml_child(value, 0) : value;
}

static wn_status check_keys(const asked *a, const wn__yaml_node *mask)
{
    for (int i = 0; i < wn__yaml_count(mask); i++) {
        const char *key = wn__yaml_text(wn__yaml_key(mask, i));
        const wn__yaml_node *value = wn__yaml_child(mask, i), *settings = settings_of(key, value);
        char path[256];
        WN_TRY(check_key(a, key, false, value));
        for (int k = 0; wn__yaml_kind_of(settings) == WN__YAML_MAPPING && k < wn__yaml_count(settings); k++) {
            snprintf(path, sizeof path, "%s.%s", key, wn__yaml_text(wn__yaml_key(settings, k)));
            WN_TRY(check_key(a, path, true, wn__yaml_child(settings, k)));
        }
    }
    return WN_OK;
}

/* Images, and how they are read, count where a score is computed of them. */
static wn_status check_sections(const wn__recipe *r)
{
    static const char *const with_images[] = {
        "mask", "model", "data", "!data.augment", "!data.last_batch", "world", "backend", "threads", "kernels", "train.batch", NULL};
    static const char *const without[] = {"mask", "model", "data.set", "backend", "threads", "kernels", NULL};
    return wn__used_keys_check(r->doc, "prune", wn__saliency_needs_images(r->mask.scoring.score) ? with_images : without);
}

/* ---- one row of a recipe: pruned, or pruned and shuffled */

typedef struct job {
    const wn_prune_options *options;
    const wn__safetensors *file;
    wn__recipe *recipe;
    wn__row row;
    wn__pruning how;
} job;

static wn_status set_row(job *j)
{
    wn__recipe *r = j->recipe;
    const wn__yaml_node *root = wn__yaml_root(r->doc), *mask = wn__yaml_find(root, "mask");
    const asked a = {&r->mask, mask && wn__yaml_find(mask, "shuffle")};
    WN_TRY(check_sections(r));
    if (mask) WN_TRY(check_keys(&a, mask));
    j->row = (wn__row){.name = "prune", .node = mask ? mask : root, .start_file = "", .backend = "", .stretch = 1, .mask = r->mask};
    j->row.axes.mask = a.random ? WN__MASK_RANDOM : WN__MASK_PRUNED;
    return wn__recipe_prepare_mask(r, &j->row);
}

static wn_status set_sparsity(job *j)
{
    const char *text = j->options->sparsity;
    char shown[32];
    bool own;
    j->how = (wn__pruning){.section = &j->row.mask, .seed = j->options->seed};
    WN_TRY(wn__row_own_sparsity(j->recipe, &j->row, &own, &j->how.sparsity));
    if (own && text)
        return wn__fail(WN_EUSAGE, "sparsity %s: these masks say theirs themselves (%s): leave the sparsity out", text,
                        wn__show_sparsity(j->how.sparsity, shown, sizeof shown));
    if (own) return WN_OK;
    if (!text) return wn__fail(WN_EUSAGE, "%s: a sparsity is needed: 90%%, 0.1d or 10x", j->options->weights);
    return wn__sparsity_parse(text, &j->how.sparsity);
}

/* ---- the network */

static wn_status make_masks(wn__context *c, const job *j, wn__params *params)
{
    wn_status status = wn__pruning_read(j->recipe, &j->how, j->file, params);
    if (status != WN_OK) return wn__fail_within(status, "%s: ", j->options->weights);
    WN_TRY(j->row.mask.file[0] ? wn__masks_load(j->row.mask.file, params) : wn__pruning_run(c, &j->how, params, NULL));
    return j->row.axes.mask == WN__MASK_RANDOM ? wn__pruning_shuffle(j->recipe, &j->how, params) : WN_OK;
}

/* Values, masks and all that the file says of itself, but the basis that the values had there. */
static wn_status save_pruned(const wn__safetensors *file, const wn__params *params, const char *path)
{
    const wn__network_info info = {0};
    wn__st_writer *w;
    WN_TRY(wn__st_writer_new(&w));
    wn_status status = wn__network_add(w, &info, params, WN__FORM_DENSE, NULL);
    for (int i = 0; i < wn__safetensors_meta_count(file) && status == WN_OK; i++) {
        const char *key, *value;
        wn__safetensors_meta_at(file, i, &key, &value);
        if (strcmp(key, "format") != 0 && strcmp(key, "basis") != 0) status = wn__st_writer_meta(w, key, value);
    }
    if (status == WN_OK) status = wn__st_writer_write(w, path);
    wn__st_writer_free(w);
    return status;
}

static wn_status summarise(const job *j, const wn__params *params, wn_prune_summary *summary)
{
    const wn__recipe *r = j->recipe;
    wn__cost cost = {0};
    WN_TRY(wn__cost_make(r->graph, params, &cost));
    const wn__sparsity s = wn__sparsity_measure(params, &r->selection[j->row.selection]);
    *summary = (wn_prune_summary){
        .asked = j->how.sparsity,
        .selected = s.selected,
        .selected_nonzero = s.selected_active,
        .network = s.network,
        .network_nonzero = s.network_active,
        .forward_flops = cost.flops,
        .dense_forward_flops = cost.dense_flops,
        .bytes = cost.bytes,
        .dense_bytes = cost.dense_bytes,
    };
    wn__cost_release(&cost);
    return WN_OK;
}

static wn_status prune_network(job *j, wn_prune_summary *summary)
{
    const wn_prune_options *o = j->options;
    wn__recipe *r = j->recipe;
    const int threads = wn__machine_threads(o->threads, r->top.threads, 1, false);
    wn__context context = {.recipe = r, .data_folder = o->data_folder};
    wn__params params = {0};
    WN_TRY(wn__machine_choose(r->top.backend, (wn__dtype)r->top.dtype, threads, &context.machine));
    r->train_images = -1; /* not planned */
    wn_status status = wn__graph_make_params(r->graph, &params);
    if (status == WN_OK) status = make_masks(&context, j, &params);
    if (status == WN_OK) status = save_pruned(j->file, &params, o->result);
    if (status == WN_OK && summary) status = summarise(j, &params, summary);
    wn__params_release(&params);
    wn__context_release(&context);
    return status;
}

static wn_status prune_file(job *j, wn_prune_summary *summary)
{
    const char *path = j->options->weights;
    wn__recipe *r = j->recipe;
    wn__model_input input;
    WN_TRY(wn__weights_input(j->file, r, path, &input));
    WN_TRY(wn__recipe_build_graph(r, path, input));
    WN_TRY(set_row(j));
    WN_TRY(set_sparsity(j));
    if (wn__saliency_needs_images(j->row.mask.scoring.score) && !r->data.type)
        return wn__fail(WN_EUSAGE, "%s: does not say its data set, whose images the score %s is of; set data.set", path,
                        wn__saliency_names[j->row.mask.scoring.score]);
    return prune_network(j, summary);
}

wn_status wn_prune(const wn_prune_options *options, wn_prune_summary *summary)
{
    WN__COMPLETE(wn_prune_options, options);
    wn__safetensors *file;
    job j = {.options = options};
    WN_TRY(wn__safetensors_open(options->weights, &file));
    j.file = file;
    wn_status status = wn__recipe_of_weights(file, options->weights, options->set, options->sets, &j.recipe);
    if (status == WN_OK) status = prune_file(&j, summary);
    wn__recipe_free(j.recipe);
    wn__safetensors_close(file);
    return status;
}
