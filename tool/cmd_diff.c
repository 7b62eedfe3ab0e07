#include "command.h"
#include "names.h"
#include "winnow/experiment.h"

typedef struct diff_config {
    const char *out;
    bool all;
} diff_config;

static const wn__option diff_options[] = {
    WN_OPTION_TEXT(diff_config, out, "out", "DIR", "store (default: winnow-runs)"),
    WN_OPTION_SWITCH(diff_config, all, "all", "defaults, and what follows from what was written, as well"),
    {0}};

typedef struct differences_seen {
    wn__columns table;
    bool all;
    int hidden;
} differences_seen;

static void add_difference(void *user, const wn_difference *difference)
{
    static const char *const kinds[] = {"written", "result", "default"};
    differences_seen *seen = user;
    wn__columns *table = &seen->table;
    if (difference->kind == WN_DIFFERENCE_DEFAULT && !seen->all) {
        seen->hidden++;
        return;
    }
    wn__columns_text(table, kinds[difference->kind]);
    const char *const sides[] = {difference->left, difference->right};
    wn__columns_text(table, difference->key);
    for (int i = 0; i < 2; i++)
        if (sides[i])
            wn__columns_text(table, sides[i]);
        else
            wn__columns_missing(table, "-");
}

static int run_diff(const wn__call *call)
{
    const diff_config *config = call->config;
    differences_seen seen = {.table =
                                 WN_COLUMNS({"kind", NULL}, {"key", "key"}, {"left", call->arguments[0]}, {"right", call->arguments[1]}),
                             .all = config->all};
    const wn_status status = wn_store_diff(config->out, call->arguments[0], call->arguments[1], add_difference, &seen);
    const bool none = seen.table.count == 0;
    wn__answer_table(call->answer, "differences", &seen.table);
    if (status == WN_OK && seen.hidden > 0)
        wn__console_note(call->console, "%d more in defaults and what follows from what was written: --all", seen.hidden);
    else if (status == WN_OK && none)
        wn__console_note(call->console, "no difference");
    return wn__finish(call, status);
}

const wn__command wn__command_diff = {
    .name = "diff",
    .arguments = "EXPERIMENT EXPERIMENT",
    .summary = "Show where two experiments' recipes and results differ",
    .details = WN_EXPERIMENT_NAMES " What stands in one of the recipes comes first, then results; --all shows the rest.",
    .options = diff_options,
    .config_size = sizeof(diff_config),
    .least = 2,
    .most = 2,
    .prints = WN__PRINTS_TABLE,
    .run = run_diff,
};
