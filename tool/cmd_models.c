#include "listing.h"

static int run_models(const wn__call *call) { return wn__list_or_describe(call, WN_LIST_MODELS, "model", NULL); }

const wn__command wn__command_models = {
    .name = "models",
    .arguments = "[MODEL]...",
    .summary = "List the networks, or the settings of some",
    .details = "A recipe can name a file with a network of your own as well: model: {arch: FILE}.",
    .most = -1,
    .prints = WN__PRINTS_TABLE,
    .run = run_models,
};
