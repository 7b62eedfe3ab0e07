#include "nn/executor.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/text.h"
#include "nn/bands.h"
#include "nn/gradient_window.h"

typedef struct reading {
    wn__gradient_reader reader; /* NULL: nobody wants it */
    void *arg;
    bool pieces;
} reading;

struct wn__executor {
    wn__call_observer observer; /* NULL: nobody wants times */
    void *observer_user;
    int observed;
    const wn_graph *graph;
    wn__params *params;
    wn__device *device;
    wn__executor_options options;
    wn__lowered *lowered, *inference; /* the second for plans of inference on devices with `norms_in_convs` */
    int count, inference_count;
    wn__plan **plan; /* one per (batch size, kind) seen so far */
    int plans;
    char *memory; /* the largest plan's buffers, at its offsets; plans are never active together */
    size_t memory_bytes;
    float *logits, *dlogits;     /* (piece, classes) */
    float *t_logits, *t_dlogits; /* tangent plans only */
    /* Per parameter, NULL where operations use its own arrays: dense weights made from what is stored, and their gradients. Under a map,
     * and of compressed parameters on devices that take dense ones only. */
    float **weight, **weight_grad;
    float **t_weight, **t_weight_grad; /* tangent plans, parameters materialised: vector and product */
    int64_t materialised;              /* version of those weights; -1 = none */
    int64_t topology;                  /* of the parameters that those arrays are for; -1 = none */
    reading *reading;                  /* per parameter; NULL: none so far */
    wn__gradient_window window;        /* of what is read and comes in micro-batches */
    const wn__plan *last;              /* plan of the last wn__executor_gradients */
};

static int64_t piece_size(const wn__executor *ex) { return ex->options.micro_batch ? ex->options.micro_batch : ex->options.batch; }

/* --- making and freeing -------------------------------------------------------------------------------------------------------- */

static bool is_materialised(const wn__executor *ex, const wn__param *p) { return p->map || (p->pattern && !ex->device->compressed); }

static wn_status make_dense(float **array, const wn__param *p, bool wanted)
{
    if (!wanted) {
        wn__free(*array);
        *array = NULL;
    } else if (!*array && !(*array = WN_NEW_ARRAY(float, p->count))) {
        return wn__no_memory((size_t)p->count * sizeof(float));
    }
    return WN_OK;
}

/* Dense arrays for those parameters that need them now. */
static wn_status follow_topology(wn__executor *ex)
{
    const wn__params *params = ex->params;
    if (ex->topology == params->topology) return WN_OK;
    for (int i = 0; i < params->count; i++) {
        const wn__param *p = &params->item[i];
        const bool wanted = is_materialised(ex, p), tangents = wanted && ex->options.tangents;
        WN_TRY(make_dense(&ex->weight[i], p, wanted));
        WN_TRY(make_dense(&ex->weight_grad[i], p, wanted && (ex->options.training || ex->options.tangents)));
        WN_TRY(make_dense(&ex->t_weight[i], p, tangents));
        WN_TRY(make_dense(&ex->t_weight_grad[i], p, tangents));
    }
    ex->materialised = -1;
    ex->topology = params->topology;
    return WN_OK;
}

static wn_status allocate_weights(wn__executor *ex)
{
    float ***const array[] = {&ex->weight, &ex->weight_grad, &ex->t_weight, &ex->t_weight_grad};
    for (int i = 0; i < 4; i++)
        if (!(*array[i] = WN_NEW_ARRAY(float *, ex->params->count))) return wn__no_memory((size_t)ex->params->count * sizeof(float *));
    return follow_topology(ex);
}

static void free_weights(wn__executor *ex)
{
    float **const array[] = {ex->weight, ex->weight_grad, ex->t_weight, ex->t_weight_grad};
    for (int k = 0; k < 4; k++) {
        for (int i = 0; array[k] && i < ex->params->count; i++)
            wn__free(array[k][i]);
        wn__free(array[k]);
    }
}

static wn_status allocate_borders(wn__executor *ex)
{
    const int64_t size = piece_size(ex) * wn__graph_classes(ex->graph);
    float **border[] = {&ex->logits, &ex->dlogits, &ex->t_logits, &ex->t_dlogits};
    for (int i = 0; i < (ex->options.tangents ? 4 : 2); i++)
        if (!(*border[i] = WN_NEW_ARRAY(float, size))) return wn__no_memory((size_t)size * sizeof(float));
    return WN_OK;
}

static wn_status check_options(const wn_graph *graph, const wn__params *params, const wn__device *device, const wn__executor_options *o)
{
    if (params->count != graph->params)
        return wn__fail(WN_EMISMATCH, "graph %s has %d parameters, but %d were given", graph->name, graph->params, params->count);
    if (o->batch < 1 || o->micro_batch < 0) return wn__fail(WN_EINVAL, "batch %lld must be > 0", (long long)o->batch);
    if (o->tangents && !device->backend->tangents)
        return wn__fail(WN_EUNSUPPORTED, "backend %s has no Hessian-vector products; use ref", device->backend->name);
    return WN_OK;
}

wn_status wn__executor_new(const wn_graph *graph, wn__params *params, wn__device *device, const wn__executor_options *options,
                           wn__executor **out)
{
    WN_TRY(check_options(graph, params, device, options));
    wn__executor *ex = WN_NEW(wn__executor);
    if (!ex) return wn__no_memory(sizeof *ex);
    ex->graph = graph;
    ex->params = params;
    ex->device = device;
    ex->options = *options;
    ex->materialised = ex->topology = -1;
    if (ex->options.micro_batch >= ex->options.batch) ex->options.micro_batch = 0;
    wn_status status;
    WN_TRY_OR(fail, wn__lower(graph, false, &ex->lowered, &ex->count));
    WN_TRY_OR(fail, wn__lower(graph, true, &ex->inference, &ex->inference_count));
    WN_TRY_OR(fail, allocate_weights(ex));
    WN_TRY_OR(fail, allocate_borders(ex));
    *out = ex;
    return WN_OK;
fail:
    wn__executor_free(ex);
    return status;
}

void wn__executor_free(wn__executor *ex)
{
    if (!ex) return;
    for (int i = 0; i < ex->plans; i++) {
        wn__plan_release(ex->plan[i]);
        wn__free(ex->plan[i]);
    }
    free_weights(ex);
    wn__free(ex->plan);
    wn__free(ex->reading);
    wn__gradient_window_release(&ex->window);
    wn__free(ex->lowered);
    wn__free(ex->inference);
    wn__free(ex->logits);
    wn__free(ex->dlogits);
    wn__free(ex->t_logits);
    wn__free(ex->t_dlogits);
    wn__free(ex->memory);
    wn__free(ex);
}

/* --- plans --------------------------------------------------------------------------------------------------------------------- */

/* Few images go to a device of their own. To look at every activation is left to the one for all cases. */
static wn__device *device_for(const wn__executor *ex, int64_t n, wn__plan_kind kind, wn__layout layout)
{
    wn__device *few = ex->device->few;
    return few && kind == WN__PLAN_INFER && layout == WN__SLABS && n <= ex->device->few_images ? few : ex->device;
}

/* Tell the operations which entries their weights store. */
static wn_status bind_patterns(const wn__executor *ex, wn__plan *plan)
{
    if (!ex->device->compressed || plan->bound == ex->params->topology) return WN_OK;
    for (int i = 0; i < plan->lowered_ops; i++) {
        const int weight = plan->lowered[i].param[0];
        if (!plan->op[i]->cls->bind || weight < 0) continue;
        WN_TRY(plan->op[i]->cls->bind(plan->op[i], ex->params->item[weight].pattern));
    }
    plan->bound = ex->params->topology;
    plan->packed = -1;
    return WN_OK;
}

static wn_status try_plan(const wn__executor *ex, const wn__plan_request *request, wn__plan *plan)
{
    WN_TRY(wn__plan_make(request, plan));
    const wn_status status = bind_patterns(ex, plan);
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
                                .input_gradient = o->input_gradient,
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

static wn_status keep_plan(wn__executor *ex, wn__plan *plan)
{
    wn__plan **grown = wn__realloc(ex->plan, (size_t)(ex->plans + 1) * sizeof *grown);
    if (!grown) return wn__no_memory((size_t)(ex->plans + 1) * sizeof *grown);
    ex->plan = grown;
    grown[ex->plans++] = plan;
    return WN_OK;
}

/* The plan, without memory for its buffers. */
static wn_status find_plan(wn__executor *ex, int64_t n, wn__plan_kind kind, wn__layout layout, wn__plan **out)
{
    wn__device *device = device_for(ex, n, kind, layout);
    for (int i = 0; i < ex->plans; i++)
        if (ex->plan[i]->n == n && ex->plan[i]->kind == kind && ex->plan[i]->device == device) {
            *out = ex->plan[i];
            return WN_OK;
        }
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

static wn_status get_plan(wn__executor *ex, int64_t n, wn__plan_kind kind, wn__layout layout, wn__plan **out)
{
    WN_TRY(find_plan(ex, n, kind, layout, out));
    const size_t room = room_of(ex, *out), bytes = (*out)->bytes[layout];
    (*out)->layout = layout;
    return make_memory(ex, bytes > room ? bytes : room);
}

static wn__plan_kind kind_of(const wn__executor *ex, bool backward, bool training)
{
    if (!backward) return training ? WN__PLAN_STATISTICS : WN__PLAN_INFER;
    if (ex->options.tangents) return training ? WN__PLAN_TANGENT : WN__PLAN_FROZEN_TANGENT;
    return training ? WN__PLAN_TRAIN : WN__PLAN_FROZEN;
}

static wn_status prepare_piece(wn__executor *ex, int64_t piece, wn__plan_kind kind)
{
    wn__plan *plan;
    WN_TRY(get_plan(ex, piece, kind, WN__SLABS, &plan));
    WN_TRY(follow_topology(ex));
    return bind_patterns(ex, plan);
}

static wn_status prepare(wn__executor *ex, int64_t n, wn__plan_kind kind)
{
    const int64_t piece = n < piece_size(ex) ? n : piece_size(ex);
    if (ex->options.gradient_readers && ex->device->compressed && piece < n) WN_TRY(wn__gradient_window_make(&ex->window, ex->params));
    WN_TRY(prepare_piece(ex, piece, kind));
    return n % piece ? prepare_piece(ex, n % piece, kind) : WN_OK;
}

wn_status wn__executor_prepare(wn__executor *ex, int64_t n)
{
    return prepare(ex, n, kind_of(ex, ex->options.training, ex->options.training));
}

wn_status wn__executor_prepare_inference(wn__executor *ex, int64_t n) { return prepare(ex, n, kind_of(ex, false, false)); }

wn_status wn__executor_kernels(wn__executor *ex, int64_t n, wn__kernel_visit visit, void *user)
{
    wn__plan *plan;
    const int64_t piece = n < piece_size(ex) ? n : piece_size(ex);
    WN_TRY(get_plan(ex, piece, kind_of(ex, ex->options.training, ex->options.training), WN__SLABS, &plan));
    WN_TRY(bind_patterns(ex, plan));
    for (int i = 0; i < plan->lowered_ops; i++) {
        const wn__op_kind kind = plan->op[i]->desc.kind;
        if (kind == WN__OP_CONV || kind == WN__OP_LINEAR)
            visit(user, ex->graph->node[ex->lowered[i].node].name, plan->op[i]->implementation);
    }
    return WN_OK;
}

/* --- running ------------------------------------------------------------------------------------------------------------------- */

/* Where a block runs: its number, and which worker's slabs it uses. */
typedef struct place {
    int64_t block;
    int worker;
} place;

/* Such that the block's own part lies where the operations look for it. A local buffer begins before its memory, which is never touched. */
static void *pointer_at(const wn__executor *ex, const wn__plan *plan, int buffer, place at)
{
    if (buffer < 0) return NULL;
    const wn__buffer *b = &plan->buffer[buffer];
    const uintptr_t start = (uintptr_t)ex->memory + b->offset[plan->layout];
    return (void *)(b->local && plan->layout == WN__SLABS ? start + (uintptr_t)at.worker * b->slab - (uintptr_t)at.block * b->slab : start);
}

static void *pointer(const wn__executor *ex, const wn__plan *plan, int buffer)
{
    return buffer < 0 ? NULL : ex->memory + plan->buffer[buffer].offset[plan->layout];
}

static void *twin(const wn__executor *ex, const wn__plan *plan, int buffer)
{
    return buffer < 0 ? NULL : pointer(ex, plan, plan->buffer[buffer].twin);
}

typedef struct run_state {
    wn__executor *ex;
    wn__plan *plan;
    wn__step_info step;
    int64_t piece, pieces;      /* micro-batch of a step with gradients, else 0; those behind the first add theirs */
    const float *const *vector; /* tangents of parameters */
    float *const *product;
} run_state;

static float *weight_of(const wn__executor *ex, int param) { return ex->weight[param] ? ex->weight[param] : ex->params->item[param].value; }

static float *weight_grad_of(const wn__executor *ex, int param)
{
    return ex->weight_grad[param] ? ex->weight_grad[param] : ex->params->item[param].grad;
}

static void fill_params(const run_state *r, const wn__call *call, wn__op_args *a)
{
    for (int k = 0; k < WN__PARAMS; k++) {
        const int i = call->lowered->param[k];
        if (i < 0) continue;
        a->param[k] = weight_of(r->ex, i);
        if (k > 1) continue;
        a->dparam[k] = weight_grad_of(r->ex, i);
        if (r->vector) a->t_param[k] = r->ex->t_weight[i] ? r->ex->t_weight[i] : r->vector[i];
        if (r->product) a->t_dparam[k] = r->ex->t_weight_grad[i] ? r->ex->t_weight_grad[i] : r->product[i];
    }
}

static wn__op_args resolve(const run_state *r, const wn__call *call, place at)
{
    const wn__executor *ex = r->ex;
    const wn__plan *plan = r->plan;
    wn__op_args a = {.step = r->step,
                     .n = plan->n,
                     .out = pointer_at(ex, plan, call->out, at),
                     .saved = pointer(ex, plan, call->saved),
                     .scratch = pointer(ex, plan, call->scratch),
                     .t_out = twin(ex, plan, call->out),
                     .t_saved = twin(ex, plan, call->saved),
                     .accumulate = r->piece > 0 || call->accumulate};
    for (int s = 0; s < 2; s++) {
        a.in[s] = pointer_at(ex, plan, call->in[s], at);
        a.dout[s] = pointer_at(ex, plan, call->dout[s], at);
        a.din[s] = pointer_at(ex, plan, call->din[s], at);
        a.t_in[s] = twin(ex, plan, call->in[s]);
        a.t_dout[s] = twin(ex, plan, call->dout[s]);
        a.t_din[s] = twin(ex, plan, call->din[s]);
    }
    if (call->lowered) fill_params(r, call, &a);
    return a;
}

typedef struct group_run {
    const run_state *state;
    const wn__call *call;
    int calls, bands;
    atomic_int failed; /* first wn_status that a block met, and its message */
    char message[512];
} group_run;

static wn_status run_block(const group_run *g, place at, int64_t first, int64_t n)
{
    if (g->bands > 1) {
        wn__op_args args[WN__MOST_BANDED];
        for (int i = 0; i < g->calls; i++)
            args[i] = resolve(g->state, &g->call[i], at);
        return wn__bands_run(g->call, args, g->calls, g->bands, first, n);
    }
    for (int i = 0; i < g->calls; i++) {
        const wn__op_args args = resolve(g->state, &g->call[i], at);
        WN_TRY(wn__op_run(g->call[i].op, g->call[i].phase, &args, first, n));
    }
    return WN_OK;
}

static void run_block_of_group(void *arg, int64_t chunk, int worker)
{
    group_run *g = arg;
    const int64_t block = g->state->plan->device->block, n = g->state->plan->n, first = chunk * block;
    const wn_status status = run_block(g, (place){chunk, worker}, first, n - first < block ? n - first : block);
    int none = WN_OK;
    if (status != WN_OK && atomic_compare_exchange_strong(&g->failed, &none, status))
        snprintf(g->message, sizeof g->message, "%s", wn_error_message());
}

/* All blocks of one group, then its batch-wide sums. */
static wn_status run_group(const run_state *r, const wn__call *call, int calls)
{
    const wn__device *d = r->plan->device;
    group_run g = {.state = r, .call = call, .calls = calls, .bands = 1};
    g.bands = wn__bands_of_group(r->plan, call, calls, d);
    if (d->block == 0) {
        WN_TRY(run_block(&g, (place){0}, 0, r->plan->n));
    } else {
        wn__parallel_for(d->pool, (r->plan->n + d->block - 1) / d->block, run_block_of_group, &g);
        if (g.failed != WN_OK) return wn__fail((wn_status)g.failed, "%s", g.message);
    }
    for (int i = 0; i < calls; i++) {
        if (!call[i].op->cls->finish[call[i].phase]) continue;
        const wn__op_args args = resolve(r, &call[i], (place){0});
        WN_TRY(call[i].op->cls->finish[call[i].phase](call[i].op, &args));
    }
    return WN_OK;
}

static double density_of(const wn__executor *ex, const wn__call *call)
{
    const int weight = call->lowered ? call->lowered->param[0] : -1;
    if (weight < 0 || !ex->device->compressed || !ex->params->item[weight].pattern) return 1;
    return (double)ex->params->item[weight].stored / (double)ex->params->item[weight].count;
}

static wn_status run_observed_group(const run_state *r, const wn__call *call, int calls)
{
    wn__executor *ex = r->ex;
    const wn__call *last = &call[calls - 1];
    const double start = wn__seconds();
    WN_TRY(run_group(r, call, calls));
    const wn__call_time time = {.index = ex->observed++,
                                .node = last->lowered ? ex->graph->node[last->lowered->node].name : "(sum)",
                                .implementation = last->op->implementation,
                                .desc = &last->op->desc,
                                .phase = last->phase,
                                .density = density_of(ex, last),
                                .seconds = wn__seconds() - start};
    ex->observer(ex->observer_user, &time);
    return WN_OK;
}

/* Who reads the gradient that the call makes; NULL if nobody does. */
static const reading *reading_of(const run_state *r, const wn__call *call)
{
    if (!r->pieces || !r->ex->reading || call->phase != WN__BACKWARD_PARAMS || call->lowered->param[0] < 0) return NULL;
    const reading *of = &r->ex->reading[call->lowered->param[0]];
    return of->reader ? of : NULL;
}

/* Is the parameter's gradient, if it is read, made from activations? */
static bool has_tiles(const wn__executor *ex, int param) { return ex->params->item[param].pattern && ex->device->compressed; }

/* Right after the call that made it: what it was made from is still there. */
static wn_status read_gradient(const run_state *r, const wn__call *call)
{
    const reading *of = reading_of(r, call);
    if (!of) return WN_OK;
    const int param = call->lowered->param[0];
    const wn__param *p = &r->ex->params->item[param];
    wn__op_args args = resolve(r, call, (place){0});
    wn__weight_gradient gradient = {.param = p, .rows = p->dim[0], .columns = p->count / p->dim[0], .op = call->op, .args = &args};
    if (!has_tiles(r->ex, param)) {
        gradient.dense = args.dparam[0];
        return r->piece == r->pieces - 1 ? of->reader(of->arg, &gradient) : WN_OK;
    }
    if (!call->op->cls->tile_gradient)
        return wn__fail(WN_EUNSUPPORTED, "%s: backend %s has no gradient of entries that are not stored", p->name,
                        r->ex->device->backend->name);
    gradient.piece = (int)r->piece;
    args.accumulate = false;
    if (r->pieces == 1 || of->pieces) return of->reader(of->arg, &gradient);
    const wn__gradient_strip *strip = &r->ex->window.strip[param];
    if (strip->first == strip->end) return WN_OK;
    return wn__gradient_window_add(strip, p, call->op, &args, r->piece == 0, r->ex->device->pool);
}

/* Up to the end of the group, or to a call whose gradient is to be read before later ones overwrite what it was made from. */
static int end_of_run(const run_state *r, int first, int end)
{
    const wn__call *call = r->plan->call;
    int next = first + 1;
    while (next < end && call[next].group == call[first].group && !reading_of(r, &call[next - 1]))
        next++;
    return next;
}

static wn_status run_calls(const run_state *r, int first, int end)
{
    const wn__plan *plan = r->plan;
    if (first == 0) r->ex->observed = 0;
    for (int i = first, next; i < end; i = next) {
        next = end_of_run(r, i, end);
        WN_TRY(r->ex->observer ? run_observed_group(r, &plan->call[i], next - i) : run_group(r, &plan->call[i], next - i));
        WN_TRY(read_gradient(r, &plan->call[next - 1]));
    }
    return WN_OK;
}

static wn_status materialise(wn__executor *ex)
{
    const wn__params *params = ex->params;
    for (int i = 0; ex->materialised != params->version && i < params->count; i++) {
        const wn__param *p = &params->item[i];
        if (p->map)
            WN_TRY(p->map->materialise(p, p->value, ex->weight[i]));
        else if (ex->weight[i])
            wn__pattern_scatter(p->pattern, p->value, ex->weight[i]);
    }
    ex->materialised = params->version;
    return WN_OK;
}

/* Bring what the operations hold of the weights up to date. */
static wn_status pack_weights(const run_state *r)
{
    wn__executor *ex = r->ex;
    wn__plan *plan = r->plan;
    WN_TRY(follow_topology(ex));
    WN_TRY(materialise(ex));
    WN_TRY(bind_patterns(ex, plan));
    if (plan->packed == ex->params->version) return WN_OK;
    for (int i = 0; i < plan->lowered_ops; i++) {
        if (!plan->op[i]->cls->pack) continue;
        float *weights[WN__PARAMS] = {NULL};
        for (int k = 0; k < WN__PARAMS; k++)
            if (plan->lowered[i].param[k] >= 0) weights[k] = weight_of(ex, plan->lowered[i].param[k]);
        WN_TRY(plan->op[i]->cls->pack(plan->op[i], weights));
    }
    plan->packed = ex->params->version;
    return WN_OK;
}

static wn_status run_forward(const run_state *r, const float *images, float *logits)
{
    const wn_graph *g = r->ex->graph;
    const wn__plan *plan = r->plan;
    wn__device *d = plan->device;
    WN_TRY(pack_weights(r));
    const wn__shape in = wn__plan_shape(plan, g, 0), out = wn__plan_shape(plan, g, g->output);
    WN_TRY(d->upload(d, images, &in, pointer(r->ex, plan, plan->images)));
    WN_TRY(run_calls(r, 0, plan->forward_calls));
    return d->download(d, pointer(r->ex, plan, plan->logits), &out, logits);
}

wn_status wn__executor_infer(wn__executor *ex, const float *images, int64_t n, wn__step_info step, float *logits)
{
    const wn_graph *g = ex->graph;
    const int64_t image = g->c * g->h * g->w;
    ex->last = NULL; /* its buffers are about to be overwritten */
    for (int64_t first = 0, piece; first < n; first += piece) {
        piece = n - first < piece_size(ex) ? n - first : piece_size(ex);
        run_state r = {.ex = ex, .step = step};
        WN_TRY(get_plan(ex, piece, kind_of(ex, false, step.training), WN__SLABS, &r.plan));
        WN_TRY(run_forward(&r, images + first * image, logits + first * wn__graph_classes(g)));
        r.step.step++;
    }
    return WN_OK;
}

static wn_status upload_gradient(const run_state *r, const float *plain, void *activation)
{
    const wn__shape logits = wn__plan_shape(r->plan, r->ex->graph, r->ex->graph->output);
    return r->ex->device->upload(r->ex->device, plain, &logits, activation);
}

/* Gradients of parameters that no operation reaches are zero; those of weights made here are taken back to what is stored. */
static wn_status finish_gradients(const run_state *r)
{
    const wn__executor *ex = r->ex;
    for (int i = 0; i < ex->params->count; i++) {
        wn__param *p = &ex->params->item[i];
        if (!wn__role_is_trained(p->role)) continue;
        const int64_t entries = ex->weight_grad[i] ? p->count : p->stored;
        if (!r->plan->param_written[i]) memset(weight_grad_of(ex, i), 0, (size_t)entries * sizeof(float));
        if (p->map)
            WN_TRY(p->map->pull_back(p, ex->weight_grad[i], p->grad));
        else if (ex->weight_grad[i])
            wn__pattern_gather(p->pattern, ex->weight_grad[i], p->grad);
    }
    return WN_OK;
}

/* Hessian-vector products of compressed parameters and of coefficients: the vector as dense weights, and the product back to what is stored. */
static wn_status expand_vectors(const run_state *r)
{
    for (int i = 0; i < r->ex->params->count; i++) {
        const wn__param *p = &r->ex->params->item[i];
        if (!r->ex->t_weight[i] || !r->vector[i]) continue;
        if (p->map)
            WN_TRY(p->map->materialise(p, r->vector[i], r->ex->t_weight[i]));
        else
            wn__pattern_scatter(p->pattern, r->vector[i], r->ex->t_weight[i]);
    }
    return WN_OK;
}

static wn_status finish_products(const run_state *r)
{
    for (int i = 0; i < r->ex->params->count; i++) {
        const wn__param *p = &r->ex->params->item[i];
        if (!r->product[i]) continue;
        if (!r->plan->param_written[i])
            memset(r->product[i], 0, (size_t)p->stored * sizeof(float));
        else if (p->map)
            WN_TRY(p->map->pull_back(p, r->ex->t_weight_grad[i], r->product[i]));
        else if (r->ex->t_weight_grad[i])
            wn__pattern_gather(p->pattern, r->ex->t_weight_grad[i], r->product[i]);
    }
    return WN_OK;
}

/* Will somebody look at gradients, and at what they were made from, in this step? */
static bool is_read(const wn__executor *ex)
{
    for (int i = 0; ex->reading && i < ex->params->count; i++)
        if (ex->reading[i].reader) return true;
    return false;
}

typedef struct gradient_job {
    const float *images;
    int64_t n, pieces;
    wn__step_info step;
    wn__loss_gradient loss;
    void *arg;
    bool again; /* only what the window needs */
} gradient_job;

/* Micro-batches whose gradients are read in total. */
typedef struct wn__gradient_totals {
    wn__executor *ex;
    gradient_job job;
    int place; /* of the weight at hand in the window's order */
} wn__gradient_totals;

/* Behind the last call that makes a gradient of the window. */
static int end_of_window(const wn__executor *ex, const wn__plan *plan)
{
    int end = plan->forward_calls;
    for (int i = end; i < plan->calls; i++) {
        const int param = plan->call[i].phase == WN__BACKWARD_PARAMS ? plan->call[i].lowered->param[0] : -1;
        if (param >= 0 && ex->window.strip[param].end > ex->window.strip[param].first) end = i + 1;
    }
    return end;
}

static wn_status run_piece(wn__executor *ex, const gradient_job *job, int64_t piece, run_state *r)
{
    const wn_graph *g = ex->graph;
    const int64_t first = piece * piece_size(ex), n = job->n - first < piece_size(ex) ? job->n - first : piece_size(ex);
    *r = (run_state){.ex = ex, .step = job->step, .piece = piece, .pieces = job->pieces};
    r->step.step = job->step.step * job->pieces + piece;
    WN_TRY(get_plan(ex, n, kind_of(ex, true, job->step.training), is_read(ex) ? WN__WHOLE : WN__SLABS, &r->plan));
    WN_TRY(run_forward(r, job->images + first * g->c * g->h * g->w, ex->logits));
    WN_TRY(job->loss(job->arg, ex->logits, first, n, ex->dlogits));
    WN_TRY(upload_gradient(r, ex->dlogits, pointer(ex, r->plan, r->plan->dlogits)));
    return run_calls(r, r->plan->forward_calls, job->again ? end_of_window(ex, r->plan) : r->plan->calls);
}

/* What is read of several micro-batches together, as backward comes to it; the window begins with the first. */
static wn_status order_window(wn__executor *ex, const gradient_job *job)
{
    wn__gradient_window *w = &ex->window;
    run_state r = {.ex = ex, .pieces = job->pieces};
    w->count = 0;
    if (job->pieces == 1 || !is_read(ex) || !ex->device->compressed) return WN_OK;
    WN_TRY(wn__gradient_window_make(w, ex->params));
    WN_TRY(find_plan(ex, piece_size(ex), kind_of(ex, true, job->step.training), WN__WHOLE, &r.plan));
    for (int i = r.plan->forward_calls; i < r.plan->calls; i++) {
        const reading *of = reading_of(&r, &r.plan->call[i]);
        if (of && !of->pieces && has_tiles(ex, r.plan->call[i].lowered->param[0])) w->order[w->count++] = r.plan->call[i].lowered->param[0];
    }
    wn__gradient_window_place(w, ex->params, 0, 0);
    return WN_OK;
}

static wn_status tell_totals(wn__executor *ex, const gradient_job *job)
{
    wn__gradient_totals totals = {.ex = ex, .job = *job};
    totals.job.again = true;
    totals.job.step.update_statistics = false;
    for (; totals.place < ex->window.count; totals.place++) {
        const int param = ex->window.order[totals.place];
        const wn__param *p = &ex->params->item[param];
        const wn__weight_gradient gradient = {.param = p, .rows = p->dim[0], .columns = p->count / p->dim[0], .totals = &totals};
        WN_TRY(ex->reading[param].reader(ex->reading[param].arg, &gradient));
    }
    return WN_OK;
}

wn_status wn__executor_gradients(wn__executor *ex, const float *images, int64_t n, wn__step_info step, wn__loss_gradient loss, void *arg)
{
    if (!ex->options.training) return wn__fail(WN_EINVAL, "executor of %s was not made for training", ex->graph->name);
    if (n < 1 || n > ex->options.batch)
        return wn__fail(WN_EINVAL, "batch of %lld images, must be 1..%lld", (long long)n, (long long)ex->options.batch);
    const gradient_job job = {images, n, (n + piece_size(ex) - 1) / piece_size(ex), step, loss, arg, false};
    run_state r;
    WN_TRY(order_window(ex, &job));
    for (int64_t piece = 0; piece < job.pieces; piece++)
        WN_TRY(run_piece(ex, &job, piece, &r));
    ex->last = job.pieces == 1 ? r.plan : NULL;
    WN_TRY(finish_gradients(&r));
    return tell_totals(ex, &job);
}

static wn_status read_param(wn__executor *ex, int param, reading how)
{
    const wn__param *p = &ex->params->item[param];
    int users = 0;
    for (int i = 0; i < ex->count; i++)
        users += ex->lowered[i].param[0] == param;
    if (p->role != WN__WEIGHT || p->map || users != 1)
        return wn__fail(WN_EUNSUPPORTED, "%s: only gradients of plain weights that one node uses can be read", p->name);
    if (!ex->reading && !(ex->reading = WN_NEW_ARRAY(reading, ex->params->count)))
        return wn__no_memory((size_t)ex->params->count * sizeof(reading));
    ex->reading[param] = how;
    return WN_OK;
}

wn_status wn__executor_read_gradient(wn__executor *ex, int param, wn__gradient_reader reader, void *arg)
{
    return read_param(ex, param, (reading){reader, arg, false});
}

wn_status wn__executor_read_pieces(wn__executor *ex, int param, wn__gradient_reader reader, void *arg)
{
    return read_param(ex, param, (reading){reader, arg, true});
}

static const wn__gradient_strip *strip_at(const wn__gradient_totals *t) { return &t->ex->window.strip[t->ex->window.order[t->place]]; }

wn_status wn__weight_gradient_rows(const wn__weight_gradient *g, int64_t row, int64_t *end)
{
    *end = g->rows;
    if (!g->totals) return WN_OK;
    wn__executor *ex = g->totals->ex;
    const wn__gradient_strip *strip = strip_at(g->totals);
    if (row < strip->first || row >= strip->end) {
        run_state r;
        wn__gradient_window_place(&ex->window, ex->params, g->totals->place, row);
        for (int64_t piece = 0; piece < g->totals->job.pieces; piece++)
            WN_TRY(run_piece(ex, &g->totals->job, piece, &r));
    }
    *end = strip->end;
    return WN_OK;
}

wn_status wn__weight_gradient_tile(const wn__weight_gradient *g, const wn__weight_tile *tile, float *out)
{
    if (!g->dense && !g->totals) return g->op->cls->tile_gradient(g->op, g->args, tile, out);
    const wn__gradient_strip *strip = g->totals ? strip_at(g->totals) : NULL;
    const float *from = strip ? strip->sum + (tile->row - strip->first) * g->columns : g->dense + tile->row * g->columns;
    for (int64_t r = 0; r < tile->rows; r++)
        memcpy(out + r * tile->columns, from + r * g->columns + tile->column, (size_t)tile->columns * sizeof *out);
    return WN_OK;
}

bool wn__weight_gradient_bounds(const wn__weight_gradient *g, float *row, float *column)
{
    if (g->dense || g->totals || !g->op->cls->gradient_bounds) return false;
    g->op->cls->gradient_bounds(g->op, g->args, row, column);
    return true;
}

wn_status wn__executor_input_gradient(wn__executor *ex, float *dimages)
{
    const wn_graph *g = ex->graph;
    if (!ex->last || ex->last->dimages < 0)
        return wn__fail(WN_EINVAL, "no gradient of the images: ask for it in the options and use one micro-batch");
    const wn__shape images = wn__plan_shape(ex->last, g, 0);
    return ex->device->download(ex->device, pointer(ex, ex->last, ex->last->dimages), &images, dimages);
}

wn_status wn__executor_hessian_vector(wn__executor *ex, const float *images, int64_t n, wn__step_info step, wn__loss_tangent loss,
                                      void *arg, const float *const *vector, float *const *product)
{
    if (!ex->options.tangents) return wn__fail(WN_EINVAL, "executor of %s was not made for Hessian-vector products", ex->graph->name);
    if (n < 1 || n > piece_size(ex))
        return wn__fail(WN_EINVAL, "batch of %lld images, must be 1..%lld", (long long)n, (long long)piece_size(ex));
    for (int i = 0; i < ex->params->count; i++)
        if (ex->params->item[i].map && !ex->params->item[i].map->linear)
            return wn__fail(WN_EUNSUPPORTED, "%s: exact Hessian-vector products of %s, in which the weight is not linear",
                            ex->params->item[i].name, ex->params->item[i].map->name);
    run_state r = {.ex = ex, .step = step, .vector = vector, .product = product};
    WN_TRY(get_plan(ex, n, kind_of(ex, true, step.training), WN__SLABS, &r.plan));
    const wn__plan *plan = r.plan;
    WN_TRY(follow_topology(ex));
    WN_TRY(expand_vectors(&r));
    WN_TRY(run_forward(&r, images, ex->logits));
    const wn__shape logits = wn__plan_shape(plan, ex->graph, ex->graph->output);
    WN_TRY(ex->device->download(ex->device, twin(ex, plan, plan->logits), &logits, ex->t_logits));
    WN_TRY(loss(arg, ex->logits, ex->t_logits, n, ex->dlogits, ex->t_dlogits));
    WN_TRY(upload_gradient(&r, ex->dlogits, pointer(ex, plan, plan->dlogits)));
    WN_TRY(upload_gradient(&r, ex->t_dlogits, twin(ex, plan, plan->dlogits)));
    WN_TRY(run_calls(&r, plan->forward_calls, plan->calls));
    WN_TRY(finish_products(&r));
    return finish_gradients(&r);
}

/* --- diagnosis ----------------------------------------------------------------------------------------------------------------- */

static wn_status is_finite(const run_state *r, const wn__call *call, bool *finite)
{
    const wn__shape t = wn__plan_shape(r->plan, r->ex->graph, call->lowered->out);
    const int64_t size = t.n * t.c * t.h * t.w;
    float *plain = WN_NEW_ARRAY(float, size);
    if (!plain) return wn__no_memory((size_t)size * sizeof(float));
    const wn_status status = r->ex->device->download(r->ex->device, pointer(r->ex, r->plan, call->out), &t, plain);
    *finite = true;
    for (int64_t i = 0; status == WN_OK && i < size; i++)
        *finite &= isfinite(plain[i]) != 0;
    wn__free(plain);
    return status;
}

/* One group at a time, looking at every output made in it. */
static wn_status search_nonfinite(const run_state *r, const char **node)
{
    const wn__plan *plan = r->plan;
    for (int i = 0, next; i < plan->forward_calls; i = next) {
        for (next = i + 1; next < plan->forward_calls && plan->call[next].group == plan->call[i].group; next++) {
        }
        WN_TRY(run_group(r, &plan->call[i], next - i));
        for (int k = i; k < next; k++) {
            bool finite = true;
            if (plan->call[k].phase == WN__FORWARD) WN_TRY(is_finite(r, &plan->call[k], &finite));
            if (finite) continue;
            *node = r->ex->graph->node[plan->call[k].lowered->node].name;
            return WN_OK;
        }
    }
    return WN_OK;
}

wn_status wn__executor_find_nonfinite(wn__executor *ex, const float *images, int64_t n, wn__step_info step, const char **node)
{
    *node = "";
    const int64_t image = ex->graph->c * ex->graph->h * ex->graph->w;
    step.update_statistics = false;
    for (int64_t first = 0, piece; first < n && !**node; first += piece) {
        piece = n - first < piece_size(ex) ? n - first : piece_size(ex);
        run_state r = {.ex = ex, .step = step};
        WN_TRY(get_plan(ex, piece, kind_of(ex, false, step.training), WN__WHOLE, &r.plan));
        WN_TRY(pack_weights(&r));
        const wn__shape shape = wn__plan_shape(r.plan, ex->graph, 0);
        WN_TRY(ex->device->upload(ex->device, images + first * image, &shape, pointer(ex, r.plan, r.plan->images)));
        WN_TRY(search_nonfinite(&r, node));
    }
    return WN_OK;
}

wn_status wn__executor_plan_bytes(wn__executor *ex, int64_t n, int64_t *bytes)
{
    wn__plan *plan;
    WN_TRY(
        find_plan(ex, n < piece_size(ex) ? n : piece_size(ex), kind_of(ex, ex->options.training, ex->options.training), WN__SLABS, &plan));
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
    *bytes = 0;
    for (int64_t first = 0, piece; first < n; first += piece) {
        wn__plan *plan;
        piece = n - first < piece_size(ex) ? n - first : piece_size(ex);
        WN_TRY(find_plan(ex, piece, kind_of(ex, ex->options.training, ex->options.training), WN__SLABS, &plan));
        for (int i = 0; i < plan->calls; i++)
            *bytes += wn__op_runs(plan->call[i].op, plan->call[i].phase) ? call_traffic(plan, &plan->call[i]) : 0;
    }
    return WN_OK;
}

void wn__executor_observe(wn__executor *ex, wn__call_observer observer, void *user)
{
    ex->observer = observer;
    ex->observer_user = user;
}

const char *wn__phase_name(wn__phase phase)
{
    static const char *const names[WN__PHASES] = {
        "statistics",         "forward",         "backward prepare", "backward data", "backward params",
        "tangent statistics", "tangent forward", "tangent prepare",  "tangent data",  "tangent params"};
    return names[phase];
}

wn_status wn__executor_describe(wn__executor *ex, int64_t n, char **text)
{
    wn__plan *plan;
    WN_TRY(
        find_plan(ex, n < piece_size(ex) ? n : piece_size(ex), kind_of(ex, ex->options.training, ex->options.training), WN__SLABS, &plan));
    wn__text t = {0};
    wn__text_add(&t, "%d calls in %d groups, %.1f MiB\n", plan->calls, plan->groups, (double)plan->bytes[WN__SLABS] / 0x1p20);
    for (int i = 0; i < plan->calls; i++) {
        const wn__call *c = &plan->call[i];
        wn__text_add(&t, "%3d  %-18s %-28s %s\n", c->group, wn__phase_name(c->phase),
                     c->lowered ? ex->graph->node[c->lowered->node].name : "(sum)", c->op->implementation ? c->op->implementation : "");
    }
    if (t.failed) return wn__no_memory(t.size);
    *text = t.data;
    return WN_OK;
}
