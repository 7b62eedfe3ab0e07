#include <string.h>

#include "columns.h"
#include "command.h"
#include "winnow/experiment.h"
#include "winnow/show.h"

typedef struct inspect_config {
    bool metadata;
    const char *names;
} inspect_config;

static const wn__option inspect_options[] = {
    WN_OPTION_SWITCH(inspect_config, metadata, "metadata", "print the file's metadata in full"),
    WN_OPTION_TEXT(inspect_config, names, "names", "FILE", "rename its tensors: lines as \"linear.* fc.*\", a pattern and its replacement"),
    {0}};

typedef struct inspection {
    wn__columns table;
    bool metadata;
} inspection;

static void add_tensor(void *user, const wn_tensor_info *tensor)
{
    wn__columns *table = &((inspection *)user)->table;
    char shape[128] = "", count[32];
    size_t used = 0;
    for (int i = 0; i < tensor->dims && used < sizeof shape; i++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%lld", i ? "x" : "", (long long)tensor->dim[i]);
    wn__columns_add(table, "%s", tensor->name);
    wn__columns_add(table, "%s", tensor->dtype);
    wn__columns_add(table, "%s", shape);
    wn__columns_add(table, "%s", wn_show_count(tensor->count, count, sizeof count));
    wn__columns_add(table, "%s", wn_show_count(tensor->nonzero, count, sizeof count));
    wn__columns_add(table, "%.2f %%", tensor->count > 0 ? 100.0 * (double)(tensor->count - tensor->nonzero) / (double)tensor->count : 0);
    wn__columns_add(table, "%s", tensor->compressed ? "compressed" : tensor->masked ? "masked" : "");
}

/* In a line, cut short, unless it was asked for in full. */
static void print_metadata(void *user, const char *key, const char *value)
{
    enum { SHOWN = 80 };
    if (((inspection *)user)->metadata || strcmp(key, "looks like") == 0) {
        printf("%s: %s\n", key, value);
        return;
    }
    printf("%s: ", key);
    for (int i = 0; i < SHOWN && value[i]; i++)
        putchar(value[i] == '\n' ? ' ' : value[i]);
    puts(strnlen(value, SHOWN + 1) > SHOWN ? " ..." : "");
}

static int run_inspect(const wn__call *call)
{
    const inspect_config *config = call->config;
    inspection all = {.table = WN_COLUMNS("tensor", "type", "shape", ">values", ">non-zero", ">sparsity", ""),
                      .metadata = config->metadata};
    wn_file_summary summary;
    const wn_status status = wn_inspect_named(call->arguments[0], config->names, add_tensor, print_metadata, &all, &summary);
    if (status != WN_OK) return wn__finish(call, status);
    char text[128], some[32], count[32];
    putchar('\n');
    wn__columns_print(&all.table);
    printf("\nall tensors     %s (%s of %s)\n", wn__sparsity_three_ways(summary.nonzero, summary.count, text, sizeof text),
           wn_show_count(summary.nonzero, some, sizeof some), wn_show_count(summary.count, count, sizeof count));
    if (summary.masked_count > 0)
        printf("masked tensors  %s (%s of %s)\n", wn__sparsity_three_ways(summary.masked_nonzero, summary.masked_count, text, sizeof text),
               wn_show_count(summary.masked_nonzero, some, sizeof some), wn_show_count(summary.masked_count, count, sizeof count));
    printf("file            %s, %s\n", wn_show_bytes(summary.bytes, some, sizeof some),
           summary.checked ? "checksums are right" : "carries no checksums");
    return WN_OK;
}

const wn__command wn__command_inspect = {
    .name = "inspect",
    .arguments = "FILE",
    .summary = "Show the layers of a weights file: shapes, non-zeros, sparsity, metadata",
    .options = inspect_options,
    .config_size = sizeof(inspect_config),
    .least = 1,
    .most = 1,
    .run = run_inspect,
};
