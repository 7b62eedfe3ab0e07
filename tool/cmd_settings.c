#include <string.h>

#include "listing.h"

static const char *const actions[] = {"sections", "optimizers", "losses", "metrics", "schedules", "transforms", "backends", "nodes", NULL};
static const wn_list lists[] = {WN_LIST_SECTIONS,  WN_LIST_OPTIMIZERS, WN_LIST_LOSSES,   WN_LIST_METRICS,
                                WN_LIST_SCHEDULES, WN_LIST_TRANSFORMS, WN_LIST_BACKENDS, WN_LIST_NODES};

static int run_settings(const wn__call *call)
{
    int i = 0;
    while (strcmp(actions[i], call->arguments[0]) != 0)
        i++;
    wn__call rest = *call;
    rest.arguments++;
    rest.count--;
    return wn__list_or_describe(&rest, lists[i], "entry", NULL);
}

const wn__command wn__command_settings = {
    .name = "settings",
    .arguments = "LIST [NAME]...",
    .summary = "List what a recipe can say besides methods, models and data sets",
    .details =
        "LIST is sections (the recipe's own keys), optimizers, losses, metrics, schedules, transforms (of samples), backends or nodes (of networks in YAML).",
    .least = 1,
    .most = -1,
    .prints = WN__PRINTS_TABLE,
    .actions = actions,
    .run = run_settings,
};
