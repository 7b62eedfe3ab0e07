#include "listing.h"

static int run_methods(const wn__call *call) { return wn__list_or_describe(call, WN_LIST_METHODS, "method", NULL); }

const wn__command wn__command_methods = {
    .name = "methods",
    .arguments = "[METHOD]...",
    .summary = "List the methods, or the axes and settings of some",
    .details = "Each is a row of choices that a recipe can change or add to: see docs/methods.",
    .most = -1,
    .prints = WN__PRINTS_TABLE,
    .run = run_methods,
};
