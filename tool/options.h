/* Options of commands: one row per option; parsing (getopt_long), --help, the manual and completion all read the row.
 *
 *     typedef struct gc_config { const char *out; bool dry_run; } gc_config;
 *     static const wn__option gc_options[] = {
 *         WN_OPTION_TEXT(gc_config, out, "out", "DIR", "store (default: winnow-runs)"),
 *         WN_OPTION_SWITCH(gc_config, dry_run, "dry-run", "only say what would be removed"),
 *         {0}};
 */
#ifndef WN_TOOL_OPTIONS_H
#define WN_TOOL_OPTIONS_H

#include "winnow/core.h"

typedef enum wn__option_type {
    WN__OPTION_SWITCH, /* bool */
    WN__OPTION_TEXT,   /* const char *, into the command line */
    WN__OPTION_NUMBER, /* int64_t, 1 or more */
    WN__OPTION_CPUS, /* int64_t, 1 or more; the product of a command's numbers of this type may not pass the CPUs without its option "force" */
    WN__OPTION_LIST /* wn__texts: may be given several times; of KEY=VALUE each key once */
} wn__option_type;

typedef struct wn__texts {
    const char **items; /* (count) */
    int count;
} wn__texts;

/* Rules between options are names with blanks between them. What breaks one is refused: nothing that was given is ignored. */
typedef struct wn__option {
    const char *name;
    char letter; /* 0: none */
    wn__option_type type;
    size_t offset;        /* of the field in the configuration */
    const char *argument; /* what it is called in --help; NULL for a switch */
    const char *help;
    int64_t most;         /* of a number; 0: 2^31 - 1 */
    bool zero;            /* 0 is a number, too, as of seeds */
    const char *actions;  /* only with these first arguments: "step kernels"; NULL: with all */
    const char *needs;    /* does nothing without one of these options: "sparsity mask" */
    const char *excludes; /* contradicts each of these options */
} wn__option;

/* The last of the arguments is the help, with rules behind it if there are any: WN_OPTION_SWITCH(c, wait, "wait", "wait for others", .needs = "shard"). */
/* clang-format off */
#define WN_OPTION_SWITCH(config, field, option, ...) {.name = option, .type = WN__OPTION_SWITCH, .offset = offsetof(config, field), .help = __VA_ARGS__}
#define WN_OPTION_TEXT(config, field, option, word, ...) {.name = option, .type = WN__OPTION_TEXT, .offset = offsetof(config, field), .argument = word, .help = __VA_ARGS__}
#define WN_OPTION_NUMBER(config, field, option, word, ...) {.name = option, .type = WN__OPTION_NUMBER, .offset = offsetof(config, field), .argument = word, .help = __VA_ARGS__}
#define WN_OPTION_CPUS(config, field, option, ...) {.name = option, .type = WN__OPTION_CPUS, .offset = offsetof(config, field), .argument = "N", .help = __VA_ARGS__}
#define WN_OPTION_LIST(config, field, option, word, ...) {.name = option, .type = WN__OPTION_LIST, .offset = offsetof(config, field), .argument = word, .help = __VA_ARGS__}
#define WN_OPTION_SEED(config, field, ...) WN_OPTION_NUMBER(config, field, "seed", "N", __VA_ARGS__, .zero = true, .most = INT64_MAX)
/* clang-format on */

/* The options that every command has, and those of what it prints. */
typedef struct wn__common {
    bool help, quiet, verbose, json, csv;
} wn__common;
extern const wn__option wn__common_options[]; /* ends with a row without name */

/* Reads argv[1..argc-1] of a command: `options` into `config` (zeroed by the caller), the common ones and `formats` into `common`. *first is the index of
 * the first argument that is no option: argv is permuted. `actions`: as the command has them. WN_EUSAGE puts the reason into `message`: an option that is
 * not there, has no value, a wrong or an empty one, is given twice, or breaks a rule of its row. Release lists with wn__options_release. */
wn_status wn__options_parse(const wn__option *options, const wn__option *formats, const char *const *actions, void *config,
                            wn__common *common, int argc, char **argv, int *first, char *message, size_t size);
void wn__options_release(const wn__option *options, void *config);

/* The row's help and its rules: "write no files; not with --latex". */
const char *wn__option_help(const wn__option *row, char *text, size_t size);
/* The lines of --help for a table. */
void wn__options_print(const wn__option *options);

#endif
