#include <string.h>

#include "columns.h"
#include "command.h"
#include "winnow/data.h"
#include "winnow/show.h"

typedef struct data_config {
    const char *from, *data_folder;
} data_config;

static const wn__option data_options[] = {
    WN_OPTION_TEXT(data_config, from, "from", "DIR|URL", "a mirror that holds the same files instead of the official address",
                   .actions = "get"),
    WN_OPTION_TEXT(data_config, data_folder, "data-dir", "DIR", "where data sets lie (default: $WINNOW_DATA, else ~/.local/share/winnow)"),
    {0}};

static void add_file(void *user, const wn_data_file_state *file)
{
    wn__columns *table = user;
    char size[32] = "";
    if (file->bytes > 0) wn_show_bytes(file->bytes, size, sizeof size);
    wn__columns_add(table, "%s", file->dataset);
    wn__columns_add(table, "%s", file->fault ? (file->path ? "damaged" : "missing") : file->checked ? "checked" : "here");
    wn__columns_add(table, "%s", size);
    wn__columns_add(table, "%s", file->fault ? file->fault : file->path);
}

/* Names that no data set has are wrong usage. */
static int check_names(const wn__call *call)
{
    const char *names[64] = {NULL};
    int count = 0;
    for (wn_dataset_info info; count < 64 && count < wn_dataset_count() && wn_dataset_get_info(count, &info) == WN_OK; count++)
        names[count] = info.name;
    for (int i = 1; i < call->count; i++) {
        int k = 0;
        while (k < count && strcmp(names[k], call->arguments[i]) != 0)
            k++;
        if (k < count) continue;
        const char *nearest = wn_nearest_name(call->arguments[i], names, count);
        if (nearest) return wn__wrong_usage(call, "no data set \"%s\"; the nearest is \"%s\"", call->arguments[i], nearest);
        return wn__wrong_usage(call, "no data set \"%s\"; `winnow datasets` lists them", call->arguments[i]);
    }
    return WN__EXIT_OK;
}

/* Files of the data sets named, or of all. */
static wn_status print_files(const wn__call *call, const char *folder,
                             wn_status (*visit)(const char *name, const char *folder, wn_data_visit visit, void *user))
{
    wn__columns table = WN_COLUMNS("data set", "state", ">size", "file");
    wn_status status = WN_OK;
    if (call->count == 1) status = visit(NULL, folder, add_file, &table);
    for (int i = 1; i < call->count; i++) {
        const wn_status one = visit(call->arguments[i], folder, add_file, &table);
        if (status == WN_OK) status = one;
    }
    if (table.count > 0) wn__columns_print(&table);
    return status;
}

static wn_status get(const wn__call *call, const data_config *config)
{
    for (int i = 1; i < call->count; i++) {
        const wn_status status = wn_data_get(call->arguments[i], config->from, config->data_folder, wn__console_download, call->console);
        wn__console_clear(call->console);
        if (status != WN_OK) return status;
        wn__console_note(call->console, "%s is here and whole", call->arguments[i]);
    }
    return WN_OK;
}

static int run_data(const wn__call *call)
{
    const data_config *config = call->config;
    const char *action = call->arguments[0];
    if (check_names(call) != WN__EXIT_OK) return WN__EXIT_USAGE;
    if (strcmp(action, "get") == 0) {
        if (call->count < 2) return wn__wrong_usage(call, "get wants the names of data sets: `winnow datasets` lists them");
        return wn__finish(call, get(call, config));
    }
    if (strcmp(action, "verify") == 0) return wn__finish(call, print_files(call, config->data_folder, wn_data_verify));
    char folder[1024];
    const wn_status status = wn_data_folder(config->data_folder, folder, sizeof folder);
    if (status != WN_OK) return wn__finish(call, status);
    printf("data folder: %s\n\n", folder);
    return wn__finish(call, print_files(call, config->data_folder, wn_data_list));
}

static const char *const actions[] = {"get", "list", "verify", NULL};

const wn__command wn__command_data = {
    .name = "data",
    .arguments = "get|list|verify [DATASET]...",
    .summary = "Get data sets, list which files are here, check their sums",
    .details = "get downloads what is missing, checks it and unpacks it; an interrupted download is resumed. list and verify take\n"
               "all data sets if none is named; verify fails if a file is missing or damaged.",
    .options = data_options,
    .config_size = sizeof(data_config),
    .least = 1,
    .most = -1,
    .actions = actions,
    .run = run_data,
};
