#include "command.h"
#include "names.h"
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
    seen->count++;
    seen->done += stage->state[0] == 'd';
    seen->bytes += stage->bytes;
    wn__columns_shown(&seen->table, stage->identity, "%.12s", stage->identity);
    wn__columns_text(&seen->table, stage->state);
    wn__columns_text(&seen->table, stage->kind);
    wn__columns_bytes(&seen->table, stage->bytes);
    wn__columns_yes(&seen->table, stage->used, stage->used ? "yes" : "no");
    wn__columns_text(&seen->table, stage->label);
    wn__columns_text(&seen->table, stage->path);
}

static int run_status(const wn__call *call)
{
    const status_config *config = call->config;
    stages_seen seen = {.table = WN_COLUMNS({"identity", "identity"}, {"state", "state"}, {"kind", "kind"}, {"bytes", ">size"},
                                            {"used", "used"}, {"label", "stage"}, {"path", NULL})};
    const wn_status status = wn_store_status(config->out, call->count > 0 ? call->arguments[0] : NULL, add_stage, &seen);
    wn__answer_table(call->answer, "stages", &seen.table);
    if (status != WN_OK) return wn__finish(call, status);
    char size[32];
    wn__answer_whole(call->answer, "done", seen.done);
    wn__answer_whole(call->answer, "bytes", seen.bytes);
    wn__answer_print(call->answer, "%s%d stages, %d done, %s\n", seen.count > 0 ? "\n" : "", seen.count, seen.done,
                     wn_show_bytes(seen.bytes, size, sizeof size));
    return WN__EXIT_OK;
}

const wn__command wn__command_status = {
    .name = "status",
    .arguments = "[EXPERIMENT]",
    .summary = "Show the stages of the store, or of one experiment, and what became of them",
    .details = WN_EXPERIMENT_NAMES,
    .options = status_options,
    .config_size = sizeof(status_config),
    .most = 1,
    .prints = WN__PRINTS_TABLE,
    .run = run_status,
};
