/* A command of the program: a row of the table in main.c. One file per command; list.h names them. */
#ifndef WN_TOOL_COMMAND_H
#define WN_TOOL_COMMAND_H

#include "answer.h"
#include "console.h"
#include "options.h"

/* What the program exits with. */
enum { WN__EXIT_OK = 0, WN__EXIT_FAILED = 1, WN__EXIT_USAGE = 2, WN__EXIT_STOPPED = 75, WN__EXIT_WAITING = 76 };

/* What a command prints besides text: nothing; JSON; JSON, and a table that may be CSV; the table with its rows as lines of JSON. */
typedef enum wn__prints { WN__PRINTS_TEXT, WN__PRINTS_JSON, WN__PRINTS_TABLE, WN__PRINTS_LINES } wn__prints;

typedef struct wn__command wn__command;

/* One call of a command. Everything is borrowed for the call. */
typedef struct wn__call {
    const wn__command *command;
    wn__console *console;
    wn__answer *answer;           /* what is printed to standard output, printed when the command returns */
    const void *config;           /* the command's struct, filled from its options */
    const char *const *arguments; /* (count), as many as the command allows */
    int count;
} wn__call;

struct wn__command {
    const char *name;
    const char *arguments; /* as usage shows them: "RECIPE", "[METHOD]..."; completion knows what the words stand for */
    const char *summary;   /* a line */
    const char *details;   /* paragraphs for --help and the manual; NULL: none */
    const wn__option *options;
    size_t config_size;
    int least, most;            /* number of arguments; most < 0: any */
    const char *const *actions; /* what the first argument may be, NULL-terminated; NULL: anything */
    wn__prints prints;
    bool hidden; /* not for people */
    int (*run)(const wn__call *call);
};

/* All commands, NULL-terminated, in the order of --help. */
extern const wn__command *const wn__commands[];
const wn__command *wn__command_find(const char *name); /* NULL: no such command */
/* The command that a line's first words name, one or, in a group, two ("lab flow"): *used of them. NULL: none. */
const wn__command *wn__command_find_words(const char *const *words, int count, int *used);
bool wn__command_is_group(const char *word); /* "lab" */

/* --json and --csv, as far as the command has them; ends with a row without name. */
const wn__option *wn__format_options(const wn__command *command);

typedef struct wn__exit_code {
    const char *code, *meaning;
} wn__exit_code;
extern const wn__exit_code wn__exit_codes[]; /* ends with a row without code */
void wn__print_command_help(const wn__command *command);

/* Report a failure of the library (its message) and give the program's exit code. WN_OK gives 0 in silence. */
int wn__finish(const wn__call *call, wn_status status);
/* Wrong usage: prints the message and where help is; WN__EXIT_USAGE. */
int wn__wrong_usage(const wn__call *call, const char *format, ...) WN_PRINTF(2, 3);

#endif
