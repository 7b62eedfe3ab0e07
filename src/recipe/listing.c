/* Listings of what exists, with settings. */
#include <string.h>

#include "backend/backend.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "data/catalog.h"
#include "models/graph_file.h"
#include "recipe/recipe.h"
#include "winnow/experiment.h"

/* One kind of list: entry `index`, and the settings table of that entry (several tables follow one another). */
typedef struct list_kind {
    bool (*entry)(int index, wn_list_entry *out); /* false: past the last */
    const wn__setting *(*table)(int index, int table);
} list_kind;

static const wn__setting *no_table(int index, int table)
{
    (void)index, (void)table;
    return NULL;
}

static bool method_entry(int index, wn_list_entry *out)
{
    const wn__method *m = &wn__methods[index];
    *out = (wn_list_entry){m->name, m->summary, m->paper};
    return m->name != NULL;
}

static const wn__setting *method_table(int index, int table)
{
    const bool changes = wn__methods[index].axes.topology.grow != WN__GROW_NONE;
    return table == 0 ? wn__method_settings : table == 1 ? wn__row_settings : table == 2 && changes ? wn__topology_settings : NULL;
}

static bool model_entry(int index, wn_list_entry *out)
{
    const wn__model *m = wn__models[index];
    if (m) *out = (wn_list_entry){m->name, m->summary, m->paper};
    return m != NULL;
}

static const wn__setting *model_table(int index, int table) { return table == 0 ? wn__models[index]->settings : NULL; }

static bool optimizer_entry(int index, wn_list_entry *out)
{
    const wn__optimizer_type *o = wn__optimizers[index];
    if (o) *out = (wn_list_entry){o->name, o->summary, o->paper};
    return o != NULL;
}

static const wn__setting *optimizer_table(int index, int table) { return table == 0 ? wn__optimizers[index]->settings : NULL; }

static bool loss_entry(int index, wn_list_entry *out)
{
    const wn__loss_type *l = wn__losses[index];
    if (l) *out = (wn_list_entry){l->name, l->summary, l->paper};
    return l != NULL;
}

static const wn__setting *loss_table(int index, int table) { return table == 0 ? wn__losses[index]->settings : NULL; }

static bool metric_entry(int index, wn_list_entry *out)
{
    const wn__metric *m = wn__metrics[index];
    if (m) *out = (wn_list_entry){m->name, m->summary, NULL};
    return m != NULL;
}

static bool transform_entry(int index, wn_list_entry *out)
{
    const wn__sample_transform *t = wn__sample_transforms[index];
    if (t) *out = (wn_list_entry){t->name, t->summary, t->paper};
    return t != NULL;
}

static const wn__setting *transform_table(int index, int table) { return table == 0 ? wn__sample_transforms[index]->settings : NULL; }

static bool schedule_entry(int index, wn_list_entry *out)
{
    static const char *const summary[] = {"the same rate throughout",
                                          "times `factor` at each time of the list `at`",
                                          "half a cosine down to `final`",
                                          "(1 - x)^power down to `final`, x the share of the time",
                                          "half a cosine down to `final`, again and again",
                                          "up from `initial` to the highest rate at `peak`, then down to `final`, by half cosines"};
    static const char *const paper[] = {
        NULL, NULL, NULL, NULL, "Loshchilov and Hutter 2017, arXiv:1608.03983", "Smith and Topin 2018, arXiv:1708.07120"};
    const char *name = wn__schedule_names[index];
    if (name) *out = (wn_list_entry){name, summary[index], paper[index]};
    return name != NULL;
}

static const wn__setting *schedule_table(int index, int table) { return table == 0 ? wn__rate_settings(index) : NULL; }

static bool dataset_entry(int index, wn_list_entry *out)
{
    wn__datasets_enter();
    const wn__dataset_type *d = wn__dataset_at(index);
    if (d) *out = (wn_list_entry){d->name, d->summary, NULL};
    wn__datasets_leave();
    return d != NULL;
}

static const wn__setting *dataset_table(int index, int table)
{
    wn__datasets_enter();
    const wn__dataset_type *d = table == 0 ? wn__dataset_at(index) : NULL;
    const wn__setting *settings = d ? d->settings : NULL; /* static */
    wn__datasets_leave();
    return settings;
}

static bool backend_entry(int index, wn_list_entry *out)
{
    const wn__backend *b = wn__backends[index];
    if (b) *out = (wn_list_entry){b->name, b->summary, NULL};
    return b != NULL;
}

typedef struct section {
    const char *name, *summary;
    const wn__setting *table[2];
} section;

static const section sections[] = {
    {"(top)", "name, backend, threads ...", {wn__top_settings}},
    {"data",
     "data set (key `set`, with its own settings), split, and the lists `augment` and `evaluate` of transforms",
     {wn__data_settings, wn__data_later_settings}},
    {"model", "network (key `arch`: a name or a file, with its own settings)", {wn__model_settings}},
    {"train", "the dense run; also keys `optimizer`, `loss`, `metrics`, `lr`, `ema`, `init` and `freeze`", {wn__train_settings}},
    {"train.ema", "a moving average of the weights, evaluated and saved beside them", {wn__average_settings}},
    {"train.init", "start weights", {wn__init_settings}},
    {"mask",
     "how networks are pruned, or masks drawn; also `score` (magnitude, random, snip, grasp, synflow), `basis` (canonical, dct, haar, random, "
     "svd, low-rank, units) and the list `layers`",
     {wn__mask_settings}},
    {"mask.distribution",
     "of random masks at initialisation: erk, er, uniform, random, list or file, with these settings; also the mapping `layers`",
     {wn__distribution_settings}},
    {"mask.score.snip", "of the score snip", {wn__snip_settings}},
    {"mask.score.grasp", "of the score grasp", {wn__grasp_settings}},
    {"mask.score.synflow", "of the score synflow", {wn__synflow_settings}},
    {"mask.basis.dct", "of the basis dct: cosines", {wn__dct_basis_settings}},
    {"mask.basis.haar", "of the basis haar: wavelets", {wn__haar_basis_settings}},
    {"mask.basis.random", "of the basis random: rotations", {wn__random_basis_settings}},
    {"mask.basis.units", "of filters and neurons as a whole", {wn__units_settings}},
    {"mask.gradual", "of masks that are made while training", {wn__gradual_settings}},
    {"mask.threshold", "of masks that thresholds learn", {wn__threshold_settings}},
    {"mask.alternating", "of masks that are on and off in phases", {wn__alternation_settings}},
    {"mask.n_of_m", "of masks within groups: from n-of-m, and scope n-of-m", {wn__n_of_m_settings}},
    {"labels.soft", "soft labels of a teacher", {wn__soft_label_settings, wn__until_settings}},
    {"labels.smooth", "smoothed labels", {wn__smooth_settings}},
    {"teacher",
     "where soft labels come from; a list of such mappings: the mean of their outputs",
     {wn__teacher_settings, wn__teacher_file_settings}},
    {"methods", "changes to methods, and new ones (key `like`)", {wn__method_settings, wn__row_settings}},
    {"methods.topology", "how a method's mask changes while training", {wn__topology_settings}},
    {"compare", "lists `methods`, `sparsity` and `seeds`", {NULL}},
    {"lab", "what `winnow lab study` measures; also the lists `flow`, `at`, `lines`, `compare`, `hessian`", {wn__lab_settings}},
    {"bootstrap", "real and ideal world; also the list `n` and the mapping `variants`", {wn__bootstrap_settings}},
    {"report", "what is compared with (list `baseline`)", {wn__report_settings}},
    {"sweep", "a search over keys (mapping `space`), see docs/sweep.md; also `sparsity`, `seeds` and `halving`", {wn__sweep_settings}},
    {"sweep.halving", "successive halving", {wn__halving_settings}},
    {NULL, NULL, {NULL}},
};

static bool section_entry(int index, wn_list_entry *out)
{
    *out = (wn_list_entry){sections[index].name, sections[index].summary, NULL};
    return sections[index].name != NULL;
}

static const wn__setting *section_table(int index, int table) { return table < 2 ? sections[index].table[table] : NULL; }

static bool node_entry(int index, wn_list_entry *out)
{
    const wn__setting *settings;
    *out = (wn_list_entry){0};
    return wn__graph_file_node(index, &out->name, &out->summary, &settings);
}

static const wn__setting *node_table(int index, int table)
{
    const char *name, *summary;
    const wn__setting *settings;
    return table == 0 && wn__graph_file_node(index, &name, &summary, &settings) ? settings : NULL;
}

static const list_kind kinds[] = {
    [WN_LIST_METHODS] = {method_entry, method_table},
    [WN_LIST_MODELS] = {model_entry, model_table},
    [WN_LIST_OPTIMIZERS] = {optimizer_entry, optimizer_table},
    [WN_LIST_SCHEDULES] = {schedule_entry, schedule_table},
    [WN_LIST_DATASETS] = {dataset_entry, dataset_table},
    [WN_LIST_BACKENDS] = {backend_entry, no_table},
    [WN_LIST_SECTIONS] = {section_entry, section_table},
    [WN_LIST_LOSSES] = {loss_entry, loss_table},
    [WN_LIST_METRICS] = {metric_entry, no_table},
    [WN_LIST_TRANSFORMS] = {transform_entry, transform_table},
    [WN_LIST_NODES] = {node_entry, node_table},
};

static bool is_list(wn_list list) { return (unsigned)list < sizeof kinds / sizeof *kinds; }

int wn_list_count(wn_list list)
{
    if (!is_list(list)) return 0;
    wn_list_entry entry;
    int count = 0;
    while (kinds[list].entry(count, &entry))
        count++;
    return count;
}

static wn_status check_index(wn_list list, int index)
{
    if (!is_list(list)) return wn__fail(WN_EINVAL, "list %d, must be 0 to %d", (int)list, (int)(sizeof kinds / sizeof *kinds) - 1);
    if (index < 0 || index >= wn_list_count(list))
        return wn__fail(WN_EINVAL, "list: index %d, must be 0 to %d", index, wn_list_count(list) - 1);
    return WN_OK;
}

wn_status wn_list_get(wn_list list, int index, wn_list_entry *entry)
{
    WN__NEED(entry);
    WN_TRY(check_index(list, index));
    (void)kinds[list].entry(index, entry);
    return WN_OK;
}

static const char *type_name(wn__setting_type type)
{
    static const char *const names[] = {"", "yes/no", "whole number", "number", "text", "choice", "time", "sparsity", "numbers"};
    return names[type];
}

/* A method's own value of an axis, where it is not the table's default. */
static const char *method_fallback(int index, int table, const wn__setting *row)
{
    static _Thread_local char shown[64];
    const wn__method_axes *axes = &wn__methods[index].axes;
    const void *config = table == 0 ? (const void *)axes : &axes->topology;
    const bool unset = row->type == WN__SETTING_STEPS && ((const wn__steps *)((const char *)config + row->offset))->unit == 0;
    return unset ? NULL : wn__settings_show(row, config, shown, sizeof shown);
}

/* "topology.alpha": axes with settings of their own. */
static const char *method_setting_name(int table, const wn__setting *row)
{
    static _Thread_local char name[64];
    if (table < 2) return row->name;
    snprintf(name, sizeof name, "topology.%s", row->name);
    return name;
}

wn_status wn_list_setting(wn_list list, int index, int setting, wn_setting_info *info)
{
    WN__NEED(info);
    WN_TRY(check_index(list, index));
    int left = setting;
    for (int t = 0; left >= 0; t++) {
        const wn__setting *row = kinds[list].table(index, t);
        if (!row) break;
        for (; row->name; row++) {
            if (left-- > 0) continue;
            const bool method = list == WN_LIST_METHODS, own = method && t != 1;
            *info = (wn_setting_info){
                .name = method ? method_setting_name(t, row) : row->name,
                .help = row->help,
                .type = type_name(row->type),
                .fallback = own ? method_fallback(index, t, row) : row->fallback,
                .min = row->min,
                .max = row->max,
                .choices = row->type == WN__SETTING_CHOICE ? row->choices : NULL,
            };
            return WN_OK;
        }
    }
    return wn__fail(WN_ENOTFOUND, "list: there is no setting %d", setting);
}
