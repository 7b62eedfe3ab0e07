#include "backend/backend.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

#define WN_BACKEND(name) extern const wn__backend wn__backend_##name;
#include "backend/list.h"
#undef WN_BACKEND

const wn__backend *const wn__backends[] = {
#define WN_BACKEND(name) &wn__backend_##name,
#include "backend/list.h"
#undef WN_BACKEND
    NULL};

const wn__op_info wn__op_infos[WN__OPS] = {
#define WN_OP(NAME, name, traits) {#name, traits},
#include "backend/op_list.h"
#undef WN_OP
};

const char *const wn__kernels_names[] = {"measured", "sparse", "dense", NULL};

wn_status wn__op_new(wn__device *device, const wn__op_desc *desc, size_t size, const wn__op_class *cls, const char *implementation,
                     void *out)
{
    wn__op *op = wn__alloc(size);
    if (!op) return wn__no_memory(size);
    op->cls = cls;
    op->device = device;
    op->desc = *desc;
    op->implementation = implementation;
    *(void **)out = op;
    return WN_OK;
}

void wn__op_free(wn__op *op) { wn__free(op); }

int64_t wn__op_height(const wn__op *op, wn__phase phase)
{
    if (!op->cls->run_rows[phase]) return 1;
    return phase == WN__BACKWARD_DATA ? op->desc.in_h : op->desc.out_h;
}

wn_status wn__op_run(wn__op *op, wn__phase phase, const wn__op_args *args, int64_t first, int64_t n)
{
    if (op->cls->run_rows[phase]) return op->cls->run_rows[phase](op, args, first, n, (wn__rows){0, wn__op_height(op, phase)});
    return op->cls->run[phase] ? op->cls->run[phase](op, args, first, n) : WN_OK;
}

const wn__backend *wn__backend_find(const char *name)
{
    for (const wn__backend *const *b = wn__backends; *b; b++)
        if (strcmp((*b)->name, name) == 0) return *b;
    return NULL;
}
