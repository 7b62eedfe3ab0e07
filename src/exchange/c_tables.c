#include "exchange/c_tables.h"

#include <math.h>

#include "base/alloc.h"
#include "base/fail.h"

/* Weight (y, x) of input channel c. simd: the distance from the window's first position; small: all three in one number. */
static int64_t place_of(const wn__inference_op *op, const wn__c_tensor *in, const wn__c_phases *f, bool simd, int64_t c, int64_t y,
                        int64_t x)
{
    const wn__node *n = op->node;
    if (!simd) return (c * n->kernel_h + y) * n->kernel_w + x;
    if (!f->room) return c * in->plane + y * in->row + x;
    return ((c * f->ny + y % n->stride) * f->nx + x % n->stride) * f->rows * f->row + y / n->stride * f->row + x / n->stride;
}

/* Entry i of a row of a linear layer, in its input's layout. */
static int64_t place_in(const wn__inference_op *from, const wn__c_tensor *in, int64_t i)
{
    const int64_t plane = from->h * from->w, c = i / plane, y = i % plane / from->w, x = i % from->w;
    return c * in->plane + y * in->row + x;
}

static int64_t entry_at(const wn__inference *p, const wn__c_layout *l, bool simd, int i, int64_t row, int64_t entry)
{
    const wn__inference_op *op = &p->op[i], *from = &p->op[op->input[0]];
    const wn__node *n = op->node;
    const wn__c_tensor *in = &l->tensor[op->input[0]];
    if (!wn__node_has(n, WN__NODE_WINDOWS)) return place_in(from, in, entry);
    const int64_t window = (int64_t)n->kernel_h * n->kernel_w, inputs = from->c / n->groups, group = row / (op->c / n->groups);
    return place_of(op, in, &l->phases[i], simd, group * inputs + entry / window, entry % window / n->kernel_w, entry % n->kernel_w);
}

static wn_status allocate(const wn__inference_op *op, wn__c_table *t)
{
    int64_t stored = 0;
    for (int64_t k = 0; k < op->weights; k++) {
        if (!isfinite(op->weight[k])) return wn__fail(WN_EUNSUPPORTED, "%s: a weight is not finite", op->node->name);
        stored += op->weight[k] != 0;
    }
    t->rows = op->c;
    t->start = WN_NEW_ARRAY(int64_t, t->rows + 1);
    t->value = WN_NEW_ARRAY(float, stored + 1); /* never empty */
    t->at = WN_NEW_ARRAY(int64_t, stored + 1);
    return t->start && t->value && t->at ? WN_OK : wn__no_memory((size_t)stored * sizeof *t->at);
}

static wn_status fill(const wn__inference *p, const wn__c_layout *l, bool simd, int i, wn__c_tables *out)
{
    const wn__inference_op *op = &p->op[i];
    wn__c_table *t = &out->table[i];
    const int64_t row = op->weights / op->c;
    int64_t stored = 0;
    WN_TRY(allocate(op, t));
    for (int64_t k = 0; k < op->weights; k++) {
        t->start[k / row + 1] = stored + (op->weight[k] != 0);
        if (op->weight[k] == 0) continue;
        t->value[stored] = op->weight[k];
        t->at[stored] = entry_at(p, l, simd, i, k / row, k % row);
        if (t->at[stored] > out->largest) out->largest = t->at[stored];
        stored++;
    }
    out->stored += stored;
    return WN_OK;
}

wn_status wn__c_tables_make(const wn__inference *p, const wn__c_layout *l, bool simd, wn__c_tables *out)
{
    *out = (wn__c_tables){.table = WN_NEW_ARRAY(wn__c_table, p->ops), .ops = p->ops};
    if (!out->table) return wn__no_memory((size_t)p->ops * sizeof *out->table);
    for (int i = 1; i < p->ops; i++) {
        if (!wn__node_has(p->op[i].node, WN__NODE_WEIGHS)) continue;
        const wn_status status = fill(p, l, simd, i, out);
        if (status == WN_OK) continue;
        wn__c_tables_release(out);
        return status;
    }
    return WN_OK;
}

void wn__c_tables_release(wn__c_tables *t)
{
    for (int i = 0; t->table && i < t->ops; i++) {
        wn__free(t->table[i].value);
        wn__free(t->table[i].at);
        wn__free(t->table[i].start);
    }
    wn__free(t->table);
    *t = (wn__c_tables){0};
}
