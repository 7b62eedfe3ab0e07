#include <string.h>

#include "columns.h"
#include "command.h"
#include "winnow/data.h"
#include "winnow/doctor.h"

typedef struct doctor_config {
    const char *data_folder;
} doctor_config;

static const wn__option doctor_options[] = {WN_OPTION_TEXT(doctor_config, data_folder, "data-dir", "DIR",
                                                           "where data sets lie (default: $WINNOW_DATA, else ~/.local/share/winnow)"),
                                            {0}};

/* user: the group printed last. */
static void print_fact(void *user, const char *group, const char *name, const char *value)
{
    const char **last = user;
    if (!*last || strcmp(*last, group) != 0) printf("%s%s\n", *last ? "\n" : "", group);
    *last = group;
    printf("  %-26s %s\n", name, value);
}

typedef struct data_seen {
    wn__columns table;
    char dataset[64]; /* that is being counted */
    int files, here;
} data_seen;

static void end_dataset(data_seen *seen)
{
    if (!seen->dataset[0]) return;
    wn__columns_add(&seen->table, "  %s", seen->dataset);
    wn__columns_add(&seen->table, "%d of %d files", seen->here, seen->files);
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

static wn_status print_data(const char *given)
{
    char folder[1024];
    wn_status status = wn_data_folder(given, folder, sizeof folder);
    if (status != WN_OK) return status;
    printf("\ndata folder %s\n", folder);
    data_seen seen = {.table = WN_COLUMNS("  data set", "here")};
    status = wn_data_list(NULL, given, count_file, &seen);
    end_dataset(&seen);
    wn__columns_print(&seen.table);
    return status;
}

static int run_doctor(const wn__call *call)
{
    const doctor_config *config = call->config;
    const char *group = NULL;
    const wn_status status = wn_doctor(print_fact, (void *)&group);
    return wn__finish(call, status == WN_OK ? print_data(config->data_folder) : status);
}

const wn__command wn__command_doctor = {
    .name = "doctor",
    .arguments = "",
    .summary = "Show the CPU, threads, backends, libraries and data sets of this machine",
    .options = doctor_options,
    .config_size = sizeof(doctor_config),
    .run = run_doctor,
};
