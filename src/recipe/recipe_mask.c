/* The sections mask and labels: of the recipe, and of rows. */
#include "recipe/recipe.h"

#include <string.h>

#include "base/fail.h"
#include "base/log.h"

static wn_status read_layers(void *arg, const wn__yaml_node *node)
{
    wn__mask_section *mask = *(wn__mask_section **)arg;
    return wn__scalar_list(node, "mask.layers", WN__MOST_PATTERNS, mask->layers, &mask->patterns);
}

/* "{conv1: 0, layer3.*: 95%}" */
static wn_status read_own_sparsities(void *arg, const wn__yaml_node *node)
{
    wn__mask_section *mask = arg;
    if (wn__yaml_kind_of(node) != WN__YAML_MAPPING)
        return wn__yaml_fail(WN_EUSAGE, node, "mask.distribution.layers: wants a mapping from names or patterns to sparsities");
    if (wn__yaml_count(node) > WN__MOST_PATTERNS)
        return wn__yaml_fail(WN_EUSAGE, node, "mask.distribution.layers: more than %d patterns", WN__MOST_PATTERNS);
    mask->own_sparsities = 0;
    for (int i = 0; i < wn__yaml_count(node); i++) {
        const wn__yaml_node *value = wn__yaml_child(node, i);
        const char *text;
        WN_TRY(wn__scalar_text(value, "mask.distribution.layers", &text));
        wn__layer_sparsity *layer = &mask->layer[mask->own_sparsities++];
        layer->pattern = wn__yaml_text(wn__yaml_key(node, i));
        if (strlen(layer->pattern) > WN__LONGEST_PATTERN)
            return wn__yaml_fail(WN_EUSAGE, value, "mask.distribution.layers: a pattern of %zu letters; at most %d are possible",
                                 strlen(layer->pattern), WN__LONGEST_PATTERN);
        const wn_status status = wn__sparsity_parse(text, &layer->sparsity);
        if (status != WN_OK) return wn__fault_at(value, "mask.distribution.layers: ", status);
    }
    return WN_OK;
}

static wn_status check_distribution(const wn__mask_section *mask, const wn__yaml_node *node)
{
    double budget;
    const bool own = mask->distribution == WN__LIST || mask->distribution == WN__FILE;
    const wn_status status = mask->flops_budget[0] ? wn__flops_budget_parse(mask->flops_budget, &budget) : WN_OK;
    if (status != WN_OK) return wn__fault_at(node, "mask.distribution: ", status);
    if (own && mask->flops_budget[0])
        return wn__yaml_fail(WN_EUSAGE, node, "mask.distribution: flops_budget: %s says every layer's sparsity itself",
                             wn__distribution_names[mask->distribution]);
    if (mask->distribution == WN__FILE && !mask->densities[0])
        return wn__yaml_fail(WN_EUSAGE, node, "mask.distribution: file: the key \"file\" is missing: whose densities?");
    if (mask->distribution == WN__LIST && !mask->own_sparsities)
        return wn__yaml_fail(WN_EUSAGE, node, "mask.distribution: list: the key \"layers\" is missing: {conv1: 0, layer3.*: 95%%}");
    return WN_OK;
}

/* "erk", or "{erk: {power: 0.5}}". */
static wn_status read_distribution(void *arg, const wn__yaml_node *node)
{
    wn__mask_section *mask = *(wn__mask_section **)arg;
    wn__variant v;
    WN_TRY(wn__variant_read(node, "mask.distribution", &v));
    WN_TRY(wn__choice_read(v.name_node, "mask.distribution: unknown distribution", v.name, wn__distribution_names, &mask->distribution));
    static const wn__special keys[] = {{"layers", read_own_sparsities}, {0}};
    const wn__schema schema = {.what = v.name, .table = {{wn__distribution_settings, mask}}, .special = keys, .arg = mask};
    if (v.settings) WN_TRY(wn__schema_read(&schema, v.settings));
    return check_distribution(mask, node);
}

/* "snip", or "{snip: {samples: 5}}". */
static wn_status read_score(void *arg, const wn__yaml_node *node)
{
    wn__scoring *scoring = &(*(wn__mask_section **)arg)->scoring;
    wn__variant v;
    int score;
    WN_TRY(wn__variant_read(node, "mask.score", &v));
    WN_TRY(wn__choice_read(v.name_node, "mask.score: unknown score", v.name, wn__saliency_names, &score));
    if (score != scoring->score) WN_TRY(wn__scoring_defaults(score, scoring));
    if (!v.settings) return WN_OK;
    const wn__schema schema = {.what = v.name, .table = {{wn__saliency_settings(score), scoring}}};
    return wn__schema_read(&schema, v.settings);
}

/* "dct", or "{dct: {over: both}}". */
static wn_status read_basis(void *arg, const wn__yaml_node *node)
{
    wn__basis_spec *basis = &(*(wn__mask_section **)arg)->basis;
    const char *library;
    wn__variant v;
    int kind;
    WN_TRY(wn__variant_read(node, "mask.basis", &v));
    WN_TRY(wn__choice_read(v.name_node, "mask.basis: unknown basis", v.name, wn__basis_names, &kind));
    if (kind != basis->kind) WN_TRY(wn__basis_defaults(kind, basis));
    const wn_status status = wn__basis_library(kind, &library);
    if (status != WN_OK) return wn__fault_at(node, "mask.basis: ", status);
    if (!v.settings) return WN_OK;
    const wn__schema schema = {.what = v.name, .table = {{wn__basis_settings(kind), basis}}};
    return wn__schema_read(&schema, v.settings);
}

static wn_status read_gradual(void *arg, const wn__yaml_node *node)
{
    wn__mask_section *mask = *(wn__mask_section **)arg;
    const wn__schema schema = {.what = "mask.gradual", .table = {{wn__gradual_settings, &mask->gradual}}};
    return wn__schema_read(&schema, node);
}

static wn_status read_threshold(void *arg, const wn__yaml_node *node)
{
    wn__mask_section *mask = *(wn__mask_section **)arg;
    const wn__schema schema = {.what = "mask.threshold", .table = {{wn__threshold_settings, &mask->threshold}}};
    return wn__schema_read(&schema, node);
}

static wn_status read_alternating(void *arg, const wn__yaml_node *node)
{
    wn__mask_section *mask = *(wn__mask_section **)arg;
    const wn__schema schema = {.what = "mask.alternating", .table = {{wn__alternation_settings, &mask->alternating}}};
    return wn__schema_read(&schema, node);
}

static wn_status read_n_of_m(void *arg, const wn__yaml_node *node)
{
    wn__mask_section *mask = *(wn__mask_section **)arg;
    const wn__schema schema = {.what = "mask.n_of_m", .table = {{wn__n_of_m_settings, &mask->n_of_m}}};
    return wn__schema_read(&schema, node);
}

typedef struct mask_target {
    wn__mask_section *mask; /* first: read_layers */
    int *from;
} mask_target;

static wn_status read_from(void *arg, const wn__yaml_node *node)
{
    const char *text;
    WN_TRY(wn__scalar_text(node, "mask.from", &text));
    return wn__choice_read(node, "mask.from: unknown mask", text, wn__method_mask_names, ((mask_target *)arg)->from);
}

wn__prune wn__mask_section_prune(const wn__mask_section *m, double sparsity)
{
    return (wn__prune){.scope = m->scope, .rule = m->rule, .empty = m->empty, .sparsity = sparsity, .n_of_m = m->n_of_m};
}

wn_status wn__mask_read(wn__mask_section *mask, int *from, const wn__yaml_node *node)
{
#define KEYS                                                                                                                               \
    {"score", read_score}, {"basis", read_basis}, {"layers", read_layers}, {"distribution", read_distribution}, {"gradual", read_gradual}, \
        {"threshold", read_threshold}, {"alternating", read_alternating},                                                                  \
    {                                                                                                                                      \
        "n_of_m", read_n_of_m                                                                                                              \
    }
    static const wn__special keys[] = {KEYS, {"from", read_from}, {0}};
    static const wn__special keys_without_from[] = {KEYS, {0}};
#undef KEYS
    mask_target target = {mask, from};
    if (from && wn__yaml_kind_of(node) == WN__YAML_SCALAR) return read_from(&target, node);
    const wn__schema schema = {
        .what = "mask", .table = {{wn__mask_settings, mask}}, .special = from ? keys : keys_without_from, .arg = &target};
    return wn__schema_read(&schema, node);
}

wn_status wn__soft_read(wn__labels_section *labels, const wn__yaml_node *node)
{
    const wn__schema schema = {.what = "soft", .table = {{wn__soft_label_settings, &labels->soft}, {wn__until_settings, labels}}};
    WN_TRY(wn__schema_read(&schema, node));
    const wn__yaml_node *said = wn__yaml_find(node, "T") ? wn__yaml_find(node, "T") : wn__yaml_find(node, "alpha");
    if (said && !wn__yaml_find(node, "kl") && labels->soft.reduction == WN__KL_MEAN)
        wn__log(WN_LOG_INFO,
                "%s:%d:%d: kl: mean averages over classes too, as the paper's code does: T and alpha weigh 1/classes of what kl: batchmean "
                "gives; say kl to choose",
                wn__yaml_source(said), wn__yaml_line(said), wn__yaml_column(said));
    return WN_OK;
}

wn_status wn__smooth_read(wn__labels_section *labels, const wn__yaml_node *node)
{
    const wn__schema schema = {.what = "smooth", .table = {{wn__smooth_settings, labels}}};
    return wn__schema_read(&schema, node);
}
