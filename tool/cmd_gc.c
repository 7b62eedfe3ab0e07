#include "command.h"
#include "winnow/experiment.h"
#include "winnow/show.h"

typedef struct gc_config {
    const char *out;
    bool dry_run;
} gc_config;

static const wn__option gc_options[] = {WN_OPTION_TEXT(gc_config, out, "out", "DIR", "store (default: winnow-runs)"),
                                        WN_OPTION_SWITCH(gc_config, dry_run, "dry-run", "only say what would be removed"),
                                        {0}};

static void add_stage(void *user, const wn_stored_stage *stage)
{
    wn__columns *table = user;
    wn__columns_shown(table, stage->identity, "%.12s", stage->identity);
    wn__columns_bytes(table, stage->bytes);
    wn__columns_text(table, stage->label);
}

static int run_gc(const wn__call *call)
{
    const gc_config *config = call->config;
    int64_t bytes = 0;
    wn__columns table = WN_COLUMNS({"identity", "identity"}, {"bytes", ">size"}, {"label", "stage"});
    const wn_status status = wn_store_gc(config->out, config->dry_run, add_stage, &table, &bytes);
    char size[32];
    wn__answer_table(call->answer, "stages", &table);
    if (status != WN_OK) return wn__finish(call, status);
    wn__answer_whole(call->answer, "bytes", bytes);
    wn__answer_yes(call->answer, "removed", !config->dry_run);
    wn__answer_print(call->answer, "%s %s\n", config->dry_run ? "would free" : "freed", wn_show_bytes(bytes, size, sizeof size));
    return WN__EXIT_OK;
}

const wn__command wn__command_gc = {
    .name = "gc",
    .arguments = "",
    .summary = "Remove the stages that no experiment of the store refers to",
    .options = gc_options,
    .config_size = sizeof(gc_config),
    .prints = WN__PRINTS_TABLE,
    .run = run_gc,
};
