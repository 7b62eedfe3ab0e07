#include "run/weights_pruning.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "network/masks_file.h"
#include "sparse/prune/reach.h"

/* ---- keys of the section `mask`: which of them say something of a file */

typedef struct asked {
    const wn__mask_section *mask;
    bool random; /* `shuffle` is written: masks are shuffled */
    bool own_samples;
    const char *command;
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
static bool draws_samples(const asked *a) { return !a->own_samples; }
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
    {"score.samples", draws_samples, "the caller brings the samples"},
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
    return wn__yaml_fail(WN_EUSAGE, value, "mask.%s has no effect on %s: %s", key, a->command,
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

/* ---- a row of a recipe */

wn_status wn__weights_pruning_make(wn__recipe *r, const char *command, bool own_samples, wn__weights_pruning *out)
{
    const wn__yaml_node *root = wn__yaml_root(r->doc), *mask = wn__yaml_find(root, "mask");
    const asked a = {&r->mask, mask && wn__yaml_find(mask, "shuffle"), own_samples, command};
    if (mask) WN_TRY(check_keys(&a, mask));
    *out = (wn__weights_pruning){
        .recipe = r, .row = {.name = "prune", .node = mask ? mask : root, .start_file = "", .backend = "", .stretch = 1, .mask = r->mask}};
    out->row.axes.mask = a.random ? WN__MASK_RANDOM : WN__MASK_PRUNED;
    return wn__recipe_prepare_mask(r, &out->row);
}

wn_status wn__weights_pruning_sparsity(wn__weights_pruning *w, const char *text, uint64_t seed, const char *weights)
{
    char shown[32];
    bool own;
    w->how = (wn__pruning){.section = &w->row.mask, .seed = seed};
    WN_TRY(wn__row_own_sparsity(w->recipe, &w->row, &own, &w->how.sparsity));
    if (own && text)
        return wn__fail(WN_EUSAGE, "sparsity %s: these masks say theirs themselves (%s): leave the sparsity out", text,
                        wn__show_sparsity(w->how.sparsity, shown, sizeof shown));
    if (own) return WN_OK;
    if (!text) return wn__fail(WN_EUSAGE, "%s: a sparsity is needed: 90%%, 0.1d or 10x", weights);
    return wn__sparsity_parse(text, &w->how.sparsity);
}

wn_status wn__weights_pruning_run(const wn__weights_pruning *w, const wn__scorer *scorer, wn__params *params)
{
    const char *file = w->row.mask.file;
    WN_TRY(file[0] ? wn__masks_load(file, params) : wn__pruning_run(w->recipe, &w->how, scorer, params, NULL));
    if (w->row.axes.mask == WN__MASK_RANDOM) WN_TRY(wn__pruning_shuffle(w->recipe, &w->how, params));
    return wn__basis_maps(w->how.section->basis.kind) ? WN_OK : wn__reach_check(w->recipe->graph, params);
}
