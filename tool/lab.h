/* What the commands of the lab share: their common options and how an answer is printed. */
#ifndef WN_TOOL_LAB_H
#define WN_TOOL_LAB_H

#include "command.h"
#include "winnow/lab.h"

typedef struct wn__lab_config {
    wn__texts set;
    const char *out, *experiment, *folder, *data_folder;
    int64_t threads;
    bool again;
} wn__lab_config;

/* Rows over `type`, whose field `lab` is a wn__lab_config. */
/* clang-format off */
#define WN_LAB_OPTIONS(type)                                                                                                        \
    WN_OPTION_TEXT(type, lab.experiment, "experiment", "NAME", "look labels up among the stages of this experiment (default: the whole store)"), \
    WN_OPTION_TEXT(type, lab.out, "out", "DIR", "store (default: winnow-runs)"),                                                    \
    WN_OPTION_TEXT(type, lab.folder, "to", "DIR", "where results go (default: a folder in the store's folder lab)"),                \
    WN_OPTION_LIST(type, lab.set, "set", "KEY=VALUE", "change what the first file says of itself: data.set=cifar10, backend=ref; may be repeated"), \
    WN_OPTION_TEXT(type, lab.data_folder, "data-dir", "DIR", "where data sets lie (default: $WINNOW_DATA, else ~/.local/share/winnow)"), \
    WN_OPTION_CPUS(type, lab.threads, "threads", "(default: all CPUs)"),                                                     \
    WN_OPTION_SWITCH(type, lab.again, "again", "throw away what an earlier call found")
/* clang-format on */

#define WN_LAB_NETWORKS                                                                                                                              \
    "A network is a weights file, a folder with final.safetensors, or a stage of the store by cache key, the beginning of it, or label; STAGE@500, " \
    "STAGE@start: the state before that step, replayed if it was not kept; STAGE@500+: its weights under the masks behind the step."

/* The library's options of one call. */
wn_lab_options wn__lab_options_of(const wn__call *call, const wn__lab_config *config);
/* A number above 0 from an option's text, 0 if it was not given; false if it is none. */
bool wn__lab_number_option(const char *text, double *number);
/* The answer as it lies in the folder, as JSON with the folder, or as CSV. */
void wn__lab_put_files(wn__answer *answer, const char *folder, const char *json, const char *csv);
/* Prints the tables and where the rest lies, or the file `csv`; releases the result. Gives the exit code. */
int wn__lab_show(const wn__call *call, wn_status status, wn_lab_result *result, const char *csv);

#endif
