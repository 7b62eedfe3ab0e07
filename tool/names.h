/* Experiments and weights by name, as every command understands them. */
#ifndef WN_TOOL_NAMES_H
#define WN_TOOL_NAMES_H

#include "command.h"
#include "winnow/experiment.h"

#define WN_NETWORK_NAMES \
    "NETWORK is a weights file, a folder with final.safetensors, or a stage of the store. A stage is named by its label, its cache key or the beginning of it."
#define WN_EXPERIMENT_NAMES "EXPERIMENT is a name in the store or a folder; a name with a slash is a folder."

/* clang-format off */
#define WN_OPTION_EXPERIMENT(config, field)                                                                                               \
    WN_OPTION_TEXT(config, field, "experiment", "NAME", "look labels up among the stages of this experiment, a name or a folder (default: the whole store)")
/* clang-format on */

enum { WN__PATH = 1024 };

#endif
