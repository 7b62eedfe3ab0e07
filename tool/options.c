#include "options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "winnow/show.h"

const wn__option wn__common_options[] = {
    {"quiet", 'q', WN__OPTION_SWITCH, offsetof(wn__common, quiet), NULL, "errors only"},
    {"verbose", 'v', WN__OPTION_SWITCH, offsetof(wn__common, verbose), NULL, "more detail on standard error"},
    {"help", 'h', WN__OPTION_SWITCH, offsetof(wn__common, help), NULL, "this text"},
    {0}};

/* Codes that getopt_long gives back: the row's index, behind all characters. */
enum { CODE_BASE = 256, MOST_OPTIONS = 32 };

/* Both tables of a command, as one list. */
typedef struct option_set {
    const wn__option *row[MOST_OPTIONS];
    void *target[MOST_OPTIONS];
    int count;
} option_set;

static void add_rows(option_set *set, const wn__option *options, void *target)
{
    for (; options && options->name && set->count < MOST_OPTIONS; options++) {
        set->row[set->count] = options;
        set->target[set->count++] = target;
    }
}

static int row_of_code(const option_set *set, int code)
{
    if (code >= CODE_BASE) return code - CODE_BASE;
    for (int i = 0; i < set->count; i++)
        if (set->row[i]->letter == code) return i;
    return -1;
}

static wn_status take_number(const wn__option *option, const char *text, int64_t *number, char *message, size_t size)
{
    char *end;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end != 0 || errno != 0 || value < 0) {
        snprintf(message, size, "--%s=%s: a whole number of 0 or more is needed", option->name, text);
        return WN_EUSAGE;
    }
    *number = value;
    return WN_OK;
}

static wn_status take_item(wn__texts *list, const char *text, char *message, size_t size)
{
    const char **items = realloc(list->items, (size_t)(list->count + 1) * sizeof *items);
    if (!items) {
        snprintf(message, size, "out of memory");
        return WN_ENOMEM;
    }
    items[list->count++] = text;
    list->items = items;
    return WN_OK;
}

static wn_status take(const wn__option *option, void *target, const char *text, char *message, size_t size)
{
    assert(option && target);
    void *field = (char *)target + option->offset;
    switch (option->type) {
    case WN__OPTION_SWITCH: *(bool *)field = true; return WN_OK;
    case WN__OPTION_TEXT: *(const char **)field = text; return WN_OK;
    case WN__OPTION_NUMBER: return take_number(option, text, field, message, size);
    case WN__OPTION_LIST: return take_item(field, text, message, size);
    }
    return WN_EINVAL;
}

/* getopt_long met something it does not know: `code` is optopt, `word` what was being read. */
static void explain_unknown(const option_set *set, int code, const char *word, char *message, size_t size)
{
    if (code >= CODE_BASE) {
        snprintf(message, size, "--%s takes no value", set->row[code - CODE_BASE]->name);
        return;
    }
    if (code != 0) {
        snprintf(message, size, "no option -%c", code);
        return;
    }
    char wrong[64];
    snprintf(wrong, sizeof wrong, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    const char *names[MOST_OPTIONS];
    int beginning_alike = 0;
    const char *alike[2] = {NULL, NULL};
    for (int i = 0; i < set->count; i++) {
        names[i] = set->row[i]->name;
        if (strncmp(names[i], wrong, strlen(wrong)) == 0 && beginning_alike < 2) alike[beginning_alike++] = names[i];
    }
    const char *nearest = wn_nearest_name(wrong, names, set->count);
    if (beginning_alike == 2)
        snprintf(message, size, "--%s may be --%s or --%s", wrong, alike[0], alike[1]);
    else if (nearest)
        snprintf(message, size, "no option --%s; the nearest is --%s", wrong, nearest);
    else
        snprintf(message, size, "no option --%s", wrong);
}

/* What getopt_long wants, from the rows. */
static void make_getopt_tables(const option_set *set, struct option *longs, char *shorts)
{
    *shorts++ = ':'; /* a missing argument is told apart from an unknown option */
    for (int i = 0; i < set->count; i++) {
        const bool wants_argument = set->row[i]->type != WN__OPTION_SWITCH;
        longs[i] = (struct option){set->row[i]->name, wants_argument ? required_argument : no_argument, NULL, CODE_BASE + i};
        if (set->row[i]->letter == 0) continue;
        *shorts++ = set->row[i]->letter;
        if (wants_argument) *shorts++ = ':';
    }
    longs[set->count] = (struct option){0};
    *shorts = 0;
}

wn_status wn__options_parse(const wn__option *options, void *config, wn__common *common, int argc, char **argv, int *first, char *message,
                            size_t size)
{
    option_set set = {.count = 0};
    add_rows(&set, options, config);
    add_rows(&set, wn__common_options, common);
    struct option longs[MOST_OPTIONS + 1];
    char shorts[2 * MOST_OPTIONS + 2];
    make_getopt_tables(&set, longs, shorts);
    opterr = 0;
    optind = 0; /* glibc: start anew */
    for (int code; (code = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
        if (code == '?') {
            explain_unknown(&set, optopt, argv[optind - 1], message, size);
            return WN_EUSAGE;
        }
        const int row = row_of_code(&set, code == ':' ? optopt : code);
        assert(row >= 0 && set.row[row]);
        if (code == ':') {
            snprintf(message, size, "--%s needs a value: %s", set.row[row]->name, set.row[row]->argument);
            return WN_EUSAGE;
        }
        const wn_status status = take(set.row[row], set.target[row], optarg, message, size);
        if (status != WN_OK) return status;
    }
    *first = optind;
    return WN_OK;
}

void wn__options_release(const wn__option *options, void *config)
{
    for (; options && options->name; options++) {
        if (options->type != WN__OPTION_LIST) continue;
        wn__texts *list = (wn__texts *)((char *)config + options->offset);
        free(list->items);
        *list = (wn__texts){0};
    }
}

/* `text` in lines of at most 100 columns, all but the first beginning at `column`. */
static void print_wrapped(const char *text, int column)
{
    int at = column;
    for (const char *word = text; *word;) {
        const int length = (int)strcspn(word, " ");
        if (at > column && at + 1 + length > 100) {
            printf("\n%*s", column, "");
            at = column;
        } else if (at > column) {
            putchar(' ');
            at++;
        }
        printf("%.*s", length, word);
        at += length;
        word += length;
        word += strspn(word, " ");
    }
    putchar('\n');
}

void wn__options_print(const wn__option *options)
{
    enum { HELP_COLUMN = 28 };
    for (; options && options->name; options++) {
        char letter[8] = "    ", left[64];
        if (options->letter) snprintf(letter, sizeof letter, "-%c, ", options->letter);
        snprintf(left, sizeof left, "  %s--%s%s%s", letter, options->name, options->argument ? " " : "",
                 options->argument ? options->argument : "");
        printf("%-*s", HELP_COLUMN, left);
        if (strlen(left) >= HELP_COLUMN) printf("\n%*s", HELP_COLUMN, "");
        print_wrapped(options->help, HELP_COLUMN);
    }
}
