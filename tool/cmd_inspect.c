#include <string.h>

#include "command.h"
#include "names.h"
#include "winnow/experiment.h"
#include "winnow/show.h"

typedef struct inspect_config {
    bool metadata;
    const char *experiment, *names;
} inspect_config;

static const wn__option inspect_options[] = {
    WN_OPTION_SWITCH(inspect_config, metadata, "metadata", "print the file's metadata in full"),
    WN_OPTION_EXPERIMENT(inspect_config, experiment),
    WN_OPTION_TEXT(inspect_config, names, "names", "FILE", "rename its tensors: lines as \"linear.* fc.*\", a pattern and its replacement"),
    {0}};

typedef struct inspection {
    wn__columns table;
    wn__answer *answer;
    bool metadata;
} inspection;

static void add_tensor(void *user, const wn_tensor_info *tensor)
{
    wn__columns *table = &((inspection *)user)->table;
    const double sparsity = tensor->count > 0 ? (double)(tensor->count - tensor->nonzero) / (double)tensor->count : 0;
    const char *mask = tensor->compressed ? "compressed" : tensor->masked ? "masked" : NULL;
    wn__columns_text(table, tensor->name);
    wn__columns_text(table, tensor->dtype);
    wn__columns_shape(table, tensor->dim, tensor->dims);
    wn__columns_count(table, tensor->count);
    wn__columns_count(table, tensor->nonzero);
    wn__columns_real(table, sparsity, "%.2f %%", 100 * sparsity);
    wn__columns_text(table, mask);
}

/* In a line, cut short, unless it was asked for in full. */
static void print_metadata(void *user, const char *key, const char *value)
{
    enum { SHOWN = 80 };
    const inspection *all = user;
    char line[SHOWN + 1];
    wn__answer_text(all->answer, key, value);
    if (all->metadata || strcmp(key, "looks like") == 0) {
        wn__answer_print(all->answer, "%s: %s\n", key, value);
        return;
    }
    snprintf(line, sizeof line, "%s", value);
    for (char *at = line; *at; at++)
        if (*at == '\n') *at = ' ';
    wn__answer_print(all->answer, "%s: %s%s\n", key, line, strnlen(value, SHOWN + 1) > SHOWN ? " ..." : "");
}

static int run_inspect(const wn__call *call)
{
    const inspect_config *config = call->config;
    inspection all = {.table = WN_COLUMNS({"name", "tensor"}, {"dtype", "type"}, {"shape", "shape"}, {"values", ">values"},
                                          {"nonzero", ">non-zero"}, {"sparsity", ">sparsity"}, {"mask", ""}),
                      .answer = call->answer,
                      .metadata = config->metadata};
    char path[WN__PATH];
    wn_status status = wn_store_weights(NULL, config->experiment, call->arguments[0], path, sizeof path);
    if (status != WN_OK) return wn__finish(call, status);
    wn_file_summary summary;
    char size[32];
    wn__answer_open(call->answer, "metadata", '{');
    status = wn_inspect_named(path, config->names, add_tensor, print_metadata, &all, &summary);
    wn__answer_close(call->answer);
    if (status != WN_OK) {
        wn__columns_release(&all.table);
        return wn__finish(call, status);
    }
    wn__answer_print(call->answer, "\n");
    wn__answer_table(call->answer, "tensors", &all.table);
    wn__answer_print(call->answer, "\n");
    wn__answer_nonzero(call->answer, 15, "all tensors", "values", summary.nonzero, summary.count);
    if (summary.masked_count > 0)
        wn__answer_nonzero(call->answer, 15, "masked tensors", "masked", summary.masked_nonzero, summary.masked_count);
    wn__answer_print(call->answer, "file            %s, %s\n", wn_show_bytes(summary.bytes, size, sizeof size),
                     summary.checked ? "checksums are right" : "carries no checksums");
    wn__answer_whole(call->answer, "bytes", summary.bytes);
    wn__answer_yes(call->answer, "checked", summary.checked);
    return WN__EXIT_OK;
}

const wn__command wn__command_inspect = {
    .name = "inspect",
    .arguments = "NETWORK",
    .summary = "Show the layers of a weights file: shapes, non-zeros, sparsity, metadata",
    .details = WN_NETWORK_NAMES " A checkpoint is shown, too.",
    .options = inspect_options,
    .config_size = sizeof(inspect_config),
    .least = 1,
    .most = 1,
    .prints = WN__PRINTS_TABLE,
    .run = run_inspect,
};
