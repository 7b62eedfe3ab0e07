#include "listing.h"

#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "winnow/show.h"

static wn_status print_all(wn_list list)
{
    wn__columns table = WN_COLUMNS("name", "what it is", "source");
    for (int i = 0; i < wn_list_count(list); i++) {
        wn_list_entry entry;
        const wn_status status = wn_list_get(list, i, &entry);
        if (status != WN_OK) return status;
        wn__columns_add(&table, "%s", entry.name);
        wn__columns_add(&table, "%s", entry.summary ? entry.summary : "");
        wn__columns_add(&table, "%s", entry.paper ? entry.paper : "");
    }
    wn__columns_print(&table);
    return WN_OK;
}

/* "choice: a, b, c" / "number in [0, 1]" */
static void describe_type(const wn_setting_info *info, char *text, size_t size)
{
    snprintf(text, size, "%s", info->type);
    if (info->min != info->max) snprintf(text, size, "%s in [%.12g, %.12g]", info->type, info->min, info->max);
    for (int i = 0; info->choices && info->choices[i]; i++) {
        const size_t used = strlen(text);
        snprintf(text + used, size - used, "%s%s", i ? ", " : ": ", info->choices[i]);
    }
}

static wn_status print_settings(wn_list list, int index)
{
    wn__columns table = WN_COLUMNS("setting", "default", "type", "meaning");
    wn_setting_info info;
    wn_status status = WN_OK;
    for (int i = 0; (status = wn_list_setting(list, index, i, &info)) == WN_OK; i++) {
        char type[256];
        describe_type(&info, type, sizeof type);
        wn__columns_add(&table, "%s", info.name);
        wn__columns_add(&table, "%s", info.fallback ? info.fallback : "-");
        wn__columns_add(&table, "%s", type);
        wn__columns_add(&table, "%s", info.help ? info.help : "");
    }
    if (table.count > 0)
        wn__columns_print(&table);
    else
        puts("no settings");
    return status == WN_ENOTFOUND ? WN_OK : status;
}

static wn_status print_entry(wn_list list, int index)
{
    wn_list_entry entry;
    const wn_status status = wn_list_get(list, index, &entry);
    if (status != WN_OK) return status;
    printf("%s: %s%s%s%s\n\n", entry.name, entry.summary ? entry.summary : "", entry.paper ? " (" : "", entry.paper ? entry.paper : "",
           entry.paper ? ")" : "");
    return print_settings(list, index);
}

static int unknown_entry(const wn__call *call, wn_list list, const char *what, const char *name)
{
    const int count = wn_list_count(list);
    const char **names = calloc((size_t)count + 1, sizeof *names);
    if (!names) return WN__EXIT_FAILED;
    for (int i = 0; i < count; i++) {
        wn_list_entry entry;
        names[i] = wn_list_get(list, i, &entry) == WN_OK ? entry.name : "";
    }
    const char *nearest = wn_nearest_name(name, names, count);
    const int code = nearest ? wn__wrong_usage(call, "no %s \"%s\"; the nearest is \"%s\"", what, name, nearest)
                             : wn__wrong_usage(call, "no %s \"%s\"; `winnow %s` lists them", what, name, call->command->name);
    free((void *)names);
    return code;
}

static int index_of(wn_list list, const char *name)
{
    for (int i = 0; i < wn_list_count(list); i++) {
        wn_list_entry entry;
        if (wn_list_get(list, i, &entry) == WN_OK && strcmp(entry.name, name) == 0) return i;
    }
    return -1;
}

int wn__list_or_describe(const wn__call *call, wn_list list, const char *what)
{
    if (call->count == 0) return wn__finish(call, print_all(list));
    for (int i = 0; i < call->count; i++) {
        const int index = index_of(list, call->arguments[i]);
        if (index < 0) return unknown_entry(call, list, what, call->arguments[i]);
        if (i > 0) putchar('\n');
        const wn_status status = print_entry(list, index);
        if (status != WN_OK) return wn__finish(call, status);
    }
    return WN__EXIT_OK;
}
