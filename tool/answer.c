#include "answer.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "winnow/show.h"

enum { DEEPEST = 16, REAL_TEXT = 32 };

typedef enum cell_kind { CELL_MISSING, CELL_TEXT, CELL_BARE, CELL_SHAPE } cell_kind;

struct wn__columns_cell {
    cell_kind kind;
    char *plain, *shown; /* owned; as data, and as people read it */
};

struct wn__answer {
    wn__answer_format format;
    FILE *out;  /* standard output for text and where answers come one by one; else memory */
    char *text; /* (size) what `out` holds */
    size_t size;
    char bracket[DEEPEST]; /* of what is open inside the object */
    int depth;
    bool begun[DEEPEST + 1]; /* something stands there already */
    bool lines;              /* whole objects, or what is none, were printed */
    bool tabled;             /* a table was printed */
    bool failed;
};

/* Shortest text of 15 to 17 digits that reads back as the same number. */
static const char *show_exactly(double value, char text[REAL_TEXT])
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, REAL_TEXT, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    return text;
}

/* ---- cells */

static bool make_room(wn__columns *table)
{
    if (table->failed || table->count < table->capacity) return !table->failed;
    const int capacity = table->capacity ? 2 * table->capacity : 64;
    wn__columns_cell *cells = realloc(table->cells, (size_t)capacity * sizeof *cells);
    if (cells) {
        table->cells = cells;
        table->capacity = capacity;
    }
    table->failed = !cells;
    return !table->failed;
}

static void add_cell(wn__columns *table, cell_kind kind, const char *plain, const char *shown)
{
    if (!make_room(table)) return;
    const wn__columns_cell cell = {kind, strdup(plain), strdup(shown)};
    table->failed = !cell.plain || !cell.shown;
    if (!table->failed) {
        table->cells[table->count++] = cell;
        return;
    }
    free(cell.plain);
    free(cell.shown);
}

static void add_shown(wn__columns *table, cell_kind kind, const char *plain, const char *format, va_list arguments)
{
    char *shown;
    if (vasprintf(&shown, format, arguments) < 0) {
        table->failed = true;
        return;
    }
    add_cell(table, kind, plain, shown);
    free(shown);
}

void wn__columns_missing(wn__columns *table, const char *shown) { add_cell(table, CELL_MISSING, "", shown); }

void wn__columns_text(wn__columns *table, const char *text)
{
    if (text)
        add_cell(table, CELL_TEXT, text, text);
    else
        wn__columns_missing(table, "");
}

void wn__columns_yes(wn__columns *table, bool yes, const char *shown) { add_cell(table, CELL_BARE, yes ? "true" : "false", shown); }

static void add_number(wn__columns *table, int64_t number, const char *shown)
{
    char plain[REAL_TEXT];
    snprintf(plain, sizeof plain, "%lld", (long long)number);
    add_cell(table, CELL_BARE, plain, shown ? shown : plain);
}

void wn__columns_whole(wn__columns *table, int64_t number) { add_number(table, number, NULL); }

void wn__columns_count(wn__columns *table, int64_t number)
{
    char shown[REAL_TEXT];
    add_number(table, number, wn_show_count(number, shown, sizeof shown));
}

void wn__columns_bytes(wn__columns *table, int64_t bytes)
{
    char shown[REAL_TEXT];
    add_number(table, bytes, wn_show_bytes(bytes, shown, sizeof shown));
}

void wn__columns_seconds(wn__columns *table, double seconds)
{
    char shown[64];
    if (isnan(seconds) || seconds < 0)
        wn__columns_missing(table, "");
    else
        wn__columns_real(table, seconds, "%s", wn_show_seconds(seconds, shown, sizeof shown));
}

void wn__columns_real(wn__columns *table, double value, const char *format, ...)
{
    char plain[REAL_TEXT];
    va_list arguments;
    va_start(arguments, format);
    if (isfinite(value))
        add_shown(table, CELL_BARE, show_exactly(value, plain), format, arguments);
    else
        wn__columns_missing(table, "-");
    va_end(arguments);
}

void wn__columns_shown(wn__columns *table, const char *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_shown(table, text ? CELL_TEXT : CELL_MISSING, text ? text : "", format, arguments);
    va_end(arguments);
}

void wn__columns_shape(wn__columns *table, const int64_t *dim, int dims)
{
    char shape[128] = "";
    size_t used = 0;
    for (int i = 0; i < dims && used < sizeof shape; i++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%lld", i ? "x" : "", (long long)dim[i]);
    add_cell(table, CELL_SHAPE, shape, shape);
}

void wn__columns_release(wn__columns *table)
{
    for (int i = 0; i < table->count; i++) {
        free(table->cells[i].plain);
        free(table->cells[i].shown);
    }
    free(table->cells);
    table->cells = NULL;
    table->count = table->capacity = 0;
}

/* ---- tables as text */

int wn__text_width(const char *text)
{
    int width = 0;
    for (; *text; text++)
        width += (*text & 0xC0) != 0x80;
    return width;
}

/* Spaces are printed when text follows: no line ends with them. `*spaces` are those that wait. */
static void print_cell(FILE *out, const char *text, int width, bool right, int *spaces)
{
    const int spare = width - wn__text_width(text), fill = spare > 0 ? spare : 0;
    if (text[0]) {
        fprintf(out, "%*s%s", *spaces + (right ? fill : 0), "", text);
        *spaces = right ? 0 : fill;
    } else {
        *spaces += fill;
    }
    *spaces += 2;
}

/* Of the title, which may begin with '>', and of all cells. */
static int width_of_column(const wn__columns *table, int column)
{
    const char *title = table->column[column].title;
    int width = title ? wn__text_width(title + (title[0] == '>')) : 0;
    for (int i = column; i < table->count; i += table->columns) {
        const int own = wn__text_width(table->cells[i].shown);
        if (own > width) width = own;
    }
    return width;
}

/* False: out of memory. */
static bool print_text(FILE *out, const wn__columns *table)
{
    const int rows = table->count / table->columns;
    int *width = calloc((size_t)table->columns, sizeof *width);
    if (!width) return false;
    for (int column = 0; column < table->columns; column++)
        width[column] = width_of_column(table, column);
    for (int row = -1; row < rows; row++) {
        int spaces = 0;
        for (int column = 0; column < table->columns; column++) {
            const char *title = table->column[column].title;
            if (!title) continue;
            const bool right = title[0] == '>';
            print_cell(out, row < 0 ? title + right : table->cells[row * table->columns + column].shown, width[column], right, &spaces);
        }
        fputc('\n', out);
    }
    free(width);
    return true;
}

/* ---- ... and as CSV (RFC 4180) */

static void print_csv_field(FILE *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"') fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void print_csv(FILE *out, const wn__columns *table, bool head)
{
    const int rows = table->count / table->columns;
    for (int row = head ? -1 : 0; row < rows; row++)
        for (int column = 0; column < table->columns; column++) {
            print_csv_field(out, row < 0 ? table->column[column].key : table->cells[row * table->columns + column].plain);
            fputs(column + 1 < table->columns ? "," : "\r\n", out);
        }
}

/* ---- JSON */

/* Bytes of the UTF-8 character that begins here; 0 if none does. */
static int length_of_character(const unsigned char *text)
{
    const int length = text[0] < 0x80                      ? 1
                       : text[0] >= 0xC2 && text[0] < 0xE0 ? 2
                       : text[0] >= 0xE0 && text[0] < 0xF0 ? 3
                       : text[0] >= 0xF0 && text[0] < 0xF5 ? 4
                                                           : 0;
    for (int i = 1; i < length; i++)
        if ((text[i] & 0xC0) != 0x80) return 0;
    const bool surrogate = text[0] == 0xED && text[1] >= 0xA0,
               wide = (text[0] == 0xE0 && text[1] < 0xA0) || (text[0] == 0xF0 && text[1] < 0x90);
    return surrogate || wide || (text[0] == 0xF4 && text[1] >= 0x90) ? 0 : length;
}

/* Bytes that are no UTF-8, as file names may have, become U+FFFD. */
static void print_json_text(FILE *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    fputc('"', out);
    while (*at) {
        const int length = length_of_character(at);
        if (*at == '"' || *at == '\\')
            fprintf(out, "\\%c", *at);
        else if (*at < 0x20 || *at == 0x7F)
            fprintf(out, "\\u%04x", *at);
        else if (length == 0)
            fputs("\\ufffd", out);
        else
            fwrite(at, 1, (size_t)length, out);
        at += length ? length : 1;
    }
    fputc('"', out);
}

/* "64x3x3" as [64, 3, 3]. */
static void print_json_shape(FILE *out, const char *shape)
{
    fputc('[', out);
    for (; *shape; shape++)
        if (*shape == 'x')
            fputs(", ", out);
        else
            fputc(*shape, out);
    fputc(']', out);
}

/* A comma, and the key. */
static void begin_value(wn__answer *a, const char *key)
{
    if (a->begun[a->depth]) fputs(", ", a->out);
    a->begun[a->depth] = true;
    if (!key) return;
    print_json_text(a->out, key);
    fputs(": ", a->out);
}

void wn__answer_json(wn__answer *a, const char *key, const char *json)
{
    if (a->format != WN__ANSWER_JSON) return;
    begin_value(a, key);
    fputs(json, a->out);
}

void wn__answer_whole(wn__answer *a, const char *key, int64_t number)
{
    char text[REAL_TEXT];
    snprintf(text, sizeof text, "%lld", (long long)number);
    wn__answer_json(a, key, text);
}

void wn__answer_real(wn__answer *a, const char *key, double number)
{
    char text[REAL_TEXT];
    wn__answer_json(a, key, isfinite(number) ? show_exactly(number, text) : "null");
}

void wn__answer_yes(wn__answer *a, const char *key, bool yes) { wn__answer_json(a, key, yes ? "true" : "false"); }

void wn__answer_text(wn__answer *a, const char *key, const char *text)
{
    if (!text) {
        wn__answer_json(a, key, "null");
    } else if (a->format == WN__ANSWER_JSON) {
        begin_value(a, key);
        print_json_text(a->out, text);
    }
}

void wn__answer_open(wn__answer *a, const char *key, char bracket)
{
    if (a->format != WN__ANSWER_JSON || a->depth + 1 >= DEEPEST) return;
    begin_value(a, key);
    fputc(bracket, a->out);
    a->bracket[++a->depth] = bracket;
    a->begun[a->depth] = false;
}

void wn__answer_close(wn__answer *a)
{
    if (a->format == WN__ANSWER_JSON && a->depth > 0) fputc(a->bracket[a->depth--] == '{' ? '}' : ']', a->out);
}

static void print_json_row(wn__answer *a, const wn__columns *table, int row)
{
    fputc('{', a->out);
    for (int column = 0; column < table->columns; column++) {
        const wn__columns_cell *cell = &table->cells[row * table->columns + column];
        fputs(column ? ", " : "", a->out);
        print_json_text(a->out, table->column[column].key);
        fputs(": ", a->out);
        switch (cell->kind) {
        case CELL_MISSING: fputs("null", a->out); break;
        case CELL_TEXT: print_json_text(a->out, cell->plain); break;
        case CELL_BARE: fputs(cell->plain, a->out); break;
        case CELL_SHAPE: print_json_shape(a->out, cell->plain); break;
        }
    }
    fputc('}', a->out);
}

/* ---- answers */

wn__answer *wn__answer_new(wn__answer_format format)
{
    wn__answer *a = calloc(1, sizeof *a);
    if (!a) return NULL;
    a->format = format;
    a->out = format == WN__ANSWER_TEXT ? stdout : open_memstream(&a->text, &a->size);
    if (a->out) return a;
    free(a);
    return NULL;
}

wn__answer_format wn__answer_format_of(const wn__answer *a) { return a->format; }

bool wn__answer_end(wn__answer *a, bool always)
{
    bool whole = !a->failed;
    while (a->depth > 0)
        wn__answer_close(a);
    if (a->out != stdout) {
        whole = fclose(a->out) == 0 && whole;
        const bool object = a->format == WN__ANSWER_JSON && !a->lines && (always || a->begun[0]);
        if (whole) printf("%s%s%s", object ? "{" : "", a->text, object ? "}\n" : "");
        free(a->text);
    }
    free(a);
    return whole;
}

void wn__answer_print(wn__answer *a, const char *format, ...)
{
    va_list arguments;
    if (a->format != WN__ANSWER_TEXT) return;
    va_start(arguments, format);
    vfprintf(a->out, format, arguments);
    va_end(arguments);
}

void wn__answer_ready(wn__answer *a, const char *text)
{
    fputs(text, a->out);
    a->lines = true;
}

void wn__answer_table(wn__answer *a, const char *key, wn__columns *table)
{
    a->failed = a->failed || table->failed;
    if (table->failed) table->count -= table->count % table->columns;
    if (a->format == WN__ANSWER_TEXT) {
        if (table->count > 0 && !print_text(a->out, table)) a->failed = true;
    } else if (a->format == WN__ANSWER_CSV) {
        if (!a->tabled) print_csv(a->out, table, true);
    } else {
        wn__answer_open(a, key, '[');
        for (int row = 0; row < table->count / table->columns; row++) {
            begin_value(a, NULL);
            print_json_row(a, table, row);
        }
        wn__answer_close(a);
    }
    a->tabled = true;
    wn__columns_release(table);
}

void wn__answer_lines(wn__answer *a, wn__columns *table)
{
    if (a->format != WN__ANSWER_JSON) {
        wn__answer_table(a, NULL, table);
        return;
    }
    a->lines = true;
    a->failed = a->failed || table->failed;
    for (int row = 0; row < table->count / table->columns; row++) {
        print_json_row(a, table, row);
        fputc('\n', a->out);
    }
    wn__columns_release(table);
}

/* From now on; nothing was printed before. */
static void print_at_once(wn__answer *a)
{
    if (a->out == stdout) return;
    fclose(a->out);
    free(a->text);
    a->out = stdout;
    a->text = NULL;
}

void wn__answer_stream(wn__answer *a, wn__columns *table)
{
    print_at_once(a);
    if (a->format == WN__ANSWER_CSV) {
        a->failed = a->failed || table->failed;
        print_csv(a->out, table, !a->tabled);
        a->tabled = true;
        wn__columns_release(table);
    } else {
        wn__answer_lines(a, table);
    }
    fflush(a->out);
}

char *wn__sparsity_three_ways(int64_t nonzero, int64_t count, char *text, size_t size)
{
    const double density = count > 0 ? (double)nonzero / (double)count : 1;
    if (nonzero > 0)
        snprintf(text, size, "sparsity %.2f %%, density %.4g, compression %.4gx", 100 * (1 - density), density, 1 / density);
    else
        snprintf(text, size, "sparsity %.2f %%, density %.4g", 100 * (1 - density), density);
    return text;
}

void wn__answer_nonzero(wn__answer *answer, int width, const char *title, const char *key, int64_t nonzero, int64_t all)
{
    char text[128], some[32], count[32], name[64];
    wn__answer_print(answer, "%-*s %s (%s of %s)\n", width, title, wn__sparsity_three_ways(nonzero, all, text, sizeof text),
                     wn_show_count(nonzero, some, sizeof some), wn_show_count(all, count, sizeof count));
    wn__answer_whole(answer, key, all);
    snprintf(name, sizeof name, "%s_nonzero", key);
    wn__answer_whole(answer, name, nonzero);
}
