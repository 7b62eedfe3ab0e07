#include "data/pictures.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

const char *const wn__broken_names[] = {"error", "skip", NULL};
const char *const wn__cache_form_names[] = {"encoded", "decoded", NULL};
const char *const wn__pictures_places[] = {"path", "cache", "cache_form", NULL};

/* ---- the table */

wn_status wn__pictures_new(const char *what, const char *root, const wn__pictures_config *config, wn__pictures **out)
{
    wn__pictures *p = WN_NEW(wn__pictures);
    if (!p) return wn__no_memory(sizeof *p);
    *p = (wn__pictures){.owners = 1, .what = what, .root = wn__strdup(root), .config = *config};
    snprintf(p->test_share, sizeof p->test_share, "%s", config->test ? config->test : "");
    if (!p->root) {
        wn__pictures_release(p);
        return wn__no_memory(strlen(root));
    }
    *out = p;
    return WN_OK;
}

void wn__pictures_release(void *pictures)
{
    wn__pictures *p = pictures;
    if (!p || --p->owners > 0) return;
    for (int k = 0; k < p->classes; k++)
        wn__free(p->class_name[k]);
    for (int64_t i = 0; i < p->broken_count; i++)
        wn__free(p->broken[i]);
    for (int32_t i = 0; i < p->archives; i++)
        wn__free(p->archive[i]);
    wn__free(p->archive);
    wn__free(p->class_name);
    wn__free(p->broken);
    wn__free(p->item);
    wn__free(p->labels);
    wn__text_release(&p->names);
    wn__free(p->root);
    wn__free(p);
}

wn_status wn__pictures_class(wn__pictures *p, const char *name)
{
    WN_TRY(wn__make_room(&p->class_name, p->classes, sizeof *p->class_name));
    if (!(p->class_name[p->classes] = wn__strdup(name))) return wn__no_memory(strlen(name));
    p->classes++;
    return WN_OK;
}

wn_status wn__pictures_add(wn__pictures *p, wn__part part, const char *name, int64_t size, int32_t label)
{
    const int64_t at = wn__pictures_total(p);
    WN_TRY(wn__make_room(&p->item, at, sizeof *p->item));
    p->item[at] = (wn__picture){.name = (int64_t)p->names.size, .size = size, .archive = -1, .label = label};
    wn__text_add_bytes(&p->names, name, strlen(name) + 1);
    if (p->names.failed) return wn__no_memory(p->names.size);
    p->count[part]++;
    return WN_OK;
}

wn_status wn__pictures_archive(wn__pictures *p, const char *file)
{
    WN_TRY(wn__make_room(&p->archive, p->archives, sizeof *p->archive));
    if (!(p->archive[p->archives] = wn__strdup(file))) return wn__no_memory(strlen(file));
    p->archives++;
    return WN_OK;
}

wn_status wn__pictures_add_archived(wn__pictures *p, wn__part part, const char *name, int64_t at, int64_t size, int32_t label)
{
    WN_TRY(wn__pictures_add(p, part, name, size, label));
    wn__picture *item = &p->item[wn__pictures_total(p) - 1];
    item->at = at;
    item->archive = p->archives - 1;
    return WN_OK;
}

wn_status wn__pictures_label(wn__pictures *p, int32_t label)
{
    if (p->label_count == INT32_MAX) return wn__fail(WN_EUNSUPPORTED, "%s: over %d labels", p->root, INT32_MAX);
    WN_TRY(wn__make_room(&p->labels, p->label_count, sizeof *p->labels));
    p->labels[p->label_count++] = label;
    return WN_OK;
}
