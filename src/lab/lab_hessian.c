/* Eigenvalues of the Hessian over active weights: all of them, or their density and extremes. */
#include <math.h>
#include <string.h>

#include "analysis/eigen.h"
#include "analysis/hessian.h"
#include "analysis/tail.h"
#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "base/lapack.h"
#include "base/log.h"
#include "base/options.h"
#include "io/json_file.h"
#include "lab/lab.h"
#include "nn/graph_nodes.h"
#include "run/store.h"
#include "tensor/compression.h"
#include "winnow/show.h"

enum {
    MOST_NETWORKS = 16,
    USUAL_IMAGES = 1000,
    MOST_EXACT = 8000, /* refused above */
    USUAL_EXACT = 500, /* Lanczos above, unless asked for */
    USUAL_STEPS = 40,
    USUAL_PROBES = 2,
    GRID = 401,
    CHECKS = 3
};
#define LANCZOS_SEED 0x68657373u
#define ROWS_FILE "hessian.rows"

typedef struct curvature {
    const wn_lab_hessian_options *options;
    int64_t images, steps, probes;
    wn__part part;
    wn__sample sample;
} curvature;

/* One network with what its products need. */
typedef struct subject {
    wn__network net;
    wn__space space;
    wn__hessian hessian;
} subject;

static bool has_maps(const wn__params *params)
{
    for (int i = 0; i < params->count; i++)
        if (params->item[i].map) return true;
    return false;
}

/* The first parameter that is not linear in what is trained; NULL: none. */
static const wn__param *find_curved(const wn__params *params)
{
    for (int k = 0; k < params->count; k++)
        if (params->item[k].map && !params->item[k].map->linear) return &params->item[k];
    return NULL;
}

static wn_status open_subject(wn__lab *lab, const curvature *c, int i, bool tangents, subject *s)
{
    const bool masked =
        lab->count > 0 && wn__lab_backend(lab, &lab->network[i].params) != wn__machine_backend(&lab->context.machine, false);
    const wn__backend *backend = tangents ? wn__backend_find("ref") : wn__machine_backend(&lab->context.machine, masked);
    wn__device *device;
    *s = (subject){0};
    WN_TRY(wn__network_make(lab->recipe->graph, &s->net));
    WN_TRY(wn__network_load(lab->network[i].path, WN__PART_VALUES | WN__PART_MASKS, &s->net.params));
    WN_TRY(wn__lab_enter_basis(lab->network[i].path, &s->net.params));
    const wn__param *curved = find_curved(&s->net.params);
    if (tangents && curved)
        return wn__fail(WN_EUNSUPPORTED,
                        "%s: %s is trained as %s, in which it is not linear: exact products are not there, --differences are",
                        lab->network[i].label, curved->name, curved->map->name);
    WN_TRY(wn__space_make((const wn__params *[]){&s->net.params}, 1, WN__SPACE_ACTIVE, &s->space));
    WN_TRY(wn__context_device(&lab->context, backend, WN__F32, &device));
    const wn__executor_options options = {.batch = c->sample.n, .training = !tangents, .tangents = tangents};
    WN_TRY(wn__network_start_stored(&s->net, device, &options));
    return wn__hessian_make(s->net.ex, &s->net.params, &c->sample, &s->space, tangents, c->options->length, &s->hessian);
}

static void close_subject(subject *s)
{
    wn__hessian_release(&s->hessian);
    wn__network_release(&s->net);
    wn__space_release(&s->space);
}

/* --- how good differences are -------------------------------------------------------------------------------------------------- */

static void draw_direction(float *v, int64_t n, int index)
{
    wn__rng rng = wn__rng_make(LANCZOS_SEED, WN__FOR_STREAM, 1, (uint64_t)index);
    double norm = 0;
    for (int64_t i = 0; i < n; i++) {
        v[i] = (float)wn__rng_normal(&rng);
        norm += (double)v[i] * v[i];
    }
    for (int64_t i = 0; i < n; i++)
        v[i] = (float)(v[i] / sqrt(norm));
}

/* Largest relative error of the subject's products against exact ones, in random directions. */
static wn_status compare_products(subject *s, subject *exact, double *error)
{
    const int64_t n = s->space.size;
    float *v = WN_NEW_ARRAY(float, n), *a = WN_NEW_ARRAY(float, n), *b = WN_NEW_ARRAY(float, n);
    const wn__symmetric rough = wn__hessian_matrix(&s->hessian), fine = wn__hessian_matrix(&exact->hessian);
    wn_status status = v && a && b ? WN_OK : wn__no_memory((size_t)n * sizeof *v);
    *error = 0;
    for (int k = 0; k < CHECKS && status == WN_OK; k++) {
        draw_direction(v, n, k);
        status = rough.multiply(rough.arg, v, a);
        if (status == WN_OK) status = fine.multiply(fine.arg, v, b);
        const double size = sqrt(wn__vector_dot(b, b, n));
        if (size > 0) *error = fmax(*error, wn__vector_distance(a, b, n) / size);
    }
    wn__free(v);
    wn__free(a);
    wn__free(b);
    return status;
}

static wn_status check_differences(wn__lab *lab, const curvature *c, int i, subject *s, double *error)
{
    subject exact;
    *error = NAN;
    if (s->hessian.exact || c->options->no_check || find_curved(&s->net.params)) return WN_OK;
    wn_status status = open_subject(lab, c, i, true, &exact);
    if (status == WN_OK) status = compare_products(s, &exact, error);
    close_subject(&exact);
    return status;
}

/* --- all eigenvalues ----------------------------------------------------------------------------------------------------------- */

/* Rows of one layer's parameters with the columns of that layer and those behind it, which the network's tail alone has to do with: the matrix is symmetric, so
 * the others are there already. A network that is no chain is one stretch. */
typedef struct stretch {
    int64_t first, end; /* rows */
    int node;           /* of the graph: where the tail begins; 0: the whole network */
} stretch;
enum { MOST_STRETCHES = 256 };

static int64_t active_before(const subject *s, int param)
{
    for (int p = 0; p < s->space.parts; p++)
        if (s->space.part[p].param >= param) return s->space.part[p].offset;
    return s->space.size;
}

static int find_stretches(const wn_graph *g, const subject *s, stretch *out)
{
    int count = 0;
    if (s->hessian.exact && wn__is_chain(g) && !has_maps(&s->net.params))
        for (int node = wn__next_layer(g, 0); node > 0 && count < MOST_STRETCHES; node = wn__next_layer(g, node)) {
            const int next = wn__next_layer(g, node);
            const int64_t first = active_before(s, g->node[node].param[0]);
            const int64_t end = next > 0 ? active_before(s, g->node[next].param[0]) : s->space.size;
            if (end > first) out[count++] = (stretch){first, end, node};
        }
    if (count == 0 || count == MOST_STRETCHES) {
        out[0] = (stretch){0, s->space.size, 0};
        count = 1;
    }
    return count;
}

/* What makes a stretch's rows. */
typedef struct row_maker {
    wn__tail tail;
    subject own;
    const subject *of; /* own, or the whole network */
    float *unit, *row; /* (columns) */
} row_maker;

static wn_status open_tail(wn__lab *lab, const curvature *c, const subject *whole, int node, row_maker *m)
{
    wn__device *device;
    subject *s = &m->own;
    WN_TRY(wn__context_device(&lab->context, wn__backend_find("ref"), WN__F32, &device));
    WN_TRY(wn__tail_make(lab->recipe->graph, &whole->net.params, node, device, &c->sample, &m->tail));
    WN_TRY(wn__space_make((const wn__params *[]){&m->tail.params}, 1, WN__SPACE_ACTIVE, &s->space));
    const wn__executor_options options = {.batch = c->sample.n, .tangents = true};
    s->net = wn__network_over(m->tail.graph, &m->tail.params);
    WN_TRY(wn__network_start(&s->net, device, &options));
    return wn__hessian_make(s->net.ex, &m->tail.params, &m->tail.sample, &s->space, true, 0, &s->hessian);
}

static void close_maker(row_maker *m)
{
    close_subject(&m->own);
    wn__tail_release(&m->tail);
    wn__free(m->unit);
    wn__free(m->row);
    *m = (row_maker){0};
}

static wn_status open_maker(wn__lab *lab, const curvature *c, const subject *whole, const stretch *t, row_maker *m)
{
    const int64_t n = whole->space.size - t->first;
    *m = (row_maker){.of = t->node > 0 ? &m->own : whole, .unit = WN_NEW_ARRAY(float, n), .row = WN_NEW_ARRAY(float, n)};
    wn_status status = m->unit && m->row ? WN_OK : wn__no_memory((size_t)n * sizeof(float));
    if (status == WN_OK && t->node > 0) status = open_tail(lab, c, whole, t->node, m);
    if (status == WN_OK && m->of->space.size != n)
        status = wn__fail(WN_EINVAL, "a tail of %lld parameters, not %lld", (long long)m->of->space.size, (long long)n);
    if (status != WN_OK) close_maker(m);
    return status;
}

/* Row `index` of the stretch, from its first column on. */
static wn_status make_row(const row_maker *m, int64_t index)
{
    const wn__symmetric matrix = wn__hessian_matrix((wn__hessian *)&m->of->hessian);
    return wn__symmetric_row(&matrix, index, m->unit, m->row);
}

static wn_status time_rows(wn__lab *lab, const curvature *c, const subject *s, double *seconds)
{
    stretch stretches[MOST_STRETCHES];
    const int count = find_stretches(lab->recipe->graph, s, stretches);
    *seconds = 0;
    for (int k = 0; k < count; k++) {
        row_maker m;
        WN_TRY(open_maker(lab, c, s, &stretches[k], &m));
        wn_status status = make_row(&m, 0); /* plans are made */
        const double start = wn__seconds();
        if (status == WN_OK) status = make_row(&m, 0);
        *seconds += (wn__seconds() - start) * (double)(stretches[k].end - stretches[k].first);
        close_maker(&m);
        WN_TRY(status);
    }
    return WN_OK;
}

static wn_status predict(wn__lab *lab, const curvature *c, int i, const subject *s, double *seconds)
{
    const int64_t n = s->space.size;
    char count[32], bytes[32], takes[32];
    double rows;
    WN_TRY(time_rows(lab, c, s, &rows));
    *seconds = rows + 4.0 / 3 * (double)n * (double)n * (double)n / 2e9; /* eigenvalues at 2 GFLOP/s, what a plain LAPACK does */
    wn__log(WN_LOG_INFO, "%s: exact Hessian of %s parameters by %s: %s, about %s", lab->network[i].label,
            wn_show_count(n, count, sizeof count), s->hessian.exact ? "tangents" : "differences of gradients",
            wn_show_bytes(12 * n * n, bytes, sizeof bytes), wn_show_seconds(*seconds, takes, sizeof takes));
    return WN_OK;
}

/* Rows that are kept on disk while they are made: how many are there. */
static wn_status open_rows(wn__lab *lab, int i, int64_t n, char **path, wn__append *file, int64_t *done)
{
    char name[64];
    snprintf(name, sizeof name, ROWS_FILE "-%d", i);
    if (!(*path = wn__path_join(lab->folder, name))) return wn__no_memory(64);
    snprintf(name, sizeof name, "rows %d", i);
    int64_t size = 0;
    if (wn__lab_unit(lab, name) && wn__file_exists(*path)) WN_TRY(wn__file_size(*path, &size));
    *done = size / (n * (int64_t)sizeof(float));
    if (!wn__lab_unit(lab, name)) WN_TRY(wn__lab_unit_done(lab, name, json_object()));
    return wn__append_open(file, *path, *done * n * (int64_t)sizeof(float));
}

/* Rows of the stretch that are not done; what lies before its first column is left zero. */
static wn_status make_stretch(wn__lab *lab, const row_maker *m, const stretch *t, int64_t n, int64_t done, float *whole, wn__append *file)
{
    memset(whole, 0, (size_t)n * sizeof *whole);
    for (int64_t k = t->first > done ? t->first : done; k < t->end; k++) {
        if (k % 8 == 0) WN_TRY(wn__lab_progress(lab, k, n));
        WN_TRY(make_row(m, k - t->first));
        memcpy(whole + t->first, m->row, (size_t)(n - t->first) * sizeof *whole);
        WN_TRY(wn__append_write(file, whole, (size_t)n * sizeof *whole));
    }
    return WN_OK;
}

static wn_status make_rows(wn__lab *lab, const curvature *c, const subject *s, wn__append *file, int64_t done)
{
    stretch stretches[MOST_STRETCHES];
    const int count = find_stretches(lab->recipe->graph, s, stretches);
    const int64_t n = s->space.size;
    float *whole = WN_NEW_ARRAY(float, n);
    wn_status status = whole ? WN_OK : wn__no_memory((size_t)n * sizeof *whole);
    for (int k = 0; k < count && status == WN_OK; k++) {
        row_maker m;
        if (stretches[k].end <= done) continue;
        status = open_maker(lab, c, s, &stretches[k], &m);
        if (status != WN_OK) break;
        status = make_stretch(lab, &m, &stretches[k], n, done, whole, file);
        close_maker(&m);
    }
    wn__free(whole);
    return status;
}

/* What the rows of later layers left out is in those of earlier ones. */
static void mirror(const wn__lab *lab, const subject *s, double *rows)
{
    stretch stretches[MOST_STRETCHES];
    const int count = find_stretches(lab->recipe->graph, s, stretches);
    const int64_t n = s->space.size;
    for (int k = 0; k < count; k++)
        for (int64_t i = stretches[k].first; i < stretches[k].end; i++)
            for (int64_t j = 0; j < stretches[k].first; j++)
                rows[i * n + j] = rows[j * n + i];
}

static wn_status read_rows(const char *path, int64_t n, double *rows)
{
    char *data;
    size_t size;
    WN_TRY(wn__file_read(path, &data, &size));
    wn_status status = size == (size_t)(n * n) * sizeof(float) ? WN_OK : wn__fail(WN_EFORMAT, "%s: not all rows are there", path);
    for (int64_t k = 0; status == WN_OK && k < n * n; k++) {
        float value;
        memcpy(&value, data + (size_t)k * sizeof value, sizeof value);
        rows[k] = value;
    }
    wn__free(data);
    return status;
}

static json_t *number_list(const double *values, int64_t n)
{
    json_t *list = json_array();
    for (int64_t i = 0; list && i < n; i++)
        json_array_append_new(list, wn__json_real_or_null(values[i]));
    return list;
}

static wn_status all_values(wn__lab *lab, const curvature *c, int i, const subject *s, json_t *unit)
{
    const int64_t n = s->space.size;
    wn__append file = {0};
    char *path = NULL;
    int64_t done = 0, length;
    double asymmetry, *rows = NULL, *values = NULL;
    wn_status status = open_rows(lab, i, n, &path, &file, &done);
    if (status == WN_OK) {
        status = make_rows(lab, c, s, &file, done);
        const wn_status synced = wn__append_sync(&file, &length);
        if (status == WN_OK) status = synced;
    }
    const wn_status closed = wn__append_close(&file);
    if (status == WN_OK) status = closed;
    if (status == WN_OK) {
        rows = WN_NEW_ARRAY(double, n *n);
        values = WN_NEW_ARRAY(double, n);
        status = rows && values ? read_rows(path, n, rows) : wn__no_memory((size_t)(n * n) * sizeof *rows);
    }
    if (status == WN_OK) mirror(lab, s, rows);
    if (status == WN_OK) status = wn__symmetric_values(rows, n, values, &asymmetry);
    if (status == WN_OK) status = wn__slice_set(unit, "asymmetry", json_real(asymmetry));
    if (status == WN_OK) status = wn__slice_set(unit, "values", number_list(values, n));
    if (status == WN_OK) status = wn__remove_tree(path);
    wn__free(rows);
    wn__free(values);
    wn__free(path);
    return status;
}

/* --- density and extremes ------------------------------------------------------------------------------------------------------ */

typedef struct lanczos_user {
    wn__lab *lab;
    int64_t before, all;
} lanczos_user;

static wn_status on_step(void *user, int64_t done)
{
    const lanczos_user *u = user;
    return wn__lab_progress(u->lab, u->before + done, u->all);
}

/* A unit per probe, so that a stop loses one at most. */
static wn_status probe_all(wn__lab *lab, const curvature *c, int i, subject *s, json_t *unit)
{
    json_t *probes = json_array();
    const wn__symmetric m = wn__hessian_matrix(&s->hessian);
    WN_TRY(wn__slice_set(unit, "probes", probes));
    for (int64_t k = 0; k < c->probes; k++) {
        char name[64];
        wn__quadrature q = {0};
        lanczos_user user = {lab, (i * c->probes + k) * c->steps, lab->count * c->probes * c->steps};
        snprintf(name, sizeof name, "probe %d %lld", i, (long long)k);
        if (!wn__lab_unit(lab, name)) {
            WN_TRY(wn__lanczos(&m, c->steps, LANCZOS_SEED, (uint64_t)k, on_step, &user, &q));
            json_t *values = json_pack("{s:o, s:o, s:o}", "values", number_list(q.value, q.reached), "weights",
                                       number_list(q.weight, q.reached), "bounds", number_list(q.bound, q.reached));
            wn__quadrature_release(&q);
            WN_TRY(wn__lab_unit_done(lab, name, values));
        }
        if (json_array_append(probes, (json_t *)wn__lab_unit(lab, name)) != 0) return wn__no_memory(256);
    }
    return WN_OK;
}

/* --- one network --------------------------------------------------------------------------------------------------------------- */

static wn_status check_size(const wn__lab *lab, const curvature *c, int i, int64_t n, bool *all)
{
    const bool probed = c->options->steps > 0 || c->options->probes > 0;
    *all = c->options->exact || (!c->options->lanczos && n <= USUAL_EXACT);
    if (*all && probed)
        return wn__fail(WN_EUSAGE, "%s: of %lld active parameters all eigenvalues are found, without steps and probes; lanczos uses them",
                        lab->network[i].label, (long long)n);
    if (!*all || n <= MOST_EXACT) return WN_OK;
    return wn__fail(WN_EUSAGE,
                    "%s: %lld active parameters are too many for all eigenvalues (at most %d); Lanczos gives their density and extremes",
                    lab->network[i].label, (long long)n, MOST_EXACT);
}

static wn_status measure(wn__lab *lab, const curvature *c, int i, subject *s, json_t *unit)
{
    double error, loss, seconds;
    bool all;
    WN_TRY(check_size(lab, c, i, s->space.size, &all));
    WN_TRY(wn__sample_loss(s->net.ex, &c->sample, &loss, NULL));
    WN_TRY(wn__slice_set(unit, "parameters", json_integer(s->space.size)));
    WN_TRY(wn__slice_set(unit, "loss", wn__json_real_or_null(loss)));
    WN_TRY(wn__slice_set(unit, "products", json_string(s->hessian.exact ? "tangents" : "differences")));
    if (all) WN_TRY(predict(lab, c, i, s, &seconds));
    WN_TRY(check_differences(lab, c, i, s, &error));
    WN_TRY(wn__slice_set(unit, "error", wn__json_real_or_null(error)));
    return all ? all_values(lab, c, i, s, unit) : probe_all(lab, c, i, s, unit);
}

static wn_status measure_network(wn__lab *lab, const curvature *c, int i)
{
    char name[32];
    subject s;
    snprintf(name, sizeof name, "network %d", i);
    if (wn__lab_unit(lab, name)) return WN_OK;
    json_t *unit = json_object();
    wn_status status = open_subject(lab, c, i, !c->options->differences, &s);
    if (status == WN_OK) status = measure(lab, c, i, &s, unit);
    close_subject(&s);
    if (status == WN_OK) return wn__lab_unit_done(lab, name, unit);
    json_decref(unit);
    return status;
}

/* --- the answer ---------------------------------------------------------------------------------------------------------------- */

/* Values and weights of a network as one list, ascending where they are exact. */
typedef struct spectrum {
    double *value, *weight; /* (n) */
    int64_t n, parameters;
    double least, most, bound; /* extremes and, from Lanczos, how far off they may be */
    double negative, mean;     /* share below zero by more than a thousandth of the largest; mean eigenvalue */
    bool exact;
} spectrum;

static void take_list(const json_t *values, const json_t *weights, double scale, spectrum *s)
{
    for (size_t k = 0; k < json_array_size(values); k++) {
        s->value[s->n] = json_number_value(json_array_get(values, k));
        s->weight[s->n++] = weights ? scale * json_number_value(json_array_get(weights, k)) : scale;
    }
}

static void take_extremes(const json_t *unit, spectrum *s)
{
    size_t index;
    json_t *probe;
    s->least = INFINITY;
    s->most = -INFINITY;
    for (int64_t k = 0; k < s->n; k++) {
        s->least = fmin(s->least, s->value[k]);
        s->most = fmax(s->most, s->value[k]);
    }
    json_array_foreach(json_object_get(unit, "probes"), index, probe)
    {
        const json_t *values = json_object_get(probe, "values"), *bounds = json_object_get(probe, "bounds");
        for (size_t k = 0; k < json_array_size(values); k++) {
            const double v = json_number_value(json_array_get(values, k));
            if (v == s->least || v == s->most) s->bound = fmax(s->bound, json_number_value(json_array_get(bounds, k)));
        }
    }
    for (int64_t k = 0; k < s->n; k++) {
        s->mean += s->weight[k] * s->value[k];
        if (s->value[k] < -1e-3 * fmax(fabs(s->most), fabs(s->least))) s->negative += s->weight[k];
    }
}

static wn_status read_spectrum(const json_t *unit, spectrum *s)
{
    const json_t *values = json_object_get(unit, "values"), *probes = json_object_get(unit, "probes");
    size_t room = json_array_size(values), index;
    json_t *probe;
    *s = (spectrum){.parameters = json_integer_value(json_object_get(unit, "parameters")), .exact = values != NULL};
    json_array_foreach(probes, index, probe) room += json_array_size(json_object_get(probe, "values"));
    s->value = WN_NEW_ARRAY(double, (int64_t)room);
    s->weight = WN_NEW_ARRAY(double, (int64_t)room);
    if (!s->value || !s->weight) return wn__no_memory(room * sizeof(double));
    if (values) take_list(values, NULL, 1.0 / (double)room, s);
    json_array_foreach(probes, index, probe)
        take_list(json_object_get(probe, "values"), json_object_get(probe, "weights"), 1.0 / (double)json_array_size(probes), s);
    take_extremes(unit, s);
    return WN_OK;
}

static void spectrum_table(const wn__lab *lab, const curvature *c, const spectrum *s, wn__table *t)
{
    static const char *const heads[] = {"parameters", "loss", "smallest", "largest", "+-", "mean", "negative, %", "asymmetry", "error"};
    wn__table_column_add(t, false, "network");
    wn__table_column_add(t, false, "by");
    wn__table_columns_add(t, heads, sizeof heads / sizeof *heads);
    for (int i = 0; i < lab->count; i++) {
        char name[32];
        snprintf(name, sizeof name, "network %d", i);
        const json_t *unit = wn__lab_unit(lab, name);
        wn__table_cell(t, "%s", lab->network[i].label);
        wn__table_cell(t, "%s", s[i].exact ? "all values" : "Lanczos");
        wn__table_cell(t, "%lld", (long long)s[i].parameters);
        wn__table_number(t, "%.4g", wn__json_number(unit, "loss"));
        wn__table_number(t, "%.4g", s[i].least);
        wn__table_number(t, "%.4g", s[i].most);
        wn__table_number(t, "%.4g", s[i].exact ? (double)NAN : s[i].bound);
        wn__table_number(t, "%.4g", s[i].mean);
        wn__table_number(t, "%.4g", 100 * s[i].negative);
        wn__table_number(t, "%.4g", wn__json_number(unit, "asymmetry"));
        wn__table_number(t, "%.4g", wn__json_number(unit, "error"));
    }
    wn__text_add(
        &t->note,
        "Hessian of the loss over active parameters on %lld %s images, products by %s. +-: how far the extremes may be off. Negative: share of "
        "values below -0.001 of the largest. Asymmetry: |H - H'| / |H|. Error: of products by differences against exact ones, largest of "
        "%d random directions.",
        (long long)c->sample.n, wn__part_name(c->part), c->options->differences ? "differences of gradients" : "tangents (exact)", CHECKS);
}

static void value_table(const wn__lab *lab, const spectrum *s, wn__table *t)
{
    wn__table_column_add(t, false, "network");
    wn__table_column_add(t, true, "value");
    wn__table_column_add(t, true, "weight");
    for (int i = 0; i < lab->count; i++)
        for (int64_t k = 0; k < s[i].n; k++) {
            wn__table_cell(t, "%s", lab->network[i].label);
            wn__table_number(t, "%.9g", s[i].value[k]);
            wn__table_number(t, "%.6g", s[i].weight[k]);
        }
}

static void density_sheet(const wn__lab *lab, const spectrum *s, wn__sheet *sheet)
{
    double least = INFINITY, most = -INFINITY;
    int data[MOST_NETWORKS];
    *sheet = (wn__sheet){.rows = 1, .columns = 1, .plot_width = 386, .plot_height = 240, .below = 46};
    wn__legend *legend = wn__sheet_legend(sheet, 0, 0, 1);
    for (int i = 0; i < lab->count; i++) {
        char label[64];
        wn__legend_add(legend, wn__sheet_style(i), "%s", wn__lab_short_label(lab, i, label, sizeof label));
        least = fmin(least, s[i].least);
        most = fmax(most, s[i].most);
    }
    const double range = most > least ? most - least : 1, sigma = 0.01 * range;
    wn__sheet_begin(sheet);
    for (int i = 0; i < lab->count; i++) {
        data[i] = wn__sheet_data_begin(sheet);
        for (int k = 0; k < GRID; k++) {
            const double x = least - 0.05 * range + 1.1 * range * k / (GRID - 1);
            const double row[] = {x, fmax(wn__spectrum_density(s[i].value, s[i].weight, s[i].n, sigma, x), 1e-12)};
            wn__sheet_numbers(sheet, row, 2);
        }
        wn__sheet_data_end(sheet);
    }
    wn__sheet_panel(sheet, 0, 0, "spectrum of the Hessian");
    wn__text_add(&sheet->script,
                 "set xlabel 'eigenvalue'\nset ylabel 'density'\nset logscale y\nset format y '10^{%%T}'\nset format y '%%g'\n"
                 "set yrange [%.3g:*]\nset xrange [%.6g:%.6g]\nplot ",
                 1e-7 / range, least - 0.05 * range, most + 0.05 * range);
    for (int i = 0; i < lab->count; i++)
        wn__text_add(&sheet->script, "%s$d%d using 1:2 with lines ls %d", i ? ", " : "", data[i], wn__sheet_style(i));
    wn__text_add(&sheet->script, "\n");
}

static json_t *result_json(const wn__lab *lab, const spectrum *s)
{
    json_t *list = json_array();
    for (int i = 0; list && i < lab->count; i++) {
        char name[32];
        snprintf(name, sizeof name, "network %d", i);
        json_t *o = json_pack("{s:s, s:o, s:o, s:o, s:o}", "name", lab->network[i].label, "smallest", wn__json_real_or_null(s[i].least),
                              "largest", wn__json_real_or_null(s[i].most), "mean", wn__json_real_or_null(s[i].mean), "negative",
                              wn__json_real_or_null(s[i].negative));
        if (o) json_object_update(o, (json_t *)wn__lab_unit(lab, name));
        json_array_append_new(list, o);
    }
    return json_pack("{s:o}", "networks", list);
}

static wn_status answer(wn__lab *lab, const curvature *c, const spectrum *s, wn_lab_result *out)
{
    wn__table tables[2] = {{.id = "hessian", .title = "Hessian"}, {.id = "spectrum", .title = "Eigenvalues"}};
    wn__lab_answer a = {.table = tables, .tables = 2, .result = result_json(lab, s)};
    wn__sheet sheet = {0};
    spectrum_table(lab, c, s, &tables[0]);
    value_table(lab, s, &tables[1]);
    density_sheet(lab, s, &sheet);
    wn_status status = wn__figure_files_add(&a.figures, &sheet, "spectrum");
    if (status == WN_OK) status = wn__lab_finish(lab, &a, out);
    wn__sheet_release(&sheet);
    wn__lab_answer_release(&a);
    return status;
}

static wn_status run(wn__lab *lab, curvature *c, wn_lab_result *result)
{
    spectrum s[MOST_NETWORKS] = {{0}};
    wn_status status = wn__lab_load(lab);
    const wn__loader_options loader = wn__lab_loader(lab);
    if (status == WN_OK) status = wn__lab_part(c->options->part, &lab->context.split, &c->part);
    if (status == WN_OK) status = wn__sample_make(&loader, c->part, c->images, lab->context.devices.pool, &c->sample);
    for (int i = 0; i < lab->count && status == WN_OK; i++)
        status = measure_network(lab, c, i);
    for (int i = 0; i < lab->count && status == WN_OK; i++) {
        char name[32];
        snprintf(name, sizeof name, "network %d", i);
        status = read_spectrum(wn__lab_unit(lab, name), &s[i]);
    }
    if (status == WN_OK) status = answer(lab, c, s, result);
    for (int i = 0; i < lab->count; i++) {
        wn__free(s[i].value);
        wn__free(s[i].weight);
    }
    wn__sample_release(&c->sample);
    return status;
}

wn_status wn_lab_hessian(const wn_lab_hessian_options *options, wn_lab_result *result)
{
    WN__COMPLETE(wn_lab_hessian_options, options);
    WN__COMPLETE_WITHIN(wn_lab_options, options, lab);
    WN__NEED(result);
    WN_TRY(wn__lab_check(options->lab));
    wn__lab lab = {0};
    curvature c = {.options = options,
                   .images = options->images > 0 ? options->images : USUAL_IMAGES,
                   .steps = options->steps > 0 ? options->steps : USUAL_STEPS,
                   .probes = options->probes > 0 ? options->probes : USUAL_PROBES};
    if (!wn__eigen_available()) return wn__lapack_missing("hessian");
    if (options->exact && options->lanczos) return wn__fail(WN_EUSAGE, "hessian: all eigenvalues or Lanczos, not both");
    WN_TRY(wn__lab_part(options->part, NULL, &c.part));
    WN_TRY(wn__lab_open(options->lab, "hessian", 1, MOST_NETWORKS,
                        json_pack("{s:I, s:I, s:I, s:b, s:b, s:b, s:b, s:f, s:s}", "images", (json_int_t)c.images, "steps",
                                  (json_int_t)c.steps, "probes", (json_int_t)c.probes, "exact", options->exact, "lanczos", options->lanczos,
                                  "differences", options->differences, "checked", !options->no_check, "length", options->length, "part",
                                  options->part ? options->part : ""),
                        &lab));
    const wn_status status = lab.answered ? wn__lab_repeat(&lab, result) : run(&lab, &c, result);
    wn__lab_close(&lab);
    return status;
}
