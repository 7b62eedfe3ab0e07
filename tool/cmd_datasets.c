#include <string.h>

#include "columns.h"
#include "listing.h"
#include "winnow/data.h"
#include "winnow/show.h"

static void print_shape(wn__columns *table, const wn_dataset_info *info)
{
    char count[32];
    wn__columns_add(table, "%s", info->name);
    if (info->classes == 0) { /* the user's own */
        for (int i = 0; i < 4; i++)
            wn__columns_add(table, "any");
        wn__columns_add(table, "%s", info->summary);
        return;
    }
    wn__columns_add(table, "%dx%dx%d", info->channels, info->height, info->width);
    wn__columns_add(table, "%d", info->classes);
    wn__columns_add(table, "%s", wn_show_count(info->train_count, count, sizeof count));
    wn__columns_add(table, "%s", wn_show_count(info->test_count, count, sizeof count));
    wn__columns_add(table, "%s", info->summary);
}

static wn_status print_sets(void)
{
    wn__columns table = WN_COLUMNS("name", ">images", ">classes", ">train", ">test", "what it is");
    for (int i = 0; i < wn_dataset_count(); i++) {
        wn_dataset_info info;
        const wn_status status = wn_dataset_get_info(i, &info);
        if (status != WN_OK) return status;
        print_shape(&table, &info);
    }
    wn__columns_print(&table);
    return WN_OK;
}

/* What the listing does not know of the set. */
static void print_facts(const char *name)
{
    wn_dataset_info info;
    for (int i = 0; i < wn_dataset_count(); i++) {
        if (wn_dataset_get_info(i, &info) != WN_OK || strcmp(info.name, name) != 0) continue;
        wn__columns table = WN_COLUMNS("name", ">images", ">classes", ">train", ">test", "what it is");
        print_shape(&table, &info);
        wn__columns_print(&table);
        for (int c = 0; c < info.classes; c++)
            printf("%s%s", c ? ", " : "classes: ", info.class_names[c]);
        printf("%slicense: %s\n", info.classes ? "\n" : "", info.license ? info.license : "unknown");
        if (info.url) printf("from: %s\n", info.url);
        putchar('\n');
    }
}

static int run_datasets(const wn__call *call)
{
    if (call->count == 0) return wn__finish(call, print_sets());
    for (int i = 0; i < call->count; i++)
        print_facts(call->arguments[i]);
    return wn__list_or_describe(call, WN_LIST_DATASETS, "data set");
}

const wn__command wn__command_datasets = {
    .name = "datasets",
    .arguments = "[DATASET]...",
    .summary = "List the data sets, or the classes, source and settings of some",
    .details = "`winnow data` tells which are here and gets them.",
    .most = -1,
    .run = run_datasets,
};
