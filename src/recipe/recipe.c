#include "recipe/recipe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/locale.h"
#include "base/log.h"
#include "data/catalog.h"
#include "data/pictures.h"
#include "data/world.h"
#include "models/named.h"
#include "recipe/data_path.h"

/* ---- sections with choices */

/* r->data.type, or r->data.absent where it may be. */
static wn_status find_set(wn__recipe *r, const wn__yaml_node *node)
{
    const char *name, *names[WN__MOST_KEYS];
    const wn__dataset_type *type;
    int count = 0;
    WN_TRY(wn__scalar_text(node, "data.set", &name));
    if ((r->data.type = wn__dataset_hold(name)) != NULL) return WN_OK;
    if (r->data.may_lack && strcmp(r->data.may_lack, name) == 0) {
        r->data.absent = name;
        return WN_OK;
    }
    wn__datasets_enter();
    for (; count < WN__MOST_KEYS && (type = wn__dataset_at(count)) != NULL; count++)
        names[count] = type->name;
    const wn_status status = wn__unknown_at(node, "data.set: unknown data set", name, names, count);
    wn__datasets_leave();
    return status;
}

static wn_status ignore(void *arg, const wn__yaml_node *node)
{
    (void)arg, (void)node;
    return WN_OK;
}

/* Files that the set's settings name are not here. */
static void leave_absent(wn__recipe *r, const char *name)
{
    r->data.absent = name;
    wn__dataset_drop(r->data.type);
    wn__free(r->data.config);
    r->data.type = NULL;
    r->data.config = NULL;
}

static bool says_place(const wn__dataset_type *type, const wn__yaml_node *node)
{
    bool says = false;
    for (int i = 0; type->places && type->places[i]; i++)
        says = says || wn__yaml_find(node, type->places[i]);
    return says;
}

/* What a network that is to run need not look at. */
static bool stays_unlisted(const wn__data_section *d, bool may_lack, const wn__yaml_node *node)
{
    if (d->type->open != wn__pictures_open) return false;
    return (may_lack && d->unlisted) || (d->placeless && !says_place(d->type, node));
}

static wn_status read_data(void *arg, const wn__yaml_node *node)
{
    wn__recipe *r = arg;
    const wn__yaml_node *set = wn__yaml_find(node, "set");
    if (!set) return wn__yaml_fail(WN_EUSAGE, node, "data: the key \"set\" is missing: which data set?");
    WN_TRY(find_set(r, set));
    if (r->data.absent) return WN_OK;
    WN_TRY(wn__config_new(r->data.type->settings, r->data.type->config_size, &r->data.config));
    if (r->data.type->validation) r->data.validation = r->data.type->validation;
    static const wn__special keys[] = {{"set", ignore}, {"augment", wn__recipe_read_augment}, {"evaluate", wn__recipe_read_evaluate}, {0}};
    const wn__schema schema = {
        .what = "data",
        .table = {{wn__data_settings, &r->data}, {wn__data_later_settings, &r->data}, {r->data.type->settings, r->data.config}},
        .special = keys,
        .arg = r,
    };
    WN_TRY(wn__schema_read(&schema, node));
    const bool may_lack = r->data.may_lack && strcmp(r->data.may_lack, r->data.type->name) == 0;
    const bool unlisted = stays_unlisted(&r->data, may_lack, node);
    const wn_status status = unlisted ? WN_ENOTFOUND : wn__dataset_describe(r->data.type, r->data.config, &r->data.facts);
    if (unlisted || (status == WN_ENOTFOUND && may_lack)) {
        leave_absent(r, may_lack ? r->data.may_lack : r->data.type->name);
        return WN_OK;
    }
    if (status == WN_OK && r->data.facts.own_validation > 0 && !wn__yaml_find(node, "validation")) r->data.validation = "auto";
    return status == WN_OK ? wn__recipe_settle_transforms(&r->data, node) : wn__fault_at(set, "data.set: ", status);
}

/* A name of the list, or a file that describes a network: "nets/my.yaml". */
static wn_status find_arch(wn__recipe *r, const wn__yaml_node *arch)
{
    const char *name, *names[WN__MOST_KEYS];
    WN_TRY(wn__scalar_text(arch, "model.arch", &name));
    const size_t length = strlen(name);
    if (strchr(name, '/') || (length > 5 && strcmp(name + length - 5, ".yaml") == 0)) {
        r->model.file = name;
        return wn__config_new(wn__graph_file_settings, sizeof(wn__graph_file_config), &r->model.config);
    }
    int count = 0;
    for (; wn__models[count] && count < WN__MOST_KEYS; count++) {
        names[count] = wn__models[count]->name;
        if (strcmp(names[count], name) == 0) r->model.type = wn__models[count];
    }
    if (!r->model.type) return wn__unknown_at(arch, "model.arch: unknown network", name, names, count);
    return wn__config_new(r->model.type->settings, r->model.type->config_size, &r->model.config);
}

static wn_status read_model(void *arg, const wn__yaml_node *node)
{
    wn__recipe *r = arg;
    const wn__yaml_node *arch = wn__yaml_kind_of(node) == WN__YAML_SCALAR ? node : wn__yaml_find(node, "arch");
    if (!arch) return wn__yaml_fail(WN_EUSAGE, node, "model: the key \"arch\" is missing: which network?");
    WN_TRY(find_arch(r, arch));
    if (arch == node) return WN_OK;
    static const wn__special keys[] = {{"arch", ignore}, {0}};
    const wn__setting *rows = wn__network_settings(r->model.type);
    const wn__schema schema = {
        .what = "model", .table = {{wn__model_settings, &r->model}, {rows, r->model.config}}, .special = keys, .arg = r};
    WN_TRY(wn__schema_read(&schema, node));
    static const char *const idle[] = {"names", "rewind_file", "classes"};
    for (int i = 0; !r->model.weights[0] && i < 3; i++)
        if (wn__yaml_find(node, idle[i]))
            return wn__yaml_fail(WN_EUSAGE, wn__yaml_find(node, idle[i]), "model.%s has no effect without model.weights", idle[i]);
    return WN_OK;
}

static wn_status read_optimizer(void *arg, const wn__yaml_node *node)
{
    wn__recipe *r = arg;
    wn__variant v;
    WN_TRY(wn__variant_read(node, "train.optimizer", &v));
    const char *names[WN__MOST_KEYS] = {0};
    for (int i = 0; wn__optimizers[i] && i < WN__MOST_KEYS - 1; i++)
        names[i] = wn__optimizers[i]->name;
    int index;
    WN_TRY(wn__choice_read(v.name_node, "train.optimizer: unknown optimizer", v.name, names, &index));
    wn__free(r->train.optimizer_config);
    r->train.optimizer_config = NULL;
    r->train.optimizer = wn__optimizers[index];
    WN_TRY(wn__config_new(r->train.optimizer->settings, r->train.optimizer->config_size, &r->train.optimizer_config));
    if (!v.settings) return WN_OK;
    const wn__schema schema = {.what = v.name, .table = {{r->train.optimizer->settings, r->train.optimizer_config}}};
    return wn__schema_read(&schema, v.settings);
}

static wn_status read_milestones(void *arg, const wn__yaml_node *node)
{
    wn__rate_section *rate = arg;
    const char *texts[WN__MAX_MILESTONES];
    WN_TRY(wn__scalar_list(node, "lr.step.at", WN__MAX_MILESTONES, texts, &rate->ats));
    for (int i = 0; i < rate->ats; i++) {
        const wn_status status = wn__steps_parse(texts[i], &rate->at[i]);
        if (status != WN_OK) return wn__fault_at(wn__list_item(node, i), "lr.step.at: ", status);
    }
    return WN_OK;
}

static wn_status read_rate(void *arg, const wn__yaml_node *node)
{
    wn__rate_section *rate = &((wn__recipe *)arg)->train.rate;
    wn__variant v;
    WN_TRY(wn__variant_read(node, "train.lr", &v));
    if (v.name_node == node && strchr("0123456789.+-", v.name[0])) { /* "lr: 0.1" */
        const wn__schema constant = {.what = "train.lr", .table = {{wn__rate_settings(WN__SCHEDULE_CONSTANT), rate}}};
        const wn_status status = wn__settings_set(constant.table[0].rows, rate, "base", v.name);
        return status == WN_OK ? WN_OK : wn__fault_at(node, "train.lr: ", status);
    }
    WN_TRY(wn__choice_read(v.name_node, "train.lr: unknown schedule", v.name, wn__schedule_names, &rate->kind));
    WN_TRY(wn__settings_defaults(wn__rate_settings(rate->kind), rate));
    static const wn__special keys[] = {{"at", read_milestones}, {0}};
    const bool steps = rate->kind == WN__SCHEDULE_STEP;
    const wn__schema schema = {
        .what = v.name, .table = {{wn__rate_settings(rate->kind), rate}}, .special = steps ? keys : NULL, .arg = rate};
    if (v.settings) WN_TRY(wn__schema_read(&schema, v.settings));
    if (steps && rate->ats == 0) return wn__yaml_fail(WN_EUSAGE, node, "train.lr: step: the key \"at\" is missing: [90ep, 135ep]");
    return WN_OK;
}

static wn_status read_init(void *arg, const wn__yaml_node *node)
{
    wn__recipe *r = arg;
    const wn__schema schema = {.what = "train.init", .table = {{wn__init_settings, &r->train.init}}};
    if (wn__yaml_kind_of(node) != WN__YAML_SCALAR) return wn__schema_read(&schema, node);
    const char *text;
    WN_TRY(wn__scalar_text(node, "train.init", &text));
    const wn_status status = wn__settings_set(wn__init_settings, &r->train.init, "weights", text);
    return status == WN_OK ? WN_OK : wn__fault_at(node, "train.init: ", status);
}

/* "0.9999", or with settings. */
static wn_status read_average(void *arg, const wn__yaml_node *node)
{
    wn__recipe *r = arg;
    const wn__schema schema = {.what = "train.ema", .table = {{wn__average_settings, &r->train.average}}};
    return wn__yaml_kind_of(node) == WN__YAML_SCALAR ? wn__schema_set(&schema, "decay", node) : wn__schema_read(&schema, node);
}

static wn_status read_freeze(void *arg, const wn__yaml_node *node)
{
    wn__train_section *train = &((wn__recipe *)arg)->train;
    return wn__scalar_list(node, "train.freeze", WN__MOST_PATTERNS, train->freeze, &train->freezes);
}

static wn_status read_train(void *arg, const wn__yaml_node *node)
{
    wn__recipe *r = arg;
    static const wn__special keys[] = {{"optimizer", read_optimizer},
                                       {"loss", wn__recipe_read_loss},
                                       {"metrics", wn__recipe_read_metrics},
                                       {"lr", read_rate},
                                       {"ema", read_average},
                                       {"freeze", read_freeze},
                                       {"init", read_init},
                                       {0}};
    const wn__schema schema = {.what = "train", .table = {{wn__train_settings, &r->train}}, .special = keys, .arg = r};
    return wn__schema_read(&schema, node);
}

/* ---- sections that rows have, too */

static wn_status read_mask(void *arg, const wn__yaml_node *node) { return wn__mask_read(&((wn__recipe *)arg)->mask, NULL, node); }
static wn_status read_soft(void *arg, const wn__yaml_node *node) { return wn__soft_read(&((wn__recipe *)arg)->labels, node); }
static wn_status read_smooth(void *arg, const wn__yaml_node *node) { return wn__smooth_read(&((wn__recipe *)arg)->labels, node); }
static wn_status read_teacher(void *arg, const wn__yaml_node *node) { return wn__teacher_read(&((wn__recipe *)arg)->teacher, node); }

static wn_status read_labels(void *arg, const wn__yaml_node *node)
{
    static const wn__special keys[] = {{"soft", read_soft}, {"smooth", read_smooth}, {0}};
    const wn__schema schema = {.what = "labels", .special = keys, .arg = arg};
    return wn__schema_read(&schema, node);
}

static wn_status read_baseline(void *arg, const wn__yaml_node *node)
{
    wn__report_section *report = &((wn__recipe *)arg)->report;
    wn__free(report->baseline);
    report->baseline = NULL;
    return wn__scalar_list_new(node, "report.baseline", &report->baseline, &report->baselines);
}

static wn_status read_claims(void *arg, const wn__yaml_node *node)
{
    wn__report_section *report = &((wn__recipe *)arg)->report;
    return wn__scalar_list_new(node, "report.claims", &report->claim, &report->claims);
}

static wn_status read_report(void *arg, const wn__yaml_node *node)
{
    wn__recipe *r = arg;
    static const wn__special keys[] = {{"baseline", read_baseline}, {"claims", read_claims}, {0}};
    const wn__schema schema = {.what = "report", .table = {{wn__report_settings, &r->report}}, .special = keys, .arg = arg};
    return wn__schema_read(&schema, node);
}

static wn_status read_sweep(void *arg, const wn__yaml_node *node) { return wn__sweep_section_read(&((wn__recipe *)arg)->sweep, node); }

static wn_status keep_methods(void *arg, const wn__yaml_node *node)
{
    ((wn__recipe *)arg)->methods_node = node;
    return WN_OK;
}

static wn_status keep_compare(void *arg, const wn__yaml_node *node)
{
    ((wn__recipe *)arg)->compare_node = node;
    return WN_OK;
}

/* ---- the whole */

static wn_status set_defaults(wn__recipe *r)
{
    WN_TRY(wn__settings_defaults(wn__top_settings, &r->top));
    WN_TRY(wn__settings_defaults(wn__data_settings, &r->data));
    WN_TRY(wn__settings_defaults(wn__data_later_settings, &r->data));
    WN_TRY(wn__settings_defaults(wn__model_settings, &r->model));
    WN_TRY(wn__settings_defaults(wn__train_settings, &r->train));
    WN_TRY(wn__settings_defaults(wn__rate_settings(WN__SCHEDULE_CONSTANT), &r->train.rate));
    WN_TRY(wn__settings_defaults(wn__average_settings, &r->train.average));
    WN_TRY(wn__settings_defaults(wn__init_settings, &r->train.init));
    WN_TRY(wn__settings_defaults(wn__mask_settings, &r->mask));
    WN_TRY(wn__settings_defaults(wn__distribution_settings, &r->mask));
    WN_TRY(wn__settings_defaults(wn__gradual_settings, &r->mask.gradual));
    WN_TRY(wn__settings_defaults(wn__threshold_settings, &r->mask.threshold));
    WN_TRY(wn__settings_defaults(wn__alternation_settings, &r->mask.alternating));
    WN_TRY(wn__settings_defaults(wn__n_of_m_settings, &r->mask.n_of_m));
    r->mask.distribution = WN__ERK;
    WN_TRY(wn__basis_defaults(WN__BASIS_CANONICAL, &r->mask.basis));
    WN_TRY(wn__settings_defaults(wn__soft_label_settings, &r->labels.soft));
    WN_TRY(wn__settings_defaults(wn__smooth_settings, &r->labels));
    WN_TRY(wn__settings_defaults(wn__teacher_settings, &r->teacher));
    WN_TRY(wn__settings_defaults(wn__teacher_file_settings, &r->teacher));
    WN_TRY(wn__settings_defaults(wn__report_settings, &r->report));
    WN_TRY(wn__settings_defaults(wn__bootstrap_settings, &r->bootstrap));
    WN_TRY(wn__sweep_section_defaults(&r->sweep));
    WN_TRY(wn__settings_defaults(wn__lab_settings, &r->lab));
    r->labels.soft.soft = true;
    r->report.baseline = WN_NEW_ARRAY(const char *, 2);
    if (!r->report.baseline) return wn__no_memory(2 * sizeof *r->report.baseline);
    r->report.baseline[0] = "dense";
    r->report.baseline[1] = "lottery-ticket";
    r->report.baselines = 2;
    r->train.optimizer = wn__optimizers[0];
    return wn__config_new(r->train.optimizer->settings, r->train.optimizer->config_size, &r->train.optimizer_config);
}

static wn_status set_weights(wn__yaml *doc, const char *path)
{
    wn__text text = {0};
    wn__recipe_add_quoted(&text, path);
    const wn_status status = text.failed ? wn__no_memory(text.size) : wn__yaml_set_by(doc, "model.weights", text.data, "weights");
    wn__text_release(&text);
    return status;
}

static wn_status open_document(const wn__recipe_source *source, wn__yaml **doc)
{
    const char *text = source->text ? source->text : "";
    for (int i = 0; i < source->sets || source->sets < 0; i++)
        if (source->sets < 0 || !source->set || !source->set[i])
            return wn__fail(WN_EINVAL, "set: %d entries, of which number %d is not there", source->sets, i);
    if (source->path)
        WN_TRY(wn__yaml_read(source->path, doc));
    else
        WN_TRY(wn__yaml_parse(source->text ? source->label : "(no recipe)", text, strlen(text), doc));
    if (source->at) WN_TRY(wn__yaml_nest(*doc, source->at));
    if (source->data) WN_TRY(wn__recipe_use_data(*doc, source->data, source->input));
    if (source->weights) WN_TRY(set_weights(*doc, source->weights));
    for (int i = 0; i < source->sets; i++) {
        const char *equals = strchr(source->set[i], '=');
        if (source->seeds && strncmp(source->set[i], "compare.seeds=", 14) == 0)
            return wn__fail(WN_EUSAGE, "seeds %s or --set %s, not both", source->seeds, source->set[i]);
        if (!equals || equals == source->set[i])
            return wn__fail(WN_EUSAGE, "--set %s: key=value is needed, for example train.epochs=10", source->set[i]);
        char *key = wn__strdup(source->set[i]);
        if (!key) return wn__no_memory(strlen(source->set[i]));
        key[equals - source->set[i]] = 0;
        const wn_status status = wn__yaml_set(*doc, key, equals + 1);
        wn__free(key);
        WN_TRY(status);
    }
    return source->seeds ? wn__yaml_set_by(*doc, "compare.seeds", source->seeds, "seeds") : WN_OK;
}

static wn_status check_name(wn__recipe *r, const char *path)
{
    if (!r->top.name) {
        r->default_name = wn__strdup(path ? wn__base_name(path) : "unnamed");
        if (!r->default_name) return wn__no_memory(1);
        char *dot = strrchr(r->default_name, '.');
        if (dot && dot != r->default_name) *dot = 0;
        r->top.name = r->default_name;
    }
    r->folder_name = wn__folder_name(r->top.name);
    if (!r->folder_name) return wn__no_memory(strlen(r->top.name));
    if (r->folder_name[0] && strcmp(r->folder_name, "stages") != 0 && strlen(r->folder_name) <= 200) return WN_OK;
    return wn__fail(WN_EUSAGE, "%s: name: \"%s\" cannot name a folder; use letters and digits, at most 200 bytes (and not \"stages\")",
                    path ? path : "recipe", r->top.name);
}

/* Where nothing is said and the default would leave no sample for training: a tenth. */
static void settle_validation(wn__recipe *r)
{
    wn__data_section *d = &r->data;
    const wn__yaml_node *data = wn__yaml_find(wn__yaml_root(r->doc), "data");
    wn__split split;
    if (!d->type || d->type->validation || r->top.world != WN__WORLD_NONE || d->facts.train_count < 2) return;
    if (wn__yaml_find(data, "validation") || wn__split_make(&d->facts, d->validation, 0, &split) == WN_OK) return;
    const int64_t tenth = d->facts.train_count / 10;
    snprintf(d->tenth, sizeof d->tenth, "last-%" PRId64, tenth > 0 ? tenth : 1);
    wn__log(WN_LOG_INFO, "data.validation: %s of the %" PRId64 " training samples of %s, which are too few for %s", d->tenth,
            d->facts.train_count, d->type->name, d->validation);
    d->validation = d->tenth;
}

/* "epochs" and "steps". */
static wn_status check_length(const wn__recipe *r, const wn__yaml_node *root)
{
    const wn__yaml_node *train = wn__yaml_find(root, "train"), *steps = wn__yaml_find(train, "steps");
    if ((r->train.epochs > 0) != (r->train.steps > 0)) return WN_OK;
    if (r->train.epochs == 0)
        return wn__yaml_fail(WN_EUSAGE, train ? train : root, "train: one of \"epochs\" and \"steps\" is needed: train: {epochs: 20}");
    return wn__yaml_fail(WN_EUSAGE, steps ? steps : train,
                         "train: only one of \"epochs\" and \"steps\" is needed; with 0 the other counts: --set train.epochs=0");
}

/* What is needed, and what follows from all sections. */
static wn_status settle(wn__recipe *r, const wn__recipe_source *source, bool parts)
{
    const wn__yaml_node *root = wn__yaml_root(r->doc);
    settle_validation(r);
    WN_TRY(check_name(r, source->path));
    if (parts) return WN_OK;
    if (!r->data.type) return wn__yaml_fail(WN_EUSAGE, root, "recipe: the section \"data\" is missing: data: {set: shapes}");
    if (!r->model.type && !r->model.file)
        return wn__yaml_fail(WN_EUSAGE, root, "recipe: the section \"model\" is missing: model: {arch: resnet20}");
    WN_TRY(check_length(r, root));
    return wn__recipe_resolve(r);
}

/* Methods and what is compared; after a fault only to tell others. */
static void read_comparison(wn__recipe *r, const wn__recipe_source *source, wn__faults *faults)
{
    r->faulty = faults->status != WN_OK;
    if (!wn__faults_take(faults, wn__recipe_read_rows(r))) return;
    r->faulty = faults->status != WN_OK;
    const bool missing = r->faulty && !r->compare_node;
    if (!source->no_compare && !missing) wn__faults_take(faults, wn__recipe_read_compare(r));
    r->faulty = false;
}

static wn_status read_all(wn__recipe *r, const wn__recipe_source *source, bool parts)
{
    static const wn__special keys[] = {{"data", read_data},
                                       {"model", read_model},
                                       {"train", read_train},
                                       {"mask", read_mask},
                                       {"labels", read_labels},
                                       {"teacher", read_teacher},
                                       {"compare", keep_compare},
                                       {"methods", keep_methods},
                                       {"report", read_report},
                                       {"bootstrap", wn__bootstrap_read},
                                       {"sweep", read_sweep},
                                       {"lab", wn__lab_section_read},
                                       {0}};
    const wn__schema schema = {.what = "recipe", .table = {{wn__top_settings, &r->top}}, .special = keys, .arg = r};
    WN_TRY(set_defaults(r));
    WN_TRY(open_document(source, &r->doc));
    r->data.may_lack = source->may_lack;
    r->data.unlisted = source->unlisted;
    r->data.placeless = source->placeless;
    const wn__yaml_node *root = wn__yaml_root(r->doc);
    wn__faults faults = {.status = WN_OK};
    const bool goes_on = wn__faults_take(&faults, wn__schema_read(&schema, root));
    r->data.may_lack = NULL;
    if (goes_on && faults.status == WN_OK) wn__faults_take(&faults, settle(r, source, parts));
    if (!parts && goes_on) read_comparison(r, source, &faults);
    return wn__faults_end(&faults);
}

static wn_status read_recipe(const wn__recipe_source *source, bool parts, wn__recipe **out)
{
    wn__recipe *r = WN_NEW(wn__recipe);
    if (!r) return wn__no_memory(sizeof *r);
    const wn_status status = read_all(r, source, parts);
    if (status != WN_OK) {
        wn__recipe_free(r);
        return status;
    }
    *out = r;
    return WN_OK;
}

wn_status wn__recipe_read(const wn__recipe_source *source, wn__recipe **out) { return read_recipe(source, false, out); }
wn_status wn__recipe_read_parts(const wn__recipe_source *source, wn__recipe **out) { return read_recipe(source, true, out); }

void wn__recipe_free(wn__recipe *recipe)
{
    if (!recipe) return;
    for (int i = 0; i < recipe->selections; i++)
        wn__selection_release(&recipe->selection[i]);
    wn_graph_free(recipe->graph);
    wn__data_facts_release(&recipe->data.facts);
    wn__dataset_drop(recipe->data.type);
    wn__free(recipe->data.config);
    wn__transforms_release(&recipe->data.transforms);
    wn__transforms_release(&recipe->data.fit);
    wn__free(recipe->model.config);
    wn__free(recipe->train.optimizer_config);
    wn__free(recipe->train.loss_config);
    wn__free(recipe->default_name);
    wn__free(recipe->folder_name);
    wn__free(recipe->network);
    wn__free(recipe->report.baseline);
    wn__free(recipe->report.claim);
    wn__free(recipe->row);
    wn__free(recipe->row_name);
    wn__free(recipe->selection);
    wn__free(recipe->compared);
    wn__free(recipe->sparsity);
    wn__free(recipe->seed);
    wn__yaml_free(recipe->doc);
    wn__free(recipe);
}
