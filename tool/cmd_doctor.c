#include <string.h>

#include "command.h"
#include "winnow/data.h"
#include "winnow/doctor.h"

typedef struct doctor_config {
    const char *data_folder;
} doctor_config;

static const wn__option doctor_options[] = {WN_OPTION_TEXT(doctor_config, data_folder, "data-dir", "DIR",
                                                           "where data sets lie (default: $WINNOW_DATA, else ~/.local/share/winnow)"),
                                            {0}};

typedef struct facts_seen {
    wn__answer *answer;
    char group[64];    /* that is open */
    wn__columns table; /* for CSV */
} facts_seen;

static void end_group(facts_seen *seen)
{
    if (seen->group[0]) wn__answer_close(seen->answer);
}

static void print_fact(void *user, const char *group, const char *name, const char *value)
{
    facts_seen *seen = user;
    if (strcmp(seen->group, group) != 0) {
        end_group(seen);
        wn__answer_print(seen->answer, "%s%s\n", seen->group[0] ? "\n" : "", group);
        wn__answer_open(seen->answer, group, '{');
        snprintf(seen->group, sizeof seen->group, "%s", group);
    }
    wn__answer_print(seen->answer, "  %-26s %s\n", name, value);
    wn__answer_text(seen->answer, name, value);
    wn__columns_text(&seen->table, group);
    wn__columns_text(&seen->table, name);
    wn__columns_text(&seen->table, value);
}

typedef struct data_seen {
    wn__columns table;
    char dataset[64]; /* that is being counted */
    int files, here;
} data_seen;

static void end_dataset(data_seen *seen)
{
    if (!seen->dataset[0]) return;
    wn__columns_shown(&seen->table, seen->dataset, "  %s", seen->dataset);
    wn__columns_real(&seen->table, seen->here, "%d of %d files", seen->here, seen->files);
    wn__columns_whole(&seen->table, seen->files);
}

static void count_file(void *user, const wn_data_file_state *file)
{
    data_seen *seen = user;
    if (strcmp(seen->dataset, file->dataset) != 0) {
        end_dataset(seen);
        seen->files = seen->here = 0;
        snprintf(seen->dataset, sizeof seen->dataset, "%s", file->dataset);
    }
    seen->files++;
    seen->here += file->path && !file->fault;
}

static wn_status print_data(wn__answer *answer, const char *given)
{
    char folder[1024];
    wn_status status = wn_data_folder(given, folder, sizeof folder);
    if (status != WN_OK) return status;
    wn__answer_print(answer, "\ndata folder %s\n", folder);
    wn__answer_text(answer, "data_folder", folder);
    data_seen seen = {.table = WN_COLUMNS({"dataset", "  data set"}, {"here", "here"}, {"files", NULL})};
    status = wn_data_list(NULL, given, count_file, &seen);
    end_dataset(&seen);
    wn__answer_table(answer, "datasets", &seen.table);
    return status;
}

static int run_doctor(const wn__call *call)
{
    const doctor_config *config = call->config;
    facts_seen seen = {.answer = call->answer, .table = WN_COLUMNS({"group", NULL}, {"name", NULL}, {"value", NULL})};
    const wn_status status = wn_doctor(print_fact, &seen);
    end_group(&seen);
    if (wn__answer_format_of(call->answer) == WN__ANSWER_CSV) wn__answer_table(call->answer, NULL, &seen.table);
    wn__columns_release(&seen.table);
    return wn__finish(call, status == WN_OK ? print_data(call->answer, config->data_folder) : status);
}

const wn__command wn__command_doctor = {
    .name = "doctor",
    .arguments = "",
    .summary = "Show the CPU, threads, backends, libraries and data sets of this machine",
    .options = doctor_options,
    .config_size = sizeof(doctor_config),
    .details = "--csv prints these facts, a line each; `winnow data list --csv` has the files of data sets.",
    .prints = WN__PRINTS_TABLE,
    .run = run_doctor,
};
