/* What a command answers on standard output. It is data first: fields, and tables of cells that know their value beside how people read it. From them comes text,
 * one JSON object (--json) or the command's table as CSV (--csv). Fields are in JSON alone, prose in text alone, tables in all three.
 *
 *     wn__answer_whole(answer, "stages", seen.count);
 *     wn__answer_print(answer, "%d stages\n", seen.count);
 *     wn__columns table = WN_COLUMNS({"label", "stage"}, {"bytes", ">size"});
 *     wn__columns_text(&table, stage->label);
 *     wn__columns_bytes(&table, stage->bytes);
 *     wn__answer_table(answer, "stages", &table);
 */
#ifndef WN_TOOL_ANSWER_H
#define WN_TOOL_ANSWER_H

#include "winnow/core.h"

/* ---- tables */

typedef struct wn__column {
    const char *key, *title; /* in JSON and CSV; over the column, NULL: not in text. A title that begins with '>' is aligned to the right */
} wn__column;

typedef struct wn__columns_cell wn__columns_cell;
typedef struct wn__columns {
    const wn__column *column; /* (columns) */
    int columns;
    wn__columns_cell *cells; /* (count), row by row */
    int count, capacity;
    bool failed; /* out of memory: later cells are left out, and the answer says so */
} wn__columns;

#define WN_COLUMNS(...)                                                                                                         \
    {                                                                                                                           \
        .column = (const wn__column[]){__VA_ARGS__}, .columns = (int)(sizeof((wn__column[]){__VA_ARGS__}) / sizeof(wn__column)) \
    }

void wn__columns_text(wn__columns *table, const char *text);              /* NULL: missing */
void wn__columns_whole(wn__columns *table, int64_t number);               /* 1234567 */
void wn__columns_count(wn__columns *table, int64_t number);               /* people read 1,234,567 */
void wn__columns_bytes(wn__columns *table, int64_t bytes);                /* ... 1.2 GB */
void wn__columns_seconds(wn__columns *table, double seconds);             /* ... 2 min 05 s; missing if negative or no number */
void wn__columns_shape(wn__columns *table, const int64_t *dim, int dims); /* 64x3x3x3; in JSON an array */
void wn__columns_yes(wn__columns *table, bool yes, const char *shown);    /* true or false; people read `shown` */
void wn__columns_missing(wn__columns *table, const char *shown);          /* null or empty; people read `shown` */
/* What people read comes from the format; missing if the value is no number. */
void wn__columns_real(wn__columns *table, double value, const char *format, ...) WN_PRINTF(3, 4);
/* A text of which people read another form. */
void wn__columns_shown(wn__columns *table, const char *text, const char *format, ...) WN_PRINTF(3, 4);
void wn__columns_release(wn__columns *table);

/* ---- answers */

typedef enum wn__answer_format { WN__ANSWER_TEXT, WN__ANSWER_JSON, WN__ANSWER_CSV } wn__answer_format;
typedef struct wn__answer wn__answer;

wn__answer *wn__answer_new(wn__answer_format format); /* NULL: out of memory */
wn__answer_format wn__answer_format_of(const wn__answer *answer);
/* Prints what is to be printed as a whole, an object without fields only if `always`; frees the answer. False: memory ran out on the way. */
bool wn__answer_end(wn__answer *answer, bool always);

void wn__answer_print(wn__answer *answer, const char *format, ...) WN_PRINTF(2, 3);

/* Fields of the object that is open; `key` is NULL in an array. Reals that are no numbers, and texts that are NULL, are null. */
void wn__answer_whole(wn__answer *answer, const char *key, int64_t number);
void wn__answer_real(wn__answer *answer, const char *key, double number);
void wn__answer_text(wn__answer *answer, const char *key, const char *text);
void wn__answer_yes(wn__answer *answer, const char *key, bool yes);
void wn__answer_json(wn__answer *answer, const char *key, const char *json); /* a value that is JSON */
/* An object '{' or an array '[' inside, until it is closed. */
void wn__answer_open(wn__answer *answer, const char *key, char bracket);
void wn__answer_close(wn__answer *answer);

/* The table, an array of objects by `key`; as CSV only the first of an answer; as text nothing if it has no rows. It is emptied. */
void wn__answer_table(wn__answer *answer, const char *key, wn__columns *table);
/* The same, each row an object in a line of its own in place of the one object. */
void wn__answer_lines(wn__answer *answer, wn__columns *table);
/* The same for rows that come one by one: they are printed at once, as CSV under one header. Nothing else is in the answer. */
void wn__answer_stream(wn__answer *answer, wn__columns *table);
/* What was made in the format asked for elsewhere, in place of the object. */
void wn__answer_ready(wn__answer *answer, const char *text);

/* "sparsity 90.00 %, density 0.1, compression 10x" of `nonzero` in `count`; into the caller's buffer, which is returned. */
char *wn__sparsity_three_ways(int64_t nonzero, int64_t count, char *text, size_t size);
/* "TITLE  sparsity 90.00 %, ... (1 of 10)", the title in `width` columns; as data `key`, of all, and `key`_nonzero. */
void wn__answer_nonzero(wn__answer *answer, int width, const char *title, const char *key, int64_t nonzero, int64_t all);

/* Columns on a terminal, as far as UTF-8 with one column per character goes. */
int wn__text_width(const char *text);

#endif
