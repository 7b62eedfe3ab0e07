/* The loss that a recipe names, and whether the data's targets are such. */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "recipe/recipe.h"

wn_target_kind wn__recipe_targets(const wn__recipe *recipe) { return recipe->data.facts.sample.target; }

wn_status wn__recipe_need_classes(const wn__recipe *recipe, const char *what)
{
    const wn_target_kind kind = wn__recipe_targets(recipe);
    if (kind == WN_TARGET_CLASS) return WN_OK;
    return wn__fail(WN_EUNSUPPORTED, "%s: is about classes; %s has targets of kind \"%s\"", what, recipe->data.type->name,
                    wn__target_kind_name(kind));
}

wn_status wn__recipe_need_metric(const wn__recipe *recipe, const wn__metric *metric)
{
    const wn__metric_set *set = &recipe->train.metrics;
    wn__text names = {0};
    bool told = false;
    for (int i = 0; i < set->count; i++) {
        told = told || set->metric[i] == metric;
        wn__text_add(&names, "%s%s", i ? ", " : "", set->metric[i]->name);
    }
    const wn_status status = told ? WN_OK
                                  : wn__fail(WN_EUSAGE, "%s is not measured here; valid: %s, and what train.metrics names of these data",
                                             metric->name, names.data ? names.data : "");
    wn__text_release(&names);
    return status;
}

static wn_status set_loss(wn__recipe *r, const wn__loss_type *type)
{
    wn__free(r->train.loss_config);
    r->train.loss_config = NULL;
    r->train.loss = type;
    return type->settings ? wn__config_new(type->settings, type->config_size, &r->train.loss_config) : WN_OK;
}

/* Names of losses that take targets of these kinds; `names` has room for WN__MOST_KEYS, ends with NULL. */
static void names_for(unsigned targets, const wn__loss_type **types, const char **names)
{
    int count = 0;
    for (int i = 0; wn__losses[i] && count < WN__MOST_KEYS - 1; i++) {
        if (!(wn__losses[i]->targets & targets)) continue;
        types[count] = wn__losses[i];
        names[count++] = wn__losses[i]->name;
    }
    names[count] = NULL;
}

wn_status wn__recipe_read_loss(void *recipe, const wn__yaml_node *node)
{
    const wn__loss_type *types[WN__MOST_KEYS];
    const char *names[WN__MOST_KEYS];
    wn__recipe *r = recipe;
    wn__variant v;
    int index;
    WN_TRY(wn__variant_read(node, "train.loss", &v));
    names_for(~0u, types, names);
    WN_TRY(wn__choice_read(v.name_node, "train.loss: unknown loss", v.name, names, &index));
    WN_TRY(set_loss(r, types[index]));
    if (!v.settings) return WN_OK;
    const wn__schema schema = {.what = v.name, .table = {{r->train.loss->settings, r->train.loss_config}}};
    return wn__schema_read(&schema, v.settings);
}

wn_status wn__recipe_read_metrics(void *recipe, const wn__yaml_node *node)
{
    wn__train_section *train = &((wn__recipe *)recipe)->train;
    const char *names[WN__MOST_METRICS];
    int count;
    WN_TRY(wn__scalar_list(node, "train.metrics", WN__MOST_METRICS, names, &count));
    train->askeds = 0;
    for (int i = 0; i < count; i++) {
        const wn__metric *metric;
        const wn_status status = wn__metric_find(names[i], &metric);
        if (status != WN_OK) return wn__fault_at(wn__list_item(node, i), "train.metrics: ", status);
        if (wn__recipe_asks_for(recipe, metric))
            return wn__yaml_fail(WN_EUSAGE, wn__list_item(node, i), "train.metrics: %s is listed twice", metric->name);
        train->asked[train->askeds++] = metric;
    }
    return WN_OK;
}

bool wn__recipe_asks_for(const wn__recipe *recipe, const wn__metric *metric)
{
    bool asks = false;
    for (int i = 0; i < recipe->train.askeds; i++)
        asks = asks || recipe->train.asked[i] == metric;
    return asks;
}

/* A key of the section train, or the section, or the recipe. */
static const wn__yaml_node *place_of(const wn__recipe *r, const char *key)
{
    const wn__yaml_node *root = wn__yaml_root(r->doc), *train = wn__yaml_find(root, "train"),
                        *node = train ? wn__yaml_find(train, key) : NULL;
    return node ? node : train ? train : root;
}

static wn_status settle_metrics(wn__recipe *r, wn_target_kind kind)
{
    const wn_status status = wn__metric_set_make(kind, r->train.asked, r->train.askeds, &r->train.metrics);
    return status == WN_OK ? WN_OK : wn__fault_at(place_of(r, "metrics"), "train.metrics: ", status);
}

/* Of shares alone there is a margin that fits all. */
static void settle_margin(wn__recipe *r)
{
    const wn__yaml_node *report = wn__yaml_find(wn__yaml_root(r->doc), "report");
    if (!wn__metric_headline(&r->train.metrics)->percent && !(report && wn__yaml_find(report, "margin"))) r->report.margin = 0;
}

wn_status wn__recipe_settle_targets(wn__recipe *r)
{
    const wn_target_kind kind = wn__recipe_targets(r);
    WN_TRY(settle_metrics(r, kind));
    settle_margin(r);
    const char *what = wn__target_kind_name(kind);
    if (!r->train.loss && !wn__loss_usual(kind))
        return wn__yaml_fail(WN_EUNSUPPORTED, place_of(r, "loss"), "train.loss: there is none for targets of kind \"%s\"", what);
    if (!r->train.loss) WN_TRY(set_loss(r, wn__loss_usual(kind)));
    if (!(r->train.loss->targets & 1u << kind)) {
        const wn__loss_type *types[WN__MOST_KEYS];
        const char *names[WN__MOST_KEYS];
        wn__text valid = {0};
        names_for(1u << kind, types, names);
        for (int i = 0; names[i]; i++)
            wn__text_add(&valid, "%s%s", i ? ", " : "", names[i]);
        const wn_status status =
            wn__yaml_fail(WN_EUSAGE, place_of(r, "loss"), "train.loss: %s does not take targets of kind \"%s\", which %s has; valid: %s",
                          r->train.loss->name, what, r->data.type->name, valid.data ? valid.data : "none");
        wn__text_release(&valid);
        return status;
    }
    if (r->train.smoothing > 0 && !wn__target_is_one_class(kind))
        return wn__yaml_fail(WN_EUSAGE, place_of(r, "smoothing"),
                             "train.smoothing: is of labels of one class; %s has targets of kind \"%s\"", r->data.type->name, what);
    return WN_OK;
}

wn_status wn__recipe_check_labels(const wn__recipe *r, const wn__row *row)
{
    const wn_target_kind kind = wn__recipe_targets(r);
    if (row->axes.labels != WN__LABELS_SMOOTH || wn__target_is_one_class(kind)) return WN_OK;
    return wn__yaml_fail(WN_EUSAGE, row->node ? row->node : r->compare_node,
                         "%s: labels: smooth: is of labels of one class; %s has targets of kind \"%s\"", row->name, r->data.type->name,
                         wn__target_kind_name(kind));
}
