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
    WN__OPTION_NUMBER, /* int64_t, 0 or more */
    WN__OPTION_LIST    /* wn__texts: may be given several times */
} wn__option_type;

typedef struct wn__texts {
    const char **items; /* (count) */
    int count;
} wn__texts;

typedef struct wn__option {
    const char *name;
    char letter; /* 0: none */
    wn__option_type type;
    size_t offset;        /* of the field in the configuration */
    const char *argument; /* what it is called in --help; NULL for a switch */
    const char *help;
} wn__option;

/* clang-format off */
#define WN_OPTION_SWITCH(type, field, name, help) {name, 0, WN__OPTION_SWITCH, offsetof(type, field), NULL, help}
#define WN_OPTION_TEXT(type, field, name, argument, help) {name, 0, WN__OPTION_TEXT, offsetof(type, field), argument, help}
#define WN_OPTION_NUMBER(type, field, name, argument, help) {name, 0, WN__OPTION_NUMBER, offsetof(type, field), argument, help}
#define WN_OPTION_LIST(type, field, name, argument, help) {name, 0, WN__OPTION_LIST, offsetof(type, field), argument, help}
/* clang-format on */

/* The options that every command has. */
typedef struct wn__common {
    bool help, quiet, verbose;
} wn__common;
extern const wn__option wn__common_options[]; /* ends with a row without name */

/* Reads argv[1..argc-1] of a command: `options` into `config` (zeroed by the caller), the common ones into `common`. *first is the index of
 * the first argument that is no option: argv is permuted. WN_EUSAGE puts the reason into `message`. Release lists with wn__options_release. */
wn_status wn__options_parse(const wn__option *options, void *config, wn__common *common, int argc, char **argv, int *first, char *message,
                            size_t size);
void wn__options_release(const wn__option *options, void *config);

/* The lines of --help for a table. */
void wn__options_print(const wn__option *options);

#endif
