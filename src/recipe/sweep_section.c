#include "recipe/sweep_section.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/locale.h"

static const char *const search_names[] = {"random", "grid", NULL};
const char *const wn__sweep_range_names[] = {"list", "uniform", "log", "int", "log_int", NULL};

const wn__setting wn__sweep_settings[] = {
    WN_SETTING_TEXT(wn__sweep_section, method, NULL, "whose keys are searched; default: the only one of compare.methods"),
    WN_SETTING_CHOICE(wn__sweep_section, search, "random", search_names, "values drawn at random, or every combination"),
    WN_SETTING_INT(wn__sweep_section, trials, 0, 0, 100000, "of random search; a grid has its own number"),
    WN_SETTING_INT(wn__sweep_section, seed, 0, 0, 1e15, "of random search"),
    WN_SETTING_TEXT(wn__sweep_section, objective, NULL,
                    "validation_METRIC of the last step, such as validation_loss; default: of the headline"),
    {0},
};

const wn__setting wn__halving_settings[] = {
    WN_SETTING_STEPS(wn__sweep_section, first, NULL, "length of the first rung, up to the next evaluation"),
    WN_SETTING_INT(wn__sweep_section, factor, 3, 2, 1000, "one trial in so many goes on, to a rung as many times as long"),
    {0},
};

/* ---- one key */

static wn_status read_number(const wn__yaml_node *node, const char *what, double *out)
{
    const char *text;
    char *end;
    WN_TRY(wn__scalar_text(node, what, &text));
    *out = wn__strtod(text, &end);
    if (end == text || *end || !isfinite(*out)) return wn__yaml_fail(WN_EUSAGE, node, "%s: \"%s\" is no number", what, text);
    return WN_OK;
}

static wn_status read_bounds(wn__sweep_key *key, const wn__yaml_node *node, const char *what)
{
    if (wn__yaml_kind_of(node) != WN__YAML_SEQUENCE || wn__yaml_count(node) != 2)
        return wn__yaml_fail(WN_EUSAGE, node, "%s: %s wants [lowest, highest]", what, wn__sweep_range_names[key->range]);
    WN_TRY(read_number(wn__yaml_child(node, 0), what, &key->low));
    WN_TRY(read_number(wn__yaml_child(node, 1), what, &key->high));
    const bool log = key->range == WN__RANGE_LOG || key->range == WN__RANGE_LOG_INT;
    const bool whole = key->range == WN__RANGE_INT || key->range == WN__RANGE_LOG_INT;
    if (key->low > key->high) return wn__yaml_fail(WN_EUSAGE, node, "%s: %g is above %g", what, key->low, key->high);
    if (log && key->low <= 0)
        return wn__yaml_fail(WN_EUSAGE, node, "%s: a logarithmic range from %g; its ends must be above 0", what, key->low);
    if (whole && (key->low != floor(key->low) || key->high != floor(key->high) || fabs(key->low) > 1e15 || fabs(key->high) > 1e15))
        return wn__yaml_fail(WN_EUSAGE, node, "%s: %s wants whole numbers", what, wn__sweep_range_names[key->range]);
    return WN_OK;
}

static int range_of(const char *name)
{
    for (int i = WN__RANGE_UNIFORM; wn__sweep_range_names[i]; i++)
        if (strcmp(wn__sweep_range_names[i], name) == 0) return i;
    return WN__RANGE_LIST;
}

static wn_status check_range(const wn__sweep_key *key, const char *what)
{
    if (key->range == WN__RANGE_LIST)
        return wn__yaml_fail(WN_EUSAGE, key->node, "%s: a list, or one of {uniform: [a, b]}, {log: ...}, {int: ...}, {log_int: ...}", what);
    const bool log = key->range == WN__RANGE_LOG || key->range == WN__RANGE_LOG_INT;
    if (log && key->step > 0) return wn__yaml_fail(WN_EUSAGE, key->node, "%s: step: a logarithmic range has no even steps", what);
    if (key->step > 0 && key->points > 0) return wn__yaml_fail(WN_EUSAGE, key->node, "%s: step or points, not both", what);
    if (key->range == WN__RANGE_INT && key->step != floor(key->step))
        return wn__yaml_fail(WN_EUSAGE, key->node, "%s: step: %g is no whole number", what, key->step);
    return WN_OK;
}

/* "{log: [1e-3, 1e-1]}", "{int: [50, 500], step: 50, unit: it}" */
static wn_status read_range(wn__sweep_key *key, const wn__yaml_node *node, const char *what)
{
    static const char *const names[] = {"uniform", "log", "int", "log_int", "step", "points", "unit"};
    for (int i = 0; i < wn__yaml_count(node); i++) {
        const wn__yaml_node *value = wn__yaml_child(node, i);
        const char *name = wn__yaml_text(wn__yaml_key(node, i));
        double number;
        if (strcmp(name, "unit") == 0) {
            WN_TRY(wn__scalar_text(value, what, &key->unit));
        } else if (strcmp(name, "step") == 0 || strcmp(name, "points") == 0) {
            const bool step = name[0] == 's';
            WN_TRY(read_number(value, what, &number));
            if (number <= 0 || (!step && (number != floor(number) || number > WN__MOST_TRIALS)))
                return wn__yaml_fail(WN_EUSAGE, value, "%s: %s: %g, must be a %s above 0", what, name, number,
                                     step ? "number" : "whole number");
            if (step)
                key->step = number;
            else
                key->points = (int64_t)number;
        } else if (range_of(name) != WN__RANGE_LIST) {
            if (key->range != WN__RANGE_LIST) return wn__yaml_fail(WN_EUSAGE, value, "%s: has two ranges", what);
            key->range = range_of(name);
            WN_TRY(read_bounds(key, value, what));
        } else {
            char unknown[320];
            snprintf(unknown, sizeof unknown, "%.280s: unknown key", what);
            return wn__unknown_at(wn__yaml_key(node, i), unknown, name, names, 7);
        }
    }
    return check_range(key, what);
}

static wn_status read_key(wn__sweep_key *key, const char *name, const wn__yaml_node *node)
{
    char what[256];
    snprintf(what, sizeof what, "sweep.space.%.200s", name);
    *key = (wn__sweep_key){.name = name, .node = node, .unit = ""};
    if (wn__yaml_kind_of(node) == WN__YAML_MAPPING) return read_range(key, node, what);
    if (wn__yaml_kind_of(node) == WN__YAML_SCALAR)
        return wn__yaml_fail(WN_EUSAGE, node, "%s: a list of values or a range is needed, not a value", what);
    if (wn__yaml_count(node) == 0) return wn__yaml_fail(WN_EUSAGE, node, "%s: an empty list", what);
    key->items = node;
    return WN_OK;
}

/* ---- the section */

static wn_status read_space(void *arg, const wn__yaml_node *node)
{
    wn__sweep_section *s = arg;
    if (wn__yaml_kind_of(node) != WN__YAML_MAPPING)
        return wn__yaml_fail(WN_EUSAGE, node,
                             "sweep.space: a mapping from keys of the recipe to values is needed: {topology.alpha: [0.1, 0.3]}");
    if (wn__yaml_count(node) > WN__MOST_SWEEP_KEYS)
        return wn__yaml_fail(WN_EUSAGE, node, "sweep.space: %d keys, at most %d are possible", wn__yaml_count(node), WN__MOST_SWEEP_KEYS);
    s->keys = 0;
    for (int i = 0; i < wn__yaml_count(node); i++)
        WN_TRY(read_key(&s->key[s->keys++], wn__yaml_text(wn__yaml_key(node, i)), wn__yaml_child(node, i)));
    return WN_OK;
}

static wn_status read_halving(void *arg, const wn__yaml_node *node)
{
    wn__sweep_section *s = arg;
    const wn__schema schema = {.what = "sweep.halving", .table = {{wn__halving_settings, s}}};
    WN_TRY(wn__schema_read(&schema, node));
    if (s->first.unit == 0) return wn__yaml_fail(WN_EUSAGE, node, "sweep.halving: the key \"first\" is missing: {first: 5ep, factor: 3}");
    s->halves = true;
    return WN_OK;
}

static wn_status read_sparsity(void *arg, const wn__yaml_node *node)
{
    ((wn__sweep_section *)arg)->sparsity = node;
    return WN_OK;
}

static wn_status read_seeds(void *arg, const wn__yaml_node *node)
{
    ((wn__sweep_section *)arg)->seeds = node;
    return WN_OK;
}

wn_status wn__sweep_section_defaults(wn__sweep_section *section)
{
    *section = (wn__sweep_section){0};
    WN_TRY(wn__settings_defaults(wn__sweep_settings, section));
    return wn__settings_defaults(wn__halving_settings, section);
}

/* Test data never choose anything: docs/protocol.md, "The number that counts". */
static wn_status read_objective(wn__sweep_section *s, const wn__yaml_node *node)
{
    static const char validation[] = "validation_";
    wn__text names = {0};
    const size_t length = sizeof validation - 1;
    if (strncmp(s->objective, validation, length) == 0 && wn__metric_find(s->objective + length, &s->metric) == WN_OK) return WN_OK;
    for (int i = 0; wn__metrics[i]; i++)
        wn__text_add(&names, "%s%s%s", i ? ", " : "", validation, wn__metrics[i]->key);
    const char *fault = strncmp(s->objective, "test", 4) == 0 ? "a sweep never chooses by test data" : "unknown objective";
    const wn_status status = wn__yaml_fail(WN_EUSAGE, wn__yaml_find(node, "objective"), "sweep.objective: \"%s\": %s; valid: %s",
                                           s->objective, fault, names.data ? names.data : "");
    wn__text_release(&names);
    return status;
}

wn_status wn__sweep_section_read(wn__sweep_section *section, const wn__yaml_node *node)
{
    static const wn__special keys[] = {
        {"space", read_space}, {"halving", read_halving}, {"sparsity", read_sparsity}, {"seeds", read_seeds}, {0}};
    const wn__schema schema = {.what = "sweep", .table = {{wn__sweep_settings, section}}, .special = keys, .arg = section};
    section->node = node;
    WN_TRY(wn__schema_read(&schema, node));
    return section->objective ? read_objective(section, node) : WN_OK;
}

static wn_status check_grid(const wn__sweep_section *s)
{
    double trials = 1;
    for (int i = 0; i < s->keys; i++) {
        const wn__sweep_key *key = &s->key[i];
        const bool even = key->range == WN__RANGE_INT || key->step > 0;
        if (key->range != WN__RANGE_LIST && !even && key->points == 0)
            return wn__yaml_fail(WN_EUSAGE, key->node, "sweep.space.%s: a grid over %s needs points: N, or a list of values", key->name,
                                 wn__sweep_range_names[key->range]);
        trials *= key->items        ? wn__yaml_count(key->items)
                  : key->points > 0 ? (double)key->points
                                    : floor((key->high - key->low) / (key->step > 0 ? key->step : 1) + 1e-9) + 1;
    }
    if (trials > WN__MOST_TRIALS)
        return wn__yaml_fail(WN_EUSAGE, s->node, "sweep: a grid of %.0f trials; %d are possible", trials, WN__MOST_TRIALS);
    if (s->trials > 0 && s->trials != (int64_t)trials)
        return wn__yaml_fail(WN_EUSAGE, wn__yaml_find(s->node, "trials"), "sweep.trials: %lld, but the grid has %.0f; leave it out",
                             (long long)s->trials, trials);
    return WN_OK;
}

wn_status wn__sweep_section_check(const wn__sweep_section *s)
{
    if (s->keys == 0)
        return wn__yaml_fail(WN_EUSAGE, s->node, "sweep: the key \"space\" is missing or empty: space: {topology.alpha: [0.1, 0.3, 0.5]}");
    if (s->search == WN__SEARCH_GRID) return check_grid(s);
    if (s->trials > 0) return WN_OK;
    const wn__yaml_node *node = wn__yaml_find(s->node, "trials");
    return wn__yaml_fail(WN_EUSAGE, node ? node : s->node, "sweep.trials: random search needs a number of trials above 0: trials: 15");
}
