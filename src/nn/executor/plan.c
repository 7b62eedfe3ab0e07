#include "nn/executor/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/fail.h"

#define MOST_ADDENDS 2 /* gradients of one tensor kept apart until an operation that takes two reads them */

typedef struct tensor_state {
    int value;    /* buffer of its value, -1 = not made (or given up for recomputation) */
    int producer; /* lowered operation, -1 = the images */
    int addend[MOST_ADDENDS + 1];
    int addends;
    bool wants_gradient, remade;
} tensor_state;

typedef struct planner {
    const wn__plan_request *request;
    wn__plan *plan;
    tensor_state *tensor; /* per graph node */
    int *saved;           /* per lowered operation: buffer, -1 = none */
    int *pending;         /* per buffer: gradients of tensors that still wait in it */
    bool barrier;         /* the last call ended its group */
} planner;

void wn__call_tensors(const wn__call *c, int tensor[WN__CALL_TENSORS])
{
    memcpy(tensor, c->in, sizeof c->in);
    tensor[WN__INPUTS] = c->out;
    memcpy(tensor + WN__INPUTS + 1, c->dout, sizeof c->dout);
    memcpy(tensor + WN__INPUTS + 3, c->din, sizeof c->din);
}

/* --- growing lists ------------------------------------------------------------------------------------------------------------- */

/* Room for item `count` in an array that grows by doubling from 64. */
static wn_status new_buffer(planner *p, size_t size, int *id)
{
    WN_TRY(wn__make_room(&p->plan->buffer, p->plan->buffers, sizeof *p->plan->buffer));
    WN_TRY(wn__make_room(&p->pending, p->plan->buffers, sizeof *p->pending));
    *id = p->plan->buffers++;
    p->plan->buffer[*id] = (wn__buffer){.size = size, .first = -1, .last = -1, .twin = -1};
    p->pending[*id] = 0;
    return WN_OK;
}

/* A buffer, and in a tangent plan its twin beside it. */
static wn_status new_twins(planner *p, size_t size, int *id)
{
    int twin = -1;
    WN_TRY(new_buffer(p, size, id));
    if (wn__plan_is_tangent(p->plan->kind)) WN_TRY(new_buffer(p, size, &twin));
    p->plan->buffer[*id].twin = twin;
    return WN_OK;
}

static wn_status new_activation(planner *p, int node, int *id)
{
    const wn__device *d = p->request->device;
    wn__shape shape = wn__plan_shape(p->plan, p->request->graph, node);
    WN_TRY(new_twins(p, d->activation_bytes(d, &shape), id));
    shape.n = d->block;
    p->plan->buffer[*id].slab = d->block ? d->activation_bytes(d, &shape) : 0;
    return WN_OK;
}

static void touch(planner *p, int id, int group)
{
    if (id < 0) return;
    wn__buffer *b = &p->plan->buffer[id];
    if (b->first < 0) b->first = group;
    b->last = group;
    touch(p, b->twin, group);
}

/* Must all blocks be through before the next call? Nobody reads gradients of parameters before the step ends. */
static bool ends_group(const planner *p, const wn__op *op, wn__phase phase)
{
    if (p->request->device->block == 0) return true;
    return op->cls->finish[phase] && !(phase == WN__BACKWARD_PARAMS && op->params_finish_late);
}

/* Append a call, if the operation has that phase; extends the lives of its buffers and starts a new group after a barrier. */
static wn_status emit(planner *p, wn__call call)
{
    const wn__op_class *cls = call.op->cls;
    if (!wn__op_runs(call.op, call.phase) && !cls->finish[call.phase]) return WN_OK;
    wn__plan *plan = p->plan;
    WN_TRY(wn__make_room(&plan->call, plan->calls, sizeof *plan->call));
    if (p->barrier) plan->groups++;
    p->barrier = ends_group(p, call.op, call.phase);
    call.group = plan->groups - 1;
    int tensor[WN__CALL_TENSORS];
    wn__call_tensors(&call, tensor);
    for (int i = 0; i < WN__CALL_TENSORS; i++)
        touch(p, tensor[i], call.group);
    touch(p, call.saved, call.group);
    touch(p, call.scratch, call.group);
    plan->call[plan->calls++] = call;
    return WN_OK;
}

static wn__call blank_call(wn__op *op, const wn__lowered *lowered)
{
    wn__call call = {.op = op, .lowered = lowered, .out = -1, .saved = -1, .scratch = -1, .dout = {-1, -1}};
    for (int s = 0; s < WN__INPUTS; s++)
        call.in[s] = call.din[s] = -1;
    return call;
}

/* --- forward ------------------------------------------------------------------------------------------------------------------- */

static wn_status start_call(planner *p, int i, wn__call *call)
{
    const wn__lowered *l = &p->request->lowered[i];
    wn__op *op = p->plan->op[i];
    *call = blank_call(op, l);
    for (int s = 0; s < l->desc.inputs; s++)
        call->in[s] = p->tensor[l->in[s]].value;
    call->saved = p->saved[i];
    if (op->scratch_bytes) WN_TRY(new_twins(p, op->scratch_bytes, &call->scratch));
    return WN_OK;
}

static wn_status emit_phase(planner *p, wn__call call, wn__phase phase)
{
    call.phase = phase;
    return emit(p, call);
}

/* The phase, and in a tangent plan its directional derivative. */
static wn_status emit_twins(planner *p, wn__call call, wn__phase phase)
{
    WN_TRY(emit_phase(p, call, phase));
    return wn__plan_is_tangent(p->plan->kind) ? emit_phase(p, call, phase + (WN__TANGENT_STATISTICS - WN__STATISTICS)) : WN_OK;
}

static wn_status plan_forward(planner *p)
{
    wn__plan *plan = p->plan;
    for (int i = 0; i < plan->lowered_ops; i++) {
        const wn__lowered *l = &p->request->lowered[i];
        wn__op *op = plan->op[i];
        wn__call call;
        if (op->saved_bytes) WN_TRY(new_twins(p, op->saved_bytes, &p->saved[i]));
        WN_TRY(new_activation(p, l->out, &p->tensor[l->out].value));
        p->tensor[l->out].producer = i;
        WN_TRY(start_call(p, i, &call));
        call.out = p->tensor[l->out].value;
        if (wn__plan_uses_batch_statistics(plan->kind)) WN_TRY(emit_twins(p, call, WN__STATISTICS));
        WN_TRY(emit_twins(p, call, WN__FORWARD));
    }
    plan->forward_calls = plan->calls;
    plan->logits = p->tensor[p->request->graph->output].value;
    touch(p, plan->logits, plan->groups - 1); /* read after the last group */
    return WN_OK;
}

/* --- backward ------------------------------------------------------------------------------------------------------------------ */

/* Can the operation's output be made again from its input alone? */
static bool can_remake(const planner *p, int i)
{
    const wn__lowered *l = &p->request->lowered[i];
    const wn__op_desc *d = &l->desc;
    return p->request->recompute && d->inputs == 1 && p->plan->op[i]->backward_needs_in && p->tensor[l->in[0]].producer >= 0 &&
           wn__op_has(d->kind, WN__OP_IS_CHEAP);
}

/* The value of a tensor as backward phases see it: kept since forward, or made again on first use. */
static wn_status backward_value(planner *p, int tensor, int *value)
{
    tensor_state *t = &p->tensor[tensor];
    if (!t->remade && t->producer >= 0 && can_remake(p, t->producer)) {
        wn__call call;
        WN_TRY(start_call(p, t->producer, &call));
        WN_TRY(backward_value(p, p->request->lowered[t->producer].in[0], &call.in[0]));
        WN_TRY(new_activation(p, tensor, &t->value));
        call.out = t->value;
        t->remade = true;
        WN_TRY(emit_twins(p, call, WN__FORWARD));
    }
    *value = t->value;
    return WN_OK;
}

static wn_status make_adder(planner *p, int tensor, wn__op **adder)
{
    const wn__node *t = &p->request->graph->node[tensor];
    const wn__op_desc desc = {.kind = WN__OP_ADD,
                              .n = p->plan->n,
                              .in_c = t->c,
                              .in_h = t->h,
                              .in_w = t->w,
                              .out_c = t->c,
                              .out_h = t->h,
                              .out_w = t->w,
                              .inputs = 2,
                              .in_border = {p->plan->border[tensor], p->plan->border[tensor]},
                              .out_border = p->plan->border[tensor],
                              .node = tensor,
                              .inference_only = true};
    WN_TRY(wn__make_room(&p->plan->op, p->plan->ops, sizeof *p->plan->op));
    WN_TRY(p->request->device->prepare(p->request->device, &desc, adder));
    p->plan->op[p->plan->ops++] = *adder;
    return WN_OK;
}

/* Fold gradients beyond `most` into the first, or into a buffer of their own while the first is lent to another tensor. */
static wn_status fold_addends(planner *p, int tensor, int most)
{
    tensor_state *t = &p->tensor[tensor];
    while (t->addends > most) {
        wn__op *adder;
        WN_TRY(make_adder(p, tensor, &adder));
        wn__call call = blank_call(adder, NULL);
        call.in[0] = call.out = t->addend[0];
        call.in[1] = t->addend[--t->addends];
        p->pending[call.in[1]]--;
        if (p->pending[call.in[0]] > 1) {
            p->pending[call.in[0]]--;
            WN_TRY(new_activation(p, tensor, &call.out));
            p->pending[call.out] = 1;
            t->addend[0] = call.out;
        }
        WN_TRY(emit_twins(p, call, WN__FORWARD));
    }
    return WN_OK;
}

static wn_status add_gradient(planner *p, int tensor, int buffer)
{
    tensor_state *t = &p->tensor[tensor];
    t->addend[t->addends++] = buffer;
    p->pending[buffer]++;
    return t->addends > MOST_ADDENDS ? fold_addends(p, tensor, MOST_ADDENDS) : WN_OK;
}

/* Does the operation that made `tensor` only read its gradient, so that the buffer may be lent to another tensor meanwhile? */
static bool only_reads_gradient(const planner *p, int tensor)
{
    const tensor_state *t = &p->tensor[tensor];
    if (t->producer < 0 || t->addends) return false;
    const wn__op_desc *d = &p->request->lowered[t->producer].desc;
    return wn__op_has(d->kind, WN__OP_READS_GRADIENT) && !d->relu;
}

/* Where the gradients of the inputs go. The sum's gradient passes through adds and residuals unchanged, in its own buffer, as long as no
 * one else changes that buffer; both inputs of an add may share it if the one made later (whose operation runs first) only reads it. */
static wn_status place_input_gradients(planner *p, const wn__lowered *l, wn__call *call)
{
    const unsigned traits = wn__op_infos[l->desc.kind].traits;
    const bool passes = traits & WN__OP_PASSES_FIRST || (traits & WN__OP_IN_PLACE && l->desc.inputs == 1);
    const int *border = p->plan->border;
    const bool in_place =
        passes && !wn__plan_is_tangent(p->plan->kind) && p->pending[call->dout[0]] == 0 && border[l->in[0]] == border[l->out];
    bool taken = false; /* dout[0] belongs to an input already */
    for (int s = 1; s < l->desc.inputs; s++) {
        if (!p->tensor[l->in[s]].wants_gradient) continue;
        taken = s == 1 && traits & WN__OP_PASSES_SECOND && p->pending[call->dout[0]] == 0 && border[l->in[1]] == border[l->out];
        if (taken)
            call->din[1] = call->dout[0];
        else
            WN_TRY(new_activation(p, l->in[s], &call->din[s]));
    }
    if (!p->tensor[l->in[0]].wants_gradient) return WN_OK;
    if (taken && traits & WN__OP_PASSES_FIRST && l->in[0] != l->in[1]) {
        const int later = p->tensor[l->in[0]].producer > p->tensor[l->in[1]].producer ? l->in[0] : l->in[1];
        if (only_reads_gradient(p, later)) taken = false;
    }
    if (in_place && !taken)
        call->din[0] = call->dout[0];
    else
        WN_TRY(new_activation(p, l->in[0], &call->din[0]));
    return WN_OK;
}

/* What backward phases read of the values; others are -1. */
static wn_status find_values(planner *p, const wn__lowered *l, const wn__op *op, wn__call *call)
{
    call->out = -1;
    for (int s = 0; s < l->desc.inputs; s++) {
        call->in[s] = -1;
        if (s == 0 ? op->backward_needs_in : op->backward_needs_others) WN_TRY(backward_value(p, l->in[s], &call->in[s]));
    }
    return op->backward_needs_out ? backward_value(p, l->out, &call->out) : WN_OK;
}

static wn_status plan_params(planner *p, const wn__lowered *l, wn__call *call)
{
    if (l->trained < 0) return WN_OK;
    call->accumulate = p->plan->param_written[l->trained];
    for (int k = 0; k < WN__PARAMS; k++)
        if (l->param[k] >= 0) p->plan->param_written[l->param[k]] = true;
    return emit_twins(p, *call, WN__BACKWARD_PARAMS);
}

static wn_status plan_backward_op(planner *p, int i)
{
    const wn__lowered *l = &p->request->lowered[i];
    wn__op *op = p->plan->op[i];
    tensor_state *out = &p->tensor[l->out];
    if (!out->addends) return WN_OK; /* nothing downstream of it reaches the loss */
    WN_TRY(fold_addends(p, l->out, wn__op_has(l->desc.kind, WN__OP_TAKES_TWO) ? 2 : 1));
    wn__call call;
    WN_TRY(start_call(p, i, &call));
    WN_TRY(find_values(p, l, op, &call));
    for (int k = 0; k < out->addends; k++) {
        call.dout[k] = out->addend[k];
        p->pending[out->addend[k]]--;
    }
    WN_TRY(emit_twins(p, call, WN__BACKWARD_PREPARE));
    call.dout[1] = -1;
    WN_TRY(plan_params(p, l, &call));
    WN_TRY(place_input_gradients(p, l, &call));
    bool wanted = false;
    for (int s = 0; s < l->desc.inputs; s++)
        wanted = wanted || call.din[s] >= 0;
    if (wanted && wn__plan_is_tangent(p->plan->kind)) WN_TRY(emit_phase(p, call, WN__TANGENT_DATA));
    if (wanted) WN_TRY(emit_phase(p, call, WN__BACKWARD_DATA));
    for (int s = 0; s < l->desc.inputs; s++)
        if (call.din[s] >= 0) WN_TRY(add_gradient(p, l->in[s], call.din[s]));
    return WN_OK;
}

static wn_status plan_backward(planner *p)
{
    const wn_graph *g = p->request->graph;
    for (int i = 0; i < p->plan->lowered_ops; i++) {
        const wn__lowered *l = &p->request->lowered[i];
        bool wants = l->trained >= 0;
        for (int s = 0; s < l->desc.inputs; s++)
            wants |= p->tensor[l->in[s]].wants_gradient;
        p->tensor[l->out].wants_gradient = wants;
    }
    p->barrier = true; /* the loss lies between */
    WN_TRY(new_activation(p, g->output, &p->plan->dlogits));
    touch(p, p->plan->dlogits, p->plan->groups);
    WN_TRY(add_gradient(p, g->output, p->plan->dlogits));
    for (int i = p->plan->lowered_ops - 1; i >= 0; i--)
        WN_TRY(plan_backward_op(p, i));
    return WN_OK;
}

/* --- memory -------------------------------------------------------------------------------------------------------------------- */

/* Finish functions that read whole activations. */
static bool finish_reads_activations(const wn__call *c)
{
    if (!c->op->cls->finish[c->phase] || wn__op_has(c->op->desc.kind, WN__OP_SUMS_SCRATCH)) return false;
    return !(c->phase == WN__BACKWARD_PARAMS && c->op->params_finish_late);
}

static void keep_whole(wn__plan *plan, int buffer)
{
    if (buffer >= 0) plan->buffer[buffer].slab = 0;
}

/* Workers share the slabs of activations that nobody needs beyond their group. */
static void make_local(planner *p)
{
    wn__plan *plan = p->plan;
    const size_t workers = (size_t)wn__pool_threads(p->request->device->pool);
    if (wn__plan_is_tangent(plan->kind)) return;
    const int seen[] = {plan->images, plan->logits, plan->dlogits};
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++)
        keep_whole(plan, seen[i]);
    for (int i = 0; i < plan->calls; i++) {
        int tensor[WN__CALL_TENSORS];
        wn__call_tensors(&plan->call[i], tensor);
        for (int k = 0; finish_reads_activations(&plan->call[i]) && k < WN__CALL_TENSORS; k++)
            keep_whole(plan, tensor[k]);
    }
    for (int i = 0; i < plan->buffers; i++) {
        wn__buffer *b = &plan->buffer[i];
        const bool aligned = b->slab % WN__ALIGN == 0; /* or slabs would not be as far apart as operations expect of blocks */
        b->local = b->slab && aligned && b->first >= 0 && b->first == b->last && b->slab * workers < b->size;
    }
}

/* A buffer with the memory that it takes. */
typedef struct placing {
    wn__buffer *buffer;
    size_t room;
} placing;

static size_t room_of(const planner *p, const wn__buffer *b, wn__layout layout)
{
    const bool slabs = b->local && layout == WN__SLABS;
    const size_t bytes = slabs ? b->slab * (size_t)wn__pool_threads(p->request->device->pool) : b->size;
    return (bytes + WN__ALIGN - 1) / WN__ALIGN * WN__ALIGN;
}

static int by_falling_room(const void *a, const void *b)
{
    const placing *x = a, *y = b;
    if (x->room != y->room) return x->room < y->room ? 1 : -1;
    return x->buffer < y->buffer ? -1 : x->buffer > y->buffer;
}

/* Lowest offset at which `it` meets no placed buffer that lives at the same time. placed[] is sorted by offset. */
static size_t lowest_offset(const placing *placed, int count, const placing *it, wn__layout layout)
{
    const wn__buffer *b = it->buffer;
    size_t offset = 0;
    for (int i = 0; i < count; i++) {
        const wn__buffer *other = placed[i].buffer;
        if (other->last < b->first || b->last < other->first) continue;
        if (offset + it->room <= other->offset[layout]) break;
        if (other->offset[layout] + placed[i].room > offset) offset = other->offset[layout] + placed[i].room;
    }
    return offset;
}

/* Largest first, each at the lowest offset that is free for its whole life. */
static wn_status place_buffers(const planner *p, wn__layout layout)
{
    wn__plan *plan = p->plan;
    placing *order = WN_NEW_ARRAY(placing, 2 * plan->buffers + 1);
    if (!order) return wn__no_memory((size_t)plan->buffers * sizeof *order);
    placing *placed = order + plan->buffers;
    int used = 0, done = 0;
    for (int i = 0; i < plan->buffers; i++)
        if (plan->buffer[i].first >= 0) order[used++] = (placing){&plan->buffer[i], room_of(p, &plan->buffer[i], layout)};
    qsort(order, (size_t)used, sizeof *order, by_falling_room);
    plan->bytes[layout] = 0;
    for (; done < used; done++) {
        const size_t offset = lowest_offset(placed, done, &order[done], layout), end = offset + order[done].room;
        order[done].buffer->offset[layout] = offset;
        if (end > plan->bytes[layout]) plan->bytes[layout] = end;
        int at = done;
        for (; at > 0 && placed[at - 1].buffer->offset[layout] > offset; at--)
            placed[at] = placed[at - 1];
        placed[at] = order[done];
    }
    wn__free(order);
    return WN_OK;
}

/* No two buffers that live at the same time share memory, and all lie inside it. */
static bool places_are_valid(const planner *p, wn__layout layout)
{
    const wn__plan *plan = p->plan;
    for (int i = 0; i < plan->buffers; i++) {
        const wn__buffer *a = &plan->buffer[i];
        const size_t a_end = a->offset[layout] + room_of(p, a, layout);
        if (a->first < 0) continue;
        if (a->last < a->first || a_end > plan->bytes[layout]) return false;
        for (int k = 0; k < i; k++) {
            const wn__buffer *b = &plan->buffer[k];
            const bool together = b->first >= 0 && b->first <= a->last && a->first <= b->last;
            if (together && a->offset[layout] < b->offset[layout] + room_of(p, b, layout) && b->offset[layout] < a_end) return false;
        }
    }
    return true;
}

/* --- the whole ----------------------------------------------------------------------------------------------------------------- */

static bool wants_input_gradient(const wn__plan_request *r, int i) { return wn__plan_is_backward(r->kind) && r->lowered[i].in[0] > 0; }

static void raise_border(int *border, int64_t needed)
{
    if (needed > *border) *border = (int)needed;
}

/* How far the transposed convolution reaches over the edges of the output's gradient along one axis. */
static int64_t reach_of_gradient(int64_t in, int64_t out, int kernel, int stride, int pad)
{
    const int64_t before = (kernel - 1 - pad + stride - 1) / stride, after = (in - 1 + pad) / stride - (out - 1);
    return before > after ? before : after;
}

/* As wide as the widest window over the tensor or its gradient needs. */
static void set_borders(planner *p)
{
    const wn__plan_request *r = p->request;
    int *border = p->plan->border;
    for (int i = 0; r->device->borders && i < r->count; i++) {
        const wn__lowered *l = &r->lowered[i];
        const wn__op_desc *d = &l->desc;
        if (!wn__op_has(d->kind, WN__OP_WINDOWS)) continue;
        raise_border(&border[l->in[0]], d->pad);
        if (!wants_input_gradient(r, i)) continue;
        raise_border(&border[l->out], reach_of_gradient(d->in_h, d->out_h, d->kernel_h, d->stride, d->pad));
        raise_border(&border[l->out], reach_of_gradient(d->in_w, d->out_w, d->kernel_w, d->stride, d->pad));
    }
}

static wn_status prepare_ops(planner *p)
{
    const wn__plan_request *r = p->request;
    wn__plan *plan = p->plan;
    for (int i = 0; i < r->count; i++) {
        wn__op_desc desc = r->lowered[i].desc;
        desc.n = r->n;
        desc.inference_only = !wn__plan_is_backward(r->kind);
        desc.input_gradient = wants_input_gradient(r, i);
        for (int s = 0; s < desc.inputs; s++)
            desc.in_border[s] = plan->border[r->lowered[i].in[s]];
        desc.out_border = plan->border[r->lowered[i].out];
        WN_TRY(wn__make_room(&plan->op, plan->ops, sizeof *plan->op));
        const wn_status status = r->device->prepare(r->device, &desc, &plan->op[plan->ops]);
        if (status != WN_OK) return wn__fail_within(status, "%s: ", r->graph->node[r->lowered[i].node].name);
        plan->lowered_ops = ++plan->ops;
    }
    return WN_OK;
}

static wn_status make_plan(planner *p)
{
    const wn_graph *g = p->request->graph;
    wn__plan *plan = p->plan;
    set_borders(p);
    WN_TRY(prepare_ops(p));
    for (int i = 0; i < g->nodes; i++)
        p->tensor[i] = (tensor_state){.value = -1, .producer = -1};
    for (int i = 0; i < plan->lowered_ops; i++)
        p->saved[i] = -1;
    /* The images have no tangent, hence no twin. */
    const wn__shape images = wn__plan_shape(plan, g, 0);
    WN_TRY(new_buffer(p, p->request->device->activation_bytes(p->request->device, &images), &plan->images));
    touch(p, plan->images, 0);
    p->tensor[0].value = plan->images;
    WN_TRY(plan_forward(p));
    if (wn__plan_is_backward(plan->kind)) WN_TRY(plan_backward(p));
    make_local(p);
    for (wn__layout layout = 0; layout < WN__LAYOUTS; layout++) {
        WN_TRY(place_buffers(p, layout));
        WN__INVARIANT(places_are_valid(p, layout));
    }
    return WN_OK;
}

wn__shape wn__plan_shape(const wn__plan *plan, const wn_graph *graph, int node)
{
    const wn__node *t = &graph->node[node];
    return (wn__shape){plan->n, t->c, t->h, t->w, plan->border[node]};
}

wn_status wn__plan_make(const wn__plan_request *r, wn__plan *out)
{
    wn__plan plan = {.n = r->n,
                     .kind = r->kind,
                     .device = r->device,
                     .lowered = r->lowered,
                     .images = -1,
                     .logits = -1,
                     .dlogits = -1,
                     .packed = -1,
                     .bound = -1};
    plan.param_written = WN_NEW_ARRAY(bool, r->graph->params);
    plan.border = WN_NEW_ARRAY(int, r->graph->nodes);
    planner p = {.request = r,
                 .plan = &plan,
                 .tensor = WN_NEW_ARRAY(tensor_state, r->graph->nodes),
                 .saved = WN_NEW_ARRAY(int, r->count),
                 .barrier = true};
    const bool ok = plan.param_written && plan.border && p.tensor && p.saved;
    const wn_status status = ok ? make_plan(&p) : wn__no_memory((size_t)r->graph->nodes * sizeof *p.tensor);
    wn__free(p.tensor);
    wn__free(p.saved);
    wn__free(p.pending);
    if (status != WN_OK)
        wn__plan_release(&plan);
    else
        *out = plan;
    return status;
}

void wn__plan_release(wn__plan *plan)
{
    for (int i = 0; i < plan->ops; i++)
        plan->op[i]->cls->release(plan->op[i]);
    wn__free(plan->op);
    wn__free(plan->call);
    wn__free(plan->buffer);
    wn__free(plan->param_written);
    wn__free(plan->border);
    *plan = (wn__plan){0};
}
