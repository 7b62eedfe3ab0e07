#include "options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "winnow/show.h"

const wn__option wn__common_options[] = {
    {.name = "quiet", .letter = 'q', .offset = offsetof(wn__common, quiet), .help = "errors only", .excludes = "verbose"},
    {.name = "verbose", .letter = 'v', .offset = offsetof(wn__common, verbose), .help = "more detail on standard error"},
    {.name = "help", .letter = 'h', .offset = offsetof(wn__common, help), .help = "this text"},
    {0}};

/* Codes that getopt_long gives back: the row's index, behind all characters. */
enum { CODE_BASE = 256, MOST_OPTIONS = 32 };

/* All tables of a command, as one list. */
typedef struct option_set {
    const wn__option *row[MOST_OPTIONS];
    void *target[MOST_OPTIONS];
    bool given[MOST_OPTIONS];
    int count;
} option_set;

static void add_rows(option_set *set, const wn__option *options, void *target)
{
    for (; options && options->name; options++) {
        assert(set->count < MOST_OPTIONS);
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

static wn_status refuse(char *message, size_t size, const char *format, ...) WN_PRINTF(3, 4);
static wn_status refuse(char *message, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, size, format, arguments);
    va_end(arguments);
    return WN_EUSAGE;
}

static wn_status take_number(const wn__option *option, const char *text, int64_t *number, char *message, size_t size)
{
    char *end;
    errno = 0;
    const long long value = strtoll(text, &end, 10), least = option->zero ? 0 : 1, most = option->most ? option->most : INT32_MAX;
    const bool whole = strspn(text, "0123456789") == strlen(text) && text[0];
    if (!whole || errno != 0 || value < least || value > most)
        return refuse(message, size, "--%s=%s: a whole number from %lld to %lld is needed", option->name, text, least, most);
    *number = value;
    return WN_OK;
}

/* "train.epochs" of "train.epochs=10". */
static size_t key_length(const char *text) { return strcspn(text, "="); }

static wn_status take_item(const wn__option *option, wn__texts *list, const char *text, char *message, size_t size)
{
    const bool keyed = strchr(option->argument, '=') != NULL;
    const size_t length = key_length(text);
    for (int i = 0; keyed && i < list->count; i++)
        if (key_length(list->items[i]) == length && strncmp(list->items[i], text, length) == 0)
            return refuse(message, size, "--%s %.*s is given twice", option->name, (int)length, text);
    const char **items = realloc(list->items, (size_t)(list->count + 1) * sizeof *items);
    if (!items) {
        snprintf(message, size, "out of memory");
        return WN_ENOMEM;
    }
    items[list->count++] = text;
    list->items = items;
    return WN_OK;
}

static wn_status take(option_set *set, int row, const char *text, char *message, size_t size)
{
    const wn__option *option = set->row[row];
    assert(option && set->target[row]);
    void *field = (char *)set->target[row] + option->offset;
    const bool alone = option->type != WN__OPTION_LIST && option->type != WN__OPTION_SWITCH;
    if (alone && set->given[row]) return refuse(message, size, "--%s is given twice", option->name);
    if (option->type != WN__OPTION_SWITCH && !text[0])
        return refuse(message, size, "--%s has an empty value; %s is needed", option->name, option->argument);
    set->given[row] = true;
    switch (option->type) {
    case WN__OPTION_SWITCH: *(bool *)field = true; return WN_OK;
    case WN__OPTION_TEXT: *(const char **)field = text; return WN_OK;
    case WN__OPTION_NUMBER:
    case WN__OPTION_CPUS: return take_number(option, text, field, message, size);
    case WN__OPTION_LIST: return take_item(option, field, text, message, size);
    }
    return WN_EINVAL;
}

/* ---- rules between options */

/* Is `name`, of `length` characters, among `names`, which have blanks between them? */
static bool is_named(const char *names, const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = names; at; at = strchr(at, ' ')) {
        at += strspn(at, " ");
        if (strncmp(at, name, length) == 0 && (at[length] == ' ' || at[length] == 0)) return true;
    }
    return false;
}

static bool any_given(const option_set *set, const char *names)
{
    for (int i = 0; i < set->count; i++)
        if (set->given[i] && is_named(names, set->row[i]->name)) return true;
    return false;
}

/* "a b c" as "--a, --b or --c". */
static const char *show_names(const char *names, const char *before, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (const char *at = names; *at && used < size;) {
        const int length = (int)strcspn(at, " ");
        const char *rest = at + length + strspn(at + length, " ");
        used += (size_t)snprintf(text + used, size - used, "%s%s%.*s", at == names ? "" : *rest ? ", " : " or ", before, length, at);
        at = rest;
    }
    return text;
}

static wn_status check_row(const option_set *set, const wn__option *row, const char *action, char *message, size_t size)
{
    char names[128];
    if (row->actions && action && !is_named(row->actions, action))
        return refuse(message, size, "--%s has no effect on %s; it is for %s", row->name, action,
                      show_names(row->actions, "", names, sizeof names));
    if (row->needs && !any_given(set, row->needs))
        return refuse(message, size, "--%s has no effect without %s", row->name, show_names(row->needs, "--", names, sizeof names));
    for (int i = 0; row->excludes && i < set->count; i++)
        if (set->given[i] && is_named(row->excludes, set->row[i]->name))
            return refuse(message, size, "--%s or --%s, not both", row->name, set->row[i]->name);
    return WN_OK;
}

/* Threads of all processes together. */
static wn_status check_cpus(const option_set *set, char *message, size_t size)
{
    const int cpus = wn_cpu_count();
    double product = 1;
    bool may_force = false;
    char asked[128] = "";
    for (int i = 0; i < set->count; i++) {
        const wn__option *row = set->row[i];
        if (strcmp(row->name, "force") == 0) may_force = true;
        if (may_force && set->given[i] && strcmp(row->name, "force") == 0) return WN_OK;
        if (row->type != WN__OPTION_CPUS || !set->given[i]) continue;
        const int64_t number = *(const int64_t *)((const char *)set->target[i] + row->offset);
        const size_t used = strlen(asked);
        product *= (double)number;
        snprintf(asked + used, sizeof asked - used, "%s--%s %lld", used ? " " : "", row->name, (long long)number);
    }
    if (product <= cpus) return WN_OK;
    return refuse(message, size, "%s: this process may use %d CPU%s%s", asked, cpus, cpus == 1 ? "" : "s",
                  may_force ? "; --force allows more" : "");
}

static wn_status check_rules(const option_set *set, const char *action, char *message, size_t size)
{
    for (int i = 0; i < set->count; i++) {
        const wn_status status = set->given[i] ? check_row(set, set->row[i], action, message, size) : WN_OK;
        if (status != WN_OK) return status;
    }
    return check_cpus(set, message, size);
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

wn_status wn__options_parse(const wn__option *options, const wn__option *formats, const char *const *actions, void *config,
                            wn__common *common, int argc, char **argv, int *first, char *message, size_t size)
{
    option_set set = {0};
    add_rows(&set, options, config);
    add_rows(&set, formats, common);
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
        const wn_status status = take(&set, row, optarg, message, size);
        if (status != WN_OK) return status;
    }
    *first = optind;
    if (common->help) return WN_OK;
    return check_rules(&set, actions && optind < argc ? argv[optind] : NULL, message, size);
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

const char *wn__option_help(const wn__option *row, char *text, size_t size)
{
    char names[128];
    size_t used = (size_t)snprintf(text, size, "%s", row->help);
    const struct {
        const char *before, *names, *dashes;
    } rules[] = {{"only for ", row->actions, ""}, {"needs ", row->needs, "--"}, {"not with ", row->excludes, "--"}};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0] && used < size; i++)
        if (rules[i].names)
            used += (size_t)snprintf(text + used, size - used, "; %s%s", rules[i].before,
                                     show_names(rules[i].names, rules[i].dashes, names, sizeof names));
    return text;
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
        char letter[8] = "    ", left[64], help[512];
        if (options->letter) snprintf(letter, sizeof letter, "-%c, ", options->letter);
        snprintf(left, sizeof left, "  %s--%s%s%s", letter, options->name, options->argument ? " " : "",
                 options->argument ? options->argument : "");
        printf("%-*s", HELP_COLUMN, left);
        if (strlen(left) >= HELP_COLUMN) printf("\n%*s", HELP_COLUMN, "");
        print_wrapped(wn__option_help(options, help, sizeof help), HELP_COLUMN);
    }
}
