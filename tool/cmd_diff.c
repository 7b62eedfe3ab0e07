#include "columns.h"
#include "command.h"
#include "winnow/experiment.h"

typedef struct diff_config {
    const char *out;
} diff_config;

static const wn__option diff_options[] = {WN_OPTION_TEXT(diff_config, out, "out", "DIR", "store (default: winnow-runs)"), {0}};

static void add_difference(void *user, const wn_difference *difference)
{
    wn__columns *table = user;
    wn__columns_add(table, "%s", difference->key);
    wn__columns_add(table, "%s", difference->left ? difference->left : "-");
    wn__columns_add(table, "%s", difference->right ? difference->right : "-");
}

static int run_diff(const wn__call *call)
{
    const diff_config *config = call->config;
    wn__columns table = WN_COLUMNS("key", call->arguments[0], call->arguments[1]);
    const wn_status status = wn_store_diff(config->out, call->arguments[0], call->arguments[1], add_difference, &table);
    if (table.count > 0)
        wn__columns_print(&table);
    else if (status == WN_OK)
        wn__console_note(call->console, "no difference");
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
    .run = run_diff,
};
