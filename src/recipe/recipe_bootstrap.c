/* The section `bootstrap`: real and ideal world (data/world.h), and what of a recipe they do not allow. */
#include <string.h>

#include "base/fail.h"
#include "data/world.h"
#include "recipe/recipe.h"

static const char *const origin_names[] = {"own", "shared", NULL};

const wn__setting wn__bootstrap_settings[] = {
    WN_SETTING_INT(wn__bootstrap_section, every, 64, 1, 1e12, "steps between evaluations in a world"),
    WN_SETTING_INT(wn__bootstrap_section, early, 16, 1, 1e6,
                   "so many times as often before step early x every, half that before twice the step; 1: not more often"),
    WN_SETTING_INT(wn__bootstrap_section, train_images, 0, 0, 1e12, "evaluated training images of the real world; 0: all"),
    WN_SETTING_CHOICE(wn__bootstrap_section, origin, "own", origin_names,
                      "where masks, rewind points and teachers come from: a dense run in the same world, or one on a third sample"),
    WN_SETTING_FLOAT(wn__bootstrap_section, converged, 0.01, 0, 1, "T0 is the first step with so small a soft error on training images"),
    WN_SETTING_FLOAT(wn__bootstrap_section, margin, 2, 0, 100, "points of soft error within which gaps count as small, and as equal"),
    {0},
};

/* ---- reading */

static wn_status read_sizes(void *arg, const wn__yaml_node *node)
{
    static const wn__setting size = {"n", WN__SETTING_INT, 0, 1, 1e12, NULL, NULL, ""};
    wn__bootstrap_section *b = arg;
    const char *texts[WN__MOST_SIZES];
    const wn__setting rows[] = {size, {0}};
    WN_TRY(wn__scalar_list(node, "bootstrap.n", WN__MOST_SIZES, texts, &b->sizes));
    for (int i = 0; i < b->sizes; i++) {
        const wn_status status = wn__settings_set(rows, &b->n[i], "n", texts[i]);
        if (status != WN_OK) return wn__fault_at(wn__list_item(node, i), "bootstrap.", status);
        for (int j = 0; j < i; j++)
            if (b->n[j] == b->n[i]) return wn__yaml_fail(WN_EUSAGE, wn__list_item(node, i), "bootstrap.n: %s is listed twice", texts[i]);
    }
    return WN_OK;
}

static wn_status read_variants(void *arg, const wn__yaml_node *node)
{
    wn__bootstrap_section *b = arg;
    if (wn__yaml_kind_of(node) != WN__YAML_MAPPING)
        return wn__yaml_fail(WN_EUSAGE, node,
                             "bootstrap.variants: a mapping from names to changes is needed: {conv: {}, mlp: {model: ...}}");
    for (int i = 0; i < wn__yaml_count(node); i++) {
        const wn__yaml_node *changes = wn__yaml_child(node, i);
        const size_t length = strlen(wn__yaml_text(wn__yaml_key(node, i)));
        if (length > WN__LONGEST_ROW_NAME)
            return wn__yaml_fail(WN_EUSAGE, changes, "bootstrap.variants: a name of %zu letters; at most %d are possible", length,
                                 WN__LONGEST_ROW_NAME);
        if (!wn__yaml_is_null(changes) && wn__yaml_kind_of(changes) != WN__YAML_MAPPING)
            return wn__yaml_fail(WN_EUSAGE, changes,
                                 "bootstrap.variants.%s: a mapping from keys of the recipe to values is needed: {train.lr: 0.1}",
                                 wn__yaml_text(wn__yaml_key(node, i)));
    }
    b->variants = node;
    return WN_OK;
}

wn_status wn__bootstrap_read(void *recipe, const wn__yaml_node *node)
{
    wn__bootstrap_section *b = &((wn__recipe *)recipe)->bootstrap;
    static const wn__special keys[] = {{"n", read_sizes}, {"variants", read_variants}, {0}};
    const wn__schema schema = {.what = "bootstrap", .table = {{wn__bootstrap_settings, b}}, .special = keys, .arg = b};
    return wn__schema_read(&schema, node);
}

/* ---- what follows */

static wn_status at_section(const wn__recipe *r, const char *key, const char *prefix, wn_status status)
{
    const wn__yaml_node *root = wn__yaml_root(r->doc), *node = wn__yaml_find(root, key);
    return status == WN_OK ? WN_OK : wn__fault_at(node ? node : root, prefix, status);
}

/* Without data.train_size: what a set that goes on behind them would have without a world, else as many as E epochs can have of their own. */
static wn_status settle_size(wn__recipe *r)
{
    wn__data_facts plain = r->data.facts;
    plain.stream_count = 0;
    if (r->data.train_size > 0) return WN_OK;
    if (r->data.type->streams && !r->data.type->needs_world) return wn__world_samples(&plain, r->data.validation, &r->data.train_size);
    if (r->train.epochs == 0)
        return wn__fail(WN_EUSAGE, "world: say data.train_size, the samples of the real world, where the length is in steps");
    r->data.train_size = r->world_samples / r->train.epochs;
    return WN_OK;
}

wn_status wn__bootstrap_resolve(wn__recipe *r)
{
    const wn__data_facts *facts = &r->data.facts;
    WN_TRY(at_section(r, "data", "data.validation: ", wn__world_samples(facts, r->data.validation, &r->world_samples)));
    WN_TRY(at_section(r, "data", "data: ", settle_size(r)));
    if (r->data.train_size < 1 || r->data.train_size > r->world_samples)
        return at_section(r, "data", "data.train_size: ",
                          wn__fail(WN_EUSAGE, "a real world of %lld samples, but there are %lld", (long long)r->data.train_size,
                                   (long long)r->world_samples));
    const int64_t n = r->data.train_size;
    if (r->data.last_batch == WN__LAST_WRAP && n % r->train.batch != 0)
        return at_section(r, "data", "data.last_batch: ", wn__fail(WN_EUSAGE, "wrap takes samples again, which the ideal world does not"));
    r->train_images = n;
    r->test_images = facts->test_count;
    const int64_t all = facts->stream_count ? facts->stream_count : facts->train_count;
    r->validation_images = all - r->world_samples;
    return WN_OK;
}

wn_status wn__bootstrap_check_row(const wn__recipe *r, const wn__row *row)
{
    const wn__topology_rule *t = &row->axes.topology;
    if (r->top.world != WN__WORLD_NONE && r->bootstrap.origin == WN__ORIGIN_SHARED && row->mask.of[0])
        return wn__yaml_fail(WN_EUSAGE, row->node ? row->node : r->compare_node,
                             "%s: mask.of: bootstrap.origin: shared is for masks of dense runs; what %s trains is of its own world",
                             row->name, row->mask.of);
    if (r->top.world != WN__WORLD_IDEAL) return WN_OK;
    if (t->grow != WN__GROW_NONE && t->grow != WN__GROW_RANDOM && t->gradient != WN__LOOK_BATCH)
        return wn__yaml_fail(WN_EUSAGE, row->node ? row->node : r->compare_node,
                             "%s: topology: gradient: looks at images again; in the ideal world only that of the step's batch is possible",
                             row->name);
    return WN_OK;
}
