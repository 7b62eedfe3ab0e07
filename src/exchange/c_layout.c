#include "exchange/c_layout.h"

#include "base/alloc.h"
#include "base/fail.h"

enum { REACH = 64 }; /* floats that lanes read and write beyond the last value */

static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

static bool is_conv(const wn__inference_op *op) { return op->node->kind->op == WN__OP_CONV; }
static bool is_direct(const wn__inference_op *op) { return is_conv(op) && op->node->stride == 1; }
static bool keeps_place(const wn__inference_op *op) { return op->node->kind->op == WN__OP_ADD || op->node->kind->op == WN__OP_NORM; }

/* ---- rows: tensors between which windows of stride 1 go have rows of one length */

typedef struct rows {
    const wn__inference *p;
    int *class; /* (ops) an operation of the same class; itself at the root */
    int64_t *length;
} rows;

static int root(const rows *r, int i)
{
    while (r->class[i] != i)
        i = r->class[i];
    return i;
}

static void join(rows *r, int a, int b)
{
    a = root(r, a);
    b = root(r, b);
    r->class[b] = a;
    r->length[a] = most(r->length[a], r->length[b]);
}

static void at_least(rows *r, int i, int64_t length)
{
    i = root(r, i);
    r->length[i] = most(r->length[i], length);
}

static void find_rows(rows *r)
{
    for (int i = 0; i < r->p->ops; i++) {
        r->class[i] = i;
        r->length[i] = r->p->op[i].w;
    }
    for (int i = 1; i < r->p->ops; i++) {
        const wn__inference_op *op = &r->p->op[i];
        for (int k = 0; k < op->inputs; k++)
            if (is_direct(op) || keeps_place(op)) join(r, op->input[k], i);
        if (is_direct(op)) at_least(r, i, r->p->op[op->input[0]].w + op->node->pad);
        if (is_conv(op) && !is_direct(op)) at_least(r, i, op->w + (op->node->kernel_w - 1) / op->node->stride);
    }
}

/* ---- tensors and copies, one by one */

/* The widest border that a window of stride 1 reads of the tensor. */
static int64_t border_of(const wn__inference *p, int tensor)
{
    int64_t pad = 0;
    for (int i = tensor + 1; i < p->ops; i++)
        if (is_direct(&p->op[i]) && p->op[i].input[0] == tensor) pad = most(pad, p->op[i].node->pad);
    return pad;
}

static void size_tensor(const wn__inference *p, int i, const rows *r, wn__c_tensor *t)
{
    const wn__inference_op *op = &p->op[i];
    const int64_t pad = r ? border_of(p, i) : 0;
    t->row = r ? r->length[root(r, i)] : op->w;
    t->plane = (op->h + pad) * t->row;
    t->before = t->after = pad * t->row + pad;
    t->room = t->before + op->c * t->plane + t->after + (r ? REACH : 0);
}

static void size_phases(const wn__inference *p, int i, const wn__c_tensor *t, wn__c_phases *f)
{
    const wn__inference_op *op = &p->op[i];
    const wn__node *n = op->node;
    if (!is_conv(op) || is_direct(op)) return;
    f->ny = n->kernel_h < n->stride ? n->kernel_h : n->stride;
    f->nx = n->kernel_w < n->stride ? n->kernel_w : n->stride;
    f->row = t->row;
    f->rows = op->h + (n->kernel_h - 1) / n->stride;
    f->room = p->op[op->input[0]].c * f->ny * f->nx * f->rows * f->row + REACH;
}

/* ---- places in memory */

typedef struct block {
    int64_t begin, end;
    int last; /* the operation that reads it last */
} block;

static int last_reader(const wn__inference *p, int tensor)
{
    int last = tensor == p->output ? p->ops : tensor;
    for (int i = tensor + 1; i < p->ops; i++)
        for (int k = 0; k < p->op[i].inputs; k++)
            if (p->op[i].input[k] == tensor && i > last) last = i;
    return last;
}

/* The lowest place for `room` floats beside the blocks that are alive at operation `now`. */
static int64_t place(block *list, int *count, int now, int64_t room, int last)
{
    int64_t begin = 0;
    int kept = 0;
    for (int i = 0; i < *count; i++) /* those that are dead go; the others are in order */
        if (list[i].last >= now) list[kept++] = list[i];
    *count = kept;
    int at = 0;
    for (; at < kept && list[at].begin < begin + room; at++)
        begin = most(begin, list[at].end);
    for (int i = kept; i > at; i--)
        list[i] = list[i - 1];
    list[at] = (block){begin, begin + room, last};
    ++*count;
    return begin;
}

/* An element-wise operation that reads a tensor last, of the same layout, overwrites it. */
static int shared_input(const wn__inference *p, const wn__c_layout *l, const int *last, int i)
{
    const wn__inference_op *op = &p->op[i];
    for (int k = 0; k < op->inputs && keeps_place(op); k++) {
        const wn__c_tensor *a = &l->tensor[op->input[k]], *b = &l->tensor[i];
        if (last[op->input[k]] == i && a->plane == b->plane && a->row == b->row && a->before == b->before) return op->input[k];
    }
    return -1;
}

static void extend(block *list, int count, int64_t begin, int last)
{
    for (int i = 0; i < count; i++)
        if (list[i].begin == begin) list[i].last = last;
}

static void place_all(const wn__inference *p, wn__c_layout *l, int *last, block *list)
{
    int count = 0;
    for (int i = 0; i < p->ops; i++)
        last[i] = last_reader(p, i);
    for (int i = 0; i < p->ops; i++) {
        wn__c_tensor *t = &l->tensor[i];
        const int shared = shared_input(p, l, last, i);
        if (shared < 0) {
            t->begin = place(list, &count, i, t->room, last[i]);
        } else {
            t->begin = l->tensor[shared].begin;
            extend(list, count, t->begin, last[i]);
        }
        t->first = t->begin + t->before;
        l->scratch = most(l->scratch, t->begin + t->room);
        if (!l->phases[i].room) continue;
        l->phases[i].first = place(list, &count, i, l->phases[i].room, i);
        l->scratch = most(l->scratch, l->phases[i].first + l->phases[i].room);
    }
}

static wn_status make(const wn__inference *p, bool simd, rows *r, wn__c_layout *out)
{
    int *last = WN_NEW_ARRAY(int, p->ops);
    block *list = WN_NEW_ARRAY(block, 2 * p->ops + 1);
    const bool good = last && list && out->tensor && out->phases && r->class && r->length;
    if (good && simd) find_rows(r);
    for (int i = 0; good && i < p->ops; i++) {
        size_tensor(p, i, simd ? r : NULL, &out->tensor[i]);
        if (simd) size_phases(p, i, &out->tensor[i], &out->phases[i]);
    }
    if (good) place_all(p, out, last, list);
    wn__free(last);
    wn__free(list);
    return good ? WN_OK : wn__no_memory((size_t)p->ops * sizeof *list);
}

wn_status wn__c_layout_make(const wn__inference *p, bool simd, wn__c_layout *out)
{
    rows r = {.p = p, .class = WN_NEW_ARRAY(int, p->ops), .length = WN_NEW_ARRAY(int64_t, p->ops)};
    *out = (wn__c_layout){.tensor = WN_NEW_ARRAY(wn__c_tensor, p->ops), .phases = WN_NEW_ARRAY(wn__c_phases, p->ops)};
    const wn_status status = make(p, simd, &r, out);
    wn__free(r.class);
    wn__free(r.length);
    if (status != WN_OK) wn__c_layout_release(out);
    return status;
}

void wn__c_layout_release(wn__c_layout *l)
{
    wn__free(l->tensor);
    wn__free(l->phases);
    *l = (wn__c_layout){0};
}
