/* Networks side by side: distances, predictions, masks, a map. */
#include <math.h>
#include <string.h>

#include "analysis/compare.h"
#include "analysis/eigen.h"
#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "base/locale.h"
#include "base/log.h"
#include "base/options.h"
#include "lab/lab.h"
#include "run/store.h"

typedef struct pair {
    int first, second;
    double distance, cosine;               /* over all trained entries */
    double shared_distance, shared_cosine; /* over those that are active in both */
    double disagreement;
    double together, gain;  /* accuracy of the mean of both's probabilities; that less the mean of both's */
    double jaccard, chance; /* of masks; NaN if neither has any */
    wn__overlap *layer;     /* (layers) */
} pair;

typedef struct comparison {
    wn__predictions predictions[WN__MOST_COMPARED];
    int64_t active[WN__MOST_COMPARED], size;
    int layer[512], layers; /* weights that are masked in some network */
    pair *pairs;
    int pair_count;
    double mean_accuracy, ensemble_accuracy, ensemble_loss;
    double without[WN__MOST_COMPARED]; /* accuracy of the ensemble of all others */
    double *position, held;            /* (networks, 2); NULL without LAPACK */
} comparison;

/* --- measuring ----------------------------------------------------------------------------------------------------------------- */

static wn_status predict(wn__lab *lab, int i, wn__predictions *out)
{
    wn__network net;
    wn__loader_options loader = wn__lab_loader(lab);
    loader.part = WN__PART_TEST;
    wn_status status = wn__network_make(lab->recipe->graph, &net);
    if (status == WN_OK) status = wn__network_load(lab->network[i].path, WN__PART_VALUES | WN__PART_MASKS, &net.params);
    if (status == WN_OK) status = wn__lab_start(lab, &net);
    if (status == WN_OK) status = wn__predictions_make(net.ex, &loader, out);
    wn__network_release(&net);
    return status;
}

static wn_status predict_all(wn__lab *lab, comparison *c)
{
    for (int i = 0; i < lab->count; i++) {
        WN_TRY(wn__lab_progress(lab, i, lab->count));
        WN_TRY(predict(lab, i, &c->predictions[i]));
    }
    return wn__lab_progress(lab, lab->count, lab->count);
}

/* Of all, and of all but one: how much each member counts. */
static wn_status measure_ensembles(const wn__lab *lab, comparison *c)
{
    const wn__predictions *member[WN__MOST_COMPARED];
    const int n = lab->count;
    double loss;
    for (int i = 0; i < n; i++)
        c->mean_accuracy += c->predictions[i].accuracy / n;
    for (int i = 0; i < n; i++)
        member[i] = &c->predictions[i];
    for (int i = 0; i < n; i++) {
        const wn__predictions *left_out = member[i];
        member[i] = member[n - 1];
        WN_TRY(wn__ensemble(member, n - 1, &c->without[i], &loss));
        member[i] = left_out;
    }
    return wn__ensemble(member, n, &c->ensemble_accuracy, &c->ensemble_loss);
}

static void find_layers(const wn__lab *lab, comparison *c)
{
    const wn__params *first = &lab->network[0].params;
    for (int k = 0; k < first->count && c->layers < 512; k++) {
        bool masked = false;
        for (int i = 0; i < lab->count; i++)
            masked = masked || lab->network[i].params.item[k].mask;
        if (masked) c->layer[c->layers++] = k;
    }
}

/* Entries active in both as a space of its own: those of the first that are in the second. */
static wn_status shared_vectors(const wn__params *a, const wn__params *b, const float *all_a, const float *all_b, int64_t size, pair *p)
{
    float *x = WN_NEW_ARRAY(float, size), *y = WN_NEW_ARRAY(float, size);
    if (!x || !y) {
        wn__free(x);
        wn__free(y);
        return wn__no_memory((size_t)size * sizeof *x);
    }
    int64_t at = 0, n = 0;
    for (int i = 0; i < a->count; i++) {
        const wn__param *pa = &a->item[i], *pb = &b->item[i];
        if (!wn__role_is_trained(pa->role)) continue;
        for (int64_t k = 0; k < pa->count; k++, at++) {
            if ((pa->mask && !pa->mask[k]) || (pb->mask && !pb->mask[k])) continue;
            x[n] = all_a[at];
            y[n++] = all_b[at];
        }
    }
    p->shared_distance = wn__vector_distance(x, y, n);
    p->shared_cosine = wn__vector_cosine(x, y, n);
    wn__free(x);
    wn__free(y);
    return WN_OK;
}

static wn_status measure_masks(const wn__lab *lab, const comparison *c, pair *p)
{
    int64_t first = 0, second = 0;
    double both = 0, chance = 0;
    p->jaccard = p->chance = NAN;
    if (c->layers == 0) return WN_OK;
    if (!(p->layer = WN_NEW_ARRAY(wn__overlap, c->layers))) return wn__no_memory(256);
    for (int k = 0; k < c->layers; k++) {
        wn__overlap *o = &p->layer[k];
        WN_TRY(wn__overlap_measure(&lab->network[p->first].params.item[c->layer[k]], &lab->network[p->second].params.item[c->layer[k]], o));
        first += o->first;
        second += o->second;
        both += (double)o->both;
        chance += wn__overlap_chance(o);
    }
    p->jaccard = wn__overlap_jaccard(first, second, both);
    p->chance = wn__overlap_jaccard(first, second, chance);
    return WN_OK;
}

static wn_status measure_predictions(const comparison *c, pair *p)
{
    const wn__predictions *const both[] = {&c->predictions[p->first], &c->predictions[p->second]};
    double loss;
    p->disagreement = wn__disagreement(both[0], both[1]);
    WN_TRY(wn__ensemble(both, 2, &p->together, &loss));
    p->gain = p->together - (both[0]->accuracy + both[1]->accuracy) / 2;
    return WN_OK;
}

static wn_status measure_pair(const wn__lab *lab, comparison *c, const wn__space *space, float *const *vector, pair *p)
{
    const float *a = vector[p->first], *b = vector[p->second];
    p->distance = wn__vector_distance(a, b, space->size);
    p->cosine = wn__vector_cosine(a, b, space->size);
    WN_TRY(measure_predictions(c, p));
    WN_TRY(shared_vectors(&lab->network[p->first].params, &lab->network[p->second].params, a, b, space->size, p));
    return measure_masks(lab, c, p);
}

static wn_status measure_pairs(const wn__lab *lab, comparison *c, const wn__space *space, float *const *vector)
{
    c->pairs = WN_NEW_ARRAY(pair, lab->count * lab->count);
    if (!c->pairs) return wn__no_memory(1024);
    for (int i = 0; i < lab->count; i++)
        for (int j = i + 1; j < lab->count; j++) {
            pair *p = &c->pairs[c->pair_count++];
            p->first = i;
            p->second = j;
            WN_TRY(measure_pair(lab, c, space, vector, p));
        }
    return WN_OK;
}

static wn_status make_map(const wn__lab *lab, comparison *c)
{
    const int n = lab->count;
    if (!wn__eigen_available() || n < 3) return WN_OK;
    double *distance = WN_NEW_ARRAY(double, n *n);
    c->position = WN_NEW_ARRAY(double, 2 * n);
    wn_status status = distance && c->position ? WN_OK : wn__no_memory(1024);
    for (int k = 0; status == WN_OK && k < c->pair_count; k++)
        distance[c->pairs[k].first * n + c->pairs[k].second] = distance[c->pairs[k].second * n + c->pairs[k].first] = c->pairs[k].distance;
    if (status == WN_OK) status = wn__mds(distance, n, c->position, &c->held);
    wn__free(distance);
    return status;
}

static wn_status measure_weights(const wn__lab *lab, comparison *c)
{
    float *vector[WN__MOST_COMPARED] = {NULL};
    wn__space space = {0};
    const wn__params *first[] = {&lab->network[0].params};
    wn_status status = wn__space_make(first, 1, WN__SPACE_ALL, &space);
    for (int i = 0; status == WN_OK && i < lab->count; i++) {
        vector[i] = WN_NEW_ARRAY(float, space.size);
        if (!vector[i]) {
            status = wn__no_memory((size_t)space.size * sizeof(float));
            break;
        }
        wn__space_values(&space, &lab->network[i].params, vector[i]);
        for (int k = 0; k < lab->network[i].params.count; k++)
            if (wn__role_is_trained(lab->network[i].params.item[k].role)) c->active[i] += lab->network[i].params.item[k].active;
    }
    c->size = space.size;
    find_layers(lab, c);
    if (status == WN_OK) status = measure_pairs(lab, c, &space, vector);
    if (status == WN_OK) status = make_map(lab, c);
    for (int i = 0; i < lab->count; i++)
        wn__free(vector[i]);
    wn__space_release(&space);
    return status;
}

static void release(comparison *c)
{
    for (int i = 0; i < WN__MOST_COMPARED; i++)
        wn__predictions_release(&c->predictions[i]);
    for (int i = 0; c->pairs && i < c->pair_count; i++)
        wn__free(c->pairs[i].layer);
    wn__free(c->pairs);
    wn__free(c->position);
}

/* --- tables -------------------------------------------------------------------------------------------------------------------- */

static void network_table(const wn__lab *lab, const comparison *c, wn__table *t)
{
    wn__table_column_add(t, true, "no.");
    wn__table_column_add(t, false, "network");
    wn__table_column_add(t, true, "active");
    wn__table_column_add(t, true, "test accuracy, %%");
    wn__table_column_add(t, true, "test loss");
    for (int i = 0; i < lab->count; i++) {
        wn__table_cell(t, "%d", i + 1);
        wn__table_cell(t, "%s", lab->network[i].label);
        wn__table_cell(t, "%lld", (long long)c->active[i]);
        wn__table_number(t, "%.2f", 100 * c->predictions[i].accuracy);
        wn__table_number(t, "%.4f", c->predictions[i].loss);
    }
    wn__table_rule(t);
    wn__table_cell(t, "%s", "");
    wn__table_cell(t, "mean");
    wn__table_cell(t, "%s", "");
    wn__table_number(t, "%.2f", 100 * c->mean_accuracy);
    wn__table_cell(t, "%s", "");
    wn__table_cell(t, "%s", "");
    wn__table_cell(t, "all together");
    wn__table_cell(t, "%s", "");
    wn__table_number(t, "%.2f", 100 * c->ensemble_accuracy);
    wn__table_number(t, "%.4f", c->ensemble_loss);
    wn__text_add(&t->note, "All together: an ensemble, the mean of their probabilities. %lld trained parameters each.", (long long)c->size);
}

static void pair_table(const comparison *c, wn__table *t)
{
    static const char *const heads[] = {"L2",          "cosine", "L2 shared", "cosine shared", "disagree, %",
                                        "together, %", "gain",   "Jaccard",   "by chance"};
    wn__table_column_add(t, true, "no.");
    wn__table_column_add(t, true, "and");
    wn__table_columns_add(t, heads, sizeof heads / sizeof *heads);
    for (int i = 0; i < c->pair_count; i++) {
        const pair *p = &c->pairs[i];
        wn__table_cell(t, "%d", p->first + 1);
        wn__table_cell(t, "%d", p->second + 1);
        wn__table_number(t, "%.4f", p->distance);
        wn__table_number(t, "%.4f", p->cosine);
        wn__table_number(t, "%.4f", p->shared_distance);
        wn__table_number(t, "%.4f", p->shared_cosine);
        wn__table_number(t, "%.2f", 100 * p->disagreement);
        wn__table_number(t, "%.2f", 100 * p->together);
        wn__table_number(t, "%+.2f", 100 * p->gain);
        wn__table_number(t, "%.4f", p->jaccard);
        wn__table_number(t, "%.4f", p->chance);
    }
    wn__text_add(
        &t->note,
        "L2 and cosine: over all trained parameters, where masked ones are zero; shared: over those that are active in "
        "both. Disagree: test images that the two put into different classes. Together: accuracy of the mean of their probabilities; gain: that less "
        "the mean of their accuracies. Jaccard: of the masked layers, both / "
        "either; by chance: random masks with as many weights in each layer.");
}

static void layer_table(const wn__lab *lab, const comparison *c, wn__table *t)
{
    static const char *const heads[] = {"weights", "in first", "in second", "in both", "Jaccard", "by chance"};
    wn__table_column_add(t, true, "no.");
    wn__table_column_add(t, true, "and");
    wn__table_column_add(t, false, "layer");
    wn__table_columns_add(t, heads, sizeof heads / sizeof *heads);
    for (int i = 0; i < c->pair_count; i++) {
        if (i > 0 && c->layers > 1) wn__table_rule(t);
        for (int k = 0; k < c->layers; k++) {
            const wn__overlap *o = &c->pairs[i].layer[k];
            wn__table_cell(t, "%d", c->pairs[i].first + 1);
            wn__table_cell(t, "%d", c->pairs[i].second + 1);
            wn__table_cell(t, "%s", lab->network[0].params.item[c->layer[k]].name);
            wn__table_cell(t, "%lld", (long long)o->count);
            wn__table_cell(t, "%lld", (long long)o->first);
            wn__table_cell(t, "%lld", (long long)o->second);
            wn__table_cell(t, "%lld", (long long)o->both);
            wn__table_number(t, "%.4f", wn__overlap_jaccard(o->first, o->second, (double)o->both));
            wn__table_number(t, "%.4f", wn__overlap_jaccard(o->first, o->second, wn__overlap_chance(o)));
        }
    }
}

/* --- JSON ---------------------------------------------------------------------------------------------------------------------- */

static wn_status append(json_t *list, json_t *value) { return json_array_append_new(list, value) == 0 ? WN_OK : wn__no_memory(256); }

static json_t *layers_json(const wn__lab *lab, const comparison *c, const pair *p)
{
    json_t *list = json_array();
    for (int k = 0; list && k < c->layers; k++)
        json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:I, s:I}", "name", lab->network[0].params.item[c->layer[k]].name, "count",
                                              (json_int_t)p->layer[k].count, "first", (json_int_t)p->layer[k].first, "second",
                                              (json_int_t)p->layer[k].second, "both", (json_int_t)p->layer[k].both));
    return list;
}

static json_t *pair_json(const wn__lab *lab, const comparison *c, const pair *p)
{
    return json_pack("{s:i, s:i, s:o, s:o, s:o, s:o, s:f, s:f, s:f, s:o, s:o, s:o}", "first", p->first, "second", p->second, "l2",
                     wn__json_real_or_null(p->distance), "cosine", wn__json_real_or_null(p->cosine), "l2_shared",
                     wn__json_real_or_null(p->shared_distance), "cosine_shared", wn__json_real_or_null(p->shared_cosine), "disagreement",
                     p->disagreement, "ensemble", p->together, "ensemble_gain", p->gain, "jaccard", wn__json_real_or_null(p->jaccard),
                     "jaccard_by_chance", wn__json_real_or_null(p->chance), "layers", layers_json(lab, c, p));
}

static wn_status result_json(const wn__lab *lab, const comparison *c, json_t *out)
{
    json_t *networks = json_array(), *pairs = json_array(), *without = json_array();
    for (int i = 0; i < lab->count; i++)
        json_array_append_new(without, json_real(c->without[i]));
    WN_TRY(wn__slice_set(out, "parameters", json_integer(c->size)));
    WN_TRY(wn__slice_set(out, "networks", networks));
    WN_TRY(wn__slice_set(out, "pairs", pairs));
    WN_TRY(wn__slice_set(out, "ensemble",
                         json_pack("{s:f, s:f, s:f, s:o}", "accuracy", c->ensemble_accuracy, "loss", c->ensemble_loss, "mean",
                                   c->mean_accuracy, "without", without)));
    if (c->position) WN_TRY(wn__slice_set(out, "map_holds", json_real(c->held)));
    for (int i = 0; i < lab->count; i++) {
        json_t *n = json_pack("{s:s, s:I, s:f, s:f}", "name", lab->network[i].label, "active", (json_int_t)c->active[i], "accuracy",
                              c->predictions[i].accuracy, "loss", c->predictions[i].loss);
        if (n && c->position) json_object_set_new(n, "map", json_pack("[f, f]", c->position[2 * i], c->position[2 * i + 1]));
        WN_TRY(append(networks, n));
    }
    for (int i = 0; i < c->pair_count; i++)
        WN_TRY(append(pairs, pair_json(lab, c, &c->pairs[i])));
    return WN_OK;
}

/* --- figure: the map ----------------------------------------------------------------------------------------------------------- */

/* Points are numbered as in the table; both axes have one scale, as distances must. */
static void map_sheet(const wn__lab *lab, const comparison *c, wn__sheet *s)
{
    double most = 1e-12;
    *s = (wn__sheet){.rows = 1, .columns = 1, .plot_width = 386, .plot_height = 386, .below = 46};
    wn__legend *legend = wn__sheet_legend(s, 0, 0, 1);
    for (int i = 0; i < lab->count; i++) {
        char label[64];
        wn__legend_add(legend, wn__sheet_style(i), "%d %s", i + 1, wn__lab_short_label(lab, i, label, sizeof label));
        most = fmax(most, fmax(fabs(c->position[2 * i]), fabs(c->position[2 * i + 1])));
    }
    wn__sheet_begin(s);
    const int data = wn__sheet_data_begin(s);
    for (int i = 0; i < lab->count; i++)
        wn__text_add(&s->script, "%.9g %.9g %d\n", c->position[2 * i], c->position[2 * i + 1], i + 1);
    wn__sheet_data_end(s);
    char title[96];
    wn__snprintf(title, sizeof title, "distances of weights (the plane holds %.0f %%)", 100 * c->held);
    wn__sheet_panel(s, 0, 0, title);
    wn__text_add(&s->script, "set xrange [%.6g:%.6g]\nset yrange [%.6g:%.6g]\nset format '%%g'\n", -1.15 * most, 1.15 * most, -1.15 * most,
                 1.15 * most);
    wn__text_add(&s->script, "set xlabel 'L2 distance'\nset ylabel 'L2 distance'\nplot ");
    for (int i = 0; i < lab->count; i++)
        wn__text_add(&s->script, "$d%d every ::%d::%d using 1:2 with points ls %d ps 1, ", data, i, i, wn__sheet_style(i));
    wn__text_add(&s->script, "$d%d using 1:2:3 with labels offset 1,0.5\n", data);
}

static wn_status answer(wn__lab *lab, const comparison *c, wn_lab_result *out)
{
    wn__table tables[3] = {
        {.id = "networks", .title = "Networks"}, {.id = "pairs", .title = "Pairs"}, {.id = "masks", .title = "Masks by layer"}};
    wn__lab_answer a = {.table = tables, .tables = c->layers > 0 ? 3 : 2, .result = json_object()};
    wn__sheet sheet = {0};
    network_table(lab, c, &tables[0]);
    pair_table(c, &tables[1]);
    if (c->layers > 0) layer_table(lab, c, &tables[2]);
    wn_status status = result_json(lab, c, a.result);
    if (status == WN_OK && c->position) {
        map_sheet(lab, c, &sheet);
        status = wn__figure_files_add(&a.figures, &sheet, "map");
    }
    if (status == WN_OK) status = wn__lab_finish(lab, &a, out);
    wn__sheet_release(&sheet);
    wn__lab_answer_release(&a);
    return status;
}

wn_status wn_lab_compare(const wn_lab_compare_options *options, wn_lab_result *result)
{
    WN__COMPLETE(wn_lab_compare_options, options);
    WN__COMPLETE_WITHIN(wn_lab_options, options, lab);
    WN__NEED(result);
    WN_TRY(wn__lab_check(options->lab));
    wn__lab lab = {0};
    WN_TRY(wn__lab_open(options->lab, "compare", 2, WN__MOST_COMPARED,
                        json_pack("{s:b, s:b}", "map", wn__eigen_available(), "ensembles", true), &lab));
    if (lab.answered) {
        const wn_status status = wn__lab_repeat(&lab, result);
        wn__lab_close(&lab);
        return status;
    }
    comparison *c = WN_NEW(comparison);
    wn_status status = c ? wn__recipe_need_classes(lab.recipe, "lab compare") : wn__no_memory(sizeof *c);
    if (status == WN_OK) status = wn__lab_load(&lab);
    if (status == WN_OK) status = predict_all(&lab, c);
    if (status == WN_OK) status = measure_ensembles(&lab, c);
    if (status == WN_OK) status = measure_weights(&lab, c);
    if (status == WN_OK) status = answer(&lab, c, result);
    if (status == WN_OK && !wn__eigen_available())
        snprintf(result->note, sizeof result->note, "no map of distances: it needs LAPACK, which is not here");
    if (c) release(c);
    wn__free(c);
    wn__lab_close(&lab);
    return status;
}
