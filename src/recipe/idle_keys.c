#include "recipe/idle_keys.h"

#include <string.h>

#include "base/log.h"

static bool is_pruned(const wn__row *r) { return r->axes.mask == WN__MASK_PRUNED || r->axes.mask == WN__MASK_RANDOM; }
static bool is_shuffled(const wn__row *r) { return r->axes.mask == WN__MASK_RANDOM || r->axes.mask == WN__MASK_AT_INIT_RANDOM; }
static bool spreads(const wn__row *r)
{
    return wn__mask_is_drawn(r->axes.mask) || wn__mask_resizes(r->axes.mask) || r->mask.scope == WN__SCOPE_DISTRIBUTION;
}
static bool is_gradual(const wn__row *r) { return r->axes.mask == WN__MASK_GRADUAL; }
static bool learns(const wn__row *r) { return r->axes.mask == WN__MASK_LEARNED; }
static bool alternates(const wn__row *r) { return r->axes.mask == WN__MASK_ALTERNATING; }
static bool has_groups(const wn__row *r) { return r->axes.mask == WN__MASK_N_OF_M || r->mask.scope == WN__SCOPE_N_OF_M; }
static bool resizes(const wn__row *r) { return wn__mask_resizes(r->axes.mask); }
static bool has_init(const wn__row *r) { return r->axes.init != WN__SPARSE_INIT_NONE; }
static bool has_teacher(const wn__row *r) { return r->axes.labels == WN__LABELS_SOFT; }

static const void *axes_of(const wn__row *r) { return &r->axes; }
static const void *mask_of(const wn__row *r) { return &r->mask; }
static const void *gradual_of(const wn__row *r) { return &r->mask.gradual; }
static const void *threshold_of(const wn__row *r) { return &r->mask.threshold; }
static const void *alternating_of(const wn__row *r) { return &r->mask.alternating; }
static const void *groups_of(const wn__row *r) { return &r->mask.n_of_m; }
static const void *teacher_of(const wn__row *r) { return &r->teacher; }

typedef struct rule {
    bool of_mask; /* the key stands in the row's mapping `mask` */
    const char *key;
    bool (*counts)(const wn__row *row);
    const char *needs;
    const wn__setting *settings; /* one is called as the key, or all stand below it */
    const void *(*config)(const wn__row *row);
} rule;

#define RETRAINED "a mask that is pruned or random"
static const rule rules[] = {
    {true, "rounds", is_pruned, RETRAINED, wn__mask_settings, mask_of},
    {true, "rate", is_pruned, RETRAINED, wn__mask_settings, mask_of},
    {true, "inner", is_pruned, RETRAINED, wn__mask_settings, mask_of},
    {true, "rewind", is_pruned, RETRAINED, wn__mask_settings, mask_of},
    {true, "of", is_pruned, RETRAINED, wn__mask_settings, mask_of},
    {true, "shuffle", is_shuffled, "a mask that is random", wn__mask_settings, mask_of},
    {true, "distribution", spreads, "a mask that is drawn, or scope: distribution", wn__distribution_settings, mask_of},
    {true, "gradual", is_gradual, "a mask that is gradual", wn__gradual_settings, gradual_of},
    {true, "threshold", learns, "a mask that is learned", wn__threshold_settings, threshold_of},
    {true, "alternating", alternates, "a mask that is alternating", wn__alternation_settings, alternating_of},
    {true, "n_of_m", has_groups, "a mask from n-of-m, or scope: n-of-m", wn__n_of_m_settings, groups_of},
    {false, "match", resizes, "a mask that is small or wide", wn__method_settings, axes_of},
    {false, "init_gain", has_init, "init", wn__method_settings, axes_of},
    {false, "teacher", has_teacher, "labels: soft", wn__teacher_settings, teacher_of},
};

/* Does the setting of this name have another value, or any of them if none has the name? */
static bool changes(const rule *r, const wn__row *before, const wn__row *row)
{
    const wn__setting *one = wn__settings_find(r->settings, r->key);
    char was[512], is[512];
    if (r->settings == wn__distribution_settings && before->mask.distribution != row->mask.distribution) return true;
    for (const wn__setting *s = one ? one : r->settings; s->name; s++) {
        wn__settings_show(s, r->config(before), was, sizeof was);
        wn__settings_show(s, r->config(row), is, sizeof is);
        if (strcmp(was, is) != 0) return true;
        if (one) break;
    }
    return false;
}

void wn__idle_keys_tell(const wn__row *before, const wn__row *row, const wn__yaml_node *node)
{
    const wn__yaml_node *mask = wn__yaml_find(node, "mask");
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const rule *r = &rules[i];
        const wn__yaml_node *above = r->of_mask ? mask : node, *value = above ? wn__yaml_find(above, r->key) : NULL;
        if (!value || r->counts(row) || !changes(r, before, row)) continue;
        wn__log(WN_LOG_WARNING, "%s:%d:%d: %s: %s%s has no effect: it needs %s", wn__yaml_source(value), wn__yaml_line(value),
                wn__yaml_column(value), row->name, r->of_mask ? "mask." : "", r->key, r->needs);
    }
}
