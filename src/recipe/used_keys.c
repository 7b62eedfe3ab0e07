#include "recipe/used_keys.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"

enum { PATH = 512 };

typedef struct keys {
    const char *command;
    const char *const *used;
} keys;

bool wn__is_set(const wn__yaml_node *node) { return strncmp(wn__yaml_source(node), "--set ", 6) == 0; }

/* *use becomes what the list says of this very key; true if it says something of keys below. */
static bool look_up(const keys *k, const char *path, bool *use)
{
    const size_t length = strlen(path);
    bool below = false;
    for (int i = 0; k->used[i]; i++) {
        const bool away = k->used[i][0] == '!';
        const char *key = k->used[i] + away;
        if (strcmp(key, path) == 0) *use = !away;
        below = below || (strncmp(key, path, length) == 0 && key[length] == '.');
    }
    return below;
}

static wn_status refuse(const keys *k, const char *path, const wn__yaml_node *node)
{
    wn__text list = {0};
    for (int i = 0; k->used[i]; i++)
        if (k->used[i][0] == '!')
            wn__text_add(&list, " without %s", k->used[i] + 1);
        else
            wn__text_add(&list, "%s%s", i ? ", " : "", k->used[i]);
    const wn_status status =
        wn__yaml_fail(WN_EUSAGE, node, "%s has no effect on %s; keys that have one: %s", path, k->command, list.data ? list.data : "none");
    wn__text_release(&list);
    return status;
}

static wn_status check(const keys *k, const char *above, bool used_above, const wn__yaml_node *mapping)
{
    for (int i = 0; i < wn__yaml_count(mapping); i++) {
        const wn__yaml_node *value = wn__yaml_child(mapping, i);
        char path[PATH];
        bool use = used_above;
        snprintf(path, sizeof path, "%s%s%s", above, above[0] ? "." : "", wn__yaml_text(wn__yaml_key(mapping, i)));
        const bool below = look_up(k, path, &use);
        if (wn__yaml_kind_of(value) == WN__YAML_MAPPING && (below || !use))
            WN_TRY(check(k, path, use, value));
        else if (!use && wn__is_set(value))
            return refuse(k, path, value);
    }
    return WN_OK;
}

wn_status wn__used_keys_check(const wn__yaml *doc, const char *command, const char *const *used)
{
    const keys k = {command, used};
    return check(&k, "", false, wn__yaml_root(doc));
}
