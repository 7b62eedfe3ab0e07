#include "nn/executor/bands.h"

#include "base/fail.h"

#define LEAST_ROWS 4

static bool is_among(const int *tensor, int count, int wanted)
{
    for (int i = 0; i < count; i++)
        if (tensor[i] == wanted) return true;
    return false;
}

static size_t tensor_bytes(const wn__plan *plan, const wn__call *call, int calls)
{
    int seen[WN__MOST_BANDED * WN__CALL_TENSORS], count = 0;
    size_t bytes = 0;
    for (int i = 0; i < calls; i++) {
        int tensor[WN__CALL_TENSORS];
        wn__call_tensors(&call[i], tensor);
        for (int t = 0; t < WN__CALL_TENSORS; t++) {
            if (tensor[t] < 0 || is_among(seen, count, tensor[t])) continue;
            seen[count++] = tensor[t];
            bytes += plan->buffer[tensor[t]].size;
        }
    }
    return bytes;
}

int wn__bands_of_group(const wn__plan *plan, const wn__call *call, int calls, const wn__device *device)
{
    if (calls < 2 || calls > WN__MOST_BANDED || !device->block || !device->band_bytes) return 1;
    int64_t height = 1;
    for (int i = 0; i < calls; i++)
        if (wn__op_height(call[i].op, call[i].phase) > height) height = wn__op_height(call[i].op, call[i].phase);
    const int64_t most = height / LEAST_ROWS;
    if (most <= 1) return 1;
    const int64_t blocks = (plan->n + device->block - 1) / device->block;
    const int64_t wanted = (int64_t)(tensor_bytes(plan, call, calls) / (size_t)blocks / device->band_bytes) + 1;
    return (int)(wanted < most ? wanted : most);
}

/* --- who waits for whom ---------------------------------------------------------------------------------------------------------- */

static bool writes(const wn__call *c, int tensor)
{
    if (tensor < 0) return false;
    if (c->phase == WN__FORWARD) return c->out == tensor;
    if (c->phase == WN__BACKWARD_PREPARE) return c->dout[0] == tensor;
    return c->phase == WN__BACKWARD_DATA && is_among(c->din, WN__INPUTS, tensor);
}

static bool reads(const wn__call *c, int tensor)
{
    if (tensor < 0) return false;
    if (is_among(c->in, WN__INPUTS, tensor) || is_among(c->dout, 2, tensor)) return true;
    return c->phase != WN__FORWARD && c->out == tensor;
}

/* Rows that an earlier call must have done before a later one can do its first `rows`; 0 if they have nothing to do with each other. */
static int64_t rows_awaited(const wn__call *later, const wn__call *earlier, int64_t rows)
{
    const int64_t all = wn__op_height(earlier->op, earlier->phase);
    int tensor[WN__CALL_TENSORS];
    wn__call_tensors(later, tensor);
    int64_t awaited = 0;
    for (int t = 0; t < WN__CALL_TENSORS; t++) {
        /* What it overwrites must have been read; the gradient that PREPARE changes row by row is an exception. */
        if (writes(later, tensor[t]) && reads(earlier, tensor[t]) && !writes(earlier, tensor[t])) return all;
        if (!writes(earlier, tensor[t]) || !reads(later, tensor[t])) continue;
        const bool gradient = tensor[t] == later->dout[0] || tensor[t] == later->dout[1];
        const int64_t needed = later->op->cls->reach ? later->op->cls->reach(later->op, later->phase, gradient, rows) : rows;
        if (needed > awaited) awaited = needed;
    }
    if (awaited > 0 && (all == 1 || wn__op_height(later->op, later->phase) == 1)) return all;
    return awaited < all ? awaited : all;
}

typedef struct progress {
    const wn__call *call;
    const wn__op_args *args;
    int64_t done[WN__MOST_BANDED];
    int64_t first, n;
} progress;

/* Do the first `rows` rows of call i, and before them what they need of the calls before it. */
static wn_status advance(progress *p, int i, int64_t rows)
{
    const wn__call *c = &p->call[i];
    if (p->done[i] >= rows) return WN_OK;
    for (int j = 0; j < i; j++)
        WN_TRY(advance(p, j, rows_awaited(c, &p->call[j], rows)));
    const wn__rows band = {p->done[i], rows};
    p->done[i] = rows;
    if (c->op->cls->run_rows[c->phase]) return c->op->cls->run_rows[c->phase](c->op, &p->args[i], p->first, p->n, band);
    return wn__op_run(c->op, c->phase, &p->args[i], p->first, p->n);
}

wn_status wn__bands_run(const wn__call *call, const wn__op_args *args, int calls, int bands, int64_t first, int64_t n)
{
    progress p = {.call = call, .args = args, .first = first, .n = n};
    for (int band = 1; band <= bands; band++)
        for (int i = 0; i < calls; i++) {
            const int64_t height = wn__op_height(call[i].op, call[i].phase);
            WN_TRY(advance(&p, i, height * band / bands));
        }
    return WN_OK;
}
