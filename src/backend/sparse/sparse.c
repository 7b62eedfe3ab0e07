#include "backend/sparse/sparse.h"
#include "base/alloc.h"
#include "base/fail.h"

wn_status wn__sparse_op_new(wn__sparse *device, const wn__op_desc *desc, size_t size, const wn__op_class *cls, const char *implementation,
                            void *out)
{
    wn__op *op = wn__alloc(size);
    if (!op) return wn__no_memory(size);
    op->cls = cls;
    op->device = &device->base;
    op->desc = *desc;
    op->implementation = implementation;
    *(void **)out = op;
    return WN_OK;
}

void wn__sparse_op_free(wn__op *op) { wn__free(op); }
