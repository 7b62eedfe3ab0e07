#include "listing.h"

#include <stdlib.h>
#include <string.h>

#include "winnow/show.h"

static wn_status print_all(wn__answer *answer, wn_list list)
{
    wn__columns table = WN_COLUMNS({"name", "name"}, {"summary", "what it is"}, {"paper", "source"});
    wn_status status = WN_OK;
    for (int i = 0; status == WN_OK && i < wn_list_count(list); i++) {
        wn_list_entry entry;
        status = wn_list_get(list, i, &entry);
        if (status != WN_OK) break;
        wn__columns_text(&table, entry.name);
        wn__columns_text(&table, entry.summary);
        wn__columns_text(&table, entry.paper);
    }
    wn__answer_table(answer, "entries", &table);
    return status;
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

static void add_bound(wn__columns *table, const wn_setting_info *info, double bound)
{
    if (info->min != info->max)
        wn__columns_real(table, bound, "%.12g", bound);
    else
        wn__columns_missing(table, "");
}

static wn_status print_settings(wn__answer *answer, wn_list list, int index)
{
    wn__columns table =
        WN_COLUMNS({"name", "setting"}, {"default", "default"}, {"type", "type"}, {"min", NULL}, {"max", NULL}, {"help", "meaning"});
    wn_setting_info info;
    wn_status status = WN_OK;
    for (int i = 0; (status = wn_list_setting(list, index, i, &info)) == WN_OK; i++) {
        char type[256];
        describe_type(&info, type, sizeof type);
        wn__columns_text(&table, info.name);
        if (info.fallback)
            wn__columns_text(&table, info.fallback);
        else
            wn__columns_missing(&table, "-");
        wn__columns_shown(&table, info.choices ? type : info.type, "%s", type);
        add_bound(&table, &info, info.min);
        add_bound(&table, &info, info.max);
        wn__columns_text(&table, info.help);
    }
    if (table.count == 0) wn__answer_print(answer, "no settings\n");
    wn__answer_table(answer, "settings", &table);
    return status == WN_ENOTFOUND ? WN_OK : status;
}

static wn_status print_entry(wn__answer *answer, wn_list list, int index)
{
    wn_list_entry entry;
    const wn_status status = wn_list_get(list, index, &entry);
    if (status != WN_OK) return status;
    wn__answer_print(answer, "%s: %s%s%s%s\n\n", entry.name, entry.summary ? entry.summary : "", entry.paper ? " (" : "",
                     entry.paper ? entry.paper : "", entry.paper ? ")" : "");
    wn__answer_text(answer, "name", entry.name);
    wn__answer_text(answer, "summary", entry.summary);
    wn__answer_text(answer, "paper", entry.paper);
    return print_settings(answer, list, index);
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

/* What the first argument that names no entry says; those before it are not printed either. */
static int check_entries(const wn__call *call, wn_list list, const char *what)
{
    for (int i = 0; i < call->count; i++)
        if (index_of(list, call->arguments[i]) < 0) return unknown_entry(call, list, what, call->arguments[i]);
    return WN__EXIT_OK;
}

int wn__list_or_describe(const wn__call *call, wn_list list, const char *what, wn__describe_call more)
{
    if (call->count == 0) return wn__finish(call, print_all(call->answer, list));
    const bool csv = wn__answer_format_of(call->answer) == WN__ANSWER_CSV;
    if (csv && call->count > 1) return wn__wrong_usage(call, "--csv prints the settings of one %s; --json those of several", what);
    if (check_entries(call, list, what) != WN__EXIT_OK) return WN__EXIT_USAGE;
    wn_status status = WN_OK;
    wn__answer_open(call->answer, "entries", '[');
    for (int i = 0; i < call->count && status == WN_OK; i++) {
        if (i > 0) wn__answer_print(call->answer, "\n");
        wn__answer_open(call->answer, NULL, '{');
        if (more && !csv) more(call->answer, call->arguments[i]);
        status = print_entry(call->answer, list, index_of(list, call->arguments[i]));
        wn__answer_close(call->answer);
    }
    wn__answer_close(call->answer);
    return wn__finish(call, status);
}
