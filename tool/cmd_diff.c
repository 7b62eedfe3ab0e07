#include "command.h"
#include "winnow/experiment.h"

typedef struct diff_config {
    const char *out;
} diff_config;

static const wn__option diff_options[] = {WN_OPTION_TEXT(diff_config, out, "out", "DIR", "store (default: winnow-runs)"), {0}};

static void add_difference(void *user, const wn_difference *difference)
{
    wn__columns *table = user;
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
    wn__columns table = WN_COLUMNS({"key", "key"}, {"left", call->arguments[0]}, {"right", call->arguments[1]});
    const wn_status status = wn_store_diff(config->out, call->arguments[0], call->arguments[1], add_difference, &table);
    if (status == WN_OK && table.count == 0) wn__console_note(call->console, "no difference");
    wn__answer_table(call->answer, "differences", &table);
    return wn__finish(call, status);
}

const wn__command wn__command_diff = {
    .name = "diff",
    .arguments = "EXPERIMENT EXPERIMENT",
    .summary = "Show where two experiments' recipes and results differ",
    .options = diff_options,
    .config_size = sizeof(diff_config),
    .least = 2,
    .most = 2,
    .prints = WN__PRINTS_TABLE,
    .run = run_diff,
};
