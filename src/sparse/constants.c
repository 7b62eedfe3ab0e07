#include "sparse/constants.h"

#include <math.h>

#include "base/alloc.h"
#include "base/fail.h"

typedef struct finder {
    const wn_graph *graph;
    const float *const *values;
    double **found;
} finder;

static double number(const finder *f, const wn__node *n, int param, int64_t k)
{
    return n->param[param] < 0 ? 0 : (double)f->values[n->param[param]][k];
}

/* Of the weights of one filter; *zero: all of them are. */
static double sum_of(const finder *f, const wn__node *n, int64_t k, bool *zero)
{
    const int64_t width = f->graph->param[n->param[0]].dim[1];
    int64_t count = width;
    for (int d = 2; d < f->graph->param[n->param[0]].ndim; d++)
        count *= f->graph->param[n->param[0]].dim[d];
    const float *w = f->values[n->param[0]] + k * count;
    double sum = 0;
    *zero = true;
    for (int64_t i = 0; i < count; i++) {
        sum += (double)w[i];
        *zero = *zero && w[i] == 0;
    }
    return sum;
}

/* A border of zeros changes what is not zero. */
static double inside(const wn__node *n, double in) { return n->pad == 0 || in == 0 ? in : (double)NAN; }

static double of_filter(const finder *f, const wn__node *n, int64_t k)
{
    bool zero;
    const double sum = sum_of(f, n, k, &zero);
    const bool depthwise = n->kind == WN__CONV && n->groups > 1 && n->groups == n->c && f->graph->node[n->input[0]].c == n->c;
    if (zero) return number(f, n, 1, k);
    return depthwise ? inside(n, f->found[n->input[0]][k]) * sum + number(f, n, 1, k) : (double)NAN;
}

static double of_norm(const finder *f, const wn__node *n, int64_t k)
{
    const double scale = number(f, n, 0, k), shift = number(f, n, 1, k);
    if (scale == 0) return shift;
    return scale * (f->found[n->input[0]][k] - number(f, n, 2, k)) / sqrt(number(f, n, 3, k) + (double)n->eps) + shift;
}

static double of_relu(const wn__node *n, double in)
{
    if (isnan(in)) return in;
    return in < 0 ? 0 : n->most > 0 && in > (double)n->most ? (double)n->most : in;
}

static double constant_of(const finder *f, const wn__node *n, int64_t k)
{
    const double in = n->inputs > 0 ? f->found[n->input[0]][k < f->graph->node[n->input[0]].c ? k : 0] : (double)NAN;
    switch (n->kind) {
    case WN__INPUT: return (double)NAN;
    case WN__CONV:
    case WN__LINEAR: return of_filter(f, n, k);
    case WN__BATCH_NORM: return of_norm(f, n, k);
    case WN__RELU: return of_relu(n, in);
    case WN__ADD: return in + f->found[n->input[1]][k];
    case WN__AVG_POOL: return inside(n, in);
    case WN__MAX_POOL:
    case WN__DROPOUT: return in;
    }
    return (double)NAN;
}

wn_status wn__constants_find(const wn_graph *graph, const float *const *values, wn__constants *out)
{
    wn__constants c = {.of_node = WN_NEW_ARRAY(double *, graph->nodes), .nodes = graph->nodes};
    const finder f = {graph, values, c.of_node};
    if (!c.of_node) return wn__no_memory((size_t)graph->nodes * sizeof *c.of_node);
    for (int i = 0; i < graph->nodes; i++) {
        const wn__node *n = &graph->node[i];
        if (!(c.of_node[i] = WN_NEW_ARRAY(double, n->c))) {
            wn__constants_release(&c);
            return wn__no_memory((size_t)n->c * sizeof(double));
        }
        for (int64_t k = 0; k < n->c; k++)
            c.of_node[i][k] = constant_of(&f, n, k);
    }
    *out = c;
    return WN_OK;
}

void wn__constants_release(wn__constants *c)
{
    for (int i = 0; c->of_node && i < c->nodes; i++)
        wn__free(c->of_node[i]);
    wn__free(c->of_node);
    *c = (wn__constants){0};
}
