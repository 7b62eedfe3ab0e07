#include "nn/optimizer.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/fail.h"
#include "base/text.h"
#include "kernels/update.h"

#define WN__OPTIMIZER(name) extern const wn__optimizer_type wn__optimizer_##name;
#include "nn/optimizers/list.h"
#undef WN__OPTIMIZER
#define WN__OPTIMIZER(name) &wn__optimizer_##name,
const wn__optimizer_type *const wn__optimizers[] = {
#include "nn/optimizers/list.h"
    NULL};
#undef WN__OPTIMIZER

wn_status wn__optimizer_find(const char *name, const wn__optimizer_type **type)
{
    wn__text valid = {0};
    for (int i = 0; wn__optimizers[i]; i++) {
        if (!strcmp(wn__optimizers[i]->name, name)) {
            wn__text_release(&valid);
            *type = wn__optimizers[i];
            return WN_OK;
        }
        wn__text_add(&valid, "%s%s", i ? ", " : "", wn__optimizers[i]->name);
    }
    const wn_status status = wn__fail(WN_EUSAGE, "unknown optimizer \"%s\"; valid: %s", name, valid.data ? valid.data : "none");
    wn__text_release(&valid);
    return status;
}

#define CHUNK 16384 /* entries; fixed, so that sums do not depend on the thread count */

typedef struct piece {
    int param;
    int64_t first, n;
} piece;

struct wn__updater {
    wn__optimizer optimizer;
    wn__params *params;
    wn__pool *pool;
    piece *piece;
    double *squares; /* (pieces) */
    int64_t pieces, capacity;
    int64_t topology; /* of the parameters that the pieces were cut for */
    /* of the current step */
    float rate, scale;
    int64_t t;
};

/* Entries first .. end - 1 of parameter i. Calls with pieces NULL only count. */
static int64_t cut_run(int i, int64_t first, int64_t end, piece *pieces, int64_t count)
{
    for (; first < end; first += CHUNK, count++)
        if (pieces) pieces[count] = (piece){i, first, end - first < CHUNK ? end - first : CHUNK};
    return count;
}

/* What a map stores beyond the weight's entries has pieces of its own. */
static int64_t cut(const wn__params *params, piece *pieces)
{
    int64_t count = 0;
    for (int i = 0; i < params->count; i++) {
        const wn__param *p = &params->item[i];
        if (!wn__role_is_trained(p->role) || p->frozen) continue;
        const int64_t split = p->map && p->stored > p->count ? p->count : p->stored;
        count = cut_run(i, 0, split, pieces, count);
        count = cut_run(i, split, p->stored, pieces, count);
    }
    return count;
}

static wn_status add_missing_slots(wn__params *params, int slots)
{
    for (int i = 0; i < params->count; i++) {
        wn__param *p = &params->item[i];
        for (int s = 0; wn__role_is_trained(p->role) && s < slots; s++)
            if (!p->slot[s] && !(p->slot[s] = WN_NEW_ARRAY(float, p->capacity))) return wn__no_memory((size_t)p->capacity * sizeof(float));
    }
    return WN_OK;
}

/* Pieces for the parameters as they are now. */
static wn_status cut_again(wn__updater *u)
{
    const int64_t pieces = cut(u->params, NULL);
    if (pieces > u->capacity || !u->piece) {
        wn__free(u->piece);
        wn__free(u->squares);
        u->pieces = u->capacity = 0;
        u->topology = -1;
        u->piece = WN_NEW_ARRAY(piece, pieces);
        u->squares = WN_NEW_ARRAY(double, pieces);
        if (!u->piece || !u->squares) return wn__no_memory((size_t)pieces * sizeof(piece));
        u->capacity = pieces;
    }
    u->pieces = cut(u->params, u->piece);
    u->topology = u->params->topology;
    return WN_OK;
}

wn_status wn__updater_new(const wn__optimizer *optimizer, wn__params *params, wn__pool *pool, wn__updater **out)
{
    WN_TRY(add_missing_slots(params, optimizer->type->slots(optimizer->config)));
    wn__updater *u = WN_NEW(wn__updater);
    if (!u) return wn__no_memory(sizeof *u);
    u->optimizer = *optimizer;
    u->params = params;
    u->pool = pool;
    u->topology = -1;
    const wn_status status = cut_again(u);
    if (status != WN_OK)
        wn__updater_free(u);
    else
        *out = u;
    return status;
}

void wn__updater_free(wn__updater *u)
{
    if (!u) return;
    wn__free(u->piece);
    wn__free(u->squares);
    wn__free(u);
}

static void clean_gradient(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    wn__updater *u = arg;
    const piece *c = &u->piece[chunk];
    const wn__param *p = &u->params->item[c->param];
    float *grad = p->grad + c->first;
    if (p->mask) wn__mask_f32(c->n, p->mask + c->first, grad);
    if (u->optimizer.clip_value > 0) wn__clamp_f32(c->n, (float)u->optimizer.clip_value, grad);
    if (u->optimizer.clip_norm > 0) u->squares[chunk] = wn__sum_squares_f32(c->n, grad);
}

static bool decays(const wn__updater *u, const wn__param *p, int64_t first)
{
    if (p->map && p->map->decays_own_tail && first >= p->count) return false;
    return p->role == WN__WEIGHT || u->optimizer.type->decays_bn_and_bias(u->optimizer.config);
}

static void update_piece(void *arg, int64_t chunk, int worker)
{
    wn__updater *u = arg;
    const piece *c = &u->piece[chunk];
    const wn__param *p = &u->params->item[c->param];
    if (u->optimizer.clip_norm > 0)
        wn__scale_f32(c->n, u->scale, p->grad + c->first);
    else
        clean_gradient(arg, chunk, worker); /* one pass over memory instead of two */
    wn__update job = {
        .value = p->value + c->first, .grad = p->grad + c->first, .n = c->n, .rate = u->rate, .decay = decays(u, p, c->first), .t = u->t};
    for (int s = 0; s < WN__SLOTS; s++)
        job.slot[s] = p->slot[s] ? p->slot[s] + c->first : NULL;
    u->optimizer.type->update(u->optimizer.config, &job);
}

wn_status wn__updater_step(wn__updater *u, double rate, int64_t t)
{
    if (u->topology != u->params->topology) WN_TRY(cut_again(u));
    u->rate = (float)rate;
    u->t = t;
    u->scale = 1.0f;
    if (u->optimizer.clip_norm > 0) {
        wn__parallel_for(u->pool, u->pieces, clean_gradient, u);
        double squares = 0;
        for (int64_t i = 0; i < u->pieces; i++)
            squares += u->squares[i];
        const double norm = sqrt(squares);
        if (norm > u->optimizer.clip_norm) u->scale = (float)(u->optimizer.clip_norm / norm);
    }
    wn__parallel_for(u->pool, u->pieces, update_piece, u);
    WN__INVARIANT(wn__params_are_valid(u->params));
    u->params->version++;
    return WN_OK;
}
