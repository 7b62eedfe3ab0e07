/* Plans of an executor: made when first asked for, all in one memory. */
#include <string.h>

#include "base/check.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/text.h"
#include "nn/executor/executor_parts.h"

/* Does inference in blocks wait for memory? (wn__device.few_bytes, few_products) */
static bool is_bound_by_memory(const wn__executor *ex)
{
    const wn_graph *g = ex->graph;
    const wn__device *d = ex->device;
    int64_t largest = 0, activations = 0, products = 0;
    for (int i = 1; i < g->nodes; i++) {
        const wn__node *node = &g->node[i];
        int64_t floats = wn__node_size(node);
        activations += floats;
        const int index = wn__graph_weight(g, i);
        const wn__param *weight = index >= 0 ? &ex->params->item[index] : NULL;
        if (weight) products += (weight->pattern ? weight->stored : weight->count) * node->h * node->w;
        for (int k = 0; k < node->inputs; k++)
            floats += wn__node_size(&g->node[node->input[k]]);
        if (floats > largest) largest = floats;
    }
    return (size_t)(largest * d->block) * sizeof(float) > d->few_bytes && (double)products < d->few_products * (double)activations;
}

/* Images at a time of inference on the device for few. */
static int64_t most_few(const wn__executor *ex)
{
    const wn__device *d = ex->device;
    const int64_t threads = wn__pool_threads(d->pool);
    return d->few_images && threads > d->few_images && is_bound_by_memory(ex) ? threads : d->few_images;
}

int64_t wn__executor_piece(const wn__executor *ex, int64_t n, wn__plan_kind kind)
{
    const int64_t size = n < wn__piece_size(ex) ? n : wn__piece_size(ex);
    if (kind != WN__PLAN_INFER || !ex->device->few || !ex->device->few_images || size <= ex->device->few_images) return size;
    const int64_t threads = wn__pool_threads(ex->device->pool);
    return threads < size && is_bound_by_memory(ex) ? threads : size;
}

/* Few images go to a device of their own. To look at every activation is left to the one for all cases. */
static wn__device *device_for(const wn__executor *ex, int64_t n, wn__plan_kind kind, wn__layout layout)
{
    wn__device *few = ex->device->few;
    return few && kind == WN__PLAN_INFER && layout == WN__SLABS && n <= most_few(ex) ? few : ex->device;
}

wn_status wn__executor_bind_patterns(const wn__executor *ex, wn__plan *plan)
{
    if (!ex->device->compressed || plan->bound == ex->params->topology) return WN_OK;
    WN__INVARIANT(wn__params_are_valid(ex->params));
    for (int i = 0; i < plan->lowered_ops; i++) {
        const int weight = plan->lowered[i].weight;
        if (!plan->op[i]->cls->bind || weight < 0) continue;
        WN_TRY(plan->op[i]->cls->bind(plan->op[i], ex->params->item[weight].pattern));
    }
    plan->bound = ex->params->topology;
    plan->packed = -1;
    return WN_OK;
}

wn_status wn__executor_pack_weights(wn__executor *ex, wn__plan *plan)
{
    WN_TRY(wn__executor_follow_topology(ex));
    WN_TRY(wn__executor_materialise(ex));
    WN_TRY(wn__executor_bind_patterns(ex, plan));
    if (plan->packed == ex->params->version) return WN_OK;
    for (int i = 0; i < plan->lowered_ops; i++) {
        if (!plan->op[i]->cls->pack) continue;
        float *weights[WN__PARAMS] = {NULL};
        for (int k = 0; k < WN__PARAMS; k++)
            if (plan->lowered[i].param[k] >= 0) weights[k] = wn__executor_weight(ex, plan->lowered[i].param[k]);
        WN_TRY(plan->op[i]->cls->pack(plan->op[i], weights));
    }
    plan->packed = ex->params->version;
    return WN_OK;
}

static wn_status try_plan(const wn__executor *ex, const wn__plan_request *request, wn__plan *plan)
{
    WN_TRY(wn__plan_make(request, plan));
    const wn_status status = wn__executor_bind_patterns(ex, plan);
    if (status != WN_OK) wn__plan_release(plan);
    return status;
}

/* Of the memory for buffers that runs of the plan may ask for. */
static size_t room_of(const wn__executor *ex, const wn__plan *plan)
{
    const bool whole = ex->options.gradient_readers && wn__plan_is_backward(plan->kind);
    const size_t *bytes = plan->bytes;
    return whole && bytes[WN__WHOLE] > bytes[WN__SLABS] ? bytes[WN__WHOLE] : bytes[WN__SLABS];
}

/* What the process will take with the plan's buffers: all else there is already. */
static int64_t expected_with(const wn__executor *ex, const wn__plan *plan)
{
    const size_t room = room_of(ex, plan);
    return wn__memory_expected() + (room > ex->memory_bytes ? (int64_t)(room - ex->memory_bytes) : 0);
}

static wn_status make_plan(wn__executor *ex, int64_t n, wn__plan_kind kind, wn__device *device, wn__plan *plan)
{
    const wn__executor_options *o = &ex->options;
    const bool fused = kind == WN__PLAN_INFER && device->norms_in_convs;
    wn__plan_request request = {.graph = ex->graph,
                                .lowered = fused ? ex->inference : ex->lowered,
                                .count = fused ? ex->inference_count : ex->count,
                                .device = device,
                                .n = n,
                                .kind = kind,
                                .recompute = o->recompute || ex->device->recompute};
    WN_TRY(try_plan(ex, &request, plan));
    const int64_t wanted = expected_with(ex, plan);
    if (!o->memory || wanted <= o->memory) return WN_OK;
    wn__plan_release(plan);
    request.recompute = true;
    WN_TRY(try_plan(ex, &request, plan));
    const int64_t least = expected_with(ex, plan);
    if (least <= o->memory) return WN_OK;
    wn__plan_release(plan);
    return wn__fail(
        WN_ENOMEM,
        "%s with %lld images needs %.2f GiB of memory, %.2f GiB with recomputation; the limit is %.2f GiB: use a smaller micro-batch",
        ex->graph->name, (long long)n, (double)wanted / 0x1p30, (double)least / 0x1p30, (double)o->memory / 0x1p30);
}

/* Make sure that the memory holds the plan's buffers. */
static wn_status make_memory(wn__executor *ex, size_t bytes)
{
    if (bytes <= ex->memory_bytes) return WN_OK;
    wn__free(ex->memory);
    ex->memory_bytes = 0;
    ex->memory = wn__alloc(bytes);
    if (!ex->memory) return wn__no_memory(bytes);
    ex->memory_bytes = bytes;
    return WN_OK;
}

static void to_front(wn__executor *ex, int index)
{
    wn__plan *plan = ex->plan[index];
    memmove(ex->plan + 1, ex->plan, (size_t)index * sizeof plan);
    ex->plan[0] = plan;
}

static wn_status keep_plan(wn__executor *ex, wn__plan *plan)
{
    WN_TRY(wn__make_room(&ex->plan, ex->plans, sizeof *ex->plan));
    ex->plan[ex->plans++] = plan;
    to_front(ex, ex->plans - 1);
    return WN_OK;
}

/* Before one more is made. */
static void drop_oldest(wn__executor *ex)
{
    if (!ex->options.plans || ex->plans < ex->options.plans) return;
    wn__plan *oldest = ex->plan[--ex->plans];
    wn__plan_release(oldest);
    wn__free(oldest);
}

wn_status wn__executor_find_plan(wn__executor *ex, int64_t n, wn__plan_kind kind, wn__layout layout, wn__plan **out)
{
    wn__device *device = device_for(ex, n, kind, layout);
    for (int i = 0; i < ex->plans; i++)
        if (ex->plan[i]->n == n && ex->plan[i]->kind == kind && ex->plan[i]->device == device) {
            to_front(ex, i);
            *out = ex->plan[0];
            return WN_OK;
        }
    drop_oldest(ex);
    wn__plan *plan = WN_NEW(wn__plan);
    if (!plan) return wn__no_memory(sizeof *plan);
    wn_status status = make_plan(ex, n, kind, device, plan);
    if (status == WN_OK && (status = keep_plan(ex, plan)) != WN_OK) wn__plan_release(plan);
    if (status == WN_OK)
        *out = plan;
    else
        wn__free(plan);
    return status;
}

wn_status wn__executor_get_plan(wn__executor *ex, int64_t n, wn__plan_kind kind, wn__layout layout, wn__plan **out)
{
    WN_TRY(wn__executor_find_plan(ex, n, kind, layout, out));
    const size_t room = room_of(ex, *out), bytes = (*out)->bytes[layout];
    (*out)->layout = layout;
    return make_memory(ex, bytes > room ? bytes : room);
}

wn__plan_kind wn__executor_plan_kind(const wn__executor *ex, bool backward, bool training)
{
    if (!backward) return training ? WN__PLAN_STATISTICS : WN__PLAN_INFER;
    if (ex->options.tangents) return training ? WN__PLAN_TANGENT : WN__PLAN_FROZEN_TANGENT;
    return training ? WN__PLAN_TRAIN : WN__PLAN_FROZEN;
}

static wn_status prepare_piece(wn__executor *ex, int64_t piece, wn__plan_kind kind)
{
    wn__plan *plan;
    WN_TRY(wn__executor_get_plan(ex, piece, kind, WN__SLABS, &plan));
    WN_TRY(wn__executor_follow_topology(ex));
    return wn__executor_bind_patterns(ex, plan);
}

static wn_status prepare(wn__executor *ex, int64_t n, wn__plan_kind kind)
{
    const int64_t piece = wn__executor_piece(ex, n, kind);
    if (ex->options.gradient_readers && ex->device->compressed && piece < n) WN_TRY(wn__gradient_window_make(&ex->window, ex->params));
    WN_TRY(prepare_piece(ex, piece, kind));
    return n % piece ? prepare_piece(ex, n % piece, kind) : WN_OK;
}

wn_status wn__executor_prepare(wn__executor *ex, int64_t n)
{
    return prepare(ex, n, wn__executor_plan_kind(ex, ex->options.training, ex->options.training));
}

wn_status wn__executor_prepare_inference(wn__executor *ex, int64_t n) { return prepare(ex, n, wn__executor_plan_kind(ex, false, false)); }

wn_status wn__executor_kernels(wn__executor *ex, int64_t n, wn__kernel_visit visit, void *user)
{
    wn__plan *plan;
    const wn__plan_kind kind = wn__executor_plan_kind(ex, ex->options.training, ex->options.training);
    WN_TRY(wn__executor_get_plan(ex, wn__executor_piece(ex, n, kind), kind, WN__SLABS, &plan));
    if (plan->kind == WN__PLAN_INFER) WN_TRY(wn__executor_pack_weights(ex, plan)); /* some are chosen there */
    WN_TRY(wn__executor_bind_patterns(ex, plan));
    for (int i = 0; i < plan->lowered_ops; i++) {
        if (wn__op_has(plan->op[i]->desc.kind, WN__OP_WEIGHS))
            visit(user, ex->graph->node[plan->lowered[i].node].name, plan->op[i]->implementation);
    }
    return WN_OK;
}

wn_status wn__executor_plan_bytes(wn__executor *ex, int64_t n, int64_t *bytes)
{
    wn__plan *plan;
    const wn__plan_kind kind = wn__executor_plan_kind(ex, ex->options.training, ex->options.training);
    WN_TRY(wn__executor_find_plan(ex, wn__executor_piece(ex, n, kind), kind, WN__SLABS, &plan));
    *bytes = (int64_t)room_of(ex, plan);
    return WN_OK;
}

static int64_t call_traffic(const wn__plan *plan, const wn__call *c)
{
    const bool in_place = c->phase == WN__BACKWARD_PREPARE;
    int64_t bytes = 0;
    int tensor[WN__CALL_TENSORS];
    wn__call_tensors(c, tensor);
    for (int i = 0; i < WN__CALL_TENSORS; i++)
        if (tensor[i] >= 0) bytes += (int64_t)plan->buffer[tensor[i]].size;
    return bytes + (in_place && c->dout[0] >= 0 ? (int64_t)plan->buffer[c->dout[0]].size : 0);
}

wn_status wn__executor_traffic(wn__executor *ex, int64_t n, int64_t *bytes)
{
    const wn__plan_kind kind = wn__executor_plan_kind(ex, ex->options.training, ex->options.training);
    const int64_t size = wn__executor_piece(ex, n, kind);
    *bytes = 0;
    for (int64_t first = 0; first < n; first += size) {
        wn__plan *plan;
        WN_TRY(wn__executor_find_plan(ex, n - first < size ? n - first : size, kind, WN__SLABS, &plan));
        for (int i = 0; i < plan->calls; i++)
            *bytes += wn__op_runs(plan->call[i].op, plan->call[i].phase) ? call_traffic(plan, &plan->call[i]) : 0;
    }
    return WN_OK;
}

const char *wn__phase_name(wn__phase phase)
{
    static const char *const names[WN__PHASES] = {
        "statistics",         "forward",         "backward prepare", "backward data", "backward params",
        "tangent statistics", "tangent forward", "tangent prepare",  "tangent data",  "tangent params"};
    return names[phase];
}
