/* Tables of text cells and how they are written: aligned text, CSV (RFC 4180), LaTeX (booktabs), HTML. Cells hold plain UTF-8; each
 * writer escapes what its format needs. */
#ifndef WN_REPORT_REPORT_TABLE_H
#define WN_REPORT_REPORT_TABLE_H

#include "base/text.h"

typedef struct wn__table_column {
    char *head;      /* owned */
    const char *key; /* its name in JSON, static; NULL: the head */
    bool number;     /* aligned to the right */
} wn__table_column;

typedef struct wn__table {
    const char *id; /* static; names it in HTML and LaTeX */
    char title[160];
    wn__text note;             /* shown below; may be empty */
    wn__table_column *columns; /* (column_count) */
    int column_count;
    char **cells; /* (cell_count) row by row, owned */
    char **exact; /* (cell_count) what CSV and JSON have in their place, owned; NULL: the same */
    bool *rules;  /* (rows) a line above this row */
    int cell_count, capacity;
    bool failed; /* out of memory: later additions are ignored; wn__table_status tells */
} wn__table;

void wn__table_name(wn__table *t, const char *id, const char *title, ...) WN_PRINTF(3, 4);
/* All columns come before the first cell; cells are added row by row. */
void wn__table_column_add(wn__table *t, bool number, const char *format, ...) WN_PRINTF(3, 4);
/* Columns of numbers. */
void wn__table_columns_add(wn__table *t, const char *const *heads, size_t count);
void wn__table_cell(wn__table *t, const char *format, ...) WN_PRINTF(2, 3);
/* `format` of the number for people, or "-" where it is not finite; CSV and JSON have all its digits, or an empty cell. */
void wn__table_number(wn__table *t, const char *format, double value);
/* What CSV and JSON have in place of the last cell: a number, or nothing where it is not finite; a text. */
void wn__table_exact_number(wn__table *t, double value);
void wn__table_exact_text(wn__table *t, const char *text);
/* The last column's name in JSON. */
void wn__table_key(wn__table *t, const char *key);
void wn__table_rule(wn__table *t); /* a line above the row that begins now; above the first row it is ignored */
int wn__table_rows(const wn__table *t);
wn_status wn__table_status(const wn__table *t);
void wn__table_release(wn__table *t); /* accepts a zeroed table */

void wn__table_text(const wn__table *t, wn__text *out);
void wn__table_csv(const wn__table *t, wn__text *out);
void wn__table_json(const wn__table *t, wn__text *out); /* an array of objects by keys; numbers bare, empty cells null */
void wn__table_latex(const wn__table *t, wn__text *out);
void wn__table_html(const wn__table *t, wn__text *out);

/* Text with the characters escaped that have a meaning in the format. */
void wn__add_html(wn__text *out, const char *text);
void wn__add_latex(wn__text *out, const char *text);

#endif
