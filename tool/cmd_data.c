#include <string.h>
#include <unistd.h>

#include "command.h"
#include "winnow/data.h"
#include "winnow/show.h"

typedef struct data_config {
    wn__texts set;
    const char *from, *data_folder;
} data_config;

static const wn__option data_options[] = {
    WN_OPTION_TEXT(data_config, from, "from", "DIR|URL", "a mirror that holds the same files instead of the official address",
                   .actions = "get"),
    WN_OPTION_LIST(data_config, set, "set", "KEY=VALUE", "of your own data: a setting of the set that reads them, size=32; may be repeated",
                   .actions = "list verify"),
    WN_OPTION_TEXT(data_config, data_folder, "data-dir", "DIR", "where data sets lie (default: $WINNOW_DATA, else ~/.local/share/winnow)"),
    {0}};

static void add_file(void *user, const wn_data_file_state *file)
{
    wn__columns *table = user;
    wn__columns_text(table, file->dataset);
    wn__columns_text(table, file->fault ? (file->path ? "damaged" : "missing") : file->checked ? "checked" : "here");
    if (file->bytes > 0)
        wn__columns_bytes(table, file->bytes);
    else
        wn__columns_missing(table, "");
    wn__columns_text(table, file->name);
    wn__columns_shown(table, file->path, "%s", file->fault ? file->fault : file->path);
    wn__columns_text(table, file->fault);
}

/* Data of one's own: what is there, and no data set's name. */
static bool is_path(const char *argument)
{
    wn_dataset_info info;
    for (int i = 0; i < wn_dataset_count(); i++)
        if (wn_dataset_get_info(i, &info) == WN_OK && strcmp(info.name, argument) == 0) return false;
    return strpbrk(argument, "/{") || access(argument, F_OK) == 0;
}

/* ---- data of one's own */

static void add_samples(wn__columns *table, int64_t samples)
{
    if (samples < 0)
        wn__columns_missing(table, "-");
    else
        wn__columns_count(table, samples);
}

static void add_class(void *user, const wn_data_class *item)
{
    wn__columns *table = user;
    wn__columns_whole(table, table->count / table->columns);
    wn__columns_text(table, item->name);
    add_samples(table, item->train);
    add_samples(table, item->test);
}

static void print_summary(wn__answer *answer, const char *path, const wn_data_summary *s)
{
    char count[3][32];
    wn__answer_print(answer, "%s: set %s, %dx%dx%d, %d classes; %s training, ", path, s->set, s->channels, s->height, s->width, s->classes,
                     wn_show_count(s->train_count, count[0], sizeof count[0]));
    if (s->validation_count > 0) wn__answer_print(answer, "%s validation, ", wn_show_count(s->validation_count, count[1], sizeof count[1]));
    wn__answer_print(answer, "%s test samples\n", wn_show_count(s->test_count, count[2], sizeof count[2]));
    if (s->passed_over > 0) wn__answer_print(answer, "passed over: %lld that are no pictures by their names\n", (long long)s->passed_over);
    wn__answer_text(answer, "path", path);
    wn__answer_text(answer, "set", s->set);
    wn__answer_whole(answer, "channels", s->channels);
    wn__answer_whole(answer, "height", s->height);
    wn__answer_whole(answer, "width", s->width);
    wn__answer_whole(answer, "train", s->train_count);
    wn__answer_whole(answer, "validation", s->validation_count);
    wn__answer_whole(answer, "test", s->test_count);
    wn__answer_whole(answer, "passed_over", s->passed_over);
}

static wn_status list_path(wn__answer *answer, const char *path, const wn__texts *set)
{
    wn__columns table = WN_COLUMNS({"class", ">class"}, {"name", "name"}, {"train", ">train"}, {"test", ">test"});
    wn_data_summary summary;
    const wn_status status = wn_data_look(path, set->items, set->count, &summary, add_class, &table);
    if (status != WN_OK) {
        wn__columns_release(&table);
        return status;
    }
    print_summary(answer, path, &summary);
    wn__answer_table(answer, "classes", &table);
    return WN_OK;
}

typedef struct faults_seen {
    wn__answer *answer;
    const char *path;
    wn__columns table; /* for CSV */
} faults_seen;

static void print_fault(void *user, const char *fault)
{
    faults_seen *seen = user;
    wn__answer_print(seen->answer, "%s\n", fault);
    wn__answer_text(seen->answer, NULL, fault);
    wn__columns_text(&seen->table, seen->path);
    wn__columns_text(&seen->table, fault);
}

static wn_status verify_path(wn__answer *answer, const char *path, const wn__texts *set)
{
    faults_seen seen = {.answer = answer, .path = path, .table = WN_COLUMNS({"path", NULL}, {"fault", NULL})};
    wn__answer_text(answer, "path", path);
    wn__answer_open(answer, "faults", '[');
    const wn_status status = wn_data_check(path, set->items, set->count, print_fault, &seen);
    wn__answer_close(answer);
    if (wn__answer_format_of(answer) == WN__ANSWER_CSV) wn__answer_table(answer, NULL, &seen.table);
    wn__columns_release(&seen.table);
    if (status == WN_OK) wn__answer_print(answer, "%s: every sample can be read\n", path);
    return status;
}

/* Of all arguments that are paths. */
static wn_status visit_paths(const wn__call *call, wn_status (*visit)(wn__answer *answer, const char *path, const wn__texts *set))
{
    const data_config *config = call->config;
    wn_status status = WN_OK;
    wn__answer_open(call->answer, "data", '[');
    for (int i = 1; i < call->count; i++) {
        if (!is_path(call->arguments[i])) continue;
        wn__answer_open(call->answer, NULL, '{');
        const wn_status one = visit(call->answer, call->arguments[i], &config->set);
        wn__answer_close(call->answer);
        if (status == WN_OK) status = one;
    }
    wn__answer_close(call->answer);
    return status;
}

/* Names that no data set has are wrong usage. */
static int check_names(const wn__call *call)
{
    const char *names[64] = {NULL};
    int count = 0;
    for (wn_dataset_info info; count < 64 && count < wn_dataset_count() && wn_dataset_get_info(count, &info) == WN_OK; count++)
        names[count] = info.name;
    for (int i = 1; i < call->count; i++) {
        if (is_path(call->arguments[i])) continue;
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
    wn__columns table =
        WN_COLUMNS({"dataset", "data set"}, {"state", "state"}, {"bytes", ">size"}, {"name", NULL}, {"path", "file"}, {"fault", NULL});
    wn_status status = WN_OK;
    if (call->count == 1) status = visit(NULL, folder, add_file, &table);
    for (int i = 1; i < call->count; i++) {
        if (is_path(call->arguments[i])) continue;
        const wn_status one = visit(call->arguments[i], folder, add_file, &table);
        if (status == WN_OK) status = one;
    }
    wn__answer_table(call->answer, "files", &table);
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

static wn_status list_files(const wn__call *call, const char *given)
{
    char folder[1024];
    const wn_status status = wn_data_folder(given, folder, sizeof folder);
    if (status != WN_OK) return status;
    wn__answer_text(call->answer, "data_folder", folder);
    wn__answer_print(call->answer, "data folder: %s\n\n", folder);
    return print_files(call, given, wn_data_list);
}

static int run_data(const wn__call *call)
{
    const data_config *config = call->config;
    const char *action = call->arguments[0];
    bool paths = false, names = call->count == 1;
    for (int i = 1; i < call->count; i++) {
        const bool path = is_path(call->arguments[i]);
        paths = paths || path;
        names = names || !path;
    }
    if (config->set.count > 0 && !paths) return wn__wrong_usage(call, "--set is of data of your own: name their path");
    if (check_names(call) != WN__EXIT_OK) return WN__EXIT_USAGE;
    if (paths && call->count > 2 && wn__answer_format_of(call->answer) == WN__ANSWER_CSV)
        return wn__wrong_usage(call, "--csv prints one path's table; --json those of several");
    if (strcmp(action, "get") == 0) {
        if (call->count < 2) return wn__wrong_usage(call, "get wants the names of data sets: `winnow datasets` lists them");
        return wn__finish(call, get(call, config));
    }
    const bool verify = strcmp(action, "verify") == 0;
    wn_status status = paths ? visit_paths(call, verify ? verify_path : list_path) : WN_OK, other = WN_OK;
    if (names) other = verify ? print_files(call, config->data_folder, wn_data_verify) : list_files(call, config->data_folder);
    return wn__finish(call, status != WN_OK ? status : other);
}

static const char *const actions[] = {"get", "list", "verify", NULL};

const wn__command wn__command_data = {
    .name = "data",
    .arguments = "get|list|verify [DATASET|PATH]...",
    .summary = "Get data sets, list which files are here, check their sums",
    .details =
        "get downloads what is missing, checks it and unpacks it; an interrupted download is resumed. list and verify take\n"
        "all data sets if none is named; verify fails if a file is missing or damaged. Of a\n"
        "folder, list or other data of your own, list prints classes and counts; verify reads every sample and names those that it cannot.\n"
        "--set gives settings of the set that reads such data: winnow data list photos --set size=64 --set test_share=20%.",
    .options = data_options,
    .config_size = sizeof(data_config),
    .least = 1,
    .most = -1,
    .prints = WN__PRINTS_TABLE,
    .actions = actions,
    .run = run_data,
};
