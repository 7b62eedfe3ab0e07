#include "sparse/basis/basis_map.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "sparse/basis/factors.h"

enum { NAME = 512 };

typedef struct state {
    char text[WN__BASIS_TEXT];
    wn__transform *transform; /* square bases */
    int64_t m, n, k;          /* svd, low-rank: rank k */
    float *left, *right;      /* svd: (k,m), (k,n) */
} state;

static void free_state(state *s)
{
    if (!s) return;
    wn__transform_free(s->transform);
    wn__free(s->left);
    wn__free(s->right);
    wn__free(s);
}

static void release(wn__param *p)
{
    free_state(p->map_state);
    p->map_state = NULL;
}

/* ---- square bases */

static wn_status synthesise(const wn__param *p, const float *stored, float *weight)
{
    wn__transform_synthesise(((const state *)p->map_state)->transform, stored, weight);
    return WN_OK;
}

static wn_status analyse(const wn__param *p, const float *weight_grad, float *grad)
{
    wn__transform_analyse(((const state *)p->map_state)->transform, weight_grad, grad);
    return WN_OK;
}

static const wn__param_map square_map = {"coefficients of a basis", synthesise, analyse, release, NULL, NULL, NULL, true, false};

/* ---- svd: scalars along fixed directions */

static void add_scaled(int64_t n, float scale, const float *x, float *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] += scale * x[i];
}

static double dot(int64_t n, const float *x, const float *y)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)y[i];
    return sum;
}

static wn_status add_directions(const wn__param *p, const float *stored, float *weight)
{
    const state *s = p->map_state;
    memset(weight, 0, (size_t)p->count * sizeof *weight);
    for (int64_t i = 0; i < s->k; i++)
        for (int64_t r = 0; stored[i] != 0 && r < s->m; r++)
            add_scaled(s->n, stored[i] * s->left[i * s->m + r], s->right + i * s->n, weight + r * s->n);
    return WN_OK;
}

static wn_status along_directions(const wn__param *p, const float *weight_grad, float *grad)
{
    const state *s = p->map_state;
    for (int64_t i = 0; i < s->k; i++) {
        double sum = 0;
        for (int64_t r = 0; (!p->mask || p->mask[i]) && r < s->m; r++)
            sum += (double)s->left[i * s->m + r] * dot(s->n, s->right + i * s->n, weight_grad + r * s->n);
        grad[i] = (float)sum;
    }
    return WN_OK;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* The vectors come from data: they count. Where the layer itself is smaller, it is kept. */
static int64_t direction_bytes(const wn__param *p)
{
    const state *s = p->map_state;
    return 4 * least(p->active * (1 + s->m + s->n), p->count);
}
static int64_t direction_products(const wn__param *p)
{
    const state *s = p->map_state;
    return least(p->active * (s->m + s->n), p->count);
}

static const wn__param_map svd_map = {
    "scalars of singular directions", add_directions, along_directions, release, direction_bytes, direction_products, NULL, true, false};

/* ---- low rank: both factors */

static wn_status multiply(const wn__param *p, const float *stored, float *weight)
{
    const state *s = p->map_state;
    const float *left = stored, *right = stored + s->m * s->k;
    memset(weight, 0, (size_t)p->count * sizeof *weight);
    for (int64_t r = 0; r < s->m; r++)
        for (int64_t i = 0; i < s->k; i++)
            add_scaled(s->n, left[r * s->k + i], right + i * s->n, weight + r * s->n);
    return WN_OK;
}

static wn_status to_factors(const wn__param *p, const float *weight_grad, float *grad)
{
    const state *s = p->map_state;
    const float *left = p->value, *right = p->value + s->m * s->k;
    float *dright = grad + s->m * s->k;
    memset(dright, 0, (size_t)(s->k * s->n) * sizeof *dright);
    for (int64_t r = 0; r < s->m; r++)
        for (int64_t i = 0; i < s->k; i++) {
            grad[r * s->k + i] = (float)dot(s->n, weight_grad + r * s->n, right + i * s->n);
            add_scaled(s->n, left[r * s->k + i], weight_grad + r * s->n, dright + i * s->n);
        }
    return WN_OK;
}

static int64_t factor_bytes(const wn__param *p) { return 4 * p->stored; }
static int64_t factor_products(const wn__param *p) { return p->stored; }

static const wn__param_map low_rank_map = {"two factors", multiply, to_factors, release, factor_bytes, factor_products, NULL, false, false};

/* ---- entering */

static wn_status enter_square(wn__params *params, int index, const wn__basis_use *use, state *s)
{
    wn__param *p = &params->item[index];
    WN_TRY(wn__transform_new(use->spec, p, index, use->seed, &s->transform));
    float *weight = WN_NEW_ARRAY(float, p->count);
    if (!weight) return wn__no_memory((size_t)p->count * sizeof(float));
    memcpy(weight, p->value, (size_t)p->count * sizeof *weight);
    const wn_status status = wn__params_set_map(params, p, &square_map, s, p->count);
    if (status == WN_OK) wn__transform_analyse(s->transform, weight, p->value);
    wn__free(weight);
    return status;
}

static wn_status find_vectors(const wn__param *p, const wn__safetensors *file, state *s)
{
    char name[NAME];
    snprintf(name, sizeof name, "%s.left", p->name);
    if (!file || !wn__safetensors_find(file, name)) {
        wn__factors f = {0};
        WN_TRY(wn__factors_make(p->value, s->m, s->n, &f));
        s->left = f.left;
        s->right = f.right;
        wn__free(f.value);
        return WN_OK;
    }
    s->left = WN_NEW_ARRAY(float, s->k * s->m);
    s->right = WN_NEW_ARRAY(float, s->k * s->n);
    if (!s->left || !s->right) return wn__no_memory((size_t)p->count * sizeof(float));
    WN_TRY(wn__safetensors_floats(file, name, 2, (const int64_t[]){s->k, s->m}, s->left));
    snprintf(name, sizeof name, "%s.right", p->name);
    return wn__safetensors_floats(file, name, 2, (const int64_t[]){s->k, s->n}, s->right);
}

/* What the weights have along each direction. */
static wn_status enter_svd(wn__params *params, int index, const wn__basis_use *use, state *s)
{
    wn__param *p = &params->item[index];
    s->k = least(s->m, s->n);
    WN_TRY(find_vectors(p, use->file, s));
    float *scalar = WN_NEW_ARRAY(float, s->k);
    if (!scalar) return wn__no_memory((size_t)s->k * sizeof(float));
    p->map_state = s;
    wn_status status = along_directions(p, p->value, scalar);
    p->map_state = NULL;
    if (status == WN_OK) status = wn__params_set_map(params, p, &svd_map, s, s->k);
    if (status == WN_OK) memcpy(p->value, scalar, (size_t)s->k * sizeof *scalar);
    wn__free(scalar);
    return status;
}

static wn_status find_rank(const wn__param *p, int index, const wn__basis_use *use, int64_t *rank)
{
    char name[NAME];
    const int64_t one = 1;
    *rank = use->rank ? use->rank[index] : 0;
    if (!use->file) return WN_OK;
    snprintf(name, sizeof name, "%s.rank", p->name);
    if (!wn__safetensors_find(use->file, name)) return WN_OK;
    WN_TRY(wn__safetensors_bytes(use->file, name, WN__ST_I64, 1, &one, rank));
    const int64_t m = p->dim[0], n = p->count / m;
    if (*rank < 1 || *rank > least(m, n))
        return wn__fail(WN_EFORMAT, "%s is %lld, must be in 1..%lld", name, (long long)*rank, (long long)least(m, n));
    return WN_OK;
}

/* Both factors with the square roots of the singular values. */
static wn_status enter_low_rank(wn__params *params, int index, state *s)
{
    wn__param *p = &params->item[index];
    wn__factors f = {0};
    WN_TRY(wn__factors_make(p->value, s->m, s->n, &f));
    const wn_status status = wn__params_set_map(params, p, &low_rank_map, s, s->k * (s->m + s->n));
    for (int64_t i = 0; status == WN_OK && i < s->k; i++) {
        const float root = sqrtf(f.value[i]);
        for (int64_t r = 0; r < s->m; r++)
            p->value[r * s->k + i] = root * f.left[i * s->m + r];
        for (int64_t c = 0; c < s->n; c++)
            p->value[s->m * s->k + i * s->n + c] = root * f.right[i * s->n + c];
    }
    wn__factors_release(&f);
    return status;
}

static wn_status enter(wn__params *params, int index, const wn__basis_use *use)
{
    const wn__param *p = &params->item[index];
    const int64_t m = p->dim[0], n = p->count / m;
    int64_t rank = 0;
    if (use->spec->kind == WN__BASIS_LOW_RANK) {
        WN_TRY(find_rank(p, index, use, &rank));
        if (rank == 0) return WN_OK;
    }
    state *s = WN_NEW(state);
    if (!s) return wn__no_memory(sizeof *s);
    s->m = m;
    s->n = n;
    s->k = rank;
    wn__basis_show(use->spec, use->seed, s->text);
    const wn_status status = use->spec->kind == WN__BASIS_SVD        ? enter_svd(params, index, use, s)
                             : use->spec->kind == WN__BASIS_LOW_RANK ? enter_low_rank(params, index, s)
                                                                     : enter_square(params, index, use, s);
    if (status != WN_OK && params->item[index].map_state != s) free_state(s);
    return status;
}

wn_status wn__basis_enter(wn__params *params, const wn__basis_use *use)
{
    if (!wn__basis_maps(use->spec->kind)) return WN_OK;
    for (int i = 0; i < params->count; i++)
        if (use->selection->selected[i]) WN_TRY(enter(params, i, use));
    return WN_OK;
}

/* ---- files */

const char *wn__basis_show(const wn__basis_spec *spec, uint64_t seed, char text[WN__BASIS_TEXT])
{
    char value[64];
    int length = snprintf(text, WN__BASIS_TEXT, "%s", wn__basis_names[spec->kind]);
    for (const wn__setting *row = wn__basis_settings(spec->kind); row->name; row++)
        length += snprintf(text + length, (size_t)(WN__BASIS_TEXT - length), " %s=%s", row->name,
                           wn__settings_show(row, spec, value, sizeof value));
    if (spec->kind == WN__BASIS_RANDOM)
        snprintf(text + length, (size_t)(WN__BASIS_TEXT - length), " replicate=%llu", (unsigned long long)seed);
    return text;
}

void wn__basis_shape(const wn__param *p, int *ndim, int64_t dim[WN_MAX_DIMS])
{
    *ndim = p->map && p->stored != p->count ? 1 : p->ndim;
    for (int d = 0; d < *ndim; d++)
        dim[d] = *ndim == 1 ? p->stored : p->dim[d];
}

static wn_status add_coefficients(wn__st_writer *w, const wn__param *p)
{
    char name[NAME];
    int ndim;
    int64_t dim[WN_MAX_DIMS];
    wn__basis_shape(p, &ndim, dim);
    snprintf(name, sizeof name, "%s.coefficients", p->name);
    WN_TRY(wn__st_writer_add(w, name, WN__ST_F32, ndim, dim, p->value));
    snprintf(name, sizeof name, "%s.coefficients_mask", p->name);
    return p->mask ? wn__st_writer_add(w, name, WN__ST_U8, ndim, dim, p->mask) : WN_OK;
}

static wn_status add_fit(wn__st_writer *w, const wn__param *p)
{
    const state *s = p->map_state;
    char name[NAME];
    snprintf(name, sizeof name, "%s.rank", p->name);
    if (p->map == &low_rank_map) return wn__st_writer_add(w, name, WN__ST_I64, 1, (const int64_t[]){1}, &s->k);
    if (p->map != &svd_map) return WN_OK;
    snprintf(name, sizeof name, "%s.left", p->name);
    WN_TRY(wn__st_writer_add(w, name, WN__ST_F32, 2, (const int64_t[]){s->k, s->m}, s->left));
    snprintf(name, sizeof name, "%s.right", p->name);
    return wn__st_writer_add(w, name, WN__ST_F32, 2, (const int64_t[]){s->k, s->n}, s->right);
}

wn_status wn__basis_add(wn__st_writer *w, const wn__params *params, bool coefficients)
{
    bool said = false;
    for (int i = 0; i < params->count; i++) {
        const wn__param *p = &params->item[i];
        if (!p->map) continue;
        if (!said) WN_TRY(wn__st_writer_meta(w, "basis", ((const state *)p->map_state)->text));
        said = true;
        WN_TRY(add_fit(w, p));
        if (coefficients) WN_TRY(add_coefficients(w, p));
    }
    return WN_OK;
}

static wn_status read_param(const wn__safetensors *file, wn__params *params, wn__param *p)
{
    const state *s = p->map_state;
    const char *basis = wn__safetensors_meta(file, "basis");
    char name[NAME];
    int ndim;
    int64_t dim[WN_MAX_DIMS];
    const wn__st_tensor *t;
    snprintf(name, sizeof name, "%s.coefficients", p->name);
    if (!basis || strcmp(basis, s->text) != 0 || !(t = wn__safetensors_find(file, name)) || t->count != p->stored) return WN_OK;
    wn__basis_shape(p, &ndim, dim);
    WN_TRY(wn__safetensors_floats(file, name, ndim, dim, p->value));
    snprintf(name, sizeof name, "%s.coefficients_mask", p->name);
    t = wn__safetensors_find(file, name);
    params->version++;
    if (!t) return WN_OK;
    WN_TRY(wn__safetensors_need(file, name, ndim, dim, &t));
    if (t->dtype != WN__ST_U8) return wn__fail(WN_EMISMATCH, "%s is of type %s, must be U8", name, wn__st_type(t));
    return wn__param_set_mask(p, t->data);
}

wn_status wn__basis_read(const wn__safetensors *file, wn__params *params)
{
    for (int i = 0; i < params->count; i++)
        if (params->item[i].map) WN_TRY(read_param(file, params, &params->item[i]));
    return WN_OK;
}

/* "KEY=VALUE", as wn__basis_show writes them. */
static wn_status parse_setting(char *text, wn__basis_spec *spec, uint64_t *seed)
{
    char *value = strchr(text, '=');
    if (!value) return wn__fail(WN_EFORMAT, "basis: %s has no value", text);
    *value++ = 0;
    if (strcmp(text, "replicate") != 0) return wn__settings_set(wn__basis_settings(spec->kind), spec, text, value);
    *seed = strtoull(value, NULL, 10);
    return WN_OK;
}

static wn_status parse_basis(const char *text, wn__basis_spec *spec, uint64_t *seed)
{
    char copy[WN__BASIS_TEXT], *rest = copy;
    int kind = 0;
    snprintf(copy, sizeof copy, "%s", text);
    const char *name = strtok_r(copy, " ", &rest);
    while (wn__basis_names[kind] && !(name && strcmp(name, wn__basis_names[kind]) == 0))
        kind++;
    if (!wn__basis_names[kind]) return wn__fail(WN_EFORMAT, "there is no basis \"%s\"", text);
    WN_TRY(wn__basis_defaults(kind, spec));
    *seed = 0;
    for (char *setting = strtok_r(NULL, " ", &rest); setting; setting = strtok_r(NULL, " ", &rest))
        WN_TRY(parse_setting(setting, spec, seed));
    return WN_OK;
}

wn_status wn__basis_enter_file(const wn__safetensors *file, wn__params *params)
{
    const char *basis = wn__safetensors_meta(file, "basis");
    char name[NAME];
    wn__basis_spec spec;
    uint64_t seed;
    if (!basis) return WN_OK;
    WN_TRY(parse_basis(basis, &spec, &seed));
    bool *selected = WN_NEW_ARRAY(bool, params->count);
    if (!selected) return wn__no_memory((size_t)params->count);
    for (int i = 0; i < params->count; i++) {
        snprintf(name, sizeof name, "%s.coefficients", params->item[i].name);
        selected[i] = wn__safetensors_find(file, name) != NULL;
    }
    const wn__selection selection = {.selected = selected, .count = params->count};
    const wn__basis_use use = {.spec = &spec, .selection = &selection, .seed = seed, .file = file};
    wn_status status = wn__basis_enter(params, &use);
    if (status == WN_OK) status = wn__basis_read(file, params);
    wn__free(selected);
    return status;
}

wn_status wn__basis_enter_fitted(const wn__safetensors *file, wn__params *params)
{
    const char *basis = wn__safetensors_meta(file, "basis");
    bool fitted = false;
    for (int kind = 0; basis && wn__basis_names[kind]; kind++)
        fitted = fitted || (wn__basis_is_fitted(kind) && strcmp(basis, wn__basis_names[kind]) == 0);
    return fitted ? wn__basis_enter_file(file, params) : WN_OK;
}

/* ---- ranks */

/* Budget within one layer: as many directions as fit, at least one. */
static int64_t rank_that_fits(int64_t m, int64_t n, double density)
{
    const int64_t r = (int64_t)floor(density * (double)(m * n) / (double)(m + n) + 1e-9);
    return r < 1 ? 1 : least(r, least(m, n));
}

static int64_t whole_if_larger(int64_t rank, int64_t m, int64_t n) { return rank * (m + n) >= m * n ? 0 : rank; }

/* Cost of `rank` directions: a layer is never larger than it was. */
static int64_t cost_of(int64_t rank, int64_t m, int64_t n) { return least(rank * (m + n), m * n); }

/* What one more direction of a layer costs. */
static int64_t next_cost(const wn__factors *f, int64_t rank) { return cost_of(rank + 1, f->m, f->n) - cost_of(rank, f->m, f->n); }

/* The layer whose next direction is the largest of those that fit; -1: none is left. */
static int next_layer(const wn__params *params, const wn__factors *f, const int64_t *rank, int64_t budget)
{
    int best = -1;
    for (int i = 0; i < params->count; i++) {
        if (rank[i] >= f[i].k || next_cost(&f[i], rank[i]) > budget) continue;
        if (best < 0 || f[i].value[rank[i]] > f[best].value[rank[best]]) best = i;
    }
    return best;
}

static void choose_globally(const wn__params *params, const wn__factors *f, double density, int64_t *rank)
{
    int64_t entries = 0, spent = 0;
    for (int i = 0; i < params->count; i++) {
        rank[i] = f[i].k ? 1 : 0;
        if (!f[i].k) continue;
        entries += params->item[i].count;
        spent += cost_of(1, f[i].m, f[i].n);
    }
    int64_t left = llround(density * (double)entries) - spent;
    for (int i; (i = next_layer(params, f, rank, left)) >= 0; rank[i]++)
        left -= next_cost(&f[i], rank[i]);
}

wn_status wn__ranks_choose(const wn__params *params, const wn__selection *selection, const wn__prune *how, int64_t *rank)
{
    wn__factors *f = WN_NEW_ARRAY(wn__factors, params->count);
    wn_status status = f ? WN_OK : wn__no_memory((size_t)params->count * sizeof *f);
    for (int i = 0; status == WN_OK && i < params->count; i++) {
        const wn__param *p = &params->item[i];
        rank[i] = 0;
        if (selection->selected[i]) status = wn__factors_make(p->value, p->dim[0], p->count / p->dim[0], &f[i]);
    }
    if (status == WN_OK && how->scope == WN__SCOPE_GLOBAL) choose_globally(params, f, 1 - how->sparsity, rank);
    for (int i = 0; status == WN_OK && i < params->count; i++) {
        if (!f[i].k) continue;
        const double density = how->keep ? (double)how->keep[i] / (double)params->item[i].count : 1 - how->sparsity;
        if (how->scope != WN__SCOPE_GLOBAL) rank[i] = rank_that_fits(f[i].m, f[i].n, density);
        rank[i] = whole_if_larger(rank[i], f[i].m, f[i].n);
    }
    for (int i = 0; f && i < params->count; i++)
        wn__factors_release(&f[i]);
    wn__free(f);
    return status;
}

/* ---- the parts */

wn_status wn__basis_factors(const wn__param *p, int64_t *rank, float **left, float **right)
{
    const bool svd = p->map == &svd_map;
    *rank = 0;
    if (!svd && p->map != &low_rank_map) return WN_OK;
    const state *s = p->map_state;
    const int64_t r = svd ? p->active : s->k;
    float *a = WN_NEW_ARRAY(float, s->m *r), *b = WN_NEW_ARRAY(float, r * s->n);
    if (!a || !b) {
        wn__free(a);
        wn__free(b);
        return wn__no_memory((size_t)(r * (s->m + s->n)) * sizeof(float));
    }
    if (!svd) {
        memcpy(a, p->value, (size_t)(s->m * r) * sizeof *a);
        memcpy(b, p->value + s->m * r, (size_t)(r * s->n) * sizeof *b);
    }
    for (int64_t i = 0, kept = 0; svd && i < s->k; i++) {
        if (p->mask && !p->mask[i]) continue;
        for (int64_t row = 0; row < s->m; row++)
            a[row * r + kept] = p->value[i] * s->left[i * s->m + row];
        memcpy(b + kept * s->n, s->right + i * s->n, (size_t)s->n * sizeof *b);
        kept++;
    }
    *rank = r;
    *left = a;
    *right = b;
    return WN_OK;
}
