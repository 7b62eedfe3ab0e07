/* The sections `methods` (changes to the table's rows, and new rows) and `compare`. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "models/named.h"
#include "recipe/claims.h"
#include "recipe/drawn.h"
#include "recipe/idle_keys.h"
#include "recipe/recipe.h"
#include "recipe/study_claims.h"

const wn__row *wn__recipe_row(const wn__recipe *r, const char *name)
{
    for (int i = 0; i < r->rows; i++)
        if (strcmp(r->row[i].name, name) == 0) return &r->row[i];
    return NULL;
}

static wn__row *find_row(wn__recipe *r, const char *name) { return (wn__row *)wn__recipe_row(r, name); }

static wn_status unknown_method(const wn__recipe *r, const wn__yaml_node *node, const char *what, const char *wrong)
{
    return wn__unknown_at(node, what, wrong, r->row_name, r->rows);
}

/* ---- one row */

typedef struct row_reader {
    wn__recipe *recipe;
    wn__row *row;
} row_reader;

static wn_status read_row_mask(void *arg, const wn__yaml_node *node)
{
    wn__row *row = ((row_reader *)arg)->row;
    return wn__mask_read(&row->mask, &row->axes.mask, node);
}

static wn_status read_row_labels(void *arg, const wn__yaml_node *node)
{
    wn__row *row = ((row_reader *)arg)->row;
    wn__variant v;
    WN_TRY(wn__variant_read(node, "labels", &v));
    WN_TRY(wn__choice_read(v.name_node, "labels: unknown kind", v.name, wn__method_labels_names, &row->axes.labels));
    if (!v.settings) return WN_OK;
    switch (row->axes.labels) {
    case WN__LABELS_SOFT: return wn__soft_read(&row->labels, v.settings);
    case WN__LABELS_SMOOTH: return wn__smooth_read(&row->labels, v.settings);
    default: return wn__yaml_fail(WN_EUSAGE, v.settings, "labels: hard labels have no settings");
    }
}

static wn_status read_row_teacher(void *arg, const wn__yaml_node *node)
{
    return wn__teacher_read(&((row_reader *)arg)->row->teacher, node);
}

/* "none", another way to grow, or a mapping. */
static wn_status read_row_topology(void *arg, const wn__yaml_node *node)
{
    wn__topology_rule *topology = &((row_reader *)arg)->row->axes.topology;
    const wn__schema schema = {.what = "topology", .table = {{wn__topology_settings, topology}}};
    if (wn__yaml_kind_of(node) == WN__YAML_SCALAR) {
        const char *text;
        WN_TRY(wn__scalar_text(node, "topology", &text));
        WN_TRY(wn__choice_read(node, "topology: unknown way to grow", text, wn__grow_names, &topology->grow));
        return WN_OK;
    }
    WN_TRY(wn__schema_read(&schema, node));
    if (topology->grow == WN__GROW_NONE && !wn__yaml_find(node, "grow"))
        return wn__yaml_fail(WN_EUSAGE, node, "topology: has no effect without \"grow\": random, gradient or momentum");
    return WN_OK;
}

static wn_status ignore(void *arg, const wn__yaml_node *node)
{
    (void)arg, (void)node;
    return WN_OK;
}

/* A network of other widths is another one: nothing can be rewound to it, and its widths must be a setting. */
static wn_status check_small(const wn__recipe *r, const wn__row *row)
{
    const wn__yaml_node *node = row->node ? row->node : r->compare_node;
    const wn__model *type = r->model.type;
    if (!wn__mask_resizes(row->axes.mask)) return WN_OK;
    if (!wn__network_width_setting(type))
        return wn__yaml_fail(WN_EUSAGE, node, "%s: %s has no setting that multiplies its widths", row->name, type->name);
    if (row->axes.start == WN__START_REWOUND || row->axes.start == WN__START_FINAL)
        return wn__yaml_fail(WN_EUSAGE, node, "%s: a %s network has start weights of its own: start: initial or redrawn", row->name,
                             wn__method_mask_names[row->axes.mask]);
    if (row->axes.mask == WN__MASK_WIDE && row->mask.basis.kind != WN__BASIS_CANONICAL)
        return wn__yaml_fail(WN_EUSAGE, node, "%s: mask: wide is of weights, not of a basis", row->name);
    return WN_OK;
}

static wn_status check_gradual(const wn__recipe *r, const wn__row *row)
{
    const wn__yaml_node *node = row->node ? row->node : r->compare_node;
    wn__gradual gradual;
    char prefix[256];
    if (row->axes.mask != WN__MASK_GRADUAL) return WN_OK;
    if (row->mask.file[0]) return wn__yaml_fail(WN_EUSAGE, node, "%s: mask: gradual, or of a file, not both", row->name);
    if (row->mask.scoring.score != WN__MAGNITUDE)
        return wn__yaml_fail(WN_EUSAGE, node, "%s: mask: gradual prunes by magnitude, not by %s", row->name,
                             wn__saliency_names[row->mask.scoring.score]);
    snprintf(prefix, sizeof prefix, "%s: mask.", row->name);
    const wn_status status = wn__gradual_resolve(&row->mask.gradual, r->clock.steps_per_epoch, r->clock.total, &gradual);
    return status == WN_OK ? WN_OK : wn__fault_at(node, prefix, status);
}

static bool scored_often(const wn__scoring *s) { return s->iterations > 1 || (s->iterations == 0 && s->score == WN__SYNFLOW); }

static wn_status check_thinning(const wn__recipe *r, const wn__row *row)
{
    const wn__yaml_node *node = row->node ? row->node : r->compare_node;
    const char *mask = wn__method_mask_names[row->axes.mask];
    const bool groups = row->mask.scope == WN__SCOPE_N_OF_M;
    wn__alternation phases;
    char prefix[256];
    snprintf(prefix, sizeof prefix, "%s: mask.", row->name);
    const bool whole = row->axes.mask == WN__MASK_ALTERNATING && wn__basis_maps(row->mask.basis.kind); /* masks, as pruning makes them */
    if ((groups || (wn__mask_thins(row->axes.mask) && !whole)) && row->mask.basis.kind != WN__BASIS_CANONICAL)
        return wn__yaml_fail(WN_EUSAGE, node, "%s: mask: %s is of weights, not of a basis", row->name, groups ? "scope: n-of-m" : mask);
    if (groups && (row->axes.mask == WN__MASK_RANDOM || row->axes.mask == WN__MASK_AT_INIT_RANDOM || row->axes.mask == WN__MASK_GRADUAL))
        return wn__yaml_fail(WN_EUSAGE, node, "%s: mask: %s cannot keep groups: scope: n-of-m is for pruned, at-init and alternating masks",
                             row->name, mask);
    if (groups && row->axes.mask == WN__MASK_PRUNED && (row->mask.rounds > 1 || row->mask.rate > 0))
        return wn__yaml_fail(WN_EUSAGE, node, "%s: mask: scope: n-of-m prunes once: no rounds and no rate", row->name);
    if (groups && row->axes.mask == WN__MASK_AT_INIT && scored_often(&row->mask.scoring))
        return wn__yaml_fail(WN_EUSAGE, node, "%s: mask: scope: n-of-m prunes once: score: {%s: {iterations: 1}}", row->name,
                             wn__saliency_names[row->mask.scoring.score]);
    if (!wn__mask_thins(row->axes.mask)) return WN_OK;
    if (row->mask.file[0]) return wn__yaml_fail(WN_EUSAGE, node, "%s: mask: %s, or of a file, not both", row->name, mask);
    if (row->mask.scoring.score != WN__MAGNITUDE)
        return wn__yaml_fail(WN_EUSAGE, node, "%s: mask: %s goes by magnitude, not by %s", row->name, mask,
                             wn__saliency_names[row->mask.scoring.score]);
    if (row->axes.optimizer_state == WN__SLOTS_REWOUND)
        return wn__yaml_fail(WN_EUSAGE, node, "%s: mask: %s starts with a fresh optimizer", row->name, mask);
    if (row->axes.mask != WN__MASK_ALTERNATING) return WN_OK;
    const wn_status status = wn__alternation_resolve(&row->mask.alternating, r->clock.steps_per_epoch, r->clock.total, &phases);
    return status == WN_OK ? WN_OK : wn__fault_at(node, prefix, status);
}

static wn_status check_topology(const wn__recipe *r, const wn__row *row)
{
    const wn__yaml_node *node = row->node ? row->node : r->compare_node;
    const wn__topology_rule *topology = &row->axes.topology;
    wn__rewiring rewiring;
    char prefix[256];
    snprintf(prefix, sizeof prefix, "%s: ", row->name);
    const wn_status status = wn__rewiring_resolve(topology, r->clock.steps_per_epoch, r->clock.total, &rewiring);
    if (status != WN_OK) return wn__fault_at(node, prefix, status);
    if (topology->grow == WN__GROW_NONE) return WN_OK;
    const wn_status fits = wn__mask_is_drawn(row->axes.mask) ? wn__rewiring_check_block(topology, row->mask.block) : WN_OK;
    if (fits != WN_OK) return wn__fault_at(node, prefix, fits);
    if (row->axes.mask == WN__MASK_GRADUAL || wn__mask_thins(row->axes.mask))
        return wn__yaml_fail(WN_EUSAGE, node, "%s: topology: a mask that is %s changes already", row->name,
                             wn__method_mask_names[row->axes.mask]);
    if (row->axes.mask == WN__MASK_NONE || row->axes.mask == WN__MASK_SMALL)
        return wn__yaml_fail(WN_EUSAGE, node, "%s: topology: there is no mask to change; say mask: drawn", row->name);
    if (wn__topology_needs_slots(topology) && r->train.optimizer->slots(r->train.optimizer_config) == 0)
        return wn__yaml_fail(WN_EUSAGE, node, "%s: topology: redistribute: momentum: the optimizer keeps none", row->name);
    return WN_OK;
}

static bool is_at_init(const wn__row *row) { return row->axes.mask == WN__MASK_AT_INIT || row->axes.mask == WN__MASK_AT_INIT_RANDOM; }

/* What cannot be said of coefficients; NULL: nothing is wrong. */
static const char *against_coefficients(const wn__row *row)
{
    const wn__method_axes *axes = &row->axes;
    const int score = row->mask.scoring.score;
    if (axes->init != WN__SPARSE_INIT_NONE || axes->reinit != WN__REINIT_SAME)
        return "start weights by connections need weights, not coefficients";
    if (axes->optimizer_state == WN__SLOTS_REWOUND) return "the optimizer's state is that of weights, not of coefficients";
    return score == WN__SYNFLOW ? "this score knows weights alone, not coefficients" : NULL;
}

/* ... nor of what follows from trained weights: directions, ranks, whole units. */
static const char *against_parts(const wn__row *row)
{
    const int kind = row->mask.basis.kind;
    if (row->axes.mask == WN__MASK_DRAWN) return "there is nothing to draw before weights are trained";
    if (row->axes.topology.grow != WN__GROW_NONE) return "which of its parts are kept cannot change while training";
    if (row->axes.mask == WN__MASK_GRADUAL || row->axes.mask == WN__MASK_ALTERNATING)
        return "its mask is made from trained weights, not while training";
    if (row->mask.file[0]) return "its mask cannot come from a file";
    if (row->mask.scoring.score != WN__MAGNITUDE) return "its parts are ranked by magnitude alone";
    if (row->mask.rule != WN__PRUNE_EXACT) return "its counts are exact: rule: exact";
    if (kind != WN__BASIS_LOW_RANK)
        return row->mask.scope == WN__SCOPE_DISTRIBUTION ? "its parts have no distribution: scope: global or layer" : NULL;
    return row->axes.mask == WN__MASK_RANDOM || is_at_init(row) ? "ranks have no random mask, nor one at the start" : NULL;
}

static wn_status check_basis(const wn__recipe *r, const wn__row *row)
{
    const int kind = row->mask.basis.kind;
    const char *why = NULL;
    if (kind == WN__BASIS_CANONICAL || row->axes.mask == WN__MASK_NONE || row->axes.mask == WN__MASK_SMALL) return WN_OK;
    if (wn__basis_maps(kind)) why = against_coefficients(row);
    if (!why && (wn__basis_is_fitted(kind) || kind == WN__BASIS_UNITS)) why = against_parts(row);
    if (!why) return WN_OK;
    return wn__yaml_fail(WN_EUSAGE, row->node ? row->node : r->compare_node, "%s: mask.basis: %s: %s", row->name, wn__basis_names[kind],
                         why);
}

/* Weights without taps, or of other lengths than powers of two: said before anything is trained. */
static wn_status check_basis_fits(const wn__recipe *r, const wn__row *row)
{
    wn__params params = {0};
    const wn__basis_spec *basis = &row->mask.basis;
    if (!wn__basis_maps(basis->kind) || wn__basis_is_fitted(basis->kind) || row->axes.mask == WN__MASK_NONE) return WN_OK;
    const wn__selection *selection = &r->selection[row->selection];
    wn_status status = wn__graph_make_params(r->graph, &params);
    for (int i = 0; status == WN_OK && i < params.count; i++) {
        wn__transform *t = NULL;
        if (selection->selected[i]) status = wn__transform_new(basis, &params.item[i], i, 0, &t);
        wn__transform_free(t);
    }
    wn__params_release(&params);
    if (status == WN_OK) return WN_OK;
    char prefix[256];
    snprintf(prefix, sizeof prefix, "%s: mask.basis: ", row->name);
    return wn__fault_at(row->node ? row->node : r->compare_node, prefix, status);
}

/* Why a changed row `dense` cannot be what masks, rewound weights and teachers come from; NULL: it can. */
static const char *against_dense(const wn__row *row)
{
    const wn__method_axes *axes = &row->axes;
    if (axes->mask != WN__MASK_NONE) return "mask: it has none";
    if (axes->start != WN__START_INITIAL && !row->start_file[0])
        return "start: it starts from the replicate's weights, or from a start_file";
    if (axes->init != WN__SPARSE_INIT_NONE) return "init: its start weights are those of all rows, by train.init";
    if (axes->labels == WN__LABELS_SOFT && row->teacher.files.count == 0)
        return "labels: soft: it would be its own teacher; say teacher: {file: ...}";
    return axes->data_order == WN__ORDER_CONTINUE ? "data_order: it has no run to continue" : NULL;
}

static wn_status check_dense(const wn__row *row)
{
    const char *why = strcmp(row->name, "dense") == 0 ? against_dense(row) : NULL;
    if (!why) return WN_OK;
    return wn__yaml_fail(WN_EUSAGE, row->node,
                         "dense: masks, rewound weights and teachers come from this row. %s; or compare a new row: {like: dense}", why);
}

/* Only masks that are drawn are made of blocks. */
static wn_status check_block(const wn__recipe *r, const wn__row *row)
{
    const int from = row->axes.mask;
    if (row->mask.block == WN__BLOCK_WEIGHT || from == WN__MASK_NONE || from == WN__MASK_SMALL || wn__mask_is_drawn(from)) return WN_OK;
    return wn__yaml_fail(WN_EUSAGE, row->node ? row->node : r->compare_node,
                         "%s: mask: block: %s has no effect on masks that are %s; basis: units prunes whole filters and neurons", row->name,
                         wn__block_names[row->mask.block], wn__method_mask_names[from]);
}

static wn_status check_row(const wn__recipe *r, const wn__row *row)
{
    wn__method_span span;
    if (r->faulty) return WN_OK;
    const wn_status status = wn__method_span_of(&row->axes, r->clock.steps_per_epoch, r->clock.total, &span);
    char prefix[256];
    snprintf(prefix, sizeof prefix, "%s: ", row->name);
    if (status != WN_OK) return wn__fault_at(row->node ? row->node : r->compare_node, prefix, status);
    WN_TRY(check_dense(row));
    if (row->stretch != 1 && (row->axes.start == WN__START_REWOUND || row->axes.schedule == WN__RATE_REWOUND))
        return wn__yaml_fail(WN_EUSAGE, row->node, "%s: stretch: a schedule that is rewound is the dense run's, which is not stretched",
                             row->name);
    if (row->axes.order && row->axes.data_order != WN__ORDER_NEW)
        return wn__yaml_fail(WN_EUSAGE, row->node, "%s: order: the dense run's stream has no number; data_order: new", row->name);
    WN_TRY(check_topology(r, row));
    if (wn__mask_before_training(row->axes.mask) && row->mask.file[0])
        return wn__yaml_fail(WN_EUSAGE, row->node ? row->node : r->compare_node, "%s: mask: %s, or of a file, not both", row->name,
                             wn__method_mask_names[row->axes.mask]);
    WN_TRY(wn__recipe_check_labels(r, row));
    WN_TRY(check_small(r, row));
    WN_TRY(check_block(r, row));
    WN_TRY(check_gradual(r, row));
    WN_TRY(check_basis(r, row));
    WN_TRY(check_thinning(r, row));
    WN_TRY(wn__bootstrap_check_row(r, row));
    const bool draws = (row->axes.start == WN__START_INITIAL || row->axes.start == WN__START_REDRAWN) && !row->start_file[0];
    if (row->axes.init != WN__SPARSE_INIT_NONE && !draws)
        return wn__yaml_fail(WN_EUSAGE, row->node, "%s: init: %s needs weights that are drawn: start: initial or redrawn", row->name,
                             wn__sparse_init_names[row->axes.init]);
    if (row->axes.init != WN__SPARSE_INIT_NONE && row->axes.reinit != WN__REINIT_SAME)
        return wn__yaml_fail(WN_EUSAGE, row->node, "%s: either init: %s or reinit: %s, not both", row->name,
                             wn__sparse_init_names[row->axes.init], wn__reinit_names[row->axes.reinit]);
    if (row->axes.optimizer_state == WN__SLOTS_REWOUND && row->axes.start != WN__START_REWOUND)
        return wn__yaml_fail(WN_EUSAGE, row->node, "%s: optimizer_state: rewound needs start: rewound", row->name);
    return WN_OK;
}

/* A key that the row's other choices make idle is a mistake, not a wish. */
static wn_status check_idle_keys(const wn__row *row, const wn__yaml_node *node)
{
    const wn__yaml_node *rewind = wn__yaml_find(node, "rewind"), *reinit = wn__yaml_find(node, "reinit"),
                        *redraw = wn__yaml_find(node, "redraw");
    if (rewind && row->axes.start != WN__START_REWOUND && row->axes.schedule != WN__RATE_REWOUND)
        return wn__yaml_fail(WN_EUSAGE, rewind, "%s: rewind has no effect: it needs start: rewound or schedule: rewound", row->name);
    if (reinit && row->axes.start != WN__START_REDRAWN)
        return wn__yaml_fail(WN_EUSAGE, reinit, "%s: reinit has no effect: it needs start: redrawn", row->name);
    if (redraw && row->axes.start != WN__START_REDRAWN)
        return wn__yaml_fail(WN_EUSAGE, redraw, "%s: redraw has no effect: it needs start: redrawn", row->name);
    return WN_OK;
}

static wn_status read_row(wn__recipe *r, wn__row *row, const wn__yaml_node *node)
{
    static const wn__special keys[] = {{"like", ignore},
                                       {"mask", read_row_mask},
                                       {"labels", read_row_labels},
                                       {"teacher", read_row_teacher},
                                       {"topology", read_row_topology},
                                       {0}};
    const wn__row before = *row;
    row_reader reader = {r, row};
    const wn__schema schema = {
        .what = row->name,
        .table = {{wn__method_settings, &row->axes}, {wn__row_settings, row}},
        .special = keys,
        .arg = &reader,
    };
    /* A length alone says where rewinding goes to: to the end of the run less this length. */
    if (wn__yaml_find(node, "retrain") && !wn__yaml_find(node, "rewind")) row->axes.rewind.unit = 0;
    row->node = node;
    WN_TRY(wn__schema_read(&schema, node));
    WN_TRY(check_idle_keys(row, node));
    if (r->faulty) return WN_OK;
    wn__idle_keys_tell(&before, row, node);
    return check_row(r, row);
}

/* ---- all rows */

static void add_row(wn__recipe *r, const wn__row *row)
{
    r->row_name[r->rows] = row->name;
    r->row[r->rows++] = *row;
}

/* As many as there are methods and entries of `methods`: rows stay where they are. */
static wn_status make_room_for_rows(wn__recipe *r)
{
    int most = r->methods_node ? wn__yaml_count(r->methods_node) : 0;
    for (const wn__method *m = wn__methods; m->name; m++)
        most++;
    r->row = WN_NEW_ARRAY(wn__row, most);
    r->row_name = WN_NEW_ARRAY(const char *, most);
    return r->row && r->row_name ? WN_OK : wn__no_memory((size_t)most * sizeof *r->row);
}

static wn_status add_table(wn__recipe *r)
{
    for (const wn__method *m = wn__methods; m->name; m++) {
        wn__row row = {
            .name = m->name,
            .base = m->name,
            .method = m,
            .axes = m->axes,
            .start_file = "",
            .backend = "",
            .stretch = 1,
            .mask = r->mask,
            .labels = r->labels,
            .teacher = r->teacher,
        };
        if (m->axes.topology.grow == WN__GROW_NONE) WN_TRY(wn__settings_defaults(wn__topology_settings, &row.axes.topology));
        if (m->axes.mask == WN__MASK_AT_INIT && m->score != row.mask.scoring.score)
            WN_TRY(wn__scoring_defaults(m->score, &row.mask.scoring));
        if (m->scope) row.mask.scope = m->scope;
        if (m->block) row.mask.block = m->block;
        if (m->thresholds)
            row.mask.gradual = (wn__gradual_rule){
                .end = {75, '%'}, .begin = {0, 'i'}, .interval = {1, 'i'}, .power = 3, .initial = 0.999, .pruned = WN__PRUNED_RETURN};
        add_row(r, &row);
    }
    return WN_OK;
}

/* Rows are like those above them: of those that stand below, or are none. */
static wn_status no_such_like(const wn__recipe *r, const wn__yaml_node *key, const wn__yaml_node *node, const char *like)
{
    const wn__yaml_node *own = wn__yaml_find(r->methods_node, like);
    const char *name = wn__yaml_text(key), *next = like;
    if (!own) return unknown_method(r, node, "like: unknown method", like);
    for (int i = 0; next && i < wn__yaml_count(r->methods_node); i++) {
        if (strcmp(next, name) == 0) return wn__yaml_fail(WN_EUSAGE, node, "methods.%s: like: %s leads back to itself", name, like);
        const wn__yaml_node *row = wn__yaml_find(r->methods_node, next), *before = row ? wn__yaml_find(row, "like") : NULL;
        next = before ? wn__yaml_text(before) : NULL;
    }
    return wn__yaml_fail(WN_EUSAGE, node, "methods.%s: like: %s must stand above it", name, like);
}

static wn_status add_new_row(wn__recipe *r, const wn__yaml_node *key, const wn__yaml_node *node)
{
    const char *name = wn__yaml_text(key), *like;
    const wn__yaml_node *like_node = wn__yaml_find(node, "like");
    if (!like_node) {
        char what[512];
        snprintf(what, sizeof what, "methods: unknown method (a new row needs \"like\")");
        return unknown_method(r, key, what, name);
    }
    if (strlen(name) > WN__LONGEST_ROW_NAME)
        return wn__yaml_fail(WN_EUSAGE, key, "methods: a name of %zu letters; at most %d are possible", strlen(name), WN__LONGEST_ROW_NAME);
    WN_TRY(wn__scalar_text(like_node, "like", &like));
    const wn__row *model = find_row(r, like);
    if (!model) return no_such_like(r, key, like_node, like);
    wn__row row = *model;
    row.name = name;
    add_row(r, &row);
    return WN_OK;
}

/* An entry of the section: a change to a row, or a new one. */
static wn_status read_method(wn__recipe *r, const wn__yaml_node *key, const wn__yaml_node *node)
{
    wn__row *row = find_row(r, wn__yaml_text(key));
    const wn__yaml_node *like = wn__yaml_find(node, "like");
    if (row && like && strcmp(wn__yaml_text(like) ? wn__yaml_text(like) : "", row->base) != 0)
        return wn__yaml_fail(WN_EUSAGE, like, "methods.%s: is a row already; \"like\" is for new rows", row->name);
    if (!row) {
        WN_TRY(add_new_row(r, key, node));
        row = &r->row[r->rows - 1];
    }
    return read_row(r, row, node);
}

static wn_status read_methods(wn__recipe *r)
{
    const wn__yaml_node *methods = r->methods_node;
    wn__faults faults = {.status = WN_OK};
    if (!methods || wn__yaml_is_null(methods)) return WN_OK;
    if (wn__yaml_kind_of(methods) != WN__YAML_MAPPING)
        return wn__yaml_fail(WN_EUSAGE, methods, "methods: a mapping is needed, not a %s", wn__yaml_kind_name(wn__yaml_kind_of(methods)));
    for (int i = 0; i < wn__yaml_count(methods); i++)
        if (!wn__faults_take(&faults, read_method(r, wn__yaml_key(methods, i), wn__yaml_child(methods, i)))) break;
    return wn__faults_end(&faults);
}

/* What its mask may prune where the recipe does not say. */
static void settle_layers(wn__row *row)
{
    const bool spreads = wn__mask_is_drawn(row->axes.mask) || row->axes.mask == WN__MASK_SMALL;
    const bool counted = row->mask.scope == WN__SCOPE_DISTRIBUTION; /* the distribution is over what is pruned */
    const bool groups = row->axes.mask == WN__MASK_N_OF_M || row->mask.scope == WN__SCOPE_N_OF_M;
    const bool all = spreads || row->axes.mask == WN__MASK_LEARNED;
    if ((all || counted || groups) && row->mask.patterns == 0) {
        const bool pieces = row->mask.block == WN__BLOCK_KERNEL || row->mask.block == WN__BLOCK_FILTER;
        row->mask.layers[row->mask.patterns++] = all && pieces ? "convolutions" : all ? "all" : "default";
        if (groups && !spreads) row->mask.layers[row->mask.patterns++] = "!first"; /* images have few channels */
    }
}

/* A row may start from what another one trained, but not from itself, nor in a circle. */
static wn_status check_of(wn__recipe *r, const wn__row *row)
{
    const wn__yaml_node *node = row->node ? row->node : r->compare_node;
    const wn__row *of = row;
    for (int depth = 0; of->mask.of[0] && (of->axes.mask == WN__MASK_PRUNED || of->axes.mask == WN__MASK_RANDOM); depth++) {
        wn__row *next = find_row(r, of->mask.of);
        if (!next) return unknown_method(r, node, "mask.of: unknown method", of->mask.of);
        WN_TRY(check_row(r, next));
        settle_layers(next);
        if (depth == r->rows) return wn__yaml_fail(WN_EUSAGE, node, "%s: mask.of: %s is made of itself", row->name, row->mask.of);
        if (of->mask.basis.kind != WN__BASIS_CANONICAL)
            return wn__yaml_fail(WN_EUSAGE, node, "%s: mask.of: masks over weights are no masks over coefficients: no basis", of->name);
        if (of->mask.rounds > 1 || of->mask.rate > 0 || of->mask.file[0])
            return wn__yaml_fail(WN_EUSAGE, node, "%s: mask.of: what another method trained is pruned once: no rounds, rate or file",
                                 of->name);
        if (wn__mask_resizes(next->axes.mask) || wn__drawn_has_own_sparsity(&next->mask) || next->mask.basis.kind != WN__BASIS_CANONICAL)
            return wn__yaml_fail(
                WN_EUSAGE, node,
                "%s: mask.of: %s trains a network of other widths, coefficients, or at a sparsity of its own, which cannot be pruned to this one's",
                row->name, next->name);
        of = next;
    }
    return WN_OK;
}

/* Pruning by a rate goes on until the sparsity is reached. */
static wn_status check_rate(const wn__recipe *r, const wn__row *row)
{
    char shown[32];
    const bool rounds = row->axes.mask == WN__MASK_PRUNED || row->axes.mask == WN__MASK_RANDOM;
    if (!rounds || row->mask.rate <= 0 || row->mask.file[0]) return WN_OK;
    for (int i = 0; i < r->sparsities; i++)
        if (wn__rate_sparsity(row->mask.rate, WN__MOST_ROUNDS) < r->sparsity[i] - 1e-9)
            return wn__yaml_fail(WN_EUSAGE, row->node ? row->node : r->compare_node,
                                 "%s: mask.rate: %g of what is left reaches %s after more than %d rounds; take a higher rate", row->name,
                                 row->mask.rate, wn__show_sparsity(r->sparsity[i], shown, sizeof shown), WN__MOST_ROUNDS);
    return WN_OK;
}

/* "Same" and "not worse" need a margin in the metric's unit. */
static wn_status read_claim(const wn__recipe *r, const char *text, wn__claim *out)
{
    const wn__metric *headline = wn__metric_headline(&r->train.metrics);
    WN_TRY(wn__claim_parse(text, out));
    const wn__metric *metric = out->metric ? out->metric : headline;
    WN_TRY(wn__recipe_need_metric(r, metric));
    const bool by_default = metric->percent ? headline->percent : metric == headline && r->report.margin > 0;
    if (out->kind == WN__CLAIM_BETTER || out->margin >= 0 || by_default) return WN_OK;
    return wn__fail(WN_EUSAGE, "claim \"%s\" needs a margin of %s: within NUMBER%s", text, metric->title,
                    metric == headline ? ", or report.margin" : "");
}

/* Of methods that there are; whether they are compared this time, the report says. */
static wn_status check_claims(wn__recipe *r, const wn__yaml_node *node)
{
    for (int i = 0; i < r->report.claims; i++) {
        wn__claim claim;
        const bool study = wn__claim_is_of_study(r->report.claim[i]);
        const wn_status status = study ? wn__study_claim_check(r, r->report.claim[i]) : read_claim(r, r->report.claim[i], &claim);
        if (study && status == WN_OK) continue;
        if (status != WN_OK) return wn__fault_at(wn__yaml_find(node, "claims"), "report.claims: ", status);
        const char *missing = find_row(r, claim.method) ? claim.than : claim.method;
        if (!find_row(r, missing)) return unknown_method(r, wn__yaml_find(node, "claims"), "report.claims: unknown method", missing);
    }
    return WN_OK;
}

wn_status wn__recipe_read_rows(wn__recipe *recipe)
{
    WN_TRY(make_room_for_rows(recipe));
    WN_TRY(add_table(recipe));
    return read_methods(recipe);
}

/* ---- compare */

static wn_status add_compared(wn__recipe *r, const wn__yaml_node *item, const char *name)
{
    const wn__row *row = find_row(r, name);
    if (!row && r->faulty && wn__yaml_find(r->methods_node, name)) return WN_OK; /* its own fault is told */
    if (!row) return unknown_method(r, item, "compare.methods: unknown method", name);
    const int index = (int)(row - r->row);
    for (int j = 0; j < r->methods; j++)
        if (r->compared[j] == index) return wn__yaml_fail(WN_EUSAGE, item, "compare.methods: \"%s\" is listed twice", name);
    WN_TRY(wn__make_room(&r->compared, r->methods, sizeof *r->compared));
    r->compared[r->methods++] = index;
    return check_row(r, row);
}

static wn_status read_compared(void *arg, const wn__yaml_node *node)
{
    wn__recipe *r = arg;
    const char **names;
    int count;
    WN_TRY(wn__scalar_list_new(node, "compare.methods", &names, &count));
    wn__faults faults = {.status = WN_OK};
    for (int i = 0; i < count; i++)
        if (!wn__faults_take(&faults, add_compared(r, wn__list_item(node, i), names[i]))) break;
    wn__free(names);
    return wn__faults_end(&faults);
}

static bool same_patterns(const wn__mask_section *a, const wn__mask_section *b)
{
    if (a->patterns != b->patterns) return false;
    for (int i = 0; i < a->patterns; i++)
        if (strcmp(a->layers[i], b->layers[i]) != 0) return false;
    return true;
}

/* Told once for a list of patterns, however often weights are selected by it later. */
static void warn_of_little(const wn_graph *g, const wn__selection *s)
{
    if (2 * s->weights < s->all_weights)
        wn__log(WN_LOG_WARNING, "the layer selection covers %lld of %lld weights of %s, less than half", (long long)s->weights,
                (long long)s->all_weights, g->name);
}

/* Rows with the same patterns share one selection. */
static wn_status select_layers(wn__recipe *r, wn__row *row)
{
    settle_layers(row);
    row->selection = r->selections;
    for (int i = 0; i < r->methods; i++) {
        const wn__row *other = &r->row[r->compared[i]];
        if (other == row) break;
        if (same_patterns(&other->mask, &row->mask)) {
            row->selection = other->selection;
            return WN_OK;
        }
    }
    wn_status status = wn__make_room(&r->selection, r->selections, sizeof *r->selection);
    if (status == WN_OK) status = wn__selection_make(r->graph, row->mask.layers, row->mask.patterns, &r->selection[r->selections]);
    if (status == WN_OK) {
        warn_of_little(r->graph, &r->selection[r->selections++]);
        return WN_OK;
    }
    const wn__yaml_node *root = wn__yaml_root(r->doc), *mask = wn__yaml_find(root, "mask");
    const wn__yaml_node *own = row->node ? wn__yaml_find(row->node, "mask") : NULL;
    return wn__fault_at(own ? own : mask ? mask : root, "mask.layers: ", status);
}

static wn_status add_sparsity(wn__recipe *r, const wn__yaml_node *item, const char *text)
{
    double sparsity;
    const wn_status status = wn__sparsity_parse(text, &sparsity);
    if (status != WN_OK) return wn__fault_at(item, "compare.sparsity: ", status);
    for (int j = 0; j < r->sparsities; j++)
        if (r->sparsity[j] == sparsity) return wn__yaml_fail(WN_EUSAGE, item, "compare.sparsity: %s is listed twice", text);
    WN_TRY(wn__make_room(&r->sparsity, r->sparsities, sizeof *r->sparsity));
    r->sparsity[r->sparsities++] = sparsity;
    return WN_OK;
}

wn_status wn__recipe_prepare_mask(wn__recipe *recipe, wn__row *row)
{
    WN_TRY(check_basis(recipe, row));
    WN_TRY(check_thinning(recipe, row));
    WN_TRY(select_layers(recipe, row));
    return check_basis_fits(recipe, row);
}

static wn_status read_sparsity(void *arg, const wn__yaml_node *node)
{
    wn__recipe *r = arg;
    const char **texts;
    int count;
    WN_TRY(wn__scalar_list_new(node, "compare.sparsity", &texts, &count));
    wn__faults faults = {.status = WN_OK};
    for (int i = 0; i < count; i++)
        if (!wn__faults_take(&faults, add_sparsity(r, wn__list_item(node, i), texts[i]))) break;
    wn__free(texts);
    return wn__faults_end(&faults);
}

static wn_status add_seed(uint64_t seed, uint64_t **seeds, int *count)
{
    for (int i = 0; i < *count; i++)
        if ((*seeds)[i] == seed) return wn__fail(WN_EUSAGE, "seed %llu is listed twice", (unsigned long long)seed);
    if (*count == WN__MOST_SEEDS) return wn__fail(WN_EUSAGE, "more than %d seeds", WN__MOST_SEEDS);
    WN_TRY(wn__make_room(seeds, *count, sizeof **seeds));
    (*seeds)[(*count)++] = seed;
    return WN_OK;
}

wn_status wn__seeds_parse(const char *text, uint64_t **seeds, int *count)
{
    const char *at = text;
    for (;;) {
        char *end;
        const bool digits = *at >= '0' && *at <= '9';
        const uint64_t first = strtoull(at, &end, 10);
        uint64_t last = first;
        bool good = digits && end - at <= 18;
        if (good && *end == '-') {
            at = end + 1;
            good = *at >= '0' && *at <= '9';
            last = strtoull(at, &end, 10);
            good = good && end - at <= 18 && last >= first;
        }
        if (!good || (*end != 0 && *end != ',')) return wn__fail(WN_EUSAGE, "\"%s\" are no seeds; write 0-4, or 0,2,7", text);
        for (uint64_t seed = first; seed <= last; seed++)
            WN_TRY(add_seed(seed, seeds, count));
        if (*end == 0) return WN_OK;
        at = end + 1;
        at += strspn(at, " ");
    }
}

static wn_status read_seeds(void *arg, const wn__yaml_node *node)
{
    wn__recipe *r = arg;
    const char **texts;
    int count;
    WN_TRY(wn__scalar_list_new(node, "compare.seeds", &texts, &count));
    wn_status status = WN_OK;
    for (int i = 0; i < count && status == WN_OK; i++)
        status = wn__seeds_parse(texts[i], &r->seed, &r->seeds);
    wn__free(texts);
    if (status != WN_OK) return wn__fault_at(node, "compare.seeds: ", status);
    return r->seeds > 0 ? WN_OK : wn__yaml_fail(WN_EUSAGE, node, "compare.seeds: there is none");
}

wn_status wn__recipe_read_compare(wn__recipe *recipe)
{
    static const wn__special keys[] = {{"methods", read_compared}, {"sparsity", read_sparsity}, {"seeds", read_seeds}, {0}};
    const wn__schema schema = {.what = "compare", .special = keys, .arg = recipe};
    const wn__yaml_node *root = wn__yaml_root(recipe->doc), *node = recipe->compare_node;
    if (!node)
        return wn__yaml_fail(WN_EUSAGE, root, "recipe: the section \"compare\" is missing: compare: {methods: [dense], sparsity: 90%%}");
    WN_TRY(wn__schema_read(&schema, node));
    if (recipe->faulty) return WN_OK;
    if (recipe->methods == 0) return wn__yaml_fail(WN_EUSAGE, node, "compare: the key \"methods\" is missing or empty");
    if (recipe->seeds == 0) WN_TRY(wn__seeds_parse("0", &recipe->seed, &recipe->seeds));
    bool prunes = false;
    for (int i = 0; i < recipe->methods; i++)
        prunes = prunes || recipe->row[recipe->compared[i]].axes.mask != WN__MASK_NONE;
    if (prunes && recipe->sparsities == 0) return wn__yaml_fail(WN_EUSAGE, node, "compare: the key \"sparsity\" is missing or empty");
    for (int i = 0; i < recipe->methods; i++)
        WN_TRY(select_layers(recipe, &recipe->row[recipe->compared[i]]));
    for (int i = 0; i < recipe->methods; i++)
        WN_TRY(check_of(recipe, &recipe->row[recipe->compared[i]]));
    for (int i = 0; i < recipe->methods; i++)
        WN_TRY(check_rate(recipe, &recipe->row[recipe->compared[i]]));
    for (int i = 0; i < recipe->methods; i++)
        WN_TRY(check_basis_fits(recipe, &recipe->row[recipe->compared[i]]));
    for (int i = 0; i < recipe->report.baselines; i++)
        if (!find_row(recipe, recipe->report.baseline[i]))
            return unknown_method(recipe, wn__yaml_find(root, "report"), "report.baseline: unknown method", recipe->report.baseline[i]);
    WN_TRY(wn__lab_section_check(recipe));
    return check_claims(recipe, wn__yaml_find(root, "report"));
}
