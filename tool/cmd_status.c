#include "columns.h"
#include "command.h"
#include "winnow/experiment.h"
#include "winnow/show.h"

typedef struct status_config {
    const char *out;
} status_config;

static const wn__option status_options[] = {WN_OPTION_TEXT(status_config, out, "out", "DIR", "store (default: winnow-runs)"), {0}};

typedef struct stages_seen {
    wn__columns table;
    int count, done;
    int64_t bytes;
} stages_seen;

static void add_stage(void *user, const wn_stored_stage *stage)
{
    stages_seen *seen = user;
    char size[32];
    seen->count++;
    seen->done += stage->state[0] == 'd';
    seen->bytes += stage->bytes;
    wn__columns_add(&seen->table, "%.12s", stage->identity);
    wn__columns_add(&seen->table, "%s", stage->state);
    wn__columns_add(&seen->table, "%s", stage->kind);
    wn__columns_add(&seen->table, "%s", wn_show_bytes(stage->bytes, size, sizeof size));
    wn__columns_add(&seen->table, "%s", stage->used ? "yes" : "no");
    wn__columns_add(&seen->table, "%s", stage->label);
}

static int run_status(const wn__call *call)
{
    const status_config *config = call->config;
    stages_seen seen = {.table = WN_COLUMNS("identity", "state", "kind", ">size", "used", "stage")};
    const wn_status status = wn_store_status(config->out, call->count > 0 ? call->arguments[0] : NULL, add_stage, &seen);
    if (seen.table.count > 0) wn__columns_print(&seen.table);
    char size[32];
    if (status == WN_OK)
        printf("%s%d stages, %d done, %s\n", seen.count > 0 ? "\n" : "", seen.count, seen.done,
               wn_show_bytes(seen.bytes, size, sizeof size));
    return wn__finish(call, status);
}

const wn__command wn__command_status = {
    .name = "status",
    .arguments = "[EXPERIMENT]",
    .summary = "Show the stages of the store, or of one experiment, and what became of them",
    .options = status_options,
    .config_size = sizeof(status_config),
    .most = 1,
    .run = run_status,
};
