/* The calls of a plan, group by group and block by block. */
#include "base/fail.h"
#include "base/log.h"
#include "nn/executor/bands.h"
#include "nn/executor/executor_parts.h"

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

void *wn__executor_buffer(const wn__executor *ex, const wn__plan *plan, int buffer)
{
    return buffer < 0 ? NULL : ex->memory + plan->buffer[buffer].offset[plan->layout];
}

void *wn__executor_twin(const wn__executor *ex, const wn__plan *plan, int buffer)
{
    return buffer < 0 ? NULL : wn__executor_buffer(ex, plan, plan->buffer[buffer].twin);
}

static void fill_params(const wn__executor_run *r, const wn__call *call, wn__op_args *a)
{
    for (int k = 0; k < WN__PARAMS; k++) {
        const int i = call->lowered->param[k];
        if (i < 0) continue;
        a->param[k] = wn__executor_weight(r->ex, i);
        if (!wn__role_is_trained(r->ex->params->item[i].role)) continue;
        a->dparam[k] = wn__executor_weight_grad(r->ex, i);
        if (r->vector) a->t_param[k] = r->ex->t_weight[i] ? r->ex->t_weight[i] : r->vector[i];
        if (r->product) a->t_dparam[k] = r->ex->t_weight_grad[i] ? r->ex->t_weight_grad[i] : r->product[i];
    }
}

static wn__op_args resolve(const wn__executor_run *r, const wn__call *call, place at)
{
    const wn__executor *ex = r->ex;
    const wn__plan *plan = r->plan;
    wn__op_args a = {.step = r->step,
                     .n = plan->n,
                     .out = pointer_at(ex, plan, call->out, at),
                     .saved = wn__executor_buffer(ex, plan, call->saved),
                     .scratch = wn__executor_buffer(ex, plan, call->scratch),
                     .t_out = wn__executor_twin(ex, plan, call->out),
                     .t_saved = wn__executor_twin(ex, plan, call->saved),
                     .accumulate = r->piece > 0 || call->accumulate};
    for (int s = 0; s < WN__INPUTS; s++) {
        a.in[s] = pointer_at(ex, plan, call->in[s], at);
        a.din[s] = pointer_at(ex, plan, call->din[s], at);
        a.t_in[s] = wn__executor_twin(ex, plan, call->in[s]);
        a.t_din[s] = wn__executor_twin(ex, plan, call->din[s]);
    }
    for (int s = 0; s < 2; s++) {
        a.dout[s] = pointer_at(ex, plan, call->dout[s], at);
        a.t_dout[s] = wn__executor_twin(ex, plan, call->dout[s]);
    }
    if (call->lowered) fill_params(r, call, &a);
    return a;
}

typedef struct group_run {
    const wn__executor_run *state;
    const wn__call *call;
    int calls, bands;
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

static wn_status run_block_of_group(void *arg, int64_t chunk, int worker)
{
    const group_run *g = arg;
    const int64_t block = g->state->plan->device->block, n = g->state->plan->n, first = chunk * block;
    return run_block(g, (place){chunk, worker}, first, n - first < block ? n - first : block);
}

wn_status wn__executor_run_group(const wn__executor_run *r, const wn__call *call, int calls)
{
    const wn__device *d = r->plan->device;
    group_run g = {.state = r, .call = call, .calls = calls, .bands = 1};
    g.bands = wn__bands_of_group(r->plan, call, calls, d);
    if (d->block == 0) {
        WN_TRY(run_block(&g, (place){0}, 0, r->plan->n));
    } else {
        WN_TRY(wn__parallel_try(d->pool, (r->plan->n + d->block - 1) / d->block, run_block_of_group, &g));
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
    const int weight = call->lowered ? call->lowered->weight : -1;
    if (weight < 0 || !ex->device->compressed || !ex->params->item[weight].pattern) return 1;
    return (double)ex->params->item[weight].stored / (double)ex->params->item[weight].count;
}

static wn_status run_observed_group(const wn__executor_run *r, const wn__call *call, int calls)
{
    wn__executor *ex = r->ex;
    const wn__call *last = &call[calls - 1];
    const double start = wn__seconds();
    WN_TRY(wn__executor_run_group(r, call, calls));
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

const wn__gradient_reading *wn__executor_reading(const wn__executor_run *r, const wn__call *call)
{
    if (!r->pieces || !r->ex->reading || call->phase != WN__BACKWARD_PARAMS || call->lowered->weight < 0) return NULL;
    const wn__gradient_reading *of = &r->ex->reading[call->lowered->weight];
    return of->reader && !r->ex->params->item[call->lowered->weight].map ? of : NULL; /* coefficients: when all is added up */
}

bool wn__executor_has_tiles(const wn__executor *ex, int param) { return ex->params->item[param].pattern && ex->device->compressed; }

/* Right after the call that made it: what it was made from is still there. */
static wn_status read_gradient(const wn__executor_run *r, const wn__call *call)
{
    const wn__gradient_reading *of = wn__executor_reading(r, call);
    if (!of) return WN_OK;
    const int param = call->lowered->weight;
    const wn__param *p = &r->ex->params->item[param];
    wn__op_args args = resolve(r, call, (place){0});
    wn__weight_gradient gradient = {.param = p, .rows = p->dim[0], .columns = p->count / p->dim[0], .op = call->op, .args = &args};
    if (!wn__executor_has_tiles(r->ex, param)) {
        gradient.dense = args.dparam[0];
        return r->piece == r->pieces - 1 ? of->reader(of->arg, &gradient) : WN_OK;
    }
    if (!call->op->cls->tile_gradient)
        return wn__fail(WN_EUNSUPPORTED, "%s: backend %s has no gradient of pruned weights", p->name, r->ex->device->backend->name);
    gradient.piece = (int)r->piece;
    args.accumulate = false;
    if (r->pieces == 1 || of->pieces) return of->reader(of->arg, &gradient);
    const wn__gradient_strip *strip = &r->ex->window.strip[param];
    if (strip->first == strip->end) return WN_OK;
    return wn__gradient_window_add(strip, p, call->op, &args, r->piece == 0, r->ex->device->pool);
}

/* Up to the end of the group, or to a call whose gradient is to be read before later ones overwrite what it was made from. */
static int end_of_run(const wn__executor_run *r, int first, int end)
{
    const wn__call *call = r->plan->call;
    int next = first + 1;
    while (next < end && call[next].group == call[first].group && !wn__executor_reading(r, &call[next - 1]))
        next++;
    return next;
}

wn_status wn__executor_run_calls(const wn__executor_run *r, int first, int end)
{
    const wn__plan *plan = r->plan;
    if (first == 0) r->ex->observed = 0;
    for (int i = first, next; i < end; i = next) {
        next = end_of_run(r, i, end);
        WN_TRY(r->ex->observer ? run_observed_group(r, &plan->call[i], next - i) : wn__executor_run_group(r, &plan->call[i], next - i));
        WN_TRY(read_gradient(r, &plan->call[next - 1]));
    }
    return WN_OK;
}
