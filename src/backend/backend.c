#include "backend/backend.h"

#include <string.h>

#define WN_BACKEND(name) extern const wn__backend wn__backend_##name;
#include "backend/list.h"
#undef WN_BACKEND

const wn__backend *const wn__backends[] = {
#define WN_BACKEND(name) &wn__backend_##name,
#include "backend/list.h"
#undef WN_BACKEND
    NULL};

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
