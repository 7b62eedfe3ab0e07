#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "nn/executor/executor_parts.h"

/* --- making and freeing -------------------------------------------------------------------------------------------------------- */

static wn_status allocate_borders(wn__executor *ex)
{
    const int64_t size = wn__piece_size(ex) * wn__graph_classes(ex->graph);
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
    WN_TRY_OR(fail, wn__executor_allocate_weights(ex));
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
    wn__executor_free_weights(ex);
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

/* --- running ------------------------------------------------------------------------------------------------------------------- */

static wn_status run_forward(const wn__executor_run *r, const float *images, float *logits)
{
    const wn_graph *g = r->ex->graph;
    const wn__plan *plan = r->plan;
    wn__device *d = plan->device;
    WN_TRY(wn__executor_pack_weights(r->ex, r->plan));
    const wn__shape in = wn__plan_shape(plan, g, 0), out = wn__plan_shape(plan, g, g->output);
    WN_TRY(d->upload(d, images, &in, wn__executor_buffer(r->ex, plan, plan->images)));
    WN_TRY(wn__executor_run_calls(r, 0, plan->forward_calls));
    return d->download(d, wn__executor_buffer(r->ex, plan, plan->logits), &out, logits);
}

wn_status wn__executor_infer(wn__executor *ex, const float *images, int64_t n, wn__step_info step, float *logits)
{
    const wn_graph *g = ex->graph;
    const wn__plan_kind kind = wn__executor_plan_kind(ex, false, step.training);
    const int64_t image = g->c * g->h * g->w, size = wn__executor_piece(ex, n, kind);
    for (int64_t first = 0, piece; first < n; first += piece) {
        piece = n - first < size ? n - first : size;
        wn__executor_run r = {.ex = ex, .step = step};
        WN_TRY(wn__executor_get_plan(ex, piece, kind, WN__SLABS, &r.plan));
        WN_TRY(run_forward(&r, images + first * image, logits + first * wn__graph_classes(g)));
        r.step.step++;
    }
    return WN_OK;
}

static wn_status upload_gradient(const wn__executor_run *r, const float *plain, void *activation)
{
    const wn__shape logits = wn__plan_shape(r->plan, r->ex->graph, r->ex->graph->output);
    return r->ex->device->upload(r->ex->device, plain, &logits, activation);
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
        const int param = plan->call[i].phase == WN__BACKWARD_PARAMS ? plan->call[i].lowered->weight : -1;
        if (param >= 0 && ex->window.strip[param].end > ex->window.strip[param].first) end = i + 1;
    }
    return end;
}

static wn_status run_piece(wn__executor *ex, const gradient_job *job, int64_t piece, wn__executor_run *r)
{
    const wn_graph *g = ex->graph;
    const int64_t first = piece * wn__piece_size(ex), n = job->n - first < wn__piece_size(ex) ? job->n - first : wn__piece_size(ex);
    *r = (wn__executor_run){.ex = ex, .step = job->step, .piece = piece, .pieces = job->pieces};
    r->step.step = job->step.step * job->pieces + piece;
    WN_TRY(
        wn__executor_get_plan(ex, n, wn__executor_plan_kind(ex, true, job->step.training), is_read(ex) ? WN__WHOLE : WN__SLABS, &r->plan));
    WN_TRY(run_forward(r, job->images + first * g->c * g->h * g->w, ex->logits));
    WN_TRY(job->loss(job->arg, ex->logits, first, n, ex->dlogits));
    WN_TRY(upload_gradient(r, ex->dlogits, wn__executor_buffer(ex, r->plan, r->plan->dlogits)));
    return wn__executor_run_calls(r, r->plan->forward_calls, job->again ? end_of_window(ex, r->plan) : r->plan->calls);
}

/* What is read of several micro-batches together, as backward comes to it; the window begins with the first. */
static wn_status order_window(wn__executor *ex, const gradient_job *job)
{
    wn__gradient_window *w = &ex->window;
    wn__executor_run r = {.ex = ex, .pieces = job->pieces};
    w->count = 0;
    if (job->pieces == 1 || !is_read(ex) || !ex->device->compressed) return WN_OK;
    WN_TRY(wn__gradient_window_make(w, ex->params));
    WN_TRY(wn__executor_find_plan(ex, wn__piece_size(ex), wn__executor_plan_kind(ex, true, job->step.training), WN__WHOLE, &r.plan));
    for (int i = r.plan->forward_calls; i < r.plan->calls; i++) {
        const wn__gradient_reading *of = wn__executor_reading(&r, &r.plan->call[i]);
        if (of && !of->pieces && wn__executor_has_tiles(ex, r.plan->call[i].lowered->weight))
            w->order[w->count++] = r.plan->call[i].lowered->weight;
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
    const gradient_job job = {images, n, (n + wn__piece_size(ex) - 1) / wn__piece_size(ex), step, loss, arg, false};
    wn__executor_run r;
    WN_TRY(order_window(ex, &job));
    for (int64_t piece = 0; piece < job.pieces; piece++)
        WN_TRY(run_piece(ex, &job, piece, &r));
    WN_TRY(wn__executor_finish_gradients(&r));
    return tell_totals(ex, &job);
}

static wn_status read_param(wn__executor *ex, int param, wn__gradient_reading how)
{
    const wn__param *p = &ex->params->item[param];
    int users = 0;
    for (int i = 0; i < ex->count; i++)
        users += ex->lowered[i].weight == param;
    const bool shaped = !p->map || (p->map->linear && p->stored == p->count);
    if (p->role != WN__WEIGHT || !shaped || users != 1)
        return wn__fail(WN_EUNSUPPORTED, "%s: only gradients of weights, or of as many coefficients, that one node uses can be read",
                        p->name);
    if (!ex->reading && !(ex->reading = WN_NEW_ARRAY(wn__gradient_reading, ex->params->count)))
        return wn__no_memory((size_t)ex->params->count * sizeof(wn__gradient_reading));
    ex->reading[param] = how;
    return WN_OK;
}

wn_status wn__executor_read_gradient(wn__executor *ex, int param, wn__gradient_reader reader, void *arg)
{
    return read_param(ex, param, (wn__gradient_reading){reader, arg, false});
}

wn_status wn__executor_read_pieces(wn__executor *ex, int param, wn__gradient_reader reader, void *arg)
{
    return read_param(ex, param, (wn__gradient_reading){reader, arg, true});
}

static const wn__gradient_strip *strip_at(const wn__gradient_totals *t) { return &t->ex->window.strip[t->ex->window.order[t->place]]; }

wn_status wn__weight_gradient_rows(const wn__weight_gradient *g, int64_t row, int64_t *end)
{
    *end = g->rows;
    if (!g->totals) return WN_OK;
    wn__executor *ex = g->totals->ex;
    const wn__gradient_strip *strip = strip_at(g->totals);
    if (row < strip->first || row >= strip->end) {
        wn__executor_run r;
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

wn_status wn__executor_hessian_vector(wn__executor *ex, const float *images, int64_t n, wn__step_info step, wn__loss_tangent loss,
                                      void *arg, const float *const *vector, float *const *product)
{
    if (!ex->options.tangents) return wn__fail(WN_EINVAL, "executor of %s was not made for Hessian-vector products", ex->graph->name);
    if (n < 1 || n > wn__piece_size(ex))
        return wn__fail(WN_EINVAL, "batch of %lld images, must be 1..%lld", (long long)n, (long long)wn__piece_size(ex));
    for (int i = 0; i < ex->params->count; i++)
        if (ex->params->item[i].map && !ex->params->item[i].map->linear)
            return wn__fail(WN_EUNSUPPORTED, "%s: exact Hessian-vector products of %s, in which the weight is not linear",
                            ex->params->item[i].name, ex->params->item[i].map->name);
    wn__executor_run r = {.ex = ex, .step = step, .vector = vector, .product = product};
    WN_TRY(wn__executor_get_plan(ex, n, wn__executor_plan_kind(ex, true, step.training), WN__SLABS, &r.plan));
    const wn__plan *plan = r.plan;
    WN_TRY(wn__executor_follow_topology(ex));
    WN_TRY(wn__executor_expand_vectors(&r));
    WN_TRY(run_forward(&r, images, ex->logits));
    const wn__shape logits = wn__plan_shape(plan, ex->graph, ex->graph->output);
    WN_TRY(ex->device->download(ex->device, wn__executor_twin(ex, plan, plan->logits), &logits, ex->t_logits));
    WN_TRY(loss(arg, ex->logits, ex->t_logits, n, ex->dlogits, ex->t_dlogits));
    WN_TRY(upload_gradient(&r, ex->dlogits, wn__executor_buffer(ex, plan, plan->dlogits)));
    WN_TRY(upload_gradient(&r, ex->t_dlogits, wn__executor_twin(ex, plan, plan->dlogits)));
    WN_TRY(wn__executor_run_calls(&r, plan->forward_calls, plan->calls));
    WN_TRY(wn__executor_finish_products(&r));
    return wn__executor_finish_gradients(&r);
}

/* --- diagnosis ----------------------------------------------------------------------------------------------------------------- */

static wn_status is_finite(const wn__executor_run *r, const wn__call *call, bool *finite)
{
    const wn__shape t = wn__plan_shape(r->plan, r->ex->graph, call->lowered->out);
    const int64_t size = t.n * t.c * t.h * t.w;
    float *plain = WN_NEW_ARRAY(float, size);
    if (!plain) return wn__no_memory((size_t)size * sizeof(float));
    const wn_status status = r->ex->device->download(r->ex->device, wn__executor_buffer(r->ex, r->plan, call->out), &t, plain);
    *finite = true;
    for (int64_t i = 0; status == WN_OK && i < size; i++)
        *finite &= isfinite(plain[i]) != 0;
    wn__free(plain);
    return status;
}

/* One group at a time, looking at every output made in it. */
static wn_status search_nonfinite(const wn__executor_run *r, const char **node)
{
    const wn__plan *plan = r->plan;
    for (int i = 0, next; i < plan->forward_calls; i = next) {
        for (next = i + 1; next < plan->forward_calls && plan->call[next].group == plan->call[i].group; next++) {
        }
        WN_TRY(wn__executor_run_group(r, &plan->call[i], next - i));
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
        piece = n - first < wn__piece_size(ex) ? n - first : wn__piece_size(ex);
        wn__executor_run r = {.ex = ex, .step = step};
        WN_TRY(wn__executor_get_plan(ex, piece, wn__executor_plan_kind(ex, false, step.training), WN__WHOLE, &r.plan));
        WN_TRY(wn__executor_pack_weights(ex, r.plan));
        const wn__shape shape = wn__plan_shape(r.plan, ex->graph, 0);
        WN_TRY(ex->device->upload(ex->device, images + first * image, &shape, wn__executor_buffer(ex, r.plan, r.plan->images)));
        WN_TRY(search_nonfinite(&r, node));
    }
    return WN_OK;
}

void wn__executor_observe(wn__executor *ex, wn__call_observer observer, void *user)
{
    ex->observer = observer;
    ex->observer_user = user;
}
