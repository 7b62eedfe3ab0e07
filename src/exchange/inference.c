#include "exchange/inference.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "tensor/compression.h"

static wn_status copy_param(const wn__params *params, int index, float **out)
{
    const wn__param *p = &params->item[index];
    if (!(*out = WN_NEW_ARRAY(float, p->count))) return wn__no_memory((size_t)p->count * sizeof **out);
    return wn__param_weight(p, *out);
}

/* ---- batch norm */

/* y = scale x + shift of channel c, with running statistics. */
static void affine(const wn__node *norm, const wn__params *params, int64_t c, double *scale, double *shift)
{
    const float *value[WN__NODE_PARAMS];
    for (int i = 0; i < WN__NODE_PARAMS; i++)
        value[i] = params->item[norm->param[i]].value;
    *scale = value[0][c] / sqrt((double)value[3][c] + (double)norm->eps);
    *shift = value[1][c] - *scale * value[2][c];
}

static wn_status need_bias(wn__inference_op *op)
{
    if (op->bias) return WN_OK;
    op->bias = WN_NEW_ARRAY(float, op->c);
    return op->bias ? WN_OK : wn__no_memory((size_t)op->c * sizeof *op->bias);
}

/* Into the layer in front of it. */
static wn_status fold(const wn__node *norm, const wn__params *params, wn__inference_op *layer)
{
    const int64_t row = layer->weights / layer->c;
    WN_TRY(need_bias(layer));
    for (int64_t c = 0; c < layer->c; c++) {
        double scale, shift;
        affine(norm, params, c, &scale, &shift);
        for (int64_t i = c * row; i < (c + 1) * row; i++)
            layer->weight[i] = (float)(scale * layer->weight[i]);
        layer->bias[c] = (float)(scale * layer->bias[c] + shift);
    }
    return WN_OK;
}

static wn_status add_affine(const wn__params *params, wn__inference_op *op)
{
    op->weights = op->c;
    if (!(op->weight = WN_NEW_ARRAY(float, op->c))) return wn__no_memory((size_t)op->c * sizeof *op->weight);
    WN_TRY(need_bias(op));
    for (int64_t c = 0; c < op->c; c++) {
        double scale, shift;
        affine(op->node, params, c, &scale, &shift);
        op->weight[c] = (float)scale;
        op->bias[c] = (float)shift;
    }
    return WN_OK;
}

/* ---- nodes to operations */

typedef struct making {
    const wn_graph *graph;
    const wn__params *params;
    bool norms_stay;
    int *readers; /* (nodes) of each node's output */
    int *made;    /* (nodes) the operation that gives it */
    wn__inference *out;
} making;

static void count_readers(making *m)
{
    for (int i = 0; i < m->graph->nodes; i++)
        for (int k = 0; k < m->graph->node[i].inputs; k++)
            m->readers[m->graph->node[i].input[k]]++;
    m->readers[m->graph->output]++;
}

/* The operation in front of a node, if it may take the node in: nobody else reads it. */
static wn__inference_op *may_join(making *m, const wn__node *node)
{
    return m->readers[node->input[0]] == 1 && node->inputs == 1 ? &m->out->op[m->made[node->input[0]]] : NULL;
}

static bool is_layer(const wn__inference_op *op) { return wn__node_has(op->node, WN__NODE_WEIGHS); }

/* Is the node part of the operation in front of it? */
static wn_status join(making *m, const wn__node *node, bool *joined)
{
    wn__inference_op *op = may_join(m, node);
    *joined = wn__node_has(node, WN__NODE_TRAINS_ONLY);
    if (!op || op->relu) return WN_OK;
    if (wn__node_has(node, WN__NODE_IS_NORM) && is_layer(op) && !m->norms_stay) {
        *joined = true;
        return fold(node, m->params, op);
    }
    if (wn__node_has(node, WN__NODE_IS_RELU) && wn__node_has(op->node, WN__NODE_TAKES_RELU)) {
        *joined = true;
        op->relu = true;
        op->most = node->most;
    }
    return WN_OK;
}

static wn_status add_op(making *m, const wn__node *node)
{
    wn__inference_op *op = &m->out->op[m->out->ops++];
    *op = (wn__inference_op){.node = node, .inputs = node->inputs, .c = node->c, .h = node->h, .w = node->w};
    for (int k = 0; k < node->inputs; k++)
        op->input[k] = m->made[node->input[k]];
    if (wn__node_has(node, WN__NODE_IS_RELU)) {
        op->relu = true;
        op->most = node->most;
    }
    if (wn__node_has(node, WN__NODE_IS_NORM)) return m->norms_stay ? WN_OK : add_affine(m->params, op);
    if (!is_layer(op)) return WN_OK;
    op->weights = m->params->item[node->param[0]].count;
    WN_TRY(copy_param(m->params, node->param[0], &op->weight));
    return node->param[1] < 0 ? WN_OK : copy_param(m->params, node->param[1], &op->bias);
}

static wn_status make_ops(making *m)
{
    for (int i = 0; i < m->graph->nodes; i++) {
        const wn__node *node = &m->graph->node[i];
        bool joined = false;
        if (wn__node_has(node, WN__NODE_TRAINS_ONLY) && m->readers[node->input[0]] > m->readers[i])
            m->readers[i] = m->readers[node->input[0]];
        if (node->inputs) WN_TRY(join(m, node, &joined));
        if (!joined) WN_TRY(add_op(m, node));
        m->made[i] = joined ? m->made[node->input[0]] : m->out->ops - 1;
    }
    m->out->output = m->made[m->graph->output];
    for (int i = 0; i < m->out->ops; i++)
        for (int k = 0; k < m->out->op[i].inputs; k++)
            m->out->op[m->out->op[i].input[k]].readers++;
    m->out->op[m->out->output].readers++;
    return WN_OK;
}

wn_status wn__inference_make(const wn_graph *graph, const wn__params *params, bool norms_stay, wn__inference *out)
{
    const size_t nodes = (size_t)graph->nodes;
    making m = {.graph = graph, .params = params, .norms_stay = norms_stay, .out = out};
    m.readers = WN_NEW_ARRAY(int, graph->nodes);
    m.made = WN_NEW_ARRAY(int, graph->nodes);
    *out = (wn__inference){.op = WN_NEW_ARRAY(wn__inference_op, graph->nodes)};
    wn_status status = m.readers && m.made && out->op ? WN_OK : wn__no_memory(nodes * sizeof *out->op);
    if (status == WN_OK) {
        count_readers(&m);
        status = make_ops(&m);
    }
    wn__free(m.readers);
    wn__free(m.made);
    if (status != WN_OK) wn__inference_release(out);
    return status;
}

void wn__inference_release(wn__inference *p)
{
    for (int i = 0; p->op && i < p->ops; i++) {
        wn__free(p->op[i].weight);
        wn__free(p->op[i].bias);
    }
    wn__free(p->op);
    *p = (wn__inference){0};
}
