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

const wn__backend *wn__backend_find(const char *name)
{
    for (const wn__backend *const *b = wn__backends; *b; b++)
        if (strcmp((*b)->name, name) == 0) return *b;
    return NULL;
}
