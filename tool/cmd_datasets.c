#include <string.h>

#include "listing.h"
#include "winnow/data.h"

static void add_shape(wn__columns *table, const wn_dataset_info *info)
{
    wn__columns_text(table, info->name);
    if (info->classes == 0) { /* the user's own */
        for (int i = 0; i < 4; i++)
            wn__columns_missing(table, "any");
    } else {
        wn__columns_shape(table, (const int64_t[]){info->channels, info->height, info->width}, 3);
        wn__columns_whole(table, info->classes);
        wn__columns_count(table, info->train_count);
        wn__columns_count(table, info->test_count);
    }
    wn__columns_text(table, info->summary);
    wn__columns_text(table, info->license);
    wn__columns_text(table, info->url);
}

#define SET_COLUMNS                                                                                                     \
    WN_COLUMNS({"name", "name"}, {"shape", ">images"}, {"classes", ">classes"}, {"train", ">train"}, {"test", ">test"}, \
               {"summary", "what it is"}, {"license", NULL}, {"url", NULL})

static wn_status print_sets(wn__answer *answer)
{
    wn__columns table = SET_COLUMNS;
    wn_status status = WN_OK;
    for (int i = 0; i < wn_dataset_count() && status == WN_OK; i++) {
        wn_dataset_info info;
        status = wn_dataset_get_info(i, &info);
        if (status == WN_OK) add_shape(&table, &info);
    }
    wn__answer_table(answer, "entries", &table);
    return status;
}

static void print_classes(wn__answer *answer, const wn_dataset_info *info)
{
    wn__answer_open(answer, "class_names", '[');
    for (int c = 0; c < info->classes; c++) {
        wn__answer_print(answer, "%s%s", c ? ", " : "classes: ", info->class_names[c]);
        wn__answer_text(answer, NULL, info->class_names[c]);
    }
    wn__answer_close(answer);
    wn__answer_print(answer, "%slicense: %s\n", info->classes ? "\n" : "", info->license ? info->license : "unknown");
    if (info->url) wn__answer_print(answer, "from: %s\n", info->url);
    wn__answer_print(answer, "\n");
}

/* What the listing does not know of the set. */
static void print_facts(wn__answer *answer, const char *name)
{
    wn_dataset_info info;
    for (int i = 0; i < wn_dataset_count(); i++) {
        if (wn_dataset_get_info(i, &info) != WN_OK || strcmp(info.name, name) != 0) continue;
        wn__columns table = SET_COLUMNS;
        add_shape(&table, &info);
        wn__answer_table(answer, "set", &table);
        print_classes(answer, &info);
    }
}

static int run_datasets(const wn__call *call)
{
    if (call->count == 0) return wn__finish(call, print_sets(call->answer));
    return wn__list_or_describe(call, WN_LIST_DATASETS, "data set", print_facts);
}

const wn__command wn__command_datasets = {
    .name = "datasets",
    .arguments = "[DATASET]...",
    .summary = "List the data sets, or the classes, source and settings of some",
    .details = "`winnow data` tells which are here and gets them.",
    .most = -1,
    .prints = WN__PRINTS_TABLE,
    .run = run_datasets,
};
