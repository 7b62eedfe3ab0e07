#include "data/catalog.h"

#include <string.h>

#include "base/fail.h"
#include "base/text.h"
#include "data/registered.h"

const wn__dataset_type *wn__dataset_at(int index)
{
    int listed = 0;
    while (wn__datasets[listed])
        listed++;
    return index < listed ? wn__datasets[index] : wn__registered_at(index - listed);
}

void wn__datasets_enter(void) { wn__registered_enter(); }
void wn__datasets_leave(void) { wn__registered_leave(); }

static const wn__dataset_type *find_listed(const char *name)
{
    int i = 0;
    while (wn__datasets[i] && strcmp(wn__datasets[i]->name, name) != 0)
        i++;
    return wn__datasets[i];
}

/* Not by index: while others unregister theirs, indices move. */
static const wn__dataset_type *find(const char *name)
{
    const wn__dataset_type *type = find_listed(name);
    return type ? type : wn__registered_find(name);
}

wn_status wn__dataset_find(const char *name, const wn__dataset_type **type)
{
    const wn__dataset_type *other;
    if ((*type = find(name)) != NULL) return WN_OK;
    wn__text names = {0};
    for (int i = 0; (other = wn__dataset_at(i)) != NULL; i++)
        wn__text_add(&names, "%s%s", i ? ", " : "", other->name);
    const wn_status status = wn__fail(WN_EUSAGE, "unknown data set '%s'; valid: %s", name, names.data ? names.data : "");
    wn__text_release(&names);
    return status;
}

const wn__dataset_type *wn__dataset_hold(const char *name)
{
    const wn__dataset_type *type = find_listed(name);
    return type ? type : wn__registered_hold(name);
}

void wn__dataset_drop(const wn__dataset_type *type) { wn__registered_drop(type); }
